/**
 * Follows the topics of a source: one loop that watches the topics (which there are, their
 * partitions and leaders), and one fetch loop a broker, each with one Fetch under way for all
 * partitions that the broker leads, whatever their topics.
 *
 * What it promises: each partition's chunks come in offset order without a gap, and with the
 * checksums that they claim. Where the log no longer has what comes next (retention, deleted
 * records, a topic deleted or made anew), the partition stops for good and the status says so; it
 * never jumps, and others go on. (A replay goes on with a chunk that names what is lost, which
 * becomes an error of whoever reads it; topics of a pattern come and go, so one that is gone is
 * lost to a replay too.) Everything that time may heal (no broker, no leader, no such topic yet, a
 * batch that came broken) is retried with back-off, and the status says what is awaited.
 *
 * Back-pressure: `chunk` answers false → no new Fetch until `resume`; what is under way still comes
 * (at most `fetchBytesMax` a broker).
 *
 * Loops share `#problems`, a list of what is wrong now by its cause; the status is derived from it.
 */
import { assert, defined } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Clock, Entropy } from '../../src/base/seam.ts';
import type {
  Place,
  Positions,
  ReaderEvents,
  SlotPositions,
  SourceReader,
  SourceStatus,
  TopicChoice,
} from '../connector.ts';
import { replacedText } from '../connector.ts';
import { Backoff, Pause } from './backoff.ts';
import type { Cluster } from './cluster.ts';
import { placeText } from './cluster.ts';
import { errorName, errorNone, errorOffsetOutOfRange } from './error-code.ts';
import type { LedPartition } from './find.ts';
import { findStarts, logRanges, partitionsOf } from './find.ts';
import type { TopicState } from './followed-topic.ts';
import { FollowedTopic } from './followed-topic.ts';
import { frameMemory } from './frame-memory.ts';
import { intactBatches } from './intact-batches.ts';
import { Partition } from './partition.ts';
import { Problems } from './problems.ts';
import type { ClusterMetadata, FetchedPartition, TopicMetadata } from './protocol.ts';
import { fetchRequest } from './protocol.ts';

/** Bytes that a partition may be asked for when one batch is larger than a Fetch. */
const partitionBytesMax = limits.decompressedBatchBytesMax;

/** What a replay is told of records that are not there any more. */
const lostReason = 'the records were removed from the topic before they were read';

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The reader of one source; see the head of this file for its promises. */
export class KafkaReader implements SourceReader {
  readonly #cluster: Cluster;
  readonly #choice: TopicChoice;
  readonly #events: ReaderEvents;
  readonly #until: Positions | null;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #topics = new Map<string, FollowedTopic>();
  /** All partitions, by slot. */
  readonly #partitions = new Map<number, Partition>();
  readonly #problems = new Problems();
  readonly #topicPause: Pause;
  /** One wait a fetch loop, by node id. */
  readonly #fetchPauses = new Map<number, Pause>();
  readonly #loops: Promise<void>[] = [];
  /** Cancels of waits that would outlive the reader. */
  readonly #timers = new Set<() => void>();
  #status: SourceStatus = { status: 'created', error: null };
  #running = false;
  #paused = false;
  #closed = false;

  constructor(
    cluster: Cluster,
    choice: TopicChoice,
    from: SlotPositions,
    until: Positions | null,
    events: ReaderEvents,
    clock: Clock,
    entropy: Entropy,
  ) {
    this.#cluster = cluster;
    this.#choice = choice;
    this.#events = events;
    this.#until = until;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#topicPause = new Pause(clock);
    for (const [slot, place] of from) {
      const added = this.#add(slot, place, place.offset);
      if (place.lost === undefined) continue;
      added.failure = place.lost;
      this.#problems.set('partition', slot, place.lost);
    }
    if (until === null) for (const name of choice.names ?? []) this.#topic(name);
  }

