/**
 * `to_char` of timestamps and intervals: the fields of a template filled from a moment or a span.
 * Fields that have no meaning for a value are refused by name.
 */
import { unsupported } from '../../src/base/error.ts';
import { civilFromDays, dayOf, timeOf } from '../value/calendar.ts';
import type { Interval } from '../value/datum.ts';
import { offsetAt, offsetText, toLocal } from '../value/timezone.ts';
import type { Zone } from '../value/timezone.ts';
import { dayOfYear, isoWeek, isoWeekday, shownYear } from './datetime-fields.ts';
import type { Field, Piece } from './datetime-template.ts';
import { months, parseTemplate, weekdays } from './datetime-template.ts';
import { ordinal } from './number-format.ts';

const romans = ['I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X', 'XI', 'XII'];

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
  return render(parseTemplate(template), {
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
  return parseTemplate(template)
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
