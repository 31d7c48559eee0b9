/**
 * Goal: the rows of SUBSCRIBE carry time, progress, weight and the columns, whatever the batch's
 * length.
 */
import { describe, expect, it } from 'vitest';
import { batchRows } from '../../test/support/session-harness.ts';
import { batchStream, columnTypes, packDatums, resultColumn } from './row-stream.ts';
import { chunkRows, subscribeColumns } from './subscribe-rows.ts';

const columns = [resultColumn('a', 'int4'), resultColumn('b', 'text')];
const time = 1_700_000_000_123;

describe('chunkRows', () => {
  it.each([1, 2, 3, 8])('shows %i changes with and without progress', (count) => {
    const rows = Array.from({ length: count }, (_, i) => [i, i % 2 === 0 ? null : `b${i}`]);
    const batch = packDatums(columnTypes(columns), rows, -2);
    for (const progress of [true, false]) {
      const shown = subscribeColumns(columns, progress);
      const stream = batchStream(shown, [], () => '');
      const batches = chunkRows({ step: 5, time, batch, progressed: true }, shown, progress);
      const expected = rows.map(([a, b]) => [
        `${time}`,
        ...(progress ? ['f'] : []),
        '-2',
        `${a}`,
        b,
      ]);
      const end = progress ? [[`${time + 1}`, 't', null, null, null]] : [];
      expect(batches.flatMap((each) => batchRows(stream, each))).toEqual([...expected, ...end]);
      expect(shown.map(({ name }) => name)).toEqual([
        'mz_timestamp',
        ...(progress ? ['mz_progressed'] : []),
        'mz_diff',
        'a',
        'b',
      ]);
    }
  });

  it('shows nothing of a step without changes but its progress', () => {
    const shown = subscribeColumns(columns, true);
    expect(chunkRows({ step: 5, time, batch: null, progressed: false }, shown, true)).toEqual([]);
    expect(chunkRows({ step: 5, time, batch: null, progressed: true }, shown, false)).toEqual([]);
    expect(chunkRows({ step: 5, time, batch: null, progressed: true }, shown, true).length).toBe(1);
  });
});
