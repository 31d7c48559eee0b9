/**
 * `durability`: what being durable costs.
 *
 * Acknowledged INSERTs of one row a second, each durable, with 1, 16 and 256 sessions, against
 * Postgres with synchronous_commit on. Both are servers of their own, driven by pgbench with the
 * same script, prepared, in turns, on the same disk. A further figure is the same on ours in
 * memory. All rows that were acknowledged are there after a restart.
 *
 * `kafka`: records a second from a keyed topic into an upsert source, durable and in memory, from
 * CREATE SOURCE to the complete answer; the rows are counted.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { realClock } from '../src/base/real/seam.ts';
import { MillraceServer } from '../test/real/millrace-server.ts';
import type { BenchOptions } from './run.ts';
import { createTopic, kafkaClient, orderText, startBroker } from './support/broker.ts';
import { figure, median } from './support/figure.ts';
import type { Figure } from './support/figure.ts';
import { pgbench, postgresPort, startPostgres } from './support/postgres.ts';

const rounds = 3;
const sessions = ['1', '16', '256'];
const script = `\\set id random(1, 1000000000)
INSERT INTO events VALUES (:id, 'a body of some length, as events have it');
`;
const create = 'CREATE TABLE events (id bigint, body text)';
const topic = 'orders';
const messagesPerSend = 2_000;

async function ask(at: number, database: string, text: string): Promise<string> {
  const client = new pg.Client({ host: '127.0.0.1', port: at, user: 'postgres', database });
  await client.connect();
  const { rows } = await client.query<{ n: unknown }>(text);
  await client.end();
  return String(rows[0]?.n);
}

/** Servers with a data directory and without. */
interface Servers {
  readonly durable: MillraceServer;
  readonly memory: MillraceServer;
}

async function inserts(
  directory: string,
  { durable, memory }: Servers,
  { quick, parts }: BenchOptions,
): Promise<readonly Figure[]> {
  for (const { port } of [durable, memory]) await ask(port, 'materialize', create);
  await ask(postgresPort, 'postgres', create);
  const figures: Figure[] = [];
  for (const clients of sessions) {
    if (parts.length > 0 && !parts.includes(clients)) continue;
    const rates = { ours: [] as number[], memory: [] as number[], theirs: [] as number[] };
    const load = async (at: number, database: string): Promise<number> =>
      (await pgbench(directory, at, database, Number(clients), quick ? 1 : 5)).perSecond;
    for (let round = 0; round < (quick ? 1 : rounds); round++) {
      rates.ours.push(await load(durable.port, 'materialize'));
      rates.theirs.push(await load(postgresPort, 'postgres'));
      rates.memory.push(await load(memory.port, 'materialize'));
    }
    const name = `durable inserts, ${clients} sessions`;
    const [ours, theirs, inMemory] = [rates.ours, rates.theirs, rates.memory].map(median);
    figures.push(figure(name, ours ?? NaN, theirs ?? NaN, 'rows/s', 1));
    figures.push(figure(`${name}, against --memory`, ours ?? NaN, inMemory ?? NaN, 'rows/s'));
  }
  return figures;
}

/** Records of orders, each of another key. */
async function fill(brokers: string, records: number): Promise<void> {
  await createTopic(brokers, topic, 2);
  const producer = kafkaClient(brokers).producer();
  await producer.connect();
  for (let from = 0; from < records; from += messagesPerSend) {
    const messages = Array.from({ length: messagesPerSend }, (_, i) => ({
      partition: (from / messagesPerSend) % 2,
      key: String(from + i),
      value: orderText(from + i),
    }));
    await producer.send({ topic, messages });
  }
  await producer.disconnect();
}

/** Records a second until all are rows. */
async function ingest({ port }: MillraceServer, records: number): Promise<number> {
  const client = new pg.Client({ host: '127.0.0.1', port, database: 'materialize' });
  await client.connect();
  const start = realClock.monotonic();
  await client.query(
    `CREATE SOURCE orders (region text, amount int8, customer int8) FROM KAFKA CONNECTION kafka
       (TOPIC '${topic}') KEY FORMAT TEXT VALUE FORMAT JSON ENVELOPE UPSERT`,
  );
  for (let n = 0; n < records; await sleep(5)) {
    const { rows } = await client.query<{ n: string }>('SELECT count(*) AS n FROM orders');
    n = Number(rows[0]?.n);
    if (n > records) throw new Error(`${n} rows of ${records} records`);
  }
  const seconds = (realClock.monotonic() - start) / 1000;
  await client.query('DROP SOURCE orders');
  await client.end();
  return records / seconds;
}

async function fromKafka({ durable, memory }: Servers, quick: boolean): Promise<Figure> {
  const records = quick ? 50_000 : 500_000;
  const broker = await startBroker([]);
  try {
    await fill(broker.brokers, records);
    for (const { port } of [durable, memory])
      await ask(
        port,
        'materialize',
        `CREATE CONNECTION kafka TO KAFKA (BROKER '${broker.brokers}')`,
      );
    const rates = { durable: [] as number[], memory: [] as number[] };
    for (let round = 0; round < (quick ? 1 : rounds); round++) {
      rates.durable.push(await ingest(durable, records));
      rates.memory.push(await ingest(memory, records));
    }
    const [ours, baseline] = [median(rates.durable), median(rates.memory)];
    return figure('ingest, durable against --memory', ours, baseline, 'records/s', 0.85);
  } finally {
    await broker.stop();
  }
}

/** Throws unless the rows are there when it is started again. */
async function checkRestart(durable: MillraceServer, data: string): Promise<void> {
  const count = 'SELECT count(*) AS n FROM events';
  const before = await ask(durable.port, 'materialize', count);
  await durable.stop();
  const again = await MillraceServer.start(data);
  const after = await ask(again.port, 'materialize', count);
  await again.stop();
  if (after !== before) throw new Error(`${before} rows, then ${after}`);
}

/** Measures. */
export async function run(options: BenchOptions): Promise<readonly Figure[]> {
  const { parts, quick } = options;
  const directory = await mkdtemp(join(tmpdir(), 'millrace-durability-'));
  await chmod(directory, 0o777);
  await writeFile(join(directory, 'script.sql'), script);
  const data = join(directory, 'millrace');
  const durable = await MillraceServer.start(data);
  const memory = await MillraceServer.start();
  const servers = { durable, memory };
  const figures: Figure[] = [];
  try {
    if (parts.length === 0 || parts.includes('kafka'))
      figures.push(await fromKafka(servers, quick));
    if (parts.length === 0 || parts.some((part) => sessions.includes(part))) {
      const stopPostgres = await startPostgres(directory);
      try {
        figures.push(...(await inserts(directory, servers, options)));
      } finally {
        await stopPostgres();
      }
      await checkRestart(durable, data);
    }
  } finally {
    await memory.stop();
    await durable.stop();
    await rm(directory, { recursive: true, force: true });
  }
  return figures;
}
