/**
 * Goal: an arrangement whose writer names rows by place is as exact as any other: reads and changes
 * at held steps, indexes made early and late, rows that move, room that is used again. Method:
 * random replacements of one row a key, of drifting sizes, against a copy of the contents at every
 * step.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Row } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import { Weights, changed, scanned, takePairs } from './arrangement.reference.ts';
import { Owner, ownedColumns, randomRow } from './owned-rows.reference.ts';
import { makePairs, startPosition } from './pairs.ts';
import { RegionPool } from './region.ts';
import { StoreArrangement } from './store-arrangement.ts';

const pool = new SlabPool();
const columns = ownedColumns;
const nothing = (): void => undefined;

/** Rows with a key of the first column at a step. */
function probed(arrangement: StoreArrangement, index: number, key: bigint, at: number): Weights {
  const batch = batchFromRows(pool, columns, [{ row: [key, null, null], weight: 1 }], 0);
  const weights = new Weights();
  const pairs = makePairs(7);
  const position = startPosition();
  for (let done = false; !done;) {
    done = arrangement.probe(index, batch, [0], false, at, position, pairs);
    takePairs(pool, arrangement, pairs, (_, update) => {
      weights.add(update);
    });
  }
  batch.slab.release();
  return weights;
}

describe('owned rows', () => {
  for (let seed = 1; seed <= 12; seed++) {
    test(`reads, changes and probes are exact, seed ${seed}`, () => {
      const random = new Random(seed);
      const memory = new RegionPool();
      const arrangement = new StoreArrangement(memory, columns);
      const owner = new Owner(pool, arrangement);
      const early = seed % 3 === 0 ? arrangement.index([0]) : -1;
      let late = -1;
      const states: Weights[] = [];
      const holds = new Map<number, ReturnType<StoreArrangement['hold']>>();
      const keys = 1 + random.below(400);
      arrangement.seal(0);
      states[0] = owner.weights();
      for (let step = 1; step <= 60; step++) {
        const rows = new Map<number, Row | null>();
        const shrinking = step % 20 > 14;
        for (let k = random.below(150); k > 0; k--) {
          const key = 2 * (1 + random.below(keys));
          const gone = random.chance(shrinking ? 0.8 : 0.2);
          if (gone && !owner.contents.has(key)) continue;
          rows.set(key, gone ? null : randomRow(random, key, step));
        }
        if (rows.size > 0) owner.write(step, rows);
        arrangement.seal(step);
        states[step] = owner.weights();
        expect(arrangement.rows).toBe(owner.contents.size);
        if (random.chance(0.4)) holds.set(step, arrangement.hold(step));
        if (step === 30) late = arrangement.index([0]);
        if (late >= 0) arrangement.buildIndex(late, 40);
        const [[from, hold] = [-1, null]] = holds;
        if (from >= 0 && random.chance(0.5)) {
          expect(scanned(pool, arrangement, from, 50, nothing).sorted()).toEqual(
            states[from].sorted(),
          );
          expect(changed(pool, arrangement, from, step, 50, nothing).sorted()).toEqual(
            states[step].minus(states[from]).sorted(),
          );
          const index = early >= 0 ? early : late;
          if (index >= 0 && arrangement.buildIndex(index, 1e9)) {
            const key = BigInt(random.below(50));
            const expected = new Weights();
            for (const entry of states[from].rows.values())
              if (entry.row[0] === key) expected.add(entry);
            expect(probed(arrangement, index, key, from).sorted()).toEqual(expected.sorted());
          }
        }
        if (hold !== null && random.chance(0.5)) {
          hold.release();
          holds.delete(from);
        }
        if (random.chance(0.3)) arrangement.reclaim(random.below(200));
      }
      for (const hold of holds.values()) hold.release();
      expect(scanned(pool, arrangement, 60, 50, nothing).sorted()).toEqual(states[60].sorted());
      arrangement.dispose();
      expect(memory.bytes).toBe(0);
      expect(pool.live).toBe(0);
    });
  }

  test('rows that move out of thin segments are known by their new places', () => {
    const arrangement = new StoreArrangement(new RegionPool(), columns);
    const owner = new Owner(pool, arrangement);
    const row = (key: number): Row => [BigInt(key), 'some text that takes room', key];
    owner.write(1, new Map(Array.from({ length: 4_000 }, (_, k) => [2 * k, row(k)])));
    arrangement.seal(1);
    for (let step = 2; step <= 41; step++) {
      const first = (step - 2) * 95;
      owner.write(step, new Map(Array.from({ length: 95 }, (_, k) => [2 * (first + k), null])));
      arrangement.seal(step);
    }
    expect(owner.moves).toBeGreaterThan(0);
    owner.write(42, new Map([...owner.contents.keys()].map((token) => [token, row(-token)])));
    arrangement.seal(42);
    expect(arrangement.rows).toBe(200);
    expect(scanned(pool, arrangement, 42, 64, nothing).sorted()).toEqual(owner.weights().sorted());
    arrangement.dispose();
  });

  test('room of rows that nobody can read is used again, that of held ones is not', () => {
    const arrangement = new StoreArrangement(new RegionPool(), columns);
    const owner = new Owner(pool, arrangement);
    const rows = (value: number): Map<number, Row> =>
      new Map(Array.from({ length: 500 }, (_, k) => [2 * k, [BigInt(k), 'text', value]]));
    for (let step = 1; step <= 4; step++) {
      owner.write(step, rows(step));
      arrangement.seal(step);
    }
    const bytes = arrangement.bytes();
    for (let step = 5; step <= 50; step++) {
      owner.write(step, rows(step));
      arrangement.seal(step);
    }
    expect(arrangement.bytes()).toBeLessThan(bytes * 1.2);
    const hold = arrangement.hold(50);
    const before = owner.weights();
    for (let step = 51; step <= 54; step++) {
      owner.write(step, rows(step));
      arrangement.seal(step);
    }
    expect(scanned(pool, arrangement, 50, 64, nothing).sorted()).toEqual(before.sorted());
    hold.release();
    arrangement.dispose();
  });

  test.each([1, 2, 3])('are loaded from an image, and the owner told where, seed %s', (seed) => {
    const random = new Random(seed);
    const memory = new RegionPool();
    const arrangement = new StoreArrangement(memory, columns);
    const owner = new Owner(pool, arrangement);
    const pieces: Int32Array[] = [];
    const out = new Int32Array(2 ** 16);
    let step = 0;
    const write = (to: Owner, of: StoreArrangement): void => {
      step++;
      const rows = new Map<number, Row | null>();
      for (let k = random.below(150); k > 0; k--) {
        const key = 2 * (1 + random.below(500));
        const gone = random.chance(step % 20 > 13 ? 0.8 : 0.2);
        if (gone && !to.contents.has(key)) continue;
        rows.set(key, gone ? null : randomRow(random, key, step));
      }
      if (rows.size > 0) to.write(step, rows);
      of.seal(step);
      if (random.chance(0.3)) of.reclaim(100);
    };
    arrangement.image.start();
    for (let round = 0; round < 8; round++) {
      for (let k = random.below(12); k >= 0; k--) write(owner, arrangement);
      const at = step;
      arrangement.image.pin(at);
      const saved = arrangement.image.save();
      const contents = new Map(owner.contents);
      const places = new Map(owner.places);
      // Rows move and their room is used again before they are copied.
      for (let k = random.below(6); k > 0; k--) write(owner, arrangement);
      for (let n = arrangement.image.copy(out); n > 0; n = arrangement.image.copy(out)) {
        pieces.push(out.slice(0, n));
        write(owner, arrangement);
      }
      arrangement.image.unpin();
      const loaded = new StoreArrangement(memory, columns);
      const other = new Owner(pool, loaded);
      if (random.chance(0.5)) loaded.index([0]);
      // The owner's own state is loaded before, with places that are not true any more.
      for (const [token, row] of contents) other.contents.set(token, row);
      for (const token of places.keys()) other.places.set(token, contents.has(token) ? -7 : 0);
      loaded.image.restore(saved);
      for (const piece of pieces) loaded.image.load(piece);
      while (!loaded.image.adopt(at, 100));
      while (!loaded.image.index(100));
      expect(other.moves).toBe(contents.size);
      expect(loaded.rows).toBe(contents.size);
      expect(scanned(pool, loaded, at, 50, nothing).sorted()).toEqual(other.weights().sorted());
      const before = step;
      step = at;
      for (let k = 0; k < 10; k++) write(other, loaded);
      expect(scanned(pool, loaded, step, 50, nothing).sorted()).toEqual(other.weights().sorted());
      const key = BigInt(random.below(50));
      const index = loaded.index([0]);
      while (!loaded.buildIndex(index, 50));
      const expected = new Weights();
      for (const row of other.contents.values())
        if (row[0] === key) expected.add({ row, weight: 1 });
      expect(probed(loaded, index, key, step).sorted()).toEqual(expected.sorted());
      step = before;
      loaded.dispose();
    }
    arrangement.dispose();
    expect(memory.bytes).toBe(0);
    expect(pool.live).toBe(0);
  });
});
