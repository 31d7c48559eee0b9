/**
 * Goal: what is copied of an arrangement at a held step and loaded elsewhere is what was visible at
 * that step, and an arrangement like any other from then on. Method: random histories beside a
 * plain reference; pins at random steps; copies in random pieces with further steps, reclaim and
 * moves between them; full copies and patches on them; loaded into a region with other tenants in
 * random slices, read by scan and every index, and then written to further. And one scenario each
 * for what a damaged image looks like.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../../src/base/error.ts';
import type { Row, Update } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { sampleColumns, sampleRow } from '../value/sample.reference.ts';
import type { Saved } from '../value/saved.ts';
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
import { pieceWordsMin } from './row-image.ts';
import { StoreArrangement } from './store-arrangement.ts';

const pool = new SlabPool();
const nothing = (): void => undefined;

interface Schema {
  readonly columns: readonly ColumnType[];
  readonly keys: readonly (readonly number[])[];
  readonly row: (random: Random, step: number) => Row;
  /** Weights of single changes, where they are not small. */
  readonly weights?: readonly number[];
}

const largest = 2 ** 31 - 1;

const keyAndText: readonly ColumnType[] = [
  { type: 'int8', nullable: false },
  { type: 'text', nullable: false },
];

const schemas = {
  'every type': {
    columns: sampleColumns,
    keys: [[0], [3, 5], [8, 10], sampleColumns.map((_, c) => c)],
    row: sampleRow,
  },
  'hot keys': {
    columns: [
      { type: 'int4', nullable: false },
      { type: 'int8', nullable: true },
    ],
    keys: [[0], [1]],
    row: (random) => [
      random.chance(0.8) ? 7 : random.below(40),
      random.chance(0.1) ? null : BigInt(random.below(400)),
    ],
  },
  'drifting sizes': {
    columns: keyAndText,
    keys: [[0], [1]],
    row: (random, step) => [
      BigInt(random.below(300)),
      String(random.below(5)).repeat(random.below(20 + (step % 60) * 12)),
    ],
  },
  'rows larger than a segment': {
    columns: keyAndText,
    keys: [[0]],
    row: (random) => [
      BigInt(random.below(20)),
      'x'.repeat(random.chance(0.01) ? 66_000 + random.below(400_000) : random.below(300)),
    ],
  },
  'large weights': {
    columns: [
      { type: 'int4', nullable: false },
      { type: 'text', nullable: false },
    ],
    keys: [[0], [0, 1]],
    row: (random) => [random.below(2), 'x'.repeat(random.below(3))],
    weights: [largest, -largest, 2 ** 30, -(2 ** 30), 1, -1],
  },
} satisfies Record<string, Schema>;

/** One arrangement beside its reference. */
class Bench {
  readonly schema: Schema;
  readonly random: Random;
  readonly arrangement: StoreArrangement;
  readonly state: Weights;
  readonly held: { readonly hold: Hold; readonly state: Weights }[] = [];
  step: number;

  constructor(schema: Schema, random: Random, arrangement: StoreArrangement, state: Weights) {
    this.schema = schema;
    this.random = random;
    this.arrangement = arrangement;
    this.state = state;
    this.step = arrangement.complete;
  }

