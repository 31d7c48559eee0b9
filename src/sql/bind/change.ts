/**
 * UPDATE and DELETE: a query for the rows of the table that are meant, each with what it becomes.
 *
 * With FROM or USING a row of the table can meet several partners; it is changed once, by one of
 * them. So the pairs are thinned out to one per distinct row, and joined back with the table, which
 * knows how often each row occurs.
 */
import type { FromItem, Statement } from '../ast.ts';
import { defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { Relation } from '../catalog-view.ts';
import type { Output, Rel } from '../logical/rel.ts';
import type { Column } from '../logical/column.ts';
import { columnsOf, filter } from '../logical/rel.ts';
import { columnReference, conjuncts, same, substitute } from '../logical/scalar.ts';
import type { Scalar } from '../logical/scalar.ts';
import { bindAssigned, columnNumber } from './assign.ts';
import type { BindContext } from './context.ts';
import type { BoundInsert } from './insert.ts';
import type { BoundQuery, Environment, OutputColumn } from './environment.ts';
import { bindCondition } from './expression.ts';
import { bindFrom } from './from.ts';
import { topEnvironment } from './query.ts';
import { bindReturning } from './returning.ts';
import type { ScopeItem } from './scope.ts';

type Change = Extract<Statement, { kind: 'update' | 'delete' }>;
type Get = Extract<Rel, { kind: 'get' }>;

function scan(context: BindContext, table: Relation): Get {
  const columns = table.columns.map((column) => context.columns.make(column.name, column.type));
  return { kind: 'get', relation: table, positions: columns.map((_, i) => i), columns };
}

/** The table as the statement's expressions can name it. */
function targetItem(statement: Change, table: Relation, columns: readonly Column[]): ScopeItem {
  return {
    name: statement.alias ?? table.name,
    schema: statement.alias === null ? table.schema : null,
    columns: columns.map((column, i): OutputColumn => ({
      name: column.name,
      column,
      tableOid: table.oid,
      attribute: i + 1,
    })),
    relationVisible: true,
    columnsVisible: true,
  };
}

/** Binds an UPDATE or DELETE of a table. */
export function bindChange(context: BindContext, statement: Change, table: Relation): BoundInsert {
  const get = scan(context, table);
  const partners: readonly FromItem[] =
    statement.kind === 'update' ? statement.from : statement.using;
  const target = targetItem(statement, table, get.columns);
  const top = topEnvironment(context);
  const from = partners.length === 0 ? undefined : bindFrom(partners, top);
  const environment: Environment = {
    ...top,
    clause: statement.kind.toUpperCase(),
    scope: { parent: null, items: [target, ...(from?.items ?? [])], hidden: [] },
  };
  const values = statement.kind === 'update' ? newValues(statement, table, get, environment) : [];
  const where =
    statement.where === null
      ? []
      : conjuncts(bindCondition(statement.where, { ...environment, clause: 'WHERE' }, 'WHERE'));
  const returning = bindReturning(statement.returning, environment);
  const seen = (scalar: Scalar): Scalar =>
    substitute(
      scalar,
      (reference) => values[get.columns.findIndex((column) => column.id === reference.column.id)],
    );
  const joined: Rel =
    from === undefined ? get : { kind: 'join', type: 'inner', left: get, right: from.rel, on: [] };
  const old = get.columns.map((column): Output => ({
    column: context.columns.like(column),
    expression: columnReference(column),
  }));
  const fresh = values.map((expression, i): Output => ({
    column: context.columns.make(table.columns[i]?.name ?? '', {
      name: expression.type,
      modifier: expression.modifier,
    }),
    expression,
  }));
  const outputs = [
    ...old,
    ...fresh,
    ...returning.outputs.map((output) => ({ ...output, expression: seen(output.expression) })),
  ];
  const rows: Rel = { kind: 'project', input: filter(joined, where), outputs };
  const rel = from === undefined ? rows : oncePerRow(context, table, rows, old);
  const shown = [...old, ...fresh].map((output, i): OutputColumn => ({
    name: output.column.name,
    column: output.column,
    tableOid: table.oid,
    attribute: (i % table.columns.length) + 1,
  }));
  const query: BoundQuery = {
    rel,
    outputs: [...shown, ...returning.shown],
    order: [],
    limit: -1,
    offset: 0,
  };
  return {
    query,
    old: old.length,
    new: fresh.length,
    returning: statement.returning.length === 0 ? null : returning.shown.length,
  };
}

/** The new row: what SET gives, and the old values of the rest. */
function newValues(
  statement: Extract<Statement, { kind: 'update' }>,
  table: Relation,
  get: Get,
  environment: Environment,
): readonly Scalar[] {
  const set = new Map<number, Scalar>();
  for (const { column, value, position } of statement.set) {
    const number = columnNumber(table, column, position);
    if (set.has(number))
      throw sqlError('42601', `multiple assignments to same column "${column}"`, { position });
    set.set(number, bindAssigned(value, table, number, environment));
  }
  return get.columns.map((column, i) => set.get(i) ?? columnReference(column));
}

/** One of the pairs per distinct row of the table, as often as the table has the row. */
function oncePerRow(
  context: BindContext,
  table: Relation,
  pairs: Rel,
  old: readonly Output[],
): Rel {
  const one: Rel = {
    kind: 'topk',
    input: pairs,
    keys: old.map((output) => output.column),
    order: [],
    limit: 1,
    offset: 0,
  };
  const again = scan(context, table);
  const on = old.map((output, i) =>
    same(
      columnReference(output.column),
      columnReference(defined(again.columns[i], 'both are the table')),
    ),
  );
  const joined: Rel = { kind: 'join', type: 'inner', left: one, right: again, on };
  const keep = columnsOf(pairs);
  return {
    kind: 'project',
    input: joined,
    outputs: keep.map((column): Output => ({ column, expression: columnReference(column) })),
  };
}
