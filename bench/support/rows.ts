/**
 * Rows for benchmarks, written into batches as a decoder would: column by column, no object a row,
 * and null bytes for every column that may be NULL.
 */
import type { Batch } from '../../dataflow/value/batch.ts';
import type { BatchWriter } from '../../dataflow/value/batch-writer.ts';

/** Writes the values of one row. */
export type Fill = (row: number) => void;

/** Text constants as words, to be copied row by row. */
export class Texts {
  readonly #words: Int32Array[];
  readonly #bytes: number[];

  constructor(texts: readonly string[]) {
    const encoded = texts.map((text) => new TextEncoder().encode(text));
    this.#bytes = encoded.map((bytes) => bytes.length);
    this.#words = encoded.map((bytes) => {
      const padded = new Uint8Array((bytes.length + 3) & ~3);
      padded.set(bytes);
      return new Int32Array(padded.buffer);
    });
  }

  write(writer: BatchWriter, column: number, row: number, index: number): void {
    const words = this.#words[index] ?? new Int32Array(0);
    const at = writer.takeVar(words.length);
    const { i32 } = writer.slab;
    for (let w = 0; w < words.length; w++) i32[at + w] = words[w] ?? 0;
    const pair = (writer.column[column] ?? 0) + 2 * row;
    i32[pair] = at;
    i32[pair + 1] = this.#bytes[index] ?? 0;
  }
}

/** Makes a batch; `fill` gets the opened writer and returns what writes a row. */
export function writeBatch(
  writer: BatchWriter,
  rows: number,
  varWords: number,
  fill: (writer: BatchWriter) => Fill,
  weight: (row: number) => number = () => 1,
): Batch {
  writer.begin(rows, varWords);
  const { slab } = writer;
  for (const at of writer.nulls) if (at >= 0) slab.u8.fill(0, at, at + rows);
  const each = fill(writer);
  for (let row = 0; row < rows; row++) {
    each(row);
    slab.i32[writer.weight + row] = weight(row);
  }
  return writer.seal(0, rows);
}

/** An int8 column (or a time stored as one) filled from 32-bit numbers: two words, no BigInt. */
export function int8Column(
  writer: BatchWriter,
  column: number,
): (row: number, value: number) => void {
  const { i32 } = writer.slab;
  const at = writer.column[column] ?? 0;
  return (row, value) => {
    i32[at + 2 * row] = value;
    i32[at + 2 * row + 1] = value >> 31;
  };
}
