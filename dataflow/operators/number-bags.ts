/**
 * Multisets of numbers of which only the least and the greatest are asked: for each of many holders
 * (a place in a group's record) a *bag* of values with weights. What min and max of integers, dates
 * and doubles stand on.
 *
 * A bag is a tree over leaves of up to 62 entries. Inner nodes divide the numbers into ranges; in a
 * leaf the entries lie as they came. So a value that comes is written behind the others of its
 * leaf, whatever is there; one that goes is looked for in its leaf alone; and the extreme is that
 * of the first or last leaf. A full leaf is divided by a value of about the middle. A small bag is
 * a single leaf of 4 to 62 entries. All of it costs O(log n), without a pause.
 *
 * A value that came more than once may have several entries, until its leaf is full and such values
 * are found in it: then they are put together. Values of which more went than came have one entry,
 * of negative weight; a leaf counts these, as a value that comes must then be looked for first.
 *
 * Many values are added at once: first the leaves of all are found, so that cache misses overlap,
 * then each is appended. A leaf that is divided or goes meanwhile is forgotten, and found again.
 *
 * The extreme is remembered while it is there; so lesser values, or greater ones, cost no search.
 * Words of a holder: the root, one for its owner, the extreme (a double; NaN if it is to be
 * searched). The owner marks them as written to where `add` or `extreme` was called.
 *
 * Invariants: no entry of weight 0; of one value entries are positive, or a single one is negative;
 * nodes are not empty; an inner root has two children or more. No value is NaN.
 */
import { assert } from '../../src/base/assert.ts';
import {
  bagCapacity,
  bagCount,
  bagEntries,
  bagEntriesMin,
  bagLevel,
  bagNegatives,
  bagNext,
  bagPrevious,
  childFor,
  childOf,
  entriesOf,
  entryWords,
  freeBagNode,
  greatestIn,
  headWords,
  insertChild,
  leastIn,
  linkLeaf,
  makeBagNode,
  markBagNode,
  markEntry,
  middleOf,
  moveBagEntries,
  removeChild,
  unlinkLeaf,
} from './bag-node.ts';
import { lookupRowsMax } from './group-table.ts';
import type { StateMemory } from './state-memory.ts';

/** Nodes of at most this many entries look for a neighbour to merge with … */
const thinEntries = 12;
/** … if together they have at most this many. */
const mergeBelow = 40;
/** A leaf is not divided if putting together what is equal leaves at most this many. */
const togetherMax = 48;
/** A division that leaves fewer on a side is made by the exact middle instead. */
const sideMin = 12;
const depthMax = 12;

/** Word after the root at which the extreme is remembered, as a double. */
const extremeWord = 2;

// One chunk of one operator is worked on at a time, and leaves nothing in these.
const leaves = new Int32Array(lookupRowsMax);
const ends = new Int32Array(lookupRowsMax);
/** Leaves to which entries were appended, and the addresses of these. */
const appendedTo = new Int32Array(lookupRowsMax);
const appendedAt = new Int32Array(lookupRowsMax);
/** Loads are kept here, or they would not be made. */
const sink = new Float64Array(1);

/** Bags of numbers, one per holder: four words, all 0 at first, of which the second is not ours. */
export class NumberBags {
  readonly #memory: StateMemory;
  readonly #greatest: boolean;
  readonly #nodes = new Int32Array(depthMax);
  readonly #indexes = new Int32Array(depthMax);
  #depth = 0;
  /** Leaves from here to `#to` are those of values that are to be added. */
  #from = 0;
  #to = 0;
  /** Entries that were appended and are not marked yet. */
  #appended = 0;

  /** `greatest`: whether the greatest value is asked, or the least. */
  constructor(memory: StateMemory, greatest: boolean) {
    this.#memory = memory;
    this.#greatest = greatest;
  }

