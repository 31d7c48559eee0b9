/**
 * Goal: a secret is an object like others, survives restarts, is used by connections, and is
 * nowhere to be read. Method: the product without its network on the fake disk; everything that
 * shows objects is asked and searched for the value.
 */
import { expect, test } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import type { SqlSession } from '../../test/support/session-harness.ts';
import { SqlError } from '../base/error.ts';
import { inspect } from './inspect.ts';
import { limits } from '../base/limits.ts';
import { systemRelations } from '../catalog/system/all.ts';

const value = 'hunter2-of-the-test';

async function fieldsOf(sql: SqlSession, text: string): Promise<Record<string, unknown>> {
  try {
    await sql.run(text);
  } catch (error) {
    if (error instanceof SqlError) return { ...error.fields };
    throw error;
  }
  return {};
}

async function withSession(
  disk: FakeDisk,
  use: (sql: SqlSession, harness: SessionHarness) => Promise<void>,
): Promise<void> {
  const harness = await SessionHarness.onDisk(disk);
  await use(harness.session(), harness).finally(() => harness.close());
}

function secretOf(harness: SessionHarness, name: string): string | undefined {
  const object = harness.coordinator.catalog.item('public', name);
  return object?.kind === 'secret' ? object.value : undefined;
}

test('names, duplicates, and what is not a secret', async () => {
  await withSession(new FakeDisk(new Random(1)), async (sql, harness) => {
    await sql.run(`CREATE SECRET s AS '${value}'; CREATE TABLE t (a int4); CREATE SCHEMA other`);
    await sql.run(`CREATE SECRET other.s AS 'x'`);
    expect((await sql.run('SHOW SECRETS')).rows).toEqual([['s', 'secret']]);
    expect((await sql.run('SHOW SECRETS FROM other')).rows).toEqual([['s', 'secret']]);
    expect((await sql.run('SELECT name FROM mz_catalog.mz_secrets ORDER BY id')).rows).toEqual([
      ['s'],
      ['s'],
    ]);
    expect(await fieldsOf(sql, "CREATE SECRET s AS 'x'")).toMatchObject({ code: '42P07' });
    await sql.run("CREATE SECRET IF NOT EXISTS s AS 'x'");
    expect(secretOf(harness, 's')).toBe(value);
    expect(await fieldsOf(sql, "CREATE SECRET nowhere.s AS 'x'")).toMatchObject({ code: '3F000' });
    expect(await fieldsOf(sql, "ALTER SECRET t AS 'x'")).toMatchObject({ code: '42809' });
    expect(await fieldsOf(sql, "ALTER SECRET u AS 'x'")).toMatchObject({ code: '42704' });
    await sql.run("ALTER SECRET IF EXISTS u AS 'x'");
    await sql.run("ALTER SECRET s AS 'changed'");
    expect(secretOf(harness, 's')).toBe('changed');
    expect(await fieldsOf(sql, 'SELECT * FROM s')).toMatchObject({ code: '42P01' });
    expect(await fieldsOf(sql, 'DROP SECRET t')).toMatchObject({ code: '42809' });
    expect(await fieldsOf(sql, 'DROP SECRET u')).toMatchObject({ code: '42704' });
    expect(await fieldsOf(sql, 'VALIDATE CONNECTION u')).toMatchObject({ code: '42704' });
    expect(await fieldsOf(sql, 'VALIDATE CONNECTION s')).toMatchObject({ code: '42809' });
    const long = 'x'.repeat(limits.secretBytesMax + 1);
    expect(await fieldsOf(sql, `CREATE SECRET l AS '${long}'`)).toMatchObject({ code: '54000' });
    await sql.run('DROP SECRET IF EXISTS u; DROP SECRET s');
    expect((await sql.run('SHOW SECRETS')).rows).toEqual([]);
    expect((await sql.run('SHOW SECRETS FROM other')).rows).toHaveLength(1);
  });
});

const connection = `CREATE CONNECTION k TO KAFKA (BROKER 'a:1', SASL MECHANISMS = 'PLAIN',
  SASL USERNAME = 'u''s', SASL PASSWORD = SECRET s) WITH (VALIDATE = false)`;
const shown = `CREATE CONNECTION public.k TO KAFKA (BROKER 'a:1', SECURITY PROTOCOL = 'SASL_SSL', SASL MECHANISMS = 'PLAIN', SASL USERNAME = 'u''s', SASL PASSWORD = SECRET public.s)`;

