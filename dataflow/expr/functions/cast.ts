/**
 * Casts, as in pg_cast: `cast(from,to)`, with where each may be applied. What pg_cast does not
 * have goes through text: to the string types on assignment, from them when written. Length
 * coercions are functions named after the type with the modifier as second argument:
 * `numeric(numeric,int4)`.
 *
 * Timestamps with time zone are cast as in a session whose zone is UTC, or in the zone given.
 */
import { sqlError, unsupported } from '../../../src/base/error.ts';
import type { Datum, Decimal } from '../../value/datum.ts';
import { decimal, interval } from '../../value/datum.ts';
import { numericInfinity, numericMinusInfinity, numericNaN } from '../../value/decimal.ts';
import { applyModifier, parseDecimal, roundDecimal } from '../../value/decimal-text.ts';
import { dayOf, microsecondsOf, timeOf } from '../../value/calendar.ts';
import {
  dateInfinity,
  dateMinusInfinity,
  isTimestamp,
  roundMicroseconds,
  timestampInfinity,
  timestampMinusInfinity,
} from '../../value/datetime-text.ts';
import { roundInterval } from '../../value/interval-text.ts';
import { array, arrayOf } from '../../value/array.ts';
import { bigintOf, decimalOf, intervalOf, numberOf, stringOf } from '../../value/scalar-words.ts';
import { fitText, parseDatum, trimPadding } from '../../value/text-input.ts';
import { formatDatum } from '../../value/text-output.ts';
import type { TypeInfo, TypeName } from '../../value/type.ts';
import { toInstant, toLocal } from '../../value/timezone.ts';
import type { Zone } from '../../value/timezone.ts';
import { typeInfo, types } from '../../value/type.ts';
import type { CallSite, EvaluateInZone, FunctionEntry, Options } from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { floatOverflow, floatUnderflow, roundHalfEven } from './float.ts';
import type { IntegerType } from './integer.ts';
import { narrow, outOfRange, wide } from './integer.ts';

type Context = 'implicit' | 'assignment' | 'explicit';
type Convert = (value: Datum, site: CallSite) => Datum;

function cast(
  from: TypeName,
  to: TypeName,
  context: Context,
  convert: Convert,
  options: Options = {},
): FunctionEntry {
  const description = `Casts ${typeInfo(from).sqlName} to ${typeInfo(to).sqlName}.`;
  const made = entry(
    'cast',
    'cast',
    [from, to],
    to,
    description,
    ([value], site) => convert(value, site),
    {
      kind: 'cast',
      context,
      ...options,
    },
  );
  return { ...made, args: [from] };
}

const same: Convert = (value) => value;

function binary(from: TypeName, to: TypeName, context: Context): FunctionEntry {
  return cast(from, to, context, same, { binary: true });
}

const integers: readonly IntegerType[] = ['int2', 'int4', 'int8'];

/** Between integers: widening is implicit, narrowing checks. */
function integerCasts(): FunctionEntry[] {
  const narrowing = (from: IntegerType, to: IntegerType): FunctionEntry =>
    cast(from, to, 'assignment', (value) => narrow(to, wide(value)), {
      template: {
        total: false,
        emit: ([a], emitter) => {
          const fails = emitter.failure(outOfRange(to));
          if (from === 'int8') {
            const bits = to === 'int2' ? 16 : 32;
            emitter.statement(`if (BigInt.asIntN(${bits}, ${a.value}) !== ${a.value}) ${fails}`);
            return `(Number(${a.value}) | 0)`;
          }
          emitter.statement(`if ((${a.value} << 16 >> 16) !== ${a.value}) ${fails}`);
          return a.value;
        },
      },
    });
  const widening = (from: TypeName): FunctionEntry =>
    cast(from, 'int8', 'implicit', (value) => wide(value), {
      template: { total: true, emit: ([a]) => `BigInt(${a.value})` },
    });
  return [
    binary('int2', 'int4', 'implicit'),
    widening('int2'),
    widening('int4'),
    narrowing('int4', 'int2'),
    narrowing('int8', 'int2'),
    narrowing('int8', 'int4'),
  ];
}

