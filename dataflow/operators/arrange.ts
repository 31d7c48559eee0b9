/**
 * Keeps (some columns of) its input in an arrangement that joins and semijoins of the same dataflow
 * read; gives nothing out. The operators that read it are finished after it, so they find its step
 * sealed.
 */
import type { Arrangement } from '../arrangement/arrangement.ts';
import type { Batch } from '../value/batch.ts';
import type { ColumnType } from '../value/type.ts';
import { projectBatch } from './gather.ts';
import type { Context, Operator } from './operator.ts';
import { longSliceRows } from './operator.ts';

/** Fills a private arrangement; gives nothing out. */
export class ArrangeOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly arrangement: Arrangement;
  readonly #keep: readonly number[];

  /** `keep`: the input's columns that the arrangement holds, in its order. */
  constructor(arrangement: Arrangement, keep: readonly number[]) {
    this.arrangement = arrangement;
    this.columns = arrangement.layout.columns;
    this.#keep = keep;
  }

  push(_port: number, batch: Batch, context: Context): 'done' | 'more' {
    const kept = projectBatch(batch, this.#keep);
    while (!this.arrangement.prepare(kept)) if (!context.fuel.spend(longSliceRows)) return 'more';
    this.arrangement.apply(context.step, kept);
    context.fuel.spend(batch.rows);
    return 'done';
  }

  finish(context: Context): 'done' {
    this.arrangement.seal(context.step);
    return 'done';
  }

  bytes(): number {
    return this.arrangement.bytes();
  }

  /** The dataflow disposes of the arrangement once its own hold is gone. */
  dispose(): void {
    // Nothing else is held.
  }
}
