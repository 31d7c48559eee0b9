/**
 * The rewrites of a logical plan, in their order. Each is a function of its own that keeps meaning:
 *
 *     subqueries → applies → joins → definitions used once inlined → filters down → columns pruned
 */
import type { BindContext } from '../bind/context.ts';
import type { Column } from '../logical/column.ts';
import type { Rel } from '../logical/rel.ts';
import { Hoisting } from './hoist.ts';
import { inlineOnce } from './inline.ts';
import { prune } from './prune.ts';
import { Pushdown } from './pushdown.ts';
import { Unnesting } from './unnest.ts';

/** Rewrites a plan of which `columns` are wanted. */
export function rewrite(context: BindContext, rel: Rel, columns: readonly Column[]): Rel {
  const hoisted = new Hoisting(context).hoist(rel);
  const joined = new Unnesting(context).unnest(hoisted);
  const inlined = inlineOnce(joined);
  const pushed = new Pushdown().push(inlined, []);
  return prune(pushed, columns);
}
