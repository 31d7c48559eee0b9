/**
 * to_char for timestamps and intervals, and to_date and to_timestamp: templates of fields such as
 * YYYY, MM, HH24. A template is taken apart into fields and literal text; fields it knows but does
 * not offer are refused by name.
 */
import { sqlError, unsupported } from '../../src/base/error.ts';
import {
  civilFromDays,
  dayOf,
  daysFromCivil,
  daysInMonth,
  microsecondsOf,
  timeOf,
} from '../value/calendar.ts';
import type { Interval } from '../value/datum.ts';
import { offsetAt, offsetText, toLocal } from '../value/timezone.ts';
import type { Zone } from '../value/timezone.ts';
import { dayOfYear, isoWeek, isoWeekday, shownYear } from './datetime-fields.ts';
import { ordinal } from './number-format.ts';

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const romans = ['I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X', 'XI', 'XII'];

/** Fields by spelling, longest first, so that the first one that fits is meant. */
const spellings = [
  'Y,YYY',
  'YYYY',
  'IYYY',
  'MONTH',
  'Month',
  'month',
  'SSSSS',
  'SSSS',
  'HH24',
  'HH12',
  'IDDD',
  'A.M.',
  'P.M.',
  'a.m.',
  'p.m.',
  'B.C.',
  'A.D.',
  'b.c.',
  'a.d.',
  'YYY',
  'IYY',
  'MON',
  'Mon',
  'mon',
  'DAY',
  'Day',
  'day',
  'DDD',
  'TZH',
  'TZM',
  'FF1',
  'FF2',
  'FF3',
  'FF4',
  'FF5',
  'FF6',
  'AM',
  'PM',
  'am',
  'pm',
  'BC',
  'AD',
  'bc',
  'ad',
  'YY',
  'IY',
  'MM',
  'DY',
  'Dy',
  'dy',
  'DD',
  'ID',
  'HH',
  'MI',
  'SS',
  'MS',
  'US',
  'WW',
  'IW',
  'CC',
  'RM',
  'rm',
  'TZ',
  'tz',
  'OF',
  'Y',
  'I',
  'D',
  'W',
  'J',
  'Q',
] as const;

type Field = (typeof spellings)[number];

/** Spellings that may be written in any case. */
const anyCase = new Set<string>([
  'Y,YYY',
  'YYYY',
  'IYYY',
  'SSSSS',
  'SSSS',
  'HH24',
  'HH12',
  'IDDD',
  'YYY',
  'IYY',
  'DDD',
  'TZH',
  'TZM',
  'FF1',
  'FF2',
  'FF3',
  'FF4',
  'FF5',
  'FF6',
  'YY',
  'IY',
  'MM',
  'DD',
  'ID',
  'HH',
  'MI',
  'SS',
  'MS',
  'US',
  'WW',
  'IW',
  'CC',
  'OF',
  'Y',
  'I',
  'D',
  'W',
  'J',
  'Q',
]);

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'field';
      readonly field: Field;
      readonly fill: boolean;
      readonly suffix: '' | 'TH' | 'th';
    };

function fieldAt(text: string): Field | undefined {
  const upper = text.slice(0, 5).toUpperCase();
  return spellings.find((name) =>
    anyCase.has(name) ? upper.startsWith(name) : text.startsWith(name),
  );
}

/** Takes a template apart. */
function parse(template: string): Piece[] {
  const pieces: Piece[] = [];
  let fill = false;
  for (let at = 0; at < template.length;) {
    const rest = template.slice(at);
    const quoted = /^"((?:[^"\\]|\\.)*)"?/s.exec(rest);
    if (quoted !== null) {
      pieces.push({ kind: 'text', text: quoted[1].replace(/\\(.)/gs, '$1') });
      at += quoted[0].length;
    } else if (/^FM/i.test(rest)) {
      fill = true;
      at += 2;
    } else if (/^(?:TM|FX)/.test(rest)) throw unsupported(`the date format ${rest.slice(0, 2)}`);
    else {
      const field = fieldAt(rest);
      if (field === undefined) {
        const c = rest.startsWith('\\"') ? '\\"' : String.fromCodePoint(rest.codePointAt(0) ?? 0);
        pieces.push({ kind: 'text', text: c === '\\"' ? '"' : c });
        at += c.length;
        continue;
      }
      at += field.length;
      const ending = template.slice(at, at + 2);
      const suffix = ending === 'TH' || ending === 'th' ? ending : '';
      pieces.push({ kind: 'field', field, fill, suffix });
      at += suffix.length;
      fill = false;
    }
  }
  return pieces;
}

