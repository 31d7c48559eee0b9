/**
 * Replay: the history of streams for a dataflow that is new.
 *
 * Streams (append-only sources) are not kept in memory, so a new dataflow gets their past from
 * Kafka once more, as one snapshot. The replay runs in rounds while other dataflows go on: each
 * round reads up to what was bound when it began. Once the rest is small, one turn of the event
 * loop fixes the cut: the dataflow goes live at the next step q, and the last round reads exactly
 * up to what is bound before q. Live batches from q on wait in the engine until then. So every
 * record reaches the dataflow once: those bound before q by replay, the others live.
 *
 * What the topic no longer has cannot be replayed. A partition whose oldest records are gone is
 * replayed from its first record that is left: the dataflow sees the topic as somebody would who
 * reads it from now on. Records that go while a replay is under way, between some that were
 * replayed and others, would leave a hole: those become an error of the dataflow that names them.
 */
import { assert, defined } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Positions, RawChunk, SourceReader } from '../../connectors/connector.ts';
import type { EngineClient } from './engine-client.ts';
import type { SourceRuntime } from './source-runtime.ts';
import type { Timeline } from './timeline.ts';

/** Rounds before the cut is made however much is left. */
const roundsMax = 8;
/** Records left at which the cut is made. */
const restRecordsMax = 10_000n;

/** Credit for replay messages: at most `replayBytesInFlightMax` unacknowledged bytes a dataflow. */
class Window {
  readonly #inFlight: number[] = [];
  #bytes = 0;
  onRoom: () => void = () => undefined;

  sent(bytes: number): boolean {
    this.#inFlight.push(bytes);
    this.#bytes += bytes;
    return this.#bytes < limits.replayBytesInFlightMax;
  }

  acknowledged(): void {
    this.#bytes -= this.#inFlight.shift() ?? 0;
    assert(this.#bytes >= 0, 'what is acknowledged was sent');
    if (this.#bytes < limits.replayBytesInFlightMax) this.onRoom();
  }
}

/** The replay of one dataflow; `run` once. */
export class Replay {
  readonly #engine: EngineClient;
  readonly #timeline: Timeline;
  readonly #dataflow: number;
  readonly #sources: readonly SourceRuntime[];
  readonly #windows = new Map<number, Window>();
  readonly #done = new Map<number, Map<number, bigint>>();
  /** Partitions of each source of which something was replayed. */
  readonly #begun = new Map<number, Set<number>>();
  #reader: SourceReader | null = null;
  #wake: () => void = () => undefined;
  #cancelled = false;

  constructor(
    engine: EngineClient,
    timeline: Timeline,
    dataflow: number,
    sources: readonly SourceRuntime[],
  ) {
    this.#engine = engine;
    this.#timeline = timeline;
    this.#dataflow = dataflow;
    this.#sources = sources;
  }

  /** Runs to the end; resolves when the dataflow has everything or the replay was cancelled. */
  async run(): Promise<void> {
    try {
      await this.#run();
    } finally {
      for (const source of this.#sources) source.replayStatus(this.#dataflow, null);
    }
  }

  async #run(): Promise<void> {
    assert(this.#windows.size === 0, 'a replay runs once');
    for (const source of this.#sources) {
      await source.live();
      if (this.#cancelled) return;
      this.#windows.set(source.collection, new Window());
      this.#done.set(source.collection, new Map(source.starts));
    }
    for (
      let round = 0;
      round < roundsMax && !this.#cancelled && this.#rest() > restRecordsMax;
      round++
    ) {
      for (const source of this.#sources) await this.#read(source, new Map(source.bound));
    }
    if (this.#cancelled) return;
    const targets = this.#sources.map((source) => new Map(source.bound));
    this.#engine.send({
      kind: 'goLive',
      dataflow: this.#dataflow,
      step: this.#timeline.sealed + 1,
    });
    for (const [i, source] of this.#sources.entries()) {
      await this.#read(source, defined(targets[i], 'a source has its target'));
      if (this.#cancelled) return;
      this.#send(source, [], true);
    }
  }

  /** The engine took in one replay message. */
  replayed(collection: number): void {
    this.#windows.get(collection)?.acknowledged();
  }

  /** Ends it early: the dataflow is dropped. */
  cancel(): void {
    this.#cancelled = true;
    this.#wake();
  }

  /** Records bound but not yet replayed. */
  #rest(): bigint {
    let rest = 0n;
    for (const source of this.#sources) {
      const done = this.#doneOf(source);
      for (const [partition, offset] of source.bound) {
        rest += offset - (done.get(partition) ?? source.starts.get(partition) ?? 0n);
      }
    }
    return rest;
  }

  /** Offsets up to which partitions of the source are replayed. */
  #doneOf(source: SourceRuntime): Map<number, bigint> {
    return defined(this.#done.get(source.collection), 'a source has what is done of it');
  }

  async #read(source: SourceRuntime, until: Positions): Promise<void> {
    if (this.#cancelled) return;
    const done = this.#doneOf(source);
    const from = new Map(
      [...until.keys()].map((p) => [p, done.get(p) ?? source.starts.get(p) ?? 0n]),
    );
    const open = new Set(
      [...until].filter(([p, end]) => (from.get(p) ?? 0n) < end).map(([p]) => p),
    );
    if (open.size === 0) return;
    const window = defined(this.#windows.get(source.collection), 'a source has its window');
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#reader = source.connection.reader(source.source.format.topic, from, until, {
        chunk: (chunk) => {
          if (this.#cancelled) {
            chunk.release?.();
            return false;
          }
          this.#advance(done, chunk, until, open);
          const room = this.#take(source, chunk, window);
          if (open.size === 0) resolve();
          return room;
        },
        status: ({ error }) => source.replayStatus(this.#dataflow, error),
        partitions: () => undefined,
      });
      window.onRoom = () => this.#reader?.resume();
      this.#reader.start();
    });
    await this.#reader?.close();
    this.#reader = null;
  }

  /** Sends a chunk on; answers whether there is room for more. */
  #take(source: SourceRuntime, chunk: RawChunk, window: Window): boolean {
    const begun = this.#begun.get(source.collection) ?? new Set();
    this.#begun.set(source.collection, begun);
    if (chunk.lost !== undefined && !begun.has(chunk.partition)) return true;
    begun.add(chunk.partition);
    const room = window.sent(chunk.bytes.byteLength);
    this.#send(source, [chunk], false);
    return room;
  }

  #advance(done: Map<number, bigint>, chunk: RawChunk, until: Positions, open: Set<number>): void {
    const end = until.get(chunk.partition) ?? 0n;
    assert(
      chunk.next <= end,
      `a replay of partition ${chunk.partition} ends at ${end}, got ${chunk.next}`,
    );
    done.set(chunk.partition, chunk.next);
    if (chunk.next >= end) open.delete(chunk.partition);
  }

  #send(source: SourceRuntime, chunks: readonly RawChunk[], last: boolean): void {
    this.#engine.send({
      kind: 'replayChunks',
      dataflow: this.#dataflow,
      collection: source.collection,
      chunks,
      last,
    });
  }
}
