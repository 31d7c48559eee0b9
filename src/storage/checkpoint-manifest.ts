/**
 * The manifest of a checkpoint: without it the data file counts for nothing, so it is written when
 * that is on the disk. It says what the checkpoint is a patch on, how long its data file is and
 * what the last checksum in it, where the log goes on, and what the engine's registers, the catalog
 * and the offsets were (`content`, whose meaning is the coordinator's).
 *
 *     "millrckm" | format (u32) | length of the head (u32) | identity (16 bytes)
 *     | length of the content (u64) | head | content | checksum of all that (u32)
 *
 * The head is JSON, so that it can be read by eye.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import { checkpointFormat } from './checkpoint-file.ts';
import { identityBytes } from './log-file.ts';

/** A finished checkpoint, as its manifest describes it. */
export interface Checkpoint {
  /** Counts up; a later one is newer. */
  readonly number: number;
  /** The number of the one that it is a patch on; null if it is full. */
  readonly base: number | null;
  /** The step that it holds. */
  readonly step: number;
  /** When that was, milliseconds since the epoch. */
  readonly time: number;
  /** Number of the first frame of the log that has to be read after it (`Log.rotate`). */
  readonly logPosition: number;
  /** Different images that have pieces in its own data file, and these pieces. */
  readonly images: number;
  readonly pieces: number;
  /** Bytes of its own data file, and the checksum of the last frame in it. */
  readonly bytes: number;
  readonly checksum: number;
}

/** What a manifest turned out to be. */
export type ReadManifest =
  | { readonly kind: 'manifest'; readonly checkpoint: Checkpoint; readonly content: Uint8Array }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'newer'; readonly format: number };

const magic = new TextEncoder().encode('millrckm');
const formatAt = 8;
const headLengthAt = 12;
const identityAt = 16;
const contentLengthAt = 32;
const headAt = 40;
const checksumBytes = 4;

/** The manifest as bytes. */
export function encodeManifest(
  identity: Uint8Array,
  checkpoint: Checkpoint,
  content: Uint8Array,
): Uint8Array {
  assert(identity.length === identityBytes, `an identity has ${identityBytes} bytes`);
  const head = new TextEncoder().encode(JSON.stringify(checkpoint));
  const size = headAt + head.length + content.length + checksumBytes;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(formatAt, checkpointFormat, true);
  view.setUint32(headLengthAt, head.length, true);
  bytes.set(identity, identityAt);
  view.setBigUint64(contentLengthAt, BigInt(content.length), true);
  bytes.set(head, headAt);
  bytes.set(content, headAt + head.length);
  view.setUint32(size - checksumBytes, crc32(bytes.subarray(0, size - checksumBytes)), true);
  return bytes;
}

/** Reads the manifest of checkpoint `number` of the directory `identity`. */
export function decodeManifest(
  bytes: Uint8Array,
  identity: Uint8Array,
  number: number,
): ReadManifest {
  const end = bytes.length - checksumBytes;
  if (end < headAt) return { kind: 'damaged' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) return { kind: 'damaged' };
  if (magic.some((byte, i) => bytes[i] !== byte)) return { kind: 'damaged' };
  const format = view.getUint32(formatAt, true);
  if (format > checkpointFormat) return { kind: 'newer', format };
  const own = bytes.subarray(identityAt, identityAt + identityBytes);
  if (own.some((byte, i) => identity[i] !== byte)) return { kind: 'foreign' };
  const contentAt = headAt + view.getUint32(headLengthAt, true);
  if (contentAt + Number(view.getBigUint64(contentLengthAt, true)) !== end)
    return { kind: 'damaged' };
  // The checksum has shown that this is what was written.
  const head = JSON.parse(
    new TextDecoder().decode(bytes.subarray(headAt, contentAt)),
  ) as Checkpoint;
  if (head.number !== number) return { kind: 'damaged' };
  return { kind: 'manifest', checkpoint: head, content: bytes.subarray(contentAt, end) };
}
