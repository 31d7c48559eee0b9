/**
 * One value of a scalar type as words, by its type: the form it has in a column of its own, as an
 * element of an array, and (var types) in a record. 4-byte forms take one word, 8-byte forms two
 * (low word first), var forms as many as their bytes need.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Datum, Decimal, Interval } from './datum.ts';
import {
  compareNumericWords,
  decimalWords,
  equalNumericWords,
  hashNumericWords,
  readDecimal,
  writeDecimal,
} from './decimal.ts';
import {
  compareIntervalWords,
  equalIntervalWords,
  hashIntervalWords,
  intervalWords,
  readInterval,
  writeInterval,
} from './interval.ts';
import { compareJsonbWords, equalJsonbWords, hashJsonbWords } from './jsonb.ts';
import type { TypeName } from './type.ts';
import { physicalOf, typeInfo } from './type.ts';
import {
  bytesAt,
  compareBytes,
  finish,
  hashBytes,
  mix,
  sameWords,
  textWords,
  utf8Text,
  wordsFrom,
  wordsOf,
} from './words.ts';

/** Narrows a datum to the number that its type promises. */
export function numberOf(datum: Datum): number {
  assert(typeof datum === 'number', `a number is expected, got ${typeof datum}`);
  return datum;
}

/** Narrows a datum to the bigint that its type promises. */
export function bigintOf(datum: Datum): bigint {
  assert(typeof datum === 'bigint', `a bigint is expected, got ${typeof datum}`);
  return datum;
}

/** Narrows a datum to the string that its type promises. */
export function stringOf(datum: Datum): string {
  assert(typeof datum === 'string', `a string is expected, got ${typeof datum}`);
  return datum;
}

/** Narrows a datum to the bytes that its type promises. */
export function bytesOf(datum: Datum): Uint8Array {
  assert(datum instanceof Uint8Array, `bytes are expected, got ${typeof datum}`);
  return datum;
}

/** Narrows a datum to the decimal that its type promises. */
export function decimalOf(datum: Datum): Decimal {
  assert(isKind(datum, 'decimal'), `a decimal is expected, got ${typeof datum}`);
  return datum;
}

/** Narrows a datum to the interval that its type promises. */
export function intervalOf(datum: Datum): Interval {
  assert(isKind(datum, 'interval'), `an interval is expected, got ${typeof datum}`);
  return datum;
}

function isKind<K extends 'decimal' | 'interval'>(
  datum: Datum,
  kind: K,
): datum is Extract<Datum, { kind: K }> {
  return typeof datum === 'object' && datum !== null && 'kind' in datum && datum.kind === kind;
}

/** A var value laid out: its padded words and its length in bytes. */
export interface VarWords {
  readonly words: Int32Array;
  readonly bytes: number;
}

function encode(size: number, write: (words: Int32Array) => number): VarWords {
  const words = new Int32Array(size);
  return { words, bytes: write(words) };
}

/** Lays out a datum of a scalar var type. */
export function scalarVar(type: TypeName, datum: Datum): VarWords {
  switch (type) {
    case 'numeric': {
      const value = decimalOf(datum);
      return encode(decimalWords(value), (words) => writeDecimal(words, 0, value));
    }
    case 'interval': {
      const value = intervalOf(datum);
      return encode(intervalWords, (words) => writeInterval(words, 0, value));
    }
    default: {
      if (type !== 'bytea' && type !== 'uuid') return textWords(stringOf(datum));
      const bytes = bytesOf(datum);
      return { words: wordsFrom(bytes), bytes: bytes.length };
    }
  }
}

/** Reads a datum of a scalar var type. Bytes are copied. */
export function readScalarVar(type: TypeName, i32: Int32Array, at: number, bytes: number): Datum {
  switch (type) {
    case 'numeric':
      return readDecimal(i32, at, bytes);
    case 'interval':
      return readInterval(i32, at);
    case 'bytea':
    case 'uuid':
      return new Uint8Array(bytesAt(i32, at, bytes));
    default:
      return utf8Text(bytesAt(i32, at, bytes));
  }
}

const scratch = new Float64Array(1);
const scratchWords = new Int32Array(scratch.buffer);

