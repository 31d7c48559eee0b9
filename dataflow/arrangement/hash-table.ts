/**
 * Extendible hashing in a region: a directory by the top bits of the bent hash points to tables of
 * at most 512 slots, each with linear probing from the low bits and removal by backward shift. A
 * full table is doubled while small, then split in two by one more bit of the hash. So growing
 * never moves more than one table's entries, and no pause grows with the state.
 *
 * A slot is two words, [tag, value]; value 0 is an empty slot. The low 16 bits of a tag are the low
 * bits of the hash, so an entry's home slot is known without its hash. A split needs the whole hash
 * and asks `hashesOf` for those of all entries at once, so that the cache misses overlap.
 *
 * Everything that a search needs lies in the region, so that another thread can search: the *head*
 * of four words, in memory of the owner, says where the directory is and how a hash leads into it;
 * the directory is a block, or while it has two entries the last two words of the head. The fields
 * of the object repeat the head.
 *
 * A directory entry is the table's address / 128, shifted up by 5, and the binary logarithm of its
 * slots in the low 5 bits. The region's `meta` of the table's first block holds the entries' count
 * in the low 24 bits and the local depth above.
 *
 * If hashes are so alike that splitting would only lengthen the directory, the table grows beyond
 * 512 slots instead. Neighbours that have become almost empty are merged.
 *
 * Invariants: count of a table <= 7/8 of its slots; local depth <= global depth; every entry lies
 * between its home slot and the next empty slot.
 */
import { assert } from '../../src/base/assert.ts';
import type { Arena, Region } from './region.ts';
import { blockWordsMin } from './region.ts';

/** Binary logarithm of the slots of a table that is split rather than doubled. */
export const splitLog = 9;
/** Words of a table that a split makes: what one entry may take at most, where hashes differ. */
export const tableWords = 2 ** (splitLog + 1);
/** Tags that hold only the low 16 bits of the hash; whole hashes. */
const tableLogMax = 16;
const wholeTableLogMax = 24;
const countMask = 0xffffff;
const depthUnit = 0x1000000;
/** Directory entries a table, on average, beyond which a table grows rather than splits. */
const directoryPerTableMax = 32;

/** Sets out[k] to the whole hash of the entry with value entries[k + 1], for even k < words. */
export type HashesOf = (entries: Int32Array, words: number, out: Int32Array) => void;

const tagsThemselves: HashesOf = (entries, words, out) => {
  for (let k = 0; k < words; k += 2) out[k] = entries[k];
};

/** Words of a head, and what they are. */
export const headWords = 4;
export const headDirectory = 0;
export const headShift = 1;
/** The first directory. */
const headEntries = 2;

const hashes32 = 2 ** 32;

/**
 * The hash bent, as a uint32: x to x (4 - x) / 3 of the unit interval. It keeps the order, and puts
 * twice as many hashes on a place at the upper end as on one at the lower. So tables fill up and
 * split at all times, not all at once, and their common fill stays the mean of a cycle.
 */
function bent(hash: number): number {
  const x = hash >>> 0;
  return x * (4 / 3 - x * (1 / (3 * hashes32)));
}

/** Place in the directory of the table of `hash`: the top bits of the bent hash. */
export function directoryPlace(hash: number, shift: number): number {
  return bent(hash) >>> shift;
}

/** First word of the table of a directory entry. */
export function tableBase(entry: number): number {
  return (entry >>> 5) * blockWordsMin;
}

/** Slots - 1 of the table of a directory entry. */
export function tableMask(entry: number): number {
  return (1 << (entry & 31)) - 1;
}

/** A copy of the entries of one table, reused. */
let scratch = new Int32Array(tableWords);
/** Whole hashes of the entries of a table that is split, reused. */
let scratchHashes = new Int32Array(tableWords);

/** An extendible hash table of [tag, value] slots in a region. */
export class HashTable {
  /** First word of the directory. */
  directoryAt: number;
  /** What `directoryPlace` asks for: 32 - binary logarithm of the directory's entries. */
  shift = 31;
  count = 0;
  /** First word of the head. */
  readonly head: number;
  readonly #arena: Arena;
  readonly #region: Region;
  readonly #hashesOf: HashesOf;
  readonly #startLog: number;
  readonly #logMax: number;
  #tables = 1;

