/** Collations: all that are offered order text by code points, which is the only order there is. */

const collations = new Set(['C', 'POSIX', 'ucs_basic', 'default']);

/** Whether there is a collation of this name. */
export function isCollation(name: string): boolean {
  return collations.has(name);
}
