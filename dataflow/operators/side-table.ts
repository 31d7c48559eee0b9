/**
 * Objects beside an operator's memory, named by small numbers that fit a state word: for the few
 * groups whose state does not fit words (a sum of 100 digits, values of mixed scale). 0 is none.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Saved } from '../value/saved.ts';
import { savedInteger, savedList, savedWords } from '../value/saved-parts.ts';
import type { Registers } from './registers.ts';

/** Objects as plain data, never null, and back. */
export interface SideForm<T> {
  save(object: T): Saved;
  /** Throws SqlError XX001 if that is no object. */
  restore(saved: Saved): T;
}

/** Objects by number. */
export class SideTable<T> implements Registers {
  readonly #form: SideForm<T>;
  #objects: (T | null)[] = [];
  #free: number[] = [];

  constructor(form: SideForm<T>) {
    this.#form = form;
  }

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

  save(): Saved {
    const objects = this.#objects.map((object) =>
      object === null ? null : this.#form.save(object),
    );
    return [Int32Array.from(this.#free), objects];
  }

  restore(saved: Saved): void {
    const [free, objects] = savedList(saved, 2);
    this.#objects = savedList(objects).map((object) =>
      object === null ? null : this.#form.restore(object),
    );
    this.#free = Array.from(savedWords(free), (number) => {
      return savedInteger(number, 1, this.#objects.length);
    });
  }

  /** Bytes, taking `each` for an object. */
  bytes(each: number): number {
    return this.size * each + this.#objects.length * 8;
  }
}
