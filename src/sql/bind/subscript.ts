/** Subscripts: elements of arrays by number, parts of jsonb by key or number. */
import type { Expression } from '../ast.ts';
import { functionsNamed } from '../../../dataflow/expr/function-table.ts';
import { sliceName } from '../../../dataflow/expr/functions/internal.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Scalar } from '../logical/scalar.ts';
import { constant } from '../logical/scalar.ts';
import { chooseFunction } from '../types/overload.ts';
import { coerceOrFail, isUnknown } from './coerce.ts';
import type { BindContext } from './context.ts';
import { applyChoice, callOperator } from './operator-call.ts';

/** Binds one or several subscripts. Throws 42804 for a type that has none. */
export function bindSubscript(
  context: BindContext,
  expression: Extract<Expression, { kind: 'subscript' }>,
  bind: (child: Expression) => Scalar,
): Scalar {
  const { position } = expression;
  return expression.subscripts.reduce((operand, subscript) => {
    if (subscript.slice) return bindSlice(context, expression, operand, bind);
    if (subscript.upper === null) throw unsupported('this subscript', position);
    const index = bind(subscript.upper);
    if (operand.type === 'jsonb') return callOperator(context, '->', [operand, index], position);
    if (typeInfo(operand.type).element === undefined) {
      throw sqlError(
        '42804',
        `cannot subscript type ${typeInfo(operand.type).sqlName} because it does not support subscripting`,
        { position },
      );
    }
    const number = coerceOrFail(
      context,
      index,
      { name: 'int4', modifier: -1 },
      isUnknown(index) ? 'implicit' : 'assignment',
      position,
    );
    const choice = chooseFunction(functionsNamed('array_element'), [operand.type, number.type]);
    if (typeof choice === 'string')
      throw unsupported(`a subscript of type ${typeInfo(operand.type).sqlName}`, position);
    return applyChoice(context, choice, [operand, number], position);
  }, bind(expression.operand));
}

/** `list[a:b]`: an array again; a bound that is left out is that of the array. */
function bindSlice(
  context: BindContext,
  expression: Extract<Expression, { kind: 'subscript' }>,
  operand: Scalar,
  bind: (child: Expression) => Scalar,
): Scalar {
  const { position, subscripts } = expression;
  const [slice] = subscripts;
  if (slice === undefined || subscripts.length > 1)
    throw unsupported('a slice of several dimensions', position);
  const { element, sqlName } = typeInfo(operand.type);
  if (operand.type === 'jsonb')
    throw sqlError('42804', 'jsonb subscript does not support slices', { position });
  if (element === undefined) {
    throw sqlError(
      '42804',
      `cannot subscript type ${sqlName} because it does not support subscripting`,
      { position },
    );
  }
  const bound = (written: Expression | null, otherwise: number): Scalar => {
    if (written === null) return constant(otherwise, 'int4');
    const number = bind(written);
    return coerceOrFail(
      context,
      number,
      { name: 'int4', modifier: -1 },
      isUnknown(number) ? 'implicit' : 'assignment',
      position,
    );
  };
  const args = [operand, bound(slice.lower, 1), bound(slice.upper, 2 ** 31 - 1)];
  const choice = chooseFunction(
    functionsNamed(sliceName),
    args.map((arg) => arg.type),
  );
  if (typeof choice === 'string') throw unsupported(`a slice of type ${sqlName}`, position);
  return applyChoice(context, choice, args, position);
}
