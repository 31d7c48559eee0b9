/**
 * Fields of dates, times and intervals: what EXTRACT reads and DATE_TRUNC cuts to. Weeks are ISO
 * 8601's; numbers have the decimals that Postgres gives them (seconds 6, milliseconds 3).
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import {
  civilFromDays,
  dayOf,
  daysFromCivil,
  microsecondsOf,
  timeOf,
  unixEpochMicroseconds,
} from '../value/calendar.ts';
import type { Decimal, Interval } from '../value/datum.ts';
import { decimal, interval } from '../value/datum.ts';
import { numericInfinity, numericMinusInfinity } from '../value/decimal.ts';
import { timestampInfinity } from '../value/datetime-text.ts';
import { intervalUnit } from '../value/interval-text.ts';
import type { TypeName } from '../value/type.ts';
import { typeInfo } from '../value/type.ts';
import { isInfiniteTimestamp } from './interval-math.ts';
import { divide } from './numeric-math.ts';

export type Field =
  | 'microsecond'
  | 'millisecond'
  | 'second'
  | 'minute'
  | 'hour'
  | 'day'
  | 'week'
  | 'month'
  | 'quarter'
  | 'year'
  | 'decade'
  | 'century'
  | 'millennium'
  | 'julian'
  | 'isoyear'
  | 'dow'
  | 'isodow'
  | 'doy'
  | 'epoch'
  | 'timezone'
  | 'timezone_hour'
  | 'timezone_minute';

const others = new Map<string, Field>([
  ['quarter', 'quarter'],
  ['qtr', 'quarter'],
  ['julian', 'julian'],
  ['j', 'julian'],
  ['jd', 'julian'],
  ['isoyear', 'isoyear'],
  ['dow', 'dow'],
  ['isodow', 'isodow'],
  ['doy', 'doy'],
  ['epoch', 'epoch'],
  ['timezone', 'timezone'],
  ['timezone_h', 'timezone_hour'],
  ['timezone_hour', 'timezone_hour'],
  ['timezone_m', 'timezone_minute'],
  ['timezone_minute', 'timezone_minute'],
]);

/** The field that a word names for values of `type`; 22023 if it names none. */
export function fieldNamed(word: string, type: TypeName): Field {
  const name = word.toLowerCase();
  const field = others.get(name) ?? intervalUnit(name);
  if (field === undefined) {
    throw sqlError(
      '22023',
      `unit "${word.toLowerCase()}" not recognized for type ${typeInfo(type).sqlName}`,
    );
  }
  return field;
}

/** Fields that are not units of time. */
const notUnits: ReadonlySet<Field> = new Set<Field>([
  'julian',
  'isoyear',
  'dow',
  'isodow',
  'doy',
  'epoch',
]);

/** The unit of time that a word names. */
function unitNamed(word: string, type: TypeName): Field {
  const field = fieldNamed(word, type);
  if (!notUnits.has(field)) return field;
  throw sqlError(
    '22023',
    `unit "${word.toLowerCase()}" not recognized for type ${typeInfo(type).sqlName}`,
  );
}

/** 0A000: the field is known, but values of the type do not have it. */
export function unsupportedField(word: string, type: TypeName): SqlError {
  return sqlError(
    '0A000',
    `unit "${word.toLowerCase()}" not supported for type ${typeInfo(type).sqlName}`,
  );
}

/** Day number of the Monday of week 1 of an ISO year. */
function isoYearStart(year: number): number {
  const fourth = daysFromCivil(year, 1, 4);
  return fourth - isoWeekday(fourth) + 1;
}

/** 1 Monday … 7 Sunday. 2000-01-01 was a Saturday. */
export function isoWeekday(day: number): number {
  return ((((day + 5) % 7) + 7) % 7) + 1;
}

/** ISO year and week of a day. */
export function isoWeek(day: number): { readonly year: number; readonly week: number } {
  const { year: civil } = civilFromDays(day);
  const year =
    day >= isoYearStart(civil + 1) ? civil + 1 : day < isoYearStart(civil) ? civil - 1 : civil;
  return { year, week: Math.floor((day - isoYearStart(year)) / 7) + 1 };
}

/** 1 for January 1st. */
export function dayOfYear(day: number): number {
  return day - daysFromCivil(civilFromDays(day).year, 1, 1) + 1;
}

/** Year as people count: there is no year 0. */
export function shownYear(year: number): number {
  return year > 0 ? year : year - 1;
}

/** Century or millennium of an astronomical year. */
function period(year: number, size: number): number {
  return year > 0
    ? Math.floor((year + size - 1) / size)
    : -Math.floor((size - 1 - (year - 1)) / size);
}

