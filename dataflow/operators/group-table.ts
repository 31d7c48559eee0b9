/**
 * Groups of rows by key: from rows of a batch to records, one per distinct key under SQL equality.
 *
 * A record is a block of the operator's memory:
 *
 *     0 hash | 1 mark | 2-3 row count (double) | [4-5 owner] | key fields | null words | state
 *
 * `mark` and the state words belong to the operator; all words are zero when a record is made. The
 * key's bytes are those of the row that made the record, so 1.0 and 1.00 are one group, shown as
 * whichever came first, until the group goes. `owner` is a further part of the key for tables whose
 * records belong to records of another table (the values of a DISTINCT aggregate by group); other
 * records have no such words.
 *
 * Rows are looked up by a generated loop (group-kernel.ts) that stops where a record must be made.
 * Groups that the operator removes leave their record to the next one.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { Saved } from '../value/saved.ts';
import { damaged, savedList } from '../value/saved-parts.ts';
import type { ColumnType } from '../value/type.ts';
import { GroupIndex } from './group-index.ts';
import type { LookupCall, LookupKernel } from './group-kernel.ts';
import { lookupKernel } from './group-kernel.ts';
import type { Field } from './record-field.ts';
import { freeFields, layFields, storeField } from './record-field.ts';
import type { StateMemory } from './state-memory.ts';
import { lineWords, sizeOfBlock } from './state-memory.ts';

/** Word of a record that holds the hash of its key. */
const recordHash = 0;
/** Word of a record that the operator marks it with. */
export const recordMark = 1;
/** Word of a record at which its row count lies, as a double. */
export const recordCount = 2;
const recordOwner = 4;
/** Fewer groups are in the cache anyway. */
const touchGroupsMin = 1_024;
/** Where the key starts in records without an owner, and with one. */
const keyStart = 4;
const ownedKeyStart = 6;

/** Rows that one look-up takes at most. */
export const lookupRowsMax = 4096;

// One look-up runs at a time and leaves nothing here.
const hashes = new Int32Array(lookupRowsMax);
const slots = new Int32Array(lookupRowsMax);
const tables = new Int32Array(lookupRowsMax);
const sink = new Int32Array(1);
const noOwners = new Int32Array(0);

/** Records by key. */
export class GroupTable {
  /** The key's fields. */
  readonly fields: readonly Field[];
  /** First state word of a record, even. */
  readonly stateStart: number;
  readonly recordWords: number;
  readonly #memory: StateMemory;
  readonly #owned: boolean;
  readonly #index: GroupIndex;
  readonly #kernel: LookupKernel;
  readonly #columns: Int32Array;
  readonly #nulls: Int32Array;

  /** `owned`: whether look-ups name owners. */
  constructor(memory: StateMemory, key: readonly ColumnType[], stateWords: number, owned = false) {
    assert(stateWords % 2 === 0, `state is whole double words, got ${stateWords}`);
    const { fields, end } = layFields(key, owned ? ownedKeyStart : keyStart);
    this.fields = fields;
    this.#owned = owned;
    this.stateStart = end;
    this.recordWords = wholeLines(end + stateWords);
    this.#memory = memory;
    this.#index = new GroupIndex(memory);
    const shape = { fields, owner: owned ? recordOwner : -1, words: this.recordWords };
    this.#kernel = lookupKernel(shape);
    this.#columns = new Int32Array(key.length);
    this.#nulls = new Int32Array(key.length);
  }

  /** Groups. */
  get size(): number {
    return this.#index.count;
  }

  /** Bytes beside the memory. */
  bytes(): number {
    return this.#index.bytes();
  }

