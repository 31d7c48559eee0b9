/**
 * `to_date` and `to_timestamp`: a text read under a template. Fields take digits up to their width,
 * or up to a separator; what they say is collected first and checked as one moment at the end.
 */
import { sqlError, unsupported } from '../../src/base/error.ts';
import { daysFromCivil, daysInMonth, microsecondsOf } from '../value/calendar.ts';
import type { Field } from './datetime-template.ts';
import { months, parseTemplate, weekdays } from './datetime-template.ts';

/** Values collected while reading. */
interface Collected {
  year: number | undefined;
  month: number;
  day: number;
  dayOfYear: number | undefined;
  hour: number;
  minute: number;
  second: number;
  micro: number;
  afternoon: boolean | undefined;
  bc: boolean;
}

function invalidValue(value: string, field: string): never {
  throw sqlError('22007', `invalid value "${value}" for "${field}"`);
}

/** Digits that a field takes at most when another field follows it directly. */
const widths = new Map<Field, number>([
  ['YYYY', 4],
  ['YYY', 3],
  ['YY', 2],
  ['Y', 1],
  ['MM', 2],
  ['DD', 2],
  ['DDD', 3],
  ['HH24', 2],
  ['HH12', 2],
  ['HH', 2],
  ['MI', 2],
  ['SS', 2],
  ['MS', 3],
  ['US', 6],
]);

class MomentReader {
  readonly #text: string;
  readonly #values: Collected = {
    year: undefined,
    month: 1,
    day: 1,
    dayOfYear: undefined,
    hour: 0,
    minute: 0,
    second: 0,
    micro: 0,
    afternoon: undefined,
    bc: false,
  };
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(template: string): bigint {
    const pieces = parseTemplate(template);
    pieces.forEach((piece, k) => {
      if (piece.kind === 'text') this.#separator(piece.text);
      else this.#field(piece.field, piece.fill, pieces[k + 1]?.kind === 'field');
    });
    return this.#moment();
  }

  /** A separator in the template lets one separator, and blanks, go by. */
  #separator(text: string): void {
    this.#blanks();
    if (/[\p{L}\d]/u.test(text)) this.#at += text.length;
    else if (/[^\p{L}\d\s+-]/u.test(this.#text[this.#at] ?? '') || /[-+]/.test(text)) {
      if (/[^\p{L}\d\s]/u.test(this.#text[this.#at] ?? '')) this.#at++;
    }
    this.#blanks();
  }

  #blanks(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #number(field: Field, bounded: boolean, fill: boolean): number {
    this.#blanks();
    const width =
      bounded && !fill
        ? (widths.get(field) ?? 10)
        : field.startsWith('Y') || !widths.has(field)
          ? 10
          : (widths.get(field) ?? 10);
    const match = new RegExp(`^[+-]?\\d{1,${width}}`).exec(this.#text.slice(this.#at));
    if (match === null) {
      if (this.#at >= this.#text.length) return Number.NaN;
      return invalidValue(this.#text.slice(this.#at, this.#at + width), field);
    }
    this.#at += match[0].length;
    return Number(match[0]);
  }

  #name(names: readonly string[], length: number, field: Field): number {
    this.#blanks();
    const rest = this.#text.slice(this.#at).toLowerCase();
    const found = names.findIndex((name) => rest.startsWith(name.toLowerCase().slice(0, length)));
    if (found < 0) return invalidValue(this.#text.slice(this.#at).split(/\s/)[0], field);
    this.#at += Math.min(names[found].length, length);
    return found;
  }

  #field(field: Field, fill: boolean, bounded: boolean): void {
    const values = this.#values;
    const take = (set: (value: number) => void): void => {
      const start = this.#at;
      const value = this.#number(field, bounded, fill);
      if (Number.isNaN(value)) return;
      set(value);
      if (field === 'MS' || field === 'US')
        values.micro = Math.round(value * 10 ** (6 - (this.#at - start)));
    };
    switch (field) {
      case 'YYYY':
        take((v) => (values.year = v));
        return;
      case 'YYY':
      case 'YY':
      case 'Y':
        take((v) => (values.year = v < 70 ? v + 2000 : v < 100 ? v + 1900 : v));
        return;
      case 'MM':
        take((v) => (values.month = v));
        return;
      case 'DD':
        take((v) => (values.day = v));
        return;
      case 'DDD':
        take((v) => (values.dayOfYear = v));
        return;
      case 'HH24':
      case 'HH12':
      case 'HH':
        take((v) => (values.hour = v));
        return;
      case 'MI':
        take((v) => (values.minute = v));
        return;
      case 'SS':
        take((v) => (values.second = v));
        return;
      case 'MS':
      case 'US':
        take(() => undefined);
        return;
      default:
        this.#word(field);
    }
  }

  #word(field: Field): void {
    const values = this.#values;
    switch (field.toUpperCase()) {
      case 'MONTH':
        values.month = this.#name(months, 20, field) + 1;
        return;
      case 'MON':
        values.month = this.#name(months, 3, field) + 1;
        return;
      case 'DAY':
        this.#name(weekdays, 20, field);
        return;
      case 'DY':
        this.#name(weekdays, 3, field);
        return;
      case 'AM':
      case 'PM':
        values.afternoon = this.#name(['am', 'pm'], 2, field) === 1;
        return;
      case 'A.M.':
      case 'P.M.':
        values.afternoon = this.#name(['a.m.', 'p.m.'], 4, field) === 1;
        return;
      case 'BC':
      case 'AD':
        values.bc = this.#name(['bc', 'ad'], 2, field) === 0;
        return;
      default:
        throw unsupported(`reading the date format ${field}`);
    }
  }

  #moment(): bigint {
    const values = this.#values;
    const outOfRange = (): never => {
      throw sqlError('22008', `date/time field value out of range: "${this.#text}"`);
    };
    let { hour } = values;
    if (values.afternoon !== undefined) {
      if (hour < 1 || hour > 12) {
        throw sqlError('22007', `hour "${hour}" is invalid for the 12-hour clock`);
      }
      hour = (hour % 12) + (values.afternoon ? 12 : 0);
    }
    const given = values.bc ? -(values.year ?? 0) : (values.year ?? 0);
    // There is no year 0: the year before 1 is −1, and both spellings of it mean the same.
    const year = given < 0 ? given + 1 : given;
    const { month, day } = values;
    if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return outOfRange();
    if (hour > 23 || values.minute > 59 || values.second > 59) return outOfRange();
    const number =
      values.dayOfYear === undefined
        ? daysFromCivil(year, month, day)
        : daysFromCivil(year, 1, 1) + values.dayOfYear - 1;
    const seconds = (hour * 60 + values.minute) * 60 + values.second;
    return microsecondsOf(number, seconds * 1_000_000 + values.micro);
  }
}

/** The moment that a text means under a template, as local time. */
export function readMoment(text: string, template: string): bigint {
  return new MomentReader(text).read(template);
}
