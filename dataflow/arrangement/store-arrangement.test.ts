/**
 * Goal: an arrangement is a versioned multiset. Method: random batches of every type go into an
 * arrangement and into a plain model (a map from row text to weight, one copy per step); probes,
 * scans and changes at held steps must equal the model's.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Row, Update } from '../value/datum.ts';
import { decimal, interval } from '../value/datum.ts';
import { batchFromRows, rowsFromBatch } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Pairs } from './arrangement.ts';
import { makePairs, startPosition } from './pairs.ts';
import { RegionPool } from './region.ts';
import { StoreArrangement } from './store-arrangement.ts';

const columns: readonly ColumnType[] = [
  { type: 'int4', nullable: true },
  { type: 'text', nullable: true },
  { type: 'int8', nullable: false },
  { type: 'numeric', nullable: true },
  { type: 'float8', nullable: true },
  { type: 'interval', nullable: true },
  { type: 'bool', nullable: false },
];

function text(row: Row): string {
  return row.map((datum) => {
    if (typeof datum === 'number' && Object.is(datum, -0)) return '-0';
    if (typeof datum !== 'object' || datum === null) return String(datum);
    return Object.values(datum).join(':');
  }).join('|');
}

function randomRow(random: Random): Row {
  const maybe = <T>(value: T): T | null => (random.chance(0.1) ? null : value);
  return [
    maybe(random.below(6)),
    maybe('x'.repeat(random.below(9)) + String(random.below(3))),
    BigInt(random.below(3)) - 1n,
    maybe(decimal(BigInt(random.below(2)) * 10n, random.below(2))),
    maybe(random.pick([0, -0, Number.NaN, 1.5])),
    maybe(random.pick([interval(0, 1, 0n), interval(0, 0, 86_400_000_000n)])),
    random.chance(0.5),
  ];
}

class Model {
  readonly weights = new Map<string, number>();

  add({ row, weight }: Update): void {
    const key = text(row);
    const sum = (this.weights.get(key) ?? 0) + weight;
    if (sum === 0) this.weights.delete(key);
    else this.weights.set(key, sum);
  }

  copy(): Model {
    const copy = new Model();
    for (const [k, w] of this.weights) copy.weights.set(k, w);
    return copy;
  }
}

const pool = new SlabPool();

function read(arrangement: StoreArrangement, pairs: Pairs, into: Model): void {
  const all = arrangement.layout.columns.map((_, c) => c);
  const writer = new BatchWriter(pool, columns);
  writer.begin(pairs.n, arrangement.varWordsOf(pairs.address, 0, pairs.n, all));
  arrangement.gather(pairs.address, 0, pairs.n, all, writer, 0);
  for (let k = 0; k < pairs.n; k++) writer.slab.i32[writer.weight + k] = pairs.weight[k];
  const batch = writer.seal(0, pairs.n);
  for (const update of rowsFromBatch(batch, columns)) into.add(update);
  batch.slab.release();
  writer.close();
  pairs.n = 0;
}

function scanned(arrangement: StoreArrangement, at: number): Model {
  const model = new Model();
  const pairs = makePairs(7);
  const position = startPosition();
  let done = false;
  while (!done) {
    done = arrangement.scan(at, position, pairs);
    read(arrangement, pairs, model);
  }
  return model;
}

describe('StoreArrangement', () => {
  test('scans equal the model at every held step', () => {
    const random = new Random(1);
    const arrangement = new StoreArrangement(new RegionPool(), columns);
    arrangement.index([0]);
    const model = new Model();
    const kept: { step: number; model: Model; release: () => void }[] = [];
    for (let step = 1; step <= 60; step++) {
      const updates = Array.from({ length: random.below(40) }, () =>
        ({ row: randomRow(random), weight: random.pick([1, 1, 1, -1, 2]) }));
      const batch = batchFromRows(pool, columns, updates, step);
      arrangement.apply(step, batch);
      batch.slab.release();
      arrangement.seal(step);
      for (const update of updates) model.add(update);
      const hold = arrangement.hold(step);
      kept.push({ step, model: model.copy(), release: () => { hold.release(); } });
      if (kept.length > 5) kept.splice(random.below(5), 1)[0].release();
      for (const old of kept) {
        expect(scanned(arrangement, old.step).weights).toEqual(old.model.weights);
      }
      expect(arrangement.rows).toBe(model.weights.size);
    }
  });
});
