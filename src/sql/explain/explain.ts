/**
 * EXPLAIN: a plan as indented text, one operator a line, inputs below it. A node that several
 * others read is printed once, under a name, before the tree. Columns go by their names where a
 * table gives them one, by `#n` (position in the input) where they are computed.
 *
 * A query that one read of a stored collection answers says so: `(fast path)`.
 */
import type { Program } from '../../../dataflow/expr/expr.ts';
import type { Finishing } from '../../../dataflow/graph/command.ts';
import type { Aggregate, Lookup, Node, Order, Plan } from '../../../dataflow/plan/plan.ts';
import { functionByKey } from '../../../dataflow/expr/function-table.ts';
import { defined } from '../../base/assert.ts';
import type { Relation } from '../catalog-view.ts';
import type { PlannedQuery } from '../planned.ts';
import { inputsOfNode } from '../lower/plan-builder.ts';
import { constantText, expressionText } from './expression-text.ts';
import type { Labels } from './expression-text.ts';

/** Finds the relation of a collection, for its name and columns. */
export type RelationOf = (collection: number) => Relation | undefined;

/** Rows of constants beyond this many are only counted. */
const rowsShownMax = 5;

/** The text of a planned query, a line each. */
export function explain(planned: PlannedQuery, relationOf: RelationOf): readonly string[] {
  const names = planned.columns.map((column) => column.name);
  const printer = new Printer(planned.plan, relationOf);
  const finishing = finishingLines(planned.finishing, names, printer.rootLabels());
  if (planned.lookup !== null) return [...finishing, ...lookupLines(planned.lookup, relationOf)];
  return [...printer.shared(), ...finishing, ...printer.tree(planned.plan.root, 0)];
}

function orderText(order: readonly Order[], labels: Labels): string {
  return order
    .map((key) => {
      const name = labels[key.column] ?? `#${key.column}`;
      const direction = key.descending ? ' desc' : '';
      const nulls =
        key.nullsFirst === key.descending ? '' : key.nullsFirst ? ' nulls first' : ' nulls last';
      return `${name}${direction}${nulls}`;
    })
    .join(', ');
}

function finishingLines(
  finishing: Finishing,
  names: readonly string[],
  root: Labels,
): readonly string[] {
  const labels = [...root];
  finishing.project.forEach((column, i) => {
    if (labels[column]?.startsWith('#') !== false) labels[column] = names[i] ?? `#${column}`;
  });
  const parts: string[] = [];
  if (finishing.order.length > 0) parts.push(`order by ${orderText(finishing.order, labels)}`);
  if (finishing.limit >= 0) parts.push(`limit ${finishing.limit}`);
  if (finishing.offset > 0) parts.push(`offset ${finishing.offset}`);
  const plain =
    finishing.project.length === root.length &&
    finishing.project.every((column, i) => column === i);
  if (!plain)
    parts.push(
      `output ${finishing.project.map((column) => labels[column] ?? `#${column}`).join(', ')}`,
    );
  return parts.length === 0 ? [] : [`Finish: ${parts.join('; ')}`];
}

function relationName(relation: Relation | undefined, collection: number): string {
  return relation === undefined
    ? `collection ${collection}`
    : `${relation.schema}.${relation.name}`;
}

function lookupLines(lookup: Lookup, relationOf: RelationOf): readonly string[] {
  const relation = relationOf(lookup.collection);
  const labels = relation?.columns.map((column) => column.name) ?? [];
  const name = relationName(relation, lookup.collection);
  const lines: string[] = [];
  if (lookup.key === null) lines.push(`Scan ${name} (fast path)`);
  else {
    const { columns, values } = lookup.key;
    const key = columns.map((column) => labels[column] ?? `#${column}`).join(', ');
    const shown = values.slice(0, rowsShownMax).map((row) => {
      const parts = row.map((value, i) =>
        constantText(value, relation?.columns[columns[i] ?? 0]?.type.name ?? 'text'),
      );
      return parts.length === 1 ? parts.join('') : `(${parts.join(', ')})`;
    });
    const more = values.length > rowsShownMax ? `, … ${values.length - rowsShownMax} more` : '';
    lines.push(`Lookup ${name} using index (${key}) = ${shown.join(', ')}${more} (fast path)`);
  }
  return [...lines, ...programLines(lookup.program, labels).map((line) => `  ${line}`)];
}

