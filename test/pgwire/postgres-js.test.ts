/**
 * Goal: postgres.js works against a whole server: it describes every statement before it binds, and
 * sends parameters by the types that it is told. Method: what its users do, each with its answer.
 */
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Millrace } from '../../src/cli/millrace.ts';
import { startQuietServer } from './quiet-server.ts';

let server: Millrace;
let sql: postgres.Sql;

beforeAll(async () => {
  server = await startQuietServer();
  sql = postgres({ host: '127.0.0.1', port: server.port, user: 'u', database: 'materialize' });
  await sql`CREATE TABLE person (id int PRIMARY KEY, name text, tags text[], doc jsonb)`;
});

afterAll(async () => {
  await sql.end();
  await server.stop();
});

describe('queries', () => {
  it('take parameters of every kind', async () => {
    const at = new Date('2024-07-01T12:00:00.000Z');
    const [row] = await sql`
      SELECT ${1}::int AS i, ${'x'}::text AS t, ${true}::bool AS b, ${1.5}::float8 AS f,
        ${'12.50'}::numeric AS n, ${at}::timestamptz AS at, ${Buffer.from('ab')}::bytea AS y,
        ${sql.json({ a: [1, null] })}::jsonb AS j, ${null}::text AS none,
        ${9007199254740993n.toString()}::int8 AS big`;
    expect(row).toEqual({
      i: 1,
      t: 'x',
      b: true,
      f: 1.5,
      n: '12.50',
      at,
      y: Buffer.from('ab'),
      j: { a: [1, null] },
      none: null,
      big: '9007199254740993',
    });
  });

  it('take and give arrays', async () => {
    const [row] = await sql`SELECT ${[1, 2, 3]}::int[] AS n, ${['a', 'b "c"']}::text[] AS t`;
    expect(row).toEqual({ n: [1, 2, 3], t: ['a', 'b "c"'] });
    expect(await sql`SELECT 1 AS found WHERE 2 = ANY(${[1, 2]}::int[])`).toHaveLength(1);
  });

  it('insert lists of objects and update by helpers', async () => {
    const people = [
      { id: 1, name: 'Ada', tags: ['x'], doc: sql.json({ k: 1 }) },
      { id: 2, name: 'Bob', tags: [], doc: sql.json(null) },
    ];
    const made = await sql`INSERT INTO person ${sql(people)} RETURNING id`;
    expect(made.map(({ id }: { id?: number }) => id)).toEqual([1, 2]);
    const changed = await sql`UPDATE person SET ${sql({ name: 'Eve' })} WHERE id = ${2}`;
    expect(changed.count).toBe(1);
    expect(await sql`SELECT name FROM person WHERE id IN ${sql([1, 2])} ORDER BY id`).toEqual([
      { name: 'Ada' },
      { name: 'Eve' },
    ]);
  });

  it('run several statements as a simple query, and text that is not a template', async () => {
    const results = await sql`SELECT 1 AS a; SELECT 2 AS b`.simple();
    expect(results).toMatchObject([[{ a: 1 }], [{ b: 2 }]]);
    expect(await sql.unsafe('SELECT $1::int + 1 AS n', [41])).toEqual([{ n: 42 }]);
  });

  it('report errors with their code, and go on', async () => {
    await expect(sql`SELECT nosuch`).rejects.toMatchObject({ code: '42703', position: '8' });
    await expect(sql`SELECT ${'x'}::int`).rejects.toMatchObject({ code: '22P02' });
    expect(await sql`SELECT 1 AS a`).toEqual([{ a: 1 }]);
  });
});

describe('more than one answer', () => {
  it('comes by cursor, in parts', async () => {
    const parts: number[] = [];
    await sql`SELECT g FROM generate_series(1, 25) AS x (g)`.cursor(10, (rows) => {
      parts.push(rows.length);
    });
    expect(parts).toEqual([10, 10, 5]);
  });

  it('comes by SUBSCRIBE through a cursor', async () => {
    const seen: unknown[] = [];
    await sql`CREATE TABLE tick (a int)`;
    await sql`INSERT INTO tick VALUES (1), (2)`;
    const changes = sql`SUBSCRIBE (SELECT a FROM tick)`.cursor(1);
    for await (const [row] of changes) {
      seen.push(row?.['a']);
      if (seen.length === 2) break;
    }
    expect(seen.sort()).toEqual([1, 2]);
  });

  it('can be cancelled', async () => {
    const sleeping = sql`SELECT pg_sleep(60)`.execute();
    setTimeout(() => void sleeping.cancel(), 100);
    await expect(sleeping).rejects.toMatchObject({ code: '57014' });
  });
});

describe('transactions and COPY', () => {
  it('commit or undo what they inserted', async () => {
    await sql`CREATE TABLE account (id int)`;
    await sql.begin(async (inside) => {
      await inside`INSERT INTO account VALUES (1)`;
      await inside`INSERT INTO account VALUES (2)`;
    });
    const undone = sql.begin(async (inside) => {
      await inside`INSERT INTO account VALUES (3)`;
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    expect(await sql`SELECT count(*)::int AS n FROM account`).toEqual([{ n: 2 }]);
  });

  it('stream rows in and out', async () => {
    await sql`CREATE TABLE copied (a int, b text)`;
    await pipeline(
      Readable.from(['1\tx\n2', '\ty\n']),
      await sql`COPY copied FROM STDIN`.writable(),
    );
    let text = '';
    const sink = new Writable({
      write(chunk: Buffer, _, done) {
        text += chunk.toString();
        done();
      },
    });
    await pipeline(await sql`COPY copied TO STDOUT`.readable(), sink);
    expect(text.split('\n').sort()).toEqual(['', '1\tx', '2\ty']);
  });
});
