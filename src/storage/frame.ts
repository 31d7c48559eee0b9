/**
 * How one commit lies in a file of the log, as a *frame*:
 *
 *     length (u32) | previous (u32) | sequence (u32) | checksum (u32) | payload | zeros to 8 bytes
 *     | checksum (u32) | its complement (u32)
 *
 * all little-endian. `checksum` is CRC-32 over the first three words and the payload, `previous` is
 * the checksum of the frame before, `sequence` counts frames, modulo 2^32. So a frame proves by
 * itself that it is whole, and together with the one before it that it is in its place. The payload
 * is the commit's records, each behind its length (u32).
 *
 * A commit is one frame, not one a record, because a frame is what is written and synced at once:
 * that a later frame is there proves that this one was durable.
 *
 * A frame is written over zeros. The end repeats the checksum so that at least 32 bits are missing
 * from a frame whose end was not written: that is never taken for one flipped bit.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';

/** Bytes before the payload. */
export const frameHeaderBytes = 16;
const alignment = 8;
const trailerBytes = 8;
/** Frames that may be missing before one that is looked for behind damage. */
const gapMax = 1 << 20;

/** Where a frame belongs: the checksum of the one before it, and its number. */
export interface Place {
  readonly previous: number;
  readonly sequence: number;
}

export interface Frame {
  readonly payload: Uint8Array;
  /** Byte after the frame. */
  readonly end: number;
  readonly next: Place;
}

/** Bytes that a frame with `payloadBytes` takes. */
export function frameBytes(payloadBytes: number): number {
  return Math.ceil((frameHeaderBytes + payloadBytes) / alignment) * alignment + trailerBytes;
}

/** Bytes of the payload of a commit whose records have these. */
export function joinedBytes(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + 4 + size, 0);
}

/** The payload of a commit. */
export function joinRecords(records: readonly Uint8Array[]): Uint8Array {
  const size = joinedBytes(records.map((record) => record.length));
  const payload = new Uint8Array(size);
  const view = viewOf(payload);
  let at = 0;
  for (const record of records) {
    view.setUint32(at, record.length, true);
    payload.set(record, at + 4);
    at += 4 + record.length;
  }
  assert(at === size, 'a payload is as long as its records');
  return payload;
}

