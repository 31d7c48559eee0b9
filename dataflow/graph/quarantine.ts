/**
 * Where an upsert source puts records that did not decode: a collection of its own, in which a
 * record of a key stands until the key's next record, and one without a key for good. Its first
 * columns name a record; an index on them finds the row when it is to go.
 *
 * At most `quarantinedRecordsMax` records are listed at a time. Others are not, and one more row,
 * which stays, says that there were some.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import { range } from '../operators/gather.ts';
import type { Batch } from '../value/batch.ts';
import type { Row } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import { removalsOf } from './row-removal.ts';
import type { StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';

/** Columns that name a record. */
export const namingColumns = 3;

/** The records of one source that did not decode. */
export class Quarantine {
  readonly collection: StoredCollection;
  readonly #around: Surroundings;
  readonly #index: number;
  readonly #full: Row;
  /** Whether the last row is there; it is looked for when it is needed. */
  #isFull = false;

  /**
   * The collection must be empty. `full`: the row that says that others are not listed, with NULL
   * in all columns that name a record.
   */
  constructor(collection: StoredCollection, full: Row, around: Surroundings) {
    assert(
      full.slice(0, namingColumns).every((datum) => datum === null),
      'the last row names no record',
    );
    this.collection = collection;
    this.#full = full;
    this.#around = around;
    this.#index = collection.useIndex(range(namingColumns));
    while (!collection.buildIndex(this.#index, around.rowsMax));
  }

  /** Types of the columns that name a record. */
  get naming(): readonly ColumnType[] {
    return this.collection.columns.slice(0, namingColumns);
  }

  /** Lists records. */
  add(step: number, rows: readonly Row[]): void {
    if (rows.length === 0) return;
    const room = Math.max(0, limits.quarantinedRecordsMax - this.collection.arrangement.rows);
    const listed = rows.slice(0, room);
    if (listed.length < rows.length && !this.#saysFull()) {
      this.#isFull = true;
      listed.push(this.#full);
    }
    this.#apply(step, listed);
  }

  #apply(step: number, rows: readonly Row[]): void {
    if (rows.length === 0) return;
    const updates = rows.map((row) => ({ row, weight: 1 }));
    const batch = batchFromRows(this.#around.pool, this.collection.columns, updates, step);
    this.collection.apply(step, batch);
    batch.slab.release();
  }

  #saysFull(): boolean {
    if (this.#isFull) return true;
    const nobody = [{ row: this.#full.slice(0, namingColumns), weight: 1 }];
    const keys = batchFromRows(this.#around.pool, this.naming, nobody, 0);
    this.#eachListed(keys, () => (this.#isFull = true));
    keys.slab.release();
    return this.#isFull;
  }

  /** Takes out those of these records that were listed before the step; `named`: who they are. */
  remove(step: number, named: Batch): void {
    this.#eachListed(named, (old) => this.collection.apply(step, old));
  }

  #eachListed(named: Batch, use: (old: Batch) => void): void {
    const { arrangement, columns } = this.collection;
    removalsOf(this.#around, arrangement, this.#index, named, columns, use);
  }

  dispose(): void {
    this.collection.releaseIndex(this.#index);
  }
}
