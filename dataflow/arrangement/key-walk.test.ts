/**
 * Goal: a key with very many rows is read in pieces, exactly, whatever comes and goes between the
 * pieces, and no piece looks at more than a bounded number of rows; an index is built over very
 * many dead rows in pieces too. Method: one key of up to 1e5 rows, steps applied between the pieces
 * that delete rows given already and rows not given yet, make the key light, empty it and fill it
 * again; the plain set of the rows at the held step is the reference.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Update } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { touchedMax } from './key-walk.ts';
import { makePairs, startPosition } from './pairs.ts';
import { RegionPool } from './region.ts';
import { StoreArrangement } from './store-arrangement.ts';

const pool = new SlabPool();
const columns: readonly ColumnType[] = [
  { type: 'int8', nullable: false },
  { type: 'int4', nullable: false },
];
const key = 7n;

class Hot {
  readonly memory = new RegionPool();
  readonly arrangement = new StoreArrangement(this.memory, columns);
  readonly live = new Set<number>();
  readonly #writer = new BatchWriter(pool, [columns[1]]);
  step = 0;

  constructor(rows: number, indexed: readonly number[]) {
    this.arrangement.index(indexed);
    this.apply(
      Array.from({ length: rows }, (_, k) => k),
      [],
    );
  }

  apply(come: readonly number[], go: readonly number[]): void {
    this.step++;
    const updates: Update[] = [];
    for (const k of go) if (this.live.delete(k)) updates.push({ row: [key, k], weight: -1 });
    for (const k of come) {
      if (this.live.has(k)) continue;
      this.live.add(k);
      updates.push({ row: [key, k], weight: 1 });
    }
    const batch = batchFromRows(pool, columns, updates, this.step);
    this.arrangement.apply(this.step, batch);
    this.arrangement.seal(this.step);
    batch.slab.release();
  }

  /** Rows of the key at a step; what `between` does happens after every piece. */
  read(
    at: number,
    capacity: number,
    between: (given: readonly number[], piece: number) => void,
  ): number[] {
    const { arrangement } = this;
    const index = arrangement.index([0]);
    const probe = batchFromRows(pool, columns, [{ row: [key, 0], weight: 1 }], 0);
    const pairs = makePairs(capacity);
    const position = startPosition();
    const given: number[] = [];
    for (let done = false, piece = 0; !done; piece++) {
      pairs.n = 0;
      done = arrangement.probe(index, probe, [0], false, at, position, pairs);
      given.push(...this.#payloads(pairs.address, pairs.n));
      expect(pairs.weight.subarray(0, pairs.n).every((weight) => weight === 1)).toBe(true);
      if (!done) between(given, piece);
    }
    probe.slab.release();
    return given;
  }

  #payloads(addresses: Int32Array, n: number): number[] {
    if (n === 0) return [];
    this.#writer.begin(n, 0);
    this.arrangement.gather(addresses, 0, n, [1], this.#writer, 0);
    const { slab, column } = this.#writer;
    const rows = Array.from(slab.i32.subarray(column[0], column[0] + n));
    this.#writer.seal(0, n).slab.release();
    return rows;
  }

  finish(): void {
    this.#writer.close();
    this.arrangement.dispose();
    while (this.memory.tidy());
    expect(this.memory.bytes).toBe(0);
  }
}

const ordered = (rows: Iterable<number>): number[] => [...rows].sort((a, b) => a - b);

describe.each([[[0]], [[1]]])('a hot key, rows found by identity through %j', (indexed) => {
  test('1e5 rows in pieces of 64 while rows come and go', () => {
    const random = new Random(3);
    const hot = new Hot(100_000, indexed);
    const index = hot.arrangement.index([0]);
    while (!hot.arrangement.buildIndex(index, 10_000));
    const hold = hot.arrangement.hold(hot.step);
    const expected = ordered(hot.live);
    let next = 1_000_000;
    const got = hot.read(hold.step, 64, (given, piece) => {
      if (piece % 20 !== 0) return;
      const go = Array.from({ length: 30 }, () => random.below(100_000));
      for (let k = 0; k < 20; k++) go.push(given[random.below(given.length)]);
      hot.apply(
        Array.from({ length: 20 }, () => next++),
        go,
      );
      if (random.chance(0.3)) hot.arrangement.reclaim(1_000);
    });
    expect(got.length).toBe(expected.length);
    expect(ordered(got)).toEqual(expected);
    hold.release();
    hot.finish();
  });

  test('the key becomes light, empty and heavy again in the middle', () => {
    const hot = new Hot(3_000, indexed);
    const index = hot.arrangement.index([0]);
    while (!hot.arrangement.buildIndex(index, 10_000));
    const hold = hot.arrangement.hold(hot.step);
    const expected = ordered(hot.live);
    const got = hot.read(hold.step, 50, (given, piece) => {
      if (piece === 5)
        hot.apply(
          [],
          expected.filter((k) => k % 400 !== 0),
        );
      if (piece === 20) hot.apply([], given);
      if (piece === 30) hot.apply([], expected);
      if (piece === 40) hot.apply(expected, []);
    });
    expect(ordered(got)).toEqual(expected);
    hold.release();
    hot.finish();
  });
});

