/**
 * The change log: addresses of the rows born in each step, for as long as a hold lies before
 * `complete`. With the dead log it answers what changed between two steps without anybody queueing
 * copies of batches: born in between and alive at the end counts +, born before and dead in between
 * counts -; what came and went in between cancels by itself.
 *
 * Births of the open step are always noted, because a hold may still come; `seal` forgets what
 * nobody can ask for. A noted row may have been freed meanwhile and its room reused in a later
 * step: then the birth in the record is not the step of the note, and the note is void. A row that
 * went in the step of its birth is freed at the end of that step, and another arrangement may then
 * use its room in the very same step, so its note is taken back before (`takeBackBuried`).
 */
import { infinity, recordBirth } from '../value/layout.ts';
import { IntRing, sequenceMask } from './int-ring.ts';

/** Births by step; see the head of this file. */
export class ChangeLog {
  readonly #born = new IntRing();
  /** Two entries a step that had births: the step, and the number after its last birth. */
  readonly #steps = new IntRing();
  #noted = 0;

  /** Notes the address of a row born in the open step. */
  born(row: number): void {
    this.#born.push(row);
    this.#noted++;
  }

  /** Notes rows[0 … n - 1], born in the open step. */
  append(rows: Int32Array, n: number): void {
    this.#born.append(rows, n);
    this.#noted += n;
  }

  /** Takes back notes of the open step whose records are buried. */
  takeBackBuried(words: Int32Array): void {
    const born = this.#born;
    const end = born.tail;
    let kept = (end - this.#noted) & sequenceMask;
    let back = 0;
    for (let number = kept; number !== end; number = (number + 1) & sequenceMask) {
      const row = born.get(number);
      if (words[row + recordBirth] === infinity) {
        back++;
        continue;
      }
      born.set(kept, row);
      kept = (kept + 1) & sequenceMask;
    }
    born.dropNewest(back);
    this.#noted -= back;
  }

  /** Ends `step`; births up to and including `since` are forgotten. */
  seal(step: number, since: number): void {
    if (this.#noted > 0) {
      this.#steps.push(step);
      this.#steps.push(this.#born.tail);
      this.#noted = 0;
    }
    while (this.#steps.count > 0 && this.#steps.get(this.#steps.head) <= since) {
      const end = this.#steps.get(this.#steps.head + 1);
      this.#steps.drop(2);
      this.#born.drop((end - this.#born.head) & sequenceMask);
    }
  }

  /** Place in the list of steps of the first noted step after `step`. */
  firstAfter(step: number): number {
    let at = this.#steps.head;
    while (this.#steps.has(at) && this.#steps.get(at) <= step) at += 2;
    return at;
  }

  /** Whether a place in the list of steps is one. */
  has(place: number): boolean {
    return this.#steps.has(place);
  }

  /** The step at a place. */
  stepAt(place: number): number {
    return this.#steps.get(place);
  }

  /** Number of the first birth of the step at a place. */
  firstBirth(place: number): number {
    return place === this.#steps.head ? this.#born.head : this.#steps.get(place - 1);
  }

  /** Number after the last birth of the step at a place. */
  endBirth(place: number): number {
    return this.#steps.get(place + 1);
  }

  /** Address noted under a birth number. */
  row(number: number): number {
    return this.#born.get(number);
  }

  bytes(): number {
    return this.#born.bytes() + this.#steps.bytes();
  }
}
