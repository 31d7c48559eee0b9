/**
 * Plan → dataflow, in one walk over the nodes that the root needs, in dependency order.
 *
 * What a node becomes is asked for, not made ahead: its *stream* (the operators whose outputs sum
 * to its changes) or its *arrangement* on a key. An import of a stored collection, and any choice
 * of columns of one, is arranged already: joins read it through an index of the collection, and
 * only a consumer of its changes makes a source. Every other node that a join needs is arranged
 * once, in one private arrangement with an index for each key that is used.
 *
 * A reduce or distinct at the root of a stored collection writes its rows into it itself.
 *
 * A union is no operator: its stream is the streams of its inputs.
 */
import { assert, defined, unreachable } from '../../src/base/assert.ts';
import type { Arrangement } from '../arrangement/arrangement.ts';
import type { Program } from '../expr/expr.ts';
import { Mfp } from '../expr/mfp.ts';
import type { Dataflow, Rendering } from '../graph/dataflow.ts';
import { CollectionSink } from '../graph/sink.ts';
import { StoredCollection } from '../graph/stored-collection.ts';
import type { StreamCollection } from '../graph/stream-collection.ts';
import { StreamImport } from '../graph/stream-import.ts';
import { SubscribeSink } from '../graph/subscribe-sink.ts';
import type { Surroundings } from '../graph/surroundings.ts';
import { ArrangeOperator } from '../operators/arrange.ts';
import type { Arranged, Keyed } from '../operators/arranged.ts';
import { range } from '../operators/gather.ts';
import { DistinctOperator } from '../operators/distinct.ts';
import { FlatMapOperator } from '../operators/flat-map.ts';
import { JoinOperator } from '../operators/join.ts';
import type { KeepRows } from '../operators/kept-rows.ts';
import { LinearOperator } from '../operators/linear.ts';
import { NegateOperator } from '../operators/negate.ts';
import type { Operator } from '../operators/operator.ts';
import { ReduceOperator } from '../operators/reduce.ts';
import { SemijoinOperator } from '../operators/semijoin.ts';
import type { Summed } from '../operators/summed-join.ts';
import { SummedJoinOperator } from '../operators/summed-join.ts';
import { SummedRows } from '../operators/summed-rows.ts';
import { ThresholdOperator } from '../operators/threshold.ts';
import { ArrangementSource, ConstantSource, StreamSource } from '../operators/source.ts';
import { TopkOperator } from '../operators/topk.ts';
import type { Node, Plan } from '../plan/plan.ts';
import type { ColumnType } from '../value/type.ts';

/** Finds a collection by its number. */
export type CollectionFinder = (collection: number) => StoredCollection | StreamCollection;

/** Builds the operators of `plan` into the network of `dataflow`, its sink at the end. */
export function render(
  plan: Plan,
  dataflow: Dataflow,
  find: CollectionFinder,
  around: Surroundings,
): Rendering {
  return new Renderer(plan, dataflow, find, around).render();
}

/** A collection's columns that make a node's row. */
interface Import {
  readonly collection: StoredCollection;
  readonly columns: readonly number[];
}

/** A private arrangement and the operator that fills it. */
interface Private {
  readonly operator: number;
  readonly arrangement: Arrangement;
}

/** What is gathered about an imported collection during the walk. */
interface ImportUse {
  readonly collection: StoredCollection;
  readonly operators: number[];
  readonly indexes: number[];
}

/**
 * An arranged side of a join: what must have changed for the join to be run, and how to read it.
 */
interface Side {
  readonly from: number | ImportUse;
  readonly keyed: Keyed;
}

class Renderer {
  readonly #plan: Plan;
  readonly #dataflow: Dataflow;
  readonly #find: CollectionFinder;
  readonly #around: Surroundings;
  readonly #imports: (Import | null)[] = [];
  readonly #streams = new Map<number, readonly number[]>();
  readonly #privates = new Map<string, Private>();
  readonly #stored = new Map<number, ImportUse>();
  readonly #live = new Map<number, { stream: StreamCollection; operators: number[] }>();
  readonly #constants: number[] = [];

  constructor(plan: Plan, dataflow: Dataflow, find: CollectionFinder, around: Surroundings) {
    this.#plan = plan;
    this.#dataflow = dataflow;
    this.#find = find;
    this.#around = around;
  }