function filterText(program: Program, labels: Labels): string {
  return program.filters.map((id) => expressionText(program, id, labels)).join(' AND ');
}

function programLines(program: Program, labels: Labels): readonly string[] {
  const lines: string[] = [];
  if (program.filters.length > 0) lines.push(`filter: ${filterText(program, labels)}`);
  lines.push(
    `output: ${program.outputs.map((id) => expressionText(program, id, labels)).join(', ')}`,
  );
  return lines;
}

class Printer {
  readonly #plan: Plan;
  readonly #relationOf: RelationOf;
  readonly #labels: Labels[] = [];
  /** Names of nodes that are read several times. */
  readonly #names = new Map<number, string>();

  constructor(plan: Plan, relationOf: RelationOf) {
    this.#plan = plan;
    this.#relationOf = relationOf;
    plan.nodes.forEach((node, id) => {
      this.#labels[id] = this.#labelsOf(node);
    });
    const uses = new Map<number, number>();
    for (const node of plan.nodes)
      for (const input of inputsOfNode(node)) uses.set(input, (uses.get(input) ?? 0) + 1);
    plan.nodes.forEach((node, id) => {
      if ((uses.get(id) ?? 0) > 1 && node.kind !== 'get' && node.kind !== 'constant')
        this.#names.set(id, `s${this.#names.size + 1}`);
    });
  }

