/**
 * Goal: $1, $2, … get the types that Postgres would infer, and its errors where it cannot.
 * Method: types recorded from PREPARE on Postgres 15.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { testCatalog } from '../../test/support/sql/tables.ts';
import { defined } from '../base/assert.ts';
import { SqlError } from '../base/error.ts';
import { initializeParser, parseOne } from './parse/parse.ts';
import { describeQuery, planQuery } from './plan-query.ts';
import type { Described } from './plan-query.ts';
import { describeWrite } from './plan-write.ts';

interface Recorded {
  readonly sql: string;
  readonly answer: unknown;
}

const text = readFileSync(
  new URL('../../test/support/sql/parameters.jsonl', import.meta.url),
  'utf8',
);
const cases = text
  .split('\n')
  .filter((line) => line !== '')
  .map((line): Recorded => JSON.parse(line));
const catalog = testCatalog();

beforeAll(initializeParser);

function described(sql: string): Described {
  const { statement } = defined(parseOne(sql), 'a statement');
  switch (statement.kind) {
    case 'select':
      return describeQuery(statement.query, catalog, [], 'once');
    case 'insert':
    case 'update':
    case 'delete':
      return describeWrite(statement, catalog, []);
    default:
      throw new Error(`${statement.kind} has no parameters`);
  }
}

test('inference agrees with Postgres', () => {
  expect(cases.length).toBeGreaterThan(80);
  for (const { sql, answer } of cases) {
    let got: unknown;
    try {
      got = { parameters: described(sql).parameters };
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const { code, ...fields } = error.fields;
      got = { error: code, ...fields };
    }
    expect({ sql, answer: got }).toEqual({ sql, answer });
  }
});

test('declared types win', () => {
  const { statement } = defined(parseOne('select a from t where a = $1'), 'a statement');
  if (statement.kind !== 'select') throw new Error('a query is expected');
  expect(describeQuery(statement.query, catalog, ['int2'], 'once').parameters).toEqual(['int2']);
  expect(describeQuery(statement.query, catalog, ['numeric'], 'once').parameters).toEqual([
    'numeric',
  ]);
});

test('values become constants of the plan', () => {
  const { statement } = defined(parseOne('select b from t where a = $1 limit $2'), 'a statement');
  if (statement.kind !== 'select') throw new Error('a query is expected');
  const planned = planQuery(statement.query, catalog, {
    parameters: { types: ['int2', 'int8'], values: [4, 7n] },
    mode: 'once',
  });
  expect(planned.lookup?.key?.values).toEqual([[4]]);
  expect(planned.finishing.limit).toBe(7);
});
