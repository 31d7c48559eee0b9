/**
 * Goal: the engine as its coordinator sees it. Method: commands in, responses out, in one thread;
 * tables, views over them, lookups, subscriptions, at every step.
 */
import { describe, expect, test } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import type { Plan } from '../plan/plan.ts';
import type { Row, Update } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import { Engine } from './engine.ts';

const orders: readonly ColumnType[] = [
  { type: 'int4', nullable: false },
  { type: 'text', nullable: false },
  { type: 'int8', nullable: false },
];

/** SELECT customer, count(*), sum(amount) FROM orders WHERE … GROUP BY customer. */
const perCustomer: Plan = {
  nodes: [
    { kind: 'get', collection: 1, demand: [1, 2], columns: orders.slice(1) },
    {
      kind: 'mfp',
      input: 0,
      columns: orders.slice(1),
      program: {
        nodes: [
          { kind: 'column', column: 0, type: 'text' },
          { kind: 'column', column: 1, type: 'int8' },
          { kind: 'constant', value: 0n, type: 'int8' },
          { kind: 'call', fn: '>(int8,int8)', args: [1, 2], type: 'bool' },
        ],
        filters: [3],
        outputs: [0, 1],
      },
    },
    {
      kind: 'reduce',
      input: 1,
      key: [0],
      aggregates: [aggregate('count', -1, 'int8'), aggregate('sum', 1, 'numeric')],
      columns: [
        { type: 'text', nullable: false },
        { type: 'int8', nullable: false },
        { type: 'numeric', nullable: true },
      ],
    },
  ],
  root: 2,
};

function aggregate(fn: 'count' | 'sum', argument: number, type: 'int8' | 'numeric') {
  return {
    fn,
    argument,
    argument2: -1,
    argumentType: 'int8',
    filter: -1,
    distinct: false,
    order: [],
    type,
  } as const;
}

const plus = (...row: Row): Update => ({ row, weight: 1 });
const minus = (...row: Row): Update => ({ row, weight: -1 });

describe('a table', () => {
  test('is read at each step that is held', () => {
    const rig = new EngineRig();
    rig.table(1, orders);
    rig.seal(new Map([[1, [plus(1, 'ann', 10n), plus(2, 'bob', 20n)]]]), 1);
    rig.seal(new Map([[1, [minus(1, 'ann', 10n)]]]), 1);
    rig.settle();
    expect(rig.read(1, 1)).toEqual(['1 × (1, ann, 10)', '1 × (2, bob, 20)']);
    expect(rig.read(1, 2)).toEqual(['1 × (2, bob, 20)']);
  });

  test('answers by key, ordered, limited', () => {
    const rig = new EngineRig();
    rig.table(1, orders);
    rig.command({ kind: 'createIndex', collection: 1, key: [1] });
    const rows = Array.from({ length: 100 }, (_, i) =>
      plus(i, i % 2 === 0 ? 'ann' : 'bob', BigInt(i)),
    );
    rig.seal(new Map([[1, rows]]));
    const lookup = {
      collection: 1,
      columns: orders,
      key: { columns: [1], values: [['ann'], ['ann'], ['eve']] },
      program: {
        nodes: [0, 1, 2].map(
          (column) => ({ kind: 'column', column, type: orders[column].type }) as const,
        ),
        filters: [],
        outputs: [0, 1, 2],
      },
    };
    const request = rig.ask(1, 1, {
      lookup,
      finishing: {
        order: [{ column: 2, descending: true, nullsFirst: false }],
        limit: 3,
        offset: 1,
        project: [0],
      },
    });
    rig.settle();
    const { rows: found, ended } = rig.answer(request, orders.slice(0, 1));
    expect(found).toEqual([[96], [94], [92]]);
    expect(ended).toBe(true);
  });
});

describe('a closed table', () => {
  test('is read, and read on by views, once it is opened', () => {
    const rig = new EngineRig();
    rig.table(1, orders, true);
    rig.table(2, orders);
    rig.view(3, perCustomer);
    const read = rig.ask(1, 0);
    const readView = rig.ask(3, 0);
    const request = 77;
    rig.dataflow(4, perCustomer, {
      kind: 'subscribe',
      request,
      snapshot: true,
      progress: false,
      upTo: null,
    });
    rig.seal(new Map([[1, [plus(1, 'ann', 10n), plus(2, 'bob', 20n)]]]));
    rig.seal(new Map([[1, [minus(2, 'bob', 20n)]]]));
    rig.seal(new Map([[2, [plus(9, 'eve', 1n)]]]));
    rig.settle();
    expect(rig.read(2, 3)).toEqual(['1 × (9, eve, 1)']);
    for (const one of [read, readView]) expect(rig.answer(one, rig.columns(1)).ended).toBe(false);
    expect(rig.changes(request, rig.columns(3))).toEqual([]);
    rig.command({ kind: 'openCollection', collection: 1 });
    rig.settle();
    expect(rig.answer(read, rig.columns(1)).rows).toEqual([[1, 'ann', 10n]]);
    expect(rig.answer(readView, rig.columns(3)).rows.length).toBe(1);
    expect(rig.changes(request, rig.columns(3)).length).toBe(1);
    rig.seal(new Map([[1, [plus(3, 'ann', 5n)]]]));
    expect(rig.read(1, 4)).toEqual(['1 × (1, ann, 10)', '1 × (3, ann, 5)']);
    expect(rig.read(3, 4)).toEqual(['1 × (ann, 2, finite:15e-0)']);
  });

  test('can be dropped before it is opened', () => {
    const rig = new EngineRig();
    rig.table(1, orders, true);
    rig.view(2, perCustomer);
    rig.seal(new Map([[1, [plus(1, 'ann', 10n)]]]));
    rig.command({ kind: 'dropCollection', collection: 2 });
    rig.command({ kind: 'dropCollection', collection: 1 });
    rig.command({ kind: 'openCollection', collection: 1 });
    rig.settle();
    expect(rig.statistics().collections).toEqual([]);
  });
});

