/**
 * Fields of dates, times and intervals: extract, date_trunc and the make functions.
 *
 * `extract…` answers a numeric, as SQL's EXTRACT does (date_part is its double); null where an
 * infinite value has no such field. Unit names are read by their first ten letters in any case,
 * with Postgres' abbreviations.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import {
  civilFromDays, dayOf, daysFromCivil, daysInMonth, microsecondsOf, timeOf, unixEpochDays,
  unixEpochMicroseconds,
} from './calendar.ts';
import type { Decimal, Interval } from './datum.ts';
import { decimal, interval } from './datum.ts';
import {
  dateInfinity, dateMinusInfinity, isDate, isTimestamp, timestampInfinity, timestampMinusInfinity,
} from './datetime-text.ts';
import { numericInfinity, numericMinusInfinity, tenTo } from './decimal.ts';
import { divideRounded } from './decimal-text.ts';
import { isFiniteTimestamp } from './interval-arithmetic.ts';
import { intervalUnit, roundToEven } from './interval-text.ts';
import type { Zone } from './timezone.ts';
import { localOffset, offsetAt, toInstant, toLocal } from './timezone.ts';
import type { TypeName } from './type.ts';
import { typeInfo } from './type.ts';

type Field = 'microsecond' | 'millisecond' | 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month'
  | 'quarter' | 'year' | 'decade' | 'century' | 'millennium' | 'dow' | 'isodow' | 'doy' | 'isoyear'
  | 'julian' | 'epoch' | 'timezone' | 'timezone_hour' | 'timezone_minute';

const otherFields = new Map<string, Field>([
  ['qtr', 'quarter'], ['quarter', 'quarter'], ['dow', 'dow'], ['isodow', 'isodow'], ['doy', 'doy'],
  ['isoyear', 'isoyear'], ['j', 'julian'], ['jd', 'julian'], ['julian', 'julian'],
  ['epoch', 'epoch'], ['timezone', 'timezone'], ['timezone_h', 'timezone_hour'],
  ['timezone_m', 'timezone_minute'], ['microsecon', 'microsecond'], ['millisecon', 'millisecond'],
  ['timezone_hour', 'timezone_hour'], ['timezone_minute', 'timezone_minute'],
]);

function fieldOf(unit: string, type: TypeName): Field {
  const word = unit.toLowerCase();
  const field = otherFields.get(word) ?? intervalUnit(word) ?? otherFields.get(word.slice(0, 10))
    ?? intervalUnit(word.slice(0, 10));
  if (field === undefined) throw unknownUnit(unit, type);
  return field;
}

const onlyExtracted = new Set<Field>(['dow', 'isodow', 'doy', 'isoyear', 'julian', 'epoch']);

/** The field that date_trunc goes by; it does not know all of them. */
function truncationOf(unit: string, type: TypeName): Field {
  const field = fieldOf(unit, type);
  if (onlyExtracted.has(field)) throw unknownUnit(unit, type);
  return field;
}

function unknownUnit(unit: string, type: TypeName): SqlError {
  return sqlError('22023', `unit "${unit.toLowerCase()}" not recognized for type ${typeInfo(type).sqlName}`);
}

function unsupportedUnit(unit: string, type: TypeName, detail?: string): SqlError {
  const message = `unit "${unit.toLowerCase()}" not supported for type ${typeInfo(type).sqlName}`;
  return sqlError('0A000', message, detail === undefined ? {} : { detail });
}

function whole(value: number): Decimal {
  return decimal(BigInt(value), 0);
}

/** Fields of time for timestamps and times; undefined for a field that is none. */
function timeField(field: Field, time: number): Decimal | undefined {
  const ofMinute = time % 60_000_000;
  switch (field) {
    case 'microsecond': return whole(ofMinute);
    case 'millisecond': return decimal(BigInt(ofMinute), 3);
    case 'second': return decimal(BigInt(ofMinute), 6);
    case 'minute': return whole(Math.floor(time / 60_000_000) % 60);
    case 'hour': return whole(Math.floor(time / 3_600_000_000));
    default: return undefined;
  }
}

/** Day of the week, 0 = Sunday. */
function weekday(day: number): number {
  return (((day + 6) % 7) + 7) % 7;
}

/** The day number of the Monday that begins the ISO week of a day. */
function mondayOf(day: number): number {
  return day - ((weekday(day) + 6) % 7);
}

