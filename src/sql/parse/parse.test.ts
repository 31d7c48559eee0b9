/**
 * The door of the parser: statements split and read, errors with Postgres' messages and positions.
 * Positions are counted by hand in code points, messages are those of Postgres' grammar; for our
 * own statements they follow the same rules.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { SqlError } from '../../base/error.ts';
import type { ErrorFields } from '../../base/error.ts';
import { initializeParser, parseOne, parseStatements } from './parse.ts';

beforeAll(initializeParser);

function errorOf(text: string): ErrorFields {
  try {
    parseStatements(text);
  } catch (error) {
    if (error instanceof SqlError) return error.fields;
    throw error;
  }
  throw new Error(`no error for ${text.slice(0, 100)}`);
}

/** `code @position message`, as a picture of the error. */
function errorLine(text: string): string {
  const { code, position, message } = errorOf(text);
  return `${code} @${String(position)} ${message}`;
}

describe('splitting', () => {
  test('an empty text has no statement', () => {
    for (const text of ['', ';', ';;', ' ; -- x\n;', '/* x */'])
      expect(parseStatements(text)).toEqual([]);
  });

  test('each statement has its text and its place in the whole', () => {
    const found = parseStatements("select ';' ; -- a;b\n /* ; */ show x;values (1)");
    expect(found.map(({ text, position }) => [text, position])).toEqual([
      ["select ';'", 1],
      ['show x', 30],
      ['values (1)', 37],
    ]);
  });

  test('positions count code points over all statements', () => {
    const [, second] = parseStatements("select '😀é'; select b");
    expect(second?.position).toBe(14);
    expect(second?.statement).toMatchObject({
      query: { body: { items: [{ expression: { position: 21 } }] } },
    });
  });

  test('a prepared statement is one statement', () => {
    expect(parseOne('  ')).toBeNull();
    expect(parseOne('select 1;')?.text).toBe('select 1');
    expect(() => parseOne('select 1; select 2')).toThrow(
      'cannot insert multiple commands into a prepared statement',
    );
  });

  test('one broken statement refuses the whole text', () => {
    expect(errorLine('select 1; select frm where; select')).toBe(
      '42601 @27 syntax error at or near ";"',
    );
  });
});

describe('errors of the grammar', () => {
  test.each([
    ['selec 1', '42601 @1 syntax error at or near "selec"'],
    ['select a frm t x', '42601 @14 syntax error at or near "t"'],
    ['select 1 +', '42601 @11 syntax error at end of input'],
    ['select (1', '42601 @10 syntax error at end of input'],
    ['select (1; select 2', '42601 @10 syntax error at or near ";"'],
    ['select 1 from', '42601 @14 syntax error at end of input'],
    ["select 'é😀' frm x y", '42601 @17 syntax error at or near "x"'],
    ["select 'abc", '42601 @8 unterminated quoted string at or near "\'abc"'],
    ['select "abc', '42601 @8 unterminated quoted identifier at or near ""abc"'],
    ['select ""', '42601 @8 zero-length delimited identifier at or near """"'],
    ['select 1 /* x', '42601 @10 unterminated /* comment at or near "/* x"'],
    ['select $a$ x', '42601 @8 unterminated dollar-quoted string at or near "$a$ x"'],
    ['select 1x', '42601 @8 trailing junk after numeric literal at or near "1x"'],
    ["select frm x y, 'abc", '42601 @14 syntax error at or near "y"'],
    ['insert into t values', '42601 @21 syntax error at end of input'],
    ['select a.b.c.d.e', '42601 @8 improper qualified name (too many dotted names): a.b.c.d.e'],
  ])('%s', (text, expected) => {
    expect(errorLine(text)).toBe(expected);
  });

  test('a quoted token is cut in the message', () => {
    expect(
      errorOf(`select a ${'b'.repeat(100_000)} ${'c'.repeat(100_000)}`).message.length,
    ).toBeLessThan(1_100);
  });
});

