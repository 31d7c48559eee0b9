/**
 * The collections of one engine by number, whatever they are: stored rows, streams, and what is
 * left of those that have stopped. A stored one may be *closed*: it is being filled with what was
 * there before the process began, and nothing of it can be read until it is opened.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Plan } from '../plan/plan.ts';
import type { ColumnType } from '../value/type.ts';
import type { Producer } from './stored-collection.ts';
import { StoredCollection } from './stored-collection.ts';
import type { Stopped } from './stopped-collection.ts';
import { StoppedCollection } from './stopped-collection.ts';
import { StreamCollection } from './stream-collection.ts';
import type { Surroundings } from './surroundings.ts';

export type Collection = StoredCollection | StreamCollection | StoppedCollection;

/** Makes collections and finds them again. */
export class Collections {
  readonly #around: Surroundings;
  readonly #all = new Map<number, Collection>();
  readonly #closed = new Set<number>();
  /** Closed ones that have rows of a checkpoint: dataflows go on from these. */
  readonly #restored = new Set<number>();
  /** Dataflow that writes each collection. */
  readonly #writers = new Map<number, number>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  addStream(id: number, columns: readonly ColumnType[]): void {
    this.#add(id, new StreamCollection(id, columns));
  }

  /** A collection that steps write. */
  addTable(id: number, columns: readonly ColumnType[], closed: boolean): StoredCollection {
    if (closed) this.#closed.add(id);
    const effectiveFrontier = (): number => (this.#closed.has(id) ? -1 : this.#around.complete());
    const complete = closed ? -1 : this.#around.complete();
    const made = this.make(id, columns, { effectiveFrontier }, complete);
    if (closed) made.hydratesLater();
    this.#add(id, made);
    return made;
  }

  /** A collection has what it had at the step of a checkpoint. */
  restored(id: number): void {
    if (this.#closed.has(id)) this.#restored.add(id);
  }

  /** A collection that a dataflow writes. */
  addView(
    id: number,
    columns: readonly ColumnType[],
    producer: Producer,
    dataflow: number,
  ): StoredCollection {
    const made = this.make(id, columns, producer, -1);
    this.#add(id, made);
    this.#writers.set(id, dataflow);
    return made;
  }

  /** Puts the reason why it stopped in the place of a collection. */
  addStopped(id: number, columns: readonly ColumnType[], reason: Stopped): void {
    this.#add(id, new StoppedCollection(id, columns, reason));
  }

  #add(id: number, collection: Collection): void {
    assert(!this.#all.has(id), `collection ${id} is new`);
    this.#all.set(id, collection);
  }

  /**
   * A collection that nobody finds by its number; `complete`: -1 if it has no state until its
   * producer is hydrated.
   */
  make(
    id: number,
    columns: readonly ColumnType[],
    producer: Producer,
    complete: number,
  ): StoredCollection {
    const arrangement = (types: readonly ColumnType[]) => this.#around.arrangement(types);
    return new StoredCollection(id, columns, arrangement, producer, complete);
  }

  /** Everything that was there before is in a closed collection: from here on it can be read. */
  open(id: number): void {
    const collection = this.#all.get(id);
    if (!this.#closed.delete(id) || !(collection instanceof StoredCollection)) return;
    const complete = this.#around.complete();
    collection.sealTo(complete);
    if (this.#restored.delete(id)) collection.opened(complete);
    else collection.hydratedAt(complete);
    this.#around.progress.version++;
    for (const reader of collection.readers) {
      reader.changed();
      reader.poked();
    }
  }

  isClosed(id: number): boolean {
    return this.#closed.has(id);
  }

  /** The dataflow that writes a collection, if one does. */
  writerOf(id: number): number | undefined {
    return this.#writers.get(id);
  }

  find(id: number): Collection | undefined {
    return this.#all.get(id);
  }

  /** A collection that must be there and go on. */
  running(id: number): StoredCollection | StreamCollection {
    const collection = defined(this.#all.get(id), `collection ${id} exists`);
    assert(!(collection instanceof StoppedCollection), `collection ${id} goes on`);
    return collection;
  }

  /** A collection that must be there, go on and be stored. */
  stored(id: number): StoredCollection {
    const collection = this.running(id);
    assert(collection instanceof StoredCollection, `collection ${id} is stored`);
    return collection;
  }

  allStored(): readonly StoredCollection[] {
    return [...this.#all.values()].filter((one) => one instanceof StoredCollection);
  }

  /** Why a collection has stopped, or null if it goes on or is not there. */
  stopped(id: number): Stopped | null {
    const collection = this.#all.get(id);
    return collection instanceof StoppedCollection ? collection.reason : null;
  }

  /** Why a plan cannot be run, if it reads something that has stopped. */
  stoppedImport(plan: Plan): Stopped | null {
    for (const node of plan.nodes) {
      const reason = node.kind === 'get' ? this.stopped(node.collection) : null;
      if (reason !== null) return reason;
    }
    return null;
  }

  remove(id: number): void {
    this.#all.delete(id);
    this.#closed.delete(id);
    this.#restored.delete(id);
    this.#writers.delete(id);
  }
}
