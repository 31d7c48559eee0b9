/**
 * `freshness`: milliseconds from just before a record is handed to a kafkajs producer until its row
 * comes out of a SUBSCRIBE, against until a bare kafkajs consumer has it. Both at half of the rate
 * that this producer, the broker and the engine together sustain on the machine (found first), for
 * the same seconds, one after the other; one record in ten is looked at on both sides. Broker and
 * engine are processes of their own; producer and follower share a third one. Every record that was
 * looked for must have come, once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type kafkajs from 'kafkajs';
import type pg from 'pg';
import { realClock } from '../src/base/real/seam.ts';
import { MillraceServer } from '../test/real/millrace-server.ts';
import type { BenchOptions } from './run.ts';
import { createTopic, kafkaClient, startBroker } from './support/broker.ts';
import { CopyClient } from './support/copy-client.ts';
import { figure, percentile } from './support/figure.ts';
import type { Figure } from './support/figure.ts';

const topic = 'ticks';
/** What a broker takes in one batch is bounded (1 MiB by default). */
const messagesPerSendMax = 1_000;
const tickMilliseconds = 10;
const sampled = 10;
const warmUpMilliseconds = 2_000;
const patienceMilliseconds = 20_000;

interface Tick {
  readonly id: number;
  readonly sent: number;
}

/** What came of the records that are looked at. */
class Seen {
  readonly latencies: number[] = [];
  #count = 0;
  readonly #from: number;

  constructor(measureFrom: number) {
    this.#from = measureFrom;
  }

  get count(): number {
    return this.#count;
  }

  add({ sent }: Tick): void {
    this.#count++;
    if (sent >= this.#from) this.latencies.push(realClock.monotonic() - sent);
  }

  async complete(wanted: number): Promise<readonly number[]> {
    const deadline = realClock.monotonic() + patienceMilliseconds;
    while (this.#count < wanted && realClock.monotonic() < deadline) await sleep(5);
    if (this.#count !== wanted) throw new Error(`${this.#count} records came, not ${wanted}`);
    return this.latencies;
  }
}

class Ticks {
  readonly #producer: kafkajs.Producer;
  /** Records sent so far. */
  sent = 0;

  constructor(producer: kafkajs.Producer) {
    this.#producer = producer;
  }

  #messages(count: number): { value: string }[] {
    return Array.from({ length: count }, () => {
      const id = this.sent++;
      return {
        value: JSON.stringify({
          id,
          sent: realClock.monotonic(),
          note: 'a tick of the clock',
          place: { x: 1, y: 2 },
        }),
      };
    });
  }

  /** As fast as acknowledgements come, with a few requests under way. */
  async full(milliseconds: number): Promise<void> {
    const end = realClock.monotonic() + milliseconds;
    const lane = async (): Promise<void> => {
      while (realClock.monotonic() < end)
        await this.#producer.send({ topic, acks: 1, messages: this.#messages(500) });
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
  }

  /** A batch every ten milliseconds, whether or not the last one was acknowledged. */
  async steady(rate: number, milliseconds: number): Promise<void> {
    const start = realClock.monotonic();
    const under: Promise<unknown>[] = [];
    for (let due = 0; due < (rate * milliseconds) / 1000;) {
      const now = Math.floor(((realClock.monotonic() - start) * rate) / 1000);
      while (due < now) {
        const count = Math.min(now - due, messagesPerSendMax);
        under.push(this.#producer.send({ topic, acks: 1, messages: this.#messages(count) }));
        due += count;
      }
      await sleep(tickMilliseconds);
    }
    await Promise.all(under);
  }
}

function wanted(from: number, to: number): number {
  return Math.ceil(to / sampled) - Math.ceil(from / sampled);
}

async function bare(
  brokers: string,
  ticks: Ticks,
  rate: number,
  milliseconds: number,
): Promise<readonly number[]> {
  const consumer = kafkaClient(brokers).consumer({ groupId: 'bare', maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: false });
  const first = ticks.sent;
  let seen: Seen | null = null;
  await consumer.run({
    eachMessage: ({ message }) => {
      const { id, sent } = JSON.parse(message.value?.toString() ?? '') as Tick;
      if (id >= first && id % sampled === 0) seen?.add({ id, sent });
      return Promise.resolve();
    },
  });
  await new Promise<void>((resolve) => void consumer.on('consumer.fetch', () => resolve()));
  await sleep(1_000);
  seen = new Seen(realClock.monotonic() + warmUpMilliseconds);
  await ticks.steady(rate, milliseconds);
  const latencies = await seen.complete(wanted(first, ticks.sent));
  await consumer.disconnect();
  return latencies;
}

async function ours(
  port: number,
  ticks: Ticks,
  rate: number,
  milliseconds: number,
): Promise<readonly number[]> {
  const first = ticks.sent;
  const seen = new Seen(realClock.monotonic() + warmUpMilliseconds);
  const client = await CopyClient.start(
    port,
    'COPY (SUBSCRIBE fresh WITH (SNAPSHOT = false)) TO STDOUT',
    (text) => {
      const [, diff, id, sent] = text.split('\t').map(Number);
      if (diff === 1 && id !== undefined && sent !== undefined && id >= first)
        seen.add({ id, sent });
    },
  );
  await ticks.steady(rate, milliseconds);
  const latencies = await seen.complete(wanted(first, ticks.sent));
  client.close();
  return latencies;
}

/** The rate that the whole line sustains: until the view has all that was sent. */
async function maximumRate(client: pg.Client, ticks: Ticks, milliseconds: number): Promise<number> {
  const start = realClock.monotonic();
  await ticks.full(milliseconds);
  for (;;) {
    const { rows } = await client.query<{ last: string | null }>(
      'SELECT max(id) AS last FROM fresh',
    );
    if (Number(rows[0]?.last ?? -1) >= Math.floor((ticks.sent - 1) / sampled) * sampled) break;
  }
  return (ticks.sent * 1000) / (realClock.monotonic() - start);
}

/** Two figures: the median and the 99th percentile. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const milliseconds = options.quick ? 4_000 : 20_000;
  const broker = await startBroker(options.parts);
  const server = await MillraceServer.start();
  const client = server.client();
  const producer = kafkaClient(broker.brokers).producer();
  try {
    await createTopic(broker.brokers, topic, 1);
    await producer.connect();
    await client.connect();
    await client.query(`CREATE CONNECTION kafka TO KAFKA (BROKER '${broker.brokers}')`);
    await client.query(
      `CREATE SOURCE ticks (id int8, sent float8) FROM KAFKA CONNECTION kafka (TOPIC '${topic}') FORMAT JSON`,
    );
    await client.query(
      `CREATE MATERIALIZED VIEW fresh AS SELECT id, sent FROM ticks WHERE id % ${sampled} = 0`,
    );
    const ticks = new Ticks(producer);
    const rate = (await maximumRate(client, ticks, milliseconds / 4)) / 2;
    const rows = await ours(server.port, ticks, rate, milliseconds);
    const records = await bare(broker.brokers, ticks, rate, milliseconds);
    const at = ` at ${Math.round(rate / 1000)} K records/s`;
    return [
      figure(`freshness p50${at}`, percentile(rows, 0.5), percentile(records, 0.5), 'ms'),
      figure(
        `freshness p99${at}`,
        percentile(rows, 0.99),
        percentile(records, 0.99),
        'ms',
        1 / 1.5,
      ),
      figure('freshness p99 against the limit', percentile(rows, 0.99), 100, 'ms', 1),
    ];
  } finally {
    await producer.disconnect();
    await client.end();
    await server.stop();
    await broker.stop();
  }
}
