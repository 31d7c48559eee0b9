/**
 * Goal: a stream is withheld while a slow dataflow has too much of it to work off, and given again;
 * a subscription whose client does not read ends; nobody else waits; nothing is lost. Method: a
 * stream joined with itself on one key, which is slow, in turns of few rows.
 */
import { expect, test } from 'vitest';
import { EngineRig } from '../../test/support/engine-rig.ts';
import type { Plan } from '../plan/plan.ts';
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

function step(rig: EngineRig, n: number): void {
  const updates = Array.from({ length: 100 }, (_, i) => ({ row: [100 * n + i], weight: 1 }));
  rig.seal(new Map([[1, updates]]));
}

test('a subscription whose client does not read ends; others go on', () => {
  const rig = new EngineRig({ rowsMax: 64, creditBytes: 1_000, streamQueuedBytesMax: 2_500 });
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
  for (let n = 0; n < 20; n++) {
    step(rig, n);
    rig.settle();
  }
  expect(rig.responses.filter(({ kind }) => kind === 'complete')).toHaveLength(20);
  expect(rig.responses.find((one) => one.kind === 'failed')).toMatchObject({
    request: 5,
    error: { code: '53400' },
  });
  expect(rig.statistics().dataflows).toEqual([]);
  expect(rig.statistics().slabsLive).toBe(0);
});

test('a stream is withheld while a view is slow, and steps go on', () => {
  const rig = new EngineRig({ rowsMax: 64, streamQueuedBytesMax: 2_500 });
  rig.stream(1, columns);
  rig.table(2, columns);
  rig.view(3, pairs);
  rig.command({ kind: 'goLive', dataflow: 3, step: 1 });
  rig.command({ kind: 'replay', dataflow: 3, collection: 1, batch: null, last: true });
  rig.settle();
  const withheld = () =>
    rig.responses.flatMap((one) => (one.kind === 'withheld' ? [one.dataflow] : []));
  let n = 0;
  for (; withheld().length === 0 && n < 50; n++) {
    step(rig, n);
    rig.engine.run(0.01);
  }
  expect(withheld()).toEqual([3]);
  // The table is written and read at once, however much waits for the view.
  const at = rig.seal(new Map([[2, [{ row: [1], weight: 1 }]]]));
  const complete = () => rig.responses.some((one) => one.kind === 'complete' && one.step === at);
  for (let turn = 0; !complete() && turn < 20; turn++) rig.engine.run(0.01);
  expect(complete()).toBe(true);
  expect(withheld()).toEqual([3]);
  rig.settle();
  expect(withheld()).toEqual([3, null]);
  expect(rig.statistics().collections.find((one) => one.collection === 3)?.rows).toBe(
    (100 * n) ** 2,
  );
});