/** A harness whose connections do nothing. */
function withConnections(): Promise<SessionHarness> {
  return SessionHarness.open(() => ({
    validate: () => Promise.resolve(),
    survey: () => Promise.resolve([]),
    reader: () => {
      throw new Error('this test reads no topic');
    },
    close: () => Promise.resolve(),
  }));
}

test('a connection needs its secret, and shows it by name', async () => {
  const harness = await withConnections();
  const sql = harness.session();
  await sql.run(`CREATE SECRET s AS '${value}'`);
  await sql.run(connection);
  expect((await sql.run('SHOW CREATE CONNECTION k')).rows).toEqual([['public.k', shown]]);
  await sql.run('VALIDATE CONNECTION k');
  const blocked = await fieldsOf(sql, 'DROP SECRET s');
  expect(blocked).toMatchObject({
    code: '2BP01',
    detail: 'connection k depends on secret s',
  });
  await sql.run('DROP SECRET s CASCADE');
  expect((await sql.run('SHOW CONNECTIONS')).rows).toEqual([]);
  await harness.close();
});

const wrongOptions: [string, string][] = [
  [`SASL PASSWORD = '${value}'`, '22023'],
  ['SASL PASSWORD = SECRET missing', '42704'],
  ['SASL PASSWORD = SECRET t', '42809'],
  ["SECURITY PROTOCOL = 'KERBEROS'", '0A000'],
  ["SASL MECHANISMS = 'OAUTHBEARER'", '0A000'],
  ['AWS CONNECTION = a', '0A000'],
  ['SSH TUNNEL = a', '0A000'],
  ["SECURITY PROTOCOL = 'SSL', SASL USERNAME = 'u'", '22023'],
  ["SECURITY PROTOCOL = 'SASL_PLAINTEXT', SSL KEY = SECRET s", '22023'],
  ["SECURITY PROTOCOL = 'PLAINTEXT', SSL CERTIFICATE AUTHORITY = 'x'", '22023'],
  ["SECURITY PROTOCOL = 'SSL', SSL KEY = SECRET s", '22023'],
  ["SASL USERNAME = 'u', SASL PASSWORD = SECRET s", '22023'],
  [`SSL KEY = '${value}'`, '22023'],
];

test.each(wrongOptions)('refused: %s', async (options, code) => {
  const harness = await withConnections();
  const sql = harness.session();
  await sql.run(`CREATE SECRET s AS '${value}'; CREATE TABLE t (a int4)`);
  const fields = await fieldsOf(sql, `CREATE CONNECTION k TO KAFKA (BROKER 'a:1', ${options})`);
  expect(fields).toMatchObject({ code });
  expect(JSON.stringify(fields)).not.toContain(value);
  await harness.close();
});

test('after a restart a secret is there, and shown by nothing', async () => {
  const disk = new FakeDisk(new Random(1));
  await withSession(disk, async (sql) => {
    await sql.run(`CREATE SECRET s AS '${value}'; CREATE SECRET gone AS 'x'; DROP SECRET gone`);
    await sql.run('CREATE VIEW v AS SELECT 1 AS a');
  });
  await withSession(disk, async (sql, harness) => {
    expect(secretOf(harness, 's')).toBe(value);
    expect(secretOf(harness, 'gone')).toBeUndefined();
    await sql.run('CHECKPOINT');
  });
  await withSession(disk, async (sql, harness) => {
    expect(secretOf(harness, 's')).toBe(value);
    const seen: unknown[] = [];
    for (const { schema, name } of systemRelations)
      seen.push((await sql.run(`SELECT * FROM ${schema}.${name}`)).rows);
    for (const text of [
      'SHOW SECRETS',
      'SHOW OBJECTS',
      'SHOW CREATE SECRET s',
      `EXPLAIN CREATE SECRET t AS '${value}'`,
      `PREPARE p AS CREATE SECRET t AS '${value}'`,
      'SELECT * FROM s',
      'SHOW CREATE VIEW s',
    ]) {
      const ran = await sql.run(text).catch((error: unknown) => error);
      seen.push(ran instanceof SqlError ? ran.fields : ran);
    }
    expect(seen).toHaveLength(systemRelations.length + 7);
    const everything = JSON.stringify(seen, (_, each: unknown) =>
      typeof each === 'bigint' ? String(each) : each,
    );
    expect(everything).not.toContain(value);
    const lines: string[] = [];
    const processes = { self: () => 'x', alive: () => true };
    await inspect({ disk, processes, line: (line) => void lines.push(line) });
    expect(lines).toContain('  secret public.s');
    expect(lines.join('\n')).not.toContain(value);
  });
});
