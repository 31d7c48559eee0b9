/**
 * min and max of every ordered type: per group an ordered tree of the values that are there, so that
 * a retracted extreme gives way to the next at once.
 *
 * Integers of 32 bits and dates are their own prefix and need no item; other values are items of one
 * column. Of values that are equal under SQL and differ in bytes (1.0, 1.00) the one of least bytes is
 * shown. State words: root of the tree, unused.
 */
import { assert } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { physicalOf } from '../value/type.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { ItemStore } from './item-store.ts';
import { OrderedItems } from './ordered-items.ts';
import type { Place } from './ordered-items.ts';
import type { StateMemory } from './state-memory.ts';

/** The accumulator of min and max. */
export class Extreme implements Accumulator {
  readonly words = 2;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #columns: readonly number[];
  readonly #greatest: boolean;
  readonly #items: ItemStore | null;
  readonly #tree: OrderedItems;
  readonly #place: Place = { leaf: 0, index: 0 };
  #rootAt = 0;

  constructor(memory: StateMemory, aggregate: Aggregate) {
    const { argumentType, argument, fn } = aggregate;
    this.#memory = memory;
    this.#column = argument;
    this.#columns = [argument];
    this.#greatest = fn === 'max';
    this.#items = physicalOf(argumentType) === 'i32'
      ? null : new ItemStore(memory, [{ type: argumentType, nullable: false }], [], 0);
    this.#tree = new OrderedItems(memory, this.#items?.compare ?? null);
  }

  place(offset: number): void {
    this.#rootAt = offset;
  }

  add(rows: GroupedRows): void {
    const { batch, first, n, groups, weights } = rows;
    const at = batch.column[this.#column] + first;
    const { i32 } = batch.slab;
    for (let i = 0; i < n; i++) {
      if (weights[i] === 0) continue;
      const holder = groups[i] + this.#rootAt;
      if (this.#items === null) this.#tree.add(holder, i32[at + i], 0, weights[i]);
      else this.#addItem(this.#items, holder, batch, first + i, weights[i]);
    }
  }

  #addItem(items: ItemStore, holder: number, batch: Batch, row: number, weight: number): void {
    const item = items.make(batch, this.#columns, row);
    if (!this.#tree.add(holder, items.prefixOf(item), item, weight)) {
      items.free(item);
      if (this.#tree.after === 0) items.free(this.#tree.item);
    }
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    for (let i = 0; i < n; i++) {
      if (!this.#find(groups[first + i] + this.#rootAt)) out.setNull(i);
      else if (this.#items === null) out.setOne(i, this.#tree.prefixAt(this.#place));
      else out.setField(i, this.#memory.i32, this.#tree.itemAt(this.#place), this.#items.fields[0]);
    }
  }

  /** Moves to the extreme among values that are there; false if there is none. */
  #find(holder: number): boolean {
    const place = this.#place;
    if (this.#greatest) this.#tree.last(holder, place);
    else this.#tree.first(holder, place);
    while (place.leaf !== 0 && this.#tree.weightAt(place) <= 0) {
      if (this.#greatest) this.#tree.previous(place);
      else this.#tree.next(place);
    }
    return place.leaf !== 0;
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
