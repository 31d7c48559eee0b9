/**
 * The data file of a checkpoint: pieces of images, in the order in which they came. A header says
 * to which data directory and checkpoint the file belongs; frames follow:
 *
 *     "millrckd" | format (u32) | zeros (u32) | number (u64) | identity (16 bytes)
 *     | checksum of all that (u32) | zeros to 64 bytes
 *
 *     length (u32) | image (u32) | complement of the length (u32) | checksum (u32) | piece
 *     | zeros to 8 bytes
 *
 * all little-endian. The checksum of a frame is CRC-32 of the frame, going on from the checksum of
 * the frame before it; the first goes on from the checkpoint's number. So one pass over the bytes
 * proves that each frame is whole and in its place, and the last checksum stands for the whole
 * file: the manifest repeats it. The identity is not part of that, so that a copy can be given
 * another one.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import { identityBytes } from './log-file.ts';

/** Bytes of the header. */
export const dataHeaderBytes = 64;
/** Bytes of a frame before its piece. */
export const pieceHeaderBytes = 16;
/** The format that is written, of data files and manifests; newer ones are refused. */
export const checkpointFormat = 1;

const magic = new TextEncoder().encode('millrckd');
const formatAt = 8;
const numberAt = 16;
const identityAt = 24;
const checksumAt = 40;
const alignment = 8;
const nameDigits = 16;
const zeros = new Uint8Array(alignment);

/** What a file in the folder of checkpoints is by its name; null if it is none of ours. */
export interface CheckpointFileName {
  readonly number: number;
  readonly kind: 'data' | 'manifest' | 'draft';
}

/** Names sort as their checkpoints do. A draft is a manifest that is being written. */
export function checkpointFileName({ number, kind }: CheckpointFileName): string {
  const ending = kind === 'draft' ? 'manifest.new' : kind;
  return `${number.toString().padStart(nameDigits, '0')}.${ending}`;
}

/** The other way round; null for what is no file of a checkpoint. */
export function parseCheckpointFileName(name: string): CheckpointFileName | null {
  const number = Number(name.slice(0, nameDigits));
  if (/^\d{16}\.data$/.test(name)) return { number, kind: 'data' };
  if (/^\d{16}\.manifest$/.test(name)) return { number, kind: 'manifest' };
  return /^\d{16}\.manifest\.new$/.test(name) ? { number, kind: 'draft' } : null;
}

/** The header as bytes. */
export function writeDataHeader(identity: Uint8Array, number: number): Uint8Array {
  assert(identity.length === identityBytes, `an identity has ${identityBytes} bytes`);
  const bytes = new Uint8Array(dataHeaderBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(formatAt, checkpointFormat, true);
  view.setBigUint64(numberAt, BigInt(number), true);
  bytes.set(identity, identityAt);
  view.setUint32(checksumAt, crc32(bytes.subarray(0, checksumAt)), true);
  return bytes;
}

/** Whether `bytes` is the header that belongs there. */
export function isDataHeader(bytes: Uint8Array, identity: Uint8Array, number: number): boolean {
  const expected = writeDataHeader(identity, number);
  return bytes.length === expected.length && expected.every((byte, i) => bytes[i] === byte);
}

/** What the checksum of the first frame goes on from. */
export function firstChecksum(number: number): number {
  return crc32(writeDataHeader(new Uint8Array(identityBytes), number).subarray(0, identityAt));
}

/** Bytes of the frame of a piece. */
export function pieceFrameBytes(pieceBytes: number): number {
  return pieceHeaderBytes + Math.ceil(pieceBytes / alignment) * alignment;
}

/** Writes a frame at `at`, where there must be room for it; answers its checksum. */
export function writePiece(
  into: Uint8Array,
  at: number,
  image: number,
  piece: Uint8Array,
  before: number,
): number {
  const end = at + pieceFrameBytes(piece.length);
  assert(end <= into.length, 'there is room for the frame');
  assert(image === image >>> 0, 'the number of an image is a word');
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  view.setUint32(at, piece.length, true);
  view.setUint32(at + 4, image, true);
  view.setUint32(at + 8, ~piece.length >>> 0, true);
  into.set(piece, at + pieceHeaderBytes);
  const pieceEnd = at + pieceHeaderBytes + piece.length;
  into.set(zeros.subarray(0, end - pieceEnd), pieceEnd);
  const checksum = checksumOf(into, at, end, before);
  view.setUint32(at + 12, checksum, true);
  return checksum;
}

/** Checksum of the frame from `at` to `end`, going on from `before`. */
export function checksumOf(bytes: Uint8Array, at: number, end: number, before: number): number {
  const head = crc32(bytes.subarray(at, at + pieceHeaderBytes - 4), before);
  return crc32(bytes.subarray(at + pieceHeaderBytes, end), head);
}
