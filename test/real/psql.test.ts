/**
 * Goal: the real psql works against the engine without a flag beyond host and port. Method: run
 * psql as a program on scripts of statements and backslash commands; look at what it prints and at
 * its exit status. `-X` and a bare environment keep the machine's own settings out.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceServer } from './millrace-server.ts';

let server: MillraceServer;

interface Printed {
  readonly status: number | null;
  readonly out: string;
  readonly errors: string;
}

function psql(script: string, ...flags: readonly string[]): Printed {
  const done = spawnSync(
    'psql',
    ['-X', '-h', '127.0.0.1', '-p', String(server.port), '-v', 'ON_ERROR_STOP=1', ...flags],
    {
      input: script,
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        HOME: '/nonexistent',
        PGUSER: 'someone',
        LC_ALL: 'C.UTF-8',
      },
    },
  );
  return { status: done.status, out: done.stdout, errors: done.stderr };
}

/** Unaligned rows without headings, after a run that must succeed. */
function rows(script: string): readonly string[] {
  const { status, out, errors } = psql(script, '-A', '-t', '-q');
  expect(status, errors).toBe(0);
  return out.split('\n').filter((line) => line !== '');
}

beforeAll(async () => {
  server = await MillraceServer.start();
  const made = psql(`
    CREATE TABLE orders (id int8 NOT NULL, region text, amount numeric(10,2), at timestamptz);
    CREATE VIEW big AS SELECT * FROM orders WHERE amount > 10;
    CREATE MATERIALIZED VIEW revenue AS SELECT region, count(*) AS orders, sum(amount) AS amount FROM orders GROUP BY region;
    CREATE INDEX by_region ON orders (region);
    INSERT INTO orders VALUES (1, 'north', 10, '2024-01-02 03:04:05+00'), (2, 'south', 20, NULL), (3, NULL, 5.5, NULL);
  `);
  if (made.status !== 0) throw new Error(made.errors);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

describe('psql', () => {
  it('prints an aligned table', () => {
    const { out, errors } = psql('SELECT id, region, amount FROM orders ORDER BY id;');
    expect(errors.split('\n').filter((line) => line.startsWith('ERROR'))).toEqual([]);
    expect(out).toBe(
      [
        ' id | region | amount ',
        '----+--------+--------',
        '  1 | north  |  10.00',
        '  2 | south  |  20.00',
        '  3 |        |   5.50',
        '(3 rows)',
        '',
        '',
      ].join('\n'),
    );
  });

  it('prints what each statement did', () => {
    const { out } = psql(`
      CREATE TABLE scratch (a int4); INSERT INTO scratch VALUES (1), (2); UPDATE scratch SET a = 3 WHERE a = 2;
      DELETE FROM scratch WHERE a = 1; DROP TABLE scratch;`);
    expect(out.trim().split('\n')).toEqual([
      'CREATE TABLE',
      'INSERT 0 2',
      'UPDATE 1',
      'DELETE 1',
      'DROP TABLE',
    ]);
  });

  it.each([
    ['\\dt', ['orders']],
    ['\\dv', ['big']],
    ['\\dm', ['revenue']],
    ['\\di', ['by_region']],
    ['\\d', ['big', 'orders', 'revenue']],
  ] as const)('lists objects: %s', (command, names) => {
    const listed = rows(command).map((line) => line.split('|')[1] ?? '');
    for (const name of names) expect(listed).toContain(name);
  });

  it('describes a table with its types', () => {
    const { status, out } = psql('\\d orders');
    expect(status).toBe(0);
    expect(out).toMatch(/Table "public\.orders"/);
    for (const line of [
      / id +\| bigint +\| +\| not null/,
      / region +\| text/,
      / amount +\| numeric\(10,2\)/,
      / at +\| timestamp with time zone/,
    ]) {
      expect(out).toMatch(line);
    }
  });

  it('describes views', () => {
    expect(psql('\\d big').out).toMatch(/View "public\.big"[\s\S]* amount +\| numeric/);
    expect(psql('\\d revenue').out).toMatch(
      /Materialized view "public\.revenue"[\s\S]* orders +\| bigint/,
    );
  });

  it('lists databases and schemas', () => {
    expect(rows('\\l').map((line) => line.split('|')[0])).toContain('materialize');
    expect(rows('\\dn').map((line) => line.split('|')[0])).toContain('public');
  });

  it('lists functions, operators, casts, types, roles and rights', () => {
    expect(rows('\\df lower')).toEqual(['pg_catalog|lower|text|text|func']);
    expect(rows('\\df')).toEqual([]);
    expect(rows('\\da sum')).toContain('pg_catalog|sum|numeric|bigint|Sum of the values.');
    expect(rows('\\df+ generate_series')[0]).toMatch(/^pg_catalog\|generate_series\|SETOF bigint/);
    expect(rows('\\do @>')).toContain(
      'pg_catalog|@>|jsonb|jsonb|boolean|Whether the left value contains the right one.',
    );
    expect(rows('\\do')).toEqual([]);
    expect(rows('\\dC')).toEqual(
      expect.arrayContaining([
        'integer|bigint|int8|yes',
        'numeric|integer|int4|in assignment',
        'character varying|text|(binary coercible)|yes',
      ]),
    );
    expect(rows('\\dT int4')).toEqual(['pg_catalog|integer|']);
    expect(rows('\\dT')).toEqual([]);
    expect(rows('\\du')[0]).toMatch(/\|Superuser, Create role, Create DB, /);
    expect(rows('\\dp').map((line) => line.split('|')[1])).toContain('orders');
  });

  it('tells more with a plus', () => {
    expect(rows('\\dn+').map((line) => line.split('|')[0])).toContain('public');
    expect(rows('\\dv+').map((line) => line.split('|')[1])).toContain('big');
    expect(rows('\\dm+').map((line) => line.split('|')[1])).toContain('revenue');
    expect(rows('\\di+').map((line) => line.split('|')[1])).toContain('by_region');
    expect(rows('\\l+')[0]).toMatch(/^materialize\|.*\|pg_default\|$/);
    expect(psql('\\d+ big').out).toMatch(
      /View definition:\nSELECT \* FROM orders WHERE amount > 10/,
    );
    expect(rows('\\d+ by_region')).toContain('region|text|yes|region|extended|');
    expect(
      rows('CREATE TABLE kept (n int4 DEFAULT 1 + 2);\n\\d+ kept\nDROP TABLE kept;'),
    ).toContain('n|integer|||1 + 2|plain|||');
  });

  it('shows a function, or says why not', () => {
    expect(rows('\\sf lower')[0]).toBe('CREATE OR REPLACE FUNCTION pg_catalog.lower(text)');
    expect(psql('\\sf nosuch').errors).toMatch(/function "nosuch" does not exist/);
    expect(psql('\\sf md5').errors).toMatch(/more than one function named "md5"/);
    expect(psql('\\sf lower(text)').errors).toMatch(/type "regprocedure" is not supported/);
  });

  it('copies out and in', () => {
    expect(rows('COPY (SELECT id, region FROM orders ORDER BY id) TO STDOUT;')).toEqual([
      '1\tnorth',
      '2\tsouth',
      '3\t\\N',
    ]);
    expect(
      rows('COPY (SELECT id, region FROM orders ORDER BY id) TO STDOUT (FORMAT csv, HEADER);'),
    ).toEqual(['id,region', '1,north', '2,south', '3,']);
    const copied = rows(
      'CREATE TABLE copied (a int4, b text);\nCOPY copied FROM STDIN;\n1\tone\n2\t\\N\n\\.\nSELECT * FROM copied ORDER BY a;\nDROP TABLE copied;\n',
    );
    expect(copied).toEqual(['1|one', '2|']);
  });

  it('shows where an error is and ends with status 3', () => {
    const { status, errors } = psql('SELECT id,\n  regoin FROM orders;', '-v', 'VERBOSITY=verbose');
    expect(status).toBe(3);
    expect(errors).toMatch(
      /ERROR: {2}42703: column "regoin" does not exist\nLINE 2: {3}regoin FROM orders;\n {10}\^/,
    );
  });

  it('uses variables, conditionals, \\gset, \\gdesc and cursors by FETCH_COUNT', () => {
    expect(rows("\\set r north\nSELECT id FROM orders WHERE region = :'r';")).toEqual(['1']);
    expect(
      rows(
        'SELECT count(*) AS n, true AS some FROM orders \\gset\n\\if :some\n\\echo there are :n\n\\endif',
      ),
    ).toEqual(['there are 3']);
    expect(rows('SELECT id, amount FROM orders \\gdesc')).toEqual([
      'id|bigint',
      'amount|numeric(10,2)',
    ]);
    expect(rows('\\set FETCH_COUNT 2\nSELECT id FROM orders ORDER BY id;')).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  it('runs a script in one transaction', () => {
    expect(
      rows(
        'BEGIN;\nINSERT INTO orders VALUES (9, NULL, 1, NULL);\nROLLBACK;\nSELECT count(*) FROM orders;',
      ),
    ).toEqual(['3']);
  });

  it('reads a subscription by a cursor', () => {
    const followed = rows(
      "BEGIN;\nDECLARE c CURSOR FOR SUBSCRIBE revenue;\nFETCH 3 c WITH (TIMEOUT = '5s');\nCOMMIT;",
    );
    expect(followed.map((line) => line.split('|').slice(1).join('|')).sort()).toEqual([
      '1|north|1|10.00',
      '1|south|1|20.00',
      '1||1|5.50',
    ]);
  });
});
