/**
 * Goal: a planned query means what Postgres means by its text: rows, column names, types,
 * modifiers, and for wrong texts SQLSTATE, message, position, hint and detail. Method: answers
 * recorded from Postgres 15 over the tables of `test/support/sql/tables.ts`, hand-written queries
 * and randomly generated ones, against plans evaluated by the reference of the operators, once as a
 * one-off query (ORDER BY and LIMIT at the end) and once as a maintained view.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { initializeParser } from './parse/parse.ts';
import { answerOf } from '../../test/support/sql/answer.ts';
import type { Answer } from '../../test/support/sql/answer.ts';
import { testCatalog, testRows } from '../../test/support/sql/tables.ts';

interface Recorded {
  readonly sql: string;
  /** True if the text asks for an order. */
  readonly ordered?: boolean;
  readonly answer: Answer;
}

function recorded(file: string): readonly Recorded[] {
  const text = readFileSync(new URL(`../../test/support/sql/${file}`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Recorded => JSON.parse(line));
}

beforeAll(initializeParser);

const catalog = testCatalog();

/** Rows of a query without ORDER BY come in no order. */
function sorted(answer: Answer): Answer {
  if ('error' in answer) return answer;
  const rows = answer.rows
    .map((row) => JSON.stringify(row))
    .toSorted()
    .map((row): (string | null)[] => JSON.parse(row));
  return { columns: answer.columns, rows };
}

describe.each(['answers.jsonl', 'random-answers.jsonl'])('%s', (file) => {
  const cases = recorded(file);

  test('as a one-off query', () => {
    const contents = testRows(catalog);
    expect(cases.length).toBeGreaterThan(200);
    for (const { sql, ordered, answer } of cases) {
      const got = answerOf(sql, 'once', catalog, contents);
      const same = ordered === true ? got : sorted(got);
      expect({ sql, answer: same }).toEqual({
        sql,
        answer: ordered === true ? answer : sorted(answer),
      });
    }
  });

  test('as a view that is kept up to date', () => {
    const contents = testRows(catalog);
    for (const { sql, answer } of cases) {
      const got = answerOf(sql, 'maintained', catalog, contents);
      expect({ sql, answer: sorted(got) }).toEqual({ sql, answer: sorted(answer) });
    }
  });
});
