/**
 * The reduce family alone against hand-written `Map` programs on the same data: W1 (count and sum
 * by zipf key), W3 and W3Z (max by group under deletes), W4 (distinct after the filter). Both sides
 * have every changed row after each batch of 1,000 events. Rounds alternate in one process; events
 * per CPU second, median of the rounds; results are checked.
 */
import { DistinctOperator } from '../dataflow/operators/distinct.ts';
import type { Context, Operator } from '../dataflow/operators/operator.ts';
import { ReduceOperator } from '../dataflow/operators/reduce.ts';
import type { Aggregate, Node } from '../dataflow/plan/plan.ts';
import type { Batch } from '../dataflow/value/batch.ts';
import { BatchWriter } from '../dataflow/value/batch-writer.ts';
import { rowsFromBatch } from '../dataflow/value/datum-column.ts';
import { SlabPool } from '../dataflow/value/slab.ts';
import type { ColumnType } from '../dataflow/value/type.ts';
import programs from './map-baseline.mjs';
import { cpuMilliseconds, figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { BATCH, category, compare, expected, gen } from './workloads.mjs';
import type { Data } from './workloads.mjs';

type Workload = 'W1' | 'W3' | 'W3Z' | 'W4';

/** Writes one row. */
type Put = (key: number, value: number, weight: number) => void;

const int4: ColumnType = { type: 'int4', nullable: false };
const pair = [int4, int4];

function aggregate(fn: Aggregate['fn'], type: Aggregate['type']): Aggregate {
  return {
    fn,
    argument: fn === 'count' ? -1 : 1,
    argument2: -1,
    argumentType: 'int4',
    filter: -1,
    distinct: false,
    order: [],
    type,
  };
}

function reduce(pool: SlabPool, aggregates: readonly Aggregate[]): Operator {
  const columns = [int4, ...aggregates.map(({ type, fn }) => ({ type, nullable: fn !== 'count' }))];
  const node: Extract<Node, { kind: 'reduce' }> = {
    kind: 'reduce',
    input: 0,
    key: [0],
    aggregates,
    columns,
  };
  return new ReduceOperator(node, pair, pool);
}

function makeOperator(workload: Workload, pool: SlabPool): Operator {
  switch (workload) {
    case 'W1':
      return reduce(pool, [aggregate('count', 'int8'), aggregate('sum', 'int8')]);
    case 'W3':
    case 'W3Z':
      return reduce(pool, [aggregate('max', 'int4')]);
    case 'W4':
      return new DistinctOperator(pair, pool);
  }
}

/** The rows of batch `b`, as a decoder and a filter would give them. */
function fill(workload: Workload, data: Data, b: number, put: Put): void {
  const at = (values: Int32Array, i: number): number => values[i] ?? 0;
  switch (workload) {
    case 'W1':
      for (let i = b * BATCH; i < (b + 1) * BATCH; i++) put(at(data.k, i), at(data.v, i), 1);
      return;
    case 'W3':
    case 'W3Z':
      for (let i = b * data.NI; i < (b + 1) * data.NI; i++)
        put(at(data.auction, i), at(data.price, i), 1);
      for (let i = b * data.ND; i < (b + 1) * data.ND; i++) {
        const bid = at(data.del, i);
        if (bid >= 0) put(at(data.auction, bid), at(data.price, bid), -1);
      }
      return;
    case 'W4':
      for (let i = b * BATCH; i < (b + 1) * BATCH; i++) {
        if (data.kind[i] !== 3 && at(data.amount, i) >= 2000)
          put(at(data.user, i), category(at(data.item, i)), 1);
      }
  }
}

/**
 * Runs all batches; answers CPU milliseconds, and folds all output into `result` if that is given.
 */
function runOperator(
  workload: Workload,
  data: Data,
  batches: number,
  result: Map<string, string> | null,
): number {
  const pool = new SlabPool();
  const operator = makeOperator(workload, pool);
  const writer = new BatchWriter(pool, pair);
  const emit = (batch: Batch): void => {
    if (result !== null) fold(workload, batch, operator.columns, result);
    batch.slab.release();
  };
  const fail = (): void => {
    throw new Error('no row fails');
  };
  const start = cpuMilliseconds();
  for (let b = 0; b < batches; b++) {
    writer.begin(BATCH, 0);
    const { i32 } = writer.slab;
    const [key = 0, value = 0] = writer.column;
    let rows = 0;
    fill(workload, data, b, (k, v, weight) => {
      i32[key + rows] = k;
      i32[value + rows] = v;
      i32[writer.weight + rows++] = weight;
    });
    const batch = writer.seal(b + 1, rows);
    const context: Context = { step: b + 1, pool, fuel: { spend: () => true }, emit, fail };
    operator.push(0, batch, context);
    operator.finish(context);
    batch.slab.release();
  }
  const used = cpuMilliseconds() - start;
  operator.dispose();
  return used;
}

function fold(
  workload: Workload,
  batch: Batch,
  columns: readonly ColumnType[],
  result: Map<string, string>,
): void {
  for (const { row, weight } of rowsFromBatch(batch, columns)) {
    const key = workload === 'W4' ? row.join('|') : String(row[0]);
    const value = workload === 'W4' ? '1' : row.slice(1).join();
    if (weight > 0) result.set(key, value);
    else if (result.get(key) === value) result.delete(key);
  }
}

function runProgram(workload: Workload, data: Data, batches: number): number {
  const program = programs[workload === 'W3Z' ? 'W3' : workload](data);
  const start = cpuMilliseconds();
  for (let b = 0; b < batches; b++) program.batch(b);
  return cpuMilliseconds() - start;
}

function measure(workload: Workload, batchesMax: number, rounds: number): Figure {
  const data = gen(workload);
  const batches = Math.min(data.batches, batchesMax);
  const result = new Map<string, string>();
  runOperator(workload, data, batches, result);
  const check = compare(result, expected(workload, data, batches));
  if (!check.ok) throw new Error(`${workload} is wrong: ${check.example}`);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push((batches * BATCH) / runOperator(workload, data, batches, null) / 1000);
    theirs.push((batches * BATCH) / runProgram(workload, data, batches) / 1000);
  }
  const target = workload === 'W1' ? 1.85 : 1;
  return figure(
    `${workload}, operator alone`,
    median(ours),
    median(theirs),
    'M events per CPU s',
    target,
  );
}

/** Runs the benchmark. */
export function run(options: { readonly quick: boolean }): Promise<readonly Figure[]> {
  const [batches, rounds] = options.quick ? [100, 1] : [Infinity, 5];
  const workloads = ['W1', 'W3', 'W3Z', 'W4'] as const;
  return Promise.resolve(workloads.map((workload) => measure(workload, batches, rounds)));
}
