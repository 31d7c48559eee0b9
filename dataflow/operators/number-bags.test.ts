/**
 * Goal: bags of numbers know the extremes of what is in them, at every size, under weights of
 * either sign, many equal values, and values that come in order; what is emptied gives all memory
 * back; and every word written to is marked. Method: random operations against a `Map` of weights,
 * counts of memory, and a copy of it.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { MemoryShadow } from '../../test/support/state-shadow.ts';
import { NumberBags } from './number-bags.ts';
import { StateMemory } from './state-memory.ts';

/** Values are added in chunks of at most this many. */
const chunk = 50;

/** A bag for each extreme, and the weights that should be in them. */
class Checked {
  readonly memory = new StateMemory();
  readonly weights = new Map<number, number>();
  readonly #least = new NumberBags(this.memory, false);
  readonly #greatest = new NumberBags(this.memory, true);
  readonly #holder = this.memory.allocate(4);
  readonly #other = this.memory.allocate(4);
  readonly #values = new Float64Array(chunk);
  readonly #weights = new Int32Array(chunk);
  readonly #shadow = new MemoryShadow(this.memory);
  #n = 0;

  constructor() {
    this.memory.i32.fill(0, this.#holder, this.#holder + 4);
    this.memory.i32.fill(0, this.#other, this.#other + 4);
  }

  /** Roots of the bags. */
  get roots(): readonly number[] {
    return [this.memory.i32[this.#holder], this.memory.i32[this.#other]];
  }

  add(value: number, weight: number): void {
    const after = (this.weights.get(value) ?? 0) + weight;
    if (after === 0) this.weights.delete(value);
    else this.weights.set(value, after);
    this.#values[this.#n] = value;
    this.#weights[this.#n++] = weight;
    if (this.#n === chunk) this.#flush();
  }

  #flush(): void {
    const holders = new Int32Array(chunk);
    this.#least.add(holders.fill(this.#holder - 2), 2, this.#values, this.#weights, this.#n);
    this.#greatest.add(holders.fill(this.#other), 0, this.#values, this.#weights, this.#n);
    this.#n = 0;
    this.#compare();
  }

  /** The words of holders are their owner's to mark. */
  #compare(): void {
    for (const holder of [this.#holder, this.#other]) this.memory.written.words(holder, 4);
    this.#shadow.copyRest();
  }

  check(): void {
    this.#flush();
    let least = Infinity;
    let greatest = -Infinity;
    for (const [value, weight] of this.weights) {
      if (weight <= 0) continue;
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
    }
    const none = least > greatest;
    expect(this.#least.extreme(this.#holder)).toBe(none ? NaN : least);
    expect(this.#greatest.extreme(this.#other)).toBe(none ? NaN : greatest);
    this.#compare();
  }

  /** Takes everything out in an order of `random`, and checks that nothing is left. */
  empty(random: Random): void {
    const entries = [...this.weights].sort(() => random.below(3) - 1);
    for (const [value, weight] of entries) {
      this.add(value, -weight);
      if (random.chance(0.02)) this.check();
    }
    this.check();
    expect(this.roots).toEqual([0, 0]);
    expect(this.memory.live).toBe(8);
  }
}

describe.each([3, 40, 500, 20_000])('of %i values', (values) => {
  it.each([
    ['rows that come and go', 0.02, 1],
    ['weights of either sign', 0.4, 1_000],
  ])('agrees with a Map under %s', (_, strange, largest) => {
    const random = new Random(values + largest);
    const bag = new Checked();
    const operations = Math.min(4_000 + 2 * values, 24_000);
    for (let n = 0; n < operations; n++) {
      // Waves of growth and shrinkage, so that nodes split and merge at every level.
      const growing = Math.floor((4 * n) / operations) % 2 === 0;
      const value = random.below(values) - values / 2;
      const weight = 1 + random.below(largest);
      const there = bag.weights.get(value) ?? 0;
      if (random.chance(strange)) bag.add(value, random.chance(0.5) ? weight : -weight);
      else if (growing) bag.add(value, weight);
      else if (there !== 0) bag.add(value, random.chance(0.3) ? -Math.sign(there) : -there);
      if (random.chance(Math.min(0.1, 20 / values))) bag.check();
    }
    bag.empty(random);
  });
});

it.each([1, -1])(
  'keeps leaves full where data come in order %i, and finds the next extreme',
  (by) => {
    const bag = new Checked();
    for (let n = 0; n < 20_000; n++) bag.add(n * by + 0, 1);
    bag.check();
    expect(bag.memory.live).toBeLessThan(2 * 20_000 * 4 * 1.15);
    for (let n = 19_999; n > 19_700; n--) {
      bag.check();
      bag.add(n * by + 0, -1);
    }
    bag.empty(new Random(by));
  },
);

it('keeps one entry of a value that comes again and again', () => {
  const bag = new Checked();
  for (let n = 0; n < 20_000; n++) bag.add(n % 40, 1);
  bag.check();
  expect(bag.memory.live).toBeLessThan(2_000);
  bag.check();
  bag.empty(new Random(1));
});

it('keeps leaves filled in part when values come in an order meant to divide them badly', () => {
  const bag = new Checked();
  // Each value is just above all but the greatest.
  bag.add(1e6, 1);
  for (let n = 0; n < 10_000; n++) bag.add(n, 1);
  bag.check();
  expect(bag.memory.live).toBeLessThan(2 * 10_000 * 4 * 2.6);
  bag.empty(new Random(2));
});

it('takes infinite values', () => {
  const bag = new Checked();
  for (const value of [Infinity, -Infinity, 1]) bag.add(value, 1);
  bag.check();
  for (let n = 0; n < 500; n++) bag.add(n % 2 === 0 ? -Infinity : n, 1);
  bag.check();
  bag.add(Infinity, -1);
  bag.check();
  bag.empty(new Random(3));
});
