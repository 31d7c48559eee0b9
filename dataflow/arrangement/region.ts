/**
 * Regions: the shared memory that arrangements live in.
 */

/** Hands out memory to the arrangements of one thread. */
export class RegionPool {
  #held = 0;

  /** Bytes held by arrangements. */
  get bytes(): number {
    return this.#held;
  }

  /** Counts bytes taken (or, negative, given back). */
  account(bytes: number): void {
    this.#held += bytes;
  }
}