/** The ISO year of a day: that of its week's Thursday. */
function isoYear(day: number): number {
  return civilFromDays(mondayOf(day) + 3).year;
}

function isoWeek(day: number): number {
  const first = mondayOf(daysFromCivil(isoYear(day), 1, 4));
  return Math.floor((mondayOf(day) - first) / 7) + 1;
}

/** The year as SQL counts it: there is no year 0. */
function shownYear(year: number): number {
  return year > 0 ? year : year - 1;
}

/** Fields of the calendar; undefined for a field that is none. */
function dayField(field: Field, day: number): Decimal | undefined {
  const { year, month, day: ofMonth } = civilFromDays(day);
  switch (field) {
    case 'day': return whole(ofMonth);
    case 'month': return whole(month);
    case 'quarter': return whole(Math.floor((month - 1) / 3) + 1);
    case 'week': return whole(isoWeek(day));
    case 'year': return whole(shownYear(year));
    case 'decade': return whole(decadeOf(year));
    case 'century': return whole(periodOf(year, 100));
    case 'millennium': return whole(periodOf(year, 1000));
    case 'isoyear': return whole(shownYear(isoYear(day)));
    case 'dow': return whole(weekday(day));
    case 'isodow': return whole(weekday(day) === 0 ? 7 : weekday(day));
    case 'doy': return whole(day - daysFromCivil(year, 1, 1) + 1);
    default: return undefined;
  }
}

function decadeOf(year: number): number {
  return year >= 0 ? Math.floor(year / 10) : -Math.floor((8 - (year - 1)) / 10);
}

/** Centuries and millennia begin with year 1, and there is none numbered 0. */
function periodOf(year: number, length: number): number {
  return year > 0
    ? Math.floor((year + length - 1) / length)
    : -Math.floor((length - 1 - (year - 1)) / length);
}

const growing = new Set<Field>(['year', 'decade', 'century', 'millennium', 'julian', 'isoyear', 'epoch']);

/** Fields of infinity: those that grow without end are infinite, the others have no value. */
function infiniteField(field: Field, positive: boolean): Decimal | null {
  if (!growing.has(field)) return null;
  return positive ? numericInfinity : numericMinusInfinity;
}

/** Days counted from 4714-11-24 BC with the part of the day, as many decimals as numeric division gives. */
function julian(day: number, time: number): Decimal {
  const decimals = julianScale(time);
  const scale = tenTo(decimals);
  const part = divideRounded(BigInt(time) * scale, 86_400_000_000n);
  return decimal(BigInt(day + 2_451_545) * scale + part, decimals);
}

/** Decimals of time ÷ 86,400,000,000 in base 10,000: 16 digits after the first group that counts. */
function julianScale(time: number): number {
  let weight = 0;
  let first = time;
  while (first >= 10_000) {
    first = Math.floor(first / 10_000);
    weight++;
  }
  return 16 - 4 * (weight - 2 - (first <= 864 ? 1 : 0));
}

/** EXTRACT(unit FROM timestamp). */
export function extractTimestamp(unit: string, moment: bigint): Decimal | null {
  return extractLocal('timestamp', unit, moment, moment);
}

/** EXTRACT(unit FROM timestamptz), as local time of `zone`. */
export function extractTimestamptz(unit: string, moment: bigint, zone: Zone): Decimal | null {
  const field = fieldOf(unit, 'timestamptz');
  if (!isFiniteTimestamp(moment)) return infiniteField(field, moment > 0n);
  const offset = offsetAt(zone, moment);
  switch (field) {
    case 'timezone': return whole(offset);
    case 'timezone_hour': return whole(Math.trunc(offset / 3600));
    case 'timezone_minute': return whole(Math.trunc(offset / 60) % 60);
    default: return extractLocal('timestamptz', unit, moment, toLocal(zone, moment));
  }
}

function extractLocal(
  type: 'timestamp' | 'timestamptz', unit: string, moment: bigint, local: bigint,
): Decimal | null {
  const field = fieldOf(unit, type);
  if (!isFiniteTimestamp(moment)) return infiniteField(field, moment > 0n);
  if (field === 'epoch') return decimal(moment - unixEpochMicroseconds, 6);
  if (field === 'julian') return julian(dayOf(local), timeOf(local));
  const value = timeField(field, timeOf(local)) ?? dayField(field, dayOf(local));
  if (value === undefined) throw unsupportedUnit(unit, type);
  return value;
}

