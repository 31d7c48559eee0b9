/**
 * Goal: statements do what Postgres (and, for the streaming ones, Materialize) users expect of
 * them, as seen through a session. Method: each test talks to a whole engine in the calling thread.
 * Answers of plain SQL are those of Postgres 15.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newestStep } from '../../dataflow/graph/command.ts';
import { SessionHarness, batchRows } from '../../test/support/session-harness.ts';
import type { SqlSession } from '../../test/support/session-harness.ts';

let harness: SessionHarness;
let sql: SqlSession;

beforeEach(async () => {
  harness = await SessionHarness.open();
  sql = harness.session();
});

afterEach(() => harness.close());

describe('tables', () => {
  it('keeps rows, with duplicates and NULLs', async () => {
    await sql.run('CREATE TABLE t (k int8, v text)');
    expect((await sql.run("INSERT INTO t VALUES (1, 'a'), (1, 'a'), (2, NULL)")).tag).toBe(
      'INSERT 0 3',
    );
    expect(await sql.rows('SELECT * FROM t')).toEqual(['1|a', '1|a', '2|NULL']);
    expect((await sql.run('DELETE FROM t WHERE k = 1')).tag).toBe('DELETE 2');
    expect(await sql.rows('SELECT * FROM t')).toEqual(['2|NULL']);
  });

  it('applies defaults, NOT NULL and column lists', async () => {
    await sql.run(
      "CREATE TABLE t (k int8 NOT NULL, v text DEFAULT 'none', p numeric(6,2) DEFAULT 1 + 1)",
    );
    await sql.run('INSERT INTO t (k) VALUES (1)');
    await sql.run("INSERT INTO t (v, k) VALUES ('x', 2), (DEFAULT, 3)");
    expect(await sql.rows('SELECT * FROM t')).toEqual(['1|none|2.00', '2|x|2.00', '3|none|2.00']);
    expect(await sql.error('INSERT INTO t (v) VALUES (1)')).toMatch(
      /^23502: null value in column "k"/,
    );
    expect(await sql.error('INSERT INTO t VALUES (1, 2, 3, 4)')).toMatch(
      /^42601: INSERT has more expressions/,
    );
    expect(await sql.error("INSERT INTO t VALUES ('x')")).toBe(
      '22P02: invalid input syntax for type bigint: "x"',
    );
    expect(await sql.error('INSERT INTO t (nope) VALUES (1)')).toMatch(/^42703: /);
  });

  it('updates from the rows it read', async () => {
    await sql.run(
      'CREATE TABLE t (k int8, v int8); INSERT INTO t VALUES (1, 10), (2, 20), (2, 20)',
    );
    expect((await sql.run('UPDATE t SET v = v + k WHERE k = 2')).tag).toBe('UPDATE 2');
    expect(await sql.rows('SELECT * FROM t')).toEqual(['1|10', '2|22', '2|22']);
    expect(await sql.rows('UPDATE t SET k = v, v = k WHERE k = 1 RETURNING k, v')).toEqual([
      '10|1',
    ]);
    expect(
      await sql.rows('INSERT INTO t SELECT k + 100, v FROM t WHERE v = 22 RETURNING *'),
    ).toEqual(['102|22', '102|22']);
  });

  it('sees its own write at once, from another session too', async () => {
    await sql.run('CREATE TABLE t (k int8)');
    const other = harness.session();
    for (let i = 1; i <= 20; i++) {
      await sql.run(`INSERT INTO t VALUES (${i})`);
      expect(await other.rows('SELECT count(*) FROM t')).toEqual([`${i}`]);
    }
  });

  it('does not lose concurrent updates', async () => {
    await sql.run('CREATE TABLE t (k int8, v int8); INSERT INTO t VALUES (1, 0)');
    const sessions = Array.from({ length: 8 }, () => harness.session());
    await Promise.all(
      sessions.flatMap((session) => [session.run('UPDATE t SET v = v + 1')].concat([])),
    );
    expect(await sql.rows('SELECT v FROM t')).toEqual(['8']);
  });
});

describe('views', () => {
  it('keeps a view over a view over tables', async () => {
    await sql.run('CREATE TABLE a (k int8, v int8); CREATE TABLE b (k int8, name text)');
    await sql.run('CREATE VIEW j AS SELECT b.name, a.v FROM a JOIN b ON a.k = b.k');
    await sql.run(
      'CREATE MATERIALIZED VIEW s AS SELECT name, sum(v) AS total FROM j GROUP BY name',
    );
    await sql.run(
      "INSERT INTO b VALUES (1, 'one'), (2, 'two'); INSERT INTO a VALUES (1, 5), (1, 6), (2, 7), (3, 8)",
    );
    expect(await sql.rows('SELECT * FROM s')).toEqual(['one|11', 'two|7']);
    await sql.run("UPDATE b SET name = 'uno' WHERE k = 1; DELETE FROM a WHERE v = 7");
    expect(await sql.rows('SELECT * FROM s')).toEqual(['uno|11']);
  });

  it('fills a view that is made after its rows', async () => {
    await sql.run(
      'CREATE TABLE t (k int8); INSERT INTO t SELECT g FROM generate_series(1, 10000) g',
    );
    await sql.run(
      'CREATE MATERIALIZED VIEW v AS SELECT k % 10 AS d, count(*) AS n FROM t GROUP BY 1',
    );
    expect(await sql.rows('SELECT count(*), min(n), max(n) FROM v')).toEqual(['10|1000|1000']);
  });

  it('answers a lookup through an index, an indexed view too', async () => {
    await sql.run('CREATE TABLE t (k int8, v text); CREATE INDEX t_k ON t (k)');
    await sql.run("INSERT INTO t VALUES (1, 'a'), (1, 'b'), (2, 'c')");
    expect(await sql.rows('SELECT v FROM t WHERE k = 1')).toEqual(['a', 'b']);
    expect((await sql.list('EXPLAIN SELECT v FROM t WHERE k = 1')).join('\n')).toContain(
      'index (k) = 1 (fast path)',
    );
    await sql.run(
      'CREATE VIEW w AS SELECT k, count(*) AS n FROM t GROUP BY k; CREATE INDEX ON w (k)',
    );
    expect((await sql.list('EXPLAIN SELECT n FROM w WHERE k = 1')).join('\n')).toContain(
      '(fast path)',
    );
    expect(await sql.rows('SELECT n FROM w WHERE k = 1')).toEqual(['2']);
    await sql.run("INSERT INTO t VALUES (1, 'd')");
    expect(await sql.rows('SELECT n FROM w WHERE k = 1')).toEqual(['3']);
  });

  it('names what is wrong with a view', async () => {
    await sql.run('CREATE TABLE t (k int8)');
    expect(await sql.error('CREATE VIEW v AS SELECT k, k FROM t')).toBe(
      '42701: column "k" specified more than once',
    );
    expect(await sql.error('CREATE VIEW v (a, b) AS SELECT k FROM t')).toMatch(/^42601/);
    expect(await sql.error('CREATE MATERIALIZED VIEW v AS SELECT now()')).toMatch(
      /^0A000: now\(\)/,
    );
    expect(await sql.error('CREATE MATERIALIZED VIEW v AS SELECT * FROM pg_class')).toMatch(
      /^0A000/,
    );
    expect(await sql.error('CREATE INDEX ON t (k + 1)')).toMatch(
      /^0A000: an index on an expression/,
    );
  });

  it('reports errors in data on the views that hold them, until they heal', async () => {
    await sql.run('CREATE TABLE t (k int8, v int8)');
    await sql.run('CREATE MATERIALIZED VIEW bad AS SELECT k, 100 / v AS q FROM t');
    await sql.run('CREATE MATERIALIZED VIEW on_bad AS SELECT sum(q) AS s FROM bad');
    await sql.run('CREATE MATERIALIZED VIEW good AS SELECT count(*) AS n FROM t');
    await sql.run('INSERT INTO t VALUES (1, 10), (2, 0)');
    expect(await sql.error('SELECT * FROM bad')).toBe('22012: division by zero');
    expect(await sql.error('SELECT * FROM on_bad')).toBe('22012: division by zero');
    expect(await sql.rows('SELECT * FROM good')).toEqual(['2']);
    await sql.run('UPDATE t SET v = 4 WHERE k = 2');
    expect(await sql.rows('SELECT * FROM bad')).toEqual(['1|10', '2|25']);
    expect(await sql.rows('SELECT * FROM on_bad')).toEqual(['35']);
  });
});

describe('dropping', () => {
  it('refuses to drop what others need, and cascades when told', async () => {
    await sql.run(
      'CREATE TABLE t (k int8); CREATE VIEW v AS SELECT k FROM t; CREATE MATERIALIZED VIEW m AS SELECT k FROM v',
    );
    expect(await sql.error('DROP TABLE t')).toBe(
      '2BP01: cannot drop table t because other objects depend on it',
    );
    expect(await sql.error('DROP VIEW t')).toBe('42809: "t" is not a view');
    await sql.run('DROP TABLE t CASCADE');
    expect(await sql.rows('SHOW OBJECTS')).toEqual([]);
    expect(await sql.error('DROP TABLE t')).toBe('42P01: table "t" does not exist');
    expect((await sql.run('DROP TABLE IF EXISTS t')).tag).toBe('DROP TABLE');
  });

  it('gives everything back', async () => {
    await sql.run('SELECT 1');
    const before = await harness.statistics();
    await sql.run(
      "CREATE TABLE t (k int8, v text); CREATE INDEX ON t (v); INSERT INTO t VALUES (1, 'a')",
    );
    await sql.run(
      'CREATE MATERIALIZED VIEW m AS SELECT v, count(*) AS n FROM t GROUP BY v; CREATE INDEX ON m (n)',
    );
    await sql.run('CREATE VIEW w AS SELECT k FROM t; CREATE INDEX w_k ON w (k); DROP INDEX w_k');
    await sql.run('SELECT * FROM m JOIN w ON w.k = m.n; DROP TABLE t CASCADE');
    const after = await harness.statistics();
    expect(after.collections).toEqual(before.collections);
    expect(after.dataflows).toEqual(before.dataflows);
    expect(after.slabsLive).toBe(before.slabsLive);
  });

  it('drops schemas with what is in them', async () => {
    await sql.run(
      'CREATE SCHEMA s; CREATE TABLE s.t (k int8); CREATE MATERIALIZED VIEW m AS SELECT * FROM s.t',
    );
    expect(await sql.error('DROP SCHEMA s')).toMatch(/^2BP01/);
    expect(await sql.error('CREATE SCHEMA s')).toBe('42P06: schema "s" already exists');
    expect(await sql.error('CREATE TABLE pg_catalog.x (k int8)')).toMatch(/^42501/);
    await sql.run('DROP SCHEMA s CASCADE');
    expect(await sql.rows('SHOW OBJECTS')).toEqual([]);
  });
});

describe('transactions', () => {
  it('shows the inserts of a block together at COMMIT', async () => {
    await sql.run('CREATE TABLE t (k int8)');
    const other = harness.session();
    await sql.run('BEGIN; INSERT INTO t VALUES (1)');
    await sql.run('INSERT INTO t VALUES (2)');
    expect(sql.session.transactionStatus).toBe('T');
    expect(await other.rows('SELECT * FROM t')).toEqual([]);
    await sql.run('COMMIT');
    expect(await other.rows('SELECT * FROM t')).toEqual(['1', '2']);
    await sql.run('BEGIN; INSERT INTO t VALUES (3); ROLLBACK');
    expect(await other.rows('SELECT * FROM t')).toEqual(['1', '2']);
  });

  it('reads at one time in a block', async () => {
    await sql.run(
      'CREATE TABLE t (k int8); CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM t',
    );
    const other = harness.session();
    await sql.run('INSERT INTO t VALUES (1); BEGIN');
    expect(await sql.rows('SELECT * FROM t')).toEqual(['1']);
    await other.run('INSERT INTO t VALUES (2)');
    expect(await sql.rows('SELECT * FROM t')).toEqual(['1']);
    expect(await sql.rows('SELECT * FROM m')).toEqual(['1']);
    expect(await sql.rows('SELECT count(*) FROM t, m')).toEqual(['1']);
    await sql.run('COMMIT');
    expect(await sql.rows('SELECT n FROM m')).toEqual(['2']);
  });

  it('takes an older state only if it is told to, and outside of blocks', async () => {
    await sql.run('CREATE TABLE t (k int8)');
    const lookup = vi.spyOn(harness.coordinator.engine, 'lookup');
    await sql.rows('SELECT * FROM t');
    await sql.run('SET transaction_isolation = serializable');
    await sql.rows('SELECT * FROM t');
    await sql.run('BEGIN; SELECT * FROM t; COMMIT');
    await sql.run('RESET transaction_isolation');
    await sql.rows('SELECT * FROM t');
    const newest = lookup.mock.calls.map(([at]) => at === newestStep);
    expect(newest).toEqual([false, true, false, false]);
  });

  it('keeps a block to one purpose and fails as a whole', async () => {
    await sql.run('CREATE TABLE t (k int8)');
    await sql.run('BEGIN; SELECT * FROM t');
    expect(await sql.error('INSERT INTO t VALUES (1)')).toBe(
      '25000: transaction in read-only mode',
    );
    expect(sql.session.transactionStatus).toBe('E');
    expect(await sql.error('SELECT 1')).toMatch(/^25P02/);
    expect((await sql.run('COMMIT')).tag).toBe('ROLLBACK');
    expect(await sql.error('BEGIN; CREATE TABLE u (k int8)')).toMatch(/^25001/);
    await sql.run('ROLLBACK');
    expect(await sql.error('BEGIN READ ONLY; INSERT INTO t VALUES (1)')).toMatch(/^25006/);
    await sql.run('ROLLBACK');
  });

  it('undoes settings of a block that is rolled back', async () => {
    await sql.run("BEGIN; SET application_name = 'x'; ROLLBACK");
    expect(await sql.rows('SHOW application_name')).toEqual(['']);
    await sql.run("BEGIN; SET LOCAL application_name = 'y'; COMMIT");
    expect(await sql.rows('SHOW application_name')).toEqual(['']);
    expect(await sql.error('SET nope = 1')).toBe(
      '42704: unrecognized configuration parameter "nope"',
    );
    expect(await sql.error("SET client_encoding = 'latin1'")).toMatch(/^22023/);
  });
});

describe('SUBSCRIBE', () => {
  it('gives the state, then every change, once', async () => {
    await sql.run('CREATE TABLE t (k int8, v int8); INSERT INTO t VALUES (1, 10), (2, 20)');
    await sql.run(
      'CREATE MATERIALIZED VIEW m AS SELECT k % 2 AS odd, sum(v) AS s FROM t GROUP BY 1',
    );
    const stream = await harness.session().open('SUBSCRIBE m');
    const seen = new Map<string, number>();
    const take = async (): Promise<void> => {
      const batch = await stream.next();
      if (batch === null) throw new Error('the subscription ended');
      for (const [, diff, ...row] of batchRows(stream, batch)) {
        const key = row.join('|');
        const weight = (seen.get(key) ?? 0) + Number(diff);
        if (weight === 0) seen.delete(key);
        else seen.set(key, weight);
      }
    };
    await take();
    expect([...seen]).toEqual(
      expect.arrayContaining([
        ['0|20', 1],
        ['1|10', 1],
      ]),
    );
    await sql.run('INSERT INTO t VALUES (3, 5)');
    await take();
    expect(Object.fromEntries(seen)).toEqual({ '0|20': 1, '1|15': 1 });
    await sql.run('DELETE FROM t WHERE k = 2');
    await take();
    expect(Object.fromEntries(seen)).toEqual({ '1|15': 1 });
    stream.close();
    expect((await harness.statistics()).dataflows.length).toBe(1);
  });

  it('can leave the snapshot out and report progress', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1)');
    const stream = await harness.session().open('SUBSCRIBE t WITH (SNAPSHOT = false, PROGRESS)');
    expect(stream.columns.map((column) => column.name)).toEqual([
      'mz_timestamp',
      'mz_progressed',
      'mz_diff',
      'k',
    ]);
    await sql.run('INSERT INTO t VALUES (2)');
    const changes: (string | null)[][] = [];
    while (changes.length === 0) {
      const batch = await stream.next();
      if (batch !== null) changes.push(...batchRows(stream, batch).filter((row) => row[1] === 'f'));
    }
    expect(changes.map((row) => row.slice(2))).toEqual([['1', '2']]);
    stream.close();
  });

  it('fails when its query fails, and when what it reads is dropped', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1)');
    const stream = await harness.session().open('SUBSCRIBE (SELECT 10 / k AS q FROM t)');
    expect(await stream.next()).not.toBeNull();
    await sql.run('INSERT INTO t VALUES (0)');
    await expect(stream.next()).rejects.toThrow('division by zero');
    const second = await harness.session().open('SUBSCRIBE t');
    expect(await second.next()).not.toBeNull();
    await sql.run('DROP TABLE t');
    await expect(second.next()).rejects.toThrow(/dropped/);
  });
});
