/**
 * Goal: blocks never overlap, what comes back is whole again, and nothing is leaked. Method: random
 * allocation and freeing beside a plain list of intervals.
 */
import { describe, expect, test } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
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

describe('a region that is full', () => {
  test('says so with 53200 and stays as it was', () => {
    const region = new Region(2 ** 20);
    const random = new Random(12);
    const blocks: number[] = [];
    const words = 2 ** 10;
    expect(() => {
      for (;;) blocks.push(region.allocate(words));
    }).toThrow('out of memory');
    expect(blocks.length * words).toBe(2 ** 20);
    expect(region.used).toBe(2 ** 20);
    expect(() => region.reserve(0, words)).toThrow(SqlError);
    for (const at of blocks.splice(random.below(100), 300)) region.free(at, words);
    expect(region.used).toBe(2 ** 20 - 300 * words);
    region.reserve(100 * words, words);
    for (let k = 0; k < 300; k++) blocks.push(region.allocate(words));
    expect(new Set(blocks).size).toBe(1_024);
  });

  test('what is reserved can be had', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new Random(seed);
      const region = new Region(2 ** 20);
      const blocks: (readonly [at: number, words: number])[] = [];
      for (let k = 0; k < 400; k++) {
        if (blocks.length > 0 && random.chance(0.4)) {
          const [at, words] = blocks.splice(random.below(blocks.length), 1)[0];
          region.free(at, words);
        } else {
          const words = 2 ** (7 + random.below(8));
          if (region.hasRoom(0, words)) blocks.push([region.allocate(words), words]);
        }
      }
      const wanted = random.below(2 ** 18);
      const largest = 2 ** (7 + random.below(12));
      if (!region.hasRoom(wanted, largest)) continue;
      region.allocate(largest);
      for (let left = wanted; left >= 128;) {
        const words = Math.min(2 ** (7 + random.below(8)), 2 ** Math.floor(Math.log2(left)));
        region.allocate(words);
        left -= words;
      }
      expect(region.used).toBeGreaterThan(wanted / 2);
    }
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

describe('an arena of many blocks that leaves', () => {
  /** A pool with two arenas in one region, of which one has 3,000 blocks and ends. */
  function left() {
    const pool = new RegionPool(2 ** 20);
    const stays = pool.open();
    const kept = stays.allocate(1_000);
    const leaves = pool.open();
    expect(leaves.region).toBe(stays.region);
    const blocks = Array.from({ length: 3_000 }, () => leaves.allocate(256));
    leaves.leave();
    for (const at of blocks) leaves.free(at, 256);
    leaves.close();
    return { pool, stays, kept };
  }

  test('is freed in slices', () => {
    const { pool, stays, kept } = left();
    const before = pool.bytes;
    let slices = 0;
    for (let bytes = before; pool.tidy(); slices++) {
      expect(bytes - pool.bytes).toBeLessThanOrEqual(512 * 256 * 4);
      ({ bytes } = pool);
    }
    expect(slices).toBeGreaterThan(4);
    expect(pool.bytes).toBe(stays.words * 4);
    stays.free(kept, 1_000);
    stays.close();
    expect([pool.bytes, pool.regions]).toEqual([0, 0]);
  });

  test('makes room at once for whoever needs it', () => {
    const { pool, stays } = left();
    expect(stays.region.hasRoom(600_000, 128)).toBe(false);
    stays.region.reserve(600_000, 128);
    expect(pool.bytes).toBe(stays.words * 4);
    expect(pool.tidy()).toBe(false);
  });
});
