/**
 * Building an index over all rows of a store at once, while nothing else changes: after an image
 * was loaded (row-loader.ts). It ends as the index that adding the rows one by one gives, but no
 * table is ever split or visited at random.
 *
 * Three walks. The first *counts* rows by the top bits of their bent hashes, in buckets of about
 * `bucketRows`. Neighbouring buckets make a table, as large as splitting would have left it. The
 * second walk *appends* each row to its table, behind those before it: so many tables are
 * written to at once, but each from its start to its end. The third goes over the tables, which fit
 * the nearest cache, and *places* the entries of each in their slots.
 *
 * Memory may run out on the way; what was done stays, and the next slice tries again.
 *
 * Rows of a bucket that is fuller than a table can be, and of a key hash with more rows than stand
 * in one table, are *left over*: they are added one by one at the end, when the tables are part of
 * the index. Until then the index is the empty one that it was.
 */
import { assert } from '../../src/base/assert.ts';
import type { RecordHash } from '../value/hash.ts';
import { infinity, recordBirth, recordWeight } from '../value/layout.ts';
import type { HashIndex } from './hash-index.ts';
import { heavyRowsMin, touchRowsMax } from './hash-index.ts';
import { directoryPlace, splitLog, tableBase, tableMask, tableWords } from './hash-table.ts';
import { IntRing } from './int-ring.ts';
import type { Arena } from './region.ts';
import type { RowStore } from './row-store.ts';
import { identityHash } from './stage.ts';

/** Fewer rows are added one by one: their directory is no block of its own. */
export const builtRowsMin = 8_192;
/** Rows of a bucket, about. */
const bucketRows = 64;
/** Entries of a table of full size that is not split. */
const tableRowsMax = 2 ** splitLog - 2 ** (splitLog - 3);
const tableLogMin = 6;
/** Tables that count as one row's work to make, and rows as which one counts to place. */
const madeTablesPerRow = 0.1;
/** The count of a bucket whose rows are left over. */
const overfull = -1;

/** Key and identity hashes of rows that are left over. */
const hashes = new Int32Array(touchRowsMax);
const identities = new Int32Array(touchRowsMax);
const records = new Int32Array(touchRowsMax);
/** The entries of one table. */
const entries = new Int32Array(tableWords);

type Phase = 'count' | 'make' | 'append' | 'place' | 'rest' | 'done';

/** Builds one index that has no rows yet. */
export class IndexBuilder {
  readonly #store: RowStore;
  readonly #arena: Arena;
  readonly #index: HashIndex;
  readonly #hash: RecordHash;
  #phase: Phase = 'count';
  /** Binary logarithm of the buckets. */
  readonly #log: number;
  /** By bucket: how many rows; later the word where its next entry goes. */
  readonly #buckets: Int32Array;
  /** Next segment of the walk, or next table. */
  #next = 0;
  /** By table, three words: first bucket, binary logarithm of its buckets, rows. */
  #plan = new Int32Array(0);
  /** By table that was made: its directory entry. */
  readonly #tables: number[] = [];
  #directory = -1;
  /** Binary logarithm of the directory's entries. */
  #depth = 0;
  #placed = 0;
  readonly #rest = new IntRing();

  /** `rows`: how many rows the store has. */
  constructor(store: RowStore, arena: Arena, index: HashIndex, hash: RecordHash, rows: number) {
    assert(index.table.count === 0 && index.table.tables === 1, 'an index is built when empty');
    this.#store = store;
    this.#arena = arena;
    this.#index = index;
    this.#hash = hash;
    this.#log = Math.max(2, Math.ceil(Math.log2(rows / bucketRows)));
    this.#buckets = new Int32Array(2 ** this.#log);
  }

