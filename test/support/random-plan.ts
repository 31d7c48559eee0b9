/**
 * Random plans over a few tables, and random changes of these tables: the raw material of property
 * tests of the engine. Types are few and comparable, values few and often equal, so that joins
 * meet, groups grow and errors (division by zero) happen and heal.
 */
import type { Program, Expr } from '../../dataflow/expr/expr.ts';
import type { Aggregate, Node, Plan } from '../../dataflow/plan/plan.ts';
import type { Datum, Row, Update } from '../../dataflow/value/datum.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import { rowText } from './engine-rig.ts';
import type { Random } from './random.ts';

const int = { type: 'int4', nullable: true } as const;
const text = { type: 'text', nullable: true } as const;
const long = { type: 'int8', nullable: true } as const;

/** The tables that plans read, by number. */
export const tables: ReadonlyMap<number, readonly ColumnType[]> = new Map([
  [1, [int, text, long]],
  [2, [int, int]],
  [3, [text, long]],
]);

function randomDatum(random: Random, { type }: ColumnType): Datum {
  if (random.chance(0.15)) return null;
  switch (type) {
    case 'int4':
      return random.below(5) - 1;
    case 'int8':
      return BigInt(random.below(6));
    default:
      return random.pick(['', 'a', 'b', 'some longer text', 'β']);
  }
}

/** A table's rows as a bag, from which deletions are drawn. */
export class Bag {
  readonly rows: Row[] = [];

  /** Random insertions and deletions, applied to the bag; sometimes rows of weight 2. */
  change(random: Random, columns: readonly ColumnType[], changesMax: number): Update[] {
    const updates: Update[] = [];
    for (let n = random.below(changesMax + 1); n > 0; n--) {
      if (this.rows.length > 0 && random.chance(0.4)) {
        const [row] = this.rows.splice(random.below(this.rows.length), 1);
        if (row !== undefined) updates.push({ row, weight: -1 });
      } else {
        const row = columns.map((column) => randomDatum(random, column));
        const weight = random.chance(0.2) ? 2 : 1;
        for (let i = 0; i < weight; i++) this.rows.push(row);
        updates.push({ row, weight });
      }
    }
    return updates;
  }

  contents(): Update[] {
    return this.rows.map((row) => ({ row, weight: 1 }));
  }
}

/** Nodes that a node takes the rows of. */
export function inputsOf(node: Node): readonly number[] {
  if (node.kind === 'join' || node.kind === 'semijoin') return [node.left, node.right];
  if (node.kind === 'union') return node.inputs;
  return 'input' in node ? [node.input] : [];
}

/** The collections that the root of a plan comes from. */
export function collectionsOf({ nodes, root }: Plan): ReadonlySet<number> {
  const needed = new Set([root]);
  for (let n = root; n >= 0; n--) {
    const node = nodes[n];
    if (node !== undefined && needed.has(n)) for (const one of inputsOf(node)) needed.add(one);
  }
  return new Set(
    nodes.flatMap((node, n) => (node.kind === 'get' && needed.has(n) ? [node.collection] : [])),
  );
}

/** A plan of about `size` nodes over `collections`. */
export function randomPlan(
  random: Random,
  size: number,
  collections: ReadonlyMap<number, readonly ColumnType[]> = tables,
): Plan {
  const maker = new PlanMaker(random, collections);
  while (maker.nodes.length < size) maker.add();
  return { nodes: maker.nodes, root: maker.nodes.length - 1 };
}

class PlanMaker {
  readonly nodes: Node[] = [];
  readonly #random: Random;
  readonly #collections: ReadonlyMap<number, readonly ColumnType[]>;

  constructor(random: Random, collections: ReadonlyMap<number, readonly ColumnType[]>) {
    this.#random = random;
    this.#collections = collections;
    this.#get();
    if (random.chance(0.7)) this.#get();
  }

