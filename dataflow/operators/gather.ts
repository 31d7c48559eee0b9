/**
 * Moving rows between batches: the second phase of a join, the core of packing, ordering and
 * slicing. Rows are named by number, columns are moved one at a time with a loop per physical form;
 * 64-bit values travel as int32 pairs, var values as bytes (or as a bare pointer if both batches
 * share a slab).
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Batch } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import { copyRun } from '../value/words.ts';

/** Words of var bytes that copying `rows[first … first + n - 1]` takes; `types` are the batch's. */
export function varWordsOfRows(
  batch: Batch,
  types: readonly ColumnType[],
  rows: Int32Array,
  first: number,
  n: number,
  columns: readonly number[],
): number {
  let words = 0;
  for (const c of columns) {
    if (physicalOf(defined(types[c], 'a column of the batch').type) !== 'var') continue;
    const i32 = batch.slab.i32;
    const base = batch.column[c] + 1;
    // Each value may cost one more word, as space is taken in double words.
    for (let i = first; i < first + n; i++) words += ((i32[base + 2 * rows[i]] + 3) >> 2) + 1;
  }
  return words;
}

/**
 * Copies `columns` of rows `rows[first … first + n - 1]` to columns `outColumn …` of the open batch
 * of `out`, from its row 0 on.
 */
export function copyColumns(
  batch: Batch,
  types: readonly ColumnType[],
  rows: Int32Array,
  first: number,
  n: number,
  columns: readonly number[],
  out: BatchWriter,
  outColumn: number,
): void {
  assert(first >= 0 && first + n <= rows.length, 'the rows that are copied are listed');
  assert(outColumn + columns.length <= out.column.length, 'the columns that are copied fit');
  columns.forEach((c, position) => {
    const to = out.column[outColumn + position];
    const physical = physicalOf(defined(types[c], 'a column of the batch').type);
    if (physical === 'i32') copyWords(batch, c, rows, first, n, out, to);
    else if (physical === 'var') copyVar(batch, c, rows, first, n, out, to);
    else copyPairs(batch, c, rows, first, n, out, to);
    copyNulls(batch, c, rows, first, n, out, out.nulls[outColumn + position]);
  });
}

function copyWords(
  batch: Batch,
  c: number,
  rows: Int32Array,
  first: number,
  n: number,
  out: BatchWriter,
  to: number,
): void {
  const source = batch.slab.i32;
  const target = out.slab.i32;
  const base = batch.column[c];
  for (let i = 0; i < n; i++) target[to + i] = source[base + rows[first + i]];
}

function copyPairs(
  batch: Batch,
  c: number,
  rows: Int32Array,
  first: number,
  n: number,
  out: BatchWriter,
  to: number,
): void {
  const source = batch.slab.i32;
  const target = out.slab.i32;
  const base = batch.column[c];
  for (let i = 0; i < n; i++) {
    const at = base + 2 * rows[first + i];
    target[to + 2 * i] = source[at];
    target[to + 2 * i + 1] = source[at + 1];
  }
}

function copyVar(
  batch: Batch,
  c: number,
  rows: Int32Array,
  first: number,
  n: number,
  out: BatchWriter,
  to: number,
): void {
  if (out.slab === batch.slab) {
    copyPairs(batch, c, rows, first, n, out, to);
    return;
  }
  const source = batch.slab.i32;
  const target = out.slab.i32;
  const base = batch.column[c];
  let total = 0;
  for (let i = 0; i < n; i++) total += (source[base + 2 * rows[first + i] + 1] + 3) >> 2;
  let free = out.takeVar(total);
  for (let i = 0; i < n; i++) {
    const at = base + 2 * rows[first + i];
    const from = source[at];
    const bytes = source[at + 1];
    const words = (bytes + 3) >> 2;
    target[to + 2 * i] = free;
    target[to + 2 * i + 1] = bytes;
    copyRun(source, from, words, target, free);
    free += words;
  }
}

