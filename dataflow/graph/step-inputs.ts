/**
 * What has come for the next step: rows and errors for collections, records of upsert sources. What
 * comes for a collection that has stopped, or is not there, is given up.
 */
import { defined } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { Row } from '../value/datum.ts';
import type { Collection } from './collections.ts';
import type { Command, Refusal } from './command.ts';
import { unpackBatch } from './packed-batch.ts';
import { Quarantine } from './quarantine.ts';
import type { StepInput } from './step-task.ts';
import { StepTask, releaseInput } from './step-task.ts';
import { StoppedCollection } from './stopped-collection.ts';
import { StoredCollection } from './stored-collection.ts';
import type { Surroundings } from './surroundings.ts';
import type { UpsertParts } from './checkpoint.ts';
import type { UpsertRows } from './upsert.ts';
import { UpsertState, UpsertTask } from './upsert.ts';

type StepCommand = Extract<Command, { kind: 'step' }>;

/** The inputs of one engine until a step takes them. */
export class StepInputs {
  readonly #around: Surroundings;
  readonly #upserts = new Map<number, UpsertState>();
  /** By their own collection, and by that of the upsert source. */
  readonly #quarantines = new Map<number, Quarantine>();
  #inputs: StepInput[] = [];

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /**
   * Rows and errors; takes the uses of the batches' slabs. With `only` they are, of a stream, for
   * these dataflows.
   */
  add(
    target: Collection | undefined,
    batch: Batch | null,
    errors: Batch | null,
    only: ReadonlySet<number> | null,
  ): void {
    if (target === undefined || target instanceof StoppedCollection) {
      batch?.slab.release();
      errors?.slab.release();
      return;
    }
    this.#inputs.push({ collection: target, batch, errors, upsert: null, write: null, only });
  }

  /** Records of an upsert source with this key; takes the use of the batch's slab. */
  upsert(collection: Collection | undefined, key: readonly number[], rows: UpsertRows): void {
    if (!(collection instanceof StoredCollection)) {
      rows.batch?.slab.release();
      return;
    }
    const state = this.#upserts.get(collection.id) ?? this.restoreUpsert(collection, key);
    let input = this.#inputs.find((one) => one.collection === collection && one.upsert !== null);
    if (input === undefined) {
      const upsert = new UpsertTask(state, this.#around);
      input = { collection, batch: null, errors: null, upsert, write: null, only: null };
      this.#inputs.push(input);
    }
    input.upsert?.add(rows);
  }

  /**
   * A collection, which is empty, is a quarantine. Its index is made now: rows that a checkpoint
   * loads have none.
   */
  addQuarantine(collection: StoredCollection, full: Row): void {
    this.#quarantines.set(collection.id, new Quarantine(collection, full, this.#around));
  }

  /** Records of this upsert source that do not decode go into a quarantine. */
  useQuarantine(collection: number, quarantine: number): void {
    const used = defined(this.#quarantines.get(quarantine), `quarantine ${quarantine} is there`);
    this.#quarantines.set(collection, used);
  }

  /** The state of an upsert source whose collection is empty: it is new, or to be restored. */
  restoreUpsert(collection: StoredCollection, key: readonly number[]): UpsertState {
    const quarantine = this.#quarantines.get(collection.id) ?? null;
    const state = new UpsertState(collection, key, this.#around, quarantine);
    this.#upserts.set(collection.id, state);
    return state;
  }

  /** What an upsert source keeps beside its collection, or null if that is none. */
  upsertParts(collection: number): UpsertParts | null {
    const state = this.#upserts.get(collection);
    if (state === undefined) return null;
    return { key: state.key, failures: state.failures?.arrangement ?? null };
  }

  /** The step that a command seals, with all that has come. */
  take(command: StepCommand, find: (collection: number) => Collection | undefined): StepTask {
    const { step } = command;
    const taken = this.#inputs;
    this.#inputs = [];
    const refused = new Map<number, Refusal>();
    for (const { collection, batch, write = null } of command.inputs) {
      const target = find(collection);
      if (target === undefined) continue;
      if (target instanceof StoppedCollection) {
        if (write !== null) refused.set(write, { write, error: target.reason.error });
        continue;
      }
      const unpacked = unpackBatch(batch, target.columns, step);
      taken.push({
        collection: target,
        batch: unpacked,
        errors: null,
        upsert: null,
        write,
        only: null,
      });
    }
    return new StepTask(command, taken, [...refused.values()]);
  }

  /** The collection goes away. */
  forget(collection: Collection): void {
    this.#inputs = this.#inputs.filter((input) => {
      if (input.collection !== collection) return true;
      releaseInput(input);
      return false;
    });
    this.#upserts.get(collection.id)?.dispose();
    this.#upserts.delete(collection.id);
    const quarantine = this.#quarantines.get(collection.id);
    if (quarantine?.collection === collection) quarantine.dispose();
    this.#quarantines.delete(collection.id);
  }
}
