/**
 * Goal: SQL means what it means in Postgres, seen through a real driver: values as text, column
 * names, type oids and modifiers; SQLSTATE, message and position of errors. Method: the same
 * statements on a real Postgres and on the engine; queries once as they are and once as a
 * materialized view. Queries are written by hand, taken from the recorded ones of the planner's
 * tests, and generated from seeds.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testTables } from '../support/sql/tables.ts';
import { root } from '../support/source-files.ts';
import { MillraceServer } from './millrace-server.ts';
import type { Outcome } from './outcome.ts';
import { ofData, outcomeOf, spelling } from './outcome.ts';
import { PostgresServer } from './postgres.ts';
import { RandomQuery } from './random-query.ts';
import { queries, setup, wrong } from './referee-queries.ts';

const seeds = [41, 1, 2, 3] as const;
const queriesPerSeed = 150;

let postgres: PostgresServer;
let millrace: MillraceServer;
let theirs: pg.Client;
let ours: pg.Client;
const started: (() => Promise<unknown>)[] = [];

function same(text: string, a: Outcome, b: Outcome): boolean {
  if (JSON.stringify(a) === JSON.stringify(b) || known.some(({ excuses }) => excuses(text, a, b)))
    return true;
  const open =
    /GROUP BY|DISTINCT|UNION|INTERSECT|EXCEPT|min\(|max\(/.test(text) &&
    a.error === null &&
    b.error === null;
  return (
    open &&
    JSON.stringify([a.columns, [...spelling(a.rows)].sort()]) ===
      JSON.stringify([b.columns, [...spelling(b.rows)].sort()])
  );
}

/** Differences that are known; each excuses no more than what it says. */
const known: readonly {
  readonly why: string;
  excuses(text: string, theirs: Outcome, ours: Outcome): boolean;
}[] = [
  {
    why: 'the type or its modifier is another one after folded CASE',
    excuses: (text, a, b) =>
      text.includes('WHEN true') &&
      a.error === null &&
      b.error === null &&
      JSON.stringify([...spelling(a.rows)].sort()) === JSON.stringify([...spelling(b.rows)].sort()),
  },
  {
    why: 'definitions point at the name that is wrong, where Postgres gives no position',
    excuses: (text, a, b) =>
      /^(CREATE|DROP)/.test(text) &&
      a.error?.position === '' &&
      a.error.code === b.error?.code &&
      a.error.message === b.error.message,
  },
  {
    why: 'a group by an expression that holds a subquery is refused',
    excuses: (text, _, b) => /GROUP BY .*SELECT/.test(text) && b.error?.code === '42803',
  },
];

function isOrdered(text: string): boolean {
  return /ORDER BY[^)]*$/i.test(text);
}

interface Difference {
  readonly text: string;
  readonly postgres: Outcome;
  readonly millrace: Outcome;
}

/** A difference without what is the same on both sides. */
function brief({ text, postgres: a, millrace: b }: Difference): Difference {
  const only = (these: Outcome, those: Outcome): Outcome => ({
    columns: JSON.stringify(these.columns) === JSON.stringify(those.columns) ? [] : these.columns,
    rows: these.rows.filter((row) => !those.rows.includes(row)),
    error: these.error,
  });
  return { text, postgres: only(a, b), millrace: only(b, a) };
}

async function compare(texts: readonly string[]): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  for (const text of texts) {
    const expected = await outcomeOf(theirs, text, isOrdered(text));
    const found = await outcomeOf(ours, text, isOrdered(text));
    if (!same(text, expected, found))
      differences.push({ text, postgres: expected, millrace: found });
  }
  return differences.map(brief);
}

/** The same rows out of a materialized view; an error of data must show when it is read. */
async function compareViews(texts: readonly string[]): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  for (const text of texts) {
    const expected = await outcomeOf(theirs, text, false);
    const made = await outcomeOf(ours, `CREATE MATERIALIZED VIEW under_test AS ${text}`, false);
    // Two columns of one name are a fine answer and no view, in both.
    if (made.error?.code === '42701' || made.error?.code === '42P16') continue;
    const found =
      made.error === null ? await outcomeOf(ours, 'SELECT * FROM under_test', false) : made;
    await outcomeOf(ours, 'DROP MATERIALIZED VIEW IF EXISTS under_test', false);
    if (
      ofData(expected) ? ofData(found) : same(text, { ...expected, columns: found.columns }, found)
    )
      continue;
    if (expected.error === null || found.error?.code !== expected.error.code)
      differences.push({ text, postgres: expected, millrace: found });
  }
  return differences.map(brief);
}

function recorded(): readonly string[] {
  return readFileSync(join(root, 'test/support/sql/answers.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): { readonly sql: string } => JSON.parse(line))
    .map(({ sql }) => sql);
}

function recordedTables(): readonly string[] {
  const cell = (value: unknown): string => (value === null ? 'NULL' : `'${String(value)}'`);
  return [...testTables].flatMap(([name, { columns, rows }]) => [
    `CREATE TABLE ${name} (${columns})`,
    ...(rows.length === 0
      ? []
      : [
          `INSERT INTO ${name} VALUES ${rows.map((row) => `(${row.map(cell).join(', ')})`).join(', ')}`,
        ]),
  ]);
}

beforeAll(async () => {
  postgres = await PostgresServer.start();
  started.push(() => postgres.stop());
  millrace = await MillraceServer.start();
  started.push(() => millrace.stop());
  theirs = postgres.client();
  ours = millrace.client();
  for (const client of [theirs, ours]) {
    await client.connect();
    started.push(() => client.end());
    for (const statement of [...setup, ...recordedTables()]) await client.query(statement);
  }
});

afterAll(async () => {
  for (const stop of started.reverse()) await stop();
});

describe('Postgres as the referee', () => {
  it('answers queries alike', async () => {
    expect(queries.length).toBeGreaterThan(300);
    expect(await compare(queries)).toEqual([]);
  });

  it('keeps the same queries as materialized views', async () => {
    expect(await compareViews(queries)).toEqual([]);
  });

  it('refuses wrong statements alike', async () => {
    expect(await compare(wrong)).toEqual([]);
  });

  it('answers the recorded queries alike', async () => {
    expect(await compare(recorded())).toEqual([]);
  });

  it.each(seeds)(
    'answers random queries alike, also as materialized views: seed %i',
    async (seed) => {
      const generator = new RandomQuery(seed);
      const texts = Array.from({ length: queriesPerSeed }, () => generator.next());
      const differences = (await compare(texts)).filter(
        ({ postgres: a, millrace: b }) => !(ofData(a) && ofData(b)),
      );
      expect(differences).toEqual([]);
      expect(await compareViews(texts)).toEqual([]);
    },
  );
});
