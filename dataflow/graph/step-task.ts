/**
 * Applying one step: what inputs had ready goes into the stored collections and to the readers of
 * streams, in slices, so that reads of the step before are answered meanwhile. The engine applies
 * one step after the other; a step is complete when its last slice is in.
 *
 * A write begins only if there is memory for all of it, in whatever regions its tables lie; else
 * the step goes on without it.
 */
import { assert } from '../../src/base/assert.ts';
import { SqlError } from '../../src/base/error.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import type { Region } from '../arrangement/region.ts';
import type { Batch } from '../value/batch.ts';
import { physicalOf } from '../value/type.ts';
import type { ColumnType } from '../value/type.ts';
import { wordsOf } from '../value/words.ts';
import type { Command, Refusal } from './command.ts';
import { StoredCollection } from './stored-collection.ts';
import type { StreamCollection } from './stream-collection.ts';
import type { UpsertTask } from './upsert.ts';

/** What came for one collection; the batches carry one use of their slabs each. */
export interface StepInput {
  readonly collection: StoredCollection | StreamCollection;
  readonly batch: Batch | null;
  readonly errors: Batch | null;
  /** Records of an upsert source, instead of rows. */
  readonly upsert: UpsertTask | null;
  /** Number of the write that it belongs to, or null for what nobody waits for. */
  readonly write: number | null;
  /** Of a stream: the dataflows that it is for, or null if it is for all. */
  readonly only: ReadonlySet<number> | null;
}

/** Gives up what an input holds. */
export function releaseInput({ batch, errors, upsert }: StepInput): void {
  batch?.slab.release();
  errors?.slab.release();
  upsert?.dispose();
}

type SealedStep = Pick<
  Extract<Command, { kind: 'step' }>,
  'step' | 'time' | 'since' | 'checkpoint'
>;

/** One step on its way into the collections. */
export class StepTask {
  readonly step: number;
  readonly time: number;
  readonly since: number | null;
  /** The checkpoint that it is the step of, or null. */
  readonly checkpoint: number | null;
  readonly #inputs: StepInput[];
  readonly #touched = new Set<StoredCollection | StreamCollection>();
  #row = 0;
  /** The last write that there is memory for. */
  #admitted = -1;
  readonly #refused: Refusal[];

