/**
 * Values in Postgres' binary wire form (what the `send` functions give), appended to a sink from
 * raw words. Numbers are big-endian. Datums go through `encodeBinary` of binary-output.ts.
 */
import { arrayOf } from './array.ts';
import type { ByteSink } from './byte-sink.ts';
import { readValueVar } from './datum-column.ts';
import type { Decimal } from './datum.ts';
import { numericScaleAt, readDecimal, smallNumericAt } from './decimal.ts';
import { elementOf, scalarWords } from './scalar-words.ts';
import type { TypeName } from './type.ts';
import { physicalOf, typeInfo } from './type.ts';
import type { ColumnEncoder, ValueWriter, WireColumn } from './wire-text.ts';
import { columnEncoder, makeTextWriter, writeRaw } from './wire-text.ts';

/** An encoder of the binary form for a column. */
export function makeBinaryEncoder(column: WireColumn): ColumnEncoder {
  return columnEncoder(physicalOf(column.type), binaryWriter(column));
}

const scratch = new Float32Array(1);
const scratchWord = new Int32Array(scratch.buffer);
const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

function writeInt64(sink: ByteSink, i32: Int32Array, at: number): void {
  sink.int32(i32[at + 1]);
  sink.int32(i32[at]);
}

function writeFloat4(sink: ByteSink, i32: Int32Array, at: number): void {
  doubleWords[0] = i32[at];
  doubleWords[1] = i32[at + 1];
  scratch[0] = double[0];
  sink.int32(scratchWord[0]);
}

function writeInterval(sink: ByteSink, i32: Int32Array, at: number): void {
  writeInt64(sink, i32, at);
  sink.int32(i32[at + 2]);
  sink.int32(i32[at + 3]);
}

/** The writer of the binary form of a type. */
export function binaryWriter(column: WireColumn): ValueWriter {
  const { type } = column;
  switch (type) {
    case 'bool':
      return (sink, i32, at) => sink.byte(i32[at]);
    case 'int2':
      return (sink, i32, at) => sink.int16(i32[at]);
    case 'int4':
    case 'date':
      return (sink, i32, at) => sink.int32(i32[at]);
    case 'int8':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'float8':
      return writeInt64;
    case 'float4':
      return writeFloat4;
    case 'oid':
    case 'regclass':
    case 'regtype':
    case 'regproc':
    case 'regnamespace':
      return (sink, i32, at) => sink.int32(i32[at]);
    case 'numeric':
      return writeNumericBinary;
    case 'interval':
      return writeInterval;
    case 'jsonb':
      return (sink, i32, at, bytes) => {
        sink.byte(1);
        writeRaw(sink, i32, at, bytes);
      };
    case 'char':
      return (sink, i32, at, bytes) =>
        bytes === 0 ? sink.byte(0) : writeRaw(sink, i32, at, bytes);
    case 'bpchar':
      return makeTextWriter(column);
    default:
      return typeInfo(type).equality === 'array' ? arrayWriter(type) : writeRaw;
  }
}

/** Dimensions, whether NULLs occur, element type, length and lower bound, then the elements. */
function arrayWriter(type: TypeName): ValueWriter {
  const element = elementOf(type);
  const vector = type === 'int2vector' || type === 'oidvector';
  const write = binaryWriter({ type: element, modifier: -1 });
  return (sink, i32, at, bytes) => {
    const { elements } = arrayOf(readValueVar(type, i32, at, bytes));
    const flat = elements.length === 0 && !vector;
    sink.int32(flat ? 0 : 1);
    sink.int32(elements.includes(null) ? 1 : 0);
    sink.int32(typeInfo(element).oid);
    if (flat) return;
    sink.int32(elements.length);
    sink.int32(vector ? 0 : 1);
    for (const value of elements) {
      sink.int32(-1);
      if (value === null) continue;
      const start = sink.at;
      const words = scalarWords(element, value);
      write(sink, words.words, 0, words.bytes);
      sink.patchInt32(start - 4, sink.at - start);
    }
  };
}

const signNegative = 0x4000;
const signNaN = 0xc000;
const signInfinity = 0xd000;
const signMinusInfinity = 0xf000;
/** The scale that Postgres sends with an infinity. */
const infiniteScale = 0x20;

const groups = new Uint16Array(16);
const tens = [1, 10, 100, 1000];

/** Groups of four digits around the point; the usual case from a double, the rest from digits. */
function writeNumericBinary(sink: ByteSink, i32: Int32Array, at: number, bytes: number): void {
  const small = smallNumericAt(i32, at, bytes);
  const scale = numericScaleAt(i32, at);
  if (small !== small || scale > 20) return writeLongNumeric(sink, readDecimal(i32, at, bytes));
  const pad = (4 - (scale & 3)) & 3;
  let rest = Math.abs(small);
  let n = 0;
  if (pad > 0) {
    const unit = tens[4 - pad];
    const next = Math.floor(rest / unit);
    groups[n++] = (rest - next * unit) * tens[pad];
    rest = next;
  }
  while (rest > 0) {
    const next = Math.floor(rest / 10_000);
    groups[n++] = rest - next * 10_000;
    rest = next;
  }
  let first = 0;
  while (first < n && groups[first] === 0) first++;
  while (n > first && groups[n - 1] === 0) n--;
  const weight = n === first ? 0 : n - 1 - ((scale + pad) >> 2);
  sink.ensure(8 + 2 * (n - first));
  writeNumericHead(sink, n - first, weight, small < 0 ? signNegative : 0, scale);
  for (let k = n - 1; k >= first; k--) sink.int16(groups[k]);
}

function writeNumericHead(
  sink: ByteSink,
  count: number,
  weight: number,
  sign: number,
  scale: number,
): void {
  sink.int16(count);
  sink.int16(weight);
  sink.int16(sign);
  sink.int16(scale);
}

function writeLongNumeric(sink: ByteSink, value: Decimal): void {
  if (value.form !== 'finite') {
    const sign =
      value.form === 'NaN' ? signNaN : value.form === 'Infinity' ? signInfinity : signMinusInfinity;
    return writeNumericHead(sink, 0, 0, sign, value.form === 'NaN' ? 0 : infiniteScale);
  }
  const negative = value.coefficient < 0n;
  const pad = (4 - (value.scale & 3)) & 3;
  let digits = (negative ? -value.coefficient : value.coefficient).toString() + '0'.repeat(pad);
  digits = digits.padStart(digits.length + ((4 - (digits.length & 3)) & 3), '0');
  const weight = digits.length / 4 - 1 - (value.scale + pad) / 4;
  const found: number[] = [];
  for (let k = 0; k < digits.length; k += 4) found.push(Number(digits.slice(k, k + 4)));
  const lead = found.findIndex((group) => group !== 0);
  let end = found.length;
  while (end > 0 && found[end - 1] === 0) end--;
  const kept = lead < 0 ? [] : found.slice(lead, end);
  const sign = negative ? signNegative : 0;
  writeNumericHead(sink, kept.length, lead < 0 ? 0 : weight - lead, sign, value.scale);
  for (const group of kept) sink.int16(group);
}
