/**
 * `(SELECT sum(y) FROM b WHERE b.k = a.k)`: the aggregate per key of b, joined to a. For a key
 * without rows the aggregates are what they are over no rows: 0 for count, else NULL. What the
 * subquery makes of its aggregates is computed after the join, so it can fail only for rows that
 * ask for it.
 */
import { defined } from '../../base/assert.ts';
import type { BindContext } from '../bind/context.ts';
import type { Column } from '../logical/column.ts';
import { columnsRead } from '../logical/deep.ts';
import type { Output, Rel } from '../logical/rel.ts';
import { columnsOf } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { coalesce, columnReference, constant, substitute } from '../logical/scalar.ts';
import { equalityArguments } from '../lower/join-keys.ts';
import { pullUp } from './pull-up.ts';

type Apply = Extract<Rel, { kind: 'apply' }>;
type Reduce = Extract<Rel, { kind: 'reduce' }>;

/**
 * The apply as a join with groups, if its right side is an aggregate whose correlation is by
 * equality.
 */
export function simpleAggregate(
  context: BindContext,
  rel: Apply,
  outer: ReadonlySet<number>,
): Rel | undefined {
  if (rel.type !== 'left' || rel.on.length > 0) return undefined;
  const found = aggregateBelow(rel.right);
  if (found === undefined) return undefined;
  const pulled = pullUp(found.reduce.input, outer);
  if (pulled === undefined) return undefined;
  const keys: Column[] = [];
  for (const predicate of pulled.predicates) {
    const key = innerKey(predicate, outer);
    if (key === undefined) return undefined;
    if (!keys.some((column) => column.id === key.id)) keys.push(key);
  }
  const counts = new Map(
    found.reduce.aggregates
      .filter((aggregate) => aggregate.fn === 'count')
      .map((aggregate): [number, Column] => [
        aggregate.column.id,
        context.columns.like(aggregate.column),
      ]),
  );
  const right: Rel = {
    ...found.reduce,
    input: pulled.rel,
    keys,
    single: false,
    aggregates: found.reduce.aggregates.map((aggregate) => ({
      ...aggregate,
      column: counts.get(aggregate.column.id) ?? aggregate.column,
    })),
  };
  const joined: Rel = { kind: 'join', type: 'left', left: rel.left, right, on: pulled.predicates };
  return {
    kind: 'project',
    input: joined,
    outputs: [
      ...columnsOf(rel.left).map((column): Output => ({
        column,
        expression: columnReference(column),
      })),
      ...found.outputs.map((output): Output => ({
        column: output.column,
        expression: overNoRows(output.expression, counts),
      })),
    ],
  };
}

/** Counts that the join left NULL are 0. */
function overNoRows(scalar: Scalar, counts: ReadonlyMap<number, Column>): Scalar {
  return substitute(scalar, (reference) => {
    const count = counts.get(reference.column.id);
    return count === undefined
      ? undefined
      : coalesce([columnReference(count), constant(0n, 'int8')], 'int8');
  });
}

/** A reduce without keys, under projections. */
function aggregateBelow(
  rel: Rel,
): { readonly reduce: Reduce; readonly outputs: readonly Output[] } | undefined {
  if (rel.kind === 'reduce' && rel.single) {
    return {
      reduce: rel,
      outputs: columnsOf(rel).map((column) => ({ column, expression: columnReference(column) })),
    };
  }
  if (rel.kind !== 'project') return undefined;
  const below = aggregateBelow(rel.input);
  if (below === undefined) return undefined;
  const made = new Map(below.outputs.map((output) => [output.column.id, output.expression]));
  const outputs = rel.outputs.map((output): Output => ({
    column: output.column,
    expression: substitute(output.expression, (reference) => made.get(reference.column.id)),
  }));
  return { reduce: below.reduce, outputs };
}

function readsAny(scalar: Scalar, outer: ReadonlySet<number>): boolean {
  return [...columnsRead(scalar).keys()].some((id) => outer.has(id));
}

/** The inner column that the predicate equates with an outer expression. */
function innerKey(predicate: Scalar, outer: ReadonlySet<number>): Column | undefined {
  const equality = equalityArguments(predicate);
  if (equality === undefined) return undefined;
  const [a, b] = equality.args;
  const inner = readsAny(a, outer) ? b : a;
  const other = inner === a ? b : a;
  if (inner.kind !== 'column' || readsAny(inner, outer)) return undefined;
  const read = [...columnsRead(other).keys()];
  return read.length > 0 && read.every((id) => outer.has(id))
    ? defined(inner, 'it is a column').column
    : undefined;
}
