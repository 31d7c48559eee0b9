/**
 * The padded size of a record, generated per layout because every walk over records asks for it.
 */
import { generate } from '../value/codegen.ts';
import type { RowLayout } from '../value/layout.ts';
import { paddedWords } from './stage.ts';

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
    `const n = ${layout.fixedWords} + ${parts.join(' + ')};\n` +
      'return n <= 32 ? (n + 1) & ~1 : (n + 7) & ~7;',
  );
}
