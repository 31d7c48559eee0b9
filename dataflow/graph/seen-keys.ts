/**
 * The keys of a step's records that were met already: an open-addressing table of (batch, row),
 * under SQL equality with NULL equal to NULL. Made for a known number of rows, thrown away with its
 * step.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { EqualBatches } from '../value/equal.ts';
import { equalBatches } from '../value/equal.ts';
import { hashRange } from '../value/hash.ts';
import type { Operands } from '../value/side.ts';
import { operandsOf } from '../value/side.ts';
import type { ColumnType } from '../value/type.ts';

interface Source {
  readonly batch: Batch;
  readonly operands: Operands;
}

/** A set of keys, each named by the row that brought it. */
export class SeenKeys {
  readonly #columns: readonly number[];
  readonly #types: readonly ColumnType[];
  readonly #equal: EqualBatches;
  readonly #slots: Int32Array;
  /** Entry → number of its source, and row. */
  readonly #source: Int32Array;
  readonly #row: Int32Array;
  readonly #sources: Source[] = [];
  #entries = 0;

  /** `columns` of every batch are the key, of `types`; at most `rowsMax` rows will come. */
  constructor(columns: readonly number[], types: readonly ColumnType[], rowsMax: number) {
    this.#columns = columns;
    this.#types = types;
    this.#equal = equalBatches(types);
    let size = 16;
    while (size < 2 * rowsMax) size *= 2;
    this.#slots = new Int32Array(size);
    this.#source = new Int32Array(rowsMax);
    this.#row = new Int32Array(rowsMax);
  }

  /**
   * Enters rows `first … first + n - 1` of a batch, the last one first, and tells `take` those
   * whose key was not there, with the number of the key, and `again` the others. Batches must stay
   * alive.
   */
  enterBackwards(
    batch: Batch,
    first: number,
    n: number,
    take: (row: number, key: number) => void,
    again: ((row: number, key: number) => void) | null = null,
  ): void {
    if (this.#sources.at(-1)?.batch !== batch) {
      this.#sources.push({ batch, operands: operandsOf(batch, this.#columns) });
    }
    const hashes = new Int32Array(n);
    hashRange(batch, this.#columns, this.#types, first, n, hashes);
    for (let i = n - 1; i >= 0; i--) {
      const entries = this.#entries;
      const key = this.#enter(hashes[i], first + i);
      if (key === entries) take(first + i, key);
      else if (again !== null) again(first + i, key);
    }
  }

  /** Enters a row of the last source, if its key is not there; answers the number of the key. */
  #enter(hash: number, row: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] - 1;
      if (this.#same(entry, row)) return entry;
    }
    assert(this.#entries < this.#row.length, 'no more rows come than were announced');
    this.#source[this.#entries] = this.#sources.length - 1;
    this.#row[this.#entries] = row;
    this.#slots[slot] = ++this.#entries;
    return this.#entries - 1;
  }

  #same(entry: number, row: number): boolean {
    const a = this.#sources[this.#source[entry]];
    const b = this.#sources[this.#sources.length - 1];
    return this.#equal(
      a.batch.slab.i32,
      a.batch.slab.u8,
      a.operands.k,
      a.operands.n,
      this.#row[entry],
      b.batch.slab.i32,
      b.batch.slab.u8,
      b.operands.k,
      b.operands.n,
      row,
    );
  }
}
