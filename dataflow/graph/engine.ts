/**
 * The engine's face: takes commands, owns collections, dataflows, reads and holds, and does their
 * work in slices when it is told to `run`. Everything that takes long is a task: steps are applied,
 * dataflows run, reads answered and indexes built in turns, so none waits for another's end.
 *
 * Synchronous and single-threaded; time comes in through `now`. The same object serves a worker
 * thread and, driven from a seed, a test.
 */
import { assert, defined, unreachable } from '../../src/base/assert.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import { SqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { RegionPool } from '../arrangement/region.ts';
import { StoreArrangement } from '../arrangement/store-arrangement.ts';
import { projection } from '../expr/expr.ts';
import { range } from '../operators/gather.ts';
import { newScratch } from '../operators/scratch.ts';
import { render } from '../render/render.ts';
import type { Batch } from '../value/batch.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { Checkpoints } from './checkpoints.ts';
import { Collections } from './collections.ts';
import type { Command, Response, Sink, Statistics } from './command.ts';
import type { DataflowListener } from './dataflow.ts';
import { Dataflow } from './dataflow.ts';
import { Housekeeping } from './housekeeping.ts';
import { IndexBuilds } from './index-builds.ts';
import type { Template } from './key-lookups.ts';
import { KeyLookups } from './key-lookups.ts';
import { NumberedHolds } from './numbered-holds.ts';
import { unpackBatch } from './packed-batch.ts';
import { ReadTask } from './read-task.ts';
import { Requests } from './requests.ts';
import { Scheduler } from './scheduler.ts';
import type { DataflowSink } from './sink.ts';
import { AnswerSink, CollectionSink } from './sink.ts';
import { shareCollection } from './shared-collection.ts';
import { Stops } from './stops.ts';
import { StepTimes } from './step-times.ts';
import { StepInputs } from './step-inputs.ts';
import type { StepTask } from './step-task.ts';
import { StoredCollection, statisticsOf } from './stored-collection.ts';
import type { Stopped } from './stopped-collection.ts';
import { StoppedCollection, droppedError } from './stopped-collection.ts';
import { StreamQueues } from './stream-queues.ts';
import { SubscribeSink } from './subscribe-sink.ts';
import type { Surroundings } from './surroundings.ts';
import type { UpsertRows } from './upsert.ts';

export interface EngineOptions {
  respond(response: Response): void;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Rows of an activation; tests make it small. */
  readonly activationRowsMax?: number;
  /** Words that each region may grow to; tests make it small. */
  readonly regionWords?: number;
  /** Bytes that a subscriber may be sent before it has taken any. */
  readonly subscribeBufferedBytesMax?: number;
  /** Bytes of records of streams that may wait for one dataflow. */
  readonly streamQueuedBytesMax?: number;
  /** Bytes of the state and the result of one dataflow. */
  readonly dataflowBytesMax?: number;
  /** Bytes of the state of one dataflow that a checkpoint may copy in one turn. */
  readonly checkpointCaptureBytesMax?: number;
}

/** Steps, indexes, dataflows, checkpoints, reclaiming. */
const kindsOfWork = 5;

type Of<K extends Command['kind']> = Extract<Command, { kind: K }>;

/** Why a subscription ends whose client does not read. */
const behindError: ErrorFields = {
  code: '53400',
  message: 'the subscription is too far behind its source',
  detail: `More than ${limits.streamQueuedBytesMax} bytes of records wait for its client.`,
  hint: 'Read faster, or subscribe to a materialized view: its changes are merged while they wait.',
};

