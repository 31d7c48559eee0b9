/**
 * Reading records of a `RowLayout`: where var bytes start, how long a record is, as functions and as
 * text for generated functions.
 */
import type { RowLayout } from './layout.ts';
import { wordsOf } from './words.ts';

/** Word address of the bytes of var column `column` of the record at `at`. */
export function varStart(
  layout: RowLayout, i32: Int32Array, at: number, column: number,
): number {
  let start = at + layout.fixedWords;
  for (const c of layout.variable) {
    if (c === column) return start;
    start += wordsOf(i32[at + layout.offset[c]]);
  }
  return start;
}

/** Words of the record at `at`, before padding. */
export function recordWords(layout: RowLayout, i32: Int32Array, at: number): number {
  let words = layout.fixedWords;
  for (const c of layout.variable) words += wordsOf(i32[at + layout.offset[c]]);
  return words;
}

/** Whether column `column` of the record at `at` is NULL. */
export function isNullAt(
  layout: RowLayout, i32: Int32Array, at: number, column: number,
): boolean {
  if (layout.columns[column].nullable === false) return false;
  return ((i32[at + layout.nullBits + (column >> 5)] >>> (column & 31)) & 1) !== 0;
}

/** Text of `varStart` over the words `w` and the address `a`. */
export function varStartText(layout: RowLayout, column: number, w: string, a: string): string {
  let text = `${a} + ${layout.fixedWords}`;
  for (const c of layout.variable) {
    if (c === column) break;
    text += ` + ((${w}[${a} + ${layout.offset[c]}] + 3) >> 2)`;
  }
  return text;
}

/** Text of `isNullAt`. */
export function isNullText(layout: RowLayout, column: number, w: string, a: string): string {
  if (!layout.columns[column].nullable) return 'false';
  const word = `${w}[${a} + ${layout.nullBits + (column >> 5)}]`;
  return `((${word} >>> ${column & 31}) & 1) !== 0`;
}
