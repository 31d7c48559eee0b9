/**
 * Goal: whoever has the region's memory and the address of an index's door, and no object of the
 * arrangement, finds exactly the live rows of a key, those of heavy keys too. Method: a plain
 * reader over the words beside an arrangement under random updates, compared at each step.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { hashRange } from '../value/hash.ts';
import { recordBirth, recordDeath, infinity } from '../value/layout.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { directoryPlace, headDirectory, headShift, tableBase, tableMask } from './hash-table.ts';
import type { IndexDoor } from './index-door.ts';
import {
  cellHash,
  cellOf,
  doorBuilding,
  doorClosed,
  doorComplete,
  doorOpen,
  doorSince,
  doorState,
  doorTagMask,
  doorWhole,
  isHeavy,
} from './index-door.ts';
import { RegionPool } from './region.ts';
import { StoreArrangement } from './store-arrangement.ts';

const slabs = new SlabPool();
const columns: readonly ColumnType[] = Array.from({ length: 2 }, () => ({
  type: 'int8',
  nullable: false,
}));

/** Values of the live rows with `key`, of hash `hash`, in a column, as text, sorted. */
function read(door: IndexDoor, hash: number, column: number, key: number): string[] {
  const words = new Int32Array(door.buffer);
  const { offset } = door.layout;
  const found: string[] = [];
  const take = (record: number): void => {
    if (words[record + offset[column]] !== key) return;
    expect(words[record + recordDeath]).toBe(infinity);
    expect(words[record + recordBirth]).toBeLessThanOrEqual(words[door.at + doorComplete]);
    found.push(`${words[record + offset[0]]} ${words[record + offset[1]]}`);
  };
  const entryOf = (head: number): number =>
    words[words[head + headDirectory] + directoryPlace(hash, words[head + headShift])];
  const entry = entryOf(door.at);
  const base = tableBase(entry);
  const mask = tableMask(entry);
  for (let slot = hash & mask; words[base + 2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
    const value = words[base + 2 * slot + 1];
    if (((words[base + 2 * slot] ^ hash) & words[door.at + doorTagMask]) !== 0) continue;
    if (value > 0) take(value - 1);
    else if (isHeavy(value) && words[cellOf(value) + cellHash] === hash) {
      const cell = cellOf(value);
      const tables = new Set<number>();
      const directory = words[cell + headDirectory];
      for (let k = 0; k < 2 ** (32 - words[cell + headShift]); k++)
        tables.add(words[directory + k]);
      for (const table of tables) {
        const end = tableBase(table) + 2 * (tableMask(table) + 1);
        for (let at = tableBase(table); at < end; at += 2) {
          if (words[at + 1] !== 0) take(words[at + 1] - 1);
        }
      }
    }
  }
  return found.sort();
}

/** The same rows, loaded from an image; `late`: number of the index on the second column. */
function loaded(from: StoreArrangement, late: number): StoreArrangement {
  const to = new StoreArrangement(new RegionPool(), columns);
  to.index([0]);
  expect(to.index([1])).toBe(late);
  from.image.start();
  from.image.pin(from.complete);
  to.image.restore(from.image.save());
  const out = new Int32Array(2 ** 16);
  for (let n = from.image.copy(out); n > 0; n = from.image.copy(out)) {
    to.image.load(out.subarray(0, n));
  }
  const state = (): number => {
    const { buffer, at } = to.door(late);
    return new Int32Array(buffer)[at + doorState];
  };
  for (let whole = false; !whole;) {
    if (to.image.loading) to.image.adopt(from.complete, 500);
    else whole = to.image.index(500);
    if (to.image.indexing && state() !== doorWhole) expect(state()).toBe(doorBuilding);
  }
  expect(state()).toBe(doorWhole);
  from.dispose();
  return to;
}

test.each([
  ['few rows a key', 4_000],
  ['heavy keys', 8],
])('a reader without objects finds the rows of a key: %s', (_, keys) => {
  const random = new Random(keys);
  let arrangement = new StoreArrangement(new RegionPool(), columns);
  arrangement.index([0]);
  const rows = new Map<string, [bigint, bigint]>();
  let late = -1;
  for (let step = 1; step <= 40; step++) {
    const updates = [];
    for (let k = 0; k < 300; k++) {
      const gone = rows.size > 0 && random.chance(step > 25 ? 0.7 : 0.3);
      const row = gone
        ? [...rows.values()][random.below(Math.min(rows.size, 50))]
        : ([BigInt(random.below(keys)), BigInt(random.below(1_000))] as [bigint, bigint]);
      const name = row.join(' ');
      if (gone) rows.delete(name);
      else if (rows.has(name)) continue;
      else rows.set(name, row);
      updates.push({ row, weight: gone ? -1 : 1 });
    }
    const batch = batchFromRows(slabs, columns, updates, step);
    arrangement.apply(step, batch);
    batch.slab.release();
    arrangement.seal(step);
    if (step === 20) late = arrangement.index([1]);
    if (late >= 0) {
      const whole = arrangement.buildIndex(late, 1);
      const words = new Int32Array(arrangement.door(late).buffer);
      const state = words[arrangement.door(late).at + doorState];
      expect(state).toBe(whole ? doorWhole : doorBuilding);
    }
    if (step === 30) arrangement = loaded(arrangement, late);
    const doors = late < 0 ? [0] : [0, late];
    for (const [column, index] of doors.entries()) {
      const door = arrangement.door(index);
      const words = new Int32Array(door.buffer);
      expect(words[door.at + doorComplete]).toBe(step);
      expect(words[door.at + doorOpen]).toBe(step);
      expect(words[door.at + doorSince]).toBe(arrangement.since);
      if (words[door.at + doorState] !== doorWhole) continue;
      const probe = batchFromRows(
        slabs,
        columns,
        Array.from({ length: 20 }, (_none, k) => ({ row: [BigInt(k), BigInt(k)], weight: 1 })),
        0,
      );
      const hashes = new Int32Array(20);
      hashRange(probe, [column], [columns[column]], 0, 20, hashes);
      probe.slab.release();
      for (let k = 0; k < 20; k++) {
        const expected = [...rows.values()]
          .filter((row) => row[column] === BigInt(k))
          .map((row) => row.join(' '));
        expect(read(door, hashes[k], column, k)).toEqual(expected.sort());
      }
    }
  }
  const { buffer, at } = arrangement.door(late);
  arrangement.dropIndex(late);
  expect(new Int32Array(buffer)[at + doorState]).toBe(doorClosed);
  arrangement.dispose();
});
