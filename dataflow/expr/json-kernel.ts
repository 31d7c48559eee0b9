/**
 * Access to members of jsonb in generated code: finds a key in the canonical text by walking its
 * bytes, and copies the value to the heap. The key comes as its own canonical text, quotes and
 * escapes included, which is unique, so keys are compared as raw bytes.
 */
import { byteAt, utf8, utf8Text, wordsOf, writeBytes } from '../value/words.ts';
import type { Heap } from './heap.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const letterN = 0x6e;

/** Index after the string whose opening quote is at `k`. */
function afterString(words: Int32Array, at: number, from: number): number {
  let k = from + 1;
  for (;;) {
    const c = byteAt(words, at, k);
    if (c === quote) return k + 1;
    k += c === backslash ? 2 : 1;
  }
}

/** Index after the value that begins at `from`. */
function afterValue(words: Int32Array, at: number, from: number): number {
  let k = from;
  for (let depth = 0; ;) {
    const c = byteAt(words, at, k);
    if (c === quote) {
      k = afterString(words, at, k);
      if (depth === 0) return k;
    } else if (c === openBrace || c === openBracket) {
      depth++;
      k++;
    } else if (c === closeBrace || c === closeBracket) {
      if (depth === 0) return k;
      k++;
      if (--depth === 0) return k;
    } else if (c === comma && depth === 0) return k;
    else k++;
  }
}

/** Index of the value of a key, or −1. `key` is the canonical text of the key. */
function valueOf(words: Int32Array, at: number, bytes: number, key: Uint8Array): number {
  if (bytes <= 2 || byteAt(words, at, 0) !== openBrace) return -1;
  const size = key.length;
  for (let k = 1; k < bytes; k += 2) {
    let same = 0;
    while (same < size && byteAt(words, at, k + same) === key[same]) same++;
    if (same === size && byteAt(words, at, k + size) === colon) return k + size + 2;
    k = afterValue(words, at, afterString(words, at, k) + 2);
    if (byteAt(words, at, k) !== comma) return -1;
  }
  return -1;
}

/** Copies bytes `from` to `to` of a value to the heap. */
function copySlice(heap: Heap, words: Int32Array, at: number, from: number, to: number): number {
  const bytes = to - from;
  const count = wordsOf(bytes);
  const target = heap.take(count);
  const out = heap.words;
  heap.lastBytes = bytes;
  if (count === 0) return target;
  const shift = (from & 3) << 3;
  const first = at + (from >> 2);
  const last = at + ((to - 1) >> 2);
  for (let w = 0; w < count; w++) {
    let word = words[first + w] >>> shift;
    if (shift !== 0 && first + w < last) word |= words[first + w + 1] << (32 - shift);
    out[target + w] = word;
  }
  const rest = bytes & 3;
  if (rest !== 0) out[target + count - 1] &= (1 << (rest << 3)) - 1;
  return target;
}

/** The member of a key (->); −1 if there is none. */
export function jsonMember(
  heap: Heap,
  words: Int32Array,
  at: number,
  bytes: number,
  key: Uint8Array,
): number {
  const start = valueOf(words, at, bytes, key);
  return start < 0 ? -1 : copySlice(heap, words, at, start, afterValue(words, at, start));
}

/** The member of a key as text (->>); −1 if there is none or it is null. */
export function jsonMemberText(
  heap: Heap,
  words: Int32Array,
  at: number,
  bytes: number,
  key: Uint8Array,
): number {
  const start = valueOf(words, at, bytes, key);
  if (start < 0 || byteAt(words, at, start) === letterN) return -1;
  const end = afterValue(words, at, start);
  if (byteAt(words, at, start) !== quote) return copySlice(heap, words, at, start, end);
  for (let k = start + 1; k < end - 1; k++) {
    if (byteAt(words, at, k) === backslash) return unescaped(heap, words, at, start, end);
  }
  return copySlice(heap, words, at, start + 1, end - 1);
}

/** A string with escapes: rare enough for the general reader. */
function unescaped(heap: Heap, words: Int32Array, at: number, start: number, end: number): number {
  const slice = Uint8Array.from({ length: end - start }, (_, k) => byteAt(words, at, start + k));
  const bytes = utf8(String(JSON.parse(utf8Text(slice))));
  const target = heap.take(wordsOf(bytes.length));
  writeBytes(heap.words, target, bytes);
  heap.lastBytes = bytes.length;
  return target;
}
