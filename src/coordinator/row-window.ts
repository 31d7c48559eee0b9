/**
 * Taking a stated number of rows from a row stream, however its batches are cut: what FETCH and the
 * protocol's row limits need. Weights are multiplicities, so a row of weight 5 may be split between
 * two takes. A slice shares the buffer of its batch, so taking costs what is taken: the weight of a
 * row that is split is written into the batch and holds until the next take. So rows that were
 * taken have to be used up before more are taken of the same row.
 */
import { assert } from '../base/assert.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { physicalOf } from '../../dataflow/value/type.ts';
import type { RowStream } from './session.ts';

/** Rows that a batch stands for, weights counted. */
export function multiplicity(batch: PackedBatch): number {
  const weights = new Int32Array(batch.buffer, batch.weight * 4, batch.rows);
  let sum = 0;
  for (const weight of weights) sum += weight;
  return sum;
}

/** A place in a row stream. */
export class RowWindow {
  readonly stream: RowStream;
  readonly #words: readonly number[];
  #batch: PackedBatch | null = null;
  /** First row of the batch that is not used up, and what is left of its weight. */
  #row = 0;
  #left = 0;
  #ended = false;
  #filling: Promise<boolean> | null = null;

  constructor(stream: RowStream) {
    this.stream = stream;
    this.#words = stream.columns.map((column) => (physicalOf(column.type.name) === 'i32' ? 1 : 2));
  }

  /** True if the end of the stream has been seen. */
  get ended(): boolean {
    return this.#ended && this.#batch === null;
  }

  /** Rows that can be taken without waiting. */
  get here(): boolean {
    return this.#batch !== null;
  }

  /**
   * Waits until there is a row or the end; true if there is a row. A wait that its caller gave up
   * goes on, and the next call joins it.
   */
  fill(): Promise<boolean> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = null;
    });
    return this.#filling;
  }

  async #fill(): Promise<boolean> {
    while (this.#batch === null && !this.#ended) {
      const batch = await this.stream.next();
      if (batch === null) this.#ended = true;
      else if (batch.rows > 0) this.#open(batch);
    }
    return this.#batch !== null;
  }

  #open(batch: PackedBatch): void {
    this.#batch = batch;
    this.#row = 0;
    this.#left = weightsOf(batch)[0] ?? 0;
  }

  /** Up to `rowsMax` rows of the current batch; call `fill` first. */
  take(rowsMax: number): PackedBatch {
    const batch = this.#batch;
    assert(batch !== null && rowsMax > 0, 'fill comes before take');
    const weights = weightsOf(batch);
    const first = this.#row;
    let wanted = rowsMax;
    let row = first;
    while (row < batch.rows && wanted > 0) {
      const taken = Math.min(this.#left, wanted);
      weights[row] = taken;
      wanted -= taken;
      this.#left -= taken;
      if (this.#left > 0) {
        // The rest of the row comes first next time.
        this.#row = row;
        return this.#slice(batch, first, row + 1 - first);
      }
      row++;
      this.#left = weights[row] ?? 0;
    }
    this.#row = row;
    if (row === batch.rows) this.#batch = null;
    return this.#slice(batch, first, row - first);
  }

  #slice(batch: PackedBatch, first: number, rows: number): PackedBatch {
    assert(rows > 0 && first + rows <= batch.rows, 'what is taken lies in the batch');
    return {
      buffer: batch.buffer,
      rows,
      weight: batch.weight + first,
      column: batch.column.map((at, c) => at + first * (this.#words[c] ?? 2)),
      nulls: batch.nulls.map((at) => (at < 0 ? at : at + first)),
    };
  }
}

function weightsOf(batch: PackedBatch): Int32Array {
  return new Int32Array(batch.buffer, batch.weight * 4, batch.rows);
}
