/**
 * GROUP BY and aggregates: what they need is computed below a reduce, and everything above may use
 * only group keys and aggregates.
 */
import { sqlError } from '../../base/error.ts';
import { defined } from '../../base/assert.ts';
import type { Column } from '../logical/column.ts';
import { mapRel } from '../logical/deep.ts';
import type { LogicalAggregate, Output, Rel } from '../logical/rel.ts';
import { filter } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { columnReference, conjuncts, mapChildren, sameScalar } from '../logical/scalar.ts';
import type { BoundAggregate, Environment } from './environment.ts';
import type { Item } from './output-reference.ts';
import type { Scope } from './scope.ts';

interface Grouping {
  readonly keys: readonly Scalar[];
  readonly having: Scalar | null;
  readonly items: readonly Item[];
  readonly scope: Scope;
  readonly environment: Environment;
}

export interface Grouped {
  readonly rel: Rel;
  readonly items: readonly Item[];
  /** Rewrites an expression of the select list for use above the reduce. */
  readonly replace: (scalar: Scalar) => Scalar;
}

/** Adds the reduce, if the query has one. */
export function groupQuery(input: Rel, grouping: Grouping): Grouped {
  const { keys, having, items, environment } = grouping;
  const aggregates = environment.aggregates ?? [];
  if (keys.length === 0 && aggregates.length === 0 && having === null) {
    return { rel: input, items, replace: (scalar) => scalar };
  }
  const { columns } = environment.context;
  const below: Output[] = [];
  const compute = (expression: Scalar): Column => {
    const same = below.find((output) => sameScalar(output.expression, expression));
    if (same !== undefined) return same.column;
    const column = columns.make(nameOf(expression), {
      name: expression.type,
      modifier: expression.modifier,
    });
    below.push({ column, expression });
    return column;
  };
  const keyColumns = keys.map(compute);
  const lowered = aggregates.map((aggregate) => lowerAggregate(aggregate, compute));
  const distinctKeys = keyColumns.filter((column, i) => keyColumns.indexOf(column) === i);
  const rel: Rel = {
    kind: 'reduce',
    input: { kind: 'project', input, outputs: below },
    keys: distinctKeys,
    aggregates: lowered,
    single: distinctKeys.length === 0,
  };
  const replace = (scalar: Scalar): Scalar => aboveGroups(scalar, keys, keyColumns, grouping.scope);
  // The select list comes first, so that a column which is not grouped is reported there.
  const replaced = items.map((item) => ({ ...item, scalar: replace(item.scalar) }));
  const rows = having === null ? rel : filter(rel, conjuncts(replace(having)));
  return { rel: rows, items: replaced, replace };
}

function nameOf(scalar: Scalar): string {
  return scalar.kind === 'column' ? scalar.column.name : '';
}

function lowerAggregate(
  aggregate: BoundAggregate,
  compute: (scalar: Scalar) => Column,
): LogicalAggregate {
  const [first, second] = aggregate.args;
  return {
    column: aggregate.column,
    fn: aggregate.fn,
    distinct: aggregate.distinct,
    argument: first === undefined ? null : compute(first),
    argument2: second === undefined ? null : compute(second),
    filter: aggregate.filter === null ? null : compute(aggregate.filter),
    order: aggregate.order.map((item) => ({
      column: compute(item.scalar),
      descending: item.descending,
      nullsFirst: item.nullsFirst,
    })),
  };
}

/**
 * Replaces what equals a key by the key's column; throws 42803 for a column of the input that is
 * left.
 */
function aboveGroups(
  scalar: Scalar,
  keys: readonly Scalar[],
  keyColumns: readonly Column[],
  scope: Scope,
): Scalar {
  const names = columnNames(scope);
  const direct = (node: Scalar): Scalar | undefined => {
    const index = keys.findIndex((key) => sameScalar(key, node));
    if (index < 0) return undefined;
    const column = defined(keyColumns[index], 'each key has a column');
    return { ...columnReference(column), type: node.type, modifier: node.modifier };
  };
  const ungrouped = (node: Scalar & { readonly kind: 'column' }, nested: boolean): Error => {
    const name = names.get(node.column.id) ?? node.column.name;
    return nested
      ? sqlError('42803', `subquery uses ungrouped column "${name}" from outer query`, {
          position: node.position,
        })
      : sqlError(
          '42803',
          `column "${name}" must appear in the GROUP BY clause or be used in an aggregate function`,
          { position: node.position },
        );
  };
  const replace = (node: Scalar): Scalar => {
    const found = direct(node);
    if (found !== undefined) return found;
    if (node.kind === 'column' && names.has(node.column.id)) throw ungrouped(node, false);
    const mapped = mapChildren(node, replace);
    if (mapped.kind !== 'subquery') return mapped;
    const rel = mapRel(mapped.rel, (inner) => {
      if (inner.kind !== 'column' || !names.has(inner.column.id)) return undefined;
      const key = direct(inner);
      if (key === undefined) throw ungrouped(inner, true);
      return key;
    });
    return { ...mapped, rel };
  };
  return replace(scalar);
}

/** `alias.column` of every input column, for messages. */
function columnNames(scope: Scope): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const items = [
    ...scope.items.filter((item) => item.name === ''),
    ...scope.items.filter((item) => item.name !== ''),
  ];
  for (const item of items) {
    for (const each of item.columns) {
      names.set(each.column.id, item.name === '' ? each.name : `${item.name}.${each.name}`);
    }
  }
  return names;
}
