/**
 * Goal: answers stay exact while tables split and merge and segments fill and drain, with history
 * held across it. Method: one row a key, thousands of keys that grow, churn, shrink and churn
 * again; beside it an array of the current texts, copied for every held step. Two indexes: unique
 * keys, and groups from one row to hundreds.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Update } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Hold } from './arrangement.ts';
import { makePairs, rewind, startPosition } from './pairs.ts';
import { RegionPool } from './region.ts';
import { StoreArrangement } from './store-arrangement.ts';

const keysMax = 8_000;
const columns: readonly ColumnType[] = [
  { type: 'int8', nullable: false },
  { type: 'text', nullable: false },
  { type: 'int4', nullable: false },
];
const pool = new SlabPool();

type Texts = (string | null)[];

function groupOf(key: number): number {
  return key % 331 < 60 ? 5 : key % 331;
}

class Rig {
  readonly random = new Random(31);
  readonly memory = new RegionPool();
  readonly arrangement = new StoreArrangement(this.memory, columns);
  readonly texts: Texts = new Array<string | null>(keysMax).fill(null);
  readonly pairs = makePairs(512);
  readonly position = startPosition();
  step = 0;

  /** Changes random keys; a key is emptied with probability `empty`. */
  change(keys: number, empty: number): void {
    const { random, texts } = this;
    const updates: Update[] = [];
    this.step++;
    for (let k = 0; k < keys; k++) {
      const key = random.below(keysMax);
      const old = texts[key];
      const fresh = random.chance(empty) ? null : 'v'.repeat(random.below(60)) + String(this.step);
      const row = (text: string): Update['row'] => [BigInt(key), text, groupOf(key)];
      if (old !== null) updates.push({ row: row(old), weight: -1 });
      if (fresh !== null) updates.push({ row: row(fresh), weight: 1 });
      texts[key] = fresh;
    }
    const batch = batchFromRows(pool, columns, updates, this.step);
    this.arrangement.apply(this.step, batch);
    this.arrangement.seal(this.step);
    batch.slab.release();
  }

  /** Matches of each row of a key batch, counted. */
  #counts(index: number, column: number, keys: readonly number[], at: number): number[] {
    const rows = keys.map((key) => ({ row: [BigInt(key), '', key], weight: 1 }));
    const batch = batchFromRows(pool, columns, rows, 0);
    const counts = keys.map(() => 0);
    rewind(this.position);
    for (let done = false; !done;) {
      this.pairs.n = 0;
      done = this.arrangement.probe(index, batch, [column], false, at, this.position, this.pairs);
      for (let k = 0; k < this.pairs.n; k++) counts[this.pairs.row[k]] += this.pairs.weight[k];
    }
    batch.slab.release();
    return counts;
  }

  check(at: number, texts: Texts): void {
    const { random, arrangement, pairs, position } = this;
    rewind(position);
    let words = 0;
    let rows = 0;
    for (let done = false; !done;) {
      pairs.n = 0;
      done = arrangement.scan(at, position, pairs);
      rows += pairs.n;
      words += arrangement.varWordsOf(pairs.address, 0, pairs.n, [1]);
    }
    const present = texts.filter((text) => text !== null);
    expect(rows).toBe(present.length);
    expect(words).toBe(present.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0));
    const keys = Array.from({ length: 100 }, () => random.below(keysMax));
    expect(this.#counts(0, 0, keys, at)).toEqual(keys.map((key) => Number(texts[key] !== null)));
    const groups = [5, random.below(331), random.below(331)];
    const members = (group: number): number =>
      texts.filter((text, key) => text !== null && groupOf(key) === group).length;
    expect(this.#counts(1, 2, groups, at)).toEqual(groups.map(members));
  }
}

test('grow, churn, shrink, churn: every held step stays exact', () => {
  const rig = new Rig();
  const { random, arrangement } = rig;
  arrangement.index([0]);
  arrangement.index([2]);
  const held: { hold: Hold; texts: Texts }[] = [];
  for (let round = 0; round < 120; round++) {
    rig.change(400, [0, 0.2, 0.9, 0.2][Math.floor(round / 15) % 4]);
    if (random.chance(0.15)) held.push({ hold: arrangement.hold(rig.step), texts: [...rig.texts] });
    if (held.length > 3) held.splice(random.below(held.length), 1)[0].hold.release();
    if (random.chance(0.5)) arrangement.reclaim(1_000);
    if (round % 4 !== 0) continue;
    rig.check(rig.step, rig.texts);
    for (const { hold, texts } of held) rig.check(hold.step, texts);
  }
  for (const { hold } of held) hold.release();
  for (let k = 0; k < 60; k++) rig.change(1_000, 1);
  expect(arrangement.rows).toBe(rig.texts.filter((text) => text !== null).length);
  // Reclaiming makes segments thin, sealing empties them, reclaiming again gives them back.
  arrangement.reclaim(1e9);
  arrangement.seal(rig.step + 1);
  arrangement.reclaim(1e9);
  expect(arrangement.bytes()).toBeLessThan(150_000);
  arrangement.dispose();
  expect(rig.memory.bytes).toBe(0);
});
