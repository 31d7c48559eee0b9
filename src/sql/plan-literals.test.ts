/**
 * Goal: an INSERT of many literals means the same on its short way as on the way of every other
 * statement. Method: random statements of literals of every kind, for columns of many types; the
 * tree and the rows of the short way, or its error with its position, against those of the grammar
 * and the general planner. A literal that is not plain must lead to the general way.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { testCatalog } from '../../test/support/sql/tables.ts';
import type { Row } from '../../dataflow/value/datum.ts';
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import type { LiteralRows } from './ast.ts';
import { convertStatement } from './parse/convert-statement.ts';
import { initializeParser, parseOne } from './parse/parse.ts';
import { parsePiece, Script } from './parse/script.ts';
import { constantRows } from './plan-constant.ts';
import { literalsOf, planLiterals } from './plan-literals.ts';
import { noParameters } from './plan-query.ts';
import { planWrite } from './plan-write.ts';
import type { InsertStatement } from './plan-write.ts';

const types = [
  'int2',
  'int4',
  'int8',
  'float8',
  'float4',
  'numeric',
  'numeric(6,2)',
  'numeric(4,4)',
  'text',
  'varchar(3)',
  'bpchar(4)',
  'bool',
  'date',
  'timestamptz',
  'uuid',
  'jsonb',
  'bytea',
];

const catalog = testCatalog();

beforeAll(async () => {
  await initializeParser();
  catalog.table('wide', types.map((type, i) => `c${i} ${type}`).join(', '), []);
  const { statement } = defined(parseOne(`create table f (a int4, b int4 default 3 + 4)`), 'f');
  if (statement.kind !== 'createTable') throw new Error('a table is expected');
  catalog.table('f', 'a int4, b int4', [], {
    defaults: statement.columns.map((column) => column.default),
  });
});

const options = { parameters: noParameters, mode: 'once' } as const;

/** The statement as the grammar reads it. */
function byGrammar(sql: string): InsertStatement {
  const script = new Script(sql);
  const { node, conversion } = parsePiece(script, 0, script.tokens.count);
  const statement = convertStatement(conversion, defined(node, 'a statement'));
  if (statement?.kind !== 'insert') throw new Error('an INSERT is expected');
  return statement;
}

function parsed(sql: string): InsertStatement {
  const { statement } = defined(parseOne(sql), 'a statement');
  if (statement.kind !== 'insert') throw new Error('an INSERT is expected');
  return statement;
}

type Result = readonly Row[] | { readonly code: string; readonly position: unknown };

function outcome(run: () => readonly Row[]): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { code: `${error.fields.code} ${error.message}`, position: error.fields.position };
  }
}

function generally(sql: string): Result {
  return outcome(() => {
    const { plan } = planWrite(byGrammar(sql), catalog, options).query;
    return defined(constantRows(plan), 'values are constants').map(({ row }) => row);
  });
}

function shortly(statement: InsertStatement, literals: LiteralRows): Result {
  return outcome(() =>
    [...planLiterals(statement, literals, catalog, options).slices].flatMap(
      (slice) => slice ?? [['not known']],
    ),
  );
}

const plain: readonly (readonly string[])[] = [
  ['0', '7', '-12', '9999'],
  ['0', '32767', '-32768', '2147483647', '-2147483648', '123456789'],
  ['9223372036854775807', '-9223372036854775808', '123456789012345', '1234567890123456'],
  ['1.5', '-2.25', '0.1', '.5', '5.', '1e3', '-1.5E-3', '12345678901234567890', '3'],
  ['1', '-0.5', '16777217', "'1.25'"],
  ['1', '1.50', '-0.001', '123456789012345678.5', '1e-3', '.0'],
  ['1', '1.5', '-9999.99', '9999.99', '0.05', '1.005', '.25', '1.'],
  ['0.5', '-.1234', '.5', '0'],
  ["'a'", "''", "'it''s'", "'ä€😀'", "'-- no comment'", '12'],
  ["'abc'", "'a'", "'äöü'", "''", "'😀😀😀'"],
  ["'ab'", "'ab  '", "'abcd'"],
  ['true', 'FALSE', "'t'"],
  ["'2024-02-29'", "'infinity'"],
  ["'2024-02-29 12:00:00+01'", "'epoch'"],
  ["'00000000-0000-0000-0000-000000000001'"],
  [`'{"a": 1}'`, "'null'", "'[1, 2.50]'"],
  [String.raw`'\x00ff'`, "'abc'"],
];

