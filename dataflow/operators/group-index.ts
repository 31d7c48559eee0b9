/**
 * From a 32-bit hash to records: extendible hashing over sub-tables in an operator's state memory.
 *
 * The directory has 2^depth entries, chosen by the top bits of the hash; each names a sub-table of
 * 512 slots (linear probing from the low bits, removal by backward shift). A slot is [hash,
 * record]; record 0 means empty. A sub-table that is 7/8 full splits by its next hash bit, so one
 * insertion moves at most 448 entries whatever the size of the whole: there is no pause that grows
 * with state. Hashes that agree in their top bits (an attack) cannot be split apart by a directory
 * of sensible size; their sub-table doubles instead.
 *
 * The index stores no keys: the kernel that finds an equal hash compares keys and probes on.
 * Invariants: count <= 7/8 of a sub-table's slots; a record is in the index at most once.
 */
import { assert } from '../../src/base/assert.ts';
import type { Saved } from '../value/saved.ts';
import { damaged, savedInteger, savedList, savedWords } from '../value/saved-parts.ts';
import type { StateMemory } from './state-memory.ts';

const slotsMin = 512;
const depthMax = 21;
/**
 * Two entries that name words 0 and 1 of the memory, which are 0, as a sub-table of one empty slot.
 */
const emptyDirectory = new Int32Array(4);
/** Words before the slots: count of entries, depth of the sub-table. */
export const slotsHeader = 2;

function wordsFor(slots: number): number {
  return slotsHeader + slots * 2;
}

/** An extendible hash index of records. */
export class GroupIndex {
  readonly #memory: StateMemory;
  /** Two words per entry: address of the first slot, slots - 1. */
  #directory = emptyDirectory;
  #shift = 31;
  #count = 0;

  constructor(memory: StateMemory) {
    this.#memory = memory;
  }

  /** Entries. */
  get count(): number {
    return this.#count;
  }

  /** For kernels: entry (hash >>> shift) of the directory is [address of slot 0, slots - 1]. */
  get directory(): Int32Array {
    return this.#directory;
  }

  get shift(): number {
    return this.#shift;
  }

  bytes(): number {
    return this.#directory.byteLength;
  }

  /** Entries of the directory. */
  get parts(): number {
    return this.#directory.length / 2;
  }

