/**
 * Batches that wait for their turn, each under a number that does not fall. What they take is
 * counted by slab, since that is what they keep from being used again: batches that were written
 * one after the other share one, and it is counted with the first of them.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch, Slab } from '../value/batch.ts';

/** What came together: rows, error rows, or both. */
interface Waiting {
  readonly number: number;
  readonly batch: Batch | null;
  readonly errors: Batch | null;
  readonly bytes: number;
}

/** Bytes of the objects that a batch consists of, about. */
const batchObjectBytes = 512;
/** Places of the list that are empty before it is moved up. */
const emptyPlacesMax = 1_024;

/** A queue of batches, with one use of the slab of each. */
export class WaitingBatches {
  #list: Waiting[] = [];
  #first = 0;
  #bytes = 0;
  /** The slab that was counted last. */
  #counted: Slab | null = null;

  /** Bytes of memory that waits with them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of the first, or Infinity. */
  get first(): number {
    return this.#list[this.#first]?.number ?? Infinity;
  }

  /** Takes the uses of the batches' slabs. */
  add(number: number, batch: Batch | null, errors: Batch | null): void {
    assert(number >= (this.#list.at(-1)?.number ?? number), 'batches wait in their order');
    const bytes = this.#bytesOf(batch) + this.#bytesOf(errors);
    this.#list.push({ number, batch, errors, bytes });
    this.#bytes += bytes;
  }

  #bytesOf(batch: Batch | null): number {
    if (batch === null) return 0;
    if (batch.slab === this.#counted) return batchObjectBytes;
    this.#counted = batch.slab;
    return batchObjectBytes + batch.slab.words * 4;
  }

  /** Hands out the first ones with their uses, if their number is at most `number`. */
  shift(number: number, ok: (batch: Batch) => void, err: (batch: Batch) => void): boolean {
    if (this.first > number) return false;
    const { batch, errors, bytes } = this.#list[this.#first++];
    this.#bytes -= bytes;
    if (this.#first === this.#list.length) this.#forget();
    else if (this.#first > emptyPlacesMax && 2 * this.#first > this.#list.length) {
      this.#list = this.#list.slice(this.#first);
      this.#first = 0;
    }
    if (batch !== null) ok(batch);
    if (errors !== null) err(errors);
    return true;
  }

  #forget(): void {
    assert(this.#bytes === 0, 'nothing that waits takes nothing');
    this.#list = [];
    this.#first = 0;
    this.#counted = null;
  }

  /** Gives up those whose number is `from` or greater. */
  cut(from: number): void {
    while (this.#list.length > this.#first) {
      const { number, batch, errors, bytes } = this.#list[this.#list.length - 1];
      if (number < from) return;
      this.#list.pop();
      this.#bytes -= bytes;
      batch?.slab.release();
      errors?.slab.release();
      this.#counted = null;
    }
    this.#forget();
  }
}
