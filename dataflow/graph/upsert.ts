/**
 * From a log of (key → value) records to changes of a collection with one row a key: the state of
 * an upsert source. A value replaces the key's row, a tombstone removes it, a value that could not
 * be decoded removes it too and stands as an error row until the key's next record.
 *
 * A step is turned into changes in two passes. The first goes backwards through its records and
 * keeps the last one of each key: what else a key went through within the step is nobody's
 * business, unless the last one leaves values out (kept-values.ts). The second looks up the kept
 * keys at the last complete step, in slices, and applies what goes (the old row, the old error) and
 * what comes.
 *
 * A record that empties the whole voids all that came before it: the first pass ends there, and all
 * old rows and errors of keys go, a slice at a time, before the second pass, which then has nothing
 * to look up.
 *
 * Error rows carry no key, so the errors of keys are also kept in an arrangement of (key, code,
 * message) that only this file reads. With a quarantine (quarantine.ts) there are no error rows:
 * the records that failed are rows of another collection, and the arrangement is one of (key, what
 * names the record there).
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Arrangement } from '../arrangement/arrangement.ts';
import { copyColumns, projectBatch, range, varWordsOfRows } from '../operators/gather.ts';
import type { DataError } from '../operators/operator.ts';
import { errorColumns } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Row, Update } from '../value/datum.ts';
import { batchFromRows, readDatum } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import type { GappyRow } from './kept-values.ts';
import { KeptValues } from './kept-values.ts';
import type { Quarantine } from './quarantine.ts';
import { namingColumns } from './quarantine.ts';
import { RemovalOfAll, removalsOf } from './row-removal.ts';
import { SeenKeys } from './seen-keys.ts';
import type { StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';

/** An error; with a quarantine, what that says of it, or null if it is not its business. */
export interface ListedError extends DataError {
  readonly listed?: Row | null;
}

/** Decoded records. */
export interface UpsertRows {
  /** All columns of the collection; of tombstones and failed records only the key is set. */
  readonly batch: Batch | null;
  /** One byte a row, 1 = remove the key. */
  readonly tombstones: Uint8Array | null;
  /** One byte a row, 1 = the value did not decode. */
  readonly failed: Uint8Array | null;
  /**
   * Values that rows lack, as they did not change: the key keeps those that it has. A row whose key
   * has none fails with `error`.
   */
  readonly unchanged?: {
    readonly columns: ReadonlyMap<number, Uint8Array>;
    error(row: number): ListedError;
  } | null;
  /** So many rows of the batch, and all records before it, were voided; else null. */
  readonly truncated?: number | null;
  /** First those of failed rows, in row order, then those of records without a row. */
  readonly errors: readonly ListedError[];
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
  readonly quarantine: Quarantine | null;
  readonly #around: Surroundings;
  readonly #index: number;
  readonly #keyTypes: readonly ColumnType[];
  /** Of keys whose last record failed; made with the first. */
  #failures: Arrangement | null = null;
  #failureIndex = -1;

