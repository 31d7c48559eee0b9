/**
 * Loading the image of an arrangement (row-image.ts): segments are laid into new blocks as they
 * were copied, later ones instead of earlier ones of the same name. When all are there, each is
 * walked once: rows that are not visible at the step become free records, the others live ones.
 * The indexes are built later (`StoreImage.index`).
 *
 * Whatever the words say, no record reaches beyond its segment and no length is taken on trust: an
 * image that is damaged, or of something else, is refused with XX001.
 */
import { assert } from '../../src/base/assert.ts';
import type { SqlError } from '../../src/base/error.ts';
import { sqlError } from '../../src/base/error.ts';
import type { RecordHash } from '../value/hash.ts';
import { recordHash } from '../value/hash.ts';
import type { RowLayout } from '../value/layout.ts';
import { infinity, recordBirth, recordDeath, recordMark, recordWeight } from '../value/layout.ts';
import type { Saved } from '../value/saved.ts';
import { paddedWords, recordWordsMin } from './record-size.ts';
import type { ImageHost } from './row-image.ts';
import { allSegments, runHeaderWords } from './row-run.ts';
import { segmentWordsMax } from './row-store.ts';

/** Words of the largest block. */
const blockWordsMax = 2 ** 26;

function damaged(what: string): SqlError {
  return sqlError('XX001', `the copied rows of a collection are damaged: ${what}`);
}

function isList(saved: Saved): saved is readonly Saved[] {
  return Array.isArray(saved);
}

/** A segment that is being loaded. */
interface Loaded {
  segment: number;
  /** Words of it that are there. */
  words: number;
}

/** Takes the pieces of one image, and makes rows and indexes of them. */
export class RowLoader {
  readonly #host: ImageHost;
  readonly #layout: RowLayout;
  readonly hasTwins: boolean;
  readonly #expected: number;
  /** By first word where it was copied. */
  readonly #loaded = new Map<number, Loaded>();
  #step = -1;
  /** Segments below this are settled. */
  #settled = 0;
  /** Rows that are visible. */
  rows = 0;
  /** Writes the mark of records that have one and are not an owner's. */
  #markOf: RecordHash | null = null;

  /** `form`: how records are laid out here. */
  constructor(host: ImageHost, form: string, saved: Saved) {
    assert(host.store.total === 0, 'an image is loaded into an arrangement without rows');
    this.#host = host;
    this.#layout = host.store.layout;
    const [text, twins, rows] = isList(saved) ? saved : [];
    if (text !== form) throw damaged(`rows of the form ${form} were expected`);
    if (typeof twins !== 'number' || typeof rows !== 'number') throw damaged('no number of rows');
    this.hasTwins = twins !== 0;
    this.#expected = rows;
  }

  load(piece: Int32Array): void {
    assert(this.#step < 0, 'no piece comes after the last one');
    let at = 0;
    while (at < piece.length) {
      if (at + runHeaderWords > piece.length) throw damaged('a run is cut off');
      const count = piece[at + 3];
      const from = at + runHeaderWords;
      if (count < 0 || from + count > piece.length) throw damaged('a run is longer than its piece');
      this.#run(piece[at], piece[at + 1], piece[at + 2], piece.subarray(from, from + count));
      at = from + count;
    }
  }

  #run(name: number, fill: number, offset: number, words: Int32Array): void {
    const { store } = this.#host;
    if (name === allSegments && fill === 0 && words.length === 0) {
      for (const { segment } of this.#loaded.values()) store.dropLoaded(segment);
      this.#loaded.clear();
      return;
    }
    if (name < 0 || fill < 0 || fill > blockWordsMax) throw damaged('a segment of no size');
    let loaded = this.#loaded.get(name);
    if (fill === 0) {
      if (loaded !== undefined) store.dropLoaded(loaded.segment);
      this.#loaded.delete(name);
      if (words.length > 0) throw damaged('a segment that is gone has words');
      return;
    }
    if (loaded === undefined) {
      loaded = { segment: store.addLoaded(fill), words: 0 };
      this.#loaded.set(name, loaded);
    } else loaded.segment = store.resizeLoaded(loaded.segment, fill);
    const end = offset + words.length;
    if (offset < 0 || offset > loaded.words || end > fill) throw damaged('a run is out of place');
    store.region.i32.set(words, store.start(loaded.segment) + offset);
    loaded.words = Math.max(loaded.words, end);
  }

  /** See `RowImage.adopt`. */
  adopt(step: number, rowsMax: number): boolean {
    if (this.#step < 0) this.#begin(step);
    assert(step === this.#step && step >= 0, 'all slices are of one step');
    const { store } = this.#host;
    let left = rowsMax;
    for (; this.#settled < store.segments; this.#settled++) {
      if (left <= 0) return false;
      if (store.start(this.#settled) >= 0) left -= this.#settle(this.#settled);
    }
    if (this.#expected >= 0 && this.rows !== this.#expected) {
      throw damaged(`${this.rows} rows of ${this.#expected} are there`);
    }
    return true;
  }

  #begin(step: number): void {
    const { store } = this.#host;
    this.#step = step;
    for (const { segment, words } of this.#loaded.values()) {
      if (words !== store.fill(segment)) throw damaged('a segment is not whole');
    }
    this.#loaded.clear();
    const indexes = store.total === 0 ? [] : this.#host.indexes();
    if (this.#layout.marked && this.#host.owner === null && indexes.length > 0) {
      this.#markOf = recordHash(this.#layout, indexes[0].key);
    }
  }

  /** Walks a segment: ends what is not visible, and counts. Answers how many records it has. */
  #settle(segment: number): number {
    const { store, owner } = this.#host;
    const { i32 } = store.region;
    const step = this.#step;
    const markOf = this.#markOf;
    const start = store.start(segment);
    const end = start + store.fill(segment);
    let occupied = 0;
    let records = 0;
    let at = start;
    for (let size = 0; at < end; at += size, records++) {
      const birth = i32[at + recordBirth];
      size = birth === infinity ? freeSize(i32, at, end) : this.#sizeAt(i32, at, end);
      if (birth > step || i32[at + recordDeath] <= step) {
        store.bury(at, size);
        continue;
      }
      if (birth < 0 || i32[at + recordWeight] === 0) throw damaged('a row that never was');
      i32[at + recordDeath] = infinity;
      occupied += size;
      this.rows++;
      if (markOf !== null) i32[at + recordMark] = markOf(i32, at);
      else owner?.moved(i32[at + recordMark], at + 1);
    }
    if (end - start > segmentWordsMax && records > 1) throw damaged('a large row is not alone');
    store.settleLoaded(segment, occupied);
    return records;
  }

  /** Words of the record at `at`, all of which lie before `end`. */
  #sizeAt(i32: Int32Array, at: number, end: number): number {
    const { layout, sizeOf } = this.#host.store;
    const { variable, offset, fixedWords } = layout;
    let room = end - at - fixedWords;
    for (let k = 0; k < variable.length && room >= 0; k++) {
      const bytes = i32[at + offset[variable[k]]];
      room = bytes < 0 ? -1 : room - ((bytes + 3) >>> 2);
    }
    const size = room < 0 ? 0 : sizeOf(i32, at);
    if (room < 0 || at + size > end) throw damaged('a row crosses the end of its segment');
    return size;
  }
}

/** Words of the free record at `at`. */
function freeSize(i32: Int32Array, at: number, end: number): number {
  const size = i32[at + recordWeight];
  if (size < recordWordsMin || at + size > end || paddedWords(size) !== size) {
    throw damaged('room that is free crosses the end of its segment');
  }
  return size;
}
