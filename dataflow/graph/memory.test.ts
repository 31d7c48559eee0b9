/**
 * Goal: what needs more memory than there is ends alone with SQLSTATE 53200, gives back what it
 * had, and the engine goes on: a query, a view with what stands on it, a write of several tables,
 * the build of an index. Method: regions of 32 MiB or dataflows of a few, something larger, then
 * counts of what is left, and a step after it.
 */
import { describe, expect, it } from 'vitest';
import { EngineRig } from '../../test/support/engine-rig.ts';
import type { Plan } from '../plan/plan.ts';
import { batchFromRows } from '../value/datum-column.ts';
import type { Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';

const column: ColumnType = { type: 'int8', nullable: false };
const smallRegions = { regionWords: 2 ** 23 };

/** Every pair of rows of the table. */
const pairs: Plan = {
  nodes: [
    { kind: 'get', collection: 1, demand: [0], columns: [column] },
    { kind: 'get', collection: 1, demand: [0], columns: [column] },
    {
      kind: 'join',
      left: 0,
      right: 1,
      leftKey: [],
      rightKey: [],
      nullsEqual: false,
      residual: null,
      columns: [column, column],
    },
  ],
  root: 2,
};

function all(collection: number, columns: readonly ColumnType[] = [column]): Plan {
  const demand = columns.map((_, c) => c);
  return { nodes: [{ kind: 'get', collection, demand, columns }], root: 0 };
}

function rows(first: number, n: number): Update[] {
  return Array.from({ length: n }, (_, k) => ({ row: [BigInt(first + k)], weight: 1 }));
}

function rigOf(options: ConstructorParameters<typeof EngineRig>[0]): EngineRig {
  const rig = new EngineRig(options);
  rig.table(1, [column]);
  rig.table(2, [column]);
  insert(rig, 1, rows(0, 20));
  return rig;
}

function insert(rig: EngineRig, collection: number, updates: readonly Update[]): void {
  rig.engine.input(collection, batchFromRows(rig.engine.pool, [column], updates, 0), null);
  rig.seal(new Map());
  rig.settle();
}

/** One step of several writes, each of some inputs. */
function write(rig: EngineRig, writes: readonly (readonly (readonly [number, Update[]])[])[]) {
  const inputs = writes.flatMap((inputsOfOne, number) =>
    inputsOfOne.map(([collection, updates]) => ({
      collection,
      batch: rig.pack([column], updates),
      write: number,
    })),
  );
  const step = rig.step + 1;
  rig.seal(new Map(), undefined, [], inputs);
  rig.settle();
  return rig.responses.find((one) => one.kind === 'complete' && one.step === step);
}

function failures(rig: EngineRig): unknown[] {
  return rig.responses.filter((one) => one.kind === 'failed');
}

const outOfMemory: unknown = expect.objectContaining({ code: '53200', message: 'out of memory' });

function subscribe(rig: EngineRig, request: number, plan: Plan): void {
  rig.dataflow(request, plan, {
    kind: 'subscribe',
    request,
    snapshot: true,
    progress: false,
    upTo: null,
  });
}

describe('out of memory', () => {
  it('ends a query alone', () => {
    const rig = rigOf(smallRegions);
    const before = rig.engine.arrangementBytes;
    insert(rig, 1, rows(20, 1_000));
    const finishing = { order: [], limit: Infinity, offset: 0, project: [0] };
    rig.dataflow(100, pairs, { kind: 'answer', request: 100, finishing });
    rig.settle();
    expect(failures(rig)).toEqual([{ kind: 'failed', request: 100, error: outOfMemory }]);
    // What the query took is given back: no more is held than the table needs.
    expect(rig.engine.arrangementBytes).toBeLessThan(before + 400_000);
    expect(rig.engine.pool.live).toBe(0);
    insert(rig, 1, rows(4_000, 1));
    expect(rig.read(1, rig.step)).toHaveLength(1_021);
  });

  for (const [name, options] of [
    ['a region', smallRegions],
    ['a dataflow', { dataflowBytesMax: 2 ** 20 }],
  ] as const) {
    it(`stops a view that does not fit ${name}, and what reads it`, () => {
      const rig = rigOf(options);
      rig.view(9, all(2));
      rig.settle();
      const before = rig.statistics();
      const bytes = rig.engine.arrangementBytes;
      rig.view(10, pairs);
      rig.view(11, all(10, [column, column]));
      subscribe(rig, 12, all(11, [column, column]));
      rig.settle();
      expect(rig.read(11, rig.step)).toHaveLength(400);
      rig.command({ kind: 'hold', hold: 1, collection: 10, since: rig.step });
      insert(rig, 1, rows(20, 1_000));
      expect(failures(rig)).toEqual([
        { kind: 'failed', request: 12, error: outOfMemory, stopped: 10 },
      ]);
      expect(
        rig.responses.flatMap((one) => (one.kind === 'stopped' ? [one.collection] : [])).toSorted(),
      ).toEqual([10, 11]);
      // Others go on; what is asked of it from now on fails as well.
      insert(rig, 2, rows(0, 5));
      expect(rig.read(9, rig.step)).toHaveLength(5);
      expect(rig.read(11, rig.step)).toEqual(['53200 out of memory']);
      rig.view(13, all(11, [column, column]));
      subscribe(rig, 14, all(13, [column, column]));
      rig.command({ kind: 'createIndex', collection: 10, key: [0], request: 15 });
      rig.settle();
      expect(failures(rig).slice(-2)).toEqual([
        { kind: 'failed', request: 14, error: outOfMemory, stopped: 10 },
        { kind: 'failed', request: 15, error: outOfMemory, stopped: 10 },
      ]);
      rig.command({ kind: 'dropIndex', collection: 10, key: [0] });
      for (const view of [13, 11, 10]) rig.command({ kind: 'dropCollection', collection: view });
      rig.settle();
      const after = rig.statistics();
      expect(after.dataflows.map(({ dataflow }) => dataflow)).toEqual(
        before.dataflows.map(({ dataflow }) => dataflow),
      );
      expect(after.collections.map(({ collection, holds }) => [collection, holds])).toEqual(
        before.collections.map(({ collection, holds }) => [collection, holds]),
      );
      expect(after.slabsLive).toBe(0);
      expect(rig.engine.arrangementBytes).toBeLessThan(bytes + 400_000);
    });
  }

  it('refuses a write as a whole, and takes the others of its step', () => {
    const rig = rigOf(smallRegions);
    const answer = write(rig, [
      [[2, rows(0, 3)]],
      [
        [1, rows(100, 5)],
        [2, rows(100, 600_000)],
        [1, rows(200, 5)],
      ],
      [[1, rows(300, 2)]],
    ]);
    expect(answer).toMatchObject({ refused: [{ write: 1, error: outOfMemory }] });
    expect(rig.read(1, rig.step)).toHaveLength(22);
    expect(rig.read(2, rig.step)).toHaveLength(3);
    // A write that fits if it is alone is refused if its parts do not fit together.
    const parts = [
      [1, rows(1_000, 200_000)],
      [2, rows(1_000, 200_000)],
    ] as const;
    expect(write(rig, [parts.map(([n, updates]) => [n, [...updates]] as const)])).toMatchObject({
      refused: [{ write: 0 }],
    });
    expect(write(rig, [[[1, rows(1_000, 100_000)]]])).not.toHaveProperty('refused');
    expect(rig.read(1, rig.step)).toHaveLength(100_022);
    expect(rig.statistics().slabsLive).toBe(0);
  });

  it('stops a collection for whose source there is no room', () => {
    const rig = rigOf(smallRegions);
    rig.view(10, all(2));
    insert(rig, 2, rows(0, 900_000));
    expect(rig.read(2, rig.step)).toEqual(['53200 out of memory']);
    expect(rig.read(10, rig.step)).toEqual(['53200 out of memory']);
    expect(write(rig, [[[2, rows(0, 1)]], [[1, rows(50, 1)]]])).toMatchObject({
      refused: [{ write: 0, error: outOfMemory }],
    });
    expect(rig.read(1, rig.step)).toHaveLength(21);
    rig.command({ kind: 'dropCollection', collection: 10 });
    rig.command({ kind: 'dropCollection', collection: 2 });
    expect(rig.statistics().slabsLive).toBe(0);
  });

  it('fails the build of an index', () => {
    const rig = rigOf(smallRegions);
    insert(rig, 1, rows(100, 100_000));
    for (let n = 0; n < 24; n++) {
      rig.command({
        kind: 'createIndex',
        collection: 1,
        key: Array.from({ length: n + 2 }, () => 0),
        request: 100 + n,
      });
      rig.settle();
    }
    const built = rig.responses.filter((one) => one.kind === 'indexed').length;
    expect(built).toBeGreaterThan(1);
    expect(built).toBeLessThan(24);
    expect(failures(rig)).toHaveLength(24 - built);
    expect(failures(rig)[0]).toMatchObject({ error: outOfMemory });
    expect(rig.read(1, rig.step)).toHaveLength(100_020);
  });
});
