/**
 * Goal: INSERT, UPDATE, DELETE say exactly which rows go, which come and what RETURNING gives.
 * Method: the planned query evaluated by the reference over the recorded tables, compared with what
 * Postgres does to them; wrong statements with its errors.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluate } from '../../dataflow/operators/reference.ts';
import { finished } from '../../test/support/sql/answer.ts';
import { testCatalog, testRows } from '../../test/support/sql/tables.ts';
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import type { ErrorFields } from '../base/error.ts';
import type { Relation } from './catalog-view.ts';
import { initializeParser, parseOne } from './parse/parse.ts';
import { constantRows } from './plan-constant.ts';
import { noParameters } from './plan-query.ts';
import { planWrite } from './plan-write.ts';
import type { PlannedWrite } from './plan-write.ts';

const catalog = testCatalog().table('m', 'a int4', [], { kind: 'materialized view' });

beforeAll(async () => {
  await initializeParser();
  catalog.view('v', 'a int4', 'select a from t');
});

const rows = testRows(catalog);

/** A table with a default for its second column. */
function withDefaults(): void {
  const { statement } = defined(
    parseOne(`create table f (id int4, at varchar(3) default 'x' || 'y', n numeric(4,1))`),
    'a statement',
  );
  if (statement.kind !== 'createTable') throw new Error('a table is expected');
  const defaults: Relation['defaults'] = statement.columns.map((column) => column.default);
  catalog.table('f', 'id int4, at varchar(3), n numeric(4,1)', [], { defaults: defaults ?? [] });
}

function planned(sql: string): PlannedWrite {
  const { statement } = defined(parseOne(sql), 'a statement');
  switch (statement.kind) {
    case 'insert':
    case 'update':
    case 'delete':
      return planWrite(statement, catalog, { parameters: noParameters, mode: 'once' });
    default:
      throw new Error(`${statement.kind} changes no table`);
  }
}

/** `old → new | returning`, a line each, sorted. */
function effect(sql: string): readonly string[] {
  const write = planned(sql);
  const { rows: updates, errors } = evaluate(write.query.plan, rows);
  expect(errors).toEqual([]);
  const part = (row: readonly (string | null)[], columns: readonly number[]): string =>
    columns.map((column) => row[column] ?? 'NULL').join(',');
  return finished(write.query, updates)
    .map((row) =>
      [
        `${part(row, write.oldRow)} → ${part(row, write.newRow)}`,
        ...(write.returning === null ? [] : [part(row, write.returning)]),
      ].join(' | '),
    )
    .toSorted();
}

function failure(sql: string): ErrorFields {
  try {
    planned(sql);
  } catch (error) {
    if (error instanceof SqlError) return error.fields;
    throw error;
  }
  throw new Error('an error is expected');
}

