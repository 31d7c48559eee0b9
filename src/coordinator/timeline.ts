/**
 * The timeline: the one sequence of steps that all inputs share. It collects what writers and
 * sources have ready, seals it as the next step, and knows which step can be read.
 *
 * A step is sent when something is ready and fewer than `stepsInFlightMax` steps are unfinished;
 * what comes meanwhile waits and makes the next step larger, so a busy engine sees fewer, larger
 * steps. `complete` is the last step that the engine has applied. A write is acknowledged when its
 * step is complete, and reads happen at `complete` or later: so an acknowledged write is visible to
 * every later read, and reads never go back (strict serializability).
 *
 * With a journal steps are written, one at a time, and nothing of a step can be seen before it is
 * durable, since a crash would undo it. If the disk has room for it for certain, the engine gets it
 * at once and works on it meanwhile, and what it has to say of it is held back (`EngineClient.hide`).
 * Else it gets the step when it is written: if the disk is full, writers are refused; what sources
 * gave waits for room. What comes while a step is written waits for the next.
 *
 * Timestamps are milliseconds since the epoch and strictly increase with the step.
 */
import { assert } from '../base/assert.ts';
import { SqlError, sqlError } from '../base/error.ts';
import type { Clock } from '../base/seam.ts';
import { limits } from '../base/limits.ts';
import type { Binding, StartBinding } from '../storage/step-record.ts';
import type { Refusal } from '../../dataflow/graph/command.ts';
import type { RawChunk } from '../../connectors/connector.ts';
import type { KeptSteps } from './bound-history.ts';
import type { EngineClient } from './engine-client.ts';
import type { PackedInput, Waiter, Write, WriteGroup, WriteInput } from './write-groups.ts';
import { groupWrites } from './write-groups.ts';

/** A group of writes that is in a step: its number there, and the position of its first input. */
interface Sent {
  readonly step: number;
  readonly group: WriteGroup;
  readonly number: number;
  readonly first: number;
}

/** A source as the timeline sees it: where chunks wait until a step takes them. */
export interface Intake {
  readonly collection: number;
  /** Takes up to `bytesMax` bytes of waiting chunks; they are bound to `step`. */
  take(step: number, bytesMax: number): readonly RawChunk[];
  /**
   * What is to be known durably of the offsets taken, and of where slots begin, since the last
   * call.
   */
  takeBindings(): Bindings;
}

/** Offsets of sources that a step makes durable. */
export interface Bindings {
  readonly starts: readonly StartBinding[];
  readonly bound: readonly Binding[];
}

/** Whoever makes a checkpoint. */
interface Mark extends Waiter {
  readonly checkpoint: number;
  /** Called in the turn in which the step is sealed. */
  sealing(step: number, time: number): void;
}

/** A step about to be sent. */
interface Sealed extends Bindings {
  /** The checkpoint that it is the step of. */
  readonly checkpoint: number | null;
  readonly step: number;
  readonly time: number;
  readonly groups: readonly WriteGroup[];
  readonly chunks: readonly { readonly collection: number; readonly chunks: readonly RawChunk[] }[];
}

/** What is durable of a step. */
export interface SealedStep extends Bindings {
  readonly step: number;
  readonly time: number;
  readonly tables: readonly PackedInput[];
}

/** A step on its way to the disk. */
export interface Writing {
  readonly durable: Promise<void>;
  /** A full disk is no reason for which it could not be written. */
  readonly hasRoom: boolean;
}

/** Where steps are written before anybody sees them; see journal.ts. */
export interface StepJournal {
  /** `issued` is called when the disk has been asked to write it, if it has room. */
  step(sealed: SealedStep, issued: () => void): Writing | undefined;
  /** Notes that inputs of a step, by their positions, were not applied; resolves when it is durable. */
  refused(step: number, tables: readonly number[]): Promise<void>;
  isDiskFull(error: unknown): boolean;
  /** Resolves when it is time to try again. */
  retryLater(): Promise<void>;
}

interface Kept {
  readonly step: number;
  readonly time: number;
}

/** The last step before a time, once that is known: nobody skips it. */
interface Stop {
  readonly time: number;
  step: number | null;
}

