/**
 * Per key the rows at positions offset … offset + limit - 1 of an order, where a row of weight w
 * takes w positions.
 *
 * Each group has an ordered tree of its rows (ordered-items.ts). A row's item starts with the
 * weight of it that is downstream; the group remembers the first and last row of its published
 * window. `finish` finds the new window's ends by position and visits only rows whose share may
 * have changed: those between the old and the new first row, those between the old and the new last
 * row, and those that the step touched. Rows inside both windows are not visited, so a step costs
 * the logarithm of the group and what its changes push into or out of the window, whatever the
 * limit and the offset.
 *
 * State words: root of the tree, first item of the window (0: empty), last item, unused.
 */
import { assert } from '../../src/base/assert.ts';
import type { Node } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { cellsMax } from './cells.ts';
import { GroupTable, lookupRowsMax, recordMark } from './group-table.ts';
import { ItemStore } from './item-store.ts';
import type { Context, Operator, OperatorState } from './operator.ts';
import { OrderedItems } from './ordered-items.ts';
import type { Place } from './ordered-items.ts';
import { gatherField, varWordsOfField } from './record-field.ts';
import { stateOf } from './registers.ts';
import { StateMemory } from './state-memory.ts';
import { TouchedGroups } from './touched-groups.ts';

type TopkNode = Extract<Node, { kind: 'topk' }>;

/** Word of an item that is 1 while it is in the touched list (its first two hold a double). */
const itemMark = 2;
const itemHeadWords = 4;
const rootWord = 0;
const firstWord = 1;
const lastWord = 2;
const stateWords = 4;
/** Weights in a batch are int32; larger differences take several rows. */
const weightMax = 2 ** 31 - 1;

// One push or finish of one operator runs at a time, and leaves nothing in these.
const groups = new Int32Array(lookupRowsMax);
const changed = new Int32Array(cellsMax);
const weights = new Int32Array(cellsMax);

