/**
 * Reading dates and times: from text to fields, with the variety that Postgres accepts.
 *
 * Two stages as there. `lexDatetime` cuts the text into tokens by shape (date, time, number, zone
 * offset, word). `decodeDatetime` takes them in order and gives each a meaning by what is still
 * missing: a number of six digits or more is a whole date or time, one of three or more a year, and
 * otherwise month, day, year follow each other (DateStyle MDY). Nothing may be said twice.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { civilFromDays, daysInMonth } from './calendar.ts';
import type { Zone } from './timezone.ts';
import { abbreviationOffset, fixedZone, fullZone, namedZone } from './timezone.ts';

/** A piece of a date or interval text. */
export interface DatetimeToken {
  readonly kind: 'date' | 'time' | 'number' | 'offset' | 'word';
  /** Words are in lower case; dates that begin with a letter keep theirs. */
  readonly text: string;
}

/** Which words stand for a moment rather than for a part of one. */
export type SpecialMoment =
  'infinity' | '-infinity' | 'epoch' | 'now' | 'today' | 'tomorrow' | 'yesterday';

/** What a text says; parts that it does not name are undefined. */
export interface DatetimeFields {
  special?: SpecialMoment;
  year?: number;
  month?: number;
  day?: number;
  /** Microseconds of the day; 86,400,000,000 for 24:00. */
  time?: number;
  zone?: Zone;
}

/** 22007: not a value of the type. */
export function invalidDatetime(sqlName: string, text: string): SqlError {
  return sqlError('22007', `invalid input syntax for type ${sqlName}: "${text}"`);
}

/** 22008: a field is out of range. */
export function datetimeOverflow(text: string, monthOrDay = false): SqlError {
  const hint = 'Perhaps you need a different "datestyle" setting.';
  return sqlError(
    '22008',
    `date/time field value out of range: "${text}"`,
    monthOrDay ? { hint } : {},
  );
}

/** Words that end where a digit begins; other words with digits behind them are zones (EST5EDT). */
const coreWords = [
  'ad|allballs|am|apr|april|at|aug|august|bc|d|dec|december|dow|doy|dst|epoch|feb',
  'february|fri|friday|h|infinity|isodow|isoyear|j|jan|january|jd|jul|julian|july|jun',
  'june|m|mar|march|may|mm|mon|monday|nov|november|now|oct|october|on|pm|s|sat|saturday',
  'sep|sept|september|sun|sunday|t|thu|thur|thurs|thursday|today|tomorrow|tue|tues',
  'tuesday|wed|wednesday|weds|y|yesterday',
].join('|');

const tokenShapes: readonly (readonly [DatetimeToken['kind'], RegExp])[] = [
  ['time', /[0-9]+:[0-9:.]*/y],
  ['date', /[0-9]+([-/.])(?:[0-9]+(?:\1(?:[0-9]|\1)*)?|[A-Za-z](?:[0-9A-Za-z]|\1)*)/y],
  ['number', /[0-9]+\.?[0-9]*|\.[0-9]+/y],
  ['offset', /[+-][ \t-\r]*[0-9.][0-9:.-]*/y],
  ['word', /[+-][ \t-\r]*[A-Za-z]+/y],
  ['date', /[A-Za-z]+[-/.][0-9A-Za-z_+:/.-]*/y],
  ['date', new RegExp(`(?!(?:${coreWords})[0-9+])[a-z]+[0-9+][0-9a-z_+:/.-]*`, 'iy')],
  ['word', /[A-Za-z]+/y],
];

