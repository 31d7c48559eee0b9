/**
 * Text of generated functions that read one side of a comparison: a row of a batch or a record of a
 * layout. `equal.ts` and `order.ts` put two sides together, of any two kinds.
 *
 * A side is a prefix of names. With prefix `a` a record is (aw: words, aa: address); a batch row is
 * (aw: words, au: bytes, ak: word offsets of the compared columns, an: byte offsets of their null
 * bytes or -1, ar: row). `k` and `n` are in the order of comparison, so that functions do not
 * depend on column numbers of batches.
 */
import type { Batch } from './batch.ts';
import type { RowLayout } from './layout.ts';
import { isNullText, varStartText } from './record.ts';

/** How generated text reads column `i` (in order of comparison) of one side. */
export interface Side {
  readonly parameters: readonly string[];
  readonly words: string;
  /** True or false: whether the value is NULL. */
  isNull(i: number): string;
  /** Index of the value's first word: i32, i64 and f64. */
  at(i: number): string;
  /** Index of a var value's first word. */
  start(i: number): string;
  /** Bytes of a var value. */
  bytes(i: number): string;
}

/** The columns of a batch that a function compares: word offsets, and null bytes' offsets. */
export interface Operands {
  readonly k: Int32Array;
  readonly n: Int32Array;
}

/** Picks `columns` of a batch for a compared side. */
export function operandsOf(batch: Batch, columns: readonly number[]): Operands {
  const k = new Int32Array(columns.length);
  const n = new Int32Array(columns.length);
  columns.forEach((c, i) => {
    k[i] = batch.column[c];
    n[i] = batch.nulls[c];
  });
  return { k, n };
}

/** A side that is a row of a batch; `wide[i]` tells the columns of two words a row. */
export function batchSide(prefix: string, wide: readonly boolean[]): Side {
  const p = prefix;
  const pair = (i: number): string => (wide[i] ? `${p}k[${i}] + 2 * ${p}r` : `${p}k[${i}] + ${p}r`);
  return {
    parameters: [`${p}w`, `${p}u`, `${p}k`, `${p}n`, `${p}r`],
    words: `${p}w`,
    isNull: (i) => `(${p}n[${i}] >= 0 && ${p}u[${p}n[${i}] + ${p}r] !== 0)`,
    at: pair,
    start: (i) => `${p}w[${pair(i)}]`,
    bytes: (i) => `${p}w[${pair(i)} + 1]`,
  };
}

/** A side that is a record of `layout`. */
export function recordSide(prefix: string, layout: RowLayout, columns: readonly number[]): Side {
  const w = `${prefix}w`;
  const a = `${prefix}a`;
  const at = (i: number): string => `${a} + ${layout.offset[columns[i]]}`;
  return {
    parameters: [w, a],
    words: w,
    isNull: (i) => `(${isNullText(layout, columns[i], w, a)})`,
    at,
    start: (i) => varStartText(layout, columns[i], w, a),
    bytes: (i) => `${w}[${at(i)}]`,
  };
}
