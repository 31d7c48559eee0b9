/**
 * One dataflow in time: its imports, its frontier, its errors, and the step that it is at.
 *
 * A dataflow moves from one consistent state to the next: from `frontier` f to a target t, taking
 * all that changed in (f, t] as one step. t is the least frontier of its imports, so a dataflow
 * that is slow merges steps instead of queueing them; only the batches of streams, which nobody
 * stores, wait for it. If they are too many it is detached from its streams and catches up by
 * replays (stream-intake.ts). Its first step hydrates: stored imports are read whole at t, streams
 * are replayed by the coordinator.
 *
 * A dataflow is *behind* when an import has changed after f. When it is not, nothing has happened
 * to it, and its frontier is the least frontier of its imports without anybody touching it
 * (`effectiveFrontier`). Before an import changes again it is settled: f catches up with what was
 * already true, so that the frontier never falls.
 *
 * Laws: the holds on the imports and private arrangements stand at f between steps; f never falls;
 * a dataflow that is not behind is never run.
 */
import { assert } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import type { Arrangement, Hold } from '../arrangement/arrangement.ts';
import { DeltaReader } from '../operators/arranged.ts';
import { range } from '../operators/gather.ts';
import type { DataError, Fuel, OperatorState } from '../operators/operator.ts';
import { errorColumns } from '../operators/operator.ts';
import type { StateMemory } from '../operators/state-memory.ts';
import type { StepClock } from '../operators/step-clock.ts';
import { never } from '../operators/step-clock.ts';
import type { Batch } from '../value/batch.ts';
import type { DataflowStatistics } from './command.ts';
import { newestStep } from './command.ts';
import { ErrorBuffer } from './error-buffer.ts';
import { Network } from './network.ts';
import type { DataflowSink } from './sink.ts';
import { AnswerSink, CollectionSink } from './sink.ts';
import type { CollectionHold, StoredCollection } from './stored-collection.ts';
import type { StreamCollection, StreamReader } from './stream-collection.ts';
import type { StreamImport } from './stream-import.ts';
import type { StreamTaker } from './stream-intake.ts';
import { StreamIntake } from './stream-intake.ts';
import { KnownStep, endOfSteps } from './read-gate.ts';
import type { Surroundings } from './surroundings.ts';

/** A stored collection that a dataflow reads. */
export interface StoredImport {
  readonly collection: StoredCollection;
  /** Operators that read it, to be finished when it changed. */
  readonly operators: readonly number[];
  /** Indexes that the dataflow uses, as numbered by the collection. */
  readonly indexes: readonly number[];
}

/** What render makes of a plan. */
export interface Rendering {
  /** The operator of the sink. */
  readonly sink: number;
  readonly stored: readonly StoredImport[];
  readonly streams: readonly StreamImport[];
  /** Operators that begin at the first step whatever the imports hold. */
  readonly constants: readonly number[];
  readonly arrangements: readonly Arrangement[];
}

/** Activations between two looks at the memory of a dataflow: to count it takes some time. */
const runsBetweenLooks = 16;

/** What a dataflow tells the scheduler. */
export interface DataflowListener {
  /** It has something to do, or will have once its imports are far enough. */
  behind(dataflow: Dataflow): void;
  /** Its frontier moved by work. */
  advanced(dataflow: Dataflow): void;
  /** Its imports got further. */
  poked(dataflow: Dataflow): void;
}

export type RunResult = 'more' | 'blocked' | 'waiting' | 'done';

interface Held {
  readonly arrangement: Arrangement;
  hold: Hold | null;
}

