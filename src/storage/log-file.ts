/**
 * One file of the log: a header, then frames. The header says to which data directory the file
 * belongs, the number of its first frame and the checksum of the last frame of the file before,
 * so that a file which is missing, foreign or out of order is noticed:
 *
 *     "millrlog" | format (u32) | previous (u32) | first frame (u64) | identity (16 bytes)
 *     | checksum of all that (u32) | zeros to 64 bytes
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';

/** Bytes of the header. */
export const logHeaderBytes = 64;
/** Bytes of the identity of a data directory. */
export const identityBytes = 16;
/** The format that is written; older ones are read, newer ones refused. */
export const logFormat = 1;

const magic = new TextEncoder().encode('millrlog');
const formatAt = 8;
const previousAt = 12;
const firstAt = 16;
const identityAt = 24;
const checksumAt = 40;

export interface LogHeader {
  readonly identity: Uint8Array;
  /** Number of the first frame. */
  readonly first: number;
  /** Checksum of the frame before it; 0 if it is the very first. */
  readonly previous: number;
}

/** What a header turned out to be. */
export type ReadHeader =
  | { readonly kind: 'header'; readonly header: LogHeader }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'newer'; readonly format: number };

/** The header as bytes. */
export function writeLogHeader({ identity, first, previous }: LogHeader): Uint8Array {
  assert(identity.length === identityBytes, `an identity has ${identityBytes} bytes`);
  const bytes = new Uint8Array(logHeaderBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(formatAt, logFormat, true);
  view.setUint32(previousAt, previous, true);
  view.setBigUint64(firstAt, BigInt(first), true);
  bytes.set(identity, identityAt);
  view.setUint32(checksumAt, crc32(bytes.subarray(0, checksumAt)), true);
  return bytes;
}

/** What the first bytes of a file are. */
export function readLogHeader(bytes: Uint8Array): ReadHeader {
  if (bytes.length < logHeaderBytes) return { kind: 'damaged' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(checksumAt, true) !== crc32(bytes.subarray(0, checksumAt)))
    return { kind: 'damaged' };
  if (magic.some((byte, i) => bytes[i] !== byte)) return { kind: 'damaged' };
  const format = view.getUint32(formatAt, true);
  if (format > logFormat) return { kind: 'newer', format };
  return {
    kind: 'header',
    header: {
      identity: bytes.slice(identityAt, identityAt + identityBytes),
      first: Number(view.getBigUint64(firstAt, true)),
      previous: view.getUint32(previousAt, true),
    },
  };
}

const nameDigits = 16;

/** Names sort as their frames do. */
export function logFileName(first: number): string {
  return `${first.toString().padStart(nameDigits, '0')}.log`;
}

/** The number of the first frame in the file of that name, or null if it is no file of the log. */
export function firstOfLogFile(name: string): number | null {
  return /^\d{16}\.log$/.test(name) ? Number(name.slice(0, nameDigits)) : null;
}
