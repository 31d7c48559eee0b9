/**
 * Goal: functions that a query calls for what they do: other sessions are cancelled and ended,
 * settings set, and random values differ from call to call; views refuse them by name. Method: two
 * sessions of a whole server.
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

/** The first row's values, or the error's code and message. */
async function ask(sql: string, values: readonly unknown[] = []): Promise<unknown> {
  try {
    const { rows } = await client.query<unknown[]>({
      text: sql,
      rowMode: 'array',
      values: [...values],
    });
    return rows[0];
  } catch (error) {
    if (error instanceof pg.DatabaseError) return `${error.code} ${error.message}`;
    throw error;
  }
}

beforeAll(async () => {
  server = await startQuietServer();
  client = await open();
  await client.query('CREATE TABLE t (id uuid DEFAULT gen_random_uuid(), a int)');
});

afterAll(async () => {
  await client.end();
  await server.stop();
});

describe('signals', () => {
  it('cancel what another session runs, and it goes on', async () => {
    const other = await open();
    const pid = (await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    const sleeping = other.query('SELECT pg_sleep(60)').catch((error: unknown) => error);
    expect(await ask('SELECT pg_cancel_backend($1)', [pid])).toEqual([true]);
    expect(await sleeping).toMatchObject({ code: '57014' });
    expect((await other.query('SELECT 1 AS a')).rows).toEqual([{ a: 1 }]);
    await other.end();
    expect(await ask('SELECT pg_cancel_backend(1)')).toEqual([false]);
  });

  it('end another session', async () => {
    const other = await open();
    const ended = new Promise<Error>((resolve) => other.on('error', resolve));
    const pid = (await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    expect(await ask(`SELECT pg_terminate_backend(${String(pid)})`)).toEqual([true]);
    expect(await ended).toMatchObject({ code: '57P01' });
  });

  it('need a number that is known when the query is planned', async () => {
    expect(await ask('SELECT pg_terminate_backend(pid) FROM pg_stat_activity')).toBe(
      '0A000 pg_terminate_backend() of an expression is not supported',
    );
  });
});

describe('settings', () => {
  it('are set and read by functions; EXPLAIN sets nothing', async () => {
    expect(await ask("SELECT set_config('application_name', 'x', false)")).toEqual(['x']);
    await client.query("EXPLAIN SELECT set_config('application_name', 'y', false)");
    expect(await ask("SELECT current_setting('application_name')")).toEqual(['x']);
    expect(await ask("SELECT set_config('nosuch', 'y', false)")).toBe(
      '42704 unrecognized configuration parameter "nosuch"',
    );
    await client.query('BEGIN');
    await client.query("SELECT set_config('application_name', 'z', true)");
    await client.query('COMMIT');
    expect(await ask("SELECT current_setting('application_name')")).toEqual(['x']);
  });

  it('bound how long a block may be idle', async () => {
    const other = await open();
    const ended = new Promise<Error>((resolve) => other.on('error', resolve));
    await other.query('SET idle_in_transaction_session_timeout = 50');
    await other.query('BEGIN');
    expect(await ended).toMatchObject({ code: '25P03' });
  });
});

describe('values of the moment', () => {
  it('differ from call to call', async () => {
    expect(await ask('SELECT random() <> random(), random() BETWEEN 0 AND 1')).toEqual([
      true,
      true,
    ]);
    await client.query('INSERT INTO t (a) VALUES (1), (2)');
    expect(await ask('SELECT count(DISTINCT id) FROM t')).toEqual(['2']);
    expect(await ask("SELECT gen_random_uuid()::text ~ '^.{14}4.{4}[89ab].{16}$'")).toEqual([true]);
    expect(await ask('SELECT clock_timestamp() >= now(), mz_now() > 1e12')).toEqual([true, true]);
  });

  it('are refused for each row of FROM, and in views by name', async () => {
    expect(await ask('SELECT random() FROM t')).toBe(
      '0A000 random() for each row of FROM is not supported',
    );
    for (const name of ['random', 'gen_random_uuid', 'clock_timestamp', 'mz_now', 'now']) {
      expect(await ask(`CREATE VIEW v AS SELECT ${name}()`)).toBe(
        `0A000 ${name}() in a query that is kept up to date is not supported`,
      );
    }
  });
});

describe('a table that goes while a block writes into it', () => {
  it('fails the COMMIT', async () => {
    await client.query('CREATE TABLE gone (a int)');
    const other = await open();
    await other.query('BEGIN');
    await other.query('INSERT INTO gone VALUES (1)');
    await client.query('DROP TABLE gone');
    await expect(other.query('COMMIT')).rejects.toMatchObject({
      code: '40001',
      message: 'table "gone" was dropped by another session',
    });
    expect((await other.query('SELECT 1 AS a')).rows).toEqual([{ a: 1 }]);
    await other.end();
  });
});

describe('the errors of a view', () => {
  it('are reported by the first and their number', async () => {
    await client.query('CREATE TABLE divisor (a int)');
    await client.query('CREATE MATERIALIZED VIEW quotient AS SELECT 1 / a AS q FROM divisor');
    await client.query('INSERT INTO divisor VALUES (0), (0), (1)');
    await expect(client.query('SELECT * FROM quotient')).rejects.toMatchObject({
      code: '22012',
      message: 'division by zero',
      detail: '2 rows fail; this is the first error.',
    });
    await client.query('DELETE FROM divisor WHERE a = 0');
    expect(await ask('SELECT q FROM quotient')).toEqual([1]);
  });
});

describe('names that are words of the language', () => {
  it('are quoted by SHOW CREATE', async () => {
    await client.query('CREATE TABLE "order" ("select" int)');
    expect(await ask('SHOW CREATE TABLE "order"')).toEqual([
      'public."order"',
      'CREATE TABLE public."order" ("select" integer)',
    ]);
  });
});
