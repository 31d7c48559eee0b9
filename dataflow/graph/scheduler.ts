/**
 * Who runs next. A dataflow is known here only while it is behind or has not been hydrated; idle
 * ones are in no list. It is *ready* if it can run now, else it *waits*: for its imports, its
 * replay, or the reader of its sink; whoever changes that pokes it.
 *
 * Of the ready ones the one that has used the least time comes first; one that wakes after a rest
 * begins at the least time of the others, so that it neither waits for them nor starves them. While
 * hydrated dataflows are ready, hydrating ones get a quarter of the time.
 */
import { limits } from '../../src/base/limits.ts';
import type { Dataflow } from './dataflow.ts';
import { MeteredFuel } from './fuel.ts';
import { TurnQueue } from './turn-queue.ts';

const hydrationShare = 1 / 4;
/** A clock too coarse to see an activation still counts it. */
const activationMillisecondsMin = 0.001;

/** Gives turns to the dataflows of one engine. */
export class Scheduler {
  readonly #now: () => number;
  readonly #rowsMax: number;
  readonly #fuel: MeteredFuel;
  readonly #live = new TurnQueue();
  readonly #hydrating = new TurnQueue();
  readonly #waiting = new Set<Dataflow>();
  /** Time given to hydrated and to hydrating dataflows while both wanted it. */
  #liveTime = 0;
  #hydrationTime = 0;

  constructor(now: () => number, rowsMax: number) {
    this.#now = now;
    this.#rowsMax = rowsMax;
    this.#fuel = new MeteredFuel(now);
  }

  /** The dataflow has work, now or when what it waits for has come. */
  add(dataflow: Dataflow): void {
    const queue = dataflow.hydrated ? this.#live : this.#hydrating;
    if (queue.has(dataflow)) return;
    if (dataflow.sink.blocked || !dataflow.runnable) {
      this.#waiting.add(dataflow);
      return;
    }
    this.#waiting.delete(dataflow);
    const least = Math.min(this.#live.least, this.#hydrating.least);
    if (least < Infinity) dataflow.turns = Math.max(dataflow.turns, least);
    queue.add(dataflow);
  }

  /** What the dataflow waits for may have come. */
  poke(dataflow: Dataflow): void {
    if (this.#waiting.has(dataflow)) this.add(dataflow);
  }

  /** A step is complete: whoever waits to begin at it is looked at. */
  stepCompleted(): void {
    for (const dataflow of this.#waiting) if (dataflow.awaitsStep) this.add(dataflow);
  }

  remove(dataflow: Dataflow): void {
    this.#waiting.delete(dataflow);
    this.#live.remove(dataflow);
    this.#hydrating.remove(dataflow);
  }

  /** The least frontier of the dataflows that are behind; Infinity if none is. */
  leastFrontier(): number {
    let least = Infinity;
    for (const group of [this.#live, this.#hydrating, this.#waiting]) {
      for (const dataflow of group) least = Math.min(least, dataflow.frontier);
    }
    return least;
  }

  /** Takes out the dataflow to run next, or null. */
  next(): Dataflow | null {
    if (this.#live.size > 0 && this.#hydrating.size > 0) {
      const both = this.#liveTime + this.#hydrationTime;
      return this.#hydrationTime < hydrationShare * both
        ? this.#hydrating.take()
        : this.#live.take();
    }
    this.#liveTime = 0;
    this.#hydrationTime = 0;
    return this.#live.take() ?? this.#hydrating.take();
  }

  /** Runs a dataflow that `next` gave for one activation. */
  run(dataflow: Dataflow): void {
    const hydrated = dataflow.hydrated;
    const start = this.#now();
    this.#fuel.fill(this.#rowsMax, limits.activationMillisecondsMax);
    const result = dataflow.run(this.#fuel);
    const spent = Math.max(this.#now() - start, activationMillisecondsMin);
    dataflow.busyMilliseconds += spent;
    dataflow.turns += spent;
    if (hydrated) this.#liveTime += spent;
    else this.#hydrationTime += spent;
    if (result !== 'done') this.add(dataflow);
  }
}
