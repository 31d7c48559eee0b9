/**
 * Walks the record batches of a fetched chunk and lists where keys and values lie.
 *
 * `RecordSlice` is a struct of arrays: record r of a slice has its key at `bytes[keyAt[r]]` for
 * `keyBytes[r]` bytes (-1 = NULL), and so on; `bytes` is the chunk itself, or the decompressed
 * payload of the batch. Nothing is allocated per record. A slice holds at most `sliceRecordsMax`
 * records, so the walker's memory does not depend on what a batch claims about itself.
 *
 * What is skipped without a word: batches and records outside [from, next), control batches,
 * batches of aborted transactions. Everything else is either a record of a slice or part of a
 * *broken* range of offsets with a reason: a walk never throws for bytes, and together they cover
 * [from, next).
 *
 * Aborted transactions (as every read_committed consumer does it): the broker names (producer id,
 * first offset) of those that touch the chunk; a producer is in the aborted state from the batch at
 * that offset up to its next abort marker.
 *
 * Offsets and timestamps are doubles here; the walker refuses batches beyond 2^53, which no log
 * reaches.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { RawRecords } from '../connector.ts';
import {
  attributeCodecMask,
  attributeControl,
  attributeLogAppendTime,
  attributeTransactional,
  batchAttributes,
  batchBaseOffset,
  batchBaseTimestamp,
  batchChecksum,
  batchHeaderBytes,
  batchLastOffsetDelta,
  batchLength,
  batchMagic,
  batchMaxTimestamp,
  batchPrefixBytes,
  batchProducerId,
  batchRecordCount,
  controlAbort,
} from './batch-layout.ts';
import { CodecError } from './codec-error.ts';
import { codecOf, decompressSteps } from './codec.ts';
import type { Steps } from './codec-steps.ts';
import { crc32c } from './crc32c.ts';

/** Records that one slice holds. */
export const sliceRecordsMax = limits.activationRowsMax;

const safe = 2 ** 53;
/** The least record: length, attributes, two deltas, two NULL lengths, no header. */
const recordBytesMin = 7;

/** Up to {@link sliceRecordsMax} records of one batch. */
export class RecordSlice {
  count = 0;
  /** What the positions point into. */
  bytes: Uint8Array = new Uint8Array(0);
  readonly keyAt = new Int32Array(sliceRecordsMax);
  readonly keyBytes = new Int32Array(sliceRecordsMax);
  readonly valueAt = new Int32Array(sliceRecordsMax);
  readonly valueBytes = new Int32Array(sliceRecordsMax);
  /** Where the count of headers stands; headers end at `headersEnd`. */
  readonly headersAt = new Int32Array(sliceRecordsMax);
  readonly headersEnd = new Int32Array(sliceRecordsMax);
  readonly offset = new Float64Array(sliceRecordsMax);
  /** Milliseconds since the epoch; -1 if the producer set none. */
  readonly timestamp = new Float64Array(sliceRecordsMax);
}

/** Offsets [from, to] that could not be read. */
export interface BrokenRange {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/**
 * A view of the one class that all inner loops see: one more (Node's Buffer) would slow each of
 * them.
 */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A walk over one chunk after another; see the head of this file. */
export class RecordBatchWalker {
  #chunk: RawRecords | null = null;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #bytes: Uint8Array = new Uint8Array(0);
  /** Next byte of the chunk. */
  #at = 0;
  /** Records below are wanted no more: they have been given, or come before the chunk's `from`. */
  #from = 0;
  #next = 0;
  #aborted: { readonly producerId: bigint; readonly firstOffset: number }[] = [];
  readonly #abortedNow = new Set<bigint>();
  #broken: BrokenRange | null = null;
  /** The decompression that is under way, and how many records the batch claims. */
  #unfolding: Steps | null = null;
  #claimed = 0;
  /** The open batch. */
  #payload: Uint8Array = new Uint8Array(0);
  #payloadAt = 0;
  #recordsLeft = 0;
  #baseOffset = 0;
  #lastOffset = 0;
  /** Offset of the last record that was read of it. */
  #previous = 0;
  #baseTimestamp = 0;
  #appendTime = -1;
  #varint = 0;

