/**
 * Goal: joins and semijoins of every kind of key: several columns, numeric keys that are equal
 * without being the same bytes, NULLs that are equal or not, no key at all; weights of every sign
 * and size. Method: plans of one join over two tables, random changes of both, through an engine
 * with large and with small fuel; after each step the subscription's sum must equal the reference
 * evaluation.
 */
import { describe, expect, test } from 'vitest';
import { EngineRig, multiset } from '../../test/support/engine-rig.ts';
import { Random } from '../../test/support/random.ts';
import type { Node, Plan } from '../plan/plan.ts';
import type { Datum, Update } from '../value/datum.ts';
import { decimal } from '../value/datum.ts';
import type { ColumnType } from '../value/type.ts';
import { evaluate } from './reference.ts';

const columns: readonly ColumnType[] = [
  { type: 'numeric', nullable: true },
  { type: 'float8', nullable: true },
  { type: 'int4', nullable: false },
];

function row(random: Random): Datum[] {
  const scale = random.below(3);
  return [
    random.chance(0.2) ? null : decimal(BigInt(random.below(3)) * 10n ** BigInt(scale), scale),
    random.pick<Datum>([null, 0, -0, Number.NaN, 1]),
    random.below(3),
  ];
}

const fewWeights = [-2, -1, -1, 1, 1, 2];
/** Products of which are more than 32 bits hold. */
const manyWeights = [70_000, -70_000, 2 ** 18, 1, -1];
/** Sums of which are more than 32 bits hold. */
const mostWeights = [2 ** 31 - 1, 1 - 2 ** 31, 2 ** 30, 1];

/** Insertions and deletions of any weight; weights may become negative. */
function changes(random: Random, present: Update[], weights: readonly number[]): Update[] {
  const updates: Update[] = [];
  for (let n = random.below(7); n > 0; n--) {
    const again = present.length > 0 && random.chance(0.5);
    updates.push({
      row: again ? random.pick(present).row : row(random),
      weight: random.pick(weights),
    });
  }
  present.push(...updates);
  return updates;
}

function play(
  seed: number,
  join: (left: number, right: number) => Node,
  rowsMax: number,
  weights = fewWeights,
): void {
  const random = new Random(seed);
  const rig = new EngineRig({ rowsMax });
  rig.table(1, columns);
  rig.table(2, columns);
  const get = (collection: number): Node => ({
    kind: 'get',
    collection,
    demand: [0, 1, 2],
    columns,
  });
  const node = join(0, 1);
  const plan: Plan = { nodes: [get(1), get(2), node], root: 2 };
  rig.dataflow(10, plan, {
    kind: 'subscribe',
    request: 5,
    snapshot: true,
    progress: false,
    upTo: null,
  });
  const left: Update[] = [];
  const right: Update[] = [];
  for (let step = 0; step < 6; step++) {
    rig.seal(
      new Map([
        [1, changes(random, left, weights)],
        [2, changes(random, right, weights)],
      ]),
    );
    if (random.chance(0.3)) continue;
    rig.settle();
    const { rows } = evaluate(
      plan,
      new Map([
        [1, left],
        [2, right],
      ]),
    );
    expect(multiset(rig.changes(5, node.columns)), `seed ${seed}, step ${step}`).toEqual(
      multiset(rows),
    );
  }
}

const keys = [[], [0], [1], [0, 1], [2]];

describe('at every step', () => {
  for (const nullsEqual of [false, true]) {
    for (const key of keys) {
      const name = `on (${key.join()}), NULLs ${nullsEqual ? 'equal' : 'apart'}`;
      const leftKey = key;
      const rightKey = key;

      test(`a join ${name}`, () => {
        for (let seed = 1; seed <= 12; seed++) {
          const join = (left: number, right: number): Node => ({
            kind: 'join',
            left,
            right,
            leftKey,
            rightKey,
            nullsEqual,
            residual: null,
            columns: [...columns, ...columns],
          });
          play(seed, join, seed % 2 === 0 ? 2 : 4096);
          play(seed, join, seed % 2 === 0 ? 64 : 4096, manyWeights);
        }
      });

      for (const anti of [false, true]) {
        test(`a ${anti ? 'anti' : 'semi'}join ${name}`, () => {
          for (let seed = 1; seed <= 12; seed++) {
            const join = (left: number, right: number): Node => ({
              kind: 'semijoin',
              left,
              right,
              leftKey,
              rightKey,
              nullsEqual,
              anti,
              columns,
            });
            play(seed, join, seed % 2 === 0 ? 2 : 4096);
            play(seed, join, seed % 2 === 0 ? 64 : 4096, mostWeights);
          }
        });
      }
    }
  }
});
