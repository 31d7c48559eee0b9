/**
 * Goal: a join side kept as counts and sums gives the groups that its rows would give: sums beyond
 * their type, numerics of any scale and NaN, NULLs in keys and values, rows retracted before they
 * come, weights beyond a word's half, sides that change in the same step, keys that go and come back.
 * Method: a grouped join over two tables read as streams (a union of one input is no import), either
 * side or both kept as sums, random changes of both, through an engine with large and with small
 * fuel, subscribed to before or after there are rows; after each step the subscription's sum must
 * equal that of the same plan without sums, and the reference evaluation, which knows nothing of
 * them. The operator alone: what was copied of it is its state, and one that gets the copy gives out
 * what the first one does.
 */
import { describe, expect, test } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import { OperatorHarness } from '../../test/support/operator-harness.ts';
import { Random } from '../../test/support/random.ts';
import { StateShadow } from '../../test/support/state-shadow.ts';
import type { Aggregate, AggregateName, Node, Plan } from '../plan/plan.ts';
import type { Datum, Update } from '../value/datum.ts';
import { decimal } from '../value/datum.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { evaluate } from './reference.ts';
import { newScratch } from './scratch.ts';
import { SummedJoinOperator } from './summed-join.ts';
import { SummedRows } from './summed-rows.ts';

/** Left: key, summed columns. Right: key, group. */
interface Shape {
  readonly key: ColumnType;
  readonly sums: readonly ColumnType[];
}

const limits = {
  int2: 2n ** 15n,
  int4: 2n ** 31n,
  int8: 2n ** 63n,
} as const;

function value(random: Random, { type, nullable }: ColumnType): Datum {
  if (nullable && random.chance(0.2)) return null;
  switch (type) {
    case 'int2':
    case 'int4':
    case 'int8': {
      const most = limits[type] - 1n;
      const big = random.pick([-most - 1n, most, BigInt(random.below(5)), BigInt(random.below(5))]);
      return type === 'int8' ? big : Number(big);
    }
    case 'numeric':
      return random.chance(0.05)
        ? { kind: 'decimal', form: random.pick(['NaN', 'Infinity']), coefficient: 0n, scale: 0 }
        : decimal(
            random.chance(0.1) ? 10n ** 25n : BigInt(random.below(100) - 50),
            random.chance(0.2) ? random.below(4) : 2,
          );
    case 'text':
      return random.pick(['', 'a', 'b']);
    default:
      return random.pick<Datum>([0, -0, 1, Number.NaN]);
  }
}

function changes(random: Random, present: Update[], row: () => Datum[]): Update[] {
  const updates: Update[] = [];
  for (let n = random.below(8); n > 0; n--) {
    const again = present.length > 0 && random.chance(0.5);
    const weight = random.pick([-3, -1, -1, 1, 1, 2]);
    updates.push({ row: again ? random.pick(present).row : row(), weight });
  }
  // Everything goes at once now and then.
  if (random.chance(0.15)) {
    for (const { row: gone, weight } of [...present, ...updates])
      updates.push({ row: gone, weight: -weight });
  }
  const merged = updates.filter(({ weight }) => weight !== 0);
  present.push(...merged);
  return merged;
}

function aggregate(fn: AggregateName, argument: number, columns: readonly ColumnType[]): Aggregate {
  const argumentType: TypeName = columns[argument]?.type ?? 'bool';
  const sum = argumentType === 'numeric' || argumentType === 'int8' ? 'numeric' : 'int8';
  const type = fn === 'count' ? 'int8' : fn === 'avg' ? 'numeric' : sum;
  return {
    fn,
    argument,
    argument2: -1,
    argumentType,
    filter: -1,
    distinct: false,
    order: [],
    type,
  };
}

interface Options {
  readonly summed: readonly ('left' | 'right')[];
  readonly nullsEqual: boolean;
  readonly residual: boolean;
}

