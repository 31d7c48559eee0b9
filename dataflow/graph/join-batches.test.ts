/**
 * Goal: joined batches hold the rows of all their parts, in order, and nothing else. Method: random
 * rows of random columns, cut into parts at random, packed with and without null bytes; the rows
 * that are read back from the joined batch against those that went in.
 */
import { describe, expect, it } from 'vitest';
import { randomDatum } from '../../test/support/random-datum.ts';
import { Random } from '../../test/support/random.ts';
import { batchFromRows, rowsFromBatch } from '../value/datum-column.ts';
import type { Update } from '../value/datum.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import type { PackedBatch } from './command.ts';
import { joinBatches } from './join-batches.ts';
import { packBatch, unpackBatch } from './packed-batch.ts';

const typeNames: readonly TypeName[] = [
  'bool',
  'int4',
  'int8',
  'float8',
  'text',
  'numeric',
  'jsonb',
  '_int4',
];

function packed(
  pool: SlabPool,
  types: readonly ColumnType[],
  rows: readonly Update[],
): PackedBatch {
  const batch = batchFromRows(pool, types, rows, 0);
  const packed = packBatch(batch, types);
  batch.slab.release();
  return packed;
}

describe('joined batches', () => {
  it.each([1, 2, 3, 4, 5, 6])('hold the rows of their parts (seed %i)', (seed) => {
    const random = new Random(seed);
    const pool = new SlabPool();
    for (let round = 0; round < 40; round++) {
      const types = Array.from({ length: 1 + random.below(5) }, () => ({
        type: random.pick(typeNames),
        nullable: true,
      }));
      const parts = Array.from({ length: 1 + random.below(6) }, () => {
        // A part without NULLs may come without null bytes.
        const nulls = random.chance(0.5);
        const rows = Array.from({ length: random.below(4) }, (): Update => ({
          row: types.map(({ type }) =>
            nulls && random.chance(0.3) ? null : randomDatum(random, type),
          ),
          weight: 1 + random.below(3),
        }));
        return { rows, columns: types.map((column) => ({ ...column, nullable: nulls })) };
      });
      const joined = joinBatches(
        types,
        parts.map(({ rows, columns }) => packed(pool, columns, rows)),
      );
      const expected = parts.flatMap(({ rows }) => rows);
      expect(joined.rows).toBe(expected.length);
      expect(rowsFromBatch(unpackBatch(joined, types, 0), types)).toEqual(expected);
    }
    expect(pool.live).toBe(0);
  });
});
