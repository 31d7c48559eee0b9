/**
 * Reading an index from another thread, while its owner writes.
 *
 * Everything that a search needs lies in the region: the head of the table, its directory, its
 * slots, the records. Whoever reads it while it changes may see any mixture of old and new words, so
 * a search promises nothing by itself: it copies the records that it finds into memory of its own,
 * and the caller then asks the collection's gate whether anything was written meanwhile
 * (`graph/read-gate.ts`). If so, all of it is thrown away. Hence a search must only be *bounded*
 * whatever the words say: addresses are checked against the region's length, a run ends after one
 * round of its table, a record is as long as the limit at most. Keys are compared on the copies.
 *
 * Only the plain case is searched: live rows that stand in the common table. A heavy key, or a dead
 * row that may still have been there at the step, is left to the owner.
 */
import { limits } from '../../src/base/limits.ts';
import type { RowLayout } from '../value/layout.ts';
import { recordBirth, recordHash } from '../value/layout.ts';
import {
  directoryPlace,
  headDirectory,
  headShift,
  headWords,
  tableBase,
  tableMask,
} from './hash-table.ts';
import type { RecordSize } from './record-size.ts';
import { recordSize } from './record-size.ts';

/** Where an index lies, for another thread. */
export interface SharedIndex {
  /** The region. */
  readonly buffer: SharedArrayBuffer;
  /** First word of the head of its table. */
  readonly head: number;
  /** Bits of a tag that are bits of the key hash; those of an index that serves no identity: all. */
  readonly tagMask: number;
}

/** Answer of `search`: the owner has to be asked, or the words were in motion. */
export const unknown = -1;

/** More records of one key hash stand in no run: the key is heavy before. */
const recordsMax = 64;
/** Binary logarithm of the slots of the largest table. */
const tableLogMax = 24;
const startWords = 1_024;

/** Searches one index; the copies are valid until the next search. */
export class SharedIndexReader {
  /** Copies of the records found by the last search, one behind the other. */
  copies = new Int32Array(startWords);
  /** First word of each copy. */
  readonly places = new Int32Array(recordsMax);
  readonly #index: SharedIndex;
  readonly #sizeOf: RecordSize;
  readonly #fixedWords: number;
  /** The region's words, as many as there were when they were last looked at. */
  #words: Int32Array;

  constructor(index: SharedIndex, layout: RowLayout) {
    this.#index = index;
    this.#sizeOf = recordSize(layout);
    this.#fixedWords = layout.fixedWords;
    this.#words = wordsOf(index.buffer);
  }

  /** Whether `words` words at `at` are words of the region, which may have grown. */
  #inside(at: number, words: number): boolean {
    if (!(at >= 0)) return false;
    if (at + words <= this.#words.length) return true;
    this.#words = wordsOf(this.#index.buffer);
    return at + words <= this.#words.length;
  }

  /**
   * Copies the live records of a key hash that were born at `step` or before; answers how many, or
   * `unknown`. `deadToo`: no row has died after `step`, so dead ones need not be looked at.
   */
  search(hash: number, step: number, deadToo: boolean): number {
    const base = this.#tableOf(hash);
    if (base < 0) return unknown;
    const { tagMask } = this.#index;
    const mask = this.#mask;
    const words = this.#words;
    let found = 0;
    let free = 0;
    let slot = hash & mask;
    for (let k = 0; k <= mask; k++) {
      const value = words[base + 2 * slot + 1];
      if (value === 0) return found;
      const tag = words[base + 2 * slot];
      slot = (slot + 1) & mask;
      if (((tag ^ hash) & tagMask) !== 0 || (value < 0 && deadToo)) continue;
      if ((value & 1) === 0 || value < 0) return unknown;
      const size = this.#candidate(value - 1, hash, step);
      if (size === 0) continue;
      if (size < 0 || found === recordsMax || free + size > limits.directReadWordsMax) {
        return unknown;
      }
      this.#copy(value - 1, size, free);
      this.places[found++] = free;
      free += size;
    }
    return unknown;
  }

  /** Slots - 1 of the table that `#tableOf` has just found. */
  #mask = 0;

  /** First word of the table of a key hash, or -1. */
  #tableOf(hash: number): number {
    const { head } = this.#index;
    if (!this.#inside(head, headWords)) return -1;
    const shift = this.#words[head + headShift];
    if (shift < 0 || shift > 31) return -1;
    const place = this.#words[head + headDirectory] + directoryPlace(hash, shift);
    if (!this.#inside(place, 1)) return -1;
    const entry = this.#words[place];
    if ((entry & 31) > tableLogMax) return -1;
    const base = tableBase(entry);
    this.#mask = tableMask(entry);
    return this.#inside(base, 2 * this.#mask + 2) ? base : -1;
  }

  /** Words of a record that is to be copied; 0 if it is not, -1 if it cannot be one. */
  #candidate(record: number, hash: number, step: number): number {
    if (!this.#inside(record, this.#fixedWords)) return -1;
    const words = this.#words;
    if (this.#index.tagMask !== -1 && words[record + recordHash] !== hash) return 0;
    if (words[record + recordBirth] > step) return 0;
    const size = this.#sizeOf(words, record);
    if (size < this.#fixedWords || size > limits.directReadWordsMax) return -1;
    return this.#inside(record, size) ? size : -1;
  }

  #copy(record: number, size: number, to: number): void {
    if (to + size > this.copies.length) {
      const grown = new Int32Array(2 * (to + size));
      grown.set(this.copies);
      this.copies = grown;
    }
    const { copies } = this;
    const words = this.#words;
    for (let w = 0; w < size; w++) copies[to + w] = words[record + w];
  }
}

/** A view of explicit length: those that follow the buffer's length are many times slower. */
function wordsOf(buffer: SharedArrayBuffer): Int32Array {
  return new Int32Array(buffer, 0, buffer.byteLength >> 2);
}
