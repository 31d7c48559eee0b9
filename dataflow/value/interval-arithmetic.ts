/**
 * Calculating with intervals, and moving dates and timestamps by them, as Postgres does: months
 * first (the day is cut to the length of the month that is reached), then days, then time. In a
 * zone months and days move the local time, and time moves the instant.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import {
  civilFromDays, dayOf, daysFromCivil, daysInMonth, microsecondsOf, microsecondsPerDayBig, timeOf,
} from './calendar.ts';
import type { Interval } from './datum.ts';
import { interval } from './datum.ts';
import {
  dateInfinity, dateMinusInfinity, isTimestamp, timestampInfinity, timestampMinusInfinity,
} from './datetime-text.ts';
import { roundToEven } from './interval-text.ts';
import type { Zone } from './timezone.ts';
import { toInstant, toLocal } from './timezone.ts';

/** 22008: an interval does not fit its type. */
export function intervalOverflow(): SqlError {
  return sqlError('22008', 'interval out of range');
}

/** 22008: a timestamp does not fit its type. */
export function timestampOverflow(): SqlError {
  return sqlError('22008', 'timestamp out of range');
}

/** An interval of parts that may be too large; 22008 if one is. */
function checked(months: number, days: number, microseconds: bigint): Interval {
  const fits = months === (months | 0) && days === (days | 0)
    && BigInt.asIntN(64, microseconds) === microseconds;
  if (!fits) throw intervalOverflow();
  return interval(months | 0, days | 0, microseconds);
}

/** a + b, part by part. */
export function addIntervals(a: Interval, b: Interval): Interval {
  return checked(a.months + b.months, a.days + b.days, a.microseconds + b.microseconds);
}

/** −a, part by part. */
export function negateInterval(a: Interval): Interval {
  return checked(-a.months, -a.days, -a.microseconds);
}

/** a − b, part by part. */
export function subtractIntervals(a: Interval, b: Interval): Interval {
  return checked(a.months - b.months, a.days - b.days, a.microseconds - b.microseconds);
}

/** Rounds to millionths, which hides the noise of binary fractions. */
function toMillionths(value: number): number {
  return roundToEven(value * 1e6) / 1e6;
}

function scale(value: Interval, apply: (part: number) => number): Interval {
  const months = Math.trunc(apply(value.months));
  let days = Math.trunc(apply(value.days));
  if (!Number.isFinite(months) || !Number.isFinite(days)) throw intervalOverflow();
  const monthRest = toMillionths((apply(value.months) - months) * 30);
  let seconds = toMillionths(
    (apply(value.days) - days + monthRest - Math.trunc(monthRest)) * 86_400,
  );
  if (Math.abs(seconds) >= 86_400) {
    const whole = Math.trunc(seconds / 86_400);
    days += whole;
    seconds -= whole * 86_400;
  }
  days += Math.trunc(monthRest);
  const microseconds = roundToEven(apply(Number(value.microseconds)) + seconds * 1e6);
  if (!Number.isFinite(microseconds)) throw intervalOverflow();
  return checked(months, days, BigInt(microseconds));
}

/** a × factor; fractions of months become days (30 a month), fractions of days time. */
export function multiplyInterval(a: Interval, factor: number): Interval {
  return scale(a, (part) => part * factor);
}

/** a ÷ divisor; 22012 if that is 0. */
export function divideInterval(a: Interval, divisor: number): Interval {
  if (divisor === 0) throw sqlError('22012', 'division by zero');
  return scale(a, (part) => part / divisor);
}

/** `justify_hours`: 24 hours become a day; both parts then have one sign. */
export function justifyHours(a: Interval): Interval {
  let days = a.days + Number(a.microseconds / microsecondsPerDayBig);
  let rest = a.microseconds % microsecondsPerDayBig;
  if (days > 0 && rest < 0n) {
    rest += microsecondsPerDayBig;
    days--;
  } else if (days < 0 && rest > 0n) {
    rest -= microsecondsPerDayBig;
    days++;
  }
  return checked(a.months, days, rest);
}

/** `justify_days`: 30 days become a month; both parts then have one sign. */
export function justifyDays(a: Interval): Interval {
  let months = a.months + Math.trunc(a.days / 30);
  let days = a.days % 30;
  if (months > 0 && days < 0) {
    days += 30;
    months--;
  } else if (months < 0 && days > 0) {
    days -= 30;
    months++;
  }
  return checked(months, days, a.microseconds);
}

/** `justify_interval`: both of the above, all parts with one sign. */
export function justifyInterval(a: Interval): Interval {
  let days = a.days + Number(a.microseconds / microsecondsPerDayBig);
  let rest = a.microseconds % microsecondsPerDayBig;
  let months = a.months + Math.trunc(days / 30);
  days %= 30;
  if (months > 0 && (days < 0 || (days === 0 && rest < 0n))) {
    days += 30;
    months--;
  } else if (months < 0 && (days > 0 || (days === 0 && rest > 0n))) {
    days -= 30;
    months++;
  }
  if (days > 0 && rest < 0n) {
    rest += microsecondsPerDayBig;
    days--;
  } else if (days < 0 && rest > 0n) {
    rest -= microsecondsPerDayBig;
    days++;
  }
  return checked(months, days, rest);
}

