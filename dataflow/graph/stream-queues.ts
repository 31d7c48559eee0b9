/**
 * Who queues records of streams. Nobody keeps a stream, so what a slow dataflow has not worked on
 * waits in its queue. When that is full, the coordinator is told to give no more of the streams
 * that it reads, until half of it is worked off: the records then wait where they are kept, at
 * the broker. Everything else goes on: tables, other sources, views over them.
 *
 * A subscription whose client does not read is no reason to keep others waiting: it ends.
 */
import type { Dataflow } from './dataflow.ts';
import type { Surroundings } from './surroundings.ts';

/** The dataflows of one engine that read streams. */
export class StreamQueues {
  readonly #around: Surroundings;
  readonly #bytesMax: number;
  readonly #dataflows = new Set<Dataflow>();
  /** By stream that is withheld, who it is withheld for. */
  readonly #laggards = new Map<number, Dataflow>();

  /** `bytesMax`: bytes that may wait for one dataflow. */
  constructor(around: Surroundings, bytesMax: number) {
    this.#around = around;
    this.#bytesMax = bytesMax;
  }

  add(dataflow: Dataflow): void {
    this.#dataflows.add(dataflow);
  }

  delete(dataflow: Dataflow): void {
    this.#dataflows.delete(dataflow);
    for (const [stream, laggard] of this.#laggards) {
      if (laggard === dataflow) this.#release(stream);
    }
  }

  /**
   * Looks at all queues: withholds and releases streams; answers dataflows that are to end, as
   * nobody takes what they give.
   */
  look(): readonly Dataflow[] {
    for (const [stream, { queuedBytes }] of this.#laggards) {
      if (queuedBytes <= this.#bytesMax / 2) this.#release(stream);
    }
    const hopeless: Dataflow[] = [];
    for (const dataflow of this.#dataflows) {
      if (dataflow.queuedBytes <= this.#bytesMax) continue;
      if (dataflow.sink.blocked) hopeless.push(dataflow);
      else this.#withhold(dataflow);
    }
    return hopeless;
  }

  #withhold(dataflow: Dataflow): void {
    for (const collection of dataflow.streams) {
      if (this.#laggards.has(collection)) continue;
      this.#laggards.set(collection, dataflow);
      this.#around.respond({ kind: 'withheld', collection, dataflow: dataflow.id });
    }
  }

  #release(collection: number): void {
    this.#laggards.delete(collection);
    this.#around.respond({ kind: 'withheld', collection, dataflow: null });
  }
}