/** A float as an integer: halves to the even one. */
function floatToInteger(to: IntegerType, value: number): Datum {
  const rounded = roundHalfEven(value);
  const fits =
    to === 'int8' ? rounded >= -(2 ** 63) && rounded < 2 ** 63 : Number.isFinite(rounded);
  const { code, message } = outOfRange(to);
  if (!fits) throw sqlError(code, message);
  return narrow(to, BigInt(rounded));
}

function numericToInteger(to: IntegerType, value: Decimal): Datum {
  if (value.form !== 'finite') {
    const what = value.form === 'NaN' ? 'NaN' : 'infinity';
    throw sqlError('0A000', `cannot convert ${what} to ${typeInfo(to).sqlName}`);
  }
  return narrow(to, roundDecimal(value, 0).coefficient);
}

function toSingle(value: number): number {
  const single = Math.fround(value);
  if (!Number.isFinite(single) && Number.isFinite(value)) {
    throw sqlError(floatOverflow.code, floatOverflow.message);
  }
  if (single === 0 && value !== 0) throw sqlError(floatUnderflow.code, floatUnderflow.message);
  return single;
}

/** A float as numeric: the digits that the type holds for certain. */
export function floatToNumeric(value: number, digits: number): Decimal {
  if (Number.isNaN(value)) return numericNaN;
  if (!Number.isFinite(value)) return value > 0 ? numericInfinity : numericMinusInfinity;
  const text = value.toPrecision(digits);
  const exponent = text.indexOf('e');
  const mantissa = exponent < 0 ? text : text.slice(0, exponent);
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return parseDecimal(exponent < 0 ? short : short + text.slice(exponent));
}

/** The nearest double or single; 22003 if the value is beyond the type. */
export function numericToDouble(value: Decimal, type: 'float4' | 'float8' = 'float8'): number {
  if (value.form !== 'finite') return Number(value.form);
  const double = Number(`${value.coefficient}e-${value.scale}`);
  const result = type === 'float4' ? Math.fround(double) : double;
  if (!Number.isFinite(result) || (result === 0 && value.coefficient !== 0n)) {
    const text = formatDatum('numeric', value);
    throw sqlError('22003', `"${text}" is out of range for type ${typeInfo(type).sqlName}`);
  }
  return result;
}

function numberCasts(): FunctionEntry[] {
  return [
    ...integers.flatMap((type) => [
      cast(type, 'float8', 'implicit', (value) => Number(value), {
        template: {
          total: true,
          emit: ([a]) => (type === 'int8' ? `Number(${a.value})` : `${a.value}`),
        },
      }),
      cast(type, 'float4', 'implicit', (value) => Math.fround(Number(value))),
      cast(
        type,
        'numeric',
        'implicit',
        (value) => decimal(wide(value), 0),
        type === 'int8'
          ? {}
          : {
              template: { total: false, emit: ([a]) => `X.integerNumeric(X.heap, ${a.value})` },
            },
      ),
      cast('float4', type, 'assignment', (value) => floatToInteger(type, numberOf(value))),
      cast('float8', type, 'assignment', (value) => floatToInteger(type, numberOf(value))),
      cast('numeric', type, 'assignment', (value) => numericToInteger(type, decimalOf(value))),
    ]),
    binary('float4', 'float8', 'implicit'),
    cast('float8', 'float4', 'assignment', (value) => toSingle(numberOf(value))),
    cast('float4', 'numeric', 'assignment', (value) => floatToNumeric(numberOf(value), 6)),
    cast('float8', 'numeric', 'assignment', (value) => floatToNumeric(numberOf(value), 15)),
    cast('numeric', 'float4', 'implicit', (value) => numericToDouble(decimalOf(value), 'float4')),
    cast('numeric', 'float8', 'implicit', (value) => numericToDouble(decimalOf(value))),
    cast('bool', 'int4', 'explicit', (value) => (value === true ? 1 : 0)),
    cast('int4', 'bool', 'explicit', (value) => value !== 0),
  ];
}

