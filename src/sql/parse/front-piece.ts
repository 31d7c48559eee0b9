/** Queries and expressions inside the front parser's statements: read by the grammar, in place. */
import { defined } from '../../base/assert.ts';
import type { Expression, Query } from '../ast.ts';
import { convertExpressions } from './convert-expression.ts';
import { convertQuery } from './convert-query.ts';
import type { Cursor } from './cursor.ts';
import { parsePiece } from './script.ts';

/** The query in the tokens from the cursor up to `to`; the cursor ends there. */
export function readQuery(cursor: Cursor, to: number): Query {
  const { script, at: from } = cursor;
  if (from >= to) throw cursor.syntaxError();
  const { node, conversion } = parsePiece(script, from, to);
  if (node === null || !('SelectStmt' in node)) throw script.syntaxError(from);
  cursor.at = to;
  return convertQuery(conversion, node.SelectStmt, conversion.start);
}

/** Expressions separated by commas, from the cursor up to `to`; at least one. */
export function readExpressions(cursor: Cursor, to: number): Expression[] {
  const { script, at: from } = cursor;
  if (from >= to) throw script.syntaxError(to);
  const { node, conversion } = parsePiece(script, from, to, 'SELECT ROW(', ')');
  const select = defined(node, 'there is a statement');
  const target = 'SelectStmt' in select ? select.SelectStmt.targetList?.[0] : undefined;
  const value = target !== undefined && 'ResTarget' in target ? target.ResTarget.val : undefined;
  // A closing parenthesis of the user's that ends our ROW leaves something else behind.
  if (value === undefined || !('RowExpr' in value)) throw script.syntaxError(from);
  cursor.at = to;
  return convertExpressions(conversion, value.RowExpr.args);
}

/** One expression up to `to`. */
export function readExpression(cursor: Cursor, to: number): Expression {
  const { script, at: from } = cursor;
  const expressions = readExpressions(cursor, to);
  const [expression] = expressions;
  if (expression === undefined || expressions.length > 1)
    throw script.syntaxError(topLevelComma(cursor, from, to));
  return expression;
}

/** The first comma outside parentheses and brackets; `to` if there is none. */
export function topLevelComma(cursor: Cursor, from: number, to: number): number {
  let depth = 0;
  for (let at = from; at < to; at++) {
    if (cursor.script.isSymbol(at, '(') || cursor.script.isSymbol(at, '[')) depth++;
    else if (cursor.script.isSymbol(at, ')') || cursor.script.isSymbol(at, ']')) depth--;
    else if (depth === 0 && cursor.script.isSymbol(at, ',')) return at;
  }
  return to;
}
