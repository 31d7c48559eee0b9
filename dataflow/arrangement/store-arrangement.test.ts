/**
 * Goal: an arrangement is a versioned multiset, exactly. Method: random batches go into an
 * arrangement and into a plain reference; scans, probes and changes at every held step, in slices
 * and with more steps applied between the slices, must equal the reference. Schemas and weights are
 * chosen so that everything happens: rows equal under SQL with different bytes, NULL keys, negative
 * and large weights, hot keys, text of drifting sizes, several indexes, late indexes, reclaim, evacuation.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Datum, Row, Update } from '../value/datum.ts';
import { decimal, interval } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { sampleColumns, sampleRow } from '../value/sample.reference.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Hold } from './arrangement.ts';
import {
  Weights,
  changed,
  keysEqual,
  rowText,
  scanned,
  takePairs,
} from './arrangement.reference.ts';
import { makePairs, startPosition } from './pairs.ts';
import { RegionPool } from './region.ts';
import { StoreArrangement } from './store-arrangement.ts';

const pool = new SlabPool();

interface Schema {
  readonly columns: readonly ColumnType[];
  readonly keys: readonly (readonly number[])[];
  readonly row: (random: Random, step: number) => Row;
  /** Weights of single changes, where they are not small. */
  readonly weights?: readonly number[];
}

function maybe(random: Random, value: Datum): Datum {
  return random.chance(0.1) ? null : value;
}

const odd: Schema = {
  columns: [
    { type: 'int4', nullable: true },
    { type: 'text', nullable: true },
    { type: 'int8', nullable: false },
    { type: 'numeric', nullable: true },
    { type: 'float8', nullable: true },
    { type: 'interval', nullable: true },
    { type: 'bool', nullable: false },
  ],
  keys: [[0], [3, 4], [5], [1], [], [0, 1, 2, 3, 4, 5, 6]],
  row: (random) => [
    maybe(random, random.below(6)),
    maybe(random, 'x'.repeat(random.below(9)) + String(random.below(3))),
    BigInt(random.below(3)) - 1n,
    maybe(random, decimal(random.chance(0.5) ? 10n : 1n, random.below(2))),
    maybe(random, random.pick([0, -0, Number.NaN, 1.5])),
    maybe(random, random.pick([interval(0, 1, 0n), interval(0, 0, 86_400_000_000n)])),
    random.chance(0.5),
  ],
};

const hot: Schema = {
  columns: [
    { type: 'int4', nullable: false },
    { type: 'int8', nullable: false },
  ],
  keys: [[0], [1]],
  row: (random) => [random.chance(0.8) ? 7 : random.below(40), BigInt(random.below(400))],
};

const drifting: Schema = {
  columns: [
    { type: 'int8', nullable: false },
    { type: 'text', nullable: false },
  ],
  keys: [[0]],
  row: (random, step) => [
    BigInt(random.below(300)),
    String(random.below(5)).repeat(random.below(20 + step * 12)),
  ],
};

const largest = 2 ** 31 - 1;

/** Few rows, each more often than one record can say. */
const numerous: Schema = {
  columns: [
    { type: 'int4', nullable: false },
    { type: 'text', nullable: false },
  ],
  keys: [[0], [0, 1]],
  row: (random) => [random.below(2), 'x'.repeat(random.below(3))],
  weights: [largest, -largest, 2 ** 30, -(2 ** 30), 1, -1],
};

const everyType: Schema = {
  columns: sampleColumns,
  keys: [...sampleColumns.map((_, c) => [c]), [3, 5], [8, 10]],
  row: sampleRow,
};

/** One arrangement beside its reference. */
class Bench {
  readonly memory = new RegionPool();
  readonly arrangement: StoreArrangement;
  readonly schema: Schema;
  readonly random: Random;
  readonly state = new Weights();
  readonly held: { readonly hold: Hold; readonly state: Weights }[] = [];
  step = 0;

  constructor(schema: Schema, seed: number) {
    this.schema = schema;
    this.random = new Random(seed);
    this.arrangement = new StoreArrangement(this.memory, schema.columns);
  }

