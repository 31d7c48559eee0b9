/**
 * `x = ANY (array)` and `x <> ALL (array)`: over an array that is known while planning it becomes a
 * list of comparisons (a lookup by several keys, if x is indexed), else a call.
 */
import type { Expression } from '../ast.ts';
import { operatorsNamed } from '../../../dataflow/expr/function-table.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Scalar } from '../logical/scalar.ts';
import { and, constant, or } from '../logical/scalar.ts';
import { typeNamed } from '../types/type-name.ts';
import { chooseFunction } from '../types/overload.ts';
import type { BindContext } from './context.ts';
import { coerceOrFail, isUnknown } from './coerce.ts';
import { applyChoice, callOperator, momentsOf } from './operator-call.ts';

/** Binds `operand op ANY/ALL (given)`. Throws 42809 if the right side is no array. */
export function bindQuantified(
  context: BindContext,
  expression: Extract<Expression, { kind: 'quantified' }>,
  operand: Scalar,
  given: Scalar,
): Scalar {
  const { operator, all, position } = expression;
  const array = typedArray(context, operand, given, position);
  const element = typeInfo(array.type).element;
  if (element === undefined) {
    throw sqlError('42809', 'op ANY/ALL (array) requires array on right side', { position });
  }
  const elements = knownElements(array);
  if (elements !== undefined) {
    const tests = elements.map((value) =>
      callOperator(context, operator, [operand, constant(value, element)], position),
    );
    return all ? and(tests) : or(tests);
  }
  return membership(context, operator, all, operand, array, position);
}

/** An untyped literal or parameter is an array of the operand's type. */
function typedArray(
  context: BindContext,
  operand: Scalar,
  array: Scalar,
  position: number,
): Scalar {
  if (!isUnknown(array)) return array;
  const element: TypeName = isUnknown(operand) ? 'text' : operand.type;
  const type = typeNamed(`_${element}`);
  if (type === undefined) throw unsupported(`an array of ${element}`, position);
  return coerceOrFail(context, array, { name: type, modifier: -1 }, 'implicit', position);
}

/** The elements of an array that is a constant, or a parameter whose value is given. */
function knownElements(array: Scalar): readonly Datum[] | undefined {
  if (array.kind !== 'constant' || array.value === null) return undefined;
  const { value } = array;
  return typeof value === 'object' && 'kind' in value && value.kind === 'array'
    ? value.elements
    : undefined;
}

/** The function of the table that searches an array. */
function membership(
  context: BindContext,
  operator: string,
  all: boolean,
  operand: Scalar,
  array: Scalar,
  position: number,
): Scalar {
  const spelled = operator === '!=' ? '<>' : operator;
  const choice = chooseFunction(operatorsNamed(`${spelled} ${all ? 'all' : 'any'}`), [
    operand.type,
    array.type,
  ]);
  if (typeof choice === 'string')
    throw unsupported(`${operator} ${all ? 'ALL' : 'ANY'} over such an array`, position);
  const args = [operand, array];
  const [left = operand, right = array] = momentsOf(context, choice.entry, args);
  return left === operand && right === array
    ? applyChoice(context, choice, args, position)
    : membership(context, operator, all, left, right, position);
}
