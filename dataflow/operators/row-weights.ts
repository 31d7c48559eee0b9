/** What rows count for an aggregate: their weights, or 0 where FILTER or a NULL leaves them out. */
import type { Batch } from '../value/batch.ts';

/**
 * The weights of rows first … first + n - 1 for an aggregate with column `filter` (-1: none) that
 * does not see rows where `argument` (-1: none) is NULL: `weights` itself if all rows count, else
 * `out`, filled.
 */
export function countingWeights(
  batch: Batch,
  first: number,
  n: number,
  weights: Int32Array,
  filter: number,
  argument: number,
  out: Int32Array,
): Int32Array {
  const { u8, i32 } = batch.slab;
  let result = weights;
  if (filter >= 0) {
    const at = batch.column[filter] + first;
    // A NULL's value word is 0, so NULL is not true.
    for (let i = 0; i < n; i++) out[i] = i32[at + i] === 1 ? weights[i] : 0;
    result = out;
  }
  const nulls = argument >= 0 ? batch.nulls[argument] : -1;
  if (nulls < 0) return result;
  for (let i = 0; i < n; i++) out[i] = u8[nulls + first + i] === 1 ? 0 : result[i];
  return out;
}
