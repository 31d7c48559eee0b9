/**
 * Protobuf messages to rows of the staging, driven by a table of field numbers: one pass over the
 * tags, plain values straight into typed arrays, fields that nobody reads passed by their wire
 * type.
 *
 * The last occurrence of a field counts. Values with parts (messages, maps, repeated fields) are
 * only noted on the way, as pieces of the record, and read at its end, when all pieces are there. A
 * field with another wire type than its own is one that nobody knows, as Protobuf has it.
 *
 * `#seen` holds for each slot the number of the last record that had the field, so nothing is
 * cleared between records.
 */
import { assert } from '../../../src/base/assert.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { decimal } from '../../../dataflow/value/datum.ts';
import { writeSmallNumeric } from '../../../dataflow/value/decimal.ts';
import { jsonbArray } from '../../../dataflow/value/json-text.ts';
import { textWords } from '../../../dataflow/value/words.ts';
import { arrayOf, arrayVar } from '../../../dataflow/value/array.ts';
import { scalarVar } from '../../../dataflow/value/scalar-words.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { physicalOf, typeInfo } from '../../../dataflow/value/type.ts';
import { writeCell } from '../avro/cell.ts';
import { copyBytes, readText } from '../avro/fast-values.ts';
import { writeMicroseconds } from '../iso-time.ts';
import type { Refusal } from '../json-fields.ts';
import type { Heap, StagedColumn, Staging } from '../staging.ts';
import { invalidTextAt } from '../text-bytes.ts';
import { ProtoCursor, wireBytes, wireFixed32, wireFixed64, wireVarint } from './cursor.ts';
import type { Messages, Piece } from './message-json.ts';
import {
  mapJson,
  messageJson,
  momentOf,
  repeatedValues,
  takes,
  wrappedValue,
} from './message-json.ts';
import type { MessagePlan, Slot } from './plan.ts';
import type { ProtoField } from './schema.ts';
import { isMessage, wellKnown, wrapped } from './schema.ts';
import { BadProtobuf, badText, durationOf, plainDatum, wireOf, zeroOf } from './value.ts';

/** How the bytes of a slot's values are read. */
const readNothing = 0;
const readInt32 = 1;
const readUint32 = 2;
const readInt64 = 3;
const readUint64 = 4;
const readSint32 = 5;
const readSint64 = 6;
const readFixed = 7;
const readFixedUnsigned = 8;
const readFixedWide = 9;
const readFixedWideUnsigned = 10;
const readBool = 11;
const readFloat = 12;
const readDouble = 13;
const readRun = 14;
const readTimestamp = 15;
const readPiece = 16;

/** How they are stored. */
const storeInt4 = 0;
const storeInt8 = 1;
const storeWide = 2;
const storeBool = 3;
const storeSymbol = 4;
const storeFloat4 = 5;
const storeFloat8 = 6;
const storeText = 7;
const storeBytes = 8;
const storeOther = 9;

/** Which slots are read the quick way, and how. */
const quickNone = 0;
const quickInt4 = 1;
const quickInt8 = 2;
const quickDouble = 3;
const quickText = 4;

/** Field numbers below this are looked up in an array. */
const smallNumbers = 512;
const two32 = 2 ** 32;
/** Numbers of this many bits and fewer are exact in a numeric's quick form. */
const smallHigh = 2 ** 14;
const daySeconds = 86_400;
/** Days from 1970 to 2000. */
const unixDays = 10_957;
/** Seconds since 1970 of the years 1 to 9999, which Timestamp can be. */
const secondsMin = -62_135_596_800;
const secondsMax = 253_402_300_799;

function readerOf({ place, writer }: Slot): number {
  const { type, label } = writer;
  if (place < 0) return readNothing;
  if (label === 'repeated' || label === 'map') return readPiece;
  if (isMessage(type)) return wellKnown(type) === 'Timestamp' ? readTimestamp : readPiece;
  if (typeof type !== 'string') return readInt32;
  switch (type) {
    case 'int32':
      return readInt32;
    case 'uint32':
      return readUint32;
    case 'int64':
      return readInt64;
    case 'uint64':
      return readUint64;
    case 'sint32':
      return readSint32;
    case 'sint64':
      return readSint64;
    case 'sfixed32':
      return readFixed;
    case 'fixed32':
      return readFixedUnsigned;
    case 'sfixed64':
      return readFixedWide;
    case 'fixed64':
      return readFixedWideUnsigned;
    case 'bool':
      return readBool;
    case 'float':
      return readFloat;
    case 'double':
      return readDouble;
    case 'string':
    case 'bytes':
      return readRun;
  }
}