function copyNulls(
  batch: Batch,
  c: number,
  rows: Int32Array,
  first: number,
  n: number,
  out: BatchWriter,
  to: number,
): void {
  if (to < 0) return;
  const target = out.slab.u8;
  const base = batch.nulls[c];
  if (base < 0) {
    target.fill(0, to, to + n);
    return;
  }
  const source = batch.slab.u8;
  for (let i = 0; i < n; i++) target[to + i] = source[base + rows[first + i]];
}

/** Copies the weights of the rows. */
export function copyWeights(
  batch: Batch,
  rows: Int32Array,
  first: number,
  n: number,
  out: BatchWriter,
): void {
  const source = batch.slab.i32;
  const target = out.slab.i32;
  const to = out.weight;
  assert(first >= 0 && first + n <= rows.length, 'the rows whose weights are copied are listed');
  for (let i = 0; i < n; i++) target[to + i] = source[batch.weight + rows[first + i]];
}

/** The batch with only `columns`, in this order: nothing moves. Does not retain the slab. */
export function projectBatch(batch: Batch, columns: readonly number[]): Batch {
  const column = new Int32Array(columns.length);
  const nulls = new Int32Array(columns.length);
  columns.forEach((c, position) => {
    column[position] = batch.column[c];
    nulls[position] = batch.nulls[c];
  });
  return { ...batch, column, nulls };
}

/** True if `columns` are 0, 1, 2, … of `width` columns. */
export function isIdentity(columns: readonly number[], width: number): boolean {
  return columns.length === width && columns.every((c, position) => c === position);
}

const ranges: (readonly number[])[] = [];

/** 0, 1, …, n - 1: the columns of a row of n. Not for rows, as it is remembered. */
export function range(n: number): readonly number[] {
  for (let k = ranges.length; k <= n; k++) ranges.push(Array.from({ length: k }, (_, i) => i));
  return ranges[n];
}

/** The numbers of the first n rows of a batch. */
export function allRows(n: number): Int32Array {
  const rows = new Int32Array(n);
  for (let i = 1; i < n; i++) rows[i] = i;
  return rows;
}

/** Words of var bytes of one row, as `appendRow` takes them. */
export function varWordsOfRow(
  batch: Batch,
  types: readonly ColumnType[],
  row: number,
  columns: readonly number[],
): number {
  let words = 0;
  for (const c of columns) {
    if (physicalOf(defined(types[c], 'a column of the batch').type) !== 'var') continue;
    words += ((batch.slab.i32[batch.column[c] + 2 * row + 1] + 3) >> 2) + 1;
  }
  return words;
}

/** Copies `columns` of one row into row `outRow` of the open batch of `out`, weight 1. */
export function appendRow(
  batch: Batch,
  types: readonly ColumnType[],
  row: number,
  columns: readonly number[],
  out: BatchWriter,
  outRow: number,
): void {
  columns.forEach((c, position) => copyValue(batch, types, row, c, out, outRow, position));
  out.slab.i32[out.weight + outRow] = 1;
}

/** Copies column `c` of one row into column `outColumn` of row `outRow` of the open batch. */
export function copyValue(
  batch: Batch,
  types: readonly ColumnType[],
  row: number,
  c: number,
  out: BatchWriter,
  outRow: number,
  outColumn: number,
): void {
  const source = batch.slab.i32;
  const target = out.slab.i32;
  const to = out.column[outColumn];
  const physical = physicalOf(defined(types[c], 'a column of the batch').type);
  const nulls = out.nulls[outColumn];
  if (nulls >= 0) {
    const from = batch.nulls[c];
    out.slab.u8[nulls + outRow] = from < 0 ? 0 : batch.slab.u8[from + row];
  }
  if (physical === 'i32') {
    target[to + outRow] = source[batch.column[c] + row];
    return;
  }
  const at = batch.column[c] + 2 * row;
  target[to + 2 * outRow + 1] = source[at + 1];
  if (physical !== 'var') {
    target[to + 2 * outRow] = source[at];
    return;
  }
  const words = (source[at + 1] + 3) >> 2;
  const free = out.takeVar(words);
  target[to + 2 * outRow] = free;
  copyRun(source, source[at], words, target, free);
}
