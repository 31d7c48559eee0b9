/**
 * A topic whose connection misbehaves as a real one may, from a seed: answers come late or fail,
 * chunks have any size and may begin before what was asked for, partitions appear, a paused reader
 * still delivers what was under way. It keeps a connector's promises: a partition's chunks come in
 * order without a gap. It checks its owner: no more than what is under way comes to one who asked
 * for a pause.
 */
import type {
  Positions,
  RawChunk,
  ReaderEvents,
  SlotPositions,
  SourceConnection,
  SourceReader,
} from '../../connectors/connector.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import { assert, defined } from '../../src/base/assert.ts';
import type { FakeClock } from './fake-clock.ts';
import { foundPartition } from './one-topic.ts';
import type { Random } from './random.ts';

interface LogBatch {
  readonly bytes: Uint8Array;
  readonly first: bigint;
  /** Offset after the last record. */
  readonly next: bigint;
}

const recordsMax = 5;
const batchesMax = 4;
const lateMilliseconds = 20;
const underWayMax = 2;

/**
 * Offsets between two records, as in a compacted log: few records seem many to who counts offsets.
 */
export const spread = 2_000;

/** The records of a topic: text `partition:offset`. */
export class FakeTopic {
  readonly partitions: LogBatch[][] = [];
  readonly clock: FakeClock;
  readonly random: Random;
  /** As brokers tell it. */
  id = '01'.repeat(16);
  /** Chance that an answer fails. */
  failures = 0.2;
  /** Partitions that have lost records. */
  readonly removed = new Set<number>();
  /** Readers that were started and not closed. */
  open = 0;
  readonly #builder = new RecordBatchBuilder();

  constructor(clock: FakeClock, random: Random, partitions: number) {
    this.clock = clock;
    this.random = random;
    for (let p = 0; p < partitions; p++) this.partitions.push([]);
  }

  /** First offset that a partition still has. */
  start(partition: number): bigint {
    const first = this.partitions[partition]?.[0]?.first ?? this.end(partition);
    return this.removed.has(partition) ? first : 0n;
  }

  /** Removes the oldest `batches` batches of a partition, but never the last one. */
  remove(partition: number, batches: number): void {
    const log = defined(this.partitions[partition], 'the partition exists');
    const gone = log.splice(0, Math.min(batches, log.length - 1));
    if (gone.length > 0) this.removed.add(partition);
  }

  end(partition: number): bigint {
    return this.partitions[partition]?.at(-1)?.next ?? 0n;
  }

  /** Appends one batch of a few records. */
  produce(partition: number): void {
    const log = defined(this.partitions[partition], 'the partition exists');
    const first = this.#records(partition) * BigInt(spread);
    const records = 1 + this.random.below(recordsMax);
    for (let i = 0; i < records; i++) {
      const delta = i * spread;
      this.#builder.add(
        null,
        new TextEncoder().encode(`${partition}:${first + BigInt(delta)}`),
        0,
        [],
        delta,
      );
    }
    const next = first + BigInt((records - 1) * spread + 1);
    log.push({ bytes: this.#builder.finish({ baseOffset: first }), first, next });
  }

  #records(partition: number): bigint {
    return (this.end(partition) + BigInt(spread) - 1n) / BigInt(spread);
  }

  /** All records, sorted, as a query of the source shows them. */
  records(): readonly string[] {
    return this.partitions
      .flatMap((_, p) =>
        Array.from({ length: Number(this.#records(p)) }, (__, i) => `${p}:${i * spread}`).filter(
          (text) => BigInt(text.split(':')[1] ?? 0) >= this.start(p),
        ),
      )
      .sort();
  }

  connection(): SourceConnection {
    const answer = <T>(make: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        this.clock.after(this.random.below(lateMilliseconds), () => {
          if (this.random.chance(this.failures)) reject(new Error('the broker does not answer'));
          else resolve(make());
        });
      });
    return {
      validate: () => Promise.resolve(),
      survey: ({ names }) =>
        answer(() =>
          this.partitions.map((_, partition) => ({
            ...{ topic: names?.[0] ?? '', partition, topicId: this.id },
            ...{ first: this.start(partition), earliest: this.start(partition) },
            end: this.end(partition),
          })),
        ),
      reader: ({ names }, from, until, events) =>
        new FakeReader(this, names?.[0] ?? '', from, until, events),
      close: () => Promise.resolve(),
    };
  }
}

class FakeReader implements SourceReader {
  readonly #topic: FakeTopic;
  readonly #name: string;
  readonly #until: Positions | null;
  readonly #events: ReaderEvents;
  readonly #next: Map<number, bigint>;
  #paused = false;
  #sincePause = 0;
  #closed = false;
  #stop: () => void = () => undefined;

