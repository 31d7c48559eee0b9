/**
 * `(SELECT sum(y) FROM b WHERE b.k = a.k)`: the aggregate per key of b, joined to a. A key without
 * rows gets what the aggregate gives for no rows: NULL, or 0 for count.
 *
 * Groups that no outer row asks for are computed too, so this is done only if nothing above the
 * aggregates can fail.
 */
import { functionByKey } from '../../../dataflow/expr/function-table.ts';
import { defined } from '../../base/assert.ts';
import type { BindContext } from '../bind/context.ts';
import type { Column } from '../logical/column.ts';
import { columnsRead } from '../logical/deep.ts';
import type { Output, Rel } from '../logical/rel.ts';
import { columnsOf } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import {
  caseOf, columnReference, constant, isNull, mapChildren, nullConstant, substitute, trueConstant,
} from '../logical/scalar.ts';
import { equalityArguments } from '../lower/join-keys.ts';
import { foldScalar } from './fold.ts';
import { pullUp } from './pull-up.ts';

type Apply = Extract<Rel, { kind: 'apply' }>;
type Reduce = Extract<Rel, { kind: 'reduce' }>;

export function simpleAggregate(context: BindContext, rel: Apply, outer: ReadonlySet<number>): Rel | undefined {
  if (rel.type !== 'left' || rel.on.length > 0) return undefined;
  const found = aggregateBelow(rel.right);
  if (found === undefined || found.outputs.some((output) => !cannotFail(output.expression) || readsAny(output.expression, outer))) return undefined;
  const pulled = pullUp(found.reduce.input, outer);
  if (pulled === undefined) return undefined;
  const keys: Column[] = [];
  for (const predicate of pulled.predicates) {
    const key = innerKey(predicate, outer);
    if (key === undefined) return undefined;
    if (!keys.some((column) => column.id === key.id)) keys.push(key);
  }
  const marker = context.columns.make('found', { name: 'bool', modifier: -1 });
  const fresh = new Map(found.outputs.map((output) => [output.column.id, context.columns.like(output.column)]));
  const grouped: Rel = { ...found.reduce, input: pulled.rel, keys, single: false };
  const right: Rel = {
    kind: 'project', input: grouped, outputs: [
      ...keys.map((column): Output => ({ column, expression: columnReference(column) })),
      ...found.outputs.map((output): Output => ({ column: defined(fresh.get(output.column.id), 'one each'), expression: output.expression })),
      { column: marker, expression: trueConstant },
    ],
  };
  const joined: Rel = { kind: 'join', type: 'left', left: rel.left, right, on: pulled.predicates };
  return {
    kind: 'project', input: joined, outputs: [
      ...columnsOf(rel.left).map((column): Output => ({ column, expression: columnReference(column) })),
      ...found.outputs.map((output): Output => withDefault(output, defined(fresh.get(output.column.id), 'one each'), marker, found.reduce)),
    ],
  };
}

/** The value where there are rows, else what the expression gives over the aggregates of none. */
function withDefault(output: Output, value: Column, marker: Column, reduce: Reduce): Output {
  const counts = new Set(reduce.aggregates.filter((aggregate) => aggregate.fn === 'count').map((aggregate) => aggregate.column.id));
  const empty = foldScalar(substitute(output.expression, (reference) =>
    (counts.has(reference.column.id) ? constant(0n, 'int8') : nullConstant(reference.type, reference.modifier))));
  const given = columnReference(value);
  const expression = empty.kind === 'constant' && empty.value === null ? given
    : caseOf([[isNull(columnReference(marker)), empty]], given, given.type, given.modifier);
  return { column: output.column, expression };
}

/** A reduce without keys, under at most one projection. */
function aggregateBelow(rel: Rel): { readonly reduce: Reduce; readonly outputs: readonly Output[] } | undefined {
  if (rel.kind === 'reduce' && rel.single) {
    return { reduce: rel, outputs: columnsOf(rel).map((column) => ({ column, expression: columnReference(column) })) };
  }
  if (rel.kind !== 'project') return undefined;
  const below = aggregateBelow(rel.input);
  if (below === undefined) return undefined;
  const made = new Map(below.outputs.map((output) => [output.column.id, output.expression]));
  const outputs = rel.outputs.map((output): Output =>
    ({ column: output.column, expression: substitute(output.expression, (reference) => made.get(reference.column.id)) }));
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
  return [...columnsRead(other).keys()].every((id) => outer.has(id)) ? inner.column : undefined;
}

/** True if evaluating the expression gives a value for every row. */
function cannotFail(scalar: Scalar): boolean {
  if (scalar.kind === 'call' && functionByKey(scalar.fn)?.template?.total !== true) return false;
  let fine = true;
  mapChildren(scalar, (child) => {
    fine &&= cannotFail(child);
    return child;
  });
  return fine;
}
