/** What a producer's batch says about itself, checked before anything is kept of it. */
import { crc32c } from '../crc32c.ts';
import {
  attributeCodecMask,
  attributeControl,
  attributeTransactional,
  batchAttributes,
  batchBaseSequence,
  batchChecksum,
  batchHeaderBytes,
  batchLastOffsetDelta,
  batchLength,
  batchMagic,
  batchMaxTimestamp,
  batchPrefixBytes,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
} from '../batch-layout.ts';
import { codecOf } from '../codec.ts';
import { brokerError } from './errors.ts';

/** One batch of a Produce request. */
export interface ProducedBatch {
  readonly bytes: Uint8Array;
  readonly records: number;
  readonly maxTimestamp: number;
  /** -1: the producer is neither idempotent nor transactional. */
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
  readonly transactional: boolean;
}

/**
 * Reads the one batch of a partition's records, or answers the error code for what is wrong with
 * it.
 */
export function readProducedBatch(bytes: Uint8Array, bytesMax: number): ProducedBatch | number {
  if (bytes.length < batchHeaderBytes) return brokerError.corruptMessage;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt8(batchMagic) !== 2) return brokerError.unsupportedFormat;
  const length = view.getInt32(batchLength) + batchPrefixBytes;
  if (length < batchHeaderBytes || length > bytes.length) return brokerError.corruptMessage;
  // A client may send one batch a partition and no more.
  if (length < bytes.length) return brokerError.invalidRecord;
  if (length > bytesMax) return brokerError.messageTooLarge;
  if (view.getUint32(batchChecksum) !== crc32c(bytes, batchAttributes))
    return brokerError.corruptMessage;
  const attributes = view.getInt16(batchAttributes);
  const records = view.getInt32(batchRecordCount);
  const dense = records > 0 && view.getInt32(batchLastOffsetDelta) === records - 1;
  const known = codecOf(attributes & attributeCodecMask) !== undefined;
  if (!dense || !known || (attributes & attributeControl) !== 0) return brokerError.invalidRecord;
  return {
    bytes,
    records,
    maxTimestamp: Number(view.getBigInt64(batchMaxTimestamp)),
    producerId: view.getBigInt64(batchProducerId),
    epoch: view.getInt16(batchProducerEpoch),
    sequence: view.getInt32(batchBaseSequence),
    transactional: (attributes & attributeTransactional) !== 0,
  };
}
