/**
 * INSERT, UPDATE, DELETE: each becomes one query whose rows say what goes and what comes. The
 * columns of its result are, in this order and as far as the statement has them: the old row of the
 * table, the new row, the columns of RETURNING. Who runs it retracts the old rows, adds the new
 * ones (after checking NOT NULL), and sends the rest.
 */
import type { TypeName } from '../../dataflow/value/type.ts';
import { sqlError } from '../base/error.ts';
import type { QualifiedName, Statement } from './ast.ts';
import { BindContext } from './bind/context.ts';
import type { BoundQuery } from './bind/environment.ts';
import { bindInsert } from './bind/insert.ts';
import { findRelation } from './bind/relation.ts';
import { bindChange } from './bind/change.ts';
import type { CatalogView, Relation } from './catalog-view.ts';
import type { PlannedQuery, ResultColumn } from './planned.ts';
import { planBound, resultColumns } from './plan-query.ts';
import type { Described, PlanOptions } from './plan-query.ts';

export type InsertStatement = Extract<Statement, { kind: 'insert' }>;
export type UpdateStatement = Extract<Statement, { kind: 'update' }>;
export type DeleteStatement = Extract<Statement, { kind: 'delete' }>;
export type WriteStatement = InsertStatement | UpdateStatement | DeleteStatement;

/** What a statement that changes a table does. */
export interface PlannedWrite {
  readonly table: Relation;
  readonly query: PlannedQuery;
  /** Result columns that hold the old row; empty for INSERT. */
  readonly oldRow: readonly number[];
  /** Result columns that hold the new row; empty for DELETE. */
  readonly newRow: readonly number[];
  /** Result columns that RETURNING gives; null without RETURNING. */
  readonly returning: readonly number[] | null;
  /** The columns of RETURNING as the client sees them; null without. */
  readonly columns: readonly ResultColumn[] | null;
}

/** A bound statement: the query, and how its outputs are divided. */
interface BoundWrite {
  readonly query: BoundQuery;
  readonly old: number;
  readonly new: number;
  readonly returning: number | null;
}

/** Plans an INSERT, UPDATE or DELETE. Throws SqlError. */
export function planWrite(
  statement: WriteStatement,
  catalog: CatalogView,
  options: PlanOptions,
): PlannedWrite {
  return planWriteIn(new BindContext(catalog, 'once', options.parameters), statement);
}

/** The same in a context that the caller asks afterwards what the plan depends on. */
export function planWriteIn(context: BindContext, statement: WriteStatement): PlannedWrite {
  const table = writableTable(statement.table, context.catalog, statement.kind);
  context.dependencies.add(table.oid);
  const bound = bindWrite(context, statement, table);
  const query = planBound(context, bound.query);
  const range = (from: number, count: number): readonly number[] =>
    Array.from({ length: count }, (_, i) => from + i);
  const returning = bound.returning === null ? null : range(bound.old + bound.new, bound.returning);
  return {
    table,
    query,
    oldRow: range(0, bound.old),
    newRow: range(bound.old, bound.new),
    returning,
    columns: returning === null ? null : query.columns.slice(bound.old + bound.new),
  };
}

/** Parameter types, and the columns of RETURNING. */
export function describeWrite(
  statement: WriteStatement,
  catalog: CatalogView,
  declared: readonly (TypeName | null)[],
): Described {
  const context = new BindContext(catalog, 'once', { types: declared, values: null });
  const bound = bindWrite(
    context,
    statement,
    writableTable(statement.table, catalog, statement.kind),
  );
  const columns =
    bound.returning === null ? null : resultColumns(bound.query, []).slice(bound.old + bound.new);
  return { parameters: context.parameters.all(), columns };
}

function bindWrite(context: BindContext, statement: WriteStatement, table: Relation): BoundWrite {
  return statement.kind === 'insert'
    ? bindInsert(context, statement, table)
    : bindChange(context, statement, table);
}

const verbs = { insert: 'insert into', update: 'update', delete: 'delete from' } as const;

/** The table, or why it cannot be written to. */
export function writableTable(
  name: QualifiedName,
  catalog: CatalogView,
  kind: keyof typeof verbs,
): Relation {
  const relation = findRelation(name, catalog);
  switch (relation.kind) {
    case 'table':
      return relation;
    case 'view':
      throw sqlError('55000', `cannot ${verbs[kind]} view "${relation.name}"`);
    case 'materialized view':
      throw sqlError('42809', `cannot change materialized view "${relation.name}"`);
    case 'source':
      if (relation.fed === true) {
        throw sqlError('42809', `cannot ${verbs[kind]} table "${relation.name}"`, {
          detail: 'A source feeds it.',
        });
      }
      throw sqlError('42809', `cannot ${verbs[kind]} source "${relation.name}"`);
    case 'system table':
    case 'system view':
      throw sqlError('42501', `permission denied: "${relation.name}" is a system catalog`);
  }
}
