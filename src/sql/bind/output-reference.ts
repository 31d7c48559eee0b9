/**
 * GROUP BY, ORDER BY and DISTINCT ON may name a result column by its name or number, or be an
 * expression. An expression that the select list does not hold is added to it, hidden.
 */
import type { Expression } from '../ast.ts';
import { sqlError } from '../../base/error.ts';
import type { Scalar } from '../logical/scalar.ts';
import { sameScalar } from '../logical/scalar.ts';
import { settleUnknown } from './coerce.ts';
import type { Environment } from './environment.ts';
import { bindExpression } from './expression.ts';

/** A column of the select list, or a hidden one behind it. */
export interface Item {
  readonly name: string;
  readonly scalar: Scalar;
  readonly tableOid: number;
  readonly attribute: number;
  readonly position: number;
}

export type ReferenceClause = 'ORDER BY' | 'GROUP BY' | 'DISTINCT ON';

/** The number of the item that is meant; may append one. */
export function bindOutputReference(
  expression: Expression,
  items: Item[],
  environment: Environment,
  clause: ReferenceClause,
): number {
  const { position } = expression;
  if (expression.kind === 'column' && expression.name.parts.length === 1) {
    const found = byName(expression.name.parts[0] ?? '', items, environment, clause, position);
    if (found !== undefined) return found;
  }
  const number = signedNumber(expression);
  if (number !== null) return byNumber(number, items, clause, position);
  if (expression.kind === 'string' || expression.kind === 'boolean' || expression.kind === 'null') {
    throw sqlError('42601', `non-integer constant in ${clause}`, { position });
  }
  const scalar = settleUnknown(environment.context, bindExpression(expression, environment));
  const same = items.findIndex((item) => sameScalar(item.scalar, scalar));
  if (same >= 0) return same;
  items.push({ name: '', scalar, tableOid: 0, attribute: 0, position });
  return items.length - 1;
}

/** The digits of a literal, with its sign; null for anything else. */
export function signedNumber(expression: Expression): string | null {
  if (expression.kind === 'number') return expression.text;
  if (expression.kind !== 'unary' || expression.operator !== '-') return null;
  const { operand, position } = expression;
  // A minus that is part of the literal is at the literal's place.
  return operand.kind === 'number' && operand.position === position ? `-${operand.text}` : null;
}

/** GROUP BY looks for an input column first, the others do not. */
function byName(
  name: string,
  items: readonly Item[],
  environment: Environment,
  clause: ReferenceClause,
  position: number,
): number | undefined {
  if (clause === 'GROUP BY') {
    const isInput = environment.scope.items.some(
      (item) => item.columnsVisible && item.columns.some((column) => column.name === name),
    );
    if (isInput) return undefined;
  }
  const matches = items.flatMap((item, i) => (item.name === name ? [i] : []));
  const [first] = matches;
  if (first === undefined) return undefined;
  const meant = items[first];
  const ambiguous = matches.some((i) => {
    const other = items[i];
    return meant !== undefined && other !== undefined && !sameScalar(meant.scalar, other.scalar);
  });
  if (ambiguous) throw sqlError('42702', `${clause} "${name}" is ambiguous`, { position });
  return first;
}

function byNumber(
  text: string,
  items: readonly Item[],
  clause: ReferenceClause,
  position: number,
): number {
  if (!/^-?\d+$/.test(text))
    throw sqlError('42601', `non-integer constant in ${clause}`, { position });
  const index = Number(text) - 1;
  const item = items[index];
  if (item === undefined || item.name === '') {
    throw sqlError('42P10', `${clause} position ${text} is not in select list`, { position });
  }
  return index;
}
