/**
 * Cuts a line of CSV into fields, as Postgres' COPY cuts it. Fields are kept as positions: in the
 * record's own bytes where they stand there as they are (bare, or between one pair of quotes), and
 * in `scratch` where quotes had to be taken out. Nothing is decoded, and nothing is made per field.
 *
 * A quote opens and closes quoting wherever it stands; within quotes, the escape character makes
 * the quote or itself plain. One line end after the last field is no part of it. A line end outside
 * quotes that something follows is wrong: a record is one line.
 */
import { assert } from '../../../src/base/assert.ts';
import type { CsvReading } from '../decoder.ts';

const newline = 10;
const carriageReturn = 13;

/** The byte of an ASCII character. */
function byteOf(character: string): number {
  const code = character.charCodeAt(0);
  assert(character.length === 1 && code < 0x80, 'special characters of CSV are one byte each');
  return code;
}

/** One line after another; what `cut` found stands in the arrays until the next one. */
export class CsvLine {
  /** Fields of the last line, of which at most `fieldsMax` are kept. */
  count = 0;
  /** Why the last line is none. */
  problem = '';
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** 1 where quotes were seen: such a field is never NULL. */
  readonly quoted: Uint8Array;
  /** 1 where the positions are those in `scratch`. */
  readonly moved: Uint8Array;
  scratch: Uint8Array = new Uint8Array(256);
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #escape: number;
  #scratchTop = 0;

  constructor(reading: CsvReading, fieldsMax: number) {
    this.#delimiter = byteOf(reading.delimiter);
    this.#quote = byteOf(reading.quote);
    this.#escape = byteOf(reading.escape);
    this.starts = new Int32Array(fieldsMax);
    this.ends = new Int32Array(fieldsMax);
    this.quoted = new Uint8Array(fieldsMax);
    this.moved = new Uint8Array(fieldsMax);
  }

  /** Cuts [at, end); false if it is no line, for which `problem` says why. */
  cut(bytes: Uint8Array, at: number, end: number): boolean {
    let lineEnd = end;
    if (lineEnd > at && bytes[lineEnd - 1] === newline) lineEnd--;
    if (lineEnd > at && bytes[lineEnd - 1] === carriageReturn) lineEnd--;
    this.count = 0;
    this.#scratchTop = 0;
    const delimiter = this.#delimiter;
    const quote = this.#quote;
    let start = at;
    let p = at;
    for (;;) {
      let byte = -1;
      for (; p < lineEnd; p++) {
        byte = bytes[p];
        if (byte === delimiter || byte === quote) break;
        if (byte === newline || byte === carriageReturn) return this.#wrong(byte);
      }
      if (p < lineEnd && byte === quote) {
        p = this.#quotedField(bytes, start, p, lineEnd);
        if (p < 0) return false;
      } else {
        this.#add(start, p, 0, 0);
      }
      if (p >= lineEnd) return true;
      start = ++p;
    }
  }

  #add(start: number, end: number, quoted: number, moved: number): void {
    const field = this.count++;
    if (field >= this.starts.length) return;
    this.starts[field] = start;
    this.ends[field] = end;
    this.quoted[field] = quoted;
    this.moved[field] = moved;
  }

  #wrong(byte: number): false {
    const what = byte === newline ? 'newline' : 'carriage return';
    this.problem = `unquoted ${what} found in data`;
    return false;
  }

  /** A field that starts at `start` with its first quote at `at`; answers where it ends, or -1. */
  #quotedField(bytes: Uint8Array, start: number, at: number, end: number): number {
    if (at === start) {
      const close = this.#plainClose(bytes, at + 1, end);
      if (close >= 0) {
        this.#add(at + 1, close, 1, 0);
        return close + 1;
      }
    }
    return this.#mixedField(bytes, start, end);
  }

  /** The closing quote of a field that has no other special character, or -1 if it has. */
  #plainClose(bytes: Uint8Array, from: number, end: number): number {
    const quote = this.#quote;
    const escape = this.#escape;
    let p = from;
    while (p < end && bytes[p] !== quote && bytes[p] !== escape) p++;
    if (p === end || bytes[p] !== quote) return -1;
    return p + 1 === end || bytes[p + 1] === this.#delimiter ? p : -1;
  }

  #mixedField(bytes: Uint8Array, start: number, end: number): number {
    this.#reserve(end - start);
    const { scratch } = this;
    const quote = this.#quote;
    const escape = this.#escape;
    const from = this.#scratchTop;
    let top = from;
    let inside = false;
    let p = start;
    for (; p < end; p++) {
      const byte = bytes[p];
      if (!inside) {
        if (byte === this.#delimiter) break;
        if (byte === quote) inside = true;
        else if (byte === newline || byte === carriageReturn) {
          this.#wrong(byte);
          return -1;
        } else scratch[top++] = byte;
      } else if (byte === escape && p + 1 < end && this.#isSpecial(bytes[p + 1])) {
        scratch[top++] = bytes[++p];
      } else if (byte === quote) inside = false;
      else scratch[top++] = byte;
    }
    if (inside) {
      this.problem = 'unterminated CSV quoted field';
      return -1;
    }
    this.#add(from, top, 1, 1);
    this.#scratchTop = top;
    return p;
  }

  /** What an escape character makes plain. */
  #isSpecial(byte: number): boolean {
    return byte === this.#quote || byte === this.#escape;
  }

  #reserve(bytes: number): void {
    const needed = this.#scratchTop + bytes;
    if (needed <= this.scratch.length) return;
    const wider = new Uint8Array(Math.max(needed, 2 * this.scratch.length));
    wider.set(this.scratch.subarray(0, this.#scratchTop));
    this.scratch = wider;
  }
}
