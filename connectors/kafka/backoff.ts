/**
 * Exponential back-off with jitter: attempt n waits between half and all of
 * min(`first` * 2^n, `max`) milliseconds, so that many readers of one broken broker spread out.
 */
import type { Clock, Entropy } from '../../src/base/seam.ts';

const firstMilliseconds = 50;
const doublingsMax = 16;

/** Counts attempts that failed in a row, and says how long to wait. */
export class Backoff {
  readonly #entropy: Entropy;
  readonly #millisecondsMax: number;
  #attempts = 0;

  constructor(entropy: Entropy, millisecondsMax: number) {
    this.#entropy = entropy;
    this.#millisecondsMax = millisecondsMax;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const doubled = firstMilliseconds * 2 ** Math.min(this.#attempts++, doublingsMax);
    const full = Math.min(doubled, this.#millisecondsMax);
    return full / 2 + this.#entropy.below(Math.ceil(full / 2) + 1);
  }

  /** The attempt succeeded: start over. */
  reset(): void {
    this.#attempts = 0;
  }
}

/** Waits that can be cut short: `wake` ends the current wait, or the next one if none is on. */
export class Pause {
  readonly #clock: Clock;
  #wake: (() => void) | null = null;
  #woken = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after `milliseconds` (null: never by itself) or when woken. */
  async wait(milliseconds: number | null): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const cancel = milliseconds === null ? null : this.#clock.after(milliseconds, resolve);
        this.#wake = () => {
          cancel?.();
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#woken = false;
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }
}
