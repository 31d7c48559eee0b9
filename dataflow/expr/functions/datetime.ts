/**
 * Dates, times, timestamps and intervals: arithmetic, fields, construction. Timestamps with time
 * zone are computed with as in a session whose zone is UTC, or in the zone given.
 */
import { sqlError } from '../../../src/base/error.ts';
import type { SqlError } from '../../../src/base/error.ts';
import { daysFromCivil, daysInMonth, microsecondsOf } from '../../value/calendar.ts';
import {
  dateInfinity,
  dateMinusInfinity,
  isDate,
  isTimestamp,
  timestampInfinity,
  timestampMinusInfinity,
} from '../../value/datetime-text.ts';
import type { Datum, Interval } from '../../value/datum.ts';
import { interval } from '../../value/datum.ts';
import { formatInterval } from '../../value/interval-text.ts';
import { bigintOf, intervalOf, numberOf, stringOf } from '../../value/scalar-words.ts';
import { fixedZone, toInstant, toLocal, utc, zoneByName } from '../../value/timezone.ts';
import type { Zone } from '../../value/timezone.ts';
import {
  dateField,
  gridOf,
  intervalField,
  timeOfDayField,
  timestampField,
  truncateInterval,
  truncateTimestamp,
} from '../datetime-fields.ts';
import type {
  EvaluateInZone,
  FunctionEntry,
  Options,
  SignatureType,
  Template,
} from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { addInZone, fieldInZone, truncateInZone } from '../datetime-zone.ts';
import {
  addIntervals,
  addToTimestamp,
  age,
  checkedInterval,
  isInfiniteTimestamp,
  justifyDays,
  justifyHours,
  justifyInterval,
  scaleInterval,
  subtractTimestamps,
} from '../interval-math.ts';
import { dateToTimestamp, instantOf, localOf, numericToDouble } from './cast.ts';
import { roundHalfEven } from './float.ts';
import { divisionByZeroError } from '../numeric-math.ts';

const dayMicroseconds = 86_400_000_000n;

function isInfiniteDate(days: number): boolean {
  return days === dateInfinity || days === dateMinusInfinity;
}

function dateRange(): SqlError {
  return sqlError('22008', 'date out of range');
}

function make(
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  description: string,
  evaluate: (values: readonly Datum[]) => Datum,
  options: Options = {},
): FunctionEntry {
  return entry('date and time', name, args, result, description, evaluate, options);
}

function addDays(days: number, by: number): number {
  if (isInfiniteDate(days)) return days;
  if (!isDate(days + by)) throw dateRange();
  return days + by;
}

/** A time of day moved by the time part of an interval, around the clock. */
function moveTime(time: bigint, by: Interval, sign: 1n | -1n): bigint {
  const moved = (time + sign * by.microseconds) % dayMicroseconds;
  return moved < 0n ? moved + dayMicroseconds : moved;
}

function dateAndTime(date: Datum, time: Datum): bigint {
  const midnight = dateToTimestamp(numberOf(date));
  if (isInfiniteTimestamp(midnight)) return midnight;
  const moment = midnight + bigintOf(time);
  if (!isTimestamp(moment)) throw sqlError('22008', 'timestamp out of range');
  return moment;
}

function dateArithmetic(): FunctionEntry[] {
  const later = 'The date so many days later.';
  const joined = 'The timestamp of a date and a time of day.';
  return [
    make('+', ['date', 'int4'], 'date', later, ([d, n]) => addDays(numberOf(d), numberOf(n))),
    make('+', ['int4', 'date'], 'date', later, ([n, d]) => addDays(numberOf(d), numberOf(n))),
    make('-', ['date', 'int4'], 'date', 'The date so many days earlier.', ([d, n]) =>
      addDays(numberOf(d), -numberOf(n)),
    ),
    make('-', ['date', 'date'], 'int4', 'Days from the second date to the first.', ([a, b]) => {
      if (isInfiniteDate(numberOf(a)) || isInfiniteDate(numberOf(b))) {
        throw sqlError('22008', 'cannot subtract infinite dates');
      }
      return numberOf(a) - numberOf(b);
    }),
    make('+', ['date', 'time'], 'timestamp', joined, ([d, t]) => dateAndTime(d, t)),
    make('+', ['time', 'date'], 'timestamp', joined, ([t, d]) => dateAndTime(d, t)),
  ];
}

