/**
 * The engine's side of checkpoints: at most one is under way, and at most one restart. What each of
 * them does is in checkpoint.ts and restoring.ts.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { Checkpoint } from './checkpoint.ts';
import type { UpsertParts } from './checkpoint.ts';
import type { CheckpointCommand, SavedCollection, SavedDataflow } from './checkpoint-messages.ts';
import type { Collections } from './collections.ts';
import type { Dataflow } from './dataflow.ts';
import { ImageNumbers } from './image-numbers.ts';
import { Restoring } from './restoring.ts';
import type { StepInputs } from './step-inputs.ts';
import type { StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';

type Of<K extends CheckpointCommand['kind']> = Extract<CheckpointCommand, { kind: K }>;

/** The checkpoints of one engine. */
export class Checkpoints {
  readonly #around: Surroundings;
  readonly #collections: Collections;
  readonly #inputs: StepInputs;
  readonly #numbers = new ImageNumbers();
  /** What a capture may copy at first, and may now. */
  readonly #captureBytesFirst: number;
  #captureBytesMax: number;
  #current: Checkpoint | null = null;
  #restoring: Restoring | null = null;
  /** What was restored and is not wholly indexed. */
  #indexing: Restoring | null = null;

  constructor(
    around: Surroundings,
    collections: Collections,
    inputs: StepInputs,
    captureBytesMax: number,
  ) {
    this.#around = around;
    this.#captureBytesFirst = captureBytesMax;
    this.#captureBytesMax = captureBytesMax;
    this.#collections = collections;
    this.#inputs = inputs;
  }

  /** Takes the commands about checkpoints, all but `restore`. */
  command(
    command: Exclude<CheckpointCommand, { kind: 'restore' }>,
    dataflows: Iterable<Dataflow>,
  ): void {
    switch (command.kind) {
      case 'beginCheckpoint':
        return this.#begin(command, dataflows);
      case 'takePieces':
        return this.#numbered(command.number)?.take(command.bytes);
      case 'endCheckpoint':
        return this.#end(command);
      case 'load':
        return this.#load(command);
      case 'loaded':
        return this.#restart().loaded(command.request);
    }
  }

  #load({ request, image, words }: Of<'load'>): void {
    try {
      this.#restart().load(image, words);
      this.#around.respond({ kind: 'loaded', request });
    } catch (error) {
      this.#failed(request, error);
    }
  }

  /** What a checkpoint has cannot be used, or there is no memory for it. */
  #failed(request: number, error: unknown): void {
    if (!(error instanceof SqlError)) throw error;
    this.#around.respond({ kind: 'failed', request, error: error.fields });
  }

  /** The checkpoint under way, if it has this number. */
  #numbered(number: number): Checkpoint | null {
    return this.#current?.number === number ? this.#current : null;
  }

  #begin({ number, full }: Of<'beginCheckpoint'>, dataflows: Iterable<Dataflow>): void {
    assert(this.#current === null, 'one checkpoint is under way at a time');
    if (full) this.#numbers.renew();
    const savable = [...dataflows].filter((dataflow) => dataflow.savable);
    const parts = {
      number,
      numbers: this.#numbers,
      captureBytesMax: this.#captureBytesMax,
      respond: this.#around.respond,
      upsert: (collection: number): UpsertParts | null => this.#inputs.upsertParts(collection),
    };
    this.#current = new Checkpoint(parts, savable, limits.checkpointBytesInFlightMax);
  }

  #end({ number, keep }: Of<'endCheckpoint'>): void {
    const current = this.#numbered(number);
    if (keep) return current?.conclude();
    // What was copied of it is lost, so the next one begins anew.
    this.#numbers.renew();
    if (current === null) return;
    // There is one sooner or later, however fast changes are.
    if (current.givenUp) this.#captureBytesMax *= 2;
    current.dispose();
    this.#current = null;
  }

  #restart(): Restoring {
    return defined(this.#restoring, 'a restart is under way');
  }

  /** A step is complete, that of a checkpoint perhaps. */
  completed(step: number, checkpoint: number | null): void {
    const current = checkpoint === null ? null : this.#numbered(checkpoint);
    if (current === null) return this.look();
    const written = this.#collections
      .allStored()
      .filter(({ id }) => this.#collections.writerOf(id) === undefined);
    current.begin(step, written);
  }

  /** Dataflows have moved. */
  look(): void {
    this.#current?.look();
  }

  /** Works for a slice; false if there is nothing to do. */
  run(): boolean {
    if (this.#restoring !== null) return this.#runRestart(this.#restoring);
    return this.#runCheckpoint() || this.#runIndexes();
  }

  #runIndexes(): boolean {
    if (this.#indexing?.runIndexes(this.#around.rowsMax) === true) this.#indexing = null;
    return this.#indexing !== null;
  }

  #runCheckpoint(): boolean {
    if (this.#current === null) return false;
    if (this.#current.finished) {
      this.#current.report();
      this.#captureBytesMax = this.#captureBytesFirst;
      this.#current = null;
      return true;
    }
    return this.#current.run();
  }

  #runRestart(restoring: Restoring): boolean {
    const { request } = restoring;
    if (request === null) return false;
    try {
      if (!restoring.run(this.#around.rowsMax)) return true;
      this.#around.respond({ kind: 'loaded', request });
      this.#indexing = restoring;
    } catch (error) {
      this.#failed(request, error);
    }
    this.#restoring = null;
    return true;
  }

  /** A collection or a dataflow is about to go away. */
  forget(owner: StoredCollection | Dataflow): void {
    this.#current?.forget(owner);
    this.#indexing?.forget(owner.keptArrangements);
  }

  /** The engine begins at this step, with what was saved at it. */
  restore(step: number): void {
    assert(this.#restoring === null, 'an engine is restored once');
    this.#restoring = new Restoring(step);
  }

  /** A new collection that steps write gets its rows back; `closed`: it cannot be read yet. */
  restoreCollection(collection: StoredCollection, saved: SavedCollection, closed: boolean): void {
    const restoring = this.#restart();
    // Its index is made while the collection is empty: rows that are being loaded have none.
    const upsert = saved.upsert && this.#inputs.restoreUpsert(collection, saved.upsert.key);
    restoring.rows(collection.arrangement, saved.rows);
    if (saved.errors !== null) restoring.rows(collection.errorsToRestore(), saved.errors);
    const failures = saved.upsert?.failures ?? null;
    if (upsert !== null && failures !== null) restoring.rows(upsert.failuresToRestore(), failures);
    restoring.then(() => {
      collection.restored(restoring.step, closed);
      this.#collections.restored(collection.id);
    });
  }

  /** A new dataflow, and the collection that it writes, get back what they had. */
  restoreDataflow(dataflow: Dataflow, saved: SavedDataflow, result: SavedCollection): void {
    const restoring = this.#restart();
    const collection = defined(dataflow.result, 'a dataflow that is restored keeps its result');
    restoring.operators(dataflow.states(), saved.operators);
    restoring.arrangements(dataflow.arrangements, saved.arrangements);
    this.restoreCollection(collection, result, false);
    restoring.then(() => dataflow.restored(restoring.step));
  }
}
