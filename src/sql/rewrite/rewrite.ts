/** The rewrites of a logical plan, in their order. Each is a function of its own that keeps meaning. */
import type { BindContext } from '../bind/context.ts';
import type { Column } from '../logical/column.ts';
import type { Rel } from '../logical/rel.ts';
import { prune } from './prune.ts';

/** Rewrites a plan of which `columns` are wanted. */
export function rewrite(_context: BindContext, rel: Rel, columns: readonly Column[]): Rel {
  return prune(rel, columns);
}
