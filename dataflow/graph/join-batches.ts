/**
 * Many small batches of the same columns as one: what a step costs on its way to the log and to the
 * engine goes by the number of its batches, not by that of their rows.
 */
import { assert } from '../../src/base/assert.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import type { PackedBatch } from './command.ts';

/** A batch whose words are copied. */
interface Part {
  readonly batch: PackedBatch;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
}

/** Where things go in the joined buffer, in words. */
interface Layout {
  readonly column: Int32Array;
  /** In bytes, as in a batch. */
  readonly nulls: Int32Array;
  readonly weight: number;
  /** The first word of var bytes. */
  readonly free: number;
}

function evenly(words: number): number {
  return (words + 1) & ~1;
}

/** The rows of all batches, in their order, in a buffer of their own. There must be one at least. */
export function joinBatches(
  types: readonly ColumnType[],
  batches: readonly PackedBatch[],
): PackedBatch {
  assert(batches.length > 0, 'there is something to join');
  const parts = batches.map((batch): Part => {
    assert(
      batch.column.length === types.length,
      'batches have the columns that they are joined by',
    );
    return { batch, i32: new Int32Array(batch.buffer), u8: new Uint8Array(batch.buffer) };
  });
  const isVar = types.map(({ type }) => physicalOf(type) === 'var');
  const width = types.map(({ type }) => (physicalOf(type) === 'i32' ? 1 : 2));
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  const layout = layOut(width, rows, batches);
  let words = layout.free;
  for (let c = 0; c < types.length; c++) if (isVar[c]) words += varWords(parts, c);
  const buffer = new ArrayBuffer(evenly(words) * 4);
  const out = new Int32Array(buffer);
  const bytes = new Uint8Array(buffer);
  let free = layout.free;
  let row = 0;
  for (const part of parts) {
    for (let c = 0; c < types.length; c++) {
      if (isVar[c]) free = copyVar(part, c, out, layout.column[c] + 2 * row, free);
      else copyFixed(part, c, width[c], out, layout.column[c] + width[c] * row);
      if (part.batch.nulls[c] >= 0) copyNulls(part, c, bytes, layout.nulls[c] + row);
    }
    const { weight } = part.batch;
    for (let r = 0; r < part.batch.rows; r++) out[layout.weight + row + r] = part.i32[weight + r];
    row += part.batch.rows;
  }
  assert(free === words, 'var bytes take the words that were counted for them');
  return { buffer, rows, column: layout.column, nulls: layout.nulls, weight: layout.weight };
}

function layOut(width: readonly number[], rows: number, batches: readonly PackedBatch[]): Layout {
  const column = new Int32Array(width.length);
  const nulls = new Int32Array(width.length).fill(-1);
  let words = 0;
  for (let c = 0; c < width.length; c++) {
    column[c] = words;
    words += evenly(width[c] * rows);
    if (!batches.some((batch) => batch.nulls[c] >= 0)) continue;
    nulls[c] = words * 4;
    words += evenly((rows + 3) >> 2);
  }
  return { column, nulls, weight: words, free: words + evenly(rows) };
}

function varWords(parts: readonly Part[], c: number): number {
  let words = 0;
  for (const { batch, i32 } of parts) {
    for (let r = 0; r < batch.rows; r++) words += (i32[batch.column[c] + 2 * r + 1] + 3) >> 2;
  }
  return words;
}

function copyFixed(part: Part, c: number, width: number, out: Int32Array, to: number): void {
  const from = part.batch.column[c];
  const words = width * part.batch.rows;
  for (let k = 0; k < words; k++) out[to + k] = part.i32[from + k];
}

/** Copies a var column, its bytes to `first` and on; answers the word after them. */
function copyVar(part: Part, c: number, out: Int32Array, to: number, first: number): number {
  const { batch, i32 } = part;
  const column = batch.column[c];
  let free = first;
  for (let r = 0; r < batch.rows; r++) {
    const from = i32[column + 2 * r];
    const bytes = i32[column + 2 * r + 1];
    const words = (bytes + 3) >> 2;
    out[to + 2 * r] = free;
    out[to + 2 * r + 1] = bytes;
    for (let k = 0; k < words; k++) out[free + k] = i32[from + k];
    free += words;
  }
  return free;
}

function copyNulls(part: Part, c: number, out: Uint8Array, to: number): void {
  const from = part.batch.nulls[c];
  for (let r = 0; r < part.batch.rows; r++) out[to + r] = part.u8[from + r];
}
