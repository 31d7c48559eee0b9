/**
 * Any JSON value into jsonb's canonical text (dataflow/value/jsonb.ts), bytes to bytes, at the top
 * of a heap: members sorted by length of key, then bytes, the last of equal keys kept; `", "` and
 * `": "`; numbers without exponent.
 *
 * What is canonical already is copied: numbers without exponent or minus zero, strings without
 * escapes. Members are written in the order of the source and rearranged at the closing brace if
 * need be. Two rare things take the slow way of `json-text.ts`: a key with an escape (its order is
 * that of what it stands for) and a number with exponent.
 */
import { assert } from '../../src/base/assert.ts';
import { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { plainDecimal } from '../../dataflow/value/decimal-text.ts';
import { numericIntegerDigitsMax, numericScaleMax } from '../../dataflow/value/decimal.ts';
import { canonicalJsonb, tooManyDigits } from '../../dataflow/value/json-text.ts';
import { utf8 } from '../../dataflow/value/words.ts';
import type { JsonCursor } from './json-cursor.ts';
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  hexDigit,
  lowestByte,
  minus,
  openBrace,
  openBracket,
  quote,
  special,
} from './json-cursor.ts';
import type { Heap } from './staging.ts';
import { writeCodePoint } from './text-bytes.ts';

const blank = 0x20;
/** (start, key bytes, end) of a member, positions in the heap. */
const memberSlots = 3;
const numberBytesMax = numericIntegerDigitsMax + numericScaleMax + 16;
/** Output per byte of source at most: a comma or colon gets a blank; escapes never grow. */
const growth = 2;
const spareBytes = 64;
/**
 * Objects of up to this many members are sorted in place; larger ones must not cost their square.
 */
const insertionMax = 24;

/** Writes canonical texts to one heap; reused for ever. */
export class JsonCanonical {
  /** Why a value, though JSON, is not jsonb; null if it is. */
  refusal: string | null = null;
  refusalCode = '22P02';
  readonly #cursor: JsonCursor;
  readonly #heap: Heap;
  /** The heap's views, taken anew whenever it may have grown. */
  #u8: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #to = 0;
  #members = new Int32Array(64 * memberSlots);
  #memberTop = 0;
  #slowKeys = false;
  /** Bytes that numbers with exponent have become. */
  #digits = 0;
  #scratch: Uint8Array = new Uint8Array(1024);
  #scratchView: DataView = new DataView(this.#scratch.buffer);
  readonly #order = new Int32Array(insertionMax);

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
    this.#digits = 0;
    this.#memberTop = 0;
    this.#to = this.#heap.top * 4;
    this.#room(at, 0);
    const next = this.#value(at, limits.jsonDepthMax);
    assert(next < 0 || this.#memberTop === 0, 'every object of a document ends in it');
    if (next >= 0 && this.#slowKeys && this.refusal === null) this.#slowly(at, next);
    return next;
  }

  /** Makes room for `bytes` more and all that the source from `at` on can become. */
  #room(at: number, bytes: number): void {
    const written = this.#to - this.#heap.top * 4;
    this.#heap.reserve(written + bytes + (this.#cursor.end - at) * growth + spareBytes);
    this.#u8 = this.#heap.u8;
    this.#view = this.#heap.view;
  }

