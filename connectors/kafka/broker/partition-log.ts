/**
 * The log of one partition, in memory: batches as producers sent them, with their base offset
 * filled in (it is not under the checksum), in segments.
 *
 * Offsets: [start, end) is readable; `lastStable` is the first offset of the oldest transaction
 * that is still open, or the end. `open` has the first offset of every open transaction, `aborted`
 * the range of every one that was rolled back; a read_committed fetch gets the latter's names.
 */
import { limits } from '../../../src/base/limits.ts';
import { assert } from '../../../src/base/assert.ts';
import { batchBaseOffset, batchLeaderEpoch } from '../batch-layout.ts';
import { RecordBatchBuilder } from '../encode-batch.ts';
import { RecordBatchWalker, RecordSlice } from '../record-batch.ts';
import type { ProducedBatch } from './produced-batch.ts';
import { ProducerStates } from './producer-state.ts';
import { Segment } from './segment.ts';

const firstSegmentBytes = 16 * 1024;
const controlRecordBytes = 6;

interface AbortedTransaction {
  readonly producerId: bigint;
  readonly first: number;
  /** Offset of the marker. */
  readonly last: number;
}

/** What one fetch of one partition gives. */
export interface FetchedLog {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[];
}

/** A bound on the bytes of all logs of a broker. */
export interface MemoryBudget {
  used: number;
  readonly bytesMax: number;
}

/** See the head of this file. */
export class PartitionLog {
  readonly producers = new ProducerStates();
  /** Called once at the next append or end of a transaction. */
  readonly waiting = new Set<() => void>();
  readonly #budget: MemoryBudget;
  readonly #segmentBytesMax: number;
  readonly #segments: Segment[] = [];
  readonly #open = new Map<bigint, number>();
  readonly #aborted: AbortedTransaction[] = [];
  #start = 0;
  #end = 0;