  constructor(
    topic: FakeTopic,
    name: string,
    from: SlotPositions,
    until: Positions | null,
    events: ReaderEvents,
  ) {
    this.#topic = topic;
    this.#name = name;
    this.#until = until;
    this.#events = events;
    this.#next = new Map([...from].map(([slot, { offset }]) => [slot, offset]));
  }

  start(): void {
    this.#topic.open++;
    this.#later();
  }

  resume(): void {
    this.#paused = false;
    this.#sincePause = 0;
  }

  stalled(): ReadonlyMap<number, string> {
    return new Map();
  }

  ends(): Positions {
    return new Map(this.#topic.partitions.map((_, p) => [p, this.#topic.end(p)]));
  }

  close(): Promise<void> {
    if (!this.#closed) this.#topic.open--;
    this.#closed = true;
    this.#stop();
    return Promise.resolve();
  }

  #later(): void {
    const { clock, random } = this.#topic;
    this.#stop = clock.after(1 + random.below(lateMilliseconds), () => this.#work());
  }

  #work(): void {
    const { random } = this.#topic;
    if (random.chance(0.2)) this.#find();
    for (let i = random.below(3); i > 0 && !this.#closed; i--) {
      if (this.#paused && (random.chance(0.5) || this.#sincePause >= underWayMax)) break;
      this.#deliver();
    }
    if (!this.#closed) this.#later();
  }

  /** New partitions, for a reader without ends. */
  #find(): void {
    if (this.#until !== null) return;
    const found = this.#topic.partitions.flatMap((_, partition) =>
      this.#next.has(partition)
        ? []
        : [foundPartition(this.#name, partition, 0n, this.#topic.end(partition))],
    );
    for (const { partition, first } of found) this.#next.set(partition, first);
    if (found.length === 0) return;
    const slots = this.#events.partitions(found);
    assert(
      found.every(({ partition }, i) => slots[i] === partition),
      'partitions of one topic are their own slots',
    );
  }

  #deliver(): void {
    const { random } = this.#topic;
    const ready = [...this.#next].filter(([p, next]) => next < this.#end(p));
    if (ready.length === 0) return;
    const [partition, from] = random.pick(ready);
    const chunk = this.#chunk(partition, from);
    this.#next.set(partition, chunk.next);
    if (this.#paused) this.#sincePause++;
    if (!this.#events.chunk(chunk)) this.#paused = true;
  }

  #end(partition: number): bigint {
    const end = this.#topic.end(partition);
    const until = this.#until === null ? end : (this.#until.get(partition) ?? 0n);
    return until < end ? until : end;
  }

  #chunk(partition: number, from: bigint): RawChunk {
    const first = this.#topic.start(partition);
    if (from < first) return this.#lost(partition, from, first);
    const log = (this.#topic.partitions[partition] ?? []).filter((batch) => batch.next > from);
    const batches = log.slice(0, 1 + this.#topic.random.below(batchesMax));
    const last = batches.at(-1)?.next ?? from;
    const until = this.#end(partition);
    return {
      ...{ slot: partition, topic: this.#name, partition },
      bytes: Uint8Array.from(batches.flatMap((batch) => [...batch.bytes])),
      from,
      next: last < until ? last : until,
      aborted: [],
    };
  }

  #lost(partition: number, from: bigint, first: bigint): RawChunk {
    const until = this.#end(partition);
    return {
      ...{ slot: partition, topic: this.#name, partition },
      bytes: new Uint8Array(0),
      from,
      next: first < until ? first : until,
      aborted: [],
      lost: 'the records are gone',
    };
  }
}
