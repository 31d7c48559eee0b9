/**
 * Goal: reduce gives out what the reference says, at every step, for every aggregate and type, and
 * nothing else; and that an operator that takes over the state of another one goes on as that one,
 * be it large. Method: random steps against the reference evaluator (`checkOperator`), and single
 * cases written down.
 */
import { describe, expect, it } from 'vitest';
import { checkOperator } from '../../test/support/operator-check.ts';
import { OperatorHarness } from '../../test/support/operator-harness.ts';
import { canonical } from '../../test/support/canonical.ts';
import { Random } from '../../test/support/random.ts';
import { StateShadow } from '../../test/support/state-shadow.ts';
import type { Aggregate, Node, Plan } from '../plan/plan.ts';
import { decimal } from '../value/datum.ts';
import type { Row, Update } from '../value/datum.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { ReduceOperator } from './reduce.ts';
import { evaluate } from './reference.ts';

type ReduceNode = Extract<Node, { kind: 'reduce' }>;

function column(type: TypeName, nullable = false): ColumnType {
  return { type, nullable };
}

function aggregate(
  fn: Aggregate['fn'],
  argument: number,
  argumentType: TypeName,
  type: TypeName,
  more: Partial<Aggregate> = {},
): Aggregate {
  return {
    fn,
    argument,
    argument2: -1,
    argumentType,
    filter: -1,
    distinct: false,
    order: [],
    type,
    ...more,
  };
}

const countAll = aggregate('count', -1, 'unknown', 'int8');

function reduceNode(
  input: readonly ColumnType[],
  key: readonly number[],
  aggregates: readonly Aggregate[],
): ReduceNode {
  const columns = [
    ...key.map((c) => input[c]),
    ...aggregates.map((a) => column(a.type, a.fn !== 'count')),
  ];
  return { kind: 'reduce', input: 0, key, aggregates, columns };
}

function add(...rows: Row[]): Update[] {
  return rows.map((row) => ({ row, weight: 1 }));
}

function check(
  input: readonly ColumnType[],
  key: readonly number[],
  aggregates: readonly Aggregate[],
  seed: number,
  rows = 40,
): void {
  const node = reduceNode(input, key, aggregates);
  checkOperator({
    make: (pool) => new ReduceOperator(node, input, pool),
    node,
    input,
    seed,
    steps: 40,
    rows,
    changes: 12,
  });
}

