/**
 * A stored collection: rows in an arrangement, and beside them, once there are any, error rows in a
 * small arrangement of their own. A table or upsert source is written by the engine's steps, a
 * materialized view by the dataflow that produces it.
 *
 * Sealing is lazy. A collection to which nothing came in a step is not touched by that step; it is
 * sealed up to a step when somebody reads at it (`sealTo`). So 2,000 idle tables cost nothing.
 *
 * History: the coordinator may still ask for reads at `history` and later. One hold of the
 * collection itself stands there whenever something changed since; a collection at rest needs no
 * care, as every step since its last change reads the same.
 *
 * A producer that is slow takes several steps as one, whose changes all lie at its end: the steps
 * in between are *skipped* and do not read as anything that ever was. Whoever wants to read one
 * reads the next that is exact.
 *
 * Other threads may read the collection through its gate (read-gate.ts): whatever writes to the
 * arrangement's memory does so between `open` and `close` of the gate, if there is one.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Arrangement, Hold } from '../arrangement/arrangement.ts';
import type { OwnedRows, RowOwner } from '../arrangement/owned-rows.ts';
import { errorColumns } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import type { RowLayout } from '../value/layout.ts';
import type { ColumnType } from '../value/type.ts';
import type { CollectionStatistics } from './command.ts';
import { ReadGate, endOfSteps } from './read-gate.ts';

export type ArrangementFactory = (columns: readonly ColumnType[]) => Arrangement;

/** Who reads a collection, told before and after it changes. */
export interface Reader {
  /** The collection is about to change for the first time since the reader caught up. */
  settle(): void;
  /** The collection changed at a step. */
  changed(): void;
  /** The collection's frontier moved, perhaps without a change. */
  poked(): void;
}

/** Who writes a collection. */
export interface Producer {
  /** The collection is whole up to this step. */
  effectiveFrontier(): number;
}

interface IndexUse {
  readonly key: readonly number[];
  readonly index: number;
  users: number;
  built: boolean;
}

/** A producer went from one step to a later one: those in between cannot be read. */
interface Skip {
  readonly from: number;
  readonly to: number;
}

/** A collection that is kept: see above. */
export class StoredCollection {
  readonly id: number;
  readonly columns: readonly ColumnType[];
  readonly arrangement: Arrangement;
  readonly readers = new Set<Reader>();
  readonly #producer: Producer;
  readonly #make: ArrangementFactory;
  readonly #indexes: IndexUse[] = [];
  readonly #history: Hold;
  #errors: Arrangement | null = null;
  #errorHistory: Hold | null = null;
  #lastChanged = -1;
  /** Earliest step that can be read at all: where the producer was hydrated. */
  #readableFrom = 0;
  #gate: ReadGate | null = null;
  /** Steps that are skipped, later ones behind earlier ones. */
  #skips: Skip[] = [];
  /** Earliest step from which on there are no error rows: `endOfSteps` while there are some. */
  #errorlessFrom = 0;
  /** Holds that commands, reads and dataflows have taken. */
  readonly #holds = new Set<CollectionHold>();

  /** `complete`: the step that the empty collection is sealed at. */
  constructor(
    id: number,
    columns: readonly ColumnType[],
    make: ArrangementFactory,
    producer: Producer,
    complete: number,
  ) {
    this.id = id;
    this.columns = columns;
    this.#make = make;
    this.#producer = producer;
    this.arrangement = make(columns);
    if (complete >= 0) this.arrangement.seal(complete);
    this.#history = this.arrangement.hold(this.arrangement.complete);
  }

  /** Step up to which the collection is known: -1 if not even its beginning is. */
  frontier(): number {
    return this.#producer.effectiveFrontier();
  }

  /** Last step at which a row or an error row came or went; -1 before the first. */
  get lastChanged(): number {
    return this.#lastChanged;
  }

  /** Its rows and its error rows. */
  get keptArrangements(): readonly Arrangement[] {
    return this.#errors === null ? [this.arrangement] : [this.arrangement, this.#errors];
  }

