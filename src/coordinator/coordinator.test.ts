/**
 * Goal: what runs at once in one process never breaks another: objects that go while they are read,
 * statements that wait while the catalog changes, history that is let go. Method: a whole engine in
 * the calling thread, several sessions, statements interleaved at their waits.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeTopic } from '../../test/support/fake-topic.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness, batchRows } from '../../test/support/session-harness.ts';
import type { SqlSession } from '../../test/support/session-harness.ts';

let harness: SessionHarness;
let sql: SqlSession;

beforeEach(async () => {
  harness = await SessionHarness.open();
  sql = harness.session();
});

afterEach(() => harness.close());

describe('history', () => {
  it('is let go while a subscription is open', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1)');
    const stream = await harness.session().open('SUBSCRIBE t');
    await stream.next();
    for (let i = 0; i < 20; i++) await sql.run('UPDATE t SET k = k + 1');
    const { step, collections } = await harness.statistics();
    expect(step).toBeGreaterThan(20);
    expect(collections.map(({ since }) => step - since).every((kept) => kept < 5)).toBe(true);
    stream.close();
  });
});

describe('indexes of views', () => {
  it('leave what reads them running when they are dropped', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1), (2)');
    await sql.run('CREATE VIEW v AS SELECT k + 1 AS k FROM t');
    await sql.run('CREATE INDEX i ON v (k)');
    await sql.run('CREATE MATERIALIZED VIEW m AS SELECT sum(k) AS s FROM v');
    const stream = await harness.session().open('SUBSCRIBE v');
    await stream.next();
    await sql.run('DROP INDEX i');
    await sql.run('INSERT INTO t VALUES (10)');
    expect(await sql.rows('SELECT * FROM m')).toEqual(['16']);
    expect(await sql.rows('SELECT * FROM v')).toEqual(['11', '2', '3']);
    const batch = await stream.next();
    expect(batch === null ? null : batchRows(stream, batch).map((row) => row[2])).toEqual(['11']);
    stream.close();
    await sql.run('DROP TABLE t CASCADE');
    const { collections, dataflows } = await harness.statistics();
    expect([collections, dataflows]).toEqual([[], []]);
  });

  it('are planned along the search path of the view', async () => {
    await sql.run(
      'CREATE SCHEMA a; SET search_path = a; CREATE TABLE t (k int8); INSERT INTO t VALUES (7)',
    );
    await sql.run(
      'CREATE VIEW v AS SELECT k FROM t; SET search_path = public; CREATE TABLE t (k int8)',
    );
    await sql.run('CREATE INDEX ON a.v (k)');
    expect(await sql.rows('SELECT * FROM a.v WHERE k = 7')).toEqual(['7']);
  });

  it('go one by one', async () => {
    await sql.run('CREATE TABLE t (k int8, v text); CREATE VIEW w AS SELECT k, v FROM t');
    const indexes = async (): Promise<number> => {
      const { collections } = await harness.statistics();
      return collections.reduce((sum, each) => sum + each.indexes, 0);
    };
    const before = await indexes();
    await sql.run('CREATE INDEX i ON w (k); CREATE INDEX j ON w (v)');
    expect((await indexes()) - before).toBe(2);
    await sql.run('DROP INDEX i');
    expect((await indexes()) - before).toBe(1);
    await sql.run("INSERT INTO t VALUES (1, 'x')");
    expect(await sql.rows("SELECT k FROM w WHERE v = 'x'")).toEqual(['1']);
    expect(await sql.rows('SELECT v FROM w WHERE k = 1')).toEqual(['x']);
    await sql.run('DROP INDEX j');
    expect((await indexes()) - before).toBe(0);
  });

  it('are not there when their making was cancelled or they were dropped meanwhile', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t SELECT generate_series(1, 50000)');
    await sql.run('CREATE VIEW w AS SELECT k FROM t');
    for (const relation of ['t', 'w']) {
      const other = harness.session();
      const making = other.error(`CREATE INDEX i ON ${relation} (k)`);
      other.session.cancel();
      expect(await making).toBe('57014: canceling statement due to user request');
      const dropped = other.error(`CREATE INDEX i ON ${relation} (k)`);
      await sql.run('DROP INDEX i');
      expect(await dropped).not.toBe('no error');
      const { collections } = await harness.statistics();
      expect(collections.map(({ indexes }) => indexes)).toEqual(collections.map(() => 0));
      await other.run(`CREATE INDEX i ON ${relation} (k)`);
      expect(await sql.rows(`SELECT * FROM ${relation} WHERE k = 77`)).toEqual(['77']);
      await sql.run('DROP INDEX i');
    }
  });

  it('go as often as they came', async () => {
    await sql.run('CREATE TABLE t (k int8); CREATE INDEX i ON t (k); CREATE INDEX j ON t (k)');
    await sql.run('DROP INDEX i');
    expect(await sql.rows('SELECT * FROM t WHERE k = 1')).toEqual([]);
    await sql.run('DROP INDEX j; INSERT INTO t VALUES (1); CREATE INDEX k ON t (k)');
    expect(await sql.rows('SELECT * FROM t WHERE k = 1')).toEqual(['1']);
  });
});

describe('statements that wait', () => {
  it('are planned anew when what they write is gone', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1)');
    const { turn, end } = held();
    const first = harness.coordinator.exclusively(() => turn);
    const waiting = harness.session().error('UPDATE t SET k = k + 1');
    await sql.run('DROP TABLE t');
    end();
    await first;
    expect(await waiting).toMatch(/^42P01: /);
    await sql.run('CREATE TABLE u (k int8); INSERT INTO u VALUES (1)');
    expect(await sql.rows('SELECT * FROM u')).toEqual(['1']);
  });

  it.each([
    'DELETE FROM t',
    'DELETE FROM t WHERE k = 1',
    'UPDATE t SET k = k + 1',
    'INSERT INTO u SELECT k FROM t',
  ])('%s says that the table is gone if it is dropped at any moment meanwhile', async (text) => {
    const other = harness.session();
    const endings = new Set<string>();
    for (let ticks = 0; ticks < 40; ticks++) {
      await sql.run('DROP TABLE IF EXISTS u; CREATE TABLE u (k int8)');
      await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1), (2)');
      const ending = other.error(text);
      for (let i = 0; i < ticks % 20; i++)
        await (ticks < 20 ? Promise.resolve() : new Promise(setImmediate));
      await sql.run('DROP TABLE t');
      endings.add((await ending).slice(0, 5));
    }
    expect([...endings].sort()).toEqual(['42P01', 'no er']);
    await sql.run('INSERT INTO u VALUES (7)');
  });

  it('can be cancelled before it is their turn to write', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1)');
    const { turn, end } = held();
    const first = harness.coordinator.exclusively(() => turn);
    const other = harness.session();
    const waiting = other.error('UPDATE t SET k = k + 1');
    await new Promise(setImmediate);
    other.session.cancel();
    expect(await waiting).toMatch(/^57014: /);
    end();
    await first;
    expect(await sql.rows('SELECT * FROM t')).toEqual(['1']);
  });
});

describe('dropping', () => {
  it('takes everything in one turn, so that nothing new stands on what goes', async () => {
    const clock = new FakeClock();
    const topic = new FakeTopic(clock, new Random(1), 1);
    topic.failures = 0;
    const kafka = await SessionHarness.open(() => topic.connection(), clock);
    const first = kafka.session();
    await clock.until(first.run("CREATE CONNECTION c TO KAFKA (BROKER 'here:9092')"));
    const source = (name: string): string =>
      `CREATE SOURCE ${name} FROM KAFKA CONNECTION c (TOPIC 't') FORMAT TEXT`;
    await clock.until(first.run(source('s')));
    await clock.until(first.run('CREATE MATERIALIZED VIEW v AS SELECT text FROM s'));
    await clock.advance(1_000);
    const others = [
      source('r'),
      'CREATE MATERIALIZED VIEW w AS SELECT text FROM s',
      'CREATE VIEW u AS SELECT text FROM v',
    ];
    const drop = first.run('DROP CONNECTION c CASCADE');
    const errors = others.map((statement) => kafka.session().error(statement));
    expect((await clock.until(drop)).tag).toBe('DROP CONNECTION');
    expect((await clock.until(Promise.all(errors))).map((error) => error.slice(0, 5))).toEqual([
      '42704',
      '42P01',
      '42P01',
    ]);
    expect(kafka.coordinator.catalog.objects().map(({ name }) => name)).toEqual(['public']);
    await clock.until(first.run("CREATE CONNECTION c TO KAFKA (BROKER 'here:9092')"));
    // Now the source waits for the connection's validation while that is dropped.
    const created = kafka.session().error(source('s'));
    const dropped = first.run('DROP CONNECTION c');
    expect((await clock.until(Promise.all([created, dropped])))[0]).toBe(
      '42704: connection "c" does not exist',
    );
    await clock.until(kafka.close());
  });

  it('of a table ends a long check of its keys', async () => {
    await sql.run('CREATE TABLE t (k int8 PRIMARY KEY)');
    const values = Array.from({ length: 3_000 }, (_, i) => `(${i})`).join(', ');
    const insert = harness.session().run(`INSERT INTO t VALUES ${values}`);
    await sql.run('DROP TABLE t');
    await insert.catch(() => undefined);
    expect(await sql.rows('SELECT 1')).toEqual(['1']);
    expect((await harness.statistics()).collections).toEqual([]);
  });
});

describe('SUBSCRIBE', () => {
  it('that would end before it begins is refused', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1)');
    const opened = harness.session().open('SUBSCRIBE t UP TO 1000');
    await expect(opened).rejects.toMatchObject({ fields: { code: '22000' } });
  });

  it('ends at the time of UP TO', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1)');
    const end = Date.now() + 300;
    const stream = await harness.session().open(`SUBSCRIBE t WITH (PROGRESS) UP TO ${end}`);
    const rows: (string | null)[][] = [];
    for (let batch = await stream.next(); batch !== null; batch = await stream.next())
      rows.push(...batchRows(stream, batch));
    expect(rows.filter((row) => row[1] === 'f').map((row) => row[3])).toEqual(['1']);
    expect(rows.every((row) => Number(row[0]) <= end)).toBe(true);
  }, 8_000);
});

/** A turn that somebody holds until `end`. */
function held(): { readonly turn: Promise<void>; end(): void } {
  let end: () => void = () => undefined;
  const turn = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { turn, end: () => end() };
}
