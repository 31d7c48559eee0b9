/**
 * Calculating with timestamptz in a zone: fields, cutting and intervals mean local time there. A
 * day may have 23 or 25 hours, so months and days are added to the local time and hours to the
 * moment, as Postgres does.
 */
import { sqlError } from '../../src/base/error.ts';
import { microsecondsPerSecond } from '../value/calendar.ts';
import type { Decimal, Interval } from '../value/datum.ts';
import { interval } from '../value/datum.ts';
import { isTimestamp } from '../value/datetime-text.ts';
import { offsetAt, toInstant, toLocal, utc } from '../value/timezone.ts';
import type { Zone } from '../value/timezone.ts';
import { gridOf, offsetField, timestampField, truncateTimestamp } from './datetime-fields.ts';
import { addToTimestamp, isInfiniteTimestamp } from './interval-math.ts';

/** The moment an interval later, or with sign −1 earlier. Throws 22008. */
export function addInZone(moment: bigint, by: Interval, sign: 1 | -1, zone: Zone): bigint {
  if (zone === utc || isInfiniteTimestamp(moment)) return addToTimestamp(moment, by, sign);
  let at = moment;
  for (const part of [interval(by.months, 0, 0n), interval(0, by.days, 0n)]) {
    if (part.months === 0 && part.days === 0) continue;
    at = toInstant(zone, addToTimestamp(toLocal(zone, at), part, sign));
  }
  at += BigInt(sign) * by.microseconds;
  if (!isTimestamp(at)) throw sqlError('22008', 'timestamp out of range');
  return at;
}

/** A field of the local time; NULL for most fields of an infinite moment. */
export function fieldInZone(word: string, moment: bigint, zone: Zone): Decimal | null {
  if (isInfiniteTimestamp(moment)) return timestampField(word, moment, 'timestamptz');
  const offset = offsetField(word, offsetAt(zone, moment));
  if (offset !== undefined) return offset;
  const isEpoch = /^\s*epoch\s*$/i.test(word);
  return timestampField(word, isEpoch ? moment : toLocal(zone, moment), 'timestamptz');
}

/** An hour, or what divides it, in microseconds. */
const hour = 3_600_000_000n;

/**
 * The start of the hour, day or other unit of local time. Within an hour the offset stays what it
 * is, so that the two hours of the same name at the end of summer time are told apart.
 */
export function truncateInZone(word: string, moment: bigint, zone: Zone): bigint {
  if (isInfiniteTimestamp(moment)) return truncateTimestamp(word, moment, 'timestamptz');
  const local = toLocal(zone, moment);
  const start = truncateTimestamp(word, local, 'timestamptz');
  const grid = gridOf(word);
  if (grid === undefined || grid.size > hour) return toInstant(zone, start);
  return start - BigInt(offsetAt(zone, moment)) * microsecondsPerSecond;
}
