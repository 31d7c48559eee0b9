/**
 * Logical plan → engine plan. Chains of projections and filters become one program; joins of every
 * kind are composed from inner joins, semijoins and unions; definitions are lowered once.
 *
 * A lowered relation knows which logical column each of its positions holds; positions that hold a
 * column made for a key only are `null` and disappear with the next projection.
 */
import type { Aggregate, Order } from '../../../dataflow/plan/plan.ts';
import type { ColumnType } from '../../../dataflow/value/type.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { assert, defined, unreachable } from '../../base/assert.ts';
import type { Column } from '../logical/column.ts';
import type { Definition, LogicalAggregate, OrderKey, Rel } from '../logical/rel.ts';
import { columnReference } from '../logical/scalar.ts';
import { foldPredicates, foldScalar } from '../rewrite/fold.ts';
import { lowerJoin } from './join.ts';
import type { Lowered } from './lowered.ts';
import { exact, positionIn } from './lowered.ts';
import { PlanBuilder } from './plan-builder.ts';
import { ProgramBuilder } from './program.ts';

/** Lowers one plan; keeps what definitions have become. */
export class Lowering {
  readonly plan = new PlanBuilder();
  readonly #definitions = new Map<Definition, Lowered>();

  lower(rel: Rel): Lowered {
    switch (rel.kind) {
      case 'constant':
        return {
          node: this.plan.constant(
            rel.rows.map((row) => ({ row, weight: 1 })),
            constantTypes(rel),
          ),
          columns: rel.columns,
        };
      case 'get':
        return this.#get(rel);
      case 'shared':
        return this.#shared(rel);
      case 'project':
      case 'filter':
        return this.#chain(rel);
      case 'join':
      case 'apply':
        return lowerJoin(this.plan, rel, this.lower(rel.left), this.lower(rel.right));
      case 'reduce':
        return this.#reduce(rel);
      case 'distinct': {
        const input = this.lower(rel.input);
        const columns = realColumns(input);
        return { node: this.plan.distinct(exact(this.plan, input, columns)), columns };
      }
      case 'topk':
        return this.#topk(rel);
      case 'union':
        return this.#union(rel);
      case 'negate': {
        const input = this.lower(rel.input);
        return { ...input, node: this.plan.negate(input.node) };
      }
      case 'threshold': {
        const input = this.lower(rel.input);
        const columns = realColumns(input);
        return { node: this.plan.threshold(exact(this.plan, input, columns)), columns };
      }
      case 'flatMap':
        return this.#flatMap(rel);
      default:
        return unreachable(rel);
    }
  }

