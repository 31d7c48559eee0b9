/**
 * Offsets of three kinds meet in a parser: UTF-16 units (our text), UTF-8 bytes (locations in the
 * grammar's tree) and code points (what the client is told). For ASCII text all are equal, and only
 * then nothing is counted. Otherwise counts are kept for every 256th unit, so that a position costs
 * at most 256 steps and the table stays small for any text.
 */
import { assert } from '../../base/assert.ts';
import type { Position } from '../ast.ts';

const stepShift = 8;
const encoder = new TextEncoder();

/** Code points before an offset in UTF-16 units of `text`. */
export class CodePoints {
  readonly #text: string;
  #counts: Int32Array | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** The 1-based position of the character at `offset`. */
  position(offset: number): Position {
    assert(offset >= 0 && offset <= this.#text.length, `offset ${offset} lies in the text`);
    this.#counts ??= countPairs(this.#text);
    const step = offset >> stepShift;
    let pairs = this.#counts[step] ?? 0;
    if (this.#counts.length > 1) {
      for (let at = step << stepShift; at < offset; at++) {
        if (isLowSurrogate(this.#text.charCodeAt(at))) pairs++;
      }
    }
    return offset - pairs + 1;
  }
}

/** Low surrogates before every 256th unit; one entry if there are none at all. */
function countPairs(text: string): Int32Array {
  if (!/[\uDC00-\uDFFF]/.test(text)) return new Int32Array(1);
  const counts = new Int32Array((text.length >> stepShift) + 2);
  let pairs = 0;
  for (let at = 0; at < text.length; at++) {
    if ((at & ((1 << stepShift) - 1)) === 0) counts[at >> stepShift] = pairs;
    if (isLowSurrogate(text.charCodeAt(at))) pairs++;
  }
  counts[counts.length - 1] = pairs;
  return counts;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/** Code points before a byte offset of the UTF-8 form of `text`. */
export class BytePositions {
  readonly #text: string;
  /** null until needed; then the UTF-8 bytes, or an empty array for ASCII text. */
  #bytes: Uint8Array | null = null;
  #counts: Int32Array = new Int32Array(0);

  constructor(text: string) {
    this.#text = text;
  }

  /** How many code points of the text come before its byte `offset`. */
  codePointsBefore(offset: number): number {
    this.#bytes ??= this.#prepare();
    if (this.#bytes.length === 0) return offset;
    const step = Math.min(offset >> stepShift, this.#counts.length - 1);
    let count = this.#counts[step] ?? 0;
    for (let at = step << stepShift; at < offset; at++) {
      if (startsCharacter(this.#bytes[at] ?? 0)) count++;
    }
    return count;
  }

  #prepare(): Uint8Array {
    if (!/[^\u0000-\u007f]/.test(this.#text)) return new Uint8Array(0);
    const bytes = encoder.encode(this.#text);
    this.#counts = new Int32Array((bytes.length >> stepShift) + 1);
    let count = 0;
    for (let at = 0; at < bytes.length; at++) {
      if ((at & ((1 << stepShift) - 1)) === 0) this.#counts[at >> stepShift] = count;
      if (startsCharacter(bytes[at] ?? 0)) count++;
    }
    return bytes;
  }
}

function startsCharacter(byte: number): boolean {
  return (byte & 0xc0) !== 0x80;
}