  /** Works on about `rowsMax` rows; true when the index is whole. */
  run(rowsMax: number): boolean {
    for (let left = rowsMax; left > 0 && this.#phase !== 'done';) left -= this.#slice();
    return this.#phase === 'done';
  }

  /** Does a piece of work; answers as how many rows it counts. */
  #slice(): number {
    switch (this.#phase) {
      case 'count':
        if (this.#next < this.#store.segments) return this.#walk(this.#next++);
        return this.#planTables();
      case 'make':
        if (this.#next * 3 < this.#plan.length) return this.#makeTable(this.#next);
        this.#begin('append');
        return 1;
      case 'append':
        if (this.#next < this.#store.segments) return this.#walk(this.#next++);
        this.#begin('place');
        return 1;
      case 'place':
        if (this.#next < this.#tables.length) return this.#placeTable(this.#next++);
        this.#install();
        this.#begin('rest');
        return 1;
      case 'rest':
        if (this.#rest.count > 0) return this.#addRest();
        this.#begin('done');
        return 1;
      case 'done':
        return 1;
    }
  }

  #begin(phase: Phase): void {
    this.#phase = phase;
    this.#next = 0;
  }

  /** Counts or appends the rows of a segment, all of which are live; answers how many. */
  #walk(segment: number): number {
    const store = this.#store;
    const start = store.start(segment);
    if (start < 0) return 1;
    const end = start + store.fill(segment);
    return this.#phase === 'count' ? this.#count(start, end) : this.#append(start, end);
  }

  #count(start: number, end: number): number {
    const { region, sizeOf } = this.#store;
    const { i32 } = region;
    const hash = this.#hash;
    const buckets = this.#buckets;
    const shift = 32 - this.#log;
    let rows = 0;
    for (let at = start; at < end;) {
      if (i32[at + recordBirth] === infinity) {
        at += i32[at + recordWeight];
        continue;
      }
      buckets[directoryPlace(hash(i32, at), shift)]++;
      rows++;
      at += sizeOf(i32, at);
    }
    return rows;
  }

  #append(start: number, end: number): number {
    const { region, sizeOf, layout } = this.#store;
    const { i32 } = region;
    const { payload } = layout;
    const hash = this.#hash;
    const { tagMask } = this.#index;
    const buckets = this.#buckets;
    const shift = 32 - this.#log;
    let rows = 0;
    for (let at = start; at < end;) {
      if (i32[at + recordBirth] === infinity) {
        at += i32[at + recordWeight];
        continue;
      }
      const size = sizeOf(i32, at);
      const key = hash(i32, at);
      const bucket = directoryPlace(key, shift);
      const into = buckets[bucket];
      rows++;
      if (into === overfull) this.#rest.push(at);
      else {
        let tag = key;
        if (tagMask !== -1) {
          tag = (key & tagMask) | (identityHash(i32, at, payload, size) & ~tagMask);
        }
        i32[into] = tag;
        i32[into + 1] = at + 1;
        buckets[bucket] = into + 2;
      }
      at += size;
    }
    return rows;
  }

  /** Makes tables of neighbouring buckets: as many as one table holds, halved where they do not. */
  #planTables(): number {
    const buckets = this.#buckets;
    const plan: number[] = [];
    let shortest = this.#log;
    for (let first = 0; first < buckets.length;) {
      let log = 0;
      let rows = this.#rowsIn(first, 1);
      while (log < this.#log && first % 2 ** (log + 1) === 0) {
        const more = this.#rowsIn(first + 2 ** log, 2 ** log);
        if (rows + more > tableRowsMax) break;
        rows += more;
        log++;
      }
      plan.push(first, log, rows);
      shortest = Math.min(shortest, log);
      first += 2 ** log;
    }
    this.#plan = Int32Array.from(plan);
    this.#depth = this.#log - shortest;
    if (this.#depth < 2) {
      // Too few rows are in buckets: all are left over.
      this.#plan = new Int32Array(0);
      buckets.fill(overfull);
      this.#begin('make');
      return 1;
    }
    const words = 2 ** this.#depth;
    this.#arena.region.reserve((this.#plan.length / 3) * tableWords, words);
    this.#directory = this.#arena.allocate(words);
    this.#begin('make');
    return buckets.length * madeTablesPerRow;
  }