  /** Starts on a chunk. */
  open(chunk: RawRecords): void {
    const bytes = plain(chunk.bytes);
    assert(chunk.from <= chunk.next, `a chunk goes forward, got ${chunk.from} to ${chunk.next}`);
    this.#chunk = chunk;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#from = Number(chunk.from);
    this.#next = Number(chunk.next);
    this.#aborted = chunk.aborted
      .map((a) => ({ producerId: a.producerId, firstOffset: Number(a.firstOffset) }))
      .sort((a, b) => a.firstOffset - b.firstOffset);
    this.#abortedNow.clear();
    this.#recordsLeft = 0;
    this.#unfolding?.return(new Uint8Array(0));
    this.#unfolding = null;
    this.#broken = null;
  }

  /** The range that the last `next` reported as broken. */
  get broken(): BrokenRange {
    assert(this.#broken !== null, 'a range is broken only after next said so');
    return this.#broken;
  }

  /**
   * Fills `slice` with the next records, or reports a broken range, the end of the chunk, or a pause:
   * there is more to decompress before there are records.
   */
  next(slice: RecordSlice): 'records' | 'broken' | 'end' | 'pause' {
    assert(this.#chunk !== null, 'open comes before next');
    for (;;) {
      if (this.#recordsLeft > 0) {
        const intactSlice = this.#readRecords(slice);
        // What follows the last record that is wanted may be as broken as it likes.
        if (!intactSlice && this.#from < Math.min(this.#lastOffset + 1, this.#next)) {
          return this.#break(this.#lastOffset, 'a record is malformed');
        }
        if (!intactSlice) this.#recordsLeft = 0;
        if (this.#recordsLeft === 0) this.#from = Math.max(this.#from, this.#lastOffset + 1);
        if (slice.count > 0) return 'records';
        continue;
      }
      if (this.#unfolding !== null) {
        const reason = this.#unfold(this.#unfolding);
        if (reason === 'pause') return 'pause';
        if (reason !== null) return this.#break(this.#lastOffset, reason);
        continue;
      }
      if (this.#from >= this.#next) return 'end';
      const { lost } = this.#chunk;
      if (lost !== undefined) return this.#break(this.#next, lost);
      const reason = this.#openBatch();
      if (reason === 'end') return 'end';
      if (reason !== null) return this.#break(this.#lastOffset, reason);
    }
  }

  /** Gives up the offsets up to `to`. */
  #break(to: number, reason: string): 'broken' {
    assert(this.#from < this.#next, `something is wanted at ${this.#from}, before ${this.#next}`);
    const last = Math.min(Math.max(to, this.#from), this.#next - 1);
    this.#broken = { from: this.#from, to: last, reason };
    this.#from = last + 1;
    this.#recordsLeft = 0;
    return 'broken';
  }

  /** Opens the next batch that has something wanted; answers null, 'end', or why it is broken. */
  #openBatch(): string | null {
    for (;;) {
      const at = this.#at;
      const left = this.#bytes.length - at;
      this.#lastOffset = this.#next - 1;
      if (left < batchHeaderBytes) return 'the record batch is cut off';
      const length = this.#view.getInt32(at + batchLength) + batchPrefixBytes;
      if (length < batchHeaderBytes || length > left) return 'the record batch is cut off';
      this.#at = at + length;
      const magic = this.#view.getInt8(at + batchMagic);
      const base = Number(this.#view.getBigInt64(at + batchBaseOffset));
      const last = base + this.#view.getInt32(at + batchLastOffsetDelta);
      if (magic === 2 && last < this.#from) continue;
      if (magic !== 2) return `the record batch has format ${magic}, not 2`;
      if (!(base >= 0 && last >= base && last < safe))
        return 'the record batch has impossible offsets';
      if (base >= this.#next) return this.#gap();
      this.#baseOffset = base;
      this.#previous = base - 1;
      this.#lastOffset = last;
      const reason = this.#readHeader(at, length);
      if (reason === 'skip') {
        this.#from = last + 1;
        if (this.#from >= this.#next) return 'end';
        continue;
      }
      return reason;
    }
  }

  /** All offsets of [from, next) are behind us but those that the log does not have. */
  #gap(): string {
    this.#from = this.#next;
    return 'end';
  }

  #readHeader(at: number, length: number): string | null {
    const view = this.#view;
    if (
      this.#chunk?.checked !== true &&
      crc32c(this.#bytes, at + batchAttributes, at + length) !== view.getUint32(at + batchChecksum)
    ) {
      return 'the record batch has a wrong checksum';
    }
    const attributes = view.getInt16(at + batchAttributes);
    const count = view.getInt32(at + batchRecordCount);
    const codec = codecOf(attributes & attributeCodecMask);
    if (codec === undefined)
      return `the record batch has unknown codec ${attributes & attributeCodecMask}`;
    const hidden = this.#isHidden(at, length, attributes);
    if (hidden) return 'skip';
    this.#baseTimestamp = Number(view.getBigInt64(at + batchBaseTimestamp));
    this.#appendTime =
      (attributes & attributeLogAppendTime) === 0
        ? -1
        : Number(view.getBigInt64(at + batchMaxTimestamp));
    if (Math.abs(this.#baseTimestamp) >= safe / 2)
      return 'the record batch has an impossible timestamp';
    if (codec === 'none') {
      this.#payload = this.#bytes.subarray(0, at + length);
      this.#payloadAt = at + batchHeaderBytes;
      const broken = this.#begin(count);
      // A batch whose records were all compacted away.
      return broken === null && count === 0 ? 'skip' : broken;
    }
    const payload = this.#bytes.subarray(at + batchHeaderBytes, at + length);
    this.#unfolding = decompressSteps(codec, payload, limits.decompressedBatchBytesMax);
    this.#claimed = count;
    return null;
  }

  /** Decompresses on; answers 'pause', why the batch is broken, or null when its records are there. */
  #unfold(steps: Steps): string | null {
    try {
      const { value, done } = steps.next();
      if (done !== true) return 'pause';
      this.#payload = plain(value);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#unfolding = null;
      return `the record batch does not decompress: ${error.message}`;
    }
    this.#unfolding = null;
    this.#payloadAt = 0;
    const broken = this.#begin(this.#claimed);
    if (broken === null && this.#claimed === 0) this.#from = this.#lastOffset + 1;
    return broken;
  }

  /** The records of the open batch are there; answers why there cannot be `count` of them. */
  #begin(count: number): string | null {
    const countMax = Math.floor((this.#payload.length - this.#payloadAt) / recordBytesMin);
    if (count < 0 || count > countMax) return `the record batch claims ${count} records`;
    this.#recordsLeft = count;
    return null;
  }

  /** Whether the batch is a control batch or belongs to an aborted transaction. */
  #isHidden(at: number, length: number, attributes: number): boolean {
    if ((attributes & attributeTransactional) === 0) return (attributes & attributeControl) !== 0;
    while (this.#aborted.length > 0 && this.#aborted[0].firstOffset <= this.#lastOffset) {
      this.#abortedNow.add(this.#aborted[0].producerId);
      this.#aborted.shift();
    }
    const producerId = this.#view.getBigInt64(at + batchProducerId);
    if ((attributes & attributeControl) === 0) return this.#abortedNow.has(producerId);
    if (this.#controlType(at, length) === controlAbort) this.#abortedNow.delete(producerId);
    return true;
  }

  /**
   * Type of the one record of a control batch, or -1 if it has none. Control batches are not
   * compressed.
   */
  #controlType(at: number, length: number): number {
    const end = at + length;
    this.#payload = this.#bytes.subarray(0, end);
    let p = this.#readVarint(at + batchHeaderBytes, end);
    if (p < 0) return -1;
    p = this.#readVarint(p + 1, end);
    if (p >= 0) p = this.#readVarint(p, end);
    if (p >= 0) p = this.#readVarint(p, end);
    return p >= 0 && p + 4 <= end && this.#varint >= 4 ? this.#view.getInt16(p + 2) : -1;
  }

  /** Reads a zigzag varint at `p` into `#varint`; answers the position after it, or -1. */
  #readVarint(p: number, end: number): number {
    const bytes = this.#payload;
    let low = 0;
    let at = p;
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= end) return -1;
      const byte = bytes[at++];
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#varint = (low >>> 1) ^ -(low & 1);
        return at;
      }
    }
    return this.#readLongVarint(low, at, end);
  }

  /** The rest of a varint of more than four bytes, in doubles: exact below 2^53, refused above. */
  #readLongVarint(low: number, p: number, end: number): number {
    let value = low;
    let at = p;
    for (let power = 2 ** 28; power <= 2 ** 63; power *= 128) {
      if (at >= end) return -1;
      const byte = this.#payload[at++];
      value += (byte & 0x7f) * power;
      if (byte < 0x80) {
        if (value >= safe) return -1;
        this.#varint = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
        return at;
      }
    }
    return -1;
  }

  /**
   * Lists records of the open batch until the slice is full or the batch ends; false if one is
   * broken.
   */
  #readRecords(slice: RecordSlice): boolean {
    const payload = this.#payload;
    slice.bytes = payload;
    slice.count = 0;
    let rows = 0;
    let p = this.#payloadAt;
    while (this.#recordsLeft > 0 && rows < sliceRecordsMax) {
      const next = this.#readRecord(slice, rows, p, payload.length);
      const offset = slice.offset[rows];
      // Offsets grow within a batch; bytes for which they do not are no records.
      if (next < 0 || offset <= this.#previous || offset > this.#lastOffset) {
        return this.#endSlice(slice, rows, p);
      }
      this.#previous = offset;
      this.#recordsLeft--;
      p = next;
      if (offset >= this.#from && offset < this.#next) rows++;
    }
    assert(p <= payload.length, `records end at ${p}, within their batch`);
    this.#payloadAt = p;
    slice.count = rows;
    if (rows > 0) this.#from = slice.offset[rows - 1] + 1;
    return true;
  }

  /**
   * A broken record after `rows` good ones: those are given first, the break comes with the next
   * call.
   */
  #endSlice(slice: RecordSlice, rows: number, p: number): boolean {
    if (rows === 0) return false;
    slice.count = rows;
    this.#payloadAt = p;
    this.#from = slice.offset[rows - 1] + 1;
    return true;
  }

  /** Lists the record at `p` as row `row`; answers the position after it, or -1 if it is broken. */
  #readRecord(slice: RecordSlice, row: number, from: number, limit: number): number {
    let p = this.#readVarint(from, limit);
    if (p < 0 || this.#varint < recordBytesMin - 1 || this.#varint > limit - p) return -1;
    const end = p + this.#varint;
    p = this.#readVarint(p + 1, end);
    if (p < 0) return -1;
    slice.timestamp[row] =
      this.#appendTime >= 0 ? this.#appendTime : this.#baseTimestamp + this.#varint;
    p = this.#readVarint(p, end);
    if (p < 0 || this.#varint < 0) return -1;
    slice.offset[row] = this.#baseOffset + this.#varint;
    p = this.#readVarint(p, end);
    if (p < 0 || this.#varint > end - p) return -1;
    slice.keyAt[row] = p;
    slice.keyBytes[row] = Math.max(-1, this.#varint);
    if (this.#varint > 0) p += this.#varint;
    p = this.#readVarint(p, end);
    if (p < 0 || this.#varint > end - p) return -1;
    slice.valueAt[row] = p;
    slice.valueBytes[row] = Math.max(-1, this.#varint);
    if (this.#varint > 0) p += this.#varint;
    if (p >= end) return -1;
    slice.headersAt[row] = p;
    slice.headersEnd[row] = end;
    return end;
  }
}
