/**
 * Staging: a batch turned from columns into records, before any of it enters a store. Every later
 * step (identity hash, comparison with stored records, copying in) is then a plain loop over words
 * that knows nothing of types.
 *
 * The records lie one after the other in `words`: row r at `at[r]`, `size[r]` words long, header
 * included (weight and key hash from the batch, birth 0, death infinity), padding zero. The memory
 * is private, reused by every batch of the owner, and grows to the largest one.
 */
import type { Batch } from '../value/batch.ts';
import type { RowLayout } from '../value/layout.ts';
import { infinity, recordDeath, recordHash, recordWeight } from '../value/layout.ts';
import { finish, mix } from '../value/words.ts';

/** Words of a record of `words` words once padded to its size class. */
export function paddedWords(words: number): number {
  return words <= 32 ? (words + 1) & ~1 : (words + 7) & ~7;
}

/** Identity hash of the record of `size` words at `at`: over raw payload words. */
export function identityHash(words: Int32Array, at: number, size: number): number {
  let hash = size;
  for (let w = at + 4, end = at + size; w < end; w++) hash = mix(hash, words[w]);
  return finish(hash);
}

/** Whether two records of `size` words have the same payload. */
export function samePayload(
  a: Int32Array, aAt: number, b: Int32Array, bAt: number, size: number,
): boolean {
  for (let w = 4; w < size; w++) if (a[aAt + w] !== b[bAt + w]) return false;
  return true;
}

export class Stage {
  words = new Int32Array(0);
  /** Words of all staged records. */
  total = 0;
  at = new Int32Array(0);
  size = new Int32Array(0);
  #cursor = new Int32Array(0);

  /** Stages `batch`, whose rows have the key hashes `hashes`. */
  load(layout: RowLayout, batch: Batch, hashes: Int32Array): void {
    const rows = batch.rows;
    if (this.at.length < rows) {
      this.at = new Int32Array(rows * 2);
      this.size = new Int32Array(rows * 2);
      this.#cursor = new Int32Array(rows * 2);
    }
    this.#measure(layout, batch);
    const total = this.total;
    if (this.words.length < total) this.words = new Int32Array(total * 2);
    else this.words.fill(0, 0, total);
    this.#headers(batch, hashes);
    layout.physical.forEach((physical, c) => {
      const from = batch.column[c];
      const to = layout.offset[c];
      if (physical === 'i32') copyWords(batch.slab.i32, from, this.words, this.at, to, rows);
      else if (physical === 'var') this.#copyVar(batch, from, to);
      else copyPairs(batch.slab.i32, from, this.words, this.at, to, rows);
      const nulls = batch.nulls[c];
      if (nulls < 0 || !layout.columns[c].nullable) return;
      const word = layout.nullBits + (c >> 5);
      setNulls(batch.slab.u8, nulls, this.words, this.at, word, 1 << (c & 31), rows);
    });
  }

  #measure(layout: RowLayout, batch: Batch): void {
    const { at, size } = this;
    const rows = batch.rows;
    const fixed = layout.variable.length === 0 ? paddedWords(layout.fixedWords) : layout.fixedWords;
    size.fill(fixed, 0, rows);
    for (const c of layout.variable) {
      addVarWords(batch.slab.i32, batch.column[c], size, rows);
    }
    let total = 0;
    for (let r = 0; r < rows; r++) {
      at[r] = total;
      this.#cursor[r] = total + layout.fixedWords;
      const words = paddedWords(size[r]);
      size[r] = words;
      total += words;
    }
    this.total = total;
  }

  #headers(batch: Batch, hashes: Int32Array): void {
    const { words, at } = this;
    const weights = batch.slab.i32;
    for (let r = 0; r < batch.rows; r++) {
      const start = at[r];
      words[start + recordWeight] = weights[batch.weight + r];
      words[start + recordDeath] = infinity;
      words[start + recordHash] = hashes[r];
    }
  }

  #copyVar(batch: Batch, from: number, to: number): void {
    const source = batch.slab.i32;
    const { words, at } = this;
    const cursor = this.#cursor;
    for (let r = 0; r < batch.rows; r++) {
      const start = source[from + 2 * r];
      const bytes = source[from + 2 * r + 1];
      const n = (bytes + 3) >> 2;
      words[at[r] + to] = bytes;
      const into = cursor[r];
      for (let w = 0; w < n; w++) words[into + w] = source[start + w];
      cursor[r] = into + n;
    }
  }
}

function addVarWords(i32: Int32Array, from: number, size: Int32Array, rows: number): void {
  for (let r = 0; r < rows; r++) size[r] += (i32[from + 2 * r + 1] + 3) >> 2;
}

function copyWords(
  source: Int32Array, from: number, words: Int32Array, at: Int32Array, to: number, rows: number,
): void {
  for (let r = 0; r < rows; r++) words[at[r] + to] = source[from + r];
}

function copyPairs(
  source: Int32Array, from: number, words: Int32Array, at: Int32Array, to: number, rows: number,
): void {
  for (let r = 0; r < rows; r++) {
    const into = at[r] + to;
    words[into] = source[from + 2 * r];
    words[into + 1] = source[from + 2 * r + 1];
  }
}

function setNulls(
  u8: Uint8Array, nulls: number, words: Int32Array, at: Int32Array, word: number, bit: number,
  rows: number,
): void {
  for (let r = 0; r < rows; r++) if (u8[nulls + r] !== 0) words[at[r] + word] |= bit;
}
