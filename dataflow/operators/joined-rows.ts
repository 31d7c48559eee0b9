/**
 * The second phase of a join: pairs (row of a delta batch, record of the other side) become batches
 * of joined rows, left columns first, filtered by the residual. A pair list whose var bytes would
 * make a batch too large is cut in halves.
 *
 * The weight of a joined row is a product: 70,000 copies of a row meet 70,000 of another in more
 * pairs than a word counts. What a word does not hold follows in further rows.
 */
import { sqlError } from '../../src/base/error.ts';
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

const weightMax = 2 ** 31 - 1;
/** More rows than these would take a turn of a second, and counts are exact up to 2^53 only. */
const copiesMax = 2 ** 47;

/** Pairs and what they are pairs of. */
interface Join {
  readonly pairs: Pairs;
  readonly batch: Batch;
  readonly types: readonly ColumnType[];
  readonly other: Matched;
  readonly deltaIsLeft: boolean;
  readonly context: Context;
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
    const join = { pairs, batch, types, other, deltaIsLeft, context };
    if (!this.#emitRange(join, 0, pairs.n)) return;
    const source = batch.slab.i32;
    for (let p = 0; p < pairs.n; p++) {
      const product = source[batch.weight + pairs.row[p]] * pairs.weight[p];
      for (let rest = product - wordOf(product); rest !== 0; rest -= wordOf(rest)) {
        this.#emitRange(join, p, 1, wordOf(rest));
      }
    }
  }

  /**
   * Emits the rows of pairs first … first + n - 1, with the weights that follow from theirs, or
   * all with the weight `given`; answers whether a product was cut to what a word holds.
   */
  #emitRange(join: Join, first: number, n: number, given = 0): boolean {
    if (n === 0) return false;
    const { pairs, batch, types, other, deltaIsLeft, context } = join;
    const { arrangement, columns } = other;
    const all = range(types.length);
    const words =
      varWordsOfRows(batch, types, pairs.row, first, n, all) +
      arrangement.varWordsOf(pairs.address, first, n, columns);
    if (words > limits.batchVarWordsMax && n > 1) {
      const half = n >> 1;
      const cut = this.#emitRange(join, first, half, given);
      return this.#emitRange(join, first + half, n - half, given) || cut;
    }
    const writer = this.#writer;
    writer.begin(n, words);
    const deltaColumn = deltaIsLeft ? 0 : columns.length;
    const otherColumn = deltaIsLeft ? types.length : 0;
    copyColumns(batch, types, pairs.row, first, n, all, writer, deltaColumn);
    arrangement.gather(pairs.address, first, n, columns, writer, otherColumn);
    const cut = given === 0 && multiplyWeights(pairs, first, n, batch, writer);
    if (given !== 0) writer.slab.i32.fill(given, writer.weight, writer.weight + n);
    this.#filter(writer.seal(context.step, n), context);
    return cut;
  }

  #filter(joined: Batch, context: Context): void {
    if (this.#residual === null || this.#residualWriter === null) {
      context.emit(joined);
      return;
    }
    const { i32 } = joined.slab;
    this.#residual.each(
      joined,
      this.#residualWriter,
      context.step,
      (row, error) => context.fail(error, i32[joined.weight + row]),
      (kept) => context.emit(kept),
    );
    joined.slab.release();
  }

  close(): void {
    this.#writer.close();
    this.#residualWriter?.close();
  }
}

/** As much of a weight as a word holds. */
function wordOf(weight: number): number {
  return Math.max(-weightMax, Math.min(weightMax, weight));
}

/** Sets the weights of joined rows; answers whether one was cut to what a word holds. */
function multiplyWeights(
  pairs: Pairs,
  first: number,
  n: number,
  batch: Batch,
  writer: BatchWriter,
): boolean {
  const source = batch.slab.i32;
  const target = writer.slab.i32;
  let cut = false;
  for (let i = 0; i < n; i++) {
    const weight = source[batch.weight + pairs.row[first + i]] * pairs.weight[first + i];
    target[writer.weight + i] = weight;
    if (weight <= weightMax && weight >= -weightMax) continue;
    if (Math.abs(weight) > copiesMax) throw tooManyCopies();
    target[writer.weight + i] = wordOf(weight);
    cut = true;
  }
  return cut;
}

function tooManyCopies(): Error {
  return sqlError('54000', `a join gives more than ${copiesMax} copies of a row`);
}
