/**
 * Measures an arrangement against a JavaScript `Map` of objects in the same run: insert, update
 * (delete and insert of one key), probe in millions of rows a second; bytes a row; the longest
 * apply of 1,000 rows while growing; and the cost of a one-row change at every size.
 *
 *     node bench/arrangement.ts [rows ...]        default: 100000 1000000; nomap: without Map
 *
 * Schema (a): int8 key and three int8 (32 raw bytes). Schema (b): text(16) key, text(40), int8,
 * numeric (72 raw bytes). Rows come in batches of 1,000; updates hit random keys. Times are CPU
 * time of the thread.
 */
import { makePairs, startPosition, rewind } from '../dataflow/arrangement/pairs.ts';
import { RegionPool } from '../dataflow/arrangement/region.ts';
import { StoreArrangement } from '../dataflow/arrangement/store-arrangement.ts';
import type { Batch } from '../dataflow/value/batch.ts';
import { BatchWriter } from '../dataflow/value/batch-writer.ts';
import { SlabPool } from '../dataflow/value/slab.ts';
import { Random } from '../test/support/random.ts';
import type { Schema } from './support/arranged-rows.ts';
import { batchOf, schemas } from './support/arranged-rows.ts';

const batchRows = 1_000;
const slabs = new SlabPool();

