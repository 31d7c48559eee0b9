/**
 * Gathering: columns of records copied into the open batch of a writer, one loop per physical form.
 * Where a record's var bytes start is a generated function per column (`VarStarts`).
 */
import { assert } from '../../src/base/assert.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import { generate } from '../value/codegen.ts';
import type { RowLayout } from '../value/layout.ts';
import { varStartText } from '../value/record.ts';
import { wordsOf } from '../value/words.ts';

/** Word address of a var column's bytes in the record at `at`. */
export type VarStart = (i32: Int32Array, at: number) => number;

const none: VarStart = () => -1;

/** `VarStart` of every var column of a layout, by column. */
export function varStarts(layout: RowLayout): readonly VarStart[] {
  return layout.physical.map((physical, c) =>
    physical !== 'var'
      ? none
      : generate<VarStart>(['w', 'a'], `return ${varStartText(layout, c, 'w', 'a')};`),
  );
}

/** Words of var bytes of `columns` of the records at `addresses[first … first + n - 1]`. */
export function gatheredVarWords(
  layout: RowLayout,
  i32: Int32Array,
  addresses: Int32Array,
  first: number,
  n: number,
  columns: readonly number[],
): number {
  let words = 0;
  for (const c of columns) {
    if (layout.physical[c] !== 'var') continue;
    const offset = layout.offset[c];
    for (let k = first; k < first + n; k++) words += wordsOf(i32[addresses[k] + offset]);
  }
  return words;
}

/** Copies `columns` of the records to columns `outColumn, …` of the open batch of `out`. */
export function gatherColumns(
  layout: RowLayout,
  starts: readonly VarStart[],
  i32: Int32Array,
  addresses: Int32Array,
  first: number,
  n: number,
  columns: readonly number[],
  out: BatchWriter,
  outColumn: number,
): void {
  columns.forEach((c, k) => {
    const to = out.column[outColumn + k];
    const offset = layout.offset[c];
    switch (layout.physical[c]) {
      case 'i32':
        gatherWords(i32, addresses, first, n, offset, out.slab.i32, to);
        break;
      case 'i64':
      case 'f64':
        gatherPairs(i32, addresses, first, n, offset, out.slab.i32, to);
        break;
      case 'var': {
        const words = gatheredVarWords(layout, i32, addresses, first, n, [c]);
        const into = words === 0 ? 0 : out.takeVar(words);
        gatherVar(starts[c], i32, addresses, first, n, offset, out.slab.i32, to, into);
        break;
      }
    }
    const nulls = out.nulls[outColumn + k];
    if (!layout.columns[c].nullable) {
      if (nulls >= 0) out.slab.u8.fill(0, nulls, nulls + n);
      return;
    }
    const word = layout.nullBits + (c >> 5);
    if (nulls >= 0) {
      gatherNulls(i32, addresses, first, n, word, c & 31, out.slab.u8, nulls);
    } else {
      assert(noNulls(i32, addresses, first, n, word, c & 31), `column ${c} gathers without NULLs`);
    }
  });
}

function gatherWords(
  i32: Int32Array,
  addresses: Int32Array,
  first: number,
  n: number,
  offset: number,
  target: Int32Array,
  to: number,
): void {
  for (let k = 0; k < n; k++) target[to + k] = i32[addresses[first + k] + offset];
}

function gatherPairs(
  i32: Int32Array,
  addresses: Int32Array,
  first: number,
  n: number,
  offset: number,
  target: Int32Array,
  to: number,
): void {
  for (let k = 0; k < n; k++) {
    const at = addresses[first + k] + offset;
    target[to + 2 * k] = i32[at];
    target[to + 2 * k + 1] = i32[at + 1];
  }
}

function gatherVar(
  startOf: VarStart,
  i32: Int32Array,
  addresses: Int32Array,
  first: number,
  n: number,
  offset: number,
  target: Int32Array,
  to: number,
  firstWord: number,
): void {
  let into = firstWord;
  for (let k = 0; k < n; k++) {
    const record = addresses[first + k];
    const bytes = i32[record + offset];
    const count = (bytes + 3) >> 2;
    const start = startOf(i32, record);
    target[to + 2 * k] = into;
    target[to + 2 * k + 1] = bytes;
    for (let w = 0; w < count; w++) target[into + w] = i32[start + w];
    into += count;
  }
}

function gatherNulls(
  i32: Int32Array,
  addresses: Int32Array,
  first: number,
  n: number,
  word: number,
  bit: number,
  u8: Uint8Array,
  nulls: number,
): void {
  for (let k = 0; k < n; k++) u8[nulls + k] = (i32[addresses[first + k] + word] >>> bit) & 1;
}

function noNulls(
  i32: Int32Array,
  addresses: Int32Array,
  first: number,
  n: number,
  word: number,
  bit: number,
): boolean {
  let any = 0;
  for (let k = 0; k < n; k++) any |= (i32[addresses[first + k] + word] >>> bit) & 1;
  return any === 0;
}
