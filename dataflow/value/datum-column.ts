/**
 * Datums in and out of columns: the bridge between the cold side (constants, test rows, catalog
 * rows, parameters) and batches. One value at a time, with allocation; hot paths move words.
 *
 * `valueVar`, `readValueVar` and the three functions over words take any type, arrays included;
 * everything with another physical form than `var` is handled through `scalar-words.ts`.
 */
import { assert } from '../../src/base/assert.ts';
import {
  arrayOf,
  arrayVar,
  compareArrayWords,
  equalArrayWords,
  hashArrayWords,
  readArray,
} from './array.ts';
import type { Batch } from './batch.ts';
import { BatchWriter } from './batch-writer.ts';
import type { Datum, Update } from './datum.ts';
import type { VarWords } from './scalar-words.ts';
import {
  bigintOf,
  compareScalar,
  equalScalar,
  hashScalar,
  numberOf,
  readScalar,
  readScalarVar,
  scalarVar,
  scalarWords,
} from './scalar-words.ts';
import { lonelySlab } from './slab.ts';
import type { SlabPool } from './slab.ts';
import type { ColumnType, TypeName } from './type.ts';
import { physicalOf, typeInfo } from './type.ts';

function isArray(type: TypeName): boolean {
  return typeInfo(type).equality === 'array';
}

/** Lays out a datum (not NULL) of any var type. */
export function valueVar(type: TypeName, datum: Datum): VarWords {
  return isArray(type) ? arrayVar(type, arrayOf(datum)) : scalarVar(type, datum);
}

/** Reads a datum of any var type from its words. */
export function readValueVar(type: TypeName, i32: Int32Array, at: number, bytes: number): Datum {
  return isArray(type) ? readArray(type, i32, at) : readScalarVar(type, i32, at, bytes);
}

/** Hash of any value under SQL equality, from its words (`bytes` is 4 or 8 for fixed forms). */
export function hashValueWords(type: TypeName, i32: Int32Array, at: number, bytes: number): number {
  return isArray(type) ? hashArrayWords(type, i32, at) : hashScalar(type, i32, at, bytes);
}

/** Hash of a datum (not NULL) under SQL equality. */
export function hashDatum(type: TypeName, datum: Datum): number {
  const { words, bytes } = isArray(type) ? valueVar(type, datum) : scalarWords(type, datum);
  return hashValueWords(type, words, 0, bytes);
}

/** SQL equality of two values of one type, from their words. */
export function equalValueWords(
  type: TypeName,
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): boolean {
  if (isArray(type)) return equalArrayWords(type, a, aAt, b, bAt);
  return equalScalar(type, a, aAt, aBytes, b, bAt, bBytes);
}

/** SQL order of two values of one type, from their words: negative, 0 or positive. */
export function compareValueWords(
  type: TypeName,
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): number {
  if (isArray(type)) return compareArrayWords(type, a, aAt, b, bAt);
  return compareScalar(type, a, aAt, aBytes, b, bAt, bBytes);
}

/** SQL order of two datums of one type; NULL is greatest. Negative, 0 or positive. */
export function compareDatums(type: TypeName, a: Datum, b: Datum): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const x = isArray(type) ? valueVar(type, a) : scalarWords(type, a);
  const y = isArray(type) ? valueVar(type, b) : scalarWords(type, b);
  return compareValueWords(type, x.words, 0, x.bytes, y.words, 0, y.bytes);
}

/** The value of `column` in row `row` of a batch. */
export function readDatum(batch: Batch, column: number, row: number, type: TypeName): Datum {
  const nulls = batch.nulls[column];
  const at = batch.column[column];
  const slab = batch.slab;
  if (nulls >= 0 && slab.u8[nulls + row] !== 0) return null;
  switch (physicalOf(type)) {
    case 'i32':
      return readScalar(type, slab.i32, at + row, 4);
    case 'i64':
    case 'f64':
      return readScalar(type, slab.i32, at + 2 * row, 8);
    case 'var': {
      return readValueVar(type, slab.i32, slab.i32[at + 2 * row], slab.i32[at + 2 * row + 1]);
    }
  }
}

