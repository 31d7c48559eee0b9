/**
 * A queue of ints that are known by sequence number: pushed at the tail, dropped at the head, read
 * and written anywhere between. Numbers have 30 bits and wrap around; a number names an entry as
 * long as it lies in [head, tail), which `has` answers, so stale numbers are harmless while fewer
 * than 2^30 entries have passed.
 *
 * The ring doubles when full (a copy of 4 bytes an entry) and starts over small when it empties.
 */
import { assert } from '../../src/base/assert.ts';

const capacityMin = 16;
const keepCapacityMax = 4_096;
/** Numbers come after each other modulo this + 1. */
export const sequenceMask = 0x3fffffff;

/** A queue of ints known by sequence number. */
export class IntRing {
  #ring = new Int32Array(capacityMin);
  #head: number;
  #count = 0;

  constructor(head = 0) {
    this.#head = head;
  }

  get count(): number {
    return this.#count;
  }

  /** Number of the oldest entry. */
  get head(): number {
    return this.#head;
  }

  /** Number that the next entry gets. */
  get tail(): number {
    return (this.#head + this.#count) & sequenceMask;
  }

  /** Whether a number names an entry. */
  has(sequence: number): boolean {
    return ((sequence - this.#head) & sequenceMask) < this.#count && sequence >= 0;
  }

  get(sequence: number): number {
    return this.#ring[sequence & (this.#ring.length - 1)];
  }

  push(value: number): void {
    if (this.#count === this.#ring.length) this.#double();
    this.#ring[(this.#head + this.#count) & (this.#ring.length - 1)] = value;
    this.#count++;
  }

  /** Pushes values[0 … n - 1]. */
  append(values: Int32Array, n: number): void {
    while (this.#count + n > this.#ring.length) this.#double();
    const ring = this.#ring;
    const mask = ring.length - 1;
    const tail = this.#head + this.#count;
    for (let k = 0; k < n; k++) ring[(tail + k) & mask] = values[k];
    this.#count += n;
  }

  /** Copies the `n` oldest entries, or as many as there are; answers how many. */
  oldest(n: number, out: Int32Array): number {
    const ring = this.#ring;
    const mask = ring.length - 1;
    const head = this.#head;
    const copied = Math.min(n, this.#count);
    for (let k = 0; k < copied; k++) out[k] = ring[(head + k) & mask];
    return copied;
  }

  /** Writes over an entry. */
  set(sequence: number, value: number): void {
    this.#ring[sequence & (this.#ring.length - 1)] = value;
  }

  /** Drops the `n` newest entries, whose numbers are given again. */
  dropNewest(n: number): void {
    assert(n <= this.#count, `${n} entries are there, got ${this.#count}`);
    this.#count -= n;
  }

  /** Drops the oldest entry and answers it. */
  shift(): number {
    assert(this.#count > 0, 'an entry is there to be dropped');
    const value = this.#ring[this.#head & (this.#ring.length - 1)];
    this.drop(1);
    return value;
  }

  /** Drops the `n` oldest entries. */
  drop(n: number): void {
    this.#head = (this.#head + n) & sequenceMask;
    this.#count -= n;
    if (this.#count === 0 && this.#ring.length > keepCapacityMax) {
      this.#ring = new Int32Array(capacityMin);
    }
  }

  /** Lets a number pass that never named an entry; the ring is empty. */
  skip(): void {
    assert(this.#count === 0, 'an empty ring has no next entry');
    this.#head = (this.#head + 1) & sequenceMask;
  }

  bytes(): number {
    return this.#ring.length * 4;
  }

  #double(): void {
    const old = this.#ring;
    const ring = new Int32Array(old.length * 2);
    const from = this.#head & (old.length - 1);
    // Entry k of the queue keeps its number, so it moves to that number modulo the new length.
    const to = this.#head & (ring.length - 1);
    const first = old.length - from;
    ring.set(old.subarray(from), to);
    const rest = (to + first) & (ring.length - 1);
    ring.set(old.subarray(0, from), rest);
    this.#ring = ring;
  }
}