describe('count and sums of integers', () => {
  it.each([
    'int8',
    'text',
    'numeric',
    'float8',
    'interval',
    'jsonb',
    'uuid',
    'bool',
    '_numeric',
  ] as const)('groups by %s', (type) => {
    for (const nullable of [false, true]) {
      const input = [column(type, nullable), column('int8')];
      check(input, [0], [countAll, aggregate('sum', 1, 'int8', 'numeric')], 1);
    }
  });

  it.each(['int2', 'int4', 'int8'] as const)('sums and averages %s', (type) => {
    const input = [column('int4'), column(type, true), column('bool', true)];
    const sum = type === 'int8' ? 'numeric' : 'int8';
    check(
      input,
      [0],
      [
        aggregate('count', 1, type, 'int8'),
        aggregate('sum', 1, type, sum),
        aggregate('avg', 1, type, 'numeric'),
        aggregate('sum', 1, type, sum, { filter: 2 }),
        aggregate('count', -1, 'unknown', 'int8', { filter: 2 }),
      ],
      2,
    );
  });

  it('keeps one group for an empty key', () => {
    check([column('int4', true)], [], [countAll, aggregate('sum', 0, 'int4', 'int8')], 3);
  });

  it('gives out only what changed', () => {
    const input = [column('text'), column('int8')];
    const node = reduceNode(input, [0], [countAll, aggregate('sum', 1, 'int8', 'numeric')]);
    const harness = new OperatorHarness((pool) => new ReduceOperator(node, input, pool), [input]);
    const numeric = (n: number): Row[number] => ({
      kind: 'decimal',
      form: 'finite',
      coefficient: BigInt(n),
      scale: 0,
    });
    expect(harness.step([0, add(['a', 1n], ['b', 2n], ['a', 3n])]).rows).toEqual(
      add(['a', 2n, numeric(4)], ['b', 1n, numeric(2)]),
    );
    expect(
      harness.step([
        0,
        [
          { row: ['a', 9n], weight: 1 },
          { row: ['a', 9n], weight: -1 },
        ],
      ]).rows,
    ).toEqual([]);
    expect(
      harness.step([
        0,
        [
          { row: ['b', 2n], weight: -1 },
          { row: ['c', 0n], weight: 1 },
        ],
      ]).rows,
    ).toEqual([{ row: ['b', 1n, numeric(2)], weight: -1 }, ...add(['c', 1n, numeric(0)])]);
    harness.operator.dispose();
  });

  it('makes an error of a sum out of range, for its group alone, and heals', () => {
    const input = [column('int4'), column('int4')];
    const node = reduceNode(input, [0], [aggregate('sum', 1, 'int4', 'int8')]);
    const harness = new OperatorHarness((pool) => new ReduceOperator(node, input, pool), [input]);
    const much = { row: [1, 2 ** 31 - 1], weight: 2 ** 31 - 1 };
    harness.step([0, [much, ...add([2, 5])]]);
    expect(harness.errors()).toEqual([]);
    harness.step([0, [much, much, much]]);
    expect(harness.errors()).toEqual(['22003 bigint out of range 1']);
    expect(harness.rows()).toEqual(add([2, 5n]));
    harness.step([
      0,
      [
        { ...much, weight: -much.weight },
        { ...much, weight: -much.weight },
      ],
    ]);
    expect(harness.errors()).toEqual([]);
    expect(harness.rows()).toHaveLength(2);
    harness.operator.dispose();
  });

  it('takes thousands of groups and gives them back', () => {
    check([column('int4'), column('int4')], [0], [countAll], 4);
    const input = [column('int4'), column('text')];
    const node = reduceNode(input, [0, 1], [countAll]);
    const harness = new OperatorHarness((pool) => new ReduceOperator(node, input, pool), [input]);
    const start = harness.operator.bytes();
    const rows = Array.from({ length: 20_000 }, (_, k): Row => [k, `group ${k % 100}`]);
    harness.step([0, add(...rows)]);
    expect(harness.rows()).toHaveLength(20_000);
    harness.step([0, rows.slice(0, 19_999).map((row) => ({ row, weight: -1 }))]);
    expect(harness.rows()).toEqual(add([19_999, 'group 99', 1n]));
    harness.step([0, [{ row: rows[19_999], weight: -1 }]]);
    expect(harness.operator.bytes()).toBeLessThan(start + 65_536);
    harness.operator.dispose();
  });
});

describe('min and max', () => {
  it.each([
    'int2',
    'int4',
    'int8',
    'float4',
    'float8',
    'numeric',
    'text',
    'bpchar',
    'date',
    'time',
    'timestamptz',
    'interval',
    'bytea',
    '_text',
    'oid',
  ] as const)('of %s', (type) => {
    const input = [column('int4'), column(type, true), column('bool', true)];
    check(
      input,
      [0],
      [aggregate('min', 1, type, type), aggregate('max', 1, type, type, { filter: 2 })],
      5,
      30,
    );
    check(
      input,
      [],
      [aggregate('min', 1, type, type, { filter: 2 }), aggregate('max', 1, type, type)],
      6,
      100,
    );
  });

  it.each(['int4', 'text'] as const)('of %s in thousands of groups', (type) => {
    const input = [column('int4'), column(type)];
    const node = reduceNode(input, [0], [aggregate('max', 1, type, type)]);
    const harness = new OperatorHarness((pool) => new ReduceOperator(node, input, pool), [input]);
    const value = (n: number): Row[number] => (type === 'int4' ? n : String(n).padStart(6, '0'));
    const rows = Array.from({ length: 24_000 }, (_, k): Row => [k % 3000, value(k)]);
    harness.step([0, add(...rows)]);
    harness.step([0, rows.slice(21_000).map((row) => ({ row, weight: -1 }))]);
    expect(new Map(harness.rows().map(({ row }) => [row[0], row[1]]))).toEqual(
      new Map(Array.from({ length: 3000 }, (_, k) => [k, value(18_000 + k)])),
    );
    harness.step([0, rows.slice(0, 21_000).map((row) => ({ row, weight: -1 }))]);
    expect(harness.rows()).toEqual([]);
    expect(harness.operator.bytes()).toBeLessThan(65_536);
    harness.operator.dispose();
  });
});

