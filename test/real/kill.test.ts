/**
 * Goal: a server that is killed under load comes back with everything that it acknowledged, each
 * record of a topic once; and a directory that cannot be served is refused by name. Method: real
 * processes on a real disk, a broker in this process, sessions that write numbers in a row, so that
 * what may be there after each kill is known by row; MILLRACE_KILLS says how many kills.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KafkaConnection } from '../../connectors/kafka/client.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import { endOffsets } from '../support/one-topic.ts';
import { Random } from '../support/random.ts';
import { KillServer, runInspect } from './kill-server.ts';
import type { TestBroker } from './test-broker.ts';
import { seams, startBroker } from './test-broker.ts';

const kills = Number(process.env['MILLRACE_KILLS'] ?? 4);
const writers = 4;
const partitions = 3;
const keys = 50;
const encoder = new TextEncoder();
const random = new Random(9);

let folder = '';
let broker: TestBroker;
let kafka: KafkaConnection;
const servers: KillServer[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-kill-'));
  broker = await startBroker();
  await broker.createTopic('stream', partitions);
  await broker.createTopic('state', partitions);
  kafka = new KafkaConnection(broker.brokers, seams);
});

afterAll(async () => {
  for (const server of servers) await server.end('SIGKILL');
  await kafka.close();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function open(directory: string): Promise<KillServer> {
  const server = await KillServer.open(directory);
  servers.push(server);
  return server;
}

/** Rows as texts. */
async function rows(client: pg.Client, text: string): Promise<string[]> {
  const result = await client.query<unknown[]>({ text, rowMode: 'array' });
  return result.rows.map((row) => row.map(String).join('|'));
}

/** The same as soon as they are what is wanted, or what they are after a while. */
async function rowsOnce(
  client: pg.Client,
  text: string,
  wanted: readonly string[],
): Promise<string[]> {
  let found: string[] = [];
  for (let tries = 0; tries < 400; tries++) {
    found = await rows(client, text);
    if (found.join() === wanted.join()) break;
    await sleep(50);
  }
  return found;
}

/** What the keyed topic holds: the last value of each key. */
const state = new Map<string, string>();
let producing = true;

/** Sends a batch until the broker has it; it may have it twice, if it was away in between. */
async function sent(topic: string, partition: number, batch: Uint8Array): Promise<void> {
  for (;;) {
    try {
      await kafka.produce(topic, partition, batch);
      return;
    } catch {
      await sleep(100);
    }
  }
}

async function produce(): Promise<void> {
  while (producing) {
    for (let p = 0; p < partitions; p++) {
      const n = 1 + random.below(20);
      const [stream, keyed] = [new RecordBatchBuilder(), new RecordBatchBuilder()];
      for (let i = 0; i < n; i++) stream.add(null, encoder.encode('r'), Date.now());
      await sent('stream', p, stream.finish());
      for (let i = 0; i < 5; i++) {
        const key = `${p}/${random.below(keys)}`;
        const value = random.chance(0.2) ? null : String(random.below(1_000_000));
        keyed.add(encoder.encode(key), value === null ? null : encoder.encode(value), Date.now());
        if (value === null) state.delete(key);
        else state.set(key, value);
      }
      await sent('state', p, keyed.finish());
    }
    await sleep(10);
  }
}

/** A session that counts up; what was acknowledged is in it. */
class Writer {
  readonly number: number;
  inserted = 0;
  updated = 0;
  /** The statement that nobody has answered: 0 none, 1 an INSERT, 2 an UPDATE. */
  pending = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** Writes until the connection ends. */
  async run(client: pg.Client): Promise<void> {
    try {
      for (;;) {
        this.pending = 1;
        await client.query('INSERT INTO ledger VALUES ($1, $2)', [this.number, this.inserted + 1]);
        this.inserted++;
        this.pending = 2;
        await client.query('UPDATE totals SET n = n + 1 WHERE writer = $1', [this.number]);
        this.updated++;
        this.pending = 0;
      }
    } catch {
      await client.end().catch(() => undefined);
    }
  }

  /** What is there after a kill must be what was acknowledged, and at most the pending statement. */
  audit(ledger: readonly number[], total: number): void {
    expect(ledger, `writer ${this.number}`).toEqual(ledger.map((_, i) => i + 1));
    const more = ledger.length - this.inserted;
    expect(more === 0 || (more === 1 && this.pending === 1), `rows of writer ${this.number}`).toBe(
      true,
    );
    const extra = total - this.updated;
    expect(extra === 0 || (extra === 1 && this.pending === 2), `total of ${this.number}`).toBe(
      true,
    );
    this.inserted = ledger.length;
    this.updated = total;
  }
}