  /**
   * The records of the sub-table of directory entry `part`; none if an entry before it names the
   * same one.
   */
  recordsOf(part: number): readonly number[] {
    const i32 = this.#memory.i32;
    const slots = this.#directory[part * 2];
    if (part > 0 && this.#directory[part * 2 - 2] === slots) return [];
    const records: number[] = [];
    for (let s = 0; s <= this.#directory[part * 2 + 1]; s++) {
      const record = i32[slots + s * 2 + 1];
      if (record !== 0) records.push(record);
    }
    return records;
  }

  /** Adds an entry; may split a sub-table, and may grow the memory. */
  insert(hash: number, record: number): void {
    assert(record > 0, 'records have an address');
    if (this.#count === 0) this.#start();
    let at = (hash >>> this.#shift) * 2;
    while (this.#isFull(at)) {
      this.#makeRoom(hash);
      at = (hash >>> this.#shift) * 2;
    }
    this.#count++;
    place(this.#memory, this.#directory[at], this.#directory[at + 1], hash, record);
  }

  /**
   * Kernels have entered `n` records; slots[i] is the address of the slot of one, tables[i] that of
   * the first word of its sub-table.
   */
  entered(slots: Int32Array, tables: Int32Array, n: number): void {
    this.#count += n;
    this.#memory.written.records(slots, 0, n, 2);
    this.#memory.written.records(tables, 0, n, 1);
  }

  /** The slot of a record that is in the index. */
  #slotOf(hash: number, record: number): number {
    const { i32 } = this.#memory;
    const at = (hash >>> this.#shift) * 2;
    const slots = this.#directory[at];
    const mask = this.#directory[at + 1];
    let s = hash & mask;
    while (i32[slots + s * 2 + 1] !== record) {
      assert(i32[slots + s * 2 + 1] !== 0, `record ${record} is in the index`);
      s = (s + 1) & mask;
    }
    return s;
  }

  /** What is kept beside the memory. */
  save(): Saved {
    return [this.#count, this.#shift, this.#directory.slice()];
  }

  /** Takes over what was saved. Throws SqlError XX001. */
  restore(saved: Saved): void {
    const [count, shift, directory] = savedList(saved, 3);
    this.#count = savedInteger(count, 0);
    this.#shift = savedInteger(shift, 32 - depthMax, 31);
    const words = savedWords(directory, 2 * 2 ** (32 - this.#shift));
    if (words.some((word) => word < 0 || word >= this.#memory.used)) throw damaged('an index');
    this.#directory = this.#count === 0 ? emptyDirectory : words.slice();
  }

  /** Removes the entry of `record`, which must be there. */
  remove(hash: number, record: number): void {
    const { i32, written } = this.#memory;
    const at = (hash >>> this.#shift) * 2;
    const slots = this.#directory[at];
    closeGap(this.#memory, slots, this.#directory[at + 1], this.#slotOf(hash, record));
    i32[slots - slotsHeader]--;
    written.word(slots - slotsHeader);
    if (--this.#count === 0) this.#end();
  }

  #isFull(at: number): boolean {
    const slots = this.#directory[at + 1] + 1;
    return this.#memory.i32[this.#directory[at] - slotsHeader] >= slots - (slots >> 3);
  }

  #start(): void {
    const slots = this.#allocate(slotsMin, 0);
    this.#directory = new Int32Array([slots, slotsMin - 1, slots, slotsMin - 1]);
    this.#shift = 31;
  }

  /** Gives back every sub-table. */
  #end(): void {
    for (let at = 0; at < this.#directory.length; at += 2) {
      const slots = this.#directory[at];
      if (at > 0 && this.#directory[at - 2] === slots) continue;
      this.#memory.free(slots - slotsHeader, wordsFor(this.#directory[at + 1] + 1));
    }
    this.#directory = emptyDirectory;
    this.#shift = 31;
  }

  #allocate(slots: number, depth: number): number {
    const at = this.#memory.allocate(wordsFor(slots));
    this.#memory.i32.fill(0, at, at + wordsFor(slots));
    this.#memory.i32[at + 1] = depth;
    return at + slotsHeader;
  }

  /** Splits the sub-table of `hash`, or doubles it if its hashes cannot be told apart. */
  #makeRoom(hash: number): void {
    const at = (hash >>> this.#shift) * 2;
    const old = this.#directory[at];
    const oldSlots = this.#directory[at + 1] + 1;
    const depth = this.#memory.i32[old - slotsHeader + 1];
    const split = oldSlots === slotsMin && this.#maySplit(depth);
    if (split && depth === 32 - this.#shift) this.#doubleDirectory();
    const slots = split ? slotsMin : oldSlots * 2;
    const zero = this.#allocate(slots, split ? depth + 1 : depth);
    const one = split ? this.#allocate(slots, depth + 1) : zero;
    const i32 = this.#memory.i32;
    const bit = split ? 31 - depth : 31;
    for (let s = 0; s < oldSlots; s++) {
      const record = i32[old + s * 2 + 1];
      if (record === 0) continue;
      const moved = i32[old + s * 2];
      place(this.#memory, ((moved >>> bit) & 1) === 1 ? one : zero, slots - 1, moved, record);
    }
    this.#point(hash, depth, zero, one, slots - 1);
    this.#memory.free(old - slotsHeader, wordsFor(oldSlots));
  }

  /** Good hashes need a directory of a few entries per sub-table; a larger one is of no help. */
  #maySplit(depth: number): boolean {
    if (depth < 32 - this.#shift) return true;
    return depth < depthMax && 2 ** depth < 16 * (this.#count / 256 + 1);
  }

  #doubleDirectory(): void {
    const old = this.#directory;
    this.#directory = new Int32Array(old.length * 2);
    for (let entry = 0; entry < old.length / 2; entry++) {
      for (let half = 0; half < 2; half++) {
        this.#directory[(entry * 2 + half) * 2] = old[entry * 2];
        this.#directory[(entry * 2 + half) * 2 + 1] = old[entry * 2 + 1];
      }
    }
    this.#shift--;
  }

  /** Points the entries whose top `depth` bits are those of `hash` at the new sub-tables. */
  #point(hash: number, depth: number, zero: number, one: number, mask: number): void {
    const width = 2 ** (32 - this.#shift - depth);
    const first = depth === 0 ? 0 : (hash >>> (32 - depth)) * width;
    for (let entry = first; entry < first + width; entry++) {
      this.#directory[entry * 2] = entry - first < width / 2 ? zero : one;
      this.#directory[entry * 2 + 1] = mask;
    }
  }
}

function place(
  { i32, written }: StateMemory,
  slots: number,
  mask: number,
  hash: number,
  record: number,
): void {
  let s = hash & mask;
  while (i32[slots + s * 2 + 1] !== 0) s = (s + 1) & mask;
  i32[slots + s * 2] = hash;
  i32[slots + s * 2 + 1] = record;
  i32[slots - slotsHeader]++;
  written.word(slots + s * 2);
  written.word(slots - slotsHeader);
}

/** Empties slot `gap`, moving entries back that were displaced across it. */
function closeGap({ i32, written }: StateMemory, slots: number, mask: number, gap: number): void {
  let hole = gap;
  for (let s = (gap + 1) & mask; i32[slots + s * 2 + 1] !== 0; s = (s + 1) & mask) {
    const home = i32[slots + s * 2] & mask;
    if (((s - home) & mask) < ((s - hole) & mask)) continue;
    i32[slots + hole * 2] = i32[slots + s * 2];
    i32[slots + hole * 2 + 1] = i32[slots + s * 2 + 1];
    written.word(slots + hole * 2);
    hole = s;
  }
  written.word(slots + hole * 2);
  i32[slots + hole * 2 + 1] = 0;
  i32[slots + hole * 2] = 0;
}
