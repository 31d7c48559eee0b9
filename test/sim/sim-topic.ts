/**
 * Topics of the simulated world. They outlive the machine, and their connections misbehave as real
 * ones may: answers come late or fail, chunks have any size and may begin before what was asked
 * for, a paused reader still delivers what was under way, offsets have gaps, partitions appear.
 *
 * A record's value is `partition:offset`, so that it can be told which records a table has, and how
 * often. Keyed topics write a few keys over and over; a tombstone never follows a tombstone, so that
 * every prefix of a partition gives other rows.
 */
import type {
  Positions,
  RawChunk,
  ReaderEvents,
  SourceConnection,
  SourceReader,
} from '../../connectors/connector.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import { defined } from '../../src/base/assert.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import type { Random } from '../support/random.ts';
import type { Marks } from './marks.ts';

const lateMilliseconds = 20;
export const keysPerPartition = 6;
const encoder = new TextEncoder();

/** One record as it was produced. */
export interface SimRecord {
  readonly key: string | null;
  /** null is a tombstone. */
  readonly value: string | null;
  readonly offset: bigint;
}

interface LogBatch {
  readonly bytes: Uint8Array;
  readonly next: bigint;
}

/** A partition with its records. */
export class SimPartition {
  readonly records: SimRecord[] = [];
  readonly batches: LogBatch[] = [];
  readonly starts: ReadonlySet<bigint> = new Set([0n]);

  get end(): bigint {
    return this.batches.at(-1)?.next ?? 0n;
  }
}

/** What is known of a topic. */
export interface TopicTruth {
  readonly keyed: boolean;
  readonly partitions: readonly {
    /** What a consumer may come to see, in offset order; those that are gone included. */
    readonly records: readonly SimRecord[];
    /** Offsets where the log has ever begun. */
    readonly starts: ReadonlySet<bigint>;
  }[];
  produce(): void;
}

/** A topic that has no broker. */
export class SimTopic implements TopicTruth {
  readonly keyed: boolean;
  readonly partitions: SimPartition[] = [];
  readonly #random: Random;
  readonly #marks: Marks;
  readonly #builder = new RecordBatchBuilder();

  constructor(keyed: boolean, random: Random, marks: Marks) {
    this.keyed = keyed;
    this.#random = random;
    this.#marks = marks;
    this.partitions.push(new SimPartition(), new SimPartition());
  }

  /** Appends a batch of a few records somewhere; now and then a partition appears. */
  produce(): void {
    const random = this.#random;
    if (this.partitions.length < 4 && random.chance(0.02)) {
      this.partitions.push(new SimPartition());
      this.#marks.sometimes('partition appeared');
    }
    const p = random.below(this.partitions.length);
    const partition = defined(this.partitions[p], 'the partition is there');
    const first = partition.end;
    let delta = 0;
    for (let i = 1 + random.below(4); i > 0; i--) {
      const record = this.#record(p, partition, first + BigInt(delta));
      partition.records.push(record);
      this.#builder.add(bytesOf(record.key), bytesOf(record.value), 0, [], delta);
      delta += random.chance(0.1) ? 3 : 1;
    }
    const last = defined(partition.records.at(-1), 'there are records').offset;
    const bytes = this.#builder.finish({ baseOffset: first });
    partition.batches.push({ bytes, next: last + 1n });
  }

  #record(p: number, { records }: SimPartition, offset: bigint): SimRecord {
    const value = `${p}:${offset}`;
    if (!this.keyed) return { key: null, value, offset };
    const key = `${p}/${this.#random.below(keysPerPartition)}`;
    const before = records.at(-1);
    const lastOfKey = records.findLast((record) => record.key === key);
    const removable =
      before !== undefined &&
      before.value !== null &&
      before.key !== key &&
      lastOfKey !== undefined &&
      lastOfKey.value !== null;
    if (!removable || !this.#random.chance(0.4)) return { key, value, offset };
    this.#marks.sometimes('tombstone');
    return { key, value: null, offset };
  }
}

export function bytesOf(text: string | null): Uint8Array | null {
  return text === null ? null : encoder.encode(text);
}

