/**
 * Arithmetic of numeric: exact where numeric is exact, and with the number of decimals that
 * Postgres shows where it is not. Postgres computes in base 10,000, and its rules for the scale
 * of a result (at least 16 significant digits, not fewer decimals than the operands, at most
 * 1,000) count digits of that base; `weightOf` recovers them from our decimal form.
 *
 * Inexact results are computed as fixed-point BigInts with guard digits and then rounded, halves
 * away from zero.
 */
import { assert } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import type { Decimal } from '../value/datum.ts';
import { decimal } from '../value/datum.ts';
import {
  numericInfinity,
  numericMinusInfinity,
  numericNaN,
  numericScaleMax,
  tenTo,
} from '../value/decimal.ts';
import { divideRounded, numericOverflow, roundDecimal } from '../value/decimal-text.ts';
import { divisionByZero } from './functions/integer.ts';

const significantDigitsMin = 16;
const displayScaleMax = 1_000;
/** Largest |log| of a result that exp and power attempt. */
const resultExponentMax = 6_000;
const guardDigits = 12;

/** 22012. */
export function divisionByZeroError(): SqlError {
  return sqlError(divisionByZero.code, divisionByZero.message);
}

/** −1, 0 or 1; infinities have a sign, NaN counts as 0. */
export function signOf(value: Decimal): number {
  if (value.form === 'finite') return value.coefficient > 0n ? 1 : value.coefficient < 0n ? -1 : 0;
  return value.form === 'Infinity' ? 1 : value.form === '-Infinity' ? -1 : 0;
}

function infinityOf(sign: number): Decimal {
  return sign === 0 ? numericNaN : sign > 0 ? numericInfinity : numericMinusInfinity;
}

/** The number with the opposite sign. */
export function negate(value: Decimal): Decimal {
  return value.form === 'finite'
    ? decimal(-value.coefficient, value.scale)
    : infinityOf(-signOf(value));
}

/** The coefficient of `value` at a scale not less than its own. */
function at(value: Decimal, scale: number): bigint {
  return value.coefficient * tenTo(scale - value.scale);
}

/** Sum, with the larger scale of the two. */
export function add(a: Decimal, b: Decimal): Decimal {
  if (a.form !== 'finite' || b.form !== 'finite') {
    if (a.form === 'NaN' || b.form === 'NaN') return numericNaN;
    if (a.form === 'finite') return b;
    return b.form === 'finite' || a.form === b.form ? a : numericNaN;
  }
  const scale = Math.max(a.scale, b.scale);
  return decimal(at(a, scale) + at(b, scale), scale);
}

/** Difference, with the larger scale of the two. */
export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, negate(b));
}

/** Product, with the sum of the scales. */
export function multiply(a: Decimal, b: Decimal): Decimal {
  if (a.form !== 'finite' || b.form !== 'finite') {
    if (a.form === 'NaN' || b.form === 'NaN') return numericNaN;
    return infinityOf(signOf(a) * signOf(b));
  }
  const product = decimal(
    a.coefficient * b.coefficient,
    Math.min(a.scale + b.scale, numericScaleMax),
  );
  const lost = a.scale + b.scale - product.scale;
  return lost === 0
    ? product
    : decimal(divideRounded(product.coefficient, tenTo(lost)), product.scale);
}

/** Exponent of the first digit: floor(log10 |value|); 0 for zero. */
function exponentOf(value: Decimal): number {
  if (value.coefficient === 0n) return 0;
  const digits = (value.coefficient < 0n ? -value.coefficient : value.coefficient).toString()
    .length;
  return digits - 1 - value.scale;
}

/** First digit in base 10,000 and its weight. */
function weightOf(value: Decimal): { readonly weight: number; readonly digit: number } {
  if (value.coefficient === 0n) return { weight: 0, digit: 0 };
  const weight = Math.floor(exponentOf(value) / 4);
  const magnitude = value.coefficient < 0n ? -value.coefficient : value.coefficient;
  const shift = value.scale + weight * 4;
  const digit = shift >= 0 ? magnitude / tenTo(shift) : magnitude * tenTo(-shift);
  return { weight, digit: Number(digit) };
}

function clampScale(scale: number, ...least: number[]): number {
  return Math.min(Math.max(scale, 0, ...least), displayScaleMax);
}

function divisionScale(a: Decimal, b: Decimal): number {
  const x = weightOf(a);
  const y = weightOf(b);
  const weight = x.weight - y.weight - (x.digit <= y.digit ? 1 : 0);
  return clampScale(significantDigitsMin - weight * 4, a.scale, b.scale);
}

/** a / b with `scale` decimals. */
function divideAt(a: Decimal, b: Decimal, scale: number): Decimal {
  const shift = scale + b.scale - a.scale;
  const dividend = shift >= 0 ? a.coefficient * tenTo(shift) : a.coefficient;
  const divisor = shift >= 0 ? b.coefficient : b.coefficient * tenTo(-shift);
  return decimal(divideRounded(dividend, divisor), scale);
}

