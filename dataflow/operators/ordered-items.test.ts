/**
 * Goal: trees of items hold what a sorted array holds, at every size, under adds, removes and
 * weights of either sign; emptied trees give all memory back; and every word written to is marked.
 * Method: random operations against an array, and against a copy of the memory.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { MemoryShadow } from '../../test/support/state-shadow.ts';
import { OrderedItems } from './ordered-items.ts';
import type { Place } from './ordered-items.ts';
import { StateMemory } from './state-memory.ts';

/** Items are blocks of two words: their key, of which the prefix is all or a tenth rounded down. */
function setup(exact: boolean, keepsZeros = false) {
  const memory = new StateMemory();
  const holder = memory.allocate(2);
  memory.i32[holder] = 0;
  const compare = (a: number, b: number) => memory.i32[a] - memory.i32[b];
  const tree = new OrderedItems(memory, compare, keepsZeros);
  const prefixOf = (key: number): number => (exact ? key : Math.floor(key / 10));
  const make = (key: number): number => {
    const item = memory.allocate(2);
    memory.i32[item] = key;
    return item;
  };
  const add = (key: number, weight: number): void => {
    const item = make(key);
    if (tree.add(holder, prefixOf(key), item, weight)) return;
    memory.free(item, 2);
    if (tree.after === 0 && !keepsZeros) memory.free(tree.item, 2);
  };
  const keyAt = (place: Place): number => memory.i32[tree.itemAt(place)];
  const list = (): [number, number][] => {
    const result: [number, number][] = [];
    const place = { leaf: 0, index: 0 };
    for (tree.first(holder, place); place.leaf !== 0; tree.next(place)) {
      result.push([keyAt(place), tree.weightAt(place)]);
    }
    return result;
  };
  return { memory, holder, tree, add, list, make, keyAt };
}

function sorted(weights: Map<number, number>): [number, number][] {
  return [...weights].sort(([a], [b]) => a - b);
}

describe.each([true, false])('prefixes that say all: %s', (exact) => {
  it.each([
    [20, 400],
    [300, 4000],
    [20_000, 30_000],
  ])('agrees with a sorted array over %i keys', (keys, operations) => {
    const random = new Random(keys);
    const { add, list, tree, holder, memory, keyAt } = setup(exact);
    const weights = new Map<number, number>();
    const shadow = new MemoryShadow(memory);
    const change = (key: number, weight: number): void => {
      add(key, weight);
      const before = weights.get(key) ?? 0;
      expect([tree.before, tree.after]).toEqual([before, before + weight]);
      if (before + weight === 0) weights.delete(key);
      else weights.set(key, before + weight);
    };
    for (let n = 0; n < operations; n++) {
      // Waves of growth and shrinkage, so that nodes split and merge at every level.
      const key = random.below(keys);
      const growing = Math.floor(n / (operations / 4)) % 2 === 0;
      const has = weights.get(key) ?? 0;
      if (growing || has === 0) change(key, random.chance(0.1) ? -1 : 1 + random.below(3));
      else change(key, -has);
      if (random.chance(2_000 / operations)) shadow.copyRest();
      if (n % (operations / 10) === 0) expect(list()).toEqual(sorted(weights));
    }
    expect(list()).toEqual(sorted(weights));
    const positive = sorted(weights).filter(([, weight]) => weight > 0);
    const total = positive.reduce((sum, [, weight]) => sum + weight, 0);
    expect(tree.total(holder)).toBe(total);
    let start = 0;
    const place = { leaf: 0, index: 0 };
    for (const [key, weight] of positive) {
      expect(tree.seek(holder, start + weight - 1, place)).toBe(start);
      expect(keyAt(place)).toBe(key);
      start += weight;
    }
    expect(tree.seek(holder, total, place)).toBe(-1);
    for (const [key, weight] of sorted(weights)) {
      change(key, -weight);
      if (random.chance(0.2)) shadow.copyRest();
    }
    expect(list()).toEqual([]);
    expect(memory.i32[holder]).toBe(0);
  });
});

it('fills nodes when keys ascend, and walks both ways', () => {
  const { add, tree, holder, memory, make } = setup(true);
  for (let key = 0; key < 10_000; key++) add(key, 1);
  expect(memory.live).toBeLessThan(10_000 * (2 + 5 * 1.25));
  const place = { leaf: 0, index: 0 };
  tree.last(holder, place);
  for (let key = 9_999; key >= 0; key--) {
    expect(tree.prefixAt(place)).toBe(key);
    tree.previous(place);
  }
  expect(place.leaf).toBe(0);
  expect(tree.find(holder, 4_321, make(4_321))).toBe(true);
  expect(tree.rank()).toBe(4_321);
  // Leaves between full ones go when they are empty.
  const shadow = new MemoryShadow(memory);
  for (let key = 300; key < 400; key++) {
    add(key, -1);
    shadow.copyRest();
  }
  expect(tree.total(holder)).toBe(9_900);
});

it('keeps items of weight 0 until they are removed, if asked', () => {
  const { add, list, tree, holder, make } = setup(true, true);
  add(1, 2);
  add(1, -2);
  expect(list()).toEqual([[1, 0]]);
  tree.remove(holder, 1, make(1));
  expect(list()).toEqual([]);
});
