/** Two programs in a row as one. */
import type { Expr, Program } from '../../../dataflow/expr/expr.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { defined, unreachable } from '../../base/assert.ts';
import { datumText } from '../logical/scalar.ts';

/** The program that does `first` and then `second`. Equal nodes are one. */
export function compose(first: Program, second: Program): Program {
  const nodes: Expr[] = [];
  const numbers = new Map<string, number>();
  const add = (node: Expr): number => {
    const text =
      node.kind === 'constant'
        ? `constant ${node.type} ${datumText(node.value)}`
        : JSON.stringify(node);
    const known = numbers.get(text);
    if (known !== undefined) return known;
    nodes.push(node);
    numbers.set(text, nodes.length - 1);
    return nodes.length - 1;
  };
  const firstNumbers = copy(first.nodes, add, (node) => add(node));
  const secondNumbers = copy(second.nodes, add, (node) => {
    const below = defined(
      first.outputs[node.column],
      'the second program reads outputs of the first',
    );
    const id = defined(firstNumbers[below], 'outputs are nodes');
    const made = defined(nodes[id], 'nodes are added');
    return made.type === node.type ? id : add(retype(made, node.type));
  });
  const pick = (list: readonly number[], map: readonly number[]): readonly number[] =>
    list.map((id) => defined(map[id], 'nodes are copied'));
  return {
    nodes,
    filters: [...pick(first.filters, firstNumbers), ...pick(second.filters, secondNumbers)],
    outputs: pick(second.outputs, secondNumbers),
  };
}

type ColumnNode = Extract<Expr, { kind: 'column' }>;

/** Copies nodes in order; `column` says what stands for a column. Answers the new numbers. */
function copy(
  source: readonly Expr[],
  add: (node: Expr) => number,
  column: (node: ColumnNode) => number,
): readonly number[] {
  const numbers: number[] = [];
  const of = (id: number): number => defined(numbers[id], 'children come first');
  for (const node of source) {
    switch (node.kind) {
      case 'column':
        numbers.push(column(node));
        break;
      case 'constant':
        numbers.push(add(node));
        break;
      case 'call':
        numbers.push(add({ ...node, args: node.args.map(of) }));
        break;
      case 'and':
      case 'or':
        numbers.push(add({ ...node, args: node.args.map(of) }));
        break;
      case 'coalesce':
        numbers.push(add({ ...node, args: node.args.map(of) }));
        break;
      case 'not':
      case 'isNull':
        numbers.push(add({ ...node, arg: of(node.arg) }));
        break;
      case 'case':
        numbers.push(
          add({
            ...node,
            otherwise: of(node.otherwise),
            branches: node.branches.map(([when, then]): readonly [number, number] => [
              of(when),
              of(then),
            ]),
          }),
        );
        break;
      default:
        return unreachable(node);
    }
  }
  return numbers;
}

/** A node under another type of the same bytes. */
export function retype(node: Expr, type: TypeName): Expr {
  switch (node.kind) {
    case 'column':
      return { ...node, type };
    case 'constant':
      return { ...node, type };
    case 'call':
      return { ...node, type };
    case 'coalesce':
      return { ...node, type };
    case 'case':
      return { ...node, type };
    case 'and':
    case 'or':
    case 'not':
    case 'isNull':
      return node;
    default:
      return unreachable(node);
  }
}