function doubleAt(i32: Int32Array, at: number): number {
  scratchWords[0] = i32[at];
  scratchWords[1] = i32[at + 1];
  return scratch[0];
}

/** The words of a datum of any scalar type. */
export function scalarWords(type: TypeName, datum: Datum): VarWords {
  switch (physicalOf(type)) {
    case 'i32':
      return { words: Int32Array.of(type === 'bool' ? Number(datum) : numberOf(datum)), bytes: 4 };
    case 'i64':
      return encode(2, (words) => {
        words[0] = Number(BigInt.asIntN(32, bigintOf(datum)));
        words[1] = Number(BigInt.asIntN(32, bigintOf(datum) >> 32n));
        return 8;
      });
    case 'f64':
      return encode(2, (words) => {
        scratch[0] = numberOf(datum);
        words.set(scratchWords);
        return 8;
      });
    case 'var':
      return scalarVar(type, datum);
  }
}

/** Reads a datum of any scalar type from its words. */
export function readScalar(type: TypeName, i32: Int32Array, at: number, bytes: number): Datum {
  switch (physicalOf(type)) {
    case 'i32':
      return type === 'bool' ? i32[at] !== 0 : i32[at];
    case 'i64':
      return (BigInt(i32[at + 1]) << 32n) | BigInt(i32[at] >>> 0);
    case 'f64':
      return doubleAt(i32, at);
    case 'var':
      return readScalarVar(type, i32, at, bytes);
  }
}

/** Hash of a scalar value under SQL equality. */
export function hashScalar(type: TypeName, i32: Int32Array, at: number, bytes: number): number {
  switch (typeInfo(type).equality) {
    case 'numeric':
      return hashNumericWords(i32, at, bytes);
    case 'interval':
      return hashIntervalWords(i32, at);
    case 'jsonb':
      return hashJsonbWords(i32, at, bytes);
    case 'float': {
      const value = doubleAt(i32, at);
      scratch[0] = value === 0 ? 0 : Number.isNaN(value) ? Number.NaN : value;
      return finish(mix(scratchWords[0], scratchWords[1]));
    }
    default:
      return hashBytes(i32, at, bytes);
  }
}

/** SQL equality of two values of one scalar type. */
export function equalScalar(
  type: TypeName,
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): boolean {
  switch (typeInfo(type).equality) {
    case 'numeric':
      return equalNumericWords(a, aAt, aBytes, b, bAt, bBytes);
    case 'interval':
      return equalIntervalWords(a, aAt, b, bAt);
    case 'jsonb':
      return equalJsonbWords(a, aAt, aBytes, b, bAt, bBytes);
    case 'float':
      return compareDoubles(doubleAt(a, aAt), doubleAt(b, bAt)) === 0;
    default:
      return aBytes === bBytes && sameWords(a, aAt, b, bAt, wordsOf(aBytes));
  }
}

/** Order of doubles: NaN is equal to itself and greatest, −0 = 0. */
export function compareDoubles(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** SQL order of two values of one scalar type: negative, 0 or positive. */
export function compareScalar(
  type: TypeName,
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): number {
  switch (typeInfo(type).equality) {
    case 'numeric':
      return compareNumericWords(a, aAt, aBytes, b, bAt, bBytes);
    case 'interval':
      return compareIntervalWords(a, aAt, b, bAt);
    case 'jsonb':
      return compareJsonbWords(a, aAt, aBytes, b, bAt, bBytes);
    case 'float':
      return compareDoubles(doubleAt(a, aAt), doubleAt(b, bAt));
    case 'integer':
      if (aBytes === 4) return a[aAt] < b[bAt] ? -1 : a[aAt] > b[bAt] ? 1 : 0;
      if (a[aAt + 1] !== b[bAt + 1]) return a[aAt + 1] < b[bAt + 1] ? -1 : 1;
      return (a[aAt] >>> 0) - (b[bAt] >>> 0);
    default:
      return compareBytes(a, aAt, aBytes, b, bAt, bBytes);
  }
}

/** The element type of an array type. */
export function elementOf(type: TypeName): TypeName {
  return defined(typeInfo(type).element, `${type} is an array type`);
}
