/**
 * Intervals in and out of text: reads everything that Postgres reads (quantities with units, signed
 * times, SQL's `1-2`, ISO 8601 `P1Y2M3DT4H5M6S` and `P0001-02-03T04:05:06`), prints its own style.
 *
 * Months, days and microseconds are collected in doubles, all of which are exact well past the
 * types' ranges, except that whole microseconds are kept as a bigint. A fraction of a unit spills
 * into the smaller ones: of a year into months, of a month (30 days) into days, of a day into time.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import type { Interval } from './datum.ts';
import { interval } from './datum.ts';
import type { DatetimeToken } from './datetime-decode.ts';
import { fractionMicroseconds, invalidDatetime, lexDatetime } from './datetime-decode.ts';
import { roundMicroseconds } from './datetime-text.ts';

type Unit =
  | 'microsecond'
  | 'millisecond'
  | 'second'
  | 'minute'
  | 'hour'
  | 'day'
  | 'week'
  | 'month'
  | 'year'
  | 'decade'
  | 'century'
  | 'millennium';

const unitSpellings: Record<Unit, readonly string[]> = {
  microsecond: [
    'us',
    'usec',
    'usecs',
    'useconds',
    'usecond',
    'microsecond',
    'microseconds',
    'microsecon',
  ],
  millisecond: [
    'ms',
    'msec',
    'msecs',
    'mseconds',
    'msecond',
    'millisecond',
    'milliseconds',
    'millisecon',
  ],
  second: ['s', 'sec', 'secs', 'second', 'seconds'],
  minute: ['m', 'min', 'mins', 'minute', 'minutes'],
  hour: ['h', 'hr', 'hrs', 'hour', 'hours'],
  day: ['d', 'day', 'days'],
  week: ['w', 'week', 'weeks'],
  month: ['mon', 'mons', 'month', 'months'],
  year: ['y', 'yr', 'yrs', 'year', 'years'],
  decade: ['dec', 'decs', 'decade', 'decades'],
  century: ['c', 'cent', 'century', 'centuries'],
  millennium: ['mil', 'mils', 'millennia', 'millennium'],
};
const unitKeys: readonly Unit[] = [
  'microsecond',
  'millisecond',
  'second',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'year',
  'decade',
  'century',
  'millennium',
];
const units = new Map<string, Unit>(
  unitKeys.flatMap((unit) => unitSpellings[unit].map((word) => [word, unit] as const)),
);

/** Microseconds of a unit of time, days of a unit of days, months of the rest. */
const unitSize: Record<Unit, number> = {
  microsecond: 1,
  millisecond: 1000,
  second: 1e6,
  minute: 60e6,
  hour: 3600e6,
  day: 1,
  week: 7,
  month: 1,
  year: 12,
  decade: 120,
  century: 1200,
  millennium: 12_000,
};

/** The unit that a word names, singular or plural or short, or undefined. */
export function intervalUnit(word: string): Unit | undefined {
  return units.get(word);
}

function invalid(text: string): SqlError {
  return invalidDatetime('interval', text);
}

function overflow(text: string): SqlError {
  return sqlError('22015', `interval field value out of range: "${text}"`);
}

/** Rounds to the nearest integer, half to even, as C's `rint`. */
export function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/**
 * Rounds to the nearest integer, half towards zero: how fractions of a unit become microseconds.
 */
function roundHalfDown(value: number): number {
  const whole = Math.trunc(value);
  const rest = value - whole;
  return rest > 0.5 ? whole + 1 : rest < -0.5 ? whole - 1 : whole;
}

function isInt4(value: number): boolean {
  return value === (value | 0);
}

class Sum {
  months = 0;
  days = 0;
  microseconds = 0n;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Adds `whole` units and a fraction of one, which has the sign of the quantity. */
  add(unit: Unit, whole: bigint, fraction: number): void {
    const size = unitSize[unit];
    switch (unit) {
      case 'microsecond':
      case 'millisecond':
      case 'second':
      case 'minute':
      case 'hour':
        this.microseconds += whole * BigInt(size) + BigInt(roundHalfDown(fraction * size));
        return;
      case 'day':
      case 'week':
        if (!isInt4(Number(whole) * size)) throw overflow(this.text);
        this.days += Number(whole) * size;
        return this.dayFraction(fraction * size);
      case 'month':
        if (!isInt4(Number(whole))) throw overflow(this.text);
        this.months += Number(whole);
        return this.dayFraction(fraction * 30);
      default:
        if (!isInt4((Number(whole) * size) / 12)) throw overflow(this.text);
        this.months += Number(whole) * size + roundToEven(fraction * size);
    }
  }

  dayFraction(days: number): void {
    const whole = Math.trunc(days);
    this.days += whole;
    this.microseconds += BigInt(roundHalfDown((days - whole) * 86_400e6));
  }

