/**
 * Who queues records of streams. Nobody keeps a stream, so what a slow dataflow has not worked on
 * waits in its queue. When that is full the dataflow is detached: it works off what it has, and is
 * given what it missed meanwhile from where the records are kept. Nobody else waits for it.
 *
 * A subscription whose client does not read would never work off anything: it ends.
 */
import type { Dataflow } from './dataflow.ts';
import type { Surroundings } from './surroundings.ts';

/** The dataflows of one engine that read streams. */
export class StreamQueues {
  readonly #around: Surroundings;
  readonly #bytesMax: number;
  readonly #dataflows = new Set<Dataflow>();

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
  }

  /**
   * Looks at all queues and detaches who is too far behind; answers dataflows that are to end, as
   * nobody takes what they give.
   */
  look(): readonly Dataflow[] {
    const hopeless: Dataflow[] = [];
    for (const dataflow of this.#dataflows) {
      if (dataflow.queuedBytes <= this.#bytesMax) continue;
      if (dataflow.sink.blocked) hopeless.push(dataflow);
      else if (!dataflow.detached) dataflow.detach(this.#around.complete() + 1);
    }
    return hopeless;
  }
}