  add(): void {
    const random = this.#random;
    const kind = random.pick([
      'get',
      'mfp',
      'mfp',
      'join',
      'join',
      'semijoin',
      'reduce',
      'distinct',
      'threshold',
      'negate',
      'union',
      'constant',
      'topk',
      'flatMap',
    ] as const);
    switch (kind) {
      case 'get':
        return this.#get();
      case 'mfp':
        return this.#mfp();
      case 'join':
        return this.#join();
      case 'semijoin':
        return this.#semijoin();
      case 'reduce':
        return this.#reduce();
      case 'distinct':
      case 'threshold': {
        const input = this.#recent();
        this.nodes.push({ kind, input, columns: this.#columns(input) });
        return;
      }
      case 'negate':
        return this.#negate();
      case 'union':
        return this.#union();
      case 'constant':
        return this.#constant();
      case 'topk':
        return this.#topk();
      case 'flatMap':
        return this.#flatMap();
    }
  }

  #columns(n: number): readonly ColumnType[] {
    return this.nodes[n]?.columns ?? [];
  }

  #recent(): number {
    const back = Math.min(this.nodes.length, 3);
    return this.nodes.length - 1 - this.#random.below(back);
  }

  #get(): void {
    const random = this.#random;
    const [collection, columns] = random.pick([...this.#collections]);
    const demand = columns.map((_, c) => c).filter(() => random.chance(0.8));
    if (random.chance(0.3)) demand.reverse();
    const picked = demand.flatMap((c) => columns[c] ?? []);
    this.nodes.push({ kind: 'get', collection, demand, columns: picked });
  }

  #constant(): void {
    const random = this.#random;
    const columns = [int, text];
    const rows = [0, 1, 2].map(() => ({
      row: columns.map((column) => randomDatum(random, column)),
      weight: 1 + random.below(2),
    }));
    this.nodes.push({ kind: 'constant', columns, rows });
  }

