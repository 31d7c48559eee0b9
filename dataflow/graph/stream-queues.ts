/**
 * Who queues records of streams. Nobody keeps a stream, so what a slow dataflow has not worked on
 * waits in its queue; when that is full, no step is begun until there is room again: the records
 * then wait where they are kept, at the broker. That delays everybody, so it is told who the cause
 * is: once when it begins, and once when the queue is half empty.
 */
import type { Dataflow } from './dataflow.ts';
import type { Surroundings } from './surroundings.ts';

/** The dataflows of one engine that read streams. */
export class StreamQueues {
  readonly #around: Surroundings;
  readonly #bytesMax: number;
  readonly #dataflows = new Set<Dataflow>();
  /** The one that others wait for, or have just waited for. */
  #laggard: Dataflow | null = null;

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
    if (this.#laggard === dataflow) this.#note(null);
  }

  /** Whether a step has to wait. */
  get full(): boolean {
    for (const dataflow of this.#dataflows) {
      if (dataflow.queuedBytes <= this.#bytesMax) continue;
      if (this.#laggard === null) this.#note(dataflow);
      return true;
    }
    if (this.#laggard !== null && this.#laggard.queuedBytes <= this.#bytesMax / 2) this.#note(null);
    return false;
  }

  #note(dataflow: Dataflow | null): void {
    this.#laggard = dataflow;
    this.#around.respond({ kind: 'withheld', dataflow: dataflow?.id ?? null });
  }
}
