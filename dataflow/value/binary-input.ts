/**
 * Reading a value from Postgres' binary wire form, as the `recv` functions do. The bytes come from
 * clients: every length is checked before it is used, and bytes left over are an error.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import { array } from './array.ts';
import type { Datum, Decimal } from './datum.ts';
import { decimal, interval } from './datum.ts';
import {
  dateInfinity,
  dateMinusInfinity,
  isDate,
  isTimestamp,
  roundMicroseconds,
  timestampInfinity,
  timestampMinusInfinity,
} from './datetime-text.ts';
import {
  numericInfinity,
  numericMinusInfinity,
  numericNaN,
  numericScaleMax,
  tenTo,
} from './decimal.ts';
import { applyModifier } from './decimal-text.ts';
import { roundInterval } from './interval-text.ts';
import { canonicalJsonb, checkJson } from './json-text.ts';
import { elementOf } from './scalar-words.ts';
import { fitText } from './text-input.ts';
import type { TypeName } from './type.ts';
import { typeInfo } from './type.ts';

function short(): SqlError {
  return sqlError('08P01', 'insufficient data left in message');
}

function malformed(message: string): SqlError {
  return sqlError('22P03', message);
}

/** Reads big-endian numbers off the front of some bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  #advance(n: number): number {
    if (n < 0 || n > this.left) throw short();
    this.#at += n;
    return this.#at - n;
  }

  byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#advance(2));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4));
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#advance(8));
  }

  float4(): number {
    return this.#view.getFloat32(this.#advance(4));
  }

  float8(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  /** The next `n` bytes, as a view. */
  take(n: number): Uint8Array {
    const at = this.#advance(n);
    return this.#bytes.subarray(at, at + n);
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }
}

/** The datum that `bytes` encode; 08P01 if they are too few, 22P03 if they are not well formed. */
export function decodeBinary(type: TypeName, bytes: Uint8Array, modifier = -1): Datum {
  const reader = new Reader(bytes);
  const value = read(type, reader, modifier);
  if (reader.left > 0) throw malformed('incorrect binary data format');
  return value;
}

function read(type: TypeName, reader: Reader, modifier: number): Datum {
  switch (type) {
    case 'bool':
      return reader.byte() !== 0;
    case 'int2':
      return reader.int16();
    case 'int4':
      return reader.int32();
    case 'int8':
      return reader.int64();
    case 'float4':
      return reader.float4();
    case 'float8':
      return reader.float8();
    case 'numeric':
      return readNumeric(reader, modifier);
    case 'date':
      return readDate(reader);
    case 'time':
      return readTime(reader, modifier);
    case 'timestamp':
    case 'timestamptz':
      return readTimestamp(reader, modifier);
    case 'interval':
      return readInterval(reader, modifier);
    case 'uuid':
      return reader.take(16).slice();
    case 'bytea':
      return reader.rest().slice();
    case 'jsonb':
      return readJsonb(reader);
    case 'oid':
    case 'regclass':
    case 'regtype':
    case 'regproc':
    case 'regnamespace':
      return BigInt(reader.uint32());
    case 'char': {
      const byte = reader.byte();
      return byte === 0 ? '' : decodeUtf8(Uint8Array.of(byte));
    }
    case 'void':
      return '';
    default:
      return readOther(type, reader, modifier);
  }
}

function readOther(type: TypeName, reader: Reader, modifier: number): Datum {
  if (typeInfo(type).equality === 'array') return readArray(type, reader, modifier);
  const text = decodeUtf8(reader.rest());
  if (type === 'json') checkJson(text);
  return type === 'varchar' || type === 'bpchar' ? fitText(type, text, modifier, false) : text;
}

function readDate(reader: Reader): number {
  const days = reader.int32();
  const fits = days === dateInfinity || days === dateMinusInfinity || isDate(days);
  if (!fits) throw sqlError('22008', 'date out of range');
  return days;
}

function readTime(reader: Reader, modifier: number): bigint {
  const time = reader.int64();
  if (time < 0n || time > 86_400_000_000n) throw sqlError('22008', 'time out of range');
  return roundMicroseconds(time, modifier);
}

