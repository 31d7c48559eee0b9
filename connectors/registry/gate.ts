/**
 * Holds back records until the schemas with which they were written are known to the decoders.
 *
 * It stands between a Kafka connection and the owner of its readers. Each chunk is scanned for
 * numbers of schemas; those that the decoders do not have yet are asked of the registry and handed
 * over by `deliver`, and only then the chunk goes on. Chunks keep their order. While the registry
 * cannot be asked, the reader is `stalled` with the reason and asks again with growing pauses; no
 * chunk is given up. A number that the registry does not have, after a few questions, is handed
 * over as unusable: its records become errors, and it is asked for again from time to time.
 *
 * Memory: chunks wait here only while the registry is asked; the reader behind is told to stop as
 * soon as one waits.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Clock, Entropy } from '../../src/base/seam.ts';
import type {
  FoundPartition,
  Positions,
  RawChunk,
  ReaderEvents,
  SlotPositions,
  SourceConnection,
  SourceReader,
  SourceStatus,
  TopicChoice,
} from '../connector.ts';
import type { SchemaAnswer } from '../format/avro/writers.ts';
import { Backoff, Pause } from '../kafka/backoff.ts';
import type { SchemaRegistry } from './client.ts';
import { RegistryUnavailable } from './http.ts';
import { QuickScan } from '../format/avro/quick-scan.ts';
import type { FramedParts } from '../format/avro/scan.ts';
import { SchemaScan } from '../format/avro/scan.ts';

/** Questions for a number before the registry is believed not to have it. */
const missingAttemptsMax = 4;

/** What a gate needs. */
export interface GateParts {
  readonly registry: SchemaRegistry;
  readonly framed: FramedParts;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Hands a schema to the decoders, before any record that needs it. */
  readonly deliver: (id: number, answer: SchemaAnswer) => void;
}

/** What all readers of one source share: the numbers that its decoders know. */
interface Shared extends GateParts {
  readonly known: Set<number>;
  /** When (ms, monotonic) a number that the registry did not have is asked for again. */
  readonly missing: Map<number, number>;
}

/** A connection whose readers hold back records; see the head of this file. */
export class GatedConnection implements SourceConnection {
  readonly #inner: SourceConnection;
  readonly #shared: Shared;

  constructor(inner: SourceConnection, parts: GateParts) {
    this.#inner = inner;
    this.#shared = { ...parts, known: new Set(), missing: new Map() };
  }

  validate(): Promise<void> {
    return this.#inner.validate();
  }

  survey(choice: TopicChoice): Promise<readonly FoundPartition[]> {
    return this.#inner.survey(choice);
  }

  reader(
    choice: TopicChoice,
    from: SlotPositions,
    until: Positions | null,
    events: ReaderEvents,
  ): SourceReader {
    return new GatedReader(this.#shared, events, (inner) =>
      this.#inner.reader(choice, from, until, inner),
    );
  }

  /** The connection behind belongs to others too, who close it. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

class GatedReader implements SourceReader {
  readonly #shared: Shared;
  readonly #events: ReaderEvents;
  readonly #inner: SourceReader;
  readonly #quick: QuickScan;
  readonly #scan: SchemaScan;
  readonly #backoff: Backoff;
  readonly #pause: Pause;
  readonly #held: RawChunk[] = [];
  #working = false;
  #closed = false;
  /** Whether the owner takes more. */
  #room = true;
  /** Whether the reader behind was told to stop. */
  #stopped = false;
  /** What the reader behind said last, and why the registry keeps us waiting. */
  #status: SourceStatus = { status: 'starting', error: null };
  #stalled: string | null = null;

