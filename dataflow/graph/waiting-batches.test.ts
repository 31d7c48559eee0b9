/**
 * Goal: batches come out in the order in which they went in, each with its use of its slab, and
 * what waits is counted by slab. Method: random queues against an array.
 */
import { expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { WaitingBatches } from './waiting-batches.ts';

const columns: readonly ColumnType[] = [{ type: 'int4', nullable: false }];

it('gives batches in their order and gives up those that are cut', () => {
  const pool = new SlabPool();
  const writer = new BatchWriter(pool, columns);
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const queue = new WaitingBatches();
    let expected: { readonly number: number; readonly rows: number }[] = [];
    let last = 0;
    for (let act = 0; act < 5_000; act++) {
      const kind = random.below(100);
      if (kind < 60) {
        last += random.below(2);
        const rows = 1 + random.below(30);
        writer.begin(rows, 0);
        queue.add(last, writer.seal(last, rows), null);
        expected.push({ number: last, rows });
      } else if (kind < 98) {
        const to = (expected[0]?.number ?? 0) + random.below(3) - 1;
        const found: Batch[] = [];
        const took = queue.shift(
          to,
          (batch) => found.push(batch),
          () => expect.fail('nothing here is an error'),
        );
        const first = expected.at(0);
        expect(took).toBe(first !== undefined && first.number <= to);
        expect(found.map(({ rows }) => rows)).toEqual(took ? [first?.rows] : []);
        if (took) expected.shift();
        for (const batch of found) batch.slab.release();
      } else {
        const from = last - random.below(20);
        queue.cut(from);
        expected = expected.filter(({ number }) => number < from);
      }
      expect(queue.first).toBe(expected[0]?.number ?? Infinity);
      expect(queue.bytes > 0).toBe(expected.length > 0);
    }
    queue.cut(-1);
    expect(queue.bytes).toBe(0);
  }
  writer.close();
  expect(pool.live).toBe(0);
});

it('counts a slab once, with the first batch that lies in it', () => {
  const pool = new SlabPool();
  const writer = new BatchWriter(pool, columns);
  const queue = new WaitingBatches();
  for (let n = 0; n < 100; n++) {
    writer.begin(10, 0);
    queue.add(n, writer.seal(n, 10), null);
  }
  writer.close();
  expect(pool.live).toBe(1);
  expect(queue.bytes).toBe(256 * 1024 + 100 * 512);
  queue.cut(-1);
  expect(pool.live).toBe(0);
});
