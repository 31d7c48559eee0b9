/**
 * Brokers for benchmarks: the embedded one in a process of its own, or Apache Kafka where that is
 * asked for; and topics of orders, records of ten fields.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { KafkaServer } from '../../test/real/kafka-server.ts';
import { Random } from '../../test/support/random.ts';

export interface BenchBroker {
  readonly brokers: string;
  stop(): Promise<void>;
}

function startEmbedded(): Promise<BenchBroker> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'broker-main.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = (): Promise<void> => {
    child.kill('SIGTERM');
    return gone;
  };
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the broker ended with ${code}`)));
    child.stdout.once('data', (line: Buffer) =>
      resolve({ brokers: line.toString().split(/\s/)[1] ?? '', stop }),
    );
  });
}

/** Starts a broker: Apache Kafka if `parts` has the word `apache`. */
export function startBroker(parts: readonly string[]): Promise<BenchBroker> {
  return parts.includes('apache') ? KafkaServer.start() : startEmbedded();
}

/** A client without noise and without the random partitioner's warning. */
export function kafkaClient(brokers: string): kafkajs.Kafka {
  return new kafkajs.Kafka({
    clientId: 'bench',
    brokers: [brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 10 },
  });
}

export async function createTopic(
  brokers: string,
  topic: string,
  numPartitions: number,
): Promise<void> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions }] });
  await admin.disconnect();
}

const statuses = ['created', 'paid', 'shipped', 'cancelled'] as const;
const regions = ['eu-west', 'us-east', 'ap-south'] as const;
const random = new Random(7);

/**
 * An order as JSON: ten fields, about 190 bytes; region, amount and customer are functions of the
 * number.
 */
export function orderText(id: number): string {
  return JSON.stringify({
    id,
    customer: id % 1000,
    status: random.pick(statuses),
    amount: id % 977,
    quantity: 1 + random.below(20),
    price: String(random.below(100_000) / 100),
    at: new Date(1_700_000_000_000 + id * 17).toISOString(),
    note: random.pick(['', 'leave at the door', 'gift']),
    active: random.chance(0.5),
    region: regions[id % 3],
  });
}

/** Region → count and sum of amounts of orders 0 to `count` - 1. */
export function orderSums(count: number): ReadonlyMap<string, readonly [number, number]> {
  const sums = new Map<string, [number, number]>(regions.map((region) => [region, [0, 0]]));
  for (let id = 0; id < count; id++) {
    const sum = sums.get(regions[id % 3] ?? '');
    if (sum === undefined) continue;
    sum[0]++;
    sum[1] += id % 977;
  }
  return sums;
}
