/**
 * Goal: every write to a segment that matters is marked, and little else. Method: after random
 * histories a patch is laid over what was copied before, and must be what a full copy taken at the
 * same moment is: the same segments, and in them the same records, word for word but for those that
 * nobody sees any more. The sizes of patches are counted.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Row, Update } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { infinity, recordBirth, recordDeath, recordWeight } from '../value/layout.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Hold } from './arrangement.ts';
import { Owner, ownedColumns, randomRow } from './owned-rows.reference.ts';
import { recordSize } from './record-size.ts';
import { RegionPool } from './region.ts';
import { pieceWordsMin } from './row-image.ts';
import { StoreArrangement } from './store-arrangement.ts';

const pool = new SlabPool();

/** Segments by their first word. */
type Segments = Map<number, Int32Array>;

/** Counts what happens to segments. */
const seen = { gone: 0, patched: 0, begun: 0 };

/** Lays a piece over what is known. */
function lay(piece: Int32Array, segments: Segments): void {
  for (let at = 0; at < piece.length;) {
    const [start, fill, offset, count] = piece.subarray(at, at + 4);
    at += 4;
    if (start < 0) {
      expect([fill, offset, count]).toEqual([0, 0, 0]);
      segments.clear();
      continue;
    }
    if (fill === 0) {
      if (segments.delete(start)) seen.gone++;
      continue;
    }
    const old = segments.get(start);
    if (old === undefined) seen.begun++;
    else seen.patched++;
    const words = old?.length === fill ? old : new Int32Array(fill);
    if (old !== undefined && old !== words) words.set(old.subarray(0, fill));
    words.set(piece.subarray(at, at + count), offset);
    segments.set(start, words);
    at += count;
  }
}

/** Pins the last step and copies; answers how many words. */
function copy(arrangement: StoreArrangement, segments: Segments): number {
  const out = new Int32Array(pieceWordsMin);
  let copied = 0;
  arrangement.image.pin(arrangement.complete);
  for (let n = arrangement.image.copy(out); n > 0; n = arrangement.image.copy(out)) {
    lay(out.subarray(0, n), segments);
    copied += n;
  }
  arrangement.image.unpin();
  return copied;
}

/** The records of all segments, those that nobody can see without their words. */
function recordsOf(arrangement: StoreArrangement, segments: Segments): string[] {
  const sizeOf = recordSize(arrangement.layout);
  const texts: string[] = [];
  for (const [start, words] of segments) {
    for (let at = 0; at < words.length;) {
      const free = words[at + recordBirth] === infinity;
      const size = free ? words[at + recordWeight] : sizeOf(words, at);
      expect(size).toBeGreaterThan(0);
      const unseen = free || words[at + recordDeath] <= arrangement.since;
      const text = unseen ? String(size) : words.subarray(at, at + size).join(' ');
      texts.push(`${start + at}: ${text}`);
      at += size;
    }
  }
  return texts.sort();
}

/** Compares a patch with a full copy; answers the words of the patch. */
function check(arrangement: StoreArrangement, segments: Segments): number {
  const patched = copy(arrangement, segments);
  const whole: Segments = new Map();
  arrangement.image.start();
  copy(arrangement, whole);
  expect([...segments.keys()].sort()).toEqual([...whole.keys()].sort());
  expect(recordsOf(arrangement, segments)).toEqual(recordsOf(arrangement, whole));
  return patched;
}

interface History {
  readonly arrangement: StoreArrangement;
  /** Does some of the work of a step, perhaps none of it. */
  change(step: number): void;
}

function plainHistory(memory: RegionPool, random: Random, columns: readonly ColumnType[]): History {
  const arrangement = new StoreArrangement(memory, columns);
  arrangement.index([0]);
  const present = new Map<string, Row>();
  const isText = columns[1].type === 'text';
  return {
    arrangement,
    change: (step) => {
      const updates: Update[] = [];
      const shrinking = step % 30 > 18;
      for (let k = random.below(150); k > 0; k--) {
        const old = present.size > 0 ? random.pick([...present.values()].slice(0, 40)) : null;
        if (old !== null && random.chance(shrinking ? 0.9 : 0.4)) {
          updates.push({ row: old, weight: -1 });
          present.delete(old.join());
          // It may come back in the same step, more than once, or go in the step of its birth.
          if (!random.chance(0.2)) continue;
          updates.push({ row: old, weight: 1 });
          present.set(old.join(), old);
          continue;
        }
        const key = BigInt(random.below(3_000));
        const value = isText ? 'x'.repeat(random.below(20 + 8 * step)) : random.below(9);
        const row: Row = [key, value];
        if (present.has(row.join())) continue;
        updates.push({ row, weight: 1 });
        present.set(row.join(), row);
        if (random.chance(0.1)) updates.push({ row, weight: 1 }, { row, weight: -1 });
      }
      if (updates.length === 0) return;
      const batch = batchFromRows(pool, columns, updates, step);
      arrangement.apply(step, batch);
      batch.slab.release();
    },
  };
}

function ownedHistory(memory: RegionPool, random: Random): History {
  const arrangement = new StoreArrangement(memory, ownedColumns);
  const owner = new Owner(pool, arrangement);
  let written = -1;
  return {
    arrangement,
    change: (step) => {
      // An owner does not open and end a row in one step.
      if (step === written) return;
      written = step;
      const rows = new Map<number, Row | null>();
      for (let k = random.below(200); k > 0; k--) {
        const key = 1 + random.below(900);
        const gone = random.chance(step % 30 > 18 ? 0.8 : 0.2);
        if (gone && !owner.contents.has(key)) continue;
        rows.set(key, gone ? null : randomRow(random, key, step * 4));
      }
      if (rows.size > 0) owner.write(step, rows);
    },
  };
}

