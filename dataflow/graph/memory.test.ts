/**
 * Goal: a request that needs more memory than there is ends with SQLSTATE 53200, and the engine
 * goes on. Method: regions of 32 MiB, a query whose answer is larger, and a step after it.
 */
import { expect, test } from 'vitest';
import type { Plan } from '../plan/plan.ts';
import { batchFromRows } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import type { Response } from './command.ts';
import { Engine } from './engine.ts';

const column: ColumnType = { type: 'int8', nullable: false };

/** Every pair of rows of the table. */
const pairs: Plan = {
  nodes: [
    { kind: 'get', collection: 1, demand: [0], columns: [column] },
    { kind: 'get', collection: 1, demand: [0], columns: [column] },
    {
      kind: 'join',
      left: 0,
      right: 1,
      leftKey: [],
      rightKey: [],
      nullsEqual: false,
      residual: null,
      columns: [column, column],
    },
  ],
  root: 2,
};

test('a query that needs too much memory fails alone', () => {
  const responses: Response[] = [];
  const engine = new Engine({
    respond: (response) => responses.push(response),
    now: () => 0,
    regionWords: 2 ** 23,
  });
  engine.command({ kind: 'createCollection', collection: 1, columns: [column], stored: true });
  let step = 0;
  const insert = (from: number, rows: number): void => {
    const updates = Array.from({ length: rows }, (_, k) => ({
      row: [BigInt(from + k)],
      weight: 1,
    }));
    engine.input(1, batchFromRows(engine.pool, [column], updates, 0), null);
    engine.command({ kind: 'step', step: ++step, time: step, inputs: [] });
    while (engine.run(1));
  };
  const ask = (request: number): void => {
    engine.command({
      kind: 'createDataflow',
      dataflow: request,
      plan: pairs,
      asOf: step,
      sink: {
        kind: 'answer',
        request,
        finishing: { order: [], limit: Infinity, offset: 0, project: [0] },
      },
    });
    while (engine.run(1));
  };
  insert(0, 20);
  const before = engine.arrangementBytes;
  insert(20, 1_000);
  ask(100);
  expect(responses.filter((one) => one.kind === 'failed')).toEqual([
    {
      kind: 'failed',
      request: 100,
      error: expect.objectContaining({ code: '53200', message: 'out of memory' }) as unknown,
    },
  ]);
  // What the query took is given back: no more is held than the table needs.
  expect(engine.arrangementBytes).toBeLessThan(before + 400_000);
  expect(engine.pool.live).toBe(0);
  insert(4_000, 1);
  expect(responses.filter((one) => one.kind === 'complete').at(-1)).toEqual({
    kind: 'complete',
    step,
  });
});