  finish(sign: 1 | -1): Interval {
    const microseconds = sign === 1 ? this.microseconds : -this.microseconds;
    const months = this.months * sign;
    const days = this.days * sign;
    const fits = isInt4(days) && BigInt.asIntN(64, microseconds) === microseconds;
    if (!fits) throw overflow(this.text);
    if (!isInt4(months)) throw sqlError('22008', 'interval out of range');
    return interval(months | 0, days | 0, microseconds);
  }
}

/**
 * Reads an interval. `modifier` is −1 for none, or has the decimals of seconds in its low 16 bits
 * and above them the fields of `INTERVAL DAY TO SECOND` and the like.
 */
export function parseInterval(text: string, modifier = -1): Interval {
  const iso = /^\s*P/.test(text);
  const value = iso ? parseIso(text.trim()) : parseVerbose(text, modifier);
  return roundInterval(value, modifier);
}

/** Bits of the fields that a modifier may name, from fine to coarse. */
const fieldBits: readonly (readonly [number, Unit])[] = [
  [1 << 12, 'second'],
  [1 << 11, 'minute'],
  [1 << 10, 'hour'],
  [1 << 3, 'day'],
  [1 << 1, 'month'],
  [1 << 2, 'year'],
];
const allFields = 0x7fff;
const minuteToSecond = (1 << 11) | (1 << 12);

/** The finest field that a modifier names: what a bare number counts, and where values are cut. */
function finestUnit(modifier: number): Unit {
  const fields = modifier < 0 ? allFields : (modifier >> 16) & allFields;
  return fieldBits.find(([bit]) => (fields & bit) !== 0)?.[1] ?? 'second';
}

/** Cuts an interval to the fields of a modifier and rounds its seconds to the decimals. */
export function roundInterval(value: Interval, modifier: number): Interval {
  if (modifier < 0) return value;
  const { months, days, microseconds } = value;
  const unit = finestUnit(modifier);
  switch (unit) {
    case 'year':
      return interval(months - (months % 12), 0, 0n);
    case 'month':
      return interval(months, 0, 0n);
    case 'day':
      return interval(months, days, 0n);
    case 'hour':
    case 'minute':
      return interval(months, days, microseconds - (microseconds % BigInt(unitSize[unit])));
    default:
      break;
  }
  const decimals = modifier & 0xffff;
  return decimals >= 6 ? value : interval(months, days, roundMicroseconds(microseconds, decimals));
}

/** From the last token to the first, so that a quantity is met after its unit. */
function parseVerbose(text: string, modifier: number): Interval {
  const tokens = lexDatetime(text);
  if (tokens === null) throw invalid(text);
  return new VerboseReader(text, modifier).read(tokens);
}

/** A time and a fraction of a second give all of these. */
const secondFields = ['second', 'millisecond', 'microsecond'];

class VerboseReader {
  /**
   * 'unset' before any unit, when a number counts the bare unit; 'none' where a number has no
   * meaning.
   */
  readonly #sum: Sum;
  readonly #seen = new Set<string>();
  #unit: Unit | 'none' | 'unset' = 'unset';
  #sign: 1 | -1 = 1;
  readonly #bare: Unit;
  /** MINUTE TO SECOND reads 2:03 as minutes and seconds. */
  readonly #minutesFirst: boolean;

  constructor(text: string, modifier: number) {
    this.#sum = new Sum(text);
    this.#bare = finestUnit(modifier);
    this.#minutesFirst = modifier >= 0 && ((modifier >> 16) & allFields) === minuteToSecond;
  }

  read(tokens: readonly DatetimeToken[]): Interval {
    for (let k = tokens.length - 1; k >= 0; k--) this.#token(tokens[k]);
    if (this.#seen.size === 0) throw invalid(this.#sum.text);
    return this.#sum.finish(this.#sign);
  }

  #token(token: DatetimeToken): void {
    const text = this.#sum.text;
    if (token.kind === 'time') return this.#clock(token.text);
    if (token.kind === 'offset' && token.text.includes(':')) return this.#clock(token.text);
    if (token.kind !== 'word') return this.#quantity(token.text);
    if (token.text === 'ago') {
      this.#sign = -1;
      this.#unit = 'none';
      return;
    }
    const unit = units.get(token.text);
    if (unit === undefined) throw invalid(text);
    this.#unit = unit;
  }

  /** Every field is given once; a time gives hours, minutes and seconds. */
  #claim(...fields: string[]): void {
    for (const field of fields) {
      if (this.#seen.has(field)) throw invalid(this.#sum.text);
      this.#seen.add(field);
    }
  }

