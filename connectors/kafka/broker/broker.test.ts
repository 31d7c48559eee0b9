/**
 * Goal: what kafkajs, kcat and hostile peers get from the embedded broker is what Kafka would give
 * them. Method: the real clients against one broker, and raw sockets for what no client would send.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../../../test/support/random.ts';
import { assert } from '../../../src/base/assert.ts';
import { realClock, realEntropy } from '../../../src/base/real/seam.ts';
import { RecordBatchBuilder } from '../encode-batch.ts';
import { KafkaConnection } from '../client.ts';
import { EmbeddedBroker } from './broker.ts';

/** What the broker itself could not deal with: must stay empty. */
const errors: string[] = [];
const silent = {
  info: () => undefined,
  warn: () => undefined,
  error: (message: string) => void errors.push(message),
};
const seams = { clock: realClock, entropy: realEntropy, log: silent };

const bench: { broker: EmbeddedBroker | null } = { broker: null };
const broker = (): EmbeddedBroker => {
  assert(bench.broker !== null, 'the broker runs');
  return bench.broker;
};
const kafka = (): kafkajs.Kafka =>
  new kafkajs.Kafka({
    brokers: [broker().brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 2, initialRetryTime: 20 },
  });

beforeAll(async () => {
  bench.broker = await EmbeddedBroker.start(seams);
});

afterAll(async () => {
  await bench.broker?.stop();
});

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    assert(performance.now() < deadline, `in time: ${what}`);
    await sleep(10);
  }
}

describe('consumer groups of kafkajs', () => {
  test('share partitions, go on where they stopped, rebalance', async () => {
    broker().createTopic('shared', 4);
    const producer = kafka().producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    const send = (from: number): Promise<unknown> =>
      producer.send({
        topic: 'shared',
        messages: Array.from({ length: 40 }, (_, k) => ({
          partition: k % 4,
          value: String(from + k),
        })),
      });
    await send(0);
    const seen: string[] = [];
    const consumers: kafkajs.Consumer[] = [];
    const join = async (): Promise<Map<string, number[]>> => {
      const consumer = kafka().consumer({
        groupId: 'readers',
        maxWaitTimeInMs: 50,
        heartbeatInterval: 100,
        sessionTimeout: 5_000,
        rebalanceTimeout: 5_000,
      });
      consumers.push(consumer);
      const assigned = new Map<string, number[]>();
      consumer.on('consumer.group_join', ({ payload }) => {
        assigned.clear();
        for (const [topic, partitions] of Object.entries(payload.memberAssignment))
          assigned.set(topic, partitions);
      });
      await consumer.connect();
      await consumer.subscribe({ topic: 'shared', fromBeginning: true });
      await consumer.run({
        eachMessage: ({ message }) => {
          seen.push(String(message.value));
          return Promise.resolve();
        },
      });
      return assigned;
    };
    const first = await join();
    await until('the first reads all', () => seen.length === 40);
    const second = await join();
    await until(
      'partitions are shared',
      () => first.get('shared')?.length === 2 && second.get('shared')?.length === 2,
    );
    await send(40);
    await until('both read on', () => new Set(seen).size === 80);
    const admin = kafka().admin();
    await admin.connect();
    expect((await admin.listGroups()).groups).toEqual([
      { groupId: 'readers', protocolType: 'consumer' },
    ]);
    expect((await admin.describeGroups(['readers'])).groups[0]).toMatchObject({
      state: 'Stable',
      members: [{}, {}],
    });
    await Promise.all(consumers.map((consumer) => consumer.disconnect()));
    const offsets = await admin.fetchOffsets({ groupId: 'readers', topics: ['shared'] });
    expect(offsets[0]?.partitions.map(({ offset }) => offset)).toEqual(['20', '20', '20', '20']);
    await admin.deleteGroups(['readers']);
    expect((await admin.listGroups()).groups).toEqual([]);
    await admin.disconnect();
    await producer.disconnect();
  });
});

