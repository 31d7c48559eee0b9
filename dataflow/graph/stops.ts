/**
 * Steps at which every dataflow stops on its way, because they may yet be read together with other
 * collections: a transaction that has read one view at a step reads all others at it too.
 *
 * These are the steps that the coordinator holds, as it said with the last step, and those that it
 * may hold next. It begins to read at a step that it knows to be complete, and sends a step only
 * while few are under way: so none before the last few that it has sent. A dataflow that is further
 * behind goes through all steps before these at once.
 *
 * Nor does any step lead across the end of a subscription, which would see the changes before its
 * end together with those after it; nor across one where a dataflow goes over from records of a
 * stream as they come to a replay, or back.
 */
import { limits } from '../../src/base/limits.ts';

/** Somebody who sees nothing after a step, once that is known. */
export interface Limited {
  /** Infinity while no step lies behind the end. */
  readonly lastStep: number;
  /** A step has a time; steps come in order. */
  timed(step: number, time: number): void;
}

/** The steps to stop at, of one engine. */
export class Stops {
  #held: readonly number[] = [];
  /** Steps from here on may yet be read at. */
  #open = 0;
  readonly #limited = new Set<Limited>();
  /** Steps at which somebody has to stop, by who it is. */
  readonly #needed = new Map<object, readonly number[]>();

  /** Stops at the end of `limited` until it is removed. */
  add(limited: Limited): void {
    this.#limited.add(limited);
  }

  remove(limited: Limited): void {
    this.#limited.delete(limited);
  }

  /** `who` has to stop at these steps from now on. */
  set(who: object, steps: readonly number[]): void {
    if (steps.length > 0) this.#needed.set(who, steps);
    else this.#needed.delete(who);
  }

  /** A step is about to be complete: those that end before it are told. */
  timed(step: number, time: number): void {
    for (const limited of this.#limited) limited.timed(step, time);
  }

  /** The coordinator has sent a step; `held` are the steps that it holds, in any order. */
  sent(step: number, held: readonly number[]): void {
    this.#held = held;
    this.#open = step - limits.stepsInFlightMax;
  }

  /** Where a dataflow stops that goes from one step to a later one. */
  next(from: number, to: number): number {
    let step = Math.min(to, Math.max(from + 1, this.#open));
    for (const held of this.#held) if (held > from && held < step) step = held;
    for (const { lastStep } of this.#limited) {
      if (lastStep > from && lastStep < step) step = lastStep;
    }
    for (const steps of this.#needed.values()) {
      for (const needed of steps) if (needed > from && needed < step) step = needed;
    }
    return step;
  }
}
