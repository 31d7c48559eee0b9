/** A program without the nodes that no filter and no output needs. */
import type { Expr, Program } from '../../../dataflow/expr/expr.ts';
import { defined } from '../../base/assert.ts';

/** The same program, its nodes renumbered. */
export function prunedProgram(program: Program): Program {
  const needed = new Set([...program.filters, ...program.outputs]);
  // Children have smaller numbers, so one pass from the end finds all that is needed.
  for (let n = program.nodes.length - 1; n >= 0; n--) {
    if (needed.has(n))
      for (const child of childrenOf(defined(program.nodes[n], 'a node of the program')))
        needed.add(child);
  }
  if (needed.size === program.nodes.length) return program;
  const numbers = new Map(
    [...needed].sort((a, b) => a - b).map((old, position) => [old, position]),
  );
  const number = (old: number): number => defined(numbers.get(old), 'a needed node has a number');
  return {
    nodes: program.nodes.flatMap((node, n) => (needed.has(n) ? [renumbered(node, number)] : [])),
    filters: program.filters.map(number),
    outputs: program.outputs.map(number),
  };
}

function childrenOf(node: Expr): readonly number[] {
  switch (node.kind) {
    case 'column':
    case 'constant':
      return [];
    case 'call':
    case 'and':
    case 'or':
    case 'coalesce':
      return node.args;
    case 'not':
    case 'isNull':
      return [node.arg];
    case 'case':
      return [...node.branches.flat(), node.otherwise];
  }
}

function renumbered(node: Expr, number: (old: number) => number): Expr {
  switch (node.kind) {
    case 'column':
    case 'constant':
      return node;
    case 'call':
    case 'and':
    case 'or':
    case 'coalesce':
      return { ...node, args: node.args.map(number) };
    case 'not':
    case 'isNull':
      return { ...node, arg: number(node.arg) };
    case 'case':
      return {
        ...node,
        otherwise: number(node.otherwise),
        branches: node.branches.map(([condition, result]): readonly [number, number] => [
          number(condition),
          number(result),
        ]),
      };
  }
}
