/** Subqueries in expressions. They stay where they are until `hoist` turns them into joins. */
import type { Expression } from '../ast.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import { defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Column } from '../logical/column.ts';
import type { Rel } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { columnReference, not } from '../logical/scalar.ts';
import { typeNamed } from '../types/type-name.ts';
import { compareRows } from './comparison.ts';
import type { BoundQuery, Environment } from './environment.ts';
import { callOperator } from './operator-call.ts';

type Kind<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

/** The rows of a query in an expression: LIMIT applied, order forgotten. */
export function rowsOf(bound: BoundQuery): Rel {
  if (bound.limit < 0 && bound.offset === 0) return bound.rel;
  return {
    kind: 'topk',
    input: bound.rel,
    keys: [],
    order: bound.order,
    limit: bound.limit,
    offset: bound.offset,
  };
}

function onlyColumn(bound: BoundQuery, position: number): Column {
  if (bound.outputs.length !== 1)
    throw sqlError('42601', 'subquery must return only one column', { position });
  return defined(bound.outputs[0], 'a subquery has a column').column;
}

/** Binds a scalar, EXISTS or ARRAY subquery. */
export function bindSubquery(expression: Kind<'subquery'>, environment: Environment): Scalar {
  const { position, form } = expression;
  const bound = environment.bindQuery(expression.query, { ...environment, outer: environment });
  const rel = rowsOf(bound);
  if (form === 'exists') {
    return {
      kind: 'subquery',
      form,
      rel,
      output: null,
      test: null,
      position,
      type: 'bool',
      modifier: -1,
      order: [],
    };
  }
  const output = onlyColumn(bound, position);
  if (form === 'scalar') {
    return {
      kind: 'subquery',
      form,
      rel,
      output,
      test: null,
      position,
      type: output.type,
      modifier: output.modifier,
      order: [],
    };
  }
  const type = typeNamed(`_${output.type}`);
  if (type === undefined)
    throw unsupported(`an array of ${typeInfo(output.type).sqlName}`, position);
  return {
    kind: 'subquery',
    form,
    rel,
    output,
    test: null,
    position,
    type,
    modifier: -1,
    order: bound.order,
  };
}

/**
 * `x IN (query)`, `x op ANY (query)`, `x op ALL (query)`: the last is "no row for which it does not
 * hold".
 */
export function bindSubqueryComparison(
  expression: Kind<'subqueryComparison'>,
  environment: Environment,
  bind: (child: Expression) => Scalar,
): Scalar {
  const { operand, operator, position, form } = expression;
  const parts = operand.kind === 'row' ? operand.elements.map(bind) : [bind(operand)];
  const bound = environment.bindQuery(expression.query, { ...environment, outer: environment });
  if (bound.outputs.length > parts.length)
    throw sqlError('42601', 'subquery has too many columns', { position });
  if (bound.outputs.length < parts.length)
    throw sqlError('42601', 'subquery has too few columns', { position });
  const right = bound.outputs.map((output) => columnReference(output.column));
  const pairs = parts.map((part, i): readonly [Scalar, Scalar] => [
    part,
    defined(right[i], 'as many columns'),
  ]);
  const compared =
    operand.kind === 'row'
      ? compareRows(environment.context, operator, pairs, position)
      : callOperator(environment.context, operator, defined(pairs[0], 'one part'), position);
  if (compared.type !== 'bool')
    throw sqlError(
      '42804',
      'row comparison operator must yield type boolean, not type ' +
        typeInfo(compared.type).sqlName,
      { position },
    );
  const test = form === 'all' ? not(compared) : compared;
  const any: Scalar = {
    kind: 'subquery',
    form: 'any',
    rel: rowsOf(bound),
    output: null,
    test,
    position,
    type: 'bool',
    modifier: -1,
    order: [],
  };
  return (form === 'all') === expression.negated ? any : not(any);
}