describe('producers of kafkajs', () => {
  test('idempotent: many sends at once, each record once, in order', async () => {
    broker().createTopic('idempotent', 1);
    const producer = kafka().producer({
      idempotent: true,
      maxInFlightRequests: 5,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    await Promise.all(
      Array.from({ length: 200 }, (_, k) =>
        producer.send({ topic: 'idempotent', messages: [{ value: String(k) }] }),
      ),
    );
    await producer.disconnect();
    expect(broker().end('idempotent', 0)).toBe(200);
  });

  test('transactional: offsets of a group are committed with the records, or not', async () => {
    broker().createTopic('in', 1);
    broker().createTopic('out', 1);
    const producer = kafka().producer({
      transactionalId: 'copy',
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    const admin = kafka().admin();
    await producer.connect();
    await admin.connect();
    const offset = async (): Promise<string | undefined> =>
      (await admin.fetchOffsets({ groupId: 'copiers', topics: ['in'] }))[0]?.partitions[0]?.offset;
    for (const [end, expected] of [
      ['abort', '-1'],
      ['commit', '7'],
    ] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: 'out', messages: [{ value: end }] });
      await transaction.sendOffsets({
        consumerGroupId: 'copiers',
        topics: [{ topic: 'in', partitions: [{ partition: 0, offset: '7' }] }],
      });
      await transaction[end]();
      expect(await offset()).toBe(expected);
    }
    const older = await producer.transaction();
    const newer = kafka().producer({
      transactionalId: 'copy',
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await newer.connect();
    const late = await newer.transaction();
    await late.send({ topic: 'out', messages: [{ value: 'new' }] });
    await expect(older.send({ topic: 'out', messages: [{ value: 'old' }] })).rejects.toThrow();
    await late.commit();
    await Promise.all([producer.disconnect(), newer.disconnect(), admin.disconnect()]);
  });
});

describe('administration', () => {
  test('refuses what Kafka refuses', async () => {
    const admin = kafka().admin();
    await admin.connect();
    const make = (topic: string, more: object = {}): Promise<boolean> =>
      admin.createTopics({ topics: [{ topic, ...more }] });
    await expect(make('no/slash')).rejects.toMatchObject({
      errors: [{ type: 'INVALID_TOPIC_EXCEPTION' }],
    });
    await expect(make('none', { numPartitions: 0 })).rejects.toMatchObject({
      errors: [{ type: 'INVALID_PARTITIONS' }],
    });
    await expect(make('three', { replicationFactor: 3 })).rejects.toMatchObject({
      errors: [{ type: 'INVALID_REPLICATION_FACTOR' }],
    });
    await expect(
      make('odd', { configEntries: [{ name: 'no.such', value: '1' }] }),
    ).rejects.toMatchObject({ errors: [{ type: 'INVALID_CONFIG' }] });
    expect(
      await make('made', {
        numPartitions: 2,
        configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
      }),
    ).toBe(true);
    expect(await make('made')).toBe(false);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: 'made' }],
    });
    expect(
      resources[0]?.configEntries.find(({ configName }) => configName === 'cleanup.policy')
        ?.configValue,
    ).toBe('compact');
    await admin.disconnect();
  });

  test('memory is bounded: producers are told to try later, old segments go where retention says so', async () => {
    const small = await EmbeddedBroker.start({ ...seams, keptBytesMax: 300_000 });
    const connection = new KafkaConnection(small.brokers, seams);
    small.createTopic('all', 1);
    small.createTopic('some', 1, new Map([['retention.bytes', '50000']]));
    const batch = (): Uint8Array => {
      const builder = new RecordBatchBuilder();
      builder.add(null, new Uint8Array(9_000), 0);
      return builder.finish();
    };
    for (let k = 0; k < 100; k++) await connection.produce('some', 0, batch());
    expect(small.end('some', 0)).toBe(100);
    expect(small.keptBytes).toBeLessThan(200_000);
    const producer = new kafkajs.Kafka({
      brokers: [small.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 0 },
    }).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const fill = async (): Promise<void> => {
      for (let k = 0; k < 40; k++)
        await producer.send({ topic: 'all', messages: [{ value: 'x'.repeat(9_000) }] });
    };
    await expect(fill()).rejects.toThrow('Disk error when trying to access log file on the disk');
    await producer.disconnect();
    await connection.close();
    await small.stop();
  });
});

