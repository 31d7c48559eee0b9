/**
 * Records that do not decode: the error in words, and what the relation of errors says of them.
 * Key and value are copied, cut at `failedPartBytesMax`, since the memory that they lie in is used
 * again; the copies are only made where somebody may read them.
 */
import { limits } from '../../src/base/limits.ts';
import type { BrokenRange, RecordSlice } from '../kafka/record-batch.ts';
import type { DecodeError, FailedRecord, SourceFormat } from './decoder.ts';
import type { Refusal } from './json-fields.ts';

/** Characters of a reason that a message keeps. */
const reasonLengthMax = 300;
/** A byte 0 and the number of a schema. */
const frameHeadBytes = 5;
/** What an error takes beside its bytes, roughly. */
const errorHeadBytes = 512;

/** Reasons quote the value, which can be megabytes. */
function clipped(reason: string): string {
  return reason.length <= reasonLengthMax ? reason : `${reason.slice(0, reasonLengthMax)}…`;
}

/** A copy of the first bytes of a part; `length` is -1 for NULL. */
function cut(bytes: Uint8Array, at: number, length: number): Uint8Array | null {
  return length < 0 ? null : bytes.slice(at, at + Math.min(length, limits.failedPartBytesMax));
}

/** The number of the schema that a part in a registry's framing names. */
function schemaIdOf(bytes: Uint8Array, at: number, length: number): number | null {
  if (length < frameHeadBytes || bytes[at] !== 0) return null;
  return new DataView(bytes.buffer, bytes.byteOffset + at, frameHeadBytes).getInt32(1);
}

/** Where a failed record is. */
export interface FailedPlace {
  readonly topic: string;
  readonly partition: number;
}

/** The error of a record of which only the offset is at hand. */
export function plainError(
  { topic, partition }: FailedPlace,
  offset: number,
  { code, field, reason: whole }: Refusal,
): DecodeError & { readonly record: FailedRecord } {
  const named = field === null ? '' : `, field "${field}"`;
  const reason = clipped(whole);
  return {
    code,
    message: `topic "${topic}", partition ${partition}, offset ${offset}${named}: ${reason}`,
    record: {
      ...{ topic, partition, offset, field, reason, single: true },
      ...{ timestamp: -1, key: null, value: null, schemaId: null },
    },
  };
}

/** The error of record `r` of a slice, whose `part` did not decode. */
export function recordError(
  place: FailedPlace,
  format: SourceFormat,
  slice: RecordSlice,
  r: number,
  refusal: Refusal,
  part: 'key' | 'value',
): DecodeError {
  const error = plainError(place, slice.offset[r], refusal);
  if (format.onError !== 'QUARANTINE') return error;
  const [keyAt, keyBytes] = [slice.keyAt[r], slice.keyBytes[r]];
  const [valueAt, valueBytes] = [slice.valueAt[r], slice.valueBytes[r]];
  const framing = (format.avro?.[part] ?? format.protobuf?.[part] ?? format.json?.[part])?.framing;
  const [at, length] = part === 'key' ? [keyAt, keyBytes] : [valueAt, valueBytes];
  return {
    ...error,
    record: {
      ...error.record,
      timestamp: slice.timestamp[r],
      key: cut(slice.bytes, keyAt, keyBytes),
      value: cut(slice.bytes, valueAt, valueBytes),
      schemaId: framing === 'registry' ? schemaIdOf(slice.bytes, at, length) : null,
    },
  };
}

/** The error of offsets that cannot be told apart, or that the log has lost. */
export function rangeError(
  { topic, partition }: FailedPlace,
  { from, to, reason }: BrokenRange,
  isLost: boolean,
): DecodeError {
  const offsets = from === to ? `offset ${from}` : `offsets ${from} to ${to}`;
  const record: FailedRecord = {
    ...{ topic, partition, offset: from, timestamp: -1, key: null, value: null },
    ...{ schemaId: null, field: null, single: false },
    reason: from === to ? reason : `${offsets}: ${reason}`,
  };
  const message = `topic "${topic}", partition ${partition}, ${offsets}: ${reason}`;
  return { code: 'XX001', message, record: isLost ? null : record };
}

/** Bytes that an error holds, roughly. */
export function bytesOfFailed({ record }: DecodeError): number {
  return errorHeadBytes + (record?.key?.length ?? 0) + (record?.value?.length ?? 0);
}