/** Addition and subtraction of intervals to something. */
function shifted(
  type: SignatureType,
  result: SignatureType,
  of: (value: Datum, by: Interval, sign: 1 | -1, zone: Zone) => Datum,
  isZoned = false,
): FunctionEntry[] {
  const zoned = (inZone: EvaluateInZone): Options => (isZoned ? { inZone } : {});
  return [
    make(
      '+',
      [type, 'interval'],
      result,
      'The moment an interval later.',
      ([v, by]) => of(v, intervalOf(by), 1, utc),
      zoned(([v, by], zone) => of(v, intervalOf(by), 1, zone)),
    ),
    make(
      '+',
      ['interval', type],
      result,
      'The moment an interval later.',
      ([by, v]) => of(v, intervalOf(by), 1, utc),
      zoned(([by, v], zone) => of(v, intervalOf(by), 1, zone)),
    ),
    make(
      '-',
      [type, 'interval'],
      result,
      'The moment an interval earlier.',
      ([v, by]) => of(v, intervalOf(by), -1, utc),
      zoned(([v, by], zone) => of(v, intervalOf(by), -1, zone)),
    ),
  ];
}

function momentArithmetic(): FunctionEntry[] {
  const between = 'The interval from the second to the first, in days and time.';
  return [
    ...shifted('date', 'timestamp', (v, by, sign) =>
      addToTimestamp(dateToTimestamp(numberOf(v)), by, sign),
    ),
    ...shifted('timestamp', 'timestamp', (v, by, sign) => addToTimestamp(bigintOf(v), by, sign)),
    ...shifted(
      'timestamptz',
      'timestamptz',
      (v, by, sign, zone) => addInZone(bigintOf(v), by, sign, zone),
      true,
    ),
    ...shifted('time', 'time', (v, by, sign) => moveTime(bigintOf(v), by, sign === 1 ? 1n : -1n)),
    make(
      '-',
      ['time', 'time'],
      'interval',
      'The interval from the second time of day to the first.',
      ([a, b]) => interval(0, 0, bigintOf(a) - bigintOf(b)),
    ),
    ...(['timestamp', 'timestamptz'] as const).flatMap((type) => [
      make('-', [type, type], 'interval', between, ([a, b]) =>
        subtractTimestamps(bigintOf(a), bigintOf(b)),
      ),
      make(
        'age',
        [type, type],
        'interval',
        'The interval from the second to the first, in years, months, days and time.',
        ([a, b]) => age(bigintOf(a), bigintOf(b)),
        type === 'timestamptz'
          ? {
              inZone: ([a, b], zone) => age(localOf(zone, bigintOf(a)), localOf(zone, bigintOf(b))),
            }
          : {},
      ),
    ]),
  ];
}

function intervalArithmetic(): FunctionEntry[] {
  const product = 'The interval so many times.';
  const times = (v: Datum, f: Datum): Interval =>
    scaleInterval(intervalOf(v), (part) => part * numberOf(f));
  const one = (
    name: string,
    description: string,
    of: (value: Interval) => Interval,
  ): FunctionEntry => make(name, ['interval'], 'interval', description, ([v]) => of(intervalOf(v)));
  return [
    make('+', ['interval', 'interval'], 'interval', 'Sum of two intervals.', ([a, b]) =>
      addIntervals(intervalOf(a), intervalOf(b), 1),
    ),
    make('-', ['interval', 'interval'], 'interval', 'Difference of two intervals.', ([a, b]) =>
      addIntervals(intervalOf(a), intervalOf(b), -1),
    ),
    one('-', 'The interval backwards.', (v) =>
      checkedInterval(-v.months + 0, -v.days + 0, -v.microseconds),
    ),
    make('*', ['interval', 'float8'], 'interval', product, ([v, f]) => times(v, f)),
    make('*', ['float8', 'interval'], 'interval', product, ([f, v]) => times(v, f)),
    make('/', ['interval', 'float8'], 'interval', 'The interval divided.', ([v, d]) => {
      if (d === 0) throw divisionByZeroError();
      return scaleInterval(intervalOf(v), (part) => part / numberOf(d));
    }),
    one('justify_hours', 'Full 24 hours become days.', justifyHours),
    one('justify_days', 'Every 30 days become a month.', justifyDays),
    one(
      'justify_interval',
      'Hours become days and days months, all with one sign.',
      justifyInterval,
    ),
  ];
}

