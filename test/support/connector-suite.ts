/**
 * What the Kafka connector must do on any broker: the same tests run against the real one and
 * against the embedded one. Records go in through kafkajs and through our own batches, come out
 * through a reader and the decoder, and must be exactly those that were acknowledged.
 */
import kafkajs from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assert } from '../../src/base/assert.ts';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import type {
  Positions,
  RawChunk,
  SourceReader,
  SourceStatus,
} from '../../connectors/connector.ts';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import { topicsNamed } from '../../connectors/connector.ts';
import { codecs } from '../../connectors/kafka/codec.ts';
import type { RecordHeader } from '../../connectors/kafka/encode-batch.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import type { Admin } from '../../connectors/kafka/kafkajs.ts';
import { RecordBatchWalker, RecordSlice } from '../../connectors/kafka/record-batch.ts';
import { readHeaders } from '../../connectors/kafka/record-headers.ts';
import { endOffsets, ownSlots, slotsOf, startOffsets } from './one-topic.ts';

/** A broker under test. */
export interface TestBroker {
  readonly brokers: string;
  /** Goes away as in a crash, keeping its data; `up` brings it back at the same address. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

const encoder = new TextEncoder();
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const patienceMilliseconds = 30_000;

/** Waits until `condition` holds. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + patienceMilliseconds;
  while (!condition()) {
    assert(performance.now() < deadline, `in time: ${what}`);
    await sleep(20);
  }
}

interface SeenRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
  readonly headers: readonly (readonly [string, string | null])[];
}

function text(bytes: Uint8Array, at: number, length: number): string | null {
  return length < 0 ? null : Buffer.from(bytes.subarray(at, at + length)).toString();
}

/** Follows a topic and keeps all that it sees. */
class Follower {
  readonly records: SeenRecord[] = [];
  readonly statuses: SourceStatus[] = [];
  readonly found: number[] = [];
  readonly chunks: RawChunk[] = [];
  readonly reader: SourceReader;
  /** What `chunk` answers: false asks the reader to stop. */
  accepts = true;
  readonly #walker = new RecordBatchWalker();
  readonly #slice = new RecordSlice();

  constructor(
    connection: KafkaConnection,
    topic: string,
    from: Positions,
    ends: Positions | null = null,
  ) {
    this.reader = connection.reader(topicsNamed([topic]), slotsOf(topic, from), ends, {
      chunk: (chunk) => {
        this.#take(chunk);
        return this.accepts;
      },
      status: (status) => void this.statuses.push(status),
      partitions: (found) => {
        this.found.push(...ownSlots(found));
        return ownSlots(found);
      },
    });
    this.reader.start();
  }

  get status(): SourceStatus | undefined {
    return this.statuses.at(-1);
  }

  values(): (string | null)[] {
    return this.records.map(({ value }) => value);
  }

  #take(chunk: RawChunk): void {
    const before = this.chunks.filter(({ partition }) => partition === chunk.partition).at(-1);
    if (before !== undefined) expect(chunk.from).toBe(before.next);
    this.chunks.push(chunk);
    this.#walker.open(chunk);
    const slice = this.#slice;
    for (;;) {
      const found = this.#walker.next(slice);
      if (found === 'end') return;
      if (found === 'pause') continue;
      assert(
        found === 'records',
        `the batches are whole: ${found === 'broken' ? this.#walker.broken.reason : ''}`,
      );
      for (let r = 0; r < slice.count; r++) {
        const headers = readHeaders(slice.bytes, slice.headersAt[r], slice.headersEnd[r]) ?? [];
        this.records.push({
          partition: chunk.partition,
          offset: slice.offset[r],
          timestamp: slice.timestamp[r],
          key: text(slice.bytes, slice.keyAt[r], slice.keyBytes[r]),
          value: text(slice.bytes, slice.valueAt[r], slice.valueBytes[r]),
          headers: headers.map(({ key, value }) => [
            text(key, 0, key.length) ?? '',
            value && text(value, 0, value.length),
          ]),
        });
      }
    }
  }
}

/** A batch of our own encoder. */
function ownBatch(
  values: readonly (string | null)[],
  codec: (typeof codecs)[number] = 'none',
  headers: readonly RecordHeader[] = [],
): Uint8Array {
  const builder = new RecordBatchBuilder();
  values.forEach((value, k) =>
    builder.add(
      encoder.encode(`k${k}`),
      value === null ? null : encoder.encode(value),
      1_700_000_000_000 + k,
      headers,
    ),
  );
  return builder.finish({ codec });
}

