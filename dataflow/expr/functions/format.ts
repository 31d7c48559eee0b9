/** to_char, to_date, to_timestamp and to_number: values by templates. */
import { sqlError } from '../../../src/base/error.ts';
import { dayOf } from '../../value/calendar.ts';
import { isDate, isTimestamp } from '../../value/datetime-text.ts';
import type { Datum } from '../../value/datum.ts';
import { formatDecimal, parseDecimal, roundDecimal } from '../../value/decimal-text.ts';
import { decimal } from '../../value/datum.ts';
import { bigintOf, decimalOf, intervalOf, numberOf, stringOf } from '../../value/scalar-words.ts';
import { formatMoment, formatSpan } from '../datetime-format.ts';
import { readMoment } from '../datetime-read.ts';
import type { EvaluateInZone, FunctionEntry, SignatureType } from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { isInfiniteTimestamp } from '../interval-math.ts';
import { utc } from '../../value/timezone.ts';
import { instantOf } from './cast.ts';
import type { NumberTemplate } from '../number-format.ts';
import { formatNumber, numberTemplate } from '../number-format.ts';

function make(
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  description: string,
  evaluate: (values: readonly Datum[]) => Datum,
  nullable = false,
  inZone?: EvaluateInZone,
): FunctionEntry {
  return entry('formatting', name, args, result, description, evaluate, {
    nullable,
    ...(inZone === undefined ? {} : { inZone }),
  });
}

/** Digits without their sign laid over the template. */
function laid(template: NumberTemplate, text: string): string {
  const negative = text.startsWith('-');
  return formatNumber(template, negative ? text.slice(1) : text, negative);
}

function integerText(value: bigint, format: string): string {
  const template = numberTemplate(format);
  const shifted = value * 10n ** BigInt(template.multi);
  return laid(template, formatDecimal(roundDecimal(decimal(shifted, 0), template.post)));
}

function numericText(value: Datum, format: string): string {
  const template = numberTemplate(format);
  const given = decimalOf(value);
  if (given.form === 'finite') {
    const shifted = decimal(given.coefficient * 10n ** BigInt(template.multi), given.scale);
    return laid(template, formatDecimal(roundDecimal(shifted, template.post)));
  }
  return laid(template, given.form);
}

/** A double below 1e21 with so many decimals; exact halves go to the even digit, as in C. */
function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  const exact = value.toFixed(Math.min(100, decimals + 60));
  const end = exact.indexOf('.') + (decimals === 0 ? 0 : decimals + 1);
  const tail = exact.slice(end).replace('.', '');
  const cut = exact.slice(0, end);
  return /^50*$/.test(tail) && /[02468]$/.test(cut) ? cut : text;
}

/** Digits of a double beyond its precision are not shown. */
function doubleText(value: number, format: string, precision: number): string {
  const template = numberTemplate(format);
  const scaled = value * 10 ** template.multi;
  if (!Number.isFinite(scaled)) return laid(template, String(scaled));
  const whole =
    Math.abs(scaled) < 1e21 ? fixed(Math.abs(scaled), 0) : BigInt(Math.abs(scaled)).toString();
  template.post = Math.max(0, Math.min(template.post, precision - whole.length));
  const text = Math.abs(scaled) < 1e21 ? fixed(Math.abs(scaled), template.post) : whole;
  return laid(template, (scaled < 0 ? '-' : '') + text);
}

/** Reads a number by a template: digits, sign and point count, the rest goes by. */
function readNumber(text: string, format: string): Datum {
  const template = numberTemplate(format);
  const negative = /^\s*[-<]|-\s*$/.test(text);
  const cleaned = text.replace(/[^0-9.]/g, '');
  const [whole, fraction = ''] = cleaned.split('.');
  if (whole + fraction === '') {
    throw sqlError('22P02', `invalid input syntax for type numeric: " "`);
  }
  const decimals =
    template.decimal && fraction !== '' ? `.${fraction.slice(0, template.post)}` : '';
  const digits = `${negative ? '-' : ''}${whole === '' ? '0' : whole}${decimals}`;
  return parseDecimal(digits);
}

export const formatFunctions: readonly FunctionEntry[] = [
  ...(['timestamp', 'timestamptz'] as const).map((type) =>
    make(
      'to_char',
      [type, 'text'],
      'text',
      'The moment by a template such as YYYY-MM-DD HH24:MI:SS.',
      ([v, format]) =>
        isInfiniteTimestamp(bigintOf(v)) || format === ''
          ? null
          : formatMoment(bigintOf(v), stringOf(format), type === 'timestamptz' ? utc : null),
      true,
      type === 'timestamptz'
        ? ([v, format], zone) =>
            isInfiniteTimestamp(bigintOf(v)) || format === ''
              ? null
              : formatMoment(bigintOf(v), stringOf(format), zone)
        : undefined,
    ),
  ),
  make(
    'to_char',
    ['interval', 'text'],
    'text',
    'The interval by a template of YYYY, MM, DD and fields of time.',
    ([v, format]) => (format === '' ? null : formatSpan(intervalOf(v), stringOf(format))),
    true,
  ),
  make(
    'to_char',
    ['int4', 'text'],
    'text',
    'The number by a template such as 999,990.00.',
    ([v, f]) => integerText(BigInt(numberOf(v)), stringOf(f)),
  ),
  make(
    'to_char',
    ['int8', 'text'],
    'text',
    'The number by a template such as 999,990.00.',
    ([v, f]) => integerText(bigintOf(v), stringOf(f)),
  ),
  make(
    'to_char',
    ['numeric', 'text'],
    'text',
    'The number by a template such as 999,990.00.',
    ([v, f]) => numericText(v, stringOf(f)),
  ),
  make(
    'to_char',
    ['float4', 'text'],
    'text',
    'The number by a template such as 999,990.00.',
    ([v, f]) => doubleText(numberOf(v), stringOf(f), 6),
  ),
  make(
    'to_char',
    ['float8', 'text'],
    'text',
    'The number by a template such as 999,990.00.',
    ([v, f]) => doubleText(numberOf(v), stringOf(f), 15),
  ),
  make(
    'to_date',
    ['text', 'text'],
    'date',
    'The date that a text means under a template.',
    ([t, f]) => {
      const day = dayOf(readMoment(stringOf(t), stringOf(f)));
      if (!isDate(day)) throw sqlError('22008', `date out of range: "${stringOf(t)}"`);
      return day;
    },
  ),
  make(
    'to_timestamp',
    ['text', 'text'],
    'timestamptz',
    'The moment that a text means under a template.',
    ([t, f]) => {
      const moment = readMoment(stringOf(t), stringOf(f));
      if (!isTimestamp(moment)) throw sqlError('22008', 'timestamp out of range');
      return moment;
    },
    false,
    ([t, f], zone) => instantOf(zone, readMoment(stringOf(t), stringOf(f))),
  ),
  make(
    'to_number',
    ['text', 'text'],
    'numeric',
    'The number that a text means under a template.',
    ([t, f]) => readNumber(stringOf(t), stringOf(f)),
  ),
];
