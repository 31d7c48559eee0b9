/** Subscripts: elements of arrays by number, parts of jsonb by key or number. */
import type { Expression } from '../ast.ts';
import { functionsNamed } from '../../../dataflow/expr/function-table.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Scalar } from '../logical/scalar.ts';
import { chooseFunction } from '../types/overload.ts';
import { coerceOrFail, isUnknown } from './coerce.ts';
import type { BindContext } from './context.ts';
import { applyChoice, callOperator } from './operator-call.ts';

/** Binds one or several subscripts. Throws 42804 for a type that has none. */
export function bindSubscript(
  context: BindContext, expression: Extract<Expression, { kind: 'subscript' }>, bind: (child: Expression) => Scalar,
): Scalar {
  const { position } = expression;
  return expression.subscripts.reduce((operand, subscript) => {
    if (subscript.slice || subscript.upper === null) throw unsupported('an array slice', position);
    const index = bind(subscript.upper);
    if (operand.type === 'jsonb') return callOperator(context, '->', [operand, index], position);
    if (typeInfo(operand.type).element === undefined) {
      throw sqlError('42804', `cannot subscript type ${typeInfo(operand.type).sqlName} because it does not support subscripting`, { position });
    }
    const number = coerceOrFail(context, index, { name: 'int4', modifier: -1 }, isUnknown(index) ? 'implicit' : 'assignment', position);
    const choice = chooseFunction(functionsNamed('array_element'), [operand.type, number.type]);
    if (typeof choice === 'string') throw unsupported(`a subscript of type ${typeInfo(operand.type).sqlName}`, position);
    return applyChoice(context, choice, [operand, number], position);
  }, bind(expression.operand));
}
