/**
 * Goal: the laws of an arrangement that are about cost and space rather than answers: bytes stay
 * near what is live, small ones are small, memory comes back, moves are invisible, hot and hostile
 * keys and very large rows work. Method: each law has its own small scenario.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { defined } from '../../src/base/assert.ts';
import type { Row, Update } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { hashSeed } from '../value/hash.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { mix } from '../value/words.ts';
import { Weights, changed, scanned, takePairs } from './arrangement.reference.ts';
import { makePairs, startPosition } from './pairs.ts';
import type { Arena, Region } from './region.ts';
import { RegionPool } from './region.ts';
import { StoreArrangement } from './store-arrangement.ts';

const pool = new SlabPool();
const nothing = (): void => undefined;

const keyAndText: readonly ColumnType[] = [
  { type: 'int8', nullable: false },
  { type: 'text', nullable: false },
];
const keyAndNumber: readonly ColumnType[] = [
  { type: 'int8', nullable: false },
  { type: 'int4', nullable: false },
];

function step(arrangement: StoreArrangement, at: number, updates: readonly Update[]): void {
  const batch = batchFromRows(pool, arrangement.layout.columns, updates, at);
  arrangement.apply(at, batch);
  arrangement.seal(at);
  batch.slab.release();
}

const plus = (row: Row): Update => ({ row, weight: 1 });
const minus = (row: Row): Update => ({ row, weight: -1 });

/** Rows found by a key at a step, in pieces of `capacity`. */
function probed(arrangement: StoreArrangement, key: Row[0], at: number, capacity: number): Weights {
  const row = arrangement.layout.columns.map(({ type }, c) =>
    c === 0 ? key : type === 'text' ? '' : 0,
  );
  const batch = batchFromRows(pool, arrangement.layout.columns, [plus(row)], 0);
  const weights = new Weights();
  const pairs = makePairs(capacity);
  const position = startPosition();
  for (let done = false; !done;) {
    done = arrangement.probe(arrangement.index([0]), batch, [0], true, at, position, pairs);
    takePairs(pool, arrangement, pairs, (_, update) => {
      weights.add(update);
    });
  }
  batch.slab.release();
  return weights;
}

/** Regions of which the last one counts the words that are read. */
class WatchedRegions extends RegionPool {
  #last: Region | null = null;

  override open(): Arena {
    const arena = super.open();
    this.#last = arena.region;
    return arena;
  }

