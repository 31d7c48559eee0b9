/**
 * string_agg, array_agg, jsonb_agg, jsonb_object_agg: per group an ordered tree of the argument
 * rows, by the aggregate's ORDER BY, then by the arguments. Where the query gives no order, that of
 * the arguments stands in for Postgres' order of arrival, which a changing collection does not
 * have.
 *
 * A change costs O(log n); showing a value costs its length, so a group that is touched is walked
 * once a step. State words: root of the tree, unused.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Aggregate, Order } from '../plan/plan.ts';
import type { Datum, Row } from '../value/datum.ts';
import { readScalar } from '../value/scalar-words.ts';
import { readValueVar } from '../value/datum-column.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { collectedValue } from './collected-value.ts';
import { ItemStore } from './item-store.ts';
import { OrderedItems } from './ordered-items.ts';
import type { Place } from './ordered-items.ts';
import type { Field } from './record-field.ts';
import { isNullField } from './record-field.ts';
import type { StateMemory } from './state-memory.ts';

/** Bytes that a value takes in a collected one beside its own, roughly. */
const valueBytes = 8;

/** Memory in which texts are joined, and bytes of it that are kept for the next. */
let joined = new Uint8Array(0);
const joinedBytesKept = 2 ** 20;

/** The accumulator of the aggregates whose value holds every row. */
export class Collect implements Accumulator {
  readonly registers = null;
  readonly words = 2;
  readonly skipsNulls: boolean;
  readonly #memory: StateMemory;
  readonly #fn: Aggregate['fn'];
  /** Input columns of an item: arguments, then ORDER BY keys. */
  readonly #columns: readonly number[];
  readonly #types: readonly TypeName[];
  readonly #items: ItemStore;
  readonly #tree: OrderedItems;
  readonly #place: Place = { leaf: 0, index: 0 };
  #rootAt = 0;

  constructor(memory: StateMemory, aggregate: Aggregate, input: readonly ColumnType[]) {
    const { fn, argument, argument2, order } = aggregate;
    this.#memory = memory;
    this.#fn = fn;
    this.skipsNulls = fn === 'string_agg';
    const args = argument2 < 0 ? [argument] : [argument, argument2];
    this.#columns = [...args, ...order.map(({ column }) => column)];
    this.#types = args.map((column) => input[column].type);
    const keys = order.map((key, k): Order => ({ ...key, column: args.length + k }));
    this.#items = new ItemStore(
      memory,
      this.#columns.map((column) => input[column]),
      keys,
      0,
    );
    this.#tree = new OrderedItems(memory, this.#items.compare);
  }

  place(offset: number): void {
    this.#rootAt = offset;
  }

  add(rows: GroupedRows): void {
    const { batch, first, n, groups, weights } = rows;
    for (let i = 0; i < n; i++) {
      if (weights[i] === 0) continue;
      const item = this.#items.make(batch, this.#columns, first + i);
      const prefix = this.#items.prefixOf(item);
      if (this.#tree.add(groups[i] + this.#rootAt, prefix, item, weights[i])) continue;
      this.#items.free(item);
      if (this.#tree.after === 0) this.#items.free(this.#tree.item);
    }
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    for (let i = 0; i < n; i++) {
      if (this.#fn === 'string_agg' && this.#join(groups[first + i], i, out)) continue;
      const rows = this.#rowsOf(groups[first + i]);
      if (rows === null) {
        out.setError(
          i,
          '54000',
          `a group collects more than ${limits.functionResultBytesMax} bytes`,
        );
        continue;
      }
      if (rows.length === 0) {
        out.setNull(i);
        continue;
      }
      const result = collectedValue(this.#fn, this.#types, rows);
      if ('error' in result) out.setError(i, result.error.code, result.error.message);
      else out.setDatum(i, result.value);
    }
  }

  /**
   * Joins texts, or byteas, as the bytes that they are: each but the first comes after its own
   * delimiter, a NULL delimiter is none. False if there are none, or too many bytes.
   */
  #join(group: number, i: number, out: Cells): boolean {
    const { i32 } = this.#memory;
    const stored = new Uint8Array(i32.buffer, i32.byteOffset, i32.byteLength);
    const [value, delimiter] = this.#items.fields;
    const place = this.#place;
    let n = 0;
    let bytes = 0;
    let started = false;
    for (this.#tree.first(group + this.#rootAt, place); place.leaf !== 0; this.#tree.next(place)) {
      const weight = this.#tree.weightAt(place);
      if (weight <= 0) continue;
      const item = this.#tree.itemAt(place);
      bytes += weight * this.#bytesOf(item);
      if (bytes > limits.functionResultBytesMax) return false;
      const own = i32[item + value.offset + 1];
      const between = isNullField(i32, item, delimiter) ? 0 : i32[item + delimiter.offset + 1];
      for (let copy = 0; copy < weight; copy++) {
        if (bytes > joined.length) joined = grown(joined, n, bytes);
        if (started) n = copyBytes(stored, 4 * i32[item + delimiter.offset], between, joined, n);
        started = true;
        n = copyBytes(stored, 4 * i32[item + value.offset], own, joined, n);
      }
    }
    if (!started) return false;
    out.setBytes(i, joined, n);
    if (joined.length > joinedBytesKept) joined = new Uint8Array(0);
    return true;
  }

  /** The argument rows of a group in order, each as often as it is there; null if too large. */
  #rowsOf(group: number): Row[] | null {
    const rows: Row[] = [];
    let bytes = 0;
    const place = this.#place;
    for (this.#tree.first(group + this.#rootAt, place); place.leaf !== 0; this.#tree.next(place)) {
      const weight = this.#tree.weightAt(place);
      if (weight <= 0) continue;
      const item = this.#tree.itemAt(place);
      bytes += weight * this.#bytesOf(item);
      if (bytes > limits.functionResultBytesMax) return null;
      const row = this.#types.map((type, k) =>
        readField(this.#memory.i32, item, this.#items.fields[k], type),
      );
      for (let copy = 0; copy < weight; copy++) rows.push(row);
    }
    return rows;
  }

  /** About the bytes of a row of arguments. */
  #bytesOf(item: number): number {
    const { i32 } = this.#memory;
    let bytes = 0;
    for (const { physical, offset } of this.#items.fields.slice(0, this.#types.length)) {
      bytes += valueBytes + (physical === 'var' ? i32[item + offset + 1] : 0);
    }
    return bytes;
  }

  isEmpty(group: number): boolean {
    return this.#memory.i32[group + this.#rootAt] === 0;
  }

  release(group: number): void {
    assert(this.isEmpty(group), 'a group that goes has no values');
  }

  bytes(): number {
    return 0;
  }
}

/** Larger memory with the same first `n` bytes. */
function grown(old: Uint8Array, n: number, bytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(bytes, 2 * old.length));
  larger.set(old.subarray(0, n));
  return larger;
}

/** Copies `n` bytes, mostly few; answers where the copy ends. */
function copyBytes(from: Uint8Array, at: number, n: number, to: Uint8Array, end: number): number {
  for (let k = 0; k < n; k++) to[end + k] = from[at + k];
  return end + n;
}

/** The value of a record's field as a datum. */
function readField(i32: Int32Array, record: number, field: Field, type: TypeName): Datum {
  if (isNullField(i32, record, field)) return null;
  const at = record + field.offset;
  switch (field.physical) {
    case 'i32':
      return readScalar(type, i32, at, 4);
    case 'i64':
    case 'f64':
      return readScalar(type, i32, at, 8);
    case 'var':
      return readValueVar(type, i32, i32[at], i32[at + 1]);
  }
}
