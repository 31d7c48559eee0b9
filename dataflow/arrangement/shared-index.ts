/**
 * Reading an index from another thread, through its door (index-door.ts), while its owner writes.
 *
 * Whoever reads words while they change may see any mixture of old and new ones, so a search
 * promises nothing by itself: it copies the records that it finds into memory of its own,
 * and the caller then asks the collection's gate whether anything was written meanwhile
 * (`graph/read-gate.ts`). If so, all of it is thrown away. Hence a search must only be *bounded*
 * whatever the words say: addresses are checked against the region's length, a run ends after one
 * round of its table, a record is as long as the limit at most. Keys are compared on the copies.
 *
 * Only the plain case is searched: live rows that stand in the common table. A heavy key, or a dead
 * row that may still have been there at the step, is left to the owner.
 */
import { limits } from '../../src/base/limits.ts';
import { recordBirth } from '../value/layout.ts';
import { directoryPlace, headDirectory, headShift, tableBase, tableMask } from './hash-table.ts';
import type { IndexDoor } from './index-door.ts';
import {
  doorOpen,
  doorSince,
  doorState,
  doorTagMask,
  doorWhole,
  doorWords,
  isHeavy,
} from './index-door.ts';
import type { RecordSize } from './record-size.ts';
import { recordSize } from './record-size.ts';

/** Answer of `search`: the owner has to be asked, or the words were in motion. */
export const askOwner = -1;

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
  readonly #door: IndexDoor;
  readonly #sizeOf: RecordSize;
  readonly #fixedWords: number;
  /** The region's words, as many as there were when they were last looked at. */
  #words: Int32Array;
  /** Slots - 1 of the table that `#tableOf` has just found. */
  #mask = 0;

  constructor(door: IndexDoor) {
    this.#door = door;
    this.#sizeOf = recordSize(door.layout);
    this.#fixedWords = door.layout.fixedWords;
    this.#words = wordsOf(door.buffer);
  }

  /** Whether `words` words at `at` are words of the region, which may have grown. */
  #inside(at: number, words: number): boolean {
    if (!(at >= 0)) return false;
    if (at + words <= this.#words.length) return true;
    this.#words = wordsOf(this.#door.buffer);
    return at + words <= this.#words.length;
  }

  /**
   * Copies the records of a key hash that are there at `step`; answers how many, or `askOwner`.
   */
  search(hash: number, step: number): number {
    const { at } = this.#door;
    if (!this.#inside(at, doorWords)) return askOwner;
    const base = this.#tableOf(at, hash);
    if (base < 0) return askOwner;
    const words = this.#words;
    if (words[at + doorState] !== doorWhole || words[at + doorSince] > step) return askOwner;
    // No row has died later: then the dead ones need not be looked at.
    const settled = words[at + doorOpen] <= step;
    const tagMask = words[at + doorTagMask];
    const mask = this.#mask;
    let found = 0;
    let free = 0;
    let slot = hash & mask;
    for (let k = 0; k <= mask; k++) {
      const value = words[base + 2 * slot + 1];
      if (value === 0) return found;
      const tag = words[base + 2 * slot];
      slot = (slot + 1) & mask;
      if (((tag ^ hash) & tagMask) !== 0) continue;
      if (value < 0) {
        if (settled && !isHeavy(value)) continue;
        return askOwner;
      }
      const size = this.#candidate(value - 1, step);
      if (size === 0) continue;
      if (size < 0 || found === recordsMax || free + size > limits.directReadWordsMax) {
        return askOwner;
      }
      this.#copy(value - 1, size, free);
      this.places[found++] = free;
      free += size;
    }
    return askOwner;
  }

  /** First word of the table of a key hash, or -1. */
  #tableOf(door: number, hash: number): number {
    const shift = this.#words[door + headShift];
    if (shift < 0 || shift > 31) return -1;
    const place = this.#words[door + headDirectory] + directoryPlace(hash, shift);
    if (!this.#inside(place, 1)) return -1;
    const entry = this.#words[place];
    if ((entry & 31) > tableLogMax) return -1;
    const base = tableBase(entry);
    this.#mask = tableMask(entry);
    return this.#inside(base, 2 * this.#mask + 2) ? base : -1;
  }

  /** Words of a record that is to be copied; 0 if it is not, -1 if it cannot be one. */
  #candidate(record: number, step: number): number {
    if (!this.#inside(record, this.#fixedWords)) return -1;
    const words = this.#words;
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