  /**
   * Adds `weights[i]` to the value `values[i]` in the bag at word `at` of `groups[i]`, for each i
   * below `n`; not where the weight is 0 or the value NaN. May grow the memory.
   */
  add(groups: Int32Array, at: number, values: Float64Array, weights: Int32Array, n: number): void {
    assert(n <= groups.length && n <= values.length, 'each value has its group');
    this.#touch(groups, at, values, n);
    this.#to = n;
    for (let i = 0; i < n; i++) {
      const weight = weights[i];
      const value = values[i];
      if (weight === 0 || Number.isNaN(value)) continue;
      this.#from = i + 1;
      this.#addOne(groups[i] + at, value, weight, leaves[i]);
    }
    this.#from = this.#to;
    this.#markAppended();
  }

  /** Whether there is nothing in a bag, not even values of negative weight. */
  isEmpty(holder: number): boolean {
    return this.#memory.i32[holder] === 0;
  }

  /** The extreme of the values of positive weight; NaN if there is none. */
  extreme(holder: number): number {
    const { i32, f64 } = this.#memory;
    if (i32[holder] === 0) return NaN;
    const known = (holder + extremeWord) >> 1;
    if (Number.isNaN(f64[known])) f64[known] = this.#find(holder);
    return f64[known];
  }

