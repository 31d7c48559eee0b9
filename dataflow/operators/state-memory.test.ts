/**
 * Goal: blocks never overlap, whether taken one by one or in a row, keep their contents while the
 * memory grows, and are handed out again; those of whole cache lines start on one; the memory starts
 * over when the last one comes back. Method: random allocations against a map of
 * what every block should hold.
 */
import { expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { lineWords, sizeOfBlock, StateMemory } from './state-memory.ts';

it('keeps blocks apart and whole, across every way of growing', () => {
  const random = new Random(1);
  const memory = new StateMemory();
  const start = memory.bytes();
  const blocks = new Map<number, { words: number; seed: number }>();
  for (let n = 0; n < 20_000; n++) {
    if (random.chance(0.05)) {
      const words = sizeOfBlock(1 + random.below(100));
      const count = Math.min(memory.roomFor(words), random.below(20));
      const first = memory.nextOf(words);
      memory.take(words, count);
      for (let k = 0; k < count; k++) {
        const address = first + k * words;
        expect(blocks.has(address)).toBe(false);
        memory.i32.fill(n, address, address + words);
        blocks.set(address, { words, seed: n });
      }
    } else if (random.chance(0.6)) {
      const words = 1 + random.below(random.chance(0.05) ? 3000 : 100);
      const address = memory.allocate(words);
      expect(address > 0 && address % 2 === 0 && !blocks.has(address)).toBe(true);
      const lines = sizeOfBlock(words) % lineWords === 0;
      expect(!lines || address % lineWords === 0).toBe(true);
      memory.i32.fill(n, address, address + words);
      blocks.set(address, { words, seed: n });
    } else if (blocks.size > 0) {
      const address = random.pick([...blocks.keys()].slice(0, 20));
      const { words, seed } = blocks.get(address) ?? { words: 0, seed: 0 };
      const held = memory.i32.subarray(address, address + words);
      expect(held.every((word) => word === seed)).toBe(true);
      memory.free(address, words);
      blocks.delete(address);
    }
  }
  expect(memory.bytes()).toBeGreaterThan(2 ** 20);
  for (const [address, { words, seed }] of blocks) {
    expect(memory.i32.subarray(address, address + words).every((word) => word === seed)).toBe(true);
    memory.free(address, words);
  }
  expect(memory.live).toBe(0);
  expect(memory.bytes()).toBe(start);
});

it('hands a freed block out again, and wastes at most an eighth', () => {
  const memory = new StateMemory();
  const kept = memory.allocate(2);
  for (let words = 1; words < 100_000; words = Math.ceil(words * 1.1)) {
    const before = memory.live;
    const address = memory.allocate(words);
    expect(memory.live - before).toBeLessThanOrEqual(Math.max(words + 1, (words * 9) / 8 + 1));
    memory.free(address, words);
    expect(memory.allocate(words)).toBe(address);
    memory.free(address, words);
  }
  memory.free(kept, 2);
  expect(memory.live).toBe(0);
});
