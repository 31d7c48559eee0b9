/**
 * Single values of Protobuf to datums and to JSON: scalars behind their tag, and the well-known
 * types that are columns of their own. What is wrong is thrown as `BadProtobuf`; it is for values
 * that are rare or have parts, the usual ones are read by `row.ts` without it.
 */
import { unreachable } from '../../../src/base/assert.ts';
import { unixEpochMicroseconds } from '../../../dataflow/value/calendar.ts';
import { isTimestamp } from '../../../dataflow/value/datetime-text.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { decimal, interval } from '../../../dataflow/value/datum.ts';
import { canonicalJsonb, jsonQuote } from '../../../dataflow/value/json-text.ts';
import { formatFloat } from '../../../dataflow/value/number-text.ts';
import { utf8Text } from '../../../dataflow/value/words.ts';
import { invalidTextAt } from '../text-bytes.ts';
import type { ProtoCursor } from './cursor.ts';
import { wireBytes, wireFixed32, wireFixed64, wireVarint } from './cursor.ts';
import type { Initial, ProtoEnum, ProtoField, ScalarName } from './schema.ts';
import { isMessage } from './schema.ts';

/** Why bytes are not a message of the schema; `code` is the SQLSTATE. */
export class BadProtobuf extends Error {
  override readonly name = 'BadProtobuf';
  readonly code: string;

  constructor(reason: string, code = '22P03') {
    super(reason);
    this.code = code;
  }
}

/** Throws what the cursor found wrong. */
export function must(cursor: ProtoCursor, isRight: boolean): void {
  if (!isRight) throw new BadProtobuf(cursor.problem);
}

/** The wire type of a type, when it is not packed. */
export function wireOf(type: ProtoField['type']): number {
  if (typeof type !== 'string') return isMessage(type) ? wireBytes : wireVarint;
  switch (type) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return wireFixed64;
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return wireFixed32;
    case 'string':
    case 'bytes':
      return wireBytes;
    default:
      return wireVarint;
  }
}

/** A scalar or enum as it was written: enums are their numbers. */
export type Plain = number | bigint | boolean | string | Uint8Array;

function wide(cursor: ProtoCursor): bigint {
  return (BigInt(cursor.high) << 32n) | BigInt(cursor.low >>> 0);
}

/** Reads a value of a type without parts at the cursor. */
export function readPlain(type: ScalarName | ProtoEnum, cursor: ProtoCursor): Plain {
  if (typeof type !== 'string') {
    must(cursor, cursor.varint());
    return cursor.low;
  }
  switch (wireOf(type)) {
    case wireFixed32:
      must(cursor, cursor.fixed32());
      break;
    case wireFixed64:
      must(cursor, cursor.fixed64());
      break;
    case wireBytes:
      must(cursor, cursor.length());
      break;
    default:
      must(cursor, cursor.varint());
  }
  const { low, high, at, bytes, view } = cursor;
  switch (type) {
    case 'double':
      return view.getFloat64(at - 8, true);
    case 'float':
      return view.getFloat32(at - 4, true);
    case 'int32':
    case 'sfixed32':
      return low;
    case 'uint32':
    case 'fixed32':
      return low >>> 0;
    case 'sint32':
      return (low >>> 1) ^ -(low & 1);
    case 'int64':
    case 'sfixed64':
      return wide(cursor);
    case 'uint64':
    case 'fixed64':
      return BigInt.asUintN(64, wide(cursor));
    case 'sint64': {
      const zigzag = BigInt.asUintN(64, wide(cursor));
      return (zigzag >> 1n) ^ -(zigzag & 1n);
    }
    case 'bool':
      return low !== 0 || high !== 0;
    case 'string':
      cursor.at = at + low;
      return textOf(bytes, at, at + low);
    case 'bytes':
      cursor.at = at + low;
      return bytes.slice(at, at + low);
    default:
      return unreachable(type);
  }
}

/** Text that Postgres takes. */
export function textOf(bytes: Uint8Array, at: number, end: number): string {
  const bad = invalidTextAt(bytes, at, end);
  if (bad < 0) return utf8Text(bytes.subarray(at, end));
  throw new BadProtobuf(badText(bytes, bad, at), '22021');
}

