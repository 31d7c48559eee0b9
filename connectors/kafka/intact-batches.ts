/**
 * Which of the batches that a broker sent can be relied on: those at the front that are whole, have
 * the format and offsets of batches, and the checksum that they claim. What comes after a broken
 * one is not looked at: it is asked for again, for a broker or a network may do better next time,
 * and going on behind it would leave a gap.
 *
 * Runs on the main thread, in slices of `checksumSliceBytes`: a batch may have megabytes.
 */
import { limits } from '../../src/base/limits.ts';
import {
  batchAttributes,
  batchBaseOffset,
  batchChecksum,
  batchHeaderBytes,
  batchLastOffsetDelta,
  batchLength,
  batchMagic,
  batchPrefixBytes,
} from './batch-layout.ts';
import { crc32c } from './crc32c.ts';

/** What an answer holds for a partition. */
export interface IntactBatches {
  /** Bytes of the intact batches at its front. */
  readonly bytes: number;
  /** Their greatest offset; -1 if there are none. */
  readonly last: bigint;
  /** What is wrong with the batch after them; null if it is only cut off, or there is none. */
  readonly defect: string | null;
}

/** Looks at what came; `pause` is awaited between two slices. */
export async function intactBatches(
  records: Uint8Array,
  pause: () => Promise<void>,
): Promise<IntactBatches> {
  // One class of arrays in the inner loops: never a Buffer.
  const bytes = new Uint8Array(records.buffer, records.byteOffset, records.length);
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  let at = 0;
  let last = -1n;
  let unseen = limits.checksumSliceBytes;
  for (;;) {
    if (at + batchHeaderBytes > bytes.length) return { bytes: at, last, defect: null };
    const end = at + view.getInt32(at + batchLength) + batchPrefixBytes;
    const base = view.getBigInt64(at + batchBaseOffset);
    const defect = headerDefect(view, at, end - at, base);
    if (defect !== null) return { bytes: at, last, defect };
    if (end > bytes.length) return { bytes: at, last, defect: null };
    let sum = 0;
    for (let from = at + batchAttributes; from < end;) {
      const to = Math.min(end, from + unseen);
      sum = crc32c(bytes, from, to, sum);
      unseen -= to - from;
      from = to;
      if (unseen > 0) continue;
      unseen = limits.checksumSliceBytes;
      await pause();
    }
    if (sum !== view.getUint32(at + batchChecksum))
      return { bytes: at, last, defect: `the record batch at offset ${base} has a wrong checksum` };
    const batchLast = base + BigInt(view.getInt32(at + batchLastOffsetDelta));
    if (batchLast > last) last = batchLast;
    at = end;
  }
}

/** Why what stands at `at` cannot be a batch, or null. */
function headerDefect(view: DataView, at: number, length: number, base: bigint): string | null {
  if (length < batchHeaderBytes) return `the record batch at offset ${base} has an impossible size`;
  const magic = view.getInt8(at + batchMagic);
  if (magic !== 2) return `the record batch at offset ${base} has format ${magic}, not 2`;
  if (base < 0n || view.getInt32(at + batchLastOffsetDelta) < 0)
    return `a record batch has impossible offsets`;
  return null;
}