/** EXTRACT(unit FROM date). */
export function extractDate(unit: string, day: number): Decimal | null {
  const field = fieldOf(unit, 'date');
  const supported = field === 'epoch' || field === 'julian' || dayField(field, 0) !== undefined;
  if (!supported) throw unsupportedUnit(unit, 'date');
  if (day === dateInfinity || day === dateMinusInfinity) return infiniteField(field, day > 0);
  if (field === 'epoch') return decimal(BigInt(day - unixEpochDays) * 86_400n, 0);
  if (field === 'julian') return whole(day + 2_451_545);
  return dayField(field, day) ?? null;
}

/** EXTRACT(unit FROM time). */
export function extractTime(unit: string, time: bigint): Decimal {
  const field = fieldOf(unit, 'time');
  if (field === 'epoch') return decimal(time, 6);
  const value = timeField(field, Number(time));
  if (value === undefined) throw unsupportedUnit(unit, 'time');
  return value;
}

/** EXTRACT(unit FROM interval). */
export function extractInterval(unit: string, value: Interval): Decimal {
  const field = fieldOf(unit, 'interval');
  const years = Math.trunc(value.months / 12);
  const months = value.months % 12;
  const ofMinute = value.microseconds % 60_000_000n;
  switch (field) {
    case 'microsecond': return decimal(ofMinute, 0);
    case 'millisecond': return decimal(ofMinute, 3);
    case 'second': return decimal(ofMinute, 6);
    case 'minute': return decimal((value.microseconds / 60_000_000n) % 60n, 0);
    case 'hour': return decimal(value.microseconds / 3_600_000_000n, 0);
    case 'day': return whole(value.days);
    case 'month': return whole(months);
    case 'quarter': return whole(Math.trunc(months / 3) + 1);
    case 'year': return whole(years);
    case 'decade': return whole(Math.trunc(years / 10));
    case 'century': return whole(Math.trunc(years / 100));
    case 'millennium': return whole(Math.trunc(years / 1000));
    case 'epoch': {
      const quarterDays = BigInt(1461 * years) + BigInt(120 * months) + BigInt(4 * value.days);
      return decimal(quarterDays * 21_600_000_000n + value.microseconds, 6);
    }
    default: throw unsupportedUnit(unit, 'interval');
  }
}

const timeUnits = new Map<Field, bigint>([
  ['microsecond', 1n], ['millisecond', 1000n], ['second', 1_000_000n], ['minute', 60_000_000n],
  ['hour', 3_600_000_000n],
]);

function floorTo(moment: bigint, unit: bigint): bigint {
  const rest = moment % unit;
  return moment - (rest < 0n ? rest + unit : rest);
}

/** First day of the period that holds `day`; undefined for a field that is no period. */
function truncatedDay(field: Field, day: number): number | undefined {
  const { year, month } = civilFromDays(day);
  switch (field) {
    case 'day': return day;
    case 'week': return mondayOf(day);
    case 'month': return daysFromCivil(year, month, 1);
    case 'quarter': return daysFromCivil(year, month - ((month - 1) % 3), 1);
    case 'year': return daysFromCivil(year, 1, 1);
    case 'decade': return daysFromCivil(decadeOf(year) * 10, 1, 1);
    case 'century': return daysFromCivil(periodStart(year, 100), 1, 1);
    case 'millennium': return daysFromCivil(periodStart(year, 1000), 1, 1);
    default: return undefined;
  }
}

function periodStart(year: number, length: number): number {
  const period = periodOf(year, length);
  return year > 0 ? period * length - (length - 1) : period * length + 1;
}

/** `date_trunc(unit, timestamp)`; an infinite one stays, whatever the unit. */
export function truncateTimestamp(unit: string, moment: bigint): bigint {
  return isFiniteTimestamp(moment) ? truncateLocal('timestamp', unit, moment) : moment;
}

function truncateLocal(type: 'timestamp' | 'timestamptz', unit: string, local: bigint): bigint {
  const field = truncationOf(unit, type);
  const size = timeUnits.get(field);
  if (size !== undefined) return floorTo(local, size);
  const day = truncatedDay(field, dayOf(local));
  if (day === undefined) throw unsupportedUnit(unit, type);
  const result = microsecondsOf(day, 0);
  if (!isTimestamp(result)) throw sqlError('22008', 'timestamp out of range');
  return result;
}

