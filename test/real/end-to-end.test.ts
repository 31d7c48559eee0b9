/**
 * Goal: the main job on real services, seen from outside: records that were produced to Apache
 * Kafka are in the answers of SELECT and in the changes of SUBSCRIBE, each (partition, offset)
 * exactly once, through a crash of the broker in the middle. Method: kafkajs produces payments
 * (plain JSON) and customers (upserts and deletions); the engine runs as a process of its own and
 * is asked through `pg`; afterwards kafkajs consumes both topics from the start, and a plain fold
 * over what it read says what must come out.
 */
import kafkajs from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../support/random.ts';
import { KafkaServer } from './kafka-server.ts';
import { MillraceServer } from './millrace-server.ts';

const customers = 40;
const regions = ['north', 'south', 'east', 'west'] as const;
const recordsPerRound = 1_500;
const patienceMilliseconds = 60_000;

let kafka: KafkaServer;
let millrace: MillraceServer;
/** What was started, to be stopped backwards even if the rest did not start. */
const started: (() => Promise<unknown>)[] = [];
let client: pg.Client;
let subscriber: pg.Client;
let producer: kafkajs.Producer;
const random = new Random(2024);
let produced = 0;

interface Consumed {
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly value: string | null;
}

function newKafka(): kafkajs.Kafka {
  return new kafkajs.Kafka({
    clientId: 'test',
    brokers: [kafka.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 20 },
  });
}

/** Payments as JSON, with fields that no column asks for; some have no customer. */
async function producePayments(count: number): Promise<void> {
  const messages = Array.from({ length: count }, () => {
    const id = produced++;
    const customer = random.chance(0.05) ? null : random.below(customers + 5);
    const value = {
      id,
      note: { text: `payment "${id}"`, tags: [1, 2] },
      customer,
      amount: `${random.below(10_000) / 100}`,
      paid: random.chance(0.5),
    };
    return { key: String(customer), value: JSON.stringify(value) };
  });
  await producer.send({
    topic: 'payments',
    messages,
    compression: random.pick([kafkajs.CompressionTypes.None, kafkajs.CompressionTypes.GZIP]),
  });
}

async function produceCustomers(count: number): Promise<void> {
  const messages = Array.from({ length: count }, () => {
    const id = random.below(customers);
    return {
      key: `c${id}`,
      value: random.chance(0.2) ? null : JSON.stringify({ id, region: random.pick(regions) }),
    };
  });
  await producer.send({ topic: 'customers', messages });
}

async function produceRound(): Promise<void> {
  for (let sent = 0; sent < recordsPerRound; sent += 100) {
    await producePayments(100);
    await produceCustomers(10);
  }
}

