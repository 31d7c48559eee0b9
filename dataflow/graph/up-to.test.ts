/**
 * Goal: a subscription with UP TO gets every change before that time and none at or after it, and
 * ends. Method: ends in the past, at the start, ahead and never hydrated; then views over views in
 * an engine that works on a few rows at a time, so that steps are merged, against the rows that the
 * table had at the last step before the end.
 */
import { describe, expect, it } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import { Random } from '../../test/support/random.ts';
import type { Plan } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];

function get(collection: number): Plan {
  return { nodes: [{ kind: 'get', collection, demand: [0], columns }], root: 0 };
}

/** A table that got the row n at step n, 1 to `steps`; step n is at 1,000 n ms. */
function counted(steps: number): EngineRig {
  const rig = new EngineRig();
  rig.table(1, columns);
  for (let n = 1; n <= steps; n++) count(rig);
  return rig;
}

/** One more step, of whose predecessors none can be asked for any more but the first. */
function count(rig: EngineRig): void {
  rig.seal(new Map([[1, [{ row: [rig.step + 1], weight: 1 }]]]), 1);
  rig.settle();
}

interface Asked {
  readonly upTo: number;
  readonly asOf: number;
  readonly snapshot?: boolean;
  readonly progress?: boolean;
}

function subscribe(rig: EngineRig, plan: Plan, asked: Asked, request = 5): void {
  const { upTo, snapshot = true, progress = false } = asked;
  const sink = { kind: 'subscribe', request, snapshot, progress, upTo } as const;
  rig.dataflow(request, plan, sink, asked.asOf);
  rig.settle();
}

function rowsAt(rig: EngineRig, request = 5): [step: number, row: unknown][] {
  return rig.changes(request, columns).map(({ step, row }) => [step, row[0]]);
}

function lasts(rig: EngineRig, request = 5): number {
  return rig.responses.filter(
    (one) => one.kind === 'changes' && one.request === request && one.last,
  ).length;
}

function progressed(rig: EngineRig): number[] {
  return rig.responses.flatMap((one) =>
    one.kind === 'changes' ? one.chunks.filter((c) => c.progressed).map((c) => c.time) : [],
  );
}

describe('UP TO', () => {
  it('that lies ahead ends before the first step that is not before it', () => {
    const rig = counted(2);
    subscribe(rig, get(1), { upTo: 3_500, asOf: 2 });
    count(rig);
    expect(lasts(rig)).toBe(0);
    count(rig);
    expect(lasts(rig)).toBe(1);
    count(rig);
    expect(rowsAt(rig)).toEqual([
      [2, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(rig.statistics().dataflows).toEqual([]);
  });

  it('that is the time of a step leaves that step out', () => {
    const rig = counted(2);
    subscribe(rig, get(1), { upTo: 3_000, asOf: 2, snapshot: false });
    count(rig);
    expect([rowsAt(rig), lasts(rig)]).toEqual([[], 1]);
  });

  it('that has passed ends with what lies between', () => {
    const rig = counted(5);
    subscribe(rig, get(1), { upTo: 4_000, asOf: 2, snapshot: false });
    expect(rowsAt(rig)).toEqual([[3, 3]]);
    expect(lasts(rig)).toBe(1);
  });

  it('at or before the start shows nothing, and ends at once', () => {
    for (const upTo of [0, 1_000, 2_000]) {
      const rig = counted(5);
      subscribe(rig, get(1), { upTo, asOf: 2 });
      expect([rowsAt(rig), lasts(rig)]).toEqual([[], 1]);
      expect(rig.statistics().dataflows).toEqual([]);
    }
  });

  it('is seen in time that goes on without changes, and told with PROGRESS', () => {
    const rig = counted(1);
    subscribe(rig, get(1), { upTo: 4_000, asOf: 1, progress: true });
    for (let n = 0; n < 4; n++) {
      rig.seal(new Map());
      rig.settle();
    }
    expect(rowsAt(rig)).toEqual([[1, 1]]);
    expect(progressed(rig)).toEqual([1_000, 2_000, 3_000]);
    expect(lasts(rig)).toBe(1);
  });

  it('ends a subscription to a stream that is replayed too late', () => {
    const rig = new EngineRig();
    rig.stream(1, columns);
    rig.seal(new Map());
    rig.settle();
    subscribe(rig, get(1), { upTo: 3_000, asOf: 1 });
    for (let n = 0; n < 4; n++) rig.seal(new Map([[1, [{ row: [n], weight: 1 }]]]));
    rig.settle();
    expect(lasts(rig)).toBe(0);
    rig.command({ kind: 'goLive', dataflow: 5, step: 6 });
    rig.settle();
    expect([rowsAt(rig), lasts(rig)]).toEqual([[], 1]);
    expect(rig.statistics().slabsLive).toBe(0);
  });

  it('is exact when views merge steps across it', () => {
    for (let seed = 1; seed <= 60; seed++) playMerging(seed);
  });
});

/** Views that lag behind, subscriptions to them with all sorts of ends. */
function playMerging(seed: number): void {
  const random = new Random(seed);
  const rig = new EngineRig({ rowsMax: 3, tick: 1 });
  rig.table(1, columns);
  rig.view(10, get(1));
  rig.view(11, get(10));
  rig.seal(new Map(), 1);
  rig.settle();
  const requests: { request: number; upTo: number }[] = [];
  const byStep: Update[][] = [];
  let next = 0;
  for (let burst = 0; burst < 6; burst++) {
    if (random.chance(0.8)) {
      const request = 100 + burst;
      const upTo = (rig.step + 1 + random.below(12)) * 1_000 + random.pick([0, 1, 500]);
      const sink = { kind: 'subscribe', request, snapshot: true, progress: false, upTo } as const;
      rig.dataflow(request, get(random.pick([1, 10, 11])), sink, 1);
      requests.push({ request, upTo });
    }
    for (let k = random.below(8); k >= 0; k--) {
      const n = random.chance(0.3) ? 25 : random.below(4);
      const updates = Array.from({ length: n }, (_, i): Update => ({ row: [next + i], weight: 1 }));
      next += n;
      byStep[rig.seal(new Map([[1, updates]]), 1)] = updates;
    }
    for (let turn = random.below(30); turn > 0; turn--) rig.engine.run(1);
  }
  for (let n = 0; n < 14; n++) rig.seal(new Map());
  rig.settle();
  for (const { request, upTo } of requests) {
    const lastStep = Math.ceil(upTo / 1_000) - 1;
    const changes = rig.changes(request, columns);
    expect(Math.max(0, ...changes.map(({ step }) => step))).toBeLessThanOrEqual(lastStep);
    const expected = byStep.slice(0, lastStep + 1).flatMap((updates) => updates ?? []);
    expect(multiset(changes), `seed ${seed}`).toEqual(multiset(expected));
    expect(lasts(rig, request)).toBe(1);
  }
  expect(rig.statistics().dataflows.map(({ dataflow }) => dataflow)).toEqual([10, 11]);
}
