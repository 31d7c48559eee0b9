/**
 * What planning gives to the coordinator: everything to run a query, and nothing of how it was
 * found.
 */
import type { Finishing } from '../../dataflow/graph/command.ts';
import type { Lookup, Plan } from '../../dataflow/plan/plan.ts';
import type { SqlType } from './catalog-view.ts';

/** A column of a result, as RowDescription needs it. */
export interface ResultColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  /** Relation oid and 1-based attribute number of a plain column, else 0 and 0. */
  readonly tableOid: number;
  readonly attribute: number;
}

/** What running a query does besides answering. */
export type Effect =
  | { readonly kind: 'set'; readonly name: string; readonly value: string; readonly local: boolean }
  | { readonly kind: 'cancel' | 'terminate'; readonly processId: number }
  | { readonly kind: 'sleep'; readonly milliseconds: number };

export interface PlannedQuery {
  readonly columns: readonly ResultColumn[];
  /**
   * The whole query as a dataflow. With `finishing` (one-off) ORDER BY, LIMIT, OFFSET of the top
   * are left out of it.
   */
  readonly plan: Plan;
  /**
   * For one-off queries: what remains to do with the rows of `plan` or `lookup`; its `project`
   * gives the result columns.
   */
  readonly finishing: Finishing;
  /** Set if one lookup in a stored collection answers it; then the plan is not needed. */
  readonly lookup: Lookup | null;
  /** Set if it reads nothing that changes: the plan is of constants only. */
  readonly constant: boolean;
  /** Oids of the relations it reads, views included. */
  readonly dependencies: readonly number[];
  /** Collections it imports. */
  readonly collections: readonly number[];
  /**
   * Sets of result columns known to be unique keys; the first is the best. Empty if none is known.
   */
  readonly keys: readonly (readonly number[])[];
  /** To be done, in this order, before it runs; absent if there are none. */
  readonly effects?: readonly Effect[];
}
