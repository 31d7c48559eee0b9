/**
 * Column values as Postgres text, appended to a sink: the hot path of query answers. Each type has
 * a `ValueWriter` over raw words; `makeTextEncoder` wraps it for the column's physical form. Common
 * values (integers, amounts, moments of this era, texts) make no string and no object; the rest
 * goes through `formatDatum`, which is also what the tests hold this against.
 *
 * An encoder writes the value's bytes only; NULLs and lengths are its caller's.
 */
import type { Batch } from './batch.ts';
import type { ByteSink } from './byte-sink.ts';
import { civilFromDays } from './calendar.ts';
import { readValueVar } from './datum-column.ts';
import type { DatetimeContext } from './datetime-text.ts';
import { formatDate, plainContext } from './datetime-text.ts';
import { numericScaleAt, smallNumericAt } from './decimal.ts';
import { formatFloat } from './number-text.ts';
import { readScalar } from './scalar-words.ts';
import { formatDatum } from './text-output.ts';
import { offsetText } from './timezone.ts';
import type { Physical, TypeName } from './type.ts';
import { physicalOf } from './type.ts';
import {
  putDigits,
  writeClock,
  writeInt32Text,
  writeInt64Text,
  writeScaledText,
  writeWholeText,
} from './wire-digits.ts';
import { byteAt, bytesAt } from './words.ts';

/** Appends the value at word `at` of `bytes` bytes (4 or 8 for fixed forms). */
export type ValueWriter = (sink: ByteSink, i32: Int32Array, at: number, bytes: number) => void;

/** Appends the value of `column` in row `row` of a batch, which is not NULL. */
export type ColumnEncoder = (sink: ByteSink, batch: Batch, column: number, row: number) => void;

/** A column as the wire sees it. */
export interface WireColumn {
  readonly type: TypeName;
  /** `atttypmod`; −1 for none. */
  readonly modifier: number;
}

/** Wraps a writer for columns of one physical form. */
export function columnEncoder(physical: Physical, write: ValueWriter): ColumnEncoder {
  switch (physical) {
    case 'i32':
      return (sink, batch, column, row) =>
        write(sink, batch.slab.i32, batch.column[column] + row, 4);
    case 'i64':
    case 'f64':
      return (sink, batch, column, row) =>
        write(sink, batch.slab.i32, batch.column[column] + 2 * row, 8);
    case 'var':
      return (sink, batch, column, row) => {
        const { i32 } = batch.slab;
        const pair = batch.column[column] + 2 * row;
        write(sink, i32, i32[pair], i32[pair + 1]);
      };
  }
}

/** An encoder of text for a column. `context` gives the zone that timestamptz is shown in. */
export function makeTextEncoder(
  column: WireColumn,
  context: DatetimeContext = plainContext,
): ColumnEncoder {
  return columnEncoder(physicalOf(column.type), makeTextWriter(column, context));
}

/** The writer of text for a type. */
export function makeTextWriter(
  column: WireColumn,
  context: DatetimeContext = plainContext,
): ValueWriter {
  switch (column.type) {
    case 'bool':
      return (sink, i32, at) => sink.byte(i32[at] === 0 ? 0x66 : 0x74);
    case 'int2':
    case 'int4':
      return (sink, i32, at) => writeInt32Text(sink, i32[at]);
    case 'int8':
    case 'oid':
      return (sink, i32, at) => writeInt64Text(sink, i32[at], i32[at + 1]);
    case 'float4':
    case 'float8':
      return floatWriter(column.type);
    case 'numeric':
      return writeNumericText;
    case 'text':
    case 'varchar':
    case 'json':
    case 'jsonb':
    case 'name':
    case 'char':
    case 'unknown':
      return writeRaw;
    case 'bytea':
      return writeHex;
    case 'uuid':
      return writeUuid;
    case 'date':
      return dateWriter();
    case 'time':
      return (sink, i32, at) => writeClock(sink, i32[at + 1] * 2 ** 32 + (i32[at] >>> 0));
    case 'timestamp':
      return timestampWriter();
    case 'timestamptz':
      return timestamptzWriter(context);
    case 'bpchar':
      return column.modifier < 4 ? writeRaw : paddedWriter(column.modifier - 4);
    default:
      return slowWriter(column, context);
  }
}

/** Through datum and string: types that answers rarely hold. */
function slowWriter(column: WireColumn, context: DatetimeContext): ValueWriter {
  const { type, modifier } = column;
  const isVar = physicalOf(type) === 'var';
  return (sink, i32, at, bytes) => {
    const datum = isVar ? readValueVar(type, i32, at, bytes) : readScalar(type, i32, at, bytes);
    sink.utf8(formatDatum(type, datum, modifier, context));
  };
}

/** Up to this length a loop over words is quicker than a view and `set`. */
const loopBytesMax = 40;

/** Appends bytes as they are. */
export function writeRaw(sink: ByteSink, i32: Int32Array, at: number, bytes: number): void {
  sink.ensure(bytes);
  if (bytes > loopBytesMax) {
    sink.u8.set(bytesAt(i32, at, bytes), sink.at);
    sink.at += bytes;
    return;
  }
  const { u8 } = sink;
  let k = sink.at;
  const end = k + bytes;
  for (let word = at; k < end; word++) {
    let w = i32[word];
    for (let b = 0; b < 4 && k < end; b++) {
      u8[k++] = w;
      w >>>= 8;
    }
  }
  sink.at = end;
}

