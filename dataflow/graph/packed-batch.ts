/**
 * Batches on their way between threads: a packed batch is one buffer of exactly the batch's rows,
 * with offsets as in `Batch`. Packing copies (the rows of a batch may lie anywhere in a slab that
 * others share); unpacking does not.
 */
import { assert } from '../../src/base/assert.ts';
import { copyColumns, copyWeights, range, varWordsOfRows } from '../operators/gather.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import { foreignSlab } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import { copyRun } from '../value/words.ts';
import type { PackedBatch } from './command.ts';

/**
 * Rows in a buffer of their own: `rows[first … first + n - 1]` of the batch, with the batch's
 * weights or those in `weights`, by position in `rows`.
 */
export function packRows(
  pool: SlabPool,
  batch: Batch,
  types: readonly ColumnType[],
  rows: Int32Array,
  first: number,
  n: number,
  weights: Int32Array | null = null,
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
export function packWritten(
  writer: BatchWriter,
  { slab, rows, column, nulls, weight }: Batch,
): PackedBatch {
  const words = slab.used;
  const buffer = new ArrayBuffer(words * 4);
  new Int32Array(buffer).set(slab.i32.subarray(0, words));
  slab.release();
  writer.close();
  return { buffer, rows, column, nulls, weight };
}

/**
 * All rows of the batch in a buffer of their own: columns are copied whole, only var bytes one by
 * one. The buffer of a lonely slab is given away as it is: its batch ends here.
 */
export function packBatch(batch: Batch, types: readonly ColumnType[]): PackedBatch {
  const { rows, slab } = batch;
  const { buffer: own } = slab.i32;
  if (slab.lonely && own instanceof ArrayBuffer) {
    return { buffer: own, rows, column: batch.column, nulls: batch.nulls, weight: batch.weight };
  }
  const { i32, u8 } = slab;
  const column = new Int32Array(types.length);
  const nulls = new Int32Array(types.length).fill(-1);
  let words = 0;
  for (let c = 0; c < types.length; c++) {
    column[c] = words;
    words += wordsOf(types[c], rows);
    if (batch.nulls[c] < 0) continue;
    nulls[c] = words * 4;
    words += evenly((rows + 3) >> 2);
  }
  const weight = words;
  words += evenly(rows);
  let free = words;
  for (let c = 0; c < types.length; c++) {
    if (physicalOf(types[c].type) === 'var') words += varWordsOf(i32, batch.column[c], rows);
  }
  const buffer = new ArrayBuffer(evenly(words) * 4);
  const out = new Int32Array(buffer);
  out.set(i32.subarray(batch.weight, batch.weight + rows), weight);
  for (let c = 0; c < types.length; c++) {
    const from = batch.column[c];
    const physical = physicalOf(types[c].type);
    if (physical === 'var') free = packVar(i32, from, rows, out, column[c], free);
    else out.set(i32.subarray(from, from + rows * (physical === 'i32' ? 1 : 2)), column[c]);
    const at = batch.nulls[c];
    if (at >= 0) new Uint8Array(buffer).set(u8.subarray(at, at + rows), nulls[c]);
  }
  assert(free === words, 'var bytes take the words that were counted for them');
  return { buffer, rows, column, nulls, weight };
}

function evenly(words: number): number {
  return (words + 1) & ~1;
}

function wordsOf({ type }: ColumnType, rows: number): number {
  return physicalOf(type) === 'i32' ? evenly(rows) : 2 * rows;
}

function varWordsOf(i32: Int32Array, column: number, rows: number): number {
  let words = 0;
  for (let r = 0; r < rows; r++) words += (i32[column + 2 * r + 1] + 3) >> 2;
  return words;
}

/** Copies a var column, its bytes to `first` and on; answers the word after them. */
function packVar(
  i32: Int32Array,
  column: number,
  rows: number,
  out: Int32Array,
  to: number,
  first: number,
): number {
  let free = first;
  for (let r = 0; r < rows; r++) {
    const bytes = i32[column + 2 * r + 1];
    out[to + 2 * r] = free;
    out[to + 2 * r + 1] = bytes;
    const words = (bytes + 3) >> 2;
    copyRun(i32, i32[column + 2 * r], words, out, free);
    free += words;
  }
  return free;
}

/** The batch in a buffer, at a step. Fails if the buffer is not what `types` need. */
export function unpackBatch(
  packed: PackedBatch,
  types: readonly ColumnType[],
  step: number,
): Batch {
  assert(packed.column.length === types.length, `a batch of ${types.length} columns was expected`);
  const slab = foreignSlab(packed.buffer);
  types.forEach((type, c) => {
    const words = physicalOf(type.type) === 'i32' ? 1 : 2;
    const at = packed.column[c];
    assert(at >= 0 && at + words * packed.rows <= slab.words, 'a column lies inside its buffer');
    assert(words === 1 || at % 2 === 0, 'a wide column is aligned');
    const end = packed.nulls[c] + packed.rows;
    assert(end <= packed.buffer.byteLength, 'the null bytes of a column lie inside its buffer');
  });
  assert(packed.weight + packed.rows <= slab.words, 'the weights lie inside their buffer');
  const { rows, column, nulls, weight } = packed;
  return { step, rows, slab, column, nulls, weight };
}
