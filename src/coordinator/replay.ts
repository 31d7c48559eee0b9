/**
 * Replay: records of streams for a dataflow that does not get them live.
 *
 * Streams (append-only sources) are not kept in memory, so a new dataflow gets their past from
 * Kafka once more, as one snapshot. The replay runs in rounds while other dataflows go on: each
 * round reads up to what was bound when it began. Once the rest is small, one turn of the event
 * loop fixes the cut: the dataflow goes live at the next step q, and the last round reads exactly
 * up to what is bound before q. Live batches from q on wait in the engine until then. So every
 * record reaches the dataflow once: those bound before q by replay, the others live.
 *
 * A dataflow that was *detached* (dataflow/graph/stream-intake.ts), or that begins with a state
 * from before, has everything up to some step: its replay begins with what was bound then. Each of
 * its rounds ends at a step, which the dataflow goes to at once: at one that is complete and, if
 * some in between must not be skipped, at these first. The cut goes through the steps that are
 * under way one by one, as reads may yet be held at them.
 *
 * What the topic no longer has cannot be replayed. A partition whose oldest records are gone is
 * replayed from its first record that is left: the dataflow sees the topic as somebody would who
 * reads it from now on. Records that go while a replay is under way, between some that were
 * replayed and others, would leave a hole, and so do all that a dataflow has missed: those become
 * an error of the dataflow that names them.
 */
import { assert, defined } from '../base/assert.ts';
import type { Positions } from '../../connectors/connector.ts';
import type { EngineClient } from './engine-client.ts';
import { ReplayReader } from './replay-reader.ts';
import type { SourceRuntime } from './source-runtime.ts';
import type { Timeline } from './timeline.ts';

/** Rounds of a new dataflow before the cut is made however much is left. */
const roundsMax = 8;
/** Records left at which the cut is made. */
const restRecordsMax = 10_000n;

/** What a dataflow has of the streams that it reads. */
export interface ReplayStart {
  /** It has everything up to and including this step. */
  readonly step: number;
  /** What was bound by that step, by collection. */
  readonly bound: ReadonlyMap<number, Positions>;
}

/** A collection that is not kept, and the source whose records it is read from. */
export interface ReplayedStream {
  readonly collection: number;
  readonly source: SourceRuntime;
}

/** All replays of one dataflow, one after the other, as long as it lives. */
export class Replay {
  readonly #engine: EngineClient;
  readonly #timeline: Timeline;
  readonly #dataflow: number;
  readonly #streams: readonly ReplayedStream[];
  readonly #readers: ReadonlyMap<number, ReplayReader>;
  #running: Promise<void> = Promise.resolve();
  /** The step up to which a detached dataflow has worked off everything. */
  #reached = -1;
  /** What lets nobody skip steps that the dataflow has yet to come to, by step. */
  readonly #stops = new Map<number, () => void>();
  #wake: () => void = () => undefined;
  #cancelled = false;

