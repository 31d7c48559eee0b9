/**
 * Whole queries: WITH, set operations, VALUES, ORDER BY, LIMIT. This is the hook that expressions
 * and FROM items reach through their environment, so that no file imports another in a circle.
 */
import type { CommonTable, Expression, OrderItem, Query, QueryBody } from '../ast.ts';
import { defined } from '../../base/assert.ts';
import { SqlError, sqlError, unsupported } from '../../base/error.ts';
import type { SqlType } from '../catalog-view.ts';
import { columnSqlType } from '../logical/column.ts';
import type { OrderKey, Output, Rel } from '../logical/rel.ts';
import { unit } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { isUnknown } from './coerce.ts';
import type { BindContext } from './context.ts';
import type {
  BoundQuery,
  CommonTableEntry,
  CommonTables,
  Environment,
  OutputColumn,
} from './environment.ts';
import { bindExpression } from './expression.ts';
import { bindFrom } from './from.ts';
import { signedNumber } from './output-reference.ts';
import { startOf } from './start-of.ts';
import { bindRowCount } from './row-count.ts';
import { emptyScope } from './scope.ts';
import { bindSelect } from './select.ts';
import type { UnknownPolicy } from './select.ts';
import { rowsOf } from './subquery.ts';
import { bindSetOperation, coerceOutputs } from './set-operation.ts';
import { unify } from './unify.ts';

/** The environment of a statement's outermost query. */
export function topEnvironment(context: BindContext): Environment {
  return {
    context,
    scope: emptyScope,
    tables: null,
    clause: '',
    aggregates: null,
    setFunctions: null,
    insideAggregate: false,
    outer: null,
    bindQuery,
  };
}

/** Binds a query; untyped literals of its output become text, or what `targets` says. */
export function bindQuery(
  query: Query,
  environment: Environment,
  targets?: readonly SqlType[],
): BoundQuery {
  const bound = environment.context.nested(() =>
    bindWithPolicy(query, environment, targets === undefined ? 'settle' : 'keep'),
  );
  if (targets === undefined) return bound;
  return coerceOutputs(
    environment.context,
    bound,
    bound.outputs.map((output, i): SqlType =>
      output.column.type === 'unknown'
        ? (targets[i] ?? { name: 'text', modifier: -1 })
        : columnSqlType(output.column),
    ),
  );
}

/** Binds a query; the policy says what becomes of untyped literals in its output. */
export function bindWithPolicy(
  query: Query,
  environment: Environment,
  policy: UnknownPolicy,
): BoundQuery {
  const inside: Environment = { ...environment, tables: bindCommonTables(query.with, environment) };
  const bound = bindBody(query.body, query.order, inside, policy);
  const limit = countOf(query, query.limit, -1, inside, 'LIMIT');
  const offset = Math.max(0, countOf(query, query.offset, 0, inside, 'OFFSET'));
  if (limit < 0 && offset === 0) return bound;
  const inner = bound.limit >= 0 || bound.offset > 0 ? { ...bound, rel: rowsOf(bound) } : bound;
  return { ...inner, limit, offset };
}

/**
 * A count sees no column. One that FROM has is told of as that, not as one that does not exist:
 * only where the name is not found FROM is looked at, since it is bound once more for that.
 */
function countOf(
  { body }: Query,
  expression: Expression | null,
  none: number,
  environment: Environment,
  clause: 'LIMIT' | 'OFFSET',
): number {
  if (expression === null) return none;
  try {
    return bindRowCount(expression, environment, clause);
  } catch (error) {
    const isMissing = error instanceof SqlError && /^(42703|42P01)$/.test(error.fields.code);
    if (!isMissing || body.kind !== 'select') throw error;
    const { items } = bindFrom(body.from, environment);
    const scope = { parent: environment.scope, items, hidden: [] };
    return bindRowCount(expression, { ...environment, scope }, clause);
  }
}

function bindCommonTables(
  list: readonly CommonTable[],
  environment: Environment,
): CommonTables | null {
  let tables = environment.tables;
  const names = new Set<string>();
  for (const item of list) {
    if (item.recursive) throw unsupported('WITH RECURSIVE', item.position);
    if (names.has(item.name)) {
      throw sqlError('42712', `WITH query name "${item.name}" specified more than once`, {
        position: item.position,
      });
    }
    names.add(item.name);
    const later = list
      .map((each) => each.name)
      .filter((name) => !names.has(name) || name === item.name);
    const entry = bindCommonTable(item, {
      ...environment,
      tables: { entries: [], later, parent: tables },
    });
    tables = { entries: [entry], later: [], parent: tables };
  }
  return tables;
}

function bindCommonTable(item: CommonTable, environment: Environment): CommonTableEntry {
  const bound = bindQuery(item.query, { ...environment, aggregates: null, setFunctions: null });
  if (item.columns.length > bound.outputs.length) {
    throw sqlError(
      '42P10',
      `WITH query "${item.name}" has ${bound.outputs.length} columns available ` +
        `but ${item.columns.length} columns specified`,
      { position: item.position },
    );
  }
  const outputs = bound.outputs.map((output, i): OutputColumn => ({
    ...output,
    name: item.columns[i] ?? output.name,
  }));
  const definition = environment.context.define(
    item.name,
    rowsOf(bound),
    outputs.map((output) => output.column),
  );
  return { name: item.name, definition, outputs };
}

