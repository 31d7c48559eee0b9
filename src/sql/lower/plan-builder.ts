/**
 * Nodes of a plan under construction. A node that is already there is not made again, so equal
 * subplans are one; unions are flattened and projections that change nothing left out as they come.
 */
import type { Expr, Program } from '../../../dataflow/expr/expr.ts';
import { functionByKey } from '../../../dataflow/expr/function-table.ts';
import type { Aggregate, Node, Order, Plan } from '../../../dataflow/plan/plan.ts';
import type { Update } from '../../../dataflow/value/datum.ts';
import type { ColumnType } from '../../../dataflow/value/type.ts';
import { assert, defined } from '../../base/assert.ts';
import { datumText } from '../logical/scalar.ts';
import { compose } from './compose.ts';

/** Constants with more rows are not looked for among the nodes there are. */
const constantRowsShared = 100;

/** Number of a node. */
export type NodeId = number;

/** The nodes made so far; see above. */
export class PlanBuilder {
  readonly #nodes: Node[] = [];
  readonly #numbers = new Map<string, NodeId>();

  #add(node: Node): NodeId {
    if (node.kind === 'constant' && node.rows.length > constantRowsShared)
      return this.#nodes.push(node) - 1;
    const text = datumTextOf(node);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#nodes.push(node);
    this.#numbers.set(text, this.#nodes.length - 1);
    return this.#nodes.length - 1;
  }

  node(id: NodeId): Node {
    return defined(this.#nodes[id], `node ${id} exists`);
  }

  columns(id: NodeId): readonly ColumnType[] {
    return this.node(id).columns;
  }

  constant(rows: readonly Update[], columns: readonly ColumnType[]): NodeId {
    return this.#add({ kind: 'constant', rows, columns });
  }

  isEmpty(id: NodeId): boolean {
    const node = this.node(id);
    return node.kind === 'constant' && node.rows.length === 0;
  }

  empty(columns: readonly ColumnType[]): NodeId {
    return this.constant([], columns);
  }

  get(collection: number, demand: readonly number[], columns: readonly ColumnType[]): NodeId {
    return this.#add({ kind: 'get', collection, demand, columns });
  }

  /** Filter, map, project. */
  mfp(input: NodeId, program: Program): NodeId {
    const columns = outputColumns(program, this.columns(input));
    if (isIdentity(program, this.columns(input))) return input;
    if (this.isEmpty(input)) return this.empty(columns);
    const below = this.node(input);
    if (below.kind === 'mfp') return this.mfp(below.input, compose(below.program, program));
    if (below.kind === 'union')
      return this.union(
        below.inputs.map((each) => this.mfp(each, program)),
        columns,
      );
    return this.#add({ kind: 'mfp', input, program, columns });
  }

  /** Only the given columns, in their order. */
  project(input: NodeId, keep: readonly number[]): NodeId {
    const columns = this.columns(input);
    const nodes = keep.map((column): Expr => ({
      kind: 'column',
      column,
      type: defined(columns[column], 'a kept column exists').type,
    }));
    return this.mfp(input, { nodes, filters: [], outputs: keep.map((_, i) => i) });
  }

  join(
    left: NodeId,
    right: NodeId,
    leftKey: readonly number[],
    rightKey: readonly number[],
    nullsEqual: boolean,
    residual: Program | null,
  ): NodeId {
    assert(leftKey.length === rightKey.length, 'a join has as many left as right keys');
    const columns = [...this.columns(left), ...this.columns(right)];
    if (this.isEmpty(left) || this.isEmpty(right)) return this.empty(columns);
    return this.#add({
      kind: 'join',
      left,
      right,
      leftKey,
      rightKey,
      nullsEqual,
      residual,
      columns,
    });
  }

  semijoin(
    left: NodeId,
    right: NodeId,
    leftKey: readonly number[],
    rightKey: readonly number[],
    anti: boolean,
    nullsEqual: boolean,
  ): NodeId {
    assert(leftKey.length === rightKey.length, 'a semijoin has as many left as right keys');
    const columns = this.columns(left);
    if (this.isEmpty(left)) return left;
    if (this.isEmpty(right)) return anti ? left : this.empty(columns);
    return this.#add({
      kind: 'semijoin',
      left,
      right,
      leftKey,
      rightKey,
      anti,
      nullsEqual,
      columns,
    });
  }

  reduce(
    input: NodeId,
    key: readonly number[],
    aggregates: readonly Aggregate[],
    columns: readonly ColumnType[],
  ): NodeId {
    if (this.isEmpty(input)) return this.empty(columns);
    return this.#add({ kind: 'reduce', input, key, aggregates, columns });
  }

  distinct(input: NodeId): NodeId {
    const node = this.node(input);
    if (node.kind === 'distinct' || this.isEmpty(input)) return input;
    if (node.kind === 'reduce' && node.aggregates.length === 0) return input;
    return this.#add({ kind: 'distinct', input, columns: node.columns });
  }

  threshold(input: NodeId): NodeId {
    if (this.isEmpty(input)) return input;
    return this.#add({ kind: 'threshold', input, columns: this.columns(input) });
  }

  negate(input: NodeId): NodeId {
    const node = this.node(input);
    if (node.kind === 'negate') return node.input;
    if (node.kind === 'constant') {
      return this.constant(
        node.rows.map(({ row, weight }) => ({ row, weight: -weight })),
        node.columns,
      );
    }
    return this.#add({ kind: 'negate', input, columns: node.columns });
  }

  /** All rows of all inputs, which have the same types. */
  union(inputs: readonly NodeId[], columns: readonly ColumnType[]): NodeId {
    const flat = inputs.flatMap((input) => {
      const node = this.node(input);
      assert(node.columns.length === columns.length, 'the inputs of a union have the same columns');
      return node.kind === 'union' ? node.inputs : this.isEmpty(input) ? [] : [input];
    });
    const [first] = flat;
    if (first === undefined) return this.empty(columns);
    if (flat.length === 1) return first;
    return this.#add({ kind: 'union', inputs: flat, columns });
  }

  topk(
    input: NodeId,
    key: readonly number[],
    order: readonly Order[],
    limit: number,
    offset: number,
  ): NodeId {
    if (limit === 0) return this.empty(this.columns(input));
    if (this.isEmpty(input)) return input;
    return this.#add({
      kind: 'topk',
      input,
      key,
      order,
      limit,
      offset,
      columns: this.columns(input),
    });
  }

  flatMap(
    input: NodeId,
    fn: string,
    args: readonly number[],
    columns: readonly ColumnType[],
  ): NodeId {
    if (this.isEmpty(input)) return this.empty(columns);
    return this.#add({ kind: 'flatMap', input, fn, args, columns });
  }

  /** The plan, without nodes that the root does not need. */
  finish(root: NodeId): Plan {
    const needed = new Set<NodeId>([root]);
    for (let id = root; id >= 0; id--) {
      if (needed.has(id)) for (const input of inputsOfNode(this.node(id))) needed.add(input);
    }
    const order = [...needed].toSorted((a, b) => a - b);
    const numbers = new Map(order.map((id, i) => [id, i]));
    const renumber = (id: NodeId): NodeId => defined(numbers.get(id), 'inputs come first');
    return {
      nodes: order.map((id) => renumberInputs(this.node(id), renumber)),
      root: renumber(root),
    };
  }
}

