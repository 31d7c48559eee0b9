/**
 * jsonb values: the canonical text that Postgres prints, in UTF-8. Members are separated by `", "`,
 * keys from values by `": "`; an object's keys are unique and sorted by length in bytes, then by
 * bytes; numbers are written without exponent and keep their trailing zeros.
 *
 * Keeping the printed form makes output a copy and access a scan. Two values are equal if their
 * texts are the same but for zeros at the end of fractions (1.0 = 1.00 = 1), so hash and equality
 * are one pass over bytes that leaves these out. Order is Postgres': object > array > boolean >
 * number > string > null, more elements > fewer, then element by element; and its one oddity: an
 * empty array at the top sorts before every scalar.
 */
import {
  countEntries,
  jsonArray,
  jsonBoolean,
  jsonKind,
  jsonNull,
  jsonNumber,
  jsonObject,
  jsonString,
  skipString,
  skipValue,
  stringBytes,
} from './json-scan.ts';
import { byteAt, bytesAt, hashBytes, sameWords, utf8Text, wordsOf } from './words.ts';

const quote = 0x22;
const backslash = 0x5c;
const point = 0x2e;
const zero = 0x30;

/** Hash under equality: of the words, without the zeros that do not count. */
export function hashJsonbWords(i32: Int32Array, at: number, bytes: number): number {
  for (let w = at, end = at + wordsOf(bytes); w < end; w++) {
    const x = i32[w] ^ 0x2e2e2e2e;
    if (((x - 0x01010101) & ~x & 0x80808080) !== 0) return hashWithPoints(i32, at, bytes);
  }
  return hashBytes(i32, at, bytes);
}

let stripped = new Int32Array(64);
let strippedBytes = new Uint8Array(stripped.buffer);

/** A text that holds a point: it is copied without the zeros at the end of fractions. */
function hashWithPoints(i32: Int32Array, at: number, bytes: number): number {
  if (stripped.length < wordsOf(bytes)) {
    stripped = new Int32Array(2 * wordsOf(bytes));
    strippedBytes = new Uint8Array(stripped.buffer);
  }
  const to = strippedBytes;
  let n = 0;
  let inString = false;
  for (let k = 0; k < bytes; k++) {
    const c = byteAt(i32, at, k);
    to[n++] = c;
    if (c === quote) inString = !inString;
    else if (!inString && c === point) {
      const before = n;
      while (k + 1 < bytes && isDigit(byteAt(i32, at, k + 1))) to[n++] = byteAt(i32, at, ++k);
      while (n > before && to[n - 1] === zero) n--;
      if (n === before) n--;
    } else if (inString && c === backslash) to[n++] = byteAt(i32, at, ++k);
  }
  for (let k = n; (k & 3) !== 0; k++) to[k] = 0;
  return hashBytes(stripped, 0, n);
}

function isDigit(c: number): boolean {
  return c >= zero && c <= 0x39;
}

/** Equality under SQL. */
export function equalJsonbWords(
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): boolean {
  if (aBytes === bBytes && sameWords(a, aAt, b, bAt, wordsOf(aBytes))) return true;
  return compareJsonb(bytesAt(a, aAt, aBytes), bytesAt(b, bAt, bBytes)) === 0;
}

/** Order under SQL: negative, 0 or positive. */
export function compareJsonbWords(
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): number {
  return compareJsonb(bytesAt(a, aAt, aBytes), bytesAt(b, bAt, bBytes));
}

/**
 * Order of two canonical texts. Both are walked in step: as long as no difference was found their
 * structure is the same, so punctuation can be skipped without looking at it.
 */
export function compareJsonb(a: Uint8Array, b: Uint8Array): number {
  const odd = compareTops(a, b);
  if (odd !== 0) return odd;
  let p = skipPunctuation(a, 0);
  let q = skipPunctuation(b, 0);
  while (p < a.length && q < b.length) {
    const kind = jsonKind(a, p);
    const byKind = kind - jsonKind(b, q);
    if (byKind !== 0) return byKind;
    const pEnd = kind >= jsonArray ? p + 1 : skipValue(a, p);
    const qEnd = kind >= jsonArray ? q + 1 : skipValue(b, q);
    const order = compareValues(kind, a, p, pEnd, b, q, qEnd);
    if (order !== 0) return order;
    p = skipPunctuation(a, pEnd);
    q = skipPunctuation(b, qEnd);
  }
  return 0;
}

/** A scalar counts as a one-element array when it meets an array at the top. */
function compareTops(a: Uint8Array, b: Uint8Array): number {
  const aKind = jsonKind(a, 0);
  const bKind = jsonKind(b, 0);
  if (aKind === jsonArray && bKind < jsonArray) return countEntries(a, 0) === 0 ? -1 : 1;
  if (bKind === jsonArray && aKind < jsonArray) return countEntries(b, 0) === 0 ? 1 : -1;
  return 0;
}

function skipPunctuation(u8: Uint8Array, at: number): number {
  let k = at;
  while (k < u8.length) {
    const c = u8[k];
    if (c !== 0x20 && c !== 0x2c && c !== 0x3a && c !== 0x5d && c !== 0x7d) break;
    k++;
  }
  return k;
}

function compareValues(
  kind: number,
  a: Uint8Array,
  p: number,
  pEnd: number,
  b: Uint8Array,
  q: number,
  qEnd: number,
): number {
  switch (kind) {
    case jsonObject:
    case jsonArray:
      return countEntries(a, p) - countEntries(b, q);
    case jsonString:
      return compareRuns(stringBytes(a, p, skipString(a, p)), stringBytes(b, q, skipString(b, q)));
    case jsonNumber:
      return compareNumberTexts(utf8Text(a.subarray(p, pEnd)), utf8Text(b.subarray(q, qEnd)));
    case jsonBoolean:
      return a[p] - b[q];
    case jsonNull:
    default:
      return 0;
  }
}

/** Order of two runs of bytes. */
export function compareRuns(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let k = 0; k < shared; k++) if (a[k] !== b[k]) return a[k] - b[k];
  return a.length - b.length;
}

/** Order of two numbers written without exponent. */
function compareNumberTexts(a: string, b: string): number {
  if (a.length <= 15 && b.length <= 15) return Number(a) - Number(b);
  const [aWhole = '', aFraction = ''] = a.split('.');
  const [bWhole = '', bFraction = ''] = b.split('.');
  const scale = Math.max(aFraction.length, bFraction.length);
  const x = BigInt(aWhole + aFraction.padEnd(scale, '0'));
  const y = BigInt(bWhole + bFraction.padEnd(scale, '0'));
  return x === y ? 0 : x < y ? -1 : 1;
}