/** The records of a commit; the lengths are trusted, as the frame was whole. */
export function* recordsOf(payload: Uint8Array): Generator<Uint8Array> {
  const view = viewOf(payload);
  for (let at = 0; at < payload.length;) {
    const length = view.getUint32(at, true);
    assert(at + 4 + length <= payload.length, 'a record lies within its commit');
    yield payload.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Checksum of the frame at `at`, as its bytes are. */
function checksumAt(bytes: Uint8Array, at: number, length: number): number {
  const head = crc32(bytes.subarray(at, at + frameHeaderBytes - 4));
  return crc32(bytes.subarray(at + frameHeaderBytes, at + frameHeaderBytes + length), head);
}

/** Writes a frame at `at`, where there must be room for it, all zero; answers what follows it. */
export function writeFrame(into: Uint8Array, at: number, payload: Uint8Array, place: Place): Place {
  assert(at % alignment === 0, `a frame begins at a multiple of ${alignment}, not at ${at}`);
  assert(at + frameBytes(payload.length) <= into.length, 'there is room for the frame');
  assert(place.sequence === place.sequence >>> 0, 'the number of a frame is a word');
  const view = viewOf(into);
  view.setUint32(at, payload.length, true);
  view.setUint32(at + 4, place.previous, true);
  view.setUint32(at + 8, place.sequence, true);
  into.set(payload, at + frameHeaderBytes);
  const checksum = checksumAt(into, at, payload.length);
  view.setUint32(at + 12, checksum, true);
  const end = at + frameBytes(payload.length);
  view.setUint32(end - 8, checksum, true);
  view.setUint32(end - 4, ~checksum >>> 0, true);
  return { previous: checksum, sequence: (place.sequence + 1) >>> 0 };
}

/** Bits in which the end of a frame differs from what belongs to `checksum`. */
function trailerBitsOff(view: DataView, end: number, checksum: number): number {
  const first = view.getUint32(end - 8, true) ^ checksum;
  const second = view.getUint32(end - 4, true) ^ ~checksum;
  return bitsOf(first) + bitsOf(second);
}

function bitsOf(word: number): number {
  let bits = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}

/** The frame at `at`, if it is whole; wherever it belongs. */
function wholeFrame(bytes: Uint8Array, at: number): (Frame & { readonly place: Place }) | null {
  if (at + frameHeaderBytes > bytes.length) return null;
  const view = viewOf(bytes);
  const length = view.getUint32(at, true);
  const end = at + frameBytes(length);
  if (end > bytes.length) return null;
  const checksum = view.getUint32(at + 12, true);
  if (checksumAt(bytes, at, length) !== checksum) return null;
  if (trailerBitsOff(view, end, checksum) > 0) return null;
  const sequence = view.getUint32(at + 8, true);
  return {
    payload: bytes.subarray(at + frameHeaderBytes, at + frameHeaderBytes + length),
    end,
    next: { previous: checksum, sequence: (sequence + 1) >>> 0 },
    place: { previous: view.getUint32(at + 4, true), sequence },
  };
}

/** The frame that belongs at `at`, or null if what is there is not that frame, whole. */
export function readFrame(bytes: Uint8Array, at: number, place: Place): Frame | null {
  const frame = wholeFrame(bytes, at);
  if (frame === null) return null;
  if (frame.place.previous !== place.previous || frame.place.sequence !== place.sequence)
    return null;
  return frame;
}

/** Where behind `at` a whole frame of a later number than `place` lies, or -1. */
export function findLaterFrame(bytes: Uint8Array, at: number, place: Place): number {
  const view = viewOf(bytes);
  for (let k = at; k + frameHeaderBytes <= bytes.length; k += alignment) {
    const ahead = (view.getUint32(k + 8, true) - place.sequence) >>> 0;
    const length = view.getUint32(k, true);
    if (ahead === 0 || ahead > gapMax || k + frameBytes(length) > bytes.length) continue;
    if (wholeFrame(bytes, k) !== null) return k;
  }
  return -1;
}

/** The polynomial of CRC-32, bits reversed. */
const polynomial = 0xedb88320;

/**
 * Whether one flipped bit is all that keeps the frame at `at` from being whole. A CRC is linear:
 * the difference that a flipped bit makes depends only on how far it lies from the end, so going
 * back from the end bit by bit finds it (or no bit) in one pass.
 */
export function isOneBitOff(bytes: Uint8Array, at: number, place: Place): boolean {
  if (at + frameHeaderBytes > bytes.length) return false;
  const view = viewOf(bytes);
  const length = view.getUint32(at, true);
  const end = at + frameBytes(length);
  if (end > bytes.length) return lengthIsOneBitOff(bytes, at, place);
  const stored = view.getUint32(at + 12, true);
  const computed = checksumAt(bytes, at, length);
  const difference = (computed ^ stored) >>> 0;
  const ofComputed = trailerBitsOff(view, end, computed);
  if (difference === 0) return ofComputed === 1;
  if (ofComputed === 0 && isPowerOfTwo(difference)) return true;
  if (trailerBitsOff(view, end, stored) > 0) return lengthIsOneBitOff(bytes, at, place);
  // The bit at distance d from the end makes the difference x^(d + 32) modulo the polynomial.
  let state = 1 << 31;
  const bits = (frameHeaderBytes - 4 + length) * 8;
  for (let k = 0; k < 32; k++) state = times(state);
  for (let k = 0; k < bits; k++) {
    if (state >>> 0 === difference) return true;
    state = times(state);
  }
  return lengthIsOneBitOff(bytes, at, place);
}

function isPowerOfTwo(value: number): boolean {
  return value !== 0 && (value & (value - 1)) === 0;
}

/** Multiplies by x, bits reversed: the highest power is the lowest bit. */
function times(state: number): number {
  return (state & 1) === 0 ? state >>> 1 : (state >>> 1) ^ polynomial;
}

/** A flipped bit in the length hides where the frame ends: each is tried. */
function lengthIsOneBitOff(bytes: Uint8Array, at: number, place: Place): boolean {
  const head = bytes.slice(at);
  const view = viewOf(head);
  const length = view.getUint32(0, true);
  for (let bit = 0; bit < 32; bit++) {
    view.setUint32(0, (length ^ (1 << bit)) >>> 0, true);
    if (readFrame(head, 0, place) !== null) return true;
  }
  return false;
}
