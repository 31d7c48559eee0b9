/**
 * The line to an engine in a worker thread. Commands of one turn of the event loop go in one
 * message, so that the peeks of many clients share the cost of crossing the threads.
 */
import type { MessagePort, TransferListItem, Worker } from 'node:worker_threads';
import type { Clock } from '../base/seam.ts';
import type { EngineLink, HostCommand, HostResponse } from '../coordinator/engine-link.ts';
import { takeThread } from './dataflow-thread.ts';
import type { ThreadResponse } from './message.ts';
import { Receipts, joinLookups, packCommand } from './message.ts';

/** Starts the worker thread; it lives until `close`. */
export class WorkerLink implements EngineLink {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** Raised with every message; the worker sleeps on it. */
  readonly #signal: Int32Array;
  readonly #clock: Clock;
  /** Memory of fetched records that the thread reads. */
  readonly #receipts = new Receipts();
  #handler: (response: HostResponse) => void = () => undefined;
  #outgoing: HostCommand[] = [];
  #closing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    const { worker, port, signal } = takeThread();
    this.#worker = worker;
    this.#port = port;
    this.#signal = signal;
    port.on('message', (responses: readonly ThreadResponse[]) => {
      for (const response of responses) {
        if (response.kind === 'released') this.#receipts.back(response.receipts);
        else this.#handler(response);
      }
    });
    this.#worker.on('error', (error) =>
      this.#crashed(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    this.#worker.on('exit', (code) => this.#crashed(`exit status ${code}`));
  }

  #crashed(message: string): void {
    if (!this.#closing) this.#handler({ kind: 'crashed', message });
    this.#closing = true;
  }

  receive(handler: (response: HostResponse) => void): void {
    this.#handler = handler;
  }

  send(command: HostCommand): void {
    if (this.#closing) return;
    const first = this.#outgoing.push(command) === 1;
    // All of a turn that belongs to a step is in it, and writers wait for it.
    if (command.kind === 'step') this.#flush();
    else if (first) this.#clock.soon(() => this.#flush());
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    const commands = joinLookups(this.#outgoing);
    this.#outgoing = [];
    const transfer = new Set<TransferListItem>();
    const packed = commands.map((command) => packCommand(command, transfer, this.#receipts));
    this.#port.postMessage(packed, [...transfer]);
    Atomics.add(this.#signal, 0, 1);
    Atomics.notify(this.#signal, 0);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#worker.terminate();
    this.#port.close();
  }
}
