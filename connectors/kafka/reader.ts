/**
 * Follows one topic: one loop that watches the topic (partitions, leaders, whether it exists), and
 * one fetch loop a broker, each with one Fetch under way for all partitions that the broker leads.
 *
 * What it promises: each partition's chunks come in offset order without a gap, and with the
 * checksums that they claim. Where the log no longer has what comes next (retention, deleted
 * records, a topic deleted or made anew), the partition stops for good and the status says so; it
 * never jumps. (A replay goes on with a chunk that names what is lost, which becomes an error of
 * whoever reads it.) Everything that time may heal (no broker, no leader, no such topic yet, a
 * batch that came broken) is retried with back-off, and the status says what is awaited.
 *
 * Back-pressure: `chunk` answers false → no new Fetch until `resume`; what is under way still comes
 * (at most `fetchBytesMax` a broker).
 *
 * Loops share `#problems`, a list of what is wrong now by its cause; the status is derived from it.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Clock, Entropy } from '../../src/base/seam.ts';
import type { Positions, ReaderEvents, SourceReader, SourceStatus } from '../connector.ts';
import { Backoff, Pause } from './backoff.ts';
import type { Cluster } from './cluster.ts';
import {
  errorLeaderNotAvailable,
  errorName,
  errorNone,
  errorOffsetOutOfRange,
  errorUnknownTopic,
} from './error-code.ts';
import { frameMemory } from './frame-memory.ts';
import { intactBatches } from './intact-batches.ts';
import { Partition } from './partition.ts';
import type { FetchedPartition, TopicMetadata } from './protocol.ts';
import { earliestTimestamp, fetchRequest, latestTimestamp } from './protocol.ts';

/** Bytes that a partition may be asked for when one batch is larger than a Fetch. */
const partitionBytesMax = limits.decompressedBatchBytesMax;

/** Kinds of causes of problems, the gravest first. */
const problemKinds = ['partition', 'topic', 'cluster', 'leader', 'broker', 'fetch'] as const;

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The reader of one topic; see the head of this file for its promises. */
export class KafkaReader implements SourceReader {
  readonly #cluster: Cluster;
  readonly #topic: string;
  readonly #events: ReaderEvents;
  readonly #until: Positions | null;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #partitions = new Map<number, Partition>();
  /** What is wrong now, by cause; the gravest is shown. */
  readonly #problems = new Map<string, string>();
  readonly #topicPause: Pause;
  /** One wait a fetch loop, by node id. */
  readonly #fetchPauses = new Map<number, Pause>();
  readonly #loops: Promise<void>[] = [];
  /** Cancels of waits that would outlive the reader. */
  readonly #timers = new Set<() => void>();
  #status: SourceStatus = { status: 'created', error: null };
  #topicId: string | null = null;
  #seen = false;
  #running = false;
  #paused = false;
  #closed = false;

