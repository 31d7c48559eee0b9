/**
 * Goal: a dataflow may begin its life with what it had at a step, detached from its streams, and
 * goes on as if it had always been there; errors that records had count once. Method: a dataflow
 * driven by hand, without an engine.
 */
import { expect, it } from 'vitest';
import { defined } from '../../src/base/assert.ts';
import { multiset } from '../../test/support/engine-rig.ts';
import { RegionPool } from '../arrangement/region.ts';
import { startPosition } from '../arrangement/pairs.ts';
import { StoreArrangement } from '../arrangement/store-arrangement.ts';
import { errorColumns } from '../operators/operator.ts';
import { newScratch } from '../operators/scratch.ts';
import type { Plan } from '../plan/plan.ts';
import { render } from '../render/render.ts';
import type { Batch } from '../value/batch.ts';
import type { Row } from '../value/datum.ts';
import { batchFromRows, rowsFromBatch } from '../value/datum-column.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Response } from './command.ts';
import { Dataflow } from './dataflow.ts';
import { CollectionSink } from './sink.ts';
import { Stops } from './stops.ts';
import { StoredCollection } from './stored-collection.ts';
import { StreamCollection } from './stream-collection.ts';
import type { Surroundings } from './surroundings.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];
const plan: Plan = { nodes: [{ kind: 'get', collection: 1, demand: [0], columns }], root: 0 };

/** A stream, a dataflow over it, and the collection that it keeps. */
function rig() {
  const around: Surroundings & { step: number } = {
    step: 0,
    progress: { version: 0 },
    stops: new Stops(),
    pool: new SlabPool(),
    scratch: newScratch(64),
    rowsMax: 64,
    complete: () => around.step,
    timeOf: (step) => step,
    arrangement: (types) => new StoreArrangement(regions, types),
    respond: (response) => void responses.push(response),
  };
  const regions = new RegionPool();
  const responses: Response[] = [];
  const none = (): void => undefined;
  const listener = { behind: none, advanced: none, poked: none };
  const made: { dataflow: Dataflow | null } = { dataflow: null };
  const stream = new StreamCollection(1, columns);
  const result = new StoredCollection(
    2,
    columns,
    (types) => around.arrangement(types),
    { effectiveFrontier: () => made.dataflow?.effectiveFrontier() ?? -1 },
    -1,
  );
  result.hydratesLater();
  const dataflow = new Dataflow(3, 0, new CollectionSink(result), around, listener);
  made.dataflow = dataflow;
  dataflow.start(render(plan, dataflow, () => stream, around));
  return { around, responses, stream, result, dataflow };
}

type Rig = ReturnType<typeof rig>;

function rows(pool: SlabPool, ...numbers: number[]): Batch {
  return batchFromRows(
    pool,
    columns,
    numbers.map((n) => ({ row: [n], weight: 1 })),
    0,
  );
}

function failed(pool: SlabPool, message: string): Batch {
  return batchFromRows(pool, errorColumns, [{ row: ['22000', message], weight: 1 }], 0);
}

/** The next step brings these rows and errors. */
function step({ around, stream, dataflow }: Rig, batch: Batch | null, errors: Batch | null): void {
  dataflow.settle();
  dataflow.receive(stream, around.step + 1, batch, errors);
  batch?.slab.release();
  errors?.slab.release();
  around.step++;
  around.progress.version++;
  dataflow.changed();
}

function work({ dataflow }: Rig): void {
  while (dataflow.runnable) dataflow.run({ spend: () => true });
}

function read(
  { around: { pool, scratch, step: at }, result }: Rig,
  errors = false,
): readonly string[] {
  const arrangement = errors ? result.errors : result.arrangement;
  if (arrangement === null) return [];
  const types = errors ? errorColumns : columns;
  const pairs = scratch.scanned;
  pairs.n = 0;
  arrangement.scan(Math.min(at, arrangement.complete), startPosition(), pairs);
  const writer = new BatchWriter(pool, types);
  const all = types.map((_, c) => c);
  writer.begin(pairs.n, arrangement.varWordsOf(pairs.address, 0, pairs.n, all));
  arrangement.gather(pairs.address, 0, pairs.n, all, writer, 0);
  writer.slab.i32.set(pairs.weight.subarray(0, pairs.n), writer.weight);
  const batch = writer.seal(at, pairs.n);
  writer.close();
  const found = rowsFromBatch(batch, types);
  batch.slab.release();
  return multiset(found);
}

