/**
 * Makes checkpoints while steps go on (docs/design/checkpoints.md): asks the engine for pieces,
 * writes them, seals a marked step when the engine is ready, notes the catalog and the offsets in
 * the turn in which that is sealed, and writes the manifest when everything has come. Then the log
 * is cut.
 *
 * One checkpoint at a time. One that fails (a full disk, a collection that has stopped) is given
 * up, and the next is a full one; nothing else is concerned, but that the log grows.
 */
import { assert, defined } from '../base/assert.ts';
import type { SqlError } from '../base/error.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Positions } from '../../connectors/connector.ts';
import { objectText } from '../catalog/durable-object.ts';
import type { CheckpointResponse } from '../../dataflow/graph/checkpoint-messages.ts';
import type { CheckpointStore } from '../storage/checkpoint-store.ts';
import type { CheckpointWriter } from '../storage/checkpoint-writer.ts';
import type { Log } from '../storage/log.ts';
import type { Binding, StartBinding } from '../storage/step-record.ts';
import type { CheckpointContent } from './checkpoint-content.ts';
import { encodeContent, stateFormat } from './checkpoint-content.ts';
import type { Coordinator } from './coordinator.ts';

type Checkpointed = Extract<CheckpointResponse, { kind: 'checkpointed' }>;
type Noted = Omit<CheckpointContent, 'collections' | 'dataflows'>;

/** Where checkpoints and what they replace are kept. */
export interface CheckpointPlace {
  readonly store: CheckpointStore;
  readonly log: Log;
}

/** A checkpoint that the engine is at work on. */
interface UnderWay {
  readonly writer: CheckpointWriter;
  /** The engine has little left of what changes in place. */
  ready(): void;
  done(saved: Checkpointed): void;
  failed(error: unknown): void;
}

/** One per coordinator with a data directory. */
export class Checkpointer {
  readonly #coordinator: Coordinator;
  readonly #place: CheckpointPlace;
  #underWay: UnderWay | null = null;
  /** The checkpoint that is being made, and the one after it if somebody has asked for that. */
  #making: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  /** The engine's images are not those of the last checkpoint. */
  #startOver = true;
  /** The step of the last one, and the earliest time for the next, in monotonic ms. */
  #step = 0;
  #due: number;
  #stopWait: () => void = () => undefined;
  /** Why no checkpoint can be made any more: the engine is gone, or the server ends. */
  #failure: Error | null = null;

  constructor(coordinator: Coordinator, place: CheckpointPlace) {
    this.#coordinator = coordinator;
    this.#place = place;
    this.#due = coordinator.clock.monotonic() + limits.checkpointPauseMilliseconds;
  }

  /** Makes checkpoints by itself from now on; `step` is that of the one that was read. */
  start(step: number): void {
    this.#step = step;
    this.#wait();
  }