  constructor(
    cluster: Cluster,
    topic: string,
    from: Positions,
    until: Positions | null,
    events: ReaderEvents,
    clock: Clock,
    entropy: Entropy,
  ) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#events = events;
    this.#until = until;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#topicPause = new Pause(clock);
    for (const [partition, offset] of from) this.#add(partition, offset);
  }

  #add(partition: number, offset: bigint): Partition {
    const until = this.#until === null ? null : (this.#until.get(partition) ?? 0n);
    const added = new Partition(
      partition,
      offset,
      until,
      limits.fetchPartitionBytesMax,
      this.#backoff(),
    );
    this.#partitions.set(partition, added);
    return added;
  }

  #backoff(): Backoff {
    return new Backoff(this.#entropy, limits.brokerRetryMillisecondsMax);
  }

  /** Looks at the topic again after a while: whoever had an error is tried again then. */
  #lookLater(milliseconds: number): void {
    const cancel = this.#clock.after(milliseconds, () => {
      this.#timers.delete(cancel);
      this.#topicPause.wake();
    });
    this.#timers.add(cancel);
  }

  get closed(): boolean {
    return this.#closed;
  }

  start(): void {
    assert(this.#loops.length === 0, 'a reader is started once');
    this.#report();
    this.#loops.push(this.#watchTopic());
  }

  resume(): void {
    this.#paused = false;
    for (const pause of this.#fetchPauses.values()) pause.wake();
  }

  ends(): Positions {
    const ends = new Map<number, bigint>();
    for (const { partition, end } of this.#partitions.values())
      if (end >= 0n) ends.set(partition, end);
    return ends;
  }

  /** Ends the loops. Fetches under way fail when the connection that owns the cluster closes it. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
    this.#topicPause.wake();
    for (const pause of this.#fetchPauses.values()) pause.wake();
    await this.#cluster.close();
    await Promise.all(this.#loops);
  }

  // Status.

  #report(): void {
    if (this.#closed) return;
    const status = this.#statusNow();
    if (status.status === this.#status.status && status.error === this.#status.error) return;
    this.#status = status;
    this.#events.status(status);
  }

  #statusNow(): SourceStatus {
    const problem = this.#worstProblem();
    if (problem !== null) return { status: 'stalled', error: problem };
    if (!this.#running) return { status: 'starting', error: null };
    if (this.#finished()) return { status: 'ceased', error: null };
    return { status: 'running', error: null };
  }

  /** What lies deepest: a partition that is lost for good, then the topic, then what carries it. */
  #worstProblem(): string | null {
    for (const kind of problemKinds) {
      for (const [cause, message] of this.#problems) if (cause.startsWith(kind)) return message;
    }
    return null;
  }

  /** A replay is over when every partition that it was to read has come to its end. */
  #finished(): boolean {
    if (this.#until === null || !this.#running) return false;
    for (const [partition, until] of this.#until) {
      const reached = this.#partitions.get(partition)?.next ?? 0n;
      if (reached < until) return false;
    }
    return true;
  }

  #problem(cause: string, message: string | null): void {
    if (message === null) this.#problems.delete(cause);
    else this.#problems.set(cause, message);
    this.#report();
  }

  /** A partition that will never go on. */
  #fail(partition: Partition, reason: string): void {
    partition.failure = reason;
    this.#problem(`partition ${partition.partition}`, reason);
  }

  // The topic.

  async #watchTopic(): Promise<void> {
    const backoff = this.#backoff();
    while (!this.#closed) {
      const settled = await this.#lookAtTopic();
      if (this.#closed) return;
      if (settled) backoff.reset();
      if (this.#finished()) return;
      await this.#topicPause.wait(settled ? limits.topicRefreshMillisecondsMax : backoff.next());
    }
  }

  /**
   * Takes in the topic as it is now; false if something is missing that should be asked for again
   * soon.
   */
  async #lookAtTopic(): Promise<boolean> {
    try {
      const metadata = await this.#cluster.metadata(this.#topic);
      if (this.#closed) return true;
      this.#problem('cluster', null);
      return await this.#takeMetadata(metadata);
    } catch (error) {
      this.#problem('cluster', text(error));
      return false;
    }
  }

  async #takeMetadata(metadata: TopicMetadata): Promise<boolean> {
    const hopeful = metadata.error === errorNone || metadata.error === errorLeaderNotAvailable;
    if (!hopeful || metadata.partitions.length === 0) {
      this.#problem('topic', this.#absence(metadata.error));
      return false;
    }
    if (this.#topicId !== null && metadata.id !== null && metadata.id !== this.#topicId) {
      this.#replaced();
      return true;
    }
    this.#topicId ??= metadata.id;
    await this.#addFound(metadata);
    if (this.#closed) return true;
    this.#problem('topic', null);
    this.#seen = true;
    return this.#follow(metadata);
  }

  #absence(error: number): string {
    if (error !== errorUnknownTopic && error !== errorNone)
      return `topic "${this.#topic}": ${errorName(error)}`;
    if (this.#seen) return `topic "${this.#topic}" was deleted`;
    return `topic "${this.#topic}" does not exist yet`;
  }

  /**
   * The topic was deleted and made anew: its offsets mean other records now, so nothing goes on.
   */
  #replaced(): void {
    const reason = `topic "${this.#topic}" was deleted and created again; drop the source and create it anew`;
    this.#problem('topic', null);
    for (const partition of this.#partitions.values()) this.#fail(partition, reason);
  }

  /** Partitions that were not there before are read from their first record on. */
  async #addFound(metadata: TopicMetadata): Promise<void> {
    const found = metadata.partitions
      .filter(({ partition, leader }) => leader >= 0 && !this.#partitions.has(partition))
      .map(({ partition }) => partition);
    if (found.length === 0 || this.#until !== null) return;
    const [first, end] = await Promise.all([
      this.#cluster.listOffsets(this.#topic, metadata, found, earliestTimestamp),
      this.#cluster.listOffsets(this.#topic, metadata, found, latestTimestamp),
    ]);
    if (this.#closed) return;
    const events = [];
    for (const [partition, offset] of first) {
      const added = this.#add(partition, offset);
      added.end = end.get(partition) ?? -1n;
      events.push({ partition, first: offset, end: added.end });
    }
    events.sort((a, b) => a.partition - b.partition);
    this.#events.partitions(events);
  }

  /** Sets leaders and sees to it that each has a fetch loop; false if a partition has no leader. */
  #follow(metadata: TopicMetadata): boolean {
    const leaders = new Map(metadata.partitions.map((p) => [p.partition, p.leader]));
    const complete = metadata.partitions.every((p) => p.leader >= 0);
    for (const partition of this.#partitions.values()) {
      const leader = leaders.get(partition.partition);
      if (leader === undefined) {
        this.#fail(partition, `partition ${partition.partition} of topic "${this.#topic}" is gone`);
        continue;
      }
      partition.leader = leader;
      if (leader >= 0) this.#fetchLoopOf(leader);
    }
    for (const cause of this.#problems.keys()) {
      const node = /^broker (-?\d+)$/.exec(cause)?.[1];
      // A broker that leads nothing any more is nobody's problem.
      if (node !== undefined && ![...leaders.values()].includes(Number(node)))
        this.#problems.delete(cause);
    }
    this.#problem(
      'leader',
      complete ? null : `a partition of topic "${this.#topic}" has no leader`,
    );
    return complete;
  }

  // Fetching.

  #fetchLoopOf(node: number): void {
    const pause = this.#fetchPauses.get(node);
    if (pause !== undefined) {
      pause.wake();
      return;
    }
    const fresh = new Pause(this.#clock);
    this.#fetchPauses.set(node, fresh);
    this.#loops.push(this.#fetchLoop(node, fresh));
  }

  async #fetchLoop(node: number, pause: Pause): Promise<void> {
    const backoff = this.#backoff();
    for (let turn = 0; !this.#closed; turn++) {
      const wanted = this.#paused
        ? []
        : [...this.#partitions.values()].filter((p) => p.wants(node));
      if (wanted.length === 0) await pause.wait(null);
      else if (await this.#fetch(node, rotated(wanted, turn))) backoff.reset();
      else if (!this.#closed) this.#lookLater(backoff.next());
    }
  }

  /**
   * One Fetch and what comes of it; false if the broker failed, whose partitions then wait for a
   * look at the topic.
   */
  async #fetch(node: number, wanted: readonly Partition[]): Promise<boolean> {
    const cause = `broker ${node}`;
    let partitions: readonly FetchedPartition[];
    try {
      partitions = await this.#ask(node, wanted);
    } catch (error) {
      if (this.#closed) return true;
      for (const partition of wanted) partition.leader = -1;
      this.#problem(cause, text(error));
      return false;
    }
    // What the owner throws is not the broker's failure: it must not be retried, for the position
    // has moved on.
    for (const fetched of partitions) await this.#deliver(fetched);
    for (const { records } of partitions.slice(0, 1)) frameMemory.release(records.buffer);
    this.#problem(cause, null);
    if (this.#finished()) this.#topicPause.wake();
    return true;
  }

  async #ask(node: number, wanted: readonly Partition[]): Promise<readonly FetchedPartition[]> {
    const positions = wanted.map(({ partition, next, bytesMax }) => ({
      partition,
      offset: next,
      bytesMax,
    }));
    const bounds = {
      waitMilliseconds: limits.fetchWaitMillisecondsMax,
      bytesMax: limits.fetchBytesMax,
    };
    const answer = await this.#cluster.send(node, fetchRequest(this.#topic, positions, bounds));
    if (answer.error !== errorNone) throw new Error(`fetch failed: ${errorName(answer.error)}`);
    return answer.partitions;
  }

  /** Hands over what came for one partition. */
  async #deliver(fetched: FetchedPartition): Promise<void> {
    const partition = this.#partitions.get(fetched.partition);
    if (partition === undefined || partition.failure !== null || this.#closed) return;
    const cause = `fetch ${partition.partition}`;
    if (fetched.error === errorOffsetOutOfRange) return this.#outOfRange(partition);
    if (fetched.error !== errorNone) {
      this.#again(partition, errorName(fetched.error));
      return;
    }
    this.#running = true;
    if (fetched.lastStableOffset >= 0n) partition.end = fetched.lastStableOffset;
    if (fetched.records.length > 0) return this.#takeRecords(partition, fetched);
    partition.backoff.reset();
    this.#problem(cause, null);
  }

  /** Hands over the batches that came, as far as they are whole and intact. */
  async #takeRecords(partition: Partition, fetched: FetchedPartition): Promise<void> {
    const { next } = partition;
    const intact = await intactBatches(fetched.records, () => this.#turn());
    // Meanwhile the topic may have been made anew, or another leader have given the same records.
    if (this.#closed || partition.failure !== null || partition.next !== next) return;
    const chunk = partition.take(fetched, intact, frameMemory);
    if (chunk !== null) {
      partition.backoff.reset();
      partition.bytesMax = limits.fetchPartitionBytesMax;
      this.#problem(`fetch ${partition.partition}`, null);
      const alone = this.#partitions.size === 1;
      if (!this.#events.chunk({ ...chunk, alone })) this.#paused = true;
    } else if (intact.defect !== null) {
      this.#again(partition, intact.defect);
    } else {
      this.#nothingWhole(partition);
    }
  }

  /** Lets others have a turn. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.soon(resolve));
  }

  /** What came for the partition is no good: it is asked for again after a while. */
  #again(partition: Partition, reason: string): void {
    this.#problem(
      `fetch ${partition.partition}`,
      `partition ${partition.partition} of topic "${this.#topic}": ${reason}`,
    );
    this.#leaveAlone(partition);
  }

  /** No fetch of the partition until the topic was looked at again, which happens after a while. */
  #leaveAlone(partition: Partition): void {
    partition.leader = -1;
    this.#lookLater(partition.backoff.next());
  }

  /** Bytes came, but no whole batch that goes on: ask for more, up to a bound. */
  #nothingWhole(partition: Partition): void {
    if (partition.bytesMax < partitionBytesMax) {
      partition.bytesMax = Math.min(partition.bytesMax * 4, partitionBytesMax);
      return;
    }
    this.#again(
      partition,
      `no whole record batch of at most ${partitionBytesMax} bytes comes for offset ${partition.next}`,
    );
  }

  /** The log does not have the next offset: says which way, and stops the partition for good. */
  async #outOfRange(partition: Partition): Promise<void> {
    const range = await this.#logRange(partition.partition);
    if (this.#closed) return;
    const { next } = partition;
    const where = `partition ${partition.partition} of topic "${this.#topic}"`;
    if (range !== null && range.first > next && this.#until !== null) {
      const lost = 'the records were removed from the topic before they were read';
      if (!this.#events.chunk(partition.skipLost(range.first, lost))) this.#paused = true;
    } else if (range !== null && range.first > next) {
      this.#fail(
        partition,
        `${where} starts at offset ${range.first} now, ` +
          `records from ${next} on were removed before they were read`,
      );
    } else if (range !== null && range.end < next) {
      this.#fail(partition, `${where} ends before offset ${next}: it was cut or created again`);
    } else {
      // Nobody says so, or another broker has it and the one that was asked lags behind.
      this.#leaveAlone(partition);
    }
  }

  /** First and end offset of a partition now; null if nobody answers. */
  async #logRange(
    partition: number,
  ): Promise<{ readonly first: bigint; readonly end: bigint } | null> {
    try {
      const metadata = await this.#cluster.metadata(this.#topic);
      const [first, end] = await Promise.all(
        [earliestTimestamp, latestTimestamp].map((timestamp) =>
          this.#cluster.listOffsets(this.#topic, metadata, [partition], timestamp),
        ),
      );
      const range = { first: first.get(partition), end: end.get(partition) };
      return range.first === undefined || range.end === undefined
        ? null
        : { first: range.first, end: range.end };
    } catch {
      return null;
    }
  }
}

/** The list from a different place each turn, so that no partition is always last in an answer. */
function rotated<T>(items: readonly T[], turn: number): readonly T[] {
  const at = turn % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
