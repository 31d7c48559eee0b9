/**
 * The coordinator's end of the line to the engine: numbers requests and dataflows, and hands each
 * response to whoever waits for it. A request ends exactly once: by its last rows, by `failed`, or
 * by `cancelled`; what comes for a request that nobody waits for any more is dropped.
 */
import { assert } from '../base/assert.ts';
import type { ErrorFields } from '../base/error.ts';
import { SqlError, sqlError } from '../base/error.ts';
import { newestStep } from '../../dataflow/graph/command.ts';
import type { CheckpointResponse } from '../../dataflow/graph/checkpoint-messages.ts';
import type {
  PackedBatch,
  Finishing,
  Refusal,
  SharedCollection,
  Statistics,
  SubscribeChunk,
} from '../../dataflow/graph/command.ts';
import type { Row } from '../../dataflow/value/datum.ts';
import type { Lookup, Plan } from '../../dataflow/plan/plan.ts';
import { BatchQueue } from './batch-queue.ts';
import type { Cancellation } from './cancellation.ts';
import type { RowRange } from './session.ts';
import type { EngineLink, HostCommand, HostResponse, IngestCounts } from './engine-link.ts';

/** Rows of one answer as they come. */
export interface Answer {
  readonly request: number;
  next(): Promise<PackedBatch | null>;
  /** Stops it early; idempotent. */
  cancel(): void;
}

/** Chunks of a subscription as they come; `credit` asks for more. */
export interface Subscription {
  readonly request: number;
  next(): Promise<SubscribeChunk | null>;
  take(): SubscribeChunk | undefined;
  credit(bytes: number): void;
  cancel(): void;
}

/** Events that are not answers to a request. */
export interface EngineEvents {
  complete(step: number, refused?: readonly Refusal[]): void;
  /** The engine had no memory to go on with a collection. */
  stopped(collection: number, error: ErrorFields): void;
  /** A dataflow takes no live records of a step and later. */
  detached(dataflow: number, step: number): void;
  /** It has worked off what comes before a step, and is to be given what follows. */
  awaits(dataflow: number, step: number): void;
  /** How the user calls a collection: its kind and name. */
  nameOf(collection: number): string;
  frontier(dataflow: number, step: number): void;
  ingested(collection: number, counts: IngestCounts): void;
  replayed(dataflow: number, collection: number): void;
  shared(template: number, shared: SharedCollection): void;
  /** What the engine says about the checkpoint under way. */
  checkpoint(response: CheckpointResponse): void;
  crashed(message: string): void;
}

/** Called once: with the whole answer, or with what went wrong. */
export interface LookupListener {
  answered(rows: readonly RowRange[]): void;
  failed(error: Error): void;
}

type Waiting =
  | {
      readonly kind: 'key';
      readonly listener: LookupListener;
      readonly rows: RowRange[];
      readonly early: boolean;
    }
  | { readonly kind: 'answer'; readonly queue: BatchQueue<PackedBatch>; readonly early: boolean }
  | { readonly kind: 'subscription'; readonly queue: BatchQueue<SubscribeChunk> }
  | { readonly kind: 'statistics'; readonly queue: BatchQueue<Statistics> }
  /** Something that is done or fails. */
  | { readonly kind: 'work'; readonly queue: BatchQueue<never> };

function cancelled(): SqlError {
  return sqlError('57014', 'canceling statement due to user request');
}

/** Requests out, answers in. */
export class EngineClient {
  readonly #link: EngineLink;
  readonly #waiting = new Map<number, Waiting>();
  readonly #events: EngineEvents;
  /** Set once the engine has ended: what is asked from then on fails at once. */
  #ended: SqlError | null = null;
  /** The step that the engine may know of and nobody else may, and what came since. */
  #hidden: { readonly step: number; readonly held: HostResponse[] } | null = null;
  #nextRequest = 1;
  #nextNumber = 1;