/** What fits no column, or not every one. */
const odd = ["'x'", '99999999999', '1.5', "'toolong'", 'true', '-1e400', '40000', "'\\xzz'"];

function statementOf(random: Random, rows: number, oddness: number): string {
  const pick = (list: readonly string[]): string => list[random.below(list.length)] ?? 'null';
  const row = (): string => {
    const cells = plain.map((list) => {
      if (random.chance(0.1)) return pick(['null', 'NULL', 'default']);
      return random.chance(oddness) ? pick(odd) : pick(list);
    });
    return `(${cells.join(pick([', ', ',', ' ,\n']))})`;
  };
  return `/* ä */ INSERT INTO wide VALUES ${Array.from({ length: rows }, row).join(', ')}`;
}

describe('an INSERT of literals', () => {
  it('has the rows of the general way', () => {
    const random = new Random(11);
    for (let i = 0; i < 12; i++) {
      const sql = statementOf(random, 20 + random.below(30), 0);
      const statement = parsed(sql);
      const literals = defined(literalsOf(statement), `${sql} is one of literals`);
      expect({ ...statement, source: literals.query() }).toEqual(byGrammar(sql));
      expect(shortly(statement, literals)).toEqual(generally(sql));
    }
  });

  it('has the errors of the general way, at their positions', () => {
    const random = new Random(12);
    const codes = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const sql = statementOf(random, 20, 0.01);
      const statement = parsed(sql);
      const result = shortly(statement, defined(literalsOf(statement), 'it is one of literals'));
      expect(result).toEqual(generally(sql));
      if ('code' in result) codes.add(result.code.slice(0, 5));
    }
    expect(codes.size).toBeGreaterThan(3);
  });

  it('fills the other columns', () => {
    for (const head of ['f (a)', 'f', 'f (b)', 'f (a, b, a)', 'f (nope)', 'nowhere', 'public.f']) {
      const sql = `INSERT INTO ${head} VALUES ${new Array(300).fill('(1)').join(',')}`;
      const statement = parsed(sql);
      const literals = defined(literalsOf(statement), `${sql} is one of literals`);
      expect(shortly(statement, literals)).toEqual(generally(sql));
    }
    const wide = `INSERT INTO f VALUES ${new Array(300).fill('(1, default, 3)').join(',')}`;
    const statement = parsed(wide);
    const literals = defined(literalsOf(statement), 'it is one of literals');
    expect(shortly(statement, literals)).toEqual(generally(wide));
  });

  it.each([
    ['1 + 1'],
    ['$1'],
    ["e'a'"],
    ["'a'\n'b'"],
    ['+1'],
    ['-0'],
    ['- - 1'],
    ['1_000'],
    ['0x1f'],
    ['007'],
    ['(1)'],
    ['a'],
    ["'a'::text"],
    ["date '2024-01-01'"],
  ])('is left to the grammar with %s in it', (cell) => {
    const rows = [...new Array<string>(200).fill('(1, 2)'), `(1, ${cell})`, '(3, 4)'];
    const sql = `INSERT INTO f VALUES ${rows.join(',')}`;
    expect(literalsOf(parsed(sql))).toBeNull();
    expect(parsed(sql)).toEqual(byGrammar(sql));
  });

  it.each([
    ['(1, 2), (1)'],
    ['(1, 2),'],
    ['(1, 2'],
    ['(1, )'],
    ['(1, 2) (3, 4)'],
    ["(1, 'a)"],
    ['()'],
  ])('has the syntax errors of the grammar: %s', (end) => {
    const sql = `INSERT INTO f VALUES ${new Array(300).fill('(1, 2)').join(',')},${end}`;
    const parse = (read: () => unknown): Result => outcome(() => (read(), []));
    expect(parse(() => planWrite(parsed(sql), catalog, options))).toEqual(
      parse(() => planWrite(byGrammar(sql), catalog, options)),
    );
    expect('code' in parse(() => planWrite(parsed(sql), catalog, options))).toBe(true);
  });

  it('keeps its place among other statements', () => {
    const rows = new Array(300).fill('(1, 2)').join(',');
    const sql = `INSERT INTO f VALUES ${rows} RETURNING a`;
    expect(literalsOf(parsed(sql))).toBeNull();
    expect(literalsOf(parsed(`INSERT INTO f (a, b) VALUES ${rows};`))?.rows).toBe(300);
  });
});