function storeOf({ type, reader }: Slot): number {
  switch (type) {
    case 'int4':
      return storeInt4;
    case 'int8':
      return storeInt8;
    case 'numeric':
      return storeWide;
    case 'bool':
      return storeBool;
    case 'float4':
      return storeFloat4;
    case 'float8':
      return storeFloat8;
    case 'text':
      return typeof reader.type === 'string' ? storeText : storeSymbol;
    case 'bytea':
      return storeBytes;
    default:
      return storeOther;
  }
}

/** Branches of a oneof take others away, which is for the complete way. */
function quickOf(slot: Slot): number {
  const how = readerOf(slot);
  const store = storeOf(slot);
  if (slot.writer.oneof !== null) return quickNone;
  if (how === readRun) return store === storeText ? quickText : quickNone;
  if (how === readDouble) return store === storeFloat8 ? quickDouble : quickNone;
  if (how < readInt32 || how > readUint64) return quickNone;
  if (store === storeInt4) return quickInt4;
  return store === storeInt8 ? quickInt8 : quickNone;
}

/** The words of an enum's names. */
type Symbols = ReadonlyMap<number, { readonly words: Int32Array; readonly bytes: number }>;

/** Reads messages of one writer. */
export class MessageReader {
  readonly #plan: MessagePlan;
  readonly #staging: Staging;
  readonly #heap: Heap;
  readonly #messages: Messages;
  readonly #cursor = new ProtoCursor();
  readonly #small = new Int32Array(smallNumbers).fill(-1);
  readonly #large = new Map<number, number>();
  readonly #read: Int32Array;
  readonly #store: Int32Array;
  readonly #wire: Int32Array;
  readonly #quick: Int32Array;
  /** The number of a slot's oneof, or -1. */
  readonly #oneof: Int32Array;
  readonly #staged: readonly (StagedColumn | null)[];
  readonly #symbols: readonly (Symbols | null)[];
  readonly #seen: Float64Array;
  readonly #pieces: readonly Piece[][];
  /** Timestamps as they are put together. */
  readonly #seconds: Float64Array;
  readonly #nanos: Int32Array;
  readonly #hasPieces: boolean;
  /** By column. */
  readonly #absentCells = new Map<number, AbsentCell>();
  #seenCount = 0;
  #record = 0;
  #code = '';

  constructor(plan: MessagePlan, staging: Staging, messages: Messages) {
    const { slots } = plan;
    this.#plan = plan;
    this.#staging = staging;
    this.#heap = staging.heap;
    this.#messages = messages;
    this.#read = Int32Array.from(slots, readerOf);
    this.#store = Int32Array.from(slots, storeOf);
    this.#wire = Int32Array.from(slots, ({ writer }) => wireOf(writer.type));
    this.#quick = Int32Array.from(slots, quickOf);
    const oneofs = [...new Set(slots.flatMap(({ writer }) => writer.oneof ?? []))];
    this.#oneof = Int32Array.from(slots, ({ writer }) => oneofs.indexOf(writer.oneof ?? ''));
    this.#staged = slots.map(({ place }) => (place < 0 ? null : staging.staged[place]));
    this.#symbols = slots.map(symbolsOf);
    this.#seen = new Float64Array(slots.length);
    this.#pieces = slots.map(() => []);
    this.#seconds = new Float64Array(slots.length);
    this.#nanos = new Int32Array(slots.length);
    this.#hasPieces = this.#read.includes(readPiece);
    for (const { place, reader } of [...slots, ...plan.missing]) {
      const cell = place < 0 ? null : absentCell(staging.columns[place].type, reader);
      if (cell !== null) this.#absentCells.set(place, cell);
    }
    slots.forEach(({ writer: { number } }, slot) => {
      if (number < smallNumbers) this.#small[number] = slot;
      else this.#large.set(number, slot);
    });
  }

