/**
 * The compression codecs of Kafka's record batches, by their number in a batch's attributes, both
 * ways. Everything is synchronous: it runs where batches are decoded. Decompressed sizes are
 * bounded by the caller, whatever the bytes claim.
 */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { unreachable } from '../../src/base/assert.ts';
import { lz4Compress, lz4Steps } from './codec-lz4.ts';
import { nativeSteps } from './codec-native.ts';
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

/** Decompresses; throws `CodecError` if the bytes are broken or give more than `bytesMax`. */
export function decompress(codec: Codec, bytes: Uint8Array, bytesMax: number): Uint8Array {
  return finished(decompressSteps(codec, bytes, bytesMax));
}

/** The same in steps. */
export function* decompressSteps(codec: Codec, bytes: Uint8Array, bytesMax: number): Steps {
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return yield* nativeSteps(codec, bytes, bytesMax);
    case 'snappy':
      return yield* snappySteps(bytes, bytesMax);
    case 'lz4':
      return yield* lz4Steps(bytes, bytesMax);
    case 'zstd':
      return yield* nativeSteps(codec, bytes, bytesMax);
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
