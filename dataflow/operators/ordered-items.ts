/**
 * Ordered multisets: for each of many holders (a word of a group's record) a tree of items with
 * weights, in the order of their prefixes and, among equal prefixes, of a comparison. What min,
 * max, top-k and the collecting aggregates stand on.
 *
 * A tree is a B+ tree with nodes of 32 entries (tree-node.ts) whose leaves are chained; a small
 * tree is a single leaf of 4 to 32 entries. A prefix is a double that orders items roughly, so most
 * searches read no item. Changing a weight, adding and removing cost O(log n), whatever the size of
 * the group: there is no work per item of a group, and no pause.
 *
 * Inner prefixes are bounds, not copies: when the first item of a child goes, the bound stays.
 * Where a search ties with a bound it compares with the child's present first item instead, which
 * is right: an item before that one belongs to the left.
 *
 * Invariants: nodes are not empty; an inner root has two children or more; sums of inner entries
 * are those of the positive weights below. Items of weight 0 go at once unless `keepsZeros` (then
 * the owner calls `remove`).
 */
import { assert } from '../../src/base/assert.ts';
import type { StateMemory } from './state-memory.ts';
import {
  freeNode,
  insertEntry,
  linkAfter,
  makeNode,
  moveEntries,
  nodeCapacity,
  nodeCount,
  nodeEntries,
  nodeEntriesMin,
  nodeLevel,
  nodeNext,
  nodePrevious,
  prefixesOf,
  referencesOf,
  removeEntry,
  sumsOf,
  totalOf,
  unlink,
} from './tree-node.ts';

/** Nodes of at most this many entries look for a neighbour to merge with … */
const thinEntries = 8;
/** … if together they have at most this many. */
const mergeBelow = 24;
const depthMax = 12;

/** Order of two items with equal prefixes: negative, 0 or positive. */
export type CompareItems = (a: number, b: number) => number;

/** A place in a tree: entry `index` of `leaf`; leaf 0 is past the end. */
export interface Place {
  leaf: number;
  index: number;
}

/** Ordered trees of items with weights, one per holder. */
export class OrderedItems {
  /** Weight of the item before and after the last `add`. */
  before = 0;
  after = 0;
  /**
   * The item that the last `add` added to; its owner's to free if `after` is 0 and it is removed.
   */
  item = 0;
  /** Where the last `add` or `find` ended; valid until the tree changes. */
  readonly place: Place = { leaf: 0, index: 0 };
  readonly #memory: StateMemory;
  readonly #compare: CompareItems;
  readonly #keepsZeros: boolean;
  readonly #nodes = new Int32Array(depthMax);
  readonly #indexes = new Int32Array(depthMax);
  #depth = 0;

  constructor(memory: StateMemory, compare: CompareItems, keepsZeros = false) {
    this.#memory = memory;
    this.#compare = compare;
    this.#keepsZeros = keepsZeros;
  }

