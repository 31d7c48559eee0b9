/**
 * The order in which a node's unconditional descendants are evaluated: arguments before their call,
 * left before right, each once. Executors walk it instead of recursing, so that a chain of a
 * thousand operators costs no stack; only lazy children (later arguments of AND, branches of CASE)
 * recurse.
 */
import { unreachable } from '../../src/base/assert.ts';
import type { Expr } from './expr.ts';

/** Children that are evaluated whenever the node is. */
function strictChildren(node: Expr): readonly number[] {
  switch (node.kind) {
    case 'column':
    case 'constant':
      return [];
    case 'call':
      return node.args;
    case 'not':
    case 'isNull':
      return [node.arg];
    case 'and':
    case 'or':
    case 'coalesce':
      return node.args.slice(0, 1);
    case 'case':
      return [node.branches[0]?.[0] ?? node.otherwise];
    default:
      return unreachable(node);
  }
}

/**
 * The nodes to evaluate for `root`, itself last; those that are `known`, and what is below, left
 * out.
 */
export function strictOrder(
  nodes: readonly Expr[],
  root: number,
  known: (n: number) => boolean,
): number[] {
  const order: number[] = [];
  const seen = new Set<number>();
  /** Pairs: a node, and how many of its children are done. */
  const path: [number, number][] = [[root, 0]];
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const [n, done] = top;
    const children = strictChildren(nodes[n]);
    if (done === children.length) {
      order.push(n);
      path.pop();
      continue;
    }
    top[1]++;
    const child = children[done];
    if (seen.has(child) || known(child)) continue;
    seen.add(child);
    path.push([child, 0]);
  }
  return order;
}
