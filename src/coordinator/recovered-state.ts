/**
 * What was when the process before ended: what a checkpoint says, if there is one, and what the log
 * says since: the catalog, the offsets of sources, the last step. Rows of tables are not kept here;
 * they are read once more when their tables exist.
 *
 * The log may begin before the checkpoint: steps that are in it are passed over, and what else is
 * said again is what the checkpoint knows or what it will be.
 */
import { defined } from '../base/assert.ts';
import { objectOf } from '../catalog/durable-object.ts';
import type { CatalogObject, SourceObject } from '../catalog/object.ts';
import type { Place } from '../../connectors/connector.ts';
import { sqlError } from '../base/error.ts';
import type { Binding, StartBinding, StepRecord } from '../storage/step-record.ts';
import type { CheckpointContent } from './checkpoint-content.ts';
import type { Counters } from './journal.ts';
import type { RecoveredOffsets } from './source-runtime.ts';

type Offsets = Map<number, Map<number, bigint>>;

function note(offsets: Offsets, bindings: readonly Binding[]): void {
  for (const { collection, slot, offset } of bindings) {
    const known = offsets.get(collection) ?? new Map<number, bigint>();
    known.set(slot, offset);
    offsets.set(collection, known);
  }
}

/** Gathers records in order. */
export class RecoveredState {
  readonly #texts = new Map<number, string>();
  readonly #starts: Offsets = new Map();
  readonly #bound: Offsets = new Map();
  /** What slots stand for; null: the partition of their number of the only topic. */
  readonly #places = new Map<number, Map<number, Place | null>>();
  readonly #refused = new Map<number, ReadonlySet<number>>();
  #counters: Counters = { oid: 0, number: 0 };
  #step = 0;
  #time = 0;
  #records = 0;
  readonly #checkpoint: CheckpointContent | null;

  constructor(checkpoint: CheckpointContent | null) {
    this.#checkpoint = checkpoint;
    if (checkpoint === null) return;
    for (const [oid, text] of checkpoint.objects) this.#texts.set(oid, text);
    this.#noteStarts(checkpoint.starts);
    note(this.#bound, checkpoint.bound);
    this.#counters = checkpoint.counters;
    this.#step = checkpoint.step;
    this.#time = checkpoint.time;
  }

  /** What a checkpoint has, or null if there is none. */
  get checkpoint(): CheckpointContent | null {
    return this.#checkpoint;
  }

  take(record: StepRecord): void {
    this.#records++;
    for (const change of record.catalog) {
      if (change.kind === 'put') this.#texts.set(change.oid, change.object);
      else this.#texts.delete(change.oid);
    }
    this.#noteStarts(record.starts);
    note(this.#bound, record.bound);
    this.#counters = larger(this.#counters, record.counters);
    if (record.refused !== undefined) {
      const { step, tables } = record.refused;
      this.#refused.set(step, new Set([...(this.#refused.get(step) ?? []), ...tables]));
    }
    if (record.step <= (this.#checkpoint?.step ?? 0)) return;
    if (record.step <= this.#step || record.time <= this.#time)
      throw sqlError('XX001', `step ${record.step} follows step ${this.#step} in the log`);
    this.#step = record.step;
    this.#time = record.time;
  }

  #noteStarts(starts: readonly StartBinding[]): void {
    note(this.#starts, starts);
    for (const { collection, slot, place } of starts) {
      const known = this.#places.get(collection) ?? new Map<number, Place | null>();
      known.set(slot, place);
      this.#places.set(collection, known);
    }
  }

  /** Whether the rows for the table at this position of a step were not applied. */
  isRefused(step: number, position: number): boolean {
    return this.#refused.get(step)?.has(position) === true;
  }

  /** Whether the log was empty. */
  get isNew(): boolean {
    return this.#records === 0 && this.#checkpoint === null;
  }

  get counters(): Counters {
    return this.#counters;
  }

  /** The last step, and its time in ms since the epoch. */
  get last(): { readonly step: number; readonly time: number } {
    return { step: this.#step, time: this.#time };
  }

  /** The objects of the catalog, by oid. */
  objects(): readonly CatalogObject[] {
    const oids = [...this.#texts.keys()].sort((a, b) => a - b);
    return oids.map((oid) => objectOf(defined(this.#texts.get(oid), `object ${oid} has a text`)));
  }

  offsets({ collection, topics }: SourceObject): RecoveredOffsets {
    const none = new Map<number, bigint>();
    const only = topics.kind === 'names' ? (topics.names[0] ?? '') : '';
    const places = [...(this.#places.get(collection) ?? [])].map(
      ([slot, place]): [number, Place] => [
        slot,
        place ?? { topic: only, partition: slot, topicId: null },
      ],
    );
    return {
      places: new Map(places),
      starts: this.#starts.get(collection) ?? none,
      bound: this.#bound.get(collection) ?? none,
      read: this.#readOf(collection),
    };
  }

  /** Offsets up to which records are in what the checkpoint has. */
  #readOf(collection: number): Map<number, bigint> {
    const read = this.#checkpoint?.read.filter((binding) => binding.collection === collection);
    return new Map(read?.map(({ slot, offset }) => [slot, offset]));
  }
}

function larger(a: Counters, b: Counters): Counters {
  return { oid: Math.max(a.oid, b.oid), number: Math.max(a.number, b.number) };
}
