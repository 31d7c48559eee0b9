/**
 * Timestamps of steps, kept as long as a dataflow may still show one of them: those of steps before
 * the least frontier of the dataflows that are behind are forgotten, now and then.
 */
const stepsBetweenLooks = 1_024;

/** Step → milliseconds since the epoch. */
export class StepTimes {
  readonly #times = new Map<number, number>();

  /** A number that no step has (one that was refused for want of disk) is the step before it. */
  of(step: number): number {
    const known = this.#times.get(step);
    if (known !== undefined) return known;
    let before = 0;
    for (const [other, time] of this.#times) {
      if (other > step) break;
      before = time;
    }
    return before;
  }

  /** The first step known with at least this time, or undefined if none has. */
  firstFrom(time: number): number | undefined {
    for (const [step, its] of this.#times) if (its >= time) return step;
    return undefined;
  }

  /** Notes a step; `least` tells the first one that is still needed. */
  add(step: number, time: number, least: () => number): void {
    this.#times.set(step, time);
    if (this.#times.size % stepsBetweenLooks !== 0) return;
    const first = Math.min(least(), step);
    for (const old of this.#times.keys()) {
      if (old >= first) return;
      this.#times.delete(old);
    }
  }
}
