/**
 * date, time, timestamp and timestamptz in and out of text (ISO output, DateStyle MDY input).
 *
 * `DatetimeContext` says what a text may refer to: the session's zone, and the moment that `now`
 * means (µs since 2000-01-01 UTC), without which `now`, `today` and their kin are refused: a stored
 * expression must not read a clock.
 */
import { sqlError } from '../../src/base/error.ts';
import {
  civilFromDays,
  dayOf,
  daysFromCivil,
  microsecondsOf,
  microsecondsPerDayBig,
  timeOf,
  unixEpochDays,
  unixEpochMicroseconds,
} from './calendar.ts';
import type { DatetimeFields, SpecialMoment } from './datetime-decode.ts';
import { decodeDatetime, invalidDatetime } from './datetime-decode.ts';
import type { Zone } from './timezone.ts';
import { offsetAt, offsetText, toInstant, toLocal, utc } from './timezone.ts';

/** What the texts of dates and times may refer to. */
export interface DatetimeContext {
  readonly zone: Zone;
  readonly now?: bigint;
}

/** No session: UTC, no clock. */
export const plainContext: DatetimeContext = { zone: utc };

/** The date that stands for infinity. */
export const dateInfinity = 0x7fffffff;

/** The date that stands for −infinity. */
export const dateMinusInfinity = -0x80000000;

/** The timestamp that stands for infinity. */
export const timestampInfinity = 2n ** 63n - 1n;

/** The timestamp that stands for −infinity. */
export const timestampMinusInfinity = -(2n ** 63n);

/** 4714-11-24 BC 00:00, the first moment that a timestamp can be. */
const timestampMin = -211_813_488_000_000_000n;
/** 294277-01-01 00:00, the first that it cannot. */
const timestampEnd = 9_223_371_331_200_000_000n;
const dateMin = -2_451_545;
const dateEnd = 2_145_031_949;

/** Whether a timestamp lies in the range of the type. */
export function isTimestamp(microseconds: bigint): boolean {
  return microseconds >= timestampMin && microseconds < timestampEnd;
}

/** Whether a day number lies in the range of date. */
export function isDate(days: number): boolean {
  return days >= dateMin && days < dateEnd;
}

/** The moment `now` of the context, or an error that says why there is none. */
function nowOf(context: DatetimeContext, sqlName: string, text: string): bigint {
  if (context.now === undefined) throw invalidDatetime(sqlName, text);
  return context.now;
}

function specialLocal(
  special: SpecialMoment,
  fields: DatetimeFields,
  context: DatetimeContext,
  sqlName: string,
  text: string,
): bigint {
  const now = toLocal(context.zone, nowOf(context, sqlName, text));
  const midnight = microsecondsOf(dayOf(now), fields.time ?? 0);
  switch (special) {
    case 'today':
      return midnight;
    case 'tomorrow':
      return midnight + microsecondsPerDayBig;
    case 'yesterday':
      return midnight - microsecondsPerDayBig;
    default:
      return now;
  }
}

function dayOfFields(fields: DatetimeFields): number {
  return daysFromCivil(fields.year ?? 0, fields.month ?? 1, fields.day ?? 1);
}

const isoDate = /^(\d{4})-(\d\d)-(\d\d)$/;
const isoTimestamp =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * Day number of an ISO date whose fields are in any case valid; NaN leaves it to the full reader.
 */
function quickDay(year: number, month: number, day: number): number {
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > 28) return Number.NaN;
  return daysFromCivil(year, month, day);
}

/** Reads a date: days since 2000-01-01. */
export function parseDate(text: string, context: DatetimeContext = plainContext): number {
  const quick = isoDate.exec(text);
  if (quick !== null) {
    const days = quickDay(Number(quick[1]), Number(quick[2]), Number(quick[3]));
    if (!Number.isNaN(days)) return days;
  }
  const fields = decodeDatetime('date', text, false);
  switch (fields.special) {
    case undefined:
      break;
    case 'infinity':
      return dateInfinity;
    case '-infinity':
      return dateMinusInfinity;
    case 'epoch':
      return unixEpochDays;
    default:
      return dayOf(specialLocal(fields.special, fields, context, 'date', text));
  }
  const days = dayOfFields(fields);
  if (!isDate(days)) throw sqlError('22008', `date out of range: "${text}"`);
  return days;
}

/** Reads a time of day: µs since midnight. */
export function parseTime(
  text: string,
  modifier = -1,
  context: DatetimeContext = plainContext,
): bigint {
  const fields = decodeDatetime('time', text, true);
  if (fields.special !== undefined && fields.special !== 'now') throw invalidDatetime('time', text);
  const time =
    fields.special === 'now'
      ? timeOf(specialLocal('now', fields, context, 'time', text))
      : (fields.time ?? 0);
  return roundMicroseconds(BigInt(time), modifier);
}

/** Rounds to `modifier` decimals of a second, half away from zero (−1 or 6: as it is). */
export function roundMicroseconds(microseconds: bigint, modifier: number): bigint {
  if (modifier < 0 || modifier >= 6) return microseconds;
  if (microseconds === timestampInfinity || microseconds === timestampMinusInfinity)
    return microseconds;
  const unit = 10n ** BigInt(6 - modifier);
  const half = unit / 2n;
  return microseconds >= 0n
    ? ((microseconds + half) / unit) * unit
    : -((half - microseconds) / unit) * unit;
}