/** `date_trunc(unit, timestamptz [, zone])`: periods are those of local time. */
export function truncateTimestamptz(unit: string, moment: bigint, zone: Zone): bigint {
  if (!isFiniteTimestamp(moment)) return moment;
  const offset = BigInt(offsetAt(zone, moment)) * 1_000_000n;
  const local = truncateLocal('timestamptz', unit, moment + offset);
  const keepsOffset = timeUnits.has(fieldOf(unit, 'timestamptz'));
  return keepsOffset ? local - offset : toInstant(zone, local);
}

/** `date_trunc(unit, interval)`. */
export function truncateInterval(unit: string, value: Interval): Interval {
  const field = truncationOf(unit, 'interval');
  const size = timeUnits.get(field);
  if (size !== undefined) {
    return interval(value.months, value.days, value.microseconds - (value.microseconds % size));
  }
  const months = value.months;
  const to = (length: number): Interval => interval(months - (months % length), 0, 0n);
  switch (field) {
    case 'day': return interval(months, value.days, 0n);
    case 'month': return to(1);
    case 'quarter': return to(3);
    case 'year': return to(12);
    case 'decade': return to(120);
    case 'century': return to(1200);
    case 'millennium': return to(12_000);
    case 'week': throw unsupportedUnit(unit, 'interval', 'Months usually have fractional weeks.');
    default: throw unsupportedUnit(unit, 'interval');
  }
}

const two = (n: number): string => String(n).padStart(2, '0');

/** `make_date`; a negative year counts back from 1 BC. */
export function makeDate(year: number, month: number, day: number): number {
  const inside = year < 0 ? year + 1 : year;
  const valid = year !== 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(inside, month);
  if (!valid) throw sqlError('22008', `date field value out of range: ${year}-${two(month)}-${two(day)}`);
  const days = daysFromCivil(inside, month, day);
  if (!isDate(days)) throw sqlError('22008', `date out of range: ${year}-${two(month)}-${two(day)}`);
  return days;
}

/** `make_time`; seconds may have a fraction. */
export function makeTime(hour: number, minute: number, second: number): bigint {
  const micro = roundToEven(second * 1e6);
  const time = (hour * 60 + minute) * 60e6 + micro;
  const valid = hour >= 0 && minute >= 0 && minute <= 59 && micro >= 0 && micro <= 60e6 && time <= 86_400e6;
  if (!valid) {
    throw sqlError('22008', `time field value out of range: ${hour}:${two(minute)}:${secondText(second)}`);
  }
  return BigInt(time);
}

function secondText(second: number): string {
  return second >= 0 && second < 10 ? `0${second}` : String(second);
}

/** `make_timestamp`. */
export function makeTimestamp(
  year: number, month: number, day: number, hour: number, minute: number, second: number,
): bigint {
  const moment = microsecondsOf(makeDate(year, month, day), 0) + makeTime(hour, minute, second);
  if (isTimestamp(moment)) return moment;
  const clock = `${hour}:${two(minute)}:${secondText(second)}`;
  throw sqlError('22008', `timestamp out of range: ${year}-${two(month)}-${two(day)} ${clock}`);
}

/** `to_timestamp(double)`: seconds since 1970. */
export function timestampFromSeconds(seconds: number): bigint {
  if (Number.isNaN(seconds)) throw sqlError('22008', 'timestamp cannot be NaN');
  if (seconds === Infinity) return timestampInfinity;
  if (seconds === -Infinity) return timestampMinusInfinity;
  const scaled = roundToEven((seconds - 946_684_800) * 1e6);
  const fits = Math.abs(scaled) < 1e19 && isTimestamp(BigInt(scaled));
  if (!fits) throw sqlError('22008', `timestamp out of range: "${seconds}"`);
  return BigInt(scaled);
}

/** timestamp AT TIME ZONE: a local time to its instant. */
export function localToInstant(local: bigint, zone: Zone): bigint {
  if (!isFiniteTimestamp(local)) return local;
  const moment = local - BigInt(localOffset(zone, local)) * 1_000_000n;
  if (!isTimestamp(moment)) throw sqlError('22008', 'timestamp out of range');
  return moment;
}

/** timestamptz AT TIME ZONE: an instant to its local time. */
export function instantToLocal(moment: bigint, zone: Zone): bigint {
  if (!isFiniteTimestamp(moment)) return moment;
  const local = toLocal(zone, moment);
  if (!isTimestamp(local)) throw sqlError('22008', 'timestamp out of range');
  return local;
}
