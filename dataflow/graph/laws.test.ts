/**
 * Goal: the laws of the driver of one dataflow: an operator is finished once a step and in ascending
 * order, only if something came to it or it was marked, and batches go all the way down before
 * anything is finished. Method: random graphs of operators that do nothing but note their visits
 * and pass batches on; fuel runs out at random.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Context, Fuel, Operator } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { Network } from './network.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];

/** Passes every second batch on at once; notes what happens to it. */
class Noting implements Operator {
  readonly columns = columns;
  readonly state = null;
  readonly #name: number;
  readonly #finished: number[];
  pushes = 0;

  constructor(name: number, finished: number[]) {
    this.#name = name;
    this.#finished = finished;
  }

  push(_port: number, batch: Batch, context: Context): 'done' {
    this.pushes++;
    context.fuel.spend(batch.rows);
    if (this.pushes % 2 === 1) {
      batch.slab.retain();
      context.emit(batch);
    }
    return 'done';
  }

  finish(): 'done' {
    this.#finished.push(this.#name);
    return 'done';
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    this.pushes = 0;
  }
}

/** The operators that can be reached over edges. */
function reachable(edges: readonly (readonly [number, number])[], from: number): Set<number> {
  const found = new Set([from]);
  for (const at of found) for (const [a, b] of edges) if (a === at) found.add(b);
  return found;
}

test.each([1, 2, 3, 4])('operators are finished once, in order, if touched: seed %i', (seed) => {
  const random = new Random(seed);
  const pool = new SlabPool();
  const finished: number[] = [];
  const network = new Network(pool, () => undefined);
  const operators = Array.from({ length: 12 }, (_, name) => new Noting(name, finished));
  for (const operator of operators) network.add(operator);
  const edges: [number, number][] = [];
  for (let to = 1; to < operators.length; to++) {
    const from = random.below(to);
    edges.push([from, to]);
    network.connect(from, to, 0);
  }
  const meagre: Fuel = { spend: () => random.chance(0.5) };
  for (let step = 1; step <= 40; step++) {
    finished.length = 0;
    const before = operators.map(({ pushes }) => pushes);
    const activations = network.activations;
    network.begin(step);
    const touched = Array.from({ length: random.below(3) }, () => random.below(operators.length));
    for (const at of touched)
      network.enqueue(at, 0, batchFromRows(pool, columns, [{ row: [step], weight: 1 }], step));
    while (network.run(meagre, true) === 'more');
    expect(finished).toEqual([]);
    while (network.run(meagre, false) === 'more');
    const pushed = operators.flatMap(({ pushes }, i) => (pushes > (before[i] ?? 0) ? [i] : []));
    expect(finished).toEqual(pushed);
    const possible = new Set(touched.flatMap((at) => [...reachable(edges, at)]));
    expect(pushed.filter((at) => !possible.has(at))).toEqual([]);
    const batches = operators.reduce((sum, { pushes }, i) => sum + pushes - (before[i] ?? 0), 0);
    expect(network.activations - activations).toBe(batches + finished.length);
    expect(pool.live).toBe(0);
  }
  network.dispose();
});
