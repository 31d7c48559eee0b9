/**
 * Where the fields of a magic-2 record batch lie (Kafka protocol, "Record Batch"), in bytes from
 * its start; all big-endian. The checksum covers everything from `attributes` on, so a broker can
 * patch the base offset and the leader epoch without touching it.
 */

export const batchBaseOffset = 0;
/** Bytes after this field: the whole batch is 12 longer. */
export const batchLength = 8;
export const batchLeaderEpoch = 12;
export const batchMagic = 16;
export const batchChecksum = 17;
export const batchAttributes = 21;
export const batchLastOffsetDelta = 23;
export const batchBaseTimestamp = 27;
export const batchMaxTimestamp = 35;
export const batchProducerId = 43;
export const batchProducerEpoch = 51;
export const batchBaseSequence = 53;
export const batchRecordCount = 57;
export const batchHeaderBytes = 61;

/** Bytes before the part that `batchLength` counts. */
export const batchPrefixBytes = 12;

export const attributeCodecMask = 0x07;
/** The broker's clock: every record's time is the batch's maximum timestamp. */
export const attributeLogAppendTime = 0x08;
export const attributeTransactional = 0x10;
export const attributeControl = 0x20;

/** Type of a control record: the transaction before it was aborted. */
export const controlAbort = 0;
