/**
 * Goal: a source of a real Debezium's events is the table in Postgres, whatever dies meanwhile.
 * Method: random transactions on two tables of a real Postgres (inserts, updates, deletes, changes
 * of keys, TOAST values that updates leave alone, one of the tables with REPLICA IDENTITY FULL and
 * truncates); Debezium writes their events to Apache Kafka, Millrace reads them. In each round one
 * of the three is killed under load and started again; when all is quiet, both sides must answer
 * the same. MILLRACE_CHANGES says how many rows change, MILLRACE_SEED which, and an even one that
 * events have no schema part.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../support/random.ts';
import { DebeziumRelay } from './debezium-relay.ts';
import { KillServer } from './kill-server.ts';
import { PostgresServer } from './postgres.ts';
import type { TestBroker } from './test-broker.ts';
import { realBroker } from './test-broker.ts';

const changesMax = Number(process.env['MILLRACE_CHANGES'] ?? 3000);
const rounds = Math.max(6, Math.ceil(changesMax / 4000));
const patienceMilliseconds = 60_000;
const seed = Number(process.env['MILLRACE_SEED'] ?? 5);
const random = new Random(seed);
/** The schema part is in the keys too: while it comes and goes, keys move between partitions. */
const withSchema = { 'converter.schemas.enable': String(seed % 2 === 1) };

const declared = `(shop int4, id int8, name text, price numeric(12, 2), n numeric, at timestamp,
  atz timestamptz, at3 timestamp(3), day date, t time, iv interval, note jsonb, big text, ok bool,
  u uuid, b bytea, f float8, tags jsonb, PRIMARY KEY (id, shop))`;
const upstream = declared.replace('tags jsonb', 'tags text[]');
/** Both sides show each type as the same text; arrays as JSON, numbers without zeros behind. */
const shown = (
  table: string,
  n: string,
  tags: string,
): string => `SELECT shop, id, name, price::text,
  ${n}::text, at::text, atz::text, at3::text, day::text, t::text, iv::text, note::text,
  length(big)::text, left(big, 12), ok::text, u::text, b::text, f::text, ${tags} FROM ${table}`;

/** What the suite runs on. */
interface Services {
  readonly kafka: TestBroker;
  readonly postgres: PostgresServer;
  readonly relay: DebeziumRelay;
  readonly writer: pg.Client;
  readonly folder: string;
  millrace: KillServer;
}
let running: Services;

/** A topic of each table. */
const topics = new Map([
  ['part', 3],
  ['whole', 1],
]);

beforeAll(async () => {
  const kafka = await realBroker();
  const postgres = await PostgresServer.start('wal_level = logical\n');
  const writer = postgres.client();
  await writer.connect();
  for (const table of topics.keys()) {
    await writer.query(`CREATE TABLE ${table} ${upstream}`);
    await writer.query(`ALTER TABLE ${table} ALTER big SET STORAGE EXTERNAL`);
  }
  await writer.query('ALTER TABLE whole REPLICA IDENTITY FULL');
  for (let n = 0; n < 20; n++) await change('part', writer);
  const relay = new DebeziumRelay(kafka.brokers, {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'plugin.name': 'pgoutput',
    'database.hostname': '127.0.0.1',
    'database.port': String(postgres.port),
    'database.user': 'postgres',
    'database.password': 'none',
    'database.dbname': 'postgres',
    'topic.prefix': 'up',
    'table.include.list': 'public.part,public.whole',
    'publication.autocreate.mode': 'filtered',
    'slot.retry.delay.ms': '500',
    'slot.max.retries': '100',
    'skipped.operations': 'none',
    'interval.handling.mode': 'string',
    ...withSchema,
  });
  for (const [table, partitions] of topics)
    await kafka.createTopic(`up.public.${table}`, partitions);
  await relay.up();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-real-debezium-'));
  const millrace = await KillServer.open(folder);
  running = { kafka, postgres, relay, writer, folder, millrace };
  const client = await millrace.client();
  await client.query(`CREATE CONNECTION k TO KAFKA (BROKER '${kafka.brokers}')`);
  for (const table of topics.keys())
    await client.query(`CREATE SOURCE ${table} ${declared} FROM KAFKA CONNECTION k
      (TOPIC 'up.public.${table}') FORMAT JSON ENVELOPE DEBEZIUM`);
  await client.query(`CREATE MATERIALIZED VIEW worth AS
    SELECT shop, count(*) AS n, sum(price) AS worth FROM part GROUP BY shop`);
  await client.end();
});

afterAll(async () => {
  await running.millrace.end('SIGKILL');
  await running.relay.stop();
  await running.writer.end();
  await running.postgres.stop();
  await running.kafka.stop();
  rmSync(running.folder, { recursive: true, force: true });
});

type Table = 'part' | 'whole';

/** A row of random values, the key aside. */
function values(): unknown[] {
  const seconds = 1_500_000_000 + random.below(2 ** 28);
  const at = new Date(seconds * 1000 + random.below(1000)).toISOString();
  return [
    random.chance(0.1) ? null : `n${random.below(1000)} "é\\`,
    (random.below(2 ** 31) - 2 ** 30) / 100,
    `${random.below(2 ** 31)}.${random.below(10 ** 6)}`,
    at,
    at,
    at,
    at.slice(0, 10),
    at.slice(11, 23),
    `${random.below(9)} days ${random.below(24)}:00:0${random.below(10)}.5`,
    { n: random.below(100), s: 'é' },
    random.chance(0.2) ? null : `${random.below(10 ** 9)} `.padEnd(2500 + random.below(2000), 'x'),
    random.chance(0.5),
    `00000000-0000-4000-8000-${String(random.below(10 ** 9)).padStart(12, '0')}`,
    Buffer.from(`bytes ${random.below(1000)}`),
    random.below(1000) / 8,
    random.chance(0.5) ? null : [`a${random.below(9)}`, '"', ''],
  ];
}

