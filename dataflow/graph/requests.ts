/**
 * What runs for requests that can be cancelled: reads, which get their slices here, and dataflows,
 * which the scheduler runs. A request ends with its last response, with `failed`, or with
 * `cancelled`; it is known here until then.
 */
import { assert } from '../../src/base/assert.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import { SqlError } from '../../src/base/error.ts';
import type { ReadTask } from './read-task.ts';
import type { StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';

type Running =
  | { readonly kind: 'read'; readonly task: ReadTask }
  | { readonly kind: 'dataflow'; readonly dataflow: number };

/** The requests of one engine. */
export class Requests {
  readonly #around: Surroundings;
  readonly #now: () => number;
  readonly #running = new Map<number, Running>();
  readonly #reads: ReadTask[] = [];

  constructor(around: Surroundings, now: () => number) {
    this.#around = around;
    this.#now = now;
  }

  startRead(task: ReadTask): void {
    this.#reads.push(task);
    this.#running.set(task.request, { kind: 'read', task });
  }

  startDataflow(request: number, dataflow: number): void {
    assert(!this.#running.has(request), `request ${request} is new`);
    this.#running.set(request, { kind: 'dataflow', dataflow });
  }

  /** The dataflow that runs for a request, if it is one. */
  dataflowOf(request: number): number | undefined {
    const running = this.#running.get(request);
    return running?.kind === 'dataflow' ? running.dataflow : undefined;
  }

  /** The request that a dataflow runs for, if it runs for one. */
  requestOf(dataflow: number): number | undefined {
    for (const [request, running] of this.#running) {
      if (running.kind === 'dataflow' && running.dataflow === dataflow) return request;
    }
    return undefined;
  }

  /** The dataflow has ended, and with it the request that it ran for. */
  dataflowEnded(dataflow: number): void {
    const request = this.requestOf(dataflow);
    if (request !== undefined) this.#running.delete(request);
  }

  /**
   * A slice of the reads that are ready: first those that have just begun, which are mostly at
   * their end then, and the others in turn, until `end`.
   */
  runReads(end: number): boolean {
    if (this.#reads.length === 0) return false;
    let worked = false;
    for (const begun of [false, true]) {
      for (const task of this.#reads.filter((one) => one.ready && one.begun === begun)) {
        if (worked && this.#now() >= end) return true;
        worked = true;
        const ended = this.#runRead(task);
        this.#reads.splice(this.#reads.indexOf(task), 1);
        if (ended) this.#endRead(task);
        else this.#reads.push(task);
      }
    }
    return worked;
  }

  /** True when the read has ended. */
  #runRead(task: ReadTask): boolean {
    try {
      return task.run();
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.fail(task.request, error.fields);
      return true;
    }
  }

  #endRead(task: ReadTask): void {
    const at = this.#reads.indexOf(task);
    if (at >= 0) this.#reads.splice(at, 1);
    this.#running.delete(task.request);
    task.dispose();
  }

  /** Tells that a request fails; `stopped`: the collection that it fails for, if it has stopped. */
  fail(request: number, error: ErrorFields, stopped: number | null = null): void {
    const reason = stopped === null ? {} : { stopped };
    this.#around.respond({ kind: 'failed', request, error, ...reason });
  }

  /** Fails the reads of a collection that goes away. */
  failReads(collection: StoredCollection, error: ErrorFields, stopped: number | null): void {
    for (const task of this.#reads.filter((one) => one.collection === collection)) {
      this.fail(task.request, error, stopped);
      this.#endRead(task);
    }
  }

  /** Cancels a request if it still runs; `drop` ends the dataflow that runs for it. */
  cancel(request: number, drop: (dataflow: number) => void): void {
    const running = this.#running.get(request);
    if (running === undefined) return;
    if (running.kind === 'read') this.#endRead(running.task);
    else drop(running.dataflow);
    this.#running.delete(request);
    this.#around.respond({ kind: 'cancelled', request });
  }
}
