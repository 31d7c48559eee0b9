/**
 * The record of a row store, derived from its columns once; plain data, so that any thread can
 * generate the accessors. All offsets are words from the record's first word:
 *
 *     0 weight | 1 birth | 2 death | 3 mark, if any | 8-byte columns | 4-byte columns | null bits
 *     | one length in bytes per var column | var bytes, each zero-padded to a word
 *
 * The mark is the hash of the first index's key, so that an index need not compute it again when it
 * moves entries, or a token of the row's owner. A few columns of fixed width are hashed as fast as a
 * mark is read; then there is none.
 *
 * `offset[c]` of a var column is the offset of its *length*; its bytes begin at `fixedWords` plus
 * the padded lengths of the var columns before it.
 */
import type { ColumnType, Physical } from './type.ts';
import { physicalOf } from './type.ts';

export const recordWeight = 0;
export const recordBirth = 1;
export const recordDeath = 2;
export const recordMark = 3;
const headerWords = 3;
/** Words of columns of fixed width that are hashed again rather than kept with a mark. */
const unmarkedWordsMax = 16;

/** `death` of a live row, and `birth` of a free record. */
export const infinity = 0x7fffffff;

export interface RowLayout {
  readonly columns: readonly ColumnType[];
  /** Whether word 3 is a mark. */
  readonly marked: boolean;
  /** Word offset of what is the row's own: all that says whether two rows are the same. */
  readonly payload: number;
  readonly physical: readonly Physical[];
  /** Word offset of each column's value (var: of its length). */
  readonly offset: readonly number[];
  /** Word offset of the null bits; bit c of word c >> 5 is set if column c is NULL. */
  readonly nullBits: number;
  /** Columns of physical form `var`, in order. */
  readonly variable: readonly number[];
  /** Words before the first var byte. */
  readonly fixedWords: number;
}

/** Derives the layout of a row of `columns`; `owned`: with a mark in any case. */
export function rowLayout(columns: readonly ColumnType[], owned = false): RowLayout {
  const physical = columns.map((column) => physicalOf(column.type));
  const offset = new Array<number>(columns.length).fill(0);
  const marked = owned || physical.includes('var') || 2 * columns.length > unmarkedWordsMax;
  const payload = headerWords + (marked ? 1 : 0);
  let at = payload;
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
  return { columns, marked, payload, physical, offset, nullBits, variable, fixedWords: at };
}