  constructor(link: EngineLink, events: EngineEvents) {
    this.#link = link;
    this.#events = events;
    link.receive((response) => this.#hear(response));
  }

  /** The number that comes next. */
  get numberAhead(): number {
    return this.#nextNumber;
  }

  /** Numbers below this one have been used. */
  reserveNumbers(numberAhead: number): void {
    this.#nextNumber = Math.max(this.#nextNumber, numberAhead);
  }

  /** A number for a new collection, dataflow or hold. */
  nextNumber(): number {
    return this.#nextNumber++;
  }

  send(command: HostCommand): void {
    this.#link.send(command);
  }

  /**
   * The engine is about to get a step of which nothing may be told yet. What it answers is kept
   * until `reveal`, except what it told before it began with the step, and rows of stored
   * collections that were asked for at a step that was complete. What is kept is bounded by what
   * the engine may have on its way for each of those who ask.
   */
  hide(step: number): void {
    assert(this.#hidden === null, 'one step at a time is hidden');
    this.#hidden = { step, held: [] };
  }

  /** Whatever the engine says may be told. */
  reveal(): void {
    const held = this.#hidden?.held ?? [];
    this.#hidden = null;
    for (const response of held) this.#receive(response);
  }

  /** Takes a response, unless it may be of the hidden step. */
  #hear(response: HostResponse): void {
    const hidden = this.#hidden;
    if (hidden === null || this.#isEarly(response)) return this.#receive(response);
    if (response.kind === 'crashed') return this.#receive(response);
    if (response.kind !== 'complete' || response.step >= hidden.step) {
      hidden.held.push(response);
      return;
    }
    // Steps are worked on one after the other: up to here nothing was of the hidden one.
    for (const earlier of hidden.held.splice(0)) this.#receive(earlier);
    this.#receive(response);
  }

  /** Whether it answers who asked for a step that everybody knows. */
  #isEarly(response: HostResponse): boolean {
    const isEarly = (request: number): boolean => {
      const waiting = this.#waiting.get(request);
      return waiting === undefined || ('early' in waiting && waiting.early);
    };
    switch (response.kind) {
      case 'answers':
        return response.requests.every(isEarly);
      case 'rows':
      case 'failed':
      case 'cancelled':
        return isEarly(response.request);
      default:
        return false;
    }
  }

  lookup(at: number, lookup: Lookup, finishing: Finishing): Answer {
    const request = this.#nextRequest++;
    const answer = this.#answer(request, at !== newestStep);
    this.#link.send({ kind: 'lookup', request, at, lookup, finishing });
    return answer;
  }

  /** Looks up one key; answers the number to cancel it by. */
  lookupKey(template: number, at: number, key: Row, listener: LookupListener): number {
    const request = this.#nextRequest++;
    this.#wait(request, { kind: 'key', listener, rows: [], early: at !== newestStep });
    this.#link.send({ kind: 'lookupKeys', template, at, requests: [request], keys: [key] });
    return request;
  }

  /** Ends a lookup of a key with 57014, if it is still under way. */
  cancelKey(request: number, error: Error): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    this.#end(request, error);
    this.#link.send({ kind: 'cancel', request });
  }

