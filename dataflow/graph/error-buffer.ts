/**
 * Errors of one dataflow on their way into its error rows: folded by code and message, as a million
 * rows may fail in the same way, and written out as batches when they are many or the step ends.
 */
import type { DataError } from '../operators/operator.ts';
import { errorColumns } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import type { Update } from '../value/datum.ts';
import { batchFromRows } from '../value/datum-column.ts';
import type { SlabPool } from '../value/slab.ts';

const bufferedErrorsMax = 4_096;
/** Weights in a batch are int32; larger ones take several rows. */
const weightMax = 2 ** 31 - 1;

/** Folds errors until they are written out. */
export class ErrorBuffer {
  readonly #weights = new Map<string, { error: DataError; weight: number }>();

  add(error: DataError, weight: number): void {
    const key = `${error.code} ${error.message}`;
    const known = this.#weights.get(key);
    if (known === undefined) this.#weights.set(key, { error, weight });
    else known.weight += weight;
  }

  get full(): boolean {
    return this.#weights.size >= bufferedErrorsMax;
  }

  /** Writes everything out as one batch, which `take` uses only during the call. */
  flush(pool: SlabPool, step: number, take: (batch: Batch) => void): void {
    if (this.#weights.size === 0) return;
    const updates: Update[] = [];
    for (const { error, weight } of this.#weights.values()) {
      for (let rest = weight; rest !== 0;) {
        const part = Math.max(-weightMax, Math.min(weightMax, rest));
        updates.push({ row: [error.code, error.message], weight: part });
        rest -= part;
      }
    }
    this.#weights.clear();
    if (updates.length === 0) return;
    const batch = batchFromRows(pool, errorColumns, updates, step);
    take(batch);
    batch.slab.release();
  }
}