function bindBody(
  body: QueryBody,
  order: readonly OrderItem[],
  environment: Environment,
  policy: UnknownPolicy,
): BoundQuery {
  switch (body.kind) {
    case 'select':
      return bindSelect(body, order, environment, policy);
    case 'values':
      return sortOutputs(bindValues(body, environment, policy), order, environment, false);
    case 'setOperation': {
      const left = bindWithPolicy(body.left, environment, 'keep');
      const right = bindWithPolicy(body.right, environment, 'keep');
      return sortOutputs(
        bindSetOperation(environment.context, body, left, right, policy),
        order,
        environment,
        true,
      );
    }
  }
}

/** ORDER BY of a query whose columns have no expressions to match: by name or number only. */
function sortOutputs(
  bound: BoundQuery,
  order: readonly OrderItem[],
  environment: Environment,
  setOperation: boolean,
): BoundQuery {
  const keys = order.map((item): OrderKey => {
    const { expression } = item;
    const found = outputNamed(item, bound);
    if (found !== undefined)
      return { column: found.column, descending: item.descending, nullsFirst: item.nullsFirst };
    if (setOperation && expression.kind !== 'column') {
      throw sqlError('0A000', 'invalid UNION/INTERSECT/EXCEPT ORDER BY clause', {
        position: startOf(expression),
        detail: 'Only result column names can be used, not expressions or functions.',
        hint: 'Add the expression/function to every SELECT, or move the UNION into a FROM clause.',
      });
    }
    if (expression.kind === 'column') {
      throw sqlError('42703', `column "${expression.name.parts.join('.')}" does not exist`, {
        position: expression.position,
      });
    }
    bindExpression(expression, environment);
    throw unsupported('ORDER BY an expression over VALUES', expression.position);
  });
  return { ...bound, order: keys };
}

function outputNamed(item: OrderItem, bound: BoundQuery): OutputColumn | undefined {
  const { expression } = item;
  const number = signedNumber(expression);
  if (number !== null) {
    const { position } = expression;
    if (!/^-?\d+$/.test(number))
      throw sqlError('42601', 'non-integer constant in ORDER BY', { position });
    const found = bound.outputs[Number(number) - 1];
    if (found !== undefined) return found;
    throw sqlError('42P10', `ORDER BY position ${number} is not in select list`, { position });
  }
  if (expression.kind !== 'column' || expression.name.parts.length !== 1) return undefined;
  const matches = bound.outputs.filter((output) => output.name === expression.name.parts[0]);
  if (matches.length > 1) {
    throw sqlError('42702', `ORDER BY "${expression.name.parts[0]}" is ambiguous`, {
      position: expression.position,
    });
  }
  return matches[0];
}

/** VALUES: each column of one type; a constant relation, or a union of one-row projections. */
function bindValues(
  body: Extract<QueryBody, { kind: 'values' }>,
  environment: Environment,
  policy: UnknownPolicy,
): BoundQuery {
  const { context } = environment;
  const inside: Environment = {
    ...environment,
    clause: 'VALUES',
    aggregates: null,
    setFunctions: null,
  };
  const rows = body.rows.map((row) => row.map((each) => bindExpression(each, inside)));
  const width = defined(rows[0], 'VALUES has a row').length;
  const uneven = rows.findIndex((row) => row.length !== width);
  if (uneven >= 0) {
    throw sqlError('42601', 'VALUES lists must all be the same length', {
      position: body.rows[uneven]?.[0]?.position ?? body.position,
    });
  }
  const unified = Array.from({ length: width }, (_, i) => {
    const scalars = rows.map((row) => defined(row[i], 'rows have one length'));
    if (policy === 'keep' && scalars.every(isUnknown))
      return { type: { name: 'unknown' as const, modifier: -1 }, scalars };
    return unify(context, scalars, 'VALUES');
  });
  const columns = unified.map(({ type }, i) => context.columns.make(`column${i + 1}`, type));
  const outputs = columns.map((column): OutputColumn => ({
    name: column.name,
    column,
    tableOid: 0,
    attribute: 0,
  }));
  const cells = rows.map((_, r) =>
    unified.map(({ scalars }) => defined(scalars[r], 'a column has a cell per row')),
  );
  return { rel: valuesRel(cells, columns, context), outputs, order: [], limit: -1, offset: 0 };
}

function valuesRel(
  cells: readonly (readonly Scalar[])[],
  columns: readonly OutputColumn['column'][],
  context: BindContext,
): Rel {
  const constants = cells.map((row) =>
    row.flatMap((cell) => (cell.kind === 'constant' ? [cell.value] : [])),
  );
  if (constants.every((row) => row.length === columns.length))
    return { kind: 'constant', rows: constants, columns };
  const projects = cells.map((row) => {
    const own = columns.map((column) => context.columns.like(column));
    const outputs = own.map((column, i): Output => ({
      column,
      expression: defined(row[i], 'a cell per column'),
    }));
    return { rel: { kind: 'project', input: unit, outputs } as const, columns: own };
  });
  return { kind: 'union', inputs: projects, columns };
}