async function audit(client: pg.Client, all: readonly Writer[]): Promise<void> {
  const ledger = await rows(client, 'SELECT writer, n FROM ledger ORDER BY writer, n');
  const totals = await rows(client, 'SELECT writer, n FROM totals ORDER BY writer');
  for (const writer of all) {
    const own = ledger
      .map((row) => row.split('|').map(Number))
      .filter(([w]) => w === writer.number);
    const total = totals
      .map((row) => row.split('|').map(Number))
      .find(([w]) => w === writer.number);
    writer.audit(
      own.map(([, n = 0]) => n),
      total?.[1] ?? -1,
    );
  }
  const joined = await rows(client, 'SELECT writer, n, c FROM joined ORDER BY writer');
  expect(joined).toEqual(
    all
      .filter(({ inserted }) => inserted > 0)
      .map(({ number, inserted, updated }) => `${number}|${updated}|${inserted}`),
  );
  // Each (partition, offset) once, without a hole, however far it has been read.
  const offsets = await rows(
    client,
    'SELECT partition, count(*) = max("offset") + 1, count(DISTINCT "offset") = count(*) FROM stream GROUP BY partition ORDER BY 1',
  );
  for (const row of offsets) expect(row).toMatch(/^\d\|true\|true$/);
}

const definitions = [
  'CREATE TABLE ledger (writer int4, n int8, PRIMARY KEY (writer, n))',
  'CREATE TABLE totals (writer int4 PRIMARY KEY, n int8)',
  "CREATE SOURCE stream FROM KAFKA CONNECTION k (TOPIC 'stream') FORMAT TEXT INCLUDE PARTITION, OFFSET",
  "CREATE SOURCE state FROM KAFKA CONNECTION k (TOPIC 'state') KEY FORMAT TEXT VALUE FORMAT TEXT ENVELOPE UPSERT",
  'CREATE MATERIALIZED VIEW joined AS SELECT t.writer, t.n, l.c FROM totals t JOIN (SELECT writer, count(*) AS c FROM ledger GROUP BY writer) l ON t.writer = l.writer',
  'CREATE MATERIALIZED VIEW counts AS SELECT partition, count(*) AS c FROM stream GROUP BY partition',
];

describe('kill -9 under load', () => {
  it(
    `loses nothing and counts nothing twice in ${kills} kills`,
    async () => {
      const directory = join(folder, 'kills');
      const all = Array.from({ length: writers }, (_, i) => new Writer(i));
      let server = await open(directory);
      const first = await server.client();
      await first.query(`CREATE CONNECTION k TO KAFKA (BROKER '${broker.brokers}')`);
      for (const text of definitions) await first.query(text);
      for (const { number } of all) await first.query(`INSERT INTO totals VALUES (${number}, 0)`);
      await first.end();
      const producer = produce();
      for (let kill = 0; kill < kills; kill++) {
        const work = await Promise.all(
          all.map(async (writer) => [writer, await server.client()] as const),
        );
        const running = work.map(([writer, client]) => writer.run(client));
        await sleep(100 + random.below(1_000));
        // Now and then the broker goes as well, and comes back later than the server.
        const brokerToo = kill % 3 === 1;
        if (brokerToo) await broker.down();
        await server.end('SIGKILL');
        await Promise.all(running);
        server = await open(directory);
        if (brokerToo) await broker.up();
        const client = await server.client();
        await audit(client, all);
        await client.end();
      }
      producing = false;
      await producer;
      const client = await server.client();
      const ends = [...(await endOffsets(kafka, 'stream'))].sort(([a], [b]) => a - b);
      const wanted = ends.map(([p, end]) => `${p}|${end}`);
      const states = [...state].map(([key, value]) => `${key}|${value}`).sort();
      for (let tries = 0; tries < 300; tries++) {
        const counts = await rows(client, 'SELECT partition, c FROM counts ORDER BY 1');
        const found = (await rows(client, 'SELECT key, text FROM state')).sort();
        if (counts.join() === wanted.join() && found.join() === states.join()) break;
        await sleep(50);
      }
      expect(await rows(client, 'SELECT partition, c FROM counts ORDER BY 1')).toEqual(wanted);
      expect((await rows(client, 'SELECT key, text FROM state')).sort()).toEqual(states);
      expect(all.reduce((sum, { inserted }) => sum + inserted, 0)).toBeGreaterThan(kills);
      await client.end();
      expect(await server.end('SIGTERM')).toBe(0);
      expect(readdirSync(directory).sort()).toEqual(['checkpoints', 'identity', 'log']);
    },
    60_000 + kills * 20_000,
  );
});

