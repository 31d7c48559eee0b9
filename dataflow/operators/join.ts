/**
 * Inner join of two arranged nodes: ΔA ⋈ B⁻ + A⁺ ⋈ ΔB, where ⁻ is the state at the clock's `from`
 * and ⁺ that at its `to`. Both arrangements are sealed at `to` when the join is finished, imported
 * and private ones alike, so "before" and "after" are two reads and nothing is queued. While
 * hydrating A⁻ and B⁻ are empty: then the side with fewer rows is read and the other one probed.
 *
 * Two phases (engine.md section 6): a probe fills pairs (delta row, record), then columns are
 * gathered. Work stops between two fills, so an exploding join holds one delta batch and one output
 * batch, whatever its size, and can be dropped at any moment.
 *
 * An empty key is a cross join: slices of the other side are multiplied with the delta batch, in an
 * order that makes full batches even if one side is a single row.
 */
import { assert } from '../../src/base/assert.ts';
import type { Pairs, Position } from '../arrangement/arrangement.ts';
import { rewind, startPosition } from '../arrangement/pairs.ts';
import type { Mfp } from '../expr/mfp.ts';
import type { Batch } from '../value/batch.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Keyed } from './arranged.ts';
import { DeltaReader, readableStep } from './arranged.ts';
import { JoinedRows } from './joined-rows.ts';
import type { Context, Operator } from './operator.ts';
import type { Scratch } from './scratch.ts';
import type { StepClock } from './step-clock.ts';
import { never } from './step-clock.ts';

/** One of the two terms: whose changes are read, and the side and step that they meet. */
interface Term {
  readonly reader: DeltaReader;
  readonly delta: Keyed;
  readonly other: Keyed;
  readonly deltaIsLeft: boolean;
  readonly at: 'from' | 'to';
}

export interface JoinShape {
  readonly columns: readonly ColumnType[];
  readonly left: Keyed;
  readonly right: Keyed;
  readonly nullsEqual: boolean;
  /** Over the joined columns; keeps them all. */
  readonly residual: Mfp | null;
}

/** Inner or cross join of two arranged nodes. */
export class JoinOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #shape: JoinShape;
  readonly #clock: StepClock;
  readonly #scratch: Scratch;
  readonly #terms: readonly [Term, Term];
  readonly #output: JoinedRows;
  /** Terms of this step that are still to do, and delta batches of the first of them. */
  #todo: Term[] | null = null;
  readonly #deltas: Batch[] = [];
  readonly #position: Position = startPosition();
  /** Cross join: the next delta row for the slice at `#position`. */
  #deltaRow = 0;

  constructor(shape: JoinShape, clock: StepClock, scratch: Scratch, pool: SlabPool) {
    const { left, right } = shape;
    assert(left.key.length === right.key.length, 'both keys of a join have the same length');
    this.columns = shape.columns;
    this.#shape = shape;
    this.#clock = clock;
    this.#scratch = scratch;
    this.#output = new JoinedRows(shape.columns, shape.residual, pool);
    const read = (side: Keyed): DeltaReader => new DeltaReader(side, clock, scratch.scanned, pool);
    this.#terms = [
      { reader: read(left), delta: left, other: right, deltaIsLeft: true, at: 'from' },
      { reader: read(right), delta: right, other: left, deltaIsLeft: false, at: 'to' },
    ];
  }

  push(): 'done' {
    return 'done';
  }

  finish(context: Context): 'done' | 'more' {
    this.#todo ??= this.#plan();
    for (let term = this.#todo[0]; term !== undefined; term = this.#todo[0]) {
      const batch = this.#deltas[0];
      if (batch === undefined) {
        if (!term.reader.next((delta) => this.#deltas.push(delta))) this.#todo.shift();
        else if (!context.fuel.spend(1)) return 'more';
        continue;
      }
      const whole =
        term.delta.key.length === 0
          ? this.#multiply(term, batch, context)
          : this.#probe(term, batch, context);
      if (whole) this.#dropDelta();
      if (!context.fuel.spend(1 + this.#scratch.matched.n)) return 'more';
    }
    this.#todo = null;
    this.#output.close();
    return 'done';
  }

  #plan(): Term[] {
    const [left, right] = this.#terms;
    if (this.#clock.from !== never) return [left, right];
    const leftIsSmaller = left.delta.arrangement.rows < right.delta.arrangement.rows;
    return [leftIsSmaller ? { ...left, at: 'to' } : right];
  }

  #dropDelta(): void {
    this.#deltas.shift()?.slab.release();
    rewind(this.#position);
    this.#deltaRow = 0;
  }

  /** Fills one list of pairs and emits it; true when every row of the batch was probed. */
  #probe(term: Term, batch: Batch, context: Context): boolean {
    const { delta, other } = term;
    const pairs = this.#scratch.matched;
    pairs.n = 0;
    const whole = other.arrangement.probe(
      other.index,
      batch,
      delta.key,
      this.#shape.nullsEqual,
      this.#otherStep(term),
      this.#position,
      pairs,
    );
    this.#output.emit(pairs, batch, delta.types, other, term.deltaIsLeft, context);
    return whole;
  }

  #otherStep(term: Term): number {
    return readableStep(term.other, this.#clock[term.at]);
  }

  /** Multiplies some delta rows with one slice of the other side; true at the end of both. */
  #multiply(term: Term, batch: Batch, context: Context): boolean {
    const slice = this.#scratch.scanned;
    const next = { ...this.#position };
    slice.n = 0;
    const last = term.other.arrangement.scan(this.#otherStep(term), next, slice);
    const pairs = this.#scratch.matched;
    this.#deltaRow = product(batch.rows, this.#deltaRow, slice, pairs);
    this.#output.emit(pairs, batch, term.delta.types, term.other, term.deltaIsLeft, context);
    if (this.#deltaRow < batch.rows) return false;
    this.#deltaRow = 0;
    Object.assign(this.#position, next);
    return last;
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    while (this.#deltas.length > 0) this.#dropDelta();
    for (const term of this.#terms) term.reader.restart();
    this.#output.close();
  }
}

/**
 * Pairs of rows from `row` on with every record of `slice`, while they fit; answers the next row.
 */
function product(rows: number, row: number, slice: Pairs, pairs: Pairs): number {
  pairs.n = 0;
  if (slice.n === 0) return rows;
  let n = 0;
  let next = row;
  for (; next < rows && n + slice.n <= pairs.capacity; next++) {
    for (let i = 0; i < slice.n; i++, n++) {
      pairs.row[n] = next;
      pairs.address[n] = slice.address[i];
      pairs.weight[n] = slice.weight[i];
    }
  }
  pairs.n = n;
  return next;
}
