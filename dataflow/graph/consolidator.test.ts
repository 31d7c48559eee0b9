/**
 * Goal: a consolidator gives each distinct row once with the sum of its weights. Method: random
 * batches against a map from row text to weight.
 */
import { describe, expect, test } from 'vitest';
import { multiset } from '../../test/support/engine-rig.ts';
import { Bag } from '../../test/support/random-plan.ts';
import { Random } from '../../test/support/random.ts';
import type { Update } from '../value/datum.ts';
import { batchFromRows, rowsFromBatch } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { Consolidator } from './consolidator.ts';

const columns: readonly ColumnType[] = [
  { type: 'int4', nullable: true },
  { type: 'text', nullable: true },
  { type: 'int8', nullable: true },
];

describe('a consolidator', () => {
  test('sums identical rows over batches', () => {
    const pool = new SlabPool();
    for (let seed = 1; seed <= 100; seed++) {
      const random = new Random(seed);
      const consolidator = new Consolidator(columns);
      const bag = new Bag();
      const all: Update[] = [];
      for (let n = random.below(5); n > 0; n--) {
        const updates = bag.change(random, columns, 60);
        if (updates.length === 0) continue;
        all.push(...updates);
        const batch = batchFromRows(pool, columns, updates, 1);
        consolidator.add(batch);
        batch.slab.release();
      }
      const lines = consolidator.consolidate().flatMap(({ batch, rows, weights }) => {
        const read = rowsFromBatch(batch, columns);
        return Array.from(rows, (row, i) => ({ row: read[row].row, weight: weights[i] }));
      });
      expect(lines.every(({ weight }) => weight !== 0)).toBe(true);
      expect(multiset(lines)).toEqual(multiset(all));
      expect(new Set(lines.map((line) => multiset([{ ...line, weight: 1 }])[0])).size).toBe(
        lines.length,
      );
      consolidator.clear();
      expect(pool.live).toBe(0);
    }
  });

  test('keeps rows apart that differ only by NULL, sign of zero or scale', () => {
    const pool = new SlabPool();
    const types: readonly ColumnType[] = [
      { type: 'float8', nullable: true },
      { type: 'text', nullable: true },
    ];
    const consolidator = new Consolidator(types);
    const rows = [
      [0, ''],
      [-0, ''],
      [null, ''],
      [0, null],
    ].map((row) => ({ row, weight: 1 }));
    const batch = batchFromRows(pool, types, rows, 1);
    consolidator.add(batch);
    expect(consolidator.consolidate().map((part) => part.rows.length)).toEqual([4]);
  });
});
