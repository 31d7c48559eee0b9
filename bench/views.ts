/**
 * `views`: the workloads W1 to W4 and W3Z kept up to date from SQL text, against the hand-written
 * Map programs on the same events. Both sides produce the changed rows after every batch of 1,000
 * events; rounds alternate in one process; rows per CPU second, median of the rounds; results are
 * checked. The first round of both sides is not counted: half of its time goes into compiling, of
 * which the larger part is the SQL parser's, on other threads.
 */
import baseline from './map-baseline.mjs';
import { BATCH, compare, expected, gen, KINDS, REGIONS } from './workloads.mjs';
import type { BatchWriter } from '../dataflow/value/batch-writer.ts';
import type { Row } from '../dataflow/value/datum.ts';
import type { BenchOptions } from './run.ts';
import { cpuMilliseconds, figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import type { Fill } from './support/rows.ts';
import { Texts, int8Column, writeBatch } from './support/rows.ts';
import { SqlEngine } from './support/sql-engine.ts';

type Workload = 'W1' | 'W2' | 'W3' | 'W3Z' | 'W4';

const regions = new Texts(REGIONS);
const kinds = new Texts(KINDS);

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
          writeBatch(writer, BATCH, 0, (w) => {
            const k = int8Column(w, 0);
            const v = int8Column(w, 1);
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
          writeBatch(customers, BATCH, 4 * BATCH, (w) => {
            const id = int8Column(w, 0);
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
      const rows = writeBatch(orders, BATCH, 0, (w) => {
        const columns = [int8Column(w, 0), int8Column(w, 1), int8Column(w, 2)] as const;
        return (r) => {
          columns[0](r, first + r);
          columns[1](r, d.cust[first + r] ?? 0);
          columns[2](r, d.amt[first + r] ?? 0);
        };
      });
      const updates = writeBatch(
        customers,
        2 * d.UPD,
        8 * d.UPD,
        (w) => {
          const id = int8Column(w, 0);
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
        const columns = [int8Column(w, 0), int8Column(w, 1), int8Column(w, 2)] as const;
        return (r) => {
          const id = r < d.NI ? b * d.NI + r : (gone[r - d.NI] ?? 0);
          columns[0](r, id);
          columns[1](r, d.auction[id] ?? 0);
          columns[2](r, d.price[id] ?? 0);
        };
      };
      engine.step([
        [collection, writeBatch(writer, d.NI + gone.length, 0, fill, (r) => (r < d.NI ? 1 : -1))],
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
          writeBatch(writer, BATCH, 4 * BATCH, (w) => {
            const columns = [int8Column(w, 0), int8Column(w, 1), int8Column(w, 3)] as const;
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
  wanted: ReturnType<typeof expected>,
): void {
  const verdict = compare(measured.result, wanted);
  if (!verdict.ok)
    throw new Error(
      `${workload}: ${side} is wrong: ${verdict.example} (${verdict.wrong} wrong, ${verdict.extra} extra)`,
    );
}

export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const rounds = options.quick ? 1 : 5;
  for (const workload of ['W1', 'W2', 'W3', 'W3Z', 'W4'] as const) {
    if (options.parts.length > 0 && !options.parts.includes(workload)) continue;
    const data = gen(workload);
    const batches = options.quick ? 100 : data.batches;
    const wanted = expected(workload, data, batches);
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round <= rounds; round++) {
      const map = theirs(workload, data, batches);
      const engine = await ours(workload, data, batches);
      check('the engine', workload, engine, wanted);
      check('the Map program', workload, map, wanted);
      if (round === 0) continue;
      rates[0].push(engine.rowsPerSecond);
      rates[1].push(map.rowsPerSecond);
    }
    figures.push(figure(workload, median(rates[0]), median(rates[1]), 'rows/CPU s', 0.5));
  }
  return figures;
}