function readTimestamp(reader: Reader, modifier: number): bigint {
  const moment = reader.int64();
  const infinite = moment === timestampInfinity || moment === timestampMinusInfinity;
  if (!infinite && !isTimestamp(moment)) throw sqlError('22008', 'timestamp out of range');
  return roundMicroseconds(moment, modifier);
}

function readInterval(reader: Reader, modifier: number): Datum {
  const microseconds = reader.int64();
  const days = reader.int32();
  return roundInterval(interval(reader.int32(), days, microseconds), modifier);
}

function readJsonb(reader: Reader): string {
  const version = reader.byte();
  if (version !== 1) throw malformed(`unsupported jsonb version number ${version}`);
  return canonicalJsonb(decodeUtf8(reader.rest()));
}

function readNumeric(reader: Reader, modifier: number): Decimal {
  const count = reader.uint16();
  const weight = reader.int16();
  const sign = reader.uint16();
  const scale = reader.uint16();
  if (sign === 0xc000) return numericNaN;
  if (sign === 0xd000) return applyModifier(numericInfinity, modifier);
  if (sign === 0xf000) return applyModifier(numericMinusInfinity, modifier);
  if (sign !== 0 && sign !== 0x4000) throw malformed('invalid sign in external "numeric" value');
  if (scale > numericScaleMax) throw malformed('invalid scale in external "numeric" value');
  if (count * 2 > reader.left) throw short();
  let digits = '';
  for (let k = 0; k < count; k++) {
    const group = reader.uint16();
    if (group > 9999) throw malformed('invalid digit in external "numeric" value');
    digits += String(group).padStart(4, '0');
  }
  const exponent = (weight + 1 - count) * 4 + scale;
  let coefficient = BigInt(digits === '' ? '0' : digits);
  if (coefficient !== 0n) {
    coefficient = exponent >= 0 ? coefficient * tenTo(exponent) : coefficient / tenTo(-exponent);
  }
  return applyModifier(decimal(sign === 0 ? coefficient : -coefficient, scale), modifier);
}

function readArray(type: TypeName, reader: Reader, modifier: number): Datum {
  const element = elementOf(type);
  const dimensions = reader.int32();
  const flags = reader.int32();
  const oid = reader.uint32();
  if (dimensions < 0) throw malformed(`invalid number of dimensions: ${dimensions}`);
  if (dimensions > 1)
    throw sqlError('0A000', 'an array of more than one dimension is not supported');
  if (flags !== 0 && flags !== 1) throw malformed('invalid array flags');
  if (oid !== typeInfo(element).oid) throw sqlError('42804', 'wrong element type');
  if (dimensions === 0) return array([]);
  const count = reader.int32();
  reader.int32();
  if (count < 0 || count * 4 > reader.left) throw short();
  const elements: Datum[] = [];
  for (let k = 0; k < count; k++) {
    const length = reader.int32();
    elements.push(length === -1 ? null : decodeBinary(element, reader.take(length), modifier));
  }
  return array(elements);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text from a client; 22021 names the bytes that are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw invalidSequence(bytes.subarray(zero, zero + 1));
  try {
    return strict.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalidSequence(bytes.subarray(...firstInvalid(bytes)));
  }
}

function invalidSequence(bytes: Uint8Array): SqlError {
  const shown = Array.from(bytes, (b) => `0x${b.toString(16).padStart(2, '0')}`).join(' ');
  return sqlError('22021', `invalid byte sequence for encoding "UTF8": ${shown}`);
}

/**
 * Start and end of the first sequence that does not decode, by the length its first byte claims.
 */
function firstInvalid(bytes: Uint8Array): [number, number] {
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at];
    const length =
      lead < 0x80 ? 1 : lead >> 5 === 6 ? 2 : lead >> 4 === 14 ? 3 : lead >> 3 === 30 ? 4 : 1;
    const end = Math.min(bytes.length, at + length);
    try {
      strict.decode(bytes.subarray(at, end));
    } catch {
      return [at, end];
    }
    at = end;
  }
  return [0, bytes.length];
}
