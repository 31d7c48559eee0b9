/**
 * Nodes of the trees of bags (number-bags.ts), over an operator's memory.
 *
 *     0 count | 1 capacity | 2 level | 3 negative entries | 4 previous leaf | 5 next leaf
 *     | capacity entries of two doubles
 *
 * An entry of a leaf (level 0) is a value and its weight, in no order. An entry of an inner node is
 * a bound and, in the word after it, the address of a child; bounds ascend. The values under child
 * k are not less than its bound, and less than the next one's; the bound of a node's first child
 * says nothing.
 */
import type { StateMemory } from './state-memory.ts';

/** Entries of a full node, which is 254 words long: just within a class of blocks. */
export const bagEntries = 62;
/** Entries of the smallest node: the root of a small bag. */
export const bagEntriesMin = 4;

export const bagCount = 0;
export const bagCapacity = 1;
export const bagLevel = 2;
export const bagNegatives = 3;
export const bagPrevious = 4;
export const bagNext = 5;
const header = 6;
/** Entries whose middle one divides a leaf are this far apart. */
const sampleStep = 9;
// One leaf is divided at a time.
const samples = new Float64Array(Math.ceil(bagEntries / sampleStep));

/** A new node without entries. May grow the memory. */
export function makeBagNode(memory: StateMemory, capacity: number, level: number): number {
  const node = memory.allocate(header + 4 * capacity);
  const { i32 } = memory;
  i32[node + bagCount] = 0;
  i32[node + bagCapacity] = capacity;
  i32[node + bagLevel] = level;
  i32[node + bagNegatives] = 0;
  i32[node + bagPrevious] = 0;
  i32[node + bagNext] = 0;
  return node;
}

/** Gives a node's block back. */
export function freeBagNode(memory: StateMemory, node: number): void {
  memory.free(node, header + 4 * memory.i32[node + bagCapacity]);
}

/** Words from a node's first one that say something of its entries. */
export const headWords = 4;
/** Words of an entry. */
export const entryWords = 4;

/** Entry `k` of a node is written to, and what the node says of its entries. */
export function markEntry({ written }: StateMemory, node: number, k: number): void {
  written.words(node, headWords);
  written.words(node + header + entryWords * k, entryWords);
}

/** All of a node is written to. */
export function markBagNode({ i32, written }: StateMemory, node: number): void {
  written.words(node, header + 4 * i32[node + bagCapacity]);
}

/** Double offset of the first entry: its value or bound; its weight is the next double. */
export function entriesOf(node: number): number {
  return (node + header) >> 1;
}

/** Word offset of the address of child `k`. */
export function childOf(node: number, k: number): number {
  return node + header + 4 * k + 2;
}

/** The number of the child to which a value belongs. */
export function childFor(i32: Int32Array, f64: Float64Array, node: number, value: number): number {
  const entries = entriesOf(node);
  let low = 0;
  for (let n = i32[node + bagCount]; n > 1;) {
    const half = n >> 1;
    if (f64[entries + 2 * (low + half)] <= value) low += half;
    n -= half;
  }
  return low;
}

/** Puts a child at position `k` of an inner node with room. */
export function insertChild(
  memory: StateMemory,
  node: number,
  k: number,
  bound: number,
  child: number,
): void {
  const { i32, f64 } = memory;
  const entries = entriesOf(node);
  const count = i32[node + bagCount];
  f64.copyWithin(entries + 2 * (k + 1), entries + 2 * k, entries + 2 * count);
  f64[entries + 2 * k] = bound;
  i32[childOf(node, k)] = child;
  i32[node + bagCount] = count + 1;
  markBagNode(memory, node);
}

/** Takes child `k` out of an inner node. */
export function removeChild(memory: StateMemory, node: number, k: number): void {
  const { i32, f64 } = memory;
  const entries = entriesOf(node);
  const count = i32[node + bagCount];
  f64.copyWithin(entries + 2 * k, entries + 2 * (k + 1), entries + 2 * count);
  i32[node + bagCount] = count - 1;
  markBagNode(memory, node);
}

/** Moves entries from … count - 1 of `source` to the end of `target`, which has room. */
export function moveBagEntries(
  memory: StateMemory,
  source: number,
  from: number,
  target: number,
): void {
  const { i32, f64, written } = memory;
  const moved = i32[source + bagCount] - from;
  const entries = entriesOf(source) + 2 * from;
  const to = entriesOf(target) + 2 * i32[target + bagCount];
  for (let e = 0; e < 2 * moved; e++) f64[to + e] = f64[entries + e];
  i32[source + bagCount] = from;
  i32[target + bagCount] += moved;
  written.word(source);
  markBagNode(memory, target);
}

/** Links the new leaf `node` behind `previous`. */
export function linkLeaf({ i32, written }: StateMemory, previous: number, node: number): void {
  const next = i32[previous + bagNext];
  i32[node + bagPrevious] = previous;
  i32[node + bagNext] = next;
  i32[previous + bagNext] = node;
  written.words(previous, header);
  if (next === 0) return;
  i32[next + bagPrevious] = node;
  written.words(next, header);
}

/** Takes a leaf out of the chain of leaves. */
export function unlinkLeaf({ i32, written }: StateMemory, node: number): void {
  const previous = i32[node + bagPrevious];
  const next = i32[node + bagNext];
  if (previous !== 0) {
    i32[previous + bagNext] = next;
    written.words(previous, header);
  }
  if (next === 0) return;
  i32[next + bagPrevious] = previous;
  written.words(next, header);
}

/** The greatest value of positive weight in a leaf; -Infinity if there is none. */
export function greatestIn(i32: Int32Array, f64: Float64Array, leaf: number): number {
  let greatest = -Infinity;
  const entries = entriesOf(leaf);
  for (let at = entries, end = at + 2 * i32[leaf + bagCount]; at < end; at += 2) {
    if (f64[at] > greatest && f64[at + 1] > 0) greatest = f64[at];
  }
  return greatest;
}

/** The least value of positive weight in a leaf; Infinity if there is none. */
export function leastIn(i32: Int32Array, f64: Float64Array, leaf: number): number {
  let least = Infinity;
  const entries = entriesOf(leaf);
  for (let at = entries, end = at + 2 * i32[leaf + bagCount]; at < end; at += 2) {
    if (f64[at] < least && f64[at + 1] > 0) least = f64[at];
  }
  return least;
}

/** The middle one of a few values of a full leaf. */
export function middleOf(f64: Float64Array, entries: number): number {
  for (let s = 0; s < samples.length; s++) {
    const value = f64[entries + 2 * sampleStep * s];
    let place = s;
    for (; place > 0 && samples[place - 1] > value; place--) samples[place] = samples[place - 1];
    samples[place] = value;
  }
  return samples[samples.length >> 1];
}
