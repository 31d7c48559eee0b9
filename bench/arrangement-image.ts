/**
 * Measures the image of an arrangement: how fast its rows are copied, loaded and adopted, in
 * millions of rows and in MB of pieces a second, the longest slice of each, and what a patch takes
 * after some updates.
 *
 *     node bench/arrangement-image.ts [rows ...]        default: 1000000
 *
 * Pieces are of 1 MiB, slices of 4,096 rows; one index. Times are CPU time of the thread.
 */
import { RegionPool } from '../dataflow/arrangement/region.ts';
import { StoreArrangement } from '../dataflow/arrangement/store-arrangement.ts';
import { BatchWriter } from '../dataflow/value/batch-writer.ts';
import { SlabPool } from '../dataflow/value/slab.ts';
import { Random } from '../test/support/random.ts';
import type { Schema } from './support/arranged-rows.ts';
import { batchOf, schemas } from './support/arranged-rows.ts';

const batchRows = 1_000;
const sliceRows = 4_096;
const pieceWords = 2 ** 18;
const slabs = new SlabPool();

/** Times the slices of one kind of work. */
class Clock {
  spent = 0;
  longest = 0;
  slices = 0;

  time<T>(call: () => T): T {
    const { user, system } = process.threadCpuUsage();
    const wall = performance.now();
    const result = call();
    const lasted = performance.now() - wall;
    const after = process.threadCpuUsage();
    const took = (after.user + after.system - user - system) / 1_000;
    // The less of the two: the CPU clock may be coarse, the wall clock counts what others did.
    this.longest = Math.max(this.longest, Math.min(took, lasted));
    this.spent += took;
    this.slices++;
    return result;
  }

  text(rows: number, bytes: number): string {
    const millions = (rows / this.spent / 1_000).toFixed(1);
    const megabytes = (bytes / this.spent / 1_000).toFixed(0);
    return (
      `${this.spent.toFixed(0)} ms = ${millions} M rows/s = ${megabytes} MB/s, ` +
      `longest of ${this.slices} slices ${this.longest.toFixed(1)} ms`
    );
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function copied(arrangement: StoreArrangement, clock: Clock): Int32Array[] {
  const out = new Int32Array(pieceWords);
  const pieces: Int32Array[] = [];
  clock.time(() => {
    arrangement.image.pin(arrangement.complete);
  });
  for (;;) {
    const words = clock.time(() => arrangement.image.copy(out));
    if (words === 0) break;
    pieces.push(out.slice(0, words));
  }
  return pieces;
}

function bytesOf(pieces: readonly Int32Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
}

function measure(schema: Schema, rows: number): void {
  const random = new Random(7);
  const arrangement = new StoreArrangement(new RegionPool(), schema.columns);
  arrangement.index([0]);
  const writer = new BatchWriter(slabs, schema.columns);
  let step = 0;
  const apply = (n: number, at: (r: number) => readonly [number, number, number]): void => {
    const batch = batchOf(schema, writer, n, at);
    arrangement.apply(++step, batch);
    arrangement.seal(step);
    batch.slab.release();
  };
  for (let from = 0; from < rows; from += batchRows) {
    apply(batchRows, (r) => [from + r, 0, 1]);
  }
  const name = `${schema.name} ${rows}:`;
  const copy = new Clock();
  arrangement.image.start();
  const pieces = copied(arrangement, copy);
  const bytes = bytesOf(pieces);
  print(`${name} copy ${copy.text(rows, bytes)}; ${(bytes / rows).toFixed(1)} bytes a row`);
  const saved = arrangement.image.save();
  arrangement.image.unpin();
  load(schema, rows, step, pieces, saved, name);
  for (const updates of [1_000, 100_000]) {
    for (let done = 0; done < updates; done += batchRows / 2) {
      const keys = Array.from({ length: batchRows / 2 }, () => random.below(rows));
      apply(batchRows, (r) => [keys[r >> 1], 0, r % 2 === 0 ? -1 : 1]);
    }
    const patch = new Clock();
    const taken = bytesOf(copied(arrangement, patch));
    arrangement.image.unpin();
    print(
      `${name} patch after ${updates} updates: ${(taken / 1e6).toFixed(1)} of ` +
        `${(bytes / 1e6).toFixed(1)} MB in ${patch.spent.toFixed(0)} ms`,
    );
  }
  arrangement.dispose();
  writer.close();
}

function load(
  schema: Schema,
  rows: number,
  step: number,
  pieces: readonly Int32Array[],
  saved: Parameters<StoreArrangement['image']['restore']>[0],
  name: string,
): void {
  for (let k = 0; k < 3; k++) {
    const arrangement = new StoreArrangement(new RegionPool(), schema.columns);
    arrangement.index([0]);
    arrangement.image.restore(saved);
    const loading = new Clock();
    for (const piece of pieces) {
      loading.time(() => {
        arrangement.image.load(piece);
      });
    }
    const adopting = new Clock();
    while (!adopting.time(() => arrangement.image.adopt(step, sliceRows)));
    while (!adopting.time(() => arrangement.image.index(sliceRows)));
    if (arrangement.rows !== rows) throw new Error(`${arrangement.rows} rows were loaded`);
    print(`${name} load ${loading.text(rows, bytesOf(pieces))}`);
    print(`${name} adopt ${adopting.text(rows, bytesOf(pieces))}`);
    loading.spent += adopting.spent;
    print(`${name} both ${loading.text(rows, bytesOf(pieces))}`);
    print(`${name} ${(arrangement.bytes() / rows).toFixed(1)} bytes a row in memory`);
    arrangement.dispose();
  }
}

const sizes = process.argv
  .slice(2)
  .map(Number)
  .filter((rows) => rows > 0);
for (const rows of sizes.length > 0 ? sizes : [1_000_000]) {
  for (const schema of schemas) measure(schema, rows);
}