describe('errors of the front parser', () => {
  test.each([
    ['CREATE MATERIALIZED VIEW v AS SELECT a FRM t', '42601 @44 syntax error at or near "t"'],
    ['CREATE MATERIALIZED VIEW é😀 AS SELECT a FRM t', '42601 @45 syntax error at or near "t"'],
    [
      'select 1; CREATE MATERIALIZED VIEW v AS SELECT a FRM t',
      '42601 @54 syntax error at or near "t"',
    ],
    [
      'CREATE MATERIALIZED VIEW v AS INSERT INTO t VALUES (1)',
      '42601 @31 syntax error at or near "INSERT"',
    ],
    ['create materialized view', '42601 @25 syntax error at end of input'],
    ['create materialized view select as select 1', '42601 @26 syntax error at or near "select"'],
    ['create materialized view v as', '42601 @30 syntax error at end of input'],
    ['create source s from kafka (topic 1)', '42601 @28 syntax error at or near "("'],
    ['create source s from kafka connection k (topic)', ''],
    ['create source s (a int,) from kafka connection k', '42601 @24 syntax error at or near ")"'],
    [
      'create source s from kafka connection k format xml',
      '42601 @48 syntax error at or near "xml"',
    ],
    [
      'create source s from kafka connection k include foo',
      '42601 @49 syntax error at or near "foo"',
    ],
    [
      "create source s from kafka connection k (topic 't'",
      '42601 @51 syntax error at end of input',
    ],
    ['subscribe', '42601 @10 syntax error at end of input'],
    ['subscribe (select 1', '42601 @20 syntax error at end of input'],
    ['subscribe t as of', '42601 @18 syntax error at end of input'],
    ['subscribe t as of 1 +; select 1', '42601 @22 syntax error at or near ";"'],
    ['subscribe t as of 1 + up to 3', '42601 @23 syntax error at or near "up"'],
    ['subscribe t as of 1, 2', '42601 @20 syntax error at or near ","'],
    ['subscribe t x', '42601 @13 syntax error at or near "x"'],
    ["subscribe 'abc", '42601 @11 unterminated quoted string at or near "\'abc"'],
    ['create index on t(a +)', '42601 @22 syntax error at or near ")"'],
    ['create index on t()', '42601 @19 syntax error at or near ")"'],
    ['create index on t(a) ) x (b)', '42601 @22 syntax error at or near ")"'],
    ['drop table', '42601 @11 syntax error at end of input'],
    ['drop table a b', '42601 @14 syntax error at or near "b"'],
    ['show tables from', '42601 @17 syntax error at end of input'],
    ['explain', '42601 @8 syntax error at end of input'],
    ['explain explain select 1', '42601 @9 syntax error at or near "explain"'],
    ['fetch 1 from', '42601 @13 syntax error at end of input'],
    ["fetch c with (timeout 'soon')", '22007 @15 invalid input syntax for type interval: "soon"'],
    ['declare c cursor for', '42601 @21 syntax error at end of input'],
    ['copy (subscribe t) to', '42601 @22 syntax error at end of input'],
  ])('%s', (text, expected) => {
    if (expected === '') expect(parseStatements(text)).toHaveLength(1);
    else expect(errorLine(text)).toBe(expected);
  });
});