  /** Without `hashesOf` the tags are the whole hashes. `head` is the owner's to give and free. */
  constructor(arena: Arena, hashesOf: HashesOf | null, startLog: number, head: number) {
    this.#arena = arena;
    this.#region = arena.region;
    this.#hashesOf = hashesOf ?? tagsThemselves;
    this.#logMax = hashesOf === null ? wholeTableLogMax : tableLogMax;
    this.#startLog = startLog;
    this.head = head;
    this.directoryAt = head + headEntries;
    this.#begin();
  }

  /** One empty table under a directory in the head. */
  #begin(): void {
    const entry = this.#make(this.#startLog, 0);
    const { i32 } = this.#region;
    this.directoryAt = this.head + headEntries;
    this.shift = 31;
    i32[this.directoryAt] = entry;
    i32[this.directoryAt + 1] = entry;
    this.#publish();
  }

  /** Brings the head up to date. */
  #publish(): void {
    const { i32 } = this.#region;
    i32[this.head + headDirectory] = this.directoryAt;
    i32[this.head + headShift] = this.shift;
  }

  /** The directory entry of `hash`. */
  entryOf(hash: number): number {
    return this.#region.i32[this.directoryAt + directoryPlace(hash, this.shift)];
  }

  /** Entries of the directory. */
  get #length(): number {
    return 2 ** (32 - this.shift);
  }

  /** Tables in use. */
  get tables(): number {
    return this.#tables;
  }

  /** Words of the directory that might be made next. */
  get nextDirectoryWords(): number {
    return 2 * this.#length;
  }

  /** Adds an entry. May replace the region's views. */
  insert(hash: number, tag: number, value: number): void {
    let entry = this.entryOf(hash);
    while (!this.hasRoom(entry)) {
      this.#enlarge(hash);
      entry = this.entryOf(hash);
    }
    const base = tableBase(entry);
    this.place(base, emptySlot(this.#region.i32, base, tableMask(entry), hash), tag, value);
  }

  /** The same where runs are long: a table of full size more than half occupied is split first. */
  insertApart(hash: number, tag: number, value: number): void {
    const entry = this.entryOf(hash);
    const slots = 1 << (entry & 31);
    const crowded =
      slots >= 1 << splitLog && (this.#region.meta[entry >>> 5] & countMask) * 2 > slots;
    if (crowded) this.#enlarge(hash);
    this.insert(hash, tag, value);
  }

  /** Whether one more entry fits the table of a directory entry. */
  hasRoom(entry: number): boolean {
    const slots = 1 << (entry & 31);
    return (this.#region.meta[entry >>> 5] & countMask) < slots - (slots >> 3);
  }

  /** Writes an entry into the empty slot at word `at` of the table at `base`, which has room. */
  place(base: number, at: number, tag: number, value: number): void {
    const { i32, meta } = this.#region;
    i32[at] = tag;
    i32[at + 1] = value;
    meta[base / blockWordsMin]++;
    this.count++;
  }

  /** Removes the entry in the slot at word `at`. */
  remove(hash: number, at: number): void {
    const entry = this.entryOf(hash);
    const base = tableBase(entry);
    const mask = tableMask(entry);
    const { i32, meta } = this.#region;
    closeGap(i32, base, mask, (at - base) >> 1);
    this.count--;
    const left = --meta[entry >>> 5] & countMask;
    if (left === mask >> 3 || left === 0) this.#shrink(hash);
  }

  /** Calls back with the first word and the slots of every table. */
  eachTable(callback: (base: number, slots: number) => void): void {
    const depth = 32 - this.shift;
    for (let k = 0; k < this.#length;) {
      const entry = this.#region.i32[this.directoryAt + k];
      // Before the call: it may give the table back.
      k += 2 ** (depth - this.#depth(entry));
      callback(tableBase(entry), tableMask(entry) + 1);
    }
  }

  /** The greatest hash, as a uint32, whose entries lie in the table of `hash`. */
  lastOf(hash: number): number {
    const depth = this.#depth(this.entryOf(hash));
    if (depth === 0) return 0xffffffff;
    const place = directoryPlace(hash, 32 - depth);
    let last = hash >>> 0;
    let beyond = hashes32;
    while (beyond - last > 1) {
      const middle = Math.floor((last + beyond) / 2);
      if (directoryPlace(middle, 32 - depth) === place) last = middle;
      else beyond = middle;
    }
    return last;
  }

  /** The directory entry of a table at `base` that is built elsewhere and has no entries yet. */
  enter(base: number, log: number, depth: number): number {
    this.#region.meta[base / blockWordsMin] = depth * depthUnit;
    return ((base / blockWordsMin) << 5) | log;
  }

  /** So many entries were written to the table of a directory entry, which had none. */
  counted(entry: number, entries: number): void {
    this.#region.meta[entry >>> 5] += entries;
  }

  /**
   * The directory at `at` of 2^depth entries, at least four, and its tables replace what there was:
   * nothing.
   */
  install(at: number, depth: number, tables: number, entries: number): void {
    assert(this.count === 0 && depth >= 2, 'a table is built while it is empty');
    this.dispose();
    this.directoryAt = at;
    this.shift = 32 - depth;
    this.#tables = tables;
    this.count = entries;
    this.#publish();
  }

  dispose(): void {
    this.eachTable((base, slots) => {
      this.#arena.free(base, slots * 2);
    });
    this.#freeDirectory();
    this.count = 0;
  }

  #freeDirectory(): void {
    if (this.#length > 2) this.#arena.free(this.directoryAt, this.#length);
  }

  #depth(entry: number): number {
    return this.#region.meta[entry >>> 5] >>> 24;
  }

  #make(log: number, depth: number): number {
    const base = this.#arena.allocate(2 ** (log + 1));
    this.#region.i32.fill(0, base, base + 2 ** (log + 1));
    return this.enter(base, log, depth);
  }

  /** Makes room in the table of `hash`. */
  #enlarge(hash: number): void {
    const entry = this.entryOf(hash);
    const log = entry & 31;
    const depth = this.#depth(entry);
    if (log < splitLog || (log < this.#logMax && this.#alike(depth))) this.#regrow(hash, log + 1);
    else this.#split(hash);
  }

  /** Whether a split at this depth would mostly lengthen the directory. */
  #alike(depth: number): boolean {
    return (
      depth === 32 - this.shift && this.#length >= directoryPerTableMax * Math.max(this.#tables, 4)
    );
  }

  /** Replaces the table of `hash` by one of 2^log slots. */
  #regrow(hash: number, log: number): void {
    const old = this.entryOf(hash);
    const depth = this.#depth(old);
    const words = this.#lift(old);
    this.#arena.free(tableBase(old), words);
    const entry = this.#make(log, depth);
    this.#point(directoryPlace(hash, this.shift), depth, entry);
    for (let k = 0; k < words; k += 2) {
      if (scratch[k + 1] !== 0) this.#settle(entry, scratch[k], scratch[k], scratch[k + 1]);
    }
  }

  /** Copies a table to `scratch`; answers its words. */
  #lift(entry: number): number {
    const base = tableBase(entry);
    const words = (tableMask(entry) + 1) * 2;
    if (scratch.length < words) scratch = new Int32Array(words);
    scratch.set(this.#region.i32.subarray(base, base + words));
    return words;
  }

  /** Puts an entry that is counted already into a table with room. */
  #settle(entry: number, hash: number, tag: number, value: number): void {
    const base = tableBase(entry);
    const i32 = this.#region.i32;
    const at = emptySlot(i32, base, tableMask(entry), hash);
    i32[at] = tag;
    i32[at + 1] = value;
    this.#region.meta[entry >>> 5]++;
  }

  /** Points the directory's range around `place` that tables of `depth` have to a table. */
  #point(place: number, depth: number, entry: number): void {
    const range = 2 ** (32 - this.shift - depth);
    const first = this.directoryAt + Math.floor(place / range) * range;
    this.#region.i32.fill(entry, first, first + range);
  }

  #split(hash: number): void {
    const old = this.entryOf(hash);
    const depth = this.#depth(old);
    if (depth === 32 - this.shift) this.#lengthen();
    assert(depth < 32, 'a table is split by a bit of the hash');
    const words = this.#lift(old);
    const base = tableBase(old);
    const log = old & 31;
    const bit = 31 - depth;
    this.#region.i32.fill(0, base, base + words);
    this.#region.meta[old >>> 5] = (depth + 1) * depthUnit;
    const fresh = this.#make(log, depth + 1);
    this.#tables++;
    const half = 2 ** (32 - this.shift - depth - 1);
    this.#point(directoryPlace(hash, this.shift) | half, depth + 1, fresh);
    this.#deal(words, bit, old, fresh);
  }

  /** Enters the entries in `scratch` into one of two empty tables by a bit of their bent hashes. */
  #deal(words: number, bit: number, zeros: number, ones: number): void {
    if (scratchHashes.length < words) scratchHashes = new Int32Array(words);
    this.#hashesOf(scratch, words, scratchHashes);
    const { i32, meta } = this.#region;
    const zerosBase = tableBase(zeros);
    const onesBase = tableBase(ones);
    const zerosMask = tableMask(zeros);
    const onesMask = tableMask(ones);
    let zerosCount = 0;
    let onesCount = 0;
    for (let k = 0; k < words; k += 2) {
      const value = scratch[k + 1];
      if (value === 0) continue;
      const whole = scratchHashes[k];
      const one = ((bent(whole) >>> bit) & 1) === 1;
      const at = one
        ? emptySlot(i32, onesBase, onesMask, whole)
        : emptySlot(i32, zerosBase, zerosMask, whole);
      i32[at] = scratch[k];
      i32[at + 1] = value;
      if (one) onesCount++;
      else zerosCount++;
    }
    meta[zeros >>> 5] += zerosCount;
    meta[ones >>> 5] += onesCount;
  }

  /** Doubles the directory. */
  #lengthen(): void {
    const length = this.#length;
    const old = this.directoryAt;
    const at = this.#arena.allocate(length * 2);
    const { i32 } = this.#region;
    for (let k = 0; k < length; k++) {
      const entry = i32[old + k];
      i32[at + 2 * k] = entry;
      i32[at + 2 * k + 1] = entry;
    }
    this.#freeDirectory();
    this.directoryAt = at;
    this.shift--;
    this.#publish();
  }

  #shrink(hash: number): void {
    while (this.#tables > 1 && this.#merge(hash));
    if (this.count === 0 && this.#tables === 1) this.#restart();
  }

  /** Joins the table of `hash` with its neighbour if both are almost empty. */
  #merge(hash: number): boolean {
    const entry = this.entryOf(hash);
    const depth = this.#depth(entry);
    if (depth === 0) return false;
    const place = directoryPlace(hash, this.shift);
    const other = this.#region.i32[this.directoryAt + (place ^ (2 ** (32 - this.shift - depth)))];
    const { meta } = this.#region;
    const together = (meta[entry >>> 5] & countMask) + (meta[other >>> 5] & countMask);
    if (this.#depth(other) !== depth || together > (tableMask(entry) + 1) >> 1) return false;
    const words = this.#lift(other);
    this.#arena.free(tableBase(other), words);
    this.#tables--;
    meta[entry >>> 5] -= depthUnit;
    this.#point(place, depth - 1, entry);
    for (let k = 0; k < words; k += 2) {
      if (scratch[k + 1] !== 0) this.#settle(entry, scratch[k], scratch[k], scratch[k + 1]);
    }
    return true;
  }

  /** An emptied table is small again. */
  #restart(): void {
    const old = this.entryOf(0);
    if (tableMask(old) + 1 <= 2 ** this.#startLog && this.#length === 2) return;
    this.#arena.free(tableBase(old), (tableMask(old) + 1) * 2);
    this.#freeDirectory();
    this.#begin();
  }
}

/** Word of the first empty slot from the home of `hash` on. */
function emptySlot(i32: Int32Array, base: number, mask: number, hash: number): number {
  let slot = hash & mask;
  while (i32[base + 2 * slot + 1] !== 0) slot = (slot + 1) & mask;
  return base + 2 * slot;
}

/** Empties a slot and moves later entries of the run back, so that every one stays reachable. */
function closeGap(i32: Int32Array, base: number, mask: number, slot: number): void {
  let hole = slot;
  for (let next = (hole + 1) & mask; ; next = (next + 1) & mask) {
    const at = base + 2 * next;
    const value = i32[at + 1];
    if (value === 0) break;
    const tag = i32[at];
    if (((next - tag) & mask) < ((next - hole) & mask)) continue;
    i32[base + 2 * hole] = tag;
    i32[base + 2 * hole + 1] = value;
    hole = next;
  }
  i32[base + 2 * hole + 1] = 0;
}
