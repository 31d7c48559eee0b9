/**
 * sum and avg of int2, int4 and int8: exact at any size and under any order of additions and
 * retractions.
 *
 * A sum is up to three doubles that hold integers, low + high · 2^32 + top · 2^64. A value goes in
 * as its signed low and high halves times the weight; whenever a part reaches 2^52 its excess is
 * carried into the next, so every addition stays below 2^53 and is exact. Why not an int64: this
 * needs neither BigInt nor overflow checks, and is the same speed in cold and hot code. For values
 * of 32 bits `high` moves only by carries.
 *
 * State words: count of values (absent where the group's row count is the same), low, high, and top
 * for int8.
 */
import { assert } from '../../src/base/assert.ts';
import type { Datum } from '../value/datum.ts';
import type { TypeName } from '../value/type.ts';
import { writeSmallNumeric } from '../value/decimal.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { recordCount } from './group-table.ts';
import { meanOf } from './numeric-mean.ts';
import { isSmallMean, smallMeanWords, writeSmallMean } from './small-mean.ts';
import type { StateMemory } from './state-memory.ts';
import type { SumParts } from './sum-parts.ts';

const two32 = 2 ** 32;
const carryAt = 2 ** 52;
const exactMax = 2 ** 53;
/** Weights up to here keep a product with a half exact and below 2^52. */
const weightMax = 2 ** 20;
/** Bits of a value of each type, without its sign. */
const valueBits = { int2: 15, int4: 31, int8: 63 } as const;

/** The accumulator of sum and avg over integers. */
export class IntegerSum implements Accumulator {
  readonly registers = null;
  readonly words: number;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #wide: boolean;
  readonly #ownCount: boolean;
  readonly #mean: boolean;
  /** Words from the record's start to the count and to the low part. */
  #countAt: number = recordCount;
  #lowAt = 0;

