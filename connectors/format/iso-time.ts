/**
 * Dates and times in the usual ISO 8601 forms, from bytes: `YYYY-MM-DD`, then optionally `T` or a
 * blank and `HH:MM[:SS[.f]]` with up to six digits of fraction, then optionally `Z` or
 * `±HH[[:]MM[[:]SS]]`. Time alone is `HH:MM…`. This is a fast path only: whatever it does not take
 * (other forms, values out of range, 24:00, second 60) goes to the full reader, which reads it or
 * says what is wrong.
 *
 * A reading is kept in two exact parts: days since 2000-01-01 and microseconds of the day (which a
 * zone can push below zero or past a day); `writeMicroseconds` joins them to an int64 as two words.
 */
import { isDigit } from './json-cursor.ts';

/** 86,400,000,000 microseconds a day = `dayHigh` * 2^32 + `dayLow`. */
const dayHigh = 20;
const dayLow = 500_654_080;
const two32 = 2 ** 32;
const secondMicroseconds = 1_000_000;
/** From 0000-03-01 to 2000-01-01. */
const epochDays = 730_425;
/** Microseconds of the last of this many digits. */
const fractionUnits = [0, 100_000, 10_000, 1_000, 100, 10, 1];
const monthDays = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Days from 2000-01-01 to a date of the proleptic Gregorian calendar (Howard Hinnant's
 * `days_from_civil`).
 */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 +
    ofEra * 365 +
    Math.floor(ofEra / 4) -
    Math.floor(ofEra / 100) +
    ofYear -
    epochDays
  );
}

function daysInMonth(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : monthDays[month];
}

/** The last date or time that was read; a reader is reused for ever. */
export class IsoTime {
  /** Days since 2000-01-01. */
  days = 0;
  /** Microseconds of that day, before the zone is taken into account. */
  microseconds = 0;
  hasTime = false;
  hasZone = false;
  /** Seconds east of Greenwich. */
  zone = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** Reads a date with or without time; false if it is not in the usual form. */
  readDate(bytes: Uint8Array, from: number, to: number): boolean {
    this.#open(bytes, from, to);
    if (to - from < 10 || bytes[from + 4] !== 0x2d || bytes[from + 7] !== 0x2d) return false;
    const high = this.#two(from);
    const low = this.#two(from + 2);
    const month = this.#two(from + 5);
    const day = this.#two(from + 8);
    const year = high * 100 + low;
    if (high < 0 || low < 0 || year === 0 || month < 1 || month > 12) return false;
    if (day < 1 || day > daysInMonth(year, month)) return false;
    this.days = daysOf(year, month, day);
    this.#at = from + 10;
    if (this.#at === to) return true;
    const separator = bytes[this.#at];
    if (separator === 0x54 || separator === 0x74 || separator === 0x20) {
      this.#at++;
      return this.#time();
    }
    return false;
  }

  /** Reads a time of day, or the time part of a timestamp. */
  readTime(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from > 10 && bytes[from + 4] === 0x2d) return this.readDate(bytes, from, to);
    this.#open(bytes, from, to);
    return this.#time();
  }

  #open(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    this.days = 0;
    this.microseconds = 0;
    this.hasTime = false;
    this.hasZone = false;
    this.zone = 0;
  }

  /** The number of two digits at `at`, or -1. */
  #two(at: number): number {
    if (at + 2 > this.#end) return -1;
    const tens = this.#bytes[at] - 0x30;
    const units = this.#bytes[at + 1] - 0x30;
    return tens >= 0 && tens <= 9 && units >= 0 && units <= 9 ? tens * 10 + units : -1;
  }

  #is(byte: number): boolean {
    return this.#at < this.#end && this.#bytes[this.#at] === byte;
  }

  #time(): boolean {
    const hour = this.#two(this.#at);
    const minute = this.#two(this.#at + 3);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || this.#bytes[this.#at + 2] !== 0x3a)
      return false;
    this.#at += 5;
    let second = 0;
    let fraction = 0;
    if (this.#is(0x3a)) {
      second = this.#two(this.#at + 1);
      if (second < 0 || second > 59) return false;
      this.#at += 3;
      if (this.#is(0x2e)) {
        fraction = this.#fraction();
        if (fraction < 0) return false;
      }
    }
    this.hasTime = true;
    this.microseconds = ((hour * 60 + minute) * 60 + second) * secondMicroseconds + fraction;
    return this.#zone();
  }

  /**
   * Microseconds of the fraction that starts with the point at `#at`; -1 unless it has one to six
   * digits.
   */
  #fraction(): number {
    const from = this.#at + 1;
    let p = from;
    let value = 0;
    for (; p < this.#end && isDigit(this.#bytes[p]); p++)
      value = value * 10 + this.#bytes[p] - 0x30;
    const digits = p - from;
    if (digits < 1 || digits > 6) return -1;
    this.#at = p;
    return value * fractionUnits[digits];
  }

  #zone(): boolean {
    if (this.#at === this.#end) return true;
    const sign = this.#bytes[this.#at++];
    this.hasZone = true;
    if (sign === 0x5a || sign === 0x7a) return this.#at === this.#end;
    if (sign !== 0x2b && sign !== 0x2d) return false;
    let seconds = 0;
    for (let unit = 3600; unit > 0; unit = unit === 3600 ? 60 : unit === 60 ? 1 : 0) {
      if (unit < 3600 && this.#at === this.#end) break;
      if (unit < 3600 && this.#is(0x3a)) this.#at++;
      const part = this.#two(this.#at);
      if (part < 0 || part > (unit === 3600 ? 15 : 59)) return false;
      this.#at += 2;
      seconds += part * unit;
    }
    this.zone = sign === 0x2b ? seconds : -seconds;
    return this.#at === this.#end;
  }
}

/** Writes days * 86,400,000,000 + `microseconds` as an int64 (low word first) at `words[at]`. */
export function writeMicroseconds(
  words: Int32Array,
  at: number,
  days: number,
  microseconds: number,
): void {
  const low = days * dayLow + microseconds;
  const carry = Math.floor(low / two32);
  words[at] = low - carry * two32;
  words[at + 1] = days * dayHigh + carry;
}

/** Writes a time in milliseconds since 1970 as microseconds since 2000. */
export function writeUnixMilliseconds(words: Int32Array, at: number, milliseconds: number): void {
  const dayMilliseconds = 86_400_000;
  const days = Math.floor(milliseconds / dayMilliseconds);
  writeMicroseconds(words, at, days - 10_957, (milliseconds - days * dayMilliseconds) * 1000);
}
