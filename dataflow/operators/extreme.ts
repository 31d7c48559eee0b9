/**
 * min and max of every ordered type: per group an ordered tree of the values that are there, so
 * that a retracted extreme gives way to the next at once.
 *
 * Integers of 32 bits and dates are their own prefix and need no item. So do 64-bit ones of less
 * than 2^53: they share no prefix with larger ones, which are items, as are other values, of one
 * column. Of values that are equal under SQL and differ in bytes (1.0, 1.00) the one of least bytes
 * is shown.
 *
 * A group remembers its extreme while that is its own prefix and there; so a step that brings
 * lesser values, or greater ones, ends without a walk. State words: root of the tree, whether the
 * extreme is known, the extreme (a double).
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
import { prefixesOf } from './tree-node.ts';

const two32 = 2 ** 32;
/** Entry of a root that is loaded ahead: of few entries or many, it is within the node. */
const touchedEntry = 2;
const sink = new Float64Array(1);
/** Words after the root: 1 while the extreme is known, and the extreme. */
const knownWord = 1;
const extremeWord = 2;

/** The accumulator of min and max. */
export class Extreme implements Accumulator {
  readonly words = 4;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #columns: readonly number[];
  readonly #greatest: boolean;
  readonly #items: ItemStore | null;
  /** Whether values may be 64-bit integers, and so be their own prefix. */
  readonly #wide: boolean;
  readonly #tree: OrderedItems;
  readonly #place: Place = { leaf: 0, index: 0 };
  #rootAt = 0;

  constructor(memory: StateMemory, aggregate: Aggregate) {
    const { argumentType, argument, fn } = aggregate;
    this.#memory = memory;
    this.#column = argument;
    this.#columns = [argument];
    this.#greatest = fn === 'max';
    this.#wide = physicalOf(argumentType) === 'i64';
    this.#items =
      physicalOf(argumentType) === 'i32'
        ? null
        : new ItemStore(memory, [{ type: argumentType, nullable: false }], [], 0);
    this.#tree = new OrderedItems(memory, this.#items?.compare ?? null);
  }

  place(offset: number): void {
    this.#rootAt = offset;
  }

  add(rows: GroupedRows): void {
    const { batch, first, n, groups, weights } = rows;
    const at = batch.column[this.#column] + first;
    const start = at + first;
    touch(this.#memory, groups, this.#rootAt, n);
    const { i32 } = batch.slab;
    for (let i = 0; i < n; i++) {
      if (weights[i] === 0) continue;
      const holder = groups[i] + this.#rootAt;
      if (this.#items === null) this.#addPrefix(holder, i32[at + i], weights[i]);
      else if (this.#wide && isExact(i32[start + 2 * i + 1])) {
        const value = i32[start + 2 * i + 1] * two32 + (i32[start + 2 * i] >>> 0);
        this.#addPrefix(holder, value, weights[i]);
      } else this.#addItem(this.#items, holder, batch, first + i, weights[i]);
    }
  }

  /** Adds a value that is its own prefix, and keeps the known extreme right. */
  #addPrefix(holder: number, value: number, weight: number): void {
    const there = (this.#tree.add(holder, value, 0, weight) ? weight : this.#tree.after) > 0;
    const { i32, f64 } = this.#memory;
    if (i32[holder + knownWord] === 0) return;
    const at = (holder + extremeWord) >> 1;
    const known = f64[at];
    if (value === known) i32[holder + knownWord] = there ? 1 : 0;
    else if (there && value > known === this.#greatest) f64[at] = value;
  }

  #addItem(items: ItemStore, holder: number, batch: Batch, row: number, weight: number): void {
    this.#memory.i32[holder + knownWord] = 0;
    const item = items.make(batch, this.#columns, row);
    if (!this.#tree.add(holder, items.prefixOf(item), item, weight)) {
      items.free(item);
      if (this.#tree.after === 0) items.free(this.#tree.item);
    }
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    for (let i = 0; i < n; i++) {
      const holder = groups[first + i] + this.#rootAt;
      const { i32, f64 } = this.#memory;
      if (i32[holder + knownWord] === 0) {
        if (!this.#find(holder)) {
          out.setNull(i);
          continue;
        }
        const item = this.#tree.itemAt(this.#place);
        if (item !== 0 && this.#items !== null) {
          out.setField(i, i32, item, this.#items.fields[0]);
          continue;
        }
        i32[holder + knownWord] = 1;
        f64[(holder + extremeWord) >> 1] = this.#tree.prefixAt(this.#place);
      }
      const value = f64[(holder + extremeWord) >> 1];
      if (this.#wide) out.setInteger(i, value);
      else out.setOne(i, value);
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

/**
 * Loads the heads of the groups' trees, and a bound in the middle, in a loop of nothing else, so
 * that cache misses overlap. What was read is kept, or it would not be.
 */
function touch({ i32, f64 }: StateMemory, groups: Int32Array, rootAt: number, n: number): void {
  let seen = 0;
  let bound = 0;
  for (let i = 0; i < n; i++) {
    const root = i32[groups[i] + rootAt];
    if (root === 0) continue;
    seen ^= i32[root];
    bound += f64[prefixesOf(root) + touchedEntry];
  }
  sink[0] = seen + bound;
}

/** Whether an int64 with this high half lies well within the integers that doubles hold exactly. */
function isExact(high: number): boolean {
  return high > -(2 ** 21) && high < 2 ** 21;
}
