/**
 * A hash index over the records of a store: from the hash of a key's columns to the live rows of
 * the key, and to its dead rows that may still be read.
 *
 * A slot's value says what it is (index-door.ts): the address of a live row, a heavy key, or the
 * sequence number in the dead log of the key's newest dead row. Older ones are linked from number
 * to number; a number that has left the log ends the chain, so no link dangles.
 *
 * "Key" here means key hash: whoever reads compares the key's columns. A key hash has at most one
 * heavy and one dead slot. Dead rows do not stand in the way of readers at `complete`, who skip one
 * slot however many versions are held.
 *
 * Tags: the index that serves *identity* (retractions look for their row in it) has the low half of
 * the key hash below and the high half of the identity hash above, so that among many rows of a key
 * the one with the same bytes is found without touching the others; it reads the whole key hash
 * from the record, or hashes its key again. The other indexes keep the whole key hash as tag, and
 * so does one whose key is the whole row: it tells rows apart as well, and a split reads no record.
 *
 * A *heavy key* has more than `heavyRowsMin` live rows; they lie in a hash table of their own, by
 * identity hash: a table of 512 slots could not hold them, and long runs are slow (50 rows a key:
 * inserts 1.4 and updates 1.2 times faster than in the run). At `lightRowsMax` they return.
 *
 * Laws: every live row is reachable from the index exactly once, and nothing else live is; a chain
 * runs from newest to oldest death; one `add` moves at most one table's entries and 33 rows.
 */
import { assert } from '../../src/base/assert.ts';
import type { RecordHash } from '../value/hash.ts';
import { recordDeath, recordMark } from '../value/layout.ts';
import type { DeadLog } from './dead-log.ts';
import {
  cellHash,
  cellNumber,
  cellOf,
  cellWords,
  doorState,
  doorClosed,
  doorTagMask,
  doorWords,
  heavyValue,
  isHeavy,
} from './index-door.ts';
import type { HashesOf } from './hash-table.ts';
import {
  HashTable,
  directoryPlace,
  headDirectory,
  headShift,
  tableBase,
  tableMask,
} from './hash-table.ts';
import { IntRing } from './int-ring.ts';
import type { Arena, Region } from './region.ts';
import { blockWordsMin } from './region.ts';
import type { RowStore } from './row-store.ts';
import { identityHash, samePayload } from './stage.ts';

/** Words from a record's start to another that is touched: its values may lie in the next line. */
const touchedApart = 8;
/** Live rows of a key hash that stand in a common table at most. */
export const heavyRowsMin = 32;
const lightRowsMax = 12;
/** A longer run is worth a split before the table is full, if keys of several rows make it so. */
const longRunMin = 24;
const crowdedRowsMin = 4;
const deathsLookedAtMax = 4;
const startLog = 6;
const heavyLog = 6;
/** Bytes of the objects of a heavy key, roughly. */
const objectBytes = 256;

/** Rows that `touch` takes at most. */
export const touchRowsMax = 1_024;
const candidates = new Int32Array(touchRowsMax);
/**
 * By number of the last call of `touch`: word of the first slot that may be of that hash, or of the
 * empty one after the run. Good until anything changes.
 */
export const touchedSlots = new Int32Array(touchRowsMax);
const sink = new Int32Array(1);

/** Live rows of one key hash, by identity hash. */
export interface HeavyKey {
  readonly hash: number;
  readonly table: HashTable;
}

/** One hash index over a store; see the head of this file for its slots. */
export class HashIndex {
  readonly key: readonly number[];
  readonly table: HashTable;
  /** First word of the door. */
  readonly at: number;
  /** Bits of a tag that are bits of the key hash. */
  readonly tagMask: number;
  readonly #store: RowStore;
  /** See `RowLayout`. */
  readonly #payload: number;
  /** Whether the marks of records are the hashes of the key. */
  readonly #marked: boolean;
  readonly #hash: RecordHash;
  readonly #region: Region;
  readonly #arena: Arena;
  readonly #log: DeadLog;
  readonly #heavy: (HeavyKey | null)[] = [];
  readonly #spare: number[] = [];
  /** Blocks that cells of heavy keys come from, the door's first; cells that are free. */
  readonly #blocks: number[] = [];
  readonly #cells: number[] = [];
  /** By sequence number of the dead log: the number of the key's next older dead row, or -1. */
  readonly #links: IntRing;
  /** Word of the empty slot at which the last `find` ended without a row, or -1. */
  #missedAt = -1;

