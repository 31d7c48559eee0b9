/** A relation in a plan under construction: its node, and the logical column at each position. */
import { assert } from '../../base/assert.ts';
import type { Column } from '../logical/column.ts';
import type { NodeId, PlanBuilder } from './plan-builder.ts';

export interface Lowered {
  readonly node: NodeId;
  /** null: a column made for a key, of no further use. */
  readonly columns: readonly (Column | null)[];
}

/** Where a column is. */
export function positionIn(lowered: Lowered, column: Column): number {
  const position = lowered.columns.findIndex((each) => each?.id === column.id);
  assert(position >= 0, `column ${column.name}#${column.id} is provided below`);
  return position;
}

/** The node with exactly these columns. */
export function exact(plan: PlanBuilder, lowered: Lowered, columns: readonly Column[]): NodeId {
  return plan.project(
    lowered.node,
    columns.map((column) => positionIn(lowered, column)),
  );
}
