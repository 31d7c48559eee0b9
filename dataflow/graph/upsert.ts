/**
 * From a log of (key → value) records to changes of a collection with one row a key: the state of
 * an upsert source. A value replaces the key's row, a tombstone removes it, a value that could not
 * be decoded removes it too and stands as an error row until the key's next record.
 *
 * A step is turned into changes in two passes. The first goes backwards through its records and
 * keeps the last one of each key: what else a key went through within the step is nobody's
 * business. The second looks up the kept keys at the last complete step, in slices, and applies
 * what goes (the old row, the old error) and what comes.
 *
 * Error rows carry no key, so the errors of keys are also kept in an arrangement of (key, code,
 * message) that only this file reads.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Arrangement } from '../arrangement/arrangement.ts';
import { startPosition } from '../arrangement/pairs.ts';
import { copyColumns, projectBatch, range, varWordsOfRows } from '../operators/gather.ts';
import type { DataError } from '../operators/operator.ts';
import { errorColumns } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Update } from '../value/datum.ts';
import { batchFromRows, readDatum } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import { SeenKeys } from './seen-keys.ts';
import type { StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';

/** Decoded records. */
export interface UpsertRows {
  /** All columns of the collection; of tombstones and failed records only the key is set. */
  readonly batch: Batch | null;
  /** One byte a row, 1 = remove the key. */
  readonly tombstones: Uint8Array | null;
  /** One byte a row, 1 = the value did not decode. */
  readonly failed: Uint8Array | null;
  /** First those of failed rows, in row order, then those of records without a row. */
  readonly errors: readonly DataError[];
}

/** The last record of each key in one batch. */
interface Kept {
  readonly rows: UpsertRows;
  readonly batch: Batch;
  /** Number of failed rows before each row, if any failed. */
  readonly failedBefore: Int32Array | null;
  readonly kept: Int32Array;
}

/** What an upsert collection keeps from step to step. */
export class UpsertState {
  readonly collection: StoredCollection;
  readonly key: readonly number[];
  readonly #around: Surroundings;
  readonly #index: number;
  readonly #keyTypes: readonly ColumnType[];
  /** (key, code, message) of keys whose last record failed; made with the first. */
  #failures: Arrangement | null = null;
  #failureIndex = -1;