  #wait(): void {
    if (this.#failure !== null) return;
    const { clock } = this.#coordinator;
    this.#stopWait = clock.after(limits.checkpointLookMilliseconds, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock, timeline, log } = this.#coordinator;
    if (clock.monotonic() >= this.#due && timeline.complete > this.#step) {
      await this.checkpoint().catch((error: unknown) => {
        if (this.#failure === null) log.warn(`no checkpoint was made: ${messageOf(error)}`);
      });
    }
    this.#wait();
  }

  /**
   * Resolves when a checkpoint of a step from now on is on the disk. Rejects with what keeps it
   * from being made: 53100, 58030, 53200, 54000, 57P01, 57P02.
   */
  checkpoint(): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (this.#making === null) return this.#begin();
    // The one under way may be of a step that has passed.
    this.#next = this.#making
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.#begin();
      });
    return this.#next;
  }

  #begin(): Promise<void> {
    assert(this.#making === null, 'one checkpoint is made at a time');
    const making = this.#make().finally(() => {
      if (this.#making === making) this.#making = null;
    });
    this.#making = making;
    return making;
  }

  async #make(): Promise<void> {
    const { store, log } = this.#place;
    const { clock } = this.#coordinator;
    const begun = clock.monotonic();
    try {
      this.#requireEngine();
      const logPosition = await log.rotate();
      this.#requireEngine();
      const full = this.#startOver || store.shouldBeFull;
      this.#startOver = true;
      await this.#write(store.begin({ full }), full, logPosition);
      this.#startOver = false;
      await log.cut(store.logPositionNeeded);
    } finally {
      const pause = (clock.monotonic() - begun) * pausePerWork;
      this.#due = clock.monotonic() + Math.max(limits.checkpointPauseMilliseconds, pause);
    }
  }

  #requireEngine(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  async #write(writer: CheckpointWriter, full: boolean, logPosition: number): Promise<void> {
    const { engine, journal } = this.#coordinator;
    try {
      const { noted, saved } = await this.#collect(writer, full);
      const content = this.#contentOf(noted, saved);
      // What was dropped meanwhile is not in the images: that must be known as long as they are.
      await journal.seen();
      const { step, time } = noted;
      await writer.finish({ step, time, logPosition, content: encodeContent(content) });
      this.#step = step;
    } catch (error) {
      engine.send({ kind: 'endCheckpoint', number: writer.number, keep: false });
      await writer.abandon();
      throw error;
    } finally {
      this.#underWay = null;
    }
  }

  /** Has the engine give all pieces to the writer, those of one step. */
  async #collect(
    writer: CheckpointWriter,
    full: boolean,
  ): Promise<{ readonly noted: Noted; readonly saved: Checkpointed }> {
    const { engine, timeline, clock } = this.#coordinator;
    const ready = Promise.withResolvers<void>();
    const done = Promise.withResolvers<Checkpointed>();
    this.#underWay = {
      writer,
      ready: () => ready.resolve(),
      done: (saved) => done.resolve(saved),
      failed: (error) => {
        ready.reject(error);
        done.reject(error);
      },
    };
    ready.promise.catch(() => undefined);
    done.promise.catch(() => undefined);
    const { number } = writer;
    engine.send({ kind: 'beginCheckpoint', number, full });
    await ready.promise;
    const noted: Noted[] = [];
    let release = (): void => undefined;
    const complete = timeline.checkpoint(number, (step, time) => {
      noted.push(this.#note(step, time));
      release = timeline.hold(step);
    });
    const stopWait = clock.after(limits.checkpointMillisecondsMax, () =>
      engine.send({ kind: 'endCheckpoint', number, keep: true }),
    );
    try {
      await complete;
      return { saved: await done.promise, noted: defined(noted[0], 'the step was sealed') };
    } finally {
      stopWait();
      release();
    }
  }

  /** What is not in the engine, in the turn in which the step is sealed. */
  #note(step: number, time: number): Noted {
    const { catalog, engine } = this.#coordinator;
    const starts: StartBinding[] = [];
    const read: Binding[] = [];
    const bound: Binding[] = [];
    for (const source of this.#coordinator.sources()) {
      const { collection, offsets } = source;
      for (const start of bindings(collection, offsets.starts))
        starts.push({ ...start, place: offsets.places.get(start.slot) ?? null });
      read.push(...bindings(collection, offsets.read));
      bound.push(...bindings(collection, offsets.bound));
    }
    return {
      ...{ stateFormat, step, time, starts, read, bound },
      counters: { oid: catalog.oidAhead, number: engine.numberAhead },
      objects: catalog.objects().map((object) => [object.oid, objectText(object)] as const),
    };
  }

  /** Throws if something has not been saved that nothing else has. */
  #contentOf(noted: Noted, { collections, dataflows }: Checkpointed): CheckpointContent {
    const saved = new Set(collections.map(({ collection }) => collection));
    for (const object of this.#coordinator.catalog.objects()) {
      const kept = object.kind === 'table' || ('stored' in object && object.stored);
      if (!kept || saved.has(object.collection) || object.collection >= noted.counters.number)
        continue;
      throw sqlError('53200', `${object.kind} "${object.name}" has stopped and cannot be saved`, {
        hint: 'Drop it; until then the log grows.',
      });
    }
    return {
      ...noted,
      collections,
      dataflows: dataflows.flatMap((state) => {
        const fingerprint = this.#coordinator.fingerprint(state.dataflow);
        return fingerprint === undefined ? [] : [{ fingerprint, state }];
      }),
    };
  }

  /** Takes what the engine says about the checkpoint under way. */
  receive(response: CheckpointResponse): void {
    const current = this.#underWay;
    if (current === null || response.kind === 'loaded') return;
    if (response.number !== current.writer.number) return;
    switch (response.kind) {
      case 'piece':
        return this.#piece(current, response.image, response.words);
      case 'checkpointReady':
        return current.ready();
      case 'checkpointed':
        return current.done(response);
      case 'checkpointGivenUp':
        return current.failed(outrun(response.bytes));
    }
  }

  #piece({ writer, failed }: UnderWay, image: number, words: Int32Array): void {
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    const { engine } = this.#coordinator;
    const { number } = writer;
    const took = (): void => engine.send({ kind: 'takePieces', number, bytes: bytes.length });
    writer.append(image, bytes).then(took, failed);
  }

  /** The engine is gone: what is under way is given up, and nothing is begun any more. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#underWay?.failed(error);
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#stopWait();
    this.fail(sqlError('57P01', 'the server is shutting down'));
    await this.#making?.catch(() => undefined);
  }
}

/** The state of a view changes faster than it is written. */
function outrun(bytes: number): SqlError {
  return sqlError('54000', `changes outran the checkpoint: ${bytes} bytes were left to copy`, {
    hint: 'The next one may copy twice as many in one turn.',
  });
}

/** Checkpoints take at most one part in so many of the time. */
const pausePerWork = 10;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function bindings(collection: number, offsets: Positions): Binding[] {
  return [...offsets].map(([slot, offset]) => ({ collection, slot, offset }));
}
