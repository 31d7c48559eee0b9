/**
 * Goal: a read at the newest step waits for nobody and sees a state that was. Method: an engine that
 * works on one row at a time, a view that is many rows behind, lookups and one-off dataflows.
 */
import { describe, expect, test } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import type { Plan } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';
import { newestStep } from './command.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];
const copy: Plan = {
  nodes: [
    { kind: 'get', collection: 1, demand: [0], columns },
    { kind: 'distinct', input: 0, columns },
  ],
  root: 1,
};
const both: Plan = {
  nodes: [
    { kind: 'get', collection: 1, demand: [0], columns },
    { kind: 'get', collection: 2, demand: [0], columns },
    { kind: 'negate', input: 1, columns },
    { kind: 'union', inputs: [0, 2], columns },
    { kind: 'threshold', input: 3, columns },
  ],
  root: 4,
};
const rows = (from: number, n: number): Update[] =>
  Array.from({ length: n }, (_, i) => ({ row: [from + i], weight: 1 }));

/** A table of step 2, a view of it that stands at step 1. */
function behind(): EngineRig {
  const rig = new EngineRig({ rowsMax: 1, tick: 0.3 });
  rig.table(1, columns);
  rig.view(2, copy);
  rig.seal(new Map([[1, rows(0, 3)]]), 1);
  rig.settle();
  rig.seal(new Map([[1, rows(10, 1_000)]]), 1);
  while (!rig.responses.some((one) => one.kind === 'complete' && one.step === 2)) rig.engine.run(1);
  return rig;
}

describe('the newest step', () => {
  test('of a view that is behind is the one that it stands at', () => {
    const rig = behind();
    const newest = rig.ask(2, newestStep);
    const strict = rig.ask(2, 2);
    for (let turns = 0; turns < 20; turns++) rig.engine.run(1);
    const answer = rig.answer(newest, columns);
    expect(answer.ended).toBe(true);
    expect(answer.rows).toEqual([[0], [1], [2]]);
    expect(rig.answer(strict, columns).ended).toBe(false);
    rig.settle();
    expect(rig.answer(strict, columns).rows).toHaveLength(1_003);
    const settled = rig.ask(2, newestStep);
    rig.settle();
    expect(rig.answer(settled, columns).rows).toHaveLength(1_003);
  });

  test('of several collections is one at which all are known', () => {
    const rig = behind();
    const finishing = { order: [], limit: -1, offset: 0, project: [0] };
    rig.dataflow(7, both, { kind: 'answer', request: 700, finishing }, newestStep);
    rig.settle();
    const { rows: found, ended } = rig.answer(700, columns);
    expect(ended).toBe(true);
    // A table is its view, whenever one looks.
    expect(multiset(found.map((row) => ({ row, weight: 1 })))).toEqual([]);
  });

  test('waits for a view that has no state yet', () => {
    const rig = new EngineRig({ rowsMax: 1, tick: 0.3 });
    rig.table(1, columns);
    rig.seal(new Map([[1, rows(0, 100)]]), 1);
    rig.settle();
    rig.view(2, copy);
    const request = rig.ask(2, newestStep);
    rig.engine.run(1);
    expect(rig.answer(request, columns).ended).toBe(false);
    rig.settle();
    expect(rig.answer(request, columns).rows).toHaveLength(100);
  });
});