  /** `refused`: writes to collections that have stopped. */
  constructor(
    { step, time, since, checkpoint }: SealedStep,
    inputs: StepInput[],
    refused: readonly Refusal[],
  ) {
    this.step = step;
    this.time = time;
    this.since = since ?? null;
    this.checkpoint = checkpoint ?? null;
    this.#inputs = inputs.filter((input) => {
      const left = refused.some(({ write }) => write === input.write);
      if (left) releaseInput(input);
      return !left;
    });
    this.#refused = [...refused];
  }

  /** Collections that the step brought something for. */
  get touched(): Iterable<StoredCollection | StreamCollection> {
    return this.#touched;
  }

  /** Writes that were left out. */
  get refused(): readonly Refusal[] {
    return this.#refused;
  }

  /** The collection that is being written, if there is one. */
  get writing(): StoredCollection | null {
    const collection = this.#inputs[0]?.collection;
    return collection instanceof StoredCollection ? collection : null;
  }

  /** Leaves out what is left of the write that is being applied, if it is one. */
  refuse(error: ErrorFields): void {
    const write = this.#inputs[0]?.write ?? null;
    if (write === null) return;
    this.#refused.push({ write, error });
    while (this.#inputs[0]?.write === write) this.#drop();
  }

  /** Whether the write that comes next has been left out, as there is no memory for it. */
  #refuses(write: number, rowsMax: number): boolean {
    if (write === this.#admitted) return false;
    this.#admitted = write;
    try {
      this.#requireRoom(write, rowsMax);
      return false;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      this.refuse(error.fields);
      return true;
    }
  }

  /** Throws SQLSTATE 53200 if the regions cannot hold all of a write. */
  #requireRoom(write: number, rowsMax: number): void {
    const claims = new Map<Region, { words: number; largest: number }>();
    for (const { collection, batch, write: its } of this.#inputs) {
      if (its !== write || batch === null || !(collection instanceof StoredCollection)) continue;
      const { region, words, largest } = collection.arrangement.claim(batch, rowsMax);
      const claim = claims.get(region) ?? { words: 0, largest: 0 };
      claim.words += words;
      claim.largest = Math.max(claim.largest, largest);
      claims.set(region, claim);
    }
    for (const [region, { words, largest }] of claims) region.reserve(words, largest);
  }

  /**
   * Applies up to `rowsMax` rows; true when the step is applied. `before`: the last complete step.
   */
  run(rowsMax: number, before: number): boolean {
    const input = this.#inputs[0];
    if (input === undefined) return true;
    if (!canBeWritten(input, rowsMax)) return false;
    if (input.write !== null && this.#refuses(input.write, rowsMax))
      return this.#inputs.length === 0;
    if (this.#row === 0) this.#touch(input.collection, before);
    if (input.upsert !== null) {
      const { quarantine } = input.upsert.state;
      if (this.#row === 0 && quarantine !== null) this.#touch(quarantine.collection, before);
      this.#row = 1;
      if (!input.upsert.run(this.step)) return false;
      input.upsert.state.seal(this.step);
      this.#drop();
    } else if (input.collection instanceof StoredCollection) {
      this.#applyStored(input.collection, input, rowsMax);
    } else {
      for (const reader of input.collection.readers) {
        if (input.only?.has(reader.id) === false) continue;
        reader.receive(input.collection, this.step, input.batch, input.errors);
      }
      this.#drop();
    }
    return this.#inputs.length === 0;
  }

  #touch(collection: StoredCollection | StreamCollection, before: number): void {
    if (this.#touched.has(collection)) return;
    this.#touched.add(collection);
    if (collection instanceof StoredCollection) collection.sealTo(before);
    for (const reader of collection.readers) reader.settle();
  }

  #applyStored(collection: StoredCollection, input: StepInput, rowsMax: number): void {
    const { batch, errors } = input;
    if (batch !== null && this.#row < batch.rows) {
      const { columns } = collection;
      const n = rowsWithin(batch, columns, this.#row, Math.min(rowsMax, batch.rows - this.#row));
      const slice = sliceOf(batch, columns, this.#row, n);
      if (!collection.prepare(slice)) return;
      collection.apply(this.step, slice);
      this.#row += n;
      if (this.#row < batch.rows) return;
    }
    if (errors !== null) collection.applyErrors(this.step, errors);
    this.#drop();
  }

  #drop(): void {
    const input = this.#inputs.shift();
    if (input !== undefined) releaseInput(input);
    this.#row = 0;
  }

  /** The collection is being dropped: what came for it is forgotten. */
  forget(collection: StoredCollection | StreamCollection): void {
    const first = this.#inputs[0];
    for (let i = this.#inputs.length - 1; i >= 0; i--) {
      if (this.#inputs[i].collection !== collection) continue;
      this.#inputs.splice(i, 1).forEach(releaseInput);
    }
    if (first !== this.#inputs[0]) this.#row = 0;
    this.#touched.delete(collection);
  }

  dispose(): void {
    while (this.#inputs.length > 0) this.#drop();
  }
}

/** Builds what a write needs; true when that is whole. */
function canBeWritten({ collection, upsert }: StepInput, rowsMax: number): boolean {
  if (!(collection instanceof StoredCollection)) return true;
  const failures = upsert?.state.failures?.arrangement;
  return collection.prepareChanges(rowsMax) && failures?.image.index(rowsMax) !== false;
}

/** Words of var bytes that are applied at a stretch, unless one row has more: 1 MiB. */
const sliceVarWords = 2 ** 18;

/** How many of rows first … first + n - 1 of a batch are applied at a stretch: at least one. */
function rowsWithin(batch: Batch, types: readonly ColumnType[], first: number, n: number): number {
  const { i32 } = batch.slab;
  const lengths = types.flatMap(({ type }, c) =>
    physicalOf(type) === 'var' ? [batch.column[c] + 1] : [],
  );
  let words = 0;
  for (let row = first; row < first + n; row++) {
    for (const at of lengths) words += wordsOf(i32[at + 2 * row]);
    if (words > sliceVarWords) return Math.max(1, row - first);
  }
  return n;
}

/** Rows `first … first + n - 1` of a batch: nothing moves. */
function sliceOf(batch: Batch, types: readonly ColumnType[], first: number, n: number): Batch {
  assert(first + n <= batch.rows, 'a slice lies inside its batch');
  if (n === batch.rows) return batch;
  const column = new Int32Array(types.length);
  const nulls = new Int32Array(types.length);
  types.forEach((type, c) => {
    column[c] = batch.column[c] + first * (physicalOf(type.type) === 'i32' ? 1 : 2);
    nulls[c] = batch.nulls[c] < 0 ? -1 : batch.nulls[c] + first;
  });
  return { ...batch, rows: n, column, nulls, weight: batch.weight + first };
}
