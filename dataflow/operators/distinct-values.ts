/**
 * DISTINCT inside an aggregate: an accumulator around another one, which it shows each value of a
 * group once. A table of (group, values) → count says when a value comes and goes; only then the
 * inner aggregate sees a row, built from the values as the table holds them, so that of equal
 * values in different bytes (1.0, 1.00) the same one is added and later retracted.
 *
 * State words: how many table entries of the group have a count other than 0 (a double), then the
 * inner aggregate's.
 */
import { assert } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { GroupTable, lookupRowsMax, recordCount } from './group-table.ts';
import { gatherField, varWordsOfField } from './record-field.ts';
import type { Registers } from './registers.ts';
import { together } from './registers.ts';
import type { StateMemory } from './state-memory.ts';
import { TouchedGroups } from './touched-groups.ts';

// One pass of one aggregate runs at a time, and leaves nothing in these.
const records = new Int32Array(lookupRowsMax);
const changed = new Int32Array(lookupRowsMax);
const owners = new Int32Array(lookupRowsMax);
const changes = new Int32Array(lookupRowsMax);

/** The accumulator of an aggregate with DISTINCT. */
export class DistinctValues implements Accumulator {
  readonly words: number;
  readonly skipsNulls: boolean;
  readonly #memory: StateMemory;
  readonly #inner: Accumulator;
  readonly #columns: readonly number[];
  readonly #table: GroupTable;
  readonly #touched = new TouchedGroups();
  readonly #writer: BatchWriter;
  readonly registers: Registers;
  readonly ahead?: (group: number, rowsMax: number) => number;
  readonly bytesAhead?: (group: number) => number;
  #entriesAt = 0;

  /**
   * `columns`: input columns of the arguments, of types `types`; `inner` takes rows of just these,
   * and counts every row that it is given.
   */
  constructor(
    memory: StateMemory,
    columns: readonly number[],
    types: readonly ColumnType[],
    inner: Accumulator,
    pool: SlabPool,
  ) {
    assert(columns.length === types.length, 'each column of a distinct value has its type');
    this.#memory = memory;
    this.#inner = inner;
    this.#columns = columns;
    this.#table = new GroupTable(memory, types, 0, true);
    this.#writer = new BatchWriter(pool, types);
    this.registers = together([this.#table, inner.registers]);
    if (inner.ahead !== undefined) {
      this.ahead = (group, rowsMax) => inner.ahead?.(group, rowsMax) ?? 0;
      this.bytesAhead = (group) => inner.bytesAhead?.(group) ?? 0;
    }
    this.words = 2 + inner.words;
    this.skipsNulls = inner.skipsNulls;
  }

  place(offset: number): void {
    this.#entriesAt = offset;
    this.#inner.place(offset + 2);
  }

  add(rows: GroupedRows): void {
    const { batch, first, n, groups, weights } = rows;
    this.#table.lookup(batch, this.#columns, first, n, records, groups);
    this.#table.written(records, 0, n);
    this.#touched.add(this.#memory.i32, records, n);
    const count = this.#count(groups, weights, n);
    if (count > 0) this.#pass(count);
    this.#dropEmpty();
  }

  /** Adds weights to the entries and lists those that came or went; answers how many. */
  #count(groups: Int32Array, weights: Int32Array, n: number): number {
    const { f64 } = this.#memory;
    let count = 0;
    for (let i = 0; i < n; i++) {
      const at = (records[i] + recordCount) >> 1;
      const before = f64[at];
      const after = before + weights[i];
      f64[at] = after;
      if ((before === 0) !== (after === 0))
        f64[(groups[i] + this.#entriesAt) >> 1] += before === 0 ? 1 : -1;
      if (before > 0 === after > 0) continue;
      changed[count] = records[i];
      owners[count] = groups[i];
      changes[count++] = after > 0 ? 1 : -1;
    }
    return count;
  }

  /** Gives the inner aggregate the values of the first `n` changes. */
  #pass(n: number): void {
    const { fields } = this.#table;
    const { i32 } = this.#memory;
    let words = 0;
    for (const field of fields) words += varWordsOfField(i32, field, changed, 0, n);
    const writer = this.#writer;
    writer.begin(n, words);
    fields.forEach((field, c) => gatherField(i32, field, changed, 0, n, writer, c, 0));
    writer.slab.i32.set(changes.subarray(0, n), writer.weight);
    const batch = writer.seal(0, n);
    this.#inner.add({ batch, first: 0, n, groups: owners, weights: changes });
    batch.slab.release();
    writer.close();
  }

  /** Removes the entries that are at 0. */
  #dropEmpty(): void {
    const { list, count } = this.#touched;
    for (let t = 0; t < count; t++) {
      const record = list[t];
      this.#touched.release(this.#memory.i32, t);
      if (this.#memory.f64[(record + recordCount) >> 1] === 0) this.#table.remove(record);
    }
    this.#touched.clear();
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    this.#inner.finish(groups, first, n, out);
  }

  isEmpty(group: number): boolean {
    return this.#memory.f64[(group + this.#entriesAt) >> 1] === 0 && this.#inner.isEmpty(group);
  }

  release(group: number): void {
    this.#inner.release(group);
  }

  bytes(): number {
    return this.#table.bytes() + this.#touched.bytes() + this.#inner.bytes();
  }
}

/** The aggregate over rows of its arguments alone, without DISTINCT and FILTER. */
export function overArguments(aggregate: Aggregate, columns: readonly number[]): Aggregate {
  const order = aggregate.order.map((key) => ({ ...key, column: columns.indexOf(key.column) }));
  assert(
    order.every(({ column }) => column >= 0),
    'DISTINCT is ordered by its arguments',
  );
  return {
    ...aggregate,
    distinct: false,
    filter: -1,
    argument: 0,
    argument2: aggregate.argument2 < 0 ? -1 : 1,
    order,
  };
}