describe('a data directory', () => {
  it('has one server; the second is refused and the first goes on', async () => {
    const directory = join(folder, 'two');
    const server = await open(directory);
    const second = await KillServer.start(directory);
    expect(second).toMatchObject({ code: 1 });
    expect(second instanceof KillServer ? '' : second.output).toContain('is in use by process');
    const client = await server.client();
    await client.query('CREATE TABLE t (a int4)');
    await client.query('INSERT INTO t VALUES (1)');
    expect(await rows(client, 'SELECT a FROM t')).toEqual(['1']);
    await client.end();
    expect(await server.end('SIGTERM')).toBe(0);
  });

  it('that is damaged is refused by name, and inspect says where', async () => {
    const directory = join(folder, 'damaged');
    const server = await open(directory);
    const client = await server.client();
    await client.query('CREATE TABLE t (a int4)');
    for (let i = 0; i < 20; i++) await client.query(`INSERT INTO t VALUES (${i})`);
    await client.end();
    expect(await server.end('SIGTERM')).toBe(0);
    const copy = join(folder, 'copy');
    const name = readdirSync(join(directory, 'log'))[0] ?? '';
    for (const damage of ['flip', 'cut identity']) {
      rmSync(copy, { recursive: true, force: true });
      cpSync(directory, copy, { recursive: true });
      const path = join(copy, 'log', name);
      if (damage === 'flip') {
        const bytes = readFileSync(path);
        const at = bytes.length >> 1;
        bytes[at] = (bytes[at] ?? 0) ^ 4;
        writeFileSync(path, bytes);
      } else truncateSync(join(copy, 'identity'), 7);
      const refused = await KillServer.start(copy);
      expect(refused, damage).toMatchObject({ code: 1 });
      expect(refused instanceof KillServer ? '' : refused.output).toMatch(/damaged/);
      expect(await runInspect(copy)).toMatchObject({ code: 1 });
    }
    // A cut file looks like a commit that was being written: the rest is there, and nothing else.
    rmSync(copy, { recursive: true, force: true });
    cpSync(directory, copy, { recursive: true });
    truncateSync(join(copy, 'log', name), statSync(join(copy, 'log', name)).size - 5);
    const cut = await open(copy);
    const reader = await cut.client();
    expect(await rows(reader, 'SELECT count(*), max(a) FROM t')).toEqual(['19|18']);
    await reader.end();
    expect(await cut.end('SIGTERM')).toBe(0);
    const sound = await runInspect(directory);
    expect(sound).toMatchObject({ code: 0 });
    expect(sound.output).toContain('table public.t: 20 changes of rows in 20 writes');
  });
});

describe('a broker that goes away', () => {
  it('is read on when it is back, with kills of the server meanwhile', async () => {
    const directory = join(folder, 'broker');
    const own = await startBroker();
    await own.createTopic('t', 1);
    const connection = new KafkaConnection(own.brokers, seams);
    let produced = 0;
    const send = async (): Promise<void> => {
      const builder = new RecordBatchBuilder();
      for (let i = 0; i < 50; i++, produced++)
        builder.add(
          encoder.encode(String(produced % 7)),
          encoder.encode(`${produced}`),
          Date.now(),
        );
      await connection.produce('t', 0, builder.finish());
      // A batch whose answer got lost is sent again, so the topic says how many there are.
      produced = Number((await endOffsets(connection, 't')).get(0));
    };
    const wanted = (): string[] => [`${produced}|${produced - 1}`];
    const counted = 'SELECT n, last FROM counts';
    let server = await open(directory);
    try {
      const first = await server.client();
      await first.query(`CREATE CONNECTION k TO KAFKA (BROKER '${own.brokers}')`);
      await first.query(
        "CREATE SOURCE t FROM KAFKA CONNECTION k (TOPIC 't') FORMAT TEXT INCLUDE OFFSET",
      );
      await first.query(
        "CREATE SOURCE u FROM KAFKA CONNECTION k (TOPIC 't') KEY FORMAT TEXT VALUE FORMAT TEXT ENVELOPE UPSERT",
      );
      await first.query(
        'CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n, max("offset") AS last FROM t',
      );
      await send();
      expect(await rowsOnce(first, counted, wanted())).toEqual(wanted());
      for (const killServer of [false, true, true]) {
        await own.down();
        if (killServer) {
          await server.end('SIGKILL');
          server = await open(directory);
        } else await sleep(300);
        const client = await server.client();
        // What does not need the broker is there without it.
        await client.query('CREATE TABLE IF NOT EXISTS n (a int4)');
        await client.query('INSERT INTO n VALUES (1)');
        await own.up();
        await send();
        expect(await rowsOnce(client, counted, wanted())).toEqual(wanted());
        const keys = Array.from({ length: 7 }, (_, k) => {
          const last = produced - 1 - ((produced - 1 - k) % 7);
          return `${k}|${last}`;
        });
        const state = 'SELECT key, text FROM u ORDER BY key';
        expect(await rowsOnce(client, state, keys)).toEqual(keys);
        await client.end().catch(() => undefined);
      }
      await first.end().catch(() => undefined);
      expect(await server.end('SIGTERM')).toBe(0);
    } finally {
      await server.end('SIGKILL');
      await connection.close();
      await own.stop();
    }
  });
});