/** What fields are read from. */
interface Moment {
  readonly day: number;
  readonly time: number;
  readonly year: number;
  readonly month: number;
  readonly dayOfMonth: number;
  /** The zone of a moment and its offset there in seconds; null for a plain timestamp. */
  readonly zone: { readonly name: string; readonly offset: number } | null;
}

function zeros(value: number, width: number, fill: boolean): string {
  const text = String(Math.abs(value)).padStart(fill ? 0 : width, '0');
  return value < 0 ? `-${text}` : text;
}

function cased(word: string, spelling: string, width: number, fill: boolean): string {
  const text =
    spelling === spelling.toUpperCase()
      ? word.toUpperCase()
      : spelling === spelling.toLowerCase()
        ? word.toLowerCase()
        : word;
  return fill ? text : text.padEnd(width);
}

function timeFields(field: Field, time: number, fill: boolean): string | undefined {
  const hour = Math.trunc(time / 3_600_000_000);
  const micro = time % 1_000_000;
  const half = hour % 24 >= 12;
  switch (field) {
    case 'HH24':
      return zeros(hour, 2, fill);
    case 'HH':
    case 'HH12':
      return zeros(hour % 12 === 0 ? 12 : hour % 12, 2, fill);
    case 'MI':
      return zeros(Math.trunc(time / 60_000_000) % 60, 2, fill);
    case 'SS':
      return zeros(Math.trunc(time / 1_000_000) % 60, 2, fill);
    case 'MS':
      return String(Math.trunc(micro / 1000)).padStart(3, '0');
    case 'US':
      return String(micro).padStart(6, '0');
    case 'SSSS':
    case 'SSSSS':
      return String(Math.trunc(time / 1_000_000));
    case 'AM':
    case 'PM':
      return half ? 'PM' : 'AM';
    case 'am':
    case 'pm':
      return half ? 'pm' : 'am';
    case 'A.M.':
    case 'P.M.':
      return half ? 'P.M.' : 'A.M.';
    case 'a.m.':
    case 'p.m.':
      return half ? 'p.m.' : 'a.m.';
    default: {
      const digits = /^FF(\d)$/.exec(field)?.[1];
      return digits === undefined
        ? undefined
        : String(micro).padStart(6, '0').slice(0, Number(digits));
    }
  }
}

/** The last digits of a year. */
function yearDigits(year: number, width: number, fill: boolean): string {
  return zeros(width === 4 ? year : Math.abs(year) % 10 ** width, width, fill);
}

function yearFields(field: Field, { year, day }: Moment, fill: boolean): string | undefined {
  const shown = Math.abs(shownYear(year));
  const iso = Math.abs(shownYear(isoWeek(day).year));
  switch (field) {
    case 'Y,YYY':
      return `${Math.trunc(shown / 1000)},${String(shown % 1000).padStart(3, '0')}`;
    case 'YYYY':
    case 'YYY':
    case 'YY':
    case 'Y':
      return yearDigits(shown, field.length, fill);
    case 'IYYY':
    case 'IYY':
    case 'IY':
    case 'I':
      return yearDigits(iso, field.length, fill);
    case 'CC': {
      const century = year > 0 ? Math.trunc((year - 1) / 100) + 1 : Math.trunc(year / 100) - 1;
      return zeros(century, 2, fill);
    }
    case 'BC':
    case 'AD':
      return year <= 0 ? 'BC' : 'AD';
    case 'bc':
    case 'ad':
      return year <= 0 ? 'bc' : 'ad';
    case 'B.C.':
    case 'A.D.':
      return year <= 0 ? 'B.C.' : 'A.D.';
    case 'b.c.':
    case 'a.d.':
      return year <= 0 ? 'b.c.' : 'a.d.';
    default:
      return undefined;
  }
}

