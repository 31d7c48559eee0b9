/**
 * `views`: the workloads W1 to W4 and W3Z kept up to date from SQL text, against the hand-written
 * Map programs on the same events. Both sides produce the changed rows after every batch of 1,000
 * events; rounds alternate in one process; rows per CPU second, median of the rounds; results are
 * checked.
 */
import baseline from './map-baseline.mjs';
import { BATCH, compare, expected, gen, KINDS, REGIONS } from './workloads.mjs';
import type { Batch } from '../dataflow/value/batch.ts';
import type { BatchWriter } from '../dataflow/value/batch-writer.ts';
import type { Row } from '../dataflow/value/datum.ts';
import type { BenchOptions } from './run.ts';
import { cpuMilliseconds, figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { SqlEngine } from './support/sql-engine.ts';

type Workload = 'W1' | 'W2' | 'W3' | 'W3Z' | 'W4';
type Fill = (row: number) => void;

const encoder = new TextEncoder();

/** Text constants as words, to be copied row by row as a decoder would. */
class Texts {
  readonly #words: Int32Array[];
  readonly #bytes: number[];

  constructor(texts: readonly string[]) {
    this.#bytes = texts.map((text) => encoder.encode(text).length);
    this.#words = texts.map((text) => {
      const padded = new Uint8Array((encoder.encode(text).length + 3) & ~3);
      padded.set(encoder.encode(text));
      return new Int32Array(padded.buffer);
    });
  }

  write(writer: BatchWriter, column: number, row: number, index: number): void {
    const words = this.#words[index] ?? new Int32Array(0);
    const at = writer.takeVar(words.length);
    const { i32 } = writer.slab;
    for (let w = 0; w < words.length; w++) i32[at + w] = words[w] ?? 0;
    const pair = (writer.column[column] ?? 0) + 2 * row;
    i32[pair] = at;
    i32[pair + 1] = this.#bytes[index] ?? 0;
  }
}

const regions = new Texts(REGIONS);
const kinds = new Texts(KINDS);

/** Writes a batch: every column that may be NULL gets its null bytes, as from a decoder. */
function write(
  writer: BatchWriter,
  rows: number,
  varWords: number,
  fill: (writer: BatchWriter) => Fill,
  weight: (row: number) => number = () => 1,
): Batch {
  writer.begin(rows, varWords);
  const { slab } = writer;
  for (const at of writer.nulls) if (at >= 0) slab.u8.fill(0, at, at + rows);
  const each = fill(writer);
  for (let row = 0; row < rows; row++) {
    each(row);
    slab.i32[writer.weight + row] = weight(row);
  }
  return writer.seal(0, rows);
}

/** An int8 column filled from 32-bit numbers: two words, no BigInt. */
function int8(writer: BatchWriter, column: number): (row: number, value: number) => void {
  const { i32 } = writer.slab;
  const at = writer.column[column] ?? 0;
  return (row, value) => {
    i32[at + 2 * row] = value;
    i32[at + 2 * row + 1] = value >> 31;
  };
}

interface Program {
  readonly tables: string;
  readonly view: string;
  /** Makes the function that feeds batch `b`; called once after the view exists. */
  feed(engine: SqlEngine, data: ReturnType<typeof gen>): (b: number) => void;
  /** A row of the view as the key and value of `expected`. */
  entry(row: Row): readonly [string, string];
}

const connection = "CREATE CONNECTION k TO KAFKA (BROKER 'localhost:1');";

