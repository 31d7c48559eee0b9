/**
 * Goal: an operator that puts its rows into a collection itself goes on after a restart as if there
 * had been none, though its rows are elsewhere then. Method: random steps of a reduce and of a
 * distinct over an arrangement; now and then the operator's state and the arrangement's rows are
 * copied into fresh ones, which go on beside the old ones; the reference says what both must hold.
 */
import { expect, it } from 'vitest';
import { OperatorHarness } from '../../test/support/operator-harness.ts';
import { Random } from '../../test/support/random.ts';
import { StateShadow, kept } from '../../test/support/state-shadow.ts';
import { Weights, scanned } from '../arrangement/arrangement.reference.ts';
import type { RowOwner } from '../arrangement/owned-rows.ts';
import { RegionPool } from '../arrangement/region.ts';
import { StoreArrangement } from '../arrangement/store-arrangement.ts';
import type { Aggregate, Node } from '../plan/plan.ts';
import type { Row, Update } from '../value/datum.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { DistinctOperator } from './distinct.ts';
import type { KeepRows } from './kept-rows.ts';
import type { Operator } from './operator.ts';
import { ReduceOperator } from './reduce.ts';
import { evaluate } from './reference.ts';

const input: readonly ColumnType[] = [
  { type: 'text', nullable: true },
  { type: 'int4', nullable: false },
];

function aggregate(fn: Aggregate['fn'], type: Aggregate['type']): Aggregate {
  const more = { argument2: -1, filter: -1, distinct: false, order: [] } as const;
  return { fn, argument: 1, argumentType: 'int4', type, ...more };
}

const reduce: Extract<Node, { kind: 'reduce' }> = {
  kind: 'reduce',
  input: 0,
  key: [0],
  aggregates: [aggregate('sum', 'int8'), aggregate('max', 'int4'), aggregate('avg', 'numeric')],
  columns: [
    { type: 'text', nullable: true },
    { type: 'int8', nullable: true },
    { type: 'int4', nullable: true },
    { type: 'numeric', nullable: true },
  ],
};
/** Rows of a turn: less than those of a step. */
const fuelRows = 5;

const distinct: Node = { kind: 'distinct', input: 0, columns: input };

/** Of all arrangements, so that no two of them have their rows in the same places. */
const regions = new RegionPool();

/** An operator and the collection of its rows. */
class Kept {
  readonly arrangement: StoreArrangement;
  readonly harness: OperatorHarness;
  shadow: StateShadow;
  step = 0;

  constructor(make: (pool: SlabPool, keep: KeepRows) => Operator, node: Node) {
    this.arrangement = new StoreArrangement(regions, node.columns);
    const keep = (owner: RowOwner) => this.arrangement.own(owner);
    this.harness = new OperatorHarness((pool) => make(pool, keep), [input], fuelRows);
    this.shadow = new StateShadow(this.harness.operator);
    this.harness.afterTurn = () => {
      this.shadow.copySome();
    };
  }

  run(changes: readonly Update[]): void {
    this.step++;
    this.harness.step([0, changes]);
    this.arrangement.seal(this.step);
    this.shadow.copyRest();
  }

  rows(): string[] {
    const { harness, arrangement } = this;
    return scanned(harness.pool, arrangement, this.step, 7, () => undefined).sorted();
  }

  /** Becomes what another one is now. */
  follow(other: Kept): void {
    const { image } = other.arrangement;
    image.start();
    image.pin(other.step);
    const words = new Int32Array(2 ** 17);
    this.arrangement.image.restore(kept(image.save()));
    other.shadow.restore(this.harness.operator, () => {
      for (let n = image.copy(words); n > 0; n = image.copy(words)) {
        this.arrangement.image.load(words.slice(0, n));
      }
      while (!this.arrangement.image.adopt(other.step, 10));
      while (!this.arrangement.image.index(10));
    });
    image.stop();
    this.step = other.step;
    this.harness.follow(other.harness);
    this.shadow = new StateShadow(this.harness.operator);
    this.shadow.copyRest();
  }
}

function changes(random: Random, present: Update[]): Update[] {
  const updates: Update[] = [];
  for (let n = random.below(12); n > 0; n--) {
    if (present.length > 0 && random.chance(0.45)) {
      const [{ row } = { row: [] }] = present.splice(random.below(present.length), 1);
      updates.push({ row, weight: -1 });
      continue;
    }
    const key = random.chance(0.1) ? null : 'k'.repeat(random.below(30));
    const value = random.chance(0.05) ? 2 ** 31 - 1 : random.below(1000);
    const row: Row = [key, value];
    present.push({ row, weight: 1 });
    updates.push({ row, weight: 1 });
  }
  return updates;
}

it.each([
  [
    'reduce',
    reduce,
    (pool: SlabPool, keep: KeepRows) => new ReduceOperator(reduce, input, pool, keep),
  ],
  [
    'distinct',
    distinct,
    (pool: SlabPool, keep: KeepRows) => new DistinctOperator(input, pool, keep),
  ],
] as const)('goes on after a restart: %s', (_, node, make) => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = new Random(seed);
    const first = new Kept(make, node);
    let second: Kept | null = null;
    const present: Update[] = [];
    for (let step = 0; step < 60; step++) {
      const updates = changes(random, present);
      // Everything goes now and then.
      if (random.chance(0.05)) {
        updates.push(...present.map(({ row }) => ({ row, weight: -1 })));
        present.length = 0;
      }
      first.run(updates);
      second?.run(updates);
      const plan = {
        nodes: [{ kind: 'get', collection: 0, demand: [0, 1], columns: input }, node] as const,
        root: 1,
      };
      const expected = new Weights();
      for (const update of evaluate(plan, new Map([[0, present]])).rows) expected.add(update);
      expect(first.rows()).toEqual(expected.sorted());
      if (second !== null) expect(second.rows()).toEqual(first.rows());
      if (!random.chance(0.15)) continue;
      second = new Kept(make, node);
      second.follow(first);
      expect(second.rows()).toEqual(first.rows());
    }
    expect(second).not.toBeNull();
  }
});
