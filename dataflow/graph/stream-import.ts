/**
 * A dataflow's end of one stream: replayed batches, which belong to its first step, and live ones,
 * each of which waits for its own step.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { StreamCollection } from './stream-collection.ts';
import { batchBytes } from './stream-collection.ts';

interface Live {
  readonly step: number;
  readonly batch: Batch | null;
  readonly errors: Batch | null;
}

/** What one dataflow has of one stream and has not worked on. */
export class StreamImport {
  readonly stream: StreamCollection;
  /** Operators that take the stream's batches. */
  readonly operators: readonly number[];
  readonly #replay: Batch[] = [];
  readonly #replayErrors: Batch[] = [];
  readonly #live: Live[] = [];
  #replayed = false;
  #queuedBytes = 0;

  constructor(stream: StreamCollection, operators: readonly number[]) {
    this.stream = stream;
    this.operators = operators;
  }

  /** The replay has ended and nothing of it waits. */
  get replayed(): boolean {
    return this.#replayed && !this.hasReplay;
  }

  get hasReplay(): boolean {
    return this.#replay.length > 0 || this.#replayErrors.length > 0;
  }

  /** Bytes of live batches that wait. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Step of the first live batch that waits, or Infinity. */
  get firstStep(): number {
    return this.#live[0]?.step ?? Infinity;
  }

  /** Bytes of replayed batches that wait. */
  get replayBytes(): number {
    return this.#replay.reduce((sum, batch) => sum + batchBytes(batch), 0);
  }

  /** Takes a replayed batch and error rows with their uses of their slabs. */
  replay(batch: Batch | null, errors: Batch | null, last: boolean): void {
    assert(!this.#replayed, 'nothing is replayed after the last batch');
    if (batch !== null) this.#replay.push(batch);
    if (errors !== null) this.#replayErrors.push(errors);
    this.#replayed = last;
  }

  receive(step: number, batch: Batch | null, errors: Batch | null): void {
    batch?.slab.retain();
    errors?.slab.retain();
    this.#live.push({ step, batch, errors });
    this.#queuedBytes += bytesOf(batch, errors);
  }

  nextReplay(): Batch | undefined {
    return this.#replay.shift();
  }

  nextReplayErrors(): Batch | undefined {
    return this.#replayErrors.shift();
  }

  /** Hands out, with their uses, the live batches up to and including `step`. */
  take(step: number, ok: (batch: Batch) => void, err: (batch: Batch) => void): void {
    while (this.firstStep <= step) {
      const live = this.#live.shift();
      if (live === undefined) return;
      this.#queuedBytes -= bytesOf(live.batch, live.errors);
      if (live.batch !== null) ok(live.batch);
      if (live.errors !== null) err(live.errors);
    }
  }

  dispose(): void {
    for (const batch of this.#replay) batch.slab.release();
    for (const errors of this.#replayErrors) errors.slab.release();
    this.#replay.length = 0;
    this.#replayErrors.length = 0;
    this.take(
      Infinity,
      (batch) => batch.slab.release(),
      (batch) => batch.slab.release(),
    );
  }
}

function bytesOf(batch: Batch | null, errors: Batch | null): number {
  return (batch === null ? 0 : batchBytes(batch)) + (errors === null ? 0 : batchBytes(errors));
}
