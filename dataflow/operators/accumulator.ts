/**
 * The contract between the reduce operator and its aggregates. An aggregate keeps, for each group,
 * state words inside the group's record (and whatever these name), changes them by rows with
 * weights, and says what its value is. All calls are over many rows or groups at a time.
 *
 * In each step in which it calls, the operator marks the records as written to
 * (`StateMemory.written`); what else it writes to the aggregate marks itself.
 */
import type { Batch } from '../value/batch.ts';
import type { Cells } from './cells.ts';
import type { Registers } from './registers.ts';

/** Rows on their way into their groups: rows first … first + n - 1 of a batch. */
export interface GroupedRows {
  readonly batch: Batch;
  readonly first: number;
  readonly n: number;
  /** groups[i] is the record of row first + i. */
  readonly groups: Int32Array;
  /** weights[i] is what row first + i counts, 0 if the aggregate does not see it. */
  readonly weights: Int32Array;
}

export interface Accumulator {
  /** What is kept beside the memory; null if nothing is. */
  readonly registers: Registers | null;
  /** State words in a record, even; all zero in a new group. */
  readonly words: number;
  /** Whether rows whose argument is NULL count nothing (weight 0). */
  readonly skipsNulls: boolean;
  /** Says where in a record the state words begin; called once. */
  place(offset: number): void;
  /** Takes in rows. May grow the memory. */
  add(rows: GroupedRows): void;
  /**
   * Works ahead on the value of a group that `finish` is asked for next, at most about `rowsMax` rows:
   * where a value is as long as its group. Answers how many; fewer than `rowsMax` if it is done. No
   * row comes in between.
   */
  ahead?(group: number, rowsMax: number): number;
  /** Bytes of the value of a group that `ahead` has done. */
  bytesAhead?(group: number): number;
  /**
   * Writes the values of groups[first … first + n - 1] as values 0 … n - 1 of `out`, after `clear`.
   */
  finish(groups: Int32Array, first: number, n: number, out: Cells): void;
  /**
   * Whether a group without rows leaves nothing behind; false only if rows went that never came.
   */
  isEmpty(group: number): boolean;
  /** Gives back what the state words of a group name beside the record. */
  release(group: number): void;
  /** Bytes beside the memory. */
  bytes(): number;
}
