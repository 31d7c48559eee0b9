/**
 * What a checkpoint has of collections and dataflows, asked for one by one when they are made
 * again. A dataflow can go on from it only if its plan is the same and all that it reads goes on
 * too.
 */
import { assert } from '../base/assert.ts';
import type { CatalogObject } from '../catalog/object.ts';
import type { Positions } from '../../connectors/connector.ts';
import type { SavedCollection, SavedDataflow } from '../../dataflow/graph/checkpoint-messages.ts';
import type { Plan } from '../../dataflow/plan/plan.ts';
import type { CheckpointContent, PlannedDataflow } from './checkpoint-content.ts';
import { stateFormat } from './checkpoint-content.ts';
import { fingerprintOf } from './plan-fingerprint.ts';
import type { ReplayStart } from './replay.ts';

/** State for a dataflow, and where its streams go on. */
export interface RestoredDataflow {
  readonly saved: { readonly dataflow: SavedDataflow; readonly result: SavedCollection };
  readonly start: ReplayStart;
}

/** The parts of one checkpoint, or of none. */
export class SavedState {
  readonly #content: CheckpointContent | null;
  readonly #collections: ReadonlyMap<number, SavedCollection>;
  readonly #dataflows: ReadonlyMap<number, PlannedDataflow>;
  /** Collections that go on. */
  readonly #restored = new Set<number>();

  constructor(content: CheckpointContent | null) {
    this.#content = content;
    this.#collections = new Map(content?.collections.map((one) => [one.collection, one]));
    this.#dataflows = new Map(content?.dataflows.map((one) => [one.state.dataflow, one]));
  }

  /** The step of the checkpoint and its time; null if there is none. */
  get at(): { readonly step: number; readonly time: number } | null {
    return this.#content;
  }

  /** Rows of a table or a source, which will go on with them. */
  collection(collection: number): SavedCollection | undefined {
    const saved = this.#collections.get(collection);
    if (saved !== undefined) this.#restored.add(collection);
    return saved;
  }

  /** The state of a dataflow that keeps a collection; null if it cannot go on with it. */
  dataflow(
    kept: { readonly dataflow: number; readonly collection: number },
    plan: Plan,
    objects: readonly CatalogObject[],
  ): RestoredDataflow | null {
    const planned = this.#dataflows.get(kept.dataflow);
    const result = this.#collections.get(kept.collection);
    if (planned === undefined || result === undefined || this.#content === null) return null;
    if (this.#content.stateFormat !== stateFormat) return null;
    if (planned.fingerprint !== fingerprintOf(plan)) return null;
    const streams = streamsAmong(objects);
    const bound = new Map<number, Positions>();
    for (const node of plan.nodes) {
      if (node.kind !== 'get') continue;
      const { collection } = node;
      const source = streams.get(collection);
      if (source !== undefined) bound.set(source, this.#readOf(source));
      else if (!this.#restored.has(collection)) return null;
    }
    this.#restored.add(kept.collection);
    const start = { step: this.#content.step, bound };
    return { saved: { dataflow: planned.state, result }, start };
  }

  /** Offsets up to which records of a source are in the checkpoint. */
  #readOf(collection: number): Positions {
    const read = this.#content?.read.filter((binding) => binding.collection === collection);
    return new Map(read?.map(({ slot, offset }) => [slot, offset]));
  }
}

/** Collections that are not kept, each with that of the source whose records it is read from. */
function streamsAmong(objects: readonly CatalogObject[]): ReadonlyMap<number, number> {
  const streams = new Map<number, number>();
  for (const one of objects) {
    if (one.kind === 'source' && !one.stored) streams.set(one.collection, one.collection);
    if (one.kind !== 'subsource' || one.stored) continue;
    const source = objects.find(({ oid }) => oid === one.of);
    assert(source?.kind === 'source', 'what is about a source goes with it');
    streams.set(one.collection, source.collection);
  }
  return streams;
}