const kcat = ['/usr/bin/kcat', '/usr/local/bin/kcat'].find((path) => existsSync(path));

describe('kcat', () => {
  // kcat is a Debian package: `npm run test:real` installs it, `npm test` has to do without.
  test.skipIf(kcat === undefined)('writes, reads and lists', async () => {
    broker().createTopic('cat', 1);
    const run = async (...args: string[]): Promise<string> => {
      const child = promisify(execFile)(kcat ?? 'kcat', ['-b', broker().brokers, ...args], {
        timeout: 20_000,
      });
      child.child.stdin?.end('k:one\nk:two\n');
      return (await child).stdout;
    };
    for (const codec of ['none', 'gzip', 'snappy', 'lz4'])
      await run('-P', '-t', 'cat', '-K:', '-z', codec);
    const read = await run('-C', '-t', 'cat', '-e', '-q', '-f', '%o %k=%s\n');
    expect(read.trim().split('\n')).toEqual(
      ['one', 'two', 'one', 'two', 'one', 'two', 'one', 'two'].map((value, k) => `${k} k=${value}`),
    );
    expect(await run('-L', '-t', 'cat')).toContain('topic "cat" with 1 partitions');
    expect(await run('-Q', '-t', 'cat:0:0')).toContain('cat [0] offset 0');
  });
});

/** Sends bytes and waits for what becomes of the connection. */
function poke(bytes: Uint8Array): Promise<'closed' | 'open'> {
  return new Promise((resolve) => {
    const socket = connect(broker().port, '127.0.0.1', () => socket.write(bytes));
    const timer = setTimeout(() => {
      socket.destroy();
      resolve('open');
    }, 150);
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve('closed');
    });
  });
}

function frame(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setInt32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

describe('faults', () => {
  test('are what was ordered, and end', async () => {
    const admin = kafka().admin();
    await admin.connect();
    const took = async (): Promise<number> => {
      const start = performance.now();
      await admin.listTopics();
      return performance.now() - start;
    };
    broker().faults.slow(120);
    expect(await took()).toBeGreaterThan(100);
    broker().faults.slow(0);
    const describeConfigs = 32;
    const ask = (): Promise<unknown> =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: 'shared' }],
      });
    broker().faults.error(describeConfigs, 29, 1);
    await expect(ask()).rejects.toMatchObject({ type: 'TOPIC_AUTHORIZATION_FAILED' });
    await ask();
    await admin.disconnect();
  });
});

describe('hostile peers', () => {
  test('lengths that lie end the connection, or wait for bytes that never come', async () => {
    expect(await poke(Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 1, 2))).toBe('closed');
    expect(await poke(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toBe('closed');
    expect(await poke(Uint8Array.of(0, 0, 0, 0))).toBe('closed');
    expect(await poke(Uint8Array.of(5, 0, 0, 0, 1))).toBe('open');
  });

  test('random bytes in every API and version end their connection only', async () => {
    const random = new Random(7);
    const below = (bound: number): number => random.below(bound);
    const requests: Promise<string>[] = [];
    for (let k = 0; k < 1_000; k++) {
      const body = Uint8Array.from({ length: 8 + below(60) }, () => below(256));
      new DataView(body.buffer).setInt16(0, below(45));
      new DataView(body.buffer).setInt16(2, below(10));
      // A client id of no length, so that the body itself is reached.
      if (body.length > 10) new DataView(body.buffer).setInt16(8, below(3) === 0 ? below(256) : -1);
      requests.push(poke(frame(body)));
      if (requests.length % 50 === 0) await Promise.all(requests);
    }
    await Promise.all(requests);
    await until('they are gone', () => broker().connections === 0);
    const admin = kafka().admin();
    await admin.connect();
    expect(await admin.listTopics()).toContain('shared');
    await admin.disconnect();
    expect(errors).toEqual([]);
  });
});