/** What is wrong with a text. */
export function badText(bytes: Uint8Array, bad: number, at: number): string {
  const hex = (bytes[bad] ?? 0).toString(16).padStart(2, '0');
  return `invalid byte sequence for encoding "UTF8": 0x${hex} at byte ${bad - at}`;
}

/** The name of an enum's number, or the number. */
export function symbolOf(type: ProtoEnum, number: number): string {
  return type.symbols.get(number) ?? String(number);
}

/** What a field is that nobody wrote, where it has no default of its own. */
export function zeroOf(type: ProtoField['type']): Initial {
  if (typeof type !== 'string') return isMessage(type) ? '' : type.first;
  if (type === 'string') return '';
  if (type === 'bytes') return new Uint8Array(0);
  if (type === 'bool') return false;
  return type.endsWith('64') ? 0n : 0;
}

/** The datum of a value in the column that its type has. */
export function plainDatum(type: ScalarName | ProtoEnum, value: Plain): Datum {
  if (typeof type !== 'string') return symbolOf(type, Number(value));
  switch (type) {
    case 'uint32':
    case 'fixed32':
      return typeof value === 'number' ? BigInt(value) : null;
    case 'uint64':
    case 'fixed64':
      return typeof value === 'bigint' ? decimal(value, 0) : null;
    default:
      return value;
  }
}

/** Canonical JSON of a value, as jsonb has it: numbers of 64 bits are strings. */
export function plainJson(type: ScalarName | ProtoEnum, value: Plain): string {
  if (typeof type !== 'string') {
    const symbol = type.symbols.get(Number(value));
    if (type.name === 'google.protobuf.NullValue') return 'null';
    return symbol === undefined ? String(value) : jsonQuote(symbol);
  }
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return jsonQuote(value);
  if (typeof value === 'bigint') return `"${value}"`;
  if (typeof value !== 'number') return jsonQuote(Buffer.from(value).toString('base64'));
  if (type !== 'float' && type !== 'double') return String(value);
  const text = formatFloat(type === 'float' ? 'float4' : 'float8', value);
  return Number.isFinite(value) ? canonicalJsonb(text) : jsonQuote(text);
}

/** Seconds and nanoseconds of a Timestamp or Duration, over all its pieces. */
export interface Moment {
  seconds: bigint;
  nanos: number;
}

/** Reads [at, end) into a moment; what is not there stays. */
export function readMoment(cursor: ProtoCursor, moment: Moment): void {
  while (cursor.at < cursor.end) {
    must(cursor, cursor.tag());
    const { number, wire } = cursor;
    if (wire !== wireVarint || number > 2) {
      must(cursor, cursor.skip(wire));
      continue;
    }
    must(cursor, cursor.varint());
    if (number === 1) moment.seconds = wide(cursor);
    else moment.nanos = cursor.low;
  }
}

const nanosMax = 999_999_999;

/** A Timestamp's microseconds since 2000, rounded down. */
export function timestampOf({ seconds, nanos }: Moment): bigint {
  const microseconds =
    seconds * 1_000_000n + BigInt(Math.floor(nanos / 1000)) + unixEpochMicroseconds;
  if (nanos < 0 || nanos > nanosMax || !isTimestamp(microseconds))
    throw new BadProtobuf('timestamp out of range', '22008');
  return microseconds;
}

/** Seconds of the longest Duration: ten thousand years. */
const durationSecondsMax = 315_576_000_000n;

/** Checks a Duration: both parts have one sign. */
export function requireDuration({ seconds, nanos }: Moment): void {
  const isInRange =
    seconds >= -durationSecondsMax &&
    seconds <= durationSecondsMax &&
    nanos >= -nanosMax &&
    nanos <= nanosMax &&
    !(seconds > 0n && nanos < 0) &&
    !(seconds < 0n && nanos > 0);
  if (!isInRange) throw new BadProtobuf('interval out of range', '22008');
}

/** A Duration as an interval, rounded towards zero. */
export function durationOf(moment: Moment): Datum {
  requireDuration(moment);
  return interval(0, 0, moment.seconds * 1_000_000n + BigInt(Math.trunc(moment.nanos / 1000)));
}
