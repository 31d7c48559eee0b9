/** One row for each distinct row, under SQL equality, whose weights sum to more than 0. */
import { WholeRowsOperator } from './whole-rows.ts';

/** SELECT DISTINCT, UNION and the like. */
export class DistinctOperator extends WholeRowsOperator {
  protected override readonly onlySigns = true;

  protected override weightOf(sum: number): number {
    return sum > 0 ? 1 : 0;
  }
}
