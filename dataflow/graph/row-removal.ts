/**
 * Rows of an arrangement as they were at its last complete step, with negated weights: what is to
 * be applied to take them out. Either those of some keys, or all of them, a slice at a time.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Arrangement, Hold, Pairs } from '../arrangement/arrangement.ts';
import { narrowed, startPosition } from '../arrangement/pairs.ts';
import { range } from '../operators/gather.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { ColumnType } from '../value/type.ts';
import type { Surroundings } from './surroundings.ts';

/** Rows to be taken out, and for each the row of `keys` that it has been found by. */
type Use = (old: Batch, rows: Int32Array) => void;

/** The rows behind pairs, as batches whose slab uses are the caller's. */
function gathered(
  around: Surroundings,
  arrangement: Arrangement,
  types: readonly ColumnType[],
  pairs: Pairs,
  found: { readonly batch: Batch; readonly rows: Int32Array }[],
): void {
  if (pairs.n === 0) return;
  const columns = range(types.length);
  const writer = new BatchWriter(around.pool, types);
  const emit = (first: number, n: number): void => {
    const words = arrangement.varWordsOf(pairs.address, first, n, columns);
    if (words > limits.batchVarWordsMax && n > 1) {
      emit(first, n >> 1);
      emit(first + (n >> 1), n - (n >> 1));
      return;
    }
    writer.begin(n, words);
    arrangement.gather(pairs.address, first, n, columns, writer, 0);
    for (let i = 0; i < n; i++) writer.slab.i32[writer.weight + i] = -pairs.weight[first + i];
    const rows = pairs.row.slice(first, first + n);
    found.push({ batch: writer.seal(arrangement.complete, n), rows });
  };
  emit(0, pairs.n);
  writer.close();
}

/** Hands over the rows of `keys`, which are those of the arrangement's index. */
export function removalsOf(
  around: Surroundings,
  arrangement: Arrangement,
  index: number,
  keys: Batch,
  types: readonly ColumnType[],
  use: Use,
): void {
  const pairs = around.scratch.matched;
  const position = startPosition();
  const keyColumns = range(keys.column.length);
  const found: { readonly batch: Batch; readonly rows: Int32Array }[] = [];
  for (let whole = false; !whole;) {
    pairs.n = 0;
    const at = arrangement.complete;
    whole = arrangement.probe(index, keys, keyColumns, true, at, position, pairs);
    gathered(around, arrangement, types, pairs, found);
  }
  // The probe has ended before anything of what it read is changed.
  for (const { batch, rows } of found) {
    use(batch, rows);
    batch.slab.release();
  }
}

/** Goes over all rows, which stay readable meanwhile. */
export class RemovalOfAll {
  readonly #around: Surroundings;
  readonly #arrangement: Arrangement;
  readonly #types: readonly ColumnType[];
  readonly #position = startPosition();
  readonly #at: number;
  #hold: Hold | null;

  constructor(around: Surroundings, arrangement: Arrangement, types: readonly ColumnType[]) {
    this.#around = around;
    this.#arrangement = arrangement;
    this.#types = types;
    this.#at = arrangement.complete;
    this.#hold = arrangement.hold(this.#at);
  }

  /** Hands over a slice; true if it was the last. */
  next(use: (old: Batch) => void): boolean {
    assert(this.#hold !== null, 'it has not ended');
    const pairs = narrowed(this.#around.scratch.matched, this.#types.length);
    pairs.n = 0;
    const ended = this.#arrangement.scan(this.#at, this.#position, pairs);
    const found: { readonly batch: Batch; readonly rows: Int32Array }[] = [];
    gathered(this.#around, this.#arrangement, this.#types, pairs, found);
    for (const { batch } of found) {
      use(batch);
      batch.slab.release();
    }
    if (ended) this.dispose();
    return ended;
  }

  dispose(): void {
    this.#hold?.release();
    this.#hold = null;
  }
}
