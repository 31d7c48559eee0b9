/**
 * Goal: an INSERT whose plan is made once adds the rows that it would add if it were planned for
 * each execution. Method: statements of every shape executed with random values, among them NULLs
 * and values that do not fit; the rows of the template against those of the general planner. A
 * template may decline values, never a failure: that the general planner has to tell.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { testCatalog } from '../../test/support/sql/tables.ts';
import type { Datum, Row } from '../../dataflow/value/datum.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import { fillInsert, planInsertTemplate } from './insert-template.ts';
import type { InsertTemplate } from './insert-template.ts';
import { initializeParser, parseOne } from './parse/parse.ts';
import { constantRows } from './plan-constant.ts';
import type { InsertStatement } from './plan-write.ts';
import { planWrite } from './plan-write.ts';

const catalog = testCatalog();

beforeAll(async () => {
  await initializeParser();
  const { statement } = defined(
    parseOne('create table w (a int4, b int8 default 3 + 4, c text, d varchar(4), e numeric(6,2))'),
    'a table',
  );
  if (statement.kind !== 'createTable') throw new Error('a table is expected');
  catalog.table('w', 'a int4, b int8, c text, d varchar(4), e numeric(6,2)', [], {
    defaults: statement.columns.map((column) => column.default),
  });
});

function parsed(sql: string): InsertStatement {
  const { statement } = defined(parseOne(sql), 'a statement');
  if (statement.kind !== 'insert') throw new Error('an INSERT is expected');
  return statement;
}

function templateOf(sql: string, types: readonly TypeName[]): InsertTemplate | null {
  return planInsertTemplate(parsed(sql), catalog, types);
}

/** Rows of the table by the general planner; null if the statement fails. */
function generally(
  sql: string,
  types: readonly TypeName[],
  values: readonly Datum[],
): readonly Row[] | null {
  try {
    const { query, newRow } = planWrite(parsed(sql), catalog, {
      parameters: { types, values },
      mode: 'once',
    });
    const columns = newRow.map((c) => query.finishing.project[c] ?? -1);
    return defined(constantRows(query.plan), 'values are constants').flatMap(({ row, weight }) =>
      new Array<Row>(weight).fill(columns.map((c) => row[c] ?? null)),
    );
  } catch (error) {
    if (error instanceof SqlError) return null;
    throw error;
  }
}

const texts = ['', 'a', 'abcd', 'abcde', 'ä€😀', 'abc '];

function valueOf(random: Random, type: TypeName): Datum {
  if (random.below(5) === 0) return null;
  switch (type) {
    case 'int8':
      return [0n, 7n, -1n, 2n ** 31n, 2n ** 63n - 1n][random.below(5)] ?? 0n;
    case 'int4':
      return [0, 7, -1, 2 ** 31 - 1, -(2 ** 31)][random.below(5)] ?? 0;
    default:
      return texts[random.below(texts.length)] ?? '';
  }
}

/** Statements that are planned once, with the types of their parameters. */
const shapes: readonly (readonly [string, readonly TypeName[]])[] = [
  ['insert into w values ($1, $2, $3)', ['int4', 'int8', 'text']],
  ["insert into w values ($1, 5, 'a body')", ['int4']],
  ['insert into w (c, a) values ($2, $1)', ['int4', 'text']],
  ['insert into w (a) values (default), ($1), ($1), (4)', ['int4']],
  ['insert into w (a, b) values ($1, $1 + 1)', ['int4']],
  ['insert into w (a) values ($1)', ['int8']],
  ['insert into w (b, e) values ($1, $1)', ['int8']],
  ['insert into w (d, c) values ($1, upper($1))', ['text']],
  ['insert into w (a) values (1 / $1)', ['int4']],
  ['insert into w (c) select $1 union all select $1', ['text']],
  ['insert into w (c) select $1 where $2 > 3', ['text', 'int4']],
];

describe('an INSERT that is planned once', () => {
  it('adds the rows that it would add if it were planned each time', () => {
    const random = new Random(7);
    let filled = 0;
    for (const [sql, types] of shapes) {
      const template = defined(templateOf(sql, types), sql);
      for (let i = 0; i < 60; i++) {
        const values = types.map((type) => valueOf(random, type));
        const expected = generally(sql, types, values);
        const rows = fillInsert(template, values);
        if (rows === null) continue;
        expect(rows, `${sql} ${values.join()}`).toEqual(expected);
        filled++;
      }
    }
    expect(filled).toBeGreaterThan(400);
  });

  it('leaves what fails to the general planner', () => {
    const divided = defined(
      templateOf('insert into w (a) values (1 / $1)', ['int4']),
      'a template',
    );
    expect(fillInsert(divided, [0])).toBeNull();
    expect(fillInsert(divided, [1])).toEqual([[1, 7n, null, null, null]]);
    const narrowed = defined(templateOf('insert into w (a) values ($1)', ['int8']), 'a template');
    expect(fillInsert(narrowed, [2n ** 40n])).toBeNull();
  });

  it.each([
    ['returns rows', 'insert into w (a) values ($1) returning a', ['int4']],
    ['reads a table', 'insert into w (a) select a + $1 from w', ['int4']],
    ['depends on the time', 'insert into w (a, c) values ($1, now()::text)', ['int4']],
    ['is made of many literals', `insert into w (a) values (1)${', (1)'.repeat(999)}`, []],
    ['fails', 'insert into w (nothing) values ($1)', ['int4']],
  ] as const)('is not for what %s', (_, sql, types) => {
    expect(templateOf(sql, types)).toBeNull();
  });
});