function paddedWriter(characters: number): ValueWriter {
  return (sink, i32, at, bytes) => {
    writeRaw(sink, i32, at, bytes);
    let missing = characters;
    for (let k = sink.at - bytes; k < sink.at; k++) if ((sink.u8[k] & 0xc0) !== 0x80) missing--;
    if (missing <= 0) return;
    sink.ensure(missing);
    sink.u8.fill(0x20, sink.at, sink.at + missing);
    sink.at += missing;
  };
}

const scratch = new Float64Array(1);
const scratchWords = new Int32Array(scratch.buffer);

function floatWriter(type: 'float4' | 'float8'): ValueWriter {
  const wholeMax = type === 'float4' ? 1e6 : 1e15;
  return (sink, i32, at) => {
    scratchWords[0] = i32[at];
    scratchWords[1] = i32[at + 1];
    const value = scratch[0];
    if (value > -wholeMax && value < wholeMax && Math.floor(value) === value && value !== 0) {
      return writeWholeText(sink, value);
    }
    sink.ascii(formatFloat(type, value));
  };
}

const specialTexts = ['', 'NaN', 'Infinity', '-Infinity'];

function writeNumericText(sink: ByteSink, i32: Int32Array, at: number, bytes: number): void {
  const small = smallNumericAt(i32, at, bytes);
  if (small === small) return writeScaledText(sink, small, numericScaleAt(i32, at));
  const special = specialTexts[i32[at] & 3];
  sink.ascii(
    special === '' ? formatDatum('numeric', readValueVar('numeric', i32, at, bytes)) : special,
  );
}

const hexDigits = Uint8Array.from('0123456789abcdef', (c) => c.charCodeAt(0));

function writeHexByte(sink: ByteSink, value: number): void {
  sink.u8[sink.at++] = hexDigits[value >> 4];
  sink.u8[sink.at++] = hexDigits[value & 15];
}

function writeHex(sink: ByteSink, i32: Int32Array, at: number, bytes: number): void {
  sink.ensure(2 + 2 * bytes);
  sink.u8[sink.at++] = 0x5c;
  sink.u8[sink.at++] = 0x78;
  for (let k = 0; k < bytes; k++) writeHexByte(sink, byteAt(i32, at, k));
}

function writeUuid(sink: ByteSink, i32: Int32Array, at: number): void {
  sink.ensure(36);
  for (let k = 0; k < 16; k++) {
    if (k === 4 || k === 6 || k === 8 || k === 10) sink.u8[sink.at++] = 0x2d;
    writeHexByte(sink, byteAt(i32, at, k));
  }
}

/** Days of the years 1 to 9999, which print as ten characters. */
const plainDayMin = -730_119;
const plainDayMax = 2_921_939;

/** Writes yyyy-mm-dd; rows in sequence mostly share their day, so the last one is kept. */
class DateCache {
  #day = Number.NaN;
  readonly #text = new Uint8Array(10).fill(0x2d);

  /** Appends a day that prints plainly. */
  write(sink: ByteSink, day: number): void {
    if (day !== this.#day) this.#fill(day);
    sink.ensure(10);
    sink.u8.set(this.#text, sink.at);
    sink.at += 10;
  }

  #fill(day: number): void {
    const civil = civilFromDays(day);
    putDigits(this.#text, 4, civil.year, 4);
    putDigits(this.#text, 7, civil.month, 2);
    putDigits(this.#text, 10, civil.day, 2);
    this.#day = day;
  }
}

function dateWriter(): ValueWriter {
  const cache = new DateCache();
  return (sink, i32, at) => {
    const day = i32[at];
    if (day >= plainDayMin && day <= plainDayMax) cache.write(sink, day);
    else sink.ascii(formatDate(day));
  };
}

const dayMicroseconds = 86_400_000_000;
const plainMin = plainDayMin * dayMicroseconds;

/** Writes a local time; answers false, having written nothing, if it does not print plainly. */
function writePlainMoment(sink: ByteSink, cache: DateCache, microseconds: number): boolean {
  const day = Math.floor(microseconds / dayMicroseconds);
  if (!(microseconds >= plainMin) || day > plainDayMax) return false;
  cache.write(sink, day);
  sink.byte(0x20);
  writeClock(sink, microseconds - day * dayMicroseconds);
  return true;
}

/** An int64 as a double if that is exact, else NaN. */
function exactDouble(low: number, high: number): number {
  return high >= -0x200000 && high < 0x200000 ? high * 2 ** 32 + (low >>> 0) : Number.NaN;
}

function timestampWriter(): ValueWriter {
  const cache = new DateCache();
  const slow = slowWriter({ type: 'timestamp', modifier: -1 }, plainContext);
  return (sink, i32, at, bytes) => {
    if (!writePlainMoment(sink, cache, exactDouble(i32[at], i32[at + 1])))
      slow(sink, i32, at, bytes);
  };
}

function timestamptzWriter(context: DatetimeContext): ValueWriter {
  const cache = new DateCache();
  const slow = slowWriter({ type: 'timestamptz', modifier: -1 }, context);
  const { zone } = context;
  let offset = 0;
  let shown = offsetText(0);
  return (sink, i32, at, bytes) => {
    const moment = exactDouble(i32[at], i32[at + 1]);
    if (!(moment >= plainMin)) return slow(sink, i32, at, bytes);
    const east = zone.offsetAtSecond(Math.floor(moment / 1e6));
    if (east !== offset) {
      offset = east;
      shown = offsetText(east);
    }
    if (writePlainMoment(sink, cache, moment + east * 1e6)) sink.ascii(shown);
    else slow(sink, i32, at, bytes);
  };
}
