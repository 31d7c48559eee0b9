/**
 * Every weight changes its sign. The new weights go behind the batch in its own slab, so that the
 * columns need not move; only if the slab is full the rows are copied.
 */
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { allRows, copyColumns, range, varWordsOfRows } from './gather.ts';
import type { Context, Operator } from './operator.ts';

/**
 * The batch with negated weights, with a use of its slab; `writer` is for the case of a full slab.
 */
export function negated(batch: Batch, types: readonly ColumnType[], writer: BatchWriter): Batch {
  const weight = batch.slab.take(batch.rows);
  if (weight >= 0) {
    negateWeights(batch, batch.slab.i32, weight);
    batch.slab.retain();
    return { ...batch, weight };
  }
  const columns = range(types.length);
  const rows = allRows(batch.rows);
  writer.begin(batch.rows, varWordsOfRows(batch, types, rows, 0, batch.rows, columns));
  copyColumns(batch, types, rows, 0, batch.rows, columns, writer, 0);
  negateWeights(batch, writer.slab.i32, writer.weight);
  return writer.seal(batch.step, batch.rows);
}

function negateWeights(batch: Batch, target: Int32Array, to: number): void {
  const source = batch.slab.i32;
  for (let row = 0; row < batch.rows; row++) target[to + row] = -source[batch.weight + row];
}

/** Turns insertions into deletions and back. */
export class NegateOperator implements Operator {
  readonly columns: readonly ColumnType[];
  readonly state = null;
  readonly #writer: BatchWriter;

  constructor(columns: readonly ColumnType[], pool: SlabPool) {
    this.columns = columns;
    this.#writer = new BatchWriter(pool, columns);
  }

  push(_port: number, batch: Batch, context: Context): 'done' {
    context.fuel.spend(batch.rows);
    context.emit(negated(batch, this.columns, this.#writer));
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
