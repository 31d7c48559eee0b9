/**
 * One SELECT: FROM → WHERE → GROUP BY and aggregates → HAVING → select list → DISTINCT. ORDER BY is
 * bound here too, because it may name what the select list does not give; its extra columns travel
 * hidden behind the outputs.
 */
import type { OrderItem, Select, SelectItem } from '../ast.ts';
import { defined } from '../../base/assert.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { OrderKey, Output, Rel } from '../logical/rel.ts';
import { columnsOf, filter } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { columnReference, conjuncts, walk } from '../logical/scalar.ts';
import { settleUnknown } from './coerce.ts';
import type { BoundAggregate, BoundQuery, Environment, OutputColumn } from './environment.ts';
import { bindCondition, bindExpression } from './expression.ts';
import { bindFrom } from './from.ts';
import { groupQuery } from './group.ts';
import { columnName } from './naming.ts';
import { bindOutputReference } from './output-reference.ts';
import type { Item } from './output-reference.ts';
import { resolveItem } from './scope.ts';
import type { Scope, ScopeColumn } from './scope.ts';
import { zipArrays } from './zip-arrays.ts';

/**
 * What happens to untyped literals of the select list: they become text, or wait for the caller.
 */
export type UnknownPolicy = 'settle' | 'keep';

/** A column of its own for each item. */
function itemOutputs(
  items: readonly Item[],
  environment: Environment,
): (Output & { readonly item: Item })[] {
  return items.map((item) => {
    const column = environment.context.columns.make(item.name, {
      name: item.scalar.type,
      modifier: item.scalar.modifier,
    });
    return { column, expression: item.scalar, item };
  });
}

/** ORDER BY over columns; `sort` holds the item that each of its keys names. */
function sortKeys(
  order: readonly OrderItem[],
  sort: readonly number[],
  outputs: readonly Output[],
): OrderKey[] {
  return order.map((item, i) => ({
    column: defined(outputs[defined(sort[i], 'each ORDER BY item is bound')], 'it names an item')
      .column,
    descending: item.descending,
    nullsFirst: item.nullsFirst,
  }));
}

/** Binds one SELECT with the ORDER BY that belongs to it. */
export function bindSelect(
  select: Select,
  order: readonly OrderItem[],
  environment: Environment,
  policy: UnknownPolicy,
): BoundQuery {
  if (select.groupingSets) throw unsupported('GROUPING SETS, ROLLUP or CUBE', select.position);
  const from = bindFrom(select.from, environment);
  const scope: Scope = { parent: environment.scope, items: from.items, hidden: [] };
  const inside: Environment = {
    ...environment,
    scope,
    clause: 'SELECT',
    aggregates: [],
    setFunctions: [],
    insideAggregate: false,
  };
  const plain: Environment = { ...inside, aggregates: null, setFunctions: null };
  const items = select.items.flatMap((item) => bindItems(item, inside));
  const where =
    select.where === null
      ? []
      : conjuncts(bindCondition(select.where, { ...plain, clause: 'WHERE' }, 'WHERE'));
  const having =
    select.having === null
      ? null
      : bindCondition(select.having, { ...inside, setFunctions: null, clause: 'HAVING' }, 'HAVING');
  const visible = items.length;
  if (policy === 'settle') settleItems(items, inside);
  const sort = order.map((item) => bindOutputReference(item.expression, items, inside, 'ORDER BY'));
  const keys = select.groupBy.map((key) =>
    groupKey(key, items, { ...plain, clause: 'GROUP BY' }, inside.aggregates ?? []),
  );
  const on =
    select.distinct === null
      ? null
      : select.distinct.map((key) => bindOutputReference(key, items, inside, 'DISTINCT ON'));
  const grouped = groupQuery(filter(from.rel, where), {
    keys,
    having,
    items,
    scope,
    environment: inside,
  });
  const withSets = addSetFunctions(grouped.rel, grouped.items, inside, grouped.replace);
  const outputs = itemOutputs(grouped.items, environment);
  const keysOfSort = sortKeys(order, sort, outputs);
  const project: Rel = {
    kind: 'project',
    input: withSets,
    outputs: outputs.map(({ column, expression }) => ({ column, expression })),
  };
  const rel = applyDistinct(project, select, on, sort, visible, outputs, keysOfSort, order);
  return {
    rel,
    order: keysOfSort,
    limit: -1,
    offset: 0,
    outputs: outputs.slice(0, visible).map(({ column, item }): OutputColumn => ({
      name: item.name,
      column,
      tableOid: item.tableOid,
      attribute: item.attribute,
    })),
  };
}

