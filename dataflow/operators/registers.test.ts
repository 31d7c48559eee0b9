/**
 * Goal: registers of every kind come back as they were, and what is no registers is refused with
 * XX001, never with anything else. Method: operators whose groups need all kinds of objects beside
 * their words (numerics of mixed scale and more than words hold, NaN and infinities, errors); their
 * registers are restored whole, then with one part replaced by something else.
 */
import { expect, it } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import { OperatorHarness } from '../../test/support/operator-harness.ts';
import { Random } from '../../test/support/random.ts';
import { StateShadow } from '../../test/support/state-shadow.ts';
import type { Aggregate, Node } from '../plan/plan.ts';
import { decimal, interval } from '../value/datum.ts';
import type { Row } from '../value/datum.ts';
import type { Saved } from '../value/saved.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import type { OperatorState } from './operator.ts';
import { ReduceOperator } from './reduce.ts';
import { ConstantSource } from './source.ts';

const input: readonly ColumnType[] = (
  ['int4', 'numeric', 'float8', 'interval', 'int4'] as const
).map((type) => ({ type, nullable: false }));

function aggregate(fn: Aggregate['fn'], argument: number, type: TypeName): Aggregate {
  const argumentType = input[argument].type;
  const more = { argument2: -1, filter: -1, distinct: false, order: [] } as const;
  return { fn, argument, argumentType, type, ...more };
}

const aggregates = [
  aggregate('sum', 1, 'numeric'),
  aggregate('var_samp', 1, 'numeric'),
  aggregate('sum', 2, 'float8'),
  aggregate('stddev_pop', 2, 'float8'),
  aggregate('sum', 3, 'interval'),
  aggregate('sum', 4, 'int8'),
  { ...aggregate('sum', 1, 'numeric'), distinct: true },
];
const node: Extract<Node, { kind: 'reduce' }> = {
  kind: 'reduce',
  input: 0,
  key: [0],
  aggregates,
  columns: [input[0], ...aggregates.map(({ type }) => ({ type, nullable: true }))],
};

function make(): OperatorHarness {
  return new OperatorHarness((pool) => new ReduceOperator(node, input, pool), [input]);
}

function stateOf({ operator: { state } }: OperatorHarness): OperatorState {
  if (state === null) throw new Error('a reduce keeps state');
  return state;
}

const doubles = [1e300, -1e-300, 0.1, 3, Number.NaN, Infinity, -Infinity, 2 ** 1020];
const numerics = [
  decimal(5n, 0),
  decimal(125n, 2),
  decimal(10n ** 30n, 3),
  { kind: 'decimal', form: 'NaN', coefficient: 0n, scale: 0 } as const,
];

function row(random: Random): Row {
  const months = random.below(3) - 1;
  const part = interval(months * (2 ** 31 - 1), random.below(100), BigInt(random.below(1e9)));
  return [
    random.below(6),
    random.pick(numerics),
    random.pick(doubles),
    part,
    random.pick([1, 2 ** 31 - 1]),
  ];
}

/** The registers with one part, picked at random, replaced. */
function broken(random: Random, saved: Saved): Saved {
  if (saved instanceof Int32Array && saved.length > 0 && random.chance(0.5)) {
    const words = saved.slice();
    words[random.below(words.length)] = random.pick([-1, 2 ** 31 - 1]);
    return words;
  }
  const isList = Array.isArray(saved) && saved.length > 0;
  if (!isList || random.chance(0.1)) {
    return random.pick<Saved>([null, 'x', '-', -1, 1e300, 0.5, NaN, [], ['f'], new Int32Array(3)]);
  }
  const list: Saved[] = saved.slice();
  const at = random.below(list.length);
  if (random.chance(0.1)) list.splice(at, 1);
  else list[at] = broken(random, list[at]);
  return list;
}

it('restores registers of all kinds, and refuses others', () => {
  const random = new Random(1);
  const harness = make();
  const shadow = new StateShadow(harness.operator);
  for (let step = 0; step < 10; step++) {
    const rows = Array.from({ length: 20 }, () => ({ row: row(random), weight: 1 }));
    // A weight that makes the sum of int4 an error of its group.
    harness.step([0, [...rows, { row: row(random), weight: 2 ** 31 - 1 }]]);
    shadow.copyRest();
  }
  expect(harness.errors().join()).toContain('out of range');
  const saved = stateOf(harness).save();
  const second = make();
  shadow.restore(second.operator);
  expect(stateOf(second).save()).toEqual(saved);
  let refused = 0;
  for (let n = 0; n < 2000; n++) {
    try {
      stateOf(make()).restore(broken(random, saved));
    } catch (error) {
      expect(error).toBeInstanceOf(SqlError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1000);
});

it('does not give the rows of a constant again', () => {
  const columns = [input[0]];
  const rows = [1, 2, 3].map((n) => ({ row: [n], weight: 1 }));
  const source = () => new OperatorHarness(() => new ConstantSource(columns, rows), []);
  const first = source();
  expect(first.step().rows).toEqual(rows);
  const second = source();
  new StateShadow(first.operator).restore(second.operator);
  expect(second.step().rows).toEqual([]);
});
