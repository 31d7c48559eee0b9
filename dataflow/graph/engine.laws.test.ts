/**
 * Goal: what the engine promises about resources and about time, whatever its views compute:
 * nothing leaks, an idle view costs nothing, a slow one delays only itself, no queue grows. Method:
 * engines driven turn by turn, with things cancelled and dropped in the middle.
 */
import { describe, expect, test } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import { Bag, randomPlan, tables } from '../../test/support/random-plan.ts';
import { Random } from '../../test/support/random.ts';
import { evaluate } from '../operators/reference.ts';
import type { Plan } from '../plan/plan.ts';
import type { Row, Update } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';

const pair: readonly ColumnType[] = [
  { type: 'int4', nullable: false },
  { type: 'int4', nullable: false },
];

const plus = (...row: Row): Update => ({ row, weight: 1 });

function all(collection: number): Plan {
  return { nodes: [{ kind: 'get', collection, demand: [0, 1], columns: pair }], root: 0 };
}

function selfJoin(collection: number): Plan {
  return {
    nodes: [
      { kind: 'get', collection, demand: [0, 1], columns: pair },
      {
        kind: 'join',
        left: 0,
        right: 0,
        leftKey: [0],
        rightKey: [0],
        nullsEqual: false,
        residual: null,
        columns: [...pair, ...pair],
      },
    ],
    root: 1,
  };
}

function rows(n: number, key: (i: number) => number): Update[] {
  return Array.from({ length: n }, (_, i) => plus(key(i), i));
}

describe('nothing is left behind', () => {
  test('when dataflows, reads and subscriptions end at any moment', () => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = new Random(seed);
      const rig = new EngineRig({ rowsMax: 7 });
      for (const [number, columns] of tables) rig.table(number, columns);
      const bags = new Map([...tables.keys()].map((n) => [n, new Bag()]));
      let number = 10;
      const views: number[] = [];
      const requests: number[] = [];
      for (let action = 0; action < 60; action++) {
        const plan = randomPlan(random, 2 + random.below(6));
        switch (random.below(8)) {
          case 0:
            rig.view(++number, plan);
            views.push(number);
            break;
          case 1:
            requests.push(++number);
            rig.dataflow(number, plan, {
              kind: 'subscribe',
              request: number,
              snapshot: random.chance(0.5),
              progress: random.chance(0.5),
              upTo: random.chance(0.2) ? 1000 * (rig.step + 2) : null,
            });
            break;
          case 2: {
            requests.push(++number);
            const project = (plan.nodes[plan.root]?.columns ?? []).map((_, c) => c);
            const finishing = { order: [], limit: -1, offset: 0, project };
            rig.dataflow(number, plan, { kind: 'answer', request: number, finishing });
            break;
          }
          case 3:
            requests.push(rig.ask(random.pick([1, 2, 3, ...views]), rig.step));
            break;
          case 4:
            if (requests.length > 0)
              rig.command({ kind: 'cancel', request: random.pick(requests) });
            break;
          case 5:
            if (views.length > 0) {
              const [dropped] = views.splice(random.below(views.length), 1);
              rig.command({ kind: 'dropCollection', collection: dropped ?? 0 });
            }
            break;
          default: {
            const inputs = new Map<number, Update[]>();
            for (const [n, columns] of tables) {
              inputs.set(n, bags.get(n)?.change(random, columns, 6) ?? []);
            }
            rig.seal(inputs);
          }
        }
        for (let turns = random.below(12); turns > 0; turns--) rig.engine.run(0);
      }
      for (const request of requests) rig.command({ kind: 'cancel', request });
      for (const view of views) rig.command({ kind: 'dropCollection', collection: view });
      rig.settle();
      const { collections, dataflows, slabsLive } = rig.statistics();
      expect(dataflows).toEqual([]);
      expect(slabsLive, `seed ${seed}`).toBe(0);
      expect(collections.map(({ collection }) => collection)).toEqual([1, 2, 3]);
      for (const { holds, since, complete } of collections) {
        expect(holds).toBe(0);
        expect(since).toBeLessThanOrEqual(complete);
      }
      for (const one of [1, 2, 3]) rig.command({ kind: 'dropCollection', collection: one });
      expect(rig.engine.arrangementBytes).toBe(0);
    }
  });
});

