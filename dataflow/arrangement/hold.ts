/**
 * Holds: who still reads at which step. `since` of an arrangement is the least held step, or
 * `complete` if nothing is held.
 */
import { assert } from '../../src/base/assert.ts';
import type { Hold } from './arrangement.ts';

/** All holds on one arrangement. */
export class HoldSet {
  readonly #holds = new Set<StepHold>();
  #least = Infinity;

  /** The least held step, or Infinity. */
  get least(): number {
    return this.#least;
  }

  get count(): number {
    return this.#holds.size;
  }

  add(step: number): Hold {
    const hold = new StepHold(step, this);
    this.#holds.add(hold);
    this.#least = Math.min(this.#least, step);
    return hold;
  }

  /** Moves those that lie before `step` there. */
  advanceTo(step: number): void {
    for (const hold of this.#holds) if (hold.step < step) hold.advance(step);
  }

  /** The call of a hold that is released. */
  remove(hold: StepHold): void {
    this.#holds.delete(hold);
    if (hold.step === this.#least) this.recount();
  }

  /** Finds the least step again; the call of a hold that moved. */
  recount(): void {
    let least = Infinity;
    for (const hold of this.#holds) least = Math.min(least, hold.step);
    this.#least = least;
  }
}

class StepHold implements Hold {
  #step: number;
  #set: HoldSet | null;

  constructor(step: number, set: HoldSet) {
    this.#step = step;
    this.#set = set;
  }

  get step(): number {
    return this.#step;
  }

  advance(step: number): void {
    assert(step >= this.#step, `a hold at ${this.#step} does not go back to ${step}`);
    assert(this.#set !== null, 'a released hold does not move');
    this.#step = step;
    this.#set.recount();
  }

  release(): void {
    this.#set?.remove(this);
    this.#set = null;
  }
}