function decadeOf(year: number): number {
  return Math.floor(year / 10);
}

function whole(value: number): Decimal {
  return decimal(BigInt(value), 0);
}

const julianOfEpoch = 2_451_545;

function julian(day: number, time: number): Decimal {
  const days = whole(day + julianOfEpoch);
  const part = divide(whole(time), whole(86_400_000_000));
  return decimal(days.coefficient * 10n ** BigInt(part.scale) + part.coefficient, part.scale);
}

/** A field of the day; undefined if the field is not one of days. */
function dayField(field: Field, day: number): number | undefined {
  const { year, month, day: dayOfMonth } = civilFromDays(day);
  switch (field) {
    case 'day':
      return dayOfMonth;
    case 'month':
      return month;
    case 'quarter':
      return Math.floor((month - 1) / 3) + 1;
    case 'week':
      return isoWeek(day).week;
    case 'year':
      return shownYear(year);
    case 'isoyear':
      return shownYear(isoWeek(day).year);
    case 'decade':
      return decadeOf(year);
    case 'century':
      return period(year, 100);
    case 'millennium':
      return period(year, 1000);
    case 'dow':
      return isoWeekday(day) % 7;
    case 'isodow':
      return isoWeekday(day);
    case 'doy':
      return dayOfYear(day);
    default:
      return undefined;
  }
}

/** A field of the time of day (µs); undefined if the field is not one of times. */
function timeField(field: Field, time: number): Decimal | undefined {
  const minute = time % 60_000_000;
  switch (field) {
    case 'microsecond':
      return whole(minute);
    case 'millisecond':
      return decimal(BigInt(minute), 3);
    case 'second':
      return decimal(BigInt(minute), 6);
    case 'minute':
      return whole(Math.trunc(time / 60_000_000) % 60);
    case 'hour':
      return whole(Math.trunc(time / 3_600_000_000));
    default:
      return undefined;
  }
}

/** Fields that grow without end, and so are infinite for an infinite date. */
const endless: ReadonlySet<Field> = new Set<Field>([
  'year',
  'decade',
  'century',
  'millennium',
  'julian',
  'isoyear',
  'epoch',
]);

function infiniteField(field: Field, negative: boolean): Decimal | null {
  if (!endless.has(field)) return null;
  return negative ? numericMinusInfinity : numericInfinity;
}

/** A field of a timestamp or timestamptz (in UTC); NULL for most fields of an infinite one. */
export function timestampField(
  word: string,
  moment: bigint,
  type: 'timestamp' | 'timestamptz',
): Decimal | null {
  const field = fieldNamed(word, type);
  if (field.startsWith('timezone')) {
    if (isInfiniteTimestamp(moment)) return null;
    if (type === 'timestamp') throw unsupportedField(word, type);
    return whole(0);
  }
  if (isInfiniteTimestamp(moment)) return infiniteField(field, moment !== timestampInfinity);
  if (field === 'epoch') return decimal(moment - unixEpochMicroseconds, 6);
  const day = dayOf(moment);
  if (field === 'julian') return julian(day, timeOf(moment));
  const ofDay = dayField(field, day);
  return ofDay === undefined ? (timeField(field, timeOf(moment)) ?? null) : whole(ofDay);
}

/** One of the fields timezone, timezone_hour and timezone_minute of an offset in seconds. */
export function offsetField(word: string, offset: number): Decimal | undefined {
  switch (fieldNamed(word, 'timestamptz')) {
    case 'timezone':
      return whole(offset);
    case 'timezone_hour':
      return whole(Math.trunc(offset / 3600) + 0);
    case 'timezone_minute':
      return whole(Math.trunc((offset % 3600) / 60) + 0);
    default:
      return undefined;
  }
}

/** A field of a date. */
export function dateField(word: string, day: number, infinity: 0 | 1 | -1): Decimal | null {
  const field = fieldNamed(word, 'date');
  const ofDay = field === 'epoch' || field === 'julian' ? 0 : dayField(field, 0);
  if (ofDay === undefined) throw unsupportedField(word, 'date');
  if (infinity !== 0) return infiniteField(field, infinity < 0);
  if (field === 'epoch') return whole((day + 10_957) * 86_400);
  return whole(field === 'julian' ? day + julianOfEpoch : (dayField(field, day) ?? 0));
}

/** A field of a time of day. */
export function timeOfDayField(word: string, time: number): Decimal {
  const field = fieldNamed(word, 'time');
  const value = field === 'epoch' ? decimal(BigInt(time), 6) : timeField(field, time);
  if (value === undefined) throw unsupportedField(word, 'time');
  return value;
}