/** Reads a timestamp; a zone in the text is ignored, as in Postgres. */
export function parseTimestamp(
  text: string,
  modifier = -1,
  context: DatetimeContext = plainContext,
): bigint {
  return readTimestamp('timestamp', text, modifier, context);
}

/** Reads a timestamptz: µs since 2000-01-01 00:00 UTC. */
export function parseTimestamptz(
  text: string,
  modifier = -1,
  context: DatetimeContext = plainContext,
): bigint {
  return readTimestamp('timestamp with time zone', text, modifier, context);
}

/** What the quick shape says, as local time; undefined leaves it to the full reader. */
function quickTimestamp(match: RegExpExecArray): bigint | undefined {
  const day = quickDay(Number(match[1]), Number(match[2]), Number(match[3]));
  const [hour, minute, second] = [match[4], match[5], match[6]].map(Number);
  if (Number.isNaN(day) || hour > 23 || minute > 59 || second > 59) return undefined;
  const micro = match[7] === undefined ? 0 : Number(match[7].padEnd(6, '0'));
  return microsecondsOf(day, ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro);
}

/** Microseconds of an offset: `Z`, `+02`, `-0330`, `+05:30`; NaN leaves it to the full reader. */
function quickOffset(zone: string): number {
  if (zone === 'Z') return 0;
  const hour = Number(zone.slice(1, 3));
  const minute = zone.length > 3 ? Number(zone.slice(-2)) : 0;
  if (hour > 15 || minute > 59) return Number.NaN;
  return (hour * 60 + minute) * (zone.startsWith('-') ? -60_000_000 : 60_000_000);
}

function readTimestamp(
  sqlName: 'timestamp' | 'timestamp with time zone',
  text: string,
  modifier: number,
  context: DatetimeContext,
): bigint {
  const zoned = sqlName !== 'timestamp';
  const match = isoTimestamp.exec(text);
  const quick = match === null ? undefined : quickTimestamp(match);
  if (match !== null && quick !== undefined) {
    const offset = match[8] === undefined ? 0 : quickOffset(match[8]);
    if (zoned && match[8] === undefined)
      return roundMicroseconds(toInstant(context.zone, quick), modifier);
    if (!Number.isNaN(offset))
      return roundMicroseconds(zoned ? quick - BigInt(offset) : quick, modifier);
  }
  const fields = decodeDatetime(sqlName, text, false);
  switch (fields.special) {
    case undefined:
      break;
    case 'infinity':
      return timestampInfinity;
    case '-infinity':
      return timestampMinusInfinity;
    case 'epoch':
      return unixEpochMicroseconds;
    case 'now':
      if (zoned) return roundMicroseconds(nowOf(context, sqlName, text), modifier);
      break;
    case 'today':
    case 'tomorrow':
    case 'yesterday':
      break;
  }
  const local =
    fields.special === undefined
      ? microsecondsOf(dayOfFields(fields), fields.time ?? 0)
      : specialLocal(fields.special, fields, context, sqlName, text);
  const moment = zoned ? toInstant(fields.zone ?? context.zone, local) : local;
  if (!isTimestamp(moment)) throw sqlError('22008', `timestamp out of range: "${text}"`);
  return roundMicroseconds(moment, modifier);
}

const two = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'));

function dateText(days: number): { text: string; era: string } {
  const { year, month, day } = civilFromDays(days);
  const shown = year > 0 ? year : 1 - year;
  return {
    text: `${String(shown).padStart(4, '0')}-${two[month]}-${two[day]}`,
    era: year > 0 ? '' : ' BC',
  };
}

/** Prints a time of day given in µs: hh:mm:ss and as many decimals as it has. */
export function formatTime(microseconds: number): string {
  const micro = microseconds % 1_000_000;
  const seconds = (microseconds - micro) / 1_000_000;
  const minutes = Math.floor(seconds / 60);
  const clock = `${two[Math.floor(minutes / 60)]}:${two[minutes % 60]}:${two[seconds % 60]}`;
  return micro === 0 ? clock : `${clock}.${String(micro).padStart(6, '0').replace(/0+$/, '')}`;
}

/** Prints a date. */
export function formatDate(days: number): string {
  if (days === dateInfinity) return 'infinity';
  if (days === dateMinusInfinity) return '-infinity';
  const { text, era } = dateText(days);
  return text + era;
}

/** Prints a timestamp. */
export function formatTimestamp(microseconds: bigint): string {
  if (microseconds === timestampInfinity) return 'infinity';
  if (microseconds === timestampMinusInfinity) return '-infinity';
  const { text, era } = dateText(dayOf(microseconds));
  return `${text} ${formatTime(timeOf(microseconds))}${era}`;
}

/** Prints a timestamptz as local time of `zone` with its offset. */
export function formatTimestamptz(microseconds: bigint, zone: Zone): string {
  if (microseconds === timestampInfinity) return 'infinity';
  if (microseconds === timestampMinusInfinity) return '-infinity';
  const local = toLocal(zone, microseconds);
  const { text, era } = dateText(dayOf(local));
  return `${text} ${formatTime(timeOf(local))}${offsetText(offsetAt(zone, microseconds))}${era}`;
}
