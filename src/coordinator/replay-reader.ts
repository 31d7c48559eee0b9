/**
 * Reads records of one stream for one dataflow, round after round, and sends them on: each round
 * from where the one before ended up to given offsets, slot by slot. At most
 * `replayBytesInFlightMax` bytes are on their way to the engine.
 */
import { assert, defined } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Positions, RawChunk, SourceReader } from '../../connectors/connector.ts';
import type { EngineClient } from './engine-client.ts';
import type { SourceRuntime } from './source-runtime.ts';

/** Credit for replay messages. */
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

/** The records of one stream for one dataflow. */
export class ReplayReader {
  readonly #engine: EngineClient;
  readonly #dataflow: number;
  readonly #collection: number;
  readonly #source: SourceRuntime;
  readonly #window = new Window();
  /** Offsets up to which slots have been read. */
  #done = new Map<number, bigint>();
  /** Slots of which what is lost is an error: something was read of them before. */
  readonly #begun = new Set<number>();
  /** The same of all slots. */
  #allBegun = false;
  #reader: SourceReader | null = null;
  #wake: () => void = () => undefined;
  #cancelled = false;

  /** `collection`: the stream, which is read from the records of `source`. */
  constructor(
    engine: EngineClient,
    dataflow: number,
    { collection, source }: { readonly collection: number; readonly source: SourceRuntime },
  ) {
    this.#engine = engine;
    this.#dataflow = dataflow;
    this.#collection = collection;
    this.#source = source;
  }

  /** The next round begins at `from`; `begun`: the dataflow has what comes before. */
  begin(from: Positions, begun: boolean): void {
    this.#done = new Map(from);
    this.#allBegun = begun;
  }

  /** Records bound but not yet read. */
  rest(): bigint {
    let rest = 0n;
    for (const [slot, offset] of this.#source.bound)
      if (!this.#source.isRetired(slot)) rest += offset - this.#doneOf(slot);
    return rest;
  }

  #doneOf(slot: number): bigint {
    return this.#done.get(slot) ?? this.#source.starts.get(slot) ?? 0n;
  }

  /** Reads on up to `until`. */
  async read(until: Positions): Promise<void> {
    while (!this.#cancelled) {
      // What was retired is not there any more, which somebody has accepted.
      const left = new Map([...until].filter(([slot]) => !this.#source.isRetired(slot)));
      if ([...left].every(([slot, end]) => this.#doneOf(slot) >= end)) return;
      await this.#readSlots(left);
    }
  }

  /** Reads on up to `until`, or until a slot is retired. */
  async #readSlots(until: Positions): Promise<void> {
    const { connection, choice, places } = this.#source;
    const from = new Map(
      [...until.keys()].map((slot) => {
        const place = defined(places.get(slot), 'what is bound has its place');
        return [slot, { ...place, offset: this.#doneOf(slot) }];
      }),
    );
    const open = new Set(
      [...until].filter(([slot, end]) => this.#doneOf(slot) < end).map(([slot]) => slot),
    );
    let forget = (): void => undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      forget = this.#source.onRetired(resolve);
      this.#reader = connection.reader(choice, from, until, {
        chunk: (chunk) => {
          if (this.#cancelled) {
            chunk.release?.();
            return false;
          }
          this.#source.received(chunk);
          this.#advance(chunk, until, open);
          const room = this.#take(chunk);
          if (open.size === 0) resolve();
          return room;
        },
        status: ({ error }) => this.#source.replayStatus(this.#dataflow, error),
        partitions: () => [],
      });
      this.#window.onRoom = () => this.#reader?.resume();
      this.#reader.start();
    });
    forget();
    await this.#reader?.close();
    this.#reader = null;
    this.#source.replayStatus(this.#dataflow, null);
  }

  #advance(chunk: RawChunk, until: Positions, open: Set<number>): void {
    const end = until.get(chunk.slot) ?? 0n;
    assert(chunk.next <= end, `a replay of slot ${chunk.slot} ends at ${end}, got ${chunk.next}`);
    this.#done.set(chunk.slot, chunk.next);
    if (chunk.next >= end) open.delete(chunk.slot);
  }

  /** Sends a chunk on; answers whether there is room for more. */
  #take(chunk: RawChunk): boolean {
    if (chunk.lost !== undefined && !this.#allBegun && !this.#begun.has(chunk.slot)) return true;
    this.#begun.add(chunk.slot);
    const room = this.#window.sent(chunk.bytes.byteLength);
    this.#send([chunk], false);
    return room;
  }

  /** The round has ended. */
  end(): void {
    this.#send([], true);
  }

  #send(chunks: readonly RawChunk[], last: boolean): void {
    this.#engine.send({
      kind: 'replayChunks',
      dataflow: this.#dataflow,
      collection: this.#collection,
      chunks,
      last,
    });
  }

  /** The engine took in one message. */
  acknowledged(): void {
    this.#window.acknowledged();
  }

  /** Ends it early, for good. */
  cancel(): void {
    this.#cancelled = true;
    this.#wake();
  }
}