/** A date at midnight. */
export function dateToTimestamp(days: number): bigint {
  if (days === dateInfinity) return timestampInfinity;
  if (days === dateMinusInfinity) return timestampMinusInfinity;
  const microseconds = microsecondsOf(days, 0);
  if (!isTimestamp(microseconds)) throw sqlError('22008', 'date out of range for timestamp');
  return microseconds;
}

/** The day of a moment. */
export function timestampToDate(microseconds: bigint): number {
  if (microseconds === timestampInfinity) return dateInfinity;
  return microseconds === timestampMinusInfinity ? dateMinusInfinity : dayOf(microseconds);
}

function isInfinite(microseconds: bigint): boolean {
  return microseconds === timestampInfinity || microseconds === timestampMinusInfinity;
}

function timestampToTime(microseconds: bigint): bigint | null {
  return isInfinite(microseconds) ? null : BigInt(timeOf(microseconds));
}

/** The local time of a moment; infinities stay. */
export function localOf(zone: Zone, moment: bigint): bigint {
  return isInfinite(moment) ? moment : toLocal(zone, moment);
}

/** The moment of a local time; infinities stay. Throws 22008. */
export function instantOf(zone: Zone, local: bigint): bigint {
  if (isInfinite(local)) return local;
  const moment = toInstant(zone, local);
  if (!isTimestamp(moment)) throw sqlError('22008', 'timestamp out of range');
  return moment;
}

/** What a zone changes in a cast that is made for both kinds of timestamps. */
function into(type: 'timestamp' | 'timestamptz', inZone: EvaluateInZone): Options {
  return type === 'timestamptz' ? { inZone } : {};
}

function timeCasts(): FunctionEntry[] {
  const moments = ['timestamp', 'timestamptz'] as const;
  return [
    ...moments.flatMap((type) => [
      cast(
        'date',
        type,
        'implicit',
        (value) => dateToTimestamp(numberOf(value)),
        into(type, ([value], zone) => instantOf(zone, dateToTimestamp(numberOf(value)))),
      ),
      cast(
        type,
        'date',
        'assignment',
        (value) => timestampToDate(bigintOf(value)),
        into(type, ([value], zone) => timestampToDate(localOf(zone, bigintOf(value)))),
      ),
      cast(type, 'time', 'assignment', (value) => timestampToTime(bigintOf(value)), {
        nullable: true,
        ...into(type, ([value], zone) => timestampToTime(localOf(zone, bigintOf(value)))),
      }),
    ]),
    {
      ...binary('timestamp', 'timestamptz', 'implicit'),
      inZone: ([value], zone) => instantOf(zone, bigintOf(value)),
    },
    {
      ...binary('timestamptz', 'timestamp', 'assignment'),
      inZone: ([value], zone) => localOf(zone, bigintOf(value)),
    },
    cast('time', 'interval', 'implicit', (value) => interval(0, 0, bigintOf(value))),
    cast('interval', 'time', 'assignment', (value) =>
      BigInt(timeOf(intervalOf(value).microseconds)),
    ),
  ];
}

const aliases = ['regclass', 'regtype', 'regproc', 'regnamespace'] as const;

function toOid(value: Datum): bigint {
  const number = wide(value);
  if (number < 0n || number > 0xffffffffn) throw sqlError('22003', 'OID out of range');
  return number;
}

function oidCasts(): FunctionEntry[] {
  const oids = ['oid', ...aliases] as const;
  return [
    ...oids.flatMap((type) => [
      cast('int8', type, 'implicit', toOid),
      cast('int4', type, 'implicit', (value) => BigInt.asUintN(32, wide(value))),
      cast('int2', type, 'implicit', (value) => BigInt.asUintN(32, wide(value))),
      binary(type, 'int8', 'assignment'),
      cast(type, 'int4', 'assignment', (value) => Number(BigInt.asIntN(32, bigintOf(value)))),
    ]),
    ...aliases.flatMap((type) => [
      binary(type, 'oid', 'implicit'),
      binary('oid', type, 'implicit'),
    ]),
  ];
}