  #updates(): Update[] {
    const { random, schema } = this;
    const present = [...this.state.rows.values()];
    const shrinking = this.step % 40 > 28;
    return Array.from({ length: random.below(60) }, (): Update => {
      if (present.length > 0 && random.chance(shrinking ? 0.9 : 0.5)) {
        const { row, weight } = random.pick(present);
        const back = Math.max(-largest, Math.min(largest, -weight));
        return { row, weight: random.chance(0.8) ? back : random.pick([1, -1, 2]) };
      }
      const weight = random.pick(schema.weights ?? [1, 1, 1, 1, -1, 3]);
      return { row: schema.row(random, this.step), weight };
    });
  }

  /** Applies one step of one to three batches; `between` them anything that may happen there. */
  advance(between: () => void): void {
    const { random, arrangement } = this;
    this.step += 1 + random.below(3);
    for (let b = random.below(3); b >= 0; b--) {
      const updates = this.#updates();
      if (updates.length === 0) continue;
      const batch = batchFromRows(pool, this.schema.columns, updates, this.step);
      arrangement.apply(this.step, batch);
      batch.slab.release();
      for (const update of updates) this.state.add(update);
      if (b > 0) between();
    }
    arrangement.seal(this.step);
    if (random.chance(0.3)) arrangement.reclaim(random.below(100));
    if (random.chance(0.3)) {
      this.held.push({ hold: arrangement.hold(this.step), state: this.state.copy() });
    }
    if (this.held.length > 0 && random.chance(0.35)) this.releaseOne();
  }

  releaseOne(): void {
    this.held.splice(this.random.below(this.held.length), 1)[0].hold.release();
  }

  /** Probes with rows of the schema by every index. */
  checkProbes(): void {
    const { random, arrangement, schema, state } = this;
    for (const key of schema.keys) {
      const index = arrangement.index(key);
      while (!arrangement.buildIndex(index, 50));
      const types = key.map((c) => schema.columns[c]);
      const present = [...state.rows.values()].map(({ row }) => row);
      const rows = Array.from({ length: 6 }, () =>
        present.length > 0 && random.chance(0.7)
          ? random.pick(present)
          : schema.row(random, this.step),
      );
      const found = probed(arrangement, index, key, rows);
      rows.forEach((row, k) => {
        const expected = new Weights();
        const same = (other: Row): boolean =>
          keysEqual(
            types,
            key.map((c) => row[c]),
            key.map((c) => other[c]),
            true,
          );
        for (const entry of state.rows.values()) if (same(entry.row)) expected.add(entry);
        expect(found[k].sorted(), `key ${key.join()} of ${rowText(row)}`).toEqual(
          expected.sorted(),
        );
      });
    }
  }

  check(): void {
    const { arrangement, random, step } = this;
    const scan = scanned(pool, arrangement, step, 1 + random.below(99), nothing);
    expect(scan.sorted()).toEqual(this.state.sorted());
    for (const { hold, state } of this.held) {
      const delta = changed(pool, arrangement, hold.step, step, 30, nothing);
      expect(delta.sorted()).toEqual(this.state.minus(state).sorted());
    }
    this.checkProbes();
  }

  finish(): void {
    while (this.held.length > 0) this.releaseOne();
    this.arrangement.dispose();
  }
}

/** What is found at `complete` by the keys of rows. */
function probed(
  arrangement: StoreArrangement,
  index: number,
  key: readonly number[],
  rows: readonly Row[],
): Weights[] {
  const { columns } = arrangement.layout;
  const batch = batchFromRows(
    pool,
    columns,
    rows.map((row) => ({ row, weight: 1 })),
    0,
  );
  const pairs = makePairs(50);
  const position = startPosition();
  const found = rows.map(() => new Weights());
  for (let done = false; !done;) {
    done = arrangement.probe(index, batch, key, true, arrangement.complete, position, pairs);
    takePairs(pool, arrangement, pairs, (k, update) => {
      found[k].add(update);
    });
  }
  batch.slab.release();
  return found;
}

/** Pieces of one checkpoint after the other, and what has to be known beside the last. */
interface Image {
  readonly pieces: Int32Array[];
  saved: Saved;
  step: number;
  state: Weights;
}

/** Pins a step that can be read and copies it; `between` the pieces anything may happen. */
function copyImage(
  { arrangement, random, step, state, held }: Bench,
  into: Image,
  between: () => void,
): void {
  const readable = [...held.map((one) => ({ at: one.hold.step, was: one.state }))];
  const older = readable.length > 0 && random.chance(0.4) ? random.pick(readable) : null;
  const at = older === null || older.at < into.step ? { at: step, was: state.copy() } : older;
  arrangement.image.pin(at.at);
  into.saved = arrangement.image.save();
  into.step = at.at;
  into.state = at.was;
  const out = new Int32Array(pieceWordsMin + random.below(50_000));
  between();
  for (let words = arrangement.image.copy(out); words > 0; words = arrangement.image.copy(out)) {
    into.pieces.push(out.slice(0, words));
    between();
  }
  arrangement.image.unpin();
}

