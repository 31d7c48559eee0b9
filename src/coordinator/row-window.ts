/**
 * Taking a stated number of rows from a row stream, however its batches are cut: what FETCH and the
 * protocol's row limits need. Weights are multiplicities, so a row of weight 5 may be split between
 * two takes. A slice of a batch has its own buffer: a copy with its own weights behind.
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
  /** First row of the batch that is not used up, and how many copies of it were. */
  #row = 0;
  #used = 0;
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
    this.#used = 0;
  }

  /** Up to `rowsMax` rows of the current batch; call `fill` first. */
  take(rowsMax: number): PackedBatch {
    const batch = this.#batch;
    assert(batch !== null && rowsMax > 0, 'fill comes before take');
    const all = new Int32Array(batch.buffer, batch.weight * 4, batch.rows);
    const first = this.#row;
    const whole = first === 0 && this.#used === 0;
    let left = rowsMax;
    let row = first;
    const weights: number[] = [];
    while (row < batch.rows && left > 0) {
      const available = (all[row] ?? 0) - this.#used;
      const taken = Math.min(available, left);
      weights.push(taken);
      left -= taken;
      this.#used += taken;
      if (taken < available) break;
      this.#used = 0;
      row++;
    }
    this.#row = row;
    if (row < batch.rows) return this.#slice(batch, first, weights);
    this.#batch = null;
    return whole ? batch : this.#slice(batch, first, weights);
  }

  #slice(batch: PackedBatch, first: number, weights: readonly number[]): PackedBatch {
    const words = batch.buffer.byteLength >> 2;
    const buffer = new ArrayBuffer((words + ((weights.length + 1) & ~1)) * 4);
    const copy = new Int32Array(buffer);
    copy.set(new Int32Array(batch.buffer));
    copy.set(weights, words);
    return {
      buffer,
      rows: weights.length,
      weight: words,
      column: batch.column.map((at, c) => at + first * (this.#words[c] ?? 2)),
      nulls: batch.nulls.map((at) => (at < 0 ? at : at + first)),
    };
  }
}
