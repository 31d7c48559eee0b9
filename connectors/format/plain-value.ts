/**
 * A value that stands as bare text in bytes, into one cell of a staged column: what Postgres' input
 * functions take. The usual spellings are read from the bytes; others go through `FieldReader`,
 * whose messages are Postgres'.
 */
import { writeSmallNumeric } from '../../dataflow/value/decimal.ts';
import { readUuidText } from './avro/fast-values.ts';
import type { FieldType } from './field-value.ts';
import { FieldReader, fieldKind } from './field-value.ts';
import { IsoTime, writeMicroseconds } from './iso-time.ts';
import { JsonCursor, minus, point } from './json-cursor.ts';
import type { Heap, StagedColumn } from './staging.ts';
import { copyPlain, invalidTextAt } from './text-bytes.ts';

/** Digits that a double holds exactly, whatever they are. */
const exactDigits = 15;
const powers = Float64Array.from({ length: 23 }, (_, k) => 10 ** k);
const two32 = 2 ** 32;

/** Reads single values; one per heap. */
export class PlainValue {
  /** Why the last value does not fit its column; null if it does. */
  refusal: string | null = null;
  refusalCode = '22P02';
  readonly #heap: Heap;
  readonly #reader: FieldReader;
  readonly #cursor = new JsonCursor();
  readonly #time = new IsoTime();
  /** The last number that `#number` read, without its point. */
  #value = 0;
  #scale = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
    this.#reader = new FieldReader(this.#cursor, heap);
  }

  /** Reads [at, end) as a value of a type; `refusal` says why it is none. */
  read(
    type: FieldType,
    modifier: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    column: StagedColumn,
    row: number,
  ): void {
    this.refusal = null;
    column.nulls[row] = 0;
    if (!this.#usual(type, modifier, bytes, at, end, column, row))
      this.#other(type, modifier, bytes, at, end, column, row);
  }

  /** Reads the usual spellings; false for others. */
  #usual(
    type: FieldType,
    modifier: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    column: StagedColumn,
    row: number,
  ): boolean {
    switch (type) {
      case 'int2':
      case 'int4':
      case 'int8':
        return this.#integer(type, bytes, at, end, column, row);
      case 'float4':
      case 'float8':
        if (!this.#number(bytes, at, end)) return false;
        this.#value /= powers[this.#scale];
        column.doubles[row] = type === 'float4' ? Math.fround(this.#value) : this.#value;
        return true;
      case 'numeric':
        if (modifier >= 0 || !this.#number(bytes, at, end)) return false;
        this.#heap.reserve(16);
        this.#close(
          writeSmallNumeric(this.#heap.i32, this.#heap.top, this.#value, this.#scale),
          column,
          row,
        );
        return true;
      case 'text':
        return this.#text(bytes, at, end, column, row);
      case 'varchar':
        return modifier < 0 && this.#text(bytes, at, end, column, row);
      case 'uuid':
        if (end - at !== 36) return false;
        this.#heap.reserve(16);
        if (!readUuidText(bytes, at, this.#heap.u8, this.#heap.top)) return false;
        this.#close(16, column, row);
        return true;
      case 'date':
      case 'time':
      case 'timestamp':
      case 'timestamptz':
        return modifier < 0 && this.#moment(type, bytes, at, end, column, row);
      default:
        return false;
    }
  }

  #other(
    type: FieldType,
    modifier: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    column: StagedColumn,
    row: number,
  ): void {
    const bad = invalidTextAt(bytes, at, end);
    if (bad >= 0) {
      const hex = (bytes[bad] ?? 0).toString(16).padStart(2, '0');
      this.refusal = `invalid byte sequence for encoding "UTF8": 0x${hex} at byte ${bad - at}`;
      this.refusalCode = '22021';
      return;
    }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('utf8');
    this.#reader.readText(fieldKind(type), modifier, text, column, row, end);
    this.refusal = this.#reader.refusal;
    this.refusalCode = this.#reader.refusalCode;
  }

  /** Makes the `bytes` bytes at the heap's top the cell's value. */
  #close(bytes: number, column: StagedColumn, row: number): void {
    column.words[2 * row] = this.#heap.top;
    column.words[2 * row + 1] = bytes;
    this.#heap.close(bytes);
  }

  /** Digits with at most one point among them and a sign before; false for anything else. */
  #number(bytes: Uint8Array, at: number, end: number): boolean {
    const isNegative = bytes[at] === minus;
    const first = isNegative ? at + 1 : at;
    if (end - first < 1 || end - first > exactDigits) return false;
    let value = 0;
    let fraction = 0;
    for (let p = first; p < end; p++) {
      const digit = bytes[p] - 0x30;
      if (digit >>> 0 <= 9) value = value * 10 + digit;
      else if (bytes[p] === point && fraction === 0 && p > first) fraction = p + 1;
      else return false;
    }
    if (fraction === end) return false;
    this.#value = isNegative ? -value : value;
    this.#scale = fraction === 0 ? 0 : end - fraction;
    return true;
  }

  #integer(
    type: 'int2' | 'int4' | 'int8',
    bytes: Uint8Array,
    at: number,
    end: number,
    column: StagedColumn,
    row: number,
  ): boolean {
    if (!this.#number(bytes, at, end) || this.#scale > 0) return false;
    const value = this.#value;
    if (type === 'int8') {
      const high = Math.floor(value / two32);
      column.words[2 * row] = value - high * two32;
      column.words[2 * row + 1] = high;
      return true;
    }
    const fits = type === 'int4' ? (value | 0) === value : (value << 16) >> 16 === value;
    if (fits) column.words[row] = value;
    return fits;
  }

  #text(bytes: Uint8Array, at: number, end: number, column: StagedColumn, row: number): boolean {
    const length = end - at;
    const heap = this.#heap;
    heap.reserve(length);
    this.#cursor.open(bytes);
    const from = copyPlain(this.#cursor.view, at, end, heap.i32, heap.top);
    if (invalidTextAt(bytes, at + from, end) >= 0) return false;
    for (let k = from, to = heap.top * 4; k < length; k++) heap.u8[to + k] = bytes[at + k];
    this.#close(length, column, row);
    return true;
  }

  #moment(
    type: FieldType,
    bytes: Uint8Array,
    at: number,
    end: number,
    column: StagedColumn,
    row: number,
  ): boolean {
    const time = this.#time;
    const isRead =
      type === 'time'
        ? time.readTime(bytes, at, end) && time.hasTime
        : time.readDate(bytes, at, end);
    if (!isRead) return false;
    if (type === 'date') column.words[row] = time.days;
    else if (type === 'time') writeMicroseconds(column.words, 2 * row, 0, time.microseconds);
    else {
      const shift = type === 'timestamptz' ? time.zone * 1e6 : 0;
      writeMicroseconds(column.words, 2 * row, time.days, time.microseconds - shift);
    }
    return true;
  }
}