  render(): Rendering {
    const needed = reachable(this.#plan);
    this.#plan.nodes.forEach((node, n) => {
      this.#imports.push(needed.has(n) ? this.#importOf(node) : null);
      if (needed.has(n) && this.#imports[n] === null) this.#streams.set(n, this.#build(node, n));
    });
    const sink = this.#add(this.#dataflow.sink.operator, [this.#plan.root]);
    this.#tellReader();
    return {
      sink,
      stored: [...this.#stored.values()],
      streams: [...this.#live.values()].map((one) => new StreamImport(one.stream, one.operators)),
      constants: this.#constants,
      arrangements: [...this.#privates.values()].map(({ arrangement }) => arrangement),
    };
  }

  /** Tells a subscription to a collection as it is of the collection. */
  #tellReader(): void {
    const { sink, clock } = this.#dataflow;
    const collection = this.#bare();
    if (collection !== null && sink instanceof SubscribeSink)
      sink.reads(collection.arrangement, clock);
  }

  /** The collection whose rows, each with all columns, a subscription gets as they are, or null. */
  #bare(): StoredCollection | null {
    const imported = this.#imports[this.#plan.root];
    if (imported === null || imported === undefined) return null;
    if (!(this.#dataflow.sink instanceof SubscribeSink)) return null;
    const { collection, columns } = imported;
    return collection.columns.every((_, c) => columns.includes(c)) ? collection : null;
  }

  #columns(n: number): readonly ColumnType[] {
    return defined(this.#plan.nodes[n], `node ${n} is in the plan`).columns;
  }

  /** The stored collection that a node only picks columns of, or null. */
  #importOf(node: Node): Import | null {
    if (node.kind === 'get') {
      const collection = this.#find(node.collection);
      if (!(collection instanceof StoredCollection)) return null;
      this.#use(collection);
      return { collection, columns: node.demand };
    }
    if (node.kind !== 'mfp') return null;
    const input = this.#imports[node.input];
    const picks = pickedColumns(node.program);
    if (input === null || input === undefined || picks === null) return null;
    return { collection: input.collection, columns: picks.map((c) => input.columns[c]) };
  }

  #use(collection: StoredCollection): ImportUse {
    const known = this.#stored.get(collection.id);
    if (known !== undefined) return known;
    const use = { collection, operators: [], indexes: [] };
    this.#stored.set(collection.id, use);
    return use;
  }

  /** Adds an operator that takes the streams of `inputs`, one port each. */
  #add(operator: Operator, inputs: readonly number[]): number {
    const sources = inputs.map((input) => this.#streamOf(input));
    const number = this.#dataflow.network.add(operator);
    sources.forEach((outputs, port) => {
      for (const output of outputs) this.#dataflow.network.connect(output, number, port);
    });
    return number;
  }

  /** The operators whose outputs sum to the changes of a node. */
  #streamOf(n: number): readonly number[] {
    const known = this.#streams.get(n);
    if (known !== undefined) return known;
    const imported = defined(this.#imports[n], `node ${n} comes before what needs it`);
    const arranged = this.#arranged(imported, n);
    const { scratch, pool } = this.#around;
    const { clock } = this.#dataflow;
    const lonely = n === this.#plan.root && this.#bare() !== null;
    const source = new ArrangementSource(arranged, clock, scratch.scanned, pool, lonely);
    const number = this.#dataflow.network.add(source);
    this.#use(imported.collection).operators.push(number);
    this.#streams.set(n, [number]);
    return [number];
  }

  #arranged({ collection, columns }: Import, n: number): Arranged {
    return { arrangement: collection.arrangement, columns, types: this.#columns(n) };
  }

  /**
   * The collection that the root's rows go into, if an operator that knows where its rows are
   * can put them there itself; else null.
   */
  #keep(n: number): KeepRows | null {
    const { sink } = this.#dataflow;
    if (n !== this.#plan.root || !(sink instanceof CollectionSink)) return null;
    return (owner) => sink.collection.own(owner);
  }

  #build(node: Node, n: number): readonly number[] {
    const { pool } = this.#around;
    switch (node.kind) {
      case 'constant': {
        const number = this.#add(new ConstantSource(node.columns, node.rows), []);
        this.#constants.push(number);
        return [number];
      }
      case 'get':
        return [this.#streamSource(node)];
      case 'mfp': {
        const mfp = new Mfp(this.#columns(node.input), node.program, node.columns);
        return [this.#add(new LinearOperator(mfp, pool), [node.input])];
      }
      case 'join':
        return [this.#join(node)];
      case 'semijoin':
        return [this.#semijoin(node)];
      case 'negate':
        return [this.#add(new NegateOperator(node.columns, pool), [node.input])];
      case 'union':
        return node.inputs.flatMap((input) => this.#streamOf(input));
      case 'reduce':
        return [
          this.#add(new ReduceOperator(node, this.#columns(node.input), pool, this.#keep(n)), [
            node.input,
          ]),
        ];
      case 'flatMap': {
        const columns = this.#columns(node.input);
        const flatMap = new FlatMapOperator(node, columns, this.#around.rowsMax, pool);
        return [this.#add(flatMap, [node.input])];
      }
      case 'distinct':
        return [this.#add(new DistinctOperator(node.columns, pool, this.#keep(n)), [node.input])];
      case 'threshold':
        return [this.#add(new ThresholdOperator(node.columns, pool), [node.input])];
      case 'topk':
        return [this.#add(new TopkOperator(node, this.#columns(node.input), pool), [node.input])];
      default:
        return unreachable(node);
    }
  }

  #streamSource(node: Extract<Node, { kind: 'get' }>): number {
    const stream = this.#find(node.collection);
    assert(!(stream instanceof StoredCollection), 'a stored import has a source of its own');
    const number = this.#add(new StreamSource(node.columns, node.demand), []);
    const known = this.#live.get(stream.id);
    if (known === undefined) this.#live.set(stream.id, { stream, operators: [number] });
    else known.operators.push(number);
    return number;
  }

  #join(node: Extract<Node, { kind: 'join' }>): number {
    const leftSums = this.#sums(node.left, node.leftSums);
    const rightSums = this.#sums(node.right, node.rightSums);
    if (leftSums !== null || rightSums !== null) return this.#summedJoin(node, leftSums, rightSums);
    const left = this.#keyed(node.left, node.leftKey);
    const right = this.#keyed(node.right, node.rightKey);
    const residual = node.residual === null ? null : residualOf(node.residual, node.columns);
    const shape = {
      columns: node.columns,
      left: left.keyed,
      right: right.keyed,
      nullsEqual: node.nullsEqual,
      residual,
    };
    const { scratch, pool } = this.#around;
    const join = new JoinOperator(shape, this.#dataflow.clock, scratch, pool);
    return this.#reader(join, [left, right]);
  }

  /** The summed columns of a side, if it is to be kept as sums: not if it is arranged already. */
  #sums(n: number, sums: readonly number[] | undefined): readonly number[] | null {
    const imported = this.#imports[n];
    return sums === undefined || (imported !== null && imported !== undefined) ? null : sums;
  }

  #summedJoin(
    node: Extract<Node, { kind: 'join' }>,
    leftSums: readonly number[] | null,
    rightSums: readonly number[] | null,
  ): number {
    const { leftKey, rightKey, columns, nullsEqual } = node;
    const sources: { readonly output: number; readonly port: number }[] = [];
    const arranged: Side[] = [];
    const side = (
      n: number,
      key: readonly number[],
      sums: readonly number[] | null,
      port: number,
    ): Summed | Keyed => {
      if (sums === null) {
        const made = this.#keyed(n, key);
        arranged.push(made);
        return made.keyed;
      }
      for (const output of this.#streamOf(n)) sources.push({ output, port });
      const types = this.#columns(n);
      return { rows: new SummedRows(types, key, sums), types, key };
    };
    const shape = {
      columns,
      left: side(node.left, leftKey, leftSums, 0),
      right: side(node.right, rightKey, rightSums, 1),
      nullsEqual,
      residual: node.residual === null ? null : residualOf(node.residual, columns),
    };
    const { scratch, pool } = this.#around;
    const join = new SummedJoinOperator(shape, this.#dataflow.clock, scratch, pool);
    const number = this.#reader(join, arranged);
    for (const { output, port } of sources) this.#dataflow.network.connect(output, number, port);
    return number;
  }

  #semijoin(node: Extract<Node, { kind: 'semijoin' }>): number {
    const left = this.#keyed(node.left, node.leftKey);
    const right = this.#keysAlone(node.right, node.rightKey);
    const { columns, anti, nullsEqual } = node;
    const shape = { columns, left: left.keyed, right: right.keyed, anti, nullsEqual };
    const { scratch, pool } = this.#around;
    const semijoin = new SemijoinOperator(shape, this.#dataflow.clock, scratch, pool);
    return this.#reader(semijoin, [left, right]);
  }

  /** Adds an operator that reads arrangements, to be run when one of them changed. */
  #reader(operator: Operator, sides: readonly Side[]): number {
    const number = this.#dataflow.network.add(operator);
    for (const { from } of sides) {
      if (typeof from === 'number') this.#dataflow.network.depend(from, number);
      else from.operators.push(number);
    }
    return number;
  }

  /** A node arranged on a key of its columns. An empty key needs no index: its join is a scan. */
  #keyed(n: number, key: readonly number[]): Side {
    const imported = this.#imports[n];
    if (imported === null || imported === undefined) {
      const types = this.#columns(n);
      return this.#privately(n, `${n}`, types, range(types.length), key);
    }
    const use = this.#use(imported.collection);
    if (key.length === 0) {
      return { from: use, keyed: { ...this.#arranged(imported, n), index: -1, key } };
    }
    const index = imported.collection.useIndex(key.map((c) => imported.columns[c]));
    use.indexes.push(index);
    return { from: use, keyed: { ...this.#arranged(imported, n), index, key } };
  }

  /** The key columns of a node alone, each key once with the number of its rows as weight. */
  #keysAlone(n: number, key: readonly number[]): Side {
    const types = key.map((c) => this.#columns(n)[c]);
    return this.#privately(n, `${n}:${key.join(',')}`, types, key, range(key.length));
  }

  #privately(
    n: number,
    name: string,
    types: readonly ColumnType[],
    keep: readonly number[],
    key: readonly number[],
  ): Side {
    let made = this.#privates.get(name);
    if (made === undefined) {
      const arrangement = this.#around.arrangement(types);
      const operator = this.#add(new ArrangeOperator(arrangement, keep), [n]);
      made = { operator, arrangement };
      this.#privates.set(name, made);
    }
    const { arrangement, operator } = made;
    const index = key.length === 0 ? -1 : arrangement.index(key);
    if (index >= 0) assert(arrangement.buildIndex(index, 1), 'an empty arrangement has its index');
    return {
      from: operator,
      keyed: { arrangement, columns: range(types.length), types, index, key },
    };
  }
}

function reachable(plan: Plan): Set<number> {
  const needed = new Set([plan.root]);
  for (let n = plan.nodes.length - 1; n >= 0; n--) {
    const node = plan.nodes[n];
    if (!needed.has(n) || node === undefined) continue;
    for (const input of inputsOf(node)) {
      assert(input < n, `node ${n} comes after its input ${input}`);
      needed.add(input);
    }
  }
  return needed;
}

function inputsOf(node: Node): readonly number[] {
  switch (node.kind) {
    case 'constant':
    case 'get':
      return [];
    case 'join':
    case 'semijoin':
      return [node.left, node.right];
    case 'union':
      return node.inputs;
    case 'mfp':
    case 'flatMap':
    case 'reduce':
    case 'distinct':
    case 'threshold':
    case 'negate':
    case 'topk':
      return [node.input];
    default:
      return unreachable(node);
  }
}

/** The input columns that a program only picks, or null if it does more. */
function pickedColumns({ nodes, filters, outputs }: Program): readonly number[] | null {
  if (filters.length > 0) return null;
  const picks: number[] = [];
  for (const output of outputs) {
    const node = nodes[output];
    if (node?.kind !== 'column') return null;
    picks.push(node.column);
  }
  return picks;
}

/** A residual as a program that keeps every column. */
function residualOf(residual: Program, columns: readonly ColumnType[]): Mfp {
  const nodes = [...residual.nodes];
  const outputs = columns.map(
    (column, c) => nodes.push({ kind: 'column', column: c, type: column.type }) - 1,
  );
  return new Mfp(columns, { nodes, filters: residual.filters, outputs }, columns);
}
