/**
 * `ingest`: records a second from a Kafka topic of orders (typed JSON of ten fields, three of them
 * used) into a view that counts and sums by region, against a kafkajs consumer with `eachMessage`,
 * `JSON.parse` and a Map. Both read the same topic from the start, one after the other, in rounds;
 * the broker is a process of its own (the embedded one; `ingest apache` takes Apache Kafka). Wall
 * time: ours from CREATE MATERIALIZED VIEW to the complete answer through the Postgres protocol;
 * theirs from the first record to the last, without the time to join its group. A second figure is
 * records a CPU second of the engine's whole process, and of the consumer's. Both results are
 * checked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { realClock } from '../src/base/real/seam.ts';
import { MillraceServer } from '../test/real/millrace-server.ts';
import type { BenchOptions } from './run.ts';
import { createTopic, kafkaClient, orderSums, orderText, startBroker } from './support/broker.ts';
import { cpuMilliseconds, cpuMillisecondsOf, figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';

const topic = 'orders';
const partitions = 2;
const messagesPerSend = 2_000;

interface Rates {
  readonly wall: number;
  readonly cpu: number;
}

type Sums = ReadonlyMap<string, readonly [number, number]>;

async function fill(brokers: string, records: number): Promise<void> {
  await createTopic(brokers, topic, partitions);
  const producer = kafkaClient(brokers).producer();
  await producer.connect();
  for (let from = 0; from < records; from += messagesPerSend) {
    const messages = Array.from({ length: messagesPerSend }, (_, i) => ({
      partition: (from / messagesPerSend) % partitions,
      value: orderText(from + i),
    }));
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
}

function check(side: string, found: Sums, expected: Sums): void {
  const show = (sums: Sums): string => JSON.stringify([...sums].sort());
  if (show(found) !== show(expected))
    throw new Error(`${side} counted ${show(found)}, not ${show(expected)}`);
}

/** Rates of kafkajs. */
async function theirs(
  brokers: string,
  records: number,
  round: number,
  expected: Sums,
): Promise<Rates> {
  const consumer = kafkaClient(brokers).consumer({ groupId: `baseline-${round}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const sums = new Map<string, [number, number]>();
  let seen = 0;
  let start = 0;
  let cpu = 0;
  const seconds = await new Promise<number>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachMessage: ({ message }) => {
          if (seen === 0) [start, cpu] = [realClock.monotonic(), cpuMilliseconds()];
          const { region, amount } = JSON.parse(message.value?.toString() ?? '') as {
            region: string;
            amount: number;
          };
          const sum = sums.get(region);
          if (sum === undefined) sums.set(region, [1, amount]);
          else {
            sum[0]++;
            sum[1] += amount;
          }
          if (++seen === records) {
            cpu = cpuMilliseconds() - cpu;
            resolve((realClock.monotonic() - start) / 1000);
          }
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  check('kafkajs', sums, expected);
  return { wall: records / seconds, cpu: (records * 1000) / cpu };
}

/** Rates of a view. */
async function ours(
  client: pg.Client,
  pid: number,
  records: number,
  expected: Sums,
): Promise<Rates> {
  const cpu = cpuMillisecondsOf(pid);
  const start = realClock.monotonic();
  await client.query(`CREATE MATERIALIZED VIEW sums AS
    SELECT region, count(*) AS n, sum(amount) AS amount FROM orders WHERE customer >= 0 GROUP BY region`);
  for (;;) {
    const { rows } = await client.query<{ region: string; n: string; amount: string }>(
      'SELECT * FROM sums',
    );
    const sums: Sums = new Map(
      rows.map((row) => [row.region, [Number(row.n), Number(row.amount)]]),
    );
    if ([...sums.values()].reduce((sum, [n]) => sum + n, 0) < records) {
      await sleep(5);
      continue;
    }
    const seconds = (realClock.monotonic() - start) / 1000;
    const spent = cpuMillisecondsOf(pid) - cpu;
    check('the view', sums, expected);
    await client.query('DROP MATERIALIZED VIEW sums');
    return { wall: records / seconds, cpu: (records * 1000) / spent };
  }
}

/** Two figures. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const records = options.quick ? 100_000 : 1_000_000;
  const broker = await startBroker(options.parts);
  const server = await MillraceServer.start();
  const client = server.client();
  try {
    await fill(broker.brokers, records);
    await client.connect();
    await client.query(`CREATE CONNECTION kafka TO KAFKA (BROKER '${broker.brokers}')`);
    await client.query(
      `CREATE SOURCE orders (region text, amount int8, customer int8) FROM KAFKA CONNECTION kafka (TOPIC '${topic}') FORMAT JSON`,
    );
    const expected = orderSums(records);
    const rates: [Rates[], Rates[]] = [[], []];
    for (let round = 0; round < 3; round++) {
      rates[0].push(await ours(client, server.pid, records, expected));
      rates[1].push(await theirs(broker.brokers, records, round, expected));
    }
    const compare = (name: string, of: (rates: Rates) => number, unit: string): Figure =>
      figure(name, median(rates[0].map(of)), median(rates[1].map(of)), unit, 4);
    return [
      compare('ingest', (r) => r.wall, 'records/s'),
      compare('ingest, CPU', (r) => r.cpu, 'records/CPU s'),
    ];
  } finally {
    await client.end();
    await server.stop();
    await broker.stop();
  }
}