function planOf({ key, sums }: Shape, { summed, nullsEqual, residual }: Options): Plan {
  const left = [key, ...sums];
  const right: readonly ColumnType[] = [key, { type: 'int4', nullable: true }];
  const joined = [...left, ...right];
  const both = summed.length === 2;
  // The group of the right side is summed too if that side is kept as sums.
  const group = both || summed[0] === 'right' ? [] : [left.length + 1];
  const rightSum = joined.length - 1;
  const aggregates = [
    aggregate('count', -1, joined),
    ...sums.flatMap((_, i) =>
      (['sum', 'count', 'avg'] as const).map((fn) => aggregate(fn, 1 + i, joined)),
    ),
    aggregate('sum', rightSum, joined),
  ];
  const get = (collection: number, columns: readonly ColumnType[]): Node => ({
    kind: 'get',
    collection,
    demand: columns.map((_, i) => i),
    columns,
  });
  const join: Node = {
    kind: 'join',
    left: 2,
    right: summed.includes('right') ? 3 : 1,
    leftKey: [0],
    rightKey: [0],
    nullsEqual,
    residual: residual
      ? {
          nodes: [
            { kind: 'column', column: left.length, type: key.type },
            { kind: 'isNull', arg: 0, type: 'bool' },
            { kind: 'not', arg: 1, type: 'bool' },
          ],
          filters: [2],
          outputs: [],
        }
      : null,
    ...(summed.includes('left') ? { leftSums: sums.map((_, i) => 1 + i) } : {}),
    ...(summed.includes('right') ? { rightSums: [1] } : {}),
    columns: joined,
  };
  const reduce: Node = {
    kind: 'reduce',
    input: 4,
    key: group,
    aggregates,
    columns: [
      ...group.map((column) => joined[column]),
      ...aggregates.map((each): ColumnType => ({ type: each.type, nullable: each.fn !== 'count' })),
    ],
  };
  return {
    nodes: [
      get(1, left),
      get(2, right),
      { kind: 'union', inputs: [0], columns: left },
      { kind: 'union', inputs: [1], columns: right },
      join,
      reduce,
    ],
    root: 5,
  };
}

function withoutSums(plan: Plan): Plan {
  const nodes = plan.nodes.map((node): Node => {
    if (node.kind !== 'join') return node;
    const { leftSums: _left, rightSums: _right, ...rest } = node;
    return rest;
  });
  return { ...plan, nodes };
}

/**
 * A number of which the reference does not say what -1 of them shows: not finite, or of a scale of
 * its own.
 */
function isSpecial(datum: Datum): boolean {
  return (
    datum !== null &&
    typeof datum === 'object' &&
    'form' in datum &&
    (datum.form !== 'finite' || datum.scale !== 2)
  );
}

function subscribe(rig: EngineRig, id: number, request: number, plan: Plan): void {
  rig.dataflow(id, plan, {
    kind: 'subscribe',
    request,
    snapshot: true,
    progress: false,
    upTo: null,
  });
}

function play(seed: number, shape: Shape, options: Options): void {
  const random = new Random(seed);
  const rig = new EngineRig({ rowsMax: seed % 2 === 0 ? 2 : 4096 });
  const plan = planOf(shape, options);
  const leftColumns = [shape.key, ...shape.sums];
  const rightColumns: readonly ColumnType[] = [shape.key, { type: 'int4', nullable: true }];
  rig.table(1, leftColumns);
  rig.table(2, rightColumns);
  const subscribed = random.below(3);
  const left: Update[] = [];
  const right: Update[] = [];
  for (let step = 0; step < 8; step++) {
    if (step === subscribed) {
      subscribe(rig, 10, 5, plan);
      subscribe(rig, 11, 6, withoutSums(plan));
    }
    rig.seal(
      new Map([
        [1, changes(random, left, () => leftColumns.map((column) => value(random, column)))],
        [
          2,
          changes(random, right, () => [
            value(random, shape.key),
            random.chance(0.1) ? null : random.below(3),
          ]),
        ],
      ]),
    );
    if (step < subscribed || random.chance(0.3)) continue;
    rig.settle();
    const { columns } = plan.nodes[5];
    const shown = multiset(rig.changes(5, columns));
    const where = `seed ${seed}, step ${step}`;
    expect(shown, where).toEqual(multiset(rig.changes(6, columns)));
    if (left.some(({ row }) => row.some(isSpecial))) continue;
    const collections = new Map([
      [1, left],
      [2, right],
    ]);
    expect(shown, where).toEqual(multiset(evaluate(plan, collections).rows));
  }
}

