/**
 * The dead log: rows in the order of their deaths, from the oldest that may still be read to the
 * newest. Deaths never fall, so it is a queue: rows leave at the head once `since` has reached
 * their death. The sequence number of a row in the log is how hash indexes link the dead rows of a
 * key.
 *
 * Invariant: death of the rows is monotone from head to tail, and `newest` is the last one's.
 */
import { assert } from '../../src/base/assert.ts';
import { recordDeath } from '../value/layout.ts';
import { IntRing, sequenceMask } from './int-ring.ts';
import type { Region } from './region.ts';
import type { RowStore } from './row-store.ts';

/** The dead rows of one store, oldest first. */
export class DeadLog {
  readonly #rows = new IntRing();
  readonly #region: Region;
  #newest = -1;
  /** Number of the first row whose death is not marked with the store. */
  #unmarked = 0;

  constructor(region: Region) {
    this.#region = region;
  }

  /** Step of the newest death: reads at it or later see no dead row. */
  get newest(): number {
    return this.#newest;
  }

  get count(): number {
    return this.#rows.count;
  }

  get head(): number {
    return this.#rows.head;
  }

  get tail(): number {
    return this.#rows.tail;
  }

  /** Whether a sequence number still names a row. */
  has(sequence: number): boolean {
    return this.#rows.has(sequence);
  }

  /** Address of a row of the log. */
  row(sequence: number): number {
    return this.#rows.get(sequence);
  }

  /** Step of a row's death. */
  death(sequence: number): number {
    return this.#region.i32[this.#rows.get(sequence) + recordDeath];
  }

  /** Notes that `row` died at `step`; answers its sequence number. */
  push(row: number, step: number): number {
    const sequence = this.#rows.tail;
    this.#rows.push(row);
    this.#newest = step;
    return sequence;
  }

  /** Notes that rows[0 … n - 1] died at `step`. */
  append(rows: Int32Array, n: number, step: number): void {
    this.#rows.append(rows, n);
    if (n > 0) this.#newest = step;
  }

  /**
   * Marks the rows that died since the call before with their store: together, as cache misses
   * overlap then. To be called before any of them can leave, and before marks are read.
   */
  markNew(store: RowStore): void {
    const rows = this.#rows;
    const { tail } = rows;
    let sequence = this.#unmarked;
    assert(sequence === tail || rows.has(sequence), 'a row leaves the log after it was marked');
    for (; sequence !== tail; sequence = (sequence + 1) & sequenceMask) {
      store.mark(rows.get(sequence));
    }
    this.#unmarked = tail;
  }

  /** The oldest rows that died at `since` or before, at most `n`; answers how many. */
  oldest(since: number, n: number, out: Int32Array): number {
    const { i32 } = this.#region;
    const copied = this.#rows.oldest(n, out);
    let rows = 0;
    while (rows < copied && i32[out[rows] + recordDeath] <= since) rows++;
    return rows;
  }

  /** Forgets the `n` oldest rows. */
  drop(n: number): void {
    this.#rows.drop(n);
  }

  /** Forgets the oldest row; answers its address. */
  shift(): number {
    return this.#rows.shift();
  }

  /** Number of the first row that died after `step`, or the tail. */
  firstAfter(step: number): number {
    let low = 0;
    let high = this.#rows.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.death(this.numberOf(middle)) <= step) low = middle + 1;
      else high = middle;
    }
    return this.numberOf(low);
  }

  /** Number of the `k`-th row from the head. */
  numberOf(k: number): number {
    return (this.#rows.head + k) & sequenceMask;
  }

  bytes(): number {
    return this.#rows.bytes();
  }
}