/** What a machine sees of the topics. */
export interface Network {
  readonly topics: ReadonlyMap<string, SimTopic>;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly marks: Marks;
  /** Chance that an answer fails. */
  readonly failures: number;
}

/** A connection of one machine, on its clock. */
export function connectTopics(network: Network): SourceConnection {
  const { topics, clock, random, marks, failures } = network;
  const answer = <T>(make: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      clock.after(random.below(lateMilliseconds), () => {
        if (!random.chance(failures)) return resolve(make());
        marks.sometimes('broker did not answer');
        reject(new Error('the broker does not answer'));
      });
    });
  const positions = (name: string, of: (partition: SimPartition) => bigint) =>
    answer(
      () => new Map(topicOf(topics, name).partitions.map((partition, p) => [p, of(partition)])),
    );
  return {
    validate: () => Promise.resolve(),
    startPositions: (name) => positions(name, () => 0n),
    endPositions: (name) => positions(name, (partition) => partition.end),
    reader: (name, from, until, events) =>
      new SimReader(network, topicOf(topics, name), { from, until, events }),
    close: () => Promise.resolve(),
  };
}

function topicOf(topics: ReadonlyMap<string, SimTopic>, name: string): SimTopic {
  return defined(topics.get(name), `topic ${name} is there`);
}

interface Order {
  readonly from: Positions;
  readonly until: Positions | null;
  readonly events: ReaderEvents;
}

class SimReader implements SourceReader {
  readonly #network: Network;
  readonly #topic: SimTopic;
  readonly #order: Order;
  readonly #next: Map<number, bigint>;
  #paused = false;
  #closed = false;
  #stop: () => void = () => undefined;

  constructor(network: Network, topic: SimTopic, order: Order) {
    this.#network = network;
    this.#topic = topic;
    this.#order = order;
    this.#next = new Map(order.from);
  }

  start(): void {
    this.#later();
  }

  resume(): void {
    this.#paused = false;
  }

  ends(): Positions {
    return new Map(this.#topic.partitions.map(({ end }, p) => [p, end]));
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    return Promise.resolve();
  }

  #later(): void {
    const { clock, random } = this.#network;
    this.#stop = clock.after(1 + random.below(lateMilliseconds), () => this.#work());
  }

  #work(): void {
    const { random } = this.#network;
    if (this.#order.until === null && random.chance(0.2)) this.#find();
    for (let i = random.below(3); i > 0 && !this.#closed && !this.#paused; i--) this.#deliver();
    if (!this.#closed) this.#later();
  }

  #find(): void {
    const found = this.#topic.partitions.flatMap(({ end }, partition) =>
      this.#next.has(partition) ? [] : [{ partition, first: 0n, end }],
    );
    for (const { partition, first } of found) this.#next.set(partition, first);
    if (found.length > 0) this.#order.events.partitions(found);
  }

  #end(p: number): bigint {
    const end = this.#topic.partitions[p]?.end ?? 0n;
    const { until } = this.#order;
    const last = until === null ? end : (until.get(p) ?? 0n);
    return last < end ? last : end;
  }

  #deliver(): void {
    const ready = [...this.#next].filter(([p, next]) => next < this.#end(p));
    if (ready.length === 0) return;
    const [partition, from] = this.#network.random.pick(ready);
    const chunk = this.#chunk(partition, from);
    this.#next.set(partition, chunk.next);
    if (!this.#order.events.chunk(chunk)) this.#paused = true;
  }

  #chunk(partition: number, from: bigint): RawChunk {
    const log = this.#topic.partitions[partition]?.batches ?? [];
    const behind = log.filter((batch) => batch.next > from);
    const batches = behind.slice(0, 1 + this.#network.random.below(4));
    const last = batches.at(-1)?.next ?? from;
    const until = this.#end(partition);
    return {
      partition,
      bytes: new Uint8Array(Buffer.concat(batches.map(({ bytes }) => bytes))),
      from,
      next: last < until ? last : until,
      aborted: [],
    };
  }
}