describe('an idle view', () => {
  test('is not run, and can be read at every step', () => {
    const rig = new EngineRig();
    rig.table(1, pair);
    rig.table(2, pair);
    rig.seal(
      new Map([
        [1, rows(10, (i) => i)],
        [2, rows(10, (i) => i)],
      ]),
    );
    rig.view(10, selfJoin(1));
    rig.view(11, all(10));
    rig.view(12, selfJoin(2));
    rig.settle();
    const busy = () => new Map(rig.statistics().dataflows.map((one) => [one.dataflow, one]));
    const before = busy();
    for (let i = 0; i < 20; i++) {
      rig.seal(new Map([[2, [plus(i, 100 + i)]]]));
      rig.settle();
    }
    const after = busy();
    expect(after.get(10)?.busyMilliseconds).toBe(before.get(10)?.busyMilliseconds);
    expect(after.get(11)?.busyMilliseconds).toBe(before.get(11)?.busyMilliseconds);
    expect(after.get(12)?.busyMilliseconds).toBeGreaterThan(before.get(12)?.busyMilliseconds ?? 0);
    expect(after.get(11)?.frontier).toBe(21);
    expect(rig.read(11, 21).length).toBe(10);
  });

  test('hears of changes after its rest', () => {
    const rig = new EngineRig();
    rig.table(1, pair);
    rig.table(2, pair);
    rig.view(10, all(1));
    rig.view(11, selfJoin(10));
    rig.settle();
    for (let i = 0; i < 5; i++) rig.seal(new Map([[2, [plus(i, i)]]]));
    rig.settle();
    rig.seal(new Map([[1, rows(3, () => 1)]]));
    expect(rig.read(11, 6).length).toBe(9);
  });
});

describe('a frontier', () => {
  test('never falls, and never stands behind a quiet input', () => {
    const rig = new EngineRig({ rowsMax: 3 });
    rig.table(1, pair);
    rig.table(2, pair);
    rig.view(10, selfJoin(1));
    rig.view(11, all(10));
    rig.view(12, all(2));
    rig.settle();
    const random = new Random(3);
    const last = new Map<number, number>();
    for (let i = 0; i < 60; i++) {
      const table = random.chance(0.3) ? 1 : 2;
      rig.seal(new Map([[table, rows(random.below(5), (n) => n % 2)]]));
      for (let turns = random.below(15); turns >= 0; turns--) {
        rig.engine.run(0);
        for (const { dataflow, frontier } of rig.statistics().dataflows) {
          expect(frontier).toBeGreaterThanOrEqual(last.get(dataflow) ?? -1);
          last.set(dataflow, frontier);
        }
      }
    }
    rig.settle();
    expect(rig.statistics().dataflows.map(({ frontier }) => frontier)).toEqual([60, 60, 60]);
  });

  test('lets history go as it moves on', () => {
    const rig = new EngineRig();
    rig.table(1, pair);
    rig.view(10, selfJoin(1));
    rig.settle();
    const bytes: number[] = [];
    for (let i = 0; i < 400; i++) {
      rig.seal(new Map([[1, [...(i === 0 ? [] : [{ row: [0, i - 1], weight: -1 }]), plus(0, i)]]]));
      rig.settle();
      bytes.push(rig.engine.arrangementBytes);
    }
    for (const { since, complete, rows: live } of rig.statistics().collections) {
      expect([since, complete, live]).toEqual([400, 400, 1]);
    }
    expect(bytes.at(-1)).toBe(bytes[200]);
  });
});

