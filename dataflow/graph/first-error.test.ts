/**
 * Goal: the first error of a collection is none at the steps before it, which transactions and
 * slower dataflows may still read. Method: a view that divides by its table's values; the zero comes
 * while an earlier step is held, and while views of the view are behind it.
 */
import { expect, test } from 'vitest';
import { EngineRig } from '../../test/support/engine-rig.ts';
import { Random } from '../../test/support/random.ts';
import type { Plan } from '../plan/plan.ts';
import type { ColumnType } from '../value/type.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];

/** 10 divided by the rows of table 1. */
const quotients: Plan = {
  nodes: [
    { kind: 'get', collection: 1, demand: [0], columns },
    {
      kind: 'mfp',
      input: 0,
      program: {
        nodes: [
          { kind: 'column', column: 0, type: 'int4' },
          { kind: 'constant', value: 10, type: 'int4' },
          { kind: 'call', fn: '/(int4,int4)', args: [1, 0], type: 'int4' },
        ],
        filters: [],
        outputs: [2],
      },
      columns,
    },
  ],
  root: 1,
};

const copy: Plan = { nodes: [{ kind: 'get', collection: 10, demand: [0], columns }], root: 0 };
const failure = ['22012 division by zero'];

test('a step that is held before the first error reads as it was', () => {
  for (const between of [0, 1, 5]) {
    const rig = new EngineRig();
    rig.table(1, columns);
    rig.view(10, quotients);
    for (let step = 1; step <= 3; step++) {
      rig.seal(new Map([[1, [{ row: [step], weight: 1 }]]]), step - 1);
    }
    rig.settle();
    for (let n = 0; n < between; n++) {
      rig.seal(new Map([[1, [{ row: [n + 1], weight: 1 }]]]), 3, [3]);
    }
    rig.settle();
    rig.seal(new Map([[1, [{ row: [0], weight: 1 }]]]), 3, [3]);
    rig.settle();
    expect(rig.read(10, rig.step)).toEqual(failure);
    expect(rig.read(10, 3)).toHaveLength(3);
  }
});

test('views that are behind a view take its first error', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new Random(seed);
    const rig = new EngineRig({ rowsMax: 2, tick: 1 });
    rig.table(1, columns);
    rig.view(10, quotients);
    rig.view(11, copy);
    rig.view(12, copy);
    rig.settle();
    let zeros = 0;
    for (let step = 0; step < 30; step++) {
      const zero = random.chance(0.1);
      const rows = Array.from({ length: 1 + random.below(9) }, (_, i) => ({
        row: [zero && i === 0 ? 0 : 1 + random.below(9)],
        weight: 1,
      }));
      if (zeros > 0 && random.chance(0.5)) rows.push({ row: [0], weight: -zeros });
      zeros = rows.reduce((sum, { row, weight }) => sum + (row[0] === 0 ? weight : 0), zeros);
      rig.seal(new Map([[1, rows]]), Math.max(0, step - 3));
      for (let turn = random.below(12); turn > 0; turn--) rig.engine.run(1);
    }
    rig.settle();
    const expected = rig.read(10, rig.step);
    if (zeros > 0) expect(expected).toEqual(failure);
    expect(rig.read(11, rig.step), `seed ${seed}`).toEqual(expected);
    expect(rig.read(12, rig.step), `seed ${seed}`).toEqual(expected);
    if (zeros === 0) continue;
    rig.seal(new Map([[1, [{ row: [0], weight: -zeros }]]]));
    const healed = rig.read(10, rig.step);
    expect(healed).not.toEqual(failure);
    expect(rig.read(11, rig.step), `seed ${seed}`).toEqual(healed);
    expect(rig.read(12, rig.step), `seed ${seed}`).toEqual(healed);
  }
});
