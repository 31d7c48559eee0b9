/** Walks through whole plans, into the relations of subqueries and the bodies of definitions. */
import type { Column } from './column.ts';
import type { Definition, Rel } from './rel.ts';
import { columnsOf, inputsOf, mapInputs, mapScalars, scalarsOf } from './rel.ts';
import type { Scalar } from './scalar.ts';
import { children, mapChildren } from './scalar.ts';

/**
 * Rewrites the expressions of a plan, innermost plans included. `by` gives the replacement of a
 * node, or undefined to look into its children.
 */
export function mapRel(rel: Rel, by: (node: Scalar) => Scalar | undefined): Rel {
  const mapped = mapInputs(rel, (input) => mapRel(input, by));
  if (mapped.kind === 'shared') {
    const body = mapRel(mapped.definition.rel, by);
    return body === mapped.definition.rel
      ? mapped
      : { ...mapped, definition: { ...mapped.definition, rel: body } };
  }
  const scalars = scalarsOf(mapped);
  const replaced = scalars.map((scalar) => mapScalarDeep(scalar, by));
  if (replaced.every((scalar, i) => scalar === scalars[i])) return mapped;
  let next = 0;
  return mapScalars(mapped, (scalar) => replaced[next++] ?? scalar);
}

/** The same for one expression and the plans inside it. */
export function mapScalarDeep(scalar: Scalar, by: (node: Scalar) => Scalar | undefined): Scalar {
  const found = by(scalar);
  if (found !== undefined) return found;
  const mapped = mapChildren(scalar, (child) => mapScalarDeep(child, by));
  if (mapped.kind !== 'subquery') return mapped;
  const rel = mapRel(mapped.rel, by);
  return rel === mapped.rel ? mapped : { ...mapped, rel };
}

type ColumnSet = ReadonlyMap<number, Column>;

const free = new WeakMap<Rel, ColumnSet>();
const read = new WeakMap<Scalar, ColumnSet>();

/**
 * The columns that a plan reads but does not provide: those of a surrounding query. Plans do not
 * change, so it is remembered.
 */
export function freeColumns(rel: Rel): ColumnSet {
  const known = free.get(rel);
  if (known !== undefined) return known;
  const used = new Map<number, Column>();
  for (const scalar of scalarsOf(rel))
    for (const [id, column] of columnsRead(scalar)) used.set(id, column);
  for (const input of inputsOf(rel))
    for (const [id, column] of freeColumns(input)) used.set(id, column);
  if (rel.kind === 'shared')
    for (const [id, column] of freeColumns(rel.definition.rel)) used.set(id, column);
  if (used.size > 0)
    for (const input of inputsOf(rel))
      for (const column of columnsOf(input)) used.delete(column.id);
  free.set(rel, used);
  return used;
}

/** The columns an expression reads; of plans inside it, those they read and do not provide. */
export function columnsRead(scalar: Scalar): ColumnSet {
  const known = read.get(scalar);
  if (known !== undefined) return known;
  const used = new Map<number, Column>();
  if (scalar.kind === 'column') used.set(scalar.column.id, scalar.column);
  for (const child of children(scalar))
    for (const [id, column] of columnsRead(child)) used.set(id, column);
  if (scalar.kind === 'subquery') {
    for (const column of columnsOf(scalar.rel)) used.delete(column.id);
    for (const [id, column] of freeColumns(scalar.rel)) used.set(id, column);
  }
  read.set(scalar, used);
  return used;
}

/** Visits every operator of a plan, those of definitions once. */
export function everyRel(rel: Rel, visit: (rel: Rel) => void, seen = new Set<Definition>()): void {
  visit(rel);
  for (const input of inputsOf(rel)) everyRel(input, visit, seen);
  if (rel.kind !== 'shared' || seen.has(rel.definition)) return;
  seen.add(rel.definition);
  everyRel(rel.definition.rel, visit, seen);
}
