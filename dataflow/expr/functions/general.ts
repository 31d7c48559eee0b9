/**
 * Functions of values of any type (`greatest`, `pg_typeof`), names of types and sizes as people
 * read them, and `generate_series`.
 */
import { sqlError } from '../../../src/base/error.ts';
import { compareDatums } from '../../value/datum-column.ts';
import type { Datum, Row } from '../../value/datum.ts';
import { numericModifier } from '../../value/decimal-text.ts';
import { bigintOf, decimalOf, intervalOf, numberOf } from '../../value/scalar-words.ts';
import type { TypeName } from '../../value/type.ts';
import { utc } from '../../value/timezone.ts';
import type { Zone } from '../../value/timezone.ts';
import { typeByOid, typeInfo } from '../../value/type.ts';
import type { CallSite, FunctionEntry, Options, SignatureType } from '../function-entry.ts';
import { entry, placeholderOids } from '../function-entry.ts';
import { addInZone } from '../datetime-zone.ts';
import { isInfiniteTimestamp } from '../interval-math.ts';
import { add, signOf, subtract } from '../numeric-math.ts';
import { intervalSpan } from '../../value/interval.ts';

const called: Options = { nullHandling: 'called' };
const calledNullable: Options = { nullHandling: 'called', nullable: true };

function extreme(sign: 1 | -1): (values: readonly Datum[], site: CallSite) => Datum {
  return (values, { result }) => {
    let best: Datum = null;
    for (const value of values) {
      if (value === null) continue;
      if (best === null || sign * compareDatums(result, value, best) > 0) best = value;
    }
    return best;
  };
}

function general(): FunctionEntry[] {
  const count = (values: readonly Datum[]): number =>
    values.filter((value) => value === null).length;
  return [
    entry(
      'general',
      'greatest',
      [],
      'anycompatible',
      'The greatest of the values that are not NULL.',
      extreme(1),
      { ...calledNullable, variadic: 'anycompatible' },
    ),
    entry(
      'general',
      'least',
      [],
      'anycompatible',
      'The least of the values that are not NULL.',
      extreme(-1),
      { ...calledNullable, variadic: 'anycompatible' },
    ),
    entry('general', 'num_nulls', [], 'int4', 'How many of the values are NULL.', count, {
      ...called,
      variadic: 'any',
    }),
    entry(
      'general',
      'num_nonnulls',
      [],
      'int4',
      'How many of the values are not NULL.',
      (values) => values.length - count(values),
      { ...called, variadic: 'any' },
    ),
    entry(
      'general',
      'pg_typeof',
      ['any'],
      'regtype',
      'The type of the value.',
      (_, { args }) => BigInt(typeInfo(args[0]).oid),
      called,
    ),
    entry(
      'general',
      'format_type',
      ['oid', 'int4'],
      'text',
      'The name of a type with its modifier.',
      ([oid, modifier]) =>
        oid === null
          ? null
          : formatType(bigintOf(oid), modifier === null ? -1 : numberOf(modifier)),
      calledNullable,
    ),
    entry(
      'general',
      'pg_size_pretty',
      ['int8'],
      'text',
      'A number of bytes as people read it.',
      ([size]) => prettySize(bigintOf(size)),
    ),
  ];
}

/** The name of a type that only signatures have. */
function placeholderName(oid: bigint): string | undefined {
  const found = [...placeholderOids].find(([, number]) => BigInt(number) === oid)?.[0];
  return found === 'any' ? '"any"' : found;
}

/** A type's name with its modifier, as `format_type` prints it. */
function formatType(oid: bigint, modifier: number): string {
  if (oid === 0n) return '-';
  const info = typeByOid(Number(oid));
  if (info === undefined) return placeholderName(oid) ?? '???';
  if (info.element !== undefined && info.name.startsWith('_')) {
    return `${formatType(BigInt(typeInfo(info.element).oid), modifier)}[]`;
  }
  if (modifier < 0) return info.sqlName;
  const decorated: Partial<Record<TypeName, () => string>> = {
    varchar: () => `character varying(${modifier - 4})`,
    bpchar: () => `character(${modifier - 4})`,
    numeric: () => {
      const { precision, scale } = numericModifier(modifier);
      return `numeric(${precision},${scale})`;
    },
    time: () => `time(${modifier}) without time zone`,
    timestamp: () => `timestamp(${modifier}) without time zone`,
    timestamptz: () => `timestamp(${modifier}) with time zone`,
  };
  return decorated[info.name]?.() ?? info.sqlName;
}