function dayFields(field: Field, moment: Moment, fill: boolean): string | undefined {
  const { day, month, dayOfMonth } = moment;
  const weekday = isoWeekday(day) % 7;
  switch (field) {
    case 'MONTH':
    case 'Month':
    case 'month':
      return cased(months[month - 1], field, 9, fill);
    case 'MON':
    case 'Mon':
    case 'mon':
      return cased(months[month - 1].slice(0, 3), field, 3, fill);
    case 'DAY':
    case 'Day':
    case 'day':
      return cased(weekdays[weekday], field, 9, fill);
    case 'DY':
    case 'Dy':
    case 'dy':
      return cased(weekdays[weekday].slice(0, 3), field, 3, fill);
    case 'RM':
    case 'rm':
      return cased(romans[month - 1], field, 4, fill);
    case 'MM':
      return zeros(month, 2, fill);
    case 'DD':
      return zeros(dayOfMonth, 2, fill);
    case 'DDD':
      return zeros(dayOfYear(day), 3, fill);
    case 'IDDD':
      return zeros((isoWeek(day).week - 1) * 7 + isoWeekday(day), 3, fill);
    case 'D':
      return String(weekday + 1);
    case 'ID':
      return String(isoWeekday(day));
    case 'WW':
      return zeros(Math.trunc((dayOfYear(day) - 1) / 7) + 1, 2, fill);
    case 'IW':
      return zeros(isoWeek(day).week, 2, fill);
    case 'W':
      return String(Math.trunc((dayOfMonth - 1) / 7) + 1);
    case 'Q':
      return String(Math.trunc((month - 1) / 3) + 1);
    case 'J':
      return String(day + 2_451_545);
    default:
      return undefined;
  }
}

/** Letters of zones are known for UTC and for offsets, which are their own name. */
function zoneFields(field: Field, zone: Moment['zone']): string {
  const offset = zone?.offset ?? 0;
  const size = Math.abs(offset);
  switch (field) {
    case 'TZ':
    case 'tz': {
      if (zone === null) return '';
      const letters = /^[A-Z]+$|^[+-][\d:]+$/.exec(zone.name)?.[0];
      if (letters === undefined) throw unsupported(`the letters of time zone ${zone.name}`);
      return field === 'TZ' ? letters : letters.toLowerCase();
    }
    case 'TZM':
      return zeros(Math.trunc((size % 3600) / 60), 2, false);
    case 'TZH':
      return (offset < 0 ? '-' : '+') + zeros(Math.trunc(size / 3600), 2, false);
    default:
      return offsetText(offset);
  }
}

function render(pieces: readonly Piece[], moment: Moment): string {
  return pieces
    .map((piece) => {
      if (piece.kind === 'text') return piece.text;
      const { field, fill, suffix } = piece;
      const text =
        timeFields(field, moment.time, fill) ??
        yearFields(field, moment, fill) ??
        dayFields(field, moment, fill) ??
        zoneFields(field, moment.zone);
      return suffix === ''
        ? text
        : text + (suffix === 'TH' ? ordinal(text).toUpperCase() : ordinal(text));
    })
    .join('');
}

/** A timestamp, or a moment as local time of a zone, by a template. */
export function formatMoment(microseconds: bigint, template: string, zone: Zone | null): string {
  const local = zone === null ? microseconds : toLocal(zone, microseconds);
  const day = dayOf(local);
  const { year, month, day: dayOfMonth } = civilFromDays(day);
  return render(parse(template), {
    day,
    time: timeOf(local),
    year,
    month,
    dayOfMonth,
    zone: zone === null ? null : { name: zone.name, offset: offsetAt(zone, microseconds) },
  });
}

/** An interval by a template of years, months, days and times. */
export function formatSpan(value: Interval, template: string): string {
  const time = Number(value.microseconds);
  return parse(template)
    .map((piece) => {
      if (piece.kind === 'text') return piece.text;
      const { field, fill } = piece;
      switch (field) {
        case 'YYYY':
          return zeros(Math.trunc(value.months / 12), 4, fill);
        case 'MM':
          return zeros(value.months % 12, 2, fill);
        case 'DD':
          return zeros(value.days, 2, fill);
        default: {
          const text = time < 0 ? undefined : timeFields(field, time, fill);
          if (text === undefined)
            throw unsupported(`to_char of an interval with the format ${field}`);
          return text;
        }
      }
    })
    .join('');
}

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

class Reader {
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
    const pieces = parse(template);
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
      if (field === 'MS') values.micro = Math.round(value * 10 ** (6 - (this.#at - start)));
      if (field === 'US') values.micro = Math.round(value * 10 ** (6 - (this.#at - start)));
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
  return new Reader(text).read(template);
}
