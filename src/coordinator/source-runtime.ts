/**
 * A running source: the reader of its topics, the chunks that wait for a step, and the binding of
 * offsets to steps.
 *
 * `bound` holds, by slot (slots.ts), the offset after the last record that belongs to a sealed
 * step; it moves only inside `take`, in the same turn in which the step is sealed, so at any moment
 * between two steps it says exactly which records the sealed steps contain. Chunks of one slot are
 * taken in offset order without gaps: bound never falls, and each record belongs to one step. Of a
 * stream it is known for some earlier steps too, for dataflows that catch up (bound-history.ts).
 *
 * Memory: at most `sourceBufferedBytesMax` bytes wait (plus one chunk); then the reader is told to
 * stop, and to go on when half of it is taken.
 */
import { assert, defined } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { Clock } from '../base/seam.ts';
import type {
  FoundPartition,
  Place,
  Positions,
  RawChunk,
  SlotPosition,
  SlotPositions,
  SourceConnection,
  SourceReader,
  SourceStatus,
  TopicChoice,
} from '../../connectors/connector.ts';
import { replacedText } from '../../connectors/connector.ts';
import type { SourceObject } from '../catalog/object.ts';
import type { Binding } from '../storage/step-record.ts';
import type { IngestCounts } from './engine-link.ts';
import { BoundHistory } from './bound-history.ts';
import { Slots } from './slots.ts';
import { topicChoice } from './topic-choice.ts';
import type { Bindings, Intake, Timeline } from './timeline.ts';

/** Counts that mz_source_statistics shows. */
export interface SourceCounts extends IngestCounts {
  /** Of records as Kafka sends them, live and of the past. */
  readonly bytes: number;
}

const firstRetryMilliseconds = 200;
const lastRetryMilliseconds = 10_000;

/** What is known of a source's offsets from before the process began, by slot. */
export interface RecoveredOffsets {
  /** What slots stand for. */
  readonly places: ReadonlyMap<number, Place>;
  readonly starts: Positions;
  readonly bound: Positions;
  /** Up to where records are in the rows that a checkpoint has given back; else nothing. */
  readonly read: Positions;
}

const noOffsets: RecoveredOffsets = {
  ...{ places: new Map(), starts: new Map(), bound: new Map(), read: new Map() },
};

/** One source while it exists. */
export class SourceRuntime implements Intake {
  readonly source: SourceObject;
  readonly connection: SourceConnection;
  readonly choice: TopicChoice;
  #counts: IngestCounts = { records: 0, replayed: 0, failed: 0, quarantined: 0, lastError: null };
  #bytes = 0;
  readonly #timeline: Timeline;
  readonly #clock: Clock;
  readonly #bound = new Map<number, bigint>();
  /** What was bound by earlier steps, of a stream. */
  readonly #history: BoundHistory | null;
  readonly #starts = new Map<number, bigint>();
  readonly #slots: Slots;
  /** Slots whose start, or bound, is not yet known durably. */
  #unwrittenStarts = new Set<number>();
  #unwrittenBound = new Set<number>();
  readonly #recovered: RecoveredOffsets;
  /** Slots that have not yet reached what was bound when the process before ended. */
  readonly #behind: Map<number, bigint>;
  readonly #onCaughtUp: (() => void)[] = [];
  readonly #onRetired = new Set<() => void>();
  #resuming: Promise<unknown> = Promise.resolve();
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
    const slots = new Slots(recovered.places);
    const behind = [...bound].filter(
      ([slot, offset]) => (read.get(slot) ?? -1n) < offset && !slots.isRetired(slot),
    );
    this.#slots = slots;
    this.choice = topicChoice(source);
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

