/** Comparisons that are more than one operator: IS DISTINCT FROM, and rows part by part. */
import type { Expression } from '../ast.ts';
import { assert, defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Scalar } from '../logical/scalar.ts';
import { and, caseOf, isNull, not, or, trueConstant } from '../logical/scalar.ts';
import type { BindContext } from './context.ts';
import { callOperator } from './operator-call.ts';

type Kind<K extends Expression['kind']> = Extract<Expression, { kind: K }>;
type Bind = (child: Expression) => Scalar;

/** True if one is NULL and the other is not, or both are not and differ; never NULL. */
export function isDistinct(
  context: BindContext,
  expression: Kind<'isDistinct'>,
  bind: Bind,
): Scalar {
  const { left, right, position } = expression;
  if (left.kind === 'row' && right.kind === 'row') {
    const pairs = rowPairs(left, right, position);
    return or(pairs.map(([a, b]) => distinct(context, bind(a), bind(b), position)));
  }
  return distinct(context, bind(left), bind(right), position);
}

function distinct(context: BindContext, a: Scalar, b: Scalar, position: number): Scalar {
  return distinctBy(callOperator(context, '=', [a, b], position), a, b);
}

/** The same from an equality at hand. */
function distinctBy(equal: Scalar, a: Scalar, b: Scalar): Scalar {
  return caseOf(
    [
      [isNull(a), not(isNull(b))],
      [isNull(b), trueConstant],
    ],
    not(equal),
    'bool',
  );
}

function rowPairs(
  left: Expression,
  right: Expression,
  position: number,
): readonly (readonly [Expression, Expression])[] {
  if (left.kind !== 'row' || right.kind !== 'row')
    throw unsupported('a comparison of a row with something else', position);
  if (left.elements.length !== right.elements.length) {
    throw sqlError('42601', 'unequal number of entries in row expressions', { position });
  }
  if (left.elements.length === 0) throw unsupported('a comparison of empty rows', position);
  return left.elements.map((element, i) => [
    element,
    defined(right.elements[i], 'rows are of one length'),
  ]);
}

/** `(a, b) < (c, d)`: equality part by part, order by the first part that differs. */
export function rowComparison(
  context: BindContext,
  expression: Kind<'binary'>,
  bind: Bind,
): Scalar {
  const { operator, position } = expression;
  const pairs = rowPairs(expression.left, expression.right, position).map(
    ([left, right]): readonly [Scalar, Scalar] => [bind(left), bind(right)],
  );
  return compareRows(context, operator, pairs, position);
}

/** The same for parts already bound. */
export function compareRows(
  context: BindContext,
  operator: string,
  pairs: readonly (readonly [Scalar, Scalar])[],
  position: number,
): Scalar {
  assert(pairs.length > 0, 'rows have parts');
  const compare = (name: string, [left, right]: readonly [Scalar, Scalar]): Scalar =>
    callOperator(context, name, [left, right], position);
  switch (operator) {
    case '=':
      return and(pairs.map((pair) => compare('=', pair)));
    case '<>':
    case '!=':
      return or(pairs.map((pair) => compare('<>', pair)));
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const strict = operator.slice(0, 1);
      const rest = pairs.slice(0, -1);
      const last = compare(operator, defined(pairs[pairs.length - 1], 'rows have parts'));
      return rest.reduceRight(
        (tail, pair) =>
          caseOf(
            [
              [compare(strict, pair), trueConstant],
              [compare('=', pair), tail],
            ],
            and([compare('=', pair), compare(strict, pair)]),
            'bool',
          ),
        last,
      );
    }
    default:
      throw unsupported(`operator ${operator} on rows`, position);
  }
}
