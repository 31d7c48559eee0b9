/**
 * Where a dataflow's result goes. A sink is an operator at the end of the network, and it is told
 * when steps begin and end. Stored collections and answers are written here; subscriptions have a
 * file of their own.
 */
import type { Context, Operator } from '../operators/operator.ts';
import { longSliceRows } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import type { ColumnType } from '../value/type.ts';
import type { Finishing } from './command.ts';
import type { StoredCollection } from './stored-collection.ts';

export interface DataflowSink {
  readonly operator: Operator;
  /** The dataflow goes no further than this step. */
  readonly lastStep: number;
  /** Waits for its reader; the dataflow is run again when that has made room. */
  readonly blocked: boolean;
  /** Wants nothing more: the dataflow may be dropped. */
  readonly finished: boolean;
  /** A step is about to be applied; the result up to `frontier` is known. */
  begin(frontier: number): void;
  /** Error rows of the step. */
  applyErrors(step: number, errors: Batch): void;
  /** The step has ended; `first`: it is the first one that may be shown. */
  end(step: number, shown: boolean, first: boolean): void;
  /** The dataflow's frontier has moved to `step`. */
  advanced(step: number, shown: boolean): void;
  /** The dataflow's frontier moved although nothing came: readers may get further. */
  poke(): void;
  /** Bytes that it keeps beside the operators. */
  keptBytes(): number;
  dispose(): void;
}

/** Writes batches into a stored collection. */
class CollectionWriter implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #collection: StoredCollection;

  constructor(collection: StoredCollection) {
    this.columns = collection.columns;
    this.#collection = collection;
  }

  push(_port: number, batch: Batch, context: Context): 'done' | 'more' {
    while (!this.#collection.prepare(batch)) if (!context.fuel.spend(longSliceRows)) return 'more';
    this.#collection.apply(context.step, batch);
    context.fuel.spend(batch.rows);
    return 'done';
  }

  finish(): 'done' {
    return 'done';
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    // The collection belongs to the engine.
  }
}

/** Writes the result into a stored collection that others read. */
export class CollectionSink implements DataflowSink {
  readonly operator: Operator;
  readonly lastStep = Infinity;
  readonly blocked = false;
  readonly collection: StoredCollection;
  #frontier = -1;

  constructor(collection: StoredCollection) {
    this.collection = collection;
    this.operator = new CollectionWriter(collection);
  }

  get finished(): boolean {
    return false;
  }

  begin(frontier: number): void {
    this.#frontier = frontier;
    if (frontier >= 0) this.collection.sealTo(frontier);
  }

  applyErrors(step: number, errors: Batch): void {
    this.collection.applyErrors(step, errors);
  }

  end(step: number, _shown: boolean, first: boolean): void {
    // What came and went between merged steps is no change, but those steps read wrongly then.
    const merged = this.#frontier >= 0 && step > this.#frontier + 1;
    // Readers that rest catch up with what was true before this step is.
    if (merged || this.collection.lastChanged === step) {
      for (const reader of this.collection.readers) reader.settle();
      if (merged) this.collection.skipped(this.#frontier, step);
    }
    this.collection.sealTo(step);
    if (first) this.collection.hydratedAt(step);
  }

  advanced(step: number, shown: boolean): void {
    if (!shown) return;
    if (this.collection.lastChanged < step) return this.poke();
    for (const reader of this.collection.readers) {
      reader.changed();
      reader.poked();
    }
  }

  poke(): void {
    for (const reader of this.collection.readers) reader.poked();
  }

  keptBytes(): number {
    return this.collection.bytes();
  }

  dispose(): void {
    // The collection belongs to the engine.
  }
}

/** Keeps the result of the first shown step, for one reader. */
export class AnswerSink extends CollectionSink {
  readonly finishing: Finishing;
  #answeredAt = -1;
  #taken = false;

  constructor(collection: StoredCollection, finishing: Finishing) {
    super(collection);
    this.finishing = finishing;
  }

  /** The step of the answer, or -1. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  override get finished(): boolean {
    return this.#answeredAt >= 0;
  }

  override advanced(step: number, shown: boolean): void {
    if (shown && this.#answeredAt < 0) this.#answeredAt = step;
  }

  /** Hands the collection, with the duty to dispose of it, to the reader. */
  take(): StoredCollection {
    this.#taken = true;
    return this.collection;
  }

  override dispose(): void {
    if (!this.#taken) this.collection.dispose();
  }
}
