/** One partition that a reader follows: how far it is, who leads it, and why it may stand still. */
import { assert } from '../../src/base/assert.ts';
import type { RawChunk } from '../connector.ts';
import type { Backoff } from './backoff.ts';
import { batchAt } from './record-batch.ts';
import type { FetchedPartition } from './protocol.ts';

/** See the head of this file; owned and changed by its reader only. */
export class Partition {
  readonly partition: number;
  /** Offset to read next. Never falls. */
  next: bigint;
  /** Where reading ends, or null. */
  readonly until: bigint | null;
  /** Node id of the leader; -1 if there is none, or if the one we knew said it is not. */
  leader = -1;
  /** Log end (last stable offset) as last seen; -1 if not yet. */
  end = -1n;
  /** Why it will never go on, or null. */
  failure: string | null = null;
  /** How long to leave it alone after an error. */
  readonly backoff: Backoff;
  /** Bytes to ask for: more after an answer that held no whole batch. */
  bytesMax: number;

  constructor(
    partition: number,
    next: bigint,
    until: bigint | null,
    bytesMax: number,
    backoff: Backoff,
  ) {
    assert(next >= 0n, `an offset is not negative, got ${next}`);
    this.partition = partition;
    this.next = next;
    this.until = until;
    this.bytesMax = bytesMax;
    this.backoff = backoff;
  }

  get done(): boolean {
    return this.until !== null && this.next >= this.until;
  }

  /** Whether the broker `node` is to be asked for it. */
  wants(node: number): boolean {
    return this.leader === node && this.failure === null && !this.done;
  }

  /**
   * The whole batches of an answer as a chunk with bytes of its own (the one copy between socket
   * and decoder, so that they can be handed to another thread), and moves on; null if there is
   * none.
   */
  take(fetched: FetchedPartition): RawChunk | null {
    assert(fetched.partition === this.partition, 'an answer goes to its partition');
    let length = 0;
    let last = -1n;
    for (;;) {
      const batch = batchAt(fetched.records, length);
      if (batch === null || batch.lastOffset < batch.baseOffset) break;
      length += batch.bytes;
      if (batch.lastOffset > last) last = batch.lastOffset;
    }
    const from = this.next;
    if (last < from) return null;
    const next = this.until !== null && last >= this.until ? this.until : last + 1n;
    this.next = next;
    return {
      partition: this.partition,
      bytes: ownCopy(fetched.records, length),
      from,
      next,
      aborted: fetched.aborted,
    };
  }
}

/** The first `length` bytes in a buffer of exactly that size, which was not cleared first. */
function ownCopy(bytes: Uint8Array, length: number): Uint8Array {
  const { buffer } = Buffer.allocUnsafeSlow(length);
  const copy = new Uint8Array(buffer);
  copy.set(bytes.subarray(0, length));
  return copy;
}
