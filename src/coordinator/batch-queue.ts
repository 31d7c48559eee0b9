/**
 * A queue of batches between the engine's responses and one reader. Batches wait here only between
 * two calls of `next`; what may be in flight is bounded by the engine (answers by `answerRowsMax`,
 * subscriptions by credit).
 */
import { assert } from '../base/assert.ts';

type Waiter<T> = {
  readonly resolve: (value: T | null) => void;
  readonly reject: (error: Error) => void;
};

/** Items in the order they came; an end or an error comes after them. */
export class BatchQueue<T> {
  readonly #items: T[] = [];
  #ended = false;
  #error: Error | null = null;
  #waiter: Waiter<T> | null = null;

  push(item: T): void {
    if (this.#ended || this.#error !== null) return;
    const waiter = this.#waiter;
    assert(waiter === null || this.#items.length === 0, 'who waits has read everything');
    this.#waiter = null;
    if (waiter === null) this.#items.push(item);
    else waiter.resolve(item);
  }

  /** No more items come; what is queued is still read. */
  end(): void {
    this.#ended = true;
    if (this.#items.length === 0) this.#settle((waiter) => waiter.resolve(null));
  }

  /** Reading fails once the queued items are read. */
  fail(error: Error): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = error;
    if (this.#items.length === 0) this.#settle((waiter) => waiter.reject(error));
  }

  /** The next item; null at the end. One call at a time. */
  next(): Promise<T | null> {
    assert(this.#waiter === null, 'a queue has one reader at a time');
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#error !== null) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** An item that is already here, without waiting. */
  take(): T | undefined {
    return this.#items.shift();
  }

  get size(): number {
    return this.#items.length;
  }

  #settle(how: (waiter: Waiter<T>) => void): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    if (waiter !== null) how(waiter);
  }
}
