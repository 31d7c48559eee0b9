/** Reading error rows: what a read of a broken collection reports. */
import type { ErrorFields } from '../../src/base/error.ts';
import type { Arrangement } from '../arrangement/arrangement.ts';
import { startPosition } from '../arrangement/pairs.ts';
import { range } from '../operators/gather.ts';
import { errorColumns } from '../operators/operator.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import { rowsFromBatch } from '../value/datum-column.ts';
import type { Surroundings } from './surroundings.ts';

/** The first error row visible at a step, as the statement that reads it reports it, or null. */
export function firstError(
  errors: Arrangement,
  step: number,
  around: Surroundings,
): ErrorFields | null {
  const pairs = around.scratch.scanned;
  const position = startPosition();
  const at = Math.min(step, errors.complete);
  pairs.n = 0;
  for (let ended = false; !ended && pairs.n === 0;) ended = errors.scan(at, position, pairs);
  if (pairs.n === 0) return null;
  const columns = range(errorColumns.length);
  const writer = new BatchWriter(around.pool, errorColumns);
  writer.begin(1, errors.varWordsOf(pairs.address, 0, 1, columns));
  errors.gather(pairs.address, 0, 1, columns, writer, 0);
  writer.slab.i32[writer.weight] = 1;
  const batch = writer.seal(at, 1);
  const [update] = rowsFromBatch(batch, errorColumns);
  batch.slab.release();
  writer.close();
  return { code: String(update.row[0]), message: String(update.row[1]) };
}
