/**
 * Goal: COPY in binary gives and takes every type, and a cursor can be moved. Method: a real server
 * and `pg`, whose connection is driven by hand for COPY; what goes out comes in again as it was.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from 'node:net';
import { serialize } from 'pg-protocol';
import pg from 'pg';
import type { Millrace } from '../../src/cli/millrace.ts';
import { startQuietServer } from './quiet-server.ts';

let server: Millrace;
let client: pg.Client;

beforeAll(async () => {
  server = await startQuietServer();
  client = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'test' });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await server.stop();
});

/** Messages of the server after `request`, up to ReadyForQuery; `data` is sent when it is asked for. */
async function exchange(request: string, data: Uint8Array | null): Promise<[string, Buffer][]> {
  const socket = connect({ port: server.port });
  socket.write(serialize.startup({ user: 'test', database: 'materialize' }));
  let pending = Buffer.alloc(0);
  let asked = false;
  const messages: [string, Buffer][] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length > pending.readInt32BE(1)) {
      const length = pending.readInt32BE(1) + 1;
      const kind = pending.toString('latin1', 0, 1);
      if (asked) messages.push([kind, Buffer.from(pending.subarray(5, length))]);
      pending = pending.subarray(length);
      if (kind === 'G' && data !== null) {
        // In pieces that no row ends with.
        for (let at = 0; at < data.length; at += 7)
          socket.write(serialize.copyData(Buffer.from(data.subarray(at, at + 7))));
        socket.write(serialize.copyDone());
      }
      if (kind !== 'Z') continue;
      if (asked) {
        socket.end(serialize.end());
        return messages;
      }
      asked = true;
      socket.write(serialize.query(request));
    }
  }
  throw new Error('the server has closed the connection');
}

const columns = [
  "1::int2 AS a, 2::int4 AS b, -3::int8 AS c, 1.5::float4 AS d, '-inf'::float8 AS e, 12.340 AS f",
  "'täxt'::text AS g, 'v'::varchar(3) AS h, '\\xdead'::bytea AS i, date '2024-02-29' AS j",
  "time '10:11:12.5' AS k, timestamp 'infinity' AS l, timestamptz '2024-01-01 00:00:01+02' AS m",
  "interval '1 mon 2 days 3 s' AS n, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS o",
  `'{"a": [1, null]}'::jsonb AS p, true AS q, array[1, null, 3] AS r, NULL::int4 AS s`,
].join(', ');

it('gives rows in binary and takes them again', async () => {
  await client.query(
    `CREATE TABLE b (a int2, b int4, c int8, d float4, e float8, f numeric, g text, h varchar(3),
       i bytea, j date, k time, l timestamp, m timestamptz, n interval, o uuid, p jsonb, q bool,
       r int4[], s int4)`,
  );
  const out = await exchange(`COPY (SELECT ${columns}) TO STDOUT (FORMAT binary)`, null);
  expect(out.map(([kind]) => kind).join('')).toBe('HdddcCZ');
  expect(out[0]?.[1].subarray(0, 5)).toEqual(Buffer.from([1, 0, 19, 0, 1]));
  const bytes = Buffer.concat(out.filter(([kind]) => kind === 'd').map(([, body]) => body));
  expect(bytes.subarray(0, 7).toString('latin1')).toBe('PGCOPY\n');
  const into = await exchange('COPY b FROM STDIN (FORMAT binary)', bytes);
  expect(into.map(([kind]) => kind).join('')).toBe('GCZ');
  expect(into[1]?.[1].toString()).toBe('COPY 1\0');
  const text = { rowMode: 'array', types: { getTypeParser: () => String } } as const;
  const stored = await client.query({ ...text, text: 'SELECT * FROM b' });
  const expected = await client.query({ ...text, text: `SELECT ${columns}` });
  expect(stored.rows).toEqual(expected.rows);
});

it('says which column is wrong', async () => {
  await client.query('CREATE TABLE one (a int4)');
  const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  const row = Buffer.from([0, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5]);
  const refused = await exchange(
    'COPY one FROM STDIN (FORMAT binary)',
    Buffer.concat([header, row]),
  );
  const error = refused.find(([kind]) => kind === 'E')?.[1].toString() ?? '';
  expect(error).toContain('22P03');
  expect(error).toContain('COPY one, line 1, column a');
  await expect(client.query('COPY one TO STDOUT (FORMAT binary, HEADER)')).rejects.toThrow(
    'cannot specify HEADER in BINARY mode',
  );
});

it('moves a cursor past rows', async () => {
  await client.query('BEGIN');
  await client.query(
    'DECLARE c CURSOR FOR SELECT x FROM generate_series(1, 10) AS g(x) ORDER BY x',
  );
  expect((await client.query('MOVE 3 IN c')).command).toBe('MOVE');
  const { rows } = await client.query<{ x: number }>('FETCH 2 c');
  expect(rows.map(({ x }) => x)).toEqual([4, 5]);
  const { rowCount, rows: none } = await client.query('MOVE ALL c');
  expect([rowCount, none]).toEqual([5, []]);
  await expect(client.query('MOVE BACKWARD 1 IN c')).rejects.toThrow(
    'MOVE BACKWARD is not supported',
  );
  await client.query('ROLLBACK');
});
