/**
 * node-sql-parser nests operators with wrong precedence, but keeps their order and marks
 * parentheses. So every chain is flattened to its tokens and climbed again with Postgres' table.
 */
import { isEmpty, listOf, textOf, treeOf, Unread } from './tree.ts';
import type { Tree } from './tree.ts';

/** Our tree without positions and empty fields. */
export type Plain = Record<string, unknown>;

type Token =
  | { readonly kind: 'operand'; readonly value: unknown }
  | { readonly kind: 'infix' | 'prefix' | 'postfix'; readonly operator: string };

/** Binding strength, weakest first (Postgres manual, 4.1.6). */
const levels = new Map<string, number>([
  ['OR', 1],
  ['AND', 2],
  ['NOT', 3],
  ['IS', 4],
  ['IS NOT', 4],
  ['IS DISTINCT FROM', 4],
  ['IS NOT DISTINCT FROM', 4],
  ['<', 5],
  ['>', 5],
  ['=', 5],
  ['<=', 5],
  ['>=', 5],
  ['<>', 5],
  ['!=', 5],
  ['BETWEEN', 6],
  ['NOT BETWEEN', 6],
  ['IN', 6],
  ['NOT IN', 6],
  ['LIKE', 6],
  ['NOT LIKE', 6],
  ['ILIKE', 6],
  ['NOT ILIKE', 6],
  ['+', 8],
  ['-', 8],
  ['*', 9],
  ['/', 9],
  ['%', 9],
  ['^', 10],
  ['unary', 12],
]);

function levelOf(operator: string): number {
  return levels.get(operator) ?? 7;
}

/** Flattens and climbs; `leaf` translates operands, `combine` makes a node of ours. */
export function rebuild(
  node: unknown,
  leaf: (value: unknown) => Plain,
  combine: (
    operator: string,
    left: Plain,
    right: unknown,
    leaf: (value: unknown) => Plain,
  ) => Plain,
): Plain {
  const tokens: Token[] = [];
  flatten(node, tokens, true);
  let at = 0;
  const next = (): Token => {
    const token = tokens[at++];
    if (token === undefined) throw new Unread('an operand');
    return token;
  };
  const operand = (): Plain => {
    const token = next();
    if (token.kind === 'operand') return leaf(token.value);
    if (token.operator === 'NOT') return { kind: 'not', operand: climb(levelOf('NOT')) };
    return { kind: 'unary', operator: token.operator, operand: climb(levelOf('unary')) };
  };
  const climb = (least: number): Plain => {
    let left = operand();
    for (;;) {
      const token = tokens[at];
      if (token === undefined || token.kind !== 'infix' || levelOf(token.operator) < least)
        return left;
      at++;
      const level = levelOf(token.operator);
      left = isSpecial(token.operator)
        ? combine(token.operator, left, specialRight(next()), leaf)
        : combine(token.operator, left, climb(level + 1), leaf);
    }
  };
  return climb(0);
}

/** Operators whose right side is not an operand of a chain. */
function isSpecial(operator: string): boolean {
  return /^(NOT )?(IN|BETWEEN)$|^IS( NOT)?$/.test(operator);
}

function specialRight(token: Token): unknown {
  if (token.kind !== 'operand') throw new Unread('the right side of an operator');
  return token.value;
}

function flatten(node: unknown, tokens: Token[], isTop: boolean): void {
  const tree = treeOf(node);
  const isAtom = !isTop && !isEmpty(tree.get('parentheses'));
  if (!isAtom && tree.get('type') === 'binary_expr') {
    flattenBinary(tree, tokens);
  } else if (
    !isAtom &&
    tree.get('type') === 'unary_expr' &&
    ['-', '+', '~', 'NOT'].includes(textOf(tree.get('operator')).toUpperCase())
  ) {
    tokens.push({ kind: 'prefix', operator: textOf(tree.get('operator')).toUpperCase() });
    flatten(tree.get('expr'), tokens, false);
  } else {
    tokens.push({ kind: 'operand', value: node });
  }
}

function flattenBinary(tree: Tree, tokens: Token[]): void {
  const operator = textOf(tree.get('operator')).toUpperCase().replace(/\s+/g, ' ');
  flatten(tree.get('left'), tokens, false);
  tokens.push({ kind: 'infix', operator });
  if (!isSpecial(operator)) return flatten(tree.get('right'), tokens, false);
  const right = treeOf(tree.get('right'));
  // The upper bound of BETWEEN swallows what follows it.
  if (right.get('type') === 'expr_list' && operator.endsWith('BETWEEN')) {
    for (const bound of listOf(right.get('value'))) {
      const inner = treeOf(bound);
      if (
        isEmpty(inner.get('parentheses')) &&
        inner.get('type') === 'binary_expr' &&
        ['AND', 'OR'].includes(textOf(inner.get('operator')).toUpperCase())
      )
        throw new Unread('a swallowed bound');
    }
  }
  if (right.get('type') === 'binary_expr' && isEmpty(right.get('parentheses')))
    throw new Unread('a swallowed right side');
  tokens.push({ kind: 'operand', value: tree.get('right') });
}
