/**
 * Goal: hash, equality and order of rows agree with each other and with the datum-by-datum
 * reference, between batches and records alike. Method: random rows of close values of every kind
 * of type, random lists of key columns, all pairs.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { Batch } from './batch.ts';
import type { Row } from './datum.ts';
import { batchFromRows, compareDatums } from './datum-column.ts';
import { equalBatchRecord, equalBatches, equalRecords } from './equal.ts';
import { emptyHash, hashColumns, recordHash } from './hash.ts';
import { rowLayout } from './layout.ts';
import type { OrderKey } from './order.ts';
import { compareBatchRecord, compareBatches, compareRecords } from './order.ts';
import { recordOf, sampleColumns, sampleRow, samples } from './sample.reference.ts';
import type { Operands } from './side.ts';
import { operandsOf } from './side.ts';
import { SlabPool } from './slab.ts';

const pool = new SlabPool();
const layout = rowLayout(sampleColumns);

interface Case {
  readonly rows: readonly Row[];
  readonly batch: Batch;
  readonly records: readonly Int32Array[];
  readonly key: readonly number[];
  readonly operands: Operands;
}

function randomCase(seed: number): Case {
  const random = new Random(seed);
  const rows = Array.from({ length: 25 }, () => sampleRow(random));
  const batch = batchFromRows(
    pool,
    sampleColumns,
    rows.map((row) => ({ row, weight: 1 })),
    1,
  );
  const records = rows.map((row) => recordOf(layout, row));
  const key = Array.from({ length: 1 + random.below(2) }, () => random.below(samples.length));
  return { rows, batch, records, key, operands: operandsOf(batch, key) };
}

const cases = Array.from({ length: 60 }, (_, seed) => randomCase(seed));

/** -1, 0 or 1 by the reference. */
function reference(a: Row, b: Row, key: readonly number[], keys: readonly OrderKey[]): number {
  for (const [i, column] of key.entries()) {
    const x = a[column];
    const y = b[column];
    const { descending, nullsFirst } = keys[i];
    if (x === null || y === null) {
      if (x !== y) return (x === null) === nullsFirst ? -1 : 1;
      continue;
    }
    const c = Math.sign(compareDatums(sampleColumns[column].type, x, y));
    if (c !== 0) return descending ? -c : c;
  }
  return 0;
}

function eachPair(visit: (c: Case, i: number, j: number) => void): void {
  for (const c of cases) {
    for (let i = 0; i < c.rows.length; i++) for (let j = 0; j < c.rows.length; j++) visit(c, i, j);
  }
}

const plain = [
  { descending: false, nullsFirst: false },
  { descending: false, nullsFirst: false },
];

describe('hash', () => {
  test('a batch row and its record hash alike; equal keys hash alike', () => {
    for (const { rows, batch, records, key } of cases) {
      const hashes = new Int32Array(rows.length);
      hashColumns(
        batch,
        key,
        key.map((c) => sampleColumns[c]),
        hashes,
      );
      const hash = recordHash(layout, key);
      records.forEach((record, r) => {
        expect(hash(record, 0)).toBe(hashes[r]);
      });
      rows.forEach((a, i) => {
        rows.forEach((b, j) => {
          if (reference(a, b, key, plain) === 0) expect(hashes[i]).toBe(hashes[j]);
        });
      });
    }
  });

  test('the key without columns has one hash', () => {
    expect(recordHash(layout, [])(cases[0].records[0], 0)).toBe(emptyHash);
  });

  test('spreads close integers over low and high bits', () => {
    const columns = [{ type: 'int8', nullable: false }] as const;
    const rows = Array.from({ length: 4_096 }, (_, k) => ({ row: [BigInt(k)], weight: 1 }));
    const hashes = new Int32Array(rows.length);
    hashColumns(batchFromRows(pool, columns, rows, 1), [0], columns, hashes);
    for (const shift of [0, 23]) {
      const counts = new Int32Array(512);
      for (const hash of hashes) counts[(hash >>> shift) & 511]++;
      // 8 expected in each; 30 has a chance of about 10^-9.
      expect(Math.max(...counts)).toBeLessThan(30);
    }
  });
});

describe('equality', () => {
  test('agrees with the reference between batches and records', () => {
    eachPair(({ rows, batch, records, key, operands: { k, n } }, i, j) => {
      const expected = reference(rows[i], rows[j], key, plain) === 0;
      const { i32, u8 } = batch.slab;
      const types = key.map((c) => sampleColumns[c]);
      const mixed = equalBatchRecord(layout, key)(i32, u8, k, n, i, records[j], 0);
      const flat = equalRecords(layout, key)(records[i], 0, records[j], 0);
      const both = equalBatches(types)(i32, u8, k, n, i, i32, u8, k, n, j);
      if (mixed !== expected || flat !== expected || both !== expected) {
        expect({ key, a: rows[i], b: rows[j], mixed, flat, both }).toEqual(expected);
      }
    });
  });
});

describe('order', () => {
  test('agrees with the reference between batches and records', () => {
    const random = new Random(3);
    eachPair(({ rows, batch, records, key, operands: { k, n } }, i, j) => {
      const keys = key.map(() => ({
        descending: random.chance(0.5),
        nullsFirst: random.chance(0.5),
      }));
      const expected = reference(rows[i], rows[j], key, keys);
      const { i32, u8 } = batch.slab;
      const types = key.map((c) => sampleColumns[c]);
      const got = [
        compareBatchRecord(layout, key, keys)(i32, u8, k, n, i, records[j], 0),
        compareRecords(layout, key, keys)(records[i], 0, records[j], 0),
        compareBatches(types, keys)(i32, u8, k, n, i, i32, u8, k, n, j),
      ].map(Math.sign);
      if (got.some((sign) => sign !== expected)) {
        expect({ key, keys, a: rows[i], b: rows[j], got }).toEqual(expected);
      }
    });
  });

  test('is total: samples sort the same from any start', () => {
    samples.forEach(([type, values], column) => {
      const compare = compareRecords(layout, [column], plain.slice(0, 1));
      const record = (value: Row[number]): Int32Array =>
        recordOf(
          layout,
          samples.map((_, c) => (c === column ? value : null)),
        );
      const sort = (list: typeof values): number[][] =>
        list
          .map(record)
          .sort((a, b) => compare(a, 0, b, 0))
          .map((words) => Array.from(words));
      const forward = sort(values);
      const backward = sort([...values].reverse()).map((words) => Int32Array.from(words));
      forward.forEach((words, i) => {
        expect(Math.sign(compare(Int32Array.from(words), 0, backward[i], 0)), type).toBe(0);
      });
    });
  });
});