/** jsonb to a scalar: the JSON value must be of the matching kind. */
function fromJson(to: TypeName, value: Datum): Datum {
  const text = stringOf(value);
  const first = text.charAt(0);
  const kind =
    first === '{'
      ? 'object'
      : first === '['
        ? 'array'
        : first === '"'
          ? 'string'
          : first === 'n'
            ? 'null'
            : first === 't' || first === 'f'
              ? 'boolean'
              : 'numeric';
  if (kind !== (to === 'bool' ? 'boolean' : 'numeric')) {
    throw sqlError('22023', `cannot cast jsonb ${kind} to type ${typeInfo(to).sqlName}`);
  }
  if (to === 'bool') return text === 'true';
  const number = parseDecimal(text);
  switch (to) {
    case 'int2':
    case 'int4':
    case 'int8':
      return numericToInteger(to, number);
    case 'float4':
    case 'float8':
      return numericToDouble(number, to);
    default:
      return number;
  }
}

function jsonCasts(): FunctionEntry[] {
  return [
    ...(['bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'numeric'] as const).map((to) =>
      cast('jsonb', to, 'explicit', (value) => fromJson(to, value)),
    ),
    binary('jsonb', 'json', 'assignment'),
    cast('json', 'jsonb', 'assignment', (value) => parseDatum('jsonb', stringOf(value))),
  ];
}

/** The one-byte character of a code; 0 is the empty one. */
function codeToChar(code: number): string {
  if (code < -128 || code > 127) throw sqlError('22003', '"char" out of range');
  if (code < 0) throw unsupported('a "char" above 127');
  return code === 0 ? '' : String.fromCharCode(code);
}

function stringCasts(): FunctionEntry[] {
  const trim: Convert = (value) => trimPadding(stringOf(value));
  const toName: Convert = (value) => parseDatum('name', stringOf(value));
  const toChar: Convert = (value) => parseDatum('char', stringOf(value));
  return [
    binary('text', 'varchar', 'implicit'),
    binary('varchar', 'text', 'implicit'),
    binary('bpchar', 'text', 'implicit'),
    binary('bpchar', 'varchar', 'implicit'),
    cast('text', 'bpchar', 'implicit', trim),
    cast('varchar', 'bpchar', 'implicit', trim),
    binary('name', 'text', 'implicit'),
    binary('name', 'varchar', 'assignment'),
    cast('name', 'bpchar', 'assignment', trim),
    ...(['text', 'varchar', 'bpchar'] as const).flatMap((type) => [
      cast(type, 'name', 'implicit', toName),
      cast(type, 'char', 'assignment', toChar),
    ]),
    binary('char', 'text', 'implicit'),
    binary('char', 'varchar', 'assignment'),
    cast('char', 'bpchar', 'assignment', trim),
    cast('char', 'int4', 'explicit', (value) => stringOf(value).charCodeAt(0) || 0),
    cast('int4', 'char', 'explicit', (value) => codeToChar(numberOf(value))),
    ...(['text', 'varchar', 'bpchar'] as const).map((type) =>
      cast('bool', type, 'assignment', (value) => (value === true ? 'true' : 'false')),
    ),
    ...(['text', 'varchar'] as const).map((type) =>
      cast(type, 'regclass', 'implicit', (value) => parseDatum('regclass', stringOf(value)), {
        volatility: 'stable',
      }),
    ),
  ];
}

const flagsDescription = 'Fits a value to the length of its type';

function lengthCoercions(): FunctionEntry[] {
  const moment = (type: 'timestamp' | 'timestamptz' | 'time'): FunctionEntry =>
    entry(
      'type modifier',
      type,
      [type, 'int4'],
      type,
      'Rounds to a number of decimals of a second.',
      ([value, modifier]) => roundMicroseconds(bigintOf(value), numberOf(modifier)),
    );
  return [
    entry(
      'type modifier',
      'numeric',
      ['numeric', 'int4'],
      'numeric',
      'Rounds to the scale of a type modifier and checks its precision.',
      ([value, modifier]) => applyModifier(decimalOf(value), numberOf(modifier)),
    ),
    ...(['varchar', 'bpchar'] as const).map((type) =>
      entry(
        'type modifier',
        type,
        [type, 'int4', 'bool'],
        type,
        `${flagsDescription}; cuts if the cast is explicit.`,
        ([value, modifier, explicit]) =>
          fitText(type, stringOf(value), numberOf(modifier), explicit === true),
      ),
    ),
    moment('timestamp'),
    moment('timestamptz'),
    moment('time'),
    entry(
      'type modifier',
      'interval',
      ['interval', 'int4'],
      'interval',
      'Rounds to a number of decimals of a second.',
      ([value, modifier]) => roundInterval(intervalOf(value), numberOf(modifier)),
    ),
  ];
}

const made: readonly FunctionEntry[] = [
  ...integerCasts(),
  ...numberCasts(),
  ...timeCasts(),
  ...oidCasts(),
  ...jsonCasts(),
  ...stringCasts(),
];
const madeKeys = new Set(made.map((fn) => fn.key));

const strings: readonly TypeName[] = ['text', 'varchar', 'bpchar', 'name', 'char'];

/** Through text: on assignment to a string type, when written from one. */
function throughText(info: TypeInfo): FunctionEntry[] {
  const type = info.name;
  if (type === 'void' || strings.includes(type)) return [];
  const stable: Options = /^_?(timestamptz|reg)/.test(type) ? { volatility: 'stable' } : {};
  const zoned = type === 'timestamptz' || type === '_timestamptz';
  const toText = (to: TypeName): Options =>
    zoned
      ? { inZone: ([value], zone) => parseDatum(to, formatDatum(type, value, -1, { zone })) }
      : {};
  const ofText: Options = zoned
    ? { inZone: ([value], zone) => parseDatum(type, stringOf(value), -1, { zone }) }
    : {};
  return [
    ...strings.flatMap((to) =>
      madeKeys.has(`cast(${type},${to})`)
        ? []
        : [
            cast(type, to, 'assignment', (value) => parseDatum(to, formatDatum(type, value)), {
              ...stable,
              ...toText(to),
            }),
          ],
    ),
    ...strings.flatMap((from) =>
      madeKeys.has(`cast(${from},${type})`)
        ? []
        : [
            cast(from, type, 'explicit', (value) => parseDatum(type, stringOf(value)), {
              ...stable,
              ...ofText,
            }),
          ],
    ),
  ];
}

function fromUnknown(info: TypeInfo): FunctionEntry[] {
  const type = info.name;
  if (type === 'unknown' || type === 'void') return [];
  return [cast('unknown', type, 'implicit', (value) => parseDatum(type, stringOf(value)))];
}

export const castFunctions: readonly FunctionEntry[] = [
  ...made,
  ...lengthCoercions(),
  ...types.filter((info) => info.name !== 'unknown').flatMap(throughText),
  ...types.filter((info) => info.element === undefined).flatMap(fromUnknown),
  binary('unknown', 'text', 'implicit'),
].filter((fn, at, all) => all.findIndex((other) => other.key === fn.key) === at);

/** The cast between two array types, made from that of their elements. */
export function arrayCast(from: TypeName, to: TypeName, element: FunctionEntry): FunctionEntry {
  const site: CallSite = {
    args: [typeInfo(from).element ?? 'unknown'],
    result: typeInfo(to).element ?? 'unknown',
  };
  const each = (value: Datum, convert: (item: Datum) => Datum | undefined): Datum =>
    array(arrayOf(value).elements.map((e) => (e === null ? null : (convert(e) ?? null))));
  const { inZone } = element;
  return cast(
    from,
    to,
    element.context ?? 'explicit',
    (value) => each(value, (item) => element.evaluate?.([item], site)),
    inZone === undefined
      ? {}
      : { inZone: ([value], zone) => each(value ?? null, (item) => inZone([item], zone, site)) },
  );
}
