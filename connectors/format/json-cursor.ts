/**
 * Strict JSON (RFC 8259) over bytes, without objects or strings: the ground under the typed
 * decoder.
 *
 * A method takes the index where something starts and answers the index after it, or -1 if the
 * bytes are not JSON; `problem` then says why. Strings are checked to be UTF-8 without control
 * characters and with known escapes; `escaped` tells whether the last one had any. Nothing is read
 * past `end` except by four-byte loads, which stay inside `bytes`.
 *
 * Four bytes at a time: one word is plain text if neither quote nor backslash nor a byte below 0x20
 * or above 0x7f is in it. With w of four bytes, (w ^ pattern) - 0x01010101 has the top bit of a
 * byte set where an ASCII byte equals the pattern's, w - 0x20202020 where one is below 0x20, and w
 * itself where one is above 0x7f. A subtraction borrows only from a byte that is marked itself, so
 * the lowest mark is exact, which is all that anybody looks at.
 */
import { limits } from '../../src/base/limits.ts';
import { afterMultibyte } from './text-bytes.ts';

export const quote = 0x22;
export const backslash = 0x5c;
export const comma = 0x2c;
export const colon = 0x3a;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
export const minus = 0x2d;
export const point = 0x2e;
const letterE = 0x65;
const letterU = 0x75;

const ones = 0x01010101;
const tops = 0x80808080 | 0;
const quotes = 0x22222222;
const backslashes = 0x5c5c5c5c;
const blanks = 0x20202020;

const highHalves = 0xf0f0f0f0 | 0;
const threes = 0x30303030;
const sixes = 0x06060606;

const wordTrue = 0x65757274;
const wordNull = 0x6c6c756e;
const wordAlse = 0x65736c61;

/** Non-zero if one of the four bytes of `word` ends or complicates a plain run of string text. */
export function special(word: number): number {
  return (((word ^ quotes) - ones) | ((word ^ backslashes) - ones) | (word - blanks) | word) & tops;
}

/** Which of four bytes (0 = the first in memory) the lowest bit set by {@link special} is in. */
export function lowestByte(found: number): number {
  return (31 - Math.clz32(found & -found)) >> 3;
}

/** True for characters after `\` that stand alone: " \ / b f n r t. */
function isSimpleEscape(byte: number): boolean {
  return (
    byte === quote ||
    byte === backslash ||
    byte === 0x2f ||
    byte === 0x62 ||
    byte === 0x66 ||
    byte === 0x6e ||
    byte === 0x72 ||
    byte === 0x74
  );
}

/** Value of a hexadecimal digit, or -1. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Whether a byte is a decimal digit. */
export function isDigit(byte: number): boolean {
  return (byte - 0x30) >>> 0 <= 9;
}

/** A position-free view of one document; see the head of this file. */
export class JsonCursor {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  /** The same bytes with Node's methods, for slow paths that need a string. */
  buffer: Buffer = Buffer.alloc(0);
  /** End of the current document. */
  end = 0;
  /** Why the last method answered -1. */
  problem = '';
  /** SQLSTATE that goes with `problem`. */
  code = '22P02';
  /** Whether the last string had an escape. */
  escaped = false;

  /** Points at other bytes. */
  open(bytes: Uint8Array): void {
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(problem: string, code = '22P02'): number {
    this.problem = problem;
    this.code = code;
    return -1;
  }

  /** The text of [from, to), for messages and slow paths. */
  text(from: number, to: number): string {
    return this.buffer.toString('utf8', from, to);
  }

  skipBlank(at: number): number {
    const { bytes, end } = this;
    let p = at;
    while (p < end) {
      const byte = bytes[p];
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
      p++;
    }
    return p;
  }

  /** `at` is the index after the opening quote; answers the index after the closing one. */
  skipString(at: number): number {
    const { bytes, view, end } = this;
    this.escaped = false;
    let p = at;
    for (const wideEnd = end - 3; p < wideEnd; p += 4) {
      const word = view.getInt32(p, true);
      const found = special(word);
      if (found === 0) continue;
      const shift = lowestByte(found) * 8;
      p += shift >> 3;
      if (((word >>> shift) & 0xff) === quote) return p + 1;
      break;
    }
    while (p < end) {
      const byte = bytes[p];
      if (byte === quote) return p + 1;
      if (byte >= 0x20 && byte < 0x80 && byte !== backslash) p++;
      else {
        p = this.#afterSpecial(p);
        if (p < 0) return -1;
      }
    }
    return this.fail('a string has no end');
  }

  /** Index after the escape or multi-byte character at `at`. */
  #afterSpecial(at: number): number {
    const { bytes, end } = this;
    const byte = bytes[at];
    if (byte >= 0x80) {
      const next = afterMultibyte(bytes, at, end);
      return next < 0 ? this.fail('invalid byte sequence for encoding "UTF8"', '22021') : next;
    }
    if (byte !== backslash) return this.fail('a string has a control character');
    this.escaped = true;
    if (at + 1 >= end) return this.fail('a string has no end');
    const letter = bytes[at + 1];
    if (isSimpleEscape(letter)) return at + 2;
    if (letter !== letterU || at + 6 > end) return this.fail('a string has an unknown escape');
    for (let k = 2; k < 6; k++) {
      if (hexDigit(bytes[at + k]) < 0) return this.fail('a string has an unknown escape');
    }
    return at + 6;
  }

