/** Comparing new values with the published fields of records, and putting them there. */
import { copyRun, sameWords } from '../value/words.ts';
import type { Cells } from './cells.ts';
import type { Field } from './record-field.ts';
import { freeVar, setNull, storeVar } from './record-field.ts';
import type { StateMemory } from './state-memory.ts';

/** Sets differs[i] = 1 where value i is not what record records[first + i] holds, byte for byte. */
export function cellDiffers(
  i32: Int32Array,
  field: Field,
  records: Int32Array,
  first: number,
  n: number,
  cells: Cells,
  differs: Uint8Array,
): void {
  if (field.physical === 'var') varDiffers(i32, field, records, first, n, cells, differs);
  else wordsDiffer(i32, field, records, first, n, cells.words, differs);
  if (field.nullMask === 0) return;
  const { isNull } = cells;
  for (let i = 0; i < n; i++) {
    const was = (i32[records[first + i] + field.nullWord] & field.nullMask) !== 0 ? 1 : 0;
    if (was !== isNull[i]) differs[i] = 1;
  }
}

function wordsDiffer(
  i32: Int32Array,
  field: Field,
  records: Int32Array,
  first: number,
  n: number,
  words: Int32Array,
  differs: Uint8Array,
): void {
  const { offset } = field;
  const second = field.physical === 'i32' ? 0 : 1;
  for (let i = 0; i < n; i++) {
    const at = records[first + i] + offset;
    if (i32[at] !== words[2 * i] || i32[at + second] !== words[2 * i + second]) differs[i] = 1;
  }
}

function varDiffers(
  i32: Int32Array,
  field: Field,
  records: Int32Array,
  first: number,
  n: number,
  cells: Cells,
  differs: Uint8Array,
): void {
  const { words, heap } = cells;
  for (let i = 0; i < n; i++) {
    const at = records[first + i] + field.offset;
    const bytes = words[2 * i + 1];
    if (i32[at + 1] !== bytes || !sameWords(i32, i32[at], heap, words[2 * i], (bytes + 3) >> 2)) {
      differs[i] = 1;
    }
  }
}

/** Words of var bytes that the values numbered values[0 … n - 1] will take in a batch. */
export function varWordsOfCells(cells: Cells, field: Field, values: Int32Array, n: number): number {
  if (field.physical !== 'var') return 0;
  let words = 0;
  for (let i = 0; i < n; i++) words += ((cells.words[2 * values[i] + 1] + 7) >> 3) << 1;
  return words;
}

/** Puts value values[i] into record records[i], for i < n. */
export function publishCell(
  memory: StateMemory,
  field: Field,
  records: Int32Array,
  values: Int32Array,
  n: number,
  cells: Cells,
): void {
  const { words } = cells;
  if (field.physical === 'var') publishVar(memory, field, records, values, n, cells);
  else {
    const { i32 } = memory;
    for (let i = 0; i < n; i++) {
      const at = records[i] + field.offset;
      i32[at] = words[2 * values[i]];
      if (field.physical !== 'i32') i32[at + 1] = words[2 * values[i] + 1];
    }
  }
  if (field.nullMask === 0) return;
  const { i32 } = memory;
  for (let i = 0; i < n; i++) setNull(i32, records[i], field, cells.isNull[values[i]] === 1);
}

function publishVar(
  memory: StateMemory,
  field: Field,
  records: Int32Array,
  values: Int32Array,
  n: number,
  cells: Cells,
): void {
  const { words, heap } = cells;
  for (let i = 0; i < n; i++) {
    const at = records[i] + field.offset;
    const from = words[2 * values[i]];
    const bytes = words[2 * values[i] + 1];
    const oldWords = (memory.i32[at + 1] + 3) >> 2;
    if (oldWords === (bytes + 3) >> 2 && oldWords > 0) {
      // A value of the same size takes the block of the old one.
      const { i32 } = memory;
      const block = i32[at];
      copyRun(heap, from, oldWords, i32, block);
      memory.written.words(block, oldWords);
      i32[at + 1] = bytes;
    } else {
      freeVar(memory, at);
      storeVar(memory, at, heap, from, bytes);
    }
  }
}