  #find(holder: number): number {
    const { i32, f64 } = this.#memory;
    const greatest = this.#greatest;
    let leaf = i32[holder];
    while (i32[leaf + bagLevel] > 0) {
      leaf = i32[childOf(leaf, greatest ? i32[leaf + bagCount] - 1 : 0)];
    }
    for (; leaf !== 0; leaf = i32[leaf + (greatest ? bagPrevious : bagNext)]) {
      if (i32[leaf + bagNegatives] === i32[leaf + bagCount]) continue;
      return greatest ? greatestIn(i32, f64, leaf) : leastIn(i32, f64, leaf);
    }
    return NaN;
  }

  /**
   * Walks down to the leaves of all values, and loads what `#addOne` needs of them, in loops of
   * little else, so that cache misses overlap. Sets leaves[i] where the leaf is not the root.
   */
  #touch(groups: Int32Array, at: number, values: Float64Array, n: number): void {
    const { i32, f64 } = this.#memory;
    let deep = 0;
    for (let i = 0; i < n; i++) {
      const root = i32[groups[i] + at];
      leaves[i] = root;
      if (root !== 0) deep |= i32[root + bagLevel];
    }
    for (let i = 0; deep !== 0 && i < n; i++) {
      let node = leaves[i];
      if (node === 0) continue;
      for (let level = i32[node + bagLevel]; level > 0; level--) {
        node = i32[childOf(node, childFor(i32, f64, node, values[i]))];
      }
      leaves[i] = node;
    }
    for (let i = 0; i < n; i++) {
      const leaf = leaves[i];
      ends[i] = leaf === 0 ? 0 : entriesOf(leaf) + 2 * i32[leaf + bagCount] - 1;
    }
    let seen = 0;
    for (let i = 0; i < n; i++) {
      seen += f64[ends[i]];
      if (leaves[i] === i32[groups[i] + at]) leaves[i] = 0;
    }
    sink[0] = seen;
  }

  /** The leaf is that of values that are to be added no more. */
  #forget(leaf: number): void {
    for (let i = this.#from; i < this.#to; i++) if (leaves[i] === leaf) leaves[i] = 0;
  }

  /** Adds a value whose leaf may be known (0: not), and keeps the extreme remembered right. */
  #addOne(holder: number, value: number, weight: number, known: number): void {
    const isFirst = this.#memory.i32[holder] === 0;
    const isThere = this.#put(holder, value, weight, known);
    const { f64 } = this.#memory;
    const at = (holder + extremeWord) >> 1;
    if (isFirst || (this.#greatest ? value >= f64[at] : value <= f64[at])) {
      f64[at] = isThere ? value : NaN;
    }
  }

  /** Answers true if the value is there now and was not looked for; else it may be there or not. */
  #put(holder: number, value: number, weight: number, known: number): boolean {
    const { i32, f64 } = this.#memory;
    if (known !== 0 && weight > 0 && i32[known + bagNegatives] === 0) {
      const count = i32[known + bagCount];
      if (count < i32[known + bagCapacity]) {
        const at = entriesOf(known) + 2 * count;
        f64[at] = value;
        f64[at + 1] = weight;
        i32[known + bagCount] = count + 1;
        this.#noteAppended(known, at);
        return true;
      }
    }
    const leaf = this.#leafOf(holder, value);
    if (weight < 0 || this.#memory.i32[leaf + bagNegatives] > 0) {
      this.#settle(holder, leaf, value, weight);
      return false;
    }
    this.#append(holder, leaf, value, weight);
    return true;
  }

  /** The leaf to which a value belongs; sets the path to it. Makes an empty leaf if none is. */
  #leafOf(holder: number, value: number): number {
    const { i32, f64 } = this.#memory;
    let node = i32[holder];
    let depth = 0;
    if (node === 0) {
      node = makeBagNode(this.#memory, bagEntriesMin, 0);
      this.#memory.i32[holder] = node;
    } else {
      while (i32[node + bagLevel] > 0) {
        const k = childFor(i32, f64, node, value);
        this.#nodes[depth] = node;
        this.#indexes[depth++] = k;
        node = i32[childOf(node, k)];
      }
    }
    assert(depth < depthMax, `a tree is at most ${depthMax} nodes deep`);
    this.#depth = depth;
    return node;
  }

  /** Writes an entry behind the others of a leaf that was just found. */
  #append(holder: number, leaf: number, value: number, weight: number): void {
    const full = this.#memory.i32[leaf + bagCount] === this.#memory.i32[leaf + bagCapacity];
    const into = full ? this.#makeRoom(holder, leaf, value) : leaf;
    const { i32, f64 } = this.#memory;
    const count = i32[into + bagCount]++;
    const at = entriesOf(into) + 2 * count;
    f64[at] = value;
    f64[at + 1] = weight;
    if (weight < 0) i32[into + bagNegatives]++;
    this.#noteAppended(into, at);
  }

  /** An entry is written to at double `at` of a leaf: one for each value that is added, at most. */
  #noteAppended(leaf: number, at: number): void {
    const n = this.#appended++;
    appendedTo[n] = leaf;
    appendedAt[n] = 2 * at;
  }

  /** Marks what was appended since the last call, all in one pass. */
  #markAppended(): void {
    const { written } = this.#memory;
    written.records(appendedTo, 0, this.#appended, headWords);
    written.records(appendedAt, 0, this.#appended, entryWords);
    this.#appended = 0;
  }

  /** Sets the weight against the entries of the value that are there, and keeps what remains. */
  #settle(holder: number, leaf: number, value: number, weight: number): void {
    const { i32, f64 } = this.#memory;
    const entries = entriesOf(leaf);
    let rest = weight;
    for (let k = i32[leaf + bagCount] - 1; k >= 0 && rest !== 0; k--) {
      if (f64[entries + 2 * k] !== value) continue;
      const there = f64[entries + 2 * k + 1];
      const sum = there + rest;
      if (sum !== 0 && sum > 0 === there > 0) {
        f64[entries + 2 * k + 1] = sum;
        markEntry(this.#memory, leaf, k);
        return;
      }
      this.#removeEntry(leaf, k);
      rest = sum;
    }
    if (rest !== 0) this.#append(holder, leaf, value, rest);
    else this.#shrink(holder, leaf);
  }

  /** Takes out entry `k` of a leaf; the last one takes its place. */
  #removeEntry(leaf: number, k: number): void {
    const { i32, f64 } = this.#memory;
    const entries = entriesOf(leaf);
    const last = --i32[leaf + bagCount];
    if (f64[entries + 2 * k + 1] < 0) i32[leaf + bagNegatives]--;
    f64[entries + 2 * k] = f64[entries + 2 * last];
    f64[entries + 2 * k + 1] = f64[entries + 2 * last + 1];
    markEntry(this.#memory, leaf, k);
  }

  /** Answers the leaf with room to which a value belongs, given the full one. */
  #makeRoom(holder: number, full: number, value: number): number {
    const { i32 } = this.#memory;
    let leaf = full;
    if (i32[leaf + bagCapacity] < bagEntries) {
      return this.#resize(holder, leaf, Math.min(2 * i32[leaf + bagCapacity], bagEntries));
    }
    const pivot = this.#pivot(leaf, value);
    if (Number.isNaN(pivot)) return leaf;
    while (this.#depth > 0 && this.#splitAbove(holder)) leaf = this.#leafOf(holder, value);
    const [parent, k] = this.#parent(holder, this.#depth, leaf);
    this.#splitLeaf(parent, k, leaf, pivot);
    return this.#leafOf(holder, value);
  }

  /**
   * Splits the highest full node above the leaf at the end of the path, if that one's parent is
   * full; the path is then no longer right.
   */
  #splitAbove(holder: number): boolean {
    const { i32 } = this.#memory;
    let d = this.#depth;
    while (d > 0 && i32[this.#nodes[d - 1] + bagCount] === bagEntries) d--;
    if (d === this.#depth) return false;
    const node = this.#nodes[d];
    const [parent, k] = this.#parent(holder, d, node);
    const other = makeBagNode(this.#memory, bagEntries, this.#memory.i32[node + bagLevel]);
    const bound = this.#memory.f64[entriesOf(node) + bagEntries];
    moveBagEntries(this.#memory, node, bagEntries / 2, other);
    insertChild(this.#memory, parent, k + 1, bound, other);
    return true;
  }

  /** The parent of the node at depth `d` of the path, a new root if need be, and its place there. */
  #parent(holder: number, d: number, node: number): readonly [parent: number, k: number] {
    if (d > 0) return [this.#nodes[d - 1], this.#indexes[d - 1]];
    const root = makeBagNode(this.#memory, bagEntries, this.#memory.i32[node + bagLevel] + 1);
    insertChild(this.#memory, root, 0, -Infinity, node);
    this.#memory.i32[holder] = root;
    return [root, 0];
  }

  /** Moves the values of child `k` that are not less than the pivot to a new child k + 1. */
  #splitLeaf(parent: number, k: number, leaf: number, pivot: number): void {
    this.#forget(leaf);
    const other = makeBagNode(this.#memory, bagEntries, 0);
    const { i32, f64 } = this.#memory;
    const entries = entriesOf(leaf);
    let stay = entries;
    let move = entriesOf(other);
    let negatives = 0;
    for (let at = entries, end = at + 2 * i32[leaf + bagCount]; at < end; at += 2) {
      const weight = f64[at + 1];
      if (f64[at] < pivot) {
        f64[stay] = f64[at];
        f64[stay + 1] = weight;
        stay += 2;
      } else {
        f64[move] = f64[at];
        f64[move + 1] = weight;
        move += 2;
        if (weight < 0) negatives++;
      }
    }
    i32[leaf + bagCount] = (stay - entries) >> 1;
    i32[other + bagCount] = (move - entriesOf(other)) >> 1;
    i32[leaf + bagNegatives] -= negatives;
    i32[other + bagNegatives] = negatives;
    markBagNode(this.#memory, leaf);
    linkLeaf(this.#memory, leaf, other);
    insertChild(this.#memory, parent, k + 1, pivot, other);
  }

  /**
   * The value that shall divide a full leaf to which `value` is to come: beyond all others at an
   * end of the bag, so that data that ascend or descend fill their leaves; else about the middle.
   * NaN if there is room now.
   */
  #pivot(leaf: number, value: number): number {
    const { i32, f64 } = this.#memory;
    const entries = entriesOf(leaf);
    let least = Infinity;
    let greatest = -Infinity;
    for (let at = entries; at < entries + 2 * bagEntries; at += 2) {
      least = Math.min(least, f64[at]);
      greatest = Math.max(greatest, f64[at]);
    }
    if (i32[leaf + bagNext] === 0 && value > greatest) return value;
    if (i32[leaf + bagPrevious] === 0 && value < least) return least;
    const pivot = middleOf(f64, entries);
    let less = 0;
    let same = 0;
    for (let k = 0; k < bagEntries; k++) {
      if (f64[entries + 2 * k] < pivot) less++;
      else if (f64[entries + 2 * k] === pivot) same++;
    }
    if (same === 1 && less >= sideMin && bagEntries - less >= sideMin) return pivot;
    return this.#together(leaf) <= togetherMax
      ? NaN
      : f64[entries + 2 * (i32[leaf + bagCount] >> 1)];
  }

  /** Sorts a leaf and puts equal values together; answers how many there are. */
  #together(leaf: number): number {
    const { i32, f64 } = this.#memory;
    const entries = entriesOf(leaf);
    const count = i32[leaf + bagCount];
    let distinct = 0;
    for (let k = 0; k < count; k++) {
      const value = f64[entries + 2 * k];
      const weight = f64[entries + 2 * k + 1];
      let place = distinct;
      while (place > 0 && f64[entries + 2 * (place - 1)] > value) place--;
      const at = entries + 2 * place;
      if (place > 0 && f64[at - 2] === value) f64[at - 1] += weight;
      else {
        for (let e = entries + 2 * distinct++; e > at; e -= 2) {
          f64[e] = f64[e - 2];
          f64[e + 1] = f64[e - 1];
        }
        f64[at] = value;
        f64[at + 1] = weight;
      }
    }
    i32[leaf + bagCount] = distinct;
    markBagNode(this.#memory, leaf);
    return distinct;
  }

  /** A root leaf of another capacity with the same entries. */
  #resize(holder: number, leaf: number, capacity: number): number {
    this.#forget(leaf);
    const other = makeBagNode(this.#memory, capacity, 0);
    moveBagEntries(this.#memory, leaf, 0, other);
    const { i32 } = this.#memory;
    i32[other + bagNegatives] = i32[leaf + bagNegatives];
    freeBagNode(this.#memory, leaf);
    this.#memory.i32[holder] = other;
    return other;
  }

  /** After something went from a leaf at the end of the path: merges or frees what became thin. */
  #shrink(holder: number, leaf: number): void {
    let node = leaf;
    for (let d = this.#depth; d > 0; d--) {
      const parent = this.#nodes[d - 1];
      if (!this.#mergeChild(parent, this.#indexes[d - 1], node)) return;
      node = parent;
    }
    this.#settleRoot(holder, node);
  }

  /** Frees child `k` if it is empty, merges it if thin; answers whether the parent lost one. */
  #mergeChild(parent: number, k: number, node: number): boolean {
    const { i32, f64 } = this.#memory;
    const count = i32[node + bagCount];
    if (count > thinEntries) return false;
    if (count === 0) {
      this.#dropChild(parent, k, node);
      return true;
    }
    for (const left of [k, k - 1]) {
      if (left < 0 || left + 1 >= i32[parent + bagCount]) continue;
      const a = i32[childOf(parent, left)];
      const b = i32[childOf(parent, left + 1)];
      if (i32[a + bagCount] + i32[b + bagCount] > mergeBelow) continue;
      // The bound of b's first child says something now.
      if (i32[b + bagLevel] > 0) f64[entriesOf(b)] = f64[entriesOf(parent) + 2 * (left + 1)];
      moveBagEntries(this.#memory, b, 0, a);
      i32[a + bagNegatives] += i32[b + bagNegatives];
      this.#dropChild(parent, left + 1, b);
      return true;
    }
    return false;
  }

  #dropChild(parent: number, k: number, node: number): void {
    const { i32 } = this.#memory;
    if (i32[node + bagLevel] === 0) {
      this.#forget(node);
      unlinkLeaf(this.#memory, node);
    }
    freeBagNode(this.#memory, node);
    removeChild(this.#memory, parent, k);
  }

  /** Keeps the root no larger and no deeper than it need be. */
  #settleRoot(holder: number, root: number): void {
    const { i32 } = this.#memory;
    const count = i32[root + bagCount];
    const capacity = i32[root + bagCapacity];
    if (count === 0) {
      this.#forget(root);
      freeBagNode(this.#memory, root);
      this.#memory.i32[holder] = 0;
    } else if (i32[root + bagLevel] > 0) {
      if (count > 1) return;
      this.#memory.i32[holder] = i32[childOf(root, 0)];
      freeBagNode(this.#memory, root);
    } else if (capacity > bagEntriesMin && count <= capacity >> 2) {
      this.#resize(holder, root, Math.max(capacity >> 1, bagEntriesMin));
    }
  }
}
