/**
 * A dataflow's end of one stream: live batches, each of which waits for its own step, and replayed
 * ones, which belong to one *round* after the other. A round is what the coordinator replays up to
 * the batch that it calls the last.
 */
import type { Batch } from '../value/batch.ts';
import type { StreamCollection } from './stream-collection.ts';
import { WaitingBatches } from './waiting-batches.ts';

/** What one dataflow has of one stream and has not worked on. */
export class StreamImport {
  readonly stream: StreamCollection;
  /** Operators that take the stream's batches. */
  readonly operators: readonly number[];
  readonly #replay = new WaitingBatches();
  readonly #live = new WaitingBatches();
  /** Rounds of which everything has come. */
  #rounds = 0;

  constructor(stream: StreamCollection, operators: readonly number[]) {
    this.stream = stream;
    this.operators = operators;
  }

  /** All of a round has come and nothing of it waits. */
  replayed(round: number): boolean {
    return this.#rounds > round && !this.hasReplay(round);
  }

  hasReplay(round: number): boolean {
    return this.#replay.first <= round;
  }

  /** Bytes of live batches that wait. */
  get queuedBytes(): number {
    return this.#live.bytes;
  }

  /** Step of the first live batch that waits, or Infinity. */
  get firstStep(): number {
    return this.#live.first;
  }

  /** Bytes of replayed batches that wait. */
  get replayBytes(): number {
    return this.#replay.bytes;
  }

  /** Takes a replayed batch and error rows with their uses of their slabs. */
  replay(batch: Batch | null, errors: Batch | null, last: boolean): void {
    if (batch !== null || errors !== null) this.#replay.add(this.#rounds, batch, errors);
    if (last) this.#rounds++;
  }

  receive(step: number, batch: Batch | null, errors: Batch | null): void {
    batch?.slab.retain();
    errors?.slab.retain();
    this.#live.add(step, batch, errors);
  }

  /** Hands out, with their uses, the next replayed batches of a round. */
  takeReplay(round: number, ok: (batch: Batch) => void, err: (batch: Batch) => void): void {
    this.#replay.shift(round, ok, err);
  }

  /** Hands out, with their uses, the live batches up to and including `step`. */
  take(step: number, ok: (batch: Batch) => void, err: (batch: Batch) => void): void {
    while (this.#live.shift(step, ok, err));
  }

  /** Gives up the live batches of `step` and later. */
  cut(step: number): void {
    this.#live.cut(step);
  }

  dispose(): void {
    this.#replay.cut(-1);
    this.#live.cut(-1);
  }
}
