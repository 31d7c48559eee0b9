/**
 * Goal: after a stop of the machine everything that was acknowledged is there again: objects,
 * rows, views, keys; and what was refused or undone is not. Method: a whole product without its
 * network in one thread, on the fake disk, stopped at every operation of a script in turn.
 */
import { describe, expect, it } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import type { SqlSession } from '../../test/support/session-harness.ts';
import { SqlError } from '../base/error.ts';

/** A product on a disk, asked by texts. */
class Rig {
  readonly #harness: SessionHarness;
  readonly #sql: SqlSession;

  private constructor(harness: SessionHarness) {
    this.#harness = harness;
    this.#sql = harness.session();
  }

  static async open(disk: FakeDisk): Promise<Rig> {
    return new Rig(await SessionHarness.onDisk(disk));
  }

  /** The rows, or the code of the error. */
  async answer(text: string): Promise<string> {
    try {
      return JSON.stringify((await this.#sql.run(text)).rows);
    } catch (error) {
      if (error instanceof SqlError) return error.fields.code;
      throw error;
    }
  }

  /** Runs a statement; false if the machine stopped meanwhile. */
  async acknowledges(text: string): Promise<boolean> {
    try {
      await this.#sql.run(text);
      return true;
    } catch (error) {
      if (error instanceof SqlError && error.fields.code !== '58030') throw error;
      return false;
    }
  }

  /** Ends what still runs of a machine that has stopped. */
  abandon(): Promise<void> {
    return this.#harness.close().catch(() => undefined);
  }

  close(): Promise<void> {
    return this.#harness.close();
  }
}

/** Statements, and what has to be true once each is acknowledged. */
const script = [
  'CREATE SCHEMA s',
  "CREATE TABLE t (k int8 PRIMARY KEY, v text DEFAULT 'none' NOT NULL, n numeric(6, 2))",
  'CREATE MATERIALIZED VIEW sums AS SELECT v, count(*) AS c, sum(n) AS n FROM t GROUP BY v',
  "INSERT INTO t VALUES (1, 'a', 1.5), (2, 'a', 2), (3, 'b', NULL)",
  'CHECKPOINT',
  'CREATE VIEW s.big AS SELECT * FROM t WHERE n > 1',
  'CREATE INDEX big_by_v ON s.big (v)',
  'UPDATE t SET n = n + 1 WHERE k = 2',
  'INSERT INTO t (k) VALUES (4)',
  'CHECKPOINT',
  'DELETE FROM t WHERE k = 3',
  'CREATE MATERIALIZED VIEW top AS SELECT * FROM s.big ORDER BY n DESC LIMIT 1',
  'CREATE INDEX top_idx ON top (k)',
  'CREATE TABLE gone (a int4)',
  'INSERT INTO gone VALUES (1)',
  'CHECKPOINT',
  'DROP TABLE gone',
  'CHECKPOINT',
  'BEGIN; INSERT INTO t (k, n) VALUES (5, 9); INSERT INTO t (k, n) VALUES (6, 8); COMMIT',
];

const questions = [
  'SELECT * FROM t ORDER BY k',
  'SELECT * FROM sums ORDER BY v',
  'SELECT * FROM s.big ORDER BY k',
  "SELECT * FROM s.big WHERE v = 'a' ORDER BY k",
  'SELECT * FROM top',
  'SELECT * FROM gone',
  "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('public', 's') ORDER BY 1, 2",
  "SELECT column_name, column_default, is_nullable FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position",
];

/** Every answer, or the code of its error. */
async function answers(rig: Rig): Promise<string[]> {
  const found: string[] = [];
  for (const question of questions) found.push(await rig.answer(question));
  return found;
}

/** Runs statements until one fails; answers how many were acknowledged. */
async function runScript(rig: Rig, statements: readonly string[]): Promise<number> {
  for (const [i, statement] of statements.entries()) {
    if (!(await rig.acknowledges(statement))) return i;
  }
  return statements.length;
}

describe('after a stop of the machine', () => {
  it('everything acknowledged is there, wherever it stopped', async () => {
    // What each prefix of the script looks like, from a process that never stopped.
    const states: string[][] = [];
    for (let n = 0; n <= script.length; n++) {
      const rig = await Rig.open(new FakeDisk(new Random(n)));
      expect(await runScript(rig, script.slice(0, n))).toBe(n);
      states.push(await answers(rig));
      await rig.close();
    }
    let survived = 0;
    let stops = 0;
    const strides = new Random(1);
    for (let stopAt = 0; ; stopAt += 1 + strides.below(3)) {
      const disk = new FakeDisk(new Random(stopAt));
      disk.stopAt = stopAt;
      const acknowledged = await Rig.open(disk).then(
        async (rig) => {
          const n = await runScript(rig, script);
          await rig.abandon();
          return n;
        },
        () => 0,
      );
      if (!disk.stopped) break;
      stops++;
      disk.restart();
      const rig = await Rig.open(disk);
      const found = await answers(rig);
      const last = acknowledged < script.length ? states[acknowledged + 1] : undefined;
      if (JSON.stringify(found) === JSON.stringify(last)) survived++;
      else expect(found, `stopped at ${stopAt}`).toEqual(states[acknowledged]);
      // Keys are still kept, and work goes on.
      if (acknowledged >= 5) {
        expect(await rig.answer("INSERT INTO t VALUES (1, 'again', 0)")).toBe('23505');
        expect(await rig.acknowledges('INSERT INTO t (k) VALUES (100)')).toBe(true);
        expect(await rig.answer('SELECT k FROM t WHERE k = 100')).toBe('[["100"]]');
      }
      await rig.close();
    }
    expect(stops).toBeGreaterThan(15);
    expect(survived, 'some statements survived unacknowledged').toBeGreaterThan(0);
  });

  it('oids go on, and the directory opens again and again', async () => {
    const disk = new FakeDisk(new Random(1));
    let oid = 0;
    for (let round = 0; round < 4; round++) {
      const rig = await Rig.open(disk);
      expect(await rig.acknowledges(`CREATE TABLE t${round} (a int4)`)).toBe(true);
      const [[next]] = JSON.parse(
        await rig.answer(`SELECT oid::int8 FROM pg_class WHERE relname = 't${round}'`),
      ) as [[string]];
      expect(Number(next)).toBeGreaterThan(oid);
      oid = Number(next);
      if (round === 1) expect(await rig.acknowledges('DROP TABLE t1')).toBe(true);
      await rig.close();
    }
    const rig = await Rig.open(disk);
    const names = await rig.answer(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    );
    expect(names).toBe('[["t0"],["t2"],["t3"]]');
    await rig.close();
  });

  it('a dropped public schema stays dropped', async () => {
    const disk = new FakeDisk(new Random(2));
    const rig = await Rig.open(disk);
    expect(await rig.acknowledges('DROP SCHEMA public')).toBe(true);
    await rig.close();
    const again = await Rig.open(disk);
    expect(await again.answer('CREATE TABLE public.t (a int4)')).toBe('3F000');
    await again.close();
  });

  it('a full disk refuses writes and definitions, reads go on, and all goes on with room', async () => {
    const disk = new FakeDisk(new Random(3));
    const rig = await Rig.open(disk);
    await rig.acknowledges('CREATE TABLE t (a text)');
    await rig.acknowledges("INSERT INTO t VALUES ('x')");
    disk.capacity = disk.bytes;
    expect(await rig.answer("INSERT INTO t VALUES (repeat('y', 400000))")).toBe('53100');
    expect(await rig.answer('CREATE TABLE u (a text)')).toBe('53100');
    expect(await rig.answer('SELECT * FROM t')).toBe('[["x"]]');
    disk.capacity = Infinity;
    expect(await rig.acknowledges("INSERT INTO t VALUES ('z')")).toBe(true);
    expect(await rig.acknowledges('CREATE TABLE u (a text)')).toBe(true);
    await rig.close();
    const again = await Rig.open(disk);
    expect(await again.answer('SELECT * FROM t ORDER BY a')).toBe('[["x"],["z"]]');
    await again.close();
  });
});