  #mfp(): void {
    const random = this.#random;
    const input = this.#recent();
    const columns = this.#columns(input);
    const nodes: Expr[] = columns.map(({ type }, column) => ({ kind: 'column', column, type }));
    const outputs = columns.map((_, c) => c).filter(() => random.chance(0.8));
    const types = outputs.flatMap((c) => columns[c] ?? []);
    const ints = columns.flatMap(({ type }, c) => (type === 'int4' ? [c] : []));
    const filters: number[] = [];
    const [a, b] = [ints[0], ints.at(-1)];
    if (a !== undefined && b !== undefined) {
      if (random.chance(0.5)) {
        const zero = nodes.push({ kind: 'constant', value: random.below(3), type: 'int4' }) - 1;
        const call = { kind: 'call', fn: '<(int4,int4)', args: [zero, a], type: 'bool' } as const;
        filters.push(nodes.push(call) - 1);
      }
      if (random.chance(0.5)) {
        const fn = random.pick(['+(int4,int4)', '/(int4,int4)', '*(int4,int4)']);
        outputs.push(nodes.push({ kind: 'call', fn, args: [a, b], type: 'int4' }) - 1);
        types.push(int);
      }
    }
    this.nodes.push({ kind: 'mfp', input, program: { nodes, filters, outputs }, columns: types });
  }

  /** Columns of equal types on both sides, at most two pairs. */
  #keys(left: number, right: number): { leftKey: number[]; rightKey: number[] } {
    const random = this.#random;
    const pairs = this.#columns(left).flatMap((l, a) =>
      this.#columns(right).flatMap((r, b) => (l.type === r.type ? [[a, b] as const] : [])),
    );
    const chosen = pairs.filter(() => random.chance(1.5 / Math.max(1, pairs.length))).slice(0, 2);
    return { leftKey: chosen.map(([a]) => a), rightKey: chosen.map(([, b]) => b) };
  }

  #join(): void {
    const random = this.#random;
    const left = this.#recent();
    const right = random.chance(0.2) ? left : random.below(this.nodes.length);
    const columns = [...this.#columns(left), ...this.#columns(right)];
    if (columns.length > 8) return;
    const { leftKey, rightKey } = this.#keys(left, right);
    const ints = columns.flatMap(({ type }, c) => (type === 'int4' ? [c] : []));
    const [a, b] = [ints[0], ints.at(-1)];
    const residual: Program | null =
      a === undefined || b === undefined || random.chance(0.6)
        ? null
        : {
            nodes: [
              { kind: 'column', column: a, type: 'int4' },
              { kind: 'column', column: b, type: 'int4' },
              { kind: 'call', fn: '<=(int4,int4)', args: [0, 1], type: 'bool' },
            ],
            filters: [2],
            outputs: [],
          };
    const nullsEqual = random.chance(0.3);
    this.nodes.push({
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

  #semijoin(): void {
    const random = this.#random;
    const left = this.#recent();
    const right = random.below(this.nodes.length);
    const { leftKey, rightKey } = this.#keys(left, right);
    this.nodes.push({
      kind: 'semijoin',
      left,
      right,
      leftKey,
      rightKey,
      columns: this.#columns(left),
      anti: random.chance(0.5),
      nullsEqual: random.chance(0.3),
    });
  }

  #reduce(): void {
    const random = this.#random;
    const input = this.#recent();
    const columns = this.#columns(input);
    const key = columns.map((_, c) => c).filter(() => random.chance(0.4));
    const argument = columns.findIndex(({ type }) => type === 'int4' || type === 'int8');
    const aggregates: Aggregate[] = [aggregate('count', -1, columns)];
    if (argument >= 0) aggregates.push(aggregate('sum', argument, columns));
    if (argument >= 0) aggregates.push(aggregate(random.pick(['min', 'max']), argument, columns));
    const keys = key.flatMap((c) => columns[c] ?? []);
    const values = aggregates.map(({ type, fn }) => ({ type, nullable: fn !== 'count' }));
    this.nodes.push({ kind: 'reduce', input, key, aggregates, columns: [...keys, ...values] });
  }

  #topk(): void {
    const random = this.#random;
    const input = this.#recent();
    const columns = this.#columns(input);
    const key = columns.map((_, c) => c).filter(() => random.chance(0.3));
    const order = columns
      .map((_, column) => ({
        column,
        descending: random.chance(0.5),
        nullsFirst: random.chance(0.5),
      }))
      .filter(() => random.chance(0.5));
    const limit = random.pick([1, 2, 5, -1]);
    this.nodes.push({
      kind: 'topk',
      input,
      key,
      order,
      limit,
      offset: random.pick([0, 0, 1, 3]),
      columns,
    });
  }

  /** generate_series(a, b) where there are such columns. */
  #flatMap(): void {
    const input = this.#recent();
    const columns = this.#columns(input);
    const ints = columns.flatMap(({ type }, c) => (type === 'int4' ? [c] : []));
    const [a, b] = [ints[0], ints.at(-1)];
    if (a === undefined || b === undefined || columns.length > 6) return;
    this.nodes.push({
      kind: 'flatMap',
      input,
      fn: 'generate_series(int4,int4)',
      args: [a, b],
      columns: [...columns, int],
    });
  }

  #negate(): void {
    const input = this.#recent();
    this.nodes.push({ kind: 'negate', input, columns: this.#columns(input) });
  }

  #union(): void {
    const random = this.#random;
    const first = this.#recent();
    const types = this.#columns(first)
      .map(({ type }) => type)
      .join();
    const same = this.nodes.flatMap(({ columns }, n) =>
      columns.map(({ type }) => type).join() === types ? [n] : [],
    );
    const inputs = [first, random.pick(same)];
    const columns = this.#columns(first).map((column) => ({ ...column, nullable: true }));
    this.nodes.push({ kind: 'union', inputs, columns });
  }
}

function aggregate(
  fn: 'count' | 'sum' | 'min' | 'max',
  argument: number,
  columns: readonly ColumnType[],
): Aggregate {
  const argumentType = columns[argument]?.type ?? 'int4';
  const sum = argumentType === 'int8' ? 'numeric' : 'int8';
  const type = fn === 'count' ? 'int8' : fn === 'sum' ? sum : argumentType;
  return {
    fn,
    argument,
    argument2: -1,
    argumentType,
    filter: -1,
    distinct: false,
    order: [],
    type,
  };
}

/** A plan as text, for messages of failed tests. */
export function planText({ nodes, root }: Plan): string {
  const text = (_: string, value: unknown): unknown =>
    typeof value === 'bigint' ? `${value}n` : value;
  const lines = nodes.map((node, n) => {
    const { columns, ...rest } = node;
    const types = columns.map(({ type }) => type).join(' ');
    const rows = node.kind === 'constant' ? node.rows.map(({ row }) => rowText(row)).join() : '';
    return `${n} ${JSON.stringify({ ...rest, rows }, text)} → ${types}`;
  });
  return `${lines.join('\n')}\nroot ${root}`;
}
