/**
 * Goal: fields, truncation and arithmetic of dates, times, intervals and zones answer as Postgres
 * does. Method: a recorded table of calls; laws on random values.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../../src/base/error.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import { civilFromDays, daysFromCivil, daysInMonth } from './calendar.ts';
import { datetimeCases } from './datetime-cases.ts';
import {
  extractDate, extractInterval, extractTime, extractTimestamp, extractTimestamptz, instantToLocal,
  localToInstant, makeDate, makeTime, makeTimestamp, timestampFromSeconds, truncateInterval,
  truncateTimestamp, truncateTimestamptz,
} from './datetime-field.ts';
import type { Datum, Interval } from './datum.ts';
import { interval } from './datum.ts';
import {
  addIntervals, addToTime, addToTimestamp, addToTimestamptz, age, dateBin, divideInterval,
  justifyDays, justifyHours, justifyInterval, makeInterval, multiplyInterval, negateInterval,
  subtractIntervals, subtractTimestamps,
} from './interval-arithmetic.ts';
import { formatInterval, parseInterval } from './interval-text.ts';
import { intervalSpan } from './interval.ts';
import { bigintOf, numberOf } from './scalar-words.ts';
import { parseDatum } from './text-input.ts';
import { formatDatum } from './text-output.ts';
import { offsetAt, toInstant, toLocal, zoneByName } from './timezone.ts';
import type { TypeName } from './type.ts';

const zone = zoneByName('America/New_York');
const context = { zone };
const ts = (text: string): bigint => bigintOf(parseDatum('timestamp', text));
const tz = (text: string): bigint => bigintOf(parseDatum('timestamptz', text, -1, context));
const iv = (text: string): Interval => parseInterval(text);
const n = Number;
const f = (text: string): number => numberOf(parseDatum('float8', text));

type Call = readonly [TypeName, (...args: string[]) => Datum];

const calls = new Map<string, Call>([
  ['extract timestamp', ['numeric', (u, m) => extractTimestamp(u, ts(m))]],
  ['extract timestamptz', ['numeric', (u, m) => extractTimestamptz(u, tz(m), zone)]],
  ['extract date', ['numeric', (u, m) => extractDate(u, numberOf(parseDatum('date', m)))]],
  ['extract time', ['numeric', (u, m) => extractTime(u, bigintOf(parseDatum('time', m)))]],
  ['extract interval', ['numeric', (u, m) => extractInterval(u, iv(m))]],
  ['trunc timestamp', ['timestamp', (u, m) => truncateTimestamp(u, ts(m))]],
  ['trunc timestamptz', ['timestamptz', (u, m) => truncateTimestamptz(u, tz(m), zone)]],
  ['trunc interval', ['interval', (u, m) => truncateInterval(u, iv(m))]],
  ['timestamp + interval', ['timestamp', (m, i) => addToTimestamp(ts(m), iv(i))]],
  ['timestamptz + interval', ['timestamptz', (m, i) => addToTimestamptz(tz(m), iv(i), zone)]],
  ['interval * float', ['interval', (i, x) => multiplyInterval(iv(i), f(x))]],
  ['interval / float', ['interval', (i, x) => divideInterval(iv(i), f(x))]],
  ['interval + interval', ['interval', (a, b) => addIntervals(iv(a), iv(b))]],
  ['interval - interval', ['interval', (a, b) => subtractIntervals(iv(a), iv(b))]],
  ['- interval', ['interval', (a) => negateInterval(iv(a))]],
  ['justify_hours', ['interval', (a) => justifyHours(iv(a))]],
  ['justify_days', ['interval', (a) => justifyDays(iv(a))]],
  ['justify_interval', ['interval', (a) => justifyInterval(iv(a))]],
  ['time + interval', ['time', (t, i) => addToTime(bigintOf(parseDatum('time', t)), iv(i))]],
  ['age', ['interval', (a, b) => age(ts(a), ts(b))]],
  ['timestamp - timestamp', ['interval', (a, b) => subtractTimestamps(ts(a), ts(b))]],
  ['make_date', ['date', (y, m, d) => makeDate(n(y), n(m), n(d))]],
  ['make_time', ['time', (h, m, s) => makeTime(n(h), n(m), n(s))]],
  ['make_timestamp', ['timestamp', (y, m, d, h, i, s) => makeTimestamp(n(y), n(m), n(d), n(h), n(i), n(s))]],
  ['make_interval', ['interval', (y, m, w, d, h, i, s) => makeInterval(n(y), n(m), n(w), n(d), n(h), n(i), n(s))]],
  ['to_timestamp', ['timestamptz', (s) => timestampFromSeconds(f(s))]],
  ['local at zone', ['timestamptz', (m, z) => localToInstant(ts(m), zoneByName(z))]],
  ['instant at zone', ['timestamp', (m, z) => instantToLocal(tz(m), zoneByName(z))]],
  ['date_bin', ['timestamp', (s, m, o) => dateBin(iv(s), ts(m), ts(o))]],
]);

function answer(name: string, args: readonly string[]): string | null | ErrorFields {
  const [type, call] = calls.get(name) ?? ['void', () => `no call ${name}`];
  try {
    const value = call(...args);
    return value === null ? null : formatDatum(type, value, -1, context);
  } catch (error) {
    if (error instanceof SqlError) return error.fields;
    throw error;
  }
}

test.each([...calls.keys()])('%s answers as Postgres does', (name) => {
  const mine = datetimeCases.filter(([called]) => called === name);
  expect(mine.length).toBeGreaterThan(0);
  const answers = mine.map(([, args]) => [name, args, answer(name, args)]);
  expect(answers).toEqual(mine);
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

test('intervals print and read back; justification keeps their length', () => {
  const random = new Random(5);
  for (let k = 0; k < 2000; k++) {
    const value = interval(
      random.below(4000) - 2000, random.below(400) - 200,
      BigInt(random.next() - 2 ** 31) * BigInt(random.pick([0, 1, 77, 1_000_000])),
    );
    expect(parseInterval(formatInterval(value))).toEqual(value);
    for (const justified of [justifyDays(value), justifyHours(value), justifyInterval(value)]) {
      expect(intervalSpan(justified)).toBe(intervalSpan(value));
    }
  }
});

test('a zone takes an instant to local time and back, except in an hour that comes twice', () => {
  const random = new Random(6);
  for (const name of ['America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Europe/London', 'Africa/Casablanca']) {
    const there = zoneByName(name);
    for (let k = 0; k < 300; k++) {
      const moment = BigInt(random.next() - 2 ** 31) * 1_000_000n;
      const back = toInstant(there, toLocal(there, moment));
      const twice = offsetAt(there, moment) - offsetAt(there, back);
      expect(back - moment).toBe(BigInt(twice) * 1_000_000n);
    }
  }
});

test('fixed and named zones agree with Intl at random instants', () => {
  const random = new Random(7);
  const there = zoneByName('Europe/Berlin');
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'medium' });
  for (let k = 0; k < 300; k++) {
    const second = random.next() - 2 ** 31;
    const local = second + there.offsetAtSecond(second);
    const shown = clock.format((second + 946_684_800) * 1000);
    const [h, m, s] = shown.split(':').map(Number);
    expect(((local % 86_400) + 86_400) % 86_400).toBe(((h ?? 0) % 24) * 3600 + (m ?? 0) * 60 + (s ?? 0));
  }
});