const w1: Program = {
  tables: `${connection} CREATE SOURCE events (k int8, v int8) FROM KAFKA CONNECTION k (TOPIC 't') FORMAT JSON`,
  view: 'SELECT k, count(*) AS n, sum(v) AS s FROM events GROUP BY k',
  entry: (row) => [String(row[0]), `${text(row[1])},${text(row[2])}`],
  feed(engine, d) {
    const writer = engine.writer('events');
    const collection = engine.collection('events');
    return (b) => {
      const first = b * BATCH;
      engine.step([
        [
          collection,
          write(writer, BATCH, 0, (w) => {
            const k = int8(w, 0);
            const v = int8(w, 1);
            return (r) => {
              k(r, d.k[first + r] ?? 0);
              v(r, d.v[first + r] ?? 0);
            };
          }),
        ],
      ]);
    };
  },
};

const w2: Program = {
  tables: `${connection} CREATE SOURCE orders (id int8, customer int8, amount int8) FROM KAFKA CONNECTION k (TOPIC 't') FORMAT JSON;
    CREATE TABLE customers (id int8, region text)`,
  view: 'SELECT c.region, count(*) AS n, sum(o.amount) AS s FROM orders o JOIN customers c ON o.customer = c.id GROUP BY c.region',
  entry: (row) => [String(row[0]), `${text(row[1])},${text(row[2])}`],
  feed(engine, d) {
    const orders = engine.writer('orders');
    const customers = engine.writer('customers');
    const ids = [engine.collection('orders'), engine.collection('customers')] as const;
    for (let from = 0; from < d.nc; from += BATCH) {
      engine.step([
        [
          ids[1],
          write(customers, BATCH, 4 * BATCH, (w) => {
            const id = int8(w, 0);
            return (r) => {
              id(r, from + r);
              regions.write(w, 1, r, d.creg[from + r] ?? 0);
            };
          }),
        ],
      ]);
    }
    return (b) => {
      const first = b * BATCH;
      const rows = write(orders, BATCH, 0, (w) => {
        const columns = [int8(w, 0), int8(w, 1), int8(w, 2)] as const;
        return (r) => {
          columns[0](r, first + r);
          columns[1](r, d.cust[first + r] ?? 0);
          columns[2](r, d.amt[first + r] ?? 0);
        };
      });
      const updates = write(
        customers,
        2 * d.UPD,
        8 * d.UPD,
        (w) => {
          const id = int8(w, 0);
          return (r) => {
            const i = b * d.UPD + (r >> 1);
            id(r, d.uc[i] ?? 0);
            regions.write(w, 1, r, (r & 1) === 0 ? (d.uOld[i] ?? 0) : (d.uNew[i] ?? 0));
          };
        },
        (r) => ((r & 1) === 0 ? -1 : 1),
      );
      engine.step([
        [ids[0], rows],
        [ids[1], updates],
      ]);
    };
  },
};

const w3: Program = {
  tables: 'CREATE TABLE bids (id int8, auction int8, price int8)',
  view: 'SELECT auction, max(price) AS price FROM bids GROUP BY auction',
  entry: (row) => [String(row[0]), text(row[1])],
  feed(engine, d) {
    const writer = engine.writer('bids');
    const collection = engine.collection('bids');
    return (b) => {
      const gone: number[] = [];
      for (let i = b * d.ND; i < (b + 1) * d.ND; i++)
        if ((d.del[i] ?? -1) >= 0) gone.push(d.del[i] ?? 0);
      const fill = (w: BatchWriter): Fill => {
        const columns = [int8(w, 0), int8(w, 1), int8(w, 2)] as const;
        return (r) => {
          const id = r < d.NI ? b * d.NI + r : (gone[r - d.NI] ?? 0);
          columns[0](r, id);
          columns[1](r, d.auction[id] ?? 0);
          columns[2](r, d.price[id] ?? 0);
        };
      };
      engine.step([
        [collection, write(writer, d.NI + gone.length, 0, fill, (r) => (r < d.NI ? 1 : -1))],
      ]);
    };
  },
};

