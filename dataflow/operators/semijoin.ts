/**
 * Semijoin and antijoin: left rows, weights unchanged, whose key occurs (does not occur) on the
 * right. The right side is an arrangement of its keys alone, where a key's weight m is the number
 * of right rows that have it; it occurs if m > 0.
 *
 *     ΔA · [m⁺ > 0]  +  A⁻ · ([m⁺ > 0] − [m⁻ > 0])         (anti: [m ≤ 0])
 *
 * While hydrating A⁻ is empty, so only the first term is computed. The second one probes A only for
 * keys that changed sides.
 *
 * A key may have several records: equal under SQL is not equal by bytes (numeric 1.0 and 1.00), and
 * a weight that changes ends one record and begins another. If several of them changed in one step
 * the key must still be handled once: such keys are noted by the least address among their records.
 *
 * A NULL in a key occurs nowhere unless `nullsEqual`: an antijoin keeps such a row.
 */
import { assert } from '../../src/base/assert.ts';
import type { Position } from '../arrangement/arrangement.ts';
import { rewind, startPosition } from '../arrangement/pairs.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import { infinity } from '../value/layout.ts';
import type { ColumnType } from '../value/type.ts';
import type { Keyed } from './arranged.ts';
import { DeltaReader, readableStep } from './arranged.ts';
import { copyColumns, range, varWordsOfRows } from './gather.ts';
import type { Context, Operator } from './operator.ts';
import type { Scratch } from './scratch.ts';
import type { StepClock } from './step-clock.ts';
import { never } from './step-clock.ts';

export interface SemijoinShape {
  readonly columns: readonly ColumnType[];
  readonly left: Keyed;
  /** The right side's keys: all columns of its row are the key. */
  readonly right: Keyed;
  readonly anti: boolean;
  readonly nullsEqual: boolean;
}

