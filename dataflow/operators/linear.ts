/**
 * Filter, map and project, batch by batch: what `Mfp` computes, errors with the weight of their
 * row.
 */
import type { Mfp } from '../expr/mfp.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Context, Operator } from './operator.ts';

/** Runs one program over every batch. */
export class LinearOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #mfp: Mfp;
  readonly #writer: BatchWriter;

  constructor(mfp: Mfp, pool: SlabPool) {
    this.columns = mfp.columns;
    this.#mfp = mfp;
    this.#writer = new BatchWriter(pool, mfp.columns);
  }

  push(_port: number, batch: Batch, context: Context): 'done' {
    const { i32 } = batch.slab;
    context.fuel.spend(batch.rows);
    const output = this.#mfp.run(batch, this.#writer, context.step, (row, error) => {
      context.fail(error, i32[batch.weight + row]);
    });
    if (output !== null) context.emit(output);
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