  constructor(
    engine: EngineClient,
    timeline: Timeline,
    dataflow: number,
    streams: readonly ReplayedStream[],
  ) {
    this.#engine = engine;
    this.#timeline = timeline;
    this.#dataflow = dataflow;
    this.#streams = streams;
    this.#readers = new Map(
      streams.map((stream) => [stream.collection, new ReplayReader(engine, dataflow, stream)]),
    );
  }

  /** Names of the sources that the dataflow reads. */
  get sources(): readonly string[] {
    return [...this.#sources].map(({ source }) => source.name);
  }

  get #sources(): ReadonlySet<SourceRuntime> {
    return new Set(this.#streams.map(({ source }) => source));
  }

  /** Gives a new dataflow the past; resolves when it has been sent, or the dataflow is gone. */
  hydrate(): Promise<void> {
    return this.#next(() => this.#hydrate());
  }

  /**
   * Gives a detached dataflow what follows `start`, as soon as it has worked off what came before,
   * until it is live again; resolves as `hydrate` does. No round begins before `ready`, nor ends at a
   * step before that: what else the dataflow reads may not be readable there.
   */
  catchUp(start: ReplayStart, ready: Promise<unknown> | null = null): Promise<void> {
    this.#stopAt(start.step);
    return this.#next(() => this.#catchUp(start, ready));
  }

  /** The dataflow has been detached at a step, which is not complete: it is to catch up. */
  detached(step: number): Promise<void> {
    const bound = this.#boundAt(step - 1);
    assert(bound !== null, `what was bound by step ${step - 1} is known`);
    return this.catchUp({ step: step - 1, bound });
  }

  /** A detached dataflow has worked off what comes before `step`. */
  awaits(step: number): void {
    this.#reached = step - 1;
    this.advanced(step - 1);
    this.#wake();
  }

  /** The dataflow has come to a step. */
  advanced(step: number): void {
    for (const [stop, release] of this.#stops) {
      if (stop > step) continue;
      release();
      this.#stops.delete(stop);
    }
  }

  #stopAt(step: number): void {
    if (!this.#cancelled && !this.#stops.has(step))
      this.#stops.set(step, this.#timeline.stopAt(step));
  }

  /** The engine took in one replay message. */
  replayed(collection: number): void {
    this.#readers.get(collection)?.acknowledged();
  }

  /** Ends it for good: the dataflow is dropped. */
  cancel(): void {
    this.#cancelled = true;
    this.advanced(Infinity);
    this.#wake();
    for (const reader of this.#readers.values()) reader.cancel();
  }

  #next(act: () => Promise<void>): Promise<void> {
    const run = async (): Promise<void> => {
      try {
        if (!this.#cancelled) await act();
      } finally {
        for (const source of this.#sources) source.replayStatus(this.#dataflow, null);
      }
    };
    const next = this.#running.then(run);
    // Who asked for the one that failed is told; those after it go on.
    this.#running = next.catch(() => undefined);
    return next;
  }

  async #hydrate(): Promise<void> {
    if (!(await this.#live())) return;
    for (const { source, reader } of this.#pairs()) reader.begin(source.starts, false);
    for (let round = 0; round < roundsMax && this.#rest() > restRecordsMax; round++) {
      for (const { source, reader } of this.#pairs()) await reader.read(new Map(source.bound));
      if (this.#cancelled) return;
    }
    const targets = this.#pairs().map(({ source }) => new Map(source.bound));
    this.#goLive();
    await this.#read(targets);
  }

  async #catchUp({ step, bound }: ReplayStart, ready: Promise<unknown> | null): Promise<void> {
    if (!(await this.#live())) return;
    await ready;
    const first = ready === null ? 0 : this.#timeline.sealed;
    for (const { source, reader } of this.#pairs()) {
      const from = defined(bound.get(source.collection), 'a source has its start');
      reader.begin(from, true);
    }
    let at = step;
    while (await this.#reaches(at)) {
      const rounds = this.#roundsAfter(at).filter(({ to }) => to >= first);
      const cut = this.#rest() <= restRecordsMax || rounds.length === 0;
      const now = cut ? rounds : rounds.slice(0, 1);
      for (const { to } of now) {
        this.#engine.send({ kind: 'catchUp', dataflow: this.#dataflow, to });
        this.#stopAt(to);
        at = to;
      }
      if (cut) this.#goLive();
      for (const { targets } of now) await this.#read(targets);
      if (cut) return;
    }
  }

  /** Rounds that lead from a step to the last one that is sealed, each with its targets. */
  #roundsAfter(at: number): { readonly to: number; readonly targets: readonly Positions[] }[] {
    return this.#timeline.stopsAfter(at).flatMap((to) => {
      const bound = this.#boundAt(to);
      if (bound === null) return [];
      const targets = this.#streams.map(({ source }) => bound.get(source.collection) ?? new Map());
      return [{ to, targets }];
    });
  }

  /** What was bound of all sources by a step, or null if that is not known of one of them. */
  #boundAt(step: number): ReadonlyMap<number, Positions> | null {
    const all = new Map<number, Positions>();
    for (const source of this.#sources) {
      const bound = source.boundAt(step);
      if (bound === null) return null;
      all.set(source.collection, bound);
    }
    return all;
  }

  #goLive(): void {
    const step = this.#timeline.sealed + 1;
    this.#engine.send({ kind: 'goLive', dataflow: this.#dataflow, step });
  }

  /** Reads one round to its end. */
  async #read(targets: readonly Positions[]): Promise<void> {
    for (const [i, { reader }] of this.#pairs().entries()) {
      await reader.read(defined(targets[i], 'a source has its target'));
      if (this.#cancelled) return;
      reader.end();
    }
  }

  /**
   * Waits until all sources are live, and a step has what they began with; false if the dataflow is
   * gone.
   */
  async #live(): Promise<boolean> {
    for (const source of this.#sources) {
      await source.live();
      if (this.#cancelled) return false;
    }
    const since = Math.max(...this.#streams.map(({ source }) => source.liveSince));
    while (!this.#cancelled && this.#timeline.sealed < since) await this.#timeline.nextStep();
    return !this.#cancelled;
  }

  /** Waits until the detached dataflow has come to a step; false if it is gone. */
  async #reaches(step: number): Promise<boolean> {
    while (!this.#cancelled && this.#reached < step) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return !this.#cancelled;
  }

  /** Records bound but not yet replayed. */
  #rest(): bigint {
    return this.#pairs().reduce((rest, { reader }) => rest + reader.rest(), 0n);
  }

  #pairs(): { readonly source: SourceRuntime; readonly reader: ReplayReader }[] {
    return this.#streams.map(({ collection, source }) => ({
      source,
      reader: defined(this.#readers.get(collection), 'a stream has its reader'),
    }));
  }
}