/** A dataflow from its creation to its end; see above. */
export class Dataflow implements StreamReader, StreamTaker {
  readonly id: number;
  readonly asOf: number;
  readonly clock: StepClock = { from: never, to: never };
  readonly network: Network;
  readonly sink: DataflowSink;
  /** Time spent, in ms; kept by the scheduler. */
  busyMilliseconds = 0;
  /** The scheduler's measure of turns taken. */
  turns = 0;
  #runs = 0;
  readonly #around: Surroundings;
  readonly #listener: DataflowListener;
  readonly #errors = new ErrorBuffer();
  #rendering: Rendering = { sink: 0, stored: [], streams: [], constants: [], arrangements: [] };
  #streams = new StreamIntake([]);
  readonly #holds: (CollectionHold | null)[] = [];
  readonly #private: Held[] = [];
  #frontier = never;
  #inStep = false;
  /** Nothing of the open step is left in the network. */
  #drained = false;
  #behind = true;
  #disposed = false;
  /** What it had at a checkpoint is on its way: it does nothing before that is there. */
  #restoring = false;
  /** All that it writes to can be written to. */
  #indexed = true;
  /** Indexes of imports that have to be whole before the first step. */
  readonly #toBuild: { readonly collection: StoredCollection; readonly index: number }[] = [];
  #importErrors: DeltaReader[] = [];
  /** The effective frontier as it was at a version of the engine's progress. */
  #effective = never;
  #effectiveVersion = -1;
  #pokedVersion = -1;
  #known: KnownStep | null = null;