/** EXTRACT gives numeric, DATE_PART the same as a double. */
function fields(
  type: SignatureType,
  of: (field: string, value: Datum) => Datum,
  nullable: boolean,
  ofPart = of,
  inZone?: (field: string, value: Datum, zone: Zone) => Datum,
): FunctionEntry[] {
  const part = (value: Datum): Datum =>
    typeof value === 'object' && value !== null && 'coefficient' in value
      ? numericToDouble(value)
      : null;
  const zoned = (result: (value: Datum) => Datum): Options =>
    inZone === undefined
      ? {}
      : { inZone: ([field, value], zone) => result(inZone(stringOf(field), value ?? null, zone)) };
  return [
    make(
      'extract',
      ['text', type],
      'numeric',
      'A field such as year, hour or epoch; EXTRACT(field FROM …).',
      ([field, value]) => of(stringOf(field), value),
      { nullable, ...zoned((value) => value) },
    ),
    make(
      'date_part',
      ['text', type],
      'float8',
      'A field such as year, hour or epoch, as a double.',
      ([field, value]) => part(ofPart(stringOf(field), value)),
      { nullable, ...zoned(part) },
    ),
  ];
}

function infinitySign(days: number): 0 | 1 | -1 {
  return days === dateInfinity ? 1 : days === dateMinusInfinity ? -1 : 0;
}

const fieldInUtc = (field: string, value: Datum): Datum =>
  timestampField(field, bigintOf(value), 'timestamptz');

function allFields(): FunctionEntry[] {
  return [
    ...fields('timestamp', (f, v) => timestampField(f, bigintOf(v), 'timestamp'), true),
    ...fields('timestamptz', fieldInUtc, true, fieldInUtc, (f, v, zone) =>
      fieldInZone(f, bigintOf(v), zone),
    ),
    ...fields('time', (f, v) => timeOfDayField(f, Number(bigintOf(v))), false),
    ...fields('interval', (f, v) => intervalField(f, intervalOf(v)), false),
    ...fields(
      'date',
      (f, v) => dateField(f, numberOf(v), infinitySign(numberOf(v))),
      true,
      (f, v) => timestampField(f, dateToTimestamp(numberOf(v)), 'timestamp'),
    ),
  ];
}

/** Cutting to a constant unit of fixed length; infinities stay. */
const truncationTemplate: Template = {
  total: false,
  emit: ([unit, moment], emitter) => {
    const grid = typeof unit.constant === 'string' ? gridOf(unit.constant) : undefined;
    if (grid === undefined) return undefined;
    const size = emitter.bigintConstant(grid.size);
    const start = emitter.bigintConstant(grid.start);
    const ends = [timestampInfinity, timestampMinusInfinity].map(
      (end) => `${moment.value} === ${emitter.bigintConstant(end)}`,
    );
    const rest = emitter.name();
    const from = `BigInt.asIntN(64, ${moment.value} - ${start})`;
    emitter.statement(`const ${rest} = BigInt.asIntN(64, ${from} % ${size});`);
    const plain = `BigInt.asIntN(64, ${moment.value} - ${rest})`;
    const below = `BigInt.asIntN(64, ${plain} - ${size})`;
    return `${ends.join(' || ')} ? ${moment.value} : ${rest} < 0n ? ${below} : ${plain}`;
  },
};

function truncations(): FunctionEntry[] {
  const description = 'The start of the hour, day, month or other unit that the value lies in.';
  return [
    ...(['timestamp', 'timestamptz'] as const).map((type) =>
      make(
        'date_trunc',
        ['text', type],
        type,
        description,
        ([unit, v]) => truncateTimestamp(stringOf(unit), bigintOf(v), type),
        {
          template: truncationTemplate,
          ...(type === 'timestamptz'
            ? {
                inZone: ([unit, v], zone) => truncateInZone(stringOf(unit), bigintOf(v), zone),
              }
            : {}),
        },
      ),
    ),
    make(
      'date_trunc',
      ['text', 'timestamptz', 'text'],
      'timestamptz',
      `${description.slice(0, -1)}, in a time zone.`,
      ([unit, v, name]) => truncateInZone(stringOf(unit), bigintOf(v), zoneByName(stringOf(name))),
    ),
    make(
      'date_trunc',
      ['text', 'interval'],
      'interval',
      'The interval without its smaller parts.',
      ([unit, v]) => truncateInterval(stringOf(unit), intervalOf(v)),
    ),
    ...(['timestamp', 'timestamptz'] as const).map((type) =>
      make(
        'date_bin',
        ['interval', type, type],
        type,
        'The start of the bin that the second value lies in; bins are counted from the third.',
        ([stride, v, origin]) => bin(intervalOf(stride), bigintOf(v), bigintOf(origin)),
      ),
    ),
  ];
}

