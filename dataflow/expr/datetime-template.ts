/**
 * Templates of dates and times, taken apart into fields such as YYYY, MM, HH24 and literal text;
 * and the names that months and days of the week have in them.
 */
import { unsupported } from '../../src/base/error.ts';

export const months = [
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
export const weekdays = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
];

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

export type Field = (typeof spellings)[number];

/** Words say by their case how they are printed; all other spellings may have any case. */
const anyCase = new Set<Field>(
  spellings.filter(
    (name) => spellings.filter((other) => other.toUpperCase() === name.toUpperCase()).length === 1,
  ),
);

export type Piece =
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

/** Takes a template apart. Throws 0A000 for patterns that are known but not offered. */
export function parseTemplate(template: string): Piece[] {
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
