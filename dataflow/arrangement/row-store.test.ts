/**
 * Goal: records never overlap, keep their contents, and thin segments drain. Method: random records
 * of random sizes are allocated and freed beside a plain list; thin segments are emptied the way an
 * arrangement does it.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { infinity, recordBirth, recordDeath, recordWeight, rowLayout } from '../value/layout.ts';
import { RegionPool } from './region.ts';
import { RowStore } from './row-store.ts';
import { paddedWords } from './record-size.ts';

const layout = rowLayout([{ type: 'text', nullable: false }]);
const lengthAt = layout.offset[0];

interface Made {
  readonly at: number;
  readonly size: number;
  readonly mark: number;
}

/** Words of the store's segments, and all records found by walking them. */
function walk(store: RowStore): Set<number> {
  const found = new Set<number>();
  const { i32 } = store.region;
  for (let segment = 0; segment < store.segments; segment++) {
    const start = store.start(segment);
    if (start < 0) continue;
    let at = start;
    while (at < start + store.fill(segment)) {
      const free = i32[at + recordBirth] === infinity;
      if (!free) found.add(at);
      at += free ? i32[at + recordWeight] : store.sizeOf(i32, at);
    }
    expect(at).toBe(start + store.fill(segment));
  }
  return found;
}

class Rig {
  readonly pool = new RegionPool();
  readonly arena = this.pool.open();
  readonly store = new RowStore(this.arena, layout);
  readonly live: Made[] = [];
  #mark = 0;

  make(bytes: number): void {
    const size = paddedWords(layout.fixedWords + ((bytes + 3) >> 2));
    const at = this.store.allocate(size);
    const { i32 } = this.store.region;
    const mark = ++this.#mark;
    i32.fill(mark, at, at + size);
    i32[at + recordBirth] = 1;
    i32[at + recordDeath] = infinity;
    i32[at + lengthAt] = bytes;
    this.live.push({ at, size, mark });
  }

  free(index: number): void {
    const [{ at, size, mark }] = this.live.splice(index, 1);
    expect(this.store.region.i32[at]).toBe(mark);
    expect(this.store.region.i32[at + size - 1]).toBe(mark);
    this.store.free(at, size);
  }
}

describe('RowStore', () => {
  test('a walk over the segments finds exactly the records handed out', () => {
    const random = new Random(21);
    const rig = new Rig();
    for (let k = 0; k < 6_000; k++) {
      if (rig.live.length > 0 && random.chance(0.47)) rig.free(random.below(rig.live.length));
      else rig.make(8 + random.below(random.chance(0.02) ? 4_000 : 200));
      if (k % 500 === 0) expect(walk(rig.store)).toEqual(new Set(rig.live.map(({ at }) => at)));
    }
    expect(rig.store.occupied).toBe(rig.live.reduce((sum, { size }) => sum + size, 0));
    while (rig.live.length > 0) rig.free(0);
    expect(rig.store.occupied).toBe(0);
    rig.store.dispose();
    rig.arena.close();
    expect(rig.pool.bytes).toBe(0);
  });

  test('a freed record is handed out again for its size only', () => {
    const rig = new Rig();
    rig.make(40);
    rig.make(40);
    rig.make(80);
    const { at } = rig.live[0];
    rig.free(0);
    rig.make(80);
    expect(rig.live.some((made) => made.at === at)).toBe(false);
    rig.make(40);
    expect(rig.live.some((made) => made.at === at)).toBe(true);
  });

  test('a thin segment takes nothing, and goes with its last record', () => {
    const random = new Random(22);
    const rig = new Rig();
    for (let k = 0; k < 20_000; k++) rig.make(40);
    while (rig.live.length > 6_000) rig.free(random.below(rig.live.length));
    const thin = rig.store.nextThin();
    expect(thin).toBeGreaterThanOrEqual(0);
    const start = rig.store.start(thin);
    const end = start + rig.store.fill(thin);
    const inside = (at: number): boolean => at >= start && at < end;
    const generation = rig.store.generation(thin);
    const before = rig.live.length;
    for (let k = 0; k < 2_000; k++) rig.make(40);
    expect(rig.live.slice(before).some(({ at }) => inside(at))).toBe(false);
    rig.store.doneThin(thin);
    const { total } = rig.store;
    for (let k = rig.live.length - 1; k >= 0; k--) if (inside(rig.live[k].at)) rig.free(k);
    expect(rig.store.start(thin)).toBe(-1);
    expect(rig.store.total).toBeLessThan(total);
    expect(rig.store.nextThin()).not.toBe(thin);
    for (let k = 0; k < 20_000; k++) rig.make(48);
    expect(rig.store.generation(thin)).not.toBe(generation);
  });
});