function bin(stride: Interval, moment: bigint, origin: bigint): bigint {
  if (isInfiniteTimestamp(moment)) return moment;
  if (isInfiniteTimestamp(origin)) throw sqlError('22008', 'origin out of range');
  if (stride.months !== 0) {
    throw sqlError(
      '0A000',
      'timestamps cannot be binned into intervals containing months or years',
    );
  }
  const size = BigInt(stride.days) * dayMicroseconds + stride.microseconds;
  if (size <= 0n) throw sqlError('22008', 'stride must be greater than zero');
  const distance = moment - origin;
  const rest = distance % size;
  return moment - (rest < 0n ? rest + size : rest);
}

/** A zone given as an interval: its time part is the offset. */
function intervalZone(value: Interval): Zone {
  if (value.months !== 0 || value.days !== 0) {
    throw sqlError(
      '22023',
      `interval time zone "${formatInterval(value)}" must not include months or days`,
    );
  }
  return fixedZone(Number(value.microseconds / 1_000_000n));
}

/** A moment that a shift by a zone gave; 22008 if there is none. */
function existing(moment: bigint): bigint {
  if (!isTimestamp(moment)) throw sqlError('22008', 'timestamp out of range');
  return moment;
}

function zones(): FunctionEntry[] {
  const local = 'The local time of a moment in a time zone; moment AT TIME ZONE zone.';
  const moment = 'The moment of a local time in a time zone; timestamp AT TIME ZONE zone.';
  const kinds = [
    ['text', (z: Datum) => zoneByName(stringOf(z))],
    ['interval', (z: Datum) => intervalZone(intervalOf(z))],
  ] as const;
  return kinds.flatMap(([type, zoneOf]) => [
    make('timezone', [type, 'timestamptz'], 'timestamp', local, ([z, v]) =>
      isInfiniteTimestamp(bigintOf(v)) ? v : existing(toLocal(zoneOf(z), bigintOf(v))),
    ),
    make('timezone', [type, 'timestamp'], 'timestamptz', moment, ([z, v]) =>
      isInfiniteTimestamp(bigintOf(v)) ? v : existing(toInstant(zoneOf(z), bigintOf(v))),
    ),
  ]);
}