function texts(...list: Row[]): readonly string[] {
  return multiset(list.map((row) => ({ row, weight: 1 })));
}

it('goes on after what it had, and catches up', () => {
  const all = rig();
  const { around, responses, result, dataflow } = all;
  const { pool } = around;
  around.step = 5;
  // Others go through the steps that follow at once.
  around.stops.sent(20, []);
  const had = rows(pool, 1, 2);
  result.apply(5, had);
  had.slab.release();
  dataflow.resumeAt(5);
  expect(responses).toEqual([{ kind: 'awaits', dataflow: 3, step: 6 }]);
  expect([dataflow.hydrated, dataflow.frontier, dataflow.effectiveFrontier()]).toEqual([
    true,
    5,
    5,
  ]);
  expect(read(all)).toEqual(texts([1], [2]));
  // What comes live meanwhile is in the rounds.
  step(all, rows(pool, 3), null);
  step(all, rows(pool, 4), failed(pool, 'no number'));
  work(all);
  expect(dataflow.effectiveFrontier()).toBe(5);
  expect(around.stops.next(3, 7)).toBe(5);
  dataflow.catchUp(7);
  dataflow.replay(1, rows(pool, 3), null, false);
  work(all);
  expect(dataflow.frontier).toBe(5);
  expect(read({ ...all, around: { ...around, step: 5 } })).toEqual(texts([1], [2]));
  dataflow.replay(1, rows(pool, 4), failed(pool, 'no number'), true);
  work(all);
  expect(dataflow.frontier).toBe(7);
  expect(responses.at(-1)).toEqual({ kind: 'awaits', dataflow: 3, step: 8 });
  dataflow.goLive(8);
  step(all, rows(pool, 5), null);
  work(all);
  expect(dataflow.effectiveFrontier()).toBe(8);
  expect(around.stops.next(3, 8)).toBe(8);
  expect(read(all)).toEqual(texts([1], [2], [3], [4], [5]));
  expect(read(all, true)).toEqual(texts(['22000', 'no number']));
  dataflow.dispose();
  result.dispose();
  expect(pool.live).toBe(0);
});

it('keeps what was live when it was detached, and no more', () => {
  const all = rig();
  const { around, responses, result, dataflow } = all;
  const { pool } = around;
  dataflow.goLive(1);
  dataflow.replay(1, null, null, true);
  step(all, rows(pool, 1), failed(pool, 'first'));
  dataflow.detach(2);
  step(all, rows(pool, 2), failed(pool, 'second'));
  expect(responses).toEqual([{ kind: 'detached', dataflow: 3, step: 2 }]);
  work(all);
  expect(responses.slice(1)).toEqual([{ kind: 'awaits', dataflow: 3, step: 2 }]);
  expect(dataflow.effectiveFrontier()).toBe(1);
  step(all, rows(pool, 3), null);
  // Two rounds at once, and live steps after them.
  dataflow.catchUp(2);
  dataflow.catchUp(3);
  dataflow.goLive(4);
  step(all, rows(pool, 4), failed(pool, 'fourth'));
  dataflow.replay(1, rows(pool, 2), failed(pool, 'second'), true);
  work(all);
  expect(dataflow.frontier).toBe(2);
  dataflow.replay(1, rows(pool, 3), null, true);
  work(all);
  expect(dataflow.effectiveFrontier()).toBe(4);
  expect(read(all)).toEqual(texts([1], [2], [3], [4]));
  expect(read(all, true)).toEqual(
    texts(['22000', 'first'], ['22000', 'second'], ['22000', 'fourth']),
  );
  expect(responses).toHaveLength(2);
  defined(result.errors, 'there were errors');
  dataflow.dispose();
  result.dispose();
  expect(pool.live).toBe(0);
});