const rest = 'name, price, n, at, atz, at3, day, t, iv, note, big, ok, u, b, f, tags';
const parameters = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `$${from + i}`).join(', ');

/** One statement; answers how many rows it changed. */
async function change(table: Table, writer: pg.Client): Promise<number> {
  const key = [random.below(3), random.below(200)];
  const kind = random.below(20);
  const count = async (text: string, more: unknown[] = []): Promise<number> =>
    (await writer.query(text, [...key, ...more])).rowCount ?? 0;
  const where = 'WHERE shop = $1 AND id = $2';
  if (kind < 8)
    return count(
      `INSERT INTO ${table} (shop, id, ${rest}) VALUES (${parameters(1, 18)}) ON CONFLICT DO NOTHING`,
      values(),
    );
  if (kind < 12)
    return count(`UPDATE ${table} SET (${rest}) = ROW(${parameters(3, 16)}) ${where}`, values());
  if (kind < 16)
    return count(`UPDATE ${table} SET name = $3, price = price + 1 ${where}`, [`m${kind}`]);
  if (kind < 18) return count(`DELETE FROM ${table} ${where}`);
  if (kind === 18) return count(`UPDATE ${table} SET ok = NOT ok WHERE shop = $1 AND id < $2`);
  // Who reads the events of a changed key does not see what stays of the old one's TOAST values.
  const big = table === 'whole' ? 'big' : `'moved'`;
  const free = `NOT EXISTS (SELECT FROM ${table} WHERE shop = $1 AND id = $2 + 1000)`;
  return count(`UPDATE ${table} SET id = id + 1000, big = ${big} ${where} AND ${free}`);
}

/** Transactions, some of which are given up, until about `count` rows have changed. */
async function write(count: number): Promise<number> {
  const { writer } = running;
  let changed = 0;
  while (changed < count) {
    const table = random.chance(0.5) ? 'part' : 'whole';
    await writer.query('BEGIN');
    let rows = 0;
    for (let n = 1 + random.below(12); n > 0; n--) rows += await change(table, writer);
    if (table === 'whole' && random.chance(0.01)) await writer.query('TRUNCATE whole');
    const isKept = random.chance(0.95);
    await writer.query(isKept ? 'COMMIT' : 'ROLLBACK');
    if (isKept) changed += rows;
  }
  return changed;
}

const sorted = (rows: unknown[][]): string[] => rows.map((row) => JSON.stringify(row)).sort();

async function upstreamRows(table: Table): Promise<string[]> {
  const text = shown(table, 'trim_scale(n)', 'to_jsonb(tags)::text');
  return sorted((await running.writer.query<unknown[]>({ text, rowMode: 'array' })).rows);
}

/** The rows on our side as soon as they are `wanted`, or what they are after a while. */
async function rowsOnce(table: Table, wanted: readonly string[]): Promise<string[]> {
  const client = await running.millrace.client();
  const text = shown(table, 'n', 'tags::text');
  const deadline = performance.now() + patienceMilliseconds;
  try {
    for (;;) {
      const found = await client
        .query<unknown[]>({ text, rowMode: 'array' })
        .then(({ rows }) => sorted(rows))
        .catch((error: unknown) => [String(error)]);
      if (found.join() === wanted.join() || performance.now() > deadline) return found;
      await sleep(100);
    }
  } finally {
    await client.end();
  }
}

/** Kills one of the three and starts it again. */
async function disturb(what: number): Promise<void> {
  if (what === 0) {
    await running.relay.down();
    await running.relay.up();
  } else if (what === 1) {
    await running.millrace.end('SIGKILL');
    running.millrace = await KillServer.open(running.folder);
  } else {
    await running.kafka.down();
    await sleep(random.below(1000));
    await running.kafka.up();
  }
}

async function worth(client: pg.Client, from: string): Promise<unknown[][]> {
  const text = `SELECT shop, count(*)::text, sum(price)::text FROM ${from} GROUP BY shop ORDER BY shop`;
  return (await client.query<unknown[]>({ text, rowMode: 'array' })).rows;
}

test(
  `${changesMax} changes and what dies meanwhile leave no difference`,
  async () => {
    let changed = 0;
    for (let round = 0; round < rounds; round++) {
      const [count] = await Promise.all([
        write(changesMax / rounds),
        sleep(200).then(() => disturb(round % 3)),
      ]);
      changed += count;
      for (const table of ['part', 'whole'] as const) {
        const wanted = await upstreamRows(table);
        const found = await rowsOnce(table, wanted);
        const missing = wanted.filter((row) => !found.includes(row));
        const foreign = found.filter((row) => !wanted.includes(row));
        expect({ table, round, missing, foreign }).toMatchObject({ missing: [], foreign: [] });
      }
    }
    const client = await running.millrace.client();
    const ours = await client.query<unknown[]>({
      text: 'SELECT shop, n::text, worth::text FROM worth ORDER BY shop',
      rowMode: 'array',
    });
    expect(ours.rows).toEqual(await worth(running.writer, 'part'));
    await client.end();
    expect(changed).toBeGreaterThanOrEqual(changesMax);
  },
  30 * 60_000,
);