  get counts(): SourceCounts {
    return { ...this.#counts, bytes: this.#bytes };
  }

  /** Something was decoded. */
  ingested(counts: IngestCounts): void {
    this.#counts = counts;
  }

  /** A chunk came, live or of the past. */
  received({ bytes }: RawChunk): void {
    this.#bytes += bytes.byteLength;
  }

  /** What slots stand for. */
  get places(): ReadonlyMap<number, Place> {
    return this.#slots.places;
  }

  /** Whether a slot is read no more. */
  isRetired(slot: number): boolean {
    return this.#slots.isRetired(slot);
  }

  /** Calls back whenever slots are retired, until the answer is called. */
  onRetired(callback: () => void): () => void {
    this.#onRetired.add(callback);
    return () => void this.#onRetired.delete(callback);
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
   * For a checkpoint: where slots begin, up to where their records are in steps, and what is
   * durably bound, which is more while the source catches up after a start.
   */
  get offsets(): RecoveredOffsets {
    const { starts, bound, read } = this.#recovered;
    return {
      places: this.places,
      starts: later(starts, this.#starts),
      bound: later(bound, this.#bound),
      read: later(read, this.#bound),
    };
  }

  /** Once it is live: the first step that has what the topic had when it went live. */
  get liveSince(): number {
    return this.#liveSince;
  }

  /** Where the source begins, by slot; known once it is live. */
  get starts(): Positions {
    return this.#starts;
  }

  /** Log ends as last seen. */
  ends(): Positions {
    return this.#reader?.ends() ?? new Map();
  }

  /** Why slots do not go on; those that do are left out. */
  stalled(): ReadonlyMap<number, string> {
    return this.#reader?.stalled() ?? new Map();
  }

  /**
   * Starts reading, once. A stored source reads from its start; a stream reads from the logs'
   * present ends, since what is older is replayed to each dataflow that needs it.
   */
  live(): Promise<void> {
    if (this.#live === null) {
      this.#live = this.#start();
      this.#stopWait();
    }
    return this.#live;
  }

  /**
   * Looks whether the topics of a source that nobody reads yet can be read, until it can or
   * somebody reads it: the status says meanwhile what is the matter.
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

  /** Why the topics cannot be read now; null if they can. */
  async #absence(): Promise<string | null> {
    try {
      const found = await this.connection.survey(this.choice);
      return this.#firstLoss(found) ?? absence(this.choice, found);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Why one of the slots that were read before cannot go on; null if all can. */
  #firstLoss(found: readonly FoundPartition[]): string | null {
    for (const place of found) {
      if (this.#slots.isReplaced(place)) return replacedText(place.topic);
      const slot = this.#slots.find(place);
      const lost = slot === undefined ? undefined : this.#lossOf(slot, place);
      if (lost !== undefined) return lost;
    }
    return null;
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
    const found = await this.connection.survey(this.choice);
    if (this.#closed) return;
    const from = this.#positions(this.#present(found));
    const { read } = this.#recovered;
    this.#jump(from, later(this.#starts, read));
    for (const [slot, { offset }] of from) {
      this.#unwrittenBound.add(slot);
      if (offset >= (this.#behind.get(slot) ?? offset)) this.#reached(slot);
    }
    this.#read(from);
    // Nobody sees anything of a topic before it is known durably which topic that was.
    this.#timeline.offer(this);
  }

  #read(from: SlotPositions): void {
    this.#reader = this.connection.reader(this.choice, from, null, {
      chunk: (chunk) => this.#chunk(chunk),
      status: (status) => this.#report(status),
      partitions: (more) => more.map((place) => this.#partition(place)),
    });
    this.#reader.start();
  }

  /**
   * Lets partitions that have lost what came next go on with what there is, for good; answers what
   * is given up, one text a partition. Resolves when it is durable. Throws 08001 if nobody answers.
   */
  resume(): Promise<readonly string[]> {
    const resumed = this.#resuming.then(() => this.#resume());
    this.#resuming = resumed.catch(() => undefined);
    return resumed;
  }

  async #resume(): Promise<readonly string[]> {
    await this.connection.survey(this.choice);
    await this.live();
    const found = await this.connection.survey(this.choice);
    const reader = this.#reader;
    if (this.#closed || reader === null) return [];
    const given = found.flatMap((place) => this.#goOn(place) ?? []);
    if (given.length === 0) return given;
    await reader.close();
    if (this.#closed) return given;
    const from = new Map<number, SlotPosition>();
    for (const [slot, place] of this.places) {
      if (this.isRetired(slot)) this.#reached(slot);
      else from.set(slot, { ...place, offset: this.#nextOf(slot) });
    }
    this.#paused = false;
    this.#read(from);
    for (const tell of this.#onRetired) tell();
    this.#timeline.offer(this);
    await this.#timeline.nextStep();
    return given;
  }

  /** The offset after all that came of a slot. */
  #nextOf(slot: number): bigint {
    const last = this.#waiting.findLast((chunk) => chunk.slot === slot);
    return last?.next ?? this.#bound.get(slot) ?? 0n;
  }

  /** Gives a partition that cannot go on another slot; answers what is given up. */
  #goOn(place: FoundPartition): string | null {
    const slot = this.#slots.find(place);
    if (slot === undefined) return null;
    const next = this.#nextOf(slot);
    const had = larger(next, this.#behind.get(slot) ?? 0n);
    const { topicId } = this.#slots.place(slot);
    const isOther = this.#slots.isReplaced(place) || topicId === null || place.topicId === null;
    const isReplaced = this.#slots.isReplaced(place) || (isOther && place.end < had);
    if (!isReplaced && place.end >= had && place.earliest <= next) return null;
    const rest = next < place.end ? next : place.end;
    const first = isReplaced ? place.earliest : larger(rest, place.earliest);
    const fresh = this.#slots.renew(place);
    this.#begins(fresh, first);
    this.#bound.set(fresh, first);
    this.#unwrittenBound.add(fresh);
    const where = `partition ${place.partition} of topic "${place.topic}"`;
    return `${where} goes on at offset ${first}, after offset ${next}`;
  }

  /** Partitions that are there, by slot; not those of a topic that has another one's name. */
  #present(found: readonly FoundPartition[]): ReadonlyMap<number, FoundPartition> {
    const present = new Map<number, FoundPartition>();
    for (const place of found) {
      if (this.#slots.isReplaced(place)) continue;
      const slot = this.#slots.take(place);
      if (this.#slots.learn(slot, place.topicId)) this.#unwrittenStarts.add(slot);
      present.set(slot, place);
    }
    return present;
  }

  /**
   * Where each slot goes on. One whose topic is not there stays where it is; one that has lost what
   * comes next does not go on, and the reader says why.
   */
  #positions(present: ReadonlyMap<number, FoundPartition>): ReadonlyMap<number, SlotPosition> {
    const positions = new Map<number, SlotPosition>();
    const { starts, bound, read } = this.#recovered;
    for (const [slot, place] of this.places) {
      if (this.isRetired(slot)) continue;
      const now = present.get(slot);
      const known = starts.get(slot);
      const lost = now === undefined || known === undefined ? undefined : this.#lossOf(slot, now);
      const isFit = now !== undefined && lost === undefined;
      const start = larger(known ?? now?.first ?? 0n, isFit ? now.earliest : 0n);
      this.#begins(slot, start);
      const next = this.source.stored ? read.get(slot) : isFit ? now.end : bound.get(slot);
      const position = { ...place, offset: larger(start, next ?? 0n) };
      positions.set(slot, lost === undefined ? position : { ...position, lost });
      // Compaction may have removed what a later record replaces, so nothing before the present end
      // of the topic needs to be there as it was.
      const behind = this.#behind.get(slot);
      if (behind !== undefined && isFit) this.#behind.set(slot, larger(behind, now.end));
    }
    return positions;
  }

  /** What a slot that was read before has lost of what it needs; undefined: nothing. */
  #lossOf(slot: number, { topic, partition, earliest, end }: FoundPartition): string | undefined {
    const { starts, bound, read } = this.#recovered;
    const where = `partition ${partition} of topic "${topic}"`;
    const offset = bound.get(slot) ?? 0n;
    if (end < offset)
      return (
        `${where} ends at offset ${end}, but was read up to ${offset}: ` +
        'it was made anew or has lost records'
      );
    if (!this.source.stored) return undefined;
    const next = larger(read.get(slot) ?? 0n, starts.get(slot) ?? 0n);
    if (next >= earliest) return undefined;
    return (
      `${where} starts at offset ${earliest} now, ` +
      `records from ${next} on were removed before they were read`
    );
  }

  /** What a source begins with belongs to the next step, like all that comes later. */
  #jump(to: SlotPositions, read: Positions): void {
    this.#liveSince = this.#timeline.sealed + 1;
    for (const [slot, { offset }] of to) {
      this.#history?.note(this.#liveSince, slot, read.get(slot) ?? offset);
      this.#bound.set(slot, offset);
    }
  }

  /** A partition was found: it has a slot from now on. */
  #partition(place: FoundPartition): number {
    const slot = this.#slots.take(place);
    if (this.#slots.learn(slot, place.topicId)) this.#unwrittenStarts.add(slot);
    if (this.#bound.has(slot)) return slot;
    this.#begins(slot, place.first);
    this.#bound.set(slot, place.first);
    return slot;
  }

  #begins(slot: number, first: bigint): void {
    this.#starts.set(slot, first);
    if (this.#recovered.starts.get(slot) !== first) this.#unwrittenStarts.add(slot);
  }

  #chunk(chunk: RawChunk): boolean {
    if (this.#closed) {
      chunk.release?.();
      return false;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.bytes.byteLength;
    this.received(chunk);
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
    const { slot, from, next } = chunk;
    const before = this.#bound.get(slot) ?? from;
    assert(from >= before, `offsets of slot ${slot} do not go back`);
    this.#history?.note(step, slot, before);
    this.#bound.set(slot, next);
    this.#unwrittenBound.add(slot);
  }

  takeBindings(): Bindings {
    const { collection } = this;
    const starts = [...this.#unwrittenStarts].map((slot) => ({
      ...{ collection, slot, place: this.#slots.place(slot) },
      offset: defined(this.#starts.get(slot), 'a slot that began has its start'),
    }));
    const bound: Binding[] = [];
    for (const slot of this.#unwrittenBound) {
      const offset = this.#bound.get(slot) ?? 0n;
      // What is bound already is not bound again while it is read again.
      if (offset < (this.#behind.get(slot) ?? 0n)) continue;
      this.#reached(slot);
      bound.push({ collection, slot, offset });
    }
    this.#unwrittenStarts = new Set();
    this.#unwrittenBound = new Set();
    return { starts, bound };
  }

  #reached(slot: number): void {
    if (!this.#behind.delete(slot) || this.#behind.size > 0) return;
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

/** What is missing of the topics; null if that is nothing. */
function absence({ names, text }: TopicChoice, found: readonly FoundPartition[]): string | null {
  const there = new Set(found.map(({ topic }) => topic));
  const missing = names?.find((name) => !there.has(name));
  if (missing !== undefined) return `topic "${missing}" does not exist yet`;
  return there.size > 0 ? null : `${text}: there is none yet`;
}

/** By slot the later of two positions; slots of either. */
function later(a: Positions, b: Positions): Map<number, bigint> {
  const result = new Map(a);
  for (const [slot, offset] of b) {
    const other = result.get(slot);
    if (other === undefined || other < offset) result.set(slot, offset);
  }
  return result;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
