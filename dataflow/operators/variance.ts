/**
 * The variances and standard deviations, from exact sums of values and of squares: an object per
 * group (exact-moments.ts). Nothing cancels, so a group of equal values has variance 0 and a
 * retraction leaves no trace. Integers and numerics follow Postgres' numeric arithmetic to the last
 * digit; floats are the exact result rounded to a double (Postgres' own differs in the last digits,
 * by the order of its rows). State words: number of the object, count of values (a double).
 */
import type { Aggregate } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import type { Decimal } from '../value/datum.ts';
import { readDecimal } from '../value/decimal.ts';
import type { TypeName } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { fromUnits, toUnits } from './exact-double.ts';
import { ExactMoments, momentsBytes } from './exact-moments.ts';
import { divideNumeric, squareRoot } from './numeric-mean.ts';
import { SideTable } from './side-table.ts';
import type { StateMemory } from './state-memory.ts';

/** Doubles are counted in units of 2^-1074. */
const doubleUnit = 1074n;

/** The accumulator of variances and standard deviations. */
export class Variance implements Accumulator {
  readonly words = 4;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #type: TypeName;
  readonly #root: boolean;
  readonly #sample: boolean;
  readonly #moments = new SideTable<ExactMoments>(ExactMoments.form);
  readonly registers = this.#moments;
  #objectAt = 0;
  #countAt = 0;

  constructor(memory: StateMemory, aggregate: Aggregate) {
    this.#memory = memory;
    this.#column = aggregate.argument;
    this.#type = aggregate.argumentType;
    this.#root = aggregate.fn === 'stddev_samp' || aggregate.fn === 'stddev_pop';
    this.#sample = aggregate.fn === 'stddev_samp' || aggregate.fn === 'var_samp';
  }

  place(offset: number): void {
    this.#objectAt = offset;
    this.#countAt = offset + 2;
  }

  add(rows: GroupedRows): void {
    const { batch, first, n, groups, weights } = rows;
    for (let i = 0; i < n; i++) {
      const weight = weights[i];
      if (weight === 0) continue;
      const moments = this.#momentsOf(groups[i]);
      addValue(moments, batch, this.#column, first + i, this.#type, weight);
      this.#memory.f64[(groups[i] + this.#countAt) >> 1] += weight;
      if (moments.isEmpty) this.#drop(groups[i]);
    }
  }

  #momentsOf(group: number): ExactMoments {
    const { i32 } = this.#memory;
    const at = group + this.#objectAt;
    if (i32[at] === 0) i32[at] = this.#moments.add(new ExactMoments());
    return this.#moments.get(i32[at]);
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    const { i32, f64 } = this.#memory;
    for (let i = 0; i < n; i++) {
      const group = groups[first + i];
      const count = f64[(group + this.#countAt) >> 1];
      const number = i32[group + this.#objectAt];
      if (count <= (this.#sample ? 1 : 0) || number === 0) out.setNull(i);
      else this.#finishOne(this.#moments.get(number), count, i, out);
    }
  }

  #finishOne(moments: ExactMoments, count: number, i: number, out: Cells): void {
    const n = BigInt(count);
    const divisor = n * (this.#sample ? n - 1n : n);
    if (out.type !== 'numeric') {
      const variance = moments.form === 'finite' ? doubleVariance(moments, n, divisor) : Number.NaN;
      if (variance === Infinity) out.setError(i, '22003', 'value out of range: overflow');
      else out.setDouble(i, this.#root ? Math.sqrt(variance) : variance);
    } else out.setDatum(i, numericVariance(moments, n, divisor, this.#root));
  }

  isEmpty(group: number): boolean {
    const { i32, f64 } = this.#memory;
    return i32[group + this.#objectAt] === 0 && f64[(group + this.#countAt) >> 1] === 0;
  }

  release(group: number): void {
    this.#drop(group);
  }

  #drop(group: number): void {
    const at = group + this.#objectAt;
    if (this.#memory.i32[at] === 0) return;
    this.#moments.remove(this.#memory.i32[at]);
    this.#memory.i32[at] = 0;
  }

  bytes(): number {
    return this.#moments.bytes(momentsBytes);
  }
}

function addValue(
  moments: ExactMoments,
  batch: Batch,
  column: number,
  row: number,
  type: TypeName,
  weight: number,
): void {
  const { i32, i64, f64 } = batch.slab;
  const at = batch.column[column];
  switch (physicalOf(type)) {
    case 'i32':
      moments.add(BigInt(i32[at + row]), 0, weight);
      return;
    case 'i64':
      moments.add(i64[(at >> 1) + row], 0, weight);
      return;
    case 'f64': {
      const value = f64[(at >> 1) + row];
      if (Number.isFinite(value)) moments.add(toUnits(value), 0, weight);
      else
        moments.addSpecial(
          Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity',
          weight,
        );
      return;
    }
    case 'var': {
      const value = readDecimal(i32, i32[at + 2 * row], i32[at + 2 * row + 1]);
      if (value.form === 'finite') moments.add(value.coefficient, value.scale, weight);
      else moments.addSpecial(value.form, weight);
    }
  }
}

/** n·Σx² − (Σx)², which is never negative. */
function spread(moments: ExactMoments, n: bigint): bigint {
  const { sum, squares } = moments;
  return n * squares - sum * sum;
}

function doubleVariance(moments: ExactMoments, n: bigint, divisor: bigint): number {
  return fromUnits(spread(moments, n), divisor << doubleUnit);
}

function numericVariance(
  moments: ExactMoments,
  n: bigint,
  divisor: bigint,
  root: boolean,
): Decimal {
  if (moments.form !== 'finite') return { kind: 'decimal', form: 'NaN', coefficient: 0n, scale: 0 };
  const dividend = spread(moments, n);
  if (dividend <= 0n) return { kind: 'decimal', form: 'finite', coefficient: 0n, scale: 0 };
  const variance = divideNumeric(dividend, 2 * moments.scale, divisor, 0);
  return root ? squareRoot(variance) : variance;
}
