/**
 * Goal: calendar, zones and intervals keep their laws, and zones answer as Postgres does. Method: a
 * recorded table for AT TIME ZONE; every month of many years for the calendar; random instants
 * against `Intl` for zones; random intervals through their text. Texts of dates and times have
 * their table in text-input.test.ts.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../../src/base/error.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import { civilFromDays, daysFromCivil, daysInMonth } from './calendar.ts';
import {
  formatTimestamp,
  formatTimestamptz,
  parseTimestamp,
  parseTimestamptz,
  timestampInfinity,
} from './datetime-text.ts';
import { interval } from './datum.ts';
import { formatInterval, parseInterval } from './interval-text.ts';
import { timezoneCases } from './timezone-cases.ts';
import { offsetAt, toInstant, toLocal, zoneByName } from './timezone.ts';

const session = { zone: zoneByName('America/New_York') };

function answer(direction: string, time: string, name: string): string | ErrorFields {
  try {
    const zone = zoneByName(name);
    if (time === 'infinity') return 'infinity';
    return direction === 'local at zone'
      ? formatTimestamptz(toInstant(zone, parseTimestamp(time)), session.zone)
      : formatTimestamp(toLocal(zone, parseTimestamptz(time, -1, session)));
  } catch (error) {
    if (error instanceof SqlError) return error.fields;
    throw error;
  }
}

test('AT TIME ZONE answers as Postgres does', () => {
  const answers = timezoneCases.map(([direction, args]) => [
    direction,
    args,
    answer(direction, ...args),
  ]);
  expect(answers).toEqual(timezoneCases);
  expect(parseTimestamptz('infinity')).toBe(timestampInfinity);
});

test('the calendar is a bijection with days in order', () => {
  let day = daysFromCivil(-4712, 1, 1);
  for (let year = -4712; year < 3000; year += year < 1890 || year > 2110 ? 97 : 1) {
    for (let month = 1; month <= 12; month++) {
      for (const ofMonth of [1, 28, daysInMonth(year, month)]) {
        const days = daysFromCivil(year, month, ofMonth);
        expect(civilFromDays(days)).toEqual({ year, month, day: ofMonth });
        expect(days).toBeGreaterThanOrEqual(day);
        day = days;
      }
      expect(civilFromDays(day + 1).day).toBe(1);
    }
  }
  expect(civilFromDays(0)).toEqual({ year: 2000, month: 1, day: 1 });
});

test('intervals print and read back', () => {
  const random = new Random(5);
  for (let k = 0; k < 2000; k++) {
    const time = BigInt(random.next() - 2 ** 31) * BigInt(random.pick([0, 1, 77, 1_000_000]));
    const value = interval(random.below(4000) - 2000, random.below(400) - 200, time);
    expect(parseInterval(formatInterval(value))).toEqual(value);
  }
});

test('a zone takes an instant to local time and back, except in an hour that comes twice', () => {
  const random = new Random(6);
  for (const name of [
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'Europe/London',
    'Africa/Casablanca',
  ]) {
    const zone = zoneByName(name);
    for (let k = 0; k < 300; k++) {
      const moment = BigInt(random.next() - 2 ** 31) * 1_000_000n;
      const back = toInstant(zone, toLocal(zone, moment));
      const twice = offsetAt(zone, moment) - offsetAt(zone, back);
      expect(back - moment).toBe(BigInt(twice) * 1_000_000n);
    }
  }
});

test('the local time of a zone is that of Intl', () => {
  const random = new Random(7);
  const zone = zoneByName('Europe/Berlin');
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/Berlin',
    timeStyle: 'medium',
  });
  for (let k = 0; k < 300; k++) {
    const second = random.next() - 2 ** 31;
    const local = second + zone.offsetAtSecond(second);
    const shown = clock.format((second + 946_684_800) * 1000);
    const [hour = 0, minute = 0, part = 0] = shown.split(':').map(Number);
    expect(((local % 86_400) + 86_400) % 86_400).toBe((hour % 24) * 3600 + minute * 60 + part);
  }
});

test('timestamps print and read back in zones with odd offsets', () => {
  const random = new Random(9);
  for (const name of ['UTC', 'Asia/Kathmandu', 'America/St_Johns', 'Europe/Amsterdam']) {
    const context = { zone: zoneByName(name) };
    for (let k = 0; k < 300; k++) {
      const moment = BigInt(random.next() - 2 ** 31) * BigInt(random.below(4_000_000));
      expect(parseTimestamptz(formatTimestamptz(moment, context.zone), -1, context)).toBe(moment);
      expect(parseTimestamp(formatTimestamp(moment))).toBe(moment);
    }
  }
});
