/**
 * Goal: whatever a client does, others are served, memory stays bounded, and nothing is left
 * behind. Method: a whole server; what the engine holds before must be what it holds afterwards.
 */
import { serialize } from 'pg-protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import { Millrace } from '../../src/cli/millrace.ts';
import { Random } from '../support/random.ts';
import { WireClient } from './wire-client.ts';

const silent = {
  info: () => undefined,
  warn: () => undefined,
  error: (message: string) => {
    throw new Error(message);
  },
};
let server: Millrace;

beforeAll(async () => {
  server = await Millrace.start({
    host: '127.0.0.1',
    port: 0,
    clock: realClock,
    entropy: realEntropy,
    log: silent,
  });
  const client = await WireClient.open(server.port);
  await client.query('CREATE TABLE big (a int, b text)');
  await client.query(
    "INSERT INTO big SELECT g, repeat('x', 100) FROM generate_series(1, 30000) AS x (g)",
  );
  client.destroy();
});

afterAll(() => server.stop());

const startup = serialize.startup({ user: 'tester', database: 'materialize' });
const { parse, bind, describe: describeMessage, execute, sync, query } = serialize;

/** Dataflows, holds and slabs of the engine, once they have come to rest. */
async function held(): Promise<string> {
  const { dataflows, collections } = await server.coordinator.engine.statistics();
  return JSON.stringify([
    dataflows.length,
    collections.map(({ collection, holds }) => [collection, holds]),
  ]);
}

async function comesToRest(before: string): Promise<string> {
  for (let i = 0; i < 100 && (await held()) !== before; i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return held();
}

const conversation = Buffer.concat([
  startup,
  parse({ name: 's', text: 'SELECT $1::int + 1 AS a' }),
  describeMessage({ type: 'S', name: 's' }),
  bind({ statement: 's', values: ['41'] }),
  execute(),
  sync(),
  query('SELECT 1 AS b; SELECT 2 AS c'),
]);
const answer = [
  '1',
  't 23',
  'T a',
  '2',
  'D 42',
  'C SELECT 1',
  'Z I',
  'T b',
  'D 1',
  'C SELECT 1',
  'T c',
  'D 2',
  'C SELECT 1',
  'Z I',
];

async function converse(pieces: readonly Uint8Array[]): Promise<readonly string[]> {
  const client = await WireClient.raw(server.port);
  for (const piece of pieces) {
    client.send(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.until('Z');
  const lines = [...(await client.until('Z')), ...(await client.until('Z'))];
  client.destroy();
  return lines;
}

describe('frames', () => {
  it('may come in one piece or byte by byte', async () => {
    expect(await converse([conversation])).toEqual(answer);
    expect(await converse(Array.from(conversation, (byte) => Uint8Array.of(byte)))).toEqual(answer);
  });

  it('may be cut anywhere', async () => {
    const random = new Random(7);
    for (let round = 0; round < 10; round++) {
      const cuts = Array.from({ length: 5 }, () => random.below(conversation.length)).sort(
        (a, b) => a - b,
      );
      const pieces = [0, ...cuts].map((cut, i) =>
        conversation.subarray(cut, cuts[i] ?? conversation.length),
      );
      expect(await converse(pieces)).toEqual(answer);
    }
  });

  it('with lying lengths end the connection, after what came before was answered', async () => {
    for (const [bytes, code] of [
      ['5100000003', '08P01'],
      ['517fffffff', '54000'],
      ['51ffffffff', '08P01'],
    ] as const) {
      const client = await WireClient.open(server.port);
      client.send(Buffer.concat([query('SELECT 1'), Buffer.from(bytes, 'hex')]));
      const lines = await client.until('closed');
      expect(lines.slice(0, 4)).toEqual(['T ?column?', 'D 1', 'C SELECT 1', 'Z I']);
      expect(lines[4]).toMatch(new RegExp(`^E ${code} `));
    }
  });

  it('that are random end the connection and nothing else', async () => {
    const random = new Random(11);
    for (let round = 0; round < 30; round++) {
      const client =
        round % 2 === 0 ? await WireClient.raw(server.port) : await WireClient.open(server.port);
      client.send(Uint8Array.from({ length: 200 }, () => random.below(256)));
      client.destroy();
    }
    expect(await converse([conversation])).toEqual(answer);
  });

  it('of a huge statement are taken and let go', async () => {
    const client = await WireClient.open(server.port);
    const lines = await client.query(`SELECT length('${'x'.repeat(16_000_000)}') AS n`);
    expect(lines).toEqual(['T n', 'D 16000000', 'C SELECT 1', 'Z I']);
    client.destroy();
  });
});

describe('clients that go away', () => {
  it('leave nothing behind', async () => {
    const before = await held();
    for (const text of [
      'SELECT count(*) FROM big x, big y WHERE x.a + y.a < 0',
      'SUBSCRIBE big',
      'COPY (SUBSCRIBE big) TO STDOUT',
      'COPY big FROM STDIN',
      'BEGIN; SELECT count(*) FROM big',
      'SELECT * FROM big',
      'BEGIN; DECLARE c CURSOR FOR SUBSCRIBE big; FETCH 1 c',
    ]) {
      const client = await WireClient.open(server.port);
      client.send(query(text));
      await new Promise((resolve) => setTimeout(resolve, 30));
      client.destroy();
    }
    expect(await comesToRest(before)).toBe(before);
  });
});

describe('a client that does not read', () => {
  it('holds back its own answer, and no one else', async () => {
    const client = await WireClient.open(server.port);
    client.pause();
    client.send(query('SELECT x.b FROM big x, big y WHERE y.a <= 5'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await converse([conversation])).toEqual(answer);
    client.resume();
    const lines = await client.until('Z');
    expect(lines.at(-2)).toBe('C SELECT 150000');
    client.destroy();
  });

  it('is not read either while its messages wait', async () => {
    const client = await WireClient.open(server.port);
    const many = Buffer.concat(Array.from({ length: 5_000 }, () => query('SELECT 1')));
    client.pause();
    client.send(many);
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.resume();
    for (let i = 0; i < 5_000; i++) expect((await client.until('Z')).length).toBe(4);
    client.destroy();
  });
});

describe('stopping the server', () => {
  it('tells its clients', async () => {
    const other = await Millrace.start({
      host: '127.0.0.1',
      port: 0,
      clock: realClock,
      entropy: realEntropy,
      log: silent,
    });
    const client = await WireClient.open(other.port);
    const stopped = other.stop();
    expect(await client.until('closed')).toEqual([
      'E 57P01 terminating connection due to administrator command',
      'closed',
    ]);
    await stopped;
  });
});
