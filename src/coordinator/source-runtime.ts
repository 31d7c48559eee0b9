/**
 * A running source: the reader of its topic, the chunks that wait for a step, and the binding of
 * offsets to steps.
 *
 * `bound` holds, by partition, the offset after the last record that belongs to a sealed step; it
 * moves only inside `take`, in the same turn in which the step is sealed, so at any moment between
 * two steps it says exactly which records the sealed steps contain. Chunks of one partition are
 * taken in offset order without gaps: bound never falls, and each record belongs to one step. Of a
 * stream it is known for some earlier steps too, for dataflows that catch up (bound-history.ts).
 *
 * Memory: at most `sourceBufferedBytesMax` bytes wait (plus one chunk); then the reader is told to
 * stop, and to go on when half of it is taken.
 */
import { assert, defined } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Clock } from '../base/seam.ts';
import type {
  Positions,
  RawChunk,
  SourceConnection,
  SourceReader,
  SourceStatus,
} from '../../connectors/connector.ts';
import type { SourceObject } from '../catalog/object.ts';
import type { Binding } from '../storage/step-record.ts';
import { BoundHistory } from './bound-history.ts';
import type { Bindings, Intake, Timeline } from './timeline.ts';

/** Counts that mz_source_statistics shows. */
export interface SourceCounts {
  records: number;
  bytes: number;
  failed: number;
  lastError: string | null;
}

const firstRetryMilliseconds = 200;
const lastRetryMilliseconds = 10_000;

/** What is known of a source's offsets from before the process began. */
export interface RecoveredOffsets {
  readonly starts: Positions;
  readonly bound: Positions;
  /** Up to where records are in the rows that a checkpoint has given back; else nothing. */
  readonly read: Positions;
}

const noOffsets: RecoveredOffsets = { starts: new Map(), bound: new Map(), read: new Map() };

/** One source while it exists. */
export class SourceRuntime implements Intake {
  readonly source: SourceObject;
  readonly connection: SourceConnection;
  readonly counts: SourceCounts = { records: 0, bytes: 0, failed: 0, lastError: null };
  readonly #timeline: Timeline;
  readonly #clock: Clock;
  readonly #bound = new Map<number, bigint>();
  /** What was bound by earlier steps, of a stream. */
  readonly #history: BoundHistory | null;
  readonly #starts = new Map<number, bigint>();
  /** Partitions whose start, or bound, is not yet known durably. */
  #unwrittenStarts = new Set<number>();
  #unwrittenBound = new Set<number>();
  readonly #recovered: RecoveredOffsets;
  /** Partitions that have not yet reached what was bound when the process before ended. */
  readonly #behind: Map<number, bigint>;
  readonly #onCaughtUp: (() => void)[] = [];
  readonly #waiting: RawChunk[] = [];
  #waitingBytes = 0;
  #paused = false;
  #reader: SourceReader | null = null;
  #live: Promise<void> | null = null;
  #liveSince = 0;
  #closed = false;
  /** Ends the wait for the next attempt. */
  #stopWait: () => void = () => undefined;
  /** What keeps replays of the source from going on, by dataflow. */
  readonly #replayErrors = new Map<number, string>();
  #status: SourceStatus = { status: 'created', error: null };
  #statusSince: number;

  constructor(
    source: SourceObject,
    connection: SourceConnection,
    timeline: Timeline,
    clock: Clock,
    recovered: RecoveredOffsets = noOffsets,
  ) {
    this.#recovered = recovered;
    const { bound, read } = recovered;
    const behind = [...bound].filter(
      ([partition, offset]) => (read.get(partition) ?? -1n) < offset,
    );
    this.#behind = new Map(source.stored ? behind : []);
    this.#history = source.stored ? null : new BoundHistory();
    this.source = source;
    this.connection = connection;
    this.#timeline = timeline;
    this.#clock = clock;
    this.#statusSince = clock.now();
  }

  get collection(): number {
    return this.source.collection;
  }

