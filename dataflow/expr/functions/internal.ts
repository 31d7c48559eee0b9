/**
 * Functions that only the planner calls: checks that a query implies without naming them.
 */
import { sqlError } from '../../../src/base/error.ts';
import type { FunctionEntry } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

/** Names that SQL text cannot call: they contain a blank. */
export const singleRowName = 'single row';

export const internalFunctions: readonly FunctionEntry[] = [
  entry('internal', singleRowName, ['int8'], 'bool',
    'True if the number of rows of a scalar subquery is at most one; an error otherwise.',
    ([count]) => {
      if (typeof count === 'bigint' && count <= 1n) return true;
      throw sqlError('21000', 'more than one row returned by a subquery used as an expression');
    }),
];
