/**
 * `debezium`: change events a second from a Kafka topic (JSON without the schema part, as Debezium's
 * connector for Postgres writes them: ten columns, half of the events creates and half updates) into
 * a table and a view of it, against a kafkajs consumer with `eachBatch`, JSON.parse and a Map of the
 * rows. Both read the same topic from the start, one after the other, in rounds; the broker is a
 * process of its own. Wall time and CPU are measured as in `ingest`. Results are checked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { KafkaConnection } from '../connectors/kafka/client.ts';
import { RecordBatchBuilder } from '../connectors/kafka/encode-batch.ts';
import { realClock, realEntropy, stderrLog } from '../src/base/real/seam.ts';
import { MillraceServer } from '../test/real/millrace-server.ts';
import type { BenchOptions } from './run.ts';
import { createTopic, kafkaClient, startBroker } from './support/broker.ts';
import { cpuMilliseconds, cpuMillisecondsOf, figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';

const topic = 'shop.public.orders';
const partitions = 2;
const recordsPerBatch = 500;
const rounds = 3;

interface Rates {
  readonly wall: number;
  readonly cpu: number;
}

/** Event `n`: the first half creates rows, the second changes them in the same order. */
function event(n: number, keys: number): { key: string; value: string } {
  const id = n % keys;
  const isNew = n < keys;
  const after = {
    id,
    customer: id % 1000,
    status: isNew ? 'created' : 'paid',
    amount: n % 977,
    quantity: 1 + (id % 20),
    price: 'AJY=',
    at: 1_700_000_000_000_000 + n * 17,
    note: id % 3 === 0 ? 'leave at the door' : null,
    active: id % 2 === 0,
    region: `region ${id % 3}`,
  };
  const source = {
    version: '3.6.1.Final',
    connector: 'postgresql',
    name: 'shop',
    ts_ms: 1_700_000_000_000 + n,
    snapshot: 'false',
    db: 'shop',
    sequence: `["${20_000_000 + n}","${20_000_000 + n}"]`,
    ts_us: 1_700_000_000_000_000 + n,
    ts_ns: 1_700_000_000_000_000,
    schema: 'public',
    table: 'orders',
    txId: 700 + n,
    lsn: 20_000_000 + n,
    xmin: null,
  };
  const payload = { before: null, after, source, transaction: null, op: isNew ? 'c' : 'u' };
  return { key: `{"id":${id}}`, value: JSON.stringify({ ...payload, ts_ms: 1_700_000_000_000 }) };
}

async function fill(brokers: string, records: number): Promise<void> {
  await createTopic(brokers, topic, partitions);
  const seams = { clock: realClock, entropy: realEntropy, log: stderrLog };
  const kafka = new KafkaConnection(brokers, seams);
  const encoder = new TextEncoder();
  const open = Array.from({ length: partitions }, () => ({
    builder: new RecordBatchBuilder(),
    count: 0,
  }));
  for (let n = 0; n < records; n++) {
    const { key, value } = event(n, records / 2);
    const partition = (n % (records / 2)) % partitions;
    const batch = open[partition];
    if (batch === undefined) continue;
    batch.builder.add(encoder.encode(key), encoder.encode(value), 1_700_000_000_000 + n);
    if (++batch.count < recordsPerBatch && n < records - partitions) continue;
    await kafka.produce(topic, partition, batch.builder.finish({ codec: 'none' }));
    open[partition] = { builder: new RecordBatchBuilder(), count: 0 };
  }
  await kafka.close();
}

/** The sum of the amounts when all events are taken in. */
function expectedSum(records: number): number {
  let sum = 0;
  for (let n = records / 2; n < records; n++) sum += n % 977;
  return sum;
}

async function theirs(brokers: string, records: number, round: number): Promise<Rates> {
  const consumer = kafkaClient(brokers).consumer({ groupId: `debezium-baseline-${round}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const rows = new Map<string, { amount: number }>();
  let seen = 0;
  let start = 0;
  let cpu = 0;
  const take = (key: Buffer | null, value: Buffer): void => {
    const { op, after }: { op: string; after: { amount: number } } = JSON.parse(value.toString());
    const name = String(key);
    if (op === 'd') rows.delete(name);
    else rows.set(name, after);
  };
  const seconds = await new Promise<number>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: ({ batch }) => {
          if (seen === 0) [start, cpu] = [realClock.monotonic(), cpuMilliseconds()];
          for (const { key, value } of batch.messages) if (value !== null) take(key, value);
          seen += batch.messages.length;
          if (seen === records) {
            cpu = cpuMilliseconds() - cpu;
            resolve((realClock.monotonic() - start) / 1000);
          }
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  const sum = [...rows.values()].reduce((total, { amount }) => total + amount, 0);
  if (sum !== expectedSum(records)) throw new Error(`kafkajs summed ${sum}`);
  return { wall: records / seconds, cpu: (records * 1000) / cpu };
}

/** Rates of a source that keeps all ten columns, and a view of it. */
async function ours(client: pg.Client, pid: number, records: number): Promise<Rates> {
  const cpu = cpuMillisecondsOf(pid);
  const start = realClock.monotonic();
  await client.query(`CREATE SOURCE orders (id int8 PRIMARY KEY, customer int8, status text,
    amount int4, quantity int4, price numeric(10, 2), at timestamp, note text, active bool,
    region text) FROM KAFKA CONNECTION kafka (TOPIC '${topic}') FORMAT JSON ENVELOPE DEBEZIUM`);
  await client.query(
    'CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(amount) AS amount FROM orders',
  );
  const expected = String(expectedSum(records));
  for (;;) {
    const { rows } = await client.query<{ amount: string | null }>('SELECT amount FROM total');
    if (rows[0]?.amount === expected) break;
    await sleep(5);
  }
  const seconds = (realClock.monotonic() - start) / 1000;
  const spent = cpuMillisecondsOf(pid) - cpu;
  await client.query('DROP MATERIALIZED VIEW total');
  await client.query('DROP SOURCE orders');
  return { wall: records / seconds, cpu: (records * 1000) / spent };
}

function figures(mine: readonly Rates[], baseline: readonly Rates[]): readonly Figure[] {
  const compare = (name: string, of: (rates: Rates) => number, unit: string): Figure =>
    figure(name, median(mine.map(of)), median(baseline.map(of)), unit, 3);
  return [
    compare('debezium, JSON', (rates) => rates.wall, 'records/s'),
    compare('debezium, JSON, CPU', (rates) => rates.cpu, 'records/CPU s'),
  ];
}

/** The figures of both sides. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const records = options.quick ? 100_000 : 500_000;
  const broker = await startBroker(options.parts);
  const server = await MillraceServer.start();
  const client = server.client();
  try {
    await fill(broker.brokers, records);
    await client.connect();
    await client.query(`CREATE CONNECTION kafka TO KAFKA (BROKER '${broker.brokers}')`);
    const mine: Rates[] = [];
    const baseline: Rates[] = [];
    for (let round = 0; round < rounds; round++) {
      mine.push(await ours(client, server.pid, records));
      baseline.push(await theirs(broker.brokers, records, round));
    }
    return figures(mine, baseline);
  } finally {
    await client.end();
    await server.stop();
    await broker.stop();
  }
}