  #of(id: number): Labels {
    return this.#labels[id] ?? [];
  }

  #labelsOf(node: Node): Labels {
    switch (node.kind) {
      case 'get': {
        const relation = this.#relationOf(node.collection);
        return node.demand.map((column, i) => relation?.columns[column]?.name ?? `#${i}`);
      }
      case 'mfp':
        return node.program.outputs.map((id, i) => {
          const expression = node.program.nodes[id];
          return expression?.kind === 'column'
            ? (this.#of(node.input)[expression.column] ?? `#${i}`)
            : `#${i}`;
        });
      case 'join':
        return [...this.#of(node.left), ...this.#of(node.right)];
      case 'semijoin':
        return this.#of(node.left);
      case 'reduce':
        return node.columns.map((_, i) => this.#of(node.input)[node.key[i] ?? -1] ?? `#${i}`);
      case 'union':
        return this.#of(defined(node.inputs[0], 'a union has inputs'));
      case 'distinct':
      case 'threshold':
      case 'negate':
      case 'topk':
        return this.#of(node.input);
      case 'flatMap':
        return node.columns.map((_, i) => this.#of(node.input)[i] ?? `#${i}`);
      case 'constant':
        return node.columns.map((_, i) => `#${i}`);
    }
  }

  rootLabels(): Labels {
    return this.#of(this.#plan.root);
  }

  /** Definitions of the nodes read several times. */
  shared(): readonly string[] {
    return [...this.#names].flatMap(([id, name]) => [`Shared ${name}:`, ...this.#lines(id, 1)]);
  }

  tree(id: number, depth: number): readonly string[] {
    const name = this.#names.get(id);
    return name === undefined ? this.#lines(id, depth) : [`${'  '.repeat(depth)}Use ${name}`];
  }

  #lines(id: number, depth: number): readonly string[] {
    const node = defined(this.#plan.nodes[id], 'a plan has its nodes');
    const inputs = inputsOfNode(node).flatMap((input) => this.tree(input, depth + 1));
    return [`${'  '.repeat(depth)}${this.#line(node)}`, ...inputs];
  }

  #columns(positions: readonly number[], input: number): string {
    return positions.map((column) => this.#of(input)[column] ?? `#${column}`).join(', ');
  }

  #line(node: Node): string {
    switch (node.kind) {
      case 'get': {
        const relation = relationName(this.#relationOf(node.collection), node.collection);
        return `Get ${relation} (${this.#labelsOf(node).join(', ')})`;
      }
      case 'constant':
        return constantLine(node);
      case 'mfp':
        return `Map ${programLines(node.program, this.#of(node.input)).join('; ')}`;
      case 'flatMap':
        return `FlatMap ${functionByKey(node.fn)?.name ?? node.fn}(${this.#columns(node.args, node.input)})`;
      case 'join':
        return this.#join(node);
      case 'semijoin': {
        const keys = this.#keys(node);
        return `${node.anti ? 'Antijoin' : 'Semijoin'}${keys === '' ? '' : ` on ${keys}`}`;
      }
      case 'reduce': {
        const aggregates = node.aggregates.map((aggregate) =>
          this.#aggregate(aggregate, node.input),
        );
        const key = node.key.length === 0 ? '' : ` by ${this.#columns(node.key, node.input)}`;
        return `Reduce${key}${aggregates.length === 0 ? '' : `: ${aggregates.join(', ')}`}`;
      }
      case 'distinct':
        return 'Distinct';
      case 'threshold':
        return 'Threshold';
      case 'negate':
        return 'Negate';
      case 'union':
        return 'Union';
      case 'topk': {
        const key = node.key.length === 0 ? '' : ` by ${this.#columns(node.key, node.input)}`;
        const order =
          node.order.length === 0 ? '' : ` order by ${orderText(node.order, this.#of(node.input))}`;
        const limit = node.limit < 0 ? '' : ` limit ${node.limit}`;
        return `TopK${key}${order}${limit}${node.offset === 0 ? '' : ` offset ${node.offset}`}`;
      }
    }
  }

  #keys(node: Extract<Node, { kind: 'join' | 'semijoin' }>): string {
    const operator = node.nullsEqual ? 'IS NOT DISTINCT FROM' : '=';
    const label = (input: number, column: number): string =>
      this.#of(input)[column] ?? `#${column}`;
    return node.leftKey
      .map((left, i) => {
        const right = label(node.right, node.rightKey[i] ?? -1);
        return `${label(node.left, left)} ${operator} ${right}`;
      })
      .join(' AND ');
  }

  #join(node: Extract<Node, { kind: 'join' }>): string {
    const keys = this.#keys(node);
    const head = `${keys === '' ? 'CrossJoin' : `Join on ${keys}`}${this.#sums(node)}`;
    const { residual } = node;
    if (residual === null) return head;
    const labels = [...this.#of(node.left), ...this.#of(node.right)];
    return `${head}; where ${filterText(residual, labels)}`;
  }

  /** The sides that are kept as counts and sums. */
  #sums({ left, right, leftSums, rightSums }: Extract<Node, { kind: 'join' }>): string {
    const side = (name: string, input: number, sums: readonly number[] | undefined): string => {
      if (sums === undefined) return '';
      return `; ${name} as ${sums.length === 0 ? 'counts' : `sums of ${this.#columns(sums, input)}`}`;
    };
    return side('left', left, leftSums) + side('right', right, rightSums);
  }

  #aggregate(aggregate: Aggregate, input: number): string {
    const args = [aggregate.argument, aggregate.argument2].filter((column) => column >= 0);
    const list = args.length === 0 ? '*' : this.#columns(args, input);
    const order =
      aggregate.order.length === 0
        ? ''
        : ` order by ${orderText(aggregate.order, this.#of(input))}`;
    const filter =
      aggregate.filter < 0 ? '' : ` filter (${this.#columns([aggregate.filter], input)})`;
    return `${aggregate.fn}(${aggregate.distinct ? 'distinct ' : ''}${list}${order})${filter}`;
  }
}

function constantLine(node: Extract<Node, { kind: 'constant' }>): string {
  const shown = node.rows.slice(0, rowsShownMax).map(({ row, weight }) => {
    const parts = row.map((value, i) => constantText(value, node.columns[i]?.type ?? 'text'));
    return `(${parts.join(', ')})${weight === 1 ? '' : ` × ${weight}`}`;
  });
  if (node.rows.length === 0) return 'Constant: no rows';
  const hidden = node.rows.length - shown.length;
  return `Constant ${shown.join(', ')}${hidden > 0 ? `, … ${hidden} more` : ''}`;
}
