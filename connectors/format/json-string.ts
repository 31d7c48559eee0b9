/**
 * Strings of JSON into the heap: the UTF-8 that they stand for. The common string has no escape and
 * no byte above 0x7f; it is checked and copied in one pass of words.
 */
import type { Heap } from './staging.ts';
import type { JsonCursor } from './json-cursor.ts';
import { backslash, hexDigit, lowestByte, quote, special } from './json-cursor.ts';
import { writeCodePoint } from './text-bytes.ts';

const simpleEscapes = new Uint8Array(128);
for (const [letter, byte] of [
  ['"', 0x22],
  ['\\', 0x5c],
  ['/', 0x2f],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
] as const) {
  simpleEscapes[letter.charCodeAt(0)] = byte;
}

/** Longer strings go the other way, which copies in one piece. */
const readWideBytes = 64;

/** Where the last string that was read lies, and its length. */
export interface ReadString {
  /** Length in bytes; the bytes start at the heap's `top`, not yet closed. */
  bytes: number;
  /** Why the string, though JSON, is not text; null if it is. */
  refusal: string | null;
}

/**
 * Reads the string after the opening quote at `at - 1` to the heap's top, without moving the top.
 * Answers the index after the closing quote or -1; what was read is in `out`.
 */
export function readString(cursor: JsonCursor, at: number, heap: Heap, out: ReadString): number {
  const { view, end } = cursor;
  heap.reserve(readWideBytes + 4);
  out.refusal = null;
  const words = heap.i32;
  const wideEnd = Math.min(view.byteLength - 3, at + readWideBytes);
  let to = heap.top;
  let p = at;
  while (p < wideEnd) {
    const word = view.getInt32(p, true);
    words[to++] = word;
    const found = special(word);
    if (found !== 0) {
      const k = lowestByte(found);
      if (((word >>> (8 * k)) & 0xff) !== quote || p + k >= end) break;
      out.bytes = p + k - at;
      return p + k + 1;
    }
    p += 4;
  }
  return readAnyString(cursor, at, heap, out);
}

function readAnyString(cursor: JsonCursor, at: number, heap: Heap, out: ReadString): number {
  const next = cursor.skipString(at);
  if (next < 0) return -1;
  const length = next - 1 - at;
  heap.reserve(length);
  const to = heap.top * 4;
  if (!cursor.escaped) {
    heap.u8.set(cursor.bytes.subarray(at, next - 1), to);
    out.bytes = length;
    return next;
  }
  out.bytes = unescape(cursor.bytes, at, heap.u8, to, out) - to;
  return next;
}

/**
 * Writes what the string at `from` stands for, up to its quote; answers the index after the last
 * byte.
 */
function unescape(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  at: number,
  out: ReadString,
): number {
  let p = from;
  let to = at;
  for (;;) {
    const byte = source[p];
    if (byte === quote) return to;
    if (byte !== backslash) {
      target[to++] = byte;
      p++;
    } else if (source[p + 1] !== 0x75) {
      target[to++] = simpleEscapes[source[p + 1]];
      p += 2;
    } else {
      const unit = hex4(source, p + 2);
      p += 6;
      let code = unit;
      if (unit >= 0xd800 && unit < 0xe000) {
        const paired = unit < 0xdc00 && source[p] === backslash && source[p + 1] === 0x75;
        const low = paired ? hex4(source, p + 2) : 0;
        if (low < 0xdc00 || low > 0xdfff) {
          out.refusal = 'a string has half of a surrogate pair';
          return to;
        }
        code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
      }
      if (code === 0) {
        out.refusal = 'a string has the character \\u0000, which text cannot hold';
        return to;
      }
      to = writeCodePoint(target, to, code);
    }
  }
}

function hex4(bytes: Uint8Array, at: number): number {
  return (
    (hexDigit(bytes[at]) << 12) |
    (hexDigit(bytes[at + 1]) << 8) |
    (hexDigit(bytes[at + 2]) << 4) |
    hexDigit(bytes[at + 3])
  );
}