const number: ColumnType = { type: 'int8', nullable: false };
const histories: [string, (memory: RegionPool, random: Random) => History][] = [
  [
    'narrow rows',
    (memory, random) => plainHistory(memory, random, [number, { type: 'int4', nullable: false }]),
  ],
  [
    'rows of drifting sizes',
    (memory, random) => plainHistory(memory, random, [number, { type: 'text', nullable: false }]),
  ],
  ['rows of an owner', ownedHistory],
];

describe.each(histories)('a patch of %s', (_, begin) => {
  test.each([1, 2])('is all that was written, seed %s', (seed) => {
    const random = new Random(seed);
    const memory = new RegionPool();
    const { arrangement, change } = begin(memory, random);
    const segments: Segments = new Map();
    const holds: Hold[] = [];
    arrangement.seal(0);
    arrangement.image.start();
    for (let step = 1; step <= 90; step++) {
      for (let k = random.below(3); k >= 0; k--) {
        change(step);
        // Not only between steps.
        if (random.chance(0.1)) check(arrangement, segments);
      }
      arrangement.seal(step);
      if (random.chance(0.5)) arrangement.reclaim(random.below(300));
      if (random.chance(0.1)) holds.push(arrangement.hold(step));
      if (holds.length > 0 && random.chance(0.2)) holds.shift()?.release();
      if (random.chance(0.25)) check(arrangement, segments);
    }
    check(arrangement, segments);
    for (const hold of holds) hold.release();
    arrangement.dispose();
    expect(memory.bytes).toBe(0);
    expect(pool.live).toBe(0);
  });
});

test('segments came, changed and went in these histories', () => {
  expect(seen.begun).toBeGreaterThan(200);
  expect(seen.patched).toBeGreaterThan(200);
  expect(seen.gone).toBeGreaterThan(15);
});

test('a row that is copied in the step of its birth and then changes is copied again', () => {
  const columns = [number, number];
  const arrangement = new StoreArrangement(new RegionPool(), columns);
  arrangement.index([0]);
  const segments: Segments = new Map();
  const rows = Array.from({ length: 50 }, (_, k): Row => [BigInt(k), 0n]);
  const largest = 2 ** 31 - 1;
  const apply = (weight: number): void => {
    const batch = batchFromRows(
      pool,
      columns,
      rows.map((row) => ({ row, weight })),
      2,
    );
    arrangement.apply(2, batch);
    batch.slab.release();
    check(arrangement, segments);
  };
  arrangement.seal(1);
  arrangement.image.start();
  for (const weight of [1, 2, -3, 5, -5, largest, largest, -1, 7, -largest, -largest]) {
    apply(weight);
  }
  arrangement.seal(2);
  check(arrangement, segments);
  arrangement.dispose();
});

describe('the size of a patch', () => {
  const columns = [number, number];
  const rowOf = (key: number, value: number): Row => [BigInt(key), BigInt(value)];
  const arrangement = new StoreArrangement(new RegionPool(), columns);
  arrangement.index([0]);
  let step = 0;
  const apply = (updates: readonly Update[]): void => {
    const batch = batchFromRows(pool, columns, updates, ++step);
    arrangement.apply(step, batch);
    batch.slab.release();
    arrangement.seal(step);
  };
  const rows = 60_000;
  const segments: Segments = new Map();
  for (let key = 0; key < rows; key += 2_000) {
    apply(Array.from({ length: 2_000 }, (_, k) => ({ row: rowOf(key + k, 0), weight: 1 })));
  }
  arrangement.image.start();

  test('is nothing where nothing was written', () => {
    expect(copy(arrangement, segments)).toBeGreaterThan(rows * 7);
    expect(copy(arrangement, segments)).toBe(0);
    arrangement.seal(++step);
    arrangement.reclaim(1e9);
    expect(copy(arrangement, segments)).toBe(0);
  });

  test('is a few lines for a few changes', () => {
    apply([
      { row: rowOf(30_000, 0), weight: -1 },
      { row: rowOf(30_000, 1), weight: 1 },
    ]);
    expect(copy(arrangement, segments)).toBeLessThan(4 * (128 + 4));
    const updates = Array.from({ length: 100 }, (_, k) => [
      { row: rowOf(k * 300, 0), weight: -1 },
      { row: rowOf(k * 300, 1), weight: 1 },
    ]);
    apply(updates.flat());
    arrangement.seal(++step);
    arrangement.reclaim(1e9);
    expect(copy(arrangement, segments)).toBeLessThan(300 * (128 + 4));
    expect(check(arrangement, segments)).toBe(0);
  });

  test('is everything after a copy that was given up, or was begun anew', () => {
    apply([{ row: rowOf(1, 1), weight: 1 }]);
    arrangement.image.pin(step);
    arrangement.image.unpin();
    expect(copy(arrangement, segments)).toBeGreaterThan(rows * 7);
    // Segments that went while a copy was given up do not stay known.
    const gone = Array.from({ length: rows - 20_000 }, (_, k) => ({
      row: rowOf(20_000 + k, 0),
      weight: -1,
    }));
    apply(gone.filter(({ row }) => Number(row[0]) % 300 !== 0));
    arrangement.image.pin(step);
    arrangement.image.copy(new Int32Array(pieceWordsMin));
    arrangement.image.unpin();
    for (let k = 0; k < 5; k++) {
      arrangement.seal(++step);
      arrangement.reclaim(1e9);
    }
    const known = segments.size;
    check(arrangement, segments);
    expect(segments.size).toBeLessThan(known / 2);
    arrangement.image.start();
    expect(copy(arrangement, segments)).toBeGreaterThan(20_000 * 7);
  });
});