describe('a view', () => {
  test('follows its table step by step', () => {
    const rig = new EngineRig();
    rig.table(1, orders);
    rig.seal(new Map([[1, [plus(1, 'ann', 10n), plus(2, 'bob', 20n), plus(3, 'ann', -5n)]]]));
    rig.settle();
    rig.view(2, perCustomer);
    rig.settle();
    expect(rig.read(2, 1)).toEqual(['1 × (ann, 1, finite:10e-0)', '1 × (bob, 1, finite:20e-0)']);
    rig.seal(new Map([[1, [plus(4, 'ann', 7n), minus(2, 'bob', 20n)]]]));
    expect(rig.read(2, 2)).toEqual(['1 × (ann, 2, finite:17e-0)']);
  });

  test('can be read at a step that it has not come to yet', () => {
    const rig = new EngineRig();
    rig.table(1, orders);
    rig.view(2, perCustomer);
    const request = rig.ask(2, 2);
    rig.settle();
    expect(rig.answer(request, rig.columns(2)).ended).toBe(false);
    rig.seal(new Map([[1, [plus(1, 'ann', 10n)]]]));
    rig.seal(new Map());
    rig.settle();
    expect(rig.answer(request, rig.columns(2)).rows.length).toBe(1);
  });

  test('over a view', () => {
    const rig = new EngineRig();
    rig.table(1, orders);
    rig.view(2, perCustomer);
    rig.view(3, {
      nodes: [
        { kind: 'get', collection: 2, demand: [1], columns: [{ type: 'int8', nullable: false }] },
      ],
      root: 0,
    });
    for (let i = 0; i < 5; i++) rig.seal(new Map([[1, [plus(i, `c${i}`, 1n)]]]));
    expect(rig.read(3, 5)).toEqual(['5 × (1)']);
  });
});

describe('a subscription', () => {
  test('sends the snapshot, then consolidated changes', () => {
    const rig = new EngineRig();
    rig.table(1, orders);
    rig.seal(new Map([[1, [plus(1, 'ann', 10n)]]]));
    rig.settle();
    rig.dataflow(9, perCustomer, {
      kind: 'subscribe',
      request: 5,
      snapshot: true,
      progress: false,
      upTo: null,
    });
    rig.settle();
    rig.seal(new Map([[1, [plus(2, 'ann', 10n)]]]));
    rig.settle();
    const columns = perCustomer.nodes[2].columns;
    const changes = rig.changes(5, columns);
    const at = (step: number) => multiset(changes.filter((one) => one.step === step));
    expect(at(1)).toEqual(['1 × (ann, 1, finite:10e-0)']);
    expect(at(2)).toEqual(['-1 × (ann, 1, finite:10e-0)', '1 × (ann, 2, finite:20e-0)']);
  });

  test('ends at UP TO', () => {
    const rig = new EngineRig();
    rig.table(1, orders);
    rig.dataflow(9, perCustomer, {
      kind: 'subscribe',
      request: 5,
      snapshot: true,
      progress: false,
      upTo: 3_000,
    });
    for (let i = 0; i < 4; i++) {
      rig.seal(new Map([[1, [plus(i, 'ann', 10n)]]]));
      rig.settle();
    }
    const changes = rig.changes(5, perCustomer.nodes[2].columns);
    expect(Math.max(...changes.map(({ step }) => step))).toBe(2);
    expect(rig.responses.some((one) => one.kind === 'changes' && one.last)).toBe(true);
    expect(rig.statistics().dataflows).toEqual([]);
  });
});

test('a command out of a response waits until nothing is half done', () => {
  let taken = 0;
  const engine: Engine = new Engine({
    respond: (response) => {
      if (response.kind === 'complete') engine.command({ kind: 'dropDataflow', dataflow: 9 });
      if (response.kind === 'changes') {
        taken++;
        engine.command({ kind: 'cancel', request: 5 });
      }
    },
    now: () => 0,
  });
  engine.command({ kind: 'createCollection', collection: 1, columns: orders, stored: true });
  const row = batchFromRows(engine.pool, orders, [plus(1, 'ann', 10n)], 0);
  engine.command({
    kind: 'createDataflow',
    dataflow: 10,
    plan: perCustomer,
    asOf: 1,
    sink: { kind: 'subscribe', request: 5, snapshot: true, progress: false, upTo: null },
  });
  engine.input(1, row, null);
  engine.command({ kind: 'step', step: 1, time: 1, inputs: [] });
  for (let turns = 0; turns < 50; turns++) engine.run(0);
  expect(taken).toBeGreaterThan(0);
  expect(engine.run(0)).toBe(false);
  expect(engine.pool.live).toBe(0);
});

test('an answer comes once and leaves nothing behind', () => {
  const rig = new EngineRig();
  rig.table(1, orders);
  rig.seal(new Map([[1, [plus(1, 'ann', 10n), plus(2, 'bob', 20n)]]]));
  rig.settle();
  const before = rig.statistics();
  rig.dataflow(9, perCustomer, {
    kind: 'answer',
    request: 5,
    finishing: {
      order: [{ column: 0, descending: true, nullsFirst: false }],
      limit: -1,
      offset: 0,
      project: [0, 1],
    },
  });
  rig.settle();
  const { rows, ended } = rig.answer(5, perCustomer.nodes[2].columns.slice(0, 2));
  expect(rows).toEqual([
    ['bob', 1n],
    ['ann', 1n],
  ]);
  expect(ended).toBe(true);
  expect(rig.statistics()).toEqual(before);
});