  /** Changes that mostly retract what is there. */
  #updates(): Update[] {
    const { random, schema } = this;
    const present = [...this.state.rows.values()];
    return Array.from({ length: random.below(60) }, (): Update => {
      if (present.length > 0 && random.chance(0.5)) {
        const { row, weight } = random.pick(present);
        const back = Math.max(-largest, Math.min(largest, -weight));
        return { row, weight: random.chance(0.8) ? back : random.pick([1, -1, 2]) };
      }
      const weight = random.pick(schema.weights ?? [1, 1, 1, 1, -1, 3]);
      return { row: schema.row(random, this.step), weight };
    });
  }

  /** Applies one step of one to three batches. */
  advance(): void {
    const { random, arrangement } = this;
    this.step += 1 + random.below(3);
    const batches = 1 + random.below(3);
    for (let b = 0; b < batches; b++) {
      const updates = this.#updates();
      if (updates.length === 0) continue;
      const batch = batchFromRows(pool, this.schema.columns, updates, this.step);
      arrangement.apply(this.step, batch);
      batch.slab.release();
      for (const update of updates) this.state.add(update);
    }
    arrangement.seal(this.step);
    if (random.chance(0.3)) arrangement.reclaim(random.below(100));
  }

  holdNow(): void {
    this.held.push({ hold: this.arrangement.hold(this.step), state: this.state.copy() });
  }

  releaseOne(): void {
    this.held.splice(this.random.below(this.held.length), 1)[0].hold.release();
  }

  /** Probes with rows of the schema and compares with the reference. */
  checkProbe(at: number, state: Weights, key: readonly number[], between: () => void): void {
    const { random, arrangement, schema } = this;
    const index = arrangement.index(key);
    while (!arrangement.buildIndex(index, 50)) between();
    const types = key.map((c) => schema.columns[c]);
    // Many rows are brought into the cache first, and begin where that ended.
    const probes = Array.from({ length: random.chance(0.04) ? 18 : 4 }, () => ({
      row: schema.row(random, this.step),
      weight: 1,
    }));
    const batch = batchFromRows(pool, schema.columns, probes, 0);
    const nullsEqual = random.chance(0.5);
    const pairs = makePairs(1 + random.below(50));
    const position = startPosition();
    const got = probes.map(() => new Weights());
    for (let done = false; !done;) {
      done = arrangement.probe(index, batch, key, nullsEqual, at, position, pairs);
      takePairs(pool, arrangement, pairs, (k, update) => {
        got[k].add(update);
      });
      between();
    }
    batch.slab.release();
    probes.forEach(({ row }, k) => {
      const expected = new Weights();
      for (const entry of state.rows.values()) {
        const same = keysEqual(
          types,
          key.map((c) => row[c]),
          key.map((c) => entry.row[c]),
          nullsEqual,
        );
        if (same) expected.add(entry);
      }
      expect(got[k].sorted(), `key ${key.join()} of ${rowText(row)}`).toEqual(expected.sorted());
    });
  }

  finish(): void {
    while (this.held.length > 0) this.releaseOne();
    this.arrangement.dispose();
    expect(this.memory.bytes).toBe(0);
    expect(this.memory.regions).toBe(0);
  }
}

describe.each([
  ['every type', everyType],
  ['odd types', odd],
  ['hot keys', hot],
  ['drifting sizes', drifting],
  ['large weights', numerous],
] as const)('StoreArrangement with %s', (_, schema) => {
  test('reads at held steps are exact, whatever happens between slices', () => {
    for (let seed = 1; seed <= 2; seed++) {
      const bench = new Bench(schema, seed);
      const { random, arrangement } = bench;
      if (seed > 1) arrangement.index(schema.keys[0]);
      for (let round = 0; round < 30; round++) {
        bench.advance();
        bench.holdNow();
        if (bench.held.length > 4) bench.releaseOne();
        const records = [...bench.state.rows.values()].reduce(
          (sum, { weight }) => sum + Math.ceil(Math.abs(weight) / largest),
          0,
        );
        expect(arrangement.rows).toBeGreaterThanOrEqual(records);
        // Of many records of one row only the first is less than full, but for what was retracted.
        expect(arrangement.rows).toBeLessThanOrEqual(schema === numerous ? 64 : records);
        const advance = (): void => {
          if (random.chance(0.05)) bench.advance();
        };
        const { hold, state } = random.pick(bench.held);
        const scan = scanned(pool, arrangement, hold.step, 1 + random.below(99), advance);
        expect(scan.sorted()).toEqual(state.sorted());
        const later = bench.held[bench.held.length - 1];
        const delta = changed(pool, arrangement, hold.step, later.hold.step, 30, advance);
        expect(delta.sorted()).toEqual(later.state.minus(state).sorted());
        bench.checkProbe(later.hold.step, later.state, random.pick(schema.keys), advance);
      }
      bench.finish();
    }
  });

  test('probes at older steps are exact with indexes made at the start', () => {
    const bench = new Bench(schema, 9);
    for (const key of schema.keys) bench.arrangement.index(key);
    for (let round = 0; round < 60; round++) {
      bench.advance();
      bench.holdNow();
      if (bench.held.length > 6) bench.releaseOne();
      const { hold, state } = bench.random.pick(bench.held);
      bench.checkProbe(hold.step, state, bench.random.pick(schema.keys), () => {
        if (bench.random.chance(0.05)) bench.advance();
      });
    }
    bench.finish();
  });
});

test('what came and went in a step is no change of it, whoever uses the room afterwards', () => {
  const memory = new RegionPool();
  const columns = [{ type: 'int8', nullable: false }] as const satisfies readonly ColumnType[];
  const [first, second] = [
    new StoreArrangement(memory, columns),
    new StoreArrangement(memory, columns),
  ];
  const apply = (to: StoreArrangement, values: readonly number[], weight: number): void => {
    const updates = values.map((value) => ({ row: [BigInt(value)], weight }));
    const batch = batchFromRows(pool, columns, updates, 2);
    to.apply(2, batch);
    batch.slab.release();
  };
  const values = Array.from({ length: 3_000 }, (_, i) => i);
  for (const arrangement of [first, second]) arrangement.seal(1);
  const hold = first.hold(1);
  apply(first, [-1], 1);
  apply(first, values, 1);
  apply(first, values, -1);
  first.seal(2);
  // These get the room that the others have left, and are of the same step.
  apply(second, values, 1);
  second.seal(2);
  const pairs = makePairs(10_000);
  first.changes(1, 2, startPosition(), pairs);
  const got = new Weights();
  takePairs(pool, first, pairs, (_, update) => got.add(update));
  expect([...got.rows.values()]).toEqual([{ row: [-1n], weight: 1 }]);
  hold.release();
  for (const arrangement of [first, second]) arrangement.dispose();
});