  #skipDigits(at: number): number {
    const { bytes, view, end } = this;
    let p = at;
    for (const wideEnd = end - 3; p < wideEnd; p += 4) {
      const word = view.getInt32(p, true);
      // The high half of a digit is 3, and stays 3 when 6 is added; then no sum carries either.
      if ((word & highHalves) !== threes || ((word + sixes) & highHalves) !== threes) break;
    }
    while (p < end && isDigit(bytes[p])) p++;
    return p;
  }

  /** Skips the number at `at` after checking its grammar. */
  skipNumber(at: number): number {
    const { bytes, end } = this;
    let p = at;
    if (bytes[p] === minus) p++;
    const first = p < end ? bytes[p] : 0;
    if (!isDigit(first)) return this.fail('a number has no digit');
    p++;
    if (first !== 0x30) p = this.#skipDigits(p);
    if (p < end && bytes[p] === point) {
      const fraction = ++p;
      while (p < end && isDigit(bytes[p])) p++;
      if (p === fraction) return this.fail('a number has no digit after its point');
    }
    if (p < end && (bytes[p] | 0x20) === letterE) {
      p++;
      if (p < end && (bytes[p] === 0x2b || bytes[p] === minus)) p++;
      const exponent = p;
      while (p < end && isDigit(bytes[p])) p++;
      if (p === exponent) return this.fail('a number has no digit in its exponent');
    }
    return p;
  }

  /** Skips `true`, `false` or `null`. */
  skipLiteral(at: number): number {
    const { bytes, view, end } = this;
    if (at + 4 <= end) {
      const word = view.getInt32(at, true);
      if (word === wordTrue || word === wordNull) return at + 4;
      if (bytes[at] === 0x66 && at + 5 <= end && view.getInt32(at + 1, true) === wordAlse)
        return at + 5;
    }
    return this.fail('a value is expected');
  }

  /** Whether `null` stands at `at`. */
  isNull(at: number): boolean {
    return at + 4 <= this.end && this.view.getInt32(at, true) === wordNull;
  }

  /** Skips the value that starts at `at` (no blank before it), at most `depth` containers deep. */
  skipValue(at: number, depth: number): number {
    if (at >= this.end) return this.fail('a value is missing');
    const byte = this.bytes[at];
    switch (byte) {
      case quote:
        return this.skipString(at + 1);
      case openBrace:
        return this.#skipObject(at + 1, depth - 1);
      case openBracket:
        return this.#skipArray(at + 1, depth - 1);
      default:
        return byte <= 0x39 ? this.skipNumber(at) : this.skipLiteral(at);
    }
  }

  #skipObject(at: number, depth: number): number {
    if (depth < 0) return this.tooDeep();
    let p = this.skipBlank(at);
    if (p < this.end && this.bytes[p] === closeBrace) return p + 1;
    for (;;) {
      if (p >= this.end || this.bytes[p] !== quote) return this.fail('an object key is expected');
      p = this.skipString(p + 1);
      if (p < 0) return -1;
      p = this.afterColon(p);
      if (p < 0) return -1;
      p = this.skipValue(p, depth);
      if (p < 0) return -1;
      p = this.skipBlank(p);
      if (p >= this.end) return this.fail('an object has no end');
      const byte = this.bytes[p++];
      if (byte === closeBrace) return p;
      if (byte !== comma) return this.fail('"," or "}" is expected');
      p = this.skipBlank(p);
    }
  }

  #skipArray(at: number, depth: number): number {
    if (depth < 0) return this.tooDeep();
    let p = this.skipBlank(at);
    if (p < this.end && this.bytes[p] === closeBracket) return p + 1;
    for (;;) {
      p = this.skipValue(p, depth);
      if (p < 0) return -1;
      p = this.skipBlank(p);
      if (p >= this.end) return this.fail('an array has no end');
      const byte = this.bytes[p++];
      if (byte === closeBracket) return p;
      if (byte !== comma) return this.fail('"," or "]" is expected');
      p = this.skipBlank(p);
    }
  }

  /** Index of the value behind the colon that follows the key which ended at `at`. */
  afterColon(at: number): number {
    const { bytes, end } = this;
    let p = at;
    if (p >= end || bytes[p] !== colon) {
      p = this.skipBlank(p);
      if (p >= end || bytes[p] !== colon) return this.fail('":" is expected');
    }
    p++;
    return p < end && bytes[p] > 0x20 ? p : this.skipBlank(p);
  }

  tooDeep(): number {
    return this.fail(`it is nested more than ${limits.jsonDepthMax} deep`, '54001');
  }
}
