/**
 * Goal: values that are as long as their group come in parts, and are what they would be at once,
 * whether the operator gives them out or keeps them in a collection. Method: reduce over groups of
 * thousands of rows and over small ones, with little fuel; rows come, go, and come twice; after each
 * step the values are held against `collectedValue` over the sorted rows.
 */
import { describe, expect, it } from 'vitest';
import { OperatorHarness } from '../../test/support/operator-harness.ts';
import { Random } from '../../test/support/random.ts';
import { Weights, scanned } from '../arrangement/arrangement.reference.ts';
import { RegionPool } from '../arrangement/region.ts';
import { StoreArrangement } from '../arrangement/store-arrangement.ts';
import type { Aggregate, Node } from '../plan/plan.ts';
import { decimal } from '../value/datum.ts';
import type { Row, Update } from '../value/datum.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import type { KeepRows } from './kept-rows.ts';
import { ReduceOperator } from './reduce.ts';
import { evaluate } from './reference.ts';

/** Of ASCII alone, as the reference orders other names slowly. */
const name = (random: Random): string =>
  'name '.repeat(random.below(40)) + String(random.below(1e6));

interface Case {
  readonly fn: Aggregate['fn'];
  readonly types: readonly TypeName[];
  readonly result: TypeName;
  readonly row: (random: Random) => Row;
}

const text = (random: Random): string =>
  'täxt '.repeat(random.below(40)) + String(random.below(1e6));

const cases: readonly Case[] = [
  { fn: 'string_agg', types: ['text', 'text'], result: 'text', row: (r) => [text(r), ', '] },
  { fn: 'array_agg', types: ['text'], result: '_text', row: (r) => [text(r)] },
  { fn: 'array_agg', types: ['int8'], result: '_int8', row: (r) => [BigInt(r.below(1e9))] },
  { fn: 'jsonb_agg', types: ['text'], result: 'jsonb', row: (r) => [text(r)] },
  {
    fn: 'jsonb_object_agg',
    types: ['text', 'int4'],
    result: 'jsonb',
    row: (r) => [name(r), r.below(10)],
  },
  {
    fn: 'jsonb_object_agg',
    types: ['numeric', 'text'],
    result: 'jsonb',
    row: (r) => [decimal(BigInt(r.below(1e5)), r.below(3)), text(r)],
  },
  {
    fn: 'jsonb_object_agg',
    types: ['int4', 'text'],
    result: 'jsonb',
    row: (r) => [r.below(50_000) - 25_000, text(r)],
  },
];

function nodeOf({ fn, types, result }: Case): Extract<Node, { kind: 'reduce' }> {
  const aggregate: Aggregate = {
    fn,
    argument: 1,
    argument2: types.length > 1 ? 2 : -1,
    argumentType: types[0] ?? 'void',
    filter: -1,
    distinct: false,
    order: [],
    type: result,
  };
  return {
    kind: 'reduce',
    input: 0,
    key: [0],
    aggregates: [aggregate, { ...aggregate, fn: 'count', argument2: -1, type: 'int8' }],
    columns: [
      { type: 'int4', nullable: false },
      { type: result, nullable: true },
      { type: 'int8', nullable: true },
    ],
  };
}

/** The steps: many rows, a few more, some go, one group goes, all go. */
function steps(random: Random, row: (random: Random) => Row): Update[][] {
  const of = (group: number, n: number): Update[] =>
    Array.from({ length: n }, () => ({ row: [group, ...row(random)], weight: 1 }));
  const many = of(1, 5_000);
  const few = [...of(2, 20), ...of(3, 3_500)];
  const more = of(1, 2);
  const gone = (updates: readonly Update[]): Update[] =>
    updates.map((update) => ({ row: update.row, weight: -update.weight }));
  return [
    [...many, ...few],
    more,
    many.slice(0, 3),
    [...gone(many.slice(0, 4)), ...of(4, 1)],
    gone(few),
    gone(many),
  ];
}

describe.each(cases)('$fn of $types', (one) => {
  it.each([false, true])('kept: %s', (isKept) => {
    const random = new Random(isKept ? 1 : 2);
    const input: ColumnType[] = [
      { type: 'int4', nullable: false },
      ...one.types.map((type): ColumnType => ({ type, nullable: true })),
    ];
    const node = nodeOf(one);
    const arrangement = new StoreArrangement(new RegionPool(), node.columns);
    const keep: KeepRows | null = isKept ? (owner) => arrangement.own(owner) : null;
    const make = (pool: SlabPool): ReduceOperator => new ReduceOperator(node, input, pool, keep);
    const harness = new OperatorHarness(make, [input], 3_000);
    const present = new Weights();
    let turns = 0;
    harness.afterTurn = () => turns++;
    steps(random, one.row).forEach((updates, step) => {
      harness.step([0, updates]);
      // The harness counts steps from 1.
      arrangement.seal(step + 1);
      for (const update of updates) present.add(update);
      const nodes = [
        { kind: 'get', collection: 0, demand: input.map((_, c) => c), columns: input },
        node,
      ] as const;
      const rows = [...present.rows.values()];
      const expected = new Weights();
      for (const update of evaluate({ nodes, root: 1 }, new Map([[0, rows]])).rows)
        expected.add(update);
      const found = new Weights();
      if (isKept)
        expect(scanned(harness.pool, arrangement, step + 1, 7, () => undefined).sorted()).toEqual(
          expected.sorted(),
        );
      else {
        for (const update of harness.rows()) found.add(update);
        expect(found.sorted()).toEqual(expected.sorted());
      }
    });
    expect(harness.errors()).toEqual([]);
    expect(turns).toBeGreaterThan(10);
    harness.operator.dispose();
    expect(harness.pool.live).toBe(0);
  });
});
