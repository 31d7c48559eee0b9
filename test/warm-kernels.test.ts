/**
 * Goal: the law that a warm kernel allocates nothing for a row. Method: operators take the same
 * batch again and again; once they are warm the heap is looked at before and after some rounds,
 * fewer than would fill the young generation. One number on the heap for each row would be 12 bytes
 * a row; what a batch and its chunks cost is far less than one.
 */
import { getHeapStatistics } from 'node:v8';
import { expect, it } from 'vitest';
import type { Context, Operator } from '../dataflow/operators/operator.ts';
import { DistinctOperator } from '../dataflow/operators/distinct.ts';
import { ReduceOperator } from '../dataflow/operators/reduce.ts';
import type { Aggregate } from '../dataflow/plan/plan.ts';
import { batchFromRows } from '../dataflow/value/datum-column.ts';
import type { Update } from '../dataflow/value/datum.ts';
import { SlabPool } from '../dataflow/value/slab.ts';
import type { ColumnType } from '../dataflow/value/type.ts';

const columns: readonly ColumnType[] = [
  { type: 'int4', nullable: false },
  { type: 'int8', nullable: false },
  { type: 'text', nullable: false },
];
const rowCount = 4_096;
const warmRounds = 300;
const measuredRounds = 20;
const bytesPerRowMax = 4;
const pool = new SlabPool();

const sum: Aggregate = {
  fn: 'sum',
  argument: 1,
  argument2: -1,
  argumentType: 'int8',
  filter: -1,
  distinct: false,
  order: [],
  type: 'numeric',
};

const reduce = new ReduceOperator(
  {
    kind: 'reduce',
    input: 0,
    key: [2],
    aggregates: [sum, { ...sum, fn: 'count', type: 'int8' }],
    columns: [
      { type: 'text', nullable: false },
      { type: 'numeric', nullable: true },
      { type: 'int8', nullable: true },
    ],
  },
  columns,
  pool,
);

const context: Context = {
  step: 1,
  pool,
  fuel: { spend: () => true },
  emit: (batch) => {
    batch.slab.release();
  },
  fail: () => undefined,
};

it.each<[string, Operator]>([
  ['reduce', reduce],
  ['distinct', new DistinctOperator(columns, pool)],
])('%s allocates nothing for a row', (_, operator) => {
  const updates = Array.from({ length: rowCount }, (_unused, k): Update => {
    return { row: [k % 100, BigInt(k % 1000), `key ${k % 500}`], weight: 1 };
  });
  const batch = batchFromRows(pool, columns, updates, 1);
  for (let round = 0; round < warmRounds; round++) operator.push(0, batch, context);
  const grown: number[] = [];
  for (let sample = 0; sample < 15; sample++) {
    const before = getHeapStatistics().used_heap_size;
    for (let round = 0; round < measuredRounds; round++) operator.push(0, batch, context);
    grown.push(getHeapStatistics().used_heap_size - before);
  }
  // A collection in between makes a sample negative, a compilation makes it large.
  const usual = grown.sort((a, b) => a - b)[7] ?? Infinity;
  expect(usual).toBeLessThan(bytesPerRowMax * measuredRounds * rowCount);
  batch.slab.release();
  operator.dispose();
});
