/**
 * Inner join of which one side, or both, is kept as counts and sums by key (summed-rows.ts), as
 * nobody above asks for more. Such a side has no versions and no changes to be read back: its
 * batches meet the other side as they come, and are then taken in.
 *
 *  - Of two summed sides each batch meets what the other one holds at that moment, so every pair of
 *    rows meets once, when the later of the two comes.
 *  - Beside an arranged side B a batch of A meets B⁻; at the end of the step A⁺ meets ΔB. While
 *    hydrating B⁻ is empty: then the side with fewer records is read and the other one probed.
 */
import { assert } from '../../src/base/assert.ts';
import type { Position } from '../arrangement/arrangement.ts';
import { rewind, startPosition } from '../arrangement/pairs.ts';
import type { Mfp } from '../expr/mfp.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Keyed } from './arranged.ts';
import { DeltaReader, readableStep } from './arranged.ts';
import { range } from './gather.ts';
import { JoinedRows } from './joined-rows.ts';
import type { Context, Operator, OperatorState } from './operator.ts';
import { stateOf } from './registers.ts';
import type { Scratch } from './scratch.ts';
import type { StepClock } from './step-clock.ts';
import { never } from './step-clock.ts';
import type { SummedRows } from './summed-rows.ts';

/** A side whose rows come in batches. */
export interface Summed {
  readonly rows: SummedRows;
  readonly types: readonly ColumnType[];
  readonly key: readonly number[];
}

export interface SummedJoinShape {
  readonly columns: readonly ColumnType[];
  readonly left: Summed | Keyed;
  readonly right: Summed | Keyed;
  readonly nullsEqual: boolean;
  /** Over the joined columns; keeps them all. */
  readonly residual: Mfp | null;
}

function isSummed(side: Summed | Keyed): side is Summed {
  return 'rows' in side;
}

