/**
 * Goal: the engine runs what planning makes: lookups, answers with their finishing, and views that
 * see their input come, go and come again. Method: every recorded query that has rows, in the real
 * engine in this thread, against the answers of Postgres. Views are made over empty tables; rows
 * are added, all taken away, and added again.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Update } from '../../dataflow/value/datum.ts';
import { EngineRig } from '../../test/support/engine-rig.ts';
import { finished } from '../../test/support/sql/answer.ts';
import type { Answer } from '../../test/support/sql/answer.ts';
import { parseQuery } from '../../test/support/sql/catalog.ts';
import { testCatalog, testRows, testTables } from '../../test/support/sql/tables.ts';
import { defined } from '../base/assert.ts';
import { initializeParser } from './parse/parse.ts';
import { noParameters, planQuery } from './plan-query.ts';
import type { PlannedQuery } from './planned.ts';

interface Recorded {
  readonly sql: string;
  readonly ordered?: boolean;
  readonly answer: Answer;
}

/** Recorded queries with rows; of the random ones every third, to be quick. */
function queries(): readonly Recorded[] {
  return ['answers.jsonl', 'random-answers.jsonl'].flatMap((file) => {
    const text = readFileSync(new URL(`../../test/support/sql/${file}`, import.meta.url), 'utf8');
    const all = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Recorded => JSON.parse(line));
    return all.filter(
      ({ answer }, i) => 'rows' in answer && (file === 'answers.jsonl' || i % 3 === 0),
    );
  });
}

const catalog = testCatalog();
const collections = [...testTables.keys()].map((name) =>
  defined(catalog.relation([name]), `table ${name}`),
);

beforeAll(initializeParser);

function rig(): EngineRig {
  const made = new EngineRig();
  for (const { collection, columns, indexes } of collections) {
    made.table(
      collection,
      columns.map((column) => ({ type: column.type.name, nullable: column.nullable })),
    );
    for (const key of indexes) made.command({ kind: 'createIndex', collection, key });
  }
  return made;
}

function text(rows: readonly (readonly (string | null)[])[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted();
}

function rowsOf(answer: Answer): readonly string[] {
  return 'rows' in answer ? text(answer.rows) : [];
}

function planOf(sql: string, mode: 'once' | 'maintained'): PlannedQuery {
  return planQuery(parseQuery(sql), catalog, { parameters: noParameters, mode });
}

describe('in the engine', () => {
  test('one-off queries', () => {
    const engine = rig();
    const at = engine.seal(testRows(catalog));
    engine.settle();
    const cases = queries();
    expect(cases.length).toBeGreaterThan(400);
    cases.forEach(({ sql, ordered, answer }, i) => {
      const planned = planOf(sql, 'once');
      const request = i + 1;
      if (planned.lookup !== null)
        engine.command({
          kind: 'lookup',
          request,
          at,
          lookup: planned.lookup,
          finishing: planned.finishing,
        });
      else
        engine.dataflow(
          request,
          planned.plan,
          { kind: 'answer', request, finishing: planned.finishing },
          at,
        );
      engine.settle();
      const types = defined(planned.plan.nodes[planned.plan.root], 'a root').columns;
      const project = planned.finishing.project.map((column) => defined(types[column], 'a column'));
      const got = engine.answer(request, project);
      engine.responses.length = 0;
      expect({ sql, error: got.error, ended: got.ended }).toEqual({
        sql,
        error: null,
        ended: true,
      });
      const plain = {
        ...planned,
        finishing: { order: [], limit: -1, offset: 0, project: project.map((_, c) => c) },
      };
      const shown = finished(
        { ...plain, plan: { nodes: [{ kind: 'constant', rows: [], columns: project }], root: 0 } },
        got.rows.map((row) => ({ row, weight: 1 })),
      );
      if (ordered === true)
        expect({ sql, rows: shown }).toEqual({ sql, rows: 'rows' in answer ? answer.rows : [] });
      else expect({ sql, rows: text(shown) }).toEqual({ sql, rows: rowsOf(answer) });
    });
  });

  test('views', () => {
    const contents = testRows(catalog);
    const away = new Map(
      [...contents].map(([collection, updates]) => [
        collection,
        updates.map(({ row, weight }): Update => ({ row, weight: -weight })),
      ]),
    );
    const cases = queries().filter((_, i) => i % 2 === 0);
    const engine = rig();
    const plans = cases.map(({ sql }) => planOf(sql, 'maintained'));
    plans.forEach((planned, i) => engine.view(100_000 + i, planned.plan));
    engine.settle();
    engine.seal(contents);
    engine.settle();
    engine.seal(away);
    engine.settle();
    const at = engine.seal(contents);
    engine.settle();
    cases.forEach(({ sql, answer }, i) => {
      const planned = defined(plans[i], 'a plan each');
      const columns = engine.columns(100_000 + i);
      const request = engine.ask(100_000 + i, at);
      engine.settle();
      const got = engine.answer(request, columns);
      engine.responses.length = 0;
      expect({ sql, error: got.error, ended: got.ended }).toEqual({
        sql,
        error: null,
        ended: true,
      });
      expect({
        sql,
        rows: text(
          finished(
            planned,
            got.rows.map((row) => ({ row, weight: 1 })),
          ),
        ),
      }).toEqual({ sql, rows: rowsOf(answer) });
    });
  });
});