  /**
   * `identity`: whether this index serves `find`. `hash` hashes the key of a record. `die` is to be
   * called for all of the log.
   */
  constructor(
    store: RowStore,
    arena: Arena,
    log: DeadLog,
    key: readonly number[],
    identity: boolean,
    hash: RecordHash,
  ) {
    this.key = key;
    const halves = identity && key.length < store.layout.columns.length;
    this.tagMask = halves ? 0xffff : -1;
    this.#store = store;
    this.#payload = store.layout.payload;
    this.#marked = identity && store.layout.marked;
    this.#hash = hash;
    this.#region = store.region;
    this.#arena = arena;
    this.#log = log;
    this.#links = new IntRing(log.head);
    const hashesOf: HashesOf = (entries, words, out) => this.#hashesOf(entries, words, out);
    this.at = this.#block(doorWords);
    this.table = new HashTable(arena, halves ? hashesOf : null, startLog, this.at);
    this.#region.i32[this.at + doorTagMask] = this.tagMask;
  }

  /** A block whose words from `taken` on are cells. */
  #block(taken: number): number {
    const at = this.#arena.allocate(blockWordsMin);
    this.#blocks.push(at);
    for (let k = blockWordsMin - cellWords; k >= taken; k -= cellWords) this.#cells.push(at + k);
    return at;
  }

  /** The key hash of an entry of the identity index. */
  #hashOf(value: number): number {
    const { i32 } = this.#region;
    if (isHeavy(value)) return i32[cellOf(value) + cellHash];
    return this.#hash(i32, value > 0 ? value - 1 : this.#log.row(~value));
  }

  /** The key hashes of many; loads of live rows do not wait for each other. */
  #hashesOf(entries: Int32Array, words: number, out: Int32Array): void {
    const { i32 } = this.#region;
    const hash = this.#hash;
    const marked = this.#marked;
    for (let k = 0; k < words; k += 2) {
      const value = entries[k + 1];
      if (value > 0) out[k] = marked ? i32[value - 1 + recordMark] : hash(i32, value - 1);
      else if (value !== 0) out[k] = this.#hashOf(value);
    }
  }

  #tagOf(hash: number, identity: number): number {
    return (hash & this.tagMask) | (identity & ~this.tagMask);
  }

  /** The heavy key that a slot's value names. */
  heavyAt(value: number): HeavyKey {
    const heavy = this.#heavy[this.#region.i32[cellOf(value) + cellNumber]];
    assert(heavy !== null && heavy !== undefined, 'the value names a heavy key');
    return heavy;
  }

  /** Whether a dead or heavy slot whose tag agrees belongs to `hash`. */
  #belongs(value: number, hash: number): boolean {
    return this.tagMask === -1 || this.#hashOf(value) === hash;
  }

  /** Adds a live row. */
  add(hash: number, identity: number, row: number): void {
    const { table, tagMask } = this;
    const entry = table.entryOf(hash);
    const base = tableBase(entry);
    const mask = tableMask(entry);
    const i32 = this.#region.i32;
    let same = 0;
    let slot = hash & mask;
    for (;;) {
      const at = base + 2 * slot;
      const value = i32[at + 1];
      if (value === 0) break;
      if (((i32[at] ^ hash) & tagMask) === 0) {
        if (value > 0) same++;
        else if (isHeavy(value) && i32[cellOf(value) + cellHash] === hash) {
          this.heavyAt(value).table.insert(identity, identity, row + 1);
          return;
        }
      }
      slot = (slot + 1) & mask;
    }
    if (same >= heavyRowsMin && this.#gather(hash)) {
      this.add(hash, identity, row);
      return;
    }
    const tag = this.#tagOf(hash, identity);
    if (same >= crowdedRowsMin && ((slot - hash) & mask) >= longRunMin)
      table.insertApart(hash, tag, row + 1);
    else if (table.hasRoom(entry)) table.place(base, base + 2 * slot, tag, row + 1);
    else table.insert(hash, tag, row + 1);
  }

  /** Makes a key heavy; false if its tags agree by accident. */
  #gather(hash: number): boolean {
    const slots = this.rowsOf(hash);
    if (slots.length < heavyRowsMin) return false;
    if (this.#cells.length === 0) this.#block(0);
    const cell = this.#cells.pop() ?? 0;
    const nested = new HashTable(this.#arena, null, heavyLog, cell);
    for (const value of slots) {
      this.table.remove(hash, this.#slotOf(hash, value));
      const row = value - 1;
      const size = this.#store.sizeOf(this.#region.i32, row);
      const identity = identityHash(this.#region.i32, row, this.#payload, size);
      nested.insert(identity, identity, value);
    }
    const number = this.#spare.pop() ?? this.#heavy.length;
    this.#heavy[number] = { hash, table: nested };
    this.#region.i32[cell + cellHash] = hash;
    this.#region.i32[cell + cellNumber] = number;
    this.table.insert(hash, this.#tagOf(hash, 0), heavyValue(cell));
    return true;
  }

  /** Values of the slots of live rows of a key hash in the common table: addresses + 1. */
  rowsOf(hash: number): number[] {
    const found: number[] = [];
    this.#walk(hash, (value) => {
      if (value > 0 && this.#belongs(value, hash)) found.push(value);
      return false;
    });
    return found;
  }

  /** Word of the first slot in the run of `hash` that `stop` accepts, or -1. */
  #walk(hash: number, stop: (value: number) => boolean): number {
    const entry = this.table.entryOf(hash);
    const base = tableBase(entry);
    const mask = tableMask(entry);
    const i32 = this.#region.i32;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = i32[base + 2 * slot + 1];
      if (value === 0) return -1;
      if (((i32[base + 2 * slot] ^ hash) & this.tagMask) === 0 && stop(value)) {
        return base + 2 * slot;
      }
    }
  }

  /** Word of the slot of the heavy key of `hash`, or -1. */
  #heavySlot(hash: number): number {
    return this.#walk(hash, (value) => isHeavy(value) && this.#hashOf(value) === hash);
  }

  /** The heavy key of a key hash, or null. */
  heavyOf(hash: number): HeavyKey | null {
    const at = this.#heavySlot(hash);
    return at < 0 ? null : this.heavyAt(this.#region.i32[at + 1]);
  }

  /** Number in the dead log of the newest dead row of a key hash, or -1. */
  newestDead(hash: number): number {
    const at = this.#walk(hash, (value) => isDead(value) && this.#belongs(value, hash));
    return at < 0 ? -1 : ~this.#region.i32[at + 1];
  }

  #slotOf(hash: number, value: number): number {
    const at = this.#walk(hash, (other) => other === value);
    assert(at >= 0, 'a row of the run has its slot');
    return at;
  }

  /**
   * Brings the slots and first candidate rows of `n` key hashes into the cache. One row's loads
   * wait for each other, those of different rows do not: in a loop of nothing else the cache misses
   * overlap. What was read is kept in a sink, or the reads would be optimised away. With identity
   * hashes the loads go on into the tables of heavy keys.
   */
  touch(hashes: Int32Array, identities: Int32Array | null, n: number): void {
    const { tagMask, table } = this;
    const { directoryAt, shift } = table;
    const i32 = this.#region.i32;
    for (let k = 0; k < n; k++) {
      const hash = hashes[k];
      const entry = i32[directoryAt + directoryPlace(hash, shift)];
      const base = tableBase(entry);
      const mask = tableMask(entry);
      let slot = hash & mask;
      let value = i32[base + 2 * slot + 1];
      while (value !== 0 && ((i32[base + 2 * slot] ^ hash) & tagMask) !== 0) {
        slot = (slot + 1) & mask;
        value = i32[base + 2 * slot + 1];
      }
      touchedSlots[k] = base + 2 * slot;
      if (value > 0) candidates[k] = value - 1;
      else if (identities === null || !isHeavy(value)) candidates[k] = base;
      else candidates[k] = firstOfHeavy(i32, cellOf(value), identities[k]);
    }
    let seen = 0;
    for (let k = 0; k < n; k++) seen ^= i32[candidates[k]] ^ i32[candidates[k] + touchedApart];
    sink[0] = seen;
  }

  /**
   * The live row with the payload of the record of `size` words at `at` of `words`, or -1. In that
   * case `addMissed` may follow.
   */
  find(hash: number, identity: number, words: Int32Array, at: number, size: number): number {
    const entry = this.table.entryOf(hash);
    const base = tableBase(entry);
    const mask = tableMask(entry);
    const i32 = this.#region.i32;
    const tag = this.#tagOf(hash, identity);
    const payload = this.#payload;
    const { tagMask } = this;
    let same = 0;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = i32[base + 2 * slot + 1];
      if (value === 0) {
        const near = same < crowdedRowsMin || ((slot - hash) & mask) < longRunMin;
        this.#missedAt =
          near && same < heavyRowsMin && this.table.hasRoom(entry) ? base + 2 * slot : -1;
        return -1;
      }
      const other = i32[base + 2 * slot] ^ tag;
      if ((other & tagMask) !== 0) continue;
      if (value > 0) {
        same++;
        if (other === 0 && samePayload(i32, value - 1, words, at, payload, size)) return value - 1;
      } else if (isHeavy(value) && i32[cellOf(value) + cellHash] === hash) {
        this.#missedAt = -1;
        return findHeavy(i32, this.heavyAt(value).table, identity, words, at, payload, size);
      }
    }
  }

  /** Adds the row that `find` has just missed: the run has been walked already. */
  addMissed(hash: number, identity: number, row: number): void {
    const at = this.#missedAt;
    if (at < 0) {
      this.add(hash, identity, row);
      return;
    }
    const { table } = this;
    const base = tableBase(table.entryOf(hash));
    table.place(base, at, this.#tagOf(hash, identity), row + 1);
  }

  /**
   * A row that died at `step` with the payload of the record of `size` words at `at` of `words`, or
   * -1. Looks at the key's last few deaths only.
   */
  findDead(hash: number, step: number, words: Int32Array, at: number, size: number): number {
    let sequence = this.newestDead(hash);
    for (let k = 0; k < deathsLookedAtMax && sequence >= 0; k++) {
      const row = this.#log.row(sequence);
      if (this.#region.i32[row + recordDeath] !== step) return -1;
      if (samePayload(this.#region.i32, row, words, at, this.#payload, size)) return row;
      sequence = this.older(sequence);
    }
    return -1;
  }

  /** Takes a live row out. */
  discard(hash: number, identity: number, row: number): void {
    const at = this.#walk(hash, (value) => value === row + 1);
    if (at >= 0) this.table.remove(hash, at);
    else this.#discardHeavy(hash, identity, row);
  }

  /** Takes a live row of a heavy key out; false if there is none. */
  #discardHeavy(hash: number, identity: number, row: number): boolean {
    const at = this.#heavySlot(hash);
    if (at < 0) return false;
    const { i32 } = this.#region;
    const value = i32[at + 1];
    const { table } = this.heavyAt(value);
    const slot = slotIn(i32, table, identity, row + 1);
    if (slot < 0) return false;
    table.remove(identity, slot);
    if (table.count <= lightRowsMax) this.#lighten(hash, at, value);
    return true;
  }

  /** A heavy key with few rows left returns to the common table. */
  #lighten(hash: number, at: number, value: number): void {
    const { table } = this.heavyAt(value);
    const entries: number[] = [];
    table.eachTable((base, slots) => {
      const { i32 } = this.#region;
      for (let k = base; k < base + 2 * slots; k += 2) {
        if (i32[k + 1] !== 0) entries.push(i32[k], i32[k + 1]);
      }
    });
    table.dispose();
    this.table.remove(hash, at);
    const number = this.#region.i32[cellOf(value) + cellNumber];
    this.#heavy[number] = null;
    this.#spare.push(number);
    this.#cells.push(cellOf(value));
    for (let k = 0; k < entries.length; k += 2) {
      this.table.insert(hash, this.#tagOf(hash, entries[k]), entries[k + 1]);
    }
  }

  /**
   * A live row has died and is number `sequence` of the dead log. With `building` the row may not
   * have been in the index yet.
   */
  die(hash: number, identity: number, row: number, sequence: number, building: boolean): void {
    const { tagMask, table } = this;
    const entry = table.entryOf(hash);
    const base = tableBase(entry);
    const mask = tableMask(entry);
    const i32 = this.#region.i32;
    let own = -1;
    let dead = -1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = base + 2 * slot;
      const value = i32[at + 1];
      if (value === 0) break;
      if (value === row + 1) own = at;
      else if (isDead(value) && ((i32[at] ^ hash) & tagMask) === 0 && this.#belongs(value, hash)) {
        dead = at;
      }
    }
    assert(sequence === this.#links.tail, 'deaths come in order');
    this.#links.push(dead >= 0 ? ~i32[dead + 1] : -1);
    if (dead >= 0) i32[dead + 1] = ~sequence;
    if (own >= 0) {
      if (dead >= 0) table.remove(hash, own);
      else i32[own + 1] = ~sequence;
      return;
    }
    const heavy = this.#discardHeavy(hash, identity, row);
    assert(heavy || building, 'a row that dies was in the index');
    if (dead < 0) table.insert(hash, this.#tagOf(hash, 0), ~sequence);
  }

  /**
   * Number of the next death to be noted here; less than the log's tail while the index is built.
   */
  get nextDeath(): number {
    return this.#links.tail;
  }

  /** The oldest dead row, of key hash `hash`, leaves the log. */
  bury(hash: number, sequence: number): void {
    if (this.#links.count === 0 && sequence === this.#links.tail) {
      this.#links.skip();
      return;
    }
    assert(sequence === this.#links.head, 'the dead leave in order');
    this.#links.drop(1);
    const at = this.#walk(hash, (value) => value === ~sequence);
    if (at >= 0) this.table.remove(hash, at);
  }

  /** The number of the next older dead row of the key, or -1. */
  older(sequence: number): number {
    const next = this.#links.get(sequence);
    return this.#links.has(next) ? next : -1;
  }

  /** Whether a live row is in the index. */
  holds(hash: number, identity: number, row: number): boolean {
    if (this.#walk(hash, (value) => value === row + 1) >= 0) return true;
    const at = this.#heavySlot(hash);
    if (at < 0) return false;
    const { i32 } = this.#region;
    return slotIn(i32, this.heavyAt(i32[at + 1]).table, identity, row + 1) >= 0;
  }

  /** Step of the death of a row of the dead log. */
  deathOf(sequence: number): number {
    return this.#region.i32[this.#log.row(sequence) + recordDeath];
  }

  /** Whether a number still names a row of the dead log. */
  inLog(sequence: number): boolean {
    return this.#log.has(sequence);
  }

  /** Identity hash of a record. */
  identityOf(record: number): number {
    const { i32 } = this.#region;
    return identityHash(i32, record, this.#payload, this.#store.sizeOf(i32, record));
  }

  /** Address of a row of the dead log. */
  deadRow(sequence: number): number {
    return this.#log.row(sequence);
  }

  bytes(): number {
    const heavyKeys = this.#heavy.length - this.#spare.length;
    return this.#links.bytes() + heavyKeys * objectBytes;
  }

  dispose(): void {
    for (const heavy of this.#heavy) heavy?.table.dispose();
    this.#heavy.length = 0;
    this.table.dispose();
    this.#region.i32[this.at + doorState] = doorClosed;
    for (const block of this.#blocks) this.#arena.free(block, blockWordsMin);
    this.#blocks.length = 0;
  }
}

function isDead(value: number): boolean {
  return value < 0 && !isHeavy(value);
}

/** The row in the first slot of an identity hash of a heavy key, or that slot. */
function firstOfHeavy(i32: Int32Array, cell: number, identity: number): number {
  const place = directoryPlace(identity, i32[cell + headShift]);
  const entry = i32[i32[cell + headDirectory] + place];
  const home = tableBase(entry) + 2 * (identity & tableMask(entry));
  const row = i32[home + 1];
  return row === 0 ? home : row - 1;
}

function findHeavy(
  i32: Int32Array,
  table: HashTable,
  identity: number,
  words: Int32Array,
  at: number,
  payload: number,
  size: number,
): number {
  const entry = table.entryOf(identity);
  const base = tableBase(entry);
  const mask = tableMask(entry);
  for (let slot = identity & mask; ; slot = (slot + 1) & mask) {
    const value = i32[base + 2 * slot + 1];
    if (value === 0) return -1;
    if (
      i32[base + 2 * slot] === identity &&
      samePayload(i32, value - 1, words, at, payload, size)
    ) {
      return value - 1;
    }
  }
}

/** Word of the slot of a value in a table of whole hashes, or -1. */
function slotIn(i32: Int32Array, table: HashTable, hash: number, value: number): number {
  const entry = table.entryOf(hash);
  const base = tableBase(entry);
  const mask = tableMask(entry);
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const other = i32[base + 2 * slot + 1];
    if (other === 0) return -1;
    if (other === value) return base + 2 * slot;
  }
}
