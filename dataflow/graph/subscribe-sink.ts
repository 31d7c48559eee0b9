/**
 * A subscription: every change of a dataflow's result, consolidated per step, sent as far as the
 * subscriber has given credit. Without credit the step stays open and the dataflow waits; meanwhile
 * its imports keep their history and it merges the steps that it missed, so no queue grows.
 *
 * The changes of a step are consolidated: in place as long as they are few, else, like a snapshot,
 * in an arrangement that lives for one step. A subscription to a collection as it is sends few
 * changes as they come where the collection knows that they name no row twice.
 *
 * UP TO is a time. Which step is the last before it is known when the first one at it or after it
 * is complete; the dataflow goes no further than steps that are complete, so it cannot have passed
 * the end by then.
 */
import { limits } from '../../src/base/limits.ts';
import type { Arrangement, Position } from '../arrangement/arrangement.ts';
import { rewind, startPosition } from '../arrangement/pairs.ts';
import { range } from '../operators/gather.ts';
import type { Context, Operator } from '../operators/operator.ts';
import { errorColumns } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { ColumnType } from '../value/type.ts';
import type { PackedBatch, Sink } from './command.ts';
import type { ConsolidatedRows } from './consolidator.ts';
import { Consolidator } from './consolidator.ts';
import type { StepClock } from '../operators/step-clock.ts';
import { never } from '../operators/step-clock.ts';
import { firstError } from './error-rows.ts';
import { packBatch, packRows } from './packed-batch.ts';
import type { DataflowSink } from './sink.ts';
import type { Limited } from './stops.ts';
import type { Surroundings } from './surroundings.ts';

type SubscribeRequest = Extract<Sink, { kind: 'subscribe' }>;

/** Sends the changes of a dataflow's result to one subscriber. */
export class SubscribeSink implements DataflowSink, Operator, Limited {
  readonly operator: Operator = this;
  readonly state = null;
  readonly columns: readonly ColumnType[];
  readonly request: number;
  /** Wants to hear of steps without changes too. */
  readonly watching: boolean;
  readonly #request: SubscribeRequest;
  readonly #around: Surroundings;
  readonly #shown: (step: number) => boolean;
  readonly #writer: BatchWriter;
  readonly #position: Position = startPosition();
  readonly #few: Consolidator;
  /** The collection that is subscribed to as it is, or null. */
  #bare: { readonly arrangement: Arrangement; readonly clock: StepClock } | null = null;
  /** What of a step of few changes is still to be sent, and rows of its first part that are. */
  #consolidated: ConsolidatedRows[] | null = null;
  #sentRows = 0;
  #changes: Arrangement | null = null;
  #errors: Arrangement | null = null;
  #credit: number;
  #lastStep = Infinity;
  #sentFirst = false;
  #sentTo = -1;
  #progressedTo = -1;
  #finished = false;
  #blocked = false;

  /** `shown` tells whether the dataflow's state at a step may be shown; `credit` is in bytes. */
  constructor(
    request: SubscribeRequest,
    columns: readonly ColumnType[],
    around: Surroundings,
    shown: (step: number) => boolean,
    credit: number,
  ) {
    this.#credit = credit;
    this.#request = request;
    this.request = request.request;
    this.columns = columns;
    this.#around = around;
    this.#shown = shown;
    this.watching = request.progress || request.upTo !== null;
    this.#writer = new BatchWriter(around.pool, columns);
    this.#few = new Consolidator(columns);
  }

  get lastStep(): number {
    return this.#lastStep;
  }

