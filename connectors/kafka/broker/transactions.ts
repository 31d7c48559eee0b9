/**
 * The transaction coordinator: producer ids and epochs, and what each open transaction has touched.
 * A new incarnation of a transactional id gets the next epoch, which fences off the old one and
 * rolls its transaction back; so does the transaction's own timeout. Ending a transaction writes a
 * marker to each of its partitions and, if it commits, takes over the group offsets that it holds.
 */
import { assert } from '../../../src/base/assert.ts';
import { limits } from '../../../src/base/limits.ts';
import type { Clock } from '../../../src/base/seam.ts';
import { brokerError } from './errors.ts';
import type { CommittedOffset, Groups } from './groups.ts';
import type { PartitionLog } from './partition-log.ts';
import type { Waits } from './waits.ts';

/** Beyond this epoch a producer gets a new id. */
const epochMax = 32_000;

interface Transactional {
  producerId: bigint;
  epoch: number;
  timeoutMilliseconds: number;
  readonly logs: Set<PartitionLog>;
  readonly offsets: {
    readonly group: string;
    readonly topic: string;
    readonly partition: number;
    readonly offset: CommittedOffset;
  }[];
  open: boolean;
  /** How the last one ended: an EndTxn that is sent again gets the same answer. */
  lastEnd: 'commit' | 'abort' | null;
  cancelTimeout: () => void;
}

/** A producer's identity. */
export interface Identity {
  readonly error: number;
  readonly producerId: bigint;
  readonly epoch: number;
}

function refused(error: number): Identity {
  return { error, producerId: -1n, epoch: -1 };
}

/** See the head of this file. */
export class Transactions {
  readonly #clock: Clock;
  readonly #waits: Waits;
  readonly #groups: Groups;
  readonly #byId = new Map<string, Transactional>();
  readonly #byProducer = new Map<bigint, Transactional>();
  #nextProducer = 1000n;

  constructor(clock: Clock, waits: Waits, groups: Groups) {
    this.#clock = clock;
    this.#waits = waits;
    this.#groups = groups;
  }

  /** A new identity: of an idempotent producer (`id` null), or of a transactional one. */
  init(id: string | null, timeoutMilliseconds: number): Identity {
    if (id === null) return { error: brokerError.none, producerId: this.#nextProducer++, epoch: 0 };
    if (id === '') return refused(brokerError.invalidRequest);
    if (timeoutMilliseconds < 1 || timeoutMilliseconds > limits.brokerTimeoutMillisecondsMax) {
      return refused(brokerError.invalidTransactionTimeout);
    }
    const known = this.#byId.get(id);
    if (known === undefined) return this.#register(id, timeoutMilliseconds);
    if (known.open) this.#finish(known, false);
    this.#fence(known);
    known.timeoutMilliseconds = timeoutMilliseconds;
    known.lastEnd = null;
    return { error: brokerError.none, producerId: known.producerId, epoch: known.epoch };
  }

  #register(id: string, timeoutMilliseconds: number): Identity {
    if (this.#byId.size >= limits.brokerProducersMax) return refused(brokerError.policyViolation);
    const made: Transactional = {
      producerId: this.#nextProducer++,
      epoch: 0,
      timeoutMilliseconds,
      logs: new Set(),
      offsets: [],
      open: false,
      lastEnd: null,
      cancelTimeout: () => undefined,
    };
    this.#byId.set(id, made);
    this.#byProducer.set(made.producerId, made);
    return { error: brokerError.none, producerId: made.producerId, epoch: made.epoch };
  }

  /** The next epoch: whoever still uses the present one is refused. */
  #fence(known: Transactional): void {
    known.epoch++;
    if (known.epoch <= epochMax) return;
    this.#byProducer.delete(known.producerId);
    known.producerId = this.#nextProducer++;
    known.epoch = 0;
    this.#byProducer.set(known.producerId, known);
  }

  #find(id: string, producerId: bigint, epoch: number): Transactional | number {
    const known = this.#byId.get(id);
    if (known === undefined || known.producerId !== producerId)
      return brokerError.invalidProducerIdMapping;
    return known.epoch === epoch ? known : brokerError.invalidProducerEpoch;
  }

  #begin(known: Transactional): void {
    if (known.open) return;
    known.open = true;
    known.lastEnd = null;
    known.cancelTimeout = this.#waits.after(known.timeoutMilliseconds, () => {
      this.#finish(known, false);
      this.#fence(known);
    });
  }

  /** The error for which these partitions cannot join the transaction; 0 if they have joined. */
  addPartitions(
    id: string,
    producerId: bigint,
    epoch: number,
    logs: readonly PartitionLog[],
  ): number {
    const known = this.#find(id, producerId, epoch);
    if (typeof known === 'number') return known;
    this.#begin(known);
    for (const log of logs) known.logs.add(log);
    return brokerError.none;
  }

  /** The transaction will commit offsets of a group. */
  addOffsets(id: string, producerId: bigint, epoch: number): number {
    return this.addPartitions(id, producerId, epoch, []);
  }

  /** Keeps offsets until the transaction commits. */
  commitOffset(
    id: string,
    producerId: bigint,
    epoch: number,
    group: string,
    topic: string,
    partition: number,
    offset: CommittedOffset,
  ): number {
    const known = this.#find(id, producerId, epoch);
    if (typeof known === 'number') return known;
    if (!known.open) return brokerError.invalidTransactionState;
    if (known.offsets.length >= limits.brokerOffsetsMax) return brokerError.policyViolation;
    known.offsets.push({ group, topic, partition, offset });
    return brokerError.none;
  }

  /** The error of a transactional batch on a partition; 0 if its transaction is open there. */
  check(producerId: bigint, epoch: number, log: PartitionLog): number {
    const known = this.#byProducer.get(producerId);
    if (known === undefined) return brokerError.invalidProducerIdMapping;
    if (known.epoch !== epoch) return brokerError.invalidProducerEpoch;
    return known.open && known.logs.has(log)
      ? brokerError.none
      : brokerError.invalidTransactionState;
  }

  end(id: string, producerId: bigint, epoch: number, commit: boolean): number {
    const known = this.#find(id, producerId, epoch);
    if (typeof known === 'number') return known;
    if (!known.open) {
      return known.lastEnd === (commit ? 'commit' : 'abort')
        ? brokerError.none
        : brokerError.invalidTransactionState;
    }
    this.#finish(known, commit);
    return brokerError.none;
  }

  #finish(known: Transactional, commit: boolean): void {
    assert(known.open, 'a transaction that ends is open');
    known.cancelTimeout();
    known.open = false;
    known.lastEnd = commit ? 'commit' : 'abort';
    const now = this.#clock.now();
    for (const log of known.logs) log.endTransaction(known.producerId, known.epoch, commit, now);
    known.logs.clear();
    const offsets = known.offsets.splice(0);
    if (!commit) return;
    for (const { group, topic, partition, offset } of offsets)
      this.#groups.keepOffset(group, topic, partition, offset);
  }
}
