/**
 * Finds join sides of which only counts and sums are asked for above, and says so in the plan. Such
 * a side need not be kept row by row: a record a key with a count and sums gives the same answers
 * (eager aggregation, Yan and Larson 1995), whatever the groups are: a sum over joined rows depends
 * on how many rows of the side each key has, and on their sum, not on the rows.
 *
 * A side that is nothing but its key is kept as counts whoever asks: its rows are all that is left
 * of them. Otherwise each column of each node is *unused*, *summed* (asked for by count, sum and
 * avg alone) or *exact*. Asking goes down from the root, through operators that treat rows one by
 * one. A side is summed if nothing but its key is exact and every other column is summed. What
 * keeps whole rows (a side that is not summed, a semijoin, distinct, top-k) asks for all exactly:
 * rows that stand for others would never cancel there.
 *
 * Sums of float4 and float8 are not taken apart, nor is a side whose key has equal values that
 * differ in bytes, if that key is seen above.
 */
import type { Aggregate, Node, Plan } from '../../../dataflow/plan/plan.ts';
import type { ColumnType } from '../../../dataflow/value/type.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import { assert, defined, unreachable } from '../../base/assert.ts';

const unused = 0;
const summed = 1;
const exact = 2;
type Use = typeof unused | typeof summed | typeof exact;

type Join = Extract<Node, { kind: 'join' }>;

/** The plan with `leftSums` and `rightSums` where they hold. */
export function markSummedSides(plan: Plan): Plan {
  return new Marking(plan).mark();
}

class Marking {
  readonly #plan: Plan;
  readonly #uses: Use[][];
  /** Nodes that some operator keeps row by row anyway. */
  readonly #kept: ReadonlySet<number>;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#uses = plan.nodes.map((node) => node.columns.map(() => unused));
    this.#kept = new Set(
      plan.nodes.flatMap((node) => (node.kind === 'semijoin' ? [node.left] : [])),
    );
  }

  mark(): Plan {
    const nodes = [...this.#plan.nodes];
    this.#askAll(this.#plan.root);
    for (let n = nodes.length - 1; n >= 0; n--) {
      const node = defined(nodes[n], 'a plan has its nodes');
      nodes[n] = this.#ask(node, this.#usesOf(n));
    }
    return { ...this.#plan, nodes };
  }

  #usesOf(n: number): Use[] {
    return defined(this.#uses[n], `node ${n} is in the plan`);
  }

  #columns(n: number): readonly ColumnType[] {
    return defined(this.#plan.nodes[n], `node ${n} is in the plan`).columns;
  }

  #want(n: number, column: number, use: Use): void {
    const uses = this.#usesOf(n);
    const before = defined(uses[column], 'a column that is asked for exists');
    if (use > before) uses[column] = use;
  }

  #askAll(n: number): void {
    this.#usesOf(n).fill(exact);
  }

  #passOn(n: number, uses: readonly Use[]): void {
    uses.forEach((use, column) => this.#want(n, column, use));
  }

  /** Asks the inputs of a node for what is asked of it; answers the node, marked. */
  #ask(node: Node, uses: readonly Use[]): Node {
    switch (node.kind) {
      case 'constant':
      case 'get':
        return node;
      case 'mfp':
        this.#askProgram(node, uses);
        return node;
      case 'flatMap':
        this.#passOn(node.input, uses.slice(0, this.#columns(node.input).length));
        for (const column of node.args) this.#want(node.input, column, exact);
        return node;
      case 'join':
        return this.#askJoin(node, uses);
      case 'semijoin':
        this.#askAll(node.left);
        this.#askAll(node.right);
        return node;
      case 'reduce':
        for (const column of node.key) this.#want(node.input, column, exact);
        for (const aggregate of node.aggregates) this.#askAggregate(node.input, aggregate);
        return node;
      case 'negate':
        this.#passOn(node.input, uses);
        return node;
      case 'union':
        for (const input of node.inputs) this.#passOn(input, uses);
        return node;
      case 'distinct':
      case 'threshold':
      case 'topk':
        this.#askAll(node.input);
        return node;
      default:
        return unreachable(node);
    }
  }

  /** Columns that are passed on as they are, and those that anything is made of. */
  #askProgram({ program, input }: Extract<Node, { kind: 'mfp' }>, uses: readonly Use[]): void {
    const read = new Set(program.filters);
    program.outputs.forEach((output, column) => {
      const use = uses[column] ?? exact;
      const node = program.nodes[output];
      if (node?.kind === 'column') this.#want(input, node.column, use);
      else if (use !== unused) read.add(output);
    });
    this.#askReads(program.nodes, read, (column) => this.#want(input, column, exact));
  }

  #askReads(
    nodes: Extract<Node, { kind: 'mfp' }>['program']['nodes'],
    roots: ReadonlySet<number>,
    want: (column: number) => void,
  ): void {
    const read = new Set(roots);
    for (let id = nodes.length - 1; id >= 0; id--) {
      const node = nodes[id];
      if (node === undefined || !read.has(id)) continue;
      if (node.kind === 'column') want(node.column);
      else if (node.kind === 'case') {
        for (const part of [...node.branches.flat(), node.otherwise]) read.add(part);
      } else if ('args' in node) for (const arg of node.args) read.add(arg);
      else if ('arg' in node) read.add(node.arg);
    }
  }

  #askAggregate(input: number, aggregate: Aggregate): void {
    const { fn, argument, argument2, filter, distinct, order } = aggregate;
    if (argument >= 0) {
      const sums = (fn === 'sum' || fn === 'avg' || fn === 'count') && !distinct;
      const type = this.#columns(input)[argument]?.type;
      const linear = type === 'int2' || type === 'int4' || type === 'int8' || type === 'numeric';
      this.#want(input, argument, sums && linear ? summed : exact);
    }
    for (const column of [argument2, filter]) if (column >= 0) this.#want(input, column, exact);
    for (const { column } of order) this.#want(input, column, exact);
  }

  #askJoin(node: Join, uses: readonly Use[]): Node {
    const width = this.#columns(node.left).length;
    const all = [...uses];
    if (node.residual !== null) {
      const { nodes, filters } = node.residual;
      this.#askReads(nodes, new Set(filters), (column) => (all[column] = exact));
    }
    const leftSums = this.#askSide(node.left, node.leftKey, all.slice(0, width));
    const rightSums = this.#askSide(node.right, node.rightKey, all.slice(width));
    return {
      ...node,
      ...(leftSums === undefined ? {} : { leftSums }),
      ...(rightSums === undefined ? {} : { rightSums }),
    };
  }

  /** The summed columns of a join's side if it can be kept as sums, else undefined. */
  #askSide(n: number, key: readonly number[], uses: readonly Use[]): readonly number[] | undefined {
    const types = this.#columns(n);
    const inKey = new Set(key);
    assert(uses.length === types.length, 'every column of a side is used in some way');
    const fits =
      key.length > 0 &&
      !this.#kept.has(n) &&
      uses.every((use, column) => inKey.has(column) || use === summed) &&
      key.every((column) => uses[column] === unused || isPlain(types[column]));
    if (!fits) {
      this.#askAll(n);
      return undefined;
    }
    uses.forEach((use, column) => this.#want(n, column, inKey.has(column) ? exact : use));
    return types.flatMap((_, column) => (inKey.has(column) ? [] : [column]));
  }
}

/** Whether equal values of the type have the same bytes. */
function isPlain(type: ColumnType | undefined): boolean {
  const equality = typeInfo(type?.type ?? 'unknown').equality;
  return equality === 'integer' || equality === 'bytes';
}
