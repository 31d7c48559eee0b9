/**
 * Goal: top-k gives out what the reference says, at every step, for every order, limit and offset,
 * and only rows whose share of the window changed. Method: random steps (`checkOperator`), and a
 * large group whose window moves, of which the rows given out are counted.
 */
import { describe, expect, it } from 'vitest';
import { checkOperator } from '../../test/support/operator-check.ts';
import { OperatorHarness } from '../../test/support/operator-harness.ts';
import type { Node, Order } from '../plan/plan.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { TopkOperator } from './topk.ts';

type TopkNode = Extract<Node, { kind: 'topk' }>;

function topk(
  columns: readonly ColumnType[],
  key: readonly number[],
  order: readonly Order[],
  limit: number,
  offset: number,
): TopkNode {
  return { kind: 'topk', input: 0, key, order, limit, offset, columns };
}

const ascending = { descending: false, nullsFirst: false };
const windows = [
  [1, 0],
  [3, 0],
  [2, 3],
  [0, 0],
  [-1, 0],
  [-1, 4],
  [100, 1],
  [5, 20],
] as const;

describe('windows', () => {
  it.each(windows)('limit %i offset %i', (limit, offset) => {
    const input: ColumnType[] = [
      { type: 'int2', nullable: false },
      { type: 'int4', nullable: true },
      { type: 'text', nullable: true },
    ];
    const orders: Order[][] = [
      [],
      [{ column: 1, ...ascending }],
      [
        { column: 2, descending: true, nullsFirst: true },
        { column: 1, descending: true, nullsFirst: false },
      ],
    ];
    orders.forEach((order, seed) => {
      for (const key of [[], [0]]) {
        const node = topk(input, key, order, limit, offset);
        checkOperator({
          make: (pool) => new TopkOperator(node, input, pool),
          node,
          input,
          seed,
          steps: 30,
          rows: 40,
          changes: 10,
          row: (random) => [
            random.below(3),
            random.chance(0.2) ? null : random.below(5),
            random.pick(['a', 'b', 'bb', null]),
          ],
        });
      }
    });
  });

  const types: readonly TypeName[] = [
    'bool',
    'int2',
    'int8',
    'float4',
    'float8',
    'numeric',
    'text',
    'bytea',
    'date',
    'timestamptz',
    'interval',
    'uuid',
    'jsonb',
    '_text',
    '_numeric',
  ];
  it.each(types)('ordered by %s', (type) => {
    const input: ColumnType[] = [
      { type, nullable: true },
      { type: 'int2', nullable: false },
    ];
    for (const descending of [false, true]) {
      const node = topk(input, [], [{ column: 0, descending, nullsFirst: descending }], 4, 2);
      checkOperator({
        make: (pool) => new TopkOperator(node, input, pool),
        node,
        input,
        seed: 3,
        steps: 25,
        rows: 30,
        changes: 8,
      });
    }
  });
});

it('visits only what moves in a large group', () => {
  const input: ColumnType[] = [{ type: 'int4', nullable: false }];
  const node = topk(input, [], [{ column: 0, ...ascending }], 1000, 500);
  const harness = new OperatorHarness((pool) => new TopkOperator(node, input, pool), [input]);
  const rows = Array.from({ length: 5000 }, (_, k) => ({ row: [k * 2], weight: 1 }));
  expect(harness.step([0, rows]).rows).toHaveLength(1000);
  expect(harness.step([0, [{ row: [1], weight: 1 }]]).rows).toEqual([
    { row: [998], weight: 1 },
    { row: [2998], weight: -1 },
  ]);
  expect(harness.step([0, [{ row: [2001], weight: 2 }]]).rows).toEqual([
    { row: [2994], weight: -1 },
    { row: [2996], weight: -1 },
    { row: [2001], weight: 2 },
  ]);
  expect(harness.step([0, [{ row: [9000], weight: 1 }]]).rows).toEqual([]);
  // A jump of the whole window.
  const output = harness.step([
    0,
    Array.from({ length: 2000 }, (_, k) => ({ row: [-k], weight: 1 })),
  ]);
  expect(output.rows).toHaveLength(999 + 1000);
  harness.operator.dispose();
  expect(harness.pool.live).toBe(0);
});
