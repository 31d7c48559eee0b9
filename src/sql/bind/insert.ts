/** INSERT: the rows of its source, each brought to the columns of the table. */
import type { Query, Statement } from '../ast.ts';
import { defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { Relation } from '../catalog-view.ts';
import type { Column } from '../logical/column.ts';
import type { Output, Rel } from '../logical/rel.ts';
import { unit } from '../logical/rel.ts';
import { columnReference } from '../logical/scalar.ts';
import type { Scalar } from '../logical/scalar.ts';
import { assign, bindAssigned, columnNumber, defaultOf } from './assign.ts';
import type { BindContext } from './context.ts';
import type { BoundQuery, Environment, OutputColumn } from './environment.ts';
import { bindQuery, topEnvironment } from './query.ts';
import { bindReturning } from './returning.ts';
import { rowsOf } from './subquery.ts';

type Insert = Extract<Statement, { kind: 'insert' }>;

export interface BoundInsert {
  readonly query: BoundQuery;
  readonly old: number;
  readonly new: number;
  readonly returning: number | null;
}

/** Binds an INSERT into a table. */
export function bindInsert(context: BindContext, statement: Insert, table: Relation): BoundInsert {
  const environment = topEnvironment(context);
  const targets = targetColumns(statement, table);
  const columns = table.columns.map((column) => context.columns.make(column.name, column.type));
  const rel = sourceRows(statement, table, targets, columns, environment);
  const shown = columns.map((column, i): OutputColumn => ({
    name: column.name,
    column,
    tableOid: table.oid,
    attribute: i + 1,
  }));
  const item = {
    name: table.name,
    schema: table.schema,
    columns: shown,
    relationVisible: true,
    columnsVisible: true,
  };
  const returning = bindReturning(statement.returning, {
    ...environment,
    scope: { parent: null, items: [item], hidden: [] },
  });
  const row = columns.map((column): Output => ({
    column: context.columns.like(column),
    expression: columnReference(column),
  }));
  const outputs: readonly Output[] = [...row, ...returning.outputs];
  return {
    query: {
      rel: { kind: 'project', input: rel, outputs },
      order: [],
      limit: -1,
      offset: 0,
      outputs: [
        ...shown.map((each, i): OutputColumn => ({
          ...each,
          column: defined(outputs[i], 'an output per column').column,
        })),
        ...returning.shown,
      ],
    },
    old: 0,
    new: columns.length,
    returning: statement.returning.length === 0 ? null : returning.shown.length,
  };
}

/** The numbers of the columns that are named; all of them if none is. */
export function targetColumns(statement: Insert, table: Relation): readonly number[] {
  if (statement.columns.length === 0) return table.columns.map((_, i) => i);
  const numbers = statement.columns.map(({ name, position }) =>
    columnNumber(table, name, position),
  );
  const twice = numbers.findIndex((number, i) => numbers.indexOf(number) !== i);
  if (twice >= 0) {
    const { name, position } = defined(statement.columns[twice], 'a column was named twice');
    throw sqlError('42701', `column "${name}" specified more than once`, { position });
  }
  return numbers;
}

/** True for plain VALUES, whose expressions are assigned one by one. */
function plainValues(
  query: Query,
): query is Query & { readonly body: Extract<Query['body'], { kind: 'values' }> } {
  return (
    query.body.kind === 'values' &&
    query.with.length === 0 &&
    query.order.length === 0 &&
    query.limit === null &&
    query.offset === null
  );
}

/** Throws 42601 if a row has another number of expressions than there are targets. */
export function checkWidth(
  width: number,
  targets: readonly number[],
  statement: Insert,
  position: number,
): void {
  if (width > targets.length)
    throw sqlError('42601', 'INSERT has more expressions than target columns', { position });
  if (width < targets.length && statement.columns.length > 0) {
    throw sqlError('42601', 'INSERT has more target columns than expressions', {
      position: statement.columns[width]?.position ?? position,
    });
  }
}

function sourceOf({ source }: Insert): Query | 'default values' {
  return source !== 'default values' && source.kind === 'literals' ? source.query() : source;
}

/** Rows of the whole table: what the source gives, and defaults for the rest. */
function sourceRows(
  statement: Insert,
  table: Relation,
  targets: readonly number[],
  columns: readonly Column[],
  environment: Environment,
): Rel {
  const source = sourceOf(statement);
  const inside: Environment = { ...environment, clause: 'VALUES' };
  if (source === 'default values')
    return valueRows(
      [table.columns.map((_, i) => defaultOf(table, i, inside))],
      columns,
      environment.context,
    );
  if (plainValues(source)) {
    const width = source.body.rows[0]?.length ?? 0;
    const rows = source.body.rows.map((row) => {
      if (row.length !== width)
        throw sqlError('42601', 'VALUES lists must all be the same length', {
          position: row[0]?.position ?? source.position,
        });
      checkWidth(row.length, targets, statement, row[targets.length]?.position ?? source.position);
      return table.columns.map((_, i) => {
        const expression = row[targets.indexOf(i)];
        return targets.includes(i) && expression !== undefined
          ? bindAssigned(expression, table, i, inside)
          : defaultOf(table, i, inside);
      });
    });
    return valueRows(rows, columns, environment.context);
  }
  return queryRows(statement, source, table, targets, columns, environment);
}

/** A constant where every cell is one, else one projection a row. */
function valueRows(
  rows: readonly (readonly Scalar[])[],
  columns: readonly Column[],
  context: BindContext,
): Rel {
  const constants = rows.map((row) =>
    row.flatMap((cell) => (cell.kind === 'constant' ? [cell.value] : [])),
  );
  if (constants.every((row) => row.length === columns.length))
    return { kind: 'constant', rows: constants, columns };
  const inputs = rows.map((row) => {
    const own = columns.map((column) => context.columns.like(column));
    const outputs = own.map((column, i): Output => ({
      column,
      expression: defined(row[i], 'a cell per column'),
    }));
    return { rel: { kind: 'project', input: unit, outputs } as const, columns: own };
  });
  return { kind: 'union', inputs, columns };
}

function queryRows(
  statement: Insert,
  source: Query,
  table: Relation,
  targets: readonly number[],
  columns: readonly Column[],
  environment: Environment,
): Rel {
  const { context } = environment;
  const bound = bindQuery(
    source,
    environment,
    targets.map((target) => defined(table.columns[target], 'a target is a column').type),
  );
  checkWidth(bound.outputs.length, targets, statement, source.position);
  const outputs = columns.map((column, i): Output => {
    const from = targets.includes(i) ? bound.outputs[targets.indexOf(i)] : undefined;
    const target = defined(table.columns[i], 'columns are those of the table');
    const expression =
      from === undefined
        ? defaultOf(table, i, environment)
        : assign(context, columnReference(from.column, source.position), target, source.position);
    return { column, expression };
  });
  return { kind: 'project', input: rowsOf(bound), outputs };
}
