/**
 * Functions that only the planner calls: what a query implies or writes without naming a function.
 */
import { sqlError } from '../../../src/base/error.ts';
import { array, arrayOf } from '../../value/array.ts';
import { numberOf } from '../../value/scalar-words.ts';
import type { FunctionEntry } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

/** Names that SQL text cannot call: they contain a blank. */
export const singleRowName = 'single row';
export const sliceName = 'array slice';

export const internalFunctions: readonly FunctionEntry[] = [
  entry(
    'internal',
    sliceName,
    ['anyarray', 'int4', 'int4'],
    'anyarray',
    'The elements from one subscript to another: what array[a:b] becomes.',
    ([list, lower, upper]) =>
      array(
        arrayOf(list).elements.slice(
          Math.max(numberOf(lower) - 1, 0),
          Math.max(numberOf(upper), 0),
        ),
      ),
  ),
  entry(
    'internal',
    singleRowName,
    ['int8'],
    'bool',
    'True if the number of rows of a scalar subquery is at most one; an error otherwise.',
    ([count]) => {
      if (typeof count === 'bigint' && count <= 1n) return true;
      throw sqlError('21000', 'more than one row returned by a subquery used as an expression');
    },
  ),
];
