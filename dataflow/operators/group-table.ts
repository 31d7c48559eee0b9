/**
 * Groups of rows by key: from rows of a batch to records, one per distinct key under SQL equality.
 *
 * A record is a block of the operator's memory:
 *
 *     0 hash | 1 mark | 2-3 row count (a double) | 4-5 owner | key fields | null words | state words
 *
 * `mark` and the state words belong to the operator; all words are zero when a record is made. The
 * key's bytes are those of the row that made the record, so 1.0 and 1.00 are one group, shown as
 * whichever came first, until the group goes. `owner` is a further part of the key for tables whose
 * records belong to records of another table (the values of a DISTINCT aggregate by group).
 *
 * A batch is looked up in passes: hash all rows; probe all rows by hash, making records for hashes
 * that are new; compare all keys, column by column; put right the few rows whose hash was another
 * key's. Groups that the operator removes leave their record to the next one.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { ColumnType } from '../value/type.ts';
import { mix } from '../value/words.ts';
import { GroupIndex } from './group-index.ts';
import { compareKeys, hashKeys } from './key-columns.ts';
import type { Field } from './record-field.ts';
import { freeFields, layFields, storeField } from './record-field.ts';
import type { StateMemory } from './state-memory.ts';

/** Word of a record that holds the hash of its key. */
const recordHash = 0;
/** Word of a record that the operator marks it with. */
export const recordMark = 1;
/** Word of a record at which its row count lies, as a double. */
export const recordCount = 2;
const recordOwner = 4;
const keyStart = 6;

/** Rows that one look-up takes at most. */
export const lookupRowsMax = 4096;

// One look-up runs at a time and leaves nothing here.
const hashes = new Int32Array(lookupRowsMax);
const differ = new Uint8Array(lookupRowsMax);
const oneRecord = new Int32Array(1);
const oneDiffers = new Uint8Array(1);

export class GroupTable {
  /** The key's fields. */
  readonly fields: readonly Field[];
  /** First state word of a record, even. */
  readonly stateStart: number;
  readonly recordWords: number;
  readonly #memory: StateMemory;
  readonly #index: GroupIndex;
  readonly #types: readonly ColumnType[];

  constructor(memory: StateMemory, key: readonly ColumnType[], stateWords: number) {
    assert(stateWords % 2 === 0, `state is whole double words, got ${stateWords}`);
    const { fields, end } = layFields(key, keyStart);
    this.fields = fields;
    this.stateStart = end;
    this.recordWords = end + stateWords;
    this.#memory = memory;
    this.#index = new GroupIndex(memory);
    this.#types = key;
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
    batch: Batch, columns: readonly number[], first: number, n: number, out: Int32Array,
    owners: Int32Array | null = null,
  ): void {
    assert(n <= lookupRowsMax, `at most ${lookupRowsMax} rows are looked up at once, got ${n}`);
    hashKeys(batch, columns, this.#types, first, n, hashes);
    if (owners !== null) for (let i = 0; i < n; i++) hashes[i] = mix(hashes[i], owners[i]);
    for (let i = 0; i < n; i++) {
      i = this.#probe(i, n, out);
      if (i < n) out[i] = this.#make(batch, columns, first + i, hashes[i], owners === null ? 0 : owners[i]);
    }
    differ.fill(0, 0, n);
    this.#compare(batch, columns, first, n, out, differ);
    if (owners !== null) compareOwners(this.#memory.i32, owners, n, out, differ);
    for (let i = 0; i < n; i++) {
      if (differ[i] === 0) continue;
      out[i] = this.#search(batch, columns, first + i, hashes[i], owners === null ? 0 : owners[i], out[i]);
    }
  }

  /** Removes a record. What its state words name must have been given back. */
  remove(record: number): void {
    freeFields(this.#memory, record, this.fields);
    this.#index.remove(this.#memory.i32[record + recordHash], record);
    this.#memory.free(record, this.recordWords);
  }

  /** The owner that a record was made with. */
  ownerOf(record: number): number {
    return this.#memory.i32[record + recordOwner];
  }

  /** Sets out[i …] to a record of the same hash up to the first row without one; answers that row. */
  #probe(from: number, n: number, out: Int32Array): number {
    if (this.#index.count === 0) return from;
    const { directory, shift } = this.#index;
    const { i32 } = this.#memory;
    for (let i = from; i < n; i++) {
      const hash = hashes[i];
      const at = (hash >>> shift) * 2;
      const slots = directory[at];
      const mask = directory[at + 1];
      let slot = hash & mask;
      while (i32[slots + slot * 2] !== hash) {
        if (i32[slots + slot * 2 + 1] === 0) return i;
        slot = (slot + 1) & mask;
      }
      const record = i32[slots + slot * 2 + 1];
      if (record === 0) return i;
      out[i] = record;
    }
    return n;
  }

  #compare(
    batch: Batch, columns: readonly number[], first: number, n: number,
    records: Int32Array, differs: Uint8Array,
  ): void {
    const { i32, f64 } = this.#memory;
    for (let k = 0; k < columns.length; k++) {
      compareKeys(i32, f64, this.fields[k], batch, columns[k], first, n, records, differs);
    }
  }

  /** The record of a row whose hash is also that of `record`, with another key. */
  #search(
    batch: Batch, columns: readonly number[], row: number, hash: number, owner: number,
    record: number,
  ): number {
    for (let next = this.#index.find(hash, record); next !== 0; next = this.#index.find(hash, next)) {
      oneRecord[0] = next;
      oneDiffers[0] = this.ownerOf(next) === owner ? 0 : 1;
      this.#compare(batch, columns, row, 1, oneRecord, oneDiffers);
      if (oneDiffers[0] === 0) return next;
    }
    return this.#make(batch, columns, row, hash, owner);
  }

  #make(batch: Batch, columns: readonly number[], row: number, hash: number, owner: number): number {
    const record = this.#memory.allocate(this.recordWords);
    this.#memory.i32.fill(0, record, record + this.recordWords);
    this.#memory.i32[record + recordHash] = hash;
    this.#memory.i32[record + recordOwner] = owner;
    for (let k = 0; k < columns.length; k++) {
      storeField(this.#memory, record, this.fields[k], batch, columns[k], row);
    }
    this.#index.insert(hash, record);
    return record;
  }
}

function compareOwners(
  i32: Int32Array, owners: Int32Array, n: number, records: Int32Array, differs: Uint8Array,
): void {
  for (let i = 0; i < n; i++) {
    if (i32[records[i] + recordOwner] !== owners[i]) differs[i] = 1;
  }
}
