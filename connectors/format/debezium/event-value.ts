/**
 * One value of a row in a Debezium event into one cell. Debezium writes some types in a way of its
 * own; which one it was is told by the column's type and by what kind of JSON stands there. What
 * FieldReader takes is taken here too, except where Debezium means something else:
 *  - bool: also 0 and 1 (MySQL's tinyint(1)).
 *  - numeric: a string is a decimal's text or the base64 of its two's complement, whose scale is
 *    the column's; one that could be either is refused, unless the source says which it is. An
 *    object is such bytes with a scale of their own.
 *  - bytea: a string is base64.
 *  - date: a number is days since 1970. time, timestamp and timestamptz: a number is milliseconds
 *    if the column has at most three digits of fraction, else microseconds, as Debezium chooses by
 *    the same rule. interval: a number is microseconds.
 *  - jsonb, json: a string holds the document's text.
 *  - Where an event has a schema part, that says which of these it is: its units and scales come
 *    before those of the column, and a number that it does not call a time is none.
 *  - A value that Postgres did not send again, because an update left it as it was (TOAST), comes
 *    as a fixed text, in an array or a map of it where the column is one: it is left out.
 */
import { limits } from '../../../src/base/limits.ts';
import { isDate, isTimestamp } from '../../../dataflow/value/datetime-text.ts';
import { writeSmallNumeric } from '../../../dataflow/value/decimal.ts';
import { utf8 } from '../../../dataflow/value/words.ts';
import type { DecimalHandling } from '../decoder.ts';
import { FieldNames } from '../field-names.ts';
import { FieldReader, fieldKind } from '../field-value.ts';
import { codeUnchanged } from '../json-fields.ts';
import { writeMicroseconds } from '../iso-time.ts';
import { JsonCursor, isDigit, minus, openBrace, quote } from '../json-cursor.ts';
import type { ReadString } from '../json-string.ts';
import { readString } from '../json-string.ts';
import type { Heap, StagedColumn } from '../staging.ts';
import { decodeBase64 } from './base64.ts';
import {
  encodingBytes,
  encodingDays,
  encodingDigits,
  encodingMicroseconds,
  encodingMilliseconds,
  encodingNanoseconds,
  encodingOf,
  encodingTold,
  scaleOf,
  typeOf,
} from './event-schema.ts';

const kindBool = fieldKind('bool');
const kindNumeric = fieldKind('numeric');
const kindBytea = fieldKind('bytea');
const kindDate = fieldKind('date');
const kindTime = fieldKind('time');
const kindTimestamp = fieldKind('timestamp');
const kindTimestamptz = fieldKind('timestamptz');
const kindInterval = fieldKind('interval');
const kindJsonb = fieldKind('jsonb');
const kindJson = fieldKind('json');

const epochDays = 10_957;
const dayMilliseconds = 86_400_000;
const dayMicroseconds = 86_400_000_000;
/** Bytes of two's complement that a double holds exactly. */
const smallBytes = 6;
/** Bytes of the largest numeric that a declared precision (1000 digits) has, and a sign. */
const decimalBytesMax = 417;
const decimalScaleMax = 16_383;
const powers = Float64Array.from({ length: 16 }, (_, k) => 10 ** k);

/** How the text for unchanged values stands in JSON. */
interface Placeholder {
  readonly text: Uint8Array;
  readonly bytes: Uint8Array;
  /** In columns of arrays and of hstore. */
  readonly list: Uint8Array;
  readonly map: Uint8Array;
}

function placeholderOf(unavailable: string): Placeholder {
  const text = JSON.stringify(unavailable);
  return {
    text: utf8(text),
    bytes: utf8(JSON.stringify(Buffer.from(unavailable).toString('base64'))),
    list: utf8(`[${text}]`),
    map: utf8(`{${text}:${text}}`),
  };
}

/** Reads the values of rows; see the head of this file. */
export class EventValue extends FieldReader {
  readonly #document: JsonCursor;
  readonly #heap: Heap;
  readonly #decimals: DecimalHandling | null;
  readonly #string: ReadString = { bytes: 0, refusal: null };
  /** Reads documents that stand in strings. */
  readonly #innerCursor = new JsonCursor();
  readonly #inner: FieldReader;
  #innerBytes = new Uint8Array(1024);
  readonly #variable = new FieldNames(['scale', 'value']);

  /** What stands for values that did not change; null if all are there. */
  readonly #placeholder: Placeholder | null;

