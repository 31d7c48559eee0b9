/**
 * Which records of a source did not decode, so that each is counted once however often it is read:
 * live, for other columns, and again for each view that gets the past. Offsets are kept up to a
 * limit; beyond it only what comes after all that was seen of its partition is new, so the count of
 * a stream that is read again in parts can then be too small, and never too large.
 */
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';

interface Seen {
  readonly offsets: Set<number>;
  last: number;
}

/** See the head of this file. */
export class FailedOffsets {
  readonly #seen = new Map<string, Seen>();
  #kept = 0;

  /** Notes a record; whether it was not known before. */
  add(topic: string, partition: number, offset: number): boolean {
    const key = `${partition} ${topic}`;
    const seen = this.#seen.get(key) ?? { offsets: new Set(), last: -1 };
    this.#seen.set(key, seen);
    if (seen.offsets.has(offset)) return false;
    const isLater = offset > seen.last;
    seen.last = Math.max(seen.last, offset);
    if (this.#kept >= limits.failedOffsetsMax) return isLater;
    this.#kept++;
    assert(this.#kept <= limits.failedOffsetsMax, 'no more offsets are kept than allowed');
    seen.offsets.add(offset);
    return true;
  }
}
