/** From the aggregates of a plan to the objects that compute them. */
import { assert } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import type { ColumnType } from '../value/type.ts';
import type { Accumulator } from './accumulator.ts';
import { Count } from './count.ts';
import { Extreme } from './extreme.ts';
import { IntegerSum } from './integer-sum.ts';
import type { StateMemory } from './state-memory.ts';

/** The accumulator of an aggregate over input rows of the given columns. */
export function makeAccumulator(
  memory: StateMemory, aggregate: Aggregate, input: readonly ColumnType[],
): Accumulator {
  const { fn, argument, argumentType } = aggregate;
  const ownCount = aggregate.filter >= 0 || (argument >= 0 && input[argument].nullable);
  if (fn === 'count') return new Count(memory, ownCount);
  if (fn === 'min' || fn === 'max') return new Extreme(memory, aggregate);
  assert(fn === 'sum' || fn === 'avg', `${fn} is an aggregate that is computed here`);
  return new IntegerSum(memory, fn, argument, argumentType, ownCount);
}