describe('a server that stands still', () => {
  const seconds = Number(process.env['MILLRACE_STOP_SECONDS'] ?? 3);

  it(
    `goes on after ${seconds} s as if nothing had been`,
    async () => {
      const server = await open(join(folder, 'still'));
      const client = await server.client();
      await client.query('CREATE TABLE t (a int8)');
      await client.query(
        'CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, max(a) AS last FROM t',
      );
      const before = await rows(client, 'SELECT mz_now()::text');
      for (let i = 1; i <= 20; i++) await client.query(`INSERT INTO t VALUES (${i})`);
      const pending = client.query('INSERT INTO t VALUES (21)');
      server.signal('SIGSTOP');
      await sleep(seconds * 1_000);
      server.signal('SIGCONT');
      await pending;
      expect(await rows(client, 'SELECT n, last FROM v')).toEqual(['21|21']);
      const after = await rows(client, 'SELECT mz_now()::text');
      expect(BigInt(after[0] ?? 0)).toBeGreaterThan(BigInt(before[0] ?? 0));
      // The lock is still its own: nobody took a process that stands still for one that has ended.
      expect(await KillServer.start(join(folder, 'still'))).toMatchObject({ code: 1 });
      await client.query('INSERT INTO t VALUES (22)');
      await client.end();
      expect(await server.end('SIGTERM')).toBe(0);
    },
    120_000 + seconds * 1_000,
  );
});

/** Mounts a disk of a megabyte; false if this machine does not let us. */
function mountSmall(path: string): boolean {
  spawnSync('mkdir', ['-p', path]);
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]).status === 0;
}

describe('a disk that is really full', () => {
  it('refuses writes, answers reads, and goes on with room', async (context) => {
    const place = join(folder, 'small');
    if (!mountSmall(place)) {
      const isRoot = process.getuid?.() === 0;
      if (isRoot) expect(process.env['CI'], 'in CI root may mount a tmpfs').toBeUndefined();
      return context.skip(`a small disk cannot be mounted ${isRoot ? 'here' : 'without root'}`);
    }
    try {
      const directory = join(place, 'data');
      const server = await open(directory);
      const client = await server.client();
      await client.query('CREATE TABLE t (a text)');
      await client.query("INSERT INTO t VALUES ('x')");
      writeFileSync(join(place, 'filler'), Buffer.alloc(500_000));
      const big = client.query("INSERT INTO t VALUES (repeat('y', 900000))");
      await expect(big).rejects.toMatchObject({ code: '53100' });
      expect(await rows(client, 'SELECT a FROM t')).toEqual(['x']);
      rmSync(join(place, 'filler'));
      await client.query("INSERT INTO t VALUES (repeat('z', 300000))");
      expect(await rows(client, 'SELECT length(a) FROM t ORDER BY 1')).toEqual(['1', '300000']);
      await client.end();
      expect(await server.end('SIGKILL')).toBeNull();
      const again = await open(directory);
      const reader = await again.client();
      expect(await rows(reader, 'SELECT length(a) FROM t ORDER BY 1')).toEqual(['1', '300000']);
      await reader.end();
      expect(await again.end('SIGTERM')).toBe(0);
    } finally {
      spawnSync('umount', [place]);
    }
  });
});
