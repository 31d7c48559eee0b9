/** From the aggregates of a plan to the objects that compute them. */
import { assert, unreachable } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Accumulator } from './accumulator.ts';
import { BoolFold } from './bool-fold.ts';
import { Collect } from './collect.ts';
import { Count } from './count.ts';
import { DistinctValues, overArguments } from './distinct-values.ts';
import { DoubleSum } from './double-sum.ts';
import { Extreme } from './extreme.ts';
import { IntegerSum } from './integer-sum.ts';
import { IntervalSum } from './interval-sum.ts';
import { NumericSum } from './numeric-sum.ts';
import type { StateMemory } from './state-memory.ts';
import { Variance } from './variance.ts';

/** The accumulator of an aggregate over input rows of the given columns. */
export function makeAccumulator(
  memory: StateMemory,
  aggregate: Aggregate,
  input: readonly ColumnType[],
  pool: SlabPool,
): Accumulator {
  const { fn, argument, argument2, distinct, filter } = aggregate;
  // One of equal values or all of them: these give the same.
  const idempotent = fn === 'min' || fn === 'max' || fn === 'bool_and' || fn === 'bool_or';
  if (distinct && !idempotent) {
    const columns = argument2 < 0 ? [argument] : [argument, argument2];
    const types = columns.map((column) => input[column]);
    const inner = makePlain(memory, overArguments(aggregate, columns), types, true);
    return new DistinctValues(memory, columns, types, inner, pool);
  }
  const ownCount = filter >= 0 || (argument >= 0 && input[argument].nullable);
  return makePlain(memory, aggregate, input, ownCount);
}

/** `ownCount`: whether some rows of a group may not count. */
function makePlain(
  memory: StateMemory,
  aggregate: Aggregate,
  input: readonly ColumnType[],
  ownCount: boolean,
): Accumulator {
  const { fn } = aggregate;
  switch (fn) {
    case 'count':
      return new Count(memory, ownCount);
    case 'sum':
    case 'avg':
      return makeSum(memory, fn, aggregate, ownCount);
    case 'min':
    case 'max':
      return new Extreme(memory, aggregate);
    case 'bool_and':
    case 'bool_or':
      return new BoolFold(memory, aggregate, ownCount);
    case 'stddev_samp':
    case 'stddev_pop':
    case 'var_samp':
    case 'var_pop':
      return new Variance(memory, aggregate);
    case 'string_agg':
    case 'array_agg':
    case 'jsonb_agg':
    case 'jsonb_object_agg':
      return new Collect(memory, aggregate, input);
    default:
      return unreachable(fn);
  }
}

function makeSum(
  memory: StateMemory,
  fn: 'sum' | 'avg',
  aggregate: Aggregate,
  ownCount: boolean,
): Accumulator {
  const { argument, argumentType } = aggregate;
  switch (argumentType) {
    case 'float4':
    case 'float8':
      return new DoubleSum(memory, aggregate, ownCount);
    case 'numeric':
      return new NumericSum(memory, aggregate);
    case 'interval':
      return new IntervalSum(memory, aggregate);
    default: {
      const integer = argumentType === 'int2' || argumentType === 'int4' || argumentType === 'int8';
      assert(integer, `${fn} of ${argumentType} is defined`);
      return new IntegerSum(memory, fn, argument, argumentType, ownCount);
    }
  }
}