describe('refused by name', () => {
  test.each([
    ['select a from t for update', '0A000 @17 FOR UPDATE is not supported'],
    ['select count(*) over w from t window w as ()', '0A000 @43 WINDOW is not supported'],
    ['select * from t tablesample system (1)', '0A000 @29 TABLESAMPLE is not supported'],
    ['select 1 into x', '0A000 @15 SELECT INTO is not supported'],
    [
      'select a from t order by a fetch first 1 row with ties',
      '0A000 @46 WITH TIES is not supported',
    ],
    ["select b'101'", '0A000 @8 a bit string is not supported'],
    ['select f(a => 1)', '0A000 @10 a named argument is not supported'],
    ['select (a, b) overlaps (c, d)', '0A000 @15 OVERLAPS is not supported'],
    ['select a is json', '0A000 @8 IS JSON is not supported'],
    ['select grouping(a) from t', '0A000 @8 GROUPING is not supported'],
    [
      'with w as (insert into t values (1) returning a) select * from w',
      '0A000 @6 a data-modifying statement in WITH is not supported',
    ],
    [
      'with w as (select 1) insert into t select * from w',
      '0A000 @1 WITH in a data-modifying statement is not supported',
    ],
    ['insert into t values (1) on conflict do nothing', '0A000 @26 ON CONFLICT is not supported'],
    ['merge into t using u on a = b when matched then delete', '0A000 @1 MERGE is not supported'],
    ['create table t (a int check (a > 1))', '0A000 @23 a CHECK constraint is not supported'],
    ['create table t (a int unique)', '0A000 @23 a UNIQUE constraint is not supported'],
    ['create table t (a int references u)', '0A000 @23 a FOREIGN KEY constraint is not supported'],
    [
      'create table t (a int generated always as identity)',
      '0A000 @23 an identity column is not supported',
    ],
    ['create table t (like u)', '0A000 @17 LIKE in CREATE TABLE is not supported'],
    [
      'create table t (a int) with (fillfactor = 1)',
      '0A000 @30 table option "fillfactor" is not supported',
    ],
    ['create table t (a int) partition by list (a)', '0A000 @24 PARTITION BY is not supported'],
    ['create table t (a int) on commit drop', '0A000 @24 ON COMMIT is not supported'],
    ['create table t as select 1', '0A000 @1 CREATE TABLE AS is not supported'],
    ['create recursive view v (a) as select 1', '0A000 @23 CREATE RECURSIVE VIEW is not supported'],
    ['alter table t add a int', '0A000 @1 ALTER TABLE is not supported'],
    [
      'create or replace function f() returns int as $$ $$ language sql',
      '0A000 @1 CREATE FUNCTION is not supported',
    ],
    ['drop role x', '0A000 @1 DROP ROLE is not supported'],
    ['grant select on t to x', '0A000 @1 GRANT is not supported'],
    ['savepoint a', '0A000 @1 SAVEPOINT is not supported'],
    ['commit and chain', '0A000 @8 AND CHAIN is not supported'],
    ['listen x', '0A000 @1 LISTEN is not supported'],
    ["copy t to program 'x'", '0A000 @11 COPY with PROGRAM is not supported'],
    ['copy t from stdin (freeze)', '0A000 @20 COPY FROM option FREEZE is not supported'],
    ['create sink s from t into kafka', '0A000 @1 CREATE SINK is not supported'],
    [
      'create source s from load generator counter',
      '0A000 @22 a source from LOAD GENERATOR COUNTER is not supported',
    ],
    ['create unique index on t (a)', '0A000 @8 a UNIQUE index is not supported'],
    ['create index on t (a) where a > 1', '0A000 @23 WHERE of an index is not supported'],
    [
      'create materialized view v as select 1 with no data',
      '0A000 @40 WITH NO DATA is not supported',
    ],
    ['subscribe t envelope upsert (key (a))', '0A000 @13 SUBSCRIBE … ENVELOPE is not supported'],
    [
      'subscribe t within timestamp order by a',
      '0A000 @13 SUBSCRIBE … WITHIN TIMESTAMP ORDER BY is not supported',
    ],
    ['select * from t as of 5', '0A000 @17 AS OF in SELECT is not supported'],
    ['explain analyze select 1', '0A000 @9 EXPLAIN ANALYZE is not supported'],
    ['explain materialized view v', '0A000 @9 EXPLAIN of an object is not supported'],
    ['fetch backward 2 in c', '0A000 @7 FETCH BACKWARD is not supported'],
    ['declare c scroll cursor for select 1', '0A000 @11 a SCROLL cursor is not supported'],
    ['show tables where a', '0A000 @13 SHOW … WHERE is not supported'],
  ])('%s', (text, expected) => {
    expect(errorLine(text)).toBe(expected);
  });
});
