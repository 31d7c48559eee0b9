/**
 * Goal: keys that planning claims are keys, and the usual ones are found. Method: claims for known
 * texts; and for every recorded query, no two rows of Postgres' answer agree on a claimed key.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import type { Answer } from '../../../test/support/sql/answer.ts';
import { parseQuery } from '../../../test/support/sql/catalog.ts';
import { testCatalog } from '../../../test/support/sql/tables.ts';
import { initializeParser } from '../parse/parse.ts';
import { noParameters, planQuery } from '../plan-query.ts';

beforeAll(initializeParser);

const catalog = testCatalog();

function keys(sql: string): readonly (readonly number[])[] {
  return planQuery(parseQuery(sql), catalog, { parameters: noParameters, mode: 'maintained' }).keys;
}

test.each<[string, readonly (readonly number[])[]]>([
  ['select b, count(*) from t group by b', [[0]]],
  ['select count(*), b from t group by b', [[1]]],
  ['select count(*) from t group by b', []],
  ['select sum(a) from t', [[]]],
  ['select distinct a, b from t', [[0, 1]]],
  ['select distinct on (b) a, b from t order by b', [[1]]],
  ['select a, b from t', []],
  ['select x.b, n, e from (select b, count(*) n from t group by b) x join s on x.b = s.d', []],
  [
    'select x.b, n, m from (select b, count(*) n from t group by b) x join (select d, max(e) m from s group by d) y on x.b = y.d',
    [[0]],
  ],
  ['select a from t where a = 1 limit 1', [[]]],
  ['select b from t union select d from s', [[0]]],
])('%s', (sql, expected) => {
  expect(keys(sql)).toEqual(expected);
});

test('no claim is contradicted by an answer', () => {
  let claims = 0;
  for (const file of ['answers.jsonl', 'random-answers.jsonl']) {
    const text = readFileSync(
      new URL(`../../../test/support/sql/${file}`, import.meta.url),
      'utf8',
    );
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const { sql, answer }: { sql: string; answer: Answer } = JSON.parse(line);
      if (!('rows' in answer)) continue;
      for (const key of keys(sql)) {
        claims++;
        const seen = answer.rows.map((row) => JSON.stringify(key.map((column) => row[column])));
        expect({ sql, key, distinct: new Set(seen).size }).toEqual({
          sql,
          key,
          distinct: seen.length,
        });
      }
    }
  }
  expect(claims).toBeGreaterThan(100);
});