  /**
   * Adds `weight` to the item in the tree of `holder`; answers whether `item` is now in the tree
   * (else an equal one is, or was). May grow the memory.
   */
  add(holder: number, prefix: number, item: number, weight: number): boolean {
    if (this.#memory.i32[holder] === 0) {
      this.#setRoot(holder, makeNode(this.#memory, nodeEntriesMin, 0));
    }
    if (!this.#search(holder, prefix, item)) {
      this.#insert(holder, prefix, item, weight);
      return true;
    }
    const { leaf, index } = this.place;
    const { i32, f64, written } = this.#memory;
    const at = sumsOf(i32, leaf) + index;
    this.before = f64[at];
    this.after = this.before + weight;
    f64[at] = this.after;
    written.word(2 * at);
    this.item = this.itemAt(this.place);
    this.#addToSums(Math.max(this.after, 0) - Math.max(this.before, 0));
    if (this.after === 0 && !this.#keepsZeros) this.#removeAt(holder, leaf, index);
    return false;
  }

  /** Sets `place` to the item; answers whether it is there. */
  find(holder: number, prefix: number, item: number): boolean {
    return this.#memory.i32[holder] !== 0 && this.#search(holder, prefix, item);
  }

  /** Removes an item that is there and has weight 0. */
  remove(holder: number, prefix: number, item: number): void {
    const found = this.find(holder, prefix, item);
    assert(found && this.weightAt(this.place) === 0, `item ${item} is there without weight`);
    this.#removeAt(holder, this.place.leaf, this.place.index);
  }

  /** Sum of the positive weights before the item that `find` or `add` found last. */
  rank(): number {
    const { i32, f64 } = this.#memory;
    let rank = sumBefore(f64, sumsOf(i32, this.place.leaf), this.place.index);
    for (let d = 0; d < this.#depth; d++) {
      rank += sumBefore(f64, sumsOf(i32, this.#nodes[d]), this.#indexes[d]);
    }
    return rank;
  }

  /** Sum of the positive weights. */
  total(holder: number): number {
    const root = this.#memory.i32[holder];
    return root === 0 ? 0 : totalOf(this.#memory, root);
  }

  /**
   * Sets `place` to the item that holds position `position` (0 is the first unit of weight) and
   * answers its own first position; -1 if the sum of weights is not more than `position`.
   */
  seek(holder: number, position: number, place: Place): number {
    const { i32, f64 } = this.#memory;
    place.leaf = 0;
    let node = i32[holder];
    if (node === 0 || position >= totalOf(this.#memory, node)) return -1;
    let start = 0;
    for (;;) {
      const sums = sumsOf(i32, node);
      let k = 0;
      for (; start + Math.max(f64[sums + k], 0) <= position; k++)
        start += Math.max(f64[sums + k], 0);
      if (i32[node + nodeLevel] === 0) {
        place.leaf = node;
        place.index = k;
        return start;
      }
      node = i32[referencesOf(i32, node) + k];
    }
  }

  /** Sets `place` to the first item. */
  first(holder: number, place: Place): void {
    const { i32 } = this.#memory;
    let node = i32[holder];
    while (node !== 0 && i32[node + nodeLevel] > 0) node = i32[referencesOf(i32, node)];
    place.leaf = node;
    place.index = 0;
  }

  /** Sets `place` to the last item. */
  last(holder: number, place: Place): void {
    const { i32 } = this.#memory;
    let node = i32[holder];
    while (node !== 0 && i32[node + nodeLevel] > 0) {
      node = i32[referencesOf(i32, node) + i32[node + nodeCount] - 1];
    }
    place.leaf = node;
    place.index = node === 0 ? 0 : i32[node + nodeCount] - 1;
  }

  /** Moves `place` to the next item, or past the end. */
  next(place: Place): void {
    const { i32 } = this.#memory;
    if (++place.index < i32[place.leaf + nodeCount]) return;
    place.leaf = i32[place.leaf + nodeNext];
    place.index = 0;
  }

  /** Moves `place` to the previous item, or past the end. */
  previous(place: Place): void {
    const { i32 } = this.#memory;
    if (--place.index >= 0) return;
    place.leaf = i32[place.leaf + nodePrevious];
    place.index = place.leaf === 0 ? 0 : i32[place.leaf + nodeCount] - 1;
  }

  weightAt(place: Place): number {
    return this.#memory.f64[sumsOf(this.#memory.i32, place.leaf) + place.index];
  }

  prefixAt(place: Place): number {
    return this.#memory.f64[prefixesOf(place.leaf) + place.index];
  }

  itemAt(place: Place): number {
    return this.#memory.i32[referencesOf(this.#memory.i32, place.leaf) + place.index];
  }

  /** Walks down to where the item is or belongs: sets path and `place`. */
  #search(holder: number, prefix: number, item: number): boolean {
    const { i32 } = this.#memory;
    let node = i32[holder];
    this.#depth = 0;
    while (i32[node + nodeLevel] > 0) {
      const k = this.#childFor(node, prefix, item);
      this.#nodes[this.#depth] = node;
      this.#indexes[this.#depth++] = k;
      assert(this.#depth < depthMax, `a tree is at most ${depthMax} nodes deep`);
      node = i32[referencesOf(i32, node) + k];
    }
    this.place.leaf = node;
    return this.#searchLeaf(node, prefix, item);
  }

  /** The last child whose bound is not after the item; the first if there is none. */
  #childFor(node: number, prefix: number, item: number): number {
    const { i32, f64 } = this.#memory;
    const prefixes = prefixesOf(node);
    let low = 1;
    let high = i32[node + nodeCount];
    while (low < high) {
      const middle = (low + high) >> 1;
      const bound = f64[prefixes + middle];
      const after =
        bound === prefix
          ? this.#compareFirst(i32[referencesOf(i32, node) + middle], prefix, item) > 0
          : bound > prefix;
      if (after) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }

  /** Order of the first item under a node against the given one. */
  #compareFirst(node: number, prefix: number, item: number): number {
    const { i32, f64 } = this.#memory;
    let leaf = node;
    while (i32[leaf + nodeLevel] > 0) leaf = i32[referencesOf(i32, leaf)];
    const first = f64[prefixesOf(leaf)];
    if (first !== prefix) return first < prefix ? -1 : 1;
    return this.#compare(i32[referencesOf(i32, leaf)], item);
  }

  #searchLeaf(leaf: number, prefix: number, item: number): boolean {
    const { i32, f64 } = this.#memory;
    const prefixes = prefixesOf(leaf);
    let low = 0;
    let high = i32[leaf + nodeCount];
    while (low < high) {
      const middle = (low + high) >> 1;
      const found = f64[prefixes + middle];
      if (found < prefix) low = middle + 1;
      else if (found > prefix) high = middle;
      else {
        const order = this.#compare(i32[referencesOf(i32, leaf) + middle], item);
        if (order === 0) {
          this.place.index = middle;
          return true;
        }
        if (order < 0) low = middle + 1;
        else high = middle;
      }
    }
    this.place.index = low;
    return false;
  }

  /** Adds to the sums on the path. */
  #addToSums(difference: number): void {
    if (difference === 0) return;
    const { i32, f64, written } = this.#memory;
    for (let d = 0; d < this.#depth; d++) {
      const at = sumsOf(i32, this.#nodes[d]) + this.#indexes[d];
      f64[at] += difference;
      written.word(2 * at);
    }
  }

  /** Puts a new item where the last search ended. */
  #insert(holder: number, prefix: number, item: number, weight: number): void {
    for (;;) {
      const { leaf } = this.place;
      if (this.#memory.i32[leaf + nodeCount] < this.#memory.i32[leaf + nodeCapacity]) break;
      this.#makeRoom(holder);
      this.#search(holder, prefix, item);
    }
    this.before = 0;
    this.after = weight;
    this.item = item;
    this.#addToSums(Math.max(weight, 0));
    insertEntry(this.#memory, this.place.leaf, this.place.index, prefix, weight, item);
  }

  /**
   * Splits one node on the path of the last search, such that the leaf there comes nearer to having
   * room.
   */
  #makeRoom(holder: number): void {
    const { i32 } = this.#memory;
    const leaf = this.place.leaf;
    const capacity = i32[leaf + nodeCapacity];
    if (capacity < nodeEntries) {
      this.#resize(holder, leaf, capacity * 2);
      return;
    }
    let d = this.#depth;
    while (d > 0 && i32[this.#nodes[d - 1] + nodeCount] === nodeEntries) d--;
    const node = d === this.#depth ? leaf : this.#nodes[d];
    const at = d === this.#depth ? this.place.index : this.#indexes[d] + 1;
    const parent = d === 0 ? this.#growRoot(holder, node) : this.#nodes[d - 1];
    this.#split(parent, d === 0 ? 0 : this.#indexes[d - 1], node, at === nodeEntries);
  }

  /** A root leaf of another capacity with the same entries. */
  #resize(holder: number, leaf: number, capacity: number): void {
    const other = makeNode(this.#memory, capacity, 0);
    moveEntries(this.#memory, leaf, 0, other);
    freeNode(this.#memory, leaf);
    this.#setRoot(holder, other);
  }

  /** Puts a new root over the full one and answers it. */
  #growRoot(holder: number, node: number): number {
    const root = makeNode(this.#memory, nodeEntries, this.#memory.i32[node + nodeLevel] + 1);
    const bound = this.#memory.f64[prefixesOf(node)];
    insertEntry(this.#memory, root, 0, bound, totalOf(this.#memory, node), node);
    this.#setRoot(holder, root);
    return root;
  }

  #setRoot(holder: number, root: number): void {
    this.#memory.i32[holder] = root;
    this.#memory.written.word(holder);
  }

  /** Moves the upper half of child `k`, or little if data ascend, to a new child k + 1. */
  #split(parent: number, k: number, node: number, ascending: boolean): void {
    const level = this.#memory.i32[node + nodeLevel];
    const other = makeNode(this.#memory, nodeEntries, level);
    const { i32, f64 } = this.#memory;
    moveEntries(this.#memory, node, ascending ? nodeEntries - 2 : nodeEntries / 2, other);
    if (level === 0) linkAfter(this.#memory, node, other);
    insertEntry(
      this.#memory,
      parent,
      k + 1,
      f64[prefixesOf(other)],
      totalOf(this.#memory, other),
      other,
    );
    f64[sumsOf(i32, parent) + k] = totalOf(this.#memory, node);
  }

  /** Takes out an entry of weight 0 and merges or frees nodes that became thin. */
  #removeAt(holder: number, leaf: number, index: number): void {
    removeEntry(this.#memory, leaf, index);
    let node = leaf;
    for (let d = this.#depth; d > 0; d--) {
      const parent = this.#nodes[d - 1];
      if (!this.#mergeChild(parent, this.#indexes[d - 1], node)) return;
      node = parent;
    }
    this.#settleRoot(holder, node);
  }

  /**
   * Frees child `k` if it is empty, merges it if it is thin; answers whether the parent lost one.
   */
  #mergeChild(parent: number, k: number, node: number): boolean {
    const { i32, f64 } = this.#memory;
    const count = i32[node + nodeCount];
    if (count > thinEntries) return false;
    const references = referencesOf(i32, parent);
    if (count === 0) {
      this.#dropChild(parent, k, node);
      return true;
    }
    for (const left of [k, k - 1]) {
      if (left < 0 || left + 1 >= i32[parent + nodeCount]) continue;
      const a = i32[references + left];
      const b = i32[references + left + 1];
      if (i32[a + nodeCount] + i32[b + nodeCount] > mergeBelow) continue;
      moveEntries(this.#memory, b, 0, a);
      this.#dropChild(parent, left + 1, b);
      f64[sumsOf(i32, parent) + left] = totalOf(this.#memory, a);
      return true;
    }
    return false;
  }

  #dropChild(parent: number, k: number, node: number): void {
    const { i32 } = this.#memory;
    if (i32[node + nodeLevel] === 0) unlink(this.#memory, node);
    freeNode(this.#memory, node);
    removeEntry(this.#memory, parent, k);
  }

  /** Keeps the root no larger and no deeper than it need be. */
  #settleRoot(holder: number, root: number): void {
    const { i32 } = this.#memory;
    const count = i32[root + nodeCount];
    const capacity = i32[root + nodeCapacity];
    if (count === 0) {
      freeNode(this.#memory, root);
      this.#setRoot(holder, 0);
    } else if (i32[root + nodeLevel] > 0) {
      if (count > 1) return;
      this.#setRoot(holder, i32[referencesOf(i32, root)]);
      freeNode(this.#memory, root);
    } else if (capacity > nodeEntriesMin && count <= capacity >> 2) {
      this.#resize(holder, root, capacity >> 1);
    }
  }
}

function sumBefore(f64: Float64Array, sums: number, k: number): number {
  let sum = 0;
  for (let j = 0; j < k; j++) if (f64[sums + j] > 0) sum += f64[sums + j];
  return sum;
}
