/**
 * Goal: joining writes changes how they travel, not what they add nor who hears of it. Method:
 * random writes, small and large, for several tables; rows by table and writers of all groups
 * against those of the writes, and the bounds of what is joined.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { rowsFromBatch } from '../../dataflow/value/datum-column.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import { limits } from '../base/limits.ts';
import { packDatums } from './row-stream.ts';
import { groupWrites, inputOf, packedInput } from './write-groups.ts';
import type { Write, WriteInput } from './write-groups.ts';

const types: readonly ColumnType[] = [
  { type: 'int4', nullable: true },
  { type: 'text', nullable: true },
];

const ignored = { resolve: () => undefined, reject: () => undefined };

function input(collection: number, id: number, length: number, packed = false): WriteInput {
  const row = [id, id % 5 === 0 ? null : 'x'.repeat(length)];
  return packed
    ? { collection, batch: packDatums(types, [row]) }
    : inputOf(collection, types, [row]);
}

/** Rows by collection, as texts. */
function rowsOf(inputs: readonly WriteInput[]): ReadonlyMap<number, readonly string[]> {
  const rows = new Map<number, string[]>();
  for (const { collection, batch } of inputs.map(packedInput)) {
    const texts = rowsFromBatch(unpackBatch(batch, types, 0), types).map(({ row, weight }) =>
      [...row, weight].join(),
    );
    rows.set(collection, [...(rows.get(collection) ?? []), ...texts].sort());
  }
  return rows;
}

describe('writes of one step', () => {
  it.each([1, 2, 3])('keep their rows and their writers when they are joined (seed %i)', (seed) => {
    const random = new Random(seed);
    const writes = Array.from({ length: 400 }, (_, id): Write => {
      const length = random.chance(0.1) ? 5_000 : random.below(1_000);
      const inputs = Array.from({ length: random.chance(0.1) ? 1 + random.below(4) : 1 }, () =>
        input(random.below(3), id, length, random.chance(0.1)),
      );
      return { ...ignored, inputs };
    });
    const groups = groupWrites(writes);
    expect(rowsOf(groups.flatMap(({ inputs }) => inputs))).toEqual(
      rowsOf(writes.flatMap(({ inputs }) => inputs)),
    );
    const writers = groups.flatMap(({ waiters }) => waiters);
    expect(writers).toHaveLength(writes.length);
    expect(new Set(writers)).toEqual(new Set(writes));
    expect(groups.length).toBeLessThan(writes.length / 2);
    for (const { inputs, waiters } of groups) {
      if (waiters.length === 1) continue;
      expect(inputs).toHaveLength(1);
      expect(inputs[0]?.batch.buffer.byteLength).toBeLessThanOrEqual(limits.joinedBytesMax);
    }
  });

  it('stand alone if they are large, of several tables, or none of rows', () => {
    const large = { ...ignored, inputs: [input(1, 1, limits.joinedWriteBytesMax)] };
    const wide = { ...ignored, inputs: [input(1, 2, 1), input(2, 2, 1)] };
    const packed = { ...ignored, inputs: [input(1, 3, 1, true)] };
    const tick = { ...ignored, inputs: [] };
    const writes = [large, wide, packed, tick];
    expect(groupWrites(writes)).toEqual(
      writes.map((write) => ({ inputs: write.inputs.map(packedInput), waiters: [write] })),
    );
  });

  it('take one batch a table, however many statements a transaction has', () => {
    const inputs = Array.from({ length: 50 }, (_, id) => input(id % 2, id, 9));
    const [group, none] = groupWrites([{ ...ignored, inputs }]);
    expect(none).toBeUndefined();
    expect(group?.inputs.map(({ batch }) => batch.rows)).toEqual([25, 25]);
    expect(rowsOf(group?.inputs ?? [])).toEqual(rowsOf(inputs));
  });
});