/** Words of var bytes that `writeDatum` of the value will take from the open batch. */
export function varWordsOfDatum(type: TypeName, datum: Datum): number {
  if (datum === null || physicalOf(type) !== 'var') return 0;
  return (valueVar(type, datum).words.length + 1) & ~1;
}

/** Writes a datum into row `row` of `column` of a writer's open batch, null byte and all. */
export function writeDatum(writer: BatchWriter, column: number, row: number, datum: Datum): void {
  const { type, nullable } = writer.columns[column];
  const slab = writer.slab;
  const at = writer.column[column];
  assert(datum !== null || nullable, `column ${column} (${type}) takes no NULL`);
  if (nullable) slab.u8[writer.nulls[column] + row] = datum === null ? 1 : 0;
  switch (physicalOf(type)) {
    case 'i32':
      slab.i32[at + row] = datum === null ? 0 : type === 'bool' ? Number(datum) : numberOf(datum);
      return;
    case 'i64':
      slab.i64[(at >> 1) + row] = datum === null ? 0n : bigintOf(datum);
      return;
    case 'f64':
      slab.f64[(at >> 1) + row] = datum === null ? 0 : numberOf(datum);
      return;
    case 'var':
      writeVar(writer, at + 2 * row, datum === null ? null : valueVar(type, datum));
  }
}

function writeVar(writer: BatchWriter, pair: number, value: VarWords | null): void {
  const i32 = writer.slab.i32;
  if (value === null || value.bytes === 0) {
    i32[pair] = 0;
    i32[pair + 1] = 0;
    return;
  }
  const word = writer.takeVar(value.words.length);
  i32.set(value.words, word);
  i32[pair] = word;
  i32[pair + 1] = value.bytes;
}

/**
 * A batch of `updates` at `step`. The batch carries one use of its slab, which is the caller's:
 * one of the pool, or, if it is to be `lonely`, one of its own.
 */
export function batchFromRows(
  pool: SlabPool,
  columns: readonly ColumnType[],
  updates: readonly Update[],
  step: number,
  lonely = false,
): Batch {
  const writer = new BatchWriter(pool, columns);
  const vars = layOutVars(columns, updates);
  let words = 0;
  for (const value of vars) words += (value.words.length + 1) & ~1;
  const rows = updates.length;
  writer.begin(rows, words, lonely ? lonelySlab(writer.wordsFor(rows, words)) : undefined);
  let next = 0;
  for (let c = 0; c < columns.length; c++) {
    const isVar = physicalOf(columns[c].type) === 'var';
    for (let r = 0; r < rows; r++) {
      const value = updates[r].row[c];
      if (isVar && value !== null) writeLaidOut(writer, c, r, vars[next++]);
      else writeDatum(writer, c, r, value);
    }
  }
  for (let r = 0; r < rows; r++) writer.slab.i32[writer.weight + r] = updates[r].weight;
  const batch = writer.seal(step, rows);
  writer.close();
  return batch;
}

/** The values of var columns that are not NULL, column by column. */
function layOutVars(columns: readonly ColumnType[], updates: readonly Update[]): VarWords[] {
  const vars: VarWords[] = [];
  for (const { row, weight } of updates) {
    assert(row.length === columns.length, `a row has ${columns.length} columns, got ${row.length}`);
    assert(weight !== 0, 'a row of a batch has a weight');
  }
  for (let c = 0; c < columns.length; c++) {
    const { type } = columns[c];
    if (physicalOf(type) !== 'var') continue;
    for (const { row } of updates) {
      const value = row[c];
      if (value !== null) vars.push(valueVar(type, value));
    }
  }
  return vars;
}

function writeLaidOut(writer: BatchWriter, column: number, row: number, value: VarWords): void {
  if (writer.columns[column].nullable) writer.slab.u8[writer.nulls[column] + row] = 0;
  writeVar(writer, writer.column[column] + 2 * row, value);
}

/** The rows of a batch, in its order. */
export function rowsFromBatch(batch: Batch, columns: readonly ColumnType[]): Update[] {
  return Array.from({ length: batch.rows }, (_, r) => ({
    row: columns.map((column, c) => readDatum(batch, c, r, column.type)),
    weight: batch.slab.i32[batch.weight + r],
  }));
}
