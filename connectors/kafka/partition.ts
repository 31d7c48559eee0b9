/** One partition that a reader follows: how far it is, who leads it, and why it may stand still. */
import { assert } from '../../src/base/assert.ts';
import type { RawChunk } from '../connector.ts';
import type { Backoff } from './backoff.ts';
import type { FrameMemory } from './frame-memory.ts';
import type { IntactBatches } from './intact-batches.ts';
import type { FetchedPartition } from './protocol.ts';

/** Fewer bytes are copied: they must not keep a large answer's memory. */
const sharedBytesMin = 32 * 1024;

/** See the head of this file; owned and changed by its reader only. */
export class Partition {
  readonly slot: number;
  readonly topic: string;
  readonly partition: number;
  /** Offset to read next. Never falls. */
  next: bigint;
  /** Where reading ends, or null. */
  readonly until: bigint | null;
  /** Node id of the leader; -1 if there is none, or if the one we knew said it is not. */
  leader = -1;
  /** Node id of the broker that was asked for it last; -1 if none was yet. */
  asked = -1;
  /** Log end (last stable offset) as last seen; -1 if not yet. */
  end = -1n;
  /** Why it will never go on, or null. */
  failure: string | null = null;
  /** How long to leave it alone after an error. */
  readonly backoff: Backoff;
  /** Bytes to ask for: more after an answer that held no whole batch. */
  bytesMax: number;

  constructor(
    { slot, topic, partition }: Pick<RawChunk, 'slot' | 'topic' | 'partition'>,
    next: bigint,
    until: bigint | null,
    bytesMax: number,
    backoff: Backoff,
  ) {
    assert(next >= 0n, `an offset is not negative, got ${next}`);
    this.slot = slot;
    this.topic = topic;
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
   * The intact batches of an answer as a chunk, and moves on; null if there is none that goes on.
   * Its bytes are a view on the answer's block of `memory`, or a copy where there is no block or
   * little to copy.
   */
  take(fetched: FetchedPartition, intact: IntactBatches, memory: FrameMemory): RawChunk | null {
    assert(
      fetched.topic === this.topic && fetched.partition === this.partition,
      'an answer goes to its partition',
    );
    const from = this.next;
    const { last, bytes } = intact;
    if (last < from) return null;
    const next = this.until !== null && last >= this.until ? this.until : last + 1n;
    this.next = next;
    const { slot, topic, partition } = this;
    const chunk = { slot, topic, partition, from, next, aborted: fetched.aborted, checked: true };
    const release = bytes < sharedBytesMin ? null : memory.share(fetched.records.buffer);
    return release === null
      ? { ...chunk, bytes: ownCopy(fetched.records, bytes) }
      : { ...chunk, bytes: fetched.records.subarray(0, bytes), release };
  }

  /**
   * Goes past records that the log has lost, up to offset `first` or the end, with a chunk that
   * says so.
   */
  skipLost(first: bigint, reason: string): RawChunk {
    const from = this.next;
    const next = this.until !== null && first > this.until ? this.until : first;
    assert(next > from, `lost records lie ahead, got ${from} to ${next}`);
    this.next = next;
    const { slot, topic, partition } = this;
    return {
      ...{ slot, topic, partition },
      bytes: new Uint8Array(0),
      from,
      next,
      aborted: [],
      lost: reason,
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
