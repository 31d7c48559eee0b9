/**
 * Text of generated functions that read records of a `RowLayout`: where var bytes start, and
 * whether a column is NULL.
 */
import type { RowLayout } from './layout.ts';

/** Text of the word address of var column `column` of the record at `a` of the words `w`. */
export function varStartText(layout: RowLayout, column: number, w: string, a: string): string {
  let text = `${a} + ${layout.fixedWords}`;
  for (const c of layout.variable) {
    if (c === column) break;
    text += ` + ((${w}[${a} + ${layout.offset[c]}] + 3) >> 2)`;
  }
  return text;
}

/** Text of the truth value: column `column` of the record at `a` of the words `w` is NULL. */
export function isNullText(layout: RowLayout, column: number, w: string, a: string): string {
  if (!layout.columns[column].nullable) return 'false';
  const word = `${w}[${a} + ${layout.nullBits + (column >> 5)}]`;
  return `((${word} >>> ${column & 31}) & 1) !== 0`;
}
