/**
 * Batches on their way between threads: a packed batch is one buffer of exactly the batch's rows,
 * with offsets as in `Batch`. Packing copies (the rows of a batch may lie anywhere in a slab that
 * others share); unpacking does not.
 */
import { assert } from '../../src/base/assert.ts';
import { allRows, copyColumns, copyWeights, range, varWordsOfRows } from '../operators/gather.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import { foreignSlab } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import type { PackedBatch } from './command.ts';

/**
 * Rows in a buffer of their own: `rows[first … first + n - 1]` of the batch, with the batch's weights
 * or those in `weights`, by position in `rows`.
 */
export function packRows(
  pool: SlabPool, batch: Batch, types: readonly ColumnType[], rows: Int32Array, first: number,
  n: number, weights: Int32Array | null = null,
): PackedBatch {
  const columns = range(types.length);
  const writer = new BatchWriter(pool, types);
  writer.begin(n, varWordsOfRows(batch, types, rows, first, n, columns));
  copyColumns(batch, types, rows, first, n, columns, writer, 0);
  if (weights === null) copyWeights(batch, rows, first, n, writer);
  else writer.slab.i32.set(weights.subarray(first, first + n), writer.weight);
  return packWritten(writer, writer.seal(batch.step, n));
}

/**
 * What a writer has just sealed, in a buffer of its own. The batch is the only one in the writer's
 * slab, which is given up, and so is the batch's use of it.
 */
export function packWritten(writer: BatchWriter, { slab, rows, column, nulls, weight }: Batch): PackedBatch {
  const words = slab.used;
  const buffer = new ArrayBuffer(words * 4);
  new Int32Array(buffer).set(slab.i32.subarray(0, words));
  slab.release();
  writer.close();
  return { buffer, rows, column, nulls, weight };
}

/** All rows of the batch in a buffer of their own. */
export function packBatch(
  pool: SlabPool, batch: Batch, types: readonly ColumnType[],
): PackedBatch {
  return packRows(pool, batch, types, allRows(batch.rows), 0, batch.rows);
}

/** The batch in a buffer, at a step. Fails if the buffer is not what `types` need. */
export function unpackBatch(
  packed: PackedBatch, types: readonly ColumnType[], step: number,
): Batch {
  assert(packed.column.length === types.length, `a batch of ${types.length} columns was expected`);
  const slab = foreignSlab(packed.buffer);
  types.forEach((type, c) => {
    const words = physicalOf(type.type) === 'i32' ? 1 : 2;
    const at = packed.column[c];
    assert(at >= 0 && at + words * packed.rows <= slab.words, 'a column lies inside its buffer');
    assert(words === 1 || at % 2 === 0, 'a wide column is aligned');
  });
  const { rows, column, nulls, weight } = packed;
  return { step, rows, slab, column, nulls, weight };
}
