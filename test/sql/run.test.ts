/**
 * Goal: SQL answers as Postgres does, and a view that is kept up to date holds at every moment what
 * its query, run anew, would give. Method: the files beside this one hold statements, queries with
 * the answers that Postgres 15 gave, errors with SQLSTATE and position, and changes of the tables.
 * Each query runs once; if it reads tables, a materialized view of it must hold the same. Then the
 * changes run in a random order, and after each of them every view is compared with its query.
 *
 * Format: a line `statement`, `change`, `query`, `query ordered` or `error SQLSTATE [position]`,
 * then the SQL in one line. After a query's come `----` and the rows, cells joined by bars, NULL
 * for NULL, (empty) for an empty text, \n for a line break; an empty line ends it. Where Postgres
 * gives an error no position, ours may have one.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import { Random } from '../support/random.ts';
import { SessionHarness } from '../support/session-harness.ts';
import type { SqlSession } from '../support/session-harness.ts';

interface SqlRecord {
  readonly kind: 'statement' | 'change' | 'query' | 'error';
  readonly sql: string;
  /** Words after the kind. */
  readonly words: readonly string[];
  readonly rows: readonly string[];
}

const changesPerFile = 4;
const folder = new URL('./', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.slt'));

function readRecords(name: string): readonly SqlRecord[] {
  const blocks = readFileSync(new URL(name, folder), 'utf8')
    .replace(/^#.*\n/gm, '')
    .trim()
    .split(/\n\n+/);
  return blocks.map((block) => {
    const [head = '', sql = '', , ...rows] = block.split('\n');
    const [kind = '', ...words] = head.split(' ');
    if (kind !== 'statement' && kind !== 'change' && kind !== 'query' && kind !== 'error')
      throw new Error(`${name}: ${head}`);
    return { kind, sql, words, rows };
  });
}

function cellText(cell: string | null): string {
  return cell === null ? 'NULL' : cell === '' ? '(empty)' : cell.replaceAll('\n', '\\n');
}

/** The rows as lines, in their order or sorted; or the SQLSTATE and position of the error. */
async function answer(
  session: SqlSession,
  sql: string,
  ordered = false,
): Promise<readonly string[]> {
  try {
    const { rows } = await session.run(sql);
    const lines = rows.map((row) => row.map(cellText).join('|'));
    return ordered ? lines : lines.sort();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const { code, position } = error.fields;
    return [
      ['error', code, ...(position === undefined ? [] : [position])].join(' '),
      error.message,
    ];
  }
}

/** Runs a query once and as a view; names the view that must follow it. */
async function runQuery(session: SqlSession, record: SqlRecord, view: string): Promise<boolean> {
  const ordered = record.words.includes('ordered');
  const got = await answer(session, record.sql, ordered);
  expect(got, record.sql).toEqual(ordered ? record.rows : [...record.rows].sort());
  const made = await answer(session, `create materialized view ${view} as ${record.sql}`);
  if (made.length > 0) return refusedAsView(record.sql, made);
  const kept = await answer(session, `select * from ${view}`);
  expect(kept, `as a view: ${record.sql}`).toEqual([...record.rows].sort());
  return true;
}

/** Views refuse two columns of one name and what depends on the moment; all else is a mistake. */
function refusedAsView(sql: string, made: readonly string[]): boolean {
  const reason = made[1] ?? '';
  expect(reason, sql).toMatch(
    /specified more than once|in a query that is kept up to date is not supported/,
  );
  return false;
}

test.each(files)('%s', async (name) => {
  const harness = await SessionHarness.open();
  try {
    const session = harness.session();
    const records = readRecords(name);
    const views: { readonly view: string; readonly sql: string }[] = [];
    for (const record of records) {
      if (record.kind === 'statement') {
        await session.run(record.sql);
      } else if (record.kind === 'error') {
        const [first] = await answer(session, record.sql);
        const expected = ['error', ...record.words];
        expect(first?.split(' ').slice(0, expected.length), record.sql).toEqual(expected);
      } else if (record.kind === 'query') {
        const view = `kept_${views.length}`;
        if ((await runQuery(session, record, view)) && /\bfrom\b/.test(record.sql))
          views.push({ view, sql: record.sql });
        else await answer(session, `drop materialized view if exists ${view}`);
      }
    }
    const random = new Random(files.indexOf(name) + 1);
    const changes = records.filter((record) => record.kind === 'change');
    for (let round = 0; round < changesPerFile && changes.length > 0; round++) {
      const { sql: change } = random.pick(changes);
      await session.run(change);
      for (const { view, sql } of views) {
        const [kept, fresh] = [
          await answer(session, `select * from ${view}`),
          await answer(session, sql),
        ];
        const same =
          fresh[0]?.startsWith('error ') === true
            ? [kept[0]?.slice(0, 11), fresh[0].slice(0, 11)]
            : [kept, fresh];
        expect(same[0], `after ${change}: ${sql}`).toEqual(same[1]);
      }
    }
  } finally {
    await harness.close();
  }
});
