/**
 * Goal: a start from a checkpoint gives what a start without one gives, and the log behind it is
 * gone. Method: a whole product in one thread on the fake disk, its answers before and after.
 */
import { describe, expect, it } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';

const setUp = [
  "CREATE TABLE t (k int8 PRIMARY KEY, v text DEFAULT 'none' NOT NULL, n numeric(6, 2))",
  'CREATE TABLE u (v text, w float8)',
  'CREATE MATERIALIZED VIEW sums AS SELECT v, count(*) AS c, sum(n) AS n, max(n) FROM t GROUP BY v',
  'CREATE MATERIALIZED VIEW joined AS SELECT t.k, u.w FROM t JOIN u ON t.v = u.v',
  'CREATE MATERIALIZED VIEW best AS SELECT * FROM t ORDER BY n DESC, k LIMIT 3',
  'CREATE MATERIALIZED VIEW kinds AS SELECT DISTINCT v FROM t',
  'CREATE MATERIALIZED VIEW left_over AS SELECT k FROM t WHERE v NOT IN (SELECT v FROM u WHERE v IS NOT NULL)',
  "CREATE MATERIALIZED VIEW over_sums AS SELECT max(c) AS most, string_agg(v, ',' ORDER BY v) FROM sums",
  'CREATE VIEW large AS SELECT * FROM t WHERE n > 100',
  'CREATE INDEX large_v ON large (v)',
];

const questions = [
  'SELECT * FROM t ORDER BY k',
  'SELECT * FROM t WHERE k = 17',
  'SELECT * FROM sums ORDER BY v',
  'SELECT * FROM joined ORDER BY k, w',
  'SELECT * FROM best ORDER BY n DESC, k',
  'SELECT * FROM kinds ORDER BY v',
  'SELECT * FROM left_over ORDER BY k',
  'SELECT * FROM over_sums',
  'SELECT * FROM large ORDER BY k',
];

const changes = (from: number): readonly string[] => [
  `INSERT INTO t SELECT i, 'v' || i % 7, i * 1.25 FROM generate_series(${from}, ${from + 49}) AS g (i)`,
  `INSERT INTO u SELECT 'v' || i % 9, i / 3.0 FROM generate_series(${from}, ${from + 9}) AS g (i)`,
  `UPDATE t SET n = n + 1 WHERE k % 5 = ${from % 5}`,
  `DELETE FROM t WHERE k % 11 = ${from % 11}`,
];

async function answers(harness: SessionHarness): Promise<readonly string[]> {
  const sql = harness.session();
  const given: string[] = [];
  for (const question of questions) given.push(JSON.stringify((await sql.run(question)).rows));
  return given;
}

async function runAll(harness: SessionHarness, texts: readonly string[]): Promise<void> {
  const sql = harness.session();
  for (const text of texts) await sql.run(text);
}

describe('a start from a checkpoint', () => {
  it('gives back what was there, and goes on', async () => {
    const disk = new FakeDisk(new Random(1));
    let harness = await SessionHarness.onDisk(disk);
    const reference = await SessionHarness.open();
    await runAll(harness, setUp);
    await runAll(reference, setUp);
    for (let round = 0; round < 4; round++) {
      for (const from of [round * 100 + 1, round * 100 + 51]) {
        await runAll(harness, changes(from));
        await runAll(reference, changes(from));
        if (from % 100 === 1) await runAll(harness, ['CHECKPOINT']);
      }
      expect(await answers(harness)).toEqual(await answers(reference));
      if (round % 2 === 0) continue;
      await harness.close();
      harness = await SessionHarness.onDisk(disk);
      expect(await answers(harness)).toEqual(await answers(reference));
    }
    await harness.close();
    await reference.close();
  });
});
