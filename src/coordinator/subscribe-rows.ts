/**
 * From the engine's changes to the rows of SUBSCRIBE: `mz_timestamp`, with PROGRESS
 * `mz_progressed`, then `mz_diff`, then the columns (all NULL in a progress row), as Materialize
 * gives them.
 *
 * The batch's own columns are not touched: the new buffer is the old one with the extra columns
 * behind it.
 */
import { assert } from '../base/assert.ts';
import type { PackedBatch, SubscribeChunk } from '../../dataflow/graph/command.ts';
import type { ResultColumn } from '../sql/planned.ts';
import { columnTypes, packDatums, resultColumn } from './row-stream.ts';

/** The result columns of a SUBSCRIBE over `columns`. */
export function subscribeColumns(
  columns: readonly ResultColumn[],
  progress: boolean,
): readonly ResultColumn[] {
  const extra = [
    { ...resultColumn('mz_timestamp', 'int8'), nullable: false },
    ...(progress ? [{ ...resultColumn('mz_progressed', 'bool'), nullable: false }] : []),
    { ...resultColumn('mz_diff', 'int8'), nullable: progress },
  ];
  return [
    ...extra,
    ...columns.map((column) => (progress ? { ...column, nullable: true } : column)),
  ];
}

/** Rows of the changes of one chunk. */
export function changeRows(batch: PackedBatch, time: number, progress: boolean): PackedBatch {
  const { rows } = batch;
  const oldWords = (batch.buffer.byteLength >> 2) + ((batch.buffer.byteLength >> 2) & 1);
  const timeAt = oldWords;
  const diffAt = timeAt + 2 * rows;
  const progressAt = diffAt + 2 * rows;
  const weightAt = progressAt + rows;
  const buffer = new ArrayBuffer(((weightAt + rows + 1) & ~1) * 4);
  const words = new Int32Array(buffer);
  words.set(new Int32Array(batch.buffer, 0, batch.buffer.byteLength >> 2));
  const wide = new BigInt64Array(buffer);
  const milliseconds = BigInt(time);
  for (let row = 0; row < rows; row++) {
    const weight = words[batch.weight + row] ?? 0;
    wide[(timeAt >> 1) + row] = milliseconds;
    wide[(diffAt >> 1) + row] = BigInt(weight);
    words[weightAt + row] = 1;
  }
  const extra = progress ? [timeAt, progressAt, diffAt] : [timeAt, diffAt];
  assert(words[progressAt] === 0 || rows === 0, 'mz_progressed of a change is false');
  return {
    buffer,
    rows,
    weight: weightAt,
    column: Int32Array.from([...extra, ...batch.column]),
    nulls: Int32Array.from([...extra.map(() => -1), ...batch.nulls]),
  };
}

/** The one row that says that all changes before `time` + 1 have been sent. */
export function progressRow(columns: readonly ResultColumn[], time: number): PackedBatch {
  const nulls = columns.slice(2).map(() => null);
  return packDatums(columnTypes(columns), [[BigInt(time), true, ...nulls]]);
}

/** The batches that one chunk gives. */
export function chunkRows(
  chunk: SubscribeChunk,
  columns: readonly ResultColumn[],
  progress: boolean,
): readonly PackedBatch[] {
  const batches: PackedBatch[] = [];
  if (chunk.batch !== null && chunk.batch.rows > 0)
    batches.push(changeRows(chunk.batch, chunk.time, progress));
  if (progress && chunk.progressed) batches.push(progressRow(columns, chunk.time + 1));
  return batches;
}
