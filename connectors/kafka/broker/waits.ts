/** Pauses of the embedded broker's requests: all of them end at once when it stops. */
import type { Clock } from '../../../src/base/seam.ts';

/** Timers that are running. */
export class Waits {
  readonly #clock: Clock;
  readonly #wakes = new Set<() => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Resolves after `milliseconds`, when `start` calls its argument, or at `stop`. */
  pause(milliseconds: number, start: (wake: () => void) => void = () => undefined): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#wakes.delete(wake);
        resolve();
      };
      const cancel = this.#clock.after(milliseconds, wake);
      this.#wakes.add(wake);
      start(wake);
    });
  }

  /** Calls back after `milliseconds` unless cancelled or stopped. */
  after(milliseconds: number, callback: () => void): () => void {
    let over = false;
    let stop = (): void => undefined;
    void this.pause(milliseconds, (wake) => {
      stop = wake;
    }).then(() => {
      if (!over && !this.#stopped) callback();
    });
    return () => {
      over = true;
      stop();
    };
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of [...this.#wakes]) wake();
  }
}
