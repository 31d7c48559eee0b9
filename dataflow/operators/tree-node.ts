/**
 * Nodes of the ordered trees: one layout for leaves and inner nodes, over an operator's memory.
 *
 *     0 count | 1 capacity | 2 level | 3 unused | 4 previous leaf | 5 next leaf
 *     | capacity prefixes (doubles) | capacity sums (doubles) | capacity references
 *
 * In a leaf (level 0) an entry is an item: its order-preserving prefix, its weight, and its
 * address. In an inner node an entry is a child: a prefix that is <= that of the child's first item
 * and >= those of the items before the child, the sum of the positive weights under it, and its
 * address.
 */
import type { StateMemory } from './state-memory.ts';

/** Entries of a full node. */
export const nodeEntries = 32;
/** Entries of the smallest node: the root of a small group. */
export const nodeEntriesMin = 4;

export const nodeCount = 0;
export const nodeCapacity = 1;
export const nodeLevel = 2;
export const nodePrevious = 4;
export const nodeNext = 5;
const header = 6;

function nodeWords(capacity: number): number {
  return (header + capacity * 5 + 1) & ~1;
}

/** A new node without entries. May grow the memory. */
export function makeNode(memory: StateMemory, capacity: number, level: number): number {
  const node = memory.allocate(nodeWords(capacity));
  const { i32 } = memory;
  i32[node + nodeCount] = 0;
  i32[node + nodeCapacity] = capacity;
  i32[node + nodeLevel] = level;
  i32[node + nodePrevious] = 0;
  i32[node + nodeNext] = 0;
  return node;
}

/** Gives a node's block back; what it refers to is the caller's. */
export function freeNode(memory: StateMemory, node: number): void {
  const { i32 } = memory;
  memory.free(node, nodeWords(i32[node + nodeCapacity]));
}

/** A node is written to. */
export function markNode({ i32, written }: StateMemory, node: number): void {
  written.words(node, nodeWords(i32[node + nodeCapacity]));
}

/** Double offset of the first prefix. */
export function prefixesOf(node: number): number {
  return (node + header) >> 1;
}

/** Double offset of the first sum. */
export function sumsOf(i32: Int32Array, node: number): number {
  return ((node + header) >> 1) + i32[node + nodeCapacity];
}

/** Word offset of the first reference. */
export function referencesOf(i32: Int32Array, node: number): number {
  return node + header + 4 * i32[node + nodeCapacity];
}

/** Sum of the positive sums of a node's entries. */
export function totalOf(memory: StateMemory, node: number): number {
  const { i32, f64 } = memory;
  const sums = sumsOf(i32, node);
  let total = 0;
  for (let k = 0; k < i32[node + nodeCount]; k++) if (f64[sums + k] > 0) total += f64[sums + k];
  return total;
}

/** Puts an entry at position `k`, moving later ones up; there is room. */
export function insertEntry(
  memory: StateMemory,
  node: number,
  k: number,
  prefix: number,
  sum: number,
  reference: number,
): void {
  const { i32, f64 } = memory;
  const count = i32[node + nodeCount];
  const prefixes = prefixesOf(node);
  const sums = sumsOf(i32, node);
  const references = referencesOf(i32, node);
  for (let j = count; j > k; j--) {
    f64[prefixes + j] = f64[prefixes + j - 1];
    f64[sums + j] = f64[sums + j - 1];
  }
  f64[prefixes + k] = prefix;
  f64[sums + k] = sum;
  i32[node + nodeCount] = count + 1;
  for (let j = count; j > k; j--) i32[references + j] = i32[references + j - 1];
  i32[references + k] = reference;
  markNode(memory, node);
}

/** Takes out entry `k`. */
export function removeEntry(memory: StateMemory, node: number, k: number): void {
  const { i32, f64 } = memory;
  const last = i32[node + nodeCount] - 1;
  const prefixes = prefixesOf(node);
  const sums = sumsOf(i32, node);
  const references = referencesOf(i32, node);
  for (let j = k; j < last; j++) {
    f64[prefixes + j] = f64[prefixes + j + 1];
    f64[sums + j] = f64[sums + j + 1];
  }
  i32[node + nodeCount] = last;
  for (let j = k; j < last; j++) i32[references + j] = i32[references + j + 1];
  markNode(memory, node);
}

/** Moves entries from … count - 1 of `source` to the end of `target`. */
export function moveEntries(
  memory: StateMemory,
  source: number,
  from: number,
  target: number,
): void {
  const { i32, f64 } = memory;
  const moved = i32[source + nodeCount] - from;
  const at = i32[target + nodeCount];
  const prefixes = prefixesOf(source) + from;
  const sums = sumsOf(i32, source) + from;
  const toPrefixes = prefixesOf(target) + at;
  const toSums = sumsOf(i32, target) + at;
  for (let j = 0; j < moved; j++) {
    f64[toPrefixes + j] = f64[prefixes + j];
    f64[toSums + j] = f64[sums + j];
  }
  i32[source + nodeCount] = from;
  i32[target + nodeCount] = at + moved;
  const references = referencesOf(i32, source) + from;
  const toReferences = referencesOf(i32, target) + at;
  for (let j = 0; j < moved; j++) i32[toReferences + j] = i32[references + j];
  memory.written.word(source);
  markNode(memory, target);
}

/** Links the new leaf `node` behind `previous`. */
export function linkAfter({ i32, written }: StateMemory, previous: number, node: number): void {
  const next = i32[previous + nodeNext];
  i32[node + nodePrevious] = previous;
  i32[node + nodeNext] = next;
  i32[previous + nodeNext] = node;
  written.words(previous, header);
  if (next === 0) return;
  i32[next + nodePrevious] = node;
  written.words(next, header);
}

/** Takes a leaf out of the chain of leaves. */
export function unlink({ i32, written }: StateMemory, node: number): void {
  const previous = i32[node + nodePrevious];
  const next = i32[node + nodeNext];
  if (previous !== 0) {
    i32[previous + nodeNext] = next;
    written.words(previous, header);
  }
  if (next === 0) return;
  i32[next + nodePrevious] = previous;
  written.words(next, header);
}