  /** The collection must be empty. */
  constructor(
    collection: StoredCollection,
    key: readonly number[],
    around: Surroundings,
    quarantine: Quarantine | null,
  ) {
    this.collection = collection;
    this.key = key;
    this.quarantine = quarantine;
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
    return [...this.#keyTypes, ...(this.quarantine?.naming ?? errorColumns)];
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
  /** Rows that lack values; made with the first. */
  #gaps: KeptValues | null = null;
  /** Old rows, then old errors, that a record which empties the whole takes away. */
  readonly #removals: { readonly all: RemovalOfAll; use(old: Batch): void }[] = [];
  #emptied = false;
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
    const removal = this.#removals[0];
    if (removal !== undefined) {
      if (removal.all.next((old) => removal.use(old))) this.#removals.shift();
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
    const begin = input.truncated ?? 0;
    if (batch !== null) {
      if (this.#unseen < 0) this.#unseen = batch.rows;
      const n = Math.min(this.#unseen - begin, this.#around.rowsMax);
      this.#unseen -= n;
      this.#enter(input, batch, this.#unseen, n);
      if (this.#unseen > begin) return;
      const failedBefore = input.failed === null ? null : sumsBefore(input.failed);
      const kept = Int32Array.from(this.#rowsOfInput);
      this.#kept.push({ rows: input, batch, failedBefore, kept });
      this.#rowsOfInput = [];
    }
    this.#inputs.pop();
    this.#unseen = -1;
    if (input.truncated !== undefined && input.truncated !== null) this.#empty(step);
  }

  /** Enters `n` rows of an input from row `first` on. */
  #enter(input: UpsertRows, batch: Batch, first: number, n: number): void {
    this.#seen ??= this.#newKeys();
    if (input.unchanged !== undefined && input.unchanged !== null) this.#gaps ??= new KeptValues();
    const gaps = this.#gaps;
    this.#seen.enterBackwards(
      batch,
      first,
      n,
      (row, key) => {
        this.#rowsOfInput.push(row);
        gaps?.keep(input, batch, row, key);
      },
      gaps === null ? null : (row, key) => gaps.fill(input, batch, row, key),
    );
  }

  /** All that came before is void: what is left of the step, and what there is. */
  #empty(step: number): void {
    const { collection, failures } = this.state;
    for (const before of this.#inputs.splice(0)) {
      this.#applyErrors(step, before);
      before.batch?.slab.release();
    }
    this.#emptied = true;
    const rows = new RemovalOfAll(this.#around, collection.arrangement, collection.columns);
    this.#removals.push({ all: rows, use: (old) => collection.apply(step, old) });
    if (failures === null || failures.arrangement.rows === 0) return;
    const { arrangement, columns } = failures;
    this.#removals.push({
      all: new RemovalOfAll(this.#around, arrangement, columns),
      use: (old) => {
        this.#unlist(step, old);
        this.#applyFailures(step, updatesOf(old, columns), []);
      },
    });
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
    const { quarantine } = this.state;
    const updates: Update[] = [];
    const listed: Row[] = [];
    for (const { code, message, listed: row = null } of errors.slice(ofRows)) {
      if (quarantine !== null && row !== null) listed.push(row);
      else updates.push({ row: [code, message], weight: 1 });
    }
    quarantine?.add(step, listed);
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
    const failures: Update[] = [];
    if (!this.#emptied) {
      this.#removeOld(step, keys, from, first);
      this.#removeFailures(step, keys, failures);
    }
    keys.slab.release();
    const values: number[] = [];
    const listed: Row[] = [];
    const gappy: GappyRow[] = [];
    for (let i = first; i < first + n; i++) {
      const row = kept[i];
      const withGaps = this.#gaps?.at(batch, row);
      if (rows.failed?.[row] === 1) failures.push(this.#failureOf(from, row, listed));
      else if (rows.tombstones?.[row] === 1) continue;
      else if (withGaps === undefined) values.push(row);
      else if (withGaps.base === 'found') gappy.push(withGaps);
      else failures.push(this.#lostOf(from, row, listed));
    }
    this.#applyFailures(step, failures, listed);
    this.#insert(step, batch, values, gappy);
  }

  #insert(step: number, batch: Batch, values: readonly number[], gappy: readonly GappyRow[]): void {
    const { collection } = this.state;
    const { columns } = collection;
    const pool = this.#around.pool;
    if (values.length > 0) {
      const rows = Int32Array.from(values);
      const inserted = this.#copy(batch, columns, rows, 0, rows.length);
      collection.apply(step, inserted);
      inserted.slab.release();
    }
    if (gappy.length > 0 && this.#gaps !== null) {
      const inserted = this.#gaps.write(pool, batch, columns, gappy);
      collection.apply(step, inserted);
      inserted.slab.release();
    }
    this.#gaps?.release();
  }

  /** Changes what is known of failed keys, and their error rows or what is listed of them. */
  #applyFailures(step: number, failures: readonly Update[], listed: readonly Row[]): void {
    this.state.applyFailures(step, failures);
    if (this.state.quarantine !== null) return this.state.quarantine.add(step, listed);
    const width = this.state.key.length;
    this.#applyErrorRows(
      step,
      failures.map(({ row, weight }) => ({ row: row.slice(width), weight })),
    );
  }

  /** The failure of a row that lacks values, which its key does not have. */
  #lostOf({ rows, batch }: Kept, row: number, listed: Row[]): Update {
    const { unchanged } = rows;
    assert(unchanged !== null && unchanged !== undefined, 'a row with gaps is marked');
    return this.#failure(batch, row, unchanged.error(row), listed);
  }

  #failureOf({ rows, batch, failedBefore }: Kept, row: number, listed: Row[]): Update {
    const before = defined(failedBefore?.[row], 'a failed row is marked');
    const error = defined(rows.errors[before], 'a failed row has an error');
    return this.#failure(batch, row, error, listed);
  }

