/**
 * Goal: a row window gives every row of a stream once and in order, however batches are cut and
 * however many rows are asked for. Method: random batches with weights, NULLs and texts against a
 * plain list.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { batchRows } from '../../test/support/session-harness.ts';
import { batchStream, columnTypes, packDatums, resultColumn } from './row-stream.ts';
import { RowWindow, multiplicity } from './row-window.ts';

const columns = [resultColumn('a', 'int4'), resultColumn('b', 'text'), resultColumn('c', 'int8')];

describe('RowWindow', () => {
  it.each([1, 2, 3])('agrees with a list of rows (seed %i)', async (seed) => {
    const random = new Random(seed);
    for (let round = 0; round < 60; round++) {
      const expected: (string | null)[][] = [];
      const batches = Array.from({ length: random.below(4) }, () => {
        const weight = 1 + random.below(4);
        const rows = Array.from({ length: random.below(5) }, () => [
          random.below(9),
          random.chance(0.3) ? null : 'x'.repeat(random.below(4)),
          BigInt(random.below(9)),
        ]);
        for (const row of rows) {
          for (let i = 0; i < weight; i++)
            expected.push(row.map((datum) => (datum === null ? null : String(datum))));
        }
        return packDatums(columnTypes(columns), rows, weight);
      });
      const stream = batchStream(columns, batches, () => '');
      const window = new RowWindow(stream);
      const got: (string | null)[][] = [];
      while (await window.fill()) {
        const rowsMax = 1 + random.below(7);
        const taken = window.take(rowsMax);
        expect(multiplicity(taken)).toBeLessThanOrEqual(rowsMax);
        got.push(...batchRows(stream, taken));
      }
      expect(got).toEqual(expected);
      expect(window.ended).toBe(true);
    }
  });

  it('splits a row of several copies, and its first row too', async () => {
    const window = new RowWindow(
      batchStream(columns, [packDatums(columnTypes(columns), [[1, 'x', 2n]], 5)], () => ''),
    );
    await window.fill();
    expect([
      multiplicity(window.take(2)),
      window.here,
      multiplicity(window.take(10)),
      window.here,
    ]).toEqual([2, true, 3, false]);
  });

  it('takes without copying what it does not give', async () => {
    const batch = packDatums(columnTypes(columns), [
      [1, 'x', 2n],
      [2, 'y', 3n],
    ]);
    const window = new RowWindow(batchStream(columns, [batch], () => ''));
    await window.fill();
    expect(window.take(1).buffer).toBe(batch.buffer);
    expect(window.take(1).buffer).toBe(batch.buffer);
    expect(window.here).toBe(false);
  });
});
