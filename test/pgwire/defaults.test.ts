/**
 * Goal: a column's DEFAULT means the same whoever writes and by whatever way: its literals of dates
 * and times are those of UTC, making one where another zone would matter is refused, and what is
 * random differs from row to row. Method: a session in UTC makes tables, one in another zone writes
 * by INSERT (of few rows and of many) and by COPY. Postgres reads such a literal when it makes the
 * table.
 */
import { serialize } from 'pg-protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Millrace } from '../../src/cli/millrace.ts';
import { startQuietServer } from './quiet-server.ts';
import { WireClient } from './wire-client.ts';

let server: Millrace;
let client: WireClient;

beforeAll(async () => {
  server = await startQuietServer();
  client = await WireClient.open(server.port);
});

afterAll(async () => {
  client.destroy();
  await server.stop();
});

async function ok(sql: string): Promise<void> {
  const lines = await client.query(sql);
  expect(lines.filter((line) => line.startsWith('E'))).toEqual([]);
}

/** COPY of these lines, up to the answer. */
async function copy(sql: string, data: string): Promise<void> {
  const done = client.query(sql);
  client.send(serialize.copyData(Buffer.from(data)));
  client.send(serialize.copyDone());
  expect((await done).filter((line) => line.startsWith('E'))).toEqual([]);
}

it('reads its literals in UTC, whoever writes', async () => {
  await ok(`CREATE TABLE visit (a int, at timestamptz DEFAULT '2024-07-01 12:00')`);
  await ok(`SET TimeZone TO 'Europe/Berlin'`);
  await ok('INSERT INTO visit VALUES (1)');
  await ok(`INSERT INTO visit VALUES ${new Array(300).fill('(2, DEFAULT)').join(',')}`);
  await copy('COPY visit (a) FROM STDIN', '3\n');
  await ok('INSERT INTO visit (a) SELECT 4');
  await ok('UPDATE visit SET at = DEFAULT WHERE a = 1');
  await ok('RESET TimeZone');
  expect(await client.query('SELECT DISTINCT at FROM visit')).toContain('D 2024-07-01 12:00:00+00');
  expect(await client.query('SELECT count(DISTINCT at) FROM visit')).toContain('D 1');
});

it('is refused where another zone would matter, or the clock', async () => {
  await ok(`SET TimeZone TO 'Europe/Berlin'`);
  expect(await client.query(`CREATE TABLE w (at timestamptz DEFAULT '2024-07-01')`)).toContain(
    `E 0A000 timestamp with time zone '2024-07-01' without a zone in a DEFAULT made in time zone Europe/Berlin is not supported`,
  );
  await ok(
    `CREATE TABLE w (at timestamptz DEFAULT '2024-07-01 12:00+02', day date DEFAULT '2024-07-01')`,
  );
  await ok('RESET TimeZone');
  const lines = await client.query(`CREATE TABLE x (at timestamptz DEFAULT 'now')`);
  expect(lines).toContain(`E 0A000 'now' in a DEFAULT is not supported`);
  await ok('CREATE TABLE x (at timestamptz DEFAULT now())');
});

it('applies the length of its column and differs from row to row in COPY too', async () => {
  await ok(
    'CREATE TABLE r (a int, n numeric(4,1) DEFAULT 1.25, id uuid DEFAULT gen_random_uuid())',
  );
  await copy('COPY r (a) FROM STDIN', '1\n2\n3\n');
  expect(await client.query('SELECT count(DISTINCT id), min(n) FROM r')).toContain('D 3|1.3');
});
