/**
 * sum and avg of numeric: exact, with the scale that Postgres shows, the largest among the values
 * that are there.
 *
 * Most groups have values of one scale and coefficients below 2^53: their sum is two doubles in
 * units of that scale, low + high · 2^32, each kept below 2^53 in size as in integer-sum.ts. At the
 * first value of another scale, or that is not finite or too long, the group's sum moves to an
 * object (exact-moments.ts), until the group has no values any more. State words: low, high, scale
 * + 1 (0: no value yet), number of the object, count of values.
 */
import { assert } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import type { Decimal } from '../value/datum.ts';
import {
  numericScaleAt,
  readDecimal,
  smallNumericAt,
  writeSmallNumeric,
} from '../value/decimal.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { ExactMoments, momentsBytes } from './exact-moments.ts';
import { meanOf } from './numeric-mean.ts';
import { SideTable } from './side-table.ts';
import { isSmallMean, smallMeanWords, writeSmallMean } from './small-mean.ts';
import type { StateMemory } from './state-memory.ts';
import type { SumParts } from './sum-parts.ts';

const two31 = 2 ** 31;
const two32 = 2 ** 32;
const carryAt = 2 ** 52;
const exactMax = 2 ** 53;
const weightMax = 2 ** 20;

/** The accumulator of sum and avg over numerics. */
export class NumericSum implements Accumulator {
  readonly words = 8;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #mean: boolean;
  readonly #moments = new SideTable<ExactMoments>(ExactMoments.form);
  readonly registers = this.#moments;
  #lowAt = 0;
  #scaleAt = 0;
  #objectAt = 0;
  #countAt = 0;

  constructor(memory: StateMemory, aggregate: Pick<Aggregate, 'fn' | 'argument'>) {
    this.#memory = memory;
    this.#column = aggregate.argument;
    this.#mean = aggregate.fn === 'avg';
  }

  place(offset: number): void {
    this.#lowAt = offset;
    this.#scaleAt = offset + 4;
    this.#objectAt = offset + 5;
    this.#countAt = offset + 6;
  }

