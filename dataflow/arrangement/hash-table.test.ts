/**
 * Goal: a table is a multimap from hash to value under growth, splits, merges and hostile hashes,
 * and leaks nothing. Method: random inserts and removals beside a plain map; hashes uniform, alike
 * in their low bits, alike in their high bits, and all the same.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { HashTable, headWords, tableBase, tableMask } from './hash-table.ts';
import { RegionPool } from './region.ts';
import type { Arena } from './region.ts';

/** Word of the slot of a value, or -1. */
function find(arena: Arena, table: HashTable, hash: number, value: number): number {
  const entry = table.entryOf(hash);
  const base = tableBase(entry);
  const mask = tableMask(entry);
  const { i32 } = arena.region;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    if (i32[base + 2 * slot + 1] === 0) return -1;
    if (i32[base + 2 * slot + 1] === value) return base + 2 * slot;
  }
}

function entries(arena: Arena, table: HashTable): number {
  let count = 0;
  table.eachTable((base, slots) => {
    let inTable = 0;
    for (let k = 0; k < slots; k++) if (arena.region.i32[base + 2 * k + 1] !== 0) inTable++;
    expect(inTable).toBeLessThanOrEqual(slots - (slots >> 3));
    count += inTable;
  });
  return count;
}

const shapes: readonly (readonly [string, (random: Random) => number])[] = [
  ['uniform', (random) => random.next() | 0],
  ['alike in the low bits', (random) => (random.next() & 0xffff0000) | 0],
  ['alike in the high bits', (random) => random.next() & 0xffff],
  ['all the same', () => 0x12345678],
];

describe.each(shapes)('HashTable with hashes %s', (name, hashOf) => {
  test.each([[true], [false]])('is a multimap (whole tags: %s)', (whole) => {
    // Tags of 16 bits cannot tell hashes apart that share them; the index sees to that.
    if (!whole && name === 'all the same') return;
    const random = new Random(4);
    const pool = new RegionPool();
    const arena = pool.open();
    const hashes = new Map<number, number>();
    const hashesOf = (entries: Int32Array, words: number, out: Int32Array): void => {
      for (let k = 0; k < words; k += 2) out[k] = hashes.get(entries[k + 1]) ?? 0;
    };
    const head = arena.allocate(headWords);
    const table = new HashTable(arena, whole ? null : hashesOf, 6, head);
    const emptyWords = arena.words;
    const values: number[] = [];
    const rows = name === 'uniform' || name === 'alike in the high bits' ? 20_000 : 1_500;
    for (let k = 1; k <= rows; k++) {
      const hash = hashOf(random);
      hashes.set(k, hash);
      if (random.chance(0.3)) table.insertApart(hash, whole ? hash : hash & 0xffff, k);
      else table.insert(hash, whole ? hash : hash & 0xffff, k);
      values.push(k);
      if (random.chance(0.2)) {
        const [gone] = values.splice(random.below(values.length), 1);
        const at = find(arena, table, hashes.get(gone) ?? 0, gone);
        expect(at).toBeGreaterThanOrEqual(0);
        table.remove(hashes.get(gone) ?? 0, at);
        expect(find(arena, table, hashes.get(gone) ?? 0, gone)).toBe(-1);
      }
    }
    expect(table.count).toBe(values.length);
    expect(entries(arena, table)).toBe(values.length);
    for (const value of values) {
      expect(find(arena, table, hashes.get(value) ?? 0, value)).toBeGreaterThanOrEqual(0);
    }
    while (values.length > 0) {
      const [gone] = values.splice(random.below(values.length), 1);
      table.remove(hashes.get(gone) ?? 0, find(arena, table, hashes.get(gone) ?? 0, gone));
    }
    expect(table.tables).toBe(1);
    expect(arena.words).toBe(emptyWords);
    table.dispose();
    arena.free(head, headWords);
    arena.close();
    expect(pool.regions).toBe(0);
  });
});

test('the fill of a large table does not swing with its size', () => {
  const random = new Random(5);
  const pool = new RegionPool();
  const arena = pool.open();
  const table = new HashTable(arena, null, 6, arena.allocate(headWords));
  const fills: number[] = [];
  for (let k = 1; k <= 200_000; k++) {
    const hash = random.next() | 0;
    table.insert(hash, hash, k);
    if (k >= 50_000 && k % 5_000 === 0) fills.push(k / (table.tables * 512));
  }
  expect(Math.min(...fills)).toBeGreaterThan(0.55);
  expect(Math.max(...fills)).toBeLessThan(0.7);
});

test('the tables lie in order of hash, each up to its last', () => {
  const random = new Random(6);
  const pool = new RegionPool();
  const arena = pool.open();
  const table = new HashTable(arena, null, 6, arena.allocate(headWords));
  for (let k = 1; k <= 20_000; k++) {
    const hash = random.next() | 0;
    table.insert(hash, hash, k);
  }
  let tables = 0;
  let hash = 0;
  for (; hash <= 0xffffffff; tables++) {
    const last = table.lastOf(hash);
    expect(table.entryOf(last)).toBe(table.entryOf(hash));
    if (last < 0xffffffff) expect(table.entryOf(last + 1)).not.toBe(table.entryOf(hash));
    hash = last + 1;
  }
  expect(tables).toBe(table.tables);
});

test('one entry more moves no more than one table of entries', () => {
  const random = new Random(6);
  const pool = new RegionPool();
  const arena = pool.open();
  const table = new HashTable(arena, null, 6, arena.allocate(headWords));
  const most = 4_000;
  const before = new Int32Array(most + 1);
  const after = new Int32Array(most + 1);
  let movedMost = 0;
  for (let k = 1; k <= most; k++) {
    const hash = random.next() | 0;
    table.insert(hash, hash, k);
    const { i32 } = arena.region;
    table.eachTable((base, slots) => {
      for (let at = base; at < base + 2 * slots; at += 2)
        if (i32[at + 1] !== 0) after[i32[at + 1]] = at;
    });
    let moved = 0;
    for (let value = 1; value < k; value++) if (after[value] !== before[value]) moved++;
    movedMost = Math.max(movedMost, moved);
    before.set(after);
  }
  expect(table.tables).toBeGreaterThan(8);
  expect(movedMost).toBeLessThanOrEqual(512);
  // Tables were split, so that there was something to hold.
  expect(movedMost).toBeGreaterThan(200);
});