describe('sums of other types', () => {
  it.each([
    ['float4', 'float4'],
    ['float8', 'float8'],
    ['numeric', 'numeric'],
    ['interval', 'interval'],
  ] as const)('of %s', (type, sum) => {
    const mean = type === 'float4' ? 'float8' : sum;
    const input = [column('int4'), column(type, true), column('bool', true)];
    const aggregates = [
      aggregate('sum', 1, type, sum),
      aggregate('avg', 1, type, mean),
      aggregate('sum', 1, type, sum, { filter: 2 }),
      aggregate('sum', 1, type, sum, { distinct: true }),
      aggregate('count', 1, type, 'int8', { distinct: true, filter: 2 }),
    ];
    for (const seed of [8, 9, 10]) check(input, [0], aggregates, seed, 30);
    check([column('int4'), column(type)], [], aggregates.slice(0, 2), 11, 30);
  });

  it('of bools', () => {
    const input = [column('int2'), column('bool', true)];
    check(
      input,
      [0],
      [
        aggregate('bool_and', 1, 'bool', 'bool'),
        aggregate('bool_or', 1, 'bool', 'bool', { distinct: true }),
      ],
      12,
    );
    check(
      [column('int2'), column('bool')],
      [0],
      [aggregate('bool_and', 1, 'bool', 'bool'), aggregate('bool_or', 1, 'bool', 'bool')],
      13,
    );
  });

  it.each(['int2', 'int4', 'int8', 'numeric', 'float4', 'float8'] as const)(
    'variance of %s',
    (type) => {
      const result = type === 'float4' || type === 'float8' ? 'float8' : 'numeric';
      const input = [column('int4'), column(type, true)];
      check(
        input,
        [0],
        (['stddev_samp', 'stddev_pop', 'var_samp', 'var_pop'] as const).map((fn) =>
          aggregate(fn, 1, type, result),
        ),
        14,
        30,
      );
      check(input, [0], [aggregate('var_pop', 1, type, result, { distinct: true })], 15, 30);
    },
  );
});

describe('collections', () => {
  const by = (column: number, descending = false, nullsFirst = false) => ({
    column,
    descending,
    nullsFirst,
  });

  it.each(['int4', 'int8', 'float8', 'numeric', 'text', 'bool', 'timestamptz', 'jsonb'] as const)(
    'of %s',
    (type) => {
      const input = [
        column('int2'),
        column(type, true),
        column('int4', true),
        column('bool', true),
      ];
      check(
        input,
        [0],
        [
          aggregate('jsonb_agg', 1, type, 'jsonb'),
          aggregate('jsonb_agg', 1, type, 'jsonb', { order: [by(2, true), by(1)] }),
          aggregate('jsonb_agg', 1, type, 'jsonb', { distinct: true, order: [by(1, true, true)] }),
          aggregate('jsonb_object_agg', 2, 'int4', 'jsonb', { argument2: 1, filter: 3 }),
        ],
        16,
        24,
      );
    },
  );

  it('into strings and arrays', () => {
    const input = [
      column('int2'),
      column('text', true),
      column('text', true),
      column('bytea', true),
    ];
    check(
      input,
      [0],
      [
        aggregate('string_agg', 1, 'text', 'text', { argument2: 2 }),
        aggregate('string_agg', 1, 'text', 'text', {
          argument2: 2,
          distinct: true,
          order: [by(2), by(1, true)],
        }),
        aggregate('string_agg', 3, 'bytea', 'bytea', { argument2: 3 }),
        aggregate('array_agg', 1, 'text', '_text'),
        aggregate('array_agg', 1, 'text', '_text', { distinct: true, order: [by(1, true)] }),
        aggregate('array_agg', 2, 'text', '_text', { order: [by(1, true, true)] }),
      ],
      17,
      24,
    );
  });
});