const int4 = { type: 'int4', nullable: false } as const;
const shapes: readonly (readonly [string, Shape])[] = [
  ['counts alone', { key: { type: 'text', nullable: true }, sums: [] }],
  ['int8', { key: int4, sums: [{ type: 'int8', nullable: false }] }],
  [
    'int2, int4, NULLs',
    {
      key: { type: 'float8', nullable: true },
      sums: [
        { type: 'int2', nullable: true },
        { type: 'int4', nullable: true },
      ],
    },
  ],
  [
    'numeric',
    { key: { type: 'text', nullable: false }, sums: [{ type: 'numeric', nullable: true }] },
  ],
  [
    'all together',
    {
      key: { type: 'text', nullable: true },
      sums: [
        { type: 'int8', nullable: true },
        { type: 'numeric', nullable: false },
        { type: 'int4', nullable: false },
      ],
    },
  ],
];

describe('a grouped join equals its reference at every step', () => {
  for (const [name, shape] of shapes) {
    for (const summed of [['left'], ['right'], ['left', 'right']] as const) {
      test(`${name}, sums on the ${summed.join(' and ')}`, () => {
        for (let seed = 1; seed <= 16; seed++) {
          const nullsEqual = seed % 4 < 2;
          play(seed, shape, { summed, nullsEqual, residual: seed % 8 === 0 });
        }
      });
    }
  }
});

/** A join of two sides that are both kept as sums. */
function summedJoin(left: readonly ColumnType[], right: readonly ColumnType[]): OperatorHarness {
  const side = (types: readonly ColumnType[]) => {
    const sums = types.map((_, c) => c).slice(1);
    return { rows: new SummedRows(types, [0], sums), types, key: [0] };
  };
  const shape = {
    columns: [...left, ...right],
    left: side(left),
    right: side(right),
    nullsEqual: true,
    residual: null,
  };
  const clock = { from: 0, to: 0 };
  const make = (pool: SlabPool) => new SummedJoinOperator(shape, clock, newScratch(64), pool);
  return new OperatorHarness(make, [left, right]);
}

describe('a join that gets the sums of another goes on as that one', () => {
  for (const [name, { key, sums }] of shapes) {
    test(name, () => {
      const columns = [
        [key, ...sums],
        [key, { type: 'int4', nullable: true }],
      ] as const;
      let rows = 0;
      let checked = 0;
      for (let seed = 1; seed <= 12; seed++) {
        const random = new Random(seed);
        const join = summedJoin(...columns);
        const shadow = new StateShadow(join.operator);
        join.afterTurn = () => {
          shadow.copySome();
        };
        let second: OperatorHarness | null = null;
        const present: [Update[], Update[]] = [[], []];
        for (let step = 0; step < 12; step++) {
          const pushes = columns.map((types, port) => {
            const row = () => types.map((type) => value(random, type));
            return [port, changes(random, present[port], row)] as const;
          });
          const output = join.step(...pushes);
          shadow.copyRest();
          rows += output.rows.length;
          checked += second === null ? 0 : 1;
          if (second !== null) expect(second.step(...pushes)).toEqual(output);
          if (!random.chance(0.3)) continue;
          second = summedJoin(...columns);
          shadow.restore(second.operator);
          second.follow(join);
        }
      }
      expect(rows).toBeGreaterThan(100);
      expect(checked).toBeGreaterThan(50);
    });
  }
});
