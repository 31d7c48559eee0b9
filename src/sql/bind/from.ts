/**
 * FROM: tables, views (expanded where they stand), WITH entries, subqueries, set-returning
 * functions, joins. The result is one relation and the namespace it gives to the rest of the query.
 */
import type { Alias, FromItem, FunctionCall } from '../ast.ts';
import { functionsNamed } from '../../../dataflow/expr/function-table.ts';
import { assert, defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Column } from '../logical/column.ts';
import { freeColumns } from '../logical/deep.ts';
import type { Rel } from '../logical/rel.ts';
import { unit } from '../logical/rel.ts';
import type { CommonTableEntry, CommonTables, Environment, OutputColumn } from './environment.ts';
import { bindExpression } from './expression.ts';
import { combine } from './join.ts';
import type { BoundFrom } from './join.ts';
import { callEntry } from './coerce.ts';
import { coerceArguments, resolveFunction } from './operator-call.ts';
import { inSessionZone } from './session-zone.ts';
import { bindRelation } from './relation.ts';
import type { ScopeColumn, ScopeItem } from './scope.ts';
import { rowsOf } from './subquery.ts';
import { zipArrays } from './zip-arrays.ts';

/** Binds a whole FROM clause; without items it gives one row without columns. */
export function bindFrom(items: readonly FromItem[], environment: Environment): BoundFrom {
  let bound: BoundFrom = { rel: unit, items: [], lateral: false };
  for (const [i, item] of items.entries()) {
    const next = bindItem(item, environment, bound.items);
    checkNames(bound.items, next.items);
    bound =
      i === 0
        ? next
        : {
            rel: {
              kind: next.lateral ? 'apply' : 'join',
              type: 'inner',
              left: bound.rel,
              right: next.rel,
              on: [],
            },
            items: [...bound.items, ...next.items],
            lateral: bound.lateral,
          };
  }
  return { ...bound, lateral: false };
}

/** Two items of one FROM clause may not go by the same name. */
function checkNames(left: readonly ScopeItem[], right: readonly ScopeItem[]): void {
  const twice = right.find(
    (item) =>
      item.relationVisible &&
      item.name !== '' &&
      left.some((other) => other.relationVisible && sameName(item, other)),
  );
  if (twice !== undefined) {
    throw sqlError('42712', `table name "${twice.name}" specified more than once`);
  }
}

/** Relations of different schemas may share a name, as long as neither goes by an alias. */
function sameName(a: ScopeItem, b: ScopeItem): boolean {
  return a.name === b.name && (a.schema === null || b.schema === null || a.schema === b.schema);
}

/** Binds one item; `left` are the items before it, visible to it only if it is LATERAL. */
export function bindItem(
  item: FromItem,
  environment: Environment,
  left: readonly ScopeItem[],
): BoundFrom {
  switch (item.kind) {
    case 'table':
      return bindTable(item, environment);
    case 'derived':
      return bindDerived(item, environment, left);
    case 'function':
      return bindFunction(item, environment, left);
    case 'join':
      return bindJoin(item, environment, left);
  }
}

/** The names that an alias gives, checked for number. */
function named(
  columns: readonly OutputColumn[],
  alias: Alias | null,
  shown: string,
): readonly ScopeColumn[] {
  const names = alias?.columns ?? [];
  if (names.length > columns.length) {
    throw sqlError(
      '42P10',
      `table "${shown}" has ${columns.length} columns available but ${names.length} columns specified`,
    );
  }
  return columns.map((column, i) => ({ ...column, name: names[i] ?? column.name }));
}

function visible(name: string, schema: string | null, columns: readonly ScopeColumn[]): ScopeItem {
  return { name, schema, columns, relationVisible: true, columnsVisible: true };
}