describe('values as long as their group', () => {
  const input = [column('int2'), column('text', true), column('int4'), column('bytea')];
  const plan = (node: ReduceNode): Plan => ({
    nodes: [{ kind: 'get', collection: 0, demand: [0, 1, 2, 3], columns: input }, node],
    root: 1,
  });

  it.each([
    aggregate('string_agg', 1, 'text', 'text', { argument2: 1 }),
    aggregate('string_agg', 3, 'bytea', 'bytea', { argument2: 3 }),
    aggregate('array_agg', 1, 'text', '_text'),
    aggregate('array_agg', 2, 'int4', '_int4', { distinct: true }),
    aggregate('jsonb_agg', 1, 'text', 'jsonb'),
    aggregate('jsonb_object_agg', 2, 'int4', 'jsonb', { argument2: 1 }),
  ])('are made in slices: %o', (made) => {
    const node = reduceNode(input, [0], [made, countAll]);
    const harness = new OperatorHarness(
      (pool) => new ReduceOperator(node, input, pool),
      [input],
      9,
    );
    let turns = 0;
    harness.afterTurn = () => turns++;
    const random = new Random(19);
    const state: Update[] = [];
    for (const n of [2_500, 40, 3]) {
      const changes = Array.from({ length: n }, (_, k): Update => {
        const text = random.chance(0.1) ? null : `värde ${random.below(900)}`;
        const row: Row = [k % 7 === 0 ? 1 : 0, text, random.below(4_000), Uint8Array.of(k)];
        return { row, weight: random.chance(0.01) ? 1_200 : 1 };
      });
      state.push(...changes);
      harness.step([0, changes]);
      const expected = evaluate(plan(node), new Map([[0, state]]));
      expect(canonical(node.columns, harness.rows())).toEqual(
        canonical(node.columns, expected.rows),
      );
      const rows = made.distinct ? 1_500 : state.reduce((sum, { weight }) => sum + weight, 0);
      expect(turns).toBeGreaterThan(rows / 1_024);
      turns = 0;
    }
    harness.operator.dispose();
    expect(harness.pool.live).toBe(0);
  });
});

it('keeps every kind of state right while its memory grows by megabytes', () => {
  const input = [column('text'), column('numeric'), column('text', true)];
  const node = reduceNode(
    input,
    [0],
    [
      aggregate('count', 1, 'numeric', 'int8', { distinct: true }),
      aggregate('sum', 1, 'numeric', 'numeric'),
      aggregate('max', 2, 'text', 'text'),
      aggregate('string_agg', 2, 'text', 'text', { argument2: 0 }),
      aggregate('var_samp', 1, 'numeric', 'numeric'),
      aggregate('array_agg', 2, 'text', '_text', { distinct: true }),
    ],
  );
  const harness = new OperatorHarness((pool) => new ReduceOperator(node, input, pool), [input]);
  const start = harness.operator.bytes();
  const random = new Random(18);
  const rows = Array.from({ length: 9000 }, (): Row => [
    `group ${random.below(2500)}`,
    decimal(BigInt(random.below(9)), random.below(2)),
    random.chance(0.1) ? null : `value ${random.below(1000)}`,
  ]);
  const plan: Plan = {
    nodes: [{ kind: 'get', collection: 0, demand: [0, 1, 2], columns: input }, node],
    root: 1,
  };
  const compare = (state: readonly Row[]): void => {
    const expected = evaluate(plan, new Map([[0, add(...state)]]));
    expect(canonical(node.columns, harness.rows())).toEqual(canonical(node.columns, expected.rows));
  };
  const shadow = new StateShadow(harness.operator);
  harness.step([0, add(...rows)]);
  shadow.copyRest();
  expect(harness.operator.bytes()).toBeGreaterThan(2 ** 21);
  compare(rows);
  const second = new OperatorHarness((pool) => new ReduceOperator(node, input, pool), [input]);
  shadow.restore(second.operator);
  second.follow(harness);
  const gone = rows.slice(0, 6000).map((row) => ({ row, weight: -1 }));
  expect(second.step([0, gone])).toEqual(harness.step([0, gone]));
  shadow.copyRest();
  compare(rows.slice(6000));
  const rest = rows.slice(6000).map((row) => ({ row, weight: -1 }));
  expect(second.step([0, rest])).toEqual(harness.step([0, rest]));
  expect(second.operator.bytes()).toBeLessThan(start + 200_000);
  expect(harness.rows()).toEqual([]);
  expect(harness.operator.bytes()).toBeLessThan(start + 200_000);
  harness.operator.dispose();
  expect(harness.pool.live).toBe(0);
});
