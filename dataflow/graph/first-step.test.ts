/**
 * Goal: a new dataflow over a stream begins where all that it reads can be read. Method: a view that
 * is behind, and a table that cannot be read before a later step.
 */
import { expect, test } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import type { Plan } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];
const get = (collection: number) => ({ kind: 'get', collection, demand: [0], columns }) as const;
const copy: Plan = { nodes: [get(1), { kind: 'distinct', input: 0, columns }], root: 1 };
const all: Plan = {
  nodes: [get(2), get(3), get(4), { kind: 'union', inputs: [0, 1, 2], columns }],
  root: 3,
};
const rows = (from: number, n: number): Update[] =>
  Array.from({ length: n }, (_, i) => ({ row: [from + i], weight: 1 }));

test('a view over a stream waits for a view that is behind a table which was opened late', () => {
  const rig = new EngineRig({ rowsMax: 1, tick: 0.3 });
  rig.table(1, columns);
  rig.view(2, copy);
  rig.stream(3, columns);
  rig.table(4, columns, true);
  rig.seal(
    new Map([
      [1, rows(0, 3)],
      [4, rows(1_000, 2)],
    ]),
    1,
  );
  rig.settle();
  rig.seal(new Map([[1, rows(10, 50)]]), 1);
  while (!rig.responses.some((one) => one.kind === 'complete' && one.step === 2)) rig.engine.run(1);
  rig.command({ kind: 'openCollection', collection: 4 });
  rig.view(5, all);
  rig.command({ kind: 'goLive', dataflow: 5, step: 3 });
  const batch = rig.pack(columns, rows(2_000, 4));
  rig.command({ kind: 'replay', dataflow: 5, collection: 3, batch, last: true });
  rig.settle();
  expect(rig.read(5, 2)).toEqual(
    multiset([...rows(0, 3), ...rows(10, 50), ...rows(1_000, 2), ...rows(2_000, 4)]),
  );
});
