/**
 * Seeded randomness for tests: the same seed gives the same data on every machine. The generator is
 * mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to shuffle test data.
 */
import { assert } from '../../src/base/assert.ts';

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A uniform uint32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A uniform integer in [0, bound). */
  below(bound: number): number {
    assert(bound > 0, `a bound is positive, got ${bound}`);
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() / 2 ** 32 < p;
  }

  /** One of `items`. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    assert(item !== undefined, 'pick needs an item');
    return item;
  }
}
