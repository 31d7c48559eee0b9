/**
 * Goal: an answer that would not fit in memory ends with an error that says how much is too much.
 * Method: one wide row that occurs many times, in order and without one, to a reader that counts.
 */
import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { batchFromRows } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { AnswerRows } from './answer-rows.ts';

const columns: readonly ColumnType[] = [{ type: 'text', nullable: false }];
const wide = 'x'.repeat(64 * 1024);
const copies = 16;
const bytesMax = copies * wide.length;

function read(weight: number, ordered: boolean): number {
  const pool = new SlabPool();
  let bytes = 0;
  const answer = new AnswerRows(
    1,
    columns,
    {
      order: ordered ? [{ column: 0, descending: false, nullsFirst: false }] : [],
      project: [0],
      limit: -1,
      offset: 0,
    },
    {
      pool,
      rowsMax: limits.activationRowsMax,
      respond: (response) => {
        if (response.kind === 'rows') bytes += response.batch.buffer.byteLength;
      },
    },
    bytesMax,
  );
  try {
    answer.add(batchFromRows(pool, columns, [{ row: [wide], weight }], 0));
    while (!answer.finish());
  } finally {
    answer.dispose();
  }
  return bytes;
}

test.each([false, true])('a row that occurs too often (ordered: %s)', (ordered) => {
  expect(read(3, ordered)).toBeGreaterThan(3 * wide.length);
  expect(() => read(copies + 1, ordered)).toThrow(`result exceeds ${bytesMax} bytes`);
});

test('wide rows that wait to be ordered', () => {
  expect(() => {
    const pool = new SlabPool();
    const batch = batchFromRows(pool, columns, [{ row: [wide], weight: 1 }], 0);
    const answer = new AnswerRows(
      1,
      columns,
      {
        order: [{ column: 0, descending: false, nullsFirst: false }],
        project: [0],
        limit: -1,
        offset: 0,
      },
      { pool, rowsMax: limits.activationRowsMax, respond: () => undefined },
      bytesMax,
    );
    for (let k = 0; k <= copies; k++) {
      batch.slab.retain();
      answer.add(batch);
    }
  }).toThrow(`result exceeds ${bytesMax} bytes`);
});
