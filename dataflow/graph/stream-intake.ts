/**
 * What one dataflow takes of the streams that it reads, and when. Nobody keeps a stream, so there
 * are two ways: *live*, each batch at its step, and by a *round* of a replay, which the
 * coordinator reads where the records are kept.
 *
 * A dataflow begins with a round of all that was there, which ends at no particular step: its
 * first state counts once live steps follow. From then on it is live in `[liveFrom, liveUntil)`.
 * If too much waits for it, it is *detached*: `liveUntil` is the next step, and it goes no further
 * than the one before. When it is there it says so (`awaits`), and is given rounds, each of which
 * ends at a step and is taken as one step up to that. A last one is followed by live steps again.
 * One that was restored from what was written down begins its life detached (`resume`).
 *
 * Laws: each record is in exactly one round or live batch; a round begins where the one before, or
 * being live, has ended; no other dataflow skips a step at which a round ends, so that whatever
 * else is read can be read there.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { StreamImport } from './stream-import.ts';

/** Takes batches with their uses of their slabs. */
export interface StreamTaker {
  rows(from: StreamImport, batch: Batch): void;
  errors(batch: Batch): void;
}

/** The streams of one dataflow. */
export class StreamIntake {
  readonly #imports: readonly StreamImport[];
  /** Steps at which rounds end that have not been taken; null for the first one of a life. */
  readonly #ends: (number | null)[];
  /** Number of the first of these rounds. */
  #round = 0;
  /** First step whose state may be shown. */
  #shownFrom = Infinity;
  #liveFrom = Infinity;
  #liveUntil = Infinity;

  constructor(imports: readonly StreamImport[]) {
    this.#imports = imports;
    this.#ends = imports.length > 0 ? [null] : [];
    if (imports.length === 0) this.#shownFrom = 0;
  }

  /** Numbers of the streams. */
  get streams(): readonly number[] {
    return this.#imports.map(({ stream }) => stream.id);
  }

  /** First step whose state may be shown; Infinity if that is not known yet. */
  get shownFrom(): number {
    return this.#shownFrom;
  }

  /** The step that live batches, once there are any again, begin with. */
  get liveFrom(): number {
    return this.#liveFrom;
  }

  /** The last step that can be reached with what comes; Infinity if it is live. */
  get reach(): number {
    return this.#liveUntil - 1;
  }

  get detached(): boolean {
    return this.#liveUntil < Infinity;
  }

  /** The step at which the next round ends, or null if none is to come. */
  get roundEnd(): number | null {
    return this.#ends[0] ?? null;
  }

  /** Steps that nobody whom the dataflow may read skips. */
  get ends(): readonly number[] {
    const ends = this.#ends.filter((end) => end !== null);
    return this.detached ? [...ends, this.reach] : ends;
  }

  /** Whether something waits, or is to come before live steps do. */
  get unsettled(): boolean {
    return (
      this.detached ||
      this.#ends.length > 0 ||
      this.#imports.some((one) => one.firstStep < Infinity)
    );
  }

  /** Bytes of live batches that wait. */
  get queuedBytes(): number {
    return this.#imports.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0);
  }

  /** Bytes of replayed batches that wait. */
  get replayBytes(): number {
    return this.#imports.reduce((sum, { replayBytes }) => sum + replayBytes, 0);
  }

  /** Live batches count from `step` on: rounds lead up to it. */
  goLive(step: number): void {
    if (this.#shownFrom === Infinity) this.#shownFrom = step - 1;
    else assert(step === this.#liveUntil, `live steps follow ${this.reach}, not ${step - 1}`);
    this.#liveFrom = step;
    this.#liveUntil = Infinity;
  }

  /** Live batches of `step` and later are not taken, nor kept. */
  detach(step: number): void {
    assert(!this.detached && step >= this.#liveFrom, `who is live is detached at ${step}`);
    this.#liveUntil = step;
    for (const one of this.#imports) one.cut(step);
  }

  /** The next round of the replay ends at step `to`. */
  catchUp(to: number): void {
    assert(this.detached && to > this.reach, `a round to ${to} comes after ${this.reach}`);
    this.#ends.push(to);
    this.#liveFrom = to + 1;
    this.#liveUntil = to + 1;
  }

  /** Everything up to `step` has been taken in an earlier life. */
  resume(step: number): void {
    assert(this.#round === 0 && this.#shownFrom === Infinity, 'a life is resumed at its beginning');
    this.#ends.length = 0;
    this.#shownFrom = step;
    this.#liveFrom = step + 1;
    this.#liveUntil = step + 1;
  }

  receive(stream: number, step: number, batch: Batch | null, errors: Batch | null): void {
    if (step < this.#liveFrom || step >= this.#liveUntil) return;
    this.#import(stream).receive(step, batch, errors);
  }

  /** Takes the uses of the batches' slabs; `last` ends the round for this stream. */
  replay(stream: number, batch: Batch | null, errors: Batch | null, last: boolean): void {
    this.#import(stream).replay(batch, errors, last);
  }

  #import(stream: number): StreamImport {
    const found = this.#imports.find((one) => one.stream.id === stream);
    return defined(found, `the dataflow reads stream ${stream}`);
  }

  /** Whether there are batches of the round that is being taken. */
  get hasReplay(): boolean {
    return this.#imports.some((one) => one.hasReplay(this.#round));
  }

  /** Whether the step under way has all that belongs to it. */
  get whole(): boolean {
    if (this.#ends.length === 0) return true;
    return this.#shownFrom < Infinity && this.#imports.every((one) => one.replayed(this.#round));
  }

  /** Hands out what there is up to and including step `to`; not more of a replay than a batch. */
  take(to: number, taker: StreamTaker): void {
    const errors = (batch: Batch): void => taker.errors(batch);
    for (const one of this.#imports) {
      const rows = (batch: Batch): void => taker.rows(one, batch);
      if (this.#ends.length > 0) one.takeReplay(this.#round, rows, errors);
      one.take(to, rows, errors);
    }
  }

  /** A step has ended; answers whether it took a round. */
  stepped(): boolean {
    if (this.#ends.length === 0) return false;
    this.#ends.shift();
    this.#round++;
    return true;
  }

  dispose(): void {
    for (const one of this.#imports) one.dispose();
  }
}
