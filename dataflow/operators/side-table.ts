/**
 * Objects beside an operator's memory, named by small numbers that fit a state word: for the few
 * groups whose state does not fit words (a sum of 100 digits, values of mixed scale). 0 is none.
 */
import { assert, defined } from '../../src/base/assert.ts';

/** Objects by number. */
export class SideTable<T> {
  #objects: (T | null)[] = [];
  #free: number[] = [];

  /** Objects held. */
  get size(): number {
    return this.#objects.length - this.#free.length;
  }

  /** Keeps an object; answers its number. */
  add(object: T): number {
    const number = this.#free.pop() ?? this.#objects.length + 1;
    this.#objects[number - 1] = object;
    return number;
  }

  get(number: number): T {
    return defined(this.#objects[number - 1], `object ${number} is there`);
  }

  remove(number: number): void {
    assert(this.get(number) !== null, `object ${number} is there`);
    this.#objects[number - 1] = null;
    this.#free.push(number);
    if (this.size > 0) return;
    this.#objects = [];
    this.#free = [];
  }

  /** Bytes, taking `each` for an object. */
  bytes(each: number): number {
    return this.size * each + this.#objects.length * 8;
  }
}
