/**
 * Where decoded rows gather before they become a batch. Columns are typed arrays of fixed capacity,
 * reused for ever; var values lie in one growing heap of words, each zero-padded to a word. Row r
 * of a column is complete when its value and its null byte are written; a row that fails is
 * overwritten by the next one, and its bytes are taken back with `heapTop`.
 *
 * `flush` copies the rows into a batch. The copy costs a few nanoseconds a value and buys that
 * sizes need not be known (a number's canonical text can be longer than its source) and that a
 * failed row needs no undo in the slab.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import type { BatchWriter } from '../../dataflow/value/batch-writer.ts';
import type { ColumnType, Physical } from '../../dataflow/value/type.ts';
import { physicalOf } from '../../dataflow/value/type.ts';

/** Rows that gather before a flush. */
export const stagingRowsMax = limits.activationRowsMax;
/** Words of var bytes after which a flush is due. */
const heapWordsDue = 2 ** 18;
const heapWordsMin = 2 ** 14;
/** A heap that one huge record made larger than this is given up afterwards. */
const heapWordsKept = 2 ** 22;

/** A growing heap of words with byte views on the same memory. */
export class Heap {
  i32: Int32Array = new Int32Array(heapWordsMin);
  u8: Uint8Array = new Uint8Array(this.i32.buffer);
  view: DataView = new DataView(this.i32.buffer);
  /** Words in use. */
  top = 0;

  /**
   * Makes sure that `bytes` bytes (and one word) fit behind `top`. Views are replaced when it
   * grows.
   */
  reserve(bytes: number): void {
    assert(bytes >= 0, 'room is asked for something');
    const needed = this.top + (bytes >> 2) + 2;
    if (needed <= this.i32.length) return;
    const wider = new Int32Array(Math.max(needed, this.i32.length * 2));
    wider.set(this.i32.subarray(0, this.top));
    this.#replace(wider);
  }

  /** Drops all values. */
  clear(): void {
    this.top = 0;
    if (this.i32.length > heapWordsKept) this.#replace(new Int32Array(heapWordsMin));
  }

  #replace(words: Int32Array<ArrayBuffer>): void {
    this.i32 = words;
    this.u8 = new Uint8Array(words.buffer);
    this.view = new DataView(words.buffer);
  }

  /** Pads the value of `bytes` bytes that starts at `top` with zeros and moves `top` behind it. */
  close(bytes: number): void {
    const rest = bytes & 3;
    this.top += bytes >> 2;
    if (rest !== 0) this.i32[this.top++] &= (1 << (8 * rest)) - 1;
  }
}

/** One column; which arrays are in use depends on `physical`. */
export class StagedColumn {
  readonly physical: Physical;
  readonly nullable: boolean;
  /** i32: values. i64: (low, high) pairs. var: (word in the heap, bytes) pairs. */
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly nulls = new Uint8Array(stagingRowsMax);

  constructor(column: ColumnType) {
    this.physical = physicalOf(column.type);
    this.nullable = column.nullable;
    this.words = new Int32Array(
      this.physical === 'f64' ? 0 : stagingRowsMax * (this.physical === 'i32' ? 1 : 2),
    );
    this.doubles = new Float64Array(this.physical === 'f64' ? stagingRowsMax : 0);
  }

  /** Writes NULL, or the zero value that stands in a column that has no NULL. */
  setNull(row: number): void {
    this.nulls[row] = 1;
    switch (this.physical) {
      case 'i32':
        this.words[row] = 0;
        break;
      case 'f64':
        this.doubles[row] = 0;
        break;
      case 'i64':
      case 'var':
        this.words[2 * row] = 0;
        this.words[2 * row + 1] = 0;
    }
  }
}

/** The columns of one decoder, their rows so far, and the heap of their var values. */
export class Staging {
  readonly columns: readonly ColumnType[];
  readonly staged: readonly StagedColumn[];
  readonly heap = new Heap();
  /** Complete rows. */
  rows = 0;

  constructor(columns: readonly ColumnType[]) {
    this.columns = columns;
    this.staged = columns.map((column) => new StagedColumn(column));
  }

  /** Whether a flush is due before the next row. */
  get full(): boolean {
    return this.rows >= stagingRowsMax || this.heap.top >= heapWordsDue;
  }

  /** Drops all rows. */
  clear(): void {
    this.rows = 0;
    this.heap.clear();
  }

  /**
   * The gathered rows as a batch with weights +1, whose slab use is the caller's; null if there are
   * none. `writer` has this staging's columns.
   */
  flush(writer: BatchWriter, step: number): Batch | null {
    const { rows, heap } = this;
    if (rows === 0) {
      this.clear();
      return null;
    }
    assert(rows <= stagingRowsMax, `${rows} rows are within the capacity of their columns`);
    assert(heap.top <= heap.i32.length, `${heap.top} words lie within the heap`);
    writer.begin(rows, heap.top);
    const base = heap.top === 0 ? 0 : writer.takeVar(heap.top);
    const { slab } = writer;
    slab.i32.set(heap.i32.subarray(0, heap.top), base);
    this.staged.forEach((column, c) => {
      const at = writer.column[c];
      this.#copy(column, slab.i32, slab.f64, at, base);
      if (column.nullable) slab.u8.set(column.nulls.subarray(0, rows), writer.nulls[c]);
    });
    slab.i32.fill(1, writer.weight, writer.weight + rows);
    const batch = writer.seal(step, rows);
    this.clear();
    return batch;
  }

  #copy(column: StagedColumn, i32: Int32Array, f64: Float64Array, at: number, base: number): void {
    const { rows } = this;
    switch (column.physical) {
      case 'i32':
        i32.set(column.words.subarray(0, rows), at);
        break;
      case 'i64':
        i32.set(column.words.subarray(0, 2 * rows), at);
        break;
      case 'f64':
        assert((at & 1) === 0, `doubles start on 8 bytes, got word ${at}`);
        f64.set(column.doubles.subarray(0, rows), at >> 1);
        break;
      case 'var':
        for (let row = 0, to = at; row < rows; row++, to += 2) {
          const bytes = column.words[2 * row + 1];
          i32[to] = bytes === 0 ? 0 : column.words[2 * row] + base;
          i32[to + 1] = bytes;
        }
    }
  }
}