  /** What is kept of a failed key; adds what the quarantine lists, if there is one. */
  #failure(batch: Batch, row: number, error: ListedError, listed: Row[]): Update {
    const { key, collection, quarantine } = this.state;
    const datums = key.map((c) => readDatum(batch, c, row, collection.columns[c].type));
    if (quarantine === null) return { row: [...datums, error.code, error.message], weight: 1 };
    const record = defined(error.listed, 'a failed row can be listed');
    assert(record !== null, 'a failed row has its record');
    listed.push(record);
    return { row: [...datums, ...record.slice(0, namingColumns)], weight: 1 };
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

  /**
   * Takes out the rows of keys as they were before the step; they give rows of `from`, from kept row
   * `first` on, the values that these lack.
   */
  #removeOld(step: number, keys: Batch, { batch, kept }: Kept, first: number): void {
    const { collection, index } = this.state;
    const { arrangement, columns } = collection;
    const gaps = this.#gaps;
    removalsOf(this.#around, arrangement, index, keys, columns, (old, rows) => {
      collection.apply(step, old);
      if (gaps === null) return;
      rows.forEach((keyRow, oldRow) => {
        const gappy = gaps.at(batch, kept[first + keyRow]);
        if (gappy !== undefined) gaps.fillFromOld(gappy, old, oldRow);
      });
    });
  }

  /** Adds the failures of keys as they were before the step, to be taken out. */
  #removeFailures(step: number, keys: Batch, updates: Update[]): void {
    const { failures } = this.state;
    if (failures === null || failures.arrangement.rows === 0) return;
    const { arrangement, index, columns } = failures;
    removalsOf(this.#around, arrangement, index, keys, columns, (old) => {
      this.#unlist(step, old);
      updates.push(...updatesOf(old, columns));
    });
  }

  /** Takes out what is listed of failures. */
  #unlist(step: number, old: Batch): void {
    const naming = range(namingColumns).map((c) => this.state.key.length + c);
    this.state.quarantine?.remove(step, projectBatch(old, naming));
  }

  dispose(): void {
    for (const { batch } of this.#inputs) batch?.slab.release();
    this.#inputs.length = 0;
    for (const { batch } of this.#kept) batch.slab.release();
    this.#kept.length = 0;
    for (const { all } of this.#removals.splice(0)) all.dispose();
    this.#gaps?.release();
  }
}

/** The rows of a batch that takes rows out. */
function updatesOf(old: Batch, columns: readonly ColumnType[]): Update[] {
  return Array.from({ length: old.rows }, (_, row) => ({
    row: columns.map(({ type }, c) => readDatum(old, c, row, type)),
    weight: -1,
  }));
}

/** For each position the sum of the bytes before it. */
function sumsBefore(bytes: Uint8Array): Int32Array {
  const sums = new Int32Array(bytes.length);
  for (let i = 1; i < bytes.length; i++) sums[i] = sums[i - 1] + bytes[i - 1];
  return sums;
}