/** How many (step, time) pairs are remembered for AS OF. */
const historyStepsMax = 4_096;

/** One per engine. */
export class Timeline {
  readonly #engine: EngineClient;
  readonly #clock: Clock;
  readonly #journal: StepJournal | null;
  readonly #writes: Write[] = [];
  /** The checkpoint that waits for its step. */
  #mark: Mark | null = null;
  readonly #waiting: Sent[] = [];
  readonly #ready = new Set<Intake>();
  readonly #holds = new Map<number, number>();
  readonly #stops = new Set<Stop>();
  readonly #history: Kept[] = [];
  #nextHold = 0;
  #sealed = 0;
  #complete = 0;
  #time = 0;
  #scheduled = false;
  /** A step is sealed and not yet durable. */
  #writing = false;
  /** Who waits for the step that is being written. */
  #written: readonly WriteGroup[] = [];
  /** Steps that were sent and are not complete. */
  readonly #underWay: number[] = [];
  /** What writers are told while a step waits for room on the disk. */
  #refusal: Error | null = null;
  #failure: Error | null = null;

  /** `journal`: null if nothing is to survive the process. */
  constructor(engine: EngineClient, clock: Clock, journal: StepJournal | null) {
    this.#engine = engine;
    this.#clock = clock;
    this.#journal = journal;
  }

  /** The step that reads see. */
  get complete(): number {
    return this.#complete;
  }

  /** The last step that was sent; inputs from now on belong to later ones. */
  get sealed(): number {
    return this.#sealed;
  }