  #slowly(at: number, next: number): void {
    this.#to = this.#heap.top * 4;
    try {
      this.#put(utf8(canonicalJsonb(this.#cursor.text(at, next))), next);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#refuse(error.fields.detail ?? error.message, error.fields.code);
    }
  }

  #refuse(reason: string, code: string): void {
    this.refusal ??= reason;
    this.refusalCode = code;
  }

  /** Writes bytes that may be longer than their source, which ended at `next`. */
  #put(bytes: Uint8Array, next: number): void {
    this.#room(next, bytes.length);
    this.#u8.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  #copy(from: number, to: number): void {
    copyRun(this.#cursor.bytes, this.#cursor.view, from, to, this.#u8, this.#view, this.#to);
    this.#to += to - from;
  }

  #byte(value: number): void {
    this.#u8[this.#to++] = value;
  }

  #value(at: number, depth: number): number {
    const cursor = this.#cursor;
    if (at >= cursor.end) return cursor.fail('a value is missing');
    const first = cursor.bytes[at];
    switch (first) {
      case quote:
        return this.#string(at);
      case openBrace:
        return this.#object(at + 1, depth - 1);
      case openBracket:
        return this.#array(at + 1, depth - 1);
      default:
        break;
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
      if (p >= cursor.end || cursor.bytes[p] !== quote)
        return cursor.fail('an object key is expected');
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
      if (sorted && member > firstMember && this.#compare(member - memberSlots, member) >= 0)
        sorted = false;
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
  #compare(a: number, b: number): number {
    const members = this.#members;
    const byLength = members[a + 1] - members[b + 1];
    if (byLength !== 0) return byLength;
    const u8 = this.#u8;
    for (let k = 1; k < members[a + 1]; k++) {
      const difference = u8[members[a] + k] - u8[members[b] + k];
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /**
   * Writes the members from slot `first` on anew from byte `start`: sorted, the last of equals
   * only.
   */
  #rearrange(first: number, start: number): void {
    const count = (this.#memberTop - first) / memberSlots;
    const sorted =
      count <= insertionMax ? this.#insertionSort(first, count) : this.#longSort(first);
    this.#keepOld(start);
    let kept = 0;
    for (let k = 0; k < count; k++) {
      if (k + 1 === count || this.#compare(sorted[k], sorted[k + 1]) !== 0)
        sorted[kept++] = sorted[k];
    }
    const members = this.#members;
    let to = start;
    for (let k = 0; k < kept; k++) {
      if (k > 0) {
        this.#u8[to++] = comma;
        this.#u8[to++] = blank;
      }
      const from = members[sorted[k]] - start;
      const end = members[sorted[k] + 2] - start;
      copyRun(this.#scratch, this.#scratchView, from, end, this.#u8, this.#view, to);
      to += end - from;
    }
    assert(kept > 0 && to <= this.#to, 'an object is not longer when members of it go');
    this.#to = to;
  }

  /**
   * Copies what was written from byte `start` on to the scratch. Keys are compared before they are
   * overwritten.
   */
  #keepOld(start: number): void {
    const bytes = this.#to - start;
    if (bytes > this.#scratch.length) {
      this.#scratch = new Uint8Array(bytes * 2);
      this.#scratchView = new DataView(this.#scratch.buffer);
    }
    this.#scratch.set(this.#u8.subarray(start, this.#to));
  }

  /** Slots of members in order; equal keys stay in the order of the source. */
  #insertionSort(first: number, count: number): Int32Array {
    const order = this.#order;
    for (let k = 0; k < count; k++) {
      const slot = first + k * memberSlots;
      let at = k;
      while (at > 0 && this.#compare(order[at - 1], slot) > 0) {
        order[at] = order[at - 1];
        at--;
      }
      order[at] = slot;
    }
    return order;
  }

  #longSort(first: number): Int32Array {
    const slots: number[] = [];
    for (let slot = first; slot < this.#memberTop; slot += memberSlots) slots.push(slot);
    return Int32Array.from(slots.sort((a, b) => this.#compare(a, b) || a - b));
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
    if (this.refusal !== null) return;
    if (next - at > numberBytesMax) {
      this.#refuse('value overflows numeric format', '22003');
      return;
    }
    try {
      const digits = plainDecimal(this.#cursor.text(at, next));
      this.#digits += digits.length;
      if (this.#digits > limits.jsonDigitsMax) throw tooManyDigits();
      this.#put(utf8(digits), next);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.#refuse(error.message, error.fields.code);
    }
  }

  /**
   * `at` is the index of the opening quote. Plain strings are checked and copied in one pass of
   * words.
   */
  #string(at: number): number {
    const cursor = this.#cursor;
    const { view, end } = cursor;
    const target = this.#view;
    let to = this.#to + 1;
    let p = at + 1;
    this.#u8[this.#to] = quote;
    for (const wideEnd = end - 3; p < wideEnd; p += 4) {
      const word = view.getInt32(p, true);
      target.setInt32(to, word, true);
      const found = special(word);
      if (found !== 0) {
        const k = lowestByte(found);
        if (((word >>> (8 * k)) & 0xff) !== quote) break;
        this.#to = to + k + 1;
        cursor.escaped = false;
        return p + k + 1;
      }
      to += 4;
    }
    const next = cursor.skipString(at + 1);
    if (next < 0) return -1;
    if (cursor.escaped) this.#escaped(at, next);
    else this.#copy(at, next);
    return next;
  }

  #escaped(at: number, next: number): void {
    const { bytes } = this.#cursor;
    const target = this.#u8;
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
          this.#refuse(
            'a string has the character \\u0000 or half of a surrogate pair, which text cannot hold',
            '22P05',
          );
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

/** Copies [from, to) in words where they may be read; may write up to three bytes too many. */
function copyRun(
  source: Uint8Array,
  sourceView: DataView,
  from: number,
  to: number,
  target: Uint8Array,
  targetView: DataView,
  at: number,
): void {
  if (to - from > 256) {
    target.set(source.subarray(from, to), at);
    return;
  }
  let p = from;
  let q = at;
  for (const wideEnd = Math.min(to, source.length - 3); p < wideEnd; p += 4, q += 4) {
    targetView.setInt32(q, sourceView.getInt32(p, true), true);
  }
  for (; p < to; p++, q++) target[q] = source[p];
}

function hex4(bytes: Uint8Array, at: number): number {
  return (
    (hexDigit(bytes[at]) << 12) |
    (hexDigit(bytes[at + 1]) << 8) |
    (hexDigit(bytes[at + 2]) << 4) |
    hexDigit(bytes[at + 3])
  );
}

const shortEscapes = new Map([
  [8, 0x62],
  [9, 0x74],
  [10, 0x6e],
  [12, 0x66],
  [13, 0x72],
  [quote, quote],
  [backslash, backslash],
]);
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