describe('INSERT', () => {
  test('VALUES are assigned one by one; missing columns are NULL', () => {
    expect(effect(`insert into s values (1, 'ab', 2), (2.6, null, '3.456')`)).toEqual([
      ' → 1,ab,2.00',
      ' → 3,NULL,3.46',
    ]);
    expect(effect('insert into t (c, a) values (7, 8)')).toEqual([' → 8,NULL,7']);
    expect(constantRows(planned(`insert into t values (1, 'x', 2)`).query.plan)).toEqual([
      { row: [1, 'x', 2n], weight: 1 },
    ]);
  });

  test('defaults, DEFAULT and DEFAULT VALUES', () => {
    withDefaults();
    expect(effect('insert into f (id) values (1), (2)')).toEqual([' → 1,xy,NULL', ' → 2,xy,NULL']);
    expect(effect(`insert into f values (1, default, 1.25), (default, 'q', default)`)).toEqual([
      ' → 1,xy,1.3',
      ' → NULL,q,NULL',
    ]);
    expect(effect('insert into f default values')).toEqual([' → NULL,xy,NULL']);
  });

  test('a query, with RETURNING over the new rows', () => {
    expect(
      effect(`insert into s (a, d) select a, 'z' from t where a > 4 returning a + 1 as n, s.d, *`),
    ).toEqual([' → 5,z,NULL | 6,z,5,z,NULL', ' → 6,z,NULL | 7,z,6,z,NULL']);
    expect(
      planned('insert into s (a) values (1) returning a as x, e').columns?.map((column) => [
        column.name,
        column.attribute,
      ]),
    ).toEqual([
      ['x', 1],
      ['e', 3],
    ]);
  });

  test.each<[string, ErrorFields]>([
    [
      'insert into t (nope) values (1)',
      { code: '42703', message: 'column "nope" of relation "t" does not exist', position: 16 },
    ],
    [
      'insert into t (a, a) values (1, 2)',
      { code: '42701', message: 'column "a" specified more than once', position: 19 },
    ],
    [
      'insert into t values (1, 2, 3, 4)',
      { code: '42601', message: 'INSERT has more expressions than target columns', position: 32 },
    ],
    [
      'insert into t (a, b) values (1)',
      { code: '42601', message: 'INSERT has more target columns than expressions', position: 19 },
    ],
    [
      'insert into t (a) values (true)',
      {
        code: '42804',
        message: 'column "a" is of type integer but expression is of type boolean',
        hint: 'You will need to rewrite or cast the expression.',
        position: 27,
      },
    ],
    [
      `insert into t (a) values ('x')`,
      { code: '22P02', message: 'invalid input syntax for type integer: "x"', position: 27 },
    ],
    ['insert into v values (1)', { code: '55000', message: 'cannot insert into view "v"' }],
    ['insert into m values (1)', { code: '42809', message: 'cannot change materialized view "m"' }],
    [
      'insert into nope values (1)',
      { code: '42P01', message: 'relation "nope" does not exist', position: 13 },
    ],
  ])('%s', (sql, fields) => {
    const got = failure(sql);
    expect(got).toMatchObject({ code: fields.code, message: fields.message });
    if (fields.position !== undefined) expect(got.position).toBe(fields.position);
  });
});

describe('UPDATE', () => {
  test('old and new rows, duplicates as often as they are there', () => {
    expect(effect(`update t set c = c + 1 where b = 'x'`)).toEqual([
      '1,x,10 → 1,x,11',
      '4,x,40 → 4,x,41',
      '4,x,40 → 4,x,41',
    ]);
    expect(
      effect(`update t x set b = default, a = x.a * 2 where x.a = 5 returning a, b, c`),
    ).toEqual(['5,z,-5 → 10,NULL,-5 | 10,NULL,-5']);
  });

  test('FROM: each row once, by one of its partners', () => {
    const lines = effect('update t set c = s.e from s where s.a = t.a returning s.d');
    expect(lines.map((line) => line.split(' → ')[0])).toEqual([
      '1,x,10',
      '2,y,NULL',
      '4,x,40',
      '4,x,40',
    ]);
    expect(['2,y,NULL → 2,y,2 | q', '2,y,NULL → 2,y,NULL | y']).toContain(lines[1]);
  });

  test('a subquery as value and in WHERE', () => {
    expect(
      effect(
        'update t set c = (select count(*) from s where s.a = t.a) where a in (select a from s)',
      ),
    ).toEqual(['1,x,10 → 1,x,1', '2,y,NULL → 2,y,2', '4,x,40 → 4,x,1', '4,x,40 → 4,x,1']);
  });

  test.each<[string, ErrorFields]>([
    [
      'update t set nope = 1',
      { code: '42703', message: 'column "nope" of relation "t" does not exist', position: 14 },
    ],
    [
      'update t set a = 1, a = 2',
      { code: '42601', message: 'multiple assignments to same column "a"', position: 21 },
    ],
    [
      'update t set a = sum(a)',
      { code: '42803', message: 'aggregate functions are not allowed in UPDATE', position: 18 },
    ],
    [
      `update t set a = b`,
      {
        code: '42804',
        message: 'column "a" is of type integer but expression is of type text',
        position: 18,
      },
    ],
  ])('%s', (sql, fields) => {
    expect(failure(sql)).toMatchObject({ code: fields.code, message: fields.message });
  });
});

describe('DELETE', () => {
  test('rows, once each with USING', () => {
    expect(effect('delete from t where c is null or a = 4 returning a')).toEqual([
      '2,y,NULL →  | 2',
      '4,x,40 →  | 4',
      '4,x,40 →  | 4',
    ]);
    expect(effect('delete from t using s where s.a = t.a').length).toBe(4);
    expect(effect('delete from e')).toEqual([]);
  });
});
