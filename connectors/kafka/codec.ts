/**
 * The compression codecs of Kafka's record batches, by their number in a batch's attributes, both
 * ways, and the only file that touches `node:zlib`. Everything is synchronous: it runs where
 * batches are decoded. Decompressed sizes are bounded by the caller, whatever the bytes claim.
 */
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { unreachable } from '../../src/base/assert.ts';
import { CodecError } from './codec-error.ts';
import { lz4Compress, lz4Steps } from './codec-lz4.ts';
import { snappyCompress, snappySteps } from './codec-snappy.ts';
import type { Steps } from './codec-steps.ts';
import { finished } from './codec-steps.ts';

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** A codec; its number on the wire is its place in {@link codecs}. */
export type Codec = (typeof codecs)[number];

/** The codec with a number, or undefined if no such codec exists. */
export function codecOf(id: number): Codec | undefined {
  return codecs[id];
}

/** The number of a codec on the wire. */
export function codecId(codec: Codec): number {
  return codecs.indexOf(codec);
}

function guarded(codec: Codec, decompress: () => Uint8Array): Uint8Array {
  try {
    return decompress();
  } catch (error) {
    throw new CodecError(`${codec}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Decompresses; throws `CodecError` if the bytes are broken or give more than `bytesMax`. */
export function decompress(codec: Codec, bytes: Uint8Array, bytesMax: number): Uint8Array {
  return finished(decompressSteps(codec, bytes, bytesMax));
}

/**
 * The same in steps. gzip and zstd are one step: Node has no way to stop in the middle of them
 * without giving up the thread's turn, so `bytesMax` alone bounds how long they take.
 */
export function* decompressSteps(codec: Codec, bytes: Uint8Array, bytesMax: number): Steps {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return guarded(codec, () => gunzipSync(bytes, { maxOutputLength: bytesMax }));
    case 'snappy':
      return yield* snappySteps(bytes, bytesMax);
    case 'lz4':
      return yield* lz4Steps(bytes, bytesMax);
    case 'zstd':
      return guarded(codec, () => zstdDecompressSync(bytes, { maxOutputLength: bytesMax }));
    default:
      return unreachable(codec);
  }
}

/** Compresses with the codec's usual level. */
export function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes);
    case 'snappy':
      return snappyCompress(bytes);
    case 'lz4':
      return lz4Compress(bytes);
    case 'zstd':
      return zstdCompressSync(bytes);
    default:
      return unreachable(codec);
  }
}