  /** The earliest step that can still be read. */
  get since(): number {
    let since = this.#complete;
    for (const step of this.#holds.values()) since = Math.min(since, step);
    return since;
  }

  /** The timestamp of a step, ms since the epoch. */
  timeOf(step: number): number {
    for (let i = this.#history.length - 1; i >= 0; i--) {
      const kept = this.#history[i];
      if (kept !== undefined && kept.step <= step) return kept.time;
    }
    return 0;
  }

  /** The greatest step with a timestamp of at most `time`, or undefined if it is not remembered. */
  stepAt(time: number): number | undefined {
    return this.#history.findLast((kept) => kept.time <= time)?.step;
  }

  /**
   * Writes all of `inputs` in one step; answers the step once it can be read. Rejects after `fail`,
   * and with 54000 what is too large for one step.
   */
  write(inputs: readonly WriteInput[]): Promise<number> {
    const refusal = this.#failure ?? this.#refusal ?? tooLarge(bytesOf(inputs));
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#writes.push({ inputs, resolve, reject });
      this.#schedule();
    });
  }

  /** Makes a step of whatever is ready, even of nothing, so that time goes on. */
  tick(): Promise<number> {
    return this.write([]);
  }

  /**
   * The same, until there is one: while the disk is full it waits. Rejects once no step can be made
   * any more.
   */
  async nextStep(): Promise<number> {
    for (;;) {
      try {
        return await this.tick();
      } catch (error) {
        if (this.#journal?.isDiskFull(error) !== true) throw error;
        await this.#journal.retryLater();
      }
    }
  }

  /**
   * Seals a step, of whatever is ready, for a checkpoint; resolves when it is complete, rejects as
   * `write` does. `sealing` may hold the step.
   */
  checkpoint(checkpoint: number, sealing: Mark['sealing']): Promise<number> {
    const refusal = this.#failure ?? this.#refusal;
    if (refusal !== null) return Promise.reject(refusal);
    assert(this.#mark === null, 'one checkpoint is made at a time');
    return new Promise((resolve, reject) => {
      this.#mark = { checkpoint, sealing, resolve, reject };
      this.#schedule();
    });
  }

  /** A source has chunks waiting. */
  offer(intake: Intake): void {
    this.#ready.add(intake);
    this.#schedule();
  }

  withdraw(intake: Intake): void {
    this.#ready.delete(intake);
  }

  /** Keeps reads at `step` possible until the answer is called. */
  hold(step: number): () => void {
    assert(step >= this.since, `step ${step} can still be held`);
    const id = this.#nextHold++;
    this.#holds.set(id, step);
    return () => void this.#holds.delete(id);
  }

  /**
   * Lets no dataflow skip the last step before `time`, which is yet to come, until the answer is
   * called.
   */
  stopBefore(time: number): () => void {
    const stop: Stop = { time, step: null };
    this.#stops.add(stop);
    return () => void this.#stops.delete(stop);
  }

  /** The same for a step, which is kept. */
  stopAt(step: number): () => void {
    const stop: Stop = { time: 0, step };
    this.#stops.add(stop);
    return () => void this.#stops.delete(stop);
  }

  /**
   * Steps that no dataflow skips: those that are held, those that may be held next, and those at
   * which somebody ends or goes over from one way of getting records to another.
   */
  get kept(): KeptSteps {
    const some = [...this.#holds.values()];
    for (const { step } of this.#stops) if (step !== null) some.push(step);
    const before = some.filter((step) => step < this.#complete);
    return { some: [...new Set(before)].sort((a, b) => a - b), from: this.#complete };
  }

  /** Of these steps, and those that are sealed, the ones after `step`, in ascending order. */
  stopsAfter(step: number): number[] {
    const { some, from } = this.kept;
    const stops = some.filter((kept) => kept > step);
    for (let next = Math.max(from, step + 1); next <= this.#sealed; next++) stops.push(next);
    return stops;
  }

  /** Everything begins at this step, which a checkpoint has. */
  standAt(step: number, time: number): void {
    this.adopt(step);
    this.#time = time;
    this.#remember(step, time);
  }

  /** Steps up to `step` were made by somebody else and are complete; ours follow them. */
  adopt(step: number): void {
    assert(this.#sealed === this.#complete, 'no step of ours is under way');
    this.#sealed = Math.max(this.#sealed, step);
    this.#complete = this.#sealed;
  }

  /** Sends a step that is durable already; resolves when it is complete. */
  resend(step: number, time: number, inputs: readonly PackedInput[]): Promise<number> {
    assert(step > this.#sealed && time > this.#time, `step ${step} follows ${this.#sealed}`);
    this.#sealed = step;
    this.#time = time;
    return new Promise((resolve, reject) => {
      const groups = [{ inputs, waiters: [{ resolve, reject }] }];
      this.#send({ step, time, groups, checkpoint: null, chunks: [], starts: [], bound: [] });
    });
  }

  /** The engine has applied a step, but for the writes that it had no memory for. */
  completed(step: number, refused: readonly Refusal[] = []): void {
    assert(
      step <= this.#sealed && step >= this.#complete,
      `step ${step} was sealed and is not undone`,
    );
    this.#complete = step;
    for (const stop of this.#stops) {
      if (stop.step === null && this.timeOf(step) >= stop.time) stop.step = step - 1;
    }
    while ((this.#underWay[0] ?? Infinity) <= step) this.#underWay.shift();
    while (this.#waiting.length > 0 && (this.#waiting[0]?.step ?? Infinity) <= step) {
      const sent = this.#waiting.shift();
      const refusal = sent?.step === step && refused.find(({ write }) => write === sent.number);
      if (sent === undefined) continue;
      if (refusal) void this.#refuse(sent, new SqlError(refusal.error));
      else for (const { resolve } of sent.group.waiters) resolve(step);
    }
    this.#seal();
  }

  /** Tells writers that there was no memory, once it is certain that a restart thinks so too. */
  async #refuse({ step, first, group }: Sent, error: Error): Promise<void> {
    const tables = group.inputs.map((_, i) => first + i);
    try {
      await this.#writeRefusal(step, tables);
      rejectAll([group], error);
    } catch (failure) {
      // Whether a restart has the rows nobody knows, so it is not said that they were refused.
      rejectAll([group], asError(failure));
    }
  }

  /** Makes a refusal durable, as soon as the disk has room. Throws if it never can be. */
  async #writeRefusal(step: number, tables: readonly number[]): Promise<void> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      try {
        return await this.#journal?.refused(step, tables);
      } catch (error) {
        if (this.#journal?.isDiskFull(error) !== true) throw error;
        await this.#journal.retryLater();
      }
    }
  }

  /** The engine is gone: whoever waits for a step, or will, is told `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { group } of this.#waiting.splice(0)) rejectAll([group], error);
    rejectAll(this.#written, error);
    for (const write of this.#writes.splice(0)) write.reject(error);
    this.#mark?.reject(error);
  }

  /** Waits for the end of the current turn, so that everything of one turn shares a step. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.soon(() => {
      this.#scheduled = false;
      this.#seal();
    });
  }

  #seal(): void {
    if (this.#failure !== null || !this.#hasInput) return;
    // Steps are counted, not subtracted: one that the disk had no room for is never complete.
    if (this.#writing || this.#underWay.length >= limits.stepsInFlightMax) return;
    const step = ++this.#sealed;
    this.#time = Math.max(this.#time + 1, this.#clock.now());
    const intake = this.#take(step);
    const mark = this.#takeMark(step);
    const groups = [...groupWrites(this.#takeWrites()), ...markGroups(mark)];
    const sealed = { step, time: this.#time, groups, checkpoint: checkpointOf(mark), ...intake };
    const tables = inputsOf(groups);
    this.#written = groups;
    const writing = this.#journal?.step({ ...sealed, tables }, () => {
      // Not before: the thread that is woken for this may take the processor.
      this.#engine.hide(step);
      this.#send(sealed);
    });
    if (writing === undefined) return this.#send(sealed);
    this.#writing = true;
    if (writing.hasRoom) void this.#reveal(sealed, writing.durable);
    else void this.#sendWritten(sealed, writing.durable);
  }

  /** Lets a step be seen that the engine has already, once it is durable. */
  async #reveal(sealed: Sealed, first: Promise<void>): Promise<void> {
    for (let durable: Promise<void> | undefined = first; ;) {
      try {
        await durable;
        break;
      } catch (error) {
        if (this.#journal?.isDiskFull(error) !== true) return this.fail(asError(error));
        // A disk that keeps old versions takes new room for what was there: the step waits for it.
        this.#refuseOthers(asError(error));
        await this.#journal.retryLater();
        if (this.#failure !== null) return;
        const tables = inputsOf(sealed.groups);
        durable = this.#journal.step({ ...sealed, tables }, () => undefined)?.durable;
      }
    }
    if (this.#failure !== null) return;
    this.#refusal = null;
    this.#writing = false;
    this.#engine.reveal();
    this.#seal();
  }

  /** Nothing can be written until a step has found room. */
  #refuseOthers(refusal: Error): void {
    this.#refusal = refusal;
    for (const write of this.#writes.splice(0)) write.reject(refusal);
    this.#mark?.reject(refusal);
    this.#mark = null;
  }

  get #hasInput(): boolean {
    return this.#writes.length > 0 || this.#ready.size > 0 || this.#mark !== null;
  }

  /** Whoever waits for the step of a checkpoint: this is it. */
  #takeMark(step: number): Mark | null {
    const mark = this.#mark;
    this.#mark = null;
    mark?.sealing(step, this.#time);
    return mark;
  }

  /** The oldest writes that fit into one step; the others wait for the next. */
  #takeWrites(): Write[] {
    let bytes = 0;
    const end = this.#writes.findIndex(({ inputs }, i) => {
      bytes += bytesOf(inputs);
      return i > 0 && bytes > limits.transactionBytesMax;
    });
    return this.#writes.splice(0, end < 0 ? this.#writes.length : end);
  }

  /** Sends a step when it is durable, and goes on with the next. */
  async #sendWritten(sealed: Sealed, written: Promise<void>): Promise<void> {
    try {
      await written;
      this.#writing = false;
      this.#send(sealed);
    } catch (error) {
      rejectAll(sealed.groups, asError(error));
      if (this.#journal?.isDiskFull(error) !== true) return this.fail(asError(error));
      if (sealed.chunks.length > 0 || sealed.starts.length > 0 || sealed.bound.length > 0) {
        this.#refuseOthers(asError(error));
        await this.#rewrite({ ...sealed, groups: [], checkpoint: null });
        this.#refusal = null;
      } else void this.#makeUp();
      this.#writing = false;
    }
    this.#seal();
  }

  /**
   * A step that was refused as a whole is never complete, and whoever waits for it waits for the
   * next one: that is made when there is room, even if nobody writes.
   */
  async #makeUp(): Promise<void> {
    await this.#journal?.retryLater();
    if (this.#failure !== null || this.#complete === this.#sealed) return;
    await this.tick().catch(() => undefined);
  }

  /** Writes a step that the disk had no room for, without what writers wanted. */
  async #rewrite(sealed: Sealed): Promise<void> {
    for (;;) {
      await this.#journal?.retryLater();
      if (this.#failure !== null) return;
      try {
        await this.#journal?.step({ ...sealed, tables: [] }, () => undefined)?.durable;
        this.#writing = false;
        return this.#send(sealed);
      } catch (error) {
        if (this.#journal?.isDiskFull(error) !== true) return this.fail(asError(error));
      }
    }
  }

  #send({ step, time, groups, chunks, checkpoint }: Sealed): void {
    this.#written = [];
    if (this.#failure !== null) return rejectAll(groups, this.#failure);
    this.#underWay.push(step);
    this.#remember(step, time);
    if (chunks.length > 0) this.#engine.send({ kind: 'ingest', inputs: chunks });
    let first = 0;
    const inputs = groups.flatMap((group, number) => {
      this.#waiting.push({ step, group, number, first });
      first += group.inputs.length;
      return group.inputs.map(({ collection, batch }) => ({ collection, batch, write: number }));
    });
    const held = [...new Set(this.#holds.values())];
    const { since } = this;
    const marked = checkpoint === null ? {} : { checkpoint };
    this.#engine.send({ kind: 'step', ...{ step, time, since, held, inputs }, ...marked });
  }

  /** What the sources have for a step. */
  #take(step: number): Pick<Sealed, 'chunks' | 'starts' | 'bound'> {
    if (this.#ready.size === 0) return { chunks: [], starts: [], bound: [] };
    const share = Math.max(1, Math.floor(limits.stepBytesMax / this.#ready.size));
    const intakes = [...this.#ready];
    this.#ready.clear();
    const chunks = intakes.map((intake) => ({
      collection: intake.collection,
      chunks: intake.take(step, share),
    }));
    const bindings = intakes.map((intake) => intake.takeBindings());
    return {
      chunks: chunks.filter((input) => input.chunks.length > 0),
      starts: bindings.flatMap(({ starts }) => starts),
      bound: bindings.flatMap(({ bound }) => bound),
    };
  }

  #remember(step: number, time: number): void {
    this.#history.push({ step, time });
    if (this.#history.length > 2 * historyStepsMax) this.#history.splice(0, historyStepsMax);
  }
}

/** Who makes a checkpoint waits for its step, as one who writes nothing. */
function markGroups(mark: Mark | null): readonly WriteGroup[] {
  return mark === null ? [] : [{ inputs: [], waiters: [mark] }];
}

function checkpointOf(mark: Mark | null): number | null {
  return mark === null ? null : mark.checkpoint;
}

function inputsOf(groups: readonly WriteGroup[]): readonly PackedInput[] {
  return groups.flatMap(({ inputs }) => inputs);
}

function rejectAll(groups: readonly WriteGroup[], error: Error): void {
  for (const { waiters } of groups) for (const { reject } of waiters) reject(error);
}

/** What a batch takes beside its rows, in the message and in the log. */
const batchHeadBytes = 256;

/** Bytes that writing `inputs` takes. */
export function bytesOf(inputs: readonly WriteInput[]): number {
  let bytes = 0;
  for (const input of inputs)
    bytes += 'rows' in input ? input.bytes : input.batch.buffer.byteLength + batchHeadBytes;
  return bytes;
}

/** 54000 if that is more than one transaction, and so one step, may write. */
export function tooLarge(bytes: number): SqlError | null {
  if (bytes <= limits.transactionBytesMax) return null;
  return sqlError('54000', `a transaction may write at most ${limits.transactionBytesMax} bytes`);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