/** Declares the suite; `start` makes a fresh broker. */
export function connectorSuite(name: string, start: () => Promise<TestBroker>): void {
  describe(name, () => {
    const bench: {
      broker: TestBroker | null;
      connection: KafkaConnection | null;
      admin: Admin | null;
      topics: number;
    } = { broker: null, connection: null, admin: null, topics: 0 };
    const broker = (): TestBroker => {
      assert(bench.broker !== null, 'the broker runs');
      return bench.broker;
    };
    const connection = (): KafkaConnection => {
      assert(bench.connection !== null, 'the connection is open');
      return bench.connection;
    };
    const admin = (): Admin => {
      assert(bench.admin !== null, 'the administrator is connected');
      return bench.admin;
    };
    const newTopic = async (
      partitions = 1,
      config: readonly { name: string; value: string }[] = [],
    ): Promise<string> => {
      const topic = `topic-${++bench.topics}`;
      await admin().createTopics({
        topics: [
          { topic, numPartitions: partitions, replicationFactor: 1, configEntries: [...config] },
        ],
        waitForLeaders: true,
      });
      return topic;
    };
    const follow = async (topic: string): Promise<Follower> =>
      new Follower(connection(), topic, await startOffsets(connection(), topic));

    beforeAll(async () => {
      bench.broker = await start();
      bench.connection = new KafkaConnection(bench.broker.brokers, {
        clock: realClock,
        entropy: realEntropy,
        log: silent,
      });
      await bench.connection.validate();
      bench.admin = bench.connection.admin();
      await bench.admin.connect();
    });

    afterAll(async () => {
      await bench.admin?.disconnect();
      await bench.connection?.close();
      await bench.broker?.stop();
    });

    test('kafkajs writes, we read: keys, NULLs, headers, times', async () => {
      const topic = await newTopic(2);
      const producer = connection().producer();
      await producer.connect();
      await producer.send({
        topic,
        messages: [
          {
            partition: 0,
            key: 'a',
            value: 'one',
            timestamp: '1700000000001',
            headers: { h: 'x', list: ['1', '2'] },
          },
          { partition: 0, key: 'a', value: null, timestamp: '1700000000002' },
          { partition: 1, key: null, value: '', timestamp: '1700000000000' },
        ],
      });
      await producer.disconnect();
      const follower = await follow(topic);
      await until('three records came', () => follower.records.length === 3);
      const sorted = follower.records.toSorted(
        (a, b) => a.partition - b.partition || a.offset - b.offset,
      );
      expect(sorted).toEqual([
        {
          partition: 0,
          offset: 0,
          key: 'a',
          value: 'one',
          timestamp: 1_700_000_000_001,
          headers: [
            ['h', 'x'],
            ['list', '1'],
            ['list', '2'],
          ],
        },
        {
          partition: 0,
          offset: 1,
          key: 'a',
          value: null,
          timestamp: 1_700_000_000_002,
          headers: [],
        },
        {
          partition: 1,
          offset: 0,
          key: null,
          value: '',
          timestamp: 1_700_000_000_000,
          headers: [],
        },
      ]);
      expect(follower.status).toEqual({ status: 'running', error: null });
      await follower.reader.close();
    });

    test.each(codecs)(
      'our batches with %s come back, and kafkajs reads them where it can',
      async (codec) => {
        const topic = await newTopic();
        const values = Array.from({ length: 50 }, (_, k) =>
          k % 7 === 3 ? null : `{"k":${k},"text":"some text that repeats"}`,
        );
        const headers = [{ key: encoder.encode('h'), value: encoder.encode('v') }];
        expect(await connection().produce(topic, 0, ownBatch(values, codec, headers))).toBe(0n);
        expect(await connection().produce(topic, 0, ownBatch(values, codec))).toBe(50n);
        const follower = await follow(topic);
        await until('all records came', () => follower.records.length === 100);
        expect(follower.values()).toEqual([...values, ...values]);
        expect(follower.records[0]?.headers).toEqual([['h', 'v']]);
        expect(follower.records[3]).toMatchObject({
          offset: 3,
          key: 'k3',
          timestamp: 1_700_000_000_003,
        });
        await follower.reader.close();
        if (codec === 'none' || codec === 'gzip')
          expect(await readWithKafkajs(broker().brokers, topic, 100)).toEqual([
            ...values,
            ...values,
          ]);
      },
    );

    test('offsets by time, given offsets, ends; a replay ends by itself', async () => {
      const topic = await newTopic(2);
      await connection().produce(topic, 0, ownBatch(['a', 'b', 'c', 'd']));
      const at = (milliseconds: number): Promise<Map<number, bigint>> =>
        startOffsets(connection(), topic, { kind: 'timestamp', milliseconds });
      expect(await at(1_700_000_000_002)).toEqual(
        new Map([
          [0, 2n],
          [1, 0n],
        ]),
      );
      expect(await at(0)).toEqual(
        new Map([
          [0, 0n],
          [1, 0n],
        ]),
      );
      expect(await at(1_800_000_000_000)).toEqual(
        new Map([
          [0, 4n],
          [1, 0n],
        ]),
      );
      expect(await startOffsets(connection(), topic, { kind: 'offsets', offsets: [3n] })).toEqual(
        new Map([
          [0, 3n],
          [1, 0n],
        ]),
      );
      await expect(
        startOffsets(connection(), topic, { kind: 'offsets', offsets: [5n] }),
      ).rejects.toThrow('out of range');
      const ends = await endOffsets(connection(), topic);
      expect(ends).toEqual(
        new Map([
          [0, 4n],
          [1, 0n],
        ]),
      );
      const follower = new Follower(
        connection(),
        topic,
        new Map([
          [0, 1n],
          [1, 0n],
        ]),
        new Map([
          [0, 3n],
          [1, 0n],
        ]),
      );
      await until('the replay is over', () => follower.status?.status === 'ceased');
      expect(follower.values()).toEqual(['b', 'c']);
      await follower.reader.close();
    });

    test('transactions: committed records come, aborted ones never, open ones wait', async () => {
      const topic = await newTopic();
      const producer = connection().producer({ transactionalId: `t-${topic}`, idempotent: true });
      await producer.connect();
      const follower = await follow(topic);
      const write = async (value: string, end: 'commit' | 'abort'): Promise<void> => {
        const transaction = await producer.transaction();
        await transaction.send({
          topic,
          messages: [{ value: `${value}-1` }, { value: `${value}-2` }],
        });
        await transaction[end]();
      };
      await write('a', 'commit');
      await write('b', 'abort');
      await connection().produce(topic, 0, ownBatch(['plain']));
      await write('c', 'abort');
      const open = await producer.transaction();
      await open.send({ topic, messages: [{ value: 'd' }] });
      await connection().produce(topic, 0, ownBatch(['behind']));
      await until('what is stable came', () => follower.records.length >= 3);
      await sleep(300);
      expect(follower.values()).toEqual(['a-1', 'a-2', 'plain']);
      await open.commit();
      await until('the rest came', () => follower.records.length >= 5);
      expect(follower.values()).toEqual(['a-1', 'a-2', 'plain', 'd', 'behind']);
      await producer.disconnect();
      await follower.reader.close();
    });

    test('new partitions are found and read from their first record', async () => {
      const topic = await newTopic();
      const follower = await follow(topic);
      await connection().produce(topic, 0, ownBatch(['a']));
      await admin().createPartitions({ topicPartitions: [{ topic, count: 3 }] });
      await until('the topic has three partitions', () => follower.found.length === 2);
      await connection().produce(topic, 2, ownBatch(['b']));
      await until('both records came', () => follower.records.length === 2);
      expect(follower.found).toEqual([1, 2]);
      expect(follower.records.map(({ partition, value }) => [partition, value])).toEqual([
        [0, 'a'],
        [2, 'b'],
      ]);
      await follower.reader.close();
    });

    test('a topic that does not exist yet is waited for', async () => {
      const topic = `topic-${bench.topics + 1}`;
      const follower = await follow(topic);
      await until('the status says so', () => typeof follower.status?.error === 'string');
      expect(follower.status).toEqual({
        status: 'stalled',
        error: `topic "${topic}" does not exist yet`,
      });
      expect(await newTopic()).toBe(topic);
      await connection().produce(topic, 0, ownBatch(['a']));
      await until('the record came', () => follower.records.length === 1);
      expect(follower.status).toEqual({ status: 'running', error: null });
      expect(follower.found).toEqual([0]);
      await follower.reader.close();
    });

    test('records removed before they were read stop the source with an error', async () => {
      const topic = await newTopic();
      await connection().produce(topic, 0, ownBatch(['a', 'b', 'c', 'd']));
      // kafkajs knows the leader only after it was asked for the topic's offsets.
      await admin().fetchTopicOffsets(topic);
      await admin().deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
      const follower = new Follower(connection(), topic, new Map([[0, 1n]]));
      await until('the source stalls', () => follower.status?.status === 'stalled');
      expect(follower.status?.error).toBe(
        `partition 0 of topic "${topic}" starts at offset 3 now, records from 1 on were removed before they were read`,
      );
      await sleep(300);
      expect(follower.records).toEqual([]);
      await follower.reader.close();
    });

    test('a replay names the records that are gone and gives the others', async () => {
      const topic = await newTopic();
      await connection().produce(topic, 0, ownBatch(['a', 'b', 'c', 'd']));
      await connection().produce(topic, 0, ownBatch(['e']));
      await admin().fetchTopicOffsets(topic);
      await admin().deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
      const chunks: RawChunk[] = [];
      const from = slotsOf(topic, new Map([[0, 1n]]));
      const reader = connection().reader(topicsNamed([topic]), from, new Map([[0, 5n]]), {
        chunk: (chunk) => chunks.push(chunk) > 0,
        status: () => undefined,
        partitions: ownSlots,
      });
      reader.start();
      await until('the replay is over', () => chunks.at(-1)?.next === 5n);
      expect(chunks[0]).toMatchObject({
        from: 1n,
        next: 3n,
        lost: expect.stringContaining('removed') as string,
      });
      expect(chunks.slice(1).every(({ lost }) => lost === undefined)).toBe(true);
      expect(chunks[1]?.from).toBe(3n);
      await reader.close();
    });

    test('a position beyond the log stops the source with an error', async () => {
      const topic = await newTopic();
      const follower = new Follower(connection(), topic, new Map([[0, 7n]]));
      await until('the source stalls', () => follower.status?.status === 'stalled');
      expect(follower.status?.error).toBe(
        `partition 0 of topic "${topic}" ends before offset 7: it was cut or created again`,
      );
      await follower.reader.close();
    });

    test('a deleted topic stalls the source, and stays stalled when it is made anew', async () => {
      const topic = await newTopic();
      await connection().produce(topic, 0, ownBatch(['a', 'b']));
      const follower = await follow(topic);
      await until('the records came', () => follower.records.length === 2);
      await admin().deleteTopics({ topics: [topic] });
      await until('the source stalls', () => follower.status?.status === 'stalled');
      await until(
        'the status says why',
        () => follower.status?.error === `topic "${topic}" was deleted`,
      );
      await admin().createTopics({
        topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
        waitForLeaders: true,
      });
      await connection().produce(topic, 0, ownBatch(['new']));
      await until(
        'the status says what happened',
        () => follower.status?.error?.includes('created again') === true,
      );
      await sleep(300);
      expect(follower.values()).toEqual(['a', 'b']);
      await follower.reader.close();
    });

    test('back-pressure: after false nothing comes until resume', async () => {
      const topic = await newTopic();
      for (let k = 0; k < 3; k++)
        await connection().produce(topic, 0, ownBatch(['x'.repeat(700_000)]));
      const follower = await follow(topic);
      follower.accepts = false;
      await until('the first chunk came', () => follower.chunks.length === 1);
      const held = follower.records.length;
      await sleep(600);
      expect(follower.chunks.length).toBe(1);
      expect(held).toBeLessThan(3);
      follower.accepts = true;
      follower.reader.resume();
      await until('the rest came', () => follower.records.length === 3);
      await follower.reader.close();
    });

    test('one batch larger than a fetch comes whole', async () => {
      const topic = await newTopic(1, [{ name: 'max.message.bytes', value: '20000000' }]);
      const big = Array.from({ length: 5 }, (_, k) => String(k).repeat(1_000_000));
      await connection().produce(topic, 0, ownBatch(big));
      await connection().produce(topic, 0, ownBatch(['after']));
      const follower = await follow(topic);
      await until('all came', () => follower.records.length === 6);
      expect(follower.values()).toEqual([...big, 'after']);
      await follower.reader.close();
    });

    test('a batch that the broker refuses is an error at once', async () => {
      const topic = await newTopic(1, [{ name: 'max.message.bytes', value: '1000' }]);
      const started = performance.now();
      await expect(connection().produce(topic, 0, ownBatch(['x'.repeat(5000)]))).rejects.toThrow(
        `batch for partition 0 of topic "${topic}": MESSAGE_TOO_LARGE`,
      );
      expect(performance.now() - started).toBeLessThan(4000);
    });

    test('a broker that goes away and comes back: a status, then everything, once', async () => {
      const topic = await newTopic();
      await connection().produce(topic, 0, ownBatch(['a']));
      const follower = await follow(topic);
      await until('the first record came', () => follower.records.length === 1);
      await broker().down();
      await until('the status says that it is gone', () => follower.status?.status === 'stalled');
      expect(follower.status?.error).toContain(broker().brokers);
      await broker().up();
      await until('it runs again', () => follower.status?.status === 'running');
      await connection().produce(topic, 0, ownBatch(['b']));
      await until('the second record came', () => follower.records.length === 2);
      expect(follower.values()).toEqual(['a', 'b']);
      await follower.reader.close();
    });
  });
}

async function readWithKafkajs(
  brokers: string,
  topic: string,
  count: number,
): Promise<(string | null)[]> {
  const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `group-${topic}` });
  const values: (string | null)[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      values.push(message.value === null ? null : message.value.toString());
      return Promise.resolve();
    },
  });
  await until('kafkajs read all', () => values.length >= count);
  await consumer.disconnect();
  return values;
}