/** `make_interval`: weeks count 7 days, seconds may have a fraction. */
export function makeInterval(
  years: number, months: number, weeks: number, days: number, hours: number, minutes: number,
  seconds: number,
): Interval {
  const micro = roundToEven(seconds * 1e6);
  if (!Number.isFinite(micro)) throw intervalOverflow();
  const time = BigInt(hours) * 3_600_000_000n + BigInt(minutes) * 60_000_000n + BigInt(micro);
  return checked(years * 12 + months, weeks * 7 + days, time);
}

/** Whether a timestamp is neither infinity nor −infinity. */
export function isFiniteTimestamp(moment: bigint): boolean {
  return moment !== timestampInfinity && moment !== timestampMinusInfinity;
}

/** Day number `months` months later; the day of month is cut to what the month has. */
export function addMonths(day: number, months: number): number {
  const civil = civilFromDays(day);
  const total = civil.year * 12 + civil.month - 1 + months;
  const year = Math.floor(total / 12);
  const month = total - year * 12 + 1;
  return daysFromCivil(year, month, Math.min(civil.day, daysInMonth(year, month)));
}

function checkedTimestamp(moment: bigint): bigint {
  if (!isTimestamp(moment)) throw timestampOverflow();
  return moment;
}

/** timestamp + interval. */
export function addToTimestamp(moment: bigint, by: Interval): bigint {
  if (!isFiniteTimestamp(moment)) return moment;
  let result = moment;
  if (by.months !== 0) result = microsecondsOf(addMonths(dayOf(result), by.months), timeOf(result));
  return checkedTimestamp(result + BigInt(by.days) * microsecondsPerDayBig + by.microseconds);
}

/** timestamptz + interval, where months and days count in `zone`. */
export function addToTimestamptz(moment: bigint, by: Interval, zone: Zone): bigint {
  if (!isFiniteTimestamp(moment)) return moment;
  let result = moment;
  if (by.months !== 0) {
    const local = toLocal(zone, result);
    result = toInstant(zone, microsecondsOf(addMonths(dayOf(local), by.months), timeOf(local)));
  }
  if (by.days !== 0) {
    result = toInstant(zone, toLocal(zone, result) + BigInt(by.days) * microsecondsPerDayBig);
  }
  return checkedTimestamp(result + by.microseconds);
}

/** time + interval: only the time part counts, and wraps around midnight. */
export function addToTime(time: bigint, by: Interval): bigint {
  const sum = (time + by.microseconds) % microsecondsPerDayBig;
  return sum < 0n ? sum + microsecondsPerDayBig : sum;
}

/** timestamp − timestamp: whole days and the rest. */
export function subtractTimestamps(a: bigint, b: bigint): Interval {
  if (!isFiniteTimestamp(a) || !isFiniteTimestamp(b)) {
    throw sqlError('22008', 'cannot subtract infinite timestamps');
  }
  return justifyHours(interval(0, 0, a - b));
}

/** The timestamp at the start of a date; infinities stay. 22008 if it is too late for one. */
export function dateToTimestamp(day: number): bigint {
  if (day === dateInfinity) return timestampInfinity;
  if (day === dateMinusInfinity) return timestampMinusInfinity;
  const moment = microsecondsOf(day, 0);
  if (!isTimestamp(moment)) throw sqlError('22008', 'date out of range for timestamp');
  return moment;
}

/** The date of a timestamp; infinities stay. */
export function timestampToDate(moment: bigint): number {
  if (moment === timestampInfinity) return dateInfinity;
  if (moment === timestampMinusInfinity) return dateMinusInfinity;
  return dayOf(moment);
}

/** `age(a, b)`: the difference in calendar years, months, days and time, borrowed as by hand. */
export function age(a: bigint, b: bigint): Interval {
  if (!isFiniteTimestamp(a) || !isFiniteTimestamp(b)) {
    throw sqlError('22008', 'timestamp out of range');
  }
  const sign = a < b ? -1 : 1;
  const [later, earlier] = a < b ? [b, a] : [a, b];
  const x = civilFromDays(dayOf(later));
  const y = civilFromDays(dayOf(earlier));
  let time = timeOf(later) - timeOf(earlier);
  let days = x.day - y.day;
  let months = (x.year - y.year) * 12 + x.month - y.month;
  if (time < 0) {
    time += 86_400_000_000;
    days--;
  }
  if (days < 0) {
    days += daysInMonth(y.year, y.month);
    months--;
  }
  return interval(sign * months, sign * days, BigInt(sign * time));
}

/** `date_bin`: the start of the stride-long bin, counted from `origin`, that holds `moment`. */
export function dateBin(stride: Interval, moment: bigint, origin: bigint): bigint {
  if (!isFiniteTimestamp(moment)) return moment;
  if (!isFiniteTimestamp(origin)) throw sqlError('22008', 'origin out of range');
  if (stride.months !== 0) {
    throw sqlError('0A000', 'timestamps cannot be binned into intervals containing months or years');
  }
  const size = BigInt(stride.days) * microsecondsPerDayBig + stride.microseconds;
  if (size <= 0n) throw sqlError('22008', 'stride must be greater than zero');
  const past = (moment - origin) % size;
  return moment - (past < 0n ? past + size : past);
}