/** Joins batches of summed sides with the other side. */
export class SummedJoinOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state: OperatorState;
  readonly #sides: readonly [Summed | Keyed, Summed | Keyed];
  readonly #nullsEqual: boolean;
  readonly #clock: StepClock;
  readonly #scratch: Scratch;
  readonly #output: JoinedRows;
  /** The arranged side, if there is one, and the reader of its changes. */
  readonly #arranged: { readonly side: Keyed; readonly reader: DeltaReader } | null;
  /** Writes representatives that are read, not probed. */
  readonly #writer: BatchWriter;
  readonly #deltas: Batch[] = [];
  readonly #position: Position = startPosition();
  readonly #scanned: Position = startPosition();
  #scanEnded = false;
  /** Whether the summed side is read and the other one probed in this step; null before `finish`. */
  #scans: boolean | null = null;

  constructor(shape: SummedJoinShape, clock: StepClock, scratch: Scratch, pool: SlabPool) {
    const { left, right } = shape;
    assert(left.key.length === right.key.length, 'both keys of a join have the same length');
    this.columns = shape.columns;
    this.#sides = [left, right];
    this.#nullsEqual = shape.nullsEqual;
    this.#clock = clock;
    this.#scratch = scratch;
    this.#output = new JoinedRows(shape.columns, shape.residual, pool);
    const summed = this.#sides.filter(isSummed);
    const arranged = isSummed(left) ? right : left;
    assert(summed.length > 0, 'a side is summed');
    this.state = stateOf(
      summed.map(({ rows }) => rows.memory),
      summed.map(({ rows }) => rows.registers),
    );
    this.#writer = new BatchWriter(pool, summed[0].types);
    this.#arranged = isSummed(arranged)
      ? null
      : { side: arranged, reader: new DeltaReader(arranged, clock, scratch.scanned, pool) };
  }

  push(port: number, batch: Batch, context: Context): 'done' | 'more' {
    const side = this.#sides[port];
    assert(isSummed(side), 'batches come to summed sides');
    if (!this.#meet(port, batch, context)) return 'more';
    side.rows.apply(batch);
    context.fuel.spend(batch.rows);
    return 'done';
  }

  /** Joins a batch of one side with what the other one held before; false if fuel ran out. */
  #meet(port: number, batch: Batch, context: Context): boolean {
    const other = this.#sides[1 - port];
    if (isSummed(other)) return this.#probeSums(port, batch, context);
    return this.#clock.from === never || this.#probeRows(port, batch, this.#clock.from, context);
  }

  /** Joins a batch of side `port` with the summed other side; false if fuel ran out. */
  #probeSums(port: number, batch: Batch, context: Context): boolean {
    const side = this.#sides[port];
    const other = this.#sides[1 - port];
    assert(isSummed(other), 'sums are probed where they are kept');
    const matched = { arrangement: other.rows, columns: range(other.types.length) };
    for (;;) {
      const { pairs, whole } = other.rows.probe(batch, side.key, this.#nullsEqual, this.#position);
      this.#output.emit(pairs, batch, side.types, matched, port === 0, context);
      if (whole) break;
      if (!context.fuel.spend(1 + pairs.n)) return false;
    }
    rewind(this.#position);
    return true;
  }

  /** Joins a batch of side `port` with the arranged other side at `step`. */
  #probeRows(port: number, batch: Batch, step: number, context: Context): boolean {
    const side = this.#sides[port];
    const other = this.#sides[1 - port];
    assert(!isSummed(other), 'records are probed where they are arranged');
    const { matched } = this.#scratch;
    const at = readableStep(other, step);
    for (;;) {
      matched.n = 0;
      const whole = other.arrangement.probe(
        other.index,
        batch,
        side.key,
        this.#nullsEqual,
        at,
        this.#position,
        matched,
      );
      this.#output.emit(matched, batch, side.types, other, port === 0, context);
      if (whole) break;
      if (!context.fuel.spend(1 + matched.n)) return false;
    }
    rewind(this.#position);
    return true;
  }

  finish(context: Context): 'done' | 'more' {
    if (this.#arranged !== null && !this.#finishArranged(context)) return 'more';
    this.#scans = null;
    this.#output.close();
    this.#writer.close();
    return 'done';
  }

  #finishArranged(context: Context): boolean {
    const { side, reader } = this.#arranged ?? {};
    if (side === undefined || reader === undefined) return true;
    const port = this.#sides[0] === side ? 0 : 1;
    const summed = this.#sides[1 - port];
    assert(isSummed(summed), 'beside an arranged side there is a summed one');
    // Decided once: other steps may be applied to the arrangement before this one is done.
    this.#scans ??= this.#clock.from === never && summed.rows.size < side.arrangement.rows;
    const scans = this.#scans;
    for (;;) {
      const batch = this.#deltas[0];
      if (batch === undefined) {
        const take = (delta: Batch): void => {
          this.#deltas.push(delta);
        };
        const more = scans ? this.#read(summed, take) : reader.next(take);
        if (!more) return true;
      } else {
        const whole = scans
          ? this.#probeRows(1 - port, batch, this.#clock.to, context)
          : this.#probeSums(port, batch, context);
        if (!whole) return false;
        this.#deltas.shift()?.slab.release();
        if (!context.fuel.spend(1 + batch.rows)) return false;
      }
    }
  }

  /** Reads representatives as batches; false at the end, which also starts over. */
  #read({ rows, types }: Summed, take: (batch: Batch) => void): boolean {
    if (this.#scanEnded) {
      this.#scanEnded = false;
      rewind(this.#scanned);
      return false;
    }
    const { pairs, whole } = rows.scan(this.#scanned);
    this.#scanEnded = whole;
    const { n } = pairs;
    if (n === 0) return true;
    const all = range(types.length);
    const writer = this.#writer;
    writer.begin(n, rows.varWordsOf(pairs.address, 0, n, all));
    rows.gather(pairs.address, 0, n, all, writer, 0);
    writer.slab.i32.set(pairs.weight.subarray(0, n), writer.weight);
    take(writer.seal(this.#clock.to, n));
    return true;
  }

  bytes(): number {
    return this.#sides.reduce((sum, side) => sum + (isSummed(side) ? side.rows.bytes() : 0), 0);
  }

  dispose(): void {
    while (this.#deltas.length > 0) this.#deltas.shift()?.slab.release();
    this.#arranged?.reader.restart();
    this.#output.close();
    this.#writer.close();
  }
}