/** ORDER BY with LIMIT and OFFSET, per key. */
export class TopkOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state: OperatorState;
  readonly #node: TopkNode;
  readonly #all: readonly number[];
  readonly #memory = new StateMemory();
  readonly #table: GroupTable;
  readonly #items: ItemStore;
  readonly #tree: OrderedItems;
  readonly #touched = new TouchedGroups();
  readonly #writer: BatchWriter;
  /** Touched items: pairs of group and item. */
  #touchedItems = new Int32Array(64);
  #itemCount = 0;
  /** Position after the window's last. */
  readonly #end: number;
  readonly #start: Place = { leaf: 0, index: 0 };
  readonly #stop: Place = { leaf: 0, index: 0 };
  readonly #walk: Place = { leaf: 0, index: 0 };
  /** Rows waiting for a batch. */
  #changedCount = 0;
  /** Where an interrupted push or finish goes on: the part of finish, and the position in it. */
  #part = 0;
  #next = 0;

  /** `input`: columns of the input rows, which are those of the output. */
  constructor(node: TopkNode, input: readonly ColumnType[], pool: SlabPool) {
    assert(node.columns.length === input.length, 'the rows of a window are those of its input');
    assert(node.offset >= 0, `a window begins at a row, not at ${node.offset}`);
    this.columns = node.columns;
    this.#node = node;
    this.#all = input.map((_, c) => c);
    this.#table = new GroupTable(
      this.#memory,
      node.key.map((c) => input[c]),
      stateWords,
    );
    this.#items = new ItemStore(this.#memory, input, node.order, itemHeadWords);
    this.#tree = new OrderedItems(this.#memory, this.#items.compare, true);
    this.state = stateOf([this.#memory], [this.#table]);
    this.#writer = new BatchWriter(pool, node.columns);
    this.#end = node.limit < 0 ? Infinity : node.offset + node.limit;
  }

  push(_port: number, batch: Batch, context: Context): 'done' | 'more' {
    while (this.#next < batch.rows) {
      const n = Math.min(lookupRowsMax, batch.rows - this.#next);
      this.#table.lookup(batch, this.#node.key, this.#next, n, groups);
      this.#touched.add(this.#memory.i32, groups, n);
      this.#reserve(n);
      for (let i = 0; i < n; i++) this.#take(groups[i], batch, this.#next + i);
      this.#next += n;
      if (!context.fuel.spend(n) && this.#next < batch.rows) return 'more';
    }
    this.#next = 0;
    return 'done';
  }

  /** Makes room for `n` more touched items. */
  #reserve(n: number): void {
    const length = (this.#itemCount + n) * 2;
    if (length <= this.#touchedItems.length) return;
    const grown = new Int32Array(length * 2);
    grown.set(this.#touchedItems.subarray(0, this.#itemCount * 2));
    this.#touchedItems = grown;
  }

  /** Adds a row to the tree of its group. */
  #take(group: number, batch: Batch, row: number): void {
    const item = this.#items.make(batch, this.#all, row);
    const weight = batch.slab.i32[batch.weight + row];
    const holder = group + this.#table.stateStart + rootWord;
    if (!this.#tree.add(holder, this.#items.prefixOf(item), item, weight)) this.#items.free(item);
    const kept = this.#tree.item;
    const { i32 } = this.#memory;
    if (i32[kept + itemMark] !== 0) return;
    i32[kept + itemMark] = 1;
    this.#touchedItems[this.#itemCount * 2] = group;
    this.#touchedItems[this.#itemCount * 2 + 1] = kept;
    this.#itemCount++;
  }

  finish(context: Context): 'done' | 'more' {
    while (this.#part < 4) {
      const total = this.#part === 0 || this.#part === 3 ? this.#touched.count : this.#itemCount;
      while (this.#next < total) {
        this.#finishOne(this.#next++, context);
        if (context.fuel.spend(1)) continue;
        // Another operator may use the lists before this one goes on.
        this.#flush(context);
        return 'more';
      }
      // Rows leave before their items may go.
      this.#flush(context);
      this.#part++;
      this.#next = 0;
    }
    assert(this.#changedCount === 0, 'what changed in a step is given out in it');
    this.#part = 0;
    this.#itemCount = 0;
    this.#touched.clear();
    if (this.#touchedItems.length > 2 ** 14) this.#touchedItems = new Int32Array(64);
    this.#writer.close();
    return 'done';
  }

  bytes(): number {
    return (
      this.#memory.bytes() +
      this.#table.bytes() +
      this.#touched.bytes() +
      this.#touchedItems.byteLength
    );
  }

  dispose(): void {
    this.#writer.close();
  }

  /** One group or item of the current part. */
  #finishOne(t: number, context: Context): void {
    const group =
      this.#part === 0 || this.#part === 3 ? this.#touched.list[t] : this.#touchedItems[t * 2];
    const item = this.#touchedItems[t * 2 + 1];
    switch (this.#part) {
      case 0:
        this.#moveWindow(group, context);
        return;
      case 1:
        this.#visitItem(group, item, context);
        return;
      case 2:
        this.#dropItem(group, item);
        return;
      default:
        this.#dropGroup(t);
    }
  }

  /** Visits the rows between the old and the new ends of the window, and remembers the new ends. */
  #moveWindow(group: number, context: Context): void {
    const state = group + this.#table.stateStart;
    const holder = state + rootWord;
    const total = this.#tree.total(holder);
    const startRank = this.#tree.seek(holder, this.#node.offset, this.#start);
    const empty = startRank < 0 || this.#end <= this.#node.offset;
    const stopRank = empty
      ? -1
      : this.#tree.seek(holder, Math.min(this.#end, total) - 1, this.#stop);
    const first = empty ? 0 : this.#tree.itemAt(this.#start);
    const last = empty ? 0 : this.#tree.itemAt(this.#stop);
    const oldFirst = this.#memory.i32[state + firstWord];
    const oldLast = this.#memory.i32[state + lastWord];
    if (empty) {
      if (oldFirst !== 0) this.#visitRange(holder, oldFirst, oldLast, context);
    } else if (oldFirst === 0) this.#visitRange(holder, first, last, context);
    else {
      this.#visitBetween(holder, first, startRank, oldFirst, context);
      this.#visitBetween(holder, last, stopRank, oldLast, context);
    }
    this.#memory.i32[state + firstWord] = first;
    this.#memory.i32[state + lastWord] = last;
    this.#memory.written.words(state, stateWords);
  }

  /** Visits from one item to another, whichever comes first; `rank` is that of `item`. */
  #visitBetween(holder: number, item: number, rank: number, other: number, context: Context): void {
    if (item === other) {
      this.#visitRange(holder, item, item, context);
      return;
    }
    this.#tree.find(holder, this.#items.prefixOf(other), other);
    const otherRank = this.#tree.rank();
    // Of equal ranks one item has no weight; then their order decides.
    const forward = rank === otherRank ? this.#items.compare(item, other) < 0 : rank < otherRank;
    this.#visitRange(holder, forward ? item : other, forward ? other : item, context);
  }

  /** Visits the items from `from` to `to`. */
  #visitRange(holder: number, from: number, to: number, context: Context): void {
    this.#tree.find(holder, this.#items.prefixOf(from), from);
    let rank = this.#tree.rank();
    const walk = this.#walk;
    walk.leaf = this.#tree.place.leaf;
    walk.index = this.#tree.place.index;
    for (;;) {
      const item = this.#tree.itemAt(walk);
      const weight = Math.max(0, this.#tree.weightAt(walk));
      this.#settle(item, rank, weight, context);
      if (item === to) return;
      rank += weight;
      this.#tree.next(walk);
    }
  }

  #visitItem(group: number, item: number, context: Context): void {
    this.#tree.find(group + this.#table.stateStart + rootWord, this.#items.prefixOf(item), item);
    const weight = Math.max(0, this.#tree.weightAt(this.#tree.place));
    this.#settle(item, this.#tree.rank(), weight, context);
  }

  /** Gives out the difference between an item's share of the window and what is downstream. */
  #settle(item: number, rank: number, weight: number, context: Context): void {
    const share = Math.max(
      0,
      Math.min(rank + weight, this.#end) - Math.max(rank, this.#node.offset),
    );
    const { f64 } = this.#memory;
    for (let rest = share - f64[item >> 1]; rest !== 0;) {
      const step = Math.max(-weightMax, Math.min(weightMax, rest));
      rest -= step;
      changed[this.#changedCount] = item;
      weights[this.#changedCount++] = step;
      if (this.#changedCount === cellsMax) this.#flush(context);
    }
    f64[item >> 1] = share;
    this.#memory.written.word(item);
  }

  /** Unmarks an item, and frees it if it has no weight. */
  #dropItem(group: number, item: number): void {
    this.#memory.i32[item + itemMark] = 0;
    this.#memory.written.word(item + itemMark);
    const holder = group + this.#table.stateStart + rootWord;
    const prefix = this.#items.prefixOf(item);
    this.#tree.find(holder, prefix, item);
    if (this.#tree.weightAt(this.#tree.place) !== 0) return;
    this.#tree.remove(holder, prefix, item);
    this.#items.free(item);
  }

  #dropGroup(t: number): void {
    const group = this.#touched.release(this.#memory.i32, t);
    this.#memory.written.word(group + recordMark);
    if (this.#memory.i32[group + this.#table.stateStart + rootWord] === 0)
      this.#table.remove(group);
  }

  /** Emits the rows that wait. */
  #flush(context: Context): void {
    const n = this.#changedCount;
    if (n === 0) return;
    const { i32 } = this.#memory;
    const { fields } = this.#items;
    let words = 0;
    for (const field of fields) words += varWordsOfField(i32, field, changed, 0, n);
    this.#writer.begin(n, words);
    fields.forEach((field, c) => gatherField(i32, field, changed, 0, n, this.#writer, c, 0));
    this.#writer.slab.i32.set(weights.subarray(0, n), this.#writer.weight);
    context.emit(this.#writer.seal(context.step, n));
    this.#changedCount = 0;
  }
}
