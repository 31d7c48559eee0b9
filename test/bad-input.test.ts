/**
 * Goal: nothing that a client or a topic can send hangs the product, brings it down or leaves
 * something behind: each gets a clear error or an answer, others are answered meanwhile, and the
 * engine holds afterwards what it held before. Method: the whole product with its worker thread and
 * an embedded broker; hostile statements through `pg` or as raw bytes, hostile records through
 * Kafka.
 */
import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assert } from '../src/base/assert.ts';
import { realClock, realEntropy } from '../src/base/real/seam.ts';
import type { EngineLink, HostCommand, HostResponse } from '../src/coordinator/engine-link.ts';
import { Millrace } from '../src/cli/millrace.ts';
import { KafkaRig } from './support/kafka-rig.ts';

const bench: { rig: KafkaRig | null } = { rig: null };
const rig = (): KafkaRig => {
  assert(bench.rig !== null, 'the product runs');
  return bench.rig;
};

beforeAll(async () => {
  bench.rig = await KafkaRig.start();
});

afterAll(async () => {
  await bench.rig?.stop();
});

/** SQLSTATE and message of the error that a statement gives. */
async function failure(text: string): Promise<string> {
  return rig()
    .client.query(text)
    .then(
      () => 'no error',
      (error: unknown) =>
        error instanceof Error && 'code' in error
          ? `${String(error.code)}: ${error.message}`
          : String(error),
    );
}

