/**
 * The numbers of images, from their first checkpoint on. A full checkpoint gives new ones: whatever
 * is met then is copied from its beginning. Memories and arrangements are told apart by identity,
 * and forgotten with their last reader.
 */

/** A memory or an arrangement as checkpoints see it. */
interface Startable {
  /** All of it counts as written to. */
  start(): void;
}

/** Images by identity. */
export class ImageNumbers {
  #numbers = new WeakMap<Startable, number>();
  #last = 0;

  /** Forgets all images: each gets a new number when it is met, and is copied whole. */
  renew(): void {
    this.#numbers = new WeakMap();
  }

  /** The number of an image, which from then on notes what is written to. */
  of(image: Startable): number {
    const known = this.#numbers.get(image);
    if (known !== undefined) return known;
    image.start();
    this.#last++;
    this.#numbers.set(image, this.#last);
    return this.#last;
  }
}
