/** Holds on collections that commands have taken, each under a number of the coordinator's. */
import type { CollectionHold, StoredCollection } from './stored-collection.ts';

/** The holds of one engine. */
export class NumberedHolds {
  readonly #holds = new Map<number, CollectionHold>();

  /** Keeps reads at `since` and later possible; replaces the hold of the same number. */
  set(number: number, collection: StoredCollection, since: number): void {
    collection.sealTo(collection.frontier());
    const known = this.#holds.get(number);
    if (known?.collection === collection && known.step <= since) return known.advance(since);
    this.#holds.set(number, collection.hold(since));
    known?.release();
  }

  release(number: number): void {
    this.#holds.get(number)?.release();
    this.#holds.delete(number);
  }

  /** The collection goes away. */
  forget(collection: StoredCollection): void {
    for (const [number, hold] of this.#holds) {
      if (hold.collection === collection) this.release(number);
    }
  }
}
