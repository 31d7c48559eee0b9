/**
 * Goal: an index that is built at once is the same to whoever uses it as one that rows were added
 * to: every key finds its rows and nothing else, rows come and go, memory comes back. Method: rows
 * whose keys are unique, repeated, hot, all one, or share their hashes are loaded from an image in
 * random slices; then every key is probed, and all rows are taken out again.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Row } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { hashSeed } from '../value/hash.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { mix } from '../value/words.ts';
import { makePairs, startPosition } from './pairs.ts';
import { RegionPool } from './region.ts';
import { pieceWordsMin } from './row-image.ts';
import { StoreArrangement } from './store-arrangement.ts';

const pool = new SlabPool();

const columns: readonly ColumnType[] = [
  { type: 'int4', nullable: false },
  { type: 'int8', nullable: false },
  { type: 'text', nullable: false },
];
const keys = [[1], [0, 1], [1, 2]];

/** An int8 whose hash is that of all others of these: the high word makes up for the low one. */
function alike(low: number): bigint {
  return (BigInt(mix(hashSeed, low) ^ 0x55555555) << 32n) | BigInt(low);
}

const kinds: Record<string, (random: Random, k: number) => bigint> = {
  'unique keys': (_, k) => BigInt(k),
  'some rows a key': (random) => BigInt(random.below(1_500)),
  'as many rows a key as a table takes': (random) => BigInt(random.below(400)),
  'many rows a key': (random) => BigInt(random.below(40)),
  'hot keys among others': (random, k) => BigInt(random.chance(0.7) ? random.below(5) : k),
  'one key': () => 7n,
  'keys of one hash': (random) => alike(random.below(50)),
  'keys of one hash among others': (random, k) =>
    random.chance(0.3) ? alike(random.below(50)) : BigInt(k),
};

function change(arrangement: StoreArrangement, step: number, rows: Row[], weight: number): void {
  for (let first = 0; first < rows.length; first += 2_000) {
    const updates = rows.slice(first, first + 2_000).map((row) => ({ row, weight }));
    const batch = batchFromRows(pool, columns, updates, step);
    arrangement.apply(step, batch);
    batch.slab.release();
  }
  arrangement.seal(step);
}

/** How many rows are found by the key of each of `rows`, read in pieces. */
function found(arrangement: StoreArrangement, key: readonly number[], rows: Row[]): number[] {
  const batch = batchFromRows(
    pool,
    columns,
    rows.map((row) => ({ row, weight: 1 })),
    0,
  );
  const counts = rows.map(() => 0);
  const pairs = makePairs(4_096);
  const position = startPosition();
  const index = arrangement.index(key);
  for (let done = false; !done; pairs.n = 0) {
    done = arrangement.probe(index, batch, key, true, arrangement.complete, position, pairs);
    for (let k = 0; k < pairs.n; k++) counts[pairs.row[k]]++;
  }
  batch.slab.release();
  return counts;
}

function checkKeys(arrangement: StoreArrangement, rows: readonly Row[]): void {
  for (const key of keys) {
    const expected = new Map<string, { row: Row; count: number }>();
    for (const row of rows) {
      const text = key.map((c) => String(row[c])).join();
      const entry = expected.get(text) ?? { row, count: 0 };
      entry.count++;
      expected.set(text, entry);
    }
    const entries = [...expected.values()];
    const probes = [...entries.map((entry) => entry.row), [1, -1n, 'none']];
    const counts = [...entries.map((entry) => entry.count), 0];
    expect(found(arrangement, key, probes)).toEqual(counts);
  }
}

/** Pieces of all rows, and what belongs to them. */
function imageOf({ image, complete }: StoreArrangement): {
  readonly pieces: Int32Array[];
  readonly saved: ReturnType<typeof image.save>;
} {
  image.start();
  image.pin(complete);
  const out = new Int32Array(pieceWordsMin);
  const pieces: Int32Array[] = [];
  for (let n = image.copy(out); n > 0; n = image.copy(out)) pieces.push(out.slice(0, n));
  const saved = image.save();
  image.stop();
  return { pieces, saved };
}

describe.each(Object.entries(kinds))('an index over %s', (_, keyOf) => {
  test('finds every row, and lets it go', () => {
    const random = new Random(3);
    const memory = new RegionPool();
    const rows = Array.from({ length: 12_000 }, (_, k): Row => [
      k,
      keyOf(random, k),
      'v'.repeat(k % 5),
    ]);
    const first = new StoreArrangement(memory, columns);
    change(first, 1, rows, 1);
    const { pieces, saved } = imageOf(first);
    const second = new StoreArrangement(memory, columns);
    for (const key of keys) second.index(key);
    second.image.restore(saved);
    for (const piece of pieces) second.image.load(piece);
    while (!second.image.adopt(1, 1 + random.below(5_000)));
    while (!second.image.index(1 + random.below(5_000)));
    checkKeys(second, rows);
    const gone = rows.filter((_, k) => k % 3 > 0);
    change(second, 2, gone, -1);
    const kept = rows.filter((_, k) => k % 3 === 0);
    checkKeys(second, kept);
    const fresh = Array.from({ length: 4_000 }, (_, k): Row => [k, keyOf(random, k + 1e6), 'w']);
    change(second, 3, fresh, 1);
    checkKeys(second, [...kept, ...fresh]);
    change(second, 4, [...kept, ...fresh], -1);
    second.reclaim(1e9);
    expect(second.rows).toBe(0);
    expect(second.bytes()).toBeLessThan(250_000);
    first.dispose();
    second.dispose();
    while (memory.tidy());
    expect(memory.bytes).toBe(0);
    expect(pool.live).toBe(0);
  });
});

test('memory comes back from a building that is given up anywhere', () => {
  const memory = new RegionPool();
  const rows = Array.from({ length: 9_000 }, (_, k): Row => [k, BigInt(k), 'text']);
  const first = new StoreArrangement(memory, columns);
  change(first, 1, rows, 1);
  const { pieces, saved } = imageOf(first);
  const before = memory.bytes;
  let slices = 1;
  for (let whole = false; !whole; slices++) {
    const second = new StoreArrangement(memory, columns);
    for (const key of keys) second.index(key);
    second.image.restore(saved);
    for (const piece of pieces) second.image.load(piece);
    for (let k = 0; k < slices && !whole; k++) {
      if (second.image.loading) second.image.adopt(1, 1_000);
      else whole = second.image.index(1_000);
    }
    second.dispose();
    while (memory.tidy());
    expect(memory.bytes).toBe(before);
  }
  expect(slices).toBeGreaterThan(50);
  first.dispose();
});

test('an index that is built at once takes no more room than one that grew', () => {
  const memory = new RegionPool();
  for (const n of [9_000, 20_000, 33_000]) {
    const rows = Array.from({ length: n }, (_, k): Row => [k, BigInt(k), 'text']);
    const first = new StoreArrangement(memory, columns);
    for (const key of keys) first.index(key);
    change(first, 1, rows, 1);
    const { pieces, saved } = imageOf(first);
    const second = new StoreArrangement(memory, columns);
    for (const key of keys) second.index(key);
    second.image.restore(saved);
    for (const piece of pieces) second.image.load(piece);
    while (!second.image.adopt(1, 1e9));
    while (!second.image.index(1e9));
    expect(second.bytes()).toBeLessThan(1.03 * first.bytes());
    first.dispose();
    second.dispose();
  }
});