  /** Fills row `row` from the message [at, end); answers why not, or null. */
  read(bytes: Uint8Array, at: number, end: number, row: number): Refusal | null {
    const { refusal } = this.#plan;
    if (refusal !== null) return { code: '42804', ...refusal };
    const cursor = this.#cursor;
    cursor.open(bytes, at, end);
    this.#record++;
    this.#seenCount = 0;
    this.#code = '22P03';
    this.#room(0);
    const small = this.#small;
    while (cursor.at < end) {
      cursor.at = this.#usual(bytes, cursor.at, end, row);
      if (cursor.at >= end) break;
      if (!cursor.tag()) return this.#refuse(-1);
      const { number } = cursor;
      const slot = number < smallNumbers ? small[number] : (this.#large.get(number) ?? -1);
      if (slot < 0) {
        if (!cursor.skip(cursor.wire)) return this.#refuse(-1);
      } else if (!this.#occurrence(slot, row)) return this.#refuse(slot);
    }
    if (this.#hasPieces) {
      const wrong = this.#readPieces(row);
      if (wrong !== null) return wrong;
    }
    return this.#fillMissing(row);
  }

  /**
   * Reads on from `at` as long as fields are usual: small numbers, lengths and values of few bytes.
   * Answers where it stopped, before a tag; what is there is for the complete way.
   */
  #usual(bytes: Uint8Array, at: number, end: number, row: number): number {
    const small = this.#small;
    const quick = this.#quick;
    const { view } = this.#cursor;
    const heap = this.#heap;
    const { i32, u8 } = heap;
    let p = at;
    while (p < end) {
      const tag = bytes[p];
      if (tag < 8 || tag > 127) break;
      const slot = small[tag >>> 3];
      const wire = tag & 7;
      let next = p + 1;
      let value = bytes[next++];
      if (slot >= 0 && (quick[slot] === quickNone || wire !== this.#wire[slot])) break;
      if (wire === wireVarint) {
        if (value > 127) {
          value = (value & 127) | ((bytes[next] & 127) << 7);
          if (bytes[next++] > 127) {
            value |= (bytes[next] & 127) << 14;
            if (bytes[next++] > 127) {
              value |= (bytes[next] & 127) << 21;
              if (bytes[next++] > 127) break;
            }
          }
        }
      } else if (wire === wireBytes) {
        if (value > 127) break;
        next += value;
      } else if (wire === wireFixed64) next = p + 9;
      else break;
      // Past the record bytes are another's, or none, which no comparison takes for a number.
      if (!(next <= end)) break;
      if (slot >= 0) {
        const staged = this.#staged[slot];
        if (staged === null) break;
        switch (quick[slot]) {
          case quickInt4:
            staged.words[row] = value;
            break;
          case quickInt8:
            staged.words[2 * row] = value;
            staged.words[2 * row + 1] = 0;
            break;
          case quickDouble:
            staged.doubles[row] = view.getFloat64(p + 1, true);
            break;
          default: {
            const { top } = heap;
            if (!readText(bytes, view, p + 2, value, i32, u8, top)) return p;
            staged.words[2 * row] = top;
            staged.words[2 * row + 1] = value;
            heap.top = top + ((value + 3) >> 2);
          }
        }
        staged.nulls[row] = 0;
        this.#mark(slot);
      }
      p = next;
    }
    return p;
  }

  #refuse(slot: number): Refusal {
    const field = slot < 0 ? null : this.#plan.slots[slot].writer.name;
    return { code: this.#code, field, reason: this.#cursor.problem };
  }

  #fail(code: string, reason: string): false {
    this.#code = code;
    return this.#cursor.fail(reason);
  }

  /** One occurrence of a field behind its tag. */
  #occurrence(slot: number, row: number): boolean {
    const cursor = this.#cursor;
    const { wire } = cursor;
    const how = this.#read[slot];
    if (wire !== this.#wire[slot] || how === readPiece || how === readNothing)
      return this.#otherOccurrence(slot, wire);
    if (this.#oneof[slot] >= 0) this.#takeOthers(slot);
    const isFirst = this.#seen[slot] !== this.#record;
    this.#mark(slot);
    const staged = this.#staged[slot];
    assert(staged !== null, 'what is read has a column');
    staged.nulls[row] = 0;
    if (how === readRun) return this.#run(slot, staged, row);
    if (how === readTimestamp) return this.#timestamp(slot, isFirst, staged, row);
    if (wire === wireVarint) {
      if (!cursor.varint()) return false;
    } else if (wire === wireFixed32) {
      if (!cursor.fixed32()) return false;
    } else if (!cursor.fixed64()) return false;
    if (how === readFloat || how === readDouble) {
      const { view, at } = cursor;
      const value =
        how === readFloat ? view.getFloat32(at - 4, true) : view.getFloat64(at - 8, true);
      staged.doubles[row] = this.#store[slot] === storeFloat4 ? Math.fround(value) : value;
      return true;
    }
    this.#widen(how);
    return this.#integer(slot, how, staged, row);
  }

  #mark(slot: number): void {
    if (this.#seen[slot] !== this.#record) {
      this.#seen[slot] = this.#record;
      this.#seenCount++;
    }
  }

  /** Messages, maps, repeated fields; fields that nobody reads; wire types that are not theirs. */
  #otherOccurrence(slot: number, wire: number): boolean {
    const cursor = this.#cursor;
    const { writer, place } = this.#plan.slots[slot];
    let { at } = cursor;
    if (!cursor.skip(wire)) return false;
    if (!takes(writer, wire)) return true;
    if (this.#oneof[slot] >= 0) this.#takeOthers(slot);
    const isFirst = this.#seen[slot] !== this.#record;
    this.#mark(slot);
    if (place < 0) return true;
    if (wire === wireBytes) at = cursor.at - cursor.low;
    const pieces = this.#pieces[slot];
    if (isFirst) pieces.length = 0;
    pieces.push({ at, end: cursor.at, wire });
    return true;
  }

  /** Another branch of a oneof was written before: it counts no more. */
  #takeOthers(slot: number): void {
    const oneof = this.#oneof[slot];
    const seen = this.#seen;
    for (let other = 0; other < seen.length; other++) {
      if (other === slot || this.#oneof[other] !== oneof || seen[other] !== this.#record) continue;
      seen[other] = 0;
      this.#seenCount--;
    }
  }

  /** Brings the cursor's number to 64 bits with its sign. */
  #widen(how: number): void {
    const cursor = this.#cursor;
    const { low, high } = cursor;
    switch (how) {
      case readInt32:
      case readFixed:
        cursor.high = low >> 31;
        break;
      case readUint32:
      case readFixedUnsigned:
        cursor.high = 0;
        break;
      case readSint32:
        cursor.low = (low >>> 1) ^ -(low & 1);
        cursor.high = cursor.low >> 31;
        break;
      case readSint64: {
        const sign = -(low & 1);
        cursor.low = ((low >>> 1) | (high << 31)) ^ sign;
        cursor.high = (high >>> 1) ^ sign;
        break;
      }
      case readBool:
        cursor.low = low === 0 && high === 0 ? 0 : 1;
        cursor.high = 0;
    }
  }

  #integer(slot: number, how: number, staged: StagedColumn, row: number): boolean {
    const { low, high } = this.#cursor;
    const isUnsigned = how === readUint64 || how === readFixedWideUnsigned;
    switch (this.#store[slot]) {
      case storeInt4:
        if (high !== low >> 31 || (isUnsigned && high < 0)) return this.#outOfRange('integer');
        staged.words[row] = low;
        return true;
      case storeInt8:
        if (isUnsigned && high < 0) return this.#outOfRange('bigint');
        staged.words[2 * row] = low;
        staged.words[2 * row + 1] = high;
        return true;
      case storeBool:
        staged.words[row] = low === 0 && high === 0 ? 0 : 1;
        return true;
      case storeWide:
        return this.#wide(slot, isUnsigned, staged, row);
      case storeSymbol:
        return this.#symbol(slot, staged, row);
      default:
        return this.#outOfRange(this.#plan.slots[slot].type);
    }
  }