function millions(rows: number, milliseconds: number): string {
  return (rows / milliseconds / 1_000).toFixed(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** CPU time of this thread: a busy machine does not count. */
function cpuMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

class Run {
  readonly schema: Schema;
  readonly rows: number;
  readonly random = new Random(7);
  readonly memory = new RegionPool();
  readonly arrangement: StoreArrangement;
  readonly writer: BatchWriter;
  readonly versions: Int32Array;
  step = 0;
  spent = 0;
  longest = 0;

  constructor(schema: Schema, rows: number) {
    this.schema = schema;
    this.rows = rows;
    this.arrangement = new StoreArrangement(this.memory, schema.columns);
    this.arrangement.index([0]);
    this.writer = new BatchWriter(slabs, schema.columns);
    this.versions = new Int32Array(rows);
  }

  apply(batch: Batch): void {
    const start = cpuMilliseconds();
    const wall = performance.now();
    this.step++;
    this.arrangement.apply(this.step, batch);
    this.arrangement.seal(this.step);
    const took = cpuMilliseconds() - start;
    this.spent += took;
    // The less of the two: the CPU clock may be coarse, the wall clock counts what others did.
    const alone = took === 0 ? 0 : Math.min(took, performance.now() - wall);
    this.longest = Math.max(this.longest, alone);
    batch.slab.release();
  }

  insertAll(): void {
    for (let from = 0; from < this.rows; from += batchRows) {
      const n = Math.min(batchRows, this.rows - from);
      this.apply(batchOf(this.schema, this.writer, n, (r) => [from + r, 0, 1]));
    }
  }

  /** `n` updates, in batches of `size` changes. */
  update(n: number, size: number): void {
    for (let done = 0; done < n; done += size / 2) {
      const keys = Array.from({ length: size / 2 }, () => this.random.below(this.rows));
      this.apply(
        batchOf(this.schema, this.writer, size, (r) => {
          const key = keys[r >> 1];
          if (r % 2 === 0) return [key, this.versions[key], -1];
          return [key, ++this.versions[key], 1];
        }),
      );
    }
  }

  probe(n: number): number {
    const pairs = makePairs(4_096);
    const position = startPosition();
    let found = 0;
    for (let done = 0; done < n; done += batchRows) {
      const keys = batchOf(this.schema, this.writer, batchRows, () => [
        this.random.below(this.rows),
        0,
        1,
      ]);
      const start = cpuMilliseconds();
      rewind(position);
      pairs.n = 0;
      this.arrangement.probe(0, keys, [0], false, this.arrangement.complete, position, pairs);
      found += pairs.n;
      this.spent += cpuMilliseconds() - start;
      keys.slab.release();
    }
    return found;
  }

  /** Resets the clock; answers what it said. */
  take(): { spent: number; longest: number } {
    const { spent, longest } = this;
    this.spent = 0;
    this.longest = 0;
    return { spent, longest };
  }
}

function measure(schema: Schema, rows: number): void {
  const run = new Run(schema, rows);
  run.insertAll();
  const insert = run.take();
  const bytes = run.arrangement.bytes() / rows;
  const updates = Math.min(rows, 1_000_000);
  run.update(updates, batchRows);
  const update = run.take();
  const found = run.probe(updates);
  const probe = run.take();
  if (found < updates) throw new Error(`probes found ${found} of ${updates}`);
  run.update(2_000, 2);
  run.take();
  run.update(2_000, 2);
  const single = run.take();
  print(
    [
      `${schema.name} ${rows}:`,
      `insert ${millions(rows, insert.spent)}`,
      `update ${millions(updates, update.spent)}`,
      `probe ${millions(updates, probe.spent)}`,
      `M/s; ${bytes.toFixed(1)} bytes a row = ${(bytes / schema.rawBytes).toFixed(2)} x raw,`,
      `${(run.arrangement.bytes() / rows).toFixed(1)} after updates;`,
      `longest of 1,000 rows: insert ${insert.longest.toFixed(1)}, update ${update.longest.toFixed(1)} ms;`,
      `one-row update ${((single.spent / 2_000) * 1_000).toFixed(1)} µs`,
    ].join(' '),
  );
  measureReads(run);
  run.arrangement.dispose();
  run.writer.close();
}

/** Reads of everything: a scan, changes with gather, and a second index built over the rows. */
function measureReads(run: Run): void {
  const { arrangement, schema, rows } = run;
  const pairs = makePairs(4_096);
  const position = startPosition();
  let start = cpuMilliseconds();
  let scanned = 0;
  for (let done = false; !done; pairs.n = 0) {
    done = arrangement.scan(arrangement.complete, position, pairs);
    scanned += pairs.n;
  }
  const scan = cpuMilliseconds() - start;
  const hold = arrangement.hold(arrangement.complete);
  run.update(100_000, batchRows);
  const columns = schema.columns.map((_, c) => c);
  const writer = new BatchWriter(slabs, schema.columns);
  rewind(position);
  start = cpuMilliseconds();
  let changed = 0;
  for (let done = false; !done; pairs.n = 0) {
    done = arrangement.changes(hold.step, arrangement.complete, position, pairs);
    writer.begin(pairs.n, arrangement.varWordsOf(pairs.address, 0, pairs.n, columns));
    arrangement.gather(pairs.address, 0, pairs.n, columns, writer, 0);
    writer.seal(0, pairs.n).slab.release();
    changed += pairs.n;
  }
  const changes = cpuMilliseconds() - start;
  hold.release();
  writer.close();
  start = cpuMilliseconds();
  const index = arrangement.index([2]);
  while (!arrangement.buildIndex(index, 4_096));
  const build = cpuMilliseconds() - start;
  print(
    `${schema.name} ${rows}: scan ${millions(scanned, scan)}, changes and gather ` +
      `${millions(changed, changes)}, index built ${millions(rows, build)} M rows/s, ` +
      `two indexes ${(arrangement.bytes() / rows).toFixed(1)} bytes a row`,
  );
}

function measureMap(schema: Schema, rows: number): void {
  const random = new Random(7);
  const map = new Map<string | number, object>();
  const keys = Array.from({ length: rows }, (_, key) => schema.object(key, 0).key);
  let start = cpuMilliseconds();
  for (let key = 0; key < rows; key++) map.set(keys[key], schema.object(key, 0));
  const insert = cpuMilliseconds() - start;
  const updates = Math.min(rows, 1_000_000);
  start = cpuMilliseconds();
  for (let k = 0; k < updates; k++) {
    const key = random.below(rows);
    map.delete(keys[key]);
    map.set(keys[key], schema.object(key, k));
  }
  const update = cpuMilliseconds() - start;
  start = cpuMilliseconds();
  let found = 0;
  for (let k = 0; k < updates; k++) if (map.has(keys[random.below(rows)])) found++;
  const probe = cpuMilliseconds() - start;
  print(
    `${schema.name} ${rows}: Map: insert ${millions(rows, insert)} update ` +
      `${millions(updates, update)} probe ${millions(found, probe)} M/s`,
  );
}

const sizes = process.argv
  .slice(2)
  .map(Number)
  .filter((rows) => rows > 0);
for (const rows of sizes.length > 0 ? sizes : [100_000, 1_000_000]) {
  for (const schema of schemas) {
    measure(schema, rows);
    if (!process.argv.includes('nomap')) measureMap(schema, rows);
  }
}
