/**
 * Means of numbers whose exact sum is below 2^53, without BigInt: long division on doubles, nine
 * decimals at a time, into 16-bit limbs. Gives the same numeric as numeric-mean.ts, as words.
 */
import { assert } from '../../src/base/assert.ts';

/** Words that a mean takes at most. */
export const smallMeanWords = 8;

/** Counts up to here keep a remainder times 10^9 exact. */
const countMax = 2 ** 22;
const sumMax = 2 ** 53;
const significantDigits = 16;
const limbs = new Float64Array(2 * smallMeanWords);
const powers = Array.from({ length: 17 }, (_, k) => 10 ** k);
/** Bits 3 to 16 of a numeric's header are its scale, bit 2 its sign. */
const scaleShift = 3;
const negativeBit = 4;
const scaleMax = 16;

/** Whether `writeSmallMean` can divide these. */
export function isSmallMean(sum: number, scale: number, count: number): boolean {
  return sum < sumMax && sum > -sumMax && count <= countMax && scale <= scaleMax;
}

/** Decimal digits of a whole number, at least 1. */
function digitsOf(value: number): number {
  let digits = 1;
  while (digits < 17 && value >= powers[digits]) digits++;
  return digits;
}

/** Place, in groups of four digits, and value of the first such group of value · 10^-scale. */
function leadingGroup(value: number, scale: number): number {
  const exponent = digitsOf(value) - 1 - scale;
  const weight = Math.floor(exponent / 4);
  const below = weight * 4 + scale;
  const group = below >= 0 ? Math.floor(value / powers[below]) : value * powers[-below];
  return weight * 10_000 + group;
}

/** Decimals of the quotient, by Postgres' rule (see numeric-mean.ts). */
function scaleOf(sum: number, scale: number, count: number): number {
  const a = sum === 0 ? 0 : leadingGroup(sum, scale);
  const b = leadingGroup(count, 0);
  const aWeight = Math.floor(a / 10_000);
  const bWeight = Math.floor(b / 10_000);
  const first = a - aWeight * 10_000 <= b - bWeight * 10_000 ? 1 : 0;
  return Math.max(significantDigits - (aWeight - bWeight - first) * 4, scale);
}

/**
 * Writes sum · 10^-scale / count as a numeric at word `at`, where `smallMeanWords` words are free;
 * answers its bytes.
 */
export function writeSmallMean(
  i32: Int32Array,
  at: number,
  sum: number,
  scale: number,
  count: number,
): number {
  assert(isSmallMean(sum, scale, count) && count > 0, `${sum} / ${count} is small`);
  const magnitude = Math.abs(sum);
  const outScale = scaleOf(magnitude, scale, count);
  let quotient = Math.floor(magnitude / count);
  let rest = magnitude - quotient * count;
  limbs.fill(0);
  for (let k = 0; quotient > 0; k++) {
    limbs[k] = quotient % 65_536;
    quotient = Math.floor(quotient / 65_536);
  }
  for (let digits = outScale - scale; digits > 0; digits -= 9) {
    const power = powers[Math.min(9, digits)];
    const part = Math.floor((rest * power) / count);
    rest = rest * power - part * count;
    scaleLimbs(power, part);
  }
  if (2 * rest >= count) scaleLimbs(1, 1);
  return writeLimbs(i32, at, sum < 0, outScale);
}

/** limbs · factor + addend. */
function scaleLimbs(factor: number, addend: number): void {
  let carried = addend;
  for (let k = 0; k < limbs.length; k++) {
    const value = limbs[k] * factor + carried;
    carried = Math.floor(value / 65_536);
    limbs[k] = value - carried * 65_536;
  }
}

function writeLimbs(i32: Int32Array, at: number, negative: boolean, scale: number): number {
  let words = smallMeanWords;
  while (words > 0 && limbs[2 * words - 1] === 0 && limbs[2 * words - 2] === 0) words--;
  assert(words < smallMeanWords, 'a mean fits its words');
  i32[at] = (negative && words > 0 ? negativeBit : 0) | (scale << scaleShift);
  for (let w = 0; w < words; w++) i32[at + 1 + w] = limbs[2 * w] + limbs[2 * w + 1] * 65_536;
  return (words + 1) * 4;
}
