/**
 * A growable run of words for var values that an executor computes, before they are copied into the
 * slab of the output batch (whose size is known only when all rows are done). The first words hold
 * the program's var constants and survive `reset`.
 *
 * Law: values start on a word and are padded with zeros; offsets stay valid when the heap grows,
 * the `words` array does not.
 */
import { assert } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import { wordsOf } from '../value/words.ts';

const heapWordsMin = 1024;
/** Words that are kept for the next batch. */
const heapWordsIdle = 2 ** 22;
/** 2 GiB: a program stops between rows long before, so that this is what one row asks for. */
const heapWordsMax = 2 ** 29;

/** Computed var values of one batch. */
export class Heap {
  words = new Int32Array(heapWordsMin);
  /** Words in use. */
  used = 0;
  /** Length in bytes of the value written last. */
  lastBytes = 0;
  #kept = 0;

  /** Everything written so far survives `reset`. */
  keep(): void {
    this.#kept = this.used;
  }

  reset(): void {
    this.used = this.#kept;
    if (this.words.length <= heapWordsIdle) return;
    const small = new Int32Array(Math.max(this.#kept, heapWordsMin));
    small.set(this.words.subarray(0, this.#kept));
    this.words = small;
  }

  /** Takes `words` words; answers the offset. They hold anything. */
  take(words: number): number {
    const at = this.used;
    const end = at + words;
    if (end > this.words.length) this.#grow(end);
    this.used = end;
    return at;
  }

  #grow(words: number): void {
    assert(words > this.words.length, 'it grows when it is full');
    if (words > heapWordsMax)
      throw sqlError('54000', `the values of a row take more than ${4 * heapWordsMax} bytes`);
    const grown = new Int32Array(Math.max(words, this.words.length * 2));
    grown.set(this.words.subarray(0, this.used));
    this.words = grown;
  }

  /** Copies a value from elsewhere. */
  copy(words: Int32Array, from: number, bytes: number): number {
    const count = wordsOf(bytes);
    const at = this.take(count);
    for (let w = 0; w < count; w++) this.words[at + w] = words[from + w];
    this.lastBytes = bytes;
    return at;
  }
}