/** A field of an interval. */
export function intervalField(word: string, value: Interval): Decimal {
  const field = fieldNamed(word, 'interval');
  const years = Math.trunc(value.months / 12);
  switch (field) {
    case 'day':
      return whole(value.days);
    case 'month':
      return whole(value.months % 12);
    case 'quarter':
      return whole(Math.trunc((value.months % 12) / 3) + 1);
    case 'year':
      return whole(years);
    case 'decade':
      return whole(Math.trunc(years / 10));
    case 'century':
      return whole(Math.trunc(years / 100));
    case 'millennium':
      return whole(Math.trunc(years / 1000));
    case 'hour':
      return decimal(value.microseconds / 3_600_000_000n, 0);
    case 'epoch':
      return decimal(intervalEpoch(value), 6);
    default: {
      const part = timeField(field, Number(value.microseconds % 3_600_000_000n));
      if (part === undefined) throw unsupportedField(word, 'interval');
      return part;
    }
  }
}

/** Microseconds, with years of 365.25 days and months of 30. */
function intervalEpoch({ months, days, microseconds }: Interval): bigint {
  const quarterDays = 1461 * Math.trunc(months / 12) + 120 * (months % 12) + 4 * days;
  return BigInt(quarterDays) * 21_600_000_000n + microseconds;
}

/** Microseconds of the units that cut within a day. */
const timeUnits: Partial<Record<Field, number>> = {
  microsecond: 1,
  millisecond: 1_000,
  second: 1_000_000,
  minute: 60_000_000,
  hour: 3_600_000_000,
  day: 86_400_000_000,
};

/**
 * The grid that a unit cuts time into: microseconds of a cell, and where a cell starts, counted
 * from 2000-01-01 (a Saturday). Undefined for units of varying length, or if the word is no unit.
 */
export function gridOf(
  word: string,
): { readonly size: bigint; readonly start: bigint } | undefined {
  const name = intervalUnit(word.toLowerCase());
  if (name === 'week') return { size: 604_800_000_000n, start: 172_800_000_000n };
  const size = name === undefined ? undefined : timeUnits[name];
  return size === undefined ? undefined : { size: BigInt(size), start: 0n };
}

/** The first day of a period of years: centuries and millennia begin in year 1. */
function periodStart(year: number, field: Field): number {
  switch (field) {
    case 'millennium':
      return Math.floor((year - 1) / 1000) * 1000 + 1;
    case 'century':
      return Math.floor((year - 1) / 100) * 100 + 1;
    case 'decade':
      return Math.floor(year / 10) * 10;
    default:
      return year;
  }
}

/** The start of the period that a local time lies in. */
export function truncateTimestamp(
  word: string,
  moment: bigint,
  type: 'timestamp' | 'timestamptz',
): bigint {
  if (isInfiniteTimestamp(moment)) return moment;
  const field = unitNamed(word, type);
  const unit = timeUnits[field];
  const day = dayOf(moment);
  const { year, month } = civilFromDays(day);
  const start = ((): number | undefined => {
    switch (field) {
      case 'week':
        return day - isoWeekday(day) + 1;
      case 'month':
        return daysFromCivil(year, month, 1);
      case 'quarter':
        return daysFromCivil(year, month - ((month - 1) % 3), 1);
      case 'year':
      case 'decade':
      case 'century':
      case 'millennium':
        return daysFromCivil(periodStart(year, field), 1, 1);
      default:
        return undefined;
    }
  })();
  if (unit === undefined && start === undefined) throw unsupportedField(word, type);
  if (unit === undefined) return microsecondsOf(start ?? day, 0);
  return microsecondsOf(day, timeOf(moment) - (timeOf(moment) % unit));
}

/** An interval without its smaller parts. */
export function truncateInterval(word: string, value: Interval): Interval {
  const field = unitNamed(word, 'interval');
  const monthUnit = {
    millennium: 12_000,
    century: 1_200,
    decade: 120,
    year: 12,
    quarter: 3,
    month: 1,
  };
  const isMonthUnit = (name: string): name is keyof typeof monthUnit => name in monthUnit;
  if (isMonthUnit(field)) {
    return interval(value.months - (value.months % monthUnit[field]), 0, 0n);
  }
  if (field === 'day') return interval(value.months, value.days, 0n);
  const unit = timeUnits[field];
  if (unit === undefined) throw unsupportedField(word, 'interval');
  return interval(
    value.months,
    value.days,
    value.microseconds - (value.microseconds % BigInt(unit)),
  );
}
