/**
 * Topics of the simulated world. They outlive the machine, and their connections misbehave as real
 * ones may: answers come late or fail, chunks have any size and may begin before what was asked
 * for, a paused reader still delivers what was under way, offsets have gaps, partitions appear.
 *
 * A record's value is `place:offset` (a place is the letter of a topic and a number in it), so that it can be told which records a table has, and how
 * often. Keyed topics write a few keys over and over; a tombstone never follows a tombstone, so that
 * every prefix of a partition gives other rows.
 */
import type {
  FoundPartition,
  Place,
  Positions,
  RawChunk,
  ReaderEvents,
  SlotPositions,
  SourceConnection,
  SourceReader,
  TopicChoice,
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
  readonly place: string;

  constructor(place: string) {
    this.place = place;
  }

  get end(): bigint {
    return this.batches.at(-1)?.next ?? 0n;
  }
}

/** What is known of a topic. */
export interface TopicTruth {
  readonly keyed: boolean;
  readonly partitions: readonly {
    /** The letter of its topic, and its number there. */
    readonly place: string;
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
  /** As brokers tell it. */
  readonly id: string;
  readonly #letter: string;
  readonly #random: Random;
  readonly #marks: Marks;
  readonly #builder = new RecordBatchBuilder();

  constructor(letter: string, keyed: boolean, random: Random, marks: Marks) {
    this.#letter = letter;
    this.id = `${letter}1`;
    this.keyed = keyed;
    this.#random = random;
    this.#marks = marks;
    this.#grow();
    this.#grow();
  }

  #grow(): void {
    this.partitions.push(new SimPartition(`${this.#letter}${this.partitions.length}`));
  }

  /** Appends a batch of a few records somewhere; now and then a partition appears. */
  produce(): void {
    const random = this.#random;
    if (this.partitions.length < 4 && random.chance(0.02)) {
      this.#grow();
      this.#marks.sometimes('partition appeared');
    }
    const p = random.below(this.partitions.length);
    const partition = defined(this.partitions[p], 'the partition is there');
    const first = partition.end;
    let delta = 0;
    for (let i = 1 + random.below(4); i > 0; i--) {
      const record = this.#record(partition, first + BigInt(delta));
      partition.records.push(record);
      this.#builder.add(bytesOf(record.key), bytesOf(record.value), 0, [], delta);
      delta += random.chance(0.1) ? 3 : 1;
    }
    const last = defined(partition.records.at(-1), 'there are records').offset;
    const bytes = this.#builder.finish({ baseOffset: first });
    partition.batches.push({ bytes, next: last + 1n });
  }

  #record({ place, records }: SimPartition, offset: bigint): SimRecord {
    const value = `${place}:${offset}`;
    if (!this.keyed) return { key: null, value, offset };
    const key = `${place}/${this.#random.below(keysPerPartition)}`;
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
  return {
    validate: () => Promise.resolve(),
    survey: (choice) => answer(() => partitionsOf(topics, choice)),
    reader: (choice, from, until, events) =>
      new SimReader(network, { choice, from, until, events }),
    close: () => Promise.resolve(),
  };
}

/** What there is of the topics of a source. */
function partitionsOf(
  topics: ReadonlyMap<string, SimTopic>,
  choice: TopicChoice,
): readonly FoundPartition[] {
  return [...topics].flatMap(([topic, { id, partitions }]) =>
    choice.matches(topic)
      ? partitions.map(({ end }, partition) => ({
          ...{ topic, partition, topicId: id },
          ...{ first: 0n, earliest: 0n, end },
        }))
      : [],
  );
}

interface Order {
  readonly choice: TopicChoice;
  readonly from: SlotPositions;
  readonly until: Positions | null;
  readonly events: ReaderEvents;
}

class SimReader implements SourceReader {
  readonly #network: Network;
  readonly #order: Order;
  readonly #places: Map<number, Place>;
  readonly #next: Map<number, bigint>;
  #paused = false;
  #closed = false;
  #stop: () => void = () => undefined;

  constructor(network: Network, order: Order) {
    this.#network = network;
    this.#order = order;
    this.#places = new Map(order.from);
    this.#next = new Map([...order.from].map(([slot, { offset }]) => [slot, offset]));
  }

  start(): void {
    this.#later();
  }

  resume(): void {
    this.#paused = false;
  }

  stalled(): ReadonlyMap<number, string> {
    return new Map();
  }

  ends(): Positions {
    return new Map(
      [...this.#places.keys()].map((slot) => [slot, this.#partition(slot)?.end ?? 0n]),
    );
  }

  #partition(slot: number): SimPartition | undefined {
    const { topic, partition } = defined(this.#places.get(slot), 'a slot has its place');
    return this.#network.topics.get(topic)?.partitions[partition];
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
    const known = new Set(
      [...this.#places.values()].map(({ topic, partition }) => `${partition} ${topic}`),
    );
    const found = partitionsOf(this.#network.topics, this.#order.choice).filter(
      ({ topic, partition }) => !known.has(`${partition} ${topic}`),
    );
    if (found.length === 0) return;
    const slots = this.#order.events.partitions(found);
    for (const [i, place] of found.entries()) {
      const slot = defined(slots[i], 'each has got a slot');
      this.#places.set(slot, place);
      this.#next.set(slot, place.first);
    }
  }

  #end(slot: number): bigint {
    const end = this.#partition(slot)?.end ?? 0n;
    const { until } = this.#order;
    const last = until === null ? end : (until.get(slot) ?? 0n);
    return last < end ? last : end;
  }

  #deliver(): void {
    const ready = [...this.#next].filter(([slot, next]) => next < this.#end(slot));
    if (ready.length === 0) return;
    const [slot, from] = this.#network.random.pick(ready);
    const chunk = this.#chunk(slot, from);
    this.#next.set(slot, chunk.next);
    if (!this.#order.events.chunk(chunk)) this.#paused = true;
  }

  #chunk(slot: number, from: bigint): RawChunk {
    const { topic, partition } = defined(this.#places.get(slot), 'a slot has its place');
    const log = this.#partition(slot)?.batches ?? [];
    const behind = log.filter((batch) => batch.next > from);
    const batches = behind.slice(0, 1 + this.#network.random.below(4));
    const last = batches.at(-1)?.next ?? from;
    const until = this.#end(slot);
    return {
      ...{ slot, topic, partition },
      bytes: new Uint8Array(Buffer.concat(batches.map(({ bytes }) => bytes))),
      from,
      next: last < until ? last : until,
      aborted: [],
    };
  }
}
