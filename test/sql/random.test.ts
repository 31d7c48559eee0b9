/**
 * Goal: whatever is asked, three ways of answering agree: the query run once, the materialized view
 * of it after its tables have changed, and the plain reference of the operators. Method: random
 * queries over small random tables, each as a view; then random changes, after each of which every
 * view is compared with its query and with the reference over the tables' rows.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluate } from '../../dataflow/operators/reference.ts';
import type { Update } from '../../dataflow/value/datum.ts';
import { SqlError } from '../../src/base/error.ts';
import { SessionCatalog } from '../../src/catalog/session-catalog.ts';
import { noParameters, planQuery } from '../../src/sql/plan-query.ts';
import { Random } from '../support/random.ts';
import { QueryMaker } from '../support/random-query.ts';
import { SessionHarness } from '../support/session-harness.ts';
import type { SqlSession } from '../support/session-harness.ts';
import { finished } from '../support/sql/answer.ts';
import { parseQuery } from '../support/sql/catalog.ts';

const rounds = 8;
const queriesPerRound = 25;
const changesPerRound = 2;
const tables = ['t0', 't1', 't2'];

let harness: SessionHarness;
let session: SqlSession;

beforeAll(async () => {
  harness = await SessionHarness.open();
  session = harness.session();
});
afterAll(() => harness.close());

function catalog(): SessionCatalog {
  const runtime = {
    sourceStatuses: () => [],
    sourceCounts: () => [],
    sourceProgress: () => [],
    settings: () => [],
    sessions: () => [],
  };
  return new SessionCatalog(harness.coordinator.catalog, {
    system: {
      catalog: harness.coordinator.catalog,
      runtime,
      database: 'materialize',
      user: 'test',
    },
    searchPath: ['public', 'pg_catalog'],
    nowMicroseconds: 0n,
    setting: () => undefined,
  });
}

/** The rows of all tables, by collection. */
async function contents(): Promise<ReadonlyMap<number, readonly Update[]>> {
  const found = new Map<number, readonly Update[]>();
  for (const table of tables) {
    const { rows } = await session.run(`select * from ${table}`);
    const collection = catalog().relation([table])?.collection ?? -1;
    found.set(
      collection,
      rows.map(([a = null, b = null, s = null]): Update => ({
        row: [a === null ? null : Number(a), b === null ? null : Number(b), s],
        weight: 1,
      })),
    );
  }
  return found;
}

/** Rows as lines; or only the SQLSTATE. */
async function answer(sql: string): Promise<readonly string[]> {
  try {
    return await session.rows(sql);
  } catch (error) {
    if (error instanceof SqlError) return [error.fields.code];
    throw error;
  }
}

function reference(sql: string, rows: ReadonlyMap<number, readonly Update[]>): readonly string[] {
  const planned = planQuery(parseQuery(sql), catalog(), {
    parameters: noParameters,
    mode: 'maintained',
  });
  const { rows: updates, errors } = evaluate(planned.plan, rows);
  const [failed] = errors;
  if (failed !== undefined) return [failed.error.code];
  return finished(planned, updates)
    .map((row) => row.map((cell) => cell ?? 'NULL').join('|'))
    .sort();
}

test.each(Array.from({ length: rounds }, (_, i) => i + 1))('round %i', async (seed) => {
  const maker = new QueryMaker(new Random(seed));
  for (const table of tables) {
    await session.run(`drop table if exists ${table} cascade`);
    await session.run(`create table ${table} (a int, b int, s text)`);
    await session.run(maker.insert(table, 8));
  }
  const queries = Array.from({ length: queriesPerRound }, () => maker.query());
  for (const [i, sql] of queries.entries())
    await session.run(`create materialized view v${i} as ${sql}`);
  for (let change = 0; change <= changesPerRound; change++) {
    if (change > 0) await session.run(maker.change());
    const rows = await contents();
    for (const [i, sql] of queries.entries()) {
      const once = await answer(sql);
      expect(await answer(`select * from v${i}`), `view of ${sql}`).toEqual(once);
      expect(reference(sql, rows), `reference of ${sql}`).toEqual(once);
    }
  }
});
