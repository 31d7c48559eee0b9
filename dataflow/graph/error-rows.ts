/** Reading error rows: what a read of a broken collection reports. */
import type { ErrorFields } from '../../src/base/error.ts';
import type { Arrangement, Pairs, Position } from '../arrangement/arrangement.ts';
import { rewind, startPosition } from '../arrangement/pairs.ts';
import { range } from '../operators/gather.ts';
import { errorColumns } from '../operators/operator.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import { rowsFromBatch } from '../value/datum-column.ts';
import type { Surroundings } from './surroundings.ts';

/** Errors are counted up to this many; a read must not take longer the more fail. */
const countedMax = 10_000;

/**
 * The first error row visible at a step, as the statement that reads it reports it, or null. The
 * detail says how many rows fail if it is more than one.
 */
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
  const count = countedFrom(errors, at, position, pairs);
  rewind(position);
  pairs.n = 0;
  for (let ended = false; !ended && pairs.n === 0;) ended = errors.scan(at, position, pairs);
  const columns = range(errorColumns.length);
  const writer = new BatchWriter(around.pool, errorColumns);
  writer.begin(1, errors.varWordsOf(pairs.address, 0, 1, columns));
  errors.gather(pairs.address, 0, 1, columns, writer, 0);
  writer.slab.i32[writer.weight] = 1;
  const batch = writer.seal(at, 1);
  const [update] = rowsFromBatch(batch, errorColumns);
  batch.slab.release();
  writer.close();
  const fields = { code: String(update.row[0]), message: String(update.row[1]) };
  if (count === 1) return fields;
  const shown = count > countedMax ? `More than ${countedMax}` : String(count);
  return { ...fields, detail: `${shown} rows fail; this is the first error.` };
}

/** Rows in pairs and in what the scan gives after them, weights counted. */
function countedFrom(errors: Arrangement, at: number, position: Position, pairs: Pairs): number {
  let count = 0;
  for (let ended = false; ; ended = errors.scan(at, position, pairs)) {
    for (let k = 0; k < pairs.n; k++) count += pairs.weight[k];
    pairs.n = 0;
    if (ended || count > countedMax) return count;
  }
}
