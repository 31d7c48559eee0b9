/**
 * One JSON value into one cell of a staged column, by the column's type.
 *
 * `read` takes the index of the value's first byte and answers the index after it, or -1 if the
 * bytes are not JSON. A value that is JSON but not of the type leaves a reason in `refusal`; the
 * index answered is right all the same, so that the rest of the record can be checked. What each
 * type takes:
 *  - bool: true, false. Integers: numbers without fraction (1.0 and 1e3 count), or strings with
 *    what Postgres reads as that type. Floats and numeric: numbers, or strings as Postgres reads
 *    them.
 *  - text types: strings. uuid, bytea (hex or escape form), interval, date and time types: strings
 *    as Postgres reads them, ISO 8601 among them. Numbers are not taken for times: nothing says
 *    their unit.
 *  - jsonb: anything, canonical. json: anything, as it stands.
 *
 * The usual spellings are read from the bytes; the others go through `parseDatum`, whose messages
 * are Postgres'.
 */
import { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import type { Datum } from '../../dataflow/value/datum.ts';
import { writeSmallNumeric } from '../../dataflow/value/decimal.ts';
import { scalarVar } from '../../dataflow/value/scalar-words.ts';
import { parseDatum } from '../../dataflow/value/text-input.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { typeInfo } from '../../dataflow/value/type.ts';
import { formatDecimal, parseDecimal } from '../../dataflow/value/decimal-text.ts';
import { IsoTime, writeMicroseconds } from './iso-time.ts';
import { JsonCanonical } from './json-canonical.ts';
import type { JsonCursor } from './json-cursor.ts';
import { hexDigit, isDigit, minus, point, quote } from './json-cursor.ts';
import type { ReadString } from './json-string.ts';
import { readString } from './json-string.ts';
import type { Heap, StagedColumn } from './staging.ts';

const fieldTypes = [
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'text',
  'varchar',
  'bpchar',
  'bytea',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'interval',
  'uuid',
  'jsonb',
  'json',
] as const;

/** Types that a field of a JSON object can have. */
export type FieldType = (typeof fieldTypes)[number];

/** Whether fields of JSON objects can have this type. */
export function isFieldType(type: TypeName): type is FieldType {
  const types: readonly TypeName[] = fieldTypes;
  return types.includes(type);
}

/** The number by which `FieldReader.read` knows a type. */
export function fieldKind(type: FieldType): number {
  return fieldTypes.indexOf(type);
}

const two32 = 2 ** 32;
/** Digits that a double holds exactly, whatever they are. */
const exactDigits = 15;
const powers = Float64Array.from({ length: 23 }, (_, k) => 10 ** k);
const kindInt4 = fieldKind('int4');
const kindInt8 = fieldKind('int8');
const kindFloat4 = fieldKind('float4');
/** Bytes of a value that a message quotes. */
const quotedBytesMax = 64;

/** Reads single values; one per document cursor and heap. */
export class FieldReader {
  /** Why the last value does not fit its column; null if it does. */
  refusal: string | null = null;
  refusalCode = '22P02';
  readonly #cursor: JsonCursor;
  readonly #heap: Heap;
  readonly #canonical: JsonCanonical;
  readonly #string: ReadString = { bytes: 0, refusal: null };
  readonly #time = new IsoTime();
  /** The last integer that `#digits` read: int64 as words, and whether it fits. */
  #low = 0;
  #high = 0;
  /** The last number that `#decimal` read, without its point. */
  #value = 0;
  #scale = 0;
  #digitCount = 0;

  constructor(cursor: JsonCursor, heap: Heap) {
    this.#cursor = cursor;
    this.#heap = heap;
    this.#canonical = new JsonCanonical(cursor, heap);
  }

  /**
   * See the head of this file; `kind` is a `fieldKind`. `at` is inside the document; null never
   * comes here.
   */
  read(kind: number, modifier: number, at: number, column: StagedColumn, row: number): number {
    this.refusal = null;
    const type = fieldTypes[kind];
    switch (kind) {
      case 0:
        return this.#bool(at, column, row);
      case 1:
      case 2:
      case 3:
        return this.#integer(kind, at, column, row);
      case 4:
      case 5:
        return this.#float(kind, at, column, row);
      case 6:
        return this.#numeric(modifier, at, column, row);
      case 7:
        return this.#text(at, column, row);
      case 8:
      case 9:
        return this.#limitedText(kind, modifier, at, column, row);
      case 11:
      case 12:
      case 13:
      case 14:
        return this.#datetime(kind, modifier, at, column, row);
      case 16:
        return this.#uuid(at, column, row);
      case 17:
        return this.#jsonb(at, column, row);
      case 18:
        return this.#json(at, column, row);
      default:
        return this.#spelled(type, modifier, at, column, row);
    }
  }

  /** Notes why a value that ends at `next` is refused; answers `next`. */
  refuse(reason: string, code: string, next: number): number {
    this.refusal = reason;
    this.refusalCode = code;
    return next;
  }

  /** What Postgres reads as the type in `text`, which stands for a value that ends at `next`. */
  readText(
    kind: number,
    modifier: number,
    text: string,
    column: StagedColumn,
    row: number,
    next: number,
  ): number {
    this.refusal = null;
    return this.#parse(fieldTypes[kind], modifier, text, column, row, next);
  }

  /** The value is JSON of another kind than the type takes. */
  #wrongKind(type: TypeName, at: number): number {
    const next = this.#cursor.skipValue(at, limits.jsonDepthMax);
    if (next < 0) return -1;
    return this.refuse(
      `${this.#quoted(at, next)} is not of type ${typeInfo(type).sqlName}`,
      '22P02',
      next,
    );
  }

  #quoted(at: number, next: number): string {
    const whole = next - at <= quotedBytesMax;
    return this.#cursor.text(at, whole ? next : at + quotedBytesMax) + (whole ? '' : '…');
  }

  /** Any string value through `parseDatum`. */
  #spelled(
    type: FieldType,
    modifier: number,
    at: number,
    column: StagedColumn,
    row: number,
  ): number {
    const cursor = this.#cursor;
    if (cursor.bytes[at] !== quote) return this.#wrongKind(type, at);
    const next = readString(cursor, at + 1, this.#heap, this.#string);
    if (next < 0) return -1;
    if (this.#string.refusal !== null) return this.refuse(this.#string.refusal, '22P05', next);
    const from = this.#heap.top * 4;
    const text = Buffer.from(this.#heap.u8.buffer, from, this.#string.bytes).toString('utf8');
    return this.#parse(type, modifier, text, column, row, next);
  }

  #parse(
    type: FieldType,
    modifier: number,
    text: string,
    column: StagedColumn,
    row: number,
    next: number,
  ): number {
    try {
      this.#write(type, parseDatum(type, text, modifier), column, row);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.refuse(error.message, error.fields.code, next);
    }
    return next;
  }

  #write(type: FieldType, datum: Datum, column: StagedColumn, row: number): void {
    if (typeof datum === 'number') {
      if (column.physical === 'f64') column.doubles[row] = datum;
      else column.words[row] = datum;
    } else if (typeof datum === 'bigint') {
      column.words[2 * row] = Number(BigInt.asIntN(32, datum));
      column.words[2 * row + 1] = Number(BigInt.asIntN(32, datum >> 32n));
    } else if (typeof datum === 'boolean') column.words[row] = datum ? 1 : 0;
    else {
      const { words, bytes } = scalarVar(type, datum);
      this.#heap.reserve(bytes);
      this.#heap.i32.set(words, this.#heap.top);
      this.#closeVar(bytes, column, row);
    }
  }

  /** Makes the `bytes` bytes at the heap's top the cell's value. */
  #closeVar(bytes: number, column: StagedColumn, row: number): void {
    column.words[2 * row] = this.#heap.top;
    column.words[2 * row + 1] = bytes;
    this.#heap.close(bytes);
  }

  // Integers.

  #integer(kind: number, at: number, column: StagedColumn, row: number): number {
    const { bytes, end } = this.#cursor;
    const quoted = bytes[at] === quote;
    let next = this.#digits(quoted ? at + 1 : at);
    if (next < 0) return this.#otherInteger(kind, at, column, row);
    if (quoted) {
      if (next >= end || bytes[next] !== quote) return this.#otherInteger(kind, at, column, row);
      next++;
    } else if (next < end && (bytes[next] === point || (bytes[next] | 0x20) === 0x65)) {
      return this.#otherInteger(kind, at, column, row);
    }
    return this.#storeInteger(kind, at, column, row, next);
  }

  #storeInteger(kind: number, at: number, column: StagedColumn, row: number, next: number): number {
    const low = this.#low;
    if (kind === kindInt8) {
      column.words[2 * row] = low;
      column.words[2 * row + 1] = this.#high;
      return next;
    }
    const fits = this.#high === low >> 31 && (kind === kindInt4 || (low << 16) >> 16 === low);
    if (!fits) {
      const text = this.#quoted(at, next).replaceAll('"', '');
      return this.refuse(
        `value "${text}" is out of range for type ${sqlName(kind)}`,
        '22003',
        next,
      );
    }
    column.words[row] = low;
    return next;
  }

  /**
   * Reads `-`? and up to 19 digits without leading zeros as an int64; answers the index after them,
   * or -1 if that is not what stands there.
   */
  #digits(at: number): number {
    const { bytes, end } = this.#cursor;
    const negative = bytes[at] === minus;
    const first = negative ? at + 1 : at;
    let value = 0;
    let p = first;
    for (const stop = Math.min(end, first + exactDigits); p < stop; p++) {
      const digit = bytes[p] - 0x30;
      if (digit >>> 0 > 9) break;
      value = value * 10 + digit;
    }
    if (p === first || (bytes[first] === 0x30 && p > first + 1)) return -1;
    if (p - first === exactDigits && p < end && isDigit(bytes[p]))
      return this.#longDigits(first, negative);
    const signed = negative ? -value : value;
    const high = Math.floor(signed / two32);
    this.#high = high;
    this.#low = (signed - high * two32) | 0;
    return p;
  }

  /** 16 to 19 digits: a * 10^9 + b in parts that doubles hold. */
  #longDigits(first: number, negative: boolean): number {
    const { bytes, end } = this.#cursor;
    let p = first;
    while (p < end && isDigit(bytes[p])) p++;
    const count = p - first;
    if (count > 19) return -1;
    let a = 0;
    let b = 0;
    for (let k = first; k < p - 9; k++) a = a * 10 + bytes[k] - 0x30;
    for (let k = p - 9; k < p; k++) b = b * 10 + bytes[k] - 0x30;
    const aHigh = Math.floor(a / 65536);
    const aLow = a - aHigh * 65536;
    const x = aHigh * 1e9;
    const y = aLow * 1e9 + b;
    const xHigh = Math.floor(x / 65536);
    const sum = (x - xHigh * 65536) * 65536 + y;
    const carry = Math.floor(sum / two32);
    const low = sum - carry * two32;
    const high = xHigh + carry;
    if (high > 2 ** 31 || (high === 2 ** 31 && !(negative && low === 0))) return -1;
    this.#low = negative ? -low | 0 : low | 0;
    this.#high = negative ? (low === 0 ? -high : -high - 1) | 0 : high | 0;
    return p;
  }

  /** Numbers with fraction or exponent, too many digits, other strings. */
  #otherInteger(kind: number, at: number, column: StagedColumn, row: number): number {
    const type = fieldTypes[kind];
    const cursor = this.#cursor;
    const first = cursor.bytes[at];
    if (first === quote) return this.#spelled(type, -1, at, column, row);
    if (first !== minus && !isDigit(first)) return this.#wrongKind(type, at);
    const next = cursor.skipNumber(at);
    if (next < 0) return -1;
    const text = cursor.text(at, next);
    const whole = wholeNumber(text);
    if (whole === null)
      return this.refuse(`${this.#quoted(at, next)} is not a whole number`, '22P02', next);
    return this.#parse(type, -1, whole, column, row, next);
  }

  // Numbers.

  /**
   * Reads digits with at most one point among them, as `#value`, `#scale` and `#digitCount`. Answers
   * where they end, or −1 if they are not a JSON number that a double holds exactly.
   */
  #decimal(firstDigit: number): number {
    const { bytes, end } = this.#cursor;
    let p = firstDigit;
    let value = 0;
    let digits = 0;
    let fraction = 0;
    for (; p < end; p++) {
      const digit = bytes[p] - 0x30;
      if (digit >>> 0 <= 9) {
        value = value * 10 + digit;
        digits++;
      } else if (bytes[p] === point && fraction === 0) fraction = p + 1;
      else break;
    }
    const scale = fraction === 0 ? 0 : p - fraction;
    const usual =
      digits > 0 &&
      digits <= exactDigits &&
      fraction !== p &&
      fraction !== firstDigit + 1 &&
      (bytes[firstDigit] !== 0x30 || digits - scale === 1) &&
      p < end;
    if (!usual) return -1;
    this.#value = value;
    this.#scale = scale;
    this.#digitCount = digits;
    return p;
  }

  #float(kind: number, at: number, column: StagedColumn, row: number): number {
    const { bytes } = this.#cursor;
    const negative = bytes[at] === minus;
    const p = this.#decimal(negative ? at + 1 : at);
    if (p < 0 || (bytes[p] | 0x20) === 0x65) return this.#otherFloat(kind, at, column, row);
    const exact = this.#scale === 0 ? this.#value : this.#value / powers[this.#scale];
    const signed = negative ? -exact : exact;
    column.doubles[row] = kind === kindFloat4 ? Math.fround(signed) : signed;
    return p;
  }

  #otherFloat(kind: number, at: number, column: StagedColumn, row: number): number {
    const cursor = this.#cursor;
    const type = fieldTypes[kind];
    const first = cursor.bytes[at];
    if (first === quote) return this.#spelled(type, -1, at, column, row);
    if (first !== minus && !isDigit(first)) return this.#wrongKind(type, at);
    const next = cursor.skipNumber(at);
    if (next < 0) return -1;
    const value = Number(cursor.buffer.toString('latin1', at, next));
    const rounded = kind === kindFloat4 ? Math.fround(value) : value;
    if (!Number.isFinite(rounded) || (rounded === 0 && !isZero(cursor.bytes, at, next))) {
      return this.refuse(
        `"${this.#quoted(at, next)}" is out of range for type ${sqlName(kind)}`,
        '22003',
        next,
      );
    }
    column.doubles[row] = rounded;
    return next;
  }

  #numeric(modifier: number, at: number, column: StagedColumn, row: number): number {
    const { bytes } = this.#cursor;
    const quoted = bytes[at] === quote;
    const from = quoted ? at + 1 : at;
    const negative = bytes[from] === minus;
    const p = this.#decimal(negative ? from + 1 : from);
    if (p < 0 || (quoted ? bytes[p] !== quote : (bytes[p] | 0x20) === 0x65)) {
      return this.#otherNumeric(modifier, at, column, row);
    }
    if (!this.#fitNumeric(negative ? -this.#value : this.#value, modifier, column, row)) {
      return this.#otherNumeric(modifier, at, column, row);
    }
    return quoted ? p + 1 : p;
  }

  /**
   * Writes a small coefficient at the scale that the modifier asks for; false if that takes more
   * care.
   */
  #fitNumeric(value: number, modifier: number, column: StagedColumn, row: number): boolean {
    let coefficient = value;
    let finalScale = this.#scale;
    if (modifier >= 4) {
      const precision = (modifier - 4) >>> 16;
      const wanted = (modifier - 4) & 0x7ff;
      const more = wanted - finalScale;
      if (wanted >= 1024 || more < 0 || this.#digitCount + more > exactDigits) return false;
      coefficient *= powers[more];
      finalScale = wanted;
      if (precision < exactDigits && Math.abs(coefficient) >= powers[precision]) return false;
    }
    this.#heap.reserve(16);
    this.#closeVar(
      writeSmallNumeric(this.#heap.i32, this.#heap.top, coefficient, finalScale),
      column,
      row,
    );
    return true;
  }

  #otherNumeric(modifier: number, at: number, column: StagedColumn, row: number): number {
    const cursor = this.#cursor;
    const first = cursor.bytes[at];
    if (first === quote) return this.#spelled('numeric', modifier, at, column, row);
    if (first !== minus && !isDigit(first)) return this.#wrongKind('numeric', at);
    const next = cursor.skipNumber(at);
    if (next < 0) return -1;
    return this.#parse('numeric', modifier, cursor.text(at, next), column, row, next);
  }

  // The rest.

  #bool(at: number, column: StagedColumn, row: number): number {
    const first = this.#cursor.bytes[at];
    if (first !== 0x74 && first !== 0x66) return this.#wrongKind('bool', at);
    column.words[row] = first === 0x74 ? 1 : 0;
    return this.#cursor.skipLiteral(at);
  }

  #text(at: number, column: StagedColumn, row: number): number {
    const cursor = this.#cursor;
    if (cursor.bytes[at] !== quote) return this.#wrongKind('text', at);
    const next = readString(cursor, at + 1, this.#heap, this.#string);
    if (next < 0) return -1;
    if (this.#string.refusal !== null) return this.refuse(this.#string.refusal, '22P05', next);
    this.#closeVar(this.#string.bytes, column, row);
    return next;
  }

  /**
   * varchar(n) and char(n). A text of at most n bytes fits; the others are counted by characters.
   */
  #limitedText(
    kind: number,
    modifier: number,
    at: number,
    column: StagedColumn,
    row: number,
  ): number {
    const cursor = this.#cursor;
    const type = fieldTypes[kind];
    if (cursor.bytes[at] !== quote) return this.#wrongKind(type, at);
    const next = readString(cursor, at + 1, this.#heap, this.#string);
    if (next < 0) return -1;
    if (this.#string.refusal !== null) return this.refuse(this.#string.refusal, '22P05', next);
    let { bytes } = this.#string;
    if (modifier >= 4 && bytes > modifier - 4)
      return this.#spelled(type, modifier, at, column, row);
    const { u8, top } = this.#heap;
    if (type === 'bpchar') while (bytes > 0 && u8[top * 4 + bytes - 1] === 0x20) bytes--;
    this.#closeVar(bytes, column, row);
    return next;
  }

  #datetime(kind: number, modifier: number, at: number, column: StagedColumn, row: number): number {
    const cursor = this.#cursor;
    const type = fieldTypes[kind];
    if (cursor.bytes[at] !== quote) return this.#wrongKind(type, at);
    const next = cursor.skipString(at + 1);
    if (next < 0) return -1;
    const time = this.#time;
    const usual =
      !cursor.escaped &&
      (modifier < 0 || type === 'date') &&
      (type === 'time'
        ? time.readTime(cursor.bytes, at + 1, next - 1) && time.hasTime
        : time.readDate(cursor.bytes, at + 1, next - 1));
    if (!usual) return this.#spelled(type, modifier, at, column, row);
    if (type === 'date') column.words[row] = time.days;
    else if (type === 'time') writeMicroseconds(column.words, 2 * row, 0, time.microseconds);
    else {
      const shift = type === 'timestamptz' ? time.zone * 1e6 : 0;
      writeMicroseconds(column.words, 2 * row, time.days, time.microseconds - shift);
    }
    return next;
  }

  #uuid(at: number, column: StagedColumn, row: number): number {
    const { bytes, end } = this.#cursor;
    const usual =
      bytes[at] === quote &&
      at + 38 <= end &&
      bytes[at + 37] === quote &&
      bytes[at + 9] === minus &&
      bytes[at + 14] === minus &&
      bytes[at + 19] === minus &&
      bytes[at + 24] === minus;
    if (!usual) return this.#spelled('uuid', -1, at, column, row);
    this.#heap.reserve(16);
    const { u8, top } = this.#heap;
    let p = at + 1;
    for (let k = 0; k < 16; k++, p += 2) {
      if (k === 4 || k === 6 || k === 8 || k === 10) p++;
      const high = hexDigit(bytes[p]);
      const low = hexDigit(bytes[p + 1]);
      if (high < 0 || low < 0) return this.#spelled('uuid', -1, at, column, row);
      u8[top * 4 + k] = high * 16 + low;
    }
    this.#closeVar(16, column, row);
    return at + 38;
  }

  #jsonb(at: number, column: StagedColumn, row: number): number {
    const next = this.#canonical.write(at);
    if (next < 0) return -1;
    const { refusal, refusalCode } = this.#canonical;
    if (refusal !== null) return this.refuse(refusal, refusalCode, next);
    this.#closeVar(this.#canonical.bytes, column, row);
    return next;
  }

  #json(at: number, column: StagedColumn, row: number): number {
    const next = this.#cursor.skipValue(at, limits.jsonDepthMax);
    if (next < 0) return -1;
    this.#heap.reserve(next - at);
    this.#heap.u8.set(this.#cursor.bytes.subarray(at, next), this.#heap.top * 4);
    this.#closeVar(next - at, column, row);
    return next;
  }
}

function sqlName(kind: number): string {
  return typeInfo(fieldTypes[kind]).sqlName;
}

/** The digits of a JSON number that is whole whatever its spelling, or null if it is not. */
function wholeNumber(text: string): string | null {
  // 40 digits are beyond every integer type; the bound keeps hostile exponents from making more.
  const exponent = Number(/[eE]([+-]?\d+)$/.exec(text)?.[1] ?? 0);
  if (/^-?0*(?:\.0*)?(?:[eE].*)?$/.test(text)) return '0';
  if (text.length > 400 || Math.abs(exponent) > 40)
    return exponent > 0 || !/[.eE]/.test(text) ? '9'.repeat(40) : null;
  const printed = formatDecimal(parseDecimal(text));
  return /^-?\d+(?:\.0*)?$/.test(printed) ? printed.replace(/\.0*$/, '') : null;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let p = from; p < to; p++) {
    if ((bytes[p] | 0x20) === 0x65) return true;
    if (bytes[p] >= 0x31 && bytes[p] <= 0x39) return false;
  }
  return true;
}
