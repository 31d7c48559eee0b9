/**
 * The second phase of a join: pairs (row of a delta batch, record of the other side) become batches
 * of joined rows, left columns first, filtered by the residual. A pair list whose var bytes would
 * make a batch too large is cut in halves.
 */
import { limits } from '../../src/base/limits.ts';
import type { Arrangement, Pairs } from '../arrangement/arrangement.ts';
import type { Mfp } from '../expr/mfp.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import { copyColumns, range, varWordsOfRows } from './gather.ts';
import type { Context } from './operator.ts';

/** Whose records the pairs name, and the columns of them that make a row. */
export interface Matched {
  readonly arrangement: Pick<Arrangement, 'gather' | 'varWordsOf'>;
  readonly columns: readonly number[];
}

/** Makes joined rows of pairs. */
export class JoinedRows {
  readonly #writer: BatchWriter;
  readonly #residual: Mfp | null;
  readonly #residualWriter: BatchWriter | null;

  /** `columns`: left columns, then right columns. */
  constructor(columns: readonly ColumnType[], residual: Mfp | null, pool: SlabPool) {
    this.#writer = new BatchWriter(pool, columns);
    this.#residual = residual;
    this.#residualWriter = residual === null ? null : new BatchWriter(pool, residual.columns);
  }

  /** Emits the joined rows of `pairs`; `deltaIsLeft` says on which side the batch is. */
  emit(
    pairs: Pairs,
    batch: Batch,
    types: readonly ColumnType[],
    other: Matched,
    deltaIsLeft: boolean,
    context: Context,
  ): void {
    this.#emitRange(pairs, 0, pairs.n, batch, types, other, deltaIsLeft, context);
  }

  #emitRange(
    pairs: Pairs,
    first: number,
    n: number,
    batch: Batch,
    types: readonly ColumnType[],
    other: Matched,
    deltaIsLeft: boolean,
    context: Context,
  ): void {
    if (n === 0) return;
    const { arrangement, columns } = other;
    const all = range(types.length);
    const words =
      varWordsOfRows(batch, types, pairs.row, first, n, all) +
      arrangement.varWordsOf(pairs.address, first, n, columns);
    if (words > limits.batchVarWordsMax && n > 1) {
      const half = n >> 1;
      this.#emitRange(pairs, first, half, batch, types, other, deltaIsLeft, context);
      this.#emitRange(pairs, first + half, n - half, batch, types, other, deltaIsLeft, context);
      return;
    }
    const writer = this.#writer;
    writer.begin(n, words);
    const deltaColumn = deltaIsLeft ? 0 : columns.length;
    const otherColumn = deltaIsLeft ? types.length : 0;
    copyColumns(batch, types, pairs.row, first, n, all, writer, deltaColumn);
    arrangement.gather(pairs.address, first, n, columns, writer, otherColumn);
    multiplyWeights(pairs, first, n, batch, writer);
    this.#filter(writer.seal(context.step, n), context);
  }

  #filter(joined: Batch, context: Context): void {
    if (this.#residual === null || this.#residualWriter === null) {
      context.emit(joined);
      return;
    }
    const { i32 } = joined.slab;
    const kept = this.#residual.run(joined, this.#residualWriter, context.step, (row, error) => {
      context.fail(error, i32[joined.weight + row]);
    });
    joined.slab.release();
    if (kept !== null) context.emit(kept);
  }

  close(): void {
    this.#writer.close();
    this.#residualWriter?.close();
  }
}

function multiplyWeights(
  pairs: Pairs,
  first: number,
  n: number,
  batch: Batch,
  writer: BatchWriter,
): void {
  const source = batch.slab.i32;
  const target = writer.slab.i32;
  for (let i = 0; i < n; i++) {
    const weight = source[batch.weight + pairs.row[first + i]];
    target[writer.weight + i] = Math.imul(weight, pairs.weight[first + i]);
  }
}
