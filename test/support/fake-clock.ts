/**
 * A clock that stands still until a test moves it: callbacks run in the order of their times, those
 * of `soon` first, and promises settle between two of them. The same calls give the same run.
 */
import { assert } from '../../src/base/assert.ts';
import type { Clock } from '../../src/base/seam.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

const readingMilliseconds = 0.05;

export class FakeClock implements Clock {
  #now: number;
  #read = 0;
  readonly #soon: (() => void)[] = [];
  #timers: Timer[] = [];

  /** Milliseconds by which the monotonic clock goes on when it is read, so that slices of work end. */
  readonly #perReading: number;

  constructor(now = 1_700_000_000_000, perReading = readingMilliseconds) {
    this.#now = now;
    this.#perReading = perReading;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    this.#read += this.#perReading;
    return this.#now + this.#read;
  }

  after(milliseconds: number, callback: () => void): () => void {
    assert(milliseconds >= 0, `a wait is not negative, got ${milliseconds}`);
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Timers that have not come due. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Runs the next callback, moving time to it; false if there is none up to `until`. */
  async next(until = Infinity): Promise<boolean> {
    await settle();
    const soon = this.#soon.shift();
    if (soon !== undefined) {
      soon();
      await settle();
      return true;
    }
    let timer: Timer | undefined;
    for (const other of this.#timers) if (timer === undefined || other.at < timer.at) timer = other;
    if (timer === undefined || timer.at > until) return false;
    this.#timers = this.#timers.filter((other) => other !== timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
    await settle();
    return true;
  }

  /** Lets time pass, running what comes due. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    while (await this.next(until));
    this.#now = until;
  }

  /** Runs until a promise settles. Throws if nothing is left to run before. */
  async until<T>(work: Promise<T>): Promise<T> {
    const state = { settled: false };
    const done = (): void => {
      state.settled = true;
    };
    work.then(done, done);
    await settle();
    while (!state.settled)
      if (!(await this.next())) throw new Error('nothing is left to run, and the promise waits');
    return work;
  }
}

/**
 * Lets everything run that promises have ready: what is put behind the present turn runs when no
 * promise has anything left to run. No turn of the event loop is spent, so nothing real may be
 * awaited.
 */
function settle(): Promise<void> {
  return new Promise((resolve) => void process.nextTick(resolve));
}