async function held(): Promise<{ readonly dataflows: number; readonly bytes: number }> {
  const { dataflows, collections } = await rig().millrace.coordinator.engine.statistics();
  return {
    dataflows: dataflows.length,
    bytes: collections.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Waits until the engine holds no more dataflows and bytes than before. */
async function released(before: {
  readonly dataflows: number;
  readonly bytes: number;
}): Promise<void> {
  let now = await held();
  for (
    let tries = 0;
    tries < 400 && (now.dataflows > before.dataflows || now.bytes > before.bytes);
    tries++
  ) {
    await sleep(10);
    now = await held();
  }
  expect(now.dataflows).toBe(before.dataflows);
  expect(now.bytes).toBeLessThanOrEqual(before.bytes);
}

const times = <T>(n: number, make: (i: number) => T): T[] =>
  Array.from({ length: n }, (_, i) => make(i));

/** A connection of which nothing is read but what is asked for. */
async function rawClient(query: string): Promise<Socket> {
  const socket = connectSocket(rig().millrace.port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const parameters = Buffer.from('user\0materialize\0database\0materialize\0\0');
  const startup = Buffer.alloc(8);
  startup.writeInt32BE(8 + parameters.length, 0);
  startup.writeInt32BE(196_608, 4);
  socket.write(Buffer.concat([startup, parameters]));
  await new Promise((resolve) => socket.once('data', resolve));
  const text = Buffer.from(`${query}\0`);
  const head = Buffer.alloc(5);
  head.write('Q', 0);
  head.writeInt32BE(4 + text.length, 1);
  socket.write(Buffer.concat([head, text]));
  socket.on('error', () => undefined);
  return socket;
}

/** Asks for a client's statement to be cancelled, as Ctrl-C in psql does. */
async function cancel(client: object): Promise<void> {
  assert('processID' in client && 'secretKey' in client, 'a connected client knows its key');
  const request = Buffer.alloc(16);
  [16, 80_877_102, Number(client.processID), Number(client.secretKey)].forEach((word, i) =>
    request.writeInt32BE(word, 4 * i),
  );
  const socket = connectSocket(rig().millrace.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.write(request, resolve));
}

describe('statements without end', () => {
  it.each([
    ['parentheses', `SELECT ${'('.repeat(10_000)}1${')'.repeat(10_000)}`],
    ['open parentheses', `SELECT ${'('.repeat(10_000)}`],
    ['arrays', `SELECT ${'ARRAY['.repeat(10_000)}1${']'.repeat(10_000)}`],
    ['CASE', `SELECT ${'CASE WHEN true THEN '.repeat(10_000)}1${' END'.repeat(10_000)}`],
    ['NOT', `SELECT ${'NOT '.repeat(10_000)}true`],
    [
      'subqueries',
      `SELECT * FROM ${'(SELECT * FROM '.repeat(500)}(VALUES (1)) v${') q'.repeat(500)}`,
    ],
    ['UNION', times(10_000, (i) => `SELECT ${i}`).join(' UNION ALL ')],
    ['+', `SELECT ${times(10_000, () => '1').join(' + ')}`],
  ])('are refused: %s', async (_, text) => {
    expect(await failure(text)).toBe('54001: stack depth limit exceeded');
  });

  it('long lists are answered', async () => {
    await rig().client.query('CREATE TABLE few (a int8); INSERT INTO few VALUES (1), (2), (7000)');
    const list = times(5_000, (i) => i * 2).join(', ');
    expect(await rig().rows(`SELECT count(*) FROM few WHERE a IN (${list})`)).toEqual([['2']]);
    expect(
      await rig().rows(
        `SELECT count(*) FROM (VALUES ${times(5_000, (i) => `(${i})`).join(', ')}) v (x)`,
      ),
    ).toEqual([['5000']]);
    expect(
      await rig().rows(
        `SELECT count(*) FROM (${times(300, (i) => `SELECT ${i} AS x`).join(' UNION ALL ')}) u`,
      ),
    ).toEqual([['300']]);
  });

  it('views over views are refused where they get too deep', async () => {
    await rig().client.query('CREATE VIEW deep0 AS SELECT 1 AS a');
    let refused = '';
    for (let i = 1; i <= 500 && refused === ''; i++) {
      const result = await failure(`CREATE VIEW deep${i} AS SELECT a + 0 AS a FROM deep${i - 1}`);
      if (result !== 'no error') refused = result;
    }
    expect(refused).toBe('54001: stack depth limit exceeded');
    await rig().client.query('DROP VIEW deep0 CASCADE');
  });

  it('tables of very many columns, and of too many', async () => {
    const columns = (n: number): string => times(n, (i) => `c${i} int4`).join(', ');
    expect(await failure(`CREATE TABLE wide (${columns(1_601)})`)).toBe(
      '54011: tables can have at most 1600 columns',
    );
    const before = await held();
    await rig().client.query(`CREATE TABLE wide (${columns(1_600)})`);
    await rig().client.query(
      `INSERT INTO wide SELECT ${times(1_600, (i) => `g + ${i}`).join(', ')} FROM generate_series(1, 20) g`,
    );
    await rig().client.query(
      'CREATE MATERIALIZED VIEW wide_view AS SELECT * FROM wide WHERE c1 > 10',
    );
    expect(await rig().rows('SELECT count(*), min(c1599) FROM wide_view')).toEqual([['11', 1609]]);
    await rig().client.query('DROP TABLE wide CASCADE');
    await released(before);
  });

  it('very large values come and go', async () => {
    const before = await held();
    await rig().client.query('CREATE TABLE large (a int8, b text)');
    await rig().client.query(
      `INSERT INTO large VALUES (1, repeat('x', 20000000)), (2, '${'y'.repeat(2_000_000)}')`,
    );
    expect(await rig().rows('SELECT a, length(b) FROM large ORDER BY a')).toEqual([
      ['1', 20_000_000],
      ['2', 2_000_000],
    ]);
    expect(await failure(`SELECT length(repeat('x', 200000000))`)).toMatch(/^54000: /);
    await rig().client.query('DROP TABLE large');
    await released(before);
  });
});

describe('data that fails', () => {
  it('one group that divides by zero breaks its view alone, until it is mended', async () => {
    await rig().client.query('CREATE TABLE parts (k text, a int8, b int8)');
    await rig().client.query(`INSERT INTO parts VALUES ('fine', 6, 3), ('broken', 1, 0)`);
    await rig().client.query(
      'CREATE MATERIALIZED VIEW ratios AS SELECT k, sum(a) / sum(b) AS r FROM parts GROUP BY k',
    );
    await rig().client.query('CREATE MATERIALIZED VIEW totals AS SELECT sum(a) AS s FROM parts');
    expect(await failure('SELECT * FROM ratios')).toBe('22012: division by zero');
    expect(await rig().rows('SELECT s FROM totals')).toEqual([['7']]);
    await rig().client.query(`DELETE FROM parts WHERE k = 'broken'`);
    expect(await rig().rows('SELECT k, r FROM ratios')).toEqual([['fine', '2.0000000000000000']]);
  });

  it('very many rows in one group, and a join of them that explodes', async () => {
    const before = await held();
    await rig().client.query('CREATE TABLE hot (k int8, v int8)');
    await rig().client.query('INSERT INTO hot SELECT 1, g FROM generate_series(1, 200000) g');
    await rig().client.query(
      'CREATE MATERIALIZED VIEW hottest AS SELECT k, count(*) AS n, min(v) AS least, max(v) AS most FROM hot GROUP BY k',
    );
    expect(await rig().rows('SELECT * FROM hottest')).toEqual([['1', '200000', '1', '200000']]);
    await rig().client.query('DELETE FROM hot WHERE v = 200000');
    expect(await rig().rows('SELECT n, most FROM hottest')).toEqual([['199999', '199999']]);

    const exploding = await rig().connect();
    let ended = false;
    const join = exploding
      .query('SELECT count(*) FROM hot x JOIN hot y ON x.k = y.k')
      .then(
        () => 'an answer',
        (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
      )
      .finally(() => {
        ended = true;
      });
    for (let i = 0; i < 20; i++) {
      await rig().client.query(`INSERT INTO few VALUES (${i + 1_000})`);
      expect(await rig().rows(`SELECT a FROM few WHERE a = ${i + 1_000}`)).toEqual([
        [String(i + 1_000)],
      ]);
    }
    expect(ended).toBe(false);
    await cancel(exploding);
    expect(await join).toBe('57014');
    await rig().client.query('DROP TABLE hot CASCADE');
    await released({ ...before, bytes: before.bytes + 65_536 });
  });
});

describe('clients that misbehave', () => {
  it('stop reading in the middle of SUBSCRIBE and of a large answer, then are killed', async () => {
    await rig().client.query('CREATE TABLE stream (a int8, b text)');
    await rig().client.query(
      `INSERT INTO stream SELECT g, repeat('x', 500) FROM generate_series(1, 5000) g`,
    );
    const before = await held();
    const sockets = [
      await rawClient('SUBSCRIBE stream'),
      await rawClient('SELECT * FROM stream x, generate_series(1, 100)'),
      await rawClient('COPY (SUBSCRIBE stream) TO STDOUT'),
    ];
    for (const socket of sockets) socket.pause();
    for (let i = 0; i < 5; i++)
      await rig().client.query(
        `UPDATE stream SET b = repeat('y', ${500 + i}) WHERE a % 10 = ${i % 10}`,
      );
    expect(await rig().rows('SELECT count(*) FROM stream')).toEqual([['5000']]);
    for (const socket of sockets) socket.resetAndDestroy();
    const now = await held().then(({ bytes }) => bytes);
    await released({ dataflows: before.dataflows, bytes: Math.max(now, before.bytes * 3) });
    await rig().client.query('DROP TABLE stream');
  });
});

/** The error that reads of a relation come to give. */
async function comesToFail(text: string): Promise<string> {
  let message = await failure(text);
  for (let tries = 0; tries < 500 && message === 'no error'; tries++) {
    await sleep(20);
    message = await failure(text);
  }
  return message;
}

describe('records that cannot be decoded', () => {
  it.each([
    ['broken JSON', '{"id": 1, "n": ', /offset 1/],
    ['a wrong type', '{"id": {"a": 1}}', /offset 1.*"?id"?/],
    ['a number beyond int8', '{"id": 9223372036854775808}', /offset 1.*"?id"?/],
    [
      'invalid UTF-8',
      new Uint8Array([0x7b, 0x22, 0x74, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
      /offset 1/,
    ],
  ])('%s: the view says where it lies, others go on', async (name, value, message) => {
    const topic = `bad_${name.replace(/\W/gu, '_').toLowerCase()}`;
    rig().broker.createTopic(topic, 1);
    await rig().produce(topic, 0, [
      { value: '{"id": 1, "t": "fine"}' },
      { value },
      { value: '{"id": 3, "t": "fine"}' },
    ]);
    await rig().client.query(
      `CREATE SOURCE ${topic} (id int8, t text) FROM KAFKA CONNECTION k (TOPIC '${topic}') FORMAT JSON
        WITH (ON ERROR = FAIL)`,
    );
    await rig().client.query(
      `CREATE MATERIALIZED VIEW ${topic}_view AS SELECT count(id) AS n, max(t) AS t FROM ${topic}`,
    );
    const error = await comesToFail(`SELECT * FROM ${topic}_view`);
    expect(error).toMatch(message);
    expect(error).toContain(topic);
    expect(await rig().rows('SELECT 1')).toEqual([[1]]);
  });

  it('a record without a key under UPSERT', async () => {
    rig().broker.createTopic('keyless', 1);
    await rig().produce('keyless', 0, [
      { key: 'a', value: '{"v": 1}' },
      { key: null, value: '{"v": 2}' },
    ]);
    await rig().client
      .query(`CREATE SOURCE keyless (v int8) FROM KAFKA CONNECTION k (TOPIC 'keyless')
      KEY FORMAT TEXT VALUE FORMAT JSON ENVELOPE UPSERT WITH (ON ERROR = FAIL)`);
    expect(await comesToFail('SELECT * FROM keyless')).toMatch(/keyless.*offset 1/);
  });

  it('a record of 10 MB is read', async () => {
    rig().broker.createTopic('huge', 1);
    await rig().produce('huge', 0, [{ value: 'x'.repeat(10_000_000) }, { value: 'small' }]);
    await rig().client.query(
      `CREATE SOURCE huge FROM KAFKA CONNECTION k (TOPIC 'huge') FORMAT TEXT`,
    );
    await rig().client.query(
      'CREATE MATERIALIZED VIEW huge_view AS SELECT length(text) AS n FROM huge',
    );
    expect(
      await rig().until('SELECT n FROM huge_view ORDER BY n', (rows) => rows.length === 2),
    ).toEqual([[5], [10_000_000]]);
  });
});

describe('Kafka that is not there', () => {
  it('a broker: CREATE CONNECTION or CREATE SOURCE names the address', async () => {
    let error = await failure(`CREATE CONNECTION nowhere TO KAFKA (BROKER '127.0.0.1:1')`);
    if (error === 'no error')
      error = await failure(
        `CREATE SOURCE nothing FROM KAFKA CONNECTION nowhere (TOPIC 't') FORMAT TEXT`,
      );
    expect(error).toContain('127.0.0.1:1');
  });

  it('a topic: its source says so, and goes on when it comes', async () => {
    await rig().client.query(
      `CREATE SOURCE absent FROM KAFKA CONNECTION k (TOPIC 'not_there') FORMAT TEXT`,
    );
    await rig().client.query('CREATE MATERIALIZED VIEW absent_view AS SELECT text FROM absent');
    const status = await rig().until(
      `SELECT status, error FROM mz_internal.mz_source_statuses WHERE name = 'absent'`,
      (rows) => typeof rows[0]?.[1] === 'string',
    );
    expect(status).toEqual([['stalled', 'topic "not_there" does not exist yet']]);
    rig().broker.createTopic('not_there', 1);
    await rig().produce('not_there', 0, [{ value: 'there' }]);
    expect(await rig().until('SELECT text FROM absent_view', (rows) => rows.length > 0)).toEqual([
      ['there'],
    ]);
  });
});

describe('an engine that ends', () => {
  /** A line on which nothing is answered, and that breaks. */
  class BrokenLink implements EngineLink {
    #handler: (response: HostResponse) => void = () => undefined;
    sent: HostCommand[] = [];

    receive(handler: (response: HostResponse) => void): void {
      this.#handler = handler;
    }

    send(command: HostCommand): void {
      this.sent.push(command);
    }

    crash(): void {
      this.#handler({ kind: 'crashed', message: 'out of luck' });
    }

    close(): Promise<void> {
      return Promise.resolve();
    }
  }

  it('fails what waits for it and what comes after, and says so', async () => {
    const link = new BrokenLink();
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const millrace = await Millrace.start({
      host: '127.0.0.1',
      port: 0,
      clock: realClock,
      entropy: realEntropy,
      log: silent,
      link,
    });
    const client = new pg.Client({
      host: '127.0.0.1',
      port: millrace.port,
      user: 'materialize',
      database: 'materialize',
    });
    client.on('error', () => undefined);
    await client.connect();
    const waiting = client
      .query('SELECT * FROM generate_series(1, 10)')
      .then(() => 'an answer', String);
    while (link.sent.length === 0) await sleep(5);
    await sleep(50);
    link.crash();
    expect(await waiting).toMatch(/the dataflow thread has ended: out of luck/);
    expect(await millrace.crashed).toBe('out of luck');
    expect(
      await client.query('SELECT * FROM generate_series(1, 10)').then(() => 'an answer', String),
    ).toMatch(/has ended: out of luck/);
    await client.end();
    await millrace.stop();
  });
});
