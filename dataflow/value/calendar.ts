/**
 * The proleptic Gregorian calendar in plain arithmetic. Days count from 2000-01-01, microseconds
 * from its midnight; year 0 is 1 BC, as Postgres keeps it inside.
 *
 * The civil formulas are Howard Hinnant's: years begin in March, so that the leap day comes last,
 * and a 400-year era always has 146,097 days.
 */

/** A day in the calendar; `year` 0 is 1 BC. */
export interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** 2000-01-01 counted from 0000-03-01. */
const epochOffset = 730_425;

export const microsecondsPerSecond = 1_000_000n;
export const microsecondsPerDayBig = 86_400_000_000n;

/** Days from 2000-01-01 to 1970-01-01. */
export const unixEpochDays = -10_957;

/** Microseconds from 2000-01-01 to 1970-01-01. */
export const unixEpochMicroseconds = -946_684_800_000_000n;

/** Days since 2000-01-01 of a civil date; day and month must be in range. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - epochOffset;
}

/** The civil date of a day number. */
export function civilFromDays(days: number): Civil {
  const z = days + epochOffset;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const leaps = ((dayOfEra / 1460) | 0) - ((dayOfEra / 36_524) | 0) + ((dayOfEra / 146_096) | 0);
  const yearOfEra = ((dayOfEra - leaps) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  const shifted = ((5 * dayOfYear + 2) / 153) | 0;
  const day = dayOfYear - (((153 * shifted + 2) / 5) | 0) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Whether a year has 366 days. */
export function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days of a month (1–12). */
export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeap(year) ? 29 : monthDays[month - 1];
}

/** Day number of a microsecond count. */
export function dayOf(microseconds: bigint): number {
  const rest = microseconds % microsecondsPerDayBig;
  const days = microseconds / microsecondsPerDayBig;
  return Number(rest < 0n ? days - 1n : days);
}

/** Microseconds past midnight of a microsecond count: 0 to 86,399,999,999. */
export function timeOf(microseconds: bigint): number {
  const rest = Number(microseconds % microsecondsPerDayBig);
  return rest < 0 ? rest + 86_400_000_000 : rest;
}

/** Microsecond count of a day and a time of day. */
export function microsecondsOf(day: number, time: number): bigint {
  return BigInt(day) * microsecondsPerDayBig + BigInt(time);
}