  /**
   * Finds or makes the records of rows first … first + n - 1, keyed by `columns` and, if given, the
   * owner of each row (owners[0] belongs to row `first`); answers them in out[0 … n - 1].
   */
  lookup(
    batch: Batch,
    columns: readonly number[],
    first: number,
    n: number,
    out: Int32Array,
    owners: Int32Array | null = null,
  ): void {
    assert(n <= lookupRowsMax, `at most ${lookupRowsMax} rows are looked up at once, got ${n}`);
    this.#point(batch, columns);
    const { i32: w, f64: wd, u8 } = batch.slab;
    let call = this.#call(first, n, out, owners);
    sink[0] = this.#kernel.candidates(this.#memory.i32, w, wd, u8, call);
    if (this.size >= touchGroupsMin) touch(this.#memory.i32, out, n, this.stateStart - 1);
    for (let i = 0; ; i++) {
      const { i32, f64 } = this.#memory;
      call.next = this.#memory.nextOf(this.recordWords);
      const room = this.#memory.roomFor(this.recordWords);
      call.room = room;
      i = this.#kernel.lookup(i32, f64, w, wd, u8, call, i);
      const made = room - call.room;
      this.#memory.take(this.recordWords, made);
      this.#index.entered(slots, tables, made);
      if (i === n) return;
      out[i] = this.#make(batch, columns, first + i, hashes[i], owners === null ? 0 : owners[i]);
      if (call.directory !== this.#index.directory) call = this.#call(first, n, out, owners);
    }
  }

  /** The records at records[first … first + n - 1] are written to, in this turn. */
  written(records: Int32Array, first: number, n: number): void {
    this.#memory.written.records(records, first, n, this.recordWords);
  }

  /** What is kept beside the memory. */
  save(): Saved {
    return [this.recordWords, this.stateStart, this.#index.save()];
  }

  /** Takes over what was saved, into a table of the same shape. Throws SqlError XX001. */
  restore(saved: Saved): void {
    const [words, start, index] = savedList(saved, 3);
    if (words !== this.recordWords || start !== this.stateStart) throw damaged('a shape of groups');
    this.#index.restore(index);
  }

  /** Finds the records of rows as `lookup` does; 0 where there is none. Makes nothing. */
  find(batch: Batch, columns: readonly number[], first: number, n: number, out: Int32Array): void {
    assert(n <= lookupRowsMax, `at most ${lookupRowsMax} rows are looked up at once, got ${n}`);
    this.#point(batch, columns);
    const { i32: w, f64: wd, u8 } = batch.slab;
    const { i32, f64 } = this.#memory;
    const call = this.#call(first, n, out, null);
    sink[0] = this.#kernel.candidates(i32, w, wd, u8, call);
    if (this.size >= touchGroupsMin) touch(i32, out, n, this.stateStart - 1);
    for (let i = 0; i < n; i++) {
      i = this.#kernel.lookup(i32, f64, w, wd, u8, call, i);
      if (i < n) out[i] = 0;
    }
  }

  /** Parts that `recordsOf` lists the records of. */
  get parts(): number {
    return this.#index.parts;
  }

  /** The records of one part; each is in one part only. */
  recordsOf(part: number): readonly number[] {
    return this.#index.recordsOf(part);
  }

  #point(batch: Batch, columns: readonly number[]): void {
    for (let k = 0; k < columns.length; k++) {
      this.#columns[k] = batch.column[columns[k]];
      this.#nulls[k] = batch.nulls[columns[k]];
    }
  }

  #call(first: number, n: number, out: Int32Array, owners: Int32Array | null): LookupCall {
    const { directory, shift } = this.#index;
    return {
      directory,
      shift,
      columns: this.#columns,
      nulls: this.#nulls,
      first,
      n,
      out,
      hashes,
      owners: owners ?? noOwners,
      next: 0,
      room: 0,
      slots,
      tables,
    };
  }

  /** Removes a record. What its state words name must have been given back. */
  remove(record: number): void {
    freeFields(this.#memory, record, this.fields);
    this.#index.remove(this.#memory.i32[record + recordHash], record);
    this.#memory.free(record, this.recordWords);
  }

  /** The owner that a record was made with. */
  ownerOf(record: number): number {
    assert(this.#owned, 'records of this table have owners');
    return this.#memory.i32[record + recordOwner];
  }

  #make(
    batch: Batch,
    columns: readonly number[],
    row: number,
    hash: number,
    owner: number,
  ): number {
    const record = this.#memory.allocate(this.recordWords);
    this.#memory.i32.fill(0, record, record + this.recordWords);
    this.#memory.i32[record + recordHash] = hash;
    if (this.#owned) this.#memory.i32[record + recordOwner] = owner;
    for (let k = 0; k < columns.length; k++) {
      storeField(this.#memory, record, this.fields[k], batch, columns[k], row);
    }
    this.#index.insert(hash, record);
    return record;
  }
}

/** Whole cache lines where that costs little: `StateMemory` aligns blocks of such sizes. */
function wholeLines(words: number): number {
  const lines = Math.ceil(words / lineWords) * lineWords;
  return sizeOfBlock(lines - words <= lines / 8 ? lines : words);
}

/**
 * Brings records into the cache: the lines of their first word and of word `last`. What was read is
 * kept, or it would not be.
 */
function touch(i32: Int32Array, records: Int32Array, n: number, last: number): void {
  let seen = 0;
  for (let i = 0; i < n; i++) {
    const record = records[i];
    seen ^= i32[record] ^ i32[record + last];
  }
  sink[0] = seen;
}