  #outOfRange(type: string): false {
    return this.#fail('22003', `the value is out of range for type ${type}`);
  }

  #wide(slot: number, isUnsigned: boolean, staged: StagedColumn, row: number): boolean {
    const { low, high } = this.#cursor;
    if (high < smallHigh && high >= (isUnsigned ? 0 : -smallHigh)) {
      const value = high * two32 + (low >>> 0);
      this.#room(16);
      const { i32, top } = this.#heap;
      this.#close(writeSmallNumeric(i32, top, value, 0), staged, row);
      return true;
    }
    const signed = (BigInt(high) << 32n) | BigInt(low >>> 0);
    const value = isUnsigned ? BigInt.asUintN(64, signed) : signed;
    this.#write(slot, decimal(value, 0), row);
    return true;
  }

  #write(slot: number, datum: Datum, row: number): void {
    const staged = this.#staged[slot];
    assert(staged !== null, 'what is written has a column');
    writeCell(this.#plan.slots[slot].type, datum, staged, row, this.#heap);
    this.#room(0);
  }

  #symbol(slot: number, staged: StagedColumn, row: number): boolean {
    const { low, high } = this.#cursor;
    const found = high === low >> 31 ? this.#symbols[slot]?.get(low) : undefined;
    if (found === undefined) {
      const value = (BigInt(high) << 32n) | BigInt(low >>> 0);
      this.#write(slot, String(value), row);
      return true;
    }
    const { words, bytes } = found;
    this.#room(bytes);
    const { i32, top } = this.#heap;
    for (let k = 0; k < words.length; k++) i32[top + k] = words[k];
    this.#close(bytes, staged, row);
    return true;
  }

  /** Text or bytes. */
  #run(slot: number, staged: StagedColumn, row: number): boolean {
    const cursor = this.#cursor;
    if (!cursor.length()) return false;
    const { bytes, view, at, low: length } = cursor;
    const { i32, u8, top } = this.#heap;
    if (this.#store[slot] === storeBytes) copyBytes(bytes, at, length, i32, u8, top);
    else if (!readText(bytes, view, at, length, i32, u8, top)) {
      const bad = invalidTextAt(bytes, at, at + length);
      return this.#fail('22021', badText(bytes, bad, at));
    }
    cursor.at = at + length;
    this.#close(length, staged, row);
    return true;
  }

  /**
   * Room for `more` bytes and for all texts that can still come: one of n bytes takes n + 2 bytes of
   * the message or more, and n + 3 of the heap or fewer.
   */
  #room(more: number): void {
    const { at, end } = this.#cursor;
    this.#heap.reserve(more + (end - at) * 2 + 16);
  }

  /** Makes the `bytes` bytes at the heap's top the cell's value. */
  #close(bytes: number, staged: StagedColumn, row: number): void {
    const heap = this.#heap;
    staged.words[2 * row] = heap.top;
    staged.words[2 * row + 1] = bytes;
    heap.close(bytes);
  }

  /** A piece of a Timestamp; what it does not have stays as an earlier piece had it. */
  #timestamp(slot: number, isFirst: boolean, staged: StagedColumn, row: number): boolean {
    const cursor = this.#cursor;
    if (!cursor.length()) return false;
    const { end } = cursor;
    let seconds = isFirst ? 0 : this.#seconds[slot];
    let nanos = isFirst ? 0 : this.#nanos[slot];
    cursor.end = cursor.at + cursor.low;
    while (cursor.at < cursor.end) {
      if (!cursor.tag()) return false;
      const { number, wire } = cursor;
      if (wire !== wireVarint || number > 2) {
        if (!cursor.skip(wire)) return false;
        continue;
      }
      if (!cursor.varint()) return false;
      if (number === 1) seconds = cursor.high * two32 + (cursor.low >>> 0);
      else nanos = cursor.low;
    }
    cursor.end = end;
    this.#seconds[slot] = seconds;
    this.#nanos[slot] = nanos;
    if (nanos < 0 || nanos > 999_999_999 || seconds > secondsMax || seconds < secondsMin)
      return this.#fail('22008', 'timestamp out of range');
    const days = Math.floor(seconds / daySeconds);
    const microseconds = (seconds - days * daySeconds) * 1e6 + Math.floor(nanos / 1000);
    writeMicroseconds(staged.words, 2 * row, days - unixDays, microseconds);
    return true;
  }

  /** Reads the fields whose pieces are all there now. */
  #readPieces(row: number): Refusal | null {
    const { slots } = this.#plan;
    for (let slot = 0; slot < slots.length; slot++) {
      if (this.#read[slot] !== readPiece || this.#seen[slot] !== this.#record) continue;
      try {
        this.#write(slot, this.#pieceDatum(slots[slot], this.#pieces[slot]), row);
      } catch (error) {
        if (!(error instanceof BadProtobuf)) throw error;
        return { code: error.code, field: slots[slot].writer.name, reason: error.message };
      }
    }
    return null;
  }

  #pieceDatum({ writer, type: column }: Slot, pieces: readonly Piece[]): Datum {
    const { bytes } = this.#cursor;
    const { type, label } = writer;
    const place = { bytes, messages: this.#messages };
    if (label === 'map') return mapJson(writer, pieces, place, 1);
    if (!isMessage(type)) {
      const elements = repeatedValues(type, pieces, bytes).map((value) => plainDatum(type, value));
      return { kind: 'array', elements };
    }
    if (label === 'repeated') {
      return jsonbArray(
        pieces.map((piece) => messageJson(type, [piece], bytes, this.#messages, 1)),
      );
    }
    const scalar = wrapped(type);
    if (scalar !== null) return plainDatum(scalar, wrappedValue(type, pieces, place));
    if (column !== 'interval') return messageJson(type, pieces, bytes, this.#messages, 1);
    return durationOf(momentOf(pieces, place));
  }

  /** Fields that were not written: their default, NULL, or an error. */
  #fillMissing(row: number): Refusal | null {
    const { slots, missing } = this.#plan;
    if (this.#seenCount < slots.length) {
      for (let slot = 0; slot < slots.length; slot++) {
        if (this.#seen[slot] === this.#record) continue;
        const { place, reader } = slots[slot];
        if (place < 0) continue;
        const refusal = this.#absent(reader, place, row);
        if (refusal !== null) return refusal;
      }
    }
    for (const { place, reader } of missing) {
      const refusal = this.#absent(reader, place, row);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  #absent(reader: ProtoField, place: number, row: number): Refusal | null {
    if (reader.label === 'required')
      return { code: '23502', field: reader.name, reason: 'the required field is missing' };
    const staged = this.#staging.staged[place];
    // What stands for NULL is what zero is, in all but the types of several words.
    staged.setNull(row);
    if (reader.label === 'optional' && reader.initial === null) return null;
    staged.nulls[row] = 0;
    const absent = this.#absentCells.get(place);
    if (absent === undefined) return null;
    if (absent.words === null) writeCell(absent.type, absent.datum, staged, row, this.#heap);
    else {
      this.#heap.reserve(absent.bytes);
      this.#heap.i32.set(absent.words, this.#heap.top);
      this.#close(absent.bytes, staged, row);
    }
    return null;
  }
}

/** The cell of a field that was not written, where that is not the zero of its column. */
interface AbsentCell {
  readonly type: TypeName;
  readonly datum: Datum;
  /** Those of a type of several words. */
  readonly words: Int32Array | null;
  readonly bytes: number;
}

function absentCell(type: TypeName, field: ProtoField): AbsentCell | null {
  const datum = absentDatum(field);
  if (datum === null) return null;
  if (physicalOf(type) !== 'var') return { type, datum, words: null, bytes: 0 };
  const isArray = typeInfo(type).element !== undefined;
  return { type, datum, ...(isArray ? arrayVar(type, arrayOf(datum)) : scalarVar(type, datum)) };
}

/** The datum of a field that has a default; null where that is the zero of its column. */
function absentDatum({ type, label, initial }: ProtoField): Datum {
  if (label === 'repeated') return isMessage(type) ? '[]' : { kind: 'array', elements: [] };
  if (label === 'map') return '{}';
  if (isMessage(type)) return null;
  const isZero = initial === null && (type === 'string' || type === 'bytes' || type === 'bool');
  return isZero ? null : plainDatum(type, initial ?? zeroOf(type));
}

function symbolsOf({ reader, writer }: Slot): Symbols | null {
  // A writer that has only the number leaves the name to the reader.
  const type = typeof writer.type === 'string' ? reader.type : writer.type;
  if (typeof type === 'string' || isMessage(type)) return null;
  return new Map([...type.symbols].map(([number, symbol]) => [number, textWords(symbol)]));
}
