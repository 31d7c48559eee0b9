/**
 * Primary keys that writes under way are about to add. Of two that want the same key the second
 * waits until the first has ended, and then sees what came of it in the table.
 *
 * A key is known by its hash, which is the same for keys that are equal under SQL. Keys that only
 * share a hash wait for each other too, which costs time and is never wrong.
 */
import { assert } from '../base/assert.ts';

/** A key of one collection. */
export interface HashedKey {
  readonly collection: number;
  readonly hash: number;
}

/** One per coordinator. */
export class KeyClaims {
  /** By collection and hash: resolves when the write that has the key has ended. */
  readonly #claims = new Map<number, Map<number, Promise<void>>>();

  /** Resolves when somebody lets one of the keys go; null if nobody has any of them. */
  taken(keys: readonly HashedKey[]): Promise<void> | null {
    for (const { collection, hash } of keys) {
      const claim = this.#claims.get(collection)?.get(hash);
      if (claim !== undefined) return claim;
    }
    return null;
  }

  /** Takes keys that nobody has; the answer lets them go. */
  take(keys: readonly HashedKey[]): () => void {
    assert(this.taken(keys) === null, 'a key is claimed by one');
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    for (const { collection, hash } of keys) {
      const claims = this.#claims.get(collection) ?? new Map<number, Promise<void>>();
      this.#claims.set(collection, claims.set(hash, ended));
    }
    return () => {
      for (const { collection, hash } of keys) {
        const claims = this.#claims.get(collection);
        claims?.delete(hash);
        if (claims?.size === 0) this.#claims.delete(collection);
      }
      end();
    };
  }
}
