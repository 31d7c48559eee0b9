/**
 * Goal: no table ever holds a primary key twice, whatever writes, and clients hear of it as from
 * Postgres. Method: statements through sessions in process: every kind of write, blocks that
 * collide, equal keys that are spelled differently; then random writes by two sessions against a
 * plain map.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SqlError } from '../base/error.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import type { SqlSession } from '../../test/support/session-harness.ts';

let harness: SessionHarness;
let session: SqlSession;

beforeAll(async () => {
  harness = await SessionHarness.open();
});
afterAll(() => harness.close());
beforeEach(async () => {
  session = harness.session();
  await session.run('drop table if exists t cascade; create table t (k int primary key, v text)');
  await session.run("insert into t values (1, 'one'), (2, 'two')");
});

const twice = '23505: duplicate key value violates unique constraint "t_pkey"';

async function detail(sql: string): Promise<string | undefined> {
  try {
    await session.run(sql);
  } catch (error) {
    if (error instanceof SqlError) return error.fields.detail;
    throw error;
  }
  return undefined;
}

test.each([
  "insert into t values (1, 'again')",
  "insert into t values (7, 'a'), (7, 'b')",
  "insert into t values (7, 'a'); insert into t values (7, 'b')",
  'insert into t select k + 1, v from t',
  'update t set k = 1 where k = 2',
  'update t set k = 5',
])('%s is refused, and nothing of it stays', async (sql) => {
  expect(await session.error(sql)).toBe(twice);
  expect(await session.rows('select * from t')).toEqual(['1|one', '2|two']);
});

test('a block of many statements looks each key up once', async () => {
  const { engine } = harness.coordinator;
  const looked: number[] = [];
  const lookup = engine.lookup.bind(engine);
  engine.lookup = (at, one, finishing) => {
    looked.push(one.key?.values.length ?? 0);
    return lookup(at, one, finishing);
  };
  try {
    await session.run('begin');
    for (let k = 100; k < 150; k++) await session.run(`insert into t values (${k}, '')`);
    expect(looked).toEqual(new Array(50).fill(1));
    expect(await session.error("insert into t values (500, ''), (123, '')")).toBe(twice);
    await session.run('rollback; begin');
    await session.run("insert into t values (123, '')");
    await session.run('commit');
    expect(await session.rows('select count(*) from t')).toEqual(['3']);
  } finally {
    engine.lookup = lookup;
  }
});

test('the detail names the key', async () => {
  expect(await detail("insert into t values (2, '')")).toBe('Key (k)=(2) already exists.');
  await session.run(
    'drop table if exists p; create table p (b text, a numeric, primary key (a, b))',
  );
  await session.run("insert into p values ('x', 1.0)");
  expect(await detail("insert into p values ('x', 1.00)")).toBe(
    'Key (a, b)=(1.0, x) already exists.',
  );
  expect(await session.error("insert into p values ('y', 1), ('x', 2)")).toBe('no error');
});

test('keys cannot be NULL', async () => {
  expect(await session.error('insert into t (v) values (null)')).toBe(
    '23502: null value in column "k" of relation "t" violates not-null constraint',
  );
  expect(await session.error('update t set k = null')).toMatch(/^23502/);
});

test('a statement is judged by its result', async () => {
  await session.run('update t set k = 3 - k');
  expect(await session.rows('select * from t')).toEqual(['1|two', '2|one']);
  await session.run('update t set k = k + 1');
  expect(await session.rows('select * from t')).toEqual(['2|two', '3|one']);
});

test('a key that was deleted is free', async () => {
  await session.run("delete from t where k = 1; insert into t values (1, 'new')");
  expect(await session.rows('select v from t where k = 1')).toEqual(['new']);
});

test('a block sees its own rows, and the other session’s at COMMIT', async () => {
  const other = harness.session();
  await session.run("begin; insert into t values (3, 'mine')");
  expect(await other.error("insert into t values (3, 'theirs')")).toBe('no error');
  expect(await session.error('commit')).toBe(twice);
  expect(await session.rows('select * from t')).toEqual(['1|one', '2|two', '3|theirs']);
  await session.run("begin; insert into t values (4, 'mine')");
  expect(await session.error("insert into t values (4, 'mine')")).toBe(twice);
  await session.run('rollback');
  expect(await session.rows('select count(*) from t')).toEqual(['3']);
});

test('definitions that make no sense are refused', async () => {
  expect(await session.error('create table x (a int primary key, b int primary key)')).toBe(
    '42P16: multiple primary keys for table "x" are not allowed',
  );
  expect(await session.error('create table x (a int, primary key (a, a))')).toBe(
    '42701: column "a" appears twice in primary key constraint',
  );
  expect(await session.error('create table x (a int, primary key (b))')).toBe(
    '42703: column "b" named in key does not exist',
  );
  expect(await session.error('drop index t_pkey')).toBe(
    '2BP01: cannot drop index t_pkey because constraint t_pkey on table t requires it',
  );
});

test('the catalog shows the key', async () => {
  expect(
    await session.rows(
      "select indisprimary, indisunique, pg_get_constraintdef(c.oid) from pg_index i join pg_constraint c on c.conindid = i.indexrelid where i.indrelid = 't'::regclass",
    ),
  ).toEqual(['t|t|PRIMARY KEY (k)']);
  expect(await session.rows('show create table t')).toEqual([
    'public.t|CREATE TABLE public.t (k integer NOT NULL, v text, CONSTRAINT t_pkey PRIMARY KEY (k))',
  ]);
  expect(await session.list('explain select v from t where k = 2')).toEqual([
    'Lookup public.t using index (k) = 2 (fast path)',
    '  output: v',
  ]);
});

test('random writes of two sessions leave what a map says', async () => {
  const random = new Random(7);
  const sessions = [session, harness.session()];
  const rows = new Map([
    [1, 'one'],
    [2, 'two'],
  ]);
  for (let i = 0; i < 150; i++) {
    const key = random.below(8);
    const next = random.below(8);
    const writer = random.pick(sessions);
    const kind = random.below(3);
    const sql =
      kind === 0
        ? `insert into t values (${key}, 'v${i}')`
        : kind === 1
          ? `delete from t where k = ${key}`
          : `update t set k = ${next}, v = 'v${i}' where k = ${key}`;
    const failed =
      (kind === 0 && rows.has(key)) ||
      (kind === 2 && rows.has(key) && next !== key && rows.has(next));
    expect(await writer.error(sql), sql).toBe(failed ? twice : 'no error');
    if (failed) continue;
    if (kind !== 0 && !rows.delete(key)) continue;
    if (kind === 0) rows.set(key, `v${i}`);
    if (kind === 2) rows.set(next, `v${i}`);
  }
  expect(await session.rows('select * from t')).toEqual(
    [...rows].map(([k, v]) => `${k}|${v}`).sort(),
  );
});

test('writes at the same time: one of each pair wins', async () => {
  const other = harness.session();
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 === 0 ? session : other).error(
        `update t set k = ${10 + Math.floor(i / 2)} where k in (1, ${9 + Math.floor(i / 2)})`,
      ),
    ),
  );
  expect(results.every((result) => result === 'no error' || result === twice)).toBe(true);
  expect(await session.rows('select k from t group by k having count(*) > 1')).toEqual([]);
});
