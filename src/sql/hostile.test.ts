/**
 * Goal: no text, however deep, wide or doubling, makes planning overflow the stack, hang, or fail
 * with anything but a SqlError. Method: generated extremes; each is planned and explained, or
 * refused with 54001.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { parseQuery } from '../../test/support/sql/catalog.ts';
import { testCatalog } from '../../test/support/sql/tables.ts';
import { SqlError } from '../base/error.ts';
import { initializeParser } from './parse/parse.ts';
import { explainQuery, noParameters } from './plan-query.ts';

beforeAll(initializeParser);

const catalog = testCatalog();

/** 'planned', or the SQLSTATE. */
function outcome(sql: string): string {
  try {
    const lines = explainQuery(parseQuery(sql), catalog, {
      parameters: noParameters,
      mode: 'once',
    });
    return lines.length > 0 ? 'planned' : 'empty';
  } catch (error) {
    if (error instanceof SqlError) return error.fields.code;
    throw error;
  }
}

function nest(depth: number, open: string, close: string, core: string): string {
  return open.repeat(depth) + core + close.repeat(depth);
}

function list(count: number, item: (i: number) => string, separator: string): string {
  return Array.from({ length: count }, (_, i) => item(i)).join(separator);
}

describe('deep', () => {
  test.each([
    ['a chain of operators', `select ${'a+'.repeat(1_200)}a from t`, 'planned'],
    ['a longer chain', `select ${'a+'.repeat(2_000)}a from t`, '54001'],
    ['parentheses', `select ${nest(900, '(', ')', '1')}`, 'planned'],
    ['calls', `select ${nest(900, 'upper(', ')', 'b')} from t`, 'planned'],
    ['negations', `select a from t where ${nest(900, 'not (', ')', 'a > 1')}`, 'planned'],
    ['CASE', `select ${nest(300, 'case when a > 1 then ', ' else 0 end', 'a')} from t`, 'planned'],
    ['subqueries in FROM', `${nest(90, 'select a from (', ') x', 'select a from t')}`, 'planned'],
    ['scalar subqueries', `select ${nest(90, '(select ', ')', '1')}`, 'planned'],
    ['more subqueries than allowed', `select ${nest(200, '(select ', ')', '1')}`, '54001'],
    [
      'correlated EXISTS',
      `select a from t where ${nest(25, 'exists (select 1 from s where s.a = t.a and ', ')', 'true')}`,
      'planned',
    ],
  ])('%s', (_, sql, expected) => {
    expect(outcome(sql)).toBe(expected);
  });
});

describe('doubling', () => {
  test.each([
    ['NULLIF repeats its operand', `select ${nest(900, 'nullif(', ', 1)', 'a')} from t`, '54001'],
    [
      'BETWEEN repeats its operand',
      `select ${nest(200, '(', ' between false and true)', 'true')}`,
      '54001',
    ],
    [
      'projections that double',
      `${nest(60, 'select a + a as a from (', ') x where a > 0', 'select a from t')}`,
      'planned',
    ],
    [
      'WITH entries that double',
      `with ${list(
        40,
        (i) => {
          const before = i === 0 ? 't' : `c${i - 1}`;
          return `c${i} as (select x.a from ${before} x, ${before} y)`;
        },
        ', ',
      )} select * from c39`,
      'planned',
    ],
  ])('%s', (_, sql, expected) => {
    expect(outcome(sql)).toBe(expected);
  });
});

describe('wide', () => {
  test.each([
    ['AND', `select a from t where ${list(5_000, (i) => `a <> ${i}`, ' and ')}`],
    ['OR', `select a from t where ${list(5_000, (i) => `a = ${i}`, ' or ')}`],
    ['IN', `select a from t where a in (${list(5_000, String, ', ')})`],
    ['UNION', list(400, () => 'select a from t', ' union ')],
    [
      'inner joins',
      `select t0.a from ${list(30, (i) => `t t${i}`, ', ')} where ${list(29, (i) => `t${i}.a = t${i + 1}.a`, ' and ')}`,
    ],
    [
      'left joins',
      `select t0.a from t t0 ${list(60, (i) => `left join t t${i + 1} on t${i}.a = t${i + 1}.a`, ' ')}`,
    ],
    ['columns', `select ${list(1_600, (i) => `a + ${i}`, ', ')} from t`],
    ['rows', `values ${list(5_000, (i) => `(${i}, 'x')`, ', ')}`],
  ])('%s', (_, sql) => {
    expect(outcome(sql)).toBe('planned');
  });
});