function findCommonTable(tables: CommonTables | null, name: string): CommonTableEntry | undefined {
  for (let at = tables; at !== null; at = at.parent) {
    const found = at.entries.find((entry) => entry.name === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function bindTable(
  item: Extract<FromItem, { kind: 'table' }>,
  environment: Environment,
): BoundFrom {
  const { parts } = item.name;
  const name = parts[parts.length - 1] ?? '';
  const shown = item.alias?.name ?? name;
  const common = parts.length === 1 ? findCommonTable(environment.tables, name) : undefined;
  if (common !== undefined) {
    const rel = environment.context.use(common.definition);
    const outputs = common.outputs.map((output, i): OutputColumn => ({
      ...output,
      column: defined(rel.columns[i], 'a use has the columns of its definition'),
    }));
    return {
      rel,
      items: [visible(shown, null, named(outputs, item.alias, shown))],
      lateral: false,
    };
  }
  const bound = bindRelation(item.name, environment);
  const columns = named(bound.outputs, item.alias, shown);
  const shownItem = {
    ...visible(shown, item.alias === null ? bound.schema : null, columns),
    relation: bound.name,
  };
  return { rel: bound.rel, items: [shownItem], lateral: false };
}

/** The environment in which an item stands that sees `left` only if `lateral`. */
function beside(
  environment: Environment,
  left: readonly ScopeItem[],
  lateral: boolean,
): Environment {
  const outer = environment.scope;
  const scope = lateral
    ? { parent: outer, items: left, hidden: [] }
    : { ...outer, hidden: [...outer.hidden, ...left] };
  return {
    ...environment,
    scope,
    clause: 'functions in FROM',
    aggregates: null,
    setFunctions: null,
  };
}

function bindDerived(
  item: Extract<FromItem, { kind: 'derived' }>,
  environment: Environment,
  left: readonly ScopeItem[],
): BoundFrom {
  const inner = beside(environment, left, item.lateral);
  const bound = environment.bindQuery(item.query, inner);
  const shown = item.alias?.name ?? '';
  const columns = named(bound.outputs, item.alias, shown);
  const visibleItem = { ...visible(shown, null, columns), relationVisible: item.alias !== null };
  return { rel: rowsOf(bound), items: [visibleItem], lateral: item.lateral };
}

function bindFunction(
  item: Extract<FromItem, { kind: 'function' }>,
  environment: Environment,
  left: readonly ScopeItem[],
): BoundFrom {
  const { position, alias } = item;
  const [call] = item.calls;
  if (call === undefined || item.calls.length > 1)
    throw unsupported('ROWS FROM with several functions', position);
  const { context } = environment;
  const inner = beside(environment, left, true);
  const name = call.name.parts[call.name.parts.length - 1] ?? '';
  if (name === 'unnest' && (item.ordinality || call.args.length > 1))
    return bindUnnest(item, call, inner);
  if (item.ordinality) throw unsupported(`WITH ORDINALITY of ${name}`, position);
  if (functionsNamed(name).every((entry) => !entry.setReturning)) {
    const scalar = bindExpression(call, inner);
    const column = context.columns.make(alias?.name ?? name, {
      name: scalar.type,
      modifier: scalar.modifier,
    });
    const rel: Rel = { kind: 'project', input: unit, outputs: [{ column, expression: scalar }] };
    return functionItem(rel, [column], alias, name);
  }
  const found = call.args.map((arg) => bindExpression(arg, inner));
  const choice = resolveFunction(name, call.name.parts.join('.'), found, call.position);
  if (!choice.entry.setReturning) throw unsupported(`${name} in FROM`, position);
  const applied = inSessionZone(
    context,
    choice.entry,
    callEntry(choice.entry, coerceArguments(context, choice, found), choice.result, call.position),
  );
  const args = applied.args.map((expression, i) => ({
    column: context.columns.make(`arg${i + 1}`, {
      name: expression.type,
      modifier: expression.modifier,
    }),
    expression,
  }));
  const outputs =
    choice.entry.columns === undefined
      ? [context.columns.make(alias?.name ?? name, { name: choice.result, modifier: -1 })]
      : choice.entry.columns.map((each) =>
          context.columns.make(each.name, {
            name: concreteType(each.type, choice.result),
            modifier: -1,
          }),
        );
  const input: Rel = args.length === 0 ? unit : { kind: 'project', input: unit, outputs: args };
  const rel: Rel = {
    kind: 'flatMap',
    input,
    fn: applied.fn,
    args: args.map((arg) => arg.column),
    outputs,
  };
  return functionItem(rel, outputs, alias, name);
}

/** `unnest` of several arrays, or with the numbers of its rows. */
function bindUnnest(
  item: Extract<FromItem, { kind: 'function' }>,
  call: FunctionCall,
  environment: Environment,
): BoundFrom {
  const { context } = environment;
  const arrays = call.args.map((arg) => bindExpression(arg, environment));
  const name = item.alias !== null && arrays.length === 1 ? item.alias.name : 'unnest';
  const columns = arrays.map((array) => {
    const { result } = resolveFunction('unnest', 'unnest', [array], call.position);
    return context.columns.make(name, { name: result, modifier: -1 });
  });
  const ordinal = item.ordinality
    ? context.columns.make('ordinality', { name: 'int8', modifier: -1 })
    : null;
  const rel = zipArrays(context, unit, arrays, columns, ordinal);
  return functionItem(
    rel,
    ordinal === null ? columns : [...columns, ordinal],
    item.alias,
    'unnest',
  );
}

function concreteType(type: string, result: Column['type']): Column['type'] {
  if (type === 'text' || type === 'jsonb' || type === 'int4' || type === 'int8' || type === 'json')
    return type;
  return result;
}

function functionItem(
  rel: Rel,
  columns: readonly Column[],
  alias: Alias | null,
  name: string,
): BoundFrom {
  const shown = alias?.name ?? name;
  const outputs = columns.map((column): OutputColumn => ({
    name: column.name,
    column,
    tableOid: 0,
    attribute: 0,
  }));
  return { rel, items: [visible(shown, null, named(outputs, alias, shown))], lateral: true };
}

/** Whether a relation reads columns of `items`: one that may and does not is an ordinary side. */
function reads(rel: Rel, items: readonly ScopeItem[]): boolean {
  const free = freeColumns(rel);
  return items.some((item) => item.columns.some(({ column }) => free.has(column.id)));
}

function bindJoin(
  item: Extract<FromItem, { kind: 'join' }>,
  environment: Environment,
  outerLeft: readonly ScopeItem[],
): BoundFrom {
  const left = bindItem(item.left, environment, outerLeft);
  const seen = [...outerLeft, ...left.items];
  const bound = bindItem(item.right, environment, seen);
  checkNames(left.items, bound.items);
  const right = { ...bound, lateral: bound.lateral && reads(bound.rel, seen) };
  if (right.lateral && (item.type === 'right' || item.type === 'full')) {
    throw sqlError(
      '42P10',
      'invalid reference to FROM-clause entry: ' +
        'the combining JOIN type must be INNER or LEFT for a LATERAL reference',
      { position: item.right.position },
    );
  }
  assert(left.items.length > 0 && right.items.length > 0, 'a join has two sides');
  return combine(item, left, right, environment);
}
