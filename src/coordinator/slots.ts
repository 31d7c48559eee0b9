/**
 * The slots of a source: numbers that stand for partitions of its topics, given away in the order
 * in which those were found and never taken back. Offsets of a source are kept by slot everywhere;
 * what a slot stands for is written with its start (storage/step-record.ts).
 *
 * A partition gets its own number if that is free, so that the slots of a source with one topic are
 * its partitions; else the number after the greatest.
 */
import { assert, defined } from '../base/assert.ts';
import type { Place } from '../../connectors/connector.ts';

function keyOf({ topic, partition }: Place): string {
  return `${partition} ${topic}`;
}

/** See the head of this file. */
export class Slots {
  readonly #places: Map<number, Place>;
  readonly #byKey: Map<string, number>;

  constructor(known: ReadonlyMap<number, Place>) {
    this.#places = new Map(known);
    this.#byKey = new Map([...known].map(([slot, place]) => [keyOf(place), slot]));
    assert(this.#byKey.size === known.size, 'a partition has one slot');
  }

  /** What slots stand for. */
  get places(): ReadonlyMap<number, Place> {
    return this.#places;
  }

  place(slot: number): Place {
    return defined(this.#places.get(slot), `slot ${slot} stands for a partition`);
  }

  /** The slot of a partition, or undefined if it has none yet. */
  find(place: Place): number | undefined {
    return this.#byKey.get(keyOf(place));
  }

  /** The slot of a partition; it gets one if it has none. */
  take(place: Place): number {
    const known = this.find(place);
    if (known !== undefined) return known;
    const { topic, partition, topicId } = place;
    const isFree = !this.#places.has(partition);
    const slot = isFree ? partition : Math.max(...this.#places.keys()) + 1;
    this.#places.set(slot, { topic, partition, topicId });
    this.#byKey.set(keyOf(place), slot);
    return slot;
  }

  /** Whether another topic than the one that was read has the name now. */
  isReplaced(place: Place): boolean {
    const slot = this.find(place);
    const known = slot === undefined ? null : this.place(slot).topicId;
    return known !== null && place.topicId !== null && known !== place.topicId;
  }

  /** Notes the id of the topic of a slot; whether that was not known before. */
  learn(slot: number, topicId: string | null): boolean {
    const place = this.place(slot);
    if (topicId === null || place.topicId !== null) return false;
    this.#places.set(slot, { ...place, topicId });
    return true;
  }
}
