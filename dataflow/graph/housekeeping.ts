/**
 * What the engine tidies between two pieces of work: history that nobody may ask for any more, and
 * dead rows. Only collections that changed are looked at, in the order in which they were longest
 * left alone, a slice a turn, whether the engine is busy or not.
 */
import type { StoredCollection } from './stored-collection.ts';

/** Whoever may hold dead rows. */
export interface Reclaimable {
  /** Frees up to about `rowsMax` dead rows; answers how many. */
  reclaim(rowsMax: number): number;
}

/** Collections with history to forget and stores with rows to free. */
export class Housekeeping {
  /** Collections whose history stands behind their last change. */
  readonly #remembering = new Set<StoredCollection>();
  readonly #reclaimable = new Set<Reclaimable>();

  /** A collection changed: lets go what lies before `since`, and notes that there is more. */
  changed(collection: StoredCollection, since: number): void {
    if (collection.allow(since)) this.#remembering.add(collection);
    this.#reclaimable.add(collection);
  }

  /** Something else may hold dead rows. */
  died(one: Reclaimable): void {
    this.#reclaimable.add(one);
  }

  /** Reads before `since` will not be asked for any more. */
  forget(since: number): void {
    for (const collection of this.#remembering) {
      if (!collection.allow(since)) this.#remembering.delete(collection);
      this.#reclaimable.add(collection);
    }
  }

  /** Frees up to about `rowsMax` dead rows; false if there were none. */
  reclaim(rowsMax: number): boolean {
    for (const one of this.#reclaimable) {
      this.#reclaimable.delete(one);
      if (one.reclaim(rowsMax) === 0) continue;
      this.#reclaimable.add(one);
      return true;
    }
    return false;
  }

  /** The collection, or dataflow, goes away. */
  removeCollection(collection: StoredCollection): void {
    this.#remembering.delete(collection);
    this.#reclaimable.delete(collection);
  }

  /** The same for anything else. */
  remove(one: Reclaimable): void {
    this.#reclaimable.delete(one);
  }
}