/** A select item: one column, or all that a star stands for. */
export function bindItems(item: SelectItem, environment: Environment): readonly Item[] {
  const { expression } = item;
  const star =
    expression.kind === 'star' ||
    (expression.kind === 'column' &&
      expression.name.parts[expression.name.parts.length - 1] === '*');
  if (star)
    return starColumns(item, environment.scope).map((found) => columnItem(found, item.position));
  const scalar = bindExpression(expression, environment);
  const name = item.alias ?? columnName(expression);
  const plain =
    scalar.kind === 'column'
      ? environment.scope.items
          .flatMap((each) => each.columns)
          .find((each) => each.column.id === scalar.column.id)
      : undefined;
  return [
    {
      name,
      scalar,
      tableOid: plain?.tableOid ?? 0,
      attribute: plain?.attribute ?? 0,
      position: expression.position,
    },
  ];
}

/** Untyped literals become text, when everything that could have typed a parameter is bound. */
export function settleItems(items: Item[], environment: Environment): void {
  items.forEach((item, i) => {
    items[i] = { ...item, scalar: settleUnknown(environment.context, item.scalar) };
  });
}

function columnItem(found: ScopeColumn, position: number): Item {
  return {
    name: found.name,
    scalar: columnReference(found.column, position),
    tableOid: found.tableOid,
    attribute: found.attribute,
    position,
  };
}

function starColumns(item: SelectItem, scope: Scope): readonly ScopeColumn[] {
  const { expression } = item;
  if (expression.kind === 'column') {
    return resolveItem(expression.name.parts.slice(0, -1), expression.name, scope).item.columns;
  }
  if (scope.items.length === 0) {
    throw sqlError('42601', 'SELECT * with no tables specified is not valid', {
      position: item.position,
    });
  }
  return scope.items.filter((each) => each.columnsVisible).flatMap((each) => each.columns);
}

/**
 * What a GROUP BY item means. A key that the select list does not hold stays out of it: DISTINCT
 * must not see it.
 */
function groupKey(
  key: Select['groupBy'][number],
  selected: readonly Item[],
  environment: Environment,
  aggregates: readonly BoundAggregate[],
): Scalar {
  const items = [...selected];
  const index = bindOutputReference(key, items, environment, 'GROUP BY');
  const { scalar } = defined(items[index], 'a reference names an item');
  walk(scalar, (node) => {
    if (
      node.kind !== 'column' ||
      !aggregates.some((aggregate) => aggregate.column.id === node.column.id)
    )
      return;
    throw sqlError('42803', 'aggregate functions are not allowed in GROUP BY', {
      position: node.position,
    });
  });
  return scalar;
}

/** A set-returning call of the select list multiplies the rows below the projection. */
function addSetFunctions(
  rel: Rel,
  items: readonly Item[],
  environment: Environment,
  replace: (scalar: Scalar) => Scalar,
): Rel {
  const calls = environment.setFunctions ?? [];
  const [found] = calls;
  if (found === undefined) return rel;
  const { context } = environment;
  if (calls.length > 1) {
    if (calls.some(({ call }) => call.name !== 'unnest')) {
      throw unsupported('several set-returning functions in a select list', items[0]?.position);
    }
    const arrays = calls.flatMap(({ call }) => call.args.map(replace));
    return zipArrays(
      context,
      rel,
      arrays,
      calls.map(({ column }) => column),
      null,
    );
  }
  const args = found.call.args.map((arg): Output => ({
    column: context.columns.make('arg', { name: arg.type, modifier: arg.modifier }),
    expression: replace(arg),
  }));
  const kept = columnsOf(rel).map((column): Output => ({
    column,
    expression: columnReference(column),
  }));
  const input: Rel = { kind: 'project', input: rel, outputs: [...kept, ...args] };
  return {
    kind: 'flatMap',
    input,
    fn: found.call.fn,
    args: args.map((arg) => arg.column),
    outputs: [found.column],
  };
}

function applyDistinct(
  project: Rel,
  select: Select,
  on: readonly number[] | null,
  sort: readonly number[],
  visible: number,
  outputs: readonly Output[],
  order: readonly OrderKey[],
  items: readonly OrderItem[],
): Rel {
  if (on === null) return project;
  if (on.length === 0) {
    const outside = sort.findIndex((index) => index >= visible);
    if (outside < 0) return { kind: 'distinct', input: project };
    throw sqlError(
      '42P10',
      'for SELECT DISTINCT, ORDER BY expressions must appear in select list',
      { position: items[outside]?.expression.position ?? select.position },
    );
  }
  const wanted = new Set(on);
  const leading = sort.slice(0, wanted.size);
  const misfit = sort.findIndex(
    (index, i) =>
      !wanted.has(index) && i < wanted.size && sort.slice(i).some((later) => wanted.has(later)),
  );
  if (misfit >= 0 || (sort.length > 0 && leading.some((index) => !wanted.has(index)))) {
    throw sqlError(
      '42P10',
      'SELECT DISTINCT ON expressions must match initial ORDER BY expressions',
      { position: select.distinct?.[0]?.position ?? select.position },
    );
  }
  const keys = [...wanted].map(
    (index) => defined(outputs[index], 'DISTINCT ON names an item').column,
  );
  return { kind: 'topk', input: project, keys, order, limit: 1, offset: 0 };
}
