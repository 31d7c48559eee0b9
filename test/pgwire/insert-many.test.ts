/**
 * Goal: an INSERT of many literals, which goes a short way in slices, does to a table what every
 * INSERT does. Method: statements of thousands of rows over the wire, right ones and wrong ones,
 * in both protocols and in blocks; a neighbour who asks meanwhile must be answered before the end.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Millrace } from '../../src/cli/millrace.ts';
import { startQuietServer } from './quiet-server.ts';

let server: Millrace;
let client: pg.Client;

async function open(): Promise<pg.Client> {
  const opened = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'u' });
  await opened.connect();
  return opened;
}

const count = 5_000;

function insert(make: (i: number) => string): string {
  return `INSERT INTO item VALUES ${Array.from({ length: count }, (_, i) => make(i)).join(', ')}`;
}

async function failure(sql: string): Promise<string> {
  const done = client.query(sql).then(() => 'no error');
  return done.catch((error: unknown) =>
    error instanceof pg.DatabaseError ? `${error.code} ${error.message}` : String(error),
  );
}

async function answer(sql: string): Promise<unknown> {
  return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows[0];
}

beforeAll(async () => {
  server = await startQuietServer();
  client = await open();
  await client.query(
    'CREATE TABLE item (id int8 PRIMARY KEY, name text NOT NULL, price numeric(10,2) DEFAULT 7)',
  );
});

afterAll(async () => {
  await client.end();
  await server.stop();
});

describe('an INSERT of many literals', () => {
  it('adds its rows, and lets others in meanwhile', async () => {
    const other = await open();
    let inserted = false;
    const done = client
      .query(insert((i) => `(${i}, 'n''${i}', ${i % 2 === 0 ? 'DEFAULT' : `-${i}.5`})`))
      .then(({ rowCount }) => {
        inserted = true;
        return rowCount;
      });
    let answered = 0;
    while (!inserted) {
      await other.query('SELECT 1');
      answered++;
    }
    expect(await done).toBe(count);
    expect(answered).toBeGreaterThan(3);
    expect(await answer('SELECT count(*), min(price), max(price), max(name) FROM item')).toEqual([
      String(count),
      '-4999.50',
      '7.00',
      "n'999",
    ]);
    await other.end();
  });

  it('adds nothing if a row is wrong', async () => {
    const last = count - 1;
    expect(await failure(insert((i) => `(${i}, 'again')`))).toMatch(/^23505 /);
    expect(await failure(insert((i) => `(${i + count}, ${i === last ? 'NULL' : "'a'"})`))).toBe(
      '23502 null value in column "name" of relation "item" violates not-null constraint',
    );
    expect(await failure(insert((i) => `(${i === last ? "'x'" : i + count}, 'a')`))).toBe(
      '22P02 invalid input syntax for type bigint: "x"',
    );
    expect(await answer('SELECT count(*) FROM item')).toEqual([String(count)]);
  });

  it('waits for the end of its block', async () => {
    await client.query('BEGIN');
    await client.query(insert((i) => `(${i + count}, 'b')`));
    await client.query('ROLLBACK');
    expect(await answer('SELECT count(*) FROM item')).toEqual([String(count)]);
    await client.query('BEGIN');
    await client.query(insert((i) => `(${i + count}, 'b')`));
    await client.query('COMMIT');
    expect(await answer('SELECT count(*) FROM item')).toEqual([String(2 * count)]);
  });

  it('goes through the extended protocol too', async () => {
    const text = insert((i) => `(${i + 2 * count}, 'c', ${i}.25)`);
    expect((await client.query({ text, name: 'many' })).rowCount).toBe(count);
    expect(await answer('SELECT count(*) FROM item')).toEqual([String(3 * count)]);
  });
});