/** What division-like functions give for values that are not finite; undefined: divide. */
function specialQuotient(a: Decimal, b: Decimal): Decimal | undefined {
  if (a.form === 'NaN' || b.form === 'NaN') return numericNaN;
  if (b.form === 'finite' && b.coefficient === 0n) throw divisionByZeroError();
  if (a.form === 'finite') return b.form === 'finite' ? undefined : decimal(0n, 0);
  return b.form === 'finite' ? infinityOf(signOf(a) * signOf(b)) : numericNaN;
}

/** Quotient, with at least 16 significant digits; 22012 for a zero divisor. */
export function divide(a: Decimal, b: Decimal): Decimal {
  return specialQuotient(a, b) ?? divideAt(a, b, divisionScale(a, b));
}

/** The quotient without its fraction. */
export function quotient(a: Decimal, b: Decimal): Decimal {
  const special = specialQuotient(a, b);
  if (special !== undefined) return special;
  const scale = Math.max(a.scale, b.scale);
  return decimal(at(a, scale) / at(b, scale), 0);
}

/** Remainder, with the sign of the dividend; 22012 for a zero divisor. */
export function remainder(a: Decimal, b: Decimal): Decimal {
  if (a.form === 'NaN' || b.form === 'NaN') return numericNaN;
  if (b.form === 'finite' && b.coefficient === 0n) throw divisionByZeroError();
  if (a.form !== 'finite') return numericNaN;
  if (b.form !== 'finite') return a;
  const scale = Math.max(a.scale, b.scale);
  return decimal(at(a, scale) % at(b, scale), scale);
}

/** Cuts to `scale` decimals (negative: tens, hundreds, …). */
export function truncate(value: Decimal, scale: number): Decimal {
  if (value.form !== 'finite') return value;
  const kept = Math.max(-2_000, Math.min(scale, 2_000));
  const shown = Math.max(0, kept);
  if (kept >= value.scale) return decimal(at(value, shown), shown);
  const cut = value.coefficient / tenTo(value.scale - kept);
  return kept >= 0 ? decimal(cut, kept) : decimal(cut * tenTo(-kept), 0);
}

/** Rounds to `scale` decimals (negative: tens, hundreds, …), halves away from zero. */
export function round(value: Decimal, scale: number): Decimal {
  if (value.form !== 'finite') return value;
  const kept = Math.max(-2_000, Math.min(scale, 2_000));
  if (kept >= 0) return roundDecimal(value, kept);
  const cut = divideRounded(value.coefficient, tenTo(value.scale - kept));
  return decimal(cut * tenTo(-kept), 0);
}

/** Least whole number not less (`up`), or greatest not greater. */
export function wholeBound(value: Decimal, up: boolean): Decimal {
  if (value.form !== 'finite') return value;
  const whole = truncate(value, 0);
  const exact = at(whole, value.scale) === value.coefficient;
  if (exact || signOf(value) > 0 !== up) return whole;
  return decimal(whole.coefficient + (up ? 1n : -1n), 0);
}

/** Greatest bigint whose square is not greater. */
function integerRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** Square root; 2201F for a negative number. */
export function squareRoot(value: Decimal): Decimal {
  if (value.form === 'NaN' || value.form === 'Infinity') return value;
  if (signOf(value) < 0) throw sqlError('2201F', 'cannot take square root of a negative number');
  const { weight } = weightOf(value);
  const digits = weight >= 0 ? (weight * 4) / 2 + 1 : 1 - Math.trunc((-weight * 4) / 2);
  const scale = clampScale(significantDigitsMin - digits, value.scale);
  const shifted = 2 * (scale + guardDigits);
  const root = integerRoot(value.coefficient * tenTo(shifted + (value.scale & 1)));
  const rootScale = scale + guardDigits + ((value.scale + (value.scale & 1)) >> 1);
  return roundDecimal(decimal(root, rootScale), scale);
}

/** atanh of num/den as a fixed-point number with `one` = 1. */
function inverseTanh(num: bigint, den: bigint, one: bigint): bigint {
  let power = (num * one) / den;
  const square = (power * power) / one;
  let sum = power;
  for (let k = 3n; power !== 0n; k += 2n) {
    power = (power * square) / one;
    sum += power / k;
  }
  return sum;
}

function lnTwo(one: bigint): bigint {
  return 2n * inverseTanh(1n, 3n, one);
}