  /** `ownCount`: whether some rows of a group may not count. */
  constructor(
    memory: StateMemory,
    fn: 'sum' | 'avg',
    column: number,
    type: TypeName,
    ownCount: boolean,
  ) {
    this.#memory = memory;
    this.#column = column;
    this.#wide = type === 'int8';
    this.#ownCount = ownCount;
    this.#mean = fn === 'avg';
    this.words = (ownCount ? 2 : 0) + (this.#wide ? 6 : 4);
  }

  place(offset: number): void {
    if (this.#ownCount) this.#countAt = offset;
    this.#lowAt = offset + (this.#ownCount ? 2 : 0);
  }

  add(rows: GroupedRows): void {
    const { f64 } = this.#memory;
    if (this.#ownCount) addCounts(f64, this.#countAt >> 1, rows);
    const at = rows.batch.column[this.#column];
    const { i32 } = rows.batch.slab;
    const part = this.#lowAt >> 1;
    if (this.#wide) addWide(f64, part, i32, at + 2 * rows.first, rows);
    else addNarrow(f64, part, i32, at + rows.first, rows);
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    const { f64 } = this.#memory;
    const low = this.#lowAt >> 1;
    for (let i = 0; i < n; i++) {
      const group = groups[first + i] >> 1;
      const count = f64[group + (this.#countAt >> 1)];
      if (count <= 0) out.setNull(i);
      else if (this.#mean) this.#setMean(out, i, group, count);
      else if (f64[group + low + 1] === 0 && (!this.#wide || f64[group + low + 2] === 0)) {
        setSmall(out, i, f64[group + low]);
      } else this.#setLarge(out, i, group);
    }
  }

  /** Values of type `type` with the count and the sum of the group's. */
  parts(group: number, type: keyof typeof valueBits, out: SumParts): void {
    const { f64 } = this.#memory;
    const count = f64[(group + this.#countAt) >> 1];
    const low = (group + this.#lowAt) >> 1;
    const sum = f64[low] + f64[low + 1] * two32;
    const safe = (!this.#wide || f64[low + 2] === 0) && Math.abs(sum) < exactMax;
    const bits = valueBits[type];
    if (count === 0 && safe && sum === 0) return;
    if (safe && Math.abs(sum) < 2 ** bits) {
      out.add(sum, 1);
      out.add(0, count - 1);
      return;
    }
    const unit = 1n << BigInt(bits - 1);
    const exact = this.#exact(group >> 1);
    const units = Number(exact / unit);
    const inType = (value: bigint): Datum => (type === 'int8' ? value : Number(value));
    out.addDatum(inType(exact % unit), 1);
    out.addDatum(inType(unit), units);
    out.add(0, count - 1 - units);
  }

  isEmpty(group: number): boolean {
    const count = this.#memory.f64[(group + this.#countAt) >> 1];
    return count === 0 && this.#exact(group >> 1) === 0n;
  }

  release(_group: number): void {
    assert(this.#lowAt > 0, 'the aggregate has its place');
  }

  bytes(): number {
    return 0;
  }

  #exact(group: number): bigint {
    const { f64 } = this.#memory;
    const low = group + (this.#lowAt >> 1);
    const sum = BigInt(f64[low]) + (BigInt(f64[low + 1]) << 32n);
    return this.#wide ? sum + (BigInt(f64[low + 2]) << 64n) : sum;
  }

  #setMean(out: Cells, i: number, group: number, count: number): void {
    const { f64 } = this.#memory;
    const low = group + (this.#lowAt >> 1);
    const sum = f64[low] + f64[low + 1] * two32;
    const small = (!this.#wide || f64[low + 2] === 0) && isSmallMean(sum, 0, count);
    if (!small) {
      out.setDatum(i, meanOf(this.#exact(group), 0, count));
      return;
    }
    const at = out.take(smallMeanWords);
    out.setVar(i, at, writeSmallMean(out.heap, at, sum, 0, count));
  }

  #setLarge(out: Cells, i: number, group: number): void {
    const sum = this.#exact(group);
    if (out.type === 'numeric')
      out.setDatum(i, { kind: 'decimal', form: 'finite', coefficient: sum, scale: 0 });
    else if (BigInt.asIntN(64, sum) === sum) out.setDatum(i, sum);
    else out.setError(i, '22003', 'bigint out of range');
  }
}

function setSmall(out: Cells, i: number, value: number): void {
  assert(Math.abs(value) < exactMax, 'a part of a sum is exact');
  if (out.type !== 'numeric') {
    out.setInteger(i, value);
    return;
  }
  const at = out.take(3);
  out.setVar(i, at, writeSmallNumeric(out.heap, at, value, 0));
}

/** Adds weights to the counts at double `offset` of the records. */
export function addCounts(f64: Float64Array, offset: number, rows: GroupedRows): void {
  const { groups, weights, n } = rows;
  for (let i = 0; i < n; i++) f64[(groups[i] >> 1) + offset] += weights[i];
}

function addNarrow(
  f64: Float64Array,
  part: number,
  i32: Int32Array,
  at: number,
  rows: GroupedRows,
): void {
  const { groups, weights, n } = rows;
  for (let i = 0; i < n; i++) {
    const weight = weights[i];
    const low = (groups[i] >> 1) + part;
    if (weight > weightMax || weight < -weightMax) {
      addExactly(f64, low, i32[at + i], 0, weight);
      continue;
    }
    const sum = f64[low] + weight * i32[at + i];
    f64[low] = sum;
    if (sum >= carryAt || sum <= -carryAt) carry(f64, low);
  }
}

function addWide(
  f64: Float64Array,
  part: number,
  i32: Int32Array,
  at: number,
  rows: GroupedRows,
): void {
  const { groups, weights, n } = rows;
  for (let i = 0; i < n; i++) {
    const weight = weights[i];
    const low = (groups[i] >> 1) + part;
    const lower = i32[at + 2 * i];
    // The low half is taken as signed, so a value of 32 bits has no high half; -1 makes up for it.
    const upper = i32[at + 2 * i + 1] - (lower >> 31);
    if (weight > weightMax || weight < -weightMax) {
      addExactly(f64, low, lower, upper, weight);
      continue;
    }
    const sum = f64[low] + weight * lower;
    f64[low] = sum;
    if (sum >= carryAt || sum <= -carryAt) carry(f64, low);
    if (upper === 0) continue;
    const high = f64[low + 1] + weight * upper;
    f64[low + 1] = high;
    if (high >= carryAt || high <= -carryAt) carry(f64, low + 1);
  }
}

/** Moves what is beyond 32 bits of a part into the next; cold. */
function carry(f64: Float64Array, at: number): void {
  const over = Math.trunc(f64[at] / two32);
  f64[at] -= over * two32;
  f64[at + 1] += over;
}

/** Adds with a weight whose products may not be exact as doubles; cold. */
function addExactly(
  f64: Float64Array,
  low: number,
  lower: number,
  upper: number,
  weight: number,
): void {
  for (const [value, part] of [
    [lower, low],
    [upper, low + 1],
  ] as const) {
    if (value === 0) continue;
    const product = BigInt(value) * BigInt(weight);
    const below = BigInt.asIntN(32, product);
    f64[part] += Number(below);
    f64[part + 1] += Number((product - below) >> 32n);
    if (Math.abs(f64[part]) >= carryAt) carry(f64, part);
  }
}
