/**
 * min and max of every ordered type: what is there is kept in order, so that a retracted extreme
 * gives way to the next at once.
 *
 * Values that are numbers and nothing else (integers of 32 bits and dates, 64-bit ones below 2^53,
 * doubles but zeros and NaN) are in a bag of numbers (number-bags.ts). The others are items of one
 * column in an ordered tree. Of values that are equal under SQL and differ in bytes (1.0, 1.00) the
 * one of least bytes is shown. No number equals the prefix of an item but infinity that of NaN,
 * which is the greater.
 *
 * State words: those of the bag, of which the second is the root of the tree of items.
 */
import { assert } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { physicalOf } from '../value/type.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { lookupRowsMax } from './group-table.ts';
import { ItemStore } from './item-store.ts';
import { NumberBags } from './number-bags.ts';
import { OrderedItems } from './ordered-items.ts';
import type { Place } from './ordered-items.ts';
import type { StateMemory } from './state-memory.ts';

const two32 = 2 ** 32;
/** A word that a bag leaves to its holder's owner. */
const itemsWord = 1;

// One chunk of one operator is worked on at a time, and leaves nothing here.
const values = new Float64Array(lookupRowsMax);

/** The accumulator of min and max. */
export class Extreme implements Accumulator {
  readonly registers = null;
  readonly words = 4;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #columns: readonly number[];
  readonly #greatest: boolean;
  readonly #physical: 'i32' | 'i64' | 'f64' | 'var';
  readonly #bags: NumberBags;
  readonly #items: ItemStore;
  readonly #tree: OrderedItems;
  readonly #place: Place = { leaf: 0, index: 0 };
  #stateAt = 0;

  constructor(memory: StateMemory, aggregate: Aggregate) {
    const { argumentType, argument, fn } = aggregate;
    assert(argument >= 0, `${fn} has an argument`);
    this.#memory = memory;
    this.#column = argument;
    this.#columns = [argument];
    this.#greatest = fn === 'max';
    this.#physical = physicalOf(argumentType);
    this.#bags = new NumberBags(memory, this.#greatest);
    this.#items = new ItemStore(memory, [{ type: argumentType, nullable: false }], [], 0);
    this.#tree = new OrderedItems(memory, this.#items.compare);
  }

  place(offset: number): void {
    this.#stateAt = offset;
  }

  add(rows: GroupedRows): void {
    const { batch, first, n, groups, weights } = rows;
    const numbers = this.#numbersOf(batch, first, n);
    if (numbers) this.#bags.add(groups, this.#stateAt, values, weights, n);
    for (let i = 0; i < n; i++) {
      if (weights[i] === 0 || (numbers && !Number.isNaN(values[i]))) continue;
      this.#addItem(groups[i] + this.#stateAt, batch, first + i, weights[i]);
    }
  }

  /**
   * Sets values[i] to the number that row first + i holds, NaN if it is not only a number; answers
   * false if none is.
   */
  #numbersOf(batch: Batch, first: number, n: number): boolean {
    const { i32, f64 } = batch.slab;
    const at = batch.column[this.#column];
    switch (this.#physical) {
      case 'i32':
        for (let i = 0; i < n; i++) values[i] = i32[at + first + i];
        return true;
      case 'i64':
        exactIntegers(i32, at + 2 * first, n);
        return true;
      case 'f64':
        for (let i = 0; i < n; i++) {
          const value = f64[(at >> 1) + first + i];
          // The two zeros are equal and not the same.
          values[i] = value === 0 ? NaN : value;
        }
        return true;
      case 'var':
        return false;
    }
  }

  #addItem(holder: number, batch: Batch, row: number, weight: number): void {
    const items = this.#items;
    const item = items.make(batch, this.#columns, row);
    if (!this.#tree.add(holder + itemsWord, items.prefixOf(item), item, weight)) {
      items.free(item);
      if (this.#tree.after === 0) items.free(this.#tree.item);
    }
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    for (let i = 0; i < n; i++) {
      const holder = groups[first + i] + this.#stateAt;
      const number = this.#bags.extreme(holder);
      const item = this.#memory.i32[holder + itemsWord] === 0 ? 0 : this.#item(holder, number);
      if (item !== 0) out.setField(i, this.#memory.i32, item, this.#items.fields[0]);
      else if (Number.isNaN(number)) out.setNull(i);
      else if (this.#physical === 'i64') out.setInteger(i, number);
      else if (this.#physical === 'f64') out.setDouble(i, number);
      else out.setOne(i, number);
    }
  }

  /** The extreme item, if it is there and beyond the extreme number; else 0. */
  #item(holder: number, number: number): number {
    const place = this.#place;
    if (this.#greatest) this.#tree.last(holder + itemsWord, place);
    else this.#tree.first(holder + itemsWord, place);
    while (place.leaf !== 0 && this.#tree.weightAt(place) <= 0) {
      if (this.#greatest) this.#tree.previous(place);
      else this.#tree.next(place);
    }
    if (place.leaf === 0) return 0;
    const prefix = this.#tree.prefixAt(place);
    if (this.#greatest ? prefix < number : prefix >= number) return 0;
    return this.#tree.itemAt(place);
  }

  isEmpty(group: number): boolean {
    const holder = group + this.#stateAt;
    return this.#bags.isEmpty(holder) && this.#memory.i32[holder + itemsWord] === 0;
  }

  release(group: number): void {
    assert(this.isEmpty(group), 'a group that goes has no values');
  }

  bytes(): number {
    return 0;
  }
}

/** Sets values[i] to an int64, NaN where a double might not hold it exactly. */
function exactIntegers(i32: Int32Array, at: number, n: number): void {
  for (let i = 0; i < n; i++) {
    const high = i32[at + 2 * i + 1];
    const exact = high > -(2 ** 21) && high < 2 ** 21;
    values[i] = exact ? high * two32 + (i32[at + 2 * i] >>> 0) : NaN;
  }
}