/** ln of a positive decimal with `digits` decimals and a few more that are not exact. */
function fixedLn(value: Decimal, digits: number): bigint {
  const one = tenTo(digits);
  let num = value.coefficient;
  let den = tenTo(value.scale);
  const shift = num.toString(2).length - den.toString(2).length;
  if (shift > 0) den <<= BigInt(shift);
  else num <<= BigInt(-shift);
  return 2n * inverseTanh(num - den, num + den, one) + BigInt(shift) * lnTwo(one);
}

/** e raised to a fixed-point number. */
function fixedExp(value: bigint, digits: number): bigint {
  const one = tenTo(digits);
  const two = lnTwo(one);
  const halvings = value / two;
  const rest = value - halvings * two;
  let term = one;
  let sum = one;
  for (let k = 1n; term !== 0n; k++) {
    term = (term * rest) / (one * k);
    sum += term;
  }
  return halvings >= 0n ? sum << halvings : sum >> -halvings;
}

function toDouble(value: Decimal): number {
  return Number(`${value.coefficient}e-${value.scale}`);
}

/** Decimal weight of ln(value), as Postgres estimates it. */
function lnWeight(value: Decimal): number {
  if (signOf(value) <= 0) return 0;
  const double = toDouble(value);
  if (double >= 0.9 && double <= 1.1) {
    const rest = subtract(value, decimal(1n, 0));
    if (rest.coefficient === 0n) return 0;
    const { weight, digit } = weightOf(rest);
    return weight * 4 + Math.trunc(Math.log10(digit));
  }
  const exponent = exponentOf(value);
  const digits =
    Number(value.coefficient.toString().slice(0, 9)) /
    10 ** (Math.min(9, value.coefficient.toString().length) - 1);
  return Math.trunc(Math.log10(Math.abs(Math.log(digits) + exponent * 2.302585092994046)));
}

function requirePositive(value: Decimal): void {
  const sign = signOf(value);
  if (sign === 0 && value.form === 'finite') {
    throw sqlError('2201E', 'cannot take logarithm of zero');
  }
  if (sign < 0) throw sqlError('2201E', 'cannot take logarithm of a negative number');
}

/** ln; 2201E for numbers that have none. */
export function naturalLogarithm(value: Decimal): Decimal {
  requirePositive(value);
  if (value.form !== 'finite') return value;
  const scale = clampScale(significantDigitsMin - lnWeight(value), value.scale);
  const digits = scale + guardDigits;
  return roundDecimal(decimal(fixedLn(value, digits), digits), scale);
}

/** Logarithm to any base; 2201E for numbers that have none. */
export function logarithm(base: Decimal, value: Decimal): Decimal {
  if (base.form === 'NaN' || value.form === 'NaN') return numericNaN;
  requirePositive(base);
  requirePositive(value);
  if (base.form !== 'finite') return value.form === 'finite' ? decimal(0n, 0) : numericNaN;
  if (value.form !== 'finite') return numericInfinity;
  const weight = lnWeight(value) - lnWeight(base);
  const scale = clampScale(significantDigitsMin - weight, base.scale, value.scale);
  const digits = scale + guardDigits + Math.max(0, -lnWeight(base)) * 2 + 8;
  const divisor = fixedLn(base, digits);
  if (divisor === 0n) throw divisionByZeroError();
  return decimal(divideRounded(fixedLn(value, digits) * tenTo(scale), divisor), scale);
}

/** e^value for a fixed-point value; `least` are scales that the result keeps. */
function exponentialOf(value: Decimal, ...least: number[]): Decimal {
  const weight = toDouble(value) * 0.434294481903252;
  const shownWeight = Math.max(-2_000, Math.min(2_000, Math.trunc(weight)));
  const scale = clampScale(significantDigitsMin - shownWeight, ...least);
  const digits = scale + guardDigits + 4 + Math.max(0, Math.ceil(weight));
  const argument =
    digits >= value.scale
      ? at(value, digits)
      : divideRounded(value.coefficient, tenTo(value.scale - digits));
  return roundDecimal(decimal(fixedExp(argument, digits), digits), scale);
}

/** e^value; 22003 if the result is too large. */
export function exponential(value: Decimal): Decimal {
  if (value.form !== 'finite') return value.form === '-Infinity' ? decimal(0n, 0) : value;
  if (toDouble(value) >= resultExponentMax) throw numericOverflow();
  if (toDouble(value) <= -resultExponentMax) return decimal(0n, displayScaleMax);
  return exponentialOf(value, value.scale);
}

/** base^exponent for a whole exponent. */
function wholePower(base: Decimal, exponent: number): Decimal {
  const scale = clampScale(significantDigitsMin, base.scale);
  if (exponent === 0) return decimal(tenTo(scale), scale);
  if (base.coefficient === 0n) {
    if (exponent < 0) throw divisionByZeroError();
    return decimal(0n, scale);
  }
  const log = Math.log10(Math.abs(toDouble(base)));
  const magnitude = (Number.isFinite(log) ? log : exponentOf(base)) * exponent;
  if (magnitude > 131_072) throw numericOverflow();
  if (magnitude < -scale - 2) return decimal(0n, scale);
  return roundDecimal(
    powerByRounds(base, exponent, scale + guardDigits + Math.max(0, Math.ceil(magnitude)) + 12),
    scale,
  );
}

