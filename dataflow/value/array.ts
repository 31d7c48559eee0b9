/**
 * Arrays as words: one dimension, elements of one scalar type, NULLs allowed.
 *
 *     count | null bits: ceil(count / 32) words | 4- or 8-byte elements: one or two words each,
 *     zero where NULL | var elements: one length in bytes each, then their padded bytes in order
 *
 * Under SQL two arrays are equal if their elements are; here NULL equals NULL. Order is element by
 * element with NULL greatest, then the shorter array first.
 */
import { assert } from '../../src/base/assert.ts';
import type { ArrayDatum, Datum } from './datum.ts';
import type { VarWords } from './scalar-words.ts';
import {
  compareScalar,
  elementOf,
  equalScalar,
  hashScalar,
  readScalar,
  scalarWords,
} from './scalar-words.ts';
import type { TypeName } from './type.ts';
import { physicalOf } from './type.ts';
import { finish, mix, wordsOf } from './words.ts';

/** Narrows a datum to an array. */
export function arrayOf(datum: Datum): ArrayDatum {
  const fits =
    typeof datum === 'object' && datum !== null && 'kind' in datum && datum.kind === 'array';
  assert(fits, `an array is expected, got ${typeof datum}`);
  return datum;
}

/** An array of elements. */
export function array(elements: readonly Datum[]): ArrayDatum {
  return { kind: 'array', elements };
}

/** Words of one element, or 0 for var elements. */
function elementWords(element: TypeName): number {
  const physical = physicalOf(element);
  return physical === 'var' ? 0 : physical === 'i32' ? 1 : 2;
}

/** Lays out an array of type `type`. */
export function arrayVar(type: TypeName, datum: ArrayDatum): VarWords {
  const element = elementOf(type);
  const fixed = elementWords(element);
  const n = datum.elements.length;
  const parts = datum.elements.map((e) => (e === null ? null : scalarWords(element, e)));
  const bits = (n + 31) >> 5;
  let size = 1 + bits + n * (fixed === 0 ? 1 : fixed);
  if (fixed === 0) for (const part of parts) size += part?.words.length ?? 0;
  const words = new Int32Array(size);
  words[0] = n;
  let tail = 1 + bits + n;
  parts.forEach((part, k) => {
    if (part === null) words[1 + (k >> 5)] |= 1 << (k & 31);
    else if (fixed > 0) words.set(part.words, 1 + bits + k * fixed);
    else {
      words[1 + bits + k] = part.bytes;
      words.set(part.words, tail);
      tail += part.words.length;
    }
  });
  assert(fixed > 0 || tail === size, `the elements take ${size} words, not ${tail}`);
  return { words, bytes: size * 4 };
}

/** Walks the elements of one array; `at` is the word of the current element's value. */
class Walk {
  readonly i32: Int32Array;
  readonly start: number;
  readonly n: number;
  readonly fixed: number;
  readonly values: number;
  k = -1;
  at = 0;
  bytes = 0;
  isNull = false;

  constructor(element: TypeName, i32: Int32Array, start: number) {
    this.i32 = i32;
    this.start = start;
    this.n = i32[start];
    this.fixed = elementWords(element);
    this.values = start + 1 + ((this.n + 31) >> 5);
    this.at = this.fixed > 0 ? this.values - this.fixed : this.values + this.n;
  }

  /** Steps to the next element; false after the last. */
  next(): boolean {
    if (++this.k >= this.n) return false;
    const k = this.k;
    this.isNull = ((this.i32[this.start + 1 + (k >> 5)] >>> (k & 31)) & 1) !== 0;
    if (this.fixed > 0) {
      this.at += this.fixed;
      this.bytes = this.fixed * 4;
    } else {
      this.at += wordsOf(this.bytes);
      this.bytes = this.i32[this.values + k];
    }
    return true;
  }
}

/** Reads the array of type `type` at word `at`. */
export function readArray(type: TypeName, i32: Int32Array, at: number): ArrayDatum {
  const element = elementOf(type);
  const walk = new Walk(element, i32, at);
  const elements: Datum[] = [];
  while (walk.next()) {
    elements.push(walk.isNull ? null : readScalar(element, i32, walk.at, walk.bytes));
  }
  return { kind: 'array', elements };
}

/** Hash under equality of an array of type `type`. */
export function hashArrayWords(type: TypeName, i32: Int32Array, at: number): number {
  const element = elementOf(type);
  const walk = new Walk(element, i32, at);
  let hash = walk.n;
  while (walk.next()) {
    hash = mix(hash, walk.isNull ? 0x5bd1e995 : hashScalar(element, i32, walk.at, walk.bytes));
  }
  return finish(hash);
}

/** Equality under SQL of two arrays of type `type`. */
export function equalArrayWords(
  type: TypeName,
  a: Int32Array,
  aAt: number,
  b: Int32Array,
  bAt: number,
): boolean {
  if (a[aAt] !== b[bAt]) return false;
  const element = elementOf(type);
  const x = new Walk(element, a, aAt);
  const y = new Walk(element, b, bAt);
  while (x.next() && y.next()) {
    if (x.isNull !== y.isNull) return false;
    if (!x.isNull && !equalScalar(element, a, x.at, x.bytes, b, y.at, y.bytes)) return false;
  }
  return true;
}

/** Order under SQL of two arrays of type `type`: negative, 0 or positive. */
export function compareArrayWords(
  type: TypeName,
  a: Int32Array,
  aAt: number,
  b: Int32Array,
  bAt: number,
): number {
  const element = elementOf(type);
  const x = new Walk(element, a, aAt);
  const y = new Walk(element, b, bAt);
  while (x.next() && y.next()) {
    if (x.isNull !== y.isNull) return x.isNull ? 1 : -1;
    if (x.isNull) continue;
    const order = compareScalar(element, a, x.at, x.bytes, b, y.at, y.bytes);
    if (order !== 0) return order;
  }
  return x.n - y.n;
}
