/**
 * Sequence numbers of idempotent producers on one partition: what was appended already is
 * recognised by its sequence (the last five batches a producer, as many as a client may have in
 * flight), a gap is refused. Sequences wrap from 2^31 - 1 to 0.
 */
import { limits } from '../../../src/base/limits.ts';
import { brokerError } from './errors.ts';
import type { ProducedBatch } from './produced-batch.ts';

const rememberedBatchesMax = 5;
const sequences = 2 ** 31;

interface Remembered {
  readonly first: number;
  readonly records: number;
  readonly baseOffset: number;
}

interface Producer {
  epoch: number;
  next: number;
  readonly batches: Remembered[];
}

/** Append it, refuse it, or answer as for the batch that it repeats. */
export type Verdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'refuse'; readonly error: number }
  | { readonly kind: 'duplicate'; readonly baseOffset: number };

const append: Verdict = { kind: 'append' };

function refuse(error: number): Verdict {
  return { kind: 'refuse', error };
}

/** Producers of one partition, the least recently active one forgotten when there are too many. */
export class ProducerStates {
  readonly #producers = new Map<bigint, Producer>();

  check(batch: ProducedBatch): Verdict {
    if (batch.producerId < 0n) return append;
    if (batch.sequence < 0) return refuse(brokerError.invalidRecord);
    const known = this.#producers.get(batch.producerId);
    if (known === undefined) {
      // Kafka takes any sequence of a producer that it has no memory of.
      return append;
    }
    if (batch.epoch < known.epoch) return refuse(brokerError.invalidProducerEpoch);
    if (batch.epoch > known.epoch) {
      return batch.sequence === 0 ? append : refuse(brokerError.outOfOrderSequence);
    }
    const repeated = known.batches.find(
      (b) => b.first === batch.sequence && b.records === batch.records,
    );
    if (repeated !== undefined) return { kind: 'duplicate', baseOffset: repeated.baseOffset };
    return batch.sequence === known.next || known.batches.length === 0
      ? append
      : refuse(brokerError.outOfOrderSequence);
  }

  appended(batch: ProducedBatch, baseOffset: number): void {
    if (batch.producerId < 0n) return;
    const known = this.#producers.get(batch.producerId);
    const batches = known !== undefined && known.epoch === batch.epoch ? known.batches : [];
    batches.push({ first: batch.sequence, records: batch.records, baseOffset });
    if (batches.length > rememberedBatchesMax) batches.shift();
    const next = (batch.sequence + batch.records) % sequences;
    this.#keep(batch.producerId, { epoch: batch.epoch, next, batches });
  }

  /** A transaction ended at this epoch: older ones are fenced off. */
  marked(producerId: bigint, epoch: number): void {
    const known = this.#producers.get(producerId);
    if (known !== undefined && known.epoch === epoch) return;
    this.#keep(producerId, { epoch, next: 0, batches: [] });
  }

  #keep(producerId: bigint, producer: Producer): void {
    this.#producers.delete(producerId);
    this.#producers.set(producerId, producer);
    if (this.#producers.size <= limits.brokerProducersMax) return;
    for (const oldest of this.#producers.keys()) {
      this.#producers.delete(oldest);
      return;
    }
  }
}
