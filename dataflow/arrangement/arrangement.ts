/**
 * The contract of an arrangement: one versioned multiset of rows with any number of indexes, shared
 * by whoever reads it. The implementation is `store-arrangement.ts`; engine.md-style reasons stand
 * in docs/design/arrangement.md.
 *
 * Time is the step, a uint31. One writer applies the batches of a step, then seals it; readers read
 * at any step e with since <= e <= complete and see exactly the rows with birth <= e < death.
 *
 * Duties of the writer: steps never fall; `seal` after the last `apply` of a step. Duties of a
 * reader: read at `complete`, or hold the step that it reads at. Not guaranteed: any order of rows;
 * that two rows that are equal under SQL are one row (identity is by bytes).
 */
import type { Batch } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import type { RowLayout } from '../value/layout.ts';
import type { IndexDoor } from './index-door.ts';
import type { OwnedRows, RowOwner } from './owned-rows.ts';
import type { Region } from './region.ts';
import type { RowImage } from './row-image.ts';

/** Matches of a probe or rows of a scan: flat, of fixed capacity, reused by its owner. */
export interface Pairs {
  /** How many entries are filled. */
  n: number;
  readonly capacity: number;
  /** Row of the probing batch (scans: unused). */
  readonly row: Int32Array;
  /** Word address of the record. */
  readonly address: Int32Array;
  /** Weight of the record (changes: signed by the direction of the change). */
  readonly weight: Int32Array;
}

/**
 * Where an interrupted probe, scan or walk goes on; owned by the reader, reset by `row = 0` and so
 * on.
 */
export interface Position {
  /** Next row of the probing batch. */
  row: number;
  /** Private to the arrangement; 0 starts. */
  slot: number;
  /** Private to the arrangement; 0 starts. */
  inner: number;
}

/** Memory that is to be had before something is begun. */
export interface Claim {
  readonly region: Region;
  readonly words: number;
  /** Words of the largest block among them that has to be in one piece. */
  readonly largest: number;
}

/** Keeps reads at `step` and later possible until it is released. */
export interface Hold {
  readonly step: number;
  /** Moves the hold forward. */
  advance(step: number): void;
  release(): void;
}

export interface Arrangement {
  readonly layout: RowLayout;
  /** Last sealed step; -1 before the first. */
  readonly complete: number;
  /** Earliest readable step: the least hold, or complete. */
  readonly since: number;
  /** Live rows at `complete` (distinct rows, not the sum of weights). */
  readonly rows: number;
  /** The rows as a checkpoint has them: copying and loading them. */
  readonly image: RowImage;

  /**
   * The number of the index on `key` (columns, in order), made if there is none. Rows that are
   * there already are indexed in slices by `buildIndex`; the index can be probed once that answered
   * true.
   */
  index(key: readonly number[]): number;
  /** Indexes up to `rowsMax` more existing rows; true when the index is whole. */
  buildIndex(index: number, rowsMax: number): boolean;
  dropIndex(index: number): void;
  /** The way into an index for other threads, as long as the index is there. */
  door(index: number): IndexDoor;

  /**
   * Adds the batch's rows, weights and all, at `step`: later than complete (what is sealed can be
   * read by others and does not change), and not before the step being applied.
   */
  apply(step: number, batch: Batch): void;
  /**
   * Works ahead on a batch of one long row, a slice a call; true once it may be applied, which is
   * at once for any other batch. Nobody sees anything of it before `apply`, and it is given up when
   * another batch is prepared.
   */
  prepare(batch: Batch): boolean;
  /** The memory that a batch needs, if it is applied `rowsMax` rows at a time. */
  claim(batch: Batch, rowsMax: number): Claim;
  /**
   * Makes `owner` the only writer, who remembers where its rows are; before the first row and the
   * first index. `apply` is not called then.
   */
  own(owner: RowOwner): OwnedRows;
  /** Closes `step`: complete = step. */
  seal(step: number): void;
  hold(step: number): Hold;

  /**
   * Finds the records visible at `at` whose key in `index` equals, under SQL equality, the key in
   * columns `keyColumns` of the batch's rows, from `position` on, until `out` is full. A NULL in a
   * key matches nothing unless `nullsEqual`. Answers true when every row was probed.
   */
  probe(
    index: number,
    keys: Batch,
    keyColumns: readonly number[],
    nullsEqual: boolean,
    at: number,
    position: Position,
    out: Pairs,
  ): boolean;
  /** Rows visible at `at`, in no order; true at the end. Safe across steps while `at` is held. */
  scan(at: number, position: Position, out: Pairs): boolean;
  /**
   * What changed after step `from` up to and including `to`; `from` must be held. What came and
   * went in between is left out, and so is a row that was retracted and added again in one step. A
   * row whose weight changed comes twice: with minus the old weight and with the new one.
   */
  changes(from: number, to: number, position: Position, out: Pairs): boolean;
  /** Whether `changes` of these steps is known to name no row twice. */
  changesAreNet(from: number, to: number): boolean;

  /**
   * Writes `columns` of the records at `addresses[first … first + n - 1]` as columns
   * `outColumn, outColumn + 1, …` of the open batch of `out`. `out.begin` must have been given
   * `varWords` (see `varWordsOf`).
   */
  gather(
    addresses: Int32Array,
    first: number,
    n: number,
    columns: readonly number[],
    out: BatchWriter,
    outColumn: number,
  ): void;
  /** Words of var bytes that `gather` of the same rows and columns will take. */
  varWordsOf(addresses: Int32Array, first: number, n: number, columns: readonly number[]): number;

  /**
   * Frees up to `rowsMax` rows that nobody can read any more; answers how many. `apply` frees two a
   * change by itself. (Rows move out of thin segments at `seal`.)
   */
  reclaim(rowsMax: number): number;
  /** Bytes held, indexes included. */
  bytes(): number;
  /** Gives all memory back. No hold may be left. */
  dispose(): void;
}
