/**
 * Goal: what waits for a slow dataflow is bounded, it is told who the cause is, and nothing is lost.
 * Method: a stream joined with itself row by row, with room for two steps of it.
 */
import { expect, test } from 'vitest';
import { EngineRig } from '../../test/support/engine-rig.ts';
import type { Plan } from '../plan/plan.ts';
import type { ColumnType } from '../value/type.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];
const all: Plan = { nodes: [{ kind: 'get', collection: 1, demand: [0], columns }], root: 0 };

test('a slow dataflow on a stream withholds steps, and says so once', () => {
  const rig = new EngineRig({ rowsMax: 64, creditBytes: 1_000, streamQueuedBytesMax: 2_500 });
  rig.stream(1, columns);
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
    const updates = Array.from({ length: 100 }, (_, i) => ({ row: [100 * n + i], weight: 1 }));
    rig.seal(new Map([[1, updates]]));
    rig.settle();
  }
  const complete = () => rig.responses.filter(({ kind }) => kind === 'complete').length;
  const told = () =>
    rig.responses.flatMap((one) => (one.kind === 'withheld' ? [one.dataflow] : []));
  expect(complete()).toBeLessThan(8);
  expect(told()).toEqual([5]);
  for (let n = 0; n < 100; n++) {
    rig.command({ kind: 'credit', request: 5, bytes: 1_000 });
    rig.settle();
  }
  expect(complete()).toBe(20);
  expect(told().at(-1)).toBe(null);
  expect(rig.changes(5, columns)).toHaveLength(2_000);
  expect(rig.statistics().slabsLive).toBe(0);
});
