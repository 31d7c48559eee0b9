/**
 * Steps at which every dataflow stops on its way, because they may yet be read together with other
 * collections: a transaction that has read one view at a step reads all others at it too.
 *
 * These are the steps that the coordinator holds, as it said with the last step, and those that it
 * may hold next. It begins to read at a step that it knows to be complete, and sends a step only
 * while few are under way: so none before the last few that it has sent. A dataflow that is further
 * behind goes through all steps before these at once.
 */
import { limits } from '../../src/base/limits.ts';

/** The steps to stop at, of one engine. */
export class Stops {
  #held: readonly number[] = [];
  /** Steps from here on may yet be read at. */
  #open = 0;

  /** The coordinator has sent a step; `held` are the steps that it holds, in any order. */
  sent(step: number, held: readonly number[]): void {
    this.#held = held;
    this.#open = step - limits.stepsInFlightMax;
  }

  /** Where a dataflow stops that goes from one step to a later one. */
  next(from: number, to: number): number {
    let step = Math.min(to, Math.max(from + 1, this.#open));
    for (const held of this.#held) if (held > from && held < step) step = held;
    return step;
  }
}