/** An arrangement beside others in memory, with indexes on some of the keys, loaded from pieces. */
function loadImage(memory: RegionPool, schema: Schema, random: Random, image: Image): Bench {
  const arrangement = new StoreArrangement(memory, schema.columns);
  if (random.chance(0.5)) arrangement.seal(0);
  const history = arrangement.hold(arrangement.complete);
  const first = random.below(schema.keys.length + 1);
  schema.keys.slice(first).forEach((key) => arrangement.index(key));
  arrangement.image.restore(image.saved);
  for (const piece of image.pieces) arrangement.image.load(piece);
  while (!arrangement.image.adopt(image.step, 1 + random.below(400)));
  expect(history.step).toBe(image.step);
  history.release();
  expect(arrangement.complete).toBe(image.step);
  expect(arrangement.since).toBe(image.step);
  const rowsMax = 1 + random.below(400);
  for (let ahead = 0; !arrangement.image.index(rowsMax); ahead++) {
    // Rows can be read, by a scan, and steps without changes go by.
    if (ahead > 2) continue;
    const scan = scanned(pool, arrangement, arrangement.complete, 1 + random.below(99), nothing);
    expect(scan.sorted()).toEqual(image.state.sorted());
    arrangement.seal(arrangement.complete + 1);
  }
  return new Bench(schema, random, arrangement, image.state.copy());
}

function tenant(memory: RegionPool, random: Random): Bench {
  const other = new StoreArrangement(memory, keyAndText);
  const bench = new Bench(schemas['drifting sizes'], random, other, new Weights());
  for (let k = 0; k < 10; k++) bench.advance(nothing);
  return bench;
}

describe.each(Object.entries<Schema>(schemas))('images with %s', (_, schema) => {
  test.each([1, 2])('are what was visible at their step, seed %s', (seed) => {
    const random = new Random(seed);
    const memory = new RegionPool();
    const elsewhere = new RegionPool();
    const arrangement = new StoreArrangement(memory, schema.columns);
    const bench = new Bench(schema, random, arrangement, new Weights());
    const others = [tenant(elsewhere, random)];
    if (seed > 1) arrangement.index(schema.keys[0]);
    const image: Image = { pieces: [], saved: null, step: -1, state: new Weights() };
    const full = (): void => {
      arrangement.image.start();
      image.pieces.length = 0;
    };
    full();
    const steps = (): void => {
      for (let k = random.below(5); k > 0; k--) bench.advance(nothing);
    };
    for (let round = 0; round < 12; round++) {
      for (let k = random.below(8); k >= 0; k--) bench.advance(nothing);
      if (random.chance(0.2)) full();
      if (random.chance(0.3)) {
        // In the middle of a step, too.
        let pinned = false;
        bench.advance(() => {
          if (pinned) return;
          pinned = true;
          const at = arrangement.complete;
          arrangement.image.pin(at);
          const out = new Int32Array(pieceWordsMin);
          for (let n = arrangement.image.copy(out); n > 0; n = arrangement.image.copy(out)) {
            image.pieces.push(out.slice(0, n));
          }
          arrangement.image.unpin();
        });
      }
      copyImage(bench, image, steps);
      const loaded = loadImage(elsewhere, schema, random, image);
      loaded.check();
      for (let k = 0; k < 12; k++) loaded.advance(nothing);
      loaded.check();
      loaded.finish();
    }
    bench.check();
    bench.finish();
    for (const other of others) {
      other.check();
      other.finish();
    }
    while (elsewhere.tidy());
    while (memory.tidy());
    expect(elsewhere.bytes).toBe(0);
    expect(memory.bytes).toBe(0);
    expect(pool.live).toBe(0);
  });
});

