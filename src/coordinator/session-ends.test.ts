/**
 * Goal: what ends early leaves nothing behind and nothing half done: sessions that close in the
 * middle of a statement, cancels that come late, messages that fail, a disk without room. Method:
 * a whole engine in the calling thread; what must not happen is looked for afterwards.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import type { SqlSession } from '../../test/support/session-harness.ts';
import { limits } from '../base/limits.ts';
import { packDatums } from './row-stream.ts';
import { Transaction } from './transaction.ts';

let harness: SessionHarness;
let sql: SqlSession;

beforeEach(async () => {
  harness = await SessionHarness.open();
  sql = harness.session();
});

afterEach(() => harness.close());

describe('a session that closes', () => {
  it.each(['', 'BEGIN'])('does not write what was under way (%s)', async (begin) => {
    await sql.run('CREATE TABLE t (k int8 PRIMARY KEY)');
    const leaving = harness.session();
    if (begin !== '') await leaving.run(begin);
    const working = leaving.run('INSERT INTO t VALUES (1)');
    leaving.session.close();
    await working.catch(() => undefined);
    await sql.run('INSERT INTO t VALUES (2)');
    expect(await sql.rows('SELECT * FROM t')).toEqual(['2']);
  });

  it('starts no further statement of its message', async () => {
    await sql.run('CREATE TABLE t (k int8 PRIMARY KEY); CREATE TABLE u (k int8)');
    const leaving = harness.session();
    const working = leaving.run('INSERT INTO t VALUES (1); DROP TABLE u');
    leaving.session.close();
    await working.catch(() => undefined);
    expect(await sql.rows('SELECT count(*) FROM u')).toEqual(['0']);
  });
});

describe('a cancel that comes late', () => {
  it('leaves the cursor of an ended DECLARE as it is', async () => {
    await sql.run('CREATE TABLE t (k int8); INSERT INTO t VALUES (1), (2)');
    await sql.run('BEGIN; DECLARE c CURSOR FOR SELECT k FROM t ORDER BY k');
    sql.session.cancel();
    expect(await sql.list('FETCH ALL c')).toEqual(['1', '2']);
  });
});

describe('a message of several statements', () => {
  it('writes nothing if a later one fails that does not read what was written', async () => {
    await sql.run('CREATE TABLE t (k int8); CREATE TABLE u (k int8); INSERT INTO u VALUES (0)');
    await sql.run('CREATE VIEW v AS SELECT k FROM u; CREATE VIEW w AS SELECT k FROM t');
    expect(await sql.error('INSERT INTO t VALUES (1); SELECT 1 / k FROM v')).toBe(
      '22012: division by zero',
    );
    expect(await sql.rows('SELECT * FROM t')).toEqual([]);
    expect(await sql.rows('INSERT INTO t VALUES (1); SELECT * FROM w')).toEqual(['1']);
  });

  it('writes before it drops', async () => {
    await sql.run('CREATE TABLE t (k int8)');
    expect((await sql.run('INSERT INTO t VALUES (1); DROP TABLE t')).tag).toBe('DROP TABLE');
  });

  it('may not write without limit', async () => {
    const transaction = new Transaction(harness.coordinator.timeline, () => Promise.resolve());
    const table = { oid: 1, name: 't' };
    const batch = packDatums([], [[]]);
    const half = { ...batch, buffer: new ArrayBuffer(limits.transactionBytesMax / 2) };
    transaction.begin(false);
    transaction.insert({ table, collection: 1, batch: half });
    expect(() => transaction.insert({ table, collection: 1, batch: half })).toThrow(
      'a transaction may write at most',
    );
    await transaction.end(false);
    transaction.insert({ table, collection: 1, batch: half });
    expect(transaction.pending).toBe(true);
  });
});

describe('a disk without room', () => {
  it('refuses others while a definition waits for it, and leaves nothing of what they asked', async () => {
    const disk = new FakeDisk(new Random(1));
    const durable = await SessionHarness.onDisk(disk);
    const one = durable.session();
    const other = durable.session();
    await one.run('CREATE TABLE t (k int8); CREATE MATERIALIZED VIEW m AS SELECT k FROM t');
    disk.capacity = disk.bytes;
    const defining = one.error(`CREATE VIEW u AS SELECT '${'x'.repeat(300_000)}' AS v`);
    const inserting = other.error('INSERT INTO t VALUES (1)');
    expect(await inserting).toMatch(/^53100/);
    expect(await other.error('INSERT INTO t VALUES (2)')).toMatch(/^53100/);
    expect(await other.error('SELECT sum(a.k) FROM t a JOIN t b USING (k)')).toMatch(/^53100/);
    const { dataflows, collections } = await durable.statistics();
    expect([dataflows.length, collections.every(({ holds }) => holds <= 1)]).toEqual([1, true]);
    disk.capacity = Infinity;
    expect(await defining).toBe('no error');
    await other.run('INSERT INTO t VALUES (3)');
    expect(await other.rows('SELECT * FROM m')).toEqual(['3']);
    await durable.close();
  });
});