  /**
   * `decimals`: how strings of numeric columns are to be read, or null if that is not known;
   * `unavailable`: the text that stands for a value that did not change, or null if nothing does.
   */
  constructor(
    cursor: JsonCursor,
    heap: Heap,
    decimals: DecimalHandling | null,
    unavailable: string | null,
  ) {
    super(cursor, heap);
    this.#document = cursor;
    this.#heap = heap;
    this.#decimals = decimals;
    this.#placeholder = unavailable === null ? null : placeholderOf(unavailable);
    this.#inner = new FieldReader(this.#innerCursor, heap);
  }

  override read(
    kind: number,
    modifier: number,
    at: number,
    column: StagedColumn,
    row: number,
  ): number {
    const { bytes } = this.#document;
    const first = bytes[at];
    const type = typeOf(kind);
    if (first === quote) return this.#readString(kind, modifier, at, column, row);
    if (type === kindJsonb || type === kindJson) {
      const left = this.#leftOut(at, first === openBrace ? 'map' : 'list');
      if (left >= 0) return left;
    }
    if (type === kindNumeric && first === openBrace)
      return this.#variableDecimal(modifier, at, column, row);
    if (first !== minus && !isDigit(first)) return super.read(type, modifier, at, column, row);
    switch (type) {
      case kindBool:
        return this.#bit(at, column, row);
      case kindDate:
      case kindTime:
      case kindTimestamp:
      case kindTimestamptz:
      case kindInterval:
        return this.#moment(kind, modifier, at, column, row);
      default:
        return super.read(type, modifier, at, column, row);
    }
  }