describe('room', () => {
  const rows = Array.from({ length: 6_000 }, (_, k): Row => [
    BigInt(k),
    `a text of some length ${k}`,
  ]);

  function change(
    arrangement: StoreArrangement,
    step: number,
    some: readonly Row[],
    weight: number,
  ): void {
    const updates = some.map((row) => ({ row, weight }));
    const batch = batchFromRows(pool, keyAndText, updates, step);
    arrangement.apply(step, batch);
    batch.slab.release();
    arrangement.seal(step);
  }

  /** An arrangement loaded from one that has lost these rows. */
  function loadedWithout(gone: readonly Row[]): StoreArrangement {
    const memory = new RegionPool();
    const [first, second] = [1, 2].map(() => new StoreArrangement(memory, keyAndText));
    change(first, 1, rows, 1);
    first.image.start();
    change(first, 2, gone, -1);
    first.image.pin(2);
    const out = new Int32Array(pieceWordsMin);
    second.index([0]);
    second.image.restore(first.image.save());
    for (let n = first.image.copy(out); n > 0; n = first.image.copy(out)) {
      second.image.load(out.subarray(0, n));
    }
    while (!second.image.adopt(2, 1_000));
    while (!second.image.index(1_000));
    expect(second.rows).toBe(rows.length - gone.length);
    first.dispose();
    return second;
  }

  test('between loaded rows is used again', () => {
    const gone = rows.filter((_, k) => k % 3 === 0);
    const arrangement = loadedWithout(gone);
    const before = arrangement.bytes();
    change(arrangement, 3, gone, 1);
    // The index grows; the rows themselves take 120,000 bytes.
    expect(arrangement.bytes()).toBeLessThan(before + 60_000);
    arrangement.dispose();
  });

  test('of segments that are almost empty comes back', () => {
    const arrangement = loadedWithout(rows.filter((_, k) => k % 10 > 0));
    const before = arrangement.bytes();
    for (let step = 3; step < 12; step++) {
      arrangement.seal(step);
      arrangement.reclaim(1e9);
    }
    expect(arrangement.bytes()).toBeLessThan(before / 3);
    expect(scanned(pool, arrangement, 11, 64, nothing).rows.size).toBe(600);
    arrangement.dispose();
  });
});

describe('an image that is damaged', () => {
  const columns = keyAndText;
  const rows = (from: number): Update[] =>
    Array.from({ length: 900 }, (_, k) => ({ row: [BigInt(from + k), `text ${k}`], weight: 1 }));
  const filled = new StoreArrangement(new RegionPool(), columns);
  const batch = batchFromRows(pool, columns, rows(0), 1);
  filled.apply(1, batch);
  batch.slab.release();
  filled.seal(1);
  filled.image.start();
  filled.image.pin(1);
  const saved = filled.image.save();
  const out = new Int32Array(pieceWordsMin);
  const piece = out.slice(0, filled.image.copy(out));
  filled.image.unpin();

  /** Loads a piece; memory comes back whatever happens. */
  function load(words: Int32Array, registers: Saved, types: readonly ColumnType[]): number {
    const memory = new RegionPool();
    const arrangement = new StoreArrangement(memory, types);
    arrangement.index([0]);
    try {
      arrangement.image.restore(registers);
      arrangement.image.load(words);
      while (!arrangement.image.adopt(1, 100));
      return arrangement.rows;
    } finally {
      arrangement.dispose();
      expect(memory.bytes).toBe(0);
    }
  }

  function code(call: () => unknown): string {
    try {
      call();
    } catch (error) {
      if (error instanceof SqlError) return error.fields.code;
      throw error;
    }
    return 'none';
  }

  test('is loaded as it is if it is not', () => {
    expect(load(piece, saved, columns)).toBe(900);
  });

  test('is refused if it is of other rows', () => {
    const other: readonly ColumnType[] = [columns[0], { type: 'text', nullable: true }];
    expect(code(() => load(piece, saved, other))).toBe('XX001');
    expect(code(() => load(piece, null, columns))).toBe('XX001');
    expect(code(() => load(piece, ['x', 0, 900], columns))).toBe('XX001');
  });

  test('is refused if it is cut off anywhere', () => {
    for (let words = 1; words < piece.length; words += 97) {
      expect(code(() => load(piece.subarray(0, words), saved, columns))).toBe('XX001');
    }
  });

  test('is refused or has as many rows, whatever word is wrong', () => {
    const random = new Random(7);
    let refused = 0;
    for (let k = 0; k < 400; k++) {
      const wrong = piece.slice();
      const at = random.below(k % 2 === 0 ? 60 : wrong.length);
      wrong[at] = random.pick([-1, 0, 1, 7, 2 ** 30, 0x7fffffff, random.next() | 0]);
      const result = code(() => {
        expect(load(wrong, saved, columns)).toBe(900);
      });
      expect(['XX001', 'none']).toContain(result);
      if (result === 'XX001') refused++;
    }
    expect(refused).toBeGreaterThan(30);
  });
});