  /** Words that `probe` reads one by one. */
  readsOf(probe: () => void): number {
    const region = defined(this.#last, 'a region was opened');
    const { i32 } = region;
    let reads = 0;
    region.i32 = new Proxy(i32, {
      get: (words, name) => {
        if (typeof name === 'string' && /^[0-9]+$/.test(name)) reads++;
        const value: unknown = Reflect.get(words, name, words);
        return typeof value === 'function' ? value.bind(words) : value;
      },
    });
    probe();
    region.i32 = i32;
    return reads;
  }
}

test('a batch that memory may not hold is refused whole', () => {
  const memory = new RegionPool(2 ** 22);
  const arrangement = new StoreArrangement(memory, keyAndNumber);
  arrangement.index([0]);
  let rows = 0;
  let at = 0;
  const next = (n: number): Update[] =>
    Array.from({ length: n }, (_, k) => plus([BigInt(rows + k), 7]));
  expect(() => {
    for (; rows < 1e6; rows += 1_000, at++) step(arrangement, at + 1, next(1_000));
  }).toThrow('out of memory');
  expect(rows).toBeGreaterThan(50_000);
  expect(arrangement.complete).toBe(at);
  expect(arrangement.rows).toBe(rows);
  // What is there can be read, and taken out in small batches.
  step(arrangement, ++at, [minus([0n, 7])]);
  expect(arrangement.rows).toBe(rows - 1);
  expect(probed(arrangement, 1n, at, 10).sorted()).toEqual(['1 × 1|7']);
  arrangement.dispose();
  while (memory.tidy());
  expect(memory.bytes).toBe(0);
});

describe('space', () => {
  test('a small arrangement takes a few KB', () => {
    const memory = new RegionPool();
    const arrangements = Array.from({ length: 300 }, () => {
      const arrangement = new StoreArrangement(memory, keyAndText);
      arrangement.index([0]);
      step(arrangement, 1, [plus([1n, 'one']), plus([2n, 'two'])]);
      return arrangement;
    });
    for (const arrangement of arrangements) expect(arrangement.bytes()).toBeLessThan(8_000);
    expect(memory.regions).toBe(1);
    expect(memory.bytes).toBeLessThan(300 * 5_500);
    for (const arrangement of arrangements) arrangement.dispose();
    expect(memory.bytes).toBe(0);
  });

  test('churn of rows of drifting size stays below 1.6 x what is live, and two segments', () => {
    const random = new Random(5);
    const memory = new RegionPool();
    const arrangement = new StoreArrangement(memory, keyAndText);
    arrangement.index([0]);
    const present = new Map<bigint, string>();
    for (let at = 1; at <= 160; at++) {
      const updates: Update[] = [];
      for (let k = 0; k < 250; k++) {
        const key = BigInt(random.below(2_000));
        const old = present.get(key);
        if (old !== undefined) updates.push(minus([key, old]));
        const text = 'x'.repeat(random.below(16 + 4 * at));
        present.set(key, text);
        updates.push(plus([key, text]));
      }
      step(arrangement, at, updates);
      if (at % 20 !== 0) continue;
      let live = 0;
      for (const text of present.values()) live += 28 + Math.ceil(text.length / 4) * 4 + 16;
      // Beside the records there is the index: 16 bytes a row and what the tables leave free.
      expect(arrangement.bytes()).toBeLessThan(1.6 * live + 2 * 65_536 + 32 * present.size + 8_192);
    }
    arrangement.dispose();
    expect(memory.regions).toBe(0);
  });

  test('an emptied arrangement gives its memory back', () => {
    const memory = new RegionPool();
    const arrangement = new StoreArrangement(memory, keyAndNumber);
    arrangement.index([0]);
    const rows = Array.from({ length: 20_000 }, (_, k): Row => [BigInt(k), k]);
    step(arrangement, 1, rows.map(plus));
    expect(arrangement.bytes()).toBeGreaterThan(800_000);
    for (let k = 0; k < 20; k++) {
      step(arrangement, 2 + k, rows.slice(k * 1_000, k * 1_000 + 1_000).map(minus));
    }
    arrangement.reclaim(1e9);
    expect(arrangement.rows).toBe(0);
    expect(arrangement.bytes()).toBeLessThan(110_000);
    arrangement.dispose();
  });

  test('rows larger than a segment come, are read and go', () => {
    const memory = new RegionPool();
    const arrangement = new StoreArrangement(memory, keyAndText);
    const large = (fill: string): Row => [1n, fill.repeat(300_000)];
    step(arrangement, 1, [plus(large('a')), plus(large('b')), plus([2n, 'small'])]);
    const bytes = arrangement.bytes();
    expect(scanned(pool, arrangement, 1, 2, nothing).rows.size).toBe(3);
    step(arrangement, 2, [minus(large('a')), minus(large('b')), plus(large('c'))]);
    arrangement.reclaim(10);
    expect(scanned(pool, arrangement, 2, 1, nothing).rows.size).toBe(2);
    expect(arrangement.bytes()).toBeLessThan(bytes);
    arrangement.dispose();
    expect(memory.bytes).toBe(0);
  });
});

describe('moves out of thin segments', () => {
  test('change nothing that a reader can see', () => {
    const arrangement = new StoreArrangement(new RegionPool(), keyAndText);
    arrangement.index([0]);
    const row = (k: number): Row => [BigInt(k), 'x'.repeat(40 + (k % 7) * 8)];
    const all = Array.from({ length: 4_000 }, (_, k) => row(k));
    step(arrangement, 1, all.map(plus));
    const kept = all.filter((_, k) => k % 4 === 0);
    step(arrangement, 2, all.filter((_, k) => k % 4 !== 0).map(minus));
    arrangement.reclaim(1e9);
    const before = arrangement.bytes();
    const hold = arrangement.hold(2);
    for (let at = 3; at < 30; at++) {
      arrangement.seal(at);
      arrangement.reclaim(1e9);
      const pairs = makePairs(10);
      expect(arrangement.changes(2, at, startPosition(), pairs)).toBe(true);
      expect(pairs.n).toBe(0);
    }
    step(arrangement, 30, kept.slice(0, 500).map(minus));
    const gone = changed(pool, arrangement, 2, 30, 64, nothing);
    expect([...gone.rows.values()].every(({ weight }) => weight === -1)).toBe(true);
    expect(gone.rows.size).toBe(500);
    expect(scanned(pool, arrangement, 2, 64, nothing).rows.size).toBe(kept.length);
    hold.release();
    arrangement.seal(31);
    arrangement.reclaim(1e9);
    expect(arrangement.bytes()).toBeLessThan(before * 0.6);
    expect(scanned(pool, arrangement, 31, 64, nothing).rows.size).toBe(kept.length - 500);
  });
});

describe('hot and hostile keys', () => {
  test('ten thousand rows of one key come and go', () => {
    const memory = new RegionPool();
    const arrangement = new StoreArrangement(memory, keyAndNumber);
    arrangement.index([0]);
    const second = arrangement.index([1]);
    expect(second).toBe(1);
    const rows = Array.from({ length: 10_000 }, (_, k): Row => [7n, k]);
    step(arrangement, 1, [...rows.map(plus), plus([8n, 1])]);
    expect(probed(arrangement, 7n, 1, 100).rows.size).toBe(10_000);
    const hold = arrangement.hold(1);
    step(arrangement, 2, rows.slice(10).map(minus));
    expect(probed(arrangement, 7n, 2, 3).rows.size).toBe(10);
    expect(probed(arrangement, 7n, 1, 999).rows.size).toBe(10_000);
    expect(probed(arrangement, 8n, 2, 1).rows.size).toBe(1);
    hold.release();
    arrangement.reclaim(1e9);
    step(arrangement, 3, rows.slice(0, 10).map(minus));
    arrangement.reclaim(1e9);
    expect(probed(arrangement, 7n, 3, 10).rows.size).toBe(0);
    arrangement.dispose();
    expect(memory.bytes).toBe(0);
  });

  test('hundreds of held versions of one row are each read at their step', () => {
    const arrangement = new StoreArrangement(new RegionPool(), keyAndNumber);
    arrangement.index([0]);
    step(arrangement, 1, [plus([1n, 1])]);
    const holds = [arrangement.hold(1)];
    for (let at = 2; at <= 600; at++) step(arrangement, at, [minus([1n, at - 1]), plus([1n, at])]);
    for (const at of [1, 2, 77, 448, 599, 600]) {
      expect(probed(arrangement, 1n, at, 4).sorted()).toEqual([`1 × 1|${at}`]);
    }
    holds[0].advance(500);
    expect(arrangement.since).toBe(500);
    arrangement.reclaim(1e9);
    expect(probed(arrangement, 1n, 500, 4).sorted()).toEqual(['1 × 1|500']);
    expect(() => arrangement.hold(499)).toThrow(/can be read/);
  });

  test('a probe of the newest step reads as many words whatever is held', () => {
    const reads = (held: boolean): number => {
      const regions = new WatchedRegions();
      const arrangement = new StoreArrangement(regions, keyAndNumber);
      arrangement.index([0]);
      step(arrangement, 1, [plus([1n, 1])]);
      for (let at = 2; at <= 400; at++) {
        if (held) arrangement.hold(at - 1);
        step(arrangement, at, [minus([1n, at - 1]), plus([1n, at])]);
      }
      arrangement.reclaim(1e9);
      return regions.readsOf(() => {
        expect(probed(arrangement, 1n, 400, 4).sorted()).toEqual(['1 × 1|400']);
      });
    };
    const free = reads(false);
    expect(free).toBeGreaterThan(3);
    // What died keeps one slot of its key, which is passed.
    expect(reads(true)).toBeLessThanOrEqual(free + 4);
  });

  test('keys made to share one hash are still told apart', () => {
    const memory = new RegionPool();
    const arrangement = new StoreArrangement(memory, keyAndNumber);
    arrangement.index([0]);
    // The hash of an int8 is a bijection of state(low word) xor high word: choose the high word.
    const keys = Array.from(
      { length: 3_000 },
      (_, low) => (BigInt(mix(hashSeed, low) ^ 0x55555555) << 32n) | BigInt(low),
    );
    step(
      arrangement,
      1,
      keys.map((key, k) => plus([key, k])),
    );
    for (const k of [0, 1, 1_500, 2_999]) {
      expect(probed(arrangement, keys[k], 1, 4).sorted()).toEqual([`1 × ${keys[k]}|${k}`]);
    }
    step(
      arrangement,
      2,
      keys.map((key, k) => minus([key, k])),
    );
    expect(arrangement.rows).toBe(0);
    arrangement.dispose();
    expect(memory.bytes).toBe(0);
  });
});

describe('steps', () => {
  test('what breaks the protocol is refused', () => {
    const arrangement = new StoreArrangement(new RegionPool(), keyAndNumber);
    step(arrangement, 5, [plus([1n, 1])]);
    expect(() => {
      step(arrangement, 5, [plus([2n, 2])]);
    }).toThrow(/comes after/);
    expect(() => {
      arrangement.seal(4);
    }).toThrow(/not sealed/);
    expect(() => arrangement.hold(6)).toThrow(/can be read/);
    const hold = arrangement.hold(5);
    expect(() => {
      hold.advance(4);
    }).toThrow(/does not go back/);
    expect(() => {
      arrangement.dispose();
    }).toThrow(/no hold is left/);
    hold.release();
    hold.release();
    arrangement.dispose();
  });

  test('a row that goes and comes back in one step is no change', () => {
    const arrangement = new StoreArrangement(new RegionPool(), keyAndNumber);
    step(arrangement, 1, [plus([1n, 1]), plus([2n, 2]), plus([3n, 3]), plus([4n, 4])]);
    const hold = arrangement.hold(1);
    step(arrangement, 2, [
      minus([1n, 1]),
      plus([1n, 1]),
      plus([2n, 2]),
      minus([2n, 2]),
      minus([3n, 3]),
      plus([3n, 3]),
      plus([3n, 3]),
      minus([4n, 4]),
      plus([4n, 4]),
      minus([4n, 4]),
    ]);
    const pairs = makePairs(10);
    expect(arrangement.changes(1, 2, startPosition(), pairs)).toBe(true);
    const delta = new Weights();
    expect(pairs.n).toBe(3);
    takePairs(pool, arrangement, pairs, (_, update) => {
      delta.add(update);
    });
    expect(delta.sorted()).toEqual(['-1 × 4|4', '1 × 3|3']);
    hold.release();
  });

  test('weights of one step are summed before anyone sees them', () => {
    const arrangement = new StoreArrangement(new RegionPool(), keyAndNumber);
    step(arrangement, 1, [plus([1n, 1]), minus([1n, 1]), minus([2n, 2]), plus([3n, 3])]);
    step(arrangement, 2, [{ row: [2n, 2], weight: 3 }, plus([3n, 3])]);
    const hold = arrangement.hold(2);
    expect(scanned(pool, arrangement, 2, 9, nothing).sorted()).toEqual(['2 × 2|2', '2 × 3|3']);
    step(arrangement, 3, [{ row: [2n, 2], weight: -2 }]);
    expect(scanned(pool, arrangement, 3, 9, nothing).sorted()).toEqual(['2 × 3|3']);
    expect(scanned(pool, arrangement, 2, 9, nothing).sorted()).toEqual(['2 × 2|2', '2 × 3|3']);
    expect(arrangement.rows).toBe(1);
    hold.release();
  });
});