  #clock(text: string): void {
    this.#claim('hour', 'minute', ...secondFields);
    this.#sum.microseconds += clockMicroseconds(text, this.#sum.text, this.#minutesFirst);
    this.#unit = 'day';
  }

  #quantity(text: string): void {
    const yearMonth = /^([+-]?)(\d+)-(\d+)$/.exec(text);
    if (yearMonth !== null) {
      const month = Number(yearMonth[3]);
      if (month >= 12) throw overflow(this.#sum.text);
      this.#claim('year', 'month');
      const months = Number(yearMonth[2]) * 12 + month;
      this.#sum.months += yearMonth[1] === '-' ? -months : months;
      return;
    }
    const match = /^([+-]?)(\d*)(\.\d*)?$/.exec(text);
    if (match === null || text === '.') throw invalid(this.#sum.text);
    if (this.#unit === 'none') throw invalid(this.#sum.text);
    const unit = this.#unit === 'unset' ? this.#bare : this.#unit;
    const negative = match[1] === '-';
    if ((match[2] ?? '').length > 25) throw overflow(this.#sum.text);
    const whole = BigInt(match[2] || '0');
    const fraction = match[3] === undefined || match[3] === '.' ? 0 : Number(match[3]);
    if (unit === 'second' && fraction !== 0) this.#claim(...secondFields);
    else this.#claim(unit);
    this.#sum.add(unit, negative ? -whole : whole, negative ? -fraction : fraction);
    if (unit === 'hour') this.#unit = 'day';
  }
}

/** Microseconds of [+-]hh:mm[:ss[.fff]] or mm:ss.fff; hours may be many. */
function clockMicroseconds(clock: string, text: string, minutesFirst = false): bigint {
  const match = /^([+-]?)(\d+):(\d+)(?::(\d+))?(\.\d*)?$/.exec(clock);
  if (match === null) throw invalid(text);
  const short = match[4] === undefined && (minutesFirst || match[5] !== undefined);
  const hour = short ? '0' : match[2];
  const minute = Number(short ? match[2] : match[3]);
  const second = Number(short ? match[3] : (match[4] ?? 0));
  if (minute > 59 || second > 60 || hour.length > 12) throw overflow(text);
  const micro = fractionMicroseconds(match[5] ?? '');
  const size = BigInt(hour) * 3_600_000_000n + BigInt((minute * 60 + second) * 1_000_000 + micro);
  return match[1] === '-' ? -size : size;
}

const isoUnitsDate = new Map<string, Unit>([
  ['Y', 'year'],
  ['M', 'month'],
  ['W', 'week'],
  ['D', 'day'],
]);
const isoUnitsTime = new Map<string, Unit>([
  ['H', 'hour'],
  ['M', 'minute'],
  ['S', 'second'],
]);

function parseIso(text: string): Interval {
  const alternative = /^P(-?\d+)-(-?\d+)-(-?\d+)(?:T([+-]?\d+:\d+(?::\d+(?:\.\d*)?)?))?$/i.exec(
    text,
  );
  const sum = new Sum(text);
  if (alternative !== null) {
    sum.months = Number(alternative[1]) * 12 + Number(alternative[2]);
    sum.days = Number(alternative[3]);
    if (alternative[4] !== undefined) sum.microseconds = clockMicroseconds(alternative[4], text);
    return sum.finish(1);
  }
  const [date = '', time, more] = text.slice(1).split('T');
  if (more !== undefined || (date === '' && time === undefined)) throw invalid(text);
  addIso(sum, date, isoUnitsDate);
  if (time !== undefined) addIso(sum, time, isoUnitsTime);
  return sum.finish(1);
}

function addIso(sum: Sum, part: string, known: ReadonlyMap<string, Unit>): void {
  const quantity = /(-?)(\d*)(\.\d+)?([A-Z])/y;
  while (quantity.lastIndex < part.length) {
    const match = quantity.exec(part);
    const unit = known.get(match?.[4] ?? '');
    if (match === null || unit === undefined) throw invalid(sum.text);
    if (match[2].length > 25) throw overflow(sum.text);
    const sign = match[1] === '-' ? -1 : 1;
    const whole = Number(match[2]);
    const fraction = match[3] === undefined ? 0 : Number(match[2] + match[3]) - whole;
    sum.add(unit, BigInt(match[2] || '0') * BigInt(sign), sign * fraction);
  }
}

/** Prints an interval in Postgres' own style. */
export function formatInterval(value: Interval): string {
  const parts: string[] = [];
  let negativeBefore = false;
  const part = (amount: number, unit: string): void => {
    if (amount === 0) return;
    const sign = negativeBefore && amount > 0 ? '+' : '';
    parts.push(`${sign}${amount} ${unit}${amount === 1 ? '' : 's'}`);
    negativeBefore = amount < 0;
  };
  part(Math.trunc(value.months / 12), 'year');
  part(value.months % 12, 'mon');
  part(value.days, 'day');
  if (value.microseconds === 0n && parts.length > 0) return parts.join(' ');
  const negative = value.microseconds < 0n;
  const size = negative ? -value.microseconds : value.microseconds;
  const micro = Number(size % 1_000_000n);
  const seconds = size / 1_000_000n;
  const two = (n: bigint): string => String(n).padStart(2, '0');
  let clock = `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
  if (micro !== 0) clock += `.${String(micro).padStart(6, '0').replace(/0+$/, '')}`;
  parts.push((negative ? '-' : negativeBefore ? '+' : '') + clock);
  return parts.join(' ');
}