/** Repeated squaring with `digits` significant digits kept. */
function powerByRounds(base: Decimal, exponent: number, digits: number): Decimal {
  let result = decimal(1n, 0);
  let square = base;
  for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = shorten(exactProduct(result, square), digits);
    if (rest > 1) square = shorten(exactProduct(square, square), digits);
  }
  if (exponent > 0) return result;
  const scale = digits + Math.max(0, exponentOf(result));
  return divideAt(decimal(1n, 0), result, scale);
}

/** A product whose scale may exceed what a stored numeric has. */
function exactProduct(a: Decimal, b: Decimal): Decimal {
  return decimal(a.coefficient * b.coefficient, a.scale + b.scale);
}

function shorten(value: Decimal, digits: number): Decimal {
  const length = value.coefficient.toString().length;
  const drop = Math.min(length - digits, value.scale);
  return drop <= 0
    ? value
    : decimal(divideRounded(value.coefficient, tenTo(drop)), value.scale - drop);
}

/** base^exponent; 2201F where it is not defined, 22003 if the result is too large. */
export function power(base: Decimal, exponent: Decimal): Decimal {
  const special = specialPower(base, exponent);
  if (special !== undefined) return special;
  const whole = remainder(exponent, decimal(1n, 0)).coefficient === 0n;
  if (signOf(base) === 0 && signOf(exponent) < 0) {
    throw sqlError('2201F', 'zero raised to a negative power is undefined');
  }
  if (signOf(base) < 0 && !whole) {
    throw sqlError(
      '2201F',
      'a negative number raised to a non-integer power yields a complex result',
    );
  }
  const double = toDouble(exponent);
  if (whole && Math.abs(double) < 2 ** 31) return wholePower(base, double);
  if (base.coefficient === 0n) return decimal(0n, significantDigitsMin);
  const odd = whole && truncate(exponent, 0).coefficient % 2n !== 0n;
  const magnitude = base.coefficient < 0n ? negate(base) : base;
  const estimate = double * fixedDouble(magnitude);
  if (Math.abs(estimate) > 2_000 * 3.01) {
    if (estimate > 0) throw numericOverflow();
    return decimal(0n, displayScaleMax);
  }
  const digits = displayScaleMax + 40;
  const ln = decimal(fixedLn(magnitude, digits), digits);
  const result = exponentialOf(
    decimal(ln.coefficient * exponent.coefficient, ln.scale + exponent.scale),
    base.scale,
    exponent.scale,
  );
  return base.coefficient < 0n && odd ? negate(result) : result;
}

/** ln as a double, for magnitudes only. */
function fixedDouble(value: Decimal): number {
  const digits = 30;
  return Number(fixedLn(value, digits)) / 10 ** digits;
}

/** Powers with operands that are not finite; undefined: compute. */
function specialPower(base: Decimal, exponent: Decimal): Decimal | undefined {
  if (base.form === 'finite' && exponent.form === 'finite') return undefined;
  const one = decimal(1n, 0);
  if (base.form === 'NaN') {
    return exponent.form === 'finite' && exponent.coefficient === 0n ? one : numericNaN;
  }
  if (exponent.form === 'NaN') {
    return base.form === 'finite' && subtract(base, one).coefficient === 0n ? one : numericNaN;
  }
  if (exponent.form === 'finite') {
    assert(base.form !== 'finite', 'the base is infinite');
    if (exponent.coefficient === 0n) return one;
    if (exponent.coefficient < 0n) return decimal(0n, 0);
    if (base.form === 'Infinity') return base;
    const whole = remainder(exponent, one).coefficient === 0n;
    if (!whole) {
      throw sqlError(
        '2201F',
        'a negative number raised to a non-integer power yields a complex result',
      );
    }
    return truncate(exponent, 0).coefficient % 2n === 0n ? numericInfinity : base;
  }
  return infinitePower(base, exponent);
}

function infinitePower(base: Decimal, exponent: Decimal): Decimal {
  const one = decimal(1n, 0);
  const magnitude =
    base.form === 'finite'
      ? subtract(base.coefficient < 0n ? negate(base) : base, one)
      : numericInfinity;
  const size = signOf(magnitude);
  if (size === 0) return one;
  if (base.form === 'finite' && base.coefficient === 0n && exponent.form === '-Infinity') {
    throw sqlError('2201F', 'zero raised to a negative power is undefined');
  }
  return size > 0 === (exponent.form === 'Infinity') ? numericInfinity : decimal(0n, 0);
}
