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
import type { ColumnType } from '../value/type.ts';
import { Weights, changed, scanned, takePairs } from './arrangement.reference.ts';
import type { OwnedRows, RowOwner } from './owned-rows.ts';
import { makePairs, startPosition } from './pairs.ts';
import { RegionPool } from './region.ts';
import { Stage } from './stage.ts';
import { StoreArrangement } from './store-arrangement.ts';

const pool = new SlabPool();
const columns: readonly ColumnType[] = [
  { type: 'int8', nullable: false },
  { type: 'text', nullable: true },
  { type: 'int4', nullable: true },
];
const nothing = (): void => undefined;

/** Keeps one row a key and remembers its place; keys are tokens. */
class Owner implements RowOwner {
  readonly places = new Map<number, number>();
  readonly contents = new Map<number, Row>();
  readonly #rows: OwnedRows;
  readonly #stage = new Stage();
  moves = 0;

  constructor(arrangement: StoreArrangement) {
    this.#rows = arrangement.own(this);
  }

  moved(token: number, place: number): void {
    expect(this.places.has(token)).toBe(true);
    this.places.set(token, place);
    this.moves++;
  }

  /** Puts rows, or takes them away, by key. */
  write(step: number, rows: ReadonlyMap<number, Row | null>): void {
    const tokens = Int32Array.from(rows.keys());
    const n = tokens.length;
    const olds = tokens.map((token) => this.places.get(token) ?? 0);
    const sizes = new Int32Array(n);
    const places = new Int32Array(n);
    const staged = [...rows.values()].map((row, k) => {
      const batch = batchFromRows(
        pool,
        columns,
        [{ row: row ?? [0n, null, null], weight: 1 }],
        step,
      );
      this.#stage.load(this.#rows.layout, batch, 0, 1, new Int32Array(1));
      batch.slab.release();
      if (row !== null) sizes[k] = this.#stage.size[0];
      return this.#stage.words.slice(4, this.#stage.size[0]);
    });
    this.#rows.replace(step, olds, sizes, tokens, n, places);
    tokens.forEach((token, k) => {
      this.places.set(token, places[k]);
      if (places[k] !== 0) this.#rows.words.set(staged[k], places[k] - 1 + 4);
    });
    this.#rows.enter(places, n);
    for (const [token, row] of rows) {
      if (row === null) this.contents.delete(token);
      else this.contents.set(token, row);
    }
  }

  weights(): Weights {
    const weights = new Weights();
    for (const row of this.contents.values()) weights.add({ row, weight: 1 });
    return weights;
  }
}

function randomRow(random: Random, key: number, drift: number): Row {
  const text = random.chance(0.1)
    ? null
    : 'x'.repeat(random.below(8 + drift)) + String(random.below(1e6));
  return [BigInt(key % 50), text, random.chance(0.1) ? null : key];
}

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
      const owner = new Owner(arrangement);
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
    const owner = new Owner(arrangement);
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
    const owner = new Owner(arrangement);
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
});
