/**
 * string_agg, array_agg, jsonb_agg, jsonb_object_agg: per group an ordered tree of the argument
 * rows, by the aggregate's ORDER BY, then by the arguments. Where the query gives no order, that of
 * the arguments stands in for Postgres' order of arrival, which a changing collection does not
 * have.
 *
 * A change costs O(log n); showing a value costs its length, so a group that is touched is walked
 * once a step, in slices (`ahead`). State words: root of the tree, unused.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Aggregate, Order } from '../plan/plan.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import type { Collector, Items } from './collectors.ts';
import { makeCollector } from './collectors.ts';
import { ItemStore } from './item-store.ts';
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
  readonly #arguments: Items;
  #rootAt = 0;
  /** The group whose rows are being taken, what they take, and how many they are. */
  #under: { group: number; collector: Collector; bytes: number; rows: number } | null = null;
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
    this.#types = args.map((column) => input[column].type);
    const keys = order.map((key, k): Order => ({ ...key, column: args.length + k }));
    this.#items = new ItemStore(
      memory,
      this.#columns.map((column) => input[column]),
      keys,
      0,
    );
    this.#tree = new OrderedItems(memory, this.#items.compare);
    this.#arguments = { memory, fields: this.#items.fields, types: this.#types };
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

  ahead(group: number, rowsMax: number): number {
    if (this.#values.has(group)) return 0;
    const place = this.#place;
    let under = this.#under;
    if (under?.group !== group) {
      under = { group, collector: makeCollector(this.#fn, this.#arguments), bytes: 0, rows: 0 };
      this.#under = under;
      this.#tree.first(group + this.#rootAt, place);
      this.#taken = 0;
    }
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

  /** The group that is under way has its value; answers that no row of it is left. */
  #done(value: Value, rows: number): number {
    const under = defined(this.#under, 'a group is under way');
    this.#values.set(under.group, value);
    this.#under = null;
    return Math.max(0, rows - 1);
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