  #readString(
    kind: number,
    modifier: number,
    at: number,
    column: StagedColumn,
    row: number,
  ): number {
    const type = typeOf(kind);
    const left = this.#leftOut(at, type === kindBytea ? 'bytes' : 'text');
    if (left >= 0) return left;
    switch (type) {
      case kindNumeric:
        return this.#decimalString(kind, modifier, at, column, row);
      case kindBytea:
        return this.#binary(at, column, row);
      case kindJsonb:
      case kindJson:
        return this.#documentString(type, at, column, row);
      default:
        return super.read(type, modifier, at, column, row);
    }
  }

  /** Refuses the placeholder, if that is what is at `at`, and answers the index after it; or -1. */
  #leftOut(at: number, form: keyof Placeholder): number {
    const text = this.#placeholder?.[form];
    if (text === undefined) return -1;
    const { bytes, end } = this.#document;
    if (bytes[at + 1] !== text[1] || bytes[at + 2] !== text[2] || at + text.length > end) return -1;
    if (!text.every((byte, k) => bytes[at + k] === byte)) return -1;
    return this.refuse('it did not change and was left out', codeUnchanged, at + text.length);
  }

  #bit(at: number, column: StagedColumn, row: number): number {
    const next = this.#document.skipNumber(at);
    if (next < 0) return -1;
    const digit = this.#document.bytes[at] - 0x30;
    if (next > at + 1 || digit > 1) return this.#refuseNumber(at, next, 'a boolean');
    this.refusal = null;
    column.words[row] = digit;
    return next;
  }

  #refuseNumber(at: number, next: number, what: string): number {
    const text = this.#document.text(at, Math.min(next, at + 64));
    return this.refuse(`${text} is not ${what}`, '22P02', next);
  }

  // Decimals and bytes.

  #decimalString(
    kind: number,
    modifier: number,
    at: number,
    column: StagedColumn,
    row: number,
  ): number {
    const encoding = encodingOf(kind);
    const isBytes = encoding === encodingBytes || this.#decimals === 'precise';
    const isDigits = encoding === encodingDigits || this.#decimals === 'string';
    if (isDigits && encoding !== encodingBytes)
      return super.read(kindNumeric, modifier, at, column, row);
    const next = this.#bytesOfString(at);
    if (next < 0) return -1;
    const { bytes, refusal } = this.#string;
    if (refusal !== null) return this.refuse(refusal, '22P05', next);
    const from = this.#heap.top * 4;
    const isText = !isBytes && isDecimalText(this.#heap.u8, from, bytes);
    const decoded = decodeBase64(this.#heap.u8, from, bytes);
    if (isText && decoded < 0) return super.read(kindNumeric, modifier, at, column, row);
    if (isText) {
      const text = this.#document.text(at, Math.min(next, at + 64));
      const hint = `DECIMAL HANDLING MODE 'precise' or 'string'`;
      const reason = `${text} can be a decimal and the bytes of one; say ENVELOPE DEBEZIUM (${hint})`;
      return this.refuse(reason, '22P02', next);
    }
    if (decoded <= 0) return this.refuse('it is not the bytes of a decimal', '22P02', next);
    if (encoding === encodingBytes)
      return this.#decimalBytes(decoded, scaleOf(kind), modifier, column, row, next);
    if (modifier < 4) {
      const reason = 'the bytes of a decimal need a column with a scale, numeric(p, s)';
      return this.refuse(reason, '22P02', next);
    }
    return this.#decimalBytes(decoded, (modifier - 4) & 0x7ff, modifier, column, row, next);
  }

  /** `{"scale": 2, "value": "BNI="}`: a numeric whose scale is its own. */
  #variableDecimal(modifier: number, at: number, column: StagedColumn, row: number): number {
    const cursor = this.#document;
    const next = cursor.skipValue(at, limits.jsonDepthMax);
    if (next < 0) return -1;
    const names = this.#variable;
    names.open();
    let scale = Number.NaN;
    let value = -1;
    let p = at + 1;
    for (;;) {
      p = names.find(cursor, p);
      if (names.found < 0 || p < 0) break;
      const end = cursor.skipValue(p, limits.jsonDepthMax);
      if (names.found === 1) value = p;
      else scale = Number(cursor.text(p, Math.min(end, p + 8)));
      p = end;
    }
    const isScale = Number.isInteger(scale) && Math.abs(scale) <= decimalScaleMax;
    if (!isScale || value < 0 || cursor.bytes[value] !== quote)
      return this.refuse('the object is not a decimal with its scale', '22P02', next);
    this.#bytesOfString(value);
    const decoded = decodeBase64(this.#heap.u8, this.#heap.top * 4, this.#string.bytes);
    if (decoded <= 0) return this.refuse('it is not the bytes of a decimal', '22P02', next);
    return this.#decimalBytes(decoded, scale, modifier, column, row, next);
  }

  /** Two's complement, high byte first, of `length` bytes at the heap's top. */
  #decimalBytes(
    length: number,
    scale: number,
    modifier: number,
    column: StagedColumn,
    row: number,
    next: number,
  ): number {
    if (length > decimalBytesMax)
      return this.refuse(`a decimal of ${length} bytes is too large`, '22003', next);
    const heap = this.#heap;
    const from = heap.top * 4;
    const high = (heap.u8[from] << 24) >> 24;
    const isAsItIs = modifier < 4 || scale === ((modifier - 4) & 0x7ff);
    if (length <= smallBytes && isAsItIs && scale >= 0 && scale < 1024) {
      let value = high;
      for (let k = 1; k < length; k++) value = value * 256 + heap.u8[from + k];
      const precision = modifier < 4 ? powers.length : (modifier - 4) >>> 16;
      if (precision >= powers.length || Math.abs(value) < powers[precision]) {
        this.refusal = null;
        heap.reserve(16);
        this.#close(writeSmallNumeric(heap.i32, heap.top, value, scale), column, row);
        return next;
      }
    }
    let value = BigInt(high);
    for (let k = 1; k < length; k++) value = value * 256n + BigInt(heap.u8[from + k]);
    return this.readText(kindNumeric, modifier, `${value}e${-scale}`, column, row, next);
  }

  #binary(at: number, column: StagedColumn, row: number): number {
    const next = this.#bytesOfString(at);
    if (next < 0) return -1;
    const { bytes, refusal } = this.#string;
    const decoded = refusal === null ? decodeBase64(this.#heap.u8, this.#heap.top * 4, bytes) : -1;
    if (decoded < 0) return this.refuse('it is not base64', '22P02', next);
    this.refusal = null;
    this.#close(decoded, column, row);
    return next;
  }

  /** Reads the string at `at` to the heap's top. */
  #bytesOfString(at: number): number {
    return readString(this.#document, at + 1, this.#heap, this.#string);
  }

  #close(bytes: number, column: StagedColumn, row: number): void {
    column.words[2 * row] = this.#heap.top;
    column.words[2 * row + 1] = bytes;
    this.#heap.close(bytes);
  }

  #documentString(kind: number, at: number, column: StagedColumn, row: number): number {
    const next = this.#bytesOfString(at);
    if (next < 0) return -1;
    const { bytes, refusal } = this.#string;
    if (refusal !== null) return this.refuse(refusal, '22P05', next);
    if (bytes > this.#innerBytes.length) this.#innerBytes = new Uint8Array(2 * bytes);
    const from = this.#heap.top * 4;
    this.#innerBytes.set(this.#heap.u8.subarray(from, from + bytes));
    const cursor = this.#innerCursor;
    cursor.open(this.#innerBytes);
    cursor.end = bytes;
    const start = cursor.skipBlank(0);
    const heapTop = this.#heap.top;
    const end = start < bytes ? this.#inner.read(kind, -1, start, column, row) : cursor.fail('');
    if (end < 0 || cursor.skipBlank(end) !== bytes) {
      this.#heap.top = heapTop;
      return this.refuse('the text is not a JSON document', '22P02', next);
    }
    this.refusal = this.#inner.refusal;
    this.refusalCode = this.#inner.refusalCode;
    return next;
  }

  // Dates and times.

  #moment(kind: number, modifier: number, at: number, column: StagedColumn, row: number): number {
    const cursor = this.#document;
    const type = typeOf(kind);
    const next = cursor.skipNumber(at);
    if (next < 0) return -1;
    const day = unitsOfDay(type, encodingOf(kind), modifier);
    const isCut = encodingOf(kind) === encodingNanoseconds;
    const value = isCut
      ? wholeThousands(cursor.bytes, at, next)
      : wholeDouble(cursor.bytes, at, next);
    if (day === 0 || Number.isNaN(value)) return this.#refuseNumber(at, next, momentName(type));
    this.refusal = null;
    if (type === kindInterval)
      return this.readText(type, modifier, `${value} microseconds`, column, row, next);
    if (type === kindDate) {
      if (!isDate(value - epochDays)) return this.#refuseNumber(at, next, 'a date');
      column.words[row] = value - epochDays;
      return next;
    }
    const isTime = type === kindTime;
    if (isTime && (value < 0 || value > day)) return this.#refuseNumber(at, next, 'a time');
    const days = isTime ? 0 : Math.floor(value / day);
    if (!isTime && !isTimestampDay(days - epochDays))
      return this.#refuseNumber(at, next, momentName(type));
    const ofDay = (value - days * day) * (dayMicroseconds / day);
    const daysSince2000 = isTime ? 0 : days - epochDays;
    writeMicroseconds(column.words, 2 * row, daysSince2000, rounded(ofDay, modifier));
    return next;
  }
}