/** Keeps the left rows that have, or lack, a partner. */
export class SemijoinOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #shape: SemijoinShape;
  readonly #clock: StepClock;
  readonly #scratch: Scratch;
  readonly #leftDelta: DeltaReader;
  readonly #keyDelta: DeltaReader;
  readonly #selection: BatchWriter;
  readonly #flips: BatchWriter;
  readonly #rows: BatchWriter;
  /** 0: changes of the left side; 1: keys that changed sides. */
  #phase: 0 | 1 = 0;
  readonly #deltas: Batch[] = [];
  /** Keys that changed sides, the sign as their weight, and how far A was probed with them. */
  #flipped: Batch | null = null;
  readonly #position: Position = startPosition();
  /** Least record of each key of several records that was handled in this step. */
  readonly #handled = new Set<number>();

  constructor(shape: SemijoinShape, clock: StepClock, scratch: Scratch, pool: SlabPool) {
    const { left, right } = shape;
    assert(left.key.length === right.key.length, 'both keys of a semijoin have the same length');
    assert(shape.columns.length === left.types.length, 'a semijoin gives rows of its left side');
    this.columns = shape.columns;
    this.#shape = shape;
    this.#clock = clock;
    this.#scratch = scratch;
    this.#leftDelta = new DeltaReader(left, clock, scratch.scanned, pool);
    this.#keyDelta = new DeltaReader(right, clock, scratch.scanned, pool);
    this.#selection = new BatchWriter(pool, left.types);
    this.#flips = new BatchWriter(pool, right.types);
    this.#rows = new BatchWriter(pool, left.types);
  }

  push(): 'done' {
    return 'done';
  }

  finish(context: Context): 'done' | 'more' {
    const keep = (delta: Batch): void => {
      this.#deltas.push(delta);
    };
    while (this.#phase === 0) {
      const batch = this.#deltas[0];
      if (batch !== undefined) {
        this.#select(batch, context);
        this.#deltas.shift()?.slab.release();
        if (!context.fuel.spend(batch.rows)) return 'more';
      } else if (!this.#leftDelta.next(keep)) this.#phase = 1;
      else if (!context.fuel.spend(1)) return 'more';
    }
    while (this.#clock.from !== never) {
      const batch = this.#deltas[0];
      if (this.#flipped !== null) {
        if (!this.#probeFlipped(this.#flipped, context)) return 'more';
      } else if (batch !== undefined) {
        this.#flipped = this.#findFlips(batch);
        this.#deltas.shift()?.slab.release();
        if (!context.fuel.spend(batch.rows)) return 'more';
      } else if (!this.#keyDelta.next(keep)) break;
      else if (!context.fuel.spend(1)) return 'more';
    }
    this.#phase = 0;
    this.#handled.clear();
    this.#close();
    return 'done';
  }

  /** Emits the rows of a left delta that have (anti: lack) a partner at `to`. */
  #select(batch: Batch, context: Context): void {
    const { left, anti } = this.#shape;
    const { rows, after } = this.#scratch;
    after.fill(0, 0, batch.rows);
    this.#sumWeights(batch, left.key, this.#clock.to, after);
    let n = 0;
    for (let row = 0; row < batch.rows; row++) if (after[row] > 0 !== anti) rows[n++] = row;
    if (n === 0) return;
    if (n === batch.rows) {
      batch.slab.retain();
      context.emit(batch);
      return;
    }
    const columns = range(left.types.length);
    const writer = this.#selection;
    writer.begin(n, varWordsOfRows(batch, left.types, rows, 0, n, columns));
    copyColumns(batch, left.types, rows, 0, n, columns, writer, 0);
    const source = batch.slab.i32;
    const target = writer.slab.i32;
    for (let i = 0; i < n; i++) target[writer.weight + i] = source[batch.weight + rows[i]];
    context.emit(writer.seal(context.step, n));
  }

  /** Adds for each row of the batch the weight of its key on the right at a step; notes records. */
  #sumWeights(batch: Batch, key: readonly number[], at: number, sums: Float64Array): void {
    const { right, nullsEqual } = this.#shape;
    const { matched: pairs, records, least } = this.#scratch;
    const { arrangement, index } = right;
    const step = readableStep(right, at);
    const position = startPosition();
    if (index < 0) {
      // An empty key: the only record there can be belongs to every row.
      pairs.n = 0;
      while (pairs.n === 0 && !arrangement.scan(step, position, pairs));
      if (pairs.n > 0) sums.fill(pairs.weight[0], 0, batch.rows);
      records.fill(2, 0, batch.rows);
      least.fill(-1, 0, batch.rows);
      return;
    }
    for (let whole = false; !whole;) {
      pairs.n = 0;
      whole = arrangement.probe(index, batch, key, nullsEqual, step, position, pairs);
      for (let i = 0; i < pairs.n; i++) {
        const row = pairs.row[i];
        sums[row] += pairs.weight[i];
        records[row]++;
        least[row] = Math.min(least[row], pairs.address[i]);
      }
    }
  }

  /** The keys of changed records that came to occur (+1) or ceased to (−1), each key once. */
  #findFlips(batch: Batch): Batch | null {
    const { right, anti } = this.#shape;
    const { from, to } = this.#clock;
    const { rows, weights, before, after, records, least } = this.#scratch;
    for (const sums of [before, after, records]) sums.fill(0, 0, batch.rows);
    least.fill(infinity, 0, batch.rows);
    this.#sumWeights(batch, right.key, from, before);
    this.#sumWeights(batch, right.key, to, after);
    let n = 0;
    for (let row = 0; row < batch.rows; row++) {
      if (before[row] > 0 === after[row] > 0) continue;
      if (records[row] > 1) {
        if (this.#handled.has(least[row])) continue;
        this.#handled.add(least[row]);
      }
      rows[n] = row;
      weights[n++] = after[row] > 0 !== anti ? 1 : -1;
    }
    if (n === 0) return null;
    const columns = range(right.types.length);
    const writer = this.#flips;
    writer.begin(n, varWordsOfRows(batch, right.types, rows, 0, n, columns));
    copyColumns(batch, right.types, rows, 0, n, columns, writer, 0);
    writer.slab.i32.set(weights.subarray(0, n), writer.weight);
    return writer.seal(to, n);
  }

  /** Emits some left rows of the flipped keys; true if fuel is left. */
  #probeFlipped(flipped: Batch, context: Context): boolean {
    const { left, right, nullsEqual } = this.#shape;
    const pairs = this.#scratch.matched;
    pairs.n = 0;
    const step = readableStep(left, this.#clock.from);
    const whole =
      left.index < 0
        ? left.arrangement.scan(step, this.#position, pairs)
        : left.arrangement.probe(
            left.index,
            flipped,
            right.key,
            nullsEqual,
            step,
            this.#position,
            pairs,
          );
    if (left.index < 0) pairs.row.fill(0, 0, pairs.n);
    if (pairs.n > 0) {
      const { arrangement, columns } = left;
      const writer = this.#rows;
      writer.begin(pairs.n, arrangement.varWordsOf(pairs.address, 0, pairs.n, columns));
      arrangement.gather(pairs.address, 0, pairs.n, columns, writer, 0);
      const source = flipped.slab.i32;
      const target = writer.slab.i32;
      for (let i = 0; i < pairs.n; i++) {
        target[writer.weight + i] = pairs.weight[i] * source[flipped.weight + pairs.row[i]];
      }
      context.emit(writer.seal(context.step, pairs.n));
    }
    if (whole) {
      flipped.slab.release();
      this.#flipped = null;
      rewind(this.#position);
    }
    return context.fuel.spend(1 + pairs.n);
  }

  #close(): void {
    this.#selection.close();
    this.#flips.close();
    this.#rows.close();
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    for (const batch of this.#deltas) batch.slab.release();
    this.#deltas.length = 0;
    this.#flipped?.slab.release();
    this.#flipped = null;
    this.#leftDelta.restart();
    this.#keyDelta.restart();
    this.#close();
  }
}
