/**
 * Equal values that can be told apart: numeric 1.0 and 1.00, −0 and 0, `1 day` and `24 hours`.
 * DISTINCT, groups, EXCEPT ALL and INTERSECT ALL take them for one, casts to text (among others) do
 * not. What sees the spelling of a value may therefore not be moved below what merges spellings.
 */
import { functionByKey } from '../../../dataflow/expr/function-table.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { Column } from './column.ts';
import type { Call, Scalar } from './scalar.ts';

/** Whether equal values of a type have the same bytes. A numeric of a fixed scale has one form. */
export function isSpelledOneWay(value: {
  readonly type: TypeName;
  readonly modifier: number;
}): boolean {
  const { equality } = typeInfo(value.type);
  return (
    equality === 'integer' ||
    equality === 'bytes' ||
    (equality === 'numeric' && value.modifier >= 0)
  );
}

/** The columns whose equal values may differ. */
export function spelledColumns(columns: readonly Column[]): readonly Column[] {
  return columns.filter((column) => !isSpelledOneWay(column));
}

/** What compares values, and so takes all spellings of a value for the same. */
const comparisons: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);

/** What makes equal numbers of equal numbers. (Division does not: 1.0 / 3 has fewer digits.) */
const arithmetic: ReadonlySet<string> = new Set(['cast', '+', '-', '*']);

/** Whether equal values of the columns it reads always give it equal values. */
export function respectsEquality(scalar: Scalar): boolean {
  switch (scalar.kind) {
    case 'column':
    case 'constant':
    case 'parameter':
      return true;
    case 'and':
    case 'or':
    case 'same':
    case 'coalesce':
      return scalar.args.every(respectsEquality);
    case 'not':
    case 'isNull':
      return respectsEquality(scalar.arg);
    case 'case':
      return (
        scalar.branches.every((branch) => branch.every(respectsEquality)) &&
        respectsEquality(scalar.otherwise)
      );
    case 'call': {
      if (!scalar.args.every(respectsEquality)) return false;
      const name = functionByKey(scalar.fn)?.name;
      if (name !== undefined && comparisons.has(name)) return true;
      if (name !== undefined && arithmetic.has(name) && isNumber(scalar)) return true;
      return scalar.args.every((arg) => isSpelledOneWay(arg) || arg.kind === 'constant');
    }
    case 'subquery':
      return false;
  }
}

/** A number made from numbers: from a text or a json it could depend on how those are spelled. */
function isNumber(call: Call): boolean {
  return [call, ...call.args].every((each) => typeInfo(each.type).category === 'N');
}
