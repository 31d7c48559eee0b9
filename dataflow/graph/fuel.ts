/**
 * Fuel of one activation: a number of rows and a time by which it should have ended, whichever
 * comes first. The clock is asked only now and then, as asking costs as much as tens of rows of
 * work.
 */
import type { Fuel } from '../operators/operator.ts';

const rowsBetweenLooks = 512;
const spendsBetweenLooks = 8;

/** Fuel by rows and by the clock; filled anew for each activation. */
export class MeteredFuel implements Fuel {
  readonly #now: () => number;
  #rows = 0;
  #deadline = 0;
  #rowsToLook = 0;
  #spendsToLook = 0;
  #late = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Fills up for `rows` rows or `milliseconds`. */
  fill(rows: number, milliseconds: number): void {
    this.#rows = rows;
    this.#deadline = this.#now() + milliseconds;
    this.#rowsToLook = rowsBetweenLooks;
    this.#spendsToLook = spendsBetweenLooks;
    this.#late = false;
  }

  spend(rows: number): boolean {
    this.#rows -= rows;
    this.#rowsToLook -= rows;
    if (this.#rows <= 0) return false;
    if (this.#rowsToLook <= 0 || --this.#spendsToLook <= 0) {
      this.#rowsToLook = rowsBetweenLooks;
      this.#spendsToLook = spendsBetweenLooks;
      this.#late = this.#now() >= this.#deadline;
    }
    return !this.#late;
  }
}