  /** The collection must be empty. */
  constructor(collection: StoredCollection, key: readonly number[], around: Surroundings) {
    this.collection = collection;
    this.key = key;
    this.#around = around;
    this.#index = collection.useIndex(key);
    while (!collection.buildIndex(this.#index, around.rowsMax));
    this.#keyTypes = key.map((c) => defined(collection.columns[c], `column ${c} is a key`));
  }

  get index(): number {
    return this.#index;
  }

  /** The arrangement of failures and its index on the key, or null while no key ever failed. */
  get failures(): {
    arrangement: Arrangement;
    index: number;
    columns: readonly ColumnType[];
  } | null {
    return this.#failures === null
      ? null
      : {
          arrangement: this.#failures,
          index: this.#failureIndex,
          columns: this.#failureColumns(),
        };
  }

  #failureColumns(): readonly ColumnType[] {
    return [...this.#keyTypes, ...errorColumns];
  }

  /** The arrangement of failed keys, which is not there yet: empty, or to be filled. */
  failuresToRestore(): Arrangement {
    assert(this.#failures === null, 'failures are kept in one arrangement');
    this.#failures = this.#around.arrangement(this.#failureColumns());
    this.#failureIndex = this.#failures.index(range(this.key.length));
    this.#failures.buildIndex(this.#failureIndex, 1);
    return this.#failures;
  }

  /** Changes what is known of failed keys. */
  applyFailures(step: number, updates: readonly Update[]): void {
    if (updates.length === 0) return;
    const failures = this.#failures ?? this.failuresToRestore();
    const batch = batchFromRows(this.#around.pool, this.#failureColumns(), updates, step);
    failures.apply(step, batch);
    batch.slab.release();
  }

  /** The step's last change is applied. */
  seal(step: number): void {
    if (this.#failures !== null && this.#failures.complete < step) this.#failures.seal(step);
    this.#failures?.reclaim(this.#around.rowsMax);
  }

  bytes(): number {
    return this.#failures?.bytes() ?? 0;
  }

  dispose(): void {
    this.collection.releaseIndex(this.#index);
    this.#failures?.dispose();
    this.#failures = null;
  }
}

/** Turns the records of one step into changes of one collection. */
export class UpsertTask {
  readonly state: UpsertState;
  readonly #around: Surroundings;
  readonly #inputs: UpsertRows[] = [];
  readonly #kept: Kept[] = [];
  /** Keys met so far, going backwards; made when the first input is looked at. */
  #seen: SeenKeys | null = null;
  /** Rows of the last input that were not looked at, -1 before the first look. */
  #unseen = -1;
  #rowsOfInput: number[] = [];
  /** Next kept row of the first of `#kept`. */
  #next = 0;

  constructor(state: UpsertState, around: Surroundings) {
    this.state = state;
    this.#around = around;
    assert(state.key.length > 0, 'an upsert collection has a key');
  }

  /** Takes records, with the use of their slab, in the order of the log. */
  add(rows: UpsertRows): void {
    this.#inputs.push(rows);
  }

  /** Works for one slice at `step`; true when all is applied. */
  run(step: number): boolean {
    if (this.#inputs.length > 0) {
      this.#keepLast(step);
      return false;
    }
    const first = this.#kept[0];
    if (first === undefined) return true;
    const n = Math.min(this.#around.rowsMax, first.kept.length - this.#next);
    if (n > 0) this.#applySlice(step, first, this.#next, n);
    this.#next += n;
    if (this.#next === first.kept.length) {
      first.batch.slab.release();
      this.#kept.shift();
      this.#next = 0;
    }
    return this.#kept.length === 0;
  }

  /** Looks at up to a slice of the last input, from its end, for keys that were not seen yet. */
  #keepLast(step: number): void {
    const input = defined(this.#inputs.at(-1), 'an input is left');
    const { batch } = input;
    if (this.#unseen < 0) this.#applyErrors(step, input);
    if (batch === null) {
      this.#inputs.pop();
      return;
    }
    if (this.#unseen < 0) this.#unseen = batch.rows;
    const n = Math.min(this.#unseen, this.#around.rowsMax);
    const first = this.#unseen - n;
    this.#seen ??= this.#newKeys();
    this.#seen.enterBackwards(batch, first, n, (row) => this.#rowsOfInput.push(row));
    this.#unseen = first;
    if (first > 0) return;
    const failedBefore = input.failed === null ? null : sumsBefore(input.failed);
    const kept = Int32Array.from(this.#rowsOfInput);
    this.#kept.push({ rows: input, batch, failedBefore, kept });
    this.#rowsOfInput = [];
    this.#inputs.pop();
    this.#unseen = -1;
  }

  #newKeys(): SeenKeys {
    const { collection, key } = this.state;
    const rows = this.#inputs.reduce((sum, { batch }) => sum + (batch?.rows ?? 0), 0);
    return new SeenKeys(
      key,
      key.map((c) => collection.columns[c]),
      rows,
    );
  }

  /** Errors of records without a row stay for good, like those of a stream. */
  #applyErrors(step: number, { failed, errors }: UpsertRows): void {
    const ofRows = failed === null ? 0 : failed.reduce((sum, one) => sum + one, 0);
    const updates = errors
      .slice(ofRows)
      .map(({ code, message }) => ({ row: [code, message], weight: 1 }));
    this.#applyErrorRows(step, updates);
  }

  #applyErrorRows(step: number, updates: readonly Update[]): void {
    if (updates.length === 0) return;
    const batch = batchFromRows(this.#around.pool, errorColumns, updates, step);
    this.state.collection.applyErrors(step, batch);
    batch.slab.release();
  }

  #applySlice(step: number, from: Kept, first: number, n: number): void {
    const { rows, batch, kept } = from;
    const { collection, key } = this.state;
    const keys = this.#copy(
      projectBatch(batch, key),
      key.map((c) => collection.columns[c]),
      kept,
      first,
      n,
    );
    this.#removeOld(step, keys);
    const failures = this.#removeFailures(keys);
    const values: number[] = [];
    for (let i = first; i < first + n; i++) {
      const row = kept[i];
      if (rows.failed?.[row] === 1) failures.push(this.#failureOf(from, row));
      else if (rows.tombstones?.[row] !== 1) values.push(row);
    }
    keys.slab.release();
    this.state.applyFailures(step, failures);
    const width = key.length;
    this.#applyErrorRows(
      step,
      failures.map(({ row, weight }) => ({ row: row.slice(width), weight })),
    );
    if (values.length === 0) return;
    const inserted = this.#copy(
      batch,
      collection.columns,
      Int32Array.from(values),
      0,
      values.length,
    );
    collection.apply(step, inserted);
    inserted.slab.release();
  }

  #failureOf({ rows, batch, failedBefore }: Kept, row: number): Update {
    const { key, collection } = this.state;
    const before = defined(failedBefore?.[row], 'a failed row is marked');
    const { code, message } = defined(rows.errors[before], 'a failed row has an error');
    const datums = key.map((c) => readDatum(batch, c, row, collection.columns[c].type));
    return { row: [...datums, code, message], weight: 1 };
  }

  /** Rows of a batch as a batch of their own, each of weight 1. */
  #copy(
    batch: Batch,
    types: readonly ColumnType[],
    rows: Int32Array,
    first: number,
    n: number,
  ): Batch {
    const columns = range(types.length);
    const writer = new BatchWriter(this.#around.pool, types);
    writer.begin(n, varWordsOfRows(batch, types, rows, first, n, columns));
    copyColumns(batch, types, rows, first, n, columns, writer, 0);
    writer.slab.i32.fill(1, writer.weight, writer.weight + n);
    const copy = writer.seal(batch.step, n);
    writer.close();
    return copy;
  }

  /** Takes out the rows of keys as they were before the step. */
  #removeOld(step: number, keys: Batch): void {
    const { arrangement } = this.state.collection;
    this.#eachMatch(arrangement, this.state.index, keys, arrangement.layout.columns, (old) => {
      this.state.collection.apply(step, old);
    });
  }

  /** The failures of keys as they were before the step, to be taken out. */
  #removeFailures(keys: Batch): Update[] {
    const updates: Update[] = [];
    const { failures } = this.state;
    if (failures === null || failures.arrangement.rows === 0) return updates;
    const { arrangement, index, columns } = failures;
    this.#eachMatch(arrangement, index, keys, columns, (old) => {
      for (let row = 0; row < old.rows; row++) {
        updates.push({
          row: columns.map(({ type }, c) => readDatum(old, c, row, type)),
          weight: -1,
        });
      }
    });
    return updates;
  }

  /** Batches of the records of keys at the last sealed step, with negated weights. */
  #eachMatch(
    arrangement: Arrangement,
    index: number,
    keys: Batch,
    types: readonly ColumnType[],
    use: (old: Batch) => void,
  ): void {
    const pairs = this.#around.scratch.matched;
    const writer = new BatchWriter(this.#around.pool, types);
    const columns = range(types.length);
    const position = startPosition();
    const keyColumns = range(keys.column.length);
    const found: Batch[] = [];
    const emit = (first: number, n: number): void => {
      const words = arrangement.varWordsOf(pairs.address, first, n, columns);
      if (words > limits.batchVarWordsMax && n > 1) {
        emit(first, n >> 1);
        emit(first + (n >> 1), n - (n >> 1));
        return;
      }
      writer.begin(n, words);
      arrangement.gather(pairs.address, first, n, columns, writer, 0);
      for (let i = 0; i < n; i++) writer.slab.i32[writer.weight + i] = -pairs.weight[first + i];
      found.push(writer.seal(arrangement.complete, n));
    };
    for (let whole = false; !whole;) {
      pairs.n = 0;
      const at = arrangement.complete;
      whole = arrangement.probe(index, keys, keyColumns, true, at, position, pairs);
      if (pairs.n > 0) emit(0, pairs.n);
    }
    writer.close();
    // The probe has ended before anything of what it read is changed.
    for (const old of found) {
      use(old);
      old.slab.release();
    }
  }

  dispose(): void {
    for (const { batch } of this.#inputs) batch?.slab.release();
    this.#inputs.length = 0;
    for (const { batch } of this.#kept) batch.slab.release();
    this.#kept.length = 0;
  }
}

/** For each position the sum of the bytes before it. */
function sumsBefore(bytes: Uint8Array): Int32Array {
  const sums = new Int32Array(bytes.length);
  for (let i = 1; i < bytes.length; i++) sums[i] = sums[i - 1] + bytes[i - 1];
  return sums;
}
