/**
 * One checkpoint under way in the engine, from `begin` to `checkpointed` or its end (docs/design/
 * checkpoints.md). State that changes in place is copied again and again what was written since,
 * until the step of the checkpoint; then each dataflow that has ended that step is *captured*: what
 * is left of its state is copied at once, and its rows are pinned at the step. Pinned rows are
 * copied at leisure.
 *
 * A slice a turn, and no more than the coordinator has given room for; only captures go beyond.
 * What a capture may copy has a limit: where changes outrun the disk, the checkpoint is given up.
 */
import { assert } from '../../src/base/assert.ts';
import type { Arrangement } from '../arrangement/arrangement.ts';
import type { RowImage } from '../arrangement/row-image.ts';
import type { StateMemory } from '../operators/state-memory.ts';
import type {
  CheckpointResponse,
  SavedCollection,
  SavedDataflow,
  SavedImage,
} from './checkpoint-messages.ts';
import type { Dataflow } from './dataflow.ts';
import type { ImageNumbers } from './image-numbers.ts';
import type { StoredCollection } from './stored-collection.ts';

/** Words of a piece. */
export const pieceWords = 2 ** 18;
/** Words written to since they were last copied with which the step may come. */
const readyWords = 2 ** 18;
/** Times that everything is looked at before the step comes however much is left. */
const roundsMax = 8;

/** An upsert source's key, and the arrangement of its failed keys. */
export interface UpsertParts {
  readonly key: readonly number[];
  readonly failures: Arrangement | null;
}

/** What the engine lends to a checkpoint. */
export interface CheckpointParts {
  readonly number: number;
  readonly numbers: ImageNumbers;
  /** Bytes of the state of one dataflow that may be copied in one turn. */
  readonly captureBytesMax: number;
  respond(response: CheckpointResponse): void;
  /** The upsert state of a collection that is written by an upsert source. */
  upsert(collection: number): UpsertParts | null;
}

/** Rows that are held at the step until they are copied. */
interface Pinned {
  readonly number: number;
  readonly image: RowImage;
  /** Who they belong to: when that goes, so do they. */
  readonly owner: StoredCollection | Dataflow;
}

const buffer = new Int32Array(pieceWords);

/** See above. */
export class Checkpoint {
  readonly #parts: CheckpointParts;
  /** Dataflows that were not captured yet. */
  readonly #waiting: Set<Dataflow>;
  readonly #pinned: Pinned[] = [];
  readonly #collections = new Map<StoredCollection, SavedCollection>();
  readonly #dataflows = new Map<Dataflow, SavedDataflow>();
  /** Memories that this round has not come to, last first. */
  #round: StateMemory[] = [];
  #rounds = 0;
  #ready = false;
  #givenUp = false;
  /** The step; 0 until it is complete. */
  #step = 0;
  /** Bytes that may still be sent. */
  #room: number;

  /** Of these dataflows, all of which are hydrated; `room`: bytes that may be sent at first. */
  constructor(parts: CheckpointParts, dataflows: Iterable<Dataflow>, room: number) {
    this.#parts = parts;
    this.#waiting = new Set(dataflows);
    this.#room = room;
  }

  get number(): number {
    return this.#parts.number;
  }

  /** The coordinator has taken `bytes` of what was sent. */
  take(bytes: number): void {
    this.#room += bytes;
  }

