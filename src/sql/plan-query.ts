/**
 * The door of planning: a query's syntax in, a plan out. One way for everything that reads: views,
 * one-off SELECTs, SUBSCRIBE, the query of an INSERT, UPDATE or DELETE.
 *
 *     syntax → bind (names, types) → logical plan → rewrites → lower → engine plan
 */
import type { Finishing } from '../../dataflow/graph/command.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { defined } from '../base/assert.ts';
import type { Query } from './ast.ts';
import { explain } from './explain/explain.ts';
import { BindContext } from './bind/context.ts';
import type { Mode, ParameterTypes } from './bind/context.ts';
import type { BoundQuery } from './bind/environment.ts';
import { bindQuery, topEnvironment } from './bind/query.ts';
import { rowsOf } from './bind/subquery.ts';
import type { CatalogView, Relation } from './catalog-view.ts';
import { columnSqlType } from './logical/column.ts';
import type { Column } from './logical/column.ts';
import { everyRel } from './logical/deep.ts';
import type { Rel } from './logical/rel.ts';
import { lowerOrder, Lowering } from './lower/lower.ts';
import { keysOf, projectKeys } from './lower/keys.ts';
import { findLookup } from './lower/lookup.ts';
import { exact } from './lower/lowered.ts';
import type { Lowered } from './lower/lowered.ts';
import { markSummedSides } from './lower/summed-sides.ts';
import type { PlannedQuery, ResultColumn } from './planned.ts';
import { rewrite } from './rewrite/rewrite.ts';

export interface PlanOptions {
  readonly parameters: ParameterTypes;
  readonly mode: Mode;
}

/** No parameters at all. */
export const noParameters: ParameterTypes = { types: [], values: [] };

/** Plans a query. Throws SqlError for the user's mistakes. */
export function planQuery(query: Query, catalog: CatalogView, options: PlanOptions): PlannedQuery {
  const context = new BindContext(catalog, options.mode, options.parameters);
  return planBound(context, bindQuery(query, topEnvironment(context)));
}

/** What Describe answers. */
export interface Described {
  readonly parameters: readonly TypeName[];
  /** null if the statement returns no rows. */
  readonly columns: readonly ResultColumn[] | null;
}

/** The parameter types and result columns of a query, without its plan. */
export function describeQuery(
  query: Query,
  catalog: CatalogView,
  declared: readonly (TypeName | null)[],
  mode: Mode,
): Described {
  const context = new BindContext(catalog, mode, { types: declared, values: null });
  const bound = bindQuery(query, topEnvironment(context));
  return { parameters: context.parameters.all(), columns: resultColumns(bound, []) };
}

/** The text of a query's plan, a line each: EXPLAIN. */
export function explainQuery(
  query: Query,
  catalog: CatalogView,
  options: PlanOptions,
): readonly string[] {
  const context = new BindContext(catalog, options.mode, options.parameters);
  const { planned, relations } = planWithRelations(
    context,
    bindQuery(query, topEnvironment(context)),
  );
  return explain(planned, (collection) => relations.get(collection));
}

/** The plan of a bound query. */
export function planBound(context: BindContext, bound: BoundQuery): PlannedQuery {
  return planWithRelations(context, bound).planned;
}

/** The plan, and the relations behind its collections. */
function planWithRelations(
  context: BindContext,
  bound: BoundQuery,
): {
  readonly planned: PlannedQuery;
  readonly relations: ReadonlyMap<number, Relation>;
} {
  const outputs = bound.outputs.map((output) => output.column);
  const once = context.mode === 'once';
  const kept = once ? [...outputs, ...bound.order.map((key) => key.column)] : outputs;
  const columns = kept.filter((column, i) => kept.findIndex((each) => each.id === column.id) === i);
  const rel = rewrite(context, once ? bound.rel : rowsOf(bound), columns);
  const relations = relationsOf(rel);
  const lowering = new Lowering();
  const lowered = lowering.lower(rel);
  const root: Lowered = { node: exact(lowering.plan, lowered, columns), columns };
  const plan = markSummedSides(lowering.plan.finish(root.node));
  const finishing = once
    ? finishingOf(bound, root, outputs)
    : { order: [], limit: -1, offset: 0, project: outputs.map((_, i) => i) };
  const types = lowering.plan.columns(root.node);
  const planned: PlannedQuery = {
    columns: resultColumns(
      bound,
      outputs.map((column) => types[columns.indexOf(column)]?.nullable ?? true),
    ),
    plan,
    finishing,
    lookup: once ? findLookup(plan, (collection) => relations.get(collection)) : null,
    constant: plan.nodes.every((node) => node.kind !== 'get'),
    dependencies: [...context.dependencies],
    ...(context.effects.length === 0 ? {} : { effects: context.effects }),
    collections: [
      ...new Set(plan.nodes.flatMap((node) => (node.kind === 'get' ? [node.collection] : []))),
    ],
    keys: projectKeys(
      keysOf(plan, (collection) => relations.get(collection)?.uniqueKeys ?? []),
      finishing.project,
    ),
  };
  return { planned, relations };
}

function finishingOf(bound: BoundQuery, root: Lowered, outputs: readonly Column[]): Finishing {
  return {
    order: lowerOrder(bound.order, root),
    limit: bound.limit,
    offset: bound.offset,
    project: outputs.map((column) => root.columns.findIndex((each) => each?.id === column.id)),
  };
}

/** Result columns as RowDescription needs them. */
export function resultColumns(
  bound: BoundQuery,
  nullable: readonly boolean[],
): readonly ResultColumn[] {
  return bound.outputs.map((output, i): ResultColumn => ({
    name: output.name,
    type: columnSqlType(output.column),
    nullable: nullable[i] ?? true,
    tableOid: output.tableOid,
    attribute: output.attribute,
  }));
}

function relationsOf(rel: Rel): ReadonlyMap<number, Relation> {
  const found = new Map<number, Relation>();
  everyRel(rel, (each) => {
    if (each.kind === 'get')
      found.set(defined(each.relation, 'a get has a relation').collection, each.relation);
  });
  return found;
}