function momentName(type: number): string {
  if (type === kindDate) return 'a date';
  if (type === kindTime) return 'a time';
  return type === kindInterval ? 'an interval' : 'a timestamp';
}

/** How many of a number's units a day has, for a type; 0 if the type cannot have that unit. */
function unitsOfDay(type: number, encoding: number, modifier: number): number {
  const isTimestamp = type === kindTimestamp || type === kindTimestamptz;
  switch (encoding) {
    case encodingTold:
      if (type === kindDate) return 1;
      if (type === kindInterval) return dayMicroseconds;
      return modifier >= 0 && modifier <= 3 ? dayMilliseconds : dayMicroseconds;
    case encodingDays:
      return isTimestamp || type === kindDate ? 1 : 0;
    case encodingMilliseconds:
      return isTimestamp || type === kindTime ? dayMilliseconds : 0;
    case encodingMicroseconds:
    case encodingNanoseconds:
      return type === kindDate ? 0 : dayMicroseconds;
    default:
      return 0;
  }
}

/** Whether all moments of a day since 2000 are timestamps. */
function isTimestampDay(days: number): boolean {
  const isNear = Math.abs(days) < 1_000_000;
  return isNear || (Number.isSafeInteger(days) && isTimestamp(BigInt(days) * 86_400_000_000n));
}

/** Whether a text is what numeric takes: digits with sign, point and exponent, or NaN. */
function isDecimalText(bytes: Uint8Array, from: number, length: number): boolean {
  if (length === 0 || length > 2000) return false;
  // Most bytes of decimals show at their first letter that they are no digits.
  const first = bytes[from];
  const isLetter = (first | 0x20) >= 0x61;
  if (isLetter && first !== 0x4e && first !== 0x49) return false;
  return /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]?Infinity)$/.test(
    Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString('latin1'),
  );
}

/** A whole number that a double holds exactly, or NaN. */
function wholeDouble(bytes: Uint8Array, from: number, to: number): number {
  const isNegative = bytes[from] === minus;
  let value = 0;
  for (let p = isNegative ? from + 1 : from; p < to; p++) {
    const digit = bytes[p] - 0x30;
    if (digit >>> 0 > 9) return Number.NaN;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  }
  return isNegative ? -value : value;
}

/** A whole number without its last three digits, or NaN. */
function wholeThousands(bytes: Uint8Array, from: number, to: number): number {
  const digits = to - from - (bytes[from] === minus ? 1 : 0);
  return digits > 3 ? wholeDouble(bytes, from, to - 3) : 0 * wholeDouble(bytes, from, to);
}

/** Microseconds of a day to the digits of fraction that a column has, half upwards. */
function rounded(microseconds: number, modifier: number): number {
  if (modifier < 0 || modifier >= 6) return microseconds;
  const unit = powers[6 - modifier];
  return Math.floor(microseconds / unit + 0.5) * unit;
}
