/**
 * Staging: a batch turned from columns into records, before any of it enters a store. Every later
 * step (identity hash, comparison with stored records, copying in) is then a plain loop over words
 * that knows nothing of types.
 *
 * The records lie one after the other in `words`: row r at `at[r]`, `size[r]` words long, header
 * included (weight and mark from the batch, birth 0, death infinity), padding zero. The memory
 * is private, reused by every batch of the owner, and bounded but for a single large record.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { RowLayout } from '../value/layout.ts';
import { infinity, recordDeath, recordMark, recordWeight } from '../value/layout.ts';
import { copyRun, finish, mix } from '../value/words.ts';
import { paddedWords } from './record-size.ts';

/** Words of staged records, if they are not one record: 4 MiB. */
const stagedWordsMax = 2 ** 20;

/** Identity hash of the record of `size` words at `at`, the row's own from word `payload` on. */
export function identityHash(words: Int32Array, at: number, payload: number, size: number): number {
  return endIdentity(mixIdentity(startIdentity(size), words, at + payload, at + size));
}

/** The same in parts: how it begins for a record of `size` words. */
export function startIdentity(size: number): number {
  return size;
}

/** Takes words from … to - 1 into an identity hash. */
export function mixIdentity(start: number, words: Int32Array, from: number, to: number): number {
  let hash = start;
  for (let w = from; w < to; w++) hash = mix(hash, words[w]);
  return hash;
}

/** How an identity hash ends. */
export function endIdentity(hash: number): number {
  return finish(hash);
}

/** Whether two records of `size` words are the same from word `payload` on. */
export function samePayload(
  a: Int32Array,
  aAt: number,
  b: Int32Array,
  bAt: number,
  payload: number,
  size: number,
): boolean {
  for (let w = payload; w < size; w++) if (a[aAt + w] !== b[bAt + w]) return false;
  return true;
}

/** Words that the records of a batch have at most. */
export function stagedWords(layout: RowLayout, batch: Batch): number {
  const { i32 } = batch.slab;
  // What padding may add.
  let words = batch.rows * (layout.fixedWords + 8);
  for (const c of layout.variable) {
    const lengths = batch.column[c] + 1;
    for (let k = 0; k < batch.rows; k++) words += (i32[lengths + 2 * k] + 3) >> 2;
  }
  return words;
}

/** Rows of a batch as records that are not in a store yet. */
export class Stage {
  words: Int32Array = new Int32Array(0);
  /** Words of all staged records. */
  total = 0;
  at = new Int32Array(0);
  size = new Int32Array(0);
  /** Identity hash of each row. */
  identity = new Int32Array(0);
  #cursor = new Int32Array(0);

  /**
   * Stages rows `first … first + rowsMax - 1` of `batch`, or fewer if they are large; answers how
   * many. `hashes[k]` is the key hash of row first + k.
   */
  load(
    layout: RowLayout,
    batch: Batch,
    first: number,
    rowsMax: number,
    hashes: Int32Array,
  ): number {
    this.#cover(rowsMax);
    const n = this.#measure(layout, batch, first, rowsMax);
    const { total } = this;
    if (this.words.length < total) this.words = new Int32Array(total);
    else if (this.words.length > stagedWordsMax && total <= stagedWordsMax) {
      this.words = new Int32Array(stagedWordsMax);
    } else this.words.fill(0, 0, total);
    this.#headers(batch, first, n, layout.marked ? hashes : null);
    const { i32, u8 } = batch.slab;
    for (let c = 0; c < layout.physical.length; c++) {
      const from = batch.column[c];
      const to = layout.offset[c];
      switch (layout.physical[c]) {
        case 'i32':
          copyWords(i32, from + first, this.words, this.at, to, n);
          break;
        case 'i64':
        case 'f64':
          copyPairs(i32, from + 2 * first, this.words, this.at, to, n);
          break;
        case 'var':
          copyVar(i32, from + 2 * first, this.words, this.at, to, n, this.#cursor);
          break;
      }
      const nulls = batch.nulls[c];
      if (nulls < 0) continue;
      if (layout.columns[c].nullable) {
        const word = layout.nullBits + (c >> 5);
        setNulls(u8, nulls + first, this.words, this.at, word, 1 << (c & 31), n);
      } else assert(noNulls(u8, nulls + first, n), `column ${c} holds no NULL`);
    }
    const { words, at, size, identity } = this;
    for (let k = 0; k < n; k++) {
      identity[k] = identityHash(words, at[k], layout.payload, size[k]);
    }
    return n;
  }

  /** Row 0 is a record that is made already, in memory that is not the stage's. */
  place(words: Int32Array, at: number, size: number, identity: number): void {
    this.#cover(1);
    this.words = words;
    this.at[0] = at;
    this.size[0] = size;
    this.identity[0] = identity;
  }

  #cover(rows: number): void {
    if (this.at.length >= rows) return;
    this.at = new Int32Array(rows);
    this.size = new Int32Array(rows);
    this.identity = new Int32Array(rows);
    this.#cursor = new Int32Array(rows);
  }

