/**
 * The record of a row store, derived from its columns once; plain data, so that any thread can
 * generate the accessors. All offsets are words from the record's first word:
 *
 *     0 weight | 1 birth | 2 death | 3 key hash | 8-byte columns | 4-byte columns | null bits
 *     | one length in bytes per var column | var bytes, each zero-padded to a word | pad to 8 bytes
 *
 * Records start on 8 bytes. `offset[c]` of a var column is the offset of its *length*; its bytes
 * begin at `fixedWords` plus the padded lengths of the var columns before it.
 */
import type { ColumnType, Physical } from './type.ts';
import { physicalOf } from './type.ts';

export const recordWeight = 0;
export const recordBirth = 1;
export const recordDeath = 2;
export const recordHash = 3;
const headerWords = 4;

/** `death` of a live row, and `birth` of a free record. */
export const infinity = 0x7fffffff;

export interface RowLayout {
  readonly columns: readonly ColumnType[];
  readonly physical: readonly Physical[];
  /** Word offset of each column's value (var: of its length). */
  readonly offset: readonly number[];
  /** Word offset of the null bits; bit c of word c >> 5 is set if column c is NULL. */
  readonly nullBits: number;
  /** Columns of physical form `var`, in order. */
  readonly variable: readonly number[];
  /** Words before the first var byte; even if there is no var column. */
  readonly fixedWords: number;
}

/** Derives the layout of a row of `columns`. */
export function rowLayout(columns: readonly ColumnType[]): RowLayout {
  const physical = columns.map((column) => physicalOf(column.type));
  const offset = new Array<number>(columns.length).fill(0);
  let at = headerWords;
  for (const [form, words] of [
    ['i64', 2],
    ['f64', 2],
    ['i32', 1],
  ] as const) {
    physical.forEach((p, c) => {
      if (p !== form) return;
      offset[c] = at;
      at += words;
    });
  }
  const nullBits = at;
  if (columns.some((column) => column.nullable)) at += (columns.length + 31) >> 5;
  const variable = physical.flatMap((p, c) => (p === 'var' ? [c] : []));
  for (const c of variable) offset[c] = at++;
  const fixedWords = variable.length === 0 ? (at + 1) & ~1 : at;
  return { columns, physical, offset, nullBits, variable, fixedWords };
}