  #topic(name: string): FollowedTopic {
    const topic = this.#topics.get(name) ?? new FollowedTopic(name);
    this.#topics.set(name, topic);
    return topic;
  }

  #add(slot: number, place: Place, offset: bigint): Partition {
    const until = this.#until === null ? null : (this.#until.get(slot) ?? 0n);
    const added = new Partition(
      { slot, topic: place.topic, partition: place.partition },
      offset,
      until,
      limits.fetchPartitionBytesMax,
      this.#backoff(),
    );
    assert(!this.#partitions.has(slot), `slot ${slot} stands for one partition`);
    this.#partitions.set(slot, added);
    const topic = this.#topic(place.topic);
    topic.expect(place.topicId);
    topic.partitions.set(place.partition, added);
    return added;
  }

  #backoff(): Backoff {
    return new Backoff(this.#entropy, limits.brokerRetryMillisecondsMax);
  }

  /** Looks at the topics again after a while: whoever had an error is tried again then. */
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
    this.#loops.push(this.#watchTopics());
  }

  resume(): void {
    this.#paused = false;
    for (const pause of this.#fetchPauses.values()) pause.wake();
  }

  ends(): Positions {
    const ends = new Map<number, bigint>();
    for (const [slot, { end }] of this.#partitions) if (end >= 0n) ends.set(slot, end);
    return ends;
  }

  stalled(): ReadonlyMap<number, string> {
    const stalled = new Map<number, string>();
    for (const [slot, { topic, leader, asked }] of this.#partitions) {
      const reason = this.#problems.first([
        ['partition', slot],
        ['topic', topic],
        ['cluster', ''],
        ...(leader < 0 ? ([['leader', topic]] as const) : []),
        ['broker', asked],
        ['fetch', slot],
      ]);
      if (reason !== null) stalled.set(slot, reason);
    }
    return stalled;
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
    const problem = this.#problems.worst;
    if (problem !== null) return { status: 'stalled', error: problem };
    if (!this.#running) return { status: 'starting', error: null };
    if (this.#finished()) return { status: 'ceased', error: null };
    return { status: 'running', error: null };
  }

  /** A replay is over when every partition that it was to read has come to its end. */
  #finished(): boolean {
    if (this.#until === null || !this.#running) return false;
    for (const [slot, until] of this.#until) {
      const reached = this.#partitions.get(slot)?.next ?? 0n;
      if (reached < until) return false;
    }
    return true;
  }

  #problem(...[kind, which, message]: Parameters<Problems['set']>): void {
    this.#problems.set(kind, which, message);
    this.#report();
  }

  /** A partition that will never go on. */
  #fail(partition: Partition, reason: string): void {
    partition.failure = reason;
    this.#problem('partition', partition.slot, reason);
  }

  // Topics.

  async #watchTopics(): Promise<void> {
    const backoff = this.#backoff();
    while (!this.#closed) {
      const settled = await this.#lookAtTopics();
      if (this.#closed) return;
      if (settled) backoff.reset();
      if (this.#finished()) return;
      await this.#topicPause.wait(settled ? limits.topicRefreshMillisecondsMax : backoff.next());
    }
  }

  /**
   * Takes in the topics as they are now; false if something is missing that should be asked for
   * again soon.
   */
  async #lookAtTopics(): Promise<boolean> {
    try {
      const isOpen = this.#until === null && this.#choice.names === null;
      const metadata = await this.#cluster.metadata(isOpen ? null : [...this.#topics.keys()]);
      if (this.#closed) return true;
      this.#problem('cluster', '', null);
      return await this.#takeMetadata(metadata, isOpen);
    } catch (error) {
      this.#problem('cluster', '', text(error));
      return false;
    }
  }

  async #takeMetadata(metadata: ClusterMetadata, isOpen: boolean): Promise<boolean> {
    for (const { name, internal } of isOpen ? metadata.topics : [])
      if (!internal && !this.#topics.has(name) && this.#choice.matches(name)) this.#topic(name);
    const byName = new Map(metadata.topics.map((topic) => [topic.name, topic]));
    const there: LedPartition[] = [];
    let complete = true;
    for (const topic of this.#topics.values()) {
      const told = byName.get(topic.name);
      const kind = this.#takeTopic(topic, told);
      if (kind === 'there' && told !== undefined) there.push(...partitionsOf(told));
      if (kind === 'absent') complete = false;
    }
    const { text: choice } = this.#choice;
    const none = this.#topics.size === 0 ? `${choice}: there is none yet` : null;
    this.#problem('topic', '', none);
    await this.#addFound(there);
    if (this.#closed) return true;
    const isLed = this.#follow(there);
    return isLed && complete && this.#topics.size > 0;
  }

  /** Takes in what is said of a topic. */
  #takeTopic(topic: FollowedTopic, told: TopicMetadata | undefined): TopicState['kind'] {
    const state = topic.take(told);
    const { name } = topic;
    this.#problem('topic', name, state.kind === 'absent' ? state.reason : null);
    if (state.kind === 'there') return state.kind;
    const isGone = state.kind === 'replaced' || state.gone;
    if (isGone && this.#until !== null && this.#choice.names === null) this.#loseRest(topic);
    else if (state.kind === 'replaced') {
      const reason = replacedText(name);
      for (const partition of topic.partitions.values()) this.#fail(partition, reason);
    }
    return state.kind;
  }

  /** What a replay was to read of a topic is not there any more. */
  #loseRest(topic: FollowedTopic): void {
    this.#running = true;
    this.#problem('topic', topic.name, null);
    for (const partition of topic.partitions.values()) {
      const { until, done } = partition;
      if (until === null || done) continue;
      if (!this.#events.chunk(partition.skipLost(until, lostReason))) this.#paused = true;
    }
  }

  /** Partitions that were not there before are read from where the source starts. */
  async #addFound(there: readonly LedPartition[]): Promise<void> {
    if (this.#until !== null) return;
    const fresh = there.filter(
      ({ topic, partition, leader }) =>
        leader >= 0 && this.#topics.get(topic)?.partitions.has(partition) === false,
    );
    const room = limits.sourceSlotsMax - this.#partitions.size;
    const tooMany = fresh.length > room;
    this.#problem(
      'partition',
      'all',
      tooMany
        ? `${this.#choice.text}: there are more than ${limits.sourceSlotsMax} partitions`
        : null,
    );
    if (fresh.length === 0 || tooMany) return;
    const found = await findStarts(this.#cluster, fresh, this.#choice.start);
    if (this.#closed) return;
    const slots = this.#events.partitions(found);
    found.forEach((place, i) => {
      const slot = defined(slots[i], 'each partition has got a slot');
      this.#add(slot, place, place.first).end = place.end;
    });
  }

  /** Sets leaders and sees to it that each has a fetch loop; false if a partition has no leader. */
  #follow(there: readonly LedPartition[]): boolean {
    const nodes = new Set<string>();
    const leaderless = new Set<string>();
    const told = new Set<Partition>();
    for (const { topic, partition: number, leader } of there) {
      if (leader < 0) leaderless.add(topic);
      else nodes.add(String(leader));
      const partition = this.#topics.get(topic)?.partitions.get(number);
      if (partition === undefined) continue;
      told.add(partition);
      partition.leader = leader;
      if (leader >= 0) this.#fetchLoopOf(leader);
    }
    for (const topic of new Set(there.map((place) => place.topic)))
      for (const partition of this.#topics.get(topic)?.partitions.values() ?? [])
        if (!told.has(partition)) this.#fail(partition, `${placeText(partition)} is gone`);
    // A broker that leads nothing any more is nobody's problem.
    this.#problems.keep('broker', nodes);
    this.#problems.keep('leader', leaderless);
    for (const topic of leaderless)
      this.#problems.set('leader', topic, `a partition of topic "${topic}" has no leader`);
    this.#report();
    return leaderless.size === 0;
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
    let partitions: readonly FetchedPartition[];
    try {
      partitions = await this.#ask(node, wanted);
    } catch (error) {
      if (this.#closed) return true;
      for (const partition of wanted) partition.leader = -1;
      this.#problem('broker', node, text(error));
      return false;
    }
    // What the owner throws is not the broker's failure: it must not be retried, for the position
    // has moved on.
    for (const fetched of partitions) await this.#deliver(fetched);
    for (const { records } of partitions.slice(0, 1)) frameMemory.release(records.buffer);
    this.#problem('broker', node, null);
    if (this.#finished()) this.#topicPause.wake();
    return true;
  }

  async #ask(node: number, wanted: readonly Partition[]): Promise<readonly FetchedPartition[]> {
    const positions = wanted.map(({ topic, partition, next, bytesMax }) => ({
      ...{ topic, partition, bytesMax },
      offset: next,
    }));
    for (const partition of wanted) partition.asked = node;
    const bounds = {
      waitMilliseconds: limits.fetchWaitMillisecondsMax,
      bytesMax: limits.fetchBytesMax,
    };
    const answer = await this.#cluster.send(node, fetchRequest(positions, bounds));
    if (answer.error !== errorNone) throw new Error(`fetch failed: ${errorName(answer.error)}`);
    return answer.partitions;
  }

  /** Hands over what came for one partition. */
  async #deliver(fetched: FetchedPartition): Promise<void> {
    const partition = this.#topics.get(fetched.topic)?.partitions.get(fetched.partition);
    if (partition === undefined || partition.failure !== null || this.#closed) return;
    if (fetched.error === errorOffsetOutOfRange) return this.#outOfRange(partition);
    if (fetched.error !== errorNone) {
      this.#again(partition, errorName(fetched.error));
      return;
    }
    this.#running = true;
    if (fetched.lastStableOffset >= 0n) partition.end = fetched.lastStableOffset;
    if (fetched.records.length > 0) return this.#takeRecords(partition, fetched);
    partition.backoff.reset();
    this.#problem('fetch', partition.slot, null);
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
      this.#problem('fetch', partition.slot, null);
      const alone = this.#partitions.size === 1 && this.#choice.names?.length === 1;
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
    this.#problem('fetch', partition.slot, `${placeText(partition)}: ${reason}`);
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
    const range = await this.#logRange(partition);
    if (this.#closed) return;
    const { next } = partition;
    const where = placeText(partition);
    if (range !== null && range.earliest > next && this.#until !== null) {
      if (!this.#events.chunk(partition.skipLost(range.earliest, lostReason))) this.#paused = true;
    } else if (range !== null && range.earliest > next) {
      this.#fail(
        partition,
        `${where} starts at offset ${range.earliest} now, ` +
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
  async #logRange({
    topic,
    partition,
  }: Partition): Promise<{ readonly earliest: bigint; readonly end: bigint } | null> {
    try {
      const { topics } = await this.#cluster.metadata([topic]);
      const place = topics.flatMap(partitionsOf).find((one) => one.partition === partition);
      if (place === undefined) return null;
      const [range] = await logRanges(this.#cluster, [place]);
      return range ?? null;
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
