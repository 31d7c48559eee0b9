/**
 * A row that is too long to enter a store at a stretch: its record is made in slices before the row
 * is applied, where it will lie, so that what is left for `apply` is to look for its equal and to
 * name it in logs and indexes. Until then the record is buried: no reader sees it, and who walks
 * its segment finds its end. It is larger than a segment, so it has a block of its own.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import { infinity, recordDeath, recordMark, recordWeight } from '../value/layout.ts';
import { copyRun, wordsOf } from '../value/words.ts';
import { paddedWords } from './record-size.ts';
import type { RowStore } from './row-store.ts';
import { segmentWordsMax } from './row-store.ts';
import { startIdentity, mixIdentity, endIdentity } from './stage.ts';

/** Words of a record from which on it is made in slices. */
const longWordsMin = 4 * segmentWordsMax;
/** Words that padding adds to a record at most. */
const paddingWordsMax = 8;
/** Words of a slice. */
const sliceWords = 2 ** 18;

/** Words of the record of the only row of a batch, or 0 if it is not long. */
export function longRowWords({ layout }: RowStore, batch: Batch): number {
  if (batch.rows !== 1 || layout.variable.length === 0) return 0;
  let words = layout.fixedWords;
  for (const c of layout.variable) words += wordsOf(batch.slab.i32[batch.column[c] + 1]);
  const padded = paddedWords(words);
  return padded < longWordsMin ? 0 : padded;
}

/** The record of one row while it is made. */
export class LongRow {
  readonly record: number;
  readonly size: number;
  readonly #store: RowStore;
  readonly #batch: Batch;
  /** Var columns that are whole, words of the next one that are there, and where they end. */
  #columns = 0;
  #copied = 0;
  #end: number;
  /** Where hashing is, and the hash so far. */
  #hashed: number;
  #hash: number;

  /** `size`: its words, as `longRowWords` says; there is room for it in the region. */
  constructor(store: RowStore, batch: Batch, size: number) {
    this.#store = store;
    this.#batch = batch;
    this.size = size;
    this.record = store.allocate(size);
    store.bury(this.record, size);
    const { layout } = store;
    this.#end = this.record + layout.fixedWords;
    this.#hashed = this.record + layout.payload;
    this.#hash = startIdentity(size);
    this.#writeFixed();
  }

  /** Whether it is made of this batch. */
  isOf({ slab, weight }: Batch): boolean {
    return this.#batch.slab === slab && this.#batch.weight === weight;
  }

  #writeFixed(): void {
    const { layout, region } = this.#store;
    const { slab, column, nulls } = this.#batch;
    const { i32 } = region;
    const { record } = this;
    i32.fill(0, record + recordDeath + 1, record + layout.fixedWords);
    i32.fill(0, record + this.size - paddingWordsMax, record + this.size);
    for (let c = 0; c < layout.physical.length; c++) {
      const to = record + layout.offset[c];
      const from = column[c];
      if (layout.physical[c] === 'var') i32[to] = slab.i32[from + 1];
      else i32[to] = slab.i32[from];
      if (layout.physical[c] === 'i64' || layout.physical[c] === 'f64')
        i32[to + 1] = slab.i32[from + 1];
      if (nulls[c] < 0 || slab.u8[nulls[c]] === 0) continue;
      assert(layout.columns[c].nullable, `column ${c} holds no NULL`);
      i32[record + layout.nullBits + (c >> 5)] |= 1 << (c & 31);
    }
  }

  /** Does one slice; true when the record is made. */
  advance(): boolean {
    const { variable } = this.#store.layout;
    if (this.#columns < variable.length) {
      this.#copy(variable[this.#columns]);
      return false;
    }
    const end = Math.min(this.record + this.size, this.#hashed + sliceWords);
    this.#hash = mixIdentity(this.#hash, this.#store.region.i32, this.#hashed, end);
    this.#hashed = end;
    return end === this.record + this.size;
  }

  #copy(column: number): void {
    const { i32 } = this.#batch.slab;
    const at = this.#batch.column[column];
    const words = wordsOf(i32[at + 1]);
    const n = Math.min(sliceWords, words - this.#copied);
    copyRun(i32, i32[at] + this.#copied, n, this.#store.region.i32, this.#end);
    this.#copied += n;
    this.#end += n;
    if (this.#copied < words) return;
    this.#copied = 0;
    this.#columns++;
  }

  /** Makes it an ordinary record, not born yet; answers its identity hash. */
  exhume(mark: number): number {
    const { i32 } = this.#store.region;
    const { record } = this;
    assert(this.#hashed === record + this.size, 'a long row is whole when it is applied');
    i32[record + recordWeight] = this.#batch.slab.i32[this.#batch.weight];
    i32[record + recordDeath] = infinity;
    if (this.#store.layout.marked) i32[record + recordMark] = mark;
    this.#store.markWhole(record, this.size);
    return endIdentity(this.#hash);
  }

  /** Gives its room back. */
  free(): void {
    this.#store.free(this.record, this.size);
  }
}