  /** Rows in buckets `first … first + n - 1`, but for those that are left over. */
  #rowsIn(first: number, n: number): number {
    const buckets = this.#buckets;
    let rows = 0;
    for (let bucket = first; bucket < first + n; bucket++) {
      if (buckets[bucket] > tableRowsMax) buckets[bucket] = overfull;
      else if (buckets[bucket] > 0) rows += buckets[bucket];
      if (rows > tableRowsMax) return rows;
    }
    return rows;
  }

  /** Makes a table, and shares it out to its buckets. */
  #makeTable(number: number): number {
    const first = this.#plan[3 * number];
    const log = this.#plan[3 * number + 1];
    const rows = this.#plan[3 * number + 2];
    let slotsLog = tableLogMin;
    while (rows > 2 ** slotsLog - 2 ** (slotsLog - 3)) slotsLog++;
    const base = this.#arena.allocate(2 ** (slotsLog + 1));
    const { region } = this.#arena;
    const entry = this.#index.table.enter(base, slotsLog, this.#log - log);
    this.#tables.push(entry);
    this.#next++;
    const at = this.#directory + (first >> (this.#log - this.#depth));
    region.i32.fill(entry, at, at + 2 ** (this.#depth - this.#log + log));
    const buckets = this.#buckets;
    let next = base;
    for (let bucket = first; bucket < first + 2 ** log; bucket++) {
      const words = 2 * buckets[bucket];
      if (words < 0) continue;
      buckets[bucket] = next;
      next += words;
    }
    return 1 / madeTablesPerRow;
  }

  /** Puts the entries of a table, which lie at its start, in their slots. */
  #placeTable(number: number): number {
    const rows = this.#plan[3 * number + 2];
    const entry = this.#tables[number];
    const { i32 } = this.#store.region;
    const base = tableBase(entry);
    const mask = tableMask(entry);
    const { tagMask } = this.#index;
    entries.set(i32.subarray(base, base + 2 * rows));
    i32.fill(0, base, base + 2 * (mask + 1));
    let placed = 0;
    for (let k = 0; k < 2 * rows; k += 2) {
      const tag = entries[k];
      let slot = tag & mask;
      let same = 0;
      while (i32[base + 2 * slot + 1] !== 0) {
        if (((i32[base + 2 * slot] ^ tag) & tagMask) === 0) same++;
        slot = (slot + 1) & mask;
      }
      if (same >= heavyRowsMin) {
        this.#rest.push(entries[k + 1] - 1);
        continue;
      }
      i32[base + 2 * slot] = tag;
      i32[base + 2 * slot + 1] = entries[k + 1];
      placed++;
    }
    this.#index.table.counted(entry, placed);
    this.#placed += placed;
    return Math.max(1, rows);
  }

  /** The tables become those of the index. */
  #install(): void {
    if (this.#directory < 0) return;
    this.#index.table.install(this.#directory, this.#depth, this.#tables.length, this.#placed);
    this.#tables.length = 0;
    this.#directory = -1;
  }

  #addRest(): number {
    const index = this.#index;
    const n = this.#rest.oldest(touchRowsMax, records);
    this.#arena.region.reserve(n * tableWords, index.table.nextDirectoryWords);
    this.#rest.drop(n);
    const { i32 } = this.#store.region;
    for (let k = 0; k < n; k++) {
      hashes[k] = this.#hash(i32, records[k]);
      identities[k] = index.identityOf(records[k]);
    }
    index.touch(hashes, identities, n);
    for (let k = 0; k < n; k++) index.add(hashes[k], identities[k], records[k]);
    return n;
  }

  /** Gives back what is not part of the index. */
  dispose(): void {
    for (const entry of this.#tables) {
      this.#arena.free(tableBase(entry), (tableMask(entry) + 1) * 2);
    }
    this.#tables.length = 0;
    if (this.#directory >= 0) this.#arena.free(this.#directory, 2 ** this.#depth);
    this.#directory = -1;
  }
}