  /** Error rows, if there ever were any. */
  get errors(): Arrangement | null {
    return this.#errors;
  }

  /** Earliest step that can be read. */
  get since(): number {
    return Math.max(this.#readableFrom, this.arrangement.since);
  }

  get holds(): number {
    return this.#holds.size;
  }

  /** Nothing can be read until `hydratedAt`. */
  hydratesLater(): void {
    this.#readableFrom = endOfSteps;
  }

  /** The arrangement of error rows, to be filled by a checkpoint. */
  errorsToRestore(): Arrangement {
    assert(this.#errors === null, 'error rows are restored before any come');
    this.#errors = this.#make(errorColumns);
    return this.#errors;
  }

  /**
   * The rows are those of a checkpoint at `step`; `closed`: they are to be read later (`opened`).
   */
  restored(step: number, closed: boolean): void {
    this.#readableFrom = closed ? endOfSteps : step;
    this.#lastChanged = step;
    // Those that were made while there were no rows are being built now.
    for (const use of this.#indexes) use.built = this.arrangement.buildIndex(use.index, 0);
    if (this.#errors !== null) {
      this.#errorHistory = this.#errors.hold(step);
      this.#tellErrors(this.#errors.rows > 0 ? endOfSteps : step);
    }
    this.allow(step);
    if (this.#gate !== null) this.#gate.since = this.#readableFrom;
  }

  /** All that was there before has come, by `step`, which is sealed. */
  opened(step: number): void {
    this.#readableFrom = step;
    if (this.#gate !== null) this.#gate.since = step;
  }

  /** The producer was hydrated at `step`, which is sealed: nothing before can be read. */
  hydratedAt(step: number): void {
    this.#readableFrom = step;
    this.allow(step);
    if (this.#gate !== null) this.#gate.since = step;
    for (const hold of this.#holds) hold.advance(Math.max(step, hold.step));
  }

  /**
   * The changes of the steps after `from` were all made at `to`. Even if nothing is left of them
   * this is a change to those who read the collection: they skip these steps too.
   */
  skipped(from: number, to: number): void {
    const { since } = this;
    assert(to > from + 1, `no step is skipped from ${from} to ${to}`);
    this.#lastChanged = to;
    if (this.#skips.some((skip) => skip.to <= since)) {
      this.#skips = this.#skips.filter((skip) => skip.to > since);
    }
    this.#skips.push({ from, to });
    if (this.#gate !== null) this.#gate.since = to;
  }

  /** The earliest step, not before `step`, that reads as the collection was. */
  exactFrom(step: number): number {
    return this.#skipOf(step)?.to ?? step;
  }

  /** The latest step, not after `step`, that reads as the collection was. */
  exactTo(step: number): number {
    return this.#skipOf(step)?.from ?? step;
  }

  #skipOf(step: number): Skip | undefined {
    for (let i = this.#skips.length - 1; i >= 0; i--) {
      if (this.#skips[i].to <= step) return undefined;
      if (this.#skips[i].from < step) return this.#skips[i];
    }
    return undefined;
  }

  /**
   * Goes on with what has to be done before rows may be added: after a restart all indexes are
   * built. Works on about `rowsMax` rows; true when that is over. Throws 53200.
   */
  prepareChanges(rowsMax: number): boolean {
    return this.keptArrangements.every(({ image }) => image.index(rowsMax));
  }

  /** Works ahead on a batch of one long row; true once it may be applied. */
  prepare(batch: Batch): boolean {
    return this.arrangement.prepare(batch);
  }

  /** Adds rows at `step`. The caller has settled the readers. */
  apply(step: number, batch: Batch): void {
    if (batch.rows === 0) return;
    this.#gate?.open();
    try {
      this.arrangement.apply(step, batch);
    } finally {
      this.#gate?.close();
    }
    this.#lastChanged = step;
  }

  /** The gate for other threads; made by the first call. */
  gate(): ReadGate {
    if (this.#gate !== null) return this.#gate;
    this.#gate = new ReadGate();
    this.#gate.since = Math.max(this.#readableFrom, this.#skips.at(-1)?.to ?? 0);
    this.#gate.errors = this.#errorlessFrom;
    return this.#gate;
  }

  #tellErrors(step: number): void {
    this.#errorlessFrom = step;
    if (this.#gate !== null) this.#gate.errors = step;
  }

  /**
   * Makes `owner` the only writer of rows, instead of `apply`. The readers are to be settled here
   * too.
   */
  own(owner: RowOwner): OwnedRows {
    return new CollectionRows(
      this.arrangement.own(owner),
      (step) => {
        this.#lastChanged = step;
        this.#gate?.open();
      },
      () => this.#gate?.close(),
    );
  }

  /** Adds error rows at `step`. */
  applyErrors(step: number, batch: Batch): void {
    if (batch.rows === 0) return;
    if (this.#errors === null) {
      this.#errors = this.#make(errorColumns);
      // At all steps that somebody may still read there were no errors.
      const { since, complete } = this.arrangement;
      if (since >= 0) this.#errors.seal(since);
      this.#errorHistory = this.#errors.hold(since);
      if (complete > since) this.#errors.seal(complete);
      for (const hold of this.#holds) hold.attachErrors(this.#errors);
      this.#errorHistory.advance(this.#history.step);
    }
    this.#tellErrors(endOfSteps);
    this.#errors.apply(step, batch);
    this.#lastChanged = step;
  }

  /** Closes every step up to and including `step`. */
  sealTo(step: number): void {
    if (this.arrangement.complete < step) {
      this.#gate?.open();
      this.arrangement.seal(step);
      this.#gate?.close();
    }
    if (this.#errors === null || this.#errors.complete >= step) return;
    this.#errors.seal(step);
    if (this.#errors.rows > 0) this.#tellErrors(endOfSteps);
    else if (this.#errorlessFrom === endOfSteps) this.#tellErrors(step);
  }

  /**
   * Lets history before `step` go (at most up to what is sealed); true if it stands behind a
   * change.
   */
  allow(step: number): boolean {
    const to = Math.min(step, this.arrangement.complete);
    if (to > this.#history.step) this.#history.advance(to);
    const errors = this.#errors;
    if (errors !== null && this.#errorHistory !== null) {
      const errorsTo = Math.min(step, errors.complete);
      if (errorsTo > this.#errorHistory.step) this.#errorHistory.advance(errorsTo);
    }
    return this.#history.step < this.#lastChanged;
  }

  /** Keeps reads at `step` and later possible; earlier ones than `since` cannot be kept. */
  hold(step: number): CollectionHold {
    const hold = new CollectionHold(this, step, () => this.#holds.delete(hold));
    this.#holds.add(hold);
    return hold;
  }

  /** Takes a use of the index on `key`; it may still have to be built. */
  useIndex(key: readonly number[]): number {
    const found = this.#indexes.find((use) => sameKey(use.key, key));
    if (found !== undefined) {
      found.users++;
      return found.index;
    }
    this.#gate?.open();
    const index = this.arrangement.index(key);
    this.#indexes.push({ key, index, users: 1, built: this.arrangement.buildIndex(index, 0) });
    this.#gate?.close();
    return index;
  }

  /** Gives a use back; the last one drops the index. */
  releaseIndex(index: number): void {
    const at = this.#indexes.findIndex((use) => use.index === index);
    const use = defined(this.#indexes[at], `index ${index} is in use`);
    if (--use.users > 0) return;
    this.#indexes.splice(at, 1);
    this.#gate?.open();
    this.arrangement.dropIndex(index);
    this.#gate?.indexDropped();
    this.#gate?.close();
  }

  /** Indexes that are in use, those that are being built among them. */
  get indexes(): number {
    return this.#indexes.length;
  }

  /** The index on `key`, or undefined. */
  indexOn(key: readonly number[]): number | undefined {
    return this.#indexes.find((use) => sameKey(use.key, key))?.index;
  }

  /** Builds up to `rowsMax` rows more of an index; true when it is whole. */
  buildIndex(index: number, rowsMax: number): boolean {
    const use = defined(
      this.#indexes.find((one) => one.index === index),
      `index ${index} is in use`,
    );
    if (use.built) return true;
    this.#gate?.open();
    try {
      use.built = this.arrangement.buildIndex(index, rowsMax);
    } finally {
      this.#gate?.close();
    }
    return use.built;
  }

  reclaim(rowsMax: number): number {
    this.#gate?.open();
    let done = this.arrangement.reclaim(rowsMax);
    this.#gate?.close();
    if (this.#errors !== null) done += this.#errors.reclaim(rowsMax);
    return done;
  }

  bytes(): number {
    return this.arrangement.bytes() + (this.#errors?.bytes() ?? 0);
  }

  /** Gives all memory back; nobody reads or holds it any more. */
  dispose(): void {
    assert(this.holds === 0, `collection ${this.id} is dropped with ${this.holds} holds on it`);
    this.#history.release();
    this.#gate?.end();
    this.arrangement.dispose();
    this.#errorHistory?.release();
    this.#errors?.dispose();
  }
}

/** How a collection stands. */
export function statisticsOf(collection: StoredCollection): CollectionStatistics {
  const { arrangement, errors } = collection;
  return {
    collection: collection.id,
    rows: arrangement.rows,
    bytes: collection.bytes(),
    since: collection.since,
    complete: collection.frontier(),
    errors: errors?.rows ?? 0,
    holds: collection.holds,
    indexes: collection.indexes,
  };
}

/** Rows of an owner, of which the collection hears when they change. */
class CollectionRows implements OwnedRows {
  readonly layout: RowLayout;
  readonly #rows: OwnedRows;
  readonly #changing: (step: number) => void;
  readonly #changed: () => void;

  constructor(rows: OwnedRows, changing: (step: number) => void, changed: () => void) {
    this.layout = rows.layout;
    this.#rows = rows;
    this.#changing = changing;
    this.#changed = changed;
  }

  get words(): Int32Array {
    return this.#rows.words;
  }

  replace(
    step: number,
    olds: Int32Array,
    sizes: Int32Array,
    tokens: Int32Array,
    n: number,
    places: Int32Array,
  ): void {
    this.#changing(step);
    this.#rows.replace(step, olds, sizes, tokens, n, places);
  }

  enter(places: Int32Array, n: number): void {
    this.#rows.enter(places, n);
    this.#changed();
  }
}

/** A hold on a collection's rows and, from the moment there are any, on its error rows. */
export class CollectionHold {
  readonly collection: StoredCollection;
  readonly #rows: Hold;
  #errors: Hold | null;
  readonly #released: () => void;

  constructor(collection: StoredCollection, step: number, released: () => void) {
    this.collection = collection;
    this.#released = released;
    const { arrangement, errors } = collection;
    this.#rows = arrangement.hold(clamp(step, arrangement));
    this.#errors = errors === null ? null : errors.hold(clamp(step, errors));
  }

  get step(): number {
    return this.#rows.step;
  }

  /** The collection's call only: its first error row is about to come. */
  attachErrors(errors: Arrangement): void {
    this.#errors = errors.hold(clamp(this.step, errors));
  }

  /** Moves forward, at most to what is sealed. */
  advance(step: number): void {
    const { arrangement, errors } = this.collection;
    const to = Math.min(step, arrangement.complete);
    if (to > this.#rows.step) this.#rows.advance(to);
    if (errors === null || this.#errors === null) return;
    const errorsTo = Math.min(step, errors.complete);
    if (errorsTo > this.#errors.step) this.#errors.advance(errorsTo);
  }

  release(): void {
    this.#rows.release();
    this.#errors?.release();
    this.#released();
  }
}

function clamp(step: number, arrangement: Arrangement): number {
  return Math.max(arrangement.since, Math.min(step, arrangement.complete));
}

function sameKey(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((column, i) => column === b[i]);
}
