/**
 * The padded size of a record, generated per layout because every walk over records asks for it.
 */
import { generate } from '../value/codegen.ts';
import type { RowLayout } from '../value/layout.ts';

/** A free record keeps four words of its list. */
export const recordWordsMin = 4;
/** Larger records are padded, so that there are fewer sizes. */
const exactWordsMax = 32;

/** Words of a record of `words` words once padded to its size class. */
export function paddedWords(words: number): number {
  return words <= exactWordsMax ? Math.max(words, recordWordsMin) : (words + 7) & ~7;
}

/** Text of the same for a layout with var columns or a mark, whose records are never too small. */
export function paddedText(words: string): string {
  return `(${words} <= ${exactWordsMax} ? ${words} : (${words} + 7) & ~7)`;
}

/** Words of the record at `at`, padding included. */
export type RecordSize = (i32: Int32Array, at: number) => number;

/** The function that measures the records of a layout. */
export function recordSize(layout: RowLayout): RecordSize {
  if (layout.variable.length === 0) {
    return generate<RecordSize>(['w', 'a'], `return ${paddedWords(layout.fixedWords)};`);
  }
  const parts = layout.variable.map((c) => `((w[a + ${layout.offset[c]}] + 3) >> 2)`);
  return generate<RecordSize>(
    ['w', 'a'],
    `const n = ${layout.fixedWords} + ${parts.join(' + ')};\n` + `return ${paddedText('n')};`,
  );
}
