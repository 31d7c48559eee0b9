/**
 * Writing batches. A writer belongs to one producer and one list of columns; it keeps a current
 * slab and cuts batch after batch from it until it is full.
 *
 * Protocol: `begin(rows, varWords)` takes the fixed-width part for up to `rows` rows and makes sure
 * that `varWords` words of var bytes fit behind; kernels then write straight into `slab` at
 * `column`, `nulls` and `weight`, taking var space with `takeVar`; `seal(step, rows)` answers the
 * batch. The batch carries one use of its slab, which belongs to the caller. Every nullable column
 * gets null bytes (the kernel writes every one of them); the others have `nulls[c] = -1`.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Batch, Slab } from './batch.ts';
import type { SlabPool } from './slab.ts';
import { slabWordsMin } from './slab.ts';
import type { ColumnType } from './type.ts';
import { physicalOf } from './type.ts';

/** Writes the batches of one producer. */
export class BatchWriter {
  readonly columns: readonly ColumnType[];
  readonly #pool: SlabPool;
  readonly #wordsPerRow: readonly number[];
  #slab: Slab | null = null;
  #capacity = 0;
  #column = new Int32Array(0);
  #nulls = new Int32Array(0);
  #weight = 0;

  constructor(pool: SlabPool, columns: readonly ColumnType[]) {
    this.#pool = pool;
    this.columns = columns;
    this.#wordsPerRow = columns.map((c) => (physicalOf(c.type) === 'i32' ? 1 : 2));
  }

  /** The slab being written; valid between `begin` and `seal`. */
  get slab(): Slab {
    return defined(this.#slab, 'begin comes before slab');
  }

  /** Word offset of each column. */
  get column(): Int32Array {
    return this.#column;
  }

  /** Byte offset of each column's null bytes, or -1. */
  get nulls(): Int32Array {
    return this.#nulls;
  }

  /** Word offset of the weights. */
  get weight(): number {
    return this.#weight;
  }

  /** Words that a batch of `rows` rows takes without var bytes. */
  fixedWords(rows: number): number {
    let words = rows + 2;
    this.columns.forEach((column, c) => {
      words += rows * (this.#wordsPerRow[c] ?? 2) + 2;
      if (column.nullable) words += ((rows + 3) >> 2) + 2;
    });
    return words;
  }

  /** Words that a batch may take with `varWords` words of var bytes: an even number. */
  wordsFor(rows: number, varWords: number): number {
    return (this.fixedWords(rows) + varWords + 2 * this.columns.length + 1) & ~1;
  }

  /**
   * Opens a batch for at most `rows` rows with `varWords` words of var bytes. If `near` is given
   * and has room the batch lies in it, and may then point at var bytes that are already there; ask
   * `slab === near` afterwards.
   */
  begin(rows: number, varWords: number, near?: Slab): void {
    assert(rows >= 0 && varWords >= 0, 'a batch has a number of rows and of words');
    const words = this.wordsFor(rows, varWords);
    if (near !== undefined && near.words - near.used >= words) {
      if (near !== this.#slab) this.#replace(near, true);
    } else if (this.#slab === null || this.#slab.words - this.#slab.used < words) {
      this.#replace(this.#pool.acquire(Math.max(words, slabWordsMin)), false);
    }
    this.#capacity = rows;
    this.#lay(rows);
  }

  #replace(slab: Slab, retain: boolean): void {
    if (retain) slab.retain();
    this.#slab?.release();
    this.#slab = slab;
  }

  #lay(rows: number): void {
    const slab = this.slab;
    this.#column = new Int32Array(this.columns.length);
    this.#nulls = new Int32Array(this.columns.length).fill(-1);
    this.columns.forEach((column, c) => {
      this.#column[c] = slab.take(rows * (this.#wordsPerRow[c] ?? 2));
      if (column.nullable) this.#nulls[c] = slab.take((rows + 3) >> 2) * 4;
    });
    this.#weight = slab.take(rows);
    assert(this.#weight >= 0, `a batch of ${rows} rows fits the slab that was chosen for it`);
  }

  /** Takes words for var bytes of the open batch. Fails if more are taken than `begin` was told. */
  takeVar(words: number): number {
    const at = this.slab.take(words);
    assert(at >= 0, `${words} words of var bytes were reserved`);
    return at;
  }

  /** Closes the open batch with its first `rows` rows. */
  seal(step: number, rows: number): Batch {
    assert(
      rows >= 0 && rows <= this.#capacity,
      `at most ${this.#capacity} rows were reserved, got ${rows}`,
    );
    const slab = this.slab;
    slab.retain();
    this.#capacity = 0;
    return { step, rows, slab, column: this.#column, nulls: this.#nulls, weight: this.#weight };
  }

  /** Gives up the current slab. The writer can be used again afterwards. */
  close(): void {
    this.#slab?.release();
    this.#slab = null;
  }

  /** Goes on where another writer has left its slab. */
  resume(): void {
    assert(this.#slab === null, 'a writer that goes on has no slab of its own');
    this.#slab = this.#pool.takeLeft();
  }

  /** The same as `close`, but leaves the slab to a writer that goes on. */
  leave(): void {
    if (this.#slab !== null) this.#pool.leave(this.#slab);
    this.#slab = null;
  }
}
