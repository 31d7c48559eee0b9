/**
 * Sums up the weights of identical rows over the batches of one step, so that a subscriber hears of
 * each row at most once. Batches are kept, not copied; rows are found by an open-addressing table
 * of row hashes (equal under SQL is wider than identical, so identical rows have equal hashes).
 *
 * It takes up to `rowsMax` rows in `batchesMax` batches, enough for steps; whole snapshots go
 * through an arrangement instead.
 */
import { assert } from '../../src/base/assert.ts';
import { range } from '../operators/gather.ts';
import type { Batch } from '../value/batch.ts';
import { hashColumns } from '../value/hash.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import { sameWords } from '../value/words.ts';

const rowsMax = 2 ** 16;
const batchesMax = 256;
/** What a word holds; a larger weight takes several rows. */
const weightMax = 2 ** 31 - 1;
/** Slots of the table per row, at least. */
const slotsPerRow = 2;

// One consolidation runs at a time and leaves nothing in these.
let slots = new Int32Array(1024);
let hashes = new Int32Array(512);

/** Consolidated rows of one batch. */
export interface ConsolidatedRows {
  readonly batch: Batch;
  readonly rows: Int32Array;
  /** Weights, by position in `rows`. */
  readonly weights: Int32Array;
}

/** Collects the batches of a step and gives out its distinct rows. */
export class Consolidator {
  readonly #types: readonly ColumnType[];
  readonly #batches: Batch[] = [];
  #rows = 0;

  constructor(types: readonly ColumnType[]) {
    this.#types = types;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether the batch can still be taken. */
  fits(batch: Batch): boolean {
    return this.#rows + batch.rows <= rowsMax && this.#batches.length < batchesMax;
  }

  /** Keeps a batch, with a use of its slab of its own. */
  add(batch: Batch): void {
    assert(this.fits(batch), 'a batch is added only if it fits');
    batch.slab.retain();
    this.#batches.push(batch);
    this.#rows += batch.rows;
  }

  /** The batch that was added first of those that are there. */
  get first(): Batch | undefined {
    return this.#batches[0];
  }

  /** Gives up the first batch. */
  drop(): void {
    const batch = this.#batches.shift();
    if (batch === undefined) return;
    this.#rows -= batch.rows;
    batch.slab.release();
  }

  /**
   * The batches that were added, with their uses of their slabs; the consolidator is empty then.
   */
  take(): Batch[] {
    this.#rows = 0;
    return this.#batches.splice(0);
  }

  /** Rows of weights other than 0, batch by batch. */
  consolidate(): ConsolidatedRows[] {
    if (this.#rows === 0) return [];
    prepare(this.#rows);
    const row = new Int32Array(this.#rows);
    const weight = new Float64Array(this.#rows);
    const starts: number[] = [];
    let n = 0;
    for (const batch of this.#batches) {
      starts.push(n);
      n = this.#enter(batch, starts, row, weight, n);
    }
    return this.#batches.flatMap((batch, b) =>
      cut(batch, row, weight, starts[b] ?? 0, starts[b + 1] ?? n),
    );
  }

  /** Enters a batch's rows: new ones as entries n, n + 1, …; answers the number of entries. */
  #enter(
    batch: Batch,
    starts: readonly number[],
    row: Int32Array,
    weight: Float64Array,
    from: number,
  ): number {
    const { i32 } = batch.slab;
    const mask = slots.length - 1;
    hashColumns(batch, range(this.#types.length), this.#types, hashes);
    let n = from;
    for (let r = 0; r < batch.rows; r++) {
      let slot = hashes[r] & mask;
      for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
        const entry = slots[slot] - 1;
        if (this.#same(starts, entry, row[entry], batch, r)) break;
      }
      if (slots[slot] === 0) {
        slots[slot] = n + 1;
        row[n] = r;
        weight[n++] = i32[batch.weight + r];
      } else {
        weight[slots[slot] - 1] += i32[batch.weight + r];
      }
    }
    return n;
  }

  #same(starts: readonly number[], entry: number, row: number, batch: Batch, r: number): boolean {
    let b = starts.length - 1;
    while (starts[b] > entry) b--;
    return sameRow(this.#types, this.#batches[b], row, batch, r);
  }

  /** Gives up what is kept. */
  clear(): void {
    for (const batch of this.take()) batch.slab.release();
  }
}

/** Makes the shared table large enough and empty. */
function prepare(rows: number): void {
  let size = 1024;
  while (size < rows * slotsPerRow) size *= 2;
  if (slots.length < size) slots = new Int32Array(size);
  else slots.fill(0);
  if (hashes.length < rows) hashes = new Int32Array(size / slotsPerRow);
}

function cut(
  batch: Batch,
  row: Int32Array,
  weight: Float64Array,
  first: number,
  end: number,
): ConsolidatedRows[] {
  let n = 0;
  for (let entry = first; entry < end; entry++) n += Math.ceil(Math.abs(weight[entry]) / weightMax);
  if (n === 0) return [];
  const rows = new Int32Array(n);
  const weights = new Int32Array(n);
  n = 0;
  for (let entry = first; entry < end; entry++) {
    for (let rest = weight[entry]; rest !== 0; rest -= weights[n++]) {
      rows[n] = row[entry];
      weights[n] = Math.max(-weightMax, Math.min(weightMax, rest));
    }
  }
  return [{ batch, rows, weights }];
}

/** Whether two rows are the same byte for byte. */
function sameRow(types: readonly ColumnType[], a: Batch, i: number, b: Batch, j: number): boolean {
  const x = a.slab.i32;
  const y = b.slab.i32;
  for (let c = 0; c < types.length; c++) {
    if (isNull(a, c, i) !== isNull(b, c, j)) return false;
    const physical = physicalOf(types[c].type);
    const p = a.column[c];
    const q = b.column[c];
    if (physical === 'i32') {
      if (x[p + i] !== y[q + j]) return false;
      continue;
    }
    if (x[p + 2 * i + 1] !== y[q + 2 * j + 1]) return false;
    if (physical !== 'var') {
      if (x[p + 2 * i] !== y[q + 2 * j]) return false;
    } else if (!sameWords(x, x[p + 2 * i], y, y[q + 2 * j], (x[p + 2 * i + 1] + 3) >> 2))
      return false;
  }
  return true;
}

function isNull(batch: Batch, column: number, row: number): boolean {
  const at = batch.nulls[column];
  return at >= 0 && batch.slab.u8[at + row] !== 0;
}
