/**
 * The meaning of a plan: every node evaluated over whole multisets of datum rows, plainly. What
 * operators emit, summed up, must be this for every prefix of their input; property tests compare.
 *
 * Rows that fail become errors and no rows. Where SQL leaves a choice (which of two equal keys that
 * differ in bytes stands for a group) this takes the first in the order given; tests that mix such
 * values compare under equality.
 */
import { defined, unreachable } from '../../src/base/assert.ts';
import { functionByKey } from '../expr/function-table.ts';
import type { Program } from '../expr/expr.ts';
import { Interpreter, dataErrorOf, interpretRow } from '../expr/interpret.ts';
import type { Node, Plan } from '../plan/plan.ts';
import type { Datum, Row, Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';
import type { DataError } from './operator.ts';
import { aggregateReference } from './reference-aggregate.ts';
import { compareOrdered, consolidated, grouped, weightOf } from './reference-rows.ts';

/** An error row with its weight. */
export interface ErrorUpdate {
  readonly error: DataError;
  readonly weight: number;
}

export interface Evaluation {
  /** The root's rows: identical ones are one update, none has weight 0. */
  readonly rows: Update[];
  /** Errors of all nodes under the root, not summed up. */
  readonly errors: ErrorUpdate[];
}

type NodeOf<K extends Node['kind']> = Extract<Node, { kind: K }>;

/** Evaluates `plan` over the contents of collections (with all their columns), by number. */
export function evaluate(
  plan: Plan,
  collections: ReadonlyMap<number, readonly Update[]>,
): Evaluation {
  const evaluator = new Evaluator(plan, collections);
  return { rows: evaluator.rows(plan.root), errors: evaluator.errors };
}

class Evaluator {
  readonly errors: ErrorUpdate[] = [];
  readonly #nodes: readonly Node[];
  readonly #collections: ReadonlyMap<number, readonly Update[]>;
  readonly #done = new Map<number, Update[]>();

  constructor(plan: Plan, collections: ReadonlyMap<number, readonly Update[]>) {
    this.#nodes = plan.nodes;
    this.#collections = collections;
  }

  /** The rows of node `n`, evaluated once. */
  rows(n: number): Update[] {
    const done = this.#done.get(n);
    if (done !== undefined) return done;
    const rows = consolidated(this.#evaluate(this.#nodes[n]));
    this.#done.set(n, rows);
    return rows;
  }

  #evaluate(node: Node): Update[] {
    switch (node.kind) {
      case 'constant':
        return [...node.rows];
      case 'get':
        return this.#get(node);
      case 'mfp':
        return this.#run(node.program, this.rows(node.input));
      case 'flatMap':
        return this.#flatMap(node);
      case 'join':
        return this.#join(node);
      case 'semijoin':
        return this.#semijoin(node);
      case 'reduce':
        return this.#reduce(node);
      case 'distinct':
        return this.#distinct(node);
      case 'threshold':
        return this.#threshold(node);
      case 'negate':
        return this.rows(node.input).map(({ row, weight }) => ({ row, weight: -weight }));
      case 'union':
        return node.inputs.flatMap((input) => this.rows(input));
      case 'topk':
        return this.#topk(node);
      default:
        return unreachable(node);
    }
  }

  #get(node: NodeOf<'get'>): Update[] {
    const rows = defined(this.#collections.get(node.collection), `collection ${node.collection}`);
    return rows.map(({ row, weight }) => ({ row: node.demand.map((c) => row[c]), weight }));
  }

  #run(program: Program, rows: readonly Update[]): Update[] {
    const interpreter = new Interpreter(program.nodes);
    return rows.flatMap(({ row, weight }) => {
      const out = this.#attempt(weight, () => interpretRow(interpreter, program, row));
      return out === null ? [] : [{ row: out, weight }];
    });
  }

  /** The result, or null and an error row. */
  #attempt<T>(weight: number, compute: () => T): T | null {
    try {
      return compute();
    } catch (error) {
      this.errors.push({ error: dataErrorOf(error), weight });
      return null;
    }
  }

  #flatMap(node: NodeOf<'flatMap'>): Update[] {
    const fn = defined(functionByKey(node.fn), `function ${node.fn} is in the table`);
    const rowsOf = defined(fn.rows, `${node.fn} gives rows`);
    const input = this.#nodes[node.input].columns;
    const result = node.columns[input.length]?.type ?? 'unknown';
    const site = { args: node.args.map((c) => input[c].type), result };
    return this.rows(node.input).flatMap(({ row, weight }) => {
      const args = node.args.map((c) => row[c]);
      if (fn.nullHandling === 'strict' && args.includes(null)) return [];
      const made = this.#attempt(weight, () => [...rowsOf(args, site)]) ?? [];
      return made.map((more) => ({ row: [...row, ...more], weight }));
    });
  }

  #join(node: NodeOf<'join'>): Update[] {
    const matches = this.#matcher(node);
    const pairs = this.rows(node.left).flatMap((left) =>
      this.rows(node.right)
        .filter((right) => matches(left.row, right.row))
        .map((right) => ({ row: [...left.row, ...right.row], weight: left.weight * right.weight })),
    );
    const { residual } = node;
    if (residual === null) return pairs;
    const interpreter = new Interpreter(residual.nodes);
    return pairs.filter(
      ({ row, weight }) =>
        this.#attempt(weight, () => interpretRow(interpreter, residual, row)) !== null,
    );
  }

  #semijoin(node: NodeOf<'semijoin'>): Update[] {
    const matches = this.#matcher(node);
    const right = this.rows(node.right);
    return this.rows(node.left).filter(({ row }) => {
      const weight = weightOf(right.filter((other) => matches(row, other.row)));
      return weight > 0 !== node.anti;
    });
  }

  /** Whether a left and a right row have equal keys. */
  #matcher(node: NodeOf<'join' | 'semijoin'>): (left: Row, right: Row) => boolean {
    const types = node.leftKey.map((c) => this.#nodes[node.left].columns[c]);
    const all = types.map((_, k) => k);
    return (left, right) => {
      const a = node.leftKey.map((c) => left[c]);
      const b = node.rightKey.map((c) => right[c]);
      if (!node.nullsEqual && (a.includes(null) || b.includes(null))) return false;
      return (
        grouped(types, all, [
          { row: a, weight: 1 },
          { row: b, weight: 1 },
        ]).length < 2
      );
    };
  }

  #reduce(node: NodeOf<'reduce'>): Update[] {
    const input = this.#nodes[node.input].columns;
    return grouped(input, node.key, this.rows(node.input)).flatMap((group) => {
      if (weightOf(group) <= 0) return [];
      const values = this.#attempt(1, (): Datum[] =>
        node.aggregates.map((aggregate) => aggregateReference(aggregate, input, group)),
      );
      if (values === null) return [];
      return [{ row: [...node.key.map((c) => group[0].row[c]), ...values], weight: 1 }];
    });
  }

  #distinct(node: NodeOf<'distinct'>): Update[] {
    return this.#wholeRows(node).flatMap(({ row, weight }) =>
      weight > 0 ? [{ row, weight: 1 }] : [],
    );
  }

  #threshold(node: NodeOf<'threshold'>): Update[] {
    return this.#wholeRows(node).filter(({ weight }) => weight > 0);
  }

  /** Rows that are equal under SQL, as one, with the sum of their weights. */
  #wholeRows(node: NodeOf<'distinct' | 'threshold'>): Update[] {
    const columns = this.#nodes[node.input].columns;
    return grouped(
      columns,
      columns.map((_, c) => c),
      this.rows(node.input),
    ).map((group) => ({ row: group[0].row, weight: weightOf(group) }));
  }

  #topk(node: NodeOf<'topk'>): Update[] {
    const { columns } = this.#nodes[node.input];
    return grouped(columns, node.key, this.rows(node.input)).flatMap((group) =>
      window(columns, node, group),
    );
  }
}

/** The rows offset … offset + limit - 1 of one group. */
function window(
  columns: readonly ColumnType[],
  node: NodeOf<'topk'>,
  group: readonly Update[],
): Update[] {
  const sorted = group
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => compareOrdered(columns, node.order, a.row, b.row));
  const end = node.limit < 0 ? Infinity : node.offset + node.limit;
  let position = 0;
  return sorted.flatMap(({ row, weight }) => {
    const from = Math.max(position, node.offset);
    position += weight;
    const taken = Math.min(position, end) - from;
    return taken > 0 ? [{ row, weight: taken }] : [];
  });
}