const w4: Program = {
  tables: `${connection} CREATE SOURCE events ("user" int8, item int8, kind text, amount int8) FROM KAFKA CONNECTION k (TOPIC 't') FORMAT JSON`,
  view: `SELECT DISTINCT "user", item >> 6 AS category FROM events WHERE kind <> 'exit' AND amount >= 2000`,
  entry: (row) => [`${text(row[0])}|${text(row[1])}`, '1'],
  feed(engine, d) {
    const writer = engine.writer('events');
    const collection = engine.collection('events');
    return (b) => {
      const first = b * BATCH;
      engine.step([
        [
          collection,
          write(writer, BATCH, 4 * BATCH, (w) => {
            const columns = [int8(w, 0), int8(w, 1), int8(w, 3)] as const;
            return (r) => {
              columns[0](r, d.user[first + r] ?? 0);
              columns[1](r, d.item[first + r] ?? 0);
              kinds.write(w, 2, r, d.kind[first + r] ?? 0);
              columns[2](r, d.amount[first + r] ?? 0);
            };
          }),
        ],
      ]);
    };
  },
};

const programs: Readonly<Record<Workload, Program>> = { W1: w1, W2: w2, W3: w3, W3Z: w3, W4: w4 };

/** A value as `expected` spells it: decimals of scale 0 are plain integers. */
function text(value: Row[number] | undefined): string {
  if (value !== null && typeof value === 'object' && 'coefficient' in value)
    return String(value.coefficient);
  return String(value);
}

interface Measured {
  readonly rowsPerSecond: number;
  readonly result: Map<string, string>;
}

async function ours(
  workload: Workload,
  data: ReturnType<typeof gen>,
  batches: number,
): Promise<Measured> {
  const program = programs[workload];
  const engine = await SqlEngine.open();
  await engine.sql(`${program.tables}; CREATE MATERIALIZED VIEW view AS ${program.view}`);
  let changed = 0;
  await engine.subscribe('view', (batch) => {
    changed += batch.rows;
  });
  const feed = program.feed(engine, data);
  const before = cpuMilliseconds();
  let events = 0;
  for (let b = 0; b < batches; b++) {
    feed(b);
    events += data.events(b);
  }
  const spent = cpuMilliseconds() - before;
  if (changed === 0) throw new Error('no change was seen by the subscriber');
  const rows = await engine.rows('SELECT * FROM view');
  return {
    rowsPerSecond: (events / spent) * 1000,
    result: new Map(rows.map((row) => program.entry(row))),
  };
}

function theirs(workload: Workload, data: ReturnType<typeof gen>, batches: number): Measured {
  const program = baseline[workload === 'W3Z' ? 'W3' : workload](data);
  const before = cpuMilliseconds();
  let events = 0;
  for (let b = 0; b < batches; b++) {
    program.batch(b);
    events += data.events(b);
  }
  const spent = cpuMilliseconds() - before;
  return { rowsPerSecond: (events / spent) * 1000, result: program.result() };
}

function check(
  side: string,
  workload: Workload,
  measured: Measured,
  data: ReturnType<typeof gen>,
  batches: number,
): void {
  const verdict = compare(measured.result, expected(workload, data, batches));
  if (!verdict.ok)
    throw new Error(
      `${workload}: ${side} is wrong: ${verdict.example} (${verdict.wrong} wrong, ${verdict.extra} extra)`,
    );
}

export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const rounds = options.quick ? 1 : 3;
  for (const workload of ['W1', 'W2', 'W3', 'W3Z', 'W4'] as const) {
    if (options.parts.length > 0 && !options.parts.includes(workload)) continue;
    const data = gen(workload);
    const batches = options.quick ? 100 : data.batches;
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const map = theirs(workload, data, batches);
      const engine = await ours(workload, data, batches);
      check('the engine', workload, engine, data, batches);
      check('the Map program', workload, map, data, batches);
      rates[0].push(engine.rowsPerSecond);
      rates[1].push(map.rowsPerSecond);
    }
    figures.push(figure(workload, median(rates[0]), median(rates[1]), 'rows/CPU s', 0.5));
  }
  return figures;
}
