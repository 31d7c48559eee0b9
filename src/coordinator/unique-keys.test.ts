/**
 * Goal: no table ever holds a primary key twice, whatever writes, and clients hear of it as from
 * Postgres, and writes of different keys share steps. Method: statements through sessions in
 * process: every kind of write, blocks that collide, equal keys that are spelled differently; then
 * random writes by two sessions against a plain map, and many at once by sessions that must agree on
 * who came first.
 */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
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

test('a block of many statements asks the engine for few of its keys', async () => {
  const { engine } = harness.coordinator;
  const asked = vi.spyOn(engine, 'lookupKey');
  const scanned = vi.spyOn(engine, 'lookup');
  await session.run('begin');
  for (let k = 100; k < 150; k++) await session.run(`insert into t values (${k}, '')`);
  expect(asked.mock.calls.length).toBeLessThan(5);
  expect(scanned).not.toHaveBeenCalled();
  expect(await session.error("insert into t values (500, ''), (123, '')")).toBe(twice);
  await session.run('rollback; begin');
  await session.run("insert into t values (123, '')");
  await session.run('commit');
  vi.restoreAllMocks();
  expect(await session.rows('select count(*) from t')).toEqual(['3']);
});

test('the detail names the key', async () => {
  expect(await detail("insert into t values (2, '')")).toBe('Key (k)=(2) already exists.');
  await session.run(
    'drop table if exists p; create table p (b text, a numeric, primary key (a, b))',
  );
  await session.run("insert into p values ('x', 1.0)");
  expect(await detail("insert into p values ('x', 1.00)")).toBe(
    'Key (a, b)=(1.00, x) already exists.',
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

test('inserts of different keys at the same time share steps', async () => {
  const { timeline } = harness.coordinator;
  // The first lookup of a key goes to the engine.
  await session.run("insert into t values (3, 'three')");
  const before = timeline.sealed;
  const sessions = Array.from({ length: 40 }, () => harness.session());
  await Promise.all(sessions.map((one, i) => one.run(`insert into t values (${100 + i}, '')`)));
  expect(timeline.sealed - before).toBeLessThan(10);
  expect(await session.rows('select count(*) from t')).toEqual(['43']);
});

test('a prepared insert takes the short way, and is refused for a key that is there', async () => {
  const prepared = session.session.prepare('insert into t values ($1, $2)', []);
  const insert = async (key: number): Promise<string | null> => {
    const tag = session.session.bind(prepared, [key, 'prepared']).insert?.() ?? null;
    await session.session.sync(false);
    return tag;
  };
  await session.run("insert into t values (3, 'three')");
  expect(await insert(4)).toBe('INSERT 0 1');
  expect(await session.rows('select v from t where k = 4')).toEqual(['prepared']);
  await expect(insert(4)).rejects.toThrow(/duplicate key/);
  expect(await session.rows('select count(*) from t')).toEqual(['4']);
});

test('a second statement of the same message is compared with a prepared one before it', async () => {
  await session.run("insert into t values (3, 'three')");
  const prepared = session.session.prepare('insert into t values ($1, $2)', []);
  expect(session.session.bind(prepared, [9, 'first']).insert?.()).toBe('INSERT 0 1');
  await expect(session.session.bind(prepared, [9, 'second']).execute()).rejects.toThrow(
    /duplicate key/,
  );
  session.session.fail();
  await session.session.sync(true);
  expect(await session.rows('select count(*) from t')).toEqual(['3']);
});

test('of many who want the same keys at once, one gets each, and the others see who', async () => {
  const random = new Random(11);
  const sessions = Array.from({ length: 12 }, () => harness.session());
  const winners = new Map<number, string>();
  let deletions = 0;
  await Promise.all(
    sessions.map(async (one, s) => {
      for (let i = 0; i < 25; i++) {
        const keys = [...new Set([20 + random.below(30), 20 + random.below(30)])];
        const name = `${s}.${i}`;
        const rows = keys.map((key) => `(${key}, '${name}')`).join(', ');
        const block = random.chance(0.3);
        const before = deletions;
        const insert = `insert into t values ${rows}`;
        const result = await one.error(block ? `begin; ${insert}; commit` : insert);
        if (result === 'no error') {
          for (const key of keys) {
            expect(winners.has(key), `key ${key} is acknowledged once`).toBe(false);
            winners.set(key, name);
          }
        } else {
          expect(result).toBe(twice);
          if (block) await one.error('rollback');
          // Whoever is refused sees the key at once, if nobody has deleted it.
          const found = await one.rows(`select k from t where k in (${keys.join(', ')})`);
          if (deletions === before) expect(found.length).toBeGreaterThan(0);
        }
        if (random.chance(0.2)) {
          const key = 20 + random.below(30);
          const was = winners.get(key);
          winners.delete(key);
          deletions++;
          const gone = await one.run(`delete from t where k = ${key} and v = '${was ?? ''}'`);
          expect(gone.tag).toBe(was === undefined ? 'DELETE 0' : 'DELETE 1');
        }
      }
    }),
  );
  expect(await session.rows('select k, v from t where k >= 20')).toEqual(
    [...winners].map(([k, v]) => `${k}|${v}`).sort(),
  );
});

test('keys that are equal under SQL claim each other, whatever they look like', async () => {
  for (const [type, one, other] of [
    ['numeric', '1.0', '1.000'],
    ['float8', '0', "'-0'"],
    ['interval', "'1 mon'", "'30 days'"],
    ['jsonb', `'{"a": 1.0, "b": 2}'`, `'{"b": 2, "a": 1.0}'`],
    ['int8[]', `'{1,2}'`, `'{1, 2}'`],
  ]) {
    await session.run('drop table if exists q; create table q (k ' + type + ' primary key)');
    const results = await Promise.all([
      session.error(`insert into q values (${one})`),
      harness.session().error(`insert into q values (${other})`),
    ]);
    expect(
      results.filter((result) => result === 'no error'),
      type,
    ).toHaveLength(1);
    expect(await session.rows('select count(*) from q'), type).toEqual(['1']);
  }
});
