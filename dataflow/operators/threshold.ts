/**
 * Each distinct row, under SQL equality, with the sum of its weights if that is positive: what
 * makes a difference of multisets (EXCEPT ALL) a multiset again.
 */
import { WholeRowsOperator } from './whole-rows.ts';

/** Rows of positive weight, weights unchanged. */
export class ThresholdOperator extends WholeRowsOperator {
  protected override readonly onlySigns = false;

  protected override weightOf(sum: number): number {
    return sum > 0 ? sum : 0;
  }
}