describe('a slow view', () => {
  test('delays neither reads nor other views, and can be cancelled', () => {
    const rig = new EngineRig();
    rig.table(1, pair);
    rig.table(2, pair);
    rig.seal(
      new Map([
        [1, rows(3000, () => 1)],
        [2, rows(5, (i) => i)],
      ]),
    );
    rig.settle();
    rig.view(10, all(2));
    rig.settle();
    // 9,000,000 pairs.
    rig.dataflow(11, selfJoin(1), {
      kind: 'answer',
      request: 5,
      finishing: { order: [], limit: -1, offset: 0, project: [0] },
    });
    for (let i = 0; i < 20; i++) rig.engine.run(0);
    const request = rig.ask(2, 1);
    for (let i = 0; i < 5; i++) rig.engine.run(0);
    expect(rig.answer(request, pair).ended).toBe(true);
    rig.seal(new Map([[2, [plus(7, 7)]]]));
    const second = rig.ask(10, 2);
    for (let i = 0; i < 20; i++) rig.engine.run(0);
    expect(rig.answer(second, pair).rows.length).toBe(6);
    expect(rig.statistics().slabsLive).toBeLessThan(20);
    rig.command({ kind: 'cancel', request: 5 });
    expect(rig.responses.at(-1)).toEqual({ kind: 'cancelled', request: 5 });
    expect(rig.statistics().slabsLive).toBe(0);
    expect(rig.engine.run(1000)).toBe(false);
  });

  test('that hydrates gets a quarter of the time while others have work', () => {
    const rig = new EngineRig({ tick: 0.01, rowsMax: 256 });
    rig.table(1, pair);
    rig.table(2, pair);
    rig.seal(
      new Map([
        [1, rows(2000, () => 1)],
        [2, []],
      ]),
    );
    rig.settle();
    rig.view(10, selfJoin(2));
    rig.settle();
    rig.view(11, selfJoin(1));
    // The live view gets work that it cannot finish in these turns.
    rig.seal(new Map([[2, rows(2000, () => 1)]]));
    for (let i = 0; i < 400; i++) rig.engine.run(0);
    const busy = new Map(
      rig.statistics().dataflows.map((one) => [one.dataflow, one.busyMilliseconds]),
    );
    const share = (busy.get(11) ?? 0) / ((busy.get(10) ?? 0) + (busy.get(11) ?? 0));
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.35);
  });
});

describe('a subscriber that does not read', () => {
  test('stops its dataflow, which later sends what it missed as one step', () => {
    const rig = new EngineRig({ creditBytes: 5_000, rowsMax: 64 });
    rig.table(1, pair);
    rig.dataflow(10, all(1), {
      kind: 'subscribe',
      request: 5,
      snapshot: true,
      progress: false,
      upTo: null,
    });
    for (let i = 0; i < 10; i++) {
      rig.seal(new Map([[1, rows(200, (n) => i * 1000 + n)]]));
      rig.settle();
    }
    const bytes = () =>
      rig.responses.reduce(
        (sum, one) =>
          sum +
          (one.kind !== 'changes'
            ? 0
            : one.chunks.reduce((inner, { batch }) => inner + (batch?.buffer.byteLength ?? 0), 0)),
        0,
      );
    expect(bytes()).toBeLessThan(5_000 + 4_096);
    for (let i = 0; i < 100; i++) {
      rig.command({ kind: 'credit', request: 5, bytes: 1_000 });
      rig.settle();
    }
    const changes = rig.changes(5, pair);
    expect(multiset(changes).length).toBe(2000);
    // A step has more than 2,400 bytes: the third was begun at most. Every dataflow stops at the
    // last steps, which may yet be read together with something else.
    const late = new Set(changes.map(({ step }) => step).filter((step) => step > 3));
    expect([...late]).toEqual([8, 9, 10]);
    expect(bytes()).toBeLessThanOrEqual(5_000 + 100_000 + 4_096);
  });
});

describe('a stream', () => {
  test('replayed and then followed gives each record once', () => {
    for (let seed = 1; seed <= 40; seed++) playStream(seed);
  });
});

/**
 * One view over a stream and a table; the past of the stream is cut into batches and steps at
 * random.
 */
