/**
 * Builds magic-2 record batches: for producers, sinks, benchmarks and tests.
 *
 * Records are appended to one growing buffer as they come, with their deltas against the first
 * record; `finish` compresses, fills in the header and the checksum, and answers bytes of their
 * own. The builder can then be used for the next batch. Base offset 0 and sequence -1 are what a
 * producer sends; a broker patches the former.
 */
import { assert } from '../../src/base/assert.ts';
import {
  attributeControl,
  attributeLogAppendTime,
  attributeTransactional,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestamp,
  batchChecksum,
  batchHeaderBytes,
  batchLastOffsetDelta,
  batchLeaderEpoch,
  batchLength,
  batchMagic,
  batchMaxTimestamp,
  batchPrefixBytes,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
} from './batch-layout.ts';
import type { Codec } from './codec.ts';
import { codecId, compress } from './codec.ts';
import { crc32c } from './crc32c.ts';

/** A header of a record. */
export interface RecordHeader {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** What a batch says about itself besides its records. */
export interface BatchOptions {
  readonly codec?: Codec;
  readonly baseOffset?: bigint;
  readonly logAppendTime?: boolean;
  readonly transactional?: boolean;
  readonly control?: boolean;
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
}

const noHeaders: readonly RecordHeader[] = [];
const numbersMax = 60;

/** Gathers records for one batch after another. */
export class RecordBatchBuilder {
  #bytes: Uint8Array;
  #end = batchHeaderBytes;
  #count = 0;
  #firstTimestamp = 0;
  #maxTimestamp = 0;
  #lastDelta = -1;

  constructor(bytes = 1 << 16) {
    this.#bytes = new Uint8Array(bytes);
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes so far, before compression. */
  get size(): number {
    return this.#end;
  }

  /**
   * Appends a record. `timestamp` is in milliseconds since the epoch; `offsetDelta` is the record's
   * place in the batch unless given (compacted batches have gaps).
   */
  add(
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestamp: number,
    headers: readonly RecordHeader[] = noHeaders,
    offsetDelta = this.#lastDelta + 1,
  ): void {
    assert(
      offsetDelta > this.#lastDelta,
      `offsets grow, got delta ${offsetDelta} after ${this.#lastDelta}`,
    );
    if (this.#count === 0) this.#firstTimestamp = this.#maxTimestamp = timestamp;
    this.#maxTimestamp = Math.max(this.#maxTimestamp, timestamp);
    this.#count++;
    this.#lastDelta = offsetDelta;
    const timeDelta = timestamp - this.#firstTimestamp;
    const body =
      1 +
      varintBytes(timeDelta) +
      varintBytes(offsetDelta) +
      fieldBytes(key) +
      fieldBytes(value) +
      headersBytes(headers);
    this.#room(body + numbersMax);
    this.#varint(body);
    this.#bytes[this.#end++] = 0;
    this.#varint(timeDelta);
    this.#varint(offsetDelta);
    this.#field(key);
    this.#field(value);
    this.#varint(headers.length);
    for (const header of headers) {
      this.#field(header.key);
      this.#field(header.value);
    }
  }

  /** The finished batch; empties the builder. At least one record must have been added. */
  finish(options: BatchOptions = {}): Uint8Array {
    assert(this.#count > 0, 'a batch has at least one record');
    const codec = options.codec ?? 'none';
    const records = compress(codec, this.#bytes.subarray(batchHeaderBytes, this.#end));
    const batch = new Uint8Array(batchHeaderBytes + records.length);
    batch.set(records, batchHeaderBytes);
    const view = new DataView(batch.buffer);
    view.setBigInt64(batchBaseOffset, options.baseOffset ?? 0n);
    view.setInt32(batchLength, batch.length - batchPrefixBytes);
    view.setInt32(batchLeaderEpoch, -1);
    view.setInt8(batchMagic, 2);
    view.setInt16(
      batchAttributes,
      codecId(codec) |
        (options.logAppendTime === true ? attributeLogAppendTime : 0) |
        (options.transactional === true ? attributeTransactional : 0) |
        (options.control === true ? attributeControl : 0),
    );
    view.setInt32(batchLastOffsetDelta, this.#lastDelta);
    view.setBigInt64(batchBaseTimestamp, BigInt(this.#firstTimestamp));
    view.setBigInt64(batchMaxTimestamp, BigInt(this.#maxTimestamp));
    view.setBigInt64(batchProducerId, options.producerId ?? -1n);
    view.setInt16(batchProducerEpoch, options.producerEpoch ?? -1);
    view.setInt32(batchBaseSequence, options.baseSequence ?? -1);
    view.setInt32(batchRecordCount, this.#count);
    view.setUint32(batchChecksum, crc32c(batch, batchAttributes));
    this.#end = batchHeaderBytes;
    this.#count = 0;
    this.#lastDelta = -1;
    return batch;
  }

  #room(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#bytes.length) return;
    const wider = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    wider.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = wider;
  }

  #varint(value: number): void {
    let rest = zigzag(value);
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#end++] = (rest % 128) | 0x80;
    }
    this.#bytes[this.#end++] = rest;
  }

  #field(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.#varint(-1);
      return;
    }
    this.#varint(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = zigzag(value); rest >= 0x80; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function fieldBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length;
}

function headersBytes(headers: readonly RecordHeader[]): number {
  let bytes = varintBytes(headers.length);
  for (const header of headers) bytes += fieldBytes(header.key) + fieldBytes(header.value);
  return bytes;
}