describe('a piece is bounded', () => {
  test('where no live row of the key is old enough to be seen', () => {
    const hot = new Hot(10, [0]);
    const hold = hot.arrangement.hold(hot.step);
    hot.apply(
      Array.from({ length: 50_000 }, (_, k) => 100 + k),
      [],
    );
    let pieces = 1;
    expect(
      hot.read(hold.step, 4_096, () => {
        pieces++;
      }).length,
    ).toBe(10);
    expect(pieces).toBeGreaterThan(50_000 / (touchedMax + 512));
    hold.release();
    hot.finish();
  });

  test('where the key has had many versions since', () => {
    const hot = new Hot(1, [0]);
    const hold = hot.arrangement.hold(hot.step);
    for (let k = 1; k < 20_000; k++) hot.apply([k], [k - 1]);
    let pieces = 1;
    expect(
      hot.read(hold.step, 4_096, () => {
        pieces++;
      }),
    ).toEqual([0]);
    expect(pieces).toBeGreaterThan(2);
    hold.release();
    hot.finish();
  });

  test('in a scan of a store that has grown since', () => {
    const hot = new Hot(10, [0]);
    const hold = hot.arrangement.hold(hot.step);
    hot.apply(
      Array.from({ length: 60_000 }, (_, k) => 100 + k),
      [],
    );
    const pairs = makePairs(100);
    const position = startPosition();
    let pieces = 1;
    while (!hot.arrangement.scan(hold.step, position, pairs)) pieces++;
    expect(pairs.n).toBe(10);
    expect(pieces).toBeGreaterThan(2);
    hold.release();
    hot.finish();
  });
});

describe('an index over many dead rows', () => {
  test('is built in pieces, while more die, and serves old and new steps', () => {
    const hot = new Hot(20_000, [1]);
    const hold = hot.arrangement.hold(hot.step);
    const before = ordered(hot.live);
    hot.apply(
      [],
      before.filter((k) => k % 3 !== 0),
    );
    const index = hot.arrangement.index([0]);
    let pieces = 1;
    for (; !hot.arrangement.buildIndex(index, 1_000); pieces++) {
      if (pieces === 2) hot.apply([30_001, 30_002], [0, 3, 6]);
      if (pieces === 4) hot.apply([30_003], [30_001, 9, 12]);
      if (pieces === 17) hot.apply([9], [30_002, 15]);
    }
    expect(pieces).toBeGreaterThan(15);
    expect(ordered(hot.read(hold.step, 300, () => undefined))).toEqual(before);
    expect(ordered(hot.read(hot.step, 300, () => undefined))).toEqual(ordered(hot.live));
    hold.release();
    hot.arrangement.reclaim(1e9);
    expect(ordered(hot.read(hot.step, 300, () => undefined))).toEqual(ordered(hot.live));
    hot.finish();
  });

  test('forgets the dead that nobody holds any more before they were linked', () => {
    const hot = new Hot(5_000, [1]);
    const hold = hot.arrangement.hold(hot.step);
    hot.apply(
      [],
      ordered(hot.live).filter((k) => k % 2 === 0),
    );
    const index = hot.arrangement.index([0]);
    hot.arrangement.buildIndex(index, 100);
    hold.release();
    hot.arrangement.reclaim(1e9);
    hot.apply([10_000], [1, 3]);
    while (!hot.arrangement.buildIndex(index, 100));
    expect(ordered(hot.read(hot.step, 64, () => undefined))).toEqual(ordered(hot.live));
    hot.finish();
  });
});