  /**
   * `retentionBytes` (Infinity: all) bounds the size of segments too: memory goes back in whole
   * ones.
   */
  constructor(budget: MemoryBudget, retentionBytes = Infinity) {
    this.#budget = budget;
    this.#segmentBytesMax = Math.max(
      firstSegmentBytes,
      Math.min(limits.brokerSegmentBytes, retentionBytes / 4),
    );
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  get lastStable(): number {
    let stable = this.#end;
    for (const first of this.#open.values()) stable = Math.min(stable, first);
    return stable;
  }

  /** The youngest record's time, -1 if there is none. */
  get maxTimestamp(): number {
    let youngest = -1;
    for (const segment of this.#segments) youngest = Math.max(youngest, segment.maxTimestamp);
    return youngest;
  }

  /** False if memory is full: the producer must try again later. */
  hasRoom(bytes: number): boolean {
    if (this.#segments.at(-1)?.fits(bytes) === true) return true;
    return this.#budget.used + this.#nextCapacity(bytes) <= this.#budget.bytesMax;
  }

  /** Segments double: a topic that is hardly used takes hardly any memory. */
  #nextCapacity(bytes: number): number {
    const last = this.#segments.at(-1)?.capacity ?? firstSegmentBytes / 2;
    return Math.max(Math.min(last * 2, this.#segmentBytesMax), bytes);
  }

  /** Keeps a checked batch; answers the offset of its first record. */
  append(batch: ProducedBatch): number {
    const base = this.#write(batch.bytes, batch.records, batch.maxTimestamp);
    this.producers.appended(batch, base);
    if (batch.transactional && !this.#open.has(batch.producerId))
      this.#open.set(batch.producerId, base);
    this.#wake();
    return base;
  }

  /** Writes the marker that ends a producer's transaction here. */
  endTransaction(producerId: bigint, epoch: number, commit: boolean, now: number): void {
    const first = this.#open.get(producerId);
    const last = this.#write(controlBatch(producerId, epoch, commit, now), 1, now);
    this.producers.marked(producerId, epoch);
    this.#open.delete(producerId);
    if (!commit && first !== undefined) this.#aborted.push({ producerId, first, last });
    this.#wake();
  }

  #write(bytes: Uint8Array, records: number, maxTimestamp: number): number {
    const base = this.#end;
    const place = this.#keep(bytes, base, base + records - 1, maxTimestamp);
    const view = new DataView(place.buffer, place.byteOffset, place.byteLength);
    view.setBigInt64(batchBaseOffset, BigInt(base));
    view.setInt32(batchLeaderEpoch, 0);
    this.#end = base + records;
    return base;
  }

  #keep(bytes: Uint8Array, first: number, last: number, maxTimestamp: number): Uint8Array {
    let segment = this.#segments.at(-1);
    if (segment === undefined || !segment.fits(bytes.length)) {
      segment = new Segment(this.#nextCapacity(bytes.length));
      this.#budget.used += segment.capacity;
      this.#segments.push(segment);
    }
    return segment.append(bytes, first, last, maxTimestamp);
  }

  /**
   * Compacts what ends below offset `before`: of each batch stays what `change` answers, or nothing
   * if that is null. Offsets stay as they are. The last batch is never asked for, so that whoever
   * reads still comes to the end.
   */
  compact(before: number, change: (batch: Uint8Array) => Uint8Array | null): void {
    for (const old of this.#segments.splice(0)) {
      this.#budget.used -= old.capacity;
      for (let k = 0; k < old.count; k++) {
        const { first, last, maxTimestamp } = old.batch(k);
        const bytes = old.read(k, first + 1, 0, true);
        const isLast = last === this.#end - 1;
        const kept = last < before && !isLast ? change(bytes) : bytes;
        if (kept !== null) this.#keep(kept, first, last, maxTimestamp);
      }
    }
  }

  #wake(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  /**
   * Whole batches from the one with `offset` on, at most `bytesMax` bytes, but at least one if
   * `always`; of open transactions nothing if `committed`.
   */
  fetch(offset: number, bytesMax: number, committed: boolean, always: boolean): FetchedLog {
    assert(offset >= this.#start && offset <= this.#end, `offset ${offset} lies in the log`);
    const limit = committed ? this.lastStable : this.#end;
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for (let s = this.#segmentOf(offset); s < this.#segments.length; s++) {
      const segment = this.#segments[s];
      if (segment === undefined) break;
      const piece = segment.read(
        segment.indexOf(offset),
        limit,
        bytesMax - bytes,
        always && bytes === 0,
      );
      if (piece.length === 0) break;
      pieces.push(piece);
      bytes += piece.length;
      // What comes after a run that was cut short would leave a gap.
      if (!segment.endsWith(piece)) break;
    }
    const aborted = committed && bytes > 0 ? this.#abortedFrom(offset, limit) : [];
    return { pieces, bytes, aborted };
  }

  #segmentOf(offset: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle]?.lastOffset ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #abortedFrom(offset: number, limit: number): FetchedLog['aborted'] {
    return this.#aborted
      .filter((transaction) => transaction.last >= offset && transaction.first < limit)
      .map(({ producerId, first }) => ({ producerId, firstOffset: BigInt(first) }));
  }

  /** Offset and time of the first record at or after `timestamp`; null if none is as young. */
  findTime(
    timestamp: number,
    committed: boolean,
  ): { readonly offset: number; readonly timestamp: number } | null {
    const limit = committed ? this.lastStable : this.#end;
    for (const segment of this.#segments) {
      for (let k = segment.indexOfTime(timestamp); k < segment.count; k++) {
        const { first, last, maxTimestamp } = segment.batch(k);
        if (first >= limit) return null;
        if (maxTimestamp < timestamp || last < this.#start) continue;
        const found = this.#findIn(
          segment.read(k, last + 1, 0, true),
          Math.max(first, this.#start),
          last,
          timestamp,
        );
        if (found !== null) return found;
      }
    }
    return null;
  }

  #findIn(
    bytes: Uint8Array,
    from: number,
    last: number,
    timestamp: number,
  ): { readonly offset: number; readonly timestamp: number } | null {
    const walker = new RecordBatchWalker();
    const slice = new RecordSlice();
    walker.open({ bytes, from: BigInt(from), next: BigInt(last + 1), aborted: [] });
    for (let found = walker.next(slice); found !== 'end'; found = walker.next(slice)) {
      if (found === 'broken') return null;
      if (found === 'pause') continue;
      for (let r = 0; r < slice.count; r++) {
        const time = slice.timestamp[r] ?? -1;
        if (time >= timestamp) return { offset: slice.offset[r] ?? from, timestamp: time };
      }
    }
    return null;
  }

  /** Forgets records below `offset`; memory goes back in whole segments. */
  deleteBefore(offset: number): void {
    assert(offset <= this.#end, `records up to ${offset} exist`);
    this.#start = Math.max(this.#start, offset);
    while ((this.#segments[0]?.lastOffset ?? Infinity) < this.#start) this.#drop();
  }

  /** Forgets the oldest segments until at most `bytesMax` bytes are left, or one segment. */
  retain(bytesMax: number): void {
    let bytes = this.#segments.reduce((sum, segment) => sum + segment.capacity, 0);
    while (this.#segments.length > 1 && bytes > bytesMax) {
      const oldest = this.#segments[0];
      if (oldest === undefined) return;
      bytes -= oldest.capacity;
      this.#start = Math.max(this.#start, oldest.lastOffset + 1);
      this.#drop();
    }
  }

  #drop(): void {
    const dropped = this.#segments.shift();
    this.#budget.used -= dropped?.capacity ?? 0;
    while ((this.#aborted[0]?.last ?? Infinity) < this.#start) this.#aborted.shift();
  }

  /** The topic is deleted: gives the memory back and wakes who waits. */
  close(): void {
    while (this.#segments.length > 0) this.#drop();
    this.#wake();
  }
}

function controlBatch(producerId: bigint, epoch: number, commit: boolean, now: number): Uint8Array {
  const key = new DataView(new ArrayBuffer(4));
  key.setInt16(2, commit ? 1 : 0);
  const builder = new RecordBatchBuilder(256);
  builder.add(new Uint8Array(key.buffer), new Uint8Array(controlRecordBytes), now);
  return builder.finish({ transactional: true, control: true, producerId, producerEpoch: epoch });
}