function madeDate(year: number, month: number, day: number): number {
  const astronomical = year < 0 ? year + 1 : year;
  const exists =
    year !== 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(astronomical, month);
  const shown = `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
  if (!exists) throw sqlError('22008', `date field value out of range: ${shown}`);
  const days = daysFromCivil(astronomical, month, day);
  if (!isDate(days)) throw sqlError('22008', `date out of range: ${shown}`);
  return days;
}

function madeTime(hour: number, minute: number, second: number): bigint {
  const micro = roundHalfEven(second * 1e6);
  const time = (hour * 60 + minute) * 60_000_000 + micro;
  const exists =
    hour >= 0 &&
    minute >= 0 &&
    minute < 60 &&
    second >= 0 &&
    second <= 60 &&
    time <= 86_400_000_000;
  if (!exists) {
    const clock = [hour, minute].map((n) => String(n).padStart(2, '0')).join(':');
    throw sqlError('22008', `time field value out of range: ${clock}:${secondText(second)}`);
  }
  return BigInt(time);
}

function secondText(second: number): string {
  return String(second).padStart(2, '0');
}

function madeTimestamp(values: readonly Datum[]): bigint {
  const [year, month, day, hour, minute, second] = values.map(numberOf);
  return microsecondsOf(madeDate(year, month, day), 0) + madeTime(hour, minute, second);
}

const intervalParts = ['years', 'months', 'weeks', 'days', 'hours', 'mins', 'secs'];

function madeInterval(values: readonly Datum[]): Interval {
  const [years, months, weeks, days, hours, minutes, seconds] = intervalParts.map((_, k) =>
    numberOf(values[k] ?? 0),
  );
  if (!(Math.abs(seconds) < 1e12)) throw sqlError('22008', 'interval out of range');
  const time =
    BigInt(hours) * 3_600_000_000n +
    BigInt(minutes) * 60_000_000n +
    BigInt(roundHalfEven(seconds * 1e6));
  return checkedInterval(years * 12 + months, weeks * 7 + days, time);
}

/** A number as C's %g prints it: six digits. */
function formatG(value: number): string {
  return value
    .toPrecision(6)
    .replace(/\.?0+(?=e|$)/, '')
    .replace(/e([+-])(\d)$/, 'e$10$2');
}

function makers(): FunctionEntry[] {
  const moment: readonly SignatureType[] = ['int4', 'int4', 'int4', 'int4', 'int4', 'float8'];
  return [
    make(
      'make_date',
      ['int4', 'int4', 'int4'],
      'date',
      'The date of a year (negative: BC), month and day.',
      ([y, m, d]) => madeDate(numberOf(y), numberOf(m), numberOf(d)),
    ),
    make(
      'make_time',
      ['int4', 'int4', 'float8'],
      'time',
      'The time of an hour, minute and second.',
      ([h, m, s]) => madeTime(numberOf(h), numberOf(m), numberOf(s)),
    ),
    make(
      'make_timestamp',
      moment,
      'timestamp',
      'The timestamp of a year, month, day, hour, minute and second.',
      madeTimestamp,
    ),
    make(
      'make_timestamptz',
      moment,
      'timestamptz',
      'The moment of a year, month, day, hour, minute and second.',
      madeTimestamp,
      { inZone: (values, zone) => instantOf(zone, madeTimestamp(values)) },
    ),
    make(
      'make_timestamptz',
      [...moment, 'text'],
      'timestamptz',
      'The moment of a local time in a time zone.',
      (values) => toInstant(zoneByName(stringOf(values[6])), madeTimestamp(values.slice(0, 6))),
    ),
    ...[...intervalParts.keys(), 7].map((count) =>
      make(
        'make_interval',
        Array.from({ length: count }, (_, k) => (k === 6 ? 'float8' : 'int4')),
        'interval',
        'The interval of years, months, weeks, days, hours, minutes and seconds.',
        madeInterval,
      ),
    ),
    make(
      'to_timestamp',
      ['float8'],
      'timestamptz',
      'The moment so many seconds after 1970-01-01 00:00 UTC.',
      ([s]) => {
        const seconds = numberOf(s);
        if (seconds === Infinity) return 2n ** 63n - 1n;
        if (seconds === -Infinity) return -(2n ** 63n);
        if (Number.isNaN(seconds)) throw sqlError('22008', 'timestamp cannot be NaN');
        const moment =
          Math.abs(seconds) < 1e13
            ? BigInt(roundHalfEven((seconds - 946_684_800) * 1e6))
            : 2n ** 63n;
        if (!isTimestamp(moment)) {
          throw sqlError('22008', `timestamp out of range: "${formatG(seconds)}"`);
        }
        return moment;
      },
    ),
  ];
}

function finiteness(): FunctionEntry[] {
  const description = 'Whether the value is not infinite.';
  return [
    make('isfinite', ['date'], 'bool', description, ([v]) => !isInfiniteDate(numberOf(v))),
    ...(['timestamp', 'timestamptz'] as const).map((type) =>
      make('isfinite', [type], 'bool', description, ([v]) => !isInfiniteTimestamp(bigintOf(v))),
    ),
    make('isfinite', ['interval'], 'bool', description, () => true),
  ];
}

/** Readings of the clock: the planner puts constants in their place. */
function clocks(): FunctionEntry[] {
  const clock = (name: string, result: SignatureType, description: string): FunctionEntry =>
    entry('date and time', name, [], result, description, undefined, { volatility: 'stable' });
  return [
    ...['now', 'transaction_timestamp', 'statement_timestamp', 'current_timestamp'].map((name) =>
      clock(name, 'timestamptz', 'The moment at which the statement began.'),
    ),
    clock('current_date', 'date', 'The date on which the statement began.'),
    clock('current_time', 'time', 'The time of day at which the statement began.'),
    clock('localtime', 'time', 'The time of day at which the statement began.'),
    clock('localtimestamp', 'timestamp', 'The local time at which the statement began.'),
    clock('mz_now', 'numeric', 'The logical time of the read, in milliseconds since 1970-01-01.'),
    ...(['timestamp', 'timestamptz'] as const).map((type) =>
      entry(
        'date and time',
        'age',
        [type],
        'interval',
        'The interval from the value to the start of today.',
        undefined,
        { volatility: 'stable' },
      ),
    ),
  ];
}

export const datetimeFunctions: readonly FunctionEntry[] = [
  ...dateArithmetic(),
  ...momentArithmetic(),
  ...intervalArithmetic(),
  ...allFields(),
  ...truncations(),
  ...zones(),
  ...makers(),
  ...finiteness(),
  ...clocks(),
];
