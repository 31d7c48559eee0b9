/**
 * The slots of a source: numbers that stand for partitions of its topics, given away in the order
 * in which those were found and never taken back. Offsets of a source are kept by slot everywhere;
 * what a slot stands for is written with its start (storage/step-record.ts).
 *
 * A partition gets its own number if that is free, so that the slots of a source with one topic are
 * its partitions; else the number after the greatest. Where a partition has lost what came next and
 * somebody has said that it shall go on (ALTER SOURCE … RESUME), it gets another slot, and the one
 * that it had is *retired*: its rows stay, and nothing is read of it any more.
 */
import { defined } from '../base/assert.ts';
import type { Place } from '../../connectors/connector.ts';

function keyOf({ topic, partition }: Place): string {
  return `${partition} ${topic}`;
}

/** See the head of this file. */
export class Slots {
  readonly #places: Map<number, Place>;
  readonly #byKey: Map<string, number>;
  /** Ids of topics by name: those of their last slots. */
  readonly #ids = new Map<string, string>();

  constructor(known: ReadonlyMap<number, Place>) {
    this.#places = new Map(known);
    // Of several slots of a partition the last one counts.
    const inOrder = [...known].sort(([a], [b]) => a - b);
    this.#byKey = new Map(inOrder.map(([slot, place]) => [keyOf(place), slot]));
    for (const [, place] of inOrder) this.#note(place);
  }

  /** What slots stand for. */
  get places(): ReadonlyMap<number, Place> {
    return this.#places;
  }

  place(slot: number): Place {
    return defined(this.#places.get(slot), `slot ${slot} stands for a partition`);
  }

  /** The slot of a partition, or undefined if it has none that is read. */
  find(place: Place): number | undefined {
    const slot = this.#byKey.get(keyOf(place));
    return slot === undefined || this.isReplaced(this.place(slot)) ? undefined : slot;
  }

  /** The slot of a partition; it gets one if it has none. */
  take(place: Place): number {
    const known = this.find(place);
    if (known !== undefined) return known;
    const isFree = !this.#places.has(place.partition);
    return this.#give(place, isFree ? place.partition : this.#greatest + 1);
  }

  get #greatest(): number {
    let greatest = -1;
    for (const slot of this.#places.keys()) greatest = Math.max(greatest, slot);
    return greatest;
  }

  #give(place: Place, slot: number): number {
    const { topic, partition, topicId } = place;
    this.#places.set(slot, { topic, partition, topicId });
    this.#note(place);
    this.#byKey.set(keyOf(place), slot);
    return slot;
  }

  /** Gives a partition another slot, and retires the one that it has. */
  renew(place: Place): number {
    return this.#give(place, this.#greatest + 1);
  }

  /** Whether it is read no more; so are all slots of a topic once one is of another of its name. */
  isRetired(slot: number): boolean {
    return this.find(this.place(slot)) !== slot;
  }

  #note({ topic, topicId }: Place): void {
    if (topicId !== null) this.#ids.set(topic, topicId);
  }

  /** Whether a place is of another topic than the one that is read by this name. */
  isReplaced({ topic, topicId }: Place): boolean {
    const id = this.#ids.get(topic);
    return id !== undefined && topicId !== null && id !== topicId;
  }

  /** Notes the id of the topic of a slot; whether that was not known before. */
  learn(slot: number, topicId: string | null): boolean {
    const place = this.place(slot);
    if (topicId === null || place.topicId !== null) return false;
    this.#places.set(slot, { ...place, topicId });
    this.#ids.set(place.topic, topicId);
    return true;
  }
}