  /**
   * Runs a plan once, at the greatest complete step from `asOf` on; the dataflow ends by itself.
   */
  answer(dataflow: number, plan: Plan, asOf: number, finishing: Finishing): Answer {
    const request = this.#nextRequest++;
    const answer = this.#answer(request, false);
    this.#link.send({
      kind: 'createDataflow',
      dataflow,
      plan,
      asOf,
      sink: { kind: 'answer', request, finishing },
    });
    return answer;
  }

  subscribe(
    dataflow: number,
    plan: Plan,
    asOf: number,
    options: { snapshot: boolean; progress: boolean; upTo: number | null },
  ): Subscription {
    const request = this.#nextRequest++;
    const queue = new BatchQueue<SubscribeChunk>();
    this.#wait(request, { kind: 'subscription', queue });
    this.#link.send({
      kind: 'createDataflow',
      dataflow,
      plan,
      asOf,
      sink: { kind: 'subscribe', request, ...options },
    });
    return {
      request,
      next: () => queue.next(),
      take: () => queue.take(),
      credit: (bytes) => this.#link.send({ kind: 'credit', request, bytes }),
      cancel: () => this.#cancel(request, queue),
    };
  }

  /**
   * Builds an index; resolves when it is whole. Rejects with 53200 if there is no room for it, and
   * with 57014 if it was cancelled: then the engine does not have it.
   */
  async createIndex(
    collection: number,
    key: readonly number[],
    cancellation: Cancellation,
  ): Promise<void> {
    let stop: () => void = () => undefined;
    const built = this.#work((request) => {
      stop = () => this.#link.send({ kind: 'cancel', request });
      return { kind: 'createIndex', collection, key, request };
    });
    // The engine has the last word: it may have built the index before it hears of the cancel.
    const forget = cancellation.onCancel(stop);
    try {
      await built;
    } catch (error) {
      throw cancellation.cancelled ? cancellation.error() : error;
    } finally {
      forget();
    }
  }

  /**
   * Gives a piece of a checkpoint, in memory that must stay as it is until this resolves. Rejects
   * with XX001.
   */
  load(image: number, words: Int32Array): Promise<void> {
    return this.#work((request) => ({ kind: 'load', request, image, words }));
  }

  /** All pieces were taken; resolves when everything stands at the step of the checkpoint. */
  loaded(): Promise<void> {
    return this.#work((request) => ({ kind: 'loaded', request }));
  }

  /** Resolves when the engine has done something. */
  async #work(command: (request: number) => HostCommand): Promise<void> {
    const request = this.#nextRequest++;
    const queue = new BatchQueue<never>();
    this.#wait(request, { kind: 'work', queue });
    this.#link.send(command(request));
    await queue.next();
  }

  async statistics(): Promise<Statistics> {
    const request = this.#nextRequest++;
    const queue = new BatchQueue<Statistics>();
    this.#wait(request, { kind: 'statistics', queue });
    this.#link.send({ kind: 'statistics', request });
    const statistics = await queue.next();
    if (statistics === null) throw cancelled();
    return statistics;
  }

  #wait(request: number, waiting: Waiting): void {
    assert(!this.#waiting.has(request), `request ${request} is answered once`);
    this.#waiting.set(request, waiting);
    const error = this.#ended;
    // Not before the caller has what it asked for.
    if (error !== null) void Promise.resolve().then(() => this.#end(request, error));
  }

  #answer(request: number, early: boolean): Answer {
    const queue = new BatchQueue<PackedBatch>();
    this.#wait(request, { kind: 'answer', queue, early });
    return { request, next: () => queue.next(), cancel: () => this.#cancel(request, queue) };
  }

  #cancel(request: number, queue: { fail(error: Error): void }): void {
    if (!this.#waiting.delete(request)) return;
    queue.fail(cancelled());
    this.#link.send({ kind: 'cancel', request });
  }

  #receive(response: HostResponse): void {
    switch (response.kind) {
      case 'complete':
        return this.#events.complete(response.step, response.refused);
      case 'detached':
        return this.#events.detached(response.dataflow, response.step);
      case 'awaits':
        return this.#events.awaits(response.dataflow, response.step);
      case 'stopped':
        return this.#events.stopped(response.collection, response.error);
      case 'frontier':
        return this.#events.frontier(response.dataflow, response.step);
      case 'ingested':
        return this.#events.ingested(response.collection, response.counts);
      case 'replayed':
        return this.#events.replayed(response.dataflow, response.collection);
      case 'shared':
        return this.#events.shared(response.template, response.shared);
      case 'piece':
      case 'checkpointReady':
      case 'checkpointGivenUp':
      case 'checkpointed':
        return this.#events.checkpoint(response);
      case 'crashed':
        return this.#crashed(response.message);
      case 'answers':
        return this.#answers(response);
      case 'rows':
      case 'changes':
      case 'statistics':
        return this.#deliver(response);
      case 'indexed':
      case 'loaded':
        return this.#done(response.request);
      case 'failed':
        return this.#end(response.request, new SqlError(this.#errorOf(response)));
      case 'cancelled':
        return this.#end(response.request, cancelled());
    }
  }

  /** What whoever asked is told. */
  #errorOf({ error, stopped }: Extract<HostResponse, { kind: 'failed' }>): ErrorFields {
    if (stopped === undefined) return error;
    return {
      ...error,
      message: `${this.#events.nameOf(stopped)} has stopped: ${error.message}`,
      hint: 'Drop it, and create it again when there is room for it.',
    };
  }

  #done(request: number): void {
    const waiting = this.#waiting.get(request);
    if (waiting?.kind !== 'work') return;
    this.#waiting.delete(request);
    waiting.queue.end();
  }

  #deliver(response: Extract<HostResponse, { kind: 'rows' | 'changes' | 'statistics' }>): void {
    const waiting = this.#waiting.get(response.request);
    if (waiting === undefined) return;
    let last = true;
    if (response.kind === 'rows' && waiting.kind === 'key') {
      waiting.rows.push({ batch: response.batch, first: 0, rows: response.batch.rows });
      if (!response.last) return;
      this.#waiting.delete(response.request);
      return waiting.listener.answered(waiting.rows);
    }
    assert(waiting.kind !== 'key', 'a lookup of a key is answered by rows');
    if (response.kind === 'rows' && waiting.kind === 'answer') {
      waiting.queue.push(response.batch);
      last = response.last;
    } else if (response.kind === 'changes' && waiting.kind === 'subscription') {
      for (const chunk of response.chunks) waiting.queue.push(chunk);
      last = response.last;
    } else {
      assert(
        response.kind === 'statistics' && waiting.kind === 'statistics',
        `${response.kind} came for a request of ${waiting.kind}`,
      );
      waiting.queue.push(response.statistics);
    }
    if (!last) return;
    this.#waiting.delete(response.request);
    waiting.queue.end();
  }

  /** Hands out the answers of one batch. */
  #answers({ requests, rows, batch }: Extract<HostResponse, { kind: 'answers' }>): void {
    let first = 0;
    requests.forEach((request, i) => {
      const count = rows[i] ?? 0;
      const waiting = this.#waiting.get(request);
      if (waiting?.kind === 'key') {
        this.#waiting.delete(request);
        waiting.listener.answered([{ batch, first, rows: count }]);
      }
      first += count;
    });
    assert(first === batch.rows, 'every row of a batch of answers is in one of them');
  }

  #end(request: number, error: Error): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    this.#waiting.delete(request);
    if (waiting.kind === 'key') waiting.listener.failed(error);
    else waiting.queue.fail(error);
  }

  #crashed(message: string): void {
    const error = sqlError('57P02', `the dataflow thread has ended: ${message}`);
    this.#ended = error;
    for (const request of [...this.#waiting.keys()]) this.#end(request, error);
    this.#events.crashed(message);
  }
}
