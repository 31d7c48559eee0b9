/**
 * Goal: rows of more than a segment that are prepared in slices are applied as if they had been
 * written at once, and a row that is prepared and given up leaves nothing. Method: random histories
 * of long and short rows, with NULLs, copies, retractions and weights beyond a word, beside the
 * plain reference; between two slices a checkpoint copies what there is, other rows are prepared,
 * an index is made; each step is read by scan, by key and as changes from a held step.
 */
import { expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Row, Update } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { Weights, changed, scanned } from './arrangement.reference.ts';
import { RegionPool } from './region.ts';
import { StoreArrangement } from './store-arrangement.ts';

const columns: readonly ColumnType[] = [
  { type: 'int4', nullable: true },
  { type: 'text', nullable: true },
  { type: 'float8', nullable: false },
  { type: 'text', nullable: false },
];
const pool = new SlabPool();
/** The largest weight that a batch holds. */
const largest = 2 ** 31 - 1;
const nothing = (): void => undefined;

function randomRow(random: Random): Row {
  // Few different ones, so that rows come again; some differ in their last byte only.
  const length = random.pick([0, 5, 262_144, 400_000, 1_300_001]);
  const text = 'x'.repeat(length) + random.pick(['', 'a', 'b']);
  const key = random.chance(0.2) ? null : random.below(3);
  return [key, random.chance(0.2) ? null : 'k'.repeat(random.below(9)), 0.5, text];
}

function randomUpdate(random: Random, now: Weights): Update {
  const present = [...now.rows.values()];
  if (present.length > 0 && random.chance(0.5)) {
    const { row, weight } = random.pick(present);
    const gone = Math.max(-largest, Math.min(largest, -weight));
    return { row, weight: random.chance(0.7) ? gone : random.pick([largest, 1, -1]) };
  }
  return { row: randomRow(random), weight: random.pick([1, 1, 1, 2, -1]) };
}

/** Prepares a row in slices, with whatever else may happen between them. */
function prepare(random: Random, arrangement: StoreArrangement, update: Update): number {
  const batch = batchFromRows(pool, columns, [update], 0);
  const other = batchFromRows(pool, columns, [{ row: randomRow(random), weight: 1 }], 0);
  const words = new Int32Array(2 ** 17);
  const { image, complete } = arrangement;
  const copies = complete >= 0 && random.chance(0.3);
  let slices = 0;
  if (copies) {
    image.start();
    image.pin(complete);
  }
  if (random.chance(0.3)) arrangement.prepare(other);
  while (!arrangement.prepare(batch)) {
    slices++;
    if (copies) image.copy(words);
    if (random.chance(0.05)) arrangement.prepare(other);
  }
  if (copies) {
    while (image.copy(words) > 0);
    image.stop();
  }
  arrangement.apply(complete + 1, batch);
  batch.slab.release();
  other.slab.release();
  return slices;
}

/** Rows with their lengths instead of their bytes. */
function brief(weights: Weights): string[] {
  return weights.sorted().map((text) => text.replace(/x+/, (run) => String(run.length)));
}

it('enters long rows as if they came at once', () => {
  let slices = 0;
  for (let seed = 1; seed <= 4; seed++) {
    const random = new Random(seed);
    const arrangement = new StoreArrangement(new RegionPool(), columns);
    if (random.chance(0.5)) arrangement.index([0]);
    const now = new Weights();
    let before = now.copy();
    let held = -1;
    for (let step = 0; step < 20; step++) {
      const update = randomUpdate(random, now);
      slices += prepare(random, arrangement, update);
      now.add(update);
      arrangement.seal(step);
      arrangement.reclaim(100);
      expect(brief(scanned(pool, arrangement, step, 3, nothing))).toEqual(brief(now));
      if (held >= 0) {
        const delta = changed(pool, arrangement, held, step, 3, nothing);
        expect(brief(delta)).toEqual(brief(now.minus(before)));
      }
      if (!random.chance(0.3)) continue;
      arrangement.hold(step);
      before = now.copy();
      held = step;
    }
  }
  expect(slices).toBeGreaterThan(100);
  expect(pool.live).toBe(0);
});

it('gives back the room of a row that was prepared in vain', () => {
  const regions = new RegionPool();
  const arrangement = new StoreArrangement(regions, columns);
  const row: Row = [1, null, 0, 'y'.repeat(4_000_000)];
  const batch = batchFromRows(pool, columns, [{ row, weight: 1 }], 0);
  const short = batchFromRows(pool, columns, [{ row: [1, null, 0, ''], weight: 1 }], 0);
  arrangement.prepare(short);
  const bytes = arrangement.bytes();
  arrangement.prepare(batch);
  expect(arrangement.bytes()).toBeGreaterThan(bytes + 4_000_000);
  expect(arrangement.prepare(short)).toBe(true);
  arrangement.apply(0, short);
  arrangement.seal(0);
  expect(arrangement.bytes()).toBeLessThan(bytes + 100_000);
  expect(arrangement.rows).toBe(1);
  batch.slab.release();
  short.slab.release();
});
