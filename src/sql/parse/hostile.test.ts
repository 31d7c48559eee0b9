/**
 * Hostile texts: deep, long, broken. Each is answered or refused with a SqlError; nothing crashes,
 * and nothing takes more than a few steps for each character. A seeded fuzzer mutates good
 * statements token by token.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../../../test/support/random.ts';
import { SqlError } from '../../base/error.ts';
import { limits } from '../../base/limits.ts';
import { tokenize } from './lexer.ts';
import { initializeParser, parseStatements } from './parse.ts';

beforeAll(initializeParser);

/** The SQLSTATE, or '' if it parses. Anything but SqlError fails the test. */
function codeOf(text: string): string {
  try {
    parseStatements(text);
    return '';
  } catch (error) {
    if (error instanceof SqlError) return error.fields.code;
    throw error;
  }
}

describe('depth', () => {
  const deep = 10_000;
  test.each([
    ['parentheses', `select ${'('.repeat(deep)}1${')'.repeat(deep)}`],
    ['open parentheses', `select ${'('.repeat(deep)}`],
    ['brackets', `select array${'['.repeat(deep)}1${']'.repeat(deep)}`],
    ['subqueries', `select ${'(select '.repeat(deep)}1${')'.repeat(deep)}`],
    ['derived tables', `select * from ${'(select * from '.repeat(deep)}t${') x'.repeat(deep)}`],
    ['calls', `select ${'f('.repeat(deep)}1${')'.repeat(deep)}`],
    ['CASE', `select ${'case when '.repeat(deep)}1${' then 1 end'.repeat(deep)}`],
    ['a chain of +', `select ${'1+'.repeat(deep)}1`],
    ['casts', `select 1${'::int'.repeat(deep)}`],
    ['NOT', `select ${'not '.repeat(deep)}a`],
    ['signs', `select ${'- '.repeat(deep)}1`],
    ['UNION', Array(deep).fill('select 1').join(' union ')],
    ['joins', `select 1 from t${' join t on a and b'.repeat(deep)}`],
    ['fields', `select (a)${'.f'.repeat(deep)}`],
    ['AT LOCAL', `select a${' at local'.repeat(deep)}`],
    [
      'a materialized view',
      `create materialized view v as select ${'('.repeat(deep)}1${')'.repeat(deep)}`,
    ],
    ['an index', `create index on t (${'('.repeat(deep)}a${')'.repeat(deep)})`],
  ])('%s', (_name, text) => {
    expect(codeOf(text)).toBe('54001');
  });

  test('what is allowed parses, at the limits too', () => {
    const chain = limits.chainTokensMax - 1;
    expect(codeOf(`select ${'1+'.repeat(chain)}1`)).toBe('');
    expect(codeOf(Array(chain).fill('select 1').join(' union all '))).toBe('');
    expect(codeOf(`select 1 from t${' join t on true'.repeat(chain)}`)).toBe('');
    expect(codeOf(`select ${'('.repeat(900)}1${')'.repeat(900)}`)).toBe('');
  });

  test('flat lists have no depth', () => {
    expect(
      codeOf(`select a from t where ${Array(10_000).fill('(a = 1 and b = 2)').join(' or ')}`),
    ).toBe('');
    expect(codeOf(`select 1 in (${'1,'.repeat(50_000)}1)`)).toBe('');
    expect(codeOf(`insert into t values ${'(1,2),'.repeat(20_000)}(1,2)`)).toBe('');
  });

  test('after many overflows parsing still works', async () => {
    const text = `select * from ${'(select * from '.repeat(950)}t${') x'.repeat(950)}`;
    for (let round = 0; round < 40; round++) {
      expect(['', '54001']).toContain(codeOf(text));
      // Lets a fresh instance of the grammar take over.
      if (round % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(codeOf('select 1')).toBe('');
  });
});

describe('size', () => {
  const large = 16_000_000;
  test.each([
    ['one long literal', `insert into t values ('${'x'.repeat(large)}')`, ''],
    ['beyond the limit', ' '.repeat(limits.statementBytesMax + 1), '54000'],
    ['tokens', '1,'.repeat(large / 2), '54000'],
    ['semicolons', ';'.repeat(large), '54000'],
    ['statements', 'show x;'.repeat(limits.scriptStatementsMax + 1), '54000'],
    ['a run of signs', `select ${'+-'.repeat(large / 2)}1`, '42601'],
    ['comments', `${'/**/'.repeat(large / 4)}`, '54000'],
    ['nested comments', '/*'.repeat(large / 2), '42601'],
    ['blanks', ' '.repeat(large), ''],
    ['quotes', `select ${"'".repeat(large)}`, ''],
    ['dollars', '$'.repeat(large), '54000'],
    ['one word', 'a'.repeat(large), '42601'],
    ['control characters', `select '${'\u0001'.repeat(large)}'`, ''],
  ])('%s', (_name, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  test('many comments cost each statement only its own', () => {
    expect(codeOf('show /* x */ a;'.repeat(20_000))).toBe('');
    expect(codeOf(`select ${'/**/ '.repeat(100_000)} 1`)).toBe('');
  });
});

describe('characters', () => {
  test('what is no text is refused', () => {
    expect(codeOf('select \0')).toBe('22021');
    expect(codeOf("select '\ud800'")).toBe('22021');
    expect(codeOf("select '\udc00\ud800'")).toBe('22021');
  });

  test('odd characters are names or syntax errors', () => {
    expect(codeOf('select \u00a0')).toBe('');
    expect(codeOf('select \ufeff1')).toBe('');
    expect(codeOf('select \u0001')).toBe('42601');
    expect(codeOf('select \\')).toBe('42601');
    expect(codeOf('{')).toBe('42601');
  });
});

const seeds = [
  "select a, count(*) filter (where b > 1) from s.t as x left join u using (id) where a in (1, 2) and b like 'x%' group by a having count(*) > 1 order by 2 desc nulls last limit 10 offset 5",
  "with w (a) as (values (1, 'x'), (2, null)) select case a when 1 then $1::numeric(10,2) else -1.5e3 end from w union all select extract(day from current_timestamp(3)) from v except select (select max(z) from y)",
  "create source s (id int8 not null, p numeric(10,2), primary key (id)) from kafka connection k (topic 't', start offset (0, 1)) key format text value format json include key as k, partition, header 'x' as h bytes envelope upsert with (size = 3)",
  "create connection k to kafka (broker 'localhost:9092', security protocol plaintext) with (validate = false)",
  "create materialized view if not exists v (a, b) with (retain history for '1h') as select a, b::text from t where a is not distinct from 3",
  'create default index i on s.t using arrangement (a, (b + 1), lower(c))',
  'drop materialized view if exists a, b.c cascade',
  'subscribe to (select * from t where a between symmetric 1 and 2) with (snapshot = false, progress) as of at least 5 up to mz_now() + 10',
  'declare c no scroll cursor without hold for subscribe t with (progress)',
  "fetch forward 10 from c with (timeout = '1s')",
  "copy (subscribe t) to stdout with (format csv, header true, delimiter ',')",
  'explain (verbose) select array[1, 2][1], (row(1, 2)).f1, a[1:2]',
  "show tables from s like 'a%'; show create view v; show time zone; show all",
  "insert into t (a, b) values (1, default), ($1, e'x\\n') returning *; update t x set (a, b) = (1, 2) from u where x.id = u.id; delete from t using u where not exists (select 1)",
  "create table t (a int not null default 1 primary key, b text[]); create view v as select interval '1' day; create schema if not exists s",
  "begin isolation level serializable read only; set local x to 'a', b; reset all; set time zone 'UTC'; set transaction read write; rollback; deallocate all; discard plans; close all",
  "prepare p (int, text) as select $1 + $2; execute p (1, 'a'); copy t (a) from stdin csv header",
];

test('mutated statements never throw anything but SqlError', () => {
  const random = new Random(20);
  const words = seeds.flatMap((text) => {
    const tokens = tokenize(text);
    return Array.from({ length: tokens.count }, (_, at) => tokens.spelling(at));
  });
  const rare = [
    "'",
    '"',
    '$$',
    '/*',
    '*/',
    '--',
    "E'",
    'U&"',
    '😀',
    '\\',
    '0x',
    '1..2',
    '99999999999999999999',
    ')',
    '(',
    ';',
    '*',
    'as of',
    'over ()',
    'with',
    'null',
    'null',
  ];
  let accepted = 0;
  for (let round = 0; round < 12_000; round++) {
    const tokens = tokenize(random.pick(seeds));
    const list = Array.from({ length: tokens.count }, (_, at) => tokens.spelling(at));
    for (let change = 1 + random.below(3); change > 0; change--) {
      const at = random.below(list.length);
      const word = random.chance(0.2) ? random.pick(rare) : random.pick(words);
      list.splice(at, random.below(3), ...(random.chance(0.7) ? [word] : []));
      if (list.length === 0) list.push(word);
    }
    if (codeOf(list.join(' ')) === '') accepted++;
  }
  expect(accepted).toBeGreaterThan(500);
});