  /** Lays the records out one after the other; answers how many fit. */
  #measure(layout: RowLayout, batch: Batch, first: number, n: number): number {
    const { at, size } = this;
    size.fill(layout.fixedWords, 0, n);
    for (const c of layout.variable) {
      addVarWords(batch.slab.i32, batch.column[c] + 2 * first, size, n);
    }
    let total = 0;
    for (let k = 0; k < n; k++) {
      at[k] = total;
      this.#cursor[k] = total + layout.fixedWords;
      const words = paddedWords(size[k]);
      if (k > 0 && total + words > stagedWordsMax) {
        this.total = total;
        return k;
      }
      size[k] = words;
      total += words;
    }
    this.total = total;
    return n;
  }

  #headers(batch: Batch, first: number, n: number, marks: Int32Array | null): void {
    const { words, at } = this;
    const weights = batch.slab.i32;
    for (let k = 0; k < n; k++) {
      const start = at[k];
      words[start + recordWeight] = weights[batch.weight + first + k];
      words[start + recordDeath] = infinity;
    }
    if (marks === null) return;
    for (let k = 0; k < n; k++) words[at[k] + recordMark] = marks[k];
  }
}

function addVarWords(i32: Int32Array, from: number, size: Int32Array, n: number): void {
  for (let k = 0; k < n; k++) size[k] += (i32[from + 2 * k + 1] + 3) >> 2;
}

function copyWords(
  source: Int32Array,
  from: number,
  words: Int32Array,
  at: Int32Array,
  to: number,
  n: number,
): void {
  for (let k = 0; k < n; k++) words[at[k] + to] = source[from + k];
}

function copyPairs(
  source: Int32Array,
  from: number,
  words: Int32Array,
  at: Int32Array,
  to: number,
  n: number,
): void {
  for (let k = 0; k < n; k++) {
    const into = at[k] + to;
    words[into] = source[from + 2 * k];
    words[into + 1] = source[from + 2 * k + 1];
  }
}

function copyVar(
  source: Int32Array,
  from: number,
  words: Int32Array,
  at: Int32Array,
  to: number,
  n: number,
  cursor: Int32Array,
): void {
  for (let k = 0; k < n; k++) {
    const start = source[from + 2 * k];
    const bytes = source[from + 2 * k + 1];
    const count = (bytes + 3) >> 2;
    words[at[k] + to] = bytes;
    const into = cursor[k];
    copyRun(source, start, count, words, into);
    cursor[k] = into + count;
  }
}

function setNulls(
  u8: Uint8Array,
  nulls: number,
  words: Int32Array,
  at: Int32Array,
  word: number,
  bit: number,
  n: number,
): void {
  for (let k = 0; k < n; k++) if (u8[nulls + k] !== 0) words[at[k] + word] |= bit;
}

function noNulls(u8: Uint8Array, nulls: number, n: number): boolean {
  let any = 0;
  for (let k = 0; k < n; k++) any |= u8[nulls + k];
  return any === 0;
}