/** Cuts a text into tokens; null if a character fits none. */
export function lexDatetime(text: string): DatetimeToken[] | null {
  if (text.length > limits.datetimeTextMax) return null;
  const tokens: DatetimeToken[] = [];
  let at = 0;
  next: while (at < text.length) {
    const c = text[at];
    if (/[ \t-\r]/.test(c) || (/[!-/:-@[-`{-~]/.test(c) && !/[+\-.]/.test(c))) {
      at++;
      continue;
    }
    for (const [kind, shape] of tokenShapes) {
      shape.lastIndex = at;
      const found = shape.exec(text)?.[0];
      if (found === undefined) continue;
      at += found.length;
      tokens.push(tokenOf(kind, found));
      continue next;
    }
    return null;
  }
  return tokens.length > 25 ? null : tokens;
}

function tokenOf(kind: DatetimeToken['kind'], found: string): DatetimeToken {
  const text = found.replace(/[ \t-\r]+/g, '');
  if (kind === 'date' && /^[0-9]+\.[0-9]*$/.test(text)) return { kind: 'number', text };
  return { kind, text: kind === 'date' ? text : text.toLowerCase() };
}

const monthNames = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];
const dayNames = new Set([
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sun',
  'mon',
  'tue',
  'wed',
  'thu',
  'fri',
  'sat',
  'tues',
  'weds',
  'thur',
  'thurs',
]);
const specials = new Map<string, SpecialMoment>([
  ['infinity', 'infinity'],
  ['-infinity', '-infinity'],
  ['epoch', 'epoch'],
  ['now', 'now'],
  ['today', 'today'],
  ['tomorrow', 'tomorrow'],
  ['yesterday', 'yesterday'],
]);

/** Month 1–12 of a name or its three letters, or 0. */
function monthOf(word: string): number {
  if (word === 'sept') return 9;
  return monthNames.findIndex((name) => name === word || name.slice(0, 3) === word) + 1;
}

/** Microseconds of a fraction such as `.25` (or the empty text), rounded half to even. */
export function fractionMicroseconds(text: string): number {
  if (text === '' || text === '.') return 0;
  const scaled = Number(`0${text}`) * 1e6;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** What is wrong with a text; the caller words it for its type. */
export type DatetimeFault = 'format' | 'range' | 'monthDay' | 'offset' | { readonly zone: string };

class Fault extends Error {
  readonly fault: DatetimeFault;

  constructor(fault: DatetimeFault) {
    super('datetime fault');
    this.fault = fault;
  }
}

/**
 * The fields of a text. `timeOnly`: bare numbers are times. Throws SqlError worded for the type
 * `sqlName`.
 */
export function decodeDatetime(sqlName: string, text: string, timeOnly: boolean): DatetimeFields {
  const tokens = lexDatetime(text);
  if (tokens === null) throw invalidDatetime(sqlName, text);
  try {
    return new Decoder(timeOnly).decode(tokens);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { fault } = error;
    if (fault === 'format') throw invalidDatetime(sqlName, text);
    if (fault === 'offset')
      throw sqlError('22009', `time zone displacement out of range: "${text}"`);
    if (typeof fault !== 'object') throw datetimeOverflow(text, fault === 'monthDay');
    throw sqlError('22023', `time zone "${fault.zone.toLowerCase()}" not recognized`);
  }
}

class Decoder {
  readonly #timeOnly: boolean;
  #fields: DatetimeFields = {};
  #textMonth = false;
  #shortYear = false;
  #beforeChrist = false;
  #era = false;
  #meridian: 'am' | 'pm' | undefined;
  #timeNext = false;
  #julianNext = false;
  #isJulian = false;

  constructor(timeOnly: boolean) {
    this.#timeOnly = timeOnly;
  }

  decode(tokens: readonly DatetimeToken[]): DatetimeFields {
    for (const token of tokens) this.#token(token);
    const fields = this.#fields;
    if (this.#timeNext || this.#julianNext) throw new Fault('format');
    if (fields.special !== undefined) {
      if (fields.year !== undefined || fields.month !== undefined) throw new Fault('format');
      return fields;
    }
    this.#applyMeridian();
    const dated =
      fields.year !== undefined || fields.month !== undefined || fields.day !== undefined;
    if (dated) this.#checkDate();
    if (!dated && !this.#timeOnly) throw new Fault('format');
    if (this.#timeOnly && fields.time === undefined) throw new Fault('format');
    return fields;
  }

  #token(token: DatetimeToken): void {
    switch (token.kind) {
      case 'time':
        return this.#setTime(clockTime(token.text));
      case 'offset':
        return this.#setZone(fixedZone(offsetSeconds(token.text)));
      case 'number':
        return this.#number(token.text);
      case 'date':
        return this.#date(token.text);
      case 'word':
        return this.#word(token.text);
    }
  }

  #setTime(time: number): void {
    if (this.#fields.time !== undefined) throw new Fault('format');
    this.#fields.time = time;
    this.#timeNext = false;
  }

  #setZone(zone: Zone): void {
    if (this.#fields.zone !== undefined) throw new Fault('format');
    this.#fields.zone = zone;
  }

  #set(field: 'year' | 'month' | 'day', value: number): void {
    if (this.#fields[field] !== undefined) throw new Fault('format');
    this.#fields[field] = value;
  }

  get #hasDate(): boolean {
    const { year, month, day } = this.#fields;
    return year !== undefined && month !== undefined && day !== undefined;
  }

  #date(text: string): void {
    const isName =
      !/^[0-9]/.test(text) && monthOf(/^[A-Za-z]+/.exec(text)?.[0].toLowerCase() ?? '') === 0;
    if (isName || this.#hasDate) {
      const zone = fullZone(text);
      if (zone === undefined) {
        if (/^[0-9]/.test(text) || (!this.#hasDate && !this.#timeOnly)) throw new Fault('format');
        throw new Fault({ zone: text });
      }
      if (!this.#hasDate) throw new Fault('format');
      return this.#setZone(zone);
    }
    const parts = text.split(/[^0-9A-Za-z]+/).filter((part) => part !== '');
    const pieces = parts.flatMap((part) => part.match(/[0-9]+|[A-Za-z]+/g) ?? []);
    for (const piece of pieces) {
      if (/^[0-9]/.test(piece)) continue;
      const month = monthOf(piece.toLowerCase());
      if (month === 0) throw new Fault('format');
      this.#set('month', month);
      this.#textMonth = true;
    }
    for (const piece of pieces) if (/^[0-9]/.test(piece)) this.#datePart(piece);
    if (!this.#hasDate) throw new Fault('format');
  }

  /** A number inside a date or alone: year, month or day by what is missing. */
  #datePart(digits: string): void {
    const fields = this.#fields;
    const value = Number(digits);
    if (value > 0x7fffffff) throw new Fault('range');
    const { year, month, day } = fields;
    if (
      digits.length === 3 &&
      year !== undefined &&
      month === undefined &&
      value >= 1 &&
      value <= 366
    ) {
      return this.#dayOfYear(value);
    }
    if (year === undefined && month === undefined && day === undefined) {
      return digits.length >= 3 ? this.#setYear(digits) : this.#set('month', value);
    }
    if (this.#textMonth && year === undefined && day === undefined) {
      return digits.length >= 3 ? this.#setYear(digits) : this.#set('day', value);
    }
    if (this.#textMonth && year !== undefined && digits.length >= 3 && this.#shortYear) {
      fields.day = year;
      delete fields.year;
      return this.#setYear(digits);
    }
    if (month === undefined) return this.#set('month', value);
    if (day === undefined) return this.#set('day', value);
    return this.#setYear(digits);
  }

  #setYear(digits: string): void {
    this.#set('year', Number(digits));
    this.#shortYear = digits.length <= 2;
  }

  #dayOfYear(value: number): void {
    const year = this.#fields.year ?? 0;
    let month = 1;
    let rest = value;
    while (month < 12 && rest > daysInMonth(year, month)) rest -= daysInMonth(year, month++);
    this.#set('month', month);
    this.#set('day', rest);
  }

  #number(text: string): void {
    const [whole = '', fraction] = text.split('.');
    if (this.#julianNext) return this.#julian(whole, fraction);
    if (this.#timeNext || (this.#timeOnly && !this.#partialDate)) {
      return this.#setTime(compactTime(whole, fraction));
    }
    if (this.#hasDate) return this.#setTime(compactTime(whole, fraction));
    if (fraction !== undefined) {
      if (!this.#partialDate && fraction.length === 3) {
        this.#setYear(whole);
        return this.#datePart(fraction);
      }
      throw new Fault('format');
    }
    if (whole.length >= 6) return this.#compactDate(whole);
    this.#datePart(whole);
  }

  /** A Julian day number, whose fraction is a part of the day. */
  #julian(whole: string, fraction: string | undefined): void {
    const { year, month, day } = civilFromDays(Number(whole) - 2_451_545);
    this.#set('year', year);
    this.#set('month', month);
    this.#set('day', day);
    this.#julianNext = false;
    this.#isJulian = true;
    if (fraction !== undefined) this.#setTime(Math.round(Number(`0.${fraction}`) * 86_400e6));
  }

  get #partialDate(): boolean {
    return (
      this.#fields.year !== undefined ||
      this.#fields.month !== undefined ||
      this.#fields.day !== undefined
    );
  }

  /** YYYYMMDD, or YYMMDD. */
  #compactDate(digits: string): void {
    const year = digits.slice(0, -4);
    if (Number(year) > 0x7fffffff) throw new Fault('range');
    this.#setYear(year);
    this.#set('month', Number(digits.slice(-4, -2)));
    this.#set('day', Number(digits.slice(-2)));
  }

  #word(word: string): void {
    const special = specials.get(word);
    const month = monthOf(word);
    if (special !== undefined) {
      if (this.#fields.special !== undefined) throw new Fault('format');
      this.#fields.special = special;
    } else if (month > 0) {
      this.#textMonthWord(month);
    } else if (word === 'am' || word === 'pm') {
      if (this.#meridian !== undefined) throw new Fault('format');
      this.#meridian = word;
    } else if (word === 'ad' || word === 'bc') {
      if (this.#era) throw new Fault('format');
      this.#era = true;
      this.#beforeChrist = word === 'bc';
    } else if (word === 'allballs') {
      this.#setTime(0);
      this.#setZone(fixedZone(0));
    } else if (word === 't') {
      this.#timeNext = true;
    } else if (word === 'j' || word === 'jd' || word === 'julian') {
      this.#julianNext = true;
    } else if (!dayNames.has(word) && word !== 'at' && word !== 'on') {
      this.#zoneWord(word);
    }
  }

  /** A month by name; a number that was taken for the month before is then the day. */
  #textMonthWord(month: number): void {
    const fields = this.#fields;
    if (!this.#textMonth && fields.month !== undefined && fields.day === undefined) {
      fields.day = fields.month;
      delete fields.month;
    }
    this.#set('month', month);
    this.#textMonth = true;
  }

  #zoneWord(word: string): void {
    const offset = abbreviationOffset(word);
    if (offset !== undefined) return this.#setZone(fixedZone(offset));
    const zone = namedZone(word);
    if (zone === undefined) throw new Fault('format');
    this.#setZone(zone);
  }

  #applyMeridian(): void {
    if (this.#meridian === undefined) return;
    if (this.#timeOnly && this.#fields.time === undefined) throw new Fault('format');
    const time = this.#fields.time ?? 0;
    const hour = 3_600_000_000;
    if (time >= 13 * hour) throw new Fault('range');
    if (this.#meridian === 'pm' && time < 12 * hour) this.#fields.time = time + 12 * hour;
    if (this.#meridian === 'am' && time >= 12 * hour) this.#fields.time = time - 12 * hour;
  }

  #checkDate(): void {
    const fields = this.#fields;
    const { year, month, day } = fields;
    if (year !== undefined) this.#checkYear(year);
    const fits =
      (month === undefined || (month >= 1 && month <= 12)) &&
      (day === undefined || (day >= 1 && day <= 31));
    if (!fits) throw new Fault('monthDay');
    if (year === undefined || month === undefined || day === undefined) throw new Fault('format');
    if (day > daysInMonth(fields.year ?? year, month)) throw new Fault('range');
  }

  /** Gives a short year its century and a year BC its number. */
  #checkYear(year: number): void {
    const fields = this.#fields;
    if (this.#beforeChrist) {
      if (year <= 0) throw new Fault('range');
      fields.year = 1 - year;
    } else if (this.#shortYear) fields.year = year < 70 ? year + 2000 : year + 1900;
    else if (year <= 0 && !this.#isJulian) throw new Fault('range');
  }
}

/** Microseconds of a day written hh:mm[:ss[.fff]] or mm:ss.fff. */
function clockTime(text: string): number {
  const match = /^(\d+):(\d+)(?::(\d+)(\.\d*)?)?$/.exec(text);
  const short = /^(\d+):(\d+)(\.\d*)$/.exec(text);
  if (short !== null) return timeOfDay(0, Number(short[1]), Number(short[2]), short[3]);
  if (match === null) throw new Fault('format');
  return timeOfDay(Number(match[1]), Number(match[2]), Number(match[3] ?? 0), match[4] ?? '');
}

/** Microseconds of a day written hhmmss[.fff] or hhmm. */
function compactTime(digits: string, fraction: string | undefined): number {
  if (digits.length !== 6 && (digits.length !== 4 || fraction !== undefined))
    throw new Fault('format');
  const [hour, minute, second] = [0, 2, 4].map((k) => Number(digits.slice(k, k + 2)));
  return timeOfDay(hour, minute, second, fraction === undefined ? '' : `.${fraction}`);
}

function timeOfDay(hour: number, minute: number, second: number, fraction: string): number {
  const micro = fractionMicroseconds(fraction);
  const late = hour === 24 && (minute > 0 || second > 0 || micro > 0);
  if (hour > 24 || minute > 59 || second > 60 || late) throw new Fault('range');
  return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro;
}

/** Seconds east of an offset: +hh, +hhmm, +hh:mm[:ss]. */
function offsetSeconds(text: string): number {
  const match = /^([+-])(?:(\d+):(\d+)(?::(\d+))?|(\d+))$/.exec(text);
  if (match === null)
    throw new Fault(Number(/\d*/.exec(text.slice(1))?.[0]) > 15 ? 'offset' : 'format');
  const bare = match[5];
  let hour = Number(match[2] ?? 0);
  let minute = Number(match[3] ?? 0);
  if (bare !== undefined) {
    const long = bare.length > 2;
    hour = Number(long ? bare.slice(0, -2) : bare);
    minute = long ? Number(bare.slice(-2)) : 0;
  }
  const second = Number(match[4] ?? 0);
  if (hour > 15 || minute > 59 || second > 59) throw new Fault('offset');
  const size = hour * 3600 + minute * 60 + second;
  return match[1] === '-' ? -size : size;
}