function datumTextOf(node: Node): string {
  return JSON.stringify(node, (_, part: unknown) =>
    typeof part === 'bigint'
      ? `${part}n`
      : part instanceof Uint8Array
        ? datumText(part)
        : Object.is(part, -0)
          ? '#-0'
          : typeof part === 'number' && !Number.isFinite(part)
            ? `#${part}`
            : part,
  );
}

/** The nodes a node reads. */
export function inputsOfNode(node: Node): readonly NodeId[] {
  switch (node.kind) {
    case 'constant':
    case 'get':
      return [];
    case 'join':
    case 'semijoin':
      return [node.left, node.right];
    case 'union':
      return node.inputs;
    default:
      return [node.input];
  }
}

function renumberInputs(node: Node, renumber: (id: NodeId) => NodeId): Node {
  switch (node.kind) {
    case 'constant':
    case 'get':
      return node;
    case 'join':
    case 'semijoin':
      return { ...node, left: renumber(node.left), right: renumber(node.right) };
    case 'union':
      return { ...node, inputs: node.inputs.map(renumber) };
    default:
      return { ...node, input: renumber(node.input) };
  }
}

function isIdentity(program: Program, input: readonly ColumnType[]): boolean {
  return (
    program.filters.length === 0 &&
    program.outputs.length === input.length &&
    program.outputs.every((output, i) => {
      const node = program.nodes[output];
      return node?.kind === 'column' && node.column === i && node.type === input[i]?.type;
    })
  );
}

/** The types of a program's outputs, with what is known about NULL. */
export function outputColumns(
  program: Program,
  input: readonly ColumnType[],
): readonly ColumnType[] {
  const notNull = new Set<number>();
  const seen = new Set<number>();
  for (const filter of program.filters) rejectsNull(program.nodes, filter, notNull, seen);
  const nullable: boolean[] = [];
  for (const node of program.nodes) nullable.push(isNullable(node, input, nullable, notNull));
  return program.outputs.map((output) => ({
    type: defined(program.nodes[output], 'outputs are nodes').type,
    nullable: nullable[output] ?? true,
  }));
}

/** Columns that cannot be NULL where the filter is true. */
function rejectsNull(
  nodes: readonly Expr[],
  id: number,
  found: Set<number>,
  seen: Set<number>,
): void {
  const node = nodes[id];
  if (node?.kind === 'and') {
    for (const arg of node.args) rejectsNull(nodes, arg, found, seen);
    return;
  }
  const inner = node?.kind === 'not' ? nodes[node.arg] : undefined;
  passesNullOn(nodes, inner?.kind === 'isNull' ? inner.arg : id, found, seen);
}

/** Columns of which one NULL makes the node NULL: of AND and OR, which may still be false, none. */
function passesNullOn(
  nodes: readonly Expr[],
  id: number,
  found: Set<number>,
  seen: Set<number>,
): void {
  const node = nodes[id];
  if (node === undefined || seen.has(id)) return;
  seen.add(id);
  if (node.kind === 'column') found.add(node.column);
  else if (node.kind === 'not') passesNullOn(nodes, node.arg, found, seen);
  else if (node.kind === 'call' && functionByKey(node.fn)?.nullHandling === 'strict')
    for (const arg of node.args) passesNullOn(nodes, arg, found, seen);
}

function isNullable(
  node: Expr,
  input: readonly ColumnType[],
  known: readonly boolean[],
  notNull: ReadonlySet<number>,
): boolean {
  const of = (id: number): boolean => known[id] ?? true;
  switch (node.kind) {
    case 'column':
      return (input[node.column]?.nullable ?? true) && !notNull.has(node.column);
    case 'constant':
      return node.value === null;
    case 'call': {
      const entry = functionByKey(node.fn);
      return (
        entry === undefined ||
        entry.nullable ||
        entry.nullHandling === 'called' ||
        node.args.some(of)
      );
    }
    case 'and':
    case 'or':
      return node.args.some(of);
    case 'not':
      return of(node.arg);
    case 'isNull':
      return false;
    case 'coalesce':
      return node.args.every(of);
    case 'case':
      return of(node.otherwise) || node.branches.some(([, result]) => of(result));
  }
}
