/**
 * The Kafka connector: a `SourceConnection` for a list of bootstrap addresses, and production of
 * ready-made batches for sinks, the demo and benchmarks. Readers get a cluster (and so sockets) of
 * their own: a slow source never sits in another one's queue.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import { SqlError, sqlError } from '../../src/base/error.ts';
import type { Clock, Entropy, Log } from '../../src/base/seam.ts';
import type {
  FoundPartition,
  Positions,
  ReaderEvents,
  SlotPositions,
  SourceConnection,
  SourceReader,
  TopicChoice,
} from '../connector.ts';
import { Backoff, Pause } from './backoff.ts';
import type { Transport } from './cluster.ts';
import { Cluster, ClusterError } from './cluster.ts';
import {
  errorLeaderNotAvailable,
  errorName,
  errorNone,
  errorPasses,
  errorUnknownTopic,
} from './error-code.ts';
import type { Admin, Producer } from './kafkajs.ts';
import { KafkajsTransport } from './kafkajs.ts';
import type { LogRange } from './find.ts';
import { findStarts, logRanges, partitionsOf } from './find.ts';
import type { TopicMetadata } from './protocol.ts';
import { produceRequest } from './protocol.ts';
import { KafkaReader } from './reader.ts';
import type { KafkaSecurity } from './security.ts';
import { plaintext, requirePem } from './security.ts';

/**
 * Attempts at a connection that is being created: enough for a broker that is just starting to
 * listen.
 */
const validateAttemptsMax = 4;

/** The seams that a Kafka connection needs. */
export interface KafkaSeams {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** One Kafka cluster, by its bootstrap addresses. */
export class KafkaConnection implements SourceConnection {
  readonly #brokers: readonly string[];
  readonly #seams: KafkaSeams;
  readonly #security: KafkaSecurity;
  readonly #transport: KafkajsTransport;
  readonly #links: Transport;
  readonly #cluster: Cluster;
  readonly #readers = new Set<KafkaReader>();
  /** Leaders by partition, by topic: for `produce`, forgotten at the first failure. */
  readonly #leaders = new Map<string, Map<number, number>>();

