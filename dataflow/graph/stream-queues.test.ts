/**
 * Goal: a dataflow that has too much of its stream to work off is detached and catches up; a
 * subscription whose client does not read ends; nobody else waits; nothing is lost. Method: a stream
 * joined with itself on one key, which is slow, in turns of few rows.
 */
import { expect, test } from 'vitest';
import { EngineRig } from '../../test/support/engine-rig.ts';
import type { Plan } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];
const all: Plan = { nodes: [{ kind: 'get', collection: 1, demand: [0], columns }], root: 0 };

/** Every row of the stream with every other: slow, and slower with each step. */
const pairs: Plan = {
  nodes: [
    { kind: 'get', collection: 1, demand: [0], columns },
    {
      kind: 'join',
      left: 0,
      right: 0,
      leftKey: [],
      rightKey: [],
      nullsEqual: false,
      residual: null,
      columns: [...columns, ...columns],
    },
  ],
  root: 1,
};

function rowsOf(n: number): Update[] {
  return Array.from({ length: 20 }, (_, i) => ({ row: [20 * n + i], weight: 1 }));
}

function step(rig: EngineRig, n: number): void {
  rig.seal(new Map([[1, rowsOf(n)]]));
}

test('a subscription whose client does not read ends; others go on', () => {
  const rig = new EngineRig({ rowsMax: 64, creditBytes: 1_000, streamQueuedBytesMax: 10_000 });
  rig.stream(1, columns);
  rig.table(2, columns);
  rig.dataflow(5, all, {
    kind: 'subscribe',
    request: 5,
    snapshot: true,
    progress: false,
    upTo: null,
  });
  rig.command({ kind: 'goLive', dataflow: 5, step: 1 });
  rig.command({ kind: 'replay', dataflow: 5, collection: 1, batch: null, last: true });
  rig.settle();
  for (let n = 0; n < 40; n++) {
    step(rig, n);
    rig.settle();
  }
  expect(rig.responses.filter(({ kind }) => kind === 'complete')).toHaveLength(40);
  expect(rig.responses.find((one) => one.kind === 'failed')).toMatchObject({
    request: 5,
    error: { code: '53400' },
  });
  expect(rig.statistics().dataflows).toEqual([]);
  expect(rig.statistics().slabsLive).toBe(0);
});

test('a slow view is detached and catches up while a quick one over the same stream goes on', () => {
  const rig = new EngineRig({ rowsMax: 64, streamQueuedBytesMax: 10_000 });
  rig.stream(1, columns);
  rig.view(3, pairs);
  rig.view(4, all);
  for (const dataflow of [3, 4]) {
    rig.command({ kind: 'goLive', dataflow, step: 1 });
    rig.command({ kind: 'replay', dataflow, collection: 1, batch: null, last: true });
  }
  rig.settle();
  const told = (kind: 'detached' | 'awaits') =>
    rig.responses.flatMap((one) => (one.kind === kind ? [[one.dataflow, one.step]] : []));
  let n = 0;
  for (; told('detached').length === 0 && n < 50; n++) {
    step(rig, n);
    rig.engine.run(0.01);
  }
  const [[dataflow, detachedAt]] = told('detached');
  expect(dataflow).toBe(3);
  while (n < 30) {
    step(rig, n++);
    rig.settle();
  }
  rig.settle();
  expect(told('awaits')).toEqual([[3, detachedAt]]);
  expect(rig.read(4, rig.step)).toHaveLength(600);
  expect(rig.read(3, detachedAt - 1)).toHaveLength((20 * (detachedAt - 1)) ** 2);
  const behind = rig.ask(3, rig.step);
  rig.settle();
  expect(rig.answer(behind, [...columns, ...columns]).ended).toBe(false);
  rig.command({ kind: 'catchUp', dataflow: 3, to: rig.step });
  for (let missed = detachedAt - 1; missed < 30; missed++) {
    const batch = rig.pack(columns, rowsOf(missed));
    rig.command({ kind: 'replay', dataflow: 3, collection: 1, batch, last: missed === 29 });
  }
  rig.command({ kind: 'goLive', dataflow: 3, step: rig.step + 1 });
  step(rig, n);
  rig.settle();
  expect(rig.statistics().collections.find((one) => one.collection === 3)?.rows).toBe(620 ** 2);
  expect(rig.statistics().slabsLive).toBe(0);
});
