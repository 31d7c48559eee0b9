/** Walks through whole plans, into the relations of subqueries and the bodies of definitions. */
import type { Column } from './column.ts';
import type { Definition, Rel } from './rel.ts';
import { columnsOf, inputsOf, mapInputs, mapScalars, scalarsOf } from './rel.ts';
import type { Scalar } from './scalar.ts';
import { mapChildren, walk } from './scalar.ts';

/**
 * Rewrites the expressions of a plan, innermost plans included. `by` gives the replacement of a node,
 * or undefined to look into its children.
 */
export function mapRel(rel: Rel, by: (node: Scalar) => Scalar | undefined): Rel {
  const mapped = mapInputs(rel, (input) => mapRel(input, by));
  if (mapped.kind === 'shared') {
    const body = mapRel(mapped.definition.rel, by);
    return body === mapped.definition.rel ? mapped : { ...mapped, definition: { ...mapped.definition, rel: body } };
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

/** The columns that a plan reads but does not provide: those of a surrounding query. */
export function freeColumns(rel: Rel): ReadonlyMap<number, Column> {
  const used = new Map<number, Column>();
  const provided = new Set<number>();
  collect(rel, used, provided, new Set());
  for (const id of provided) used.delete(id);
  return used;
}

function collect(rel: Rel, used: Map<number, Column>, provided: Set<number>, seen: Set<Definition>): void {
  for (const column of columnsOf(rel)) provided.add(column.id);
  for (const scalar of scalarsOf(rel)) collectScalar(scalar, used, provided, seen);
  for (const input of inputsOf(rel)) collect(input, used, provided, seen);
  if (rel.kind === 'shared' && !seen.has(rel.definition)) {
    seen.add(rel.definition);
    collect(rel.definition.rel, used, provided, seen);
  }
}

function collectScalar(scalar: Scalar, used: Map<number, Column>, provided: Set<number>, seen: Set<Definition>): void {
  walk(scalar, (node) => {
    if (node.kind === 'column') used.set(node.column.id, node.column);
    if (node.kind === 'subquery') collect(node.rel, used, provided, seen);
  });
}

/** The columns an expression reads, plans inside it included, as far as they are not their own. */
export function columnsRead(scalar: Scalar): ReadonlyMap<number, Column> {
  const used = new Map<number, Column>();
  const provided = new Set<number>();
  collectScalar(scalar, used, provided, new Set());
  for (const id of provided) used.delete(id);
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
