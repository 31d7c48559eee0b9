/**
 * The line to an engine in the calling thread: what tests and embedded use drive, with a clock of
 * their choice. Nothing is cloned: nobody writes to what it has sent.
 */
import type { Clock } from '../base/seam.ts';
import { limits } from '../base/limits.ts';
import { DataflowHost } from './dataflow-host.ts';
import type { EngineLink, HostCommand, HostResponse } from './engine-link.ts';

/** A host that runs in turns of the given clock. */
export class InlineLink implements EngineLink {
  readonly #clock: Clock;
  readonly #host: DataflowHost;
  #handler: (response: HostResponse) => void = () => undefined;
  readonly #responses: HostResponse[] = [];
  readonly #commands: HostCommand[] = [];
  #scheduled = false;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#host = new DataflowHost({
      respond: (response) => void this.#responses.push(response),
      now: () => clock.monotonic(),
    });
  }

  receive(handler: (response: HostResponse) => void): void {
    this.#handler = handler;
  }

  send(command: HostCommand): void {
    this.#commands.push(command);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#clock.soon(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    for (const command of this.#commands.splice(0)) this.#host.command(command);
    const more = this.#host.run(limits.turnMillisecondsMax);
    for (const response of this.#responses.splice(0)) this.#handler(response);
    if (more) this.#schedule();
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
