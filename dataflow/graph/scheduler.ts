/**
 * Who runs next. A dataflow is known here only while it is behind or was never run; idle ones are not
 * in any list. Of those that can run, the one that has used the least time comes first; one that
 * wakes after a rest begins at the least time of the others, so that it neither waits for them nor
 * starves them. While hydrated dataflows have work, hydrating ones get a quarter of the time.
 *
 * A dataflow whose imports are not far enough, or whose sink waits for its reader, stays in the list
 * but is passed over.
 */
import { limits } from '../../src/base/limits.ts';
import type { Dataflow } from './dataflow.ts';
import { MeteredFuel } from './fuel.ts';

const hydrationShare = 1 / 4;

export class Scheduler {
  readonly #now: () => number;
  readonly #rowsMax: number;
  readonly #fuel: MeteredFuel;
  readonly #behind = new Set<Dataflow>();
  /** Time given to hydrated and to hydrating dataflows while both wanted it. */
  #liveTime = 0;
  #hydrationTime = 0;

  constructor(now: () => number, rowsMax: number) {
    this.#now = now;
    this.#rowsMax = rowsMax;
    this.#fuel = new MeteredFuel(now);
  }

  /** The dataflow has work, now or when its imports have come. */
  add(dataflow: Dataflow): void {
    if (this.#behind.has(dataflow)) return;
    let least = Infinity;
    for (const other of this.#behind) least = Math.min(least, other.turns);
    if (least < Infinity) dataflow.turns = Math.max(dataflow.turns, least);
    this.#behind.add(dataflow);
  }

  remove(dataflow: Dataflow): void {
    this.#behind.delete(dataflow);
  }

  /** The least frontier of the dataflows that are behind; Infinity if none is. */
  leastFrontier(): number {
    let least = Infinity;
    for (const dataflow of this.#behind) least = Math.min(least, dataflow.frontier);
    return least;
  }

  /** The dataflow to run next, or null. */
  next(): Dataflow | null {
    let live: Dataflow | null = null;
    let hydrating: Dataflow | null = null;
    for (const dataflow of this.#behind) {
      if (dataflow.sink.blocked || !dataflow.runnable) continue;
      if (dataflow.hydrated) {
        if (live === null || dataflow.turns < live.turns) live = dataflow;
      } else if (hydrating === null || dataflow.turns < hydrating.turns) hydrating = dataflow;
    }
    if (live === null || hydrating === null) {
      this.#liveTime = 0;
      this.#hydrationTime = 0;
      return live ?? hydrating;
    }
    const share = this.#hydrationTime / (this.#liveTime + this.#hydrationTime + 1e-9);
    return share < hydrationShare ? hydrating : live;
  }

  /** Runs a dataflow for one activation. */
  run(dataflow: Dataflow): void {
    const hydrated = dataflow.hydrated;
    const start = this.#now();
    this.#fuel.fill(this.#rowsMax, limits.activationMillisecondsMax);
    const result = dataflow.run(this.#fuel);
    // A clock too coarse to see the activation still counts it.
    const spent = Math.max(this.#now() - start, 0.001);
    dataflow.busyMilliseconds += spent;
    dataflow.turns += spent;
    if (hydrated) this.#liveTime += spent;
    else this.#hydrationTime += spent;
    if (result === 'done') this.#behind.delete(dataflow);
  }
}