  /**
   * `brokers` is what stands after BROKER: one or more `host:port`, separated by commas. Everything
   * but `admin` and `producer` goes through `transport`.
   */
  constructor(
    brokers: string,
    seams: KafkaSeams,
    transport?: Transport,
    security: KafkaSecurity = plaintext,
  ) {
    this.#brokers = brokers
      .split(',')
      .map((address) => address.trim())
      .filter((address) => address !== '');
    if (this.#brokers.length === 0)
      throw sqlError('22023', 'a Kafka connection needs a broker address');
    this.#seams = seams;
    this.#security = security;
    this.#transport = new KafkajsTransport(this.#brokers, seams.log, security);
    this.#links = transport ?? this.#transport;
    this.#cluster = new Cluster(this.#brokers, this.#links);
  }

  /** Throws 28P01 if the broker refuses the password, 22023 if a certificate cannot be read. */
  async validate(): Promise<void> {
    requirePem(this.#security);
    await this.#within(() => this.#cluster.connect(), validateAttemptsMax);
  }

  async survey(choice: TopicChoice): Promise<readonly FoundPartition[]> {
    const { names, start } = choice;
    const isOne = names?.length === 1;
    return this.#within(async () => {
      const topics = await this.#topics(choice);
      const places = topics.flatMap(partitionsOf);
      const led = places.filter(({ leader }) => leader >= 0);
      const leaderless = places.find(({ leader }) => leader < 0);
      // One topic is waited for; of several those without leaders are found when they have one.
      if (isOne && leaderless !== undefined)
        throw new Error(`topic "${leaderless.topic}" has no leader`);
      if (start.kind !== 'offsets') return findStarts(this.#cluster, led, start);
      assert(isOne, 'offsets are given for one topic');
      return givenOffsets(names[0] ?? '', start.offsets, await logRanges(this.#cluster, led));
    });
  }

  reader(
    choice: TopicChoice,
    from: SlotPositions,
    until: Positions | null,
    events: ReaderEvents,
  ): SourceReader {
    const cluster = new Cluster(this.#brokers, this.#links);
    const { clock, entropy } = this.#seams;
    const reader = new KafkaReader(cluster, choice, from, until, events, clock, entropy);
    for (const other of this.#readers) if (other.closed) this.#readers.delete(other);
    this.#readers.add(reader);
    return reader;
  }

  /**
   * kafkajs' administration client: topics, configurations. The caller connects and disconnects it.
   */
  admin(): Admin {
    return this.#transport.admin();
  }

  /** kafkajs' producer: transactions, idempotence. The caller connects and disconnects it. */
  producer(
    options: { readonly transactionalId?: string; readonly idempotent?: boolean } = {},
  ): Producer {
    return this.#transport.producer({ ...options, maxInFlightRequests: 1 });
  }

  /**
   * Sends one batch of `RecordBatchBuilder`; answers the offset of its first record. At least once:
   * a batch whose answer was lost is sent again. SqlError 58000 if the broker refuses it, 08001 if
   * nobody answers in time.
   */
  async produce(
    topic: string,
    partition: number,
    batch: Uint8Array,
    acks: 1 | -1 = -1,
  ): Promise<bigint> {
    return this.#within(async () => {
      const leader =
        this.#leaders.get(topic)?.get(partition) ?? (await this.#findLeader(topic, partition));
      const request = produceRequest(
        topic,
        partition,
        batch,
        acks,
        limits.brokerAnswerMillisecondsMax,
      );
      try {
        const produced = await this.#cluster.send(leader, request);
        if (produced.error === errorNone) return produced.baseOffset;
        const message = `batch for partition ${partition} of topic "${topic}": ${errorName(produced.error)}`;
        throw errorPasses(produced.error) ? new Error(message) : sqlError('58000', message);
      } catch (error) {
        this.#leaders.delete(topic);
        throw error;
      }
    });
  }

  async #findLeader(topic: string, partition: number): Promise<number> {
    const { topics } = await this.#cluster.metadata([topic]);
    const places = topics.flatMap(partitionsOf);
    const leaders = new Map(places.map((place) => [place.partition, place.leader]));
    const leader = leaders.get(partition) ?? -1;
    if (leader < 0) throw new Error(`partition ${partition} of topic "${topic}" has no leader`);
    this.#leaders.set(topic, leaders);
    return leader;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#readers].map((reader) => reader.close()));
    await this.#cluster.close();
  }

  /** The topics that are there; one that cannot be read is an error if it is the only one. */
  async #topics(choice: TopicChoice): Promise<readonly TopicMetadata[]> {
    const { names } = choice;
    const { topics } = await this.#cluster.metadata(names);
    const chosen =
      names === null
        ? topics.filter(({ name, internal }) => !internal && choice.matches(name))
        : topics;
    for (const { name, error } of names?.length === 1 ? chosen : []) {
      if ([errorNone, errorLeaderNotAvailable, errorUnknownTopic].includes(error)) continue;
      throw sqlError('58000', `topic "${name}" cannot be read: ${errorName(error)}`);
    }
    return chosen.filter(({ error }) => error === errorNone || error === errorLeaderNotAvailable);
  }

  /**
   * Repeats `attempt` with back-off; after so many attempts or `brokerAnswerMillisecondsMax` it is
   * error 08001.
   */
  async #within<T>(attempt: () => Promise<T>, attemptsMax = Infinity): Promise<T> {
    const { clock, entropy } = this.#seams;
    const backoff = new Backoff(entropy, limits.brokerRetryMillisecondsMax);
    const pause = new Pause(clock);
    const failure = { last: new ClusterError('no answer'), over: false };
    const work = async (): Promise<T> => {
      for (let attempts = 0; attempts < attemptsMax && !failure.over; attempts++) {
        try {
          return await attempt();
        } catch (error) {
          if (error instanceof SqlError) throw error;
          failure.last = error instanceof ClusterError ? error : new ClusterError(text(error));
          if (failure.last.refusal?.final === true) break;
        }
        await pause.wait(backoff.next());
      }
      throw this.#unreachable(failure.last);
    };
    let cancel = (): void => undefined;
    const deadline = new Promise<never>((_, reject) => {
      cancel = clock.after(limits.brokerAnswerMillisecondsMax, () => {
        failure.over = true;
        pause.wake();
        reject(this.#unreachable(failure.last));
      });
    });
    try {
      return await Promise.race([work(), deadline]);
    } finally {
      cancel();
    }
  }

  #unreachable({ message, refusal }: ClusterError): SqlError {
    const addresses = this.#brokers.map((address) => `"${address}"`).join(', ');
    const detail = `${message}.`;
    if (refusal === null)
      return sqlError('08001', `could not reach Kafka broker ${addresses}`, { detail });
    const { code, reason, hint } = refusal;
    const what = `could not connect to Kafka broker ${addresses}: ${reason}`;
    return sqlError(code, what, hint === null ? { detail } : { detail, hint });
  }
}

/**
 * START OFFSET: one offset a partition in order, the rest from their first record; must lie in the
 * log, if that is there.
 */
function givenOffsets(
  topic: string,
  given: readonly bigint[],
  ranges: readonly LogRange[],
): readonly FoundPartition[] {
  if (ranges.length === 0) {
    return given.map((first, partition) => ({
      ...{ topic, partition, topicId: null },
      ...{ first, earliest: first, end: first },
    }));
  }
  if (given.length > ranges.length) {
    throw sqlError(
      '22023',
      `${given.length} start offsets are given, topic "${topic}" has ${ranges.length} partitions`,
    );
  }
  return ranges.map(({ partition, topicId, earliest, end }) => {
    const first = given[partition] ?? earliest;
    if (first < earliest || first > end) {
      throw sqlError(
        '22023',
        `start offset ${first} of partition ${partition} of topic "${topic}" is out of range`,
        {
          detail: `The partition has offsets ${earliest} to ${end}.`,
        },
      );
    }
    return { topic, topicId, partition, first, earliest, end };
  });
}
