/**
 * Goal: dates and times mean what they mean in Postgres in a session whose zone is not UTC, and a
 * view means the same to every session. Method: expressions with their answers written down from a
 * Postgres 15, gaps and overlaps of summer time among them; then what is our own: how views, COPY,
 * parameters and the settings themselves take the zone.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/source-files.ts';
import { startQuietServer } from './quiet-server.ts';
import type { Millrace } from '../../src/cli/millrace.ts';
import { WireClient } from './wire-client.ts';

let server: Millrace;
let client: pg.Client;

beforeAll(async () => {
  server = await startQuietServer();
  client = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'u' });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await server.stop();
});

const text = { getTypeParser: () => (value: string) => value };

/** The text of one value, or its error. */
async function value(sql: string, values: readonly unknown[] = []): Promise<string> {
  try {
    const result = await client.query<unknown[]>({
      text: sql,
      rowMode: 'array',
      types: text,
      values: [...values],
    });
    return String(result.rows[0]?.[0] ?? '\\N');
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return `ERR ${error.code} ${error.message}`;
  }
}

const cases = readFileSync(join(root, 'test/pgwire/session-zone-cases.tsv'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t'));

describe('expressions', () => {
  it('mean what they mean in Postgres', async () => {
    const wrong: string[] = [];
    for (const [zone = '', expression = '', answer = ''] of cases) {
      await client.query(`SET TimeZone TO '${zone}'`);
      const got = await value(`SELECT ${expression} AS x`);
      if (got !== answer) wrong.push(`${zone}: ${expression}: ${got}, not ${answer}`);
    }
    expect(cases.length).toBeGreaterThan(100);
    expect(wrong).toEqual([]);
  });
});

describe('settings', () => {
  it('take names, offsets, intervals and DEFAULT, and report what changed', async () => {
    const wire = await WireClient.open(server.port);
    const zoneAfter = async (sql: string): Promise<readonly string[]> =>
      (await wire.query(sql)).filter((line) => /^(S|E)/.test(line));
    try {
      expect(await zoneAfter("SET TIME ZONE 'Europe/Berlin'")).toEqual([
        'S TimeZone Europe/Berlin',
      ]);
      expect(await zoneAfter('SET TIME ZONE 2')).toEqual(['S TimeZone <+02>-02']);
      expect(await zoneAfter("SET TIME ZONE INTERVAL '-03:30' HOUR TO MINUTE")).toEqual([
        'S TimeZone <-03:30>+03:30',
      ]);
      expect(await zoneAfter("SET TIME ZONE INTERVAL '1 day'")).toEqual([
        'E 22023 Cannot specify days in time zone interval.',
      ]);
      expect(await zoneAfter('SET TIME ZONE LOCAL')).toEqual(['S TimeZone UTC']);
      expect(await zoneAfter("SET TimeZone = 'Mars/Olympus'")).toEqual([
        'E 22023 invalid value for parameter "TimeZone": "Mars/Olympus"',
      ]);
      expect(await zoneAfter("BEGIN; SET LOCAL TimeZone = 'Asia/Tokyo'; COMMIT")).toEqual([]);
      expect(await zoneAfter("BEGIN; SET TimeZone = 'Asia/Tokyo'; ROLLBACK")).toEqual([]);
    } finally {
      wire.destroy();
    }
  });

  it('come from the start-up message, and RESET goes back to it', async () => {
    const berlin = new pg.Client({
      host: '127.0.0.1',
      port: server.port,
      user: 'u',
      options: '-c TimeZone=Europe/Berlin',
    });
    await berlin.connect();
    try {
      await berlin.query('SET TimeZone TO UTC');
      await berlin.query('RESET TimeZone');
      const { rows } = await berlin.query<{ TimeZone: string }>('SHOW TimeZone');
      expect(rows).toEqual([{ TimeZone: 'Europe/Berlin' }]);
    } finally {
      await berlin.end();
    }
  });
});

describe('values on their way', () => {
  it('are read and written in the zone: parameters, COPY, a prepared statement', async () => {
    await client.query("SET TimeZone TO 'Europe/Berlin'");
    expect(await value('SELECT $1::timestamptz AT TIME ZONE $2', ['2024-07-01 12:00', 'UTC'])).toBe(
      '2024-07-01 10:00:00',
    );
    await client.query('CREATE TABLE moment (id int PRIMARY KEY, at timestamptz)');
    const wire = await WireClient.open(server.port);
    try {
      await wire.query("SET TimeZone TO 'Europe/Berlin'");
      await wire.query("INSERT INTO moment VALUES (1, '2024-07-01 12:00')");
      await wire.query("SET TimeZone TO 'America/New_York'");
      expect(await wire.query('COPY moment TO STDOUT')).toContain('d 1\t2024-07-01 06:00:00-04');
    } finally {
      wire.destroy();
    }
    const named = {
      name: 'at',
      text: 'SELECT at::text, at FROM moment WHERE id = $1',
      values: [1],
    };
    const read = async (): Promise<unknown> =>
      (await client.query<unknown[]>({ ...named, rowMode: 'array', types: text })).rows;
    expect(await read()).toEqual([['2024-07-01 12:00:00+02', '2024-07-01 12:00:00+02']]);
    await client.query('SET TimeZone TO UTC');
    expect(await read()).toEqual([['2024-07-01 10:00:00+00', '2024-07-01 10:00:00+00']]);
  });
});

describe('views', () => {
  it('mean the same to every session', async () => {
    await client.query('SET TimeZone TO UTC');
    await client.query('CREATE TABLE seen (at timestamptz)');
    await client.query("INSERT INTO seen VALUES ('2024-07-01 22:30+00')");
    await client.query('CREATE VIEW plain_day AS SELECT at::date AS day FROM seen');
    await client.query('CREATE MATERIALIZED VIEW kept_day AS SELECT day FROM plain_day');
    await client.query("SET TimeZone TO 'Europe/Berlin'");
    expect(await value('SELECT day FROM plain_day')).toBe('2024-07-01');
    expect(await value('SELECT day FROM kept_day')).toBe('2024-07-01');
    expect(await value('SELECT at::date FROM seen')).toBe('2024-07-02');
  });

  it('are not made where the zone of the session would matter', async () => {
    await client.query("SET TimeZone TO 'Europe/Berlin'");
    expect(await value('CREATE MATERIALIZED VIEW v AS SELECT at::date FROM seen')).toBe(
      'ERR 0A000 a cast from timestamp with time zone to date in a view or index made in time zone Europe/Berlin is not supported',
    );
    expect(await value("CREATE VIEW v AS SELECT * FROM seen WHERE at > '2024-01-01'")).toMatch(
      /^ERR 0A000 timestamp with time zone '2024-01-01' without a zone/,
    );
    await client.query(
      "CREATE VIEW named AS SELECT (at AT TIME ZONE 'Europe/Berlin')::date AS d FROM seen WHERE at > '2024-01-01+00'",
    );
    await client.query('CREATE INDEX ON named (d)');
    expect(await value('SELECT d FROM named')).toBe('2024-07-02');
  });

  it('but SUBSCRIBE belongs to its session, and EXPLAIN shows the zone', async () => {
    await client.query("SET TimeZone TO 'Europe/Berlin'");
    await client.query('BEGIN');
    await client.query('DECLARE c CURSOR FOR SUBSCRIBE (SELECT at::date AS day FROM seen)');
    const { rows } = await client.query<{ day: string }>({ text: 'FETCH 1 c', types: text });
    await client.query('COMMIT');
    expect(rows[0]?.day).toBe('2024-07-02');
    const plan = await client.query<{ 'QUERY PLAN': string }>(
      "EXPLAIN SELECT at::date, date_trunc('day', at) FROM seen",
    );
    const shown = plan.rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(shown).toContain("::date in zone 'Europe/Berlin'");
    expect(shown).toContain("'Europe/Berlin')");
  });
});
