/**
 * Goal: a view that takes several steps as one is never seen at a step in between. Method: views
 * that are all the same as their table, in an engine that works on a few rows at a time while steps
 * of very different sizes come in; a read of a view at a step that is complete has everything up to
 * that step, and what two views differ by is nothing at all times.
 */
import { describe, expect, it } from 'vitest';
import { EngineRig } from '../../test/support/engine-rig.ts';
import { Random } from '../../test/support/random.ts';
import type { Plan } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];

function get(collection: number): Plan {
  return { nodes: [{ kind: 'get', collection, demand: [0], columns }], root: 0 };
}

function difference(a: number, b: number): Plan {
  const [first] = get(a).nodes;
  const [second] = get(b).nodes;
  return {
    nodes: [
      first,
      second,
      { kind: 'negate', input: 1, columns },
      { kind: 'union', inputs: [0, 2], columns },
    ],
    root: 3,
  };
}

function rowsFrom(first: number, n: number): Update[] {
  return Array.from({ length: n }, (_, i) => ({ row: [first + i], weight: 1 }));
}

/** An engine with a table and two views of it, and one of what they differ by. */
function rigOf(): EngineRig {
  const rig = new EngineRig({ rowsMax: 3, tick: 1 });
  rig.table(1, columns);
  rig.view(10, get(1));
  rig.view(11, get(1));
  rig.view(12, get(10));
  rig.dataflow(20, difference(11, 12), {
    kind: 'subscribe',
    request: 20,
    snapshot: true,
    progress: false,
    upTo: null,
  });
  rig.settle();
  return rig;
}

function completeSteps(rig: EngineRig): number {
  return rig.responses.filter(({ kind }) => kind === 'complete').length;
}

describe('steps that a view skips', () => {
  it('are not read: what was acknowledged before the read is there', () => {
    const rig = rigOf();
    rig.seal(new Map([[1, rowsFrom(0, 30)]]), 0);
    rig.seal(new Map([[1, rowsFrom(1000, 1)]]), 1);
    while (completeSteps(rig) < 2) rig.engine.run(1);
    const request = rig.ask(10, 2);
    // So many that step 2 is none at which every view stops any more.
    for (let n = 1; n < 6; n++) rig.seal(new Map([[1, rowsFrom(1000 + n, 1)]]), 1);
    rig.settle();
    const { rows } = rig.answer(request, columns);
    expect(rows.map(([value]) => value)).toContain(1000);
    expect(rows.length).toBeGreaterThan(31);
  });

  it('are none that somebody holds', () => {
    const rig = rigOf();
    rig.seal(new Map([[1, rowsFrom(0, 30)]]), 0);
    for (let n = 0; n < 6; n++) rig.seal(new Map([[1, rowsFrom(1000 + n, 1)]]), 1, [3]);
    rig.settle();
    expect(rig.read(10, 3)).toHaveLength(32);
    expect(rig.read(12, 3)).toHaveLength(32);
    expect(rig.read(10, 2)).toHaveLength(32);
  });

  it('are not seen by views over several views', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed);
      const rig = rigOf();
      let next = 0;
      for (let step = 0; step < 20; step++) {
        const n = random.chance(0.3) ? 25 : 1 + random.below(3);
        // Mostly more steps come than are worked on.
        for (let k = random.below(6); k >= 0; k--) {
          rig.seal(new Map([[1, rowsFrom(next, n)]]), Math.max(0, completeSteps(rig) - 1));
          next += n;
        }
        for (let turn = random.below(20); turn > 0; turn--) rig.engine.run(1);
      }
      rig.settle();
      expect(rig.changes(20, columns), `seed ${seed}`).toEqual([]);
      expect(rig.read(12, rig.step)).toHaveLength(next);
    }
  });

  it('are noticed even if nothing is left of what came in them', () => {
    for (let seed = 1; seed <= 15; seed++) {
      const random = new Random(seed);
      const rig = rigOf();
      let there = 0;
      for (let step = 0; step < 20; step++) {
        for (let k = random.below(6); k >= 0; k--) {
          const rows = rowsFrom(0, there === 0 ? 1 + random.below(8) : there);
          const weight = there === 0 ? 1 : -1;
          there = there === 0 ? rows.length : 0;
          rig.seal(new Map([[1, rows.map(({ row }) => ({ row, weight }))]]), 0);
        }
        for (let turn = random.below(20); turn > 0; turn--) rig.engine.run(1);
      }
      rig.settle();
      for (let asOf = 0; asOf < rig.step; asOf++) {
        for (const view of [10, 12]) {
          const request = 100 + 2 * asOf + (view === 10 ? 0 : 1);
          const sink = { snapshot: true, progress: false, upTo: null };
          const plan = difference(1, view);
          rig.dataflow(request, plan, { kind: 'subscribe', request, ...sink }, asOf);
          rig.settle();
          const where = `seed ${seed}, view ${view} as of ${asOf}`;
          expect(rig.changes(request, columns), where).toEqual([]);
          rig.command({ kind: 'cancel', request });
        }
      }
    }
  });
});
