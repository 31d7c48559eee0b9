/**
 * Intervals as words, and their hash, equality and order. An interval is 16 bytes: int64 µs (words
 * 0 and 1), int32 days (word 2), int32 months (word 3).
 *
 * Two intervals are equal if they last equally long with a month of 30 days and a day of 24 hours:
 * '1 mon' = '30 days' = '720:00:00'. The span has up to 75 bits, so it is kept in two parts: whole
 * days (below 2^53) and µs of the day.
 */
import type { Interval } from './datum.ts';
import { finish, mix } from './words.ts';

export const microsecondsPerDay = 86_400_000_000;
const dayBig = 86_400_000_000n;
const two32 = 2 ** 32;

/** Words of an interval. */
export const intervalWords = 4;

/** Writes an interval at word `at`; answers its bytes. */
export function writeInterval(i32: Int32Array, at: number, value: Interval): number {
  i32[at] = Number(BigInt.asIntN(32, value.microseconds));
  i32[at + 1] = Number(BigInt.asIntN(32, value.microseconds >> 32n));
  i32[at + 2] = value.days;
  i32[at + 3] = value.months;
  return intervalWords * 4;
}

/** Reads the interval at word `at`. */
export function readInterval(i32: Int32Array, at: number): Interval {
  const high = i32[at + 1];
  const exact = high >= -(2 ** 20) && high < 2 ** 20;
  const low = i32[at] >>> 0;
  const microseconds = exact ? BigInt(high * two32 + low) : (BigInt(high) << 32n) | BigInt(low);
  return { kind: 'interval', months: i32[at + 3], days: i32[at + 2], microseconds };
}

/** Whole days of the span, rounded down. */
function spanDays(i32: Int32Array, at: number): number {
  const days = i32[at + 3] * 30 + i32[at + 2];
  const high = i32[at + 1];
  if (high >= -(2 ** 20) && high < 2 ** 20) {
    return days + Math.floor((high * two32 + (i32[at] >>> 0)) / microsecondsPerDay);
  }
  const microseconds = (BigInt(high) << 32n) | BigInt(i32[at] >>> 0);
  const part = ((microseconds % dayBig) + dayBig) % dayBig;
  return days + Number((microseconds - part) / dayBig);
}

/** Microseconds of the span past its whole days: 0 to 86,399,999,999. */
function spanRest(i32: Int32Array, at: number): number {
  const high = i32[at + 1];
  if (high >= -(2 ** 20) && high < 2 ** 20) {
    const microseconds = high * two32 + (i32[at] >>> 0);
    return microseconds - Math.floor(microseconds / microsecondsPerDay) * microsecondsPerDay;
  }
  const microseconds = (BigInt(high) << 32n) | BigInt(i32[at] >>> 0);
  return Number(((microseconds % dayBig) + dayBig) % dayBig);
}

/** Hash under equality. */
export function hashIntervalWords(i32: Int32Array, at: number): number {
  const days = spanDays(i32, at);
  const rest = spanRest(i32, at);
  let hash = mix((days % two32) | 0, Math.floor(days / two32));
  hash = mix(hash, (rest % two32) | 0);
  return finish(mix(hash, Math.floor(rest / two32)));
}

/** Equality under SQL. */
export function equalIntervalWords(
  a: Int32Array,
  aAt: number,
  b: Int32Array,
  bAt: number,
): boolean {
  return compareIntervalWords(a, aAt, b, bAt) === 0;
}

/** Order under SQL: −1, 0 or 1. */
export function compareIntervalWords(
  a: Int32Array,
  aAt: number,
  b: Int32Array,
  bAt: number,
): number {
  const days = spanDays(a, aAt) - spanDays(b, bAt);
  return Math.sign(days === 0 ? spanRest(a, aAt) - spanRest(b, bAt) : days);
}

/** How long an interval lasts, in µs, with months of 30 days: what comparison goes by. */
export function intervalSpan(value: Interval): bigint {
  return value.microseconds + (BigInt(value.months) * 30n + BigInt(value.days)) * dayBig;
}

/** Order of two intervals under SQL. */
export function compareIntervals(a: Interval, b: Interval): number {
  const x = intervalSpan(a);
  const y = intervalSpan(b);
  return x === y ? 0 : x < y ? -1 : 1;
}