  add(rows: GroupedRows): void {
    const { f64, i32: state } = this.#memory;
    const { batch, first, n, groups, weights } = rows;
    const { i32 } = batch.slab;
    const pairs = batch.column[this.#column] + 2 * first;
    for (let i = 0; i < n; i++) {
      const weight = weights[i];
      if (weight === 0) continue;
      const group = groups[i];
      const at = i32[pairs + 2 * i];
      const bytes = i32[pairs + 2 * i + 1];
      const coefficient = smallNumericAt(i32, at, bytes);
      const scale = numericScaleAt(i32, at) + 1;
      if (state[group + this.#scaleAt] === 0) state[group + this.#scaleAt] = scale;
      const fits = coefficient === coefficient && weight <= weightMax && weight >= -weightMax;
      if (!fits || state[group + this.#scaleAt] !== scale || state[group + this.#objectAt] !== 0) {
        this.#addExactly(group, readDecimal(i32, at, bytes), weight);
      } else {
        addSmall(f64, (group + this.#lowAt) >> 1, coefficient, weight);
      }
      const count = f64[(group + this.#countAt) >> 1] + weight;
      f64[(group + this.#countAt) >> 1] = count;
      if (count === 0 && isZero(f64, (group + this.#lowAt) >> 1)) this.#restart(group);
    }
  }

  /** Adds to the group's object, which takes over the sum so far. */
  #addExactly(group: number, value: Decimal, weight: number): void {
    const moments = this.#objectOf(group);
    if (value.form === 'finite') {
      moments.addSum(value.coefficient * BigInt(weight), value.scale, weight);
    } else moments.addSpecial(value.form, weight);
  }

  #objectOf(group: number): ExactMoments {
    const { i32, f64 } = this.#memory;
    const number = i32[group + this.#objectAt];
    if (number !== 0) return this.#moments.get(number);
    const moments = new ExactMoments();
    const scale = i32[group + this.#scaleAt] - 1;
    moments.addSum(this.#small(group), scale, f64[(group + this.#countAt) >> 1]);
    f64[(group + this.#lowAt) >> 1] = 0;
    f64[((group + this.#lowAt) >> 1) + 1] = 0;
    i32[group + this.#objectAt] = this.#moments.add(moments);
    return moments;
  }

  /**
   * A group without values takes the scale of the next one, unless its object still holds
   * something.
   */
  #restart(group: number): void {
    const { i32 } = this.#memory;
    const number = i32[group + this.#objectAt];
    if (number !== 0) {
      if (!this.#moments.get(number).isEmpty) return;
      this.#moments.remove(number);
      i32[group + this.#objectAt] = 0;
    }
    i32[group + this.#scaleAt] = 0;
  }

  /** The sum that the words hold, in units of the group's scale. */
  #small(group: number): bigint {
    const { f64 } = this.#memory;
    const low = (group + this.#lowAt) >> 1;
    return BigInt(f64[low]) + (BigInt(f64[low + 1]) << 32n);
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    const { i32, f64 } = this.#memory;
    for (let i = 0; i < n; i++) {
      const group = groups[first + i];
      const count = f64[(group + this.#countAt) >> 1];
      if (count <= 0) out.setNull(i);
      else if (i32[group + this.#objectAt] !== 0) {
        this.#finishObject(this.#moments.get(i32[group + this.#objectAt]), count, i, out);
      } else this.#finishSmall(group, count, i, out);
    }
  }

  #finishSmall(group: number, count: number, i: number, out: Cells): void {
    const { i32, f64 } = this.#memory;
    const scale = i32[group + this.#scaleAt] - 1;
    const low = (group + this.#lowAt) >> 1;
    const sum = f64[low] + f64[low + 1] * two32;
    if (this.#mean && isSmallMean(sum, scale, count)) {
      const at = out.take(smallMeanWords);
      out.setVar(i, at, writeSmallMean(out.heap, at, sum, scale, count));
    } else if (this.#mean) out.setDatum(i, meanOf(this.#small(group), scale, count));
    else if (Math.abs(sum) < exactMax) {
      const at = out.take(3);
      out.setVar(i, at, writeSmallNumeric(out.heap, at, sum, scale));
    } else {
      const coefficient = this.#small(group);
      out.setDatum(i, { kind: 'decimal', form: 'finite', coefficient, scale });
    }
  }

  #finishObject(moments: ExactMoments, count: number, i: number, out: Cells): void {
    const { form, sum, scale } = moments;
    if (form !== 'finite') out.setDatum(i, { kind: 'decimal', form, coefficient: 0n, scale: 0 });
    else if (this.#mean) out.setDatum(i, meanOf(sum, scale, count));
    else out.setDatum(i, { kind: 'decimal', form, coefficient: sum, scale });
  }

  /** Values with the count, the sum and the scales of the group's. */
  parts(group: number, out: SumParts): void {
    const { i32, f64 } = this.#memory;
    if (this.isEmpty(group)) return;
    const number = i32[group + this.#objectAt];
    if (number !== 0) {
      this.#moments.get(number).parts(out);
      return;
    }
    const scale = i32[group + this.#scaleAt] - 1;
    const low = (group + this.#lowAt) >> 1;
    const sum = f64[low] + f64[low + 1] * two32;
    if (Math.abs(sum) < exactMax) out.add(sum, 1, scale);
    else {
      const coefficient = this.#small(group);
      out.addDatum({ kind: 'decimal', form: 'finite', coefficient, scale }, 1);
    }
    out.add(0, f64[(group + this.#countAt) >> 1] - 1, scale);
  }

  isEmpty(group: number): boolean {
    const { i32 } = this.#memory;
    return i32[group + this.#scaleAt] === 0 && i32[group + this.#objectAt] === 0;
  }

  release(group: number): void {
    assert(this.isEmpty(group), 'a group that goes has no values');
  }

  bytes(): number {
    return this.#moments.bytes(momentsBytes);
  }
}

function isZero(f64: Float64Array, low: number): boolean {
  return f64[low] + f64[low + 1] * two32 === 0;
}

/** Adds coefficient · weight to low + high · 2^32; the weight is at most 2^20. */
function addSmall(f64: Float64Array, low: number, coefficient: number, weight: number): void {
  const upper = coefficient < two31 && coefficient > -two31 ? 0 : Math.trunc(coefficient / two32);
  const sum = f64[low] + weight * (coefficient - upper * two32);
  const over = sum >= carryAt || sum <= -carryAt ? Math.trunc(sum / two32) : 0;
  f64[low] = sum - over * two32;
  // Beyond 2^85 in units of the scale this would round; no group has so many rows.
  f64[low + 1] += over + weight * upper;
}
