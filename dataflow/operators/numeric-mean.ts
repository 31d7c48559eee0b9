/**
 * Division of an exact sum by a count, and square roots, with as many decimals as Postgres gives:
 * at least 16 significant digits, in steps of 4, and never fewer decimals than the sum has; half
 * away from zero.
 */
import { assert } from '../../src/base/assert.ts';
import type { Decimal } from '../value/datum.ts';
import { tenTo } from '../value/decimal.ts';

const significantDigits = 16;
const scaleMax = 1000;

/**
 * Postgres' numerics are base 10,000: the exponent and value of the first digit of c · 10^-scale.
 */
function leading(magnitude: bigint, scale: number): { weight: number; digit: number } {
  if (magnitude === 0n) return { weight: 0, digit: 0 };
  const digits = magnitude.toString();
  const exponent = digits.length - 1 - scale;
  const weight = Math.floor(exponent / 4);
  const width = exponent - weight * 4 + 1;
  return { weight, digit: Number(digits.slice(0, width).padEnd(width, '0')) };
}

/** Decimals of the quotient, by Postgres' rule. */
function quotientScale(sum: bigint, scale: number, divisor: bigint, divisorScale: number): number {
  const a = leading(sum, scale);
  const b = leading(divisor, divisorScale);
  const weight = a.weight - b.weight - (a.digit <= b.digit ? 1 : 0);
  return Math.min(scaleMax, Math.max(significantDigits - weight * 4, scale, divisorScale, 0));
}

/** sum · 10^-scale / (divisor · 10^-divisorScale), as Postgres divides numerics. */
export function divideNumeric(
  sum: bigint,
  scale: number,
  divisor: bigint,
  divisorScale: number,
): Decimal {
  assert(divisor !== 0n, 'the divisor is not zero');
  const negative = sum < 0n !== divisor < 0n;
  const magnitude = sum < 0n ? -sum : sum;
  const by = divisor < 0n ? -divisor : divisor;
  const outScale = quotientScale(magnitude, scale, by, divisorScale);
  const shift = outScale + divisorScale - scale;
  const dividend = shift >= 0 ? magnitude * tenTo(shift) : magnitude;
  const whole = shift >= 0 ? by : by * tenTo(-shift);
  const quotient = (dividend * 2n + whole) / (whole * 2n);
  return {
    kind: 'decimal',
    form: 'finite',
    coefficient: negative ? -quotient : quotient,
    scale: outScale,
  };
}

/** The mean of `count` numbers whose sum is sum · 10^-scale. */
export function meanOf(sum: bigint, scale: number, count: number): Decimal {
  return divideNumeric(sum, scale, BigInt(count), 0);
}

/** The square root of a decimal that is not negative, with as many decimals, half up. */
export function squareRoot(value: Decimal): Decimal {
  // The root of four times the number at twice the scale, so that the last bit decides rounding.
  const root = wholeRoot(value.coefficient * tenTo(value.scale) * 4n);
  return { ...value, coefficient: (root + 1n) / 2n };
}

/** The greatest whole number whose square is at most `n`. */
function wholeRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let root = 1n << BigInt((n.toString(16).length * 4 + 1) >> 1);
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