  /** Health of the source: its own, else what a replay of it meets. */
  get status(): SourceStatus & { readonly since: number } {
    const [replay] = this.#replayErrors.values();
    const own = replay === undefined || this.#status.error !== null;
    return {
      ...(own ? this.#status : { status: 'stalled', error: replay }),
      since: this.#statusSince,
    };
  }

  /** What a replay for a dataflow meets; null if it goes on or has ended. */
  replayStatus(dataflow: number, error: string | null): void {
    if (error === null) this.#replayErrors.delete(dataflow);
    else this.#replayErrors.set(dataflow, error);
  }

  /** Offsets up to which records belong to sealed steps. */
  get bound(): Positions {
    return this.#bound;
  }

  /**
   * Offsets up to which records of a stream belong to steps up to `step`; null if that is not known
   * any more: it is of steps that the timeline keeps.
   */
  boundAt(step: number): Positions | null {
    return this.#history?.at(step, this.#bound) ?? null;
  }

  /**
   * For a checkpoint: where partitions begin, up to where their records are in steps, and what is
   * durably bound, which is more while the source catches up after a start.
   */
  get offsets(): RecoveredOffsets {
    const { starts, bound, read } = this.#recovered;
    return {
      starts: later(starts, this.#starts),
      bound: later(bound, this.#bound),
      read: later(read, this.#bound),
    };
  }

  /** Once it is live: the first step that has what the topic had when it went live. */
  get liveSince(): number {
    return this.#liveSince;
  }

  /** Where the source begins, by partition; known once it is live. */
  get starts(): Positions {
    return this.#starts;
  }

  /** Log ends as last seen. */
  ends(): Positions {
    return this.#reader?.ends() ?? new Map();
  }

  /**
   * Starts reading, once. A stored source reads from its start; a stream reads from the log's
   * present end, since what is older is replayed to each dataflow that needs it.
   */
  live(): Promise<void> {
    if (this.#live === null) {
      this.#live = this.#start();
      this.#stopWait();
    }
    return this.#live;
  }

  /**
   * Looks whether the topic of a source that nobody reads yet can be read, until it can or somebody
   * reads it: the status says meanwhile what is the matter.
   */
  async watch(): Promise<void> {
    let wait = firstRetryMilliseconds;
    while (!this.#closed && this.#live === null) {
      const error = await this.#absence();
      if (this.#closed || this.#live !== null) return;
      this.#report({ status: error === null ? 'created' : 'stalled', error });
      if (error === null) return;
      await this.#pause(wait);
      wait = Math.min(wait * 2, limits.topicRefreshMillisecondsMax);
    }
  }

  /** Why the topic cannot be read now; null if it can. */
  async #absence(): Promise<string | null> {
    const { topic } = this.source.format;
    try {
      const found = await this.connection.startPositions(topic, { kind: 'earliest' });
      return found.size > 0 ? null : `topic "${topic}" does not exist yet`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #start(): Promise<void> {
    this.#report({ status: 'starting', error: null });
    let wait = firstRetryMilliseconds;
    while (!this.#closed) {
      try {
        return await this.#begin();
      } catch (error) {
        if (this.#closed) return;
        this.#report({
          status: 'stalled',
          error: error instanceof Error ? error.message : String(error),
        });
        await this.#pause(wait);
        wait = Math.min(wait * 2, lastRetryMilliseconds);
      }
    }
  }

  async #begin(): Promise<void> {
    const { topic } = this.source.format;
    const first = await this.connection.startPositions(topic, this.source.start);
    const ends = await this.connection.endPositions(topic);
    requireNoLoss(topic, this.#recovered.bound, ends);
    if (this.#closed) return;
    const starts = later(this.#recovered.starts, first);
    const from = later(starts, this.source.stored ? this.#recovered.read : ends);
    for (const [partition, offset] of starts) this.#begins(partition, offset);
    this.#jump(from, later(starts, this.#recovered.read));
    // Compaction may have removed what a later record replaces, so nothing before the present end of
    // the topic needs to be there as it was.
    for (const [partition, offset] of this.#behind)
      this.#behind.set(partition, larger(offset, ends.get(partition) ?? offset));
    for (const [partition, offset] of from) {
      this.#unwrittenBound.add(partition);
      if (offset >= (this.#behind.get(partition) ?? offset)) this.#reached(partition);
    }
    this.#reader = this.connection.reader(topic, from, null, {
      chunk: (chunk) => this.#chunk(chunk),
      status: (status) => this.#report(status),
      partitions: (found) => this.#partitions(found),
    });
    this.#reader.start();
  }

  /** What a source begins with belongs to the next step, like all that comes later. */
  #jump(to: Positions, read: Positions): void {
    this.#liveSince = this.#timeline.sealed + 1;
    for (const [partition, offset] of to) {
      this.#history?.note(this.#liveSince, partition, read.get(partition) ?? offset);
      this.#bound.set(partition, offset);
    }
  }

  #partitions(found: readonly { readonly partition: number; readonly first: bigint }[]): void {
    for (const { partition, first } of found) {
      if (this.#bound.has(partition)) continue;
      this.#begins(partition, first);
      this.#bound.set(partition, first);
    }
  }

  #begins(partition: number, first: bigint): void {
    this.#starts.set(partition, first);
    if (this.#recovered.starts.get(partition) !== first) this.#unwrittenStarts.add(partition);
  }

  #chunk(chunk: RawChunk): boolean {
    if (this.#closed) {
      chunk.release?.();
      return false;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.bytes.byteLength;
    this.counts.bytes += chunk.bytes.byteLength;
    this.#offer();
    this.#paused = this.#waitingBytes >= limits.sourceBufferedBytesMax;
    return !this.#paused;
  }

  #offer(): void {
    if (this.#waiting.length > 0) this.#timeline.offer(this);
  }

  take(step: number, bytesMax: number): readonly RawChunk[] {
    let bytes = 0;
    let n = 0;
    while (n < this.#waiting.length && (n === 0 || bytes < bytesMax)) {
      bytes += this.#waiting[n]?.bytes.byteLength ?? 0;
      n++;
    }
    const taken = this.#waiting.splice(0, n);
    this.#history?.tidy(() => this.#timeline.kept);
    for (const chunk of taken) this.#bind(step, chunk);
    this.#waitingBytes -= bytes;
    this.#offer();
    if (this.#paused && this.#waitingBytes < limits.sourceBufferedBytesMax / 2) {
      this.#paused = false;
      this.#reader?.resume();
    }
    return taken;
  }

  #bind(step: number, chunk: RawChunk): void {
    const before = this.#bound.get(chunk.partition) ?? chunk.from;
    assert(chunk.from >= before, `offsets of partition ${chunk.partition} do not go back`);
    this.#history?.note(step, chunk.partition, before);
    this.#bound.set(chunk.partition, chunk.next);
    this.#unwrittenBound.add(chunk.partition);
  }

  takeBindings(): Bindings {
    const { collection } = this;
    const starts = [...this.#unwrittenStarts].map((partition) => ({
      collection,
      partition,
      offset: defined(this.#starts.get(partition), 'a partition that began has its start'),
    }));
    const bound: Binding[] = [];
    for (const partition of this.#unwrittenBound) {
      const offset = this.#bound.get(partition) ?? 0n;
      // What is bound already is not bound again while it is read again.
      if (offset < (this.#behind.get(partition) ?? 0n)) continue;
      this.#reached(partition);
      bound.push({ collection, partition, offset });
    }
    this.#unwrittenStarts = new Set();
    this.#unwrittenBound = new Set();
    return { starts, bound };
  }

  #reached(partition: number): void {
    if (!this.#behind.delete(partition) || this.#behind.size > 0) return;
    this.#sayCaughtUp(this.#onCaughtUp.splice(0));
  }

  /** The step under way has everything; the next one that can be read comes after it. */
  #sayCaughtUp(callbacks: readonly (() => void)[]): void {
    void this.#timeline.tick().then(
      () => callbacks.forEach((callback) => callback()),
      () => {
        // There was no room for that step. If nothing can be written any more, all ends anyway.
        if (this.#closed) return;
        this.#clock.after(limits.diskFullRetryMilliseconds, () => this.#sayCaughtUp(callbacks));
      },
    );
  }

  /** Whether there is less of it than when the process before ended. */
  get isBehind(): boolean {
    return this.#behind.size > 0;
  }

  /**
   * Calls back once when a step has everything that was bound before the process began, and that
   * step can be read.
   */
  onCaughtUp(callback: () => void): void {
    if (this.#behind.size === 0) return callback();
    this.#onCaughtUp.push(callback);
  }

  #report(status: SourceStatus): void {
    if (this.#status.status === 'ceased' && this.#closed) return;
    if (status.status !== this.#status.status) this.#statusSince = this.#clock.now();
    this.#status = status;
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(milliseconds, resolve);
      this.#stopWait = () => {
        cancel();
        resolve();
      };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWait();
    this.#timeline.withdraw(this);
    for (const chunk of this.#waiting.splice(0)) chunk.release?.();
    this.#report({ status: 'ceased', error: null });
    await this.#reader?.close();
  }
}

/** Throws 55000 if a topic ends before what was read of it: it is another one, or was cut. */
function requireNoLoss(topic: string, bound: Positions, ends: Positions): void {
  for (const [partition, offset] of bound) {
    const end = ends.get(partition) ?? 0n;
    if (end >= offset) continue;
    throw sqlError(
      '55000',
      `partition ${partition} of topic "${topic}" ends at offset ${end}, but was read up to ${offset}`,
      { hint: 'The topic was made anew or has lost records. Drop the source and create it again.' },
    );
  }
}

/** By partition the later of two positions; partitions of either. */
function later(a: Positions, b: Positions): Map<number, bigint> {
  const result = new Map(a);
  for (const [partition, offset] of b) {
    const other = result.get(partition);
    if (other === undefined || other < offset) result.set(partition, offset);
  }
  return result;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