const sizeUnits = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

function prettySize(size: bigint): string {
  let unit = 0;
  let value = size;
  const magnitude = (v: bigint): bigint => (v < 0n ? -v : v);
  if (magnitude(value) < 10_240n) return `${value} bytes`;
  value >>= 9n;
  for (unit = 1; unit < sizeUnits.length - 1 && magnitude(value) >= 20_479n; unit++) value >>= 10n;
  const rounded = (magnitude(value) + 1n) / 2n;
  return `${value < 0n ? -rounded : rounded} ${sizeUnits[unit]}`;
}

function zeroStep(): never {
  throw sqlError('22023', 'step size cannot equal zero');
}

function* integers(
  from: bigint,
  to: bigint,
  step: bigint,
  wrap: (value: bigint) => Datum,
): Iterable<Row> {
  if (step === 0n) zeroStep();
  for (let value = from; step > 0n ? value <= to : value >= to; value += step) yield [wrap(value)];
}

function* numerics(from: Datum, to: Datum, step: Datum): Iterable<Row> {
  const by = decimalOf(step);
  const bounds = [
    [from, 'start value'],
    [to, 'stop value'],
    [step, 'step size'],
  ] as const;
  for (const [value, what] of bounds) {
    if (decimalOf(value).form !== 'finite') {
      const shown = decimalOf(value).form === 'NaN' ? 'NaN' : 'infinity';
      throw sqlError('22023', `${what} cannot be ${shown}`);
    }
  }
  if (signOf(by) === 0) zeroStep();
  const end = decimalOf(to);
  const sign = signOf(by);
  for (
    let value = decimalOf(from);
    signOf(subtract(value, end)) * sign <= 0;
    value = add(value, by)
  ) {
    yield [value];
  }
}

function* moments(from: bigint, to: bigint, step: Datum, zone: Zone = utc): Iterable<Row> {
  const by = intervalOf(step);
  const span = intervalSpan(by);
  if (span === 0n) zeroStep();
  if (isInfiniteTimestamp(from)) throw sqlError('22008', 'timestamp out of range');
  const before = (value: bigint): boolean => (span > 0n ? value <= to : value >= to);
  for (let value = from; before(value); value = addInZone(value, by, 1, zone)) yield [value];
}

function series(): FunctionEntry[] {
  const description = 'The values from the first to the second, a step apart, one a row.';
  const make = (
    args: readonly SignatureType[],
    rows: NonNullable<FunctionEntry['rows']>,
    options: Options = {},
  ): FunctionEntry =>
    entry('series', 'generate_series', args, args[0], description, undefined, {
      setReturning: true,
      rows,
      ...options,
    });
  const small = (value: Datum): bigint => BigInt(numberOf(value));
  const one: Datum = { kind: 'decimal', form: 'finite', coefficient: 1n, scale: 0 };
  return [
    make(['int4', 'int4'], ([a, b]) => integers(small(a), small(b), 1n, Number)),
    make(['int4', 'int4', 'int4'], ([a, b, step]) =>
      integers(small(a), small(b), small(step), Number),
    ),
    make(['int8', 'int8'], ([a, b]) => integers(bigintOf(a), bigintOf(b), 1n, (v) => v)),
    make(['int8', 'int8', 'int8'], ([a, b, step]) =>
      integers(bigintOf(a), bigintOf(b), bigintOf(step), (v) => v),
    ),
    make(['numeric', 'numeric'], ([a, b]) => numerics(a, b, one)),
    make(['numeric', 'numeric', 'numeric'], ([a, b, step]) => numerics(a, b, step)),
    make(['timestamp', 'timestamp', 'interval'], ([a, b, step]) =>
      moments(bigintOf(a), bigintOf(b), step),
    ),
    make(
      ['timestamptz', 'timestamptz', 'interval'],
      ([a, b, step]) => moments(bigintOf(a), bigintOf(b), step),
      {
        rowsInZone: ([a, b, step], zone) => moments(bigintOf(a), bigintOf(b), step ?? null, zone),
      },
    ),
  ];
}

export const generalFunctions: readonly FunctionEntry[] = [...general(), ...series()];