  #get(rel: Extract<Rel, { kind: 'get' }>): Lowered {
    const columns = rel.positions.map((position): ColumnType => {
      const column = defined(
        rel.relation.columns[position],
        `column ${position} of ${rel.relation.name} exists`,
      );
      return { type: column.type.name, nullable: column.nullable };
    });
    return {
      node: this.plan.get(rel.relation.collection, rel.positions, columns),
      columns: rel.columns,
    };
  }

  #shared(rel: Extract<Rel, { kind: 'shared' }>): Lowered {
    const { definition } = rel;
    let body = this.#definitions.get(definition);
    if (body === undefined) {
      const lowered = this.lower(definition.rel);
      body = { node: exact(this.plan, lowered, definition.columns), columns: definition.columns };
      this.#definitions.set(definition, body);
    }
    assert(
      rel.columns.length === definition.columns.length,
      'a use has the columns of its definition',
    );
    return { node: body.node, columns: rel.columns };
  }

  /** Projections and filters on top of something else: one program. */
  #chain(top: Rel): Lowered {
    const steps: Extract<Rel, { kind: 'project' | 'filter' }>[] = [];
    let base: Rel = top;
    while (base.kind === 'project' || base.kind === 'filter') {
      steps.push(base);
      base = base.input;
    }
    const input = this.lower(base);
    const builder = new ProgramBuilder(input.columns);
    const filters: number[] = [];
    let columns: readonly Column[] = realColumns(input);
    let never = false;
    for (const step of steps.toReversed()) {
      if (step.kind === 'filter') {
        const predicates = foldPredicates(step.predicates);
        never ||= predicates === undefined;
        filters.push(...(predicates ?? []).map((predicate) => builder.add(predicate)));
      } else {
        builder.rename(
          step.outputs.map((output): readonly [Column, number] => [
            output.column,
            builder.add(foldScalar(output.expression)),
          ]),
        );
        columns = step.outputs.map((output) => output.column);
      }
    }
    const outputs = columns.map((column) => builder.add(columnReference(column)));
    const program = builder.build(filters, outputs);
    const node = this.plan.mfp(input.node, program);
    return { node: never ? this.plan.empty(this.plan.columns(node)) : node, columns };
  }

  #reduce(rel: Extract<Rel, { kind: 'reduce' }>): Lowered {
    const input = this.lower(rel.input);
    const inputTypes = this.plan.columns(input.node);
    const key = rel.keys.map((column) => positionIn(input, column));
    const aggregates = rel.aggregates.map((aggregate) =>
      lowerAggregate(aggregate, input, inputTypes),
    );
    const types = [
      ...key.map((position) => defined(inputTypes[position], 'a key is a column')),
      ...rel.aggregates.map((aggregate, i): ColumnType => ({
        type: aggregate.column.type,
        nullable: aggregateNullable(aggregates[i], inputTypes, rel.single),
      })),
    ];
    const columns = [...rel.keys, ...rel.aggregates.map((aggregate) => aggregate.column)];
    const groups = this.plan.reduce(input.node, key, aggregates, types);
    if (!rel.single) return { node: groups, columns };
    const row = rel.aggregates.map((aggregate): Datum => (aggregate.fn === 'count' ? 0n : null));
    const defaults = this.plan.constant([{ row, weight: 1 }], types);
    const missing = this.plan.semijoin(defaults, groups, [], [], true, false);
    return { node: this.plan.union([groups, missing], types), columns };
  }

  #topk(rel: Extract<Rel, { kind: 'topk' }>): Lowered {
    const input = this.lower(rel.input);
    const key = rel.keys.map((column) => positionIn(input, column));
    const columns = realColumns(input);
    const trimmed: Lowered = { node: exact(this.plan, input, columns), columns };
    assert(key.length === rel.keys.length, 'every key is a column');
    const node = this.plan.topk(
      trimmed.node,
      rel.keys.map((column) => positionIn(trimmed, column)),
      lowerOrder(rel.order, trimmed),
      rel.limit,
      rel.offset,
    );
    return { node, columns };
  }

  #union(rel: Extract<Rel, { kind: 'union' }>): Lowered {
    const inputs = rel.inputs.map((input) =>
      exact(this.plan, this.lower(input.rel), input.columns),
    );
    const types = rel.columns.map((column, i): ColumnType => ({
      type: column.type,
      nullable: inputs.some((input) => this.plan.columns(input)[i]?.nullable ?? true),
    }));
    return { node: this.plan.union(inputs, types), columns: rel.columns };
  }

  #flatMap(rel: Extract<Rel, { kind: 'flatMap' }>): Lowered {
    const input = this.lower(rel.input);
    const args = rel.args.map((column) => positionIn(input, column));
    const types = [
      ...this.plan.columns(input.node),
      ...rel.outputs.map((column): ColumnType => ({ type: column.type, nullable: true })),
    ];
    return {
      node: this.plan.flatMap(input.node, rel.fn, args, types),
      columns: [...input.columns, ...rel.outputs],
    };
  }
}

function constantTypes(rel: Extract<Rel, { kind: 'constant' }>): readonly ColumnType[] {
  return rel.columns.map((column, i): ColumnType => ({
    type: column.type,
    nullable: rel.rows.some((row) => row[i] === null),
  }));
}

function realColumns(lowered: Lowered): readonly Column[] {
  return lowered.columns.filter((column): column is Column => column !== null);
}

/** ORDER BY by positions. */
export function lowerOrder(order: readonly OrderKey[], input: Lowered): readonly Order[] {
  return order.map((key): Order => ({
    column: positionIn(input, key.column),
    descending: key.descending,
    nullsFirst: key.nullsFirst,
  }));
}

function lowerAggregate(
  aggregate: LogicalAggregate,
  input: Lowered,
  types: readonly ColumnType[],
): Aggregate {
  const argument = aggregate.argument === null ? -1 : positionIn(input, aggregate.argument);
  return {
    fn: aggregate.fn,
    argument,
    argument2: aggregate.argument2 === null ? -1 : positionIn(input, aggregate.argument2),
    argumentType: argument < 0 ? 'bool' : defined(types[argument], 'an argument is a column').type,
    filter: aggregate.filter === null ? -1 : positionIn(input, aggregate.filter),
    distinct: aggregate.distinct,
    order: lowerOrder(aggregate.order, input),
    type: aggregate.column.type,
  };
}

function aggregateNullable(
  aggregate: Aggregate | undefined,
  types: readonly ColumnType[],
  single: boolean,
): boolean {
  if (aggregate === undefined || aggregate.fn === 'count') return false;
  if (single || aggregate.filter >= 0) return true;
  const samples = aggregate.fn === 'stddev_samp' || aggregate.fn === 'var_samp';
  return samples || (types[aggregate.argument]?.nullable ?? true);
}
