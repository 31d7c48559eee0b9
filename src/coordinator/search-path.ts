/**
 * The search path: from the text of the setting to schema names. `pg_catalog` comes first unless it
 * is named, as in Postgres (manual, section 5.9.3). Our own system schemas are named to be found.
 */
import type { Catalog } from '../catalog/catalog.ts';

/** The schemas as written, "$user" replaced. */
export function parseSearchPath(text: string, user: string): readonly string[] {
  return [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([^,\s]+))\s*(?:,|$)/g)]
    .map((match) => match[1]?.replaceAll('""', '"') ?? match[2] ?? (match[3] ?? '').toLowerCase())
    .map((name) => (name === '$user' ? user : name))
    .filter((name) => name !== '');
}

/** The schemas that exist, in the order of look-up. */
export function effectivePath(catalog: Catalog, written: readonly string[]): readonly string[] {
  const existing = written.filter((name) => catalog.hasSchema(name));
  const first = existing.includes('pg_catalog') ? [] : ['pg_catalog'];
  return [...first, ...existing];
}
