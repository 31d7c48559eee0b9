/**
 * `avro`: records a second from a Kafka topic of Avro orders (ten fields, a schema registry) into a
 * view, once with three fields used and once with all of them, against a kafkajs consumer with
 * `eachBatch`, avsc and a Map. Both read the same topic from the start, one after the other, in
 * rounds; the broker is a process of its own (the embedded one; `avro apache` takes Apache Kafka).
 * Wall time and CPU are measured as in `ingest`. All results are checked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import avro from 'avsc';
import type pg from 'pg';
import { KafkaConnection } from '../connectors/kafka/client.ts';
import { RecordBatchBuilder } from '../connectors/kafka/encode-batch.ts';
import { EmbeddedRegistry } from '../connectors/registry/embedded/server.ts';
import { realClock, realEntropy, stderrLog } from '../src/base/real/seam.ts';
import { MillraceServer } from '../test/real/millrace-server.ts';
import { Random } from '../test/support/random.ts';
import type { BenchOptions } from './run.ts';
import { createTopic, kafkaClient, orderSums, startBroker } from './support/broker.ts';
import { cpuMilliseconds, cpuMillisecondsOf, figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';

const topic = 'avro-orders';
const partitions = 2;
const recordsPerBatch = 500;
const rounds = 5;
const fields = 'id customer status amount quantity price at note active region'.split(' ');
const regions = ['eu-west', 'us-east', 'ap-south'];

const schema = JSON.stringify({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'customer', type: 'long' },
    { name: 'status', type: 'string' },
    { name: 'amount', type: 'int' },
    { name: 'quantity', type: 'int' },
    { name: 'price', type: 'double' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'note', type: ['null', 'string'] },
    { name: 'active', type: 'boolean' },
    { name: 'region', type: 'string' },
  ],
});
const type = avro.Type.forSchema(JSON.parse(schema));
const random = new Random(7);

interface Order {
  readonly region: string;
  readonly amount: number;
  readonly customer: number;
}

interface Rates {
  readonly wall: number;
  readonly cpu: number;
}

type Sums = ReadonlyMap<string, readonly [number, number]>;

function order(id: number): object {
  return {
    id,
    customer: id % 1000,
    status: random.pick(['created', 'paid', 'shipped', 'cancelled']),
    amount: id % 977,
    quantity: 1 + random.below(20),
    price: random.below(100_000) / 100,
    at: 1_700_000_000_000 + id * 17,
    note: random.pick([null, 'leave at the door', 'gift']),
    active: random.chance(0.5),
    region: regions[id % 3],
  };
}

async function fill(brokers: string, records: number, schemaId: number): Promise<void> {
  await createTopic(brokers, topic, partitions);
  const seams = { clock: realClock, entropy: realEntropy, log: stderrLog };
  const kafka = new KafkaConnection(brokers, seams);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(schemaId, 1);
  for (let from = 0; from < records; from += recordsPerBatch) {
    const builder = new RecordBatchBuilder();
    for (let id = from; id < from + recordsPerBatch; id++)
      builder.add(null, Buffer.concat([head, type.toBuffer(order(id))]), 1_700_000_000_000 + id);
    const partition = (from / recordsPerBatch) % partitions;
    await kafka.produce(topic, partition, builder.finish({ codec: 'none' }));
  }
  await kafka.close();
}

function check(side: string, found: Sums, expected: Sums): void {
  const show = (sums: Sums): string => JSON.stringify([...sums].sort());
  if (show(found) !== show(expected))
    throw new Error(`${side} counted ${show(found)}, not ${show(expected)}`);
}

/** Rates of kafkajs and avsc, which decodes every field. */
async function theirs(
  brokers: string,
  records: number,
  round: number,
  expected: Sums,
): Promise<Rates> {
  const consumer = kafkaClient(brokers).consumer({ groupId: `avro-baseline-${round}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const sums = new Map<string, [number, number]>();
  let seen = 0;
  let start = 0;
  let cpu = 0;
  const take = (value: Buffer): void => {
    const { region, amount, customer }: Order = type.decode(value, 5).value;
    if (customer < 0) return;
    const sum = sums.get(region);
    if (sum === undefined) sums.set(region, [1, amount]);
    else {
      sum[0]++;
      sum[1] += amount;
    }
  };
  const seconds = await new Promise<number>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: ({ batch }) => {
          if (seen === 0) [start, cpu] = [realClock.monotonic(), cpuMilliseconds()];
          for (const { value } of batch.messages) if (value !== null) take(value);
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
  check('kafkajs', sums, expected);
  return { wall: records / seconds, cpu: (records * 1000) / cpu };
}

const threeFields = `SELECT region, count(*) AS n, sum(amount) AS amount
  FROM orders WHERE customer >= 0 GROUP BY region`;
const allFields = `SELECT region, count(*) AS n, sum(amount) AS amount,
  ${fields.map((name) => `count(${name}) AS ${name}_n`).join(', ')}
  FROM orders WHERE customer >= 0 GROUP BY region`;

/** Rates of a view. */
async function ours(
  client: pg.Client,
  pid: number,
  query: string,
  records: number,
  expected: Sums,
): Promise<Rates> {
  const cpu = cpuMillisecondsOf(pid);
  const start = realClock.monotonic();
  await client.query(`CREATE MATERIALIZED VIEW sums AS ${query}`);
  for (;;) {
    const { rows } = await client.query<{ region: string; n: string; amount: string }>(
      'SELECT region, n, amount FROM sums',
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

/** Four figures. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const records = options.quick ? 100_000 : 1_000_000;
  const broker = await startBroker(options.parts);
  const registry = await EmbeddedRegistry.start();
  const server = await MillraceServer.start();
  const client = server.client();
  try {
    await fill(broker.brokers, records, registry.store.register(`${topic}-value`, schema, []).id);
    await client.connect();
    await client.query(`CREATE CONNECTION kafka TO KAFKA (BROKER '${broker.brokers}')`);
    await client.query(`CREATE CONNECTION r TO CONFLUENT SCHEMA REGISTRY (URL '${registry.url}')`);
    await client.query(`CREATE SOURCE orders FROM KAFKA CONNECTION kafka (TOPIC '${topic}')
      FORMAT AVRO USING CONFLUENT SCHEMA REGISTRY CONNECTION r`);
    const expected = orderSums(records);
    const three: Rates[] = [];
    const all: Rates[] = [];
    const baseline: Rates[] = [];
    for (let round = 0; round < rounds; round++) {
      three.push(await ours(client, server.pid, threeFields, records, expected));
      baseline.push(await theirs(broker.brokers, records, round, expected));
      all.push(await ours(client, server.pid, allFields, records, expected));
    }
    const compare = (
      name: string,
      mine: readonly Rates[],
      of: (rates: Rates) => number,
      unit: string,
      target: number,
    ): Figure => figure(name, median(mine.map(of)), median(baseline.map(of)), unit, target);
    return [
      compare('avro, 3 of 10 fields', three, (r) => r.wall, 'records/s', 10),
      compare('avro, 3 of 10 fields, CPU', three, (r) => r.cpu, 'records/CPU s', 10),
      compare('avro, all fields', all, (r) => r.wall, 'records/s', 4),
      compare('avro, all fields, CPU', all, (r) => r.cpu, 'records/CPU s', 4),
    ];
  } finally {
    await client.end();
    await server.stop();
    await broker.stop();
    await registry.down();
  }
}
