/**
 * Goal: blocks never overlap, what comes back is whole again, and nothing is leaked. Method: random
 * allocation and freeing beside a plain list of intervals.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { Region, RegionPool, blockWords } from './region.ts';

describe('Region', () => {
  test('hands out aligned blocks that do not overlap and keeps what is written', () => {
    const random = new Random(11);
    const region = new Region();
    const blocks: { at: number; words: number; mark: number }[] = [];
    for (let k = 0; k < 3_000; k++) {
      if (blocks.length > 0 && random.chance(0.45)) {
        const { at, words, mark } = blocks.splice(random.below(blocks.length), 1)[0];
        expect(region.i32[at]).toBe(mark);
        expect(region.i32[at + words - 1]).toBe(mark);
        region.free(at, words);
      } else {
        const words = 1 + random.below(2 ** (3 + random.below(13)));
        const at = region.allocate(words);
        expect(at % blockWords(words)).toBe(0);
        region.i32.fill(k, at, at + words);
        blocks.push({ at, words, mark: k });
      }
      const used = blocks.reduce((sum, { words }) => sum + blockWords(words), 0);
      expect(region.used).toBe(used);
    }
    blocks.sort((a, b) => a.at - b.at);
    for (let k = 1; k < blocks.length; k++) {
      expect(blocks[k].at).toBeGreaterThanOrEqual(blocks[k - 1].at + blocks[k - 1].words);
    }
    for (const { at, words } of blocks) region.free(at, words);
    expect(region.used).toBe(0);
  });

  test('small blocks that come back serve a large one without growth', () => {
    const region = new Region();
    const blocks = Array.from({ length: 2_048 }, () => region.allocate(128));
    const length = region.i32.length;
    for (const at of blocks) region.free(at, 128);
    expect(region.allocate(2 ** 18)).toBe(0);
    expect(region.i32.length).toBe(length);
  });

  test('a block may be larger than the step of growth', () => {
    const region = new Region();
    region.allocate(100);
    const at = region.allocate(2 ** 20);
    region.i32[at + 2 ** 20 - 1] = 1;
    expect(at % 2 ** 20).toBe(0);
    const small = region.allocate(2 ** 19);
    expect(small).toBeLessThan(at);
  });
});

describe('RegionPool', () => {
  test('shares regions among small tenants and drops them with the last', () => {
    const pool = new RegionPool();
    const arenas = Array.from({ length: 100 }, () => pool.open());
    const blocks = arenas.map((arena) => arena.allocate(1_000));
    expect(pool.regions).toBe(1);
    expect(pool.bytes).toBe(100 * 4 * 1_024);
    arenas.forEach((arena, k) => {
      arena.free(blocks[k], 1_000);
      arena.close();
    });
    expect(pool.bytes).toBe(0);
    expect(pool.regions).toBe(0);
  });

  test('refuses to close an arena that still holds memory', () => {
    const arena = new RegionPool().open();
    arena.allocate(10);
    expect(() => {
      arena.close();
    }).toThrow(/every block comes back/);
  });
});
