/**
 * The easy half of unnesting: a relation whose outer columns occur only in predicates is an
 * independent relation and a list of predicates on it.
 */
import { freeColumns, columnsRead } from '../logical/deep.ts';
import type { Column } from '../logical/column.ts';
import type { Output, Rel } from '../logical/rel.ts';
import { columnsOf, filter } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { columnReference } from '../logical/scalar.ts';

export interface PulledUp {
  /** Provides at least the columns of the original; reads no outer ones. */
  readonly rel: Rel;
  /** What the original filtered by, beyond `rel`. */
  readonly predicates: readonly Scalar[];
}

type Outer = ReadonlySet<number>;

function isOpen(rel: Rel, outer: Outer): boolean {
  return [...freeColumns(rel).keys()].some((id) => outer.has(id));
}

function readsOuter(scalar: Scalar, outer: Outer): boolean {
  return [...columnsRead(scalar).keys()].some((id) => outer.has(id));
}

/**
 * The relation with its correlated predicates apart; undefined if outer columns occur elsewhere.
 */
export function pullUp(rel: Rel, outer: Outer): PulledUp | undefined {
  if (!isOpen(rel, outer)) return { rel, predicates: [] };
  switch (rel.kind) {
    case 'filter': {
      const below = pullUp(rel.input, outer);
      if (below === undefined) return undefined;
      const own = rel.predicates.filter((predicate) => readsOuter(predicate, outer));
      const rest = rel.predicates.filter((predicate) => !own.includes(predicate));
      return { rel: filter(below.rel, rest), predicates: [...below.predicates, ...own] };
    }
    case 'project':
      return pullProject(rel, outer);
    case 'join':
      return pullJoin(rel, outer);
    default:
      return undefined;
  }
}

function pullProject(rel: Extract<Rel, { kind: 'project' }>, outer: Outer): PulledUp | undefined {
  if (rel.outputs.some((output) => readsOuter(output.expression, outer))) return undefined;
  const below = pullUp(rel.input, outer);
  if (below === undefined) return undefined;
  const have = new Set(rel.outputs.map((output) => output.column.id));
  const inner = new Map(
    columnsOf(below.rel).map((column): [number, Column] => [column.id, column]),
  );
  const extra = new Map<number, Output>();
  for (const predicate of below.predicates) {
    for (const id of columnsRead(predicate).keys()) {
      const column = inner.get(id);
      if (column !== undefined && !have.has(id))
        extra.set(id, { column, expression: columnReference(column) });
    }
  }
  return {
    rel: { ...rel, input: below.rel, outputs: [...rel.outputs, ...extra.values()] },
    predicates: below.predicates,
  };
}

function pullJoin(rel: Extract<Rel, { kind: 'join' }>, outer: Outer): PulledUp | undefined {
  const open = rel.on.filter((predicate) => readsOuter(predicate, outer));
  if (open.length > 0 && rel.type !== 'inner') return undefined;
  if (rel.type === 'right' || rel.type === 'full') return undefined;
  if (rel.type !== 'inner' && isOpen(rel.right, outer)) return undefined;
  const left = pullUp(rel.left, outer);
  const right = pullUp(rel.right, outer);
  if (left === undefined || right === undefined) return undefined;
  const on = rel.on.filter((predicate) => !open.includes(predicate));
  return {
    rel: { ...rel, left: left.rel, right: right.rel, on },
    predicates: [...left.predicates, ...right.predicates, ...open],
  };
}
