/**
 * Working memory that all operators of one thread share: nothing in it outlives the call that fills
 * it, so one copy serves every dataflow and an idle operator costs nothing.
 */
import type { Pairs } from '../arrangement/arrangement.ts';
import { makePairs } from '../arrangement/pairs.ts';

export interface Scratch {
  /** Rows of a scan or of changes. */
  readonly scanned: Pairs;
  /** Matches of a probe. */
  readonly matched: Pairs;
  /** Row numbers and weights of a selection. */
  readonly rows: Int32Array;
  readonly weights: Int32Array;
  /** Sums of weights by row of a batch. */
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** Records counted by row, and the least address among them. */
  readonly records: Int32Array;
  readonly least: Int32Array;
}

/** Room for activations of up to `rowsMax` rows. */
export function newScratch(rowsMax: number): Scratch {
  return {
    scanned: makePairs(rowsMax),
    matched: makePairs(rowsMax),
    rows: new Int32Array(rowsMax),
    weights: new Int32Array(rowsMax),
    before: new Float64Array(rowsMax),
    after: new Float64Array(rowsMax),
    records: new Int32Array(rowsMax),
    least: new Int32Array(rowsMax),
  };
}
