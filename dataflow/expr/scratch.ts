/**
 * Columns that an executor fills before it knows how large its batch will be: private memory in the
 * form of a batch (see Batch for the layout), kept and reused by one program.
 */
import type { BatchWriter } from '../value/batch-writer.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import { wordsOf } from '../value/words.ts';

/** Columns of one program’s output, before they become a batch. */
export class Scratch {
  i32 = new Int32Array(0);
  i64 = new BigInt64Array(0);
  f64 = new Float64Array(0);
  u8 = new Uint8Array(0);
  readonly column: Int32Array;
  readonly nulls: Int32Array;
  weight = 0;
  readonly #wordsPerRow: readonly number[];
  #capacity = -1;

  constructor(columns: readonly ColumnType[]) {
    this.#wordsPerRow = columns.map((c) => (physicalOf(c.type) === 'i32' ? 1 : 2));
    this.column = new Int32Array(columns.length);
    this.nulls = new Int32Array(columns.length);
  }

  /** Makes room for `rows` rows; every column gets null bytes. */
  begin(rows: number): void {
    if (rows <= this.#capacity) return;
    this.#capacity = rows;
    let words = 0;
    const take = (count: number): number => {
      const at = words;
      words += (count + 1) & ~1;
      return at;
    };
    this.#wordsPerRow.forEach((perRow, c) => {
      this.column[c] = take(rows * perRow);
      this.nulls[c] = take((rows + 3) >> 2) * 4;
    });
    this.weight = take(rows);
    const buffer = new ArrayBuffer(words * 4);
    this.i32 = new Int32Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }

  /** Words that the bytes of var column `k` take in the first `rows` rows. */
  varWords(k: number, rows: number): number {
    let words = 2;
    for (let r = 0, at = this.column[k] + 1; r < rows; r++, at += 2) words += wordsOf(this.i32[at]);
    return words;
  }

  /** Copies the first `rows` rows into the open batch of `writer`. */
  copyTo(writer: BatchWriter, rows: number): void {
    const { i32, u8 } = writer.slab;
    this.#wordsPerRow.forEach((perRow, c) => {
      const from = this.column[c];
      i32.set(this.i32.subarray(from, from + rows * perRow), writer.column[c]);
      if (writer.nulls[c] < 0) return;
      u8.set(this.u8.subarray(this.nulls[c], this.nulls[c] + rows), writer.nulls[c]);
    });
    i32.set(this.i32.subarray(this.weight, this.weight + rows), writer.weight);
  }
}
