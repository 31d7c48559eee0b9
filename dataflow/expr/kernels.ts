/**
 * Kernels: functions over the words of var values that generated code calls instead of the
 * functions over datums. They write their result to the heap and answer its offset, with its
 * length in `heap.lastBytes`; −1 stands for NULL. No JavaScript string and, for numerics below
 * 2^53, no BigInt is made.
 */
import type { Decimal } from '../value/datum.ts';
import {
  decimalWords,
  numericScaleAt,
  readDecimal,
  smallNumericAt,
  writeDecimal,
  writeSmallNumeric,
} from '../value/decimal.ts';
import { byteAt, wordsOf } from '../value/words.ts';
import type { Heap } from './heap.ts';
import type { LikePattern } from './like.ts';
import { add, multiply, subtract } from './numeric-math.ts';

const exactMax = 2 ** 53;
/** Largest number of decimals for which small results are not worth a second look. */
const smallScaleMax = 100;
const powers = Float64Array.from({ length: 16 }, (_, k) => 10 ** k);

function putDecimal(heap: Heap, value: Decimal): number {
  const at = heap.take(decimalWords(value));
  heap.lastBytes = writeDecimal(heap.words, at, value);
  return at;
}

function putSmall(heap: Heap, coefficient: number, scale: number): number {
  const at = heap.take(3);
  heap.lastBytes = writeSmallNumeric(heap.words, at, coefficient, scale);
  heap.used = at + (heap.lastBytes >> 2);
  return at;
}

/** a + sign × b. */
export function addNumeric(
  heap: Heap,
  sign: 1 | -1,
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): number {
  let x = smallNumericAt(a, aAt, aBytes);
  let y = smallNumericAt(b, bAt, bBytes);
  const aScale = numericScaleAt(a, aAt);
  const bScale = numericScaleAt(b, bAt);
  const shift = aScale - bScale;
  if (shift > -16 && shift < 16) {
    if (shift < 0) x *= powers[-shift];
    else y *= powers[shift];
    const sum = x + sign * y;
    const exact = Math.abs(x) < exactMax && Math.abs(y) < exactMax && Math.abs(sum) < exactMax;
    if (exact) return putSmall(heap, sum, Math.max(aScale, bScale));
  }
  const left = readDecimal(a, aAt, aBytes);
  const right = readDecimal(b, bAt, bBytes);
  return putDecimal(heap, sign === 1 ? add(left, right) : subtract(left, right));
}

/** a × b. */
export function multiplyNumeric(
  heap: Heap,
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): number {
  const product = smallNumericAt(a, aAt, aBytes) * smallNumericAt(b, bAt, bBytes);
  const scale = numericScaleAt(a, aAt) + numericScaleAt(b, bAt);
  if (Math.abs(product) < exactMax && scale <= smallScaleMax) return putSmall(heap, product, scale);
  return putDecimal(heap, multiply(readDecimal(a, aAt, aBytes), readDecimal(b, bAt, bBytes)));
}

/** An int4 as numeric. */
export function integerNumeric(heap: Heap, value: number): number {
  return putSmall(heap, value, 0);
}

/** Two texts, one after the other. */
export function concatenate(
  heap: Heap,
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): number {
  const at = heap.take(wordsOf(aBytes + bBytes));
  const { words } = heap;
  const aWords = wordsOf(aBytes);
  for (let w = 0; w < aWords; w++) words[at + w] = a[aAt + w];
  heap.lastBytes = aBytes + bBytes;
  appendBytes(words, at, aBytes, b, bAt, bBytes);
  return at;
}

/** Writes bytes behind the first `used` bytes of a value, whose last word is zero-padded. */
function appendBytes(
  words: Int32Array,
  at: number,
  used: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): void {
  const count = wordsOf(bBytes);
  const first = at + (used >> 2);
  const shift = (used & 3) << 3;
  if (shift === 0) {
    for (let w = 0; w < count; w++) words[first + w] = b[bAt + w];
    return;
  }
  const end = at + wordsOf(used + bBytes);
  for (let w = 0; w < count; w++) {
    words[first + w] |= b[bAt + w] << shift;
    if (first + w + 1 < end) words[first + w + 1] = b[bAt + w] >>> (32 - shift);
  }
}

/**
 * A matcher of LIKE over UTF-8, for patterns without _ and with case: bytes then do as well as
 * characters.
 */
export type Matcher = (words: Int32Array, at: number, bytes: number) => boolean;

function sameAt(words: Int32Array, at: number, from: number, piece: Uint8Array): boolean {
  for (let k = 0; k < piece.length; k++) if (byteAt(words, at, from + k) !== piece[k]) return false;
  return true;
}

/** The matcher of a pattern, or undefined if it needs characters. */
export function likeMatcher(
  pattern: LikePattern,
  encode: (text: string) => Uint8Array,
): Matcher | undefined {
  const { pieces } = pattern;
  if (pattern.ignoreCase || pieces.some((piece) => piece.some((c) => c === null || c === '')))
    return undefined;
  const parts = pieces.map((piece) => encode(piece.join('')));
  const last = parts.length - 1;
  const least = parts.reduce((sum, part) => sum + part.length, 0);
  return (words, at, bytes) => {
    if (bytes < least || (last === 0 && bytes !== least) || !sameAt(words, at, 0, parts[0]))
      return false;
    const tail = bytes - parts[last].length;
    if (!sameAt(words, at, tail, parts[last])) return false;
    let from = parts[0].length;
    for (let p = 1; p < last; p++) {
      const stop = tail - parts[p].length;
      while (from <= stop && !sameAt(words, at, from, parts[p])) from++;
      if (from > stop) return false;
      from += parts[p].length;
    }
    return true;
  };
}