  /** Copies a slice; false if there is nothing to copy now. */
  run(): boolean {
    if (this.#room <= 0 || this.#givenUp) return false;
    if (this.#step > 0 && this.#runPinned()) return true;
    if (this.#waiting.size === 0 && this.#ready) return false;
    return this.#runRound();
  }

  #runPinned(): boolean {
    const pinned = this.#pinned[0];
    if (pinned === undefined) return false;
    if (this.#send(pinned.number, pinned.image)) return true;
    pinned.image.unpin();
    this.#pinned.shift();
    return true;
  }

  /** Goes on with the state that changes in place. */
  #runRound(): boolean {
    const memory = this.#round.at(-1);
    if (memory === undefined) return this.#nextRound();
    if (!this.#send(this.#parts.numbers.of(memory.image), memory.image)) this.#round.pop();
    return true;
  }

  /** Begins a round if it is worth one; says so once that it is not. */
  #nextRound(): boolean {
    const memories = [...this.#waiting].flatMap((dataflow) => dataflow.memories());
    for (const { image } of memories) this.#parts.numbers.of(image);
    const dirty = memories.reduce((sum, { image }) => sum + image.dirtyWords, 0);
    if (dirty > readyWords && (this.#ready || this.#rounds < roundsMax)) {
      this.#rounds++;
      this.#round = memories;
      return true;
    }
    if (this.#ready) return false;
    this.#ready = true;
    this.#parts.respond({ kind: 'checkpointReady', number: this.number });
    return true;
  }

  /** Sends a piece of an image; false if nothing of it is left. */
  #send(image: number, source: { copy(out: Int32Array): number }): boolean {
    const words = source.copy(buffer);
    if (words === 0) return false;
    this.#room -= words * 4;
    const { number } = this;
    this.#parts.respond({ kind: 'piece', number, image, words: buffer.slice(0, words) });
    return true;
  }

  /** The step of the checkpoint is complete; `written` are the collections that steps write. */
  begin(step: number, written: Iterable<StoredCollection>): void {
    assert(this.#step === 0 && step > 0, 'a checkpoint has one step');
    this.#step = step;
    for (const collection of written) this.#captureCollection(collection);
    this.look();
  }

  /** Captures the dataflows that have ended the step; leaves those out that could not stop at it. */
  look(): void {
    if (this.#step === 0) return;
    for (const dataflow of this.#waiting) {
      if (this.#givenUp) return;
      if (dataflow.passed(this.#step)) this.#waiting.delete(dataflow);
      else if (dataflow.reached(this.#step)) this.#captureDataflow(dataflow);
    }
  }

  #captureCollection(collection: StoredCollection): void {
    collection.sealTo(this.#step);
    const upsert = this.#parts.upsert(collection.id);
    const failures = upsert?.failures ?? null;
    if (failures !== null && failures.complete < this.#step) failures.seal(this.#step);
    this.#collections.set(collection, {
      collection: collection.id,
      rows: this.#pin(collection.arrangement, collection),
      errors: collection.errors === null ? null : this.#pin(collection.errors, collection),
      upsert:
        upsert === null
          ? null
          : {
              key: upsert.key,
              failures: failures === null ? null : this.#pin(failures, collection),
            },
    });
  }

  #pin({ image }: Arrangement, owner: StoredCollection | Dataflow): SavedImage {
    const number = this.#parts.numbers.of(image);
    image.pin(this.#step);
    this.#pinned.push({ number, image, owner });
    return { image: number, saved: image.save() };
  }

  #captureDataflow(dataflow: Dataflow): void {
    this.#waiting.delete(dataflow);
    this.#round = [];
    const { result } = dataflow;
    if (result === null || this.#isTooMuch(dataflow)) return;
    const operators = dataflow.states().map((state) => ({
      memories: state.memories.map((memory) => this.#captureMemory(memory)),
      saved: state.save(),
    }));
    const arrangements = dataflow
      .arrangementsAt(this.#step)
      .map((arrangement) => this.#pin(arrangement, dataflow));
    this.#dataflows.set(dataflow, { dataflow: dataflow.id, operators, arrangements });
    this.#captureCollection(result);
  }

  /** Whether copying what is left of a dataflow's state would be too long a turn. */
  #isTooMuch(dataflow: Dataflow): boolean {
    const words = dataflow.memories().reduce((sum, { image }) => sum + image.dirtyWords, 0);
    const bytes = words * 4;
    if (bytes <= this.#parts.captureBytesMax) return false;
    this.#givenUp = true;
    this.#parts.respond({ kind: 'checkpointGivenUp', number: this.number, bytes });
    return true;
  }

  #captureMemory({ image }: StateMemory): SavedImage {
    const number = this.#parts.numbers.of(image);
    while (this.#send(number, image));
    return { image: number, saved: image.save() };
  }

  /** Whether it comes to nothing, as more is left to copy than one turn may. */
  get givenUp(): boolean {
    return this.#givenUp;
  }

  /** Everything is captured and copied. */
  get finished(): boolean {
    return (
      !this.#givenUp && this.#step > 0 && this.#waiting.size === 0 && this.#pinned.length === 0
    );
  }

  /** No dataflow is waited for any more: those that were not captured are left out. */
  conclude(): void {
    this.#waiting.clear();
    this.#round = [];
  }

  /** Says what was saved, but for what depends on dataflows that were left out. */
  report(): void {
    const saved = new Set<StoredCollection>(this.#collections.keys());
    const dataflows = new Map(this.#dataflows);
    for (let before = -1; before !== dataflows.size;) {
      before = dataflows.size;
      for (const dataflow of dataflows.keys()) {
        if (dataflow.imports.every((collection) => saved.has(collection))) continue;
        dataflows.delete(dataflow);
        if (dataflow.result !== null) saved.delete(dataflow.result);
      }
    }
    this.#parts.respond({
      kind: 'checkpointed',
      number: this.number,
      step: this.#step,
      collections: [...this.#collections].flatMap(([one, its]) => (saved.has(one) ? [its] : [])),
      dataflows: [...dataflows.values()],
    });
  }

  /** A collection or a dataflow goes away. */
  forget(owner: StoredCollection | Dataflow): void {
    for (let i = this.#pinned.length - 1; i >= 0; i--) {
      if (this.#pinned[i].owner === owner) this.#pinned.splice(i, 1)[0].image.unpin();
    }
    for (const dataflow of this.#waiting) if (dataflow === owner) this.#waiting.delete(dataflow);
    for (const dataflow of this.#dataflows.keys())
      if (dataflow === owner) this.#dataflows.delete(dataflow);
    for (const one of this.#collections.keys()) if (one === owner) this.#collections.delete(one);
    this.#round = [];
  }

  /** Gives up everything that is held. */
  dispose(): void {
    for (const { image } of this.#pinned) image.unpin();
    this.#pinned.length = 0;
    this.conclude();
  }
}
