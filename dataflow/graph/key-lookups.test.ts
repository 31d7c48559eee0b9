/**
 * Goal: registered lookups answer exactly what lookups that are sent whole answer, whatever the
 * collection holds. Method: an engine with random rows; every key is asked for both ways.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { projection } from '../expr/expr.ts';
import type { Lookup } from '../plan/plan.ts';
import type { Row } from '../value/datum.ts';
import { batchFromRows, rowsFromBatch } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import type { Response } from './command.ts';
import { Engine } from './engine.ts';
import { unpackBatch } from './packed-batch.ts';

const columns: readonly ColumnType[] = [
  { type: 'int4', nullable: false },
  { type: 'text', nullable: true },
  { type: 'int8', nullable: false },
];
const answered = [columns[2], columns[1]];
const lookup: Lookup = {
  collection: 1,
  key: { columns: [0], values: [[null]] },
  program: projection(columns, [1, 2]),
  columns: [columns[1], columns[2]],
};
const finishing = { order: [], limit: -1, offset: 0, project: [1, 0] };

function engineWith(
  rows: readonly Row[],
  indexed: boolean,
): { engine: Engine; responses: Response[] } {
  const responses: Response[] = [];
  let now = 0;
  const engine = new Engine({
    respond: (response) => void responses.push(response),
    now: () => now++,
  });
  engine.command({ kind: 'createCollection', collection: 1, columns, stored: true });
  if (indexed) engine.command({ kind: 'createIndex', collection: 1, key: [0] });
  engine.input(
    1,
    batchFromRows(
      engine.pool,
      columns,
      rows.map((row) => ({ row, weight: 1 })),
      0,
    ),
    null,
  );
  engine.command({ kind: 'step', step: 1, time: 1, inputs: [] });
  while (engine.run(100));
  responses.length = 0;
  return { engine, responses };
}

/** Rows of each request as sorted texts. */
function answers(responses: readonly Response[]): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>();
  const add = (request: number, text: string, weight: number): void => {
    const list = found.get(request) ?? [];
    for (let i = 0; i < weight; i++) list.push(text);
    found.set(request, list.sort());
  };
  for (const response of responses) {
    if (response.kind === 'rows') {
      found.set(response.request, found.get(response.request) ?? []);
      for (const { row, weight } of rowsFromBatch(
        unpackBatch(response.batch, answered, 0),
        answered,
      )) {
        add(response.request, String(row), weight);
      }
    } else if (response.kind === 'answers') {
      const rows = rowsFromBatch(unpackBatch(response.batch, answered, 0), answered);
      let next = 0;
      response.requests.forEach((request, i) => {
        found.set(request, found.get(request) ?? []);
        for (let n = 0; n < response.rows[i]; n++, next++)
          add(request, String(rows[next].row), rows[next].weight);
      });
    }
  }
  return found;
}

describe('registered lookups', () => {
  for (const indexed of [true, false]) {
    it(`answer as whole lookups do, ${indexed ? 'in one batch' : 'one by one without an index'}`, () => {
      const random = new Random(3);
      const rows = Array.from({ length: 500 }, (): Row => [
        random.below(60),
        random.below(4) === 0 ? null : `text ${random.below(5)}`,
        BigInt(random.below(9)),
      ]);
      const { engine, responses } = engineWith(rows, indexed);
      const keys = Array.from({ length: 100 }, (): Row => [random.below(80)]);
      keys.forEach((key, i) =>
        engine.command({
          kind: 'lookup',
          request: i,
          at: 1,
          finishing,
          lookup: { ...lookup, key: { columns: [0], values: [key] } },
        }),
      );
      while (engine.run(100));
      const whole = answers(responses.splice(0));
      engine.command({ kind: 'prepareLookup', template: 1, lookup, finishing });
      engine.command({
        kind: 'lookupKeys',
        template: 1,
        at: 1,
        requests: keys.map((_, i) => i),
        keys,
      });
      while (engine.run(100));
      expect(responses.some((response) => response.kind === 'answers')).toBe(indexed);
      expect(answers(responses)).toEqual(whole);
      expect([...whole.values()].flat()).toHaveLength(
        keys.reduce((sum, [key]) => sum + rows.filter((row) => row[0] === key).length, 0),
      );
    });
  }

  it('fail when their collection is gone, and leave no slab behind', () => {
    const { engine, responses } = engineWith([[1, 'a', 1n]], true);
    engine.command({ kind: 'prepareLookup', template: 1, lookup, finishing });
    engine.command({ kind: 'lookupKeys', template: 1, at: 1, requests: [7], keys: [[1]] });
    engine.command({ kind: 'dropCollection', collection: 1 });
    engine.command({ kind: 'lookupKeys', template: 1, at: 1, requests: [8], keys: [[1]] });
    expect(responses.map((response) => response.kind)).toEqual(['shared', 'answers', 'failed']);
    engine.command({ kind: 'forgetLookup', template: 1 });
    expect(engine.pool.live).toBe(0);
  });
});