function playStream(seed: number): void {
  const random = new Random(seed);
  const rig = new EngineRig({ rowsMax: random.pick([2, 4096]) });
  rig.stream(1, pair);
  rig.table(2, pair);
  const past: Update[] = [];
  const table: Update[] = [];
  const step = (): void => {
    const stream = rows(random.below(6), () => random.below(4));
    const stored = rows(random.below(3), () => random.below(4));
    past.push(...stream);
    table.push(...stored);
    rig.seal(
      new Map([
        [1, stream],
        [2, stored],
      ]),
    );
  };
  const plan: Plan = {
    nodes: [
      { kind: 'get', collection: 1, demand: [1, 0], columns: pair },
      { kind: 'get', collection: 2, demand: [0, 1], columns: pair },
      {
        kind: 'join',
        left: 0,
        right: 1,
        leftKey: [1],
        rightKey: [0],
        nullsEqual: false,
        residual: null,
        columns: [...pair, ...pair],
      },
    ],
    root: 2,
  };
  for (let i = 0; i < 3; i++) step();
  rig.settle();
  rig.view(10, plan);
  rig.dataflow(11, plan, {
    kind: 'subscribe',
    request: 5,
    snapshot: true,
    progress: true,
    upTo: null,
  });
  let replayed = 0;
  const replay = (to: number, last: boolean): void => {
    const updates = past.slice(replayed, to);
    replayed = to;
    for (const dataflow of [10, 11]) {
      const batch = updates.length === 0 ? null : rig.pack(pair, updates);
      rig.command({ kind: 'replay', dataflow, collection: 1, batch, last });
    }
  };
  for (let round = random.below(4); round > 0; round--) {
    replay(replayed + random.below(past.length - replayed + 1), false);
    if (random.chance(0.5)) step();
    if (random.chance(0.7)) rig.settle();
  }
  const cut = past.length;
  for (const dataflow of [10, 11]) rig.command({ kind: 'goLive', dataflow, step: rig.step + 1 });
  for (let n = random.below(3); n > 0; n--) {
    step();
    if (random.chance(0.5)) rig.settle();
  }
  expect(rig.changes(5, plan.nodes[2].columns)).toEqual([]);
  replay(cut, true);
  for (let n = 0; n < 3; n++) {
    const { rows: expected } = evaluate(
      plan,
      new Map([
        [1, past],
        [2, table],
      ]),
    );
    expect(rig.read(10, rig.step)).toEqual(
      multiset(
        expected.flatMap(({ row, weight }) =>
          Array.from({ length: weight }, () => ({ row, weight: 1 })),
        ),
      ),
    );
    expect(multiset(rig.changes(5, plan.nodes[2].columns))).toEqual(multiset(expected));
    step();
  }
}

test('a view over something that is dropped ends, and says so', () => {
  const rig = new EngineRig();
  rig.table(1, pair);
  rig.dataflow(10, all(1), {
    kind: 'subscribe',
    request: 5,
    snapshot: true,
    progress: false,
    upTo: null,
  });
  const waiting = rig.ask(1, 99);
  rig.settle();
  rig.command({ kind: 'dropCollection', collection: 1 });
  const failed = rig.responses.filter((one) => one.kind === 'failed').map(({ request }) => request);
  expect(failed.toSorted()).toEqual([5, waiting].toSorted());
  expect(rig.statistics().dataflows).toEqual([]);
});

test('a hold keeps reads possible while steps go on, and lets go', () => {
  const rig = new EngineRig();
  rig.table(1, pair);
  rig.seal(new Map([[1, [plus(1, 1)]]]));
  rig.settle();
  rig.command({ kind: 'hold', hold: 1, collection: 1, since: 1 });
  for (let i = 0; i < 10; i++) {
    rig.seal(new Map([[1, [{ row: [i + 1, i + 1], weight: -1 }, plus(i + 2, i + 2)]]]));
    rig.settle();
  }
  expect(rig.read(1, 1)).toEqual(['1 × (1, 1)']);
  expect(rig.statistics().collections[0]).toMatchObject({ since: 1, holds: 1, rows: 1 });
  rig.command({ kind: 'releaseHold', hold: 1 });
  rig.settle();
  expect(rig.statistics().collections[0]).toMatchObject({ since: 11, holds: 0, rows: 1 });
});
