/**
 * Readers of node-sql-parser's untyped tree. What the adapter does not know ends in `Unread`: that
 * query is not compared.
 */

export type Tree = ReadonlyMap<string, unknown>;

/** A construct that the adapter does not translate. */
export class Unread extends Error {
  override readonly name = 'Unread';
}

export function treeOf(value: unknown): Tree {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Unread(`a node, got ${JSON.stringify(value)}`);
  return new Map(Object.entries(value));
}

export function listOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Unread('a list');
  return value;
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new Unread(`a text, got ${JSON.stringify(value)}`);
}

/** True if the field is absent, null, false or empty. */
export function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === false ||
    value === '' ||
    (Array.isArray(value) && value.length === 0)
  );
}

/** Fails if any field beyond `known` says something. */
export function onlyFields(tree: Tree, known: readonly string[]): void {
  for (const [key, value] of tree) {
    if (!known.includes(key) && !isEmpty(value)) throw new Unread(`field ${key}`);
  }
}