  constructor(
    id: number,
    asOf: number,
    sink: DataflowSink,
    around: Surroundings,
    listener: DataflowListener,
  ) {
    this.id = id;
    this.asOf = asOf;
    this.sink = sink;
    this.#around = around;
    this.#listener = listener;
    this.network = new Network(around.pool, (error, weight) => this.#fail(error, weight));
  }

  /** Takes what render made; once, before the first run. */
  start(rendering: Rendering): void {
    this.#rendering = rendering;
    for (const arrangement of rendering.arrangements) {
      this.#private.push({ arrangement, hold: null });
    }
    for (const { collection, indexes } of rendering.stored) {
      this.#holds.push(null);
      collection.readers.add(this);
      for (const index of indexes) this.#toBuild.push({ collection, index });
    }
    for (const { stream } of rendering.streams) stream.readers.add(this);
    this.#streams = new StreamIntake(rendering.streams);
    this.#listener.behind(this);
  }

  /** The same for one that goes on where a checkpoint has left it, once `restored` says so. */
  startRestored(rendering: Rendering): void {
    this.#restoring = true;
    this.#indexed = false;
    this.start(rendering);
  }

  /** Its operators, its arrangements and its result are as they were at `step`. */
  restored(step: number): void {
    assert(this.#restoring, `dataflow ${this.id} has waited for its state`);
    this.#restoring = false;
    this.resumeAt(step);
  }

  /** Whether it has something for checkpoints: a state, and a result that is kept. */
  get savable(): boolean {
    return this.hydrated && this.result !== null;
  }

  /** The collection that it keeps up to date, or null if its result goes elsewhere. */
  get result(): StoredCollection | null {
    const { sink } = this;
    return sink instanceof CollectionSink && !(sink instanceof AnswerSink) ? sink.collection : null;
  }

  /** What its operators keep from step to step, in their order. */
  states(): readonly OperatorState[] {
    return this.network.states();
  }

  /** The memories of its operators. */
  memories(): readonly StateMemory[] {
    return this.states().flatMap(({ memories }) => memories);
  }

  get arrangements(): readonly Arrangement[] {
    return this.#private.map(({ arrangement }) => arrangement);
  }

  /** What goes when it goes. */
  get keptArrangements(): readonly Arrangement[] {
    return this.arrangements;
  }

  /** Its arrangements, sealed at `step`, which it has reached. */
  arrangementsAt(step: number): readonly Arrangement[] {
    assert(this.reached(step), `dataflow ${this.id} has reached step ${step}`);
    for (const arrangement of this.arrangements) {
      if (arrangement.complete < step) arrangement.seal(step);
    }
    return this.arrangements;
  }

  /** Whether its state is that at the end of `step`. */
  reached(step: number): boolean {
    return !this.#inStep && this.effectiveFrontier() >= step && !this.passed(step);
  }

  /**
   * Whether it has gone beyond `step`, though that is a stop: what it reads could not be read at
   * `step`, as it was being filled.
   */
  passed(step: number): boolean {
    return this.#frontier > step;
  }

  /** Hydrated, and at a state in which all imports agree. */
  get hydrated(): boolean {
    return this.consistent(this.#frontier);
  }

  /** True if the state at `step` is one that may be shown. */
  consistent(step: number): boolean {
    return step !== never && step >= this.#streams.shownFrom;
  }

  /** Last step that the dataflow has worked on, or `never`. */
  get frontier(): number {
    return this.hydrated ? this.#frontier : never;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  get readsStreams(): boolean {
    return this.#rendering.streams.length > 0;
  }

  /** Bytes of live batches of streams that wait. */
  get queuedBytes(): number {
    return this.#streams.queuedBytes;
  }

  /** Whether it takes nothing of streams but what is replayed. */
  get detached(): boolean {
    return this.#streams.detached;
  }

  /** Whether it may wait for nothing but a step to be complete. */
  get awaitsStep(): boolean {
    return !this.hydrated || (this.readsStreams && this.#frontier < this.#streams.liveFrom);
  }

  /** Step up to which the result is known, work or no work. */
  effectiveFrontier(): number {
    const { version } = this.#around.progress;
    if (this.#effectiveVersion !== version) {
      this.#effective =
        this.#behind || !this.hydrated ? this.frontier : Math.max(this.#frontier, this.#target());
      this.#effectiveVersion = version;
    }
    return this.#effective;
  }

  /** The least frontier of the imports. */
  #target(): number {
    let target = this.#around.complete();
    for (const { collection } of this.#rendering.stored) {
      target = Math.min(target, collection.frontier());
    }
    return Math.min(target, this.sink.lastStep, this.#streams.reach);
  }

  /** Stored collections that it reads. */
  get imports(): readonly StoredCollection[] {
    return this.#rendering.stored.map(({ collection }) => collection);
  }

  /** For other threads: the frontier, or `endOfSteps` while its imports' frontiers are its own. */
  known(): KnownStep {
    if (this.#known === null) {
      this.#known = new KnownStep();
      this.#tellKnown();
    }
    return this.#known;
  }

  #tellKnown(): void {
    if (this.#known === null) return;
    const resting = !this.#behind && !this.#disposed && this.hydrated;
    this.#known.step = resting ? endOfSteps : this.frontier;
  }

  /** Whether nothing more can come that its sink, which goes to a last step only, may be shown. */
  get spent(): boolean {
    const { lastStep } = this.sink;
    if (lastStep === Infinity) return false;
    if (!this.hydrated) return this.#earliestShown() > lastStep;
    // A step that an import has skipped is not reached: the one before it is the last.
    return (
      !this.#inStep && this.#target() === lastStep && this.#frontier >= this.#readableTo(lastStep)
    );
  }

  /** Before it is hydrated: the first step that can be shown, as far as is known. */
  #earliestShown(): number {
    if (this.readsStreams) {
      const { shownFrom } = this.#streams;
      return shownFrom === Infinity ? never : shownFrom;
    }
    if (this.#inStep) return this.clock.to;
    const step = this.#readableFrom(this.#wanted);
    // An import that is not hydrated itself has not told yet from where on it can be read.
    return step >= endOfSteps ? never : step;
  }

  settle(): void {
    if (this.#behind || !this.hydrated) return;
    const to = this.#target();
    if (to > this.#frontier) this.#moveTo(to);
  }

  #moveTo(step: number): void {
    this.#around.progress.version++;
    this.#frontier = step;
    this.#rendering.stored.forEach(({ collection }, i) => {
      collection.sealTo(step);
      this.#holds[i]?.advance(step);
    });
  }

  /** An import's frontier moved. */
  poked(): void {
    const { version } = this.#around.progress;
    if (this.#pokedVersion === version) return;
    this.#pokedVersion = version;
    this.#listener.poked(this);
    if (!this.#behind) this.sink.poke();
  }

  changed(): void {
    if (this.#disposed) return;
    this.#around.progress.version++;
    this.#behind = true;
    this.#tellKnown();
    this.#listener.behind(this);
  }

  receive(stream: StreamCollection, step: number, batch: Batch | null, errors: Batch | null): void {
    this.#streams.receive(stream.id, step, batch, errors);
  }

  /** Rows that a stream had, and errors; takes the uses of the batches' slabs. */
  replay(stream: number, batch: Batch | null, errors: Batch | null, last: boolean): void {
    this.#streams.replay(stream, batch, errors, last);
    this.changed();
  }

  /** Bytes of replayed batches that the dataflow has not taken in. */
  get replayBytes(): number {
    return this.#streams.replayBytes;
  }

  /** Live batches count from `step` on. */
  goLive(step: number): void {
    this.#streams.goLive(step);
    this.#setStops();
    this.changed();
  }

  /** Takes no live batches of `step`, the next one, and later; the coordinator is told. */
  detach(step: number): void {
    this.#streams.detach(step);
    this.#setStops();
    this.#around.respond({ kind: 'detached', dataflow: this.id, step });
    this.changed();
    this.#askForMore();
  }

  /** What is replayed next, up to the last of it, leads a detached dataflow to step `to`. */
  catchUp(to: number): void {
    const { roundEnd, reach } = this.#streams;
    assert(
      roundEnd !== null || this.#frontier === reach,
      'a round begins where the one before ended',
    );
    this.#streams.catchUp(to);
    this.#setStops();
    this.changed();
  }

  /**
   * Begins at `step` instead of hydrating: the caller has put back the state of operators, private
   * arrangements and the sink as of this step, at which every import can be read. Once, after
   * `start`. One that reads streams is detached and awaits what follows `step`.
   */
  resumeAt(step: number): void {
    assert(this.#frontier === never && !this.#inStep, 'a dataflow is resumed before it runs');
    if (this.readsStreams) this.#streams.resume(step);
    this.#rendering.stored.forEach(({ collection }, i) => {
      collection.sealTo(step);
      this.#holds[i] = collection.hold(step);
    });
    this.sink.end(step, true, true);
    this.#moveTo(step);
    for (const held of this.#private) this.#bringUp(held);
    this.#setStops();
    this.#behind = this.#stillBehind();
    this.#listener.advanced(this);
    this.sink.advanced(step, true);
    this.#tellKnown();
    this.#askForMore();
  }

  #setStops(): void {
    this.#around.stops.set(this, this.#streams.ends);
  }

  /** A detached dataflow that can go no further says so. */
  #askForMore(): void {
    const { detached, reach, roundEnd } = this.#streams;
    if (!detached || roundEnd !== null || this.#frontier !== reach || this.#inStep) return;
    this.#around.respond({ kind: 'awaits', dataflow: this.id, step: reach + 1 });
  }

  /** Works for one activation. */
  run(fuel: Fuel): RunResult {
    assert(!this.#disposed, `dataflow ${this.id} is alive when it runs`);
    if (!this.#prepareChanges(fuel)) return 'more';
    if (this.#toBuild.length > 0 && !this.#buildIndexes(fuel)) return 'more';
    if (!this.#inStep && !this.#begin()) return this.#behind ? 'waiting' : 'done';
    if (!this.#readImportErrors(fuel)) return 'more';
    this.#streams.take(this.clock.to, this);
    const open = !this.#streams.whole;
    this.#drained = this.network.run(fuel, open) === 'done';
    if (!this.#drained) return this.sink.blocked ? 'blocked' : 'more';
    if (open) return this.#streams.hasReplay ? 'more' : 'waiting';
    this.#end();
    return this.#behind ? 'more' : 'done';
  }

  /** True while there is a step to work on and what it needs is there. */
  get runnable(): boolean {
    if (this.#restoring) return false;
    if (this.#inStep) return !this.#drained || this.#streams.whole || this.#streams.hasReplay;
    return this.#behind && this.#nextStep() !== null;
  }

  /** After a restart its own rows and those of its result have to be indexed. */
  #prepareChanges(fuel: Fuel): boolean {
    const { rowsMax } = this.#around;
    const indexed = (): boolean =>
      this.#private.every(({ arrangement }) => arrangement.image.index(rowsMax)) &&
      this.result?.prepareChanges(rowsMax) !== false;
    while (!this.#indexed && !indexed()) if (!fuel.spend(rowsMax)) return false;
    this.#indexed = true;
    return true;
  }

  #buildIndexes(fuel: Fuel): boolean {
    for (let next = this.#toBuild[0]; next !== undefined; next = this.#toBuild[0]) {
      if (next.collection.buildIndex(next.index, this.#around.rowsMax)) this.#toBuild.shift();
      if (!fuel.spend(this.#around.rowsMax)) return this.#toBuild.length === 0;
    }
    return true;
  }

  /** The step to work on next, or null if the imports are not far enough. */
  #nextStep(): number | null {
    const target = this.#readableTo(this.#target());
    if (target <= this.#frontier) return null;
    if (this.#frontier === never) return target >= this.#wanted ? this.#firstStep(target) : null;
    const { roundEnd } = this.#streams;
    if (roundEnd !== null) return target >= roundEnd ? this.#exact(roundEnd) : null;
    if (!this.hydrated) return this.consistent(target) ? target : null;
    return this.#readableFrom(this.#around.stops.next(this.#frontier, target));
  }

  /**
   * `asOf` where every import can be read at it, else the earliest step at which all can; null while
   * there is none.
   */
  #firstStep(target: number): number | null {
    const step = this.#readableFrom(this.#wanted);
    if (step > target) return null;
    return this.readsStreams || this.asOf === newestStep ? target : step;
  }

  #exact(step: number): number {
    assert(this.#readableFrom(step) === step, 'no import skips a step at which a round ends');
    return step;
  }

  /** The first step that it may begin at. */
  get #wanted(): number {
    return this.asOf === newestStep ? 0 : Math.max(0, this.asOf);
  }

  /** The earliest step, not before `at`, that reads in every import as it was. */
  #readableFrom(at: number): number {
    let step = at;
    for (let before = -1; before !== step;) {
      before = step;
      for (const collection of this.imports) {
        step = collection.exactFrom(Math.max(step, collection.since));
      }
    }
    return step;
  }

  /** The latest step, not after `at`, that reads in every import as it was. */
  #readableTo(at: number): number {
    let step = at;
    for (let before = never; before !== step;) {
      before = step;
      for (const { collection } of this.#rendering.stored) step = collection.exactTo(step);
    }
    return step;
  }

  #begin(): boolean {
    const to = this.#nextStep();
    if (to === null) return false;
    this.#inStep = true;
    this.#drained = false;
    this.clock.from = this.#frontier;
    this.clock.to = to;
    this.network.begin(to);
    this.sink.begin(this.#frontier);
    for (const held of this.#private) this.#bringUp(held);
    this.#rendering.stored.forEach((one, i) => this.#beginImport(one, i));
    if (this.#frontier === never) {
      for (const operator of this.#rendering.constants) this.network.mark(operator);
    }
    // What was taken before the first state that may be shown is shown with it.
    if (!this.hydrated) this.network.mark(this.#rendering.sink);
    return true;
  }

  /** A private arrangement stands where the dataflow stands before anything is applied to it. */
  #bringUp(held: Held): void {
    if (this.#frontier === never) return;
    if (held.arrangement.complete < this.#frontier) held.arrangement.seal(this.#frontier);
    held.hold ??= held.arrangement.hold(this.#frontier);
    if (held.hold.step < this.#frontier) held.hold.advance(this.#frontier);
  }

  #beginImport({ collection, operators }: StoredImport, i: number): void {
    const { from, to } = this.clock;
    collection.sealTo(to);
    this.#holds[i] ??= collection.hold(from === never ? to : from);
    if (from !== never && collection.lastChanged <= from) return;
    for (const operator of operators) this.network.mark(operator);
    if (collection.errors === null) return;
    const arrangement = collection.errors;
    const arranged = { arrangement, columns: range(errorColumns.length), types: errorColumns };
    const { scratch, pool } = this.#around;
    this.#importErrors.push(new DeltaReader(arranged, this.clock, scratch.scanned, pool));
  }

  #readImportErrors(fuel: Fuel): boolean {
    const take = (batch: Batch): void => this.errors(batch);
    for (let reader = this.#importErrors[0]; reader !== undefined; reader = this.#importErrors[0]) {
      while (reader.next(take)) if (!fuel.spend(1)) return false;
      this.#importErrors.shift();
    }
    return true;
  }

  errors(batch: Batch): void {
    this.sink.applyErrors(this.clock.to, batch);
    batch.slab.release();
  }

  rows({ operators }: StreamImport, batch: Batch): void {
    for (let i = 1; i < operators.length; i++) batch.slab.retain();
    for (const operator of operators) this.network.enqueue(operator, 0, batch);
    if (operators.length === 0) batch.slab.release();
  }

  #fail(error: DataError, weight: number): void {
    this.#errors.add(error, weight);
    if (this.#errors.full) this.#flushErrors();
  }

  #flushErrors(): void {
    const { to } = this.clock;
    this.#errors.flush(this.#around.pool, to, (batch) => this.sink.applyErrors(to, batch));
  }

  #end(): void {
    this.#flushErrors();
    const { to } = this.clock;
    const wasHydrated = this.hydrated;
    this.#inStep = false;
    const shown = this.consistent(to);
    this.sink.end(to, shown, shown && !wasHydrated);
    for (const held of this.#private) {
      if (held.arrangement.complete < to) held.arrangement.seal(to);
      if (held.hold === null) held.hold = held.arrangement.hold(to);
      else held.hold.advance(to);
    }
    this.#moveTo(to);
    if (this.#streams.stepped()) this.#setStops();
    this.#behind = this.#stillBehind();
    this.#around.progress.version++;
    if (shown) this.#listener.advanced(this);
    this.sink.advanced(to, shown);
    // Last, when everybody who reads the result knows that it changed.
    this.#tellKnown();
    this.#askForMore();
  }

  #stillBehind(): boolean {
    if (!this.hydrated) return true;
    return (
      this.#streams.unsettled ||
      this.#rendering.stored.some(({ collection }) => collection.lastChanged > this.#frontier)
    );
  }

  bytes(): number {
    return this.network.bytes();
  }

  /** Throws SQLSTATE 53200 if it holds more than `bytesMax` bytes; looks now and then only. */
  requireBytes(bytesMax: number): void {
    if (this.#disposed || ++this.#runs % runsBetweenLooks !== 0) return;
    if (this.bytes() + this.sink.keptBytes() <= bytesMax) return;
    throw sqlError('53200', 'out of memory', {
      detail: `What one query keeps, its result included, takes ${bytesMax} bytes at most.`,
    });
  }

  statistics(): DataflowStatistics {
    return {
      dataflow: this.id,
      frontier: this.effectiveFrontier(),
      operators: this.network.operators,
      bytes: this.bytes(),
      busyMilliseconds: this.busyMilliseconds,
    };
  }

  /** Frees up to about `rowsMax` dead rows of private arrangements; answers how many. */
  reclaim(rowsMax: number): number {
    let done = 0;
    for (const { arrangement } of this.#private) {
      if (done < rowsMax) done += arrangement.reclaim(rowsMax - done);
    }
    return done;
  }

  /** Whether the dataflow keeps rows that can die. */
  get keepsRows(): boolean {
    return this.#private.length > 0;
  }

  /** Gives back everything; may be called at any moment between two runs. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#tellKnown();
    this.network.dispose();
    for (const reader of this.#importErrors) reader.restart();
    this.#importErrors = [];
    for (const { arrangement, hold } of this.#private) {
      hold?.release();
      arrangement.dispose();
    }
    this.#rendering.stored.forEach(({ collection, indexes }, i) => {
      collection.readers.delete(this);
      this.#holds[i]?.release();
      for (const index of indexes) collection.releaseIndex(index);
    });
    for (const { stream } of this.#rendering.streams) stream.readers.delete(this);
    this.#streams.dispose();
    this.#around.stops.set(this, []);
    this.sink.dispose();
  }
}
