/**
 * Filter, map and project, batch by batch: what `Mfp` computes, errors with the weight of their
 * row.
 */
import type { ErrorListener } from '../expr/environment.ts';
import type { Mfp } from '../expr/mfp.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Context, Operator } from './operator.ts';

/** Rows that a run counts as at least if it stopped for the size of what it made. */
const largeRows = 1024;

/** Runs one program over every batch. */
export class LinearOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #mfp: Mfp;
  readonly #writer: BatchWriter;
  /** Where an interrupted push goes on. */
  #next = 0;

  constructor(mfp: Mfp, pool: SlabPool) {
    this.columns = mfp.columns;
    this.#mfp = mfp;
    this.#writer = new BatchWriter(pool, mfp.columns);
  }

  push(_port: number, batch: Batch, context: Context): 'done' | 'more' {
    const { i32 } = batch.slab;
    const failed: ErrorListener = (row, error) => {
      context.fail(error, i32[batch.weight + row]);
    };
    while (this.#next < batch.rows) {
      const output = this.#mfp.runFrom(batch, this.#next, this.#writer, context.step, failed);
      this.#next += this.#mfp.taken;
      if (output !== null) context.emit(output);
      const rest = this.#next < batch.rows;
      // A run that ended early has made megabytes of few rows.
      if (
        !context.fuel.spend(rest ? Math.max(largeRows, this.#mfp.taken) : this.#mfp.taken) &&
        rest
      )
        return 'more';
    }
    this.#next = 0;
    return 'done';
  }

  finish(): 'done' {
    this.#writer.close();
    return 'done';
  }

  bytes(): number {
    return 0;
  }

  dispose(): void {
    this.#writer.close();
  }
}
