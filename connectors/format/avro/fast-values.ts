/**
 * What generated readers call for values that are more than an integer: each takes the usual forms
 * only, straight from bytes to words, and leaves the others (answering that it did) to the complete
 * reader. None allocates.
 */
import { writeSmallNumeric } from '../../../dataflow/value/decimal.ts';
import { hexDigit } from '../json-cursor.ts';
import { invalidTextAt } from '../text-bytes.ts';

const two32 = 2 ** 32;
/** Bytes of the largest decimal that a double holds exactly, whatever its digits. */
const decimalBytesMax = 6;

/**
 * Reads the varint at `from` as int64 (low word, high word) into `pair`; answers the index after
 * it, or -1 if it has more than nine bytes.
 */
export function readLong(bytes: Uint8Array, from: number, pair: Int32Array): number {
  let p = from;
  let byte = bytes[p++];
  let low = byte & 0x7f;
  for (let shift = 7; byte > 0x7f && shift < 28; shift += 7) {
    byte = bytes[p++];
    low |= (byte & 0x7f) << shift;
  }
  let high = 0;
  for (let shift = 0; byte > 0x7f && shift < 35; shift += 7) {
    byte = bytes[p++];
    if (shift < 28) high |= (byte & 0x7f) << shift;
    else {
      // The ninth byte: bits 56 to 62.
      if (byte > 0x7f) return -1;
      const zigzagLow = low | (high << 28);
      return unzigzag(zigzagLow, (high >>> 4) | (byte << 24), pair, p);
    }
  }
  return unzigzag(low | (high << 28), high >>> 4, pair, p);
}

function unzigzag(low: number, high: number, pair: Int32Array, next: number): number {
  const sign = -(low & 1);
  pair[0] = ((low >>> 1) | (high << 31)) ^ sign;
  pair[1] = (high >>> 1) ^ sign;
  return next;
}

/**
 * Copies the text [at, at + length) to word `to`, zero-padded; false if it is not UTF-8 without
 * NUL.
 */
export function readText(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  length: number,
  i32: Int32Array,
  u8: Uint8Array,
  to: number,
): boolean {
  const end = at + length;
  let p = at;
  let word = to;
  for (; p <= end - 4; p += 4) {
    const w = view.getInt32(p, true);
    if ((((w - 0x01010101) | w) & 0x80808080) !== 0)
      return readOtherText(bytes, p, end, i32, u8, word);
    i32[word++] = w;
  }
  if (p === end) return true;
  let rest = 0;
  for (let shift = 0; p < end; shift += 8) {
    const byte = bytes[p++];
    if (byte === 0 || byte > 0x7f)
      return readOtherText(bytes, end - (length & 3), end, i32, u8, word);
    rest |= byte << shift;
  }
  i32[word] = rest;
  return true;
}

function readOtherText(
  bytes: Uint8Array,
  at: number,
  end: number,
  i32: Int32Array,
  u8: Uint8Array,
  to: number,
): boolean {
  if (invalidTextAt(bytes, at, end) >= 0) return false;
  copyBytes(bytes, at, end - at, i32, u8, to);
  return true;
}

/** Copies bytes to word `to`, zero-padded. */
export function copyBytes(
  bytes: Uint8Array,
  at: number,
  length: number,
  i32: Int32Array,
  u8: Uint8Array,
  to: number,
): void {
  if (length === 0) return;
  i32[to + ((length - 1) >> 2)] = 0;
  for (let k = 0, q = to * 4; k < length; k++) u8[q + k] = bytes[at + k];
}

/**
 * Writes a big-endian number as numeric; answers its bytes, or -1 if it is empty, long, or not
 * below `bound`.
 */
export function readSmallDecimal(
  bytes: Uint8Array,
  at: number,
  length: number,
  i32: Int32Array,
  to: number,
  scale: number,
  bound: number,
): number {
  if (length < 1 || length > decimalBytesMax) return -1;
  let value = bytes[at] > 0x7f ? bytes[at] - 0x100 : bytes[at];
  for (let k = 1; k < length; k++) value = value * 256 + bytes[at + k];
  if (value >= bound || value <= -bound) return -1;
  return writeSmallNumeric(i32, to, value, scale);
}

/** Reads 36 characters as a uuid; false if they are none in the usual form. */
export function readUuidText(bytes: Uint8Array, at: number, u8: Uint8Array, to: number): boolean {
  let p = at;
  for (let k = 0; k < 16; k++, p += 2) {
    if (k === 4 || k === 6 || k === 8 || k === 10) {
      if (bytes[p] !== 0x2d) return false;
      p++;
    }
    const high = hexDigit(bytes[p]);
    const low = hexDigit(bytes[p + 1]);
    if (high < 0 || low < 0) return false;
    u8[to * 4 + k] = high * 16 + low;
  }
  return true;
}

/** An int64 of two words as a double. */
export function doubleOf(low: number, high: number): number {
  return high * two32 + (low >>> 0);
}
