/**
 * Goal: COPY FROM STDIN ends with its statement: by statement_timeout or a CancelRequest, even if
 * the client sends nothing, and the session goes on. Method: a client that begins and falls silent.
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
  await client.query('CREATE TABLE t (a int)');
});

afterAll(async () => {
  client.destroy();
  await server.stop();
});

it('ends a COPY whose client sends nothing', async () => {
  await client.query('SET statement_timeout = 100');
  client.send(serialize.query('COPY t FROM STDIN'));
  expect(await client.until('Z')).toEqual([
    'G',
    'E 57014 canceling statement due to statement timeout',
    'Z I',
  ]);
  // What comes late belongs to the COPY that has ended.
  client.send(serialize.copyData(Buffer.from('1\n')), serialize.copyDone());
  await client.query('SET statement_timeout = 0');
  expect(await client.query('SELECT count(*) FROM t')).toEqual([
    'T count',
    'D 0',
    'C SELECT 1',
    'Z I',
  ]);
});

it('does not end one that is done in time', async () => {
  await client.query("SET statement_timeout = '10s'");
  client.send(serialize.query('COPY t FROM STDIN'));
  await client.until('G');
  client.send(serialize.copyData(Buffer.from('1\n')), serialize.copyDone());
  expect(await client.until('Z')).toEqual(['C COPY 1', 'Z I']);
});
