/**
 * Columns of records in an operator's state: where a value lies and how it gets in and out.
 *
 * In a record an i32 takes one word, an i64 or f64 two, and a var value two: the address of a block
 * of its own that holds its bytes as in a slab, and its length in bytes (length 0: no block). NULLs
 * are bits of null words; a NULL's words are zero. Loops run column by column, so that each is one
 * plain loop over one physical form, shared by all operators and always warm.
 */
import { assert } from '../../src/base/assert.ts';
import type { Batch, Slab } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import type { ColumnType, Physical } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import { copyRun } from '../value/words.ts';
import type { StateMemory } from './state-memory.ts';

export interface Field {
  readonly column: ColumnType;
  readonly physical: Physical;
  /** Words from the record's start. */
  readonly offset: number;
  /** Word of the null bit, and its mask: 0 if the column is never NULL. */
  readonly nullWord: number;
  readonly nullMask: number;
}

/** Lays fields into a record from word `start` (even) on; answers them and the end (even). */
export function layFields(
  columns: readonly ColumnType[],
  start: number,
): { readonly fields: readonly Field[]; readonly nullWords: number; readonly end: number } {
  assert(start % 2 === 0, `fields start on 8 bytes, got word ${start}`);
  const physical = columns.map((column) => physicalOf(column.type));
  const offset = new Array<number>(columns.length).fill(0);
  let at = start;
  for (const wide of [true, false]) {
    physical.forEach((form, c) => {
      if ((form !== 'i32') !== wide) return;
      offset[c] = at;
      at += wide ? 2 : 1;
    });
  }
  const bits = columns.filter((column) => column.nullable).length;
  const nullWords = (bits + 31) >> 5;
  let bit = 0;
  const fields = columns.map((column, c): Field => {
    const nullWord = column.nullable ? at + (bit >> 5) : 0;
    const nullMask = column.nullable ? 1 << (bit & 31) : 0;
    if (column.nullable) bit++;
    return { column, physical: physical[c], offset: offset[c], nullWord, nullMask };
  });
  return { fields, nullWords, end: (at + nullWords + 1) & ~1 };
}

/** Puts row `row` of column `column` of a batch into a record whose field holds nothing yet. */
export function storeField(
  memory: StateMemory,
  record: number,
  field: Field,
  batch: Batch,
  column: number,
  row: number,
): void {
  const nulls = batch.nulls[column];
  const isNull = nulls >= 0 && batch.slab.u8[nulls + row] === 1;
  setNull(memory.i32, record, field, isNull);
  const from = batch.slab.i32;
  const at = batch.column[column];
  if (field.physical === 'i32') memory.i32[record + field.offset] = from[at + row];
  else if (field.physical === 'var') {
    storeVar(memory, record + field.offset, from, from[at + 2 * row], from[at + 2 * row + 1]);
  } else {
    memory.i32[record + field.offset] = from[at + 2 * row];
    memory.i32[record + field.offset + 1] = from[at + 2 * row + 1];
  }
}

/** Sets or clears the null bit. */
export function setNull(i32: Int32Array, record: number, field: Field, isNull: boolean): void {
  assert(!isNull || field.nullMask !== 0, 'NULL comes only in columns that may hold it');
  if (isNull) i32[record + field.nullWord] |= field.nullMask;
  else if (field.nullMask !== 0) i32[record + field.nullWord] &= ~field.nullMask;
}

/** Whether the field is NULL. */
export function isNullField(i32: Int32Array, record: number, field: Field): boolean {
  return field.nullMask !== 0 && (i32[record + field.nullWord] & field.nullMask) !== 0;
}

/** Copies `bytes` bytes at word `from` into a new block named by the two words at `at`. */
export function storeVar(
  memory: StateMemory,
  at: number,
  source: Int32Array,
  from: number,
  bytes: number,
): void {
  const words = (bytes + 3) >> 2;
  const block = words === 0 ? 0 : memory.allocate(words);
  const i32 = memory.i32;
  copyRun(source, from, words, i32, block);
  i32[at] = block;
  i32[at + 1] = bytes;
}

/** Gives back the block of the var value at `at`. */
export function freeVar(memory: StateMemory, at: number): void {
  const i32 = memory.i32;
  if (i32[at] !== 0) memory.free(i32[at], (i32[at + 1] + 3) >> 2);
  i32[at] = 0;
  i32[at + 1] = 0;
}

/** Gives back what the fields of a record hold beside it. */
export function freeFields(memory: StateMemory, record: number, fields: readonly Field[]): void {
  for (const field of fields) {
    if (field.physical === 'var') freeVar(memory, record + field.offset);
  }
}

/** Words of var bytes that `gatherField` of these records will take. */
export function varWordsOfField(
  i32: Int32Array,
  field: Field,
  records: Int32Array,
  first: number,
  n: number,
): number {
  if (field.physical !== 'var') return 0;
  let words = 0;
  // Each value may take one word more than it needs, since slabs hand out double words.
  for (let i = first; i < first + n; i++) {
    words += ((i32[records[i] + field.offset + 1] + 7) >> 3) << 1;
  }
  return words;
}

/**
 * Writes the field of records[first … first + n - 1] to rows outRow … of a column being written.
 */
export function gatherField(
  i32: Int32Array,
  field: Field,
  records: Int32Array,
  first: number,
  n: number,
  out: BatchWriter,
  column: number,
  outRow: number,
): void {
  const slab = out.slab;
  const at = out.column[column];
  if (field.physical === 'i32')
    gatherOne(i32, field.offset, records, first, n, slab.i32, at + outRow);
  else if (field.physical === 'var')
    gatherVar(i32, field.offset, records, first, n, out, at + 2 * outRow);
  else gatherTwo(i32, field.offset, records, first, n, slab.i32, at + 2 * outRow);
  const nulls = out.nulls[column];
  if (nulls >= 0) gatherNulls(i32, field, records, first, n, slab, nulls + outRow);
}

function gatherOne(
  i32: Int32Array,
  offset: number,
  records: Int32Array,
  first: number,
  n: number,
  to: Int32Array,
  at: number,
): void {
  for (let i = 0; i < n; i++) to[at + i] = i32[records[first + i] + offset];
}

function gatherTwo(
  i32: Int32Array,
  offset: number,
  records: Int32Array,
  first: number,
  n: number,
  to: Int32Array,
  at: number,
): void {
  for (let i = 0; i < n; i++) {
    const from = records[first + i] + offset;
    to[at + 2 * i] = i32[from];
    to[at + 2 * i + 1] = i32[from + 1];
  }
}

function gatherVar(
  i32: Int32Array,
  offset: number,
  records: Int32Array,
  first: number,
  n: number,
  out: BatchWriter,
  at: number,
): void {
  const to = out.slab.i32;
  for (let i = 0; i < n; i++) {
    const from = records[first + i] + offset;
    const block = i32[from];
    const bytes = i32[from + 1];
    const words = (bytes + 3) >> 2;
    const target = words === 0 ? 0 : out.takeVar(words);
    copyRun(i32, block, words, to, target);
    to[at + 2 * i] = target;
    to[at + 2 * i + 1] = bytes;
  }
}

function gatherNulls(
  i32: Int32Array,
  field: Field,
  records: Int32Array,
  first: number,
  n: number,
  slab: Slab,
  at: number,
): void {
  const { nullWord, nullMask } = field;
  const u8 = slab.u8;
  for (let i = 0; i < n; i++) {
    u8[at + i] = nullMask !== 0 && (i32[records[first + i] + nullWord] & nullMask) !== 0 ? 1 : 0;
  }
}
