/**
 * Calculating with intervals, as Postgres does: months, days and time are kept apart; fractions
 * that a multiplication leaves spill downwards, with months of 30 days and days of 24 hours.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import {
  civilFromDays,
  dayOf,
  daysFromCivil,
  daysInMonth,
  microsecondsOf,
  timeOf,
} from '../value/calendar.ts';
import type { Interval } from '../value/datum.ts';
import { interval } from '../value/datum.ts';
import { isTimestamp, timestampInfinity, timestampMinusInfinity } from '../value/datetime-text.ts';
import { roundHalfEven } from './functions/float.ts';

const dayMicroseconds = 86_400_000_000n;
const daySeconds = 86_400;

function intervalRange(): SqlError {
  return sqlError('22008', 'interval out of range');
}

function int4(value: number): number {
  if (!(value >= -(2 ** 31) && value < 2 ** 31)) throw intervalRange();
  return Math.trunc(value) + 0;
}

/** An interval of its parts; 22008 if one of them is out of range. */
export function checkedInterval(months: number, days: number, microseconds: bigint): Interval {
  if (BigInt.asIntN(64, microseconds) !== microseconds) throw intervalRange();
  return interval(int4(months), int4(days), microseconds);
}

/** a + sign × b, part by part. */
export function addIntervals(a: Interval, b: Interval, sign: 1 | -1): Interval {
  const microseconds =
    sign === 1 ? a.microseconds + b.microseconds : a.microseconds - b.microseconds;
  return checkedInterval(a.months + sign * b.months, a.days + sign * b.days, microseconds);
}

/** Rounds to a millionth. */
function toMillionths(value: number): number {
  return roundHalfEven(value * 1e6) / 1e6;
}

/** Multiplies every part through `scale` (× factor, or ÷ divisor) and lets fractions spill. */
export function scaleInterval(value: Interval, scale: (part: number) => number): Interval {
  const months = int4(scale(value.months));
  let days = int4(scale(value.days));
  const monthDays = toMillionths((scale(value.months) - months) * 30);
  const wholeDays = Math.trunc(monthDays);
  let seconds = toMillionths((scale(value.days) - days + monthDays - wholeDays) * daySeconds);
  if (Math.abs(seconds) >= daySeconds) {
    days += Math.trunc(seconds / daySeconds);
    seconds -= Math.trunc(seconds / daySeconds) * daySeconds;
  }
  const time = roundHalfEven(scale(Number(value.microseconds)) + seconds * 1e6);
  if (!(time >= -(2 ** 63) && time < 2 ** 63)) throw intervalRange();
  return checkedInterval(months, days + wholeDays, BigInt(time));
}

/** Full days of the time become days; both get the same sign. */
export function justifyHours({ months, days, microseconds }: Interval): Interval {
  let whole = Number(microseconds / dayMicroseconds) + days;
  let rest = microseconds % dayMicroseconds;
  if (whole > 0 && rest < 0n) {
    rest += dayMicroseconds;
    whole--;
  } else if (whole < 0 && rest > 0n) {
    rest -= dayMicroseconds;
    whole++;
  }
  return checkedInterval(months, whole, rest);
}

/** Every 30 days become a month; both get the same sign. */
export function justifyDays({ months, days, microseconds }: Interval): Interval {
  let whole = months + Math.trunc(days / 30);
  let rest = days % 30;
  if (whole > 0 && rest < 0) {
    rest += 30;
    whole--;
  } else if (whole < 0 && rest > 0) {
    rest -= 30;
    whole++;
  }
  return checkedInterval(whole, rest + 0, microseconds);
}

/** Both adjustments, with one sign for all three parts. */
export function justifyInterval(value: Interval): Interval {
  let { months, days, microseconds } = justifyDays(
    justifyHours({ ...value, months: 0 }).days === 0 ? justifyHours(value) : justifyHours(value),
  );
  if (months > 0 && (days < 0 || (days === 0 && microseconds < 0n))) {
    days += 30;
    months--;
  } else if (months < 0 && (days > 0 || (days === 0 && microseconds > 0n))) {
    days -= 30;
    months++;
  }
  if (days > 0 && microseconds < 0n) {
    microseconds += dayMicroseconds;
    days--;
  } else if (days < 0 && microseconds > 0n) {
    microseconds -= dayMicroseconds;
    days++;
  }
  return checkedInterval(months, days, microseconds);
}

function timestampRange(): SqlError {
  return sqlError('22008', 'timestamp out of range');
}

/** Whether a moment is infinity or −infinity. */
export function isInfiniteTimestamp(microseconds: bigint): boolean {
  return microseconds === timestampInfinity || microseconds === timestampMinusInfinity;
}

/**
 * The moment an interval later: months first (the day is cut to the month's length), then days,
 * then time.
 */
export function addToTimestamp(moment: bigint, by: Interval, sign: 1 | -1): bigint {
  if (isInfiniteTimestamp(moment)) return moment;
  let day = dayOf(moment);
  const time = timeOf(moment);
  if (by.months !== 0) {
    const civil = civilFromDays(day);
    const count = civil.year * 12 + civil.month - 1 + sign * by.months;
    const year = Math.floor(count / 12);
    const month = count - year * 12 + 1;
    day = daysFromCivil(year, month, Math.min(civil.day, daysInMonth(year, month)));
    if (!isTimestamp(microsecondsOf(day, time))) throw timestampRange();
  }
  const result = microsecondsOf(day + sign * by.days, time) + BigInt(sign) * by.microseconds;
  if (!isTimestamp(result)) throw timestampRange();
  return result;
}

/** The interval between two moments, in days and time. */
export function subtractTimestamps(a: bigint, b: bigint): Interval {
  if (isInfiniteTimestamp(a) || isInfiniteTimestamp(b)) {
    throw sqlError('22008', 'cannot subtract infinite timestamps');
  }
  return justifyHours(interval(0, 0, a - b));
}

/** The interval between two moments in years, months, days and time, as one would say it. */
export function age(a: bigint, b: bigint): Interval {
  // Postgres counts up to infinity, whose bits are a year like others, and not from −infinity.
  if (a === timestampMinusInfinity || b === timestampMinusInfinity) throw timestampRange();
  const [later, earlier] = a < b ? [b, a] : [a, b];
  const x = civilFromDays(dayOf(later));
  const y = civilFromDays(dayOf(earlier));
  let time = timeOf(later) - timeOf(earlier);
  let days = x.day - y.day;
  let months = (x.year - y.year) * 12 + x.month - y.month;
  if (time < 0) {
    time += Number(dayMicroseconds);
    days--;
  }
  if (days < 0) {
    days += daysInMonth(y.year, y.month);
    months--;
  }
  return a < b
    ? interval(-months + 0, -days + 0, -BigInt(time))
    : interval(months, days, BigInt(time));
}
