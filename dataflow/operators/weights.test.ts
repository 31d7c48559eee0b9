/**
 * Goal: operators that sum weights do so exactly, however large they are: of single changes up to
 * 2^31 - 1, of sums beyond. Method: random steps against the reference evaluator (`checkOperator`)
 * with weights around the sizes at which the sums of integers, numerics and doubles change form.
 */
import { describe, it } from 'vitest';
import { checkOperator } from '../../test/support/operator-check.ts';
import type { Aggregate, Node } from '../plan/plan.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { DistinctOperator } from './distinct.ts';
import { ReduceOperator } from './reduce.ts';
import { ThresholdOperator } from './threshold.ts';
import { TopkOperator } from './topk.ts';

const weights = [2 ** 31 - 1, 1 - 2 ** 31, 2 ** 21, -(2 ** 20) - 1, 2 ** 20 + 1, 3, 9];

/** Aggregates of a type, and the types of their results. */
function aggregatesOf(type: TypeName): readonly (readonly [Aggregate['fn'], TypeName])[] {
  const extremes = [
    ['count', 'int8'],
    ['min', type],
    ['max', type],
  ] as const;
  switch (type) {
    case 'bool':
      return [
        ['count', 'int8'],
        ['bool_and', 'bool'],
        ['bool_or', 'bool'],
      ];
    case 'interval':
      return [...extremes, ['sum', type], ['avg', type]];
    case 'int2':
    case 'int4':
    case 'int8':
    case 'numeric': {
      const sum = type === 'int8' || type === 'numeric' ? 'numeric' : 'int8';
      return [...extremes, ['sum', sum], ['avg', 'numeric'], ['var_samp', 'numeric']];
    }
    case 'float4':
    case 'float8':
      return [...extremes, ['sum', type], ['avg', 'float8'], ['stddev_pop', 'float8']];
    default:
      return extremes;
  }
}

function reduceNode(input: readonly ColumnType[]): Extract<Node, { kind: 'reduce' }> {
  const [key, { type: argumentType }] = input;
  const aggregates = aggregatesOf(argumentType).flatMap(([fn, type], i) =>
    [false, true].map((distinct): Aggregate => ({
      fn,
      argument: 1,
      argument2: -1,
      argumentType,
      filter: (i + Number(distinct)) % 3 === 0 ? 2 : -1,
      distinct,
      order: [],
      type,
    })),
  );
  const values = aggregates.map(({ type, fn }) => ({ type, nullable: fn !== 'count' }));
  return { kind: 'reduce', input: 0, key: [0], aggregates, columns: [key, ...values] };
}

const common = { steps: 20, rows: 10, changes: 8, weights } as const;

describe('weights of any size', () => {
  it.each([
    'int2',
    'int4',
    'int8',
    'numeric',
    'float4',
    'float8',
    'interval',
    'bool',
    'text',
  ] as const)('in groups of %s', (type) => {
    for (let seed = 1; seed <= 4; seed++) {
      const nullable = seed % 2 === 0;
      const input: readonly ColumnType[] = [
        { type: 'int4', nullable },
        { type, nullable },
        { type: 'bool', nullable: true },
      ];
      const node = reduceNode(input);
      checkOperator({
        ...common,
        make: (pool) => new ReduceOperator(node, input, pool),
        node,
        input,
        seed,
      });
    }
  });

  it('of whole rows', () => {
    const input: readonly ColumnType[] = [
      { type: 'int4', nullable: true },
      { type: 'numeric', nullable: true },
    ];
    for (let seed = 1; seed <= 12; seed++) {
      const check = { ...common, input, seed };
      checkOperator({
        ...check,
        make: (pool) => new DistinctOperator(input, pool),
        node: { kind: 'distinct', input: 0, columns: input },
        negative: true,
      });
      checkOperator({
        ...check,
        make: (pool) => new ThresholdOperator(input, pool),
        node: { kind: 'threshold', input: 0, columns: input },
        negative: true,
      });
      const node: Extract<Node, { kind: 'topk' }> = {
        kind: 'topk',
        input: 0,
        key: [0],
        order: [{ column: 1, descending: seed % 2 === 0, nullsFirst: seed % 3 === 0 }],
        limit: [1, 5, -1, 2 ** 31, 2 ** 32][seed % 5],
        offset: [0, 3, 2 ** 31][seed % 3],
        columns: input,
      };
      checkOperator({ ...check, make: (pool) => new TopkOperator(node, input, pool), node });
    }
  });
});