  timed(step: number, time: number): void {
    const { upTo } = this.#request;
    if (upTo !== null && time >= upTo) this.#lastStep = Math.min(this.#lastStep, step - 1);
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Step up to which the subscriber has been told everything; -1 before the first. */
  get progressedTo(): number {
    return this.#progressedTo;
  }

  /** The subscriber has taken `bytes` more. */
  credit(bytes: number): void {
    this.#credit += bytes;
    this.#blocked = this.#credit <= 0;
  }

  /** The result is this arrangement's rows, each with all columns, as the clock says. */
  reads(arrangement: Arrangement, clock: StepClock): void {
    this.#bare = { arrangement, clock };
  }

  begin(): void {
    // Nothing is kept between steps.
  }

  push(_port: number, batch: Batch, context: Context): 'done' {
    if (!this.#request.snapshot && !this.#sentFirst) return 'done';
    context.fuel.spend(batch.rows);
    if (this.#changes === null && this.#few.fits(batch)) this.#few.add(batch);
    else this.#apply(context.step, batch);
    return 'done';
  }

  /** Takes a batch into the arrangement, after those that were kept before. */
  #apply(step: number, batch: Batch): void {
    this.#changes ??= this.#around.arrangement(this.columns);
    for (const kept of this.#few.take()) {
      this.#changes.apply(step, kept);
      kept.slab.release();
    }
    this.#changes.apply(step, batch);
  }

  finish(context: Context): 'done' | 'more' {
    if (!this.#shown(context.step)) return 'done';
    if (this.#changes === null && this.#consolidated === null && this.#net())
      return this.#sendNet(context);
    return this.#changes === null ? this.#sendFew(context) : this.#sendMany(context, this.#changes);
  }

  /** Whether the changes of this step name no row twice as they come. */
  #net(): boolean {
    if (this.#bare === null) return false;
    const { arrangement, clock } = this.#bare;
    // What is there at one step names no row twice.
    if (clock.from === never) return true;
    const { complete } = arrangement;
    return arrangement.changesAreNet(Math.min(clock.from, complete), Math.min(clock.to, complete));
  }

  /** Sends the batches as they came. */
  #sendNet(context: Context): 'done' | 'more' {
    for (let batch = this.#few.first; batch !== undefined; batch = this.#few.first) {
      if (this.#credit <= 0) {
        this.#blocked = true;
        return 'more';
      }
      this.#respond(context.step, packBatch(batch, this.columns), false, false);
      const { rows } = batch;
      this.#few.drop();
      if (!context.fuel.spend(rows) && this.#few.rows > 0) return 'more';
    }
    this.#forget();
    return 'done';
  }

  /** Sends what the consolidator holds, a slice at a time. */
  #sendFew(context: Context): 'done' | 'more' {
    this.#consolidated ??= this.#few.consolidate();
    const { rowsMax, pool } = this.#around;
    for (let part = this.#consolidated[0]; part !== undefined; part = this.#consolidated[0]) {
      if (this.#credit <= 0) {
        this.#blocked = true;
        return 'more';
      }
      const { batch, rows, weights } = part;
      const n = Math.min(rowsMax, rows.length - this.#sentRows);
      const packed = packRows(pool, batch, this.columns, rows, this.#sentRows, n, weights);
      this.#respond(context.step, packed, false, false);
      this.#sentRows += n;
      if (this.#sentRows === rows.length) {
        this.#consolidated.shift();
        this.#sentRows = 0;
      }
      if (!context.fuel.spend(n) && this.#consolidated.length > 0) return 'more';
    }
    this.#forget();
    return 'done';
  }

  #sendMany(context: Context, changes: Arrangement): 'done' | 'more' {
    if (changes.complete < context.step) changes.seal(context.step);
    const pairs = this.#around.scratch.scanned;
    while (true) {
      if (this.#credit <= 0) {
        this.#blocked = true;
        return 'more';
      }
      pairs.n = 0;
      const ended = changes.scan(context.step, this.#position, pairs);
      this.#send(context.step, changes, 0, pairs.n);
      if (ended) break;
      if (!context.fuel.spend(pairs.n)) return 'more';
    }
    this.#forget();
    return 'done';
  }

  #send(step: number, changes: Arrangement, first: number, n: number): void {
    if (n === 0) return;
    const pairs = this.#around.scratch.scanned;
    const columns = range(this.columns.length);
    const words = changes.varWordsOf(pairs.address, first, n, columns);
    if (words > limits.batchVarWordsMax && n > 1) {
      this.#send(step, changes, first, n >> 1);
      this.#send(step, changes, first + (n >> 1), n - (n >> 1));
      return;
    }
    this.#writer.begin(n, words);
    changes.gather(pairs.address, first, n, columns, this.#writer, 0);
    const weights = pairs.weight.subarray(first, first + n);
    this.#writer.slab.i32.set(weights, this.#writer.weight);
    const batch = this.#writer.seal(step, n);
    this.#respond(step, packBatch(batch, this.columns), false, false);
    batch.slab.release();
  }

  #respond(step: number, batch: PackedBatch | null, progressed: boolean, last: boolean): void {
    if (batch !== null) this.#credit -= batch.buffer.byteLength;
    const chunk = { step, time: this.#around.timeOf(step), batch, progressed };
    const changed = batch !== null || this.#request.progress || this.#sentTo === step;
    if (batch !== null) this.#sentTo = step;
    this.#around.respond({
      kind: 'changes',
      request: this.request,
      chunks: changed || !last ? [chunk] : [],
      last,
    });
  }

  #forget(): void {
    this.#changes?.dispose();
    this.#changes = null;
    this.#few.clear();
    this.#consolidated = null;
    this.#sentRows = 0;
    this.#writer.close();
    rewind(this.#position);
  }

  applyErrors(step: number, errors: Batch): void {
    this.#errors ??= this.#around.arrangement(errorColumns);
    this.#errors.apply(step, errors);
  }

  end(step: number, shown: boolean): void {
    if (this.#errors !== null && this.#errors.complete < step) this.#errors.seal(step);
    if (!shown) return;
    this.#sentFirst = true;
    const errors = this.#errors;
    if (errors === null || errors.rows === 0) return;
    const error = firstError(errors, step, this.#around);
    if (error === null) return;
    this.#finished = true;
    this.#around.respond({ kind: 'failed', request: this.request, error });
  }

  advanced(step: number, shown: boolean): void {
    if (shown) this.progress(step);
  }

  /** All changes up to and including `step` have been sent. */
  progress(step: number): void {
    if (this.#finished) return;
    this.#progressedTo = step;
    const last = step >= this.#lastStep;
    if (last) this.#finished = true;
    if (last || this.#request.progress || this.#sentTo === step) {
      this.#respond(step, null, true, last);
    }
  }

  /** Nothing more can come before UP TO: ends it. */
  close(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#around.respond({ kind: 'changes', request: this.request, chunks: [], last: true });
  }

  poke(): void {
    // Nobody reads a subscription's result but its subscriber.
  }

  bytes(): number {
    return (this.#changes?.bytes() ?? 0) + (this.#errors?.bytes() ?? 0);
  }

  /** What it keeps counts as an operator's. */
  keptBytes(): number {
    return 0;
  }

  /** As an operator and as a sink: the second call finds nothing left. */
  dispose(): void {
    this.#forget();
    this.#errors?.dispose();
    this.#errors = null;
  }
}
