/**
 * string_agg, array_agg, jsonb_agg, jsonb_object_agg: per group an ordered tree of the argument
 * rows, by the aggregate's ORDER BY, then by the arguments. Where the query gives no order, that of
 * the arguments stands in for Postgres' order of arrival, which a changing collection does not
 * have.
 *
 * The order of jsonb_object_agg comes after that of jsonb's keys, so that members are met in the
 * order of the object, and those of one key next to each other, the last one in the aggregate's
 * order last. Its items have keys as the texts that they are in the object.
 *
 * A change costs O(log n); showing a value costs its length, so a group that is touched is walked
 * once a step, in slices (`ahead`). State words: root of the tree, unused.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Aggregate, Order } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { readDatum } from '../value/datum-column.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { textWords } from '../value/words.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import type { Collector, Items } from './collectors.ts';
import { makeCollector } from './collectors.ts';
import type { LooseValue } from './item-store.ts';
import { ItemStore } from './item-store.ts';
import { jsonKeyOf } from './jsonb-of.ts';
import { OrderedItems } from './ordered-items.ts';
import type { Place } from './ordered-items.ts';
import type { StateMemory } from './state-memory.ts';

/** Bytes that a value takes in a collected one beside its own, roughly. */
const valueBytes = 8;

const tooLarge = {
  code: '54000',
  message: `a group collects more than ${limits.functionResultBytesMax} bytes`,
} as const;

/** What a group has: null without rows. */
type Value = Collector | typeof tooLarge | null;

/** The group whose rows are being taken, what they take, and how many they are. */
interface Under {
  readonly group: number;
  readonly collector: Collector;
  bytes: number;
  rows: number;
}

/** The accumulator of the aggregates whose value holds every row. */
export class Collect implements Accumulator {
  readonly registers = null;
  readonly words = 2;
  readonly skipsNulls: boolean;
  readonly #memory: StateMemory;
  readonly #fn: Aggregate['fn'];
  /** Input columns of an item: arguments, then ORDER BY keys. */
  readonly #columns: readonly number[];
  /** The type of keys that become texts, or null. */
  readonly #keyType: TypeName | null;
  /** How many columns are arguments. */
  readonly #width: number;
  readonly #items: ItemStore;
  readonly #tree: OrderedItems;
  readonly #arguments: Items;
  #rootAt = 0;
  #under: Under | null = null;
  /** Where in it the next row is, and how often that one was taken. */
  readonly #place: Place = { leaf: 0, index: 0 };
  #taken = 0;
  /** Values that `finish` will ask for. */
  readonly #values = new Map<number, Value>();

  constructor(memory: StateMemory, aggregate: Aggregate, input: readonly ColumnType[]) {
    const { fn, argument, argument2, order } = aggregate;
    this.#memory = memory;
    this.#fn = fn;
    this.skipsNulls = fn === 'string_agg';
    const args = argument2 < 0 ? [argument] : [argument, argument2];
    this.#columns = [...args, ...order.map(({ column }) => column)];
    this.#width = args.length;
    const keys = order.map((key, k): Order => ({ ...key, column: args.length + k }));
    const types = this.#columns.map((column) => input[column]);
    const named = fn === 'jsonb_object_agg';
    this.#keyType = named && types[0].type !== 'text' ? types[0].type : null;
    if (named) types[0] = { ...types[0], type: 'text' };
    this.#items = new ItemStore(memory, types, keys, 0, named);
    this.#tree = new OrderedItems(memory, this.#items.compare);
    const { fields } = this.#items;
    this.#arguments = { memory, fields, types: args.map((_, k) => types[k].type) };
  }

  place(offset: number): void {
    this.#rootAt = offset;
  }

  add(rows: GroupedRows): void {
    const { batch, first, n, groups, weights } = rows;
    for (let i = 0; i < n; i++) {
      if (weights[i] === 0) continue;
      const name = this.#nameOf(batch, first + i);
      const item = this.#items.make(batch, this.#columns, first + i, name);
      const prefix = this.#items.prefixOf(item);
      if (this.#tree.add(groups[i] + this.#rootAt, prefix, item, weights[i])) continue;
      this.#items.free(item);
      if (this.#tree.after === 0) this.#items.free(this.#tree.item);
    }
  }

  /** The key of a row as a text, where it is of another type. */
  #nameOf(batch: Batch, row: number): LooseValue | null | undefined {
    const type = this.#keyType;
    if (type === null) return undefined;
    const key = readDatum(batch, this.#columns[0], row, type);
    return key === null ? null : textWords(jsonKeyOf(type, key));
  }

  ahead(group: number, rowsMax: number): number {
    if (this.#values.has(group)) return 0;
    const place = this.#place;
    const under = this.#under?.group === group ? this.#under : this.#begin(group);
    if (under === null) return 0;
    let rows = 0;
    for (; place.leaf !== 0 && rows < rowsMax; this.#tree.next(place), this.#taken = 0) {
      const weight = this.#tree.weightAt(place);
      rows++;
      if (weight <= 0) continue;
      const item = this.#tree.itemAt(place);
      if (this.#taken === 0) under.bytes += weight * this.#bytesOf(item);
      if (under.bytes > limits.functionResultBytesMax) return this.#done(tooLarge, rows);
      const copies = Math.min(weight - this.#taken, rowsMax - rows + 1);
      under.collector.take(item, copies);
      under.rows += copies;
      rows += copies - 1;
      this.#taken += copies;
      if (this.#taken < weight) return rows;
    }
    if (place.leaf !== 0) return rows;
    return this.#done(under.rows === 0 ? null : under.collector, rows);
  }

  /** Begins to take the rows of a group; null if they are too many. */
  #begin(group: number): Under | null {
    const rows = this.#tree.total(group + this.#rootAt);
    if (rows * valueBytes > limits.functionResultBytesMax) {
      this.#values.set(group, tooLarge);
      return null;
    }
    const collector = makeCollector(this.#fn, this.#arguments, rows);
    this.#under = { group, collector, bytes: 0, rows: 0 };
    this.#tree.first(group + this.#rootAt, this.#place);
    this.#taken = 0;
    return this.#under;
  }

  /** The group that is under way has its value; answers that no row of it is left. */
  #done(value: Value, rows: number): number {
    const under = defined(this.#under, 'a group is under way');
    this.#values.set(under.group, value);
    this.#under = null;
    return Math.max(0, rows - 1);
  }

  bytesAhead(group: number): number {
    const value = this.#values.get(group) ?? null;
    return value !== null && 'write' in value ? value.bytes : 0;
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    for (let i = 0; i < n; i++) {
      const group = groups[first + i];
      while (!this.#values.has(group)) this.ahead(group, Infinity);
      const value = this.#values.get(group) ?? null;
      this.#values.delete(group);
      if (value === null) out.setNull(i);
      else if ('write' in value) value.write(i, out);
      else out.setError(i, value.code, value.message);
    }
  }

  /** About the bytes of a row of arguments. */
  #bytesOf(item: number): number {
    const { i32 } = this.#memory;
    let bytes = 0;
    for (const { physical, offset } of this.#items.fields.slice(0, this.#width)) {
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