/** One engine: everything that a dataflow thread holds. */
export class Engine implements DataflowListener {
  readonly #options: EngineOptions;
  readonly #around: Surroundings;
  readonly #regions: RegionPool;
  readonly #scheduler: Scheduler;
  readonly #collections: Collections;
  readonly #dataflows = new Map<number, Dataflow>();
  readonly #requests: Requests;
  readonly #holds = new NumberedHolds();
  readonly #keyLookups: KeyLookups;
  readonly #builds: IndexBuilds;
  readonly #steps: StepTask[] = [];
  /** Commands that came while the engine was at work. */
  readonly #commands: Command[] = [];
  #busy = false;
  /** The kind of work that had the last slice. */
  #nextKind = 0;
  readonly #inputs: StepInputs;
  /** Subscriptions that want to hear of steps without changes. */
  readonly #watchers = new Set<Dataflow>();
  /** Dataflows that read streams. */
  readonly #streaming: StreamQueues;
  readonly #times = new StepTimes();
  /** Dataflows whose frontier moved and was not reported yet. */
  readonly #advanced = new Set<Dataflow>();
  readonly #housekeeping = new Housekeeping();
  readonly #checkpoints: Checkpoints;
  /** Progress that watchers have been told of. */
  #watchedVersion = -1;
  #complete = 0;
  #since: number | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#regions = new RegionPool(options.regionWords);
    const rowsMax = options.activationRowsMax ?? limits.activationRowsMax;
    this.#scheduler = new Scheduler(() => options.now(), rowsMax);
    this.#around = {
      progress: { version: 0 },
      stops: new Stops(),
      pool: new SlabPool(),
      scratch: newScratch(rowsMax),
      rowsMax,
      complete: () => this.#complete,
      timeOf: (step) => this.#times.of(step),
      arrangement: (columns) => new StoreArrangement(this.#regions, columns),
      respond: (response) => options.respond(response),
    };
    this.#requests = new Requests(this.#around, () => options.now());
    this.#collections = new Collections(this.#around);
    this.#keyLookups = new KeyLookups(this.#around);
    this.#inputs = new StepInputs(this.#around);
    const { checkpointCaptureBytesMax = limits.checkpointCaptureBytesMax } = options;
    this.#checkpoints = new Checkpoints(
      this.#around,
      this.#collections,
      this.#inputs,
      checkpointCaptureBytesMax,
    );
    const { streamQueuedBytesMax = limits.streamQueuedBytesMax } = options;
    this.#streaming = new StreamQueues(this.#around, streamQueuedBytesMax);
    this.#builds = new IndexBuilds(this.#around);
  }

  /** The pool that batches for `input` are cut from. */
  get pool(): SlabPool {
    return this.#around.pool;
  }

  /** Bytes of all arrangements. */
  get arrangementBytes(): number {
    return this.#regions.bytes;
  }

  /**
   * Takes one command; long work is only noted. One that comes while the engine is at work (out of
   * a response) is taken as soon as nothing is half done.
   */
  command(command: Command): void {
    this.#commands.push(command);
    if (this.#busy) return;
    this.#busy = true;
    this.#takeCommands();
    this.#busy = false;
  }

  #takeCommands(): void {
    for (let next = this.#commands.shift(); next !== undefined; next = this.#commands.shift()) {
      this.#execute(next);
    }
  }

  #execute(command: Command): void {
    switch (command.kind) {
      case 'createCollection':
        return this.#createCollection(command);
      case 'openCollection':
        return this.#collections.open(command.collection);
      case 'createDataflow':
        return this.#createDataflow(command);
      case 'createIndex':
        return this.#createIndex(command);
      case 'dropIndex':
        return this.#dropIndex(command);
      case 'dropDataflow':
        return this.#dropDataflow(command.dataflow);
      case 'dropCollection':
        return this.#remove(command.collection, null);
      case 'step':
        return this.#takeStep(command);
      case 'replay':
        return this.#replay(command);
      case 'goLive':
        return this.#dataflows.get(command.dataflow)?.goLive(command.step);
      case 'catchUp':
        return this.#dataflows.get(command.dataflow)?.catchUp(command.to);
      case 'lookup':
        return this.#lookup(command);
      case 'prepareLookup':
        return this.#prepareLookup(command);
      case 'forgetLookup':
        return this.#keyLookups.forget(command.template);
      case 'lookupKeys':
        return this.#lookupKeys(command);
      case 'cancel':
        if (this.#builds.cancel(command.request)) return;
        return this.#requests.cancel(command.request, (dataflow) => this.#dropDataflow(dataflow));
      case 'credit':
        return this.#credit(command);
      case 'hold':
        return this.#hold(command);
      case 'releaseHold':
        return this.#holds.release(command.hold);
      case 'statistics':
        return this.#statistics(command.request);
      case 'restore':
        return this.#restore(command);
      case 'beginCheckpoint':
      case 'takePieces':
      case 'endCheckpoint':
      case 'load':
      case 'loaded':
        return this.#checkpoints.command(command, this.#dataflows.values());
      default:
        return unreachable(command);
    }
  }

  /**
   * Rows, and errors of rows that could not be decoded, for the next step. The batches' uses of
   * their slabs pass to the engine.
   */
  input(
    collection: number,
    batch: Batch | null,
    errors: Batch | null,
    only: ReadonlySet<number> | null = null,
  ): void {
    this.#inputs.add(this.#collections.find(collection), batch, errors, only);
  }

  /**
   * Records of an upsert source for the next step, in the order of the log; `key` says which
   * columns are the key. The use of the batch's slab passes to the engine.
   */
  upsert(id: number, key: readonly number[], rows: UpsertRows): void {
    this.#inputs.upsert(this.#collections.find(id), key, rows);
  }

  /**
   * The same for the past of a stream that one dataflow is given (the command `replay` for batches
   * of the same thread).
   */
  replay(
    id: number,
    collection: number,
    batch: Batch | null,
    errors: Batch | null,
    last: boolean,
  ): void {
    const dataflow = this.#dataflows.get(id);
    if (dataflow !== undefined) return dataflow.replay(collection, batch, errors, last);
    batch?.slab.release();
    errors?.slab.release();
  }

  /**
   * Bytes of replayed batches that a dataflow has not taken in: whoever replays waits while they
   * are many.
   */
  replayBytes(id: number): number {
    return this.#dataflows.get(id)?.replayBytes ?? 0;
  }

  /** Works for about `milliseconds`; true if there is more to do at once. */
  run(milliseconds: number): boolean {
    const end = this.#options.now() + milliseconds;
    this.#busy = true;
    // Kinds of work that found nothing to do, one after the other.
    let idle = 0;
    while (idle < kindsOfWork) {
      idle = this.#turn(end) ? 0 : idle + 1;
      this.#takeCommands();
      if (idle === 0 && this.#options.now() >= end) break;
    }
    const more = idle < kindsOfWork;
    this.#report();
    const commanded = this.#commands.length > 0;
    this.#takeCommands();
    this.#busy = false;
    return more || commanded;
  }

  /** Reads, and one slice of the next kind of work; the kinds take turns. */
  #turn(end: number): boolean {
    const read = this.#requests.runReads(end);
    this.#nextKind = (this.#nextKind + 1) % kindsOfWork;
    return this.#runKind(this.#nextKind) || read;
  }

  #runKind(kind: number): boolean {
    switch (kind) {
      case 0:
        return this.#runStep();
      case 1:
        return this.#builds.run();
      case 2:
        return this.#runDataflow();
      case 3:
        return this.#checkpoints.run();
      default:
        return this.#housekeeping.reclaim(this.#around.rowsMax >> 1) || this.#regions.tidy();
    }
  }

  #runDataflow(): boolean {
    const dataflow = this.#scheduler.next();
    if (dataflow === null) return false;
    try {
      this.#scheduler.run(dataflow);
      dataflow.requireBytes(this.#options.dataflowBytesMax ?? limits.dataflowBytesMax);
    } catch (error) {
      // Memory has run out. Nobody but who reads its result misses this dataflow.
      if (!(error instanceof SqlError)) throw error;
      this.#stopDataflow(dataflow, error.fields, null);
      return true;
    }
    this.#checkpoints.look();
    this.#afterRun(dataflow);
    return true;
  }

  /**
   * Ends a dataflow for want of memory, and with it the collection that it keeps; `origin`: the
   * collection that it reads and that has run out of it, if it is not the dataflow itself.
   */
  #stopDataflow(dataflow: Dataflow, error: ErrorFields, origin: number | null): void {
    const { sink } = dataflow;
    const kept = sink instanceof CollectionSink && !(sink instanceof AnswerSink);
    if (!kept) return this.#fail(dataflow, error, origin);
    const { collection } = sink;
    this.#stop(collection, { error, collection: origin ?? collection.id });
  }

  /** Puts an end to a collection for which there is no memory; the reason takes its place. */
  #stop(collection: StoredCollection, reason: Stopped): void {
    const { id, columns } = collection;
    this.#remove(id, reason);
    this.#collections.addStopped(id, columns, reason);
    this.#around.respond({ kind: 'stopped', collection: id, error: reason.error });
  }

  #runStep(): boolean {
    const task = this.#steps[0];
    if (task === undefined) return false;
    try {
      if (!task.run(this.#around.rowsMax, this.#complete)) return true;
    } catch (error) {
      const collection = task.writing;
      if (!(error instanceof SqlError) || collection === null) throw error;
      task.refuse(error.fields);
      this.#stop(collection, { collection: collection.id, error: error.fields });
      return true;
    }
    this.#steps.shift();
    this.#completeStep(task);
    this.#lookAtQueues();
    return true;
  }

  #completeStep(task: StepTask): void {
    const { step } = task;
    assert(step > this.#complete, `step ${step} comes after ${this.#complete}`);
    this.#around.stops.timed(step, task.time);
    this.#complete = step;
    this.#around.progress.version++;
    this.#since = task.since;
    this.#times.add(step, task.time, () =>
      Math.min(this.#scheduler.leastFrontier(), this.#since ?? step),
    );
    for (const collection of task.touched) {
      if (collection instanceof StoredCollection) {
        collection.sealTo(step);
        this.#housekeeping.changed(collection, this.#since ?? step);
      }
      if (this.#collections.isClosed(collection.id)) continue;
      for (const reader of collection.readers) reader.changed();
    }
    this.#housekeeping.forget(this.#since ?? step);
    const { refused } = task;
    this.#checkpoints.completed(step, task.checkpoint);
    this.#around.respond({ kind: 'complete', step, ...(refused.length > 0 ? { refused } : {}) });
    this.#scheduler.stepCompleted();
  }

  /** Tells a subscriber who wants to know that nothing happened. */
  #watch(dataflow: Dataflow): void {
    const { sink } = dataflow;
    if (!(sink instanceof SubscribeSink)) return;
    dataflow.settle();
    const frontier = dataflow.effectiveFrontier();
    if (frontier >= 0 && frontier > sink.progressedTo) sink.progress(frontier);
    if (dataflow.spent) sink.close();
    if (sink.finished) this.#endDataflow(dataflow);
  }

  behind(dataflow: Dataflow): void {
    this.#scheduler.add(dataflow);
  }

  poked(dataflow: Dataflow): void {
    this.#scheduler.poke(dataflow);
  }

  advanced(dataflow: Dataflow): void {
    this.#advanced.add(dataflow);
    if (dataflow.sink instanceof CollectionSink && !dataflow.sink.finished) {
      this.#housekeeping.changed(dataflow.sink.collection, this.#since ?? this.#complete);
    }
    if (dataflow.keepsRows) this.#housekeeping.died(dataflow);
  }

  #afterRun(dataflow: Dataflow): void {
    const { sink } = dataflow;
    if (!sink.finished) return;
    if (sink instanceof AnswerSink) this.#answer(dataflow, sink);
    else this.#endDataflow(dataflow);
  }

  /** The result of a one-off dataflow is there: it is read like any collection, and goes. */
  #answer(dataflow: Dataflow, sink: AnswerSink): void {
    const asked = this.#requests.requestOf(dataflow.id);
    const request = defined(asked, `dataflow ${dataflow.id} answers a request`);
    const collection = sink.take();
    this.#endDataflow(dataflow);
    // It is disposed of with the read, dead rows and all.
    this.#housekeeping.removeCollection(collection);
    const { columns } = collection;
    const program = projection(columns, range(columns.length));
    const lookup = { key: null, program, columns };
    const read = { request, at: sink.answeredAt, lookup, finishing: sink.finishing };
    this.#requests.startRead(new ReadTask(read, collection, true, this.#around));
  }

  #report(): void {
    this.#lookAtQueues();
    const { version } = this.#around.progress;
    if (this.#watchedVersion !== version) {
      for (const dataflow of this.#watchers) this.#watch(dataflow);
      this.#watchedVersion = version;
    }
    for (const dataflow of this.#advanced) {
      const step = dataflow.frontier;
      this.#around.respond({ kind: 'frontier', dataflow: dataflow.id, step });
    }
    this.#advanced.clear();
  }

  /** Ends subscriptions that are too far behind their streams, and detaches others from them. */
  #lookAtQueues(): void {
    for (const dataflow of this.#streaming.look()) this.#fail(dataflow, behindError);
  }

  /** The first command of an engine that goes on where another one was. */
  #restore({ step, time }: Of<'restore'>): void {
    assert(this.#complete === 0 && this.#dataflows.size === 0, 'nothing comes before it');
    this.#complete = step;
    this.#times.add(step, time, () => step);
    this.#checkpoints.restore(step);
  }

  #createCollection(command: Of<'createCollection'>): void {
    const { collection: id, columns, stored, closed, saved, stopped, quarantine, full } = command;
    if (stopped !== undefined)
      return this.#collections.addStopped(id, columns, { collection: id, error: stopped });
    if (!stored) return this.#collections.addStream(id, columns);
    const made = this.#collections.addTable(id, columns, closed === true);
    if (full !== undefined) this.#inputs.addQuarantine(made, full);
    if (quarantine !== undefined) this.#inputs.useQuarantine(id, quarantine);
    if (saved !== undefined) this.#checkpoints.restoreCollection(made, saved, closed === true);
  }

  #createDataflow({ dataflow: id, plan, sink, asOf, saved }: Of<'createDataflow'>): void {
    assert(!this.#dataflows.has(id), `dataflow ${id} is new`);
    const { columns } = defined(plan.nodes[plan.root], 'a plan has a root');
    const reason = this.#collections.stoppedImport(plan);
    if (reason !== null) {
      if (sink.kind !== 'collection')
        this.#requests.fail(sink.request, reason.error, reason.collection);
      else this.#collections.addStopped(sink.collection, columns, reason);
      return;
    }
    const made: { dataflow: Dataflow | null } = { dataflow: null };
    const dataflow = new Dataflow(
      id,
      asOf,
      this.#sink(id, sink, columns, made),
      this.#around,
      this,
    );
    made.dataflow = dataflow;
    this.#dataflows.set(id, dataflow);
    const rendering = render(plan, dataflow, (one) => this.#collections.running(one), this.#around);
    if (saved === undefined) dataflow.start(rendering);
    else {
      dataflow.startRestored(rendering);
      this.#checkpoints.restoreDataflow(dataflow, saved.dataflow, saved.result);
    }
    if (sink.kind !== 'collection') this.#requests.startDataflow(sink.request, id);
    if (dataflow.sink instanceof SubscribeSink && dataflow.sink.watching) {
      this.#watchers.add(dataflow);
      this.#around.progress.version++;
    }
    if (dataflow.readsStreams) this.#streaming.add(dataflow);
  }

  #sink(
    id: number,
    sink: Sink,
    columns: readonly ColumnType[],
    made: { dataflow: Dataflow | null },
  ): DataflowSink {
    const producer = { effectiveFrontier: () => made.dataflow?.effectiveFrontier() ?? -1 };
    switch (sink.kind) {
      case 'collection':
        return new CollectionSink(
          this.#collections.addView(sink.collection, columns, producer, id),
        );
      case 'answer':
        return new AnswerSink(this.#collections.make(-1, columns, producer, -1), sink.finishing);
      case 'subscribe':
        return this.#subscribeSink(sink, columns, (step) => made.dataflow?.consistent(step));
      default:
        return unreachable(sink);
    }
  }

  #subscribeSink(
    request: Extract<Sink, { kind: 'subscribe' }>,
    columns: readonly ColumnType[],
    shown: (step: number) => boolean | undefined,
  ): SubscribeSink {
    const sink = new SubscribeSink(
      request,
      columns,
      this.#around,
      (step) => shown(step) ?? false,
      this.#options.subscribeBufferedBytesMax ?? limits.subscribeBufferedBytesMax,
    );
    if (request.upTo !== null) {
      const end = this.#times.firstFrom(request.upTo);
      if (end !== undefined) sink.timed(end, request.upTo);
      this.#around.stops.add(sink);
    }
    return sink;
  }

  #createIndex({ collection: id, key, request }: Of<'createIndex'>): void {
    const reason = this.#collections.stopped(id);
    if (reason === null) this.#builds.begin(this.#collections.stored(id), key, request ?? null);
    else if (request !== undefined) this.#requests.fail(request, reason.error, reason.collection);
  }

  #dropIndex({ collection: id, key }: Of<'dropIndex'>): void {
    if (this.#collections.stopped(id) === null)
      this.#builds.drop(this.#collections.stored(id), key);
  }

  #dropDataflow(id: number): void {
    const dataflow = this.#dataflows.get(id);
    if (dataflow !== undefined) this.#endDataflow(dataflow);
  }

  #endDataflow(dataflow: Dataflow): void {
    this.#checkpoints.forget(dataflow);
    this.#dataflows.delete(dataflow.id);
    this.#scheduler.remove(dataflow);
    this.#watchers.delete(dataflow);
    this.#streaming.delete(dataflow);
    this.#housekeeping.remove(dataflow);
    this.#advanced.delete(dataflow);
    if (dataflow.sink instanceof SubscribeSink) this.#around.stops.remove(dataflow.sink);
    this.#requests.dataflowEnded(dataflow.id);
    dataflow.dispose();
  }

  /** Takes a collection away, for good or, if there is a reason, for want of memory. */
  #remove(id: number, reason: Stopped | null): void {
    const collection = this.#collections.find(id);
    if (collection === undefined) return;
    if (collection instanceof StoppedCollection) return this.#collections.remove(id);
    const writer = this.#collections.writerOf(id);
    if (writer !== undefined) this.#dropDataflow(writer);
    for (const reader of [...collection.readers]) {
      if (!(reader instanceof Dataflow)) continue;
      if (reason === null) this.#fail(reader);
      else this.#stopDataflow(reader, reason.error, reason.collection);
    }
    this.#collections.remove(id);
    for (const step of this.#steps) step.forget(collection);
    this.#inputs.forget(collection);
    if (collection instanceof StoredCollection) this.#disposeStored(collection, reason);
  }

  #disposeStored(collection: StoredCollection, reason: Stopped | null): void {
    const error = reason?.error ?? droppedError;
    this.#requests.failReads(collection, error, reason?.collection ?? null);
    this.#holds.forget(collection);
    this.#builds.forget(collection, error);
    this.#checkpoints.forget(collection);
    this.#housekeeping.removeCollection(collection);
    collection.dispose();
  }

  /** Ends a dataflow whose import goes away or that cannot go on; whoever waits for it is told. */
  #fail(
    dataflow: Dataflow,
    error: ErrorFields = droppedError,
    collection: number | null = null,
  ): void {
    const request = this.#requests.requestOf(dataflow.id);
    if (request !== undefined) this.#requests.fail(request, error, collection);
    this.#endDataflow(dataflow);
  }

  #takeStep(command: Of<'step'>): void {
    this.#around.stops.sent(command.step, command.held ?? []);
    this.#steps.push(this.#inputs.take(command, (id) => this.#collections.find(id)));
  }

  #replay({ dataflow: id, collection, batch, last }: Of<'replay'>): void {
    const dataflow = this.#dataflows.get(id);
    if (dataflow === undefined) return;
    const { columns } = this.#collections.running(collection);
    const unpacked = batch === null ? null : unpackBatch(batch, columns, this.#complete);
    dataflow.replay(collection, unpacked, null, last);
  }

  #lookup({ request, at, lookup, finishing }: Of<'lookup'>): void {
    const reason = this.#collections.stopped(lookup.collection);
    if (reason !== null) return this.#requests.fail(request, reason.error, reason.collection);
    const collection = this.#collections.stored(lookup.collection);
    this.#requests.startRead(
      new ReadTask({ request, at, lookup, finishing }, collection, false, this.#around),
    );
  }

  #prepareLookup({ template, lookup, finishing }: Of<'prepareLookup'>): void {
    const { columns } = defined(this.#collections.find(lookup.collection), 'what is read exists');
    this.#keyLookups.prepare(template, lookup, finishing, columns);
  }

  #lookupKeys({ template: id, at, requests, keys }: Of<'lookupKeys'>): void {
    const template = defined(this.#keyLookups.get(id), `template ${id} is registered`);
    const { lookup, finishing, plain } = template;
    const collection = this.#collections.find(lookup.collection);
    if (!(collection instanceof StoredCollection)) {
      const reason = this.#collections.stopped(lookup.collection);
      for (const request of requests) {
        if (reason !== null) this.#requests.fail(request, reason.error, reason.collection);
        else this.#requests.fail(request, droppedError);
      }
      return;
    }
    if (!template.shared) this.#share(id, template, collection);
    const answer = plain?.answer(collection, keys, at) ?? null;
    if (answer !== null) return this.#around.respond({ kind: 'answers', requests, ...answer });
    const { columns } = defined(lookup.key, 'a template looks up a key');
    keys.forEach((key, i) => {
      const own = { ...lookup, key: { columns, values: [key] } };
      const read = { request: requests[i], at, lookup: own, finishing };
      this.#requests.startRead(new ReadTask(read, collection, false, this.#around));
    });
  }

  /** Tells the other thread how to read a template without asking, as soon as it can. */
  #share(id: number, template: Template, collection: StoredCollection): void {
    const { key } = template.lookup;
    const shared = shareCollection(collection, key?.columns ?? [], ({ id: written }) =>
      this.#dataflows.get(this.#collections.writerOf(written) ?? -1),
    );
    if (shared === null) return;
    template.shared = true;
    this.#around.respond({ kind: 'shared', template: id, shared });
  }

  #credit({ request, bytes }: Of<'credit'>): void {
    const dataflow = this.#dataflows.get(this.#requests.dataflowOf(request) ?? -1);
    if (!(dataflow?.sink instanceof SubscribeSink)) return;
    dataflow.sink.credit(bytes);
    this.#scheduler.poke(dataflow);
  }

  #hold({ hold, collection, since }: Of<'hold'>): void {
    if (this.#collections.stopped(collection) === null)
      this.#holds.set(hold, this.#collections.stored(collection), since);
  }

  #statistics(request: number): void {
    const collections = this.#collections.allStored().map(statisticsOf);
    const dataflows = [...this.#dataflows.values()].map((dataflow) => dataflow.statistics());
    const slabsLive = this.#around.pool.live;
    const statistics: Statistics = { step: this.#complete, collections, dataflows, slabsLive };
    this.#around.respond({ kind: 'statistics', request, statistics });
  }
}
