/**
 * Any JSON value into jsonb's canonical text (dataflow/value/jsonb.ts), bytes to bytes, at the top of
 * a heap: members sorted by length of key, then bytes, the last of equal keys kept; `", "` and
 * `": "`; numbers without exponent.
 *
 * What is canonical already is copied: numbers without exponent or minus zero, strings without
 * escapes. Members are written in the order of the source and rearranged at the closing brace if
 * need be. Two rare things take the slow way of `json-text.ts`: a key with an escape (its order is
 * that of what it stands for) and a number with exponent.
 */
import { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { formatDecimal, parseDecimal } from '../../dataflow/value/decimal-text.ts';
import { numericIntegerDigitsMax, numericScaleMax } from '../../dataflow/value/decimal.ts';
import { canonicalJsonb } from '../../dataflow/value/json-text.ts';
import { utf8 } from '../../dataflow/value/words.ts';
import type { JsonCursor } from './json-cursor.ts';
import {
  backslash, closeBrace, closeBracket, colon, comma, hexDigit, minus, openBrace, openBracket, quote,
} from './json-cursor.ts';
import type { Heap } from './staging.ts';
import { writeCodePoint } from './text-bytes.ts';

const blank = 0x20;
/** (start, key bytes, end) of a member, positions in the heap. */
const memberSlots = 3;
const numberBytesMax = numericIntegerDigitsMax + numericScaleMax + 16;
/** A control character as \u00XX is the longest that one source escape of six bytes becomes. */
const escapedBytesMax = 6;

export class JsonCanonical {
  /** Why a value, though JSON, is not jsonb; null if it is. */
  refusal: string | null = null;
  refusalCode = '22P02';
  readonly #cursor: JsonCursor;
  readonly #heap: Heap;
  #to = 0;
  #members = new Int32Array(64 * memberSlots);
  #memberTop = 0;
  #slowKeys = false;

  constructor(cursor: JsonCursor, heap: Heap) {
    this.#cursor = cursor;
    this.#heap = heap;
  }

  /** Bytes written behind the heap's top by the last `write`. */
  get bytes(): number {
    return this.#to - this.#heap.top * 4;
  }

  /**
   * Writes the value at `at` behind the heap's top, which stays; answers the index after the value
   * or -1 if it is not JSON. Look at `refusal` next.
   */
  write(at: number): number {
    this.refusal = null;
    this.#slowKeys = false;
    this.#memberTop = 0;
    this.#to = this.#heap.top * 4;
    const next = this.#value(at, limits.jsonDepthMax);
    if (next >= 0 && this.#slowKeys && this.refusal === null) this.#slowly(at, next);
    return next;
  }

  #slowly(at: number, next: number): void {
    this.#to = this.#heap.top * 4;
    try {
      this.#put(utf8(canonicalJsonb(this.#cursor.text(at, next))));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#refuse(error.fields.detail ?? error.message, error.fields.code);
    }
  }

  #refuse(reason: string, code: string): void {
    this.refusal ??= reason;
    this.refusalCode = code;
  }

  #room(bytes: number): void {
    this.#heap.reserve(this.#to - this.#heap.top * 4 + bytes);
  }

  #put(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#heap.u8.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  #copy(from: number, to: number): void {
    const length = to - from;
    this.#room(length);
    const target = this.#heap.u8;
    const { bytes } = this.#cursor;
    if (length > 48) target.set(bytes.subarray(from, to), this.#to);
    else for (let k = 0; k < length; k++) target[this.#to + k] = bytes[from + k];
    this.#to += length;
  }

  #byte(value: number): void {
    this.#room(4);
    this.#heap.u8[this.#to++] = value;
  }

  #value(at: number, depth: number): number {
    const cursor = this.#cursor;
    if (at >= cursor.end) return cursor.fail('a value is missing');
    const first = cursor.bytes[at];
    switch (first) {
      case quote: return this.#string(at);
      case openBrace: return this.#object(at + 1, depth - 1);
      case openBracket: return this.#array(at + 1, depth - 1);
      default: break;
    }
    if (first <= 0x39) return this.#number(at);
    const next = cursor.skipLiteral(at);
    if (next >= 0) this.#copy(at, next);
    return next;
  }

  #array(at: number, depth: number): number {
    const cursor = this.#cursor;
    if (depth < 0) return cursor.tooDeep();
    this.#byte(openBracket);
    let p = cursor.skipBlank(at);
    if (p < cursor.end && cursor.bytes[p] === closeBracket) {
      this.#byte(closeBracket);
      return p + 1;
    }
    for (;;) {
      p = this.#value(p, depth);
      if (p < 0) return -1;
      p = cursor.skipBlank(p);
      if (p >= cursor.end) return cursor.fail('an array has no end');
      const byte = cursor.bytes[p++];
      this.#byte(byte);
      if (byte === closeBracket) return p;
      if (byte !== comma) return cursor.fail('"," or "]" is expected');
      this.#byte(blank);
      p = cursor.skipBlank(p);
    }
  }

  #object(at: number, depth: number): number {
    const cursor = this.#cursor;
    if (depth < 0) return cursor.tooDeep();
    this.#byte(openBrace);
    let p = cursor.skipBlank(at);
    if (p < cursor.end && cursor.bytes[p] === closeBrace) {
      this.#byte(closeBrace);
      return p + 1;
    }
    const firstMember = this.#memberTop;
    const start = this.#to;
    let sorted = true;
    for (;;) {
      if (p >= cursor.end || cursor.bytes[p] !== quote) return cursor.fail('an object key is expected');
      const member = this.#openMember();
      p = this.#string(p);
      if (p < 0) return -1;
      if (cursor.escaped) this.#slowKeys = true;
      this.#members[member + 1] = this.#to - this.#members[member];
      p = cursor.afterColon(p);
      if (p < 0) return -1;
      this.#byte(colon);
      this.#byte(blank);
      p = this.#value(p, depth);
      if (p < 0) return -1;
      this.#members[member + 2] = this.#to;
      if (sorted && member > firstMember && this.#order(member - memberSlots, member) >= 0) sorted = false;
      p = cursor.skipBlank(p);
      if (p >= cursor.end) return cursor.fail('an object has no end');
      const byte = cursor.bytes[p++];
      if (byte === closeBrace) break;
      if (byte !== comma) return cursor.fail('"," or "}" is expected');
      this.#byte(comma);
      this.#byte(blank);
      p = cursor.skipBlank(p);
    }
    if (!sorted) this.#rearrange(firstMember, start);
    this.#byte(closeBrace);
    this.#memberTop = firstMember;
    return p;
  }

  #openMember(): number {
    const member = this.#memberTop;
    this.#memberTop += memberSlots;
    if (this.#memberTop > this.#members.length) {
      const wider = new Int32Array(this.#members.length * 2);
      wider.set(this.#members);
      this.#members = wider;
    }
    this.#members[member] = this.#to;
    return member;
  }

  /** Order of the keys of two members (slots): length first, then bytes. */
  #order(a: number, b: number): number {
    const members = this.#members;
    const byLength = members[a + 1] - members[b + 1];
    if (byLength !== 0) return byLength;
    const { u8 } = this.#heap;
    for (let k = 1; k < members[a + 1]; k++) {
      const difference = u8[members[a] + k] - u8[members[b] + k];
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Writes the members from slot `first` on anew from byte `start`: sorted, the last of equals only. */
  #rearrange(first: number, start: number): void {
    const slots: number[] = [];
    for (let slot = first; slot < this.#memberTop; slot += memberSlots) slots.push(slot);
    slots.sort((a, b) => this.#order(a, b) || a - b);
    const old = this.#heap.u8.slice(start, this.#to);
    const kept = slots.filter((slot, k) => k + 1 === slots.length || this.#order(slot, slots[k + 1]) !== 0);
    const { u8 } = this.#heap;
    let to = start;
    for (const slot of kept) {
      if (to > start) {
        u8[to++] = comma;
        u8[to++] = blank;
      }
      const from = this.#members[slot] - start;
      const end = this.#members[slot + 2] - start;
      u8.set(old.subarray(from, end), to);
      to += end - from;
    }
    this.#to = to;
  }

  #number(at: number): number {
    const cursor = this.#cursor;
    const next = cursor.skipNumber(at);
    if (next < 0) return -1;
    const { bytes } = cursor;
    let plain = bytes[at] !== minus || bytes[at + 1] !== 0x30;
    for (let p = at; plain && p < next; p++) if ((bytes[p] | 0x20) === 0x65) plain = false;
    if (plain && next - at < numericScaleMax) this.#copy(at, next);
    else this.#longNumber(at, next);
    return next;
  }

  #longNumber(at: number, next: number): void {
    if (next - at > numberBytesMax) {
      this.#refuse('value overflows numeric format', '22003');
      return;
    }
    try {
      this.#put(utf8(formatDecimal(parseDecimal(this.#cursor.text(at, next)))));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#refuse(error.message, error.fields.code);
    }
  }

  /** `at` is the index of the opening quote. */
  #string(at: number): number {
    const cursor = this.#cursor;
    const next = cursor.skipString(at + 1);
    if (next < 0) return -1;
    if (cursor.escaped) this.#escaped(at, next);
    else this.#copy(at, next);
    return next;
  }

  #escaped(at: number, next: number): void {
    this.#room((next - at) * 2 + escapedBytesMax);
    const { bytes } = this.#cursor;
    const target = this.#heap.u8;
    let to = this.#to;
    for (let p = at; p < next;) {
      const byte = bytes[p];
      const letter = bytes[p + 1];
      if (byte !== backslash) {
        target[to++] = byte;
        p++;
      } else if (letter === 0x2f) {
        target[to++] = letter;
        p += 2;
      } else if (letter !== 0x75) {
        target[to++] = backslash;
        target[to++] = letter;
        p += 2;
      } else {
        const code = this.#codePoint(p);
        p += code > 0xffff ? 12 : 6;
        if (code < 0) {
          this.#refuse('a string has the character \\u0000 or half of a surrogate pair, which text cannot hold', '22P05');
          break;
        }
        to = writeEscaped(target, to, code);
      }
    }
    this.#to = to;
  }

  /** The code point of the \uXXXX at `p` (and the one behind it), or -1 if text cannot hold it. */
  #codePoint(p: number): number {
    const unit = hex4(this.#cursor.bytes, p + 2);
    if (unit === 0) return -1;
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    const { bytes } = this.#cursor;
    if (unit > 0xdbff || bytes[p + 6] !== backslash || bytes[p + 7] !== 0x75) return -1;
    const low = hex4(bytes, p + 8);
    return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }
}

function hex4(bytes: Uint8Array, at: number): number {
  return (hexDigit(bytes[at]) << 12) | (hexDigit(bytes[at + 1]) << 8)
    | (hexDigit(bytes[at + 2]) << 4) | hexDigit(bytes[at + 3]);
}

const shortEscapes = new Map([[8, 0x62], [9, 0x74], [10, 0x6e], [12, 0x66], [13, 0x72], [quote, quote], [backslash, backslash]]);
const hexLetters = '0123456789abcdef';

/** Writes a character inside a JSON string as Postgres prints it; answers the index after it. */
export function writeEscaped(target: Uint8Array, at: number, code: number): number {
  const short = shortEscapes.get(code);
  if (short === undefined && code >= 0x20) return writeCodePoint(target, at, code);
  target[at] = backslash;
  if (short !== undefined) {
    target[at + 1] = short;
    return at + 2;
  }
  target[at + 1] = 0x75;
  target[at + 2] = 0x30;
  target[at + 3] = 0x30;
  target[at + 4] = hexLetters.charCodeAt(code >> 4);
  target[at + 5] = hexLetters.charCodeAt(code & 15);
  return at + 6;
}