/** Everything of a topic, as kafkajs reads it. */
async function consume(topic: string): Promise<readonly Consumed[]> {
  const admin = newKafka().admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const wanted = ends.reduce((sum, { high }) => sum + Number(high), 0);
  const consumer = newKafka().consumer({ groupId: `check-${topic}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const records: Consumed[] = [];
  await consumer.run({
    eachMessage: ({ partition, message }) => {
      records.push({
        partition,
        offset: message.offset,
        key: message.key?.toString() ?? null,
        value: message.value?.toString() ?? null,
      });
      return Promise.resolve();
    },
  });
  const deadline = performance.now() + patienceMilliseconds;
  while (records.length < wanted && performance.now() < deadline) await sleep(50);
  await consumer.disconnect();
  expect(records.length).toBe(wanted);
  return records;
}

interface Payment {
  readonly customer: number | null;
  readonly amount: string;
}

/** The view, folded plainly: region → count and sum in cents. */
function fold(payments: readonly Consumed[], changes: readonly Consumed[]): readonly string[] {
  const regionOf = new Map<number, string>();
  for (const { key, value } of changes) {
    if (value === null) regionOf.delete(Number(key?.slice(1)));
    else {
      const { id, region } = JSON.parse(value) as { id: number; region: string };
      regionOf.set(id, region);
    }
  }
  const sums = new Map<string, [number, number]>();
  for (const { value } of payments) {
    const { customer, amount } = JSON.parse(value ?? '') as Payment;
    const region = customer === null ? '-' : (regionOf.get(customer) ?? '-');
    const sum = sums.get(region) ?? [0, 0];
    sums.set(region, [sum[0] + 1, sum[1] + Math.round(Number(amount) * 100)]);
  }
  return [...sums].map(([region, [count, cents]]) => `${region} ${count} ${cents}`).sort();
}

async function query(text: string): Promise<readonly (readonly unknown[])[]> {
  return (await client.query({ text, rowMode: 'array' })).rows;
}

/**
 * The contents that the changes of a subscription add up to; each row must have had weight 0 or 1.
 */
class Followed {
  readonly #weights = new Map<string, number>();
  #time = 0n;

  add(row: readonly unknown[]): void {
    const [time, diff, ...values] = row.map(String);
    expect(BigInt(time ?? '')).toBeGreaterThanOrEqual(this.#time);
    this.#time = BigInt(time ?? '');
    const key = values.join(' ');
    const weight = (this.#weights.get(key) ?? 0) + Number(diff);
    if (weight === 0) this.#weights.delete(key);
    else this.#weights.set(key, weight);
  }

  rows(): readonly string[] {
    expect([...this.#weights.values()].filter((weight) => weight !== 1)).toEqual([]);
    return [...this.#weights.keys()].sort();
  }
}

async function caughtUp(): Promise<void> {
  const deadline = performance.now() + patienceMilliseconds;
  for (;;) {
    const [row] = await query('SELECT count(*) FROM seen');
    if (Number(row?.[0]) >= produced) return;
    if (performance.now() > deadline) expect(Number(row?.[0])).toBe(produced);
    await sleep(50);
  }
}

const statements = (brokers: string): readonly string[] => [
  `CREATE CONNECTION kafka TO KAFKA (BROKER '${brokers}')`,
  `CREATE SOURCE payments (id int8 NOT NULL, customer int8, amount numeric(12,2))
    FROM KAFKA CONNECTION kafka (TOPIC 'payments') FORMAT JSON INCLUDE PARTITION, OFFSET`,
  `CREATE SOURCE customers (id int8, region text)
    FROM KAFKA CONNECTION kafka (TOPIC 'customers') KEY FORMAT TEXT VALUE FORMAT JSON ENVELOPE UPSERT`,
  'CREATE MATERIALIZED VIEW seen AS SELECT "partition", "offset", id FROM payments',
  `CREATE MATERIALIZED VIEW revenue AS
    SELECT coalesce(c.region, '-') AS region, count(*) AS payments, (sum(p.amount) * 100)::int8 AS cents
    FROM payments p LEFT JOIN customers c ON p.customer = c.id GROUP BY 1`,
];

beforeAll(async () => {
  kafka = await KafkaServer.start();
  started.push(() => kafka.stop());
  millrace = await MillraceServer.start();
  started.push(() => millrace.stop());
  const admin = newKafka().admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      { topic: 'payments', numPartitions: 3 },
      { topic: 'customers', numPartitions: 2 },
    ],
  });
  await admin.disconnect();
  producer = newKafka().producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  client = millrace.client();
  subscriber = millrace.client();
  for (const each of [producer, client, subscriber]) {
    await each.connect();
    started.push(() => ('end' in each ? each.end() : each.disconnect()));
  }
});

afterAll(async () => {
  for (const stop of started.reverse()) await stop();
});

describe('from Kafka to SELECT and SUBSCRIBE', () => {
  it('counts every record exactly once, through a crash of the broker', async () => {
    await produceRound();
    for (const statement of statements(kafka.brokers)) await client.query(statement);
    const followed = new Followed();
    await subscriber.query('BEGIN');
    await subscriber.query('DECLARE changes CURSOR FOR SUBSCRIBE revenue');
    const follow = async (timeout: string): Promise<number> => {
      const { rows } = await subscriber.query({
        text: `FETCH ALL changes WITH (TIMEOUT = '${timeout}')`,
        rowMode: 'array',
      });
      for (const row of rows) followed.add(row);
      return rows.length;
    };
    expect(await follow('5s')).toBeGreaterThan(0);

    const producing = produceRound();
    await caughtUp();
    await producing;
    await kafka.down();
    await follow('1s');
    expect(
      await query("SELECT status FROM mz_internal.mz_source_statuses WHERE name = 'payments'"),
    ).toEqual([['stalled']]);
    await kafka.up();
    await produceRound();
    await caughtUp();

    const payments = await consume('payments');
    const changes = await consume('customers');
    const expected = fold(payments, changes);
    const answer = async (): Promise<readonly string[]> =>
      (await query('SELECT * FROM revenue')).map((row) => row.join(' ')).sort();
    await expect.poll(answer, { timeout: patienceMilliseconds }).toEqual(expected);
    while ((await follow('1s')) > 0);
    expect(followed.rows()).toEqual(expected);

    const seen = (await query('SELECT "partition", "offset", id FROM seen'))
      .map((row) => row.join(' '))
      .sort();
    const ids = payments.map(
      (r) =>
        `${r.partition} ${r.offset} ${String((JSON.parse(r.value ?? '') as { id: number }).id)}`,
    );
    expect(seen).toEqual(ids.sort());
    expect(
      await query(
        "SELECT status, error FROM mz_internal.mz_source_statuses WHERE name IN ('payments', 'customers')",
      ),
    ).toEqual([
      ['running', null],
      ['running', null],
    ]);
  });

  it('keeps a record that does not decode apart, with its place', async () => {
    const before = await query('SELECT count(*) FROM seen');
    const wrong = { topic: 'payments', messages: [{ partition: 1, value: '{"id": "x"}' }] };
    const [place] = await producer.send(wrong);
    const errors = (): Promise<readonly (readonly unknown[])[]> =>
      query('SELECT topic, partition, "offset", field, sqlstate FROM payments_errors');
    await expect
      .poll(errors, { timeout: patienceMilliseconds })
      .toEqual([['payments', place?.partition, String(place?.baseOffset), 'id', '22P02']]);
    expect(await query('SELECT count(*) FROM seen')).toEqual(before);
    expect((await query('SELECT count(*) FROM customers')).length).toBe(1);
  });
});