  constructor(shared: Shared, events: ReaderEvents, open: (events: ReaderEvents) => SourceReader) {
    this.#shared = shared;
    this.#events = events;
    this.#quick = new QuickScan(shared.framed);
    this.#scan = new SchemaScan(shared.framed);
    this.#backoff = new Backoff(shared.entropy, limits.registryRetryMillisecondsMax);
    this.#pause = new Pause(shared.clock);
    this.#inner = open({
      chunk: (chunk) => this.#chunk(chunk),
      status: (status) => this.#report(status),
      partitions: (found) => events.partitions(found),
    });
  }

  start(): void {
    this.#inner.start();
  }

  resume(): void {
    this.#room = true;
    if (this.#held.length > 0) this.#work();
    else this.#resumeInner();
  }

  ends(): Positions {
    return this.#inner.ends();
  }

  stalled(): ReadonlyMap<number, string> {
    const stalled = new Map(this.#inner.stalled());
    const reason = this.#stalled;
    if (reason !== null) for (const { slot } of this.#held) stalled.set(slot, reason);
    return stalled;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pause.wake();
    for (const chunk of this.#held.splice(0)) chunk.release?.();
    await this.#inner.close();
  }

  #report(status: SourceStatus): void {
    this.#status = status;
    if (this.#stalled === null) this.#events.status(status);
  }

  #chunk(chunk: RawChunk): boolean {
    if (this.#closed) {
      chunk.release?.();
      return false;
    }
    if (this.#held.length === 0 && !this.#working && this.#room && this.#isKnown(chunk)) {
      this.#room = this.#events.chunk(chunk);
    } else {
      this.#held.push(chunk);
      this.#work();
    }
    const goesOn = this.#room && this.#held.length === 0;
    if (!goesOn) this.#stopped = true;
    return goesOn;
  }

  #resumeInner(): void {
    if (!this.#stopped || this.#closed) return;
    this.#stopped = false;
    this.#inner.resume();
  }

  /** Whether the decoders have all that a chunk needs, if that can be said at once. */
  #isKnown(chunk: RawChunk): boolean {
    if (chunk.lost !== undefined) return true;
    if (this.#quick.allKnown(chunk.bytes, this.#shared.known)) return true;
    const found = new Set<number>();
    this.#scan.open(chunk);
    return this.#scan.run(this.#shared.known, found) && found.size === 0;
  }

  #work(): void {
    if (this.#working) return;
    this.#working = true;
    this.#drain()
      .finally(() => {
        this.#working = false;
      })
      .then(
        () => {
          if (!this.#room || this.#closed) return;
          if (this.#held.length > 0) this.#work();
          else this.#resumeInner();
        },
        // Only what the registry could not answer is expected to fail, and that is tried again.
        (error: unknown) => this.#events.status({ status: 'stalled', error: String(error) }),
      );
  }

  /** Hands over what is held, in order, as long as the owner takes it. */
  async #drain(): Promise<void> {
    await this.#turn();
    while (this.#held.length > 0 && this.#room && !this.#closed) {
      const chunk = defined(this.#held[0], 'a chunk is held');
      const found = await this.#unknown(chunk);
      for (const id of found) await this.#learn(id);
      if (this.#closed) return;
      assert(this.#held[0] === chunk, 'chunks keep their order');
      this.#held.shift();
      this.#room = this.#events.chunk(chunk);
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#shared.clock.soon(resolve));
  }

  async #unknown(chunk: RawChunk): Promise<ReadonlySet<number>> {
    const found = new Set<number>();
    if (chunk.lost !== undefined) return found;
    if (this.#quick.allKnown(chunk.bytes, this.#shared.known)) return found;
    this.#scan.open(chunk);
    while (!this.#closed && !this.#scan.run(this.#shared.known, found)) await this.#turn();
    return found;
  }

  /** Asks for a schema until there is an answer, and hands it over. */
  async #learn(id: number): Promise<void> {
    const { known, missing, registry, clock, deliver } = this.#shared;
    if (known.has(id) || known.size >= limits.avroWritersMax) return;
    if (clock.monotonic() < (missing.get(id) ?? -Infinity)) return;
    const attemptsMax = missing.has(id) ? 1 : missingAttemptsMax;
    for (let attempt = 1; !this.#closed;) {
      const answer = await this.#ask(registry, id);
      if (answer !== null && (answer.text !== null || attempt++ >= attemptsMax)) {
        this.#goOn();
        if (known.has(id)) return;
        deliver(id, answer);
        if (answer.text === null) this.#note(id);
        else known.add(id);
        return;
      }
      await this.#pause.wait(this.#backoff.next());
    }
  }

  /** The answer, or null if there is none now. */
  async #ask(registry: SchemaRegistry, id: number): Promise<SchemaAnswer | null> {
    try {
      const answer = await registry.byId(id);
      if (answer.text === null) this.#stall(`schema ${id}: ${answer.reason}`);
      return answer;
    } catch (error) {
      if (!(error instanceof RegistryUnavailable)) throw error;
      this.#stall(error.message);
      return null;
    }
  }

  #note(id: number): void {
    const { missing, clock } = this.#shared;
    for (const oldest of missing.keys()) {
      if (missing.size < limits.avroWritersMax) break;
      missing.delete(oldest);
    }
    missing.delete(id);
    missing.set(id, clock.monotonic() + limits.registryMissingMilliseconds);
  }

  #stall(reason: string): void {
    this.#stalled = reason;
    if (!this.#closed) this.#events.status({ status: 'stalled', error: reason });
  }

  #goOn(): void {
    this.#backoff.reset();
    if (this.#stalled === null) return;
    this.#stalled = null;
    if (!this.#closed) this.#events.status(this.#status);
  }
}
