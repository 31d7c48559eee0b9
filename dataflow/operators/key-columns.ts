/**
 * Keys of a batch under SQL equality: hashing them, and comparing them with keys in records. Both go
 * column by column over many rows at a time. NULLs are equal to one another, as GROUP BY has it.
 */
import type { Batch } from '../value/batch.ts';
import type { VarHash } from '../value/equality.ts';
import { varClass } from '../value/equality.ts';
import { hashSeed, mixFloat } from '../value/hash.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import { finish, mix } from '../value/words.ts';
import type { Field } from './record-field.ts';

/** Hashes rows first … first + n - 1 of the batch over `columns` into out[0 … n - 1]. */
export function hashKeys(
  batch: Batch, columns: readonly number[], types: readonly ColumnType[],
  first: number, n: number, out: Int32Array,
): void {
  for (let i = 0; i < n; i++) out[i] = hashSeed;
  columns.forEach((column, k) => {
    const { type } = types[k];
    const physical = physicalOf(type);
    const at = batch.column[column];
    if (physical === 'i32') mixOne(batch.slab.i32, at + first, n, out);
    else if (physical === 'i64') mixTwo(batch.slab.i32, at + 2 * first, n, out);
    else if (physical === 'f64') mixDoubles(batch.slab.i32, at + 2 * first, n, out);
    else mixVar(batch, column, varClass(type).hash, first, n, out);
  });
  for (let i = 0; i < n; i++) out[i] = finish(out[i]);
}

function mixOne(i32: Int32Array, at: number, n: number, out: Int32Array): void {
  for (let i = 0; i < n; i++) out[i] = mix(out[i], i32[at + i]);
}

function mixTwo(i32: Int32Array, at: number, n: number, out: Int32Array): void {
  for (let i = 0; i < n; i++) {
    out[i] = mix(mix(out[i], i32[at + 2 * i]), i32[at + 2 * i + 1]);
  }
}

function mixDoubles(i32: Int32Array, at: number, n: number, out: Int32Array): void {
  for (let i = 0; i < n; i++) {
    out[i] = mixFloat(out[i], i32[at + 2 * i], i32[at + 2 * i + 1]);
  }
}

function mixVar(
  batch: Batch, column: number, hash: VarHash, first: number, n: number, out: Int32Array,
): void {
  const { i32 } = batch.slab;
  const at = batch.column[column] + 2 * first;
  for (let i = 0; i < n; i++) {
    out[i] = mix(out[i], hash(i32, i32[at + 2 * i], i32[at + 2 * i + 1]));
  }
}

/**
 * Sets differ[i] = 1 for every i < n with records[i] !== 0 whose field is not equal to column
 * `column` of row first + i.
 */
export function compareKeys(
  words: Int32Array, doubles: Float64Array, field: Field, batch: Batch, column: number,
  first: number, n: number, records: Int32Array, differ: Uint8Array,
): void {
  const { slab } = batch;
  const at = batch.column[column];
  const { offset, physical } = field;
  if (physical === 'i32') compareOne(words, offset, slab.i32, at + first, n, records, differ);
  else if (physical === 'i64') compareTwo(words, offset, slab.i32, at + 2 * first, n, records, differ);
  else if (physical === 'f64') {
    compareDoubles(doubles, offset, slab.f64, (at >> 1) + first, n, records, differ);
  } else compareVar(words, field, batch, column, first, n, records, differ);
  const nulls = batch.nulls[column];
  if (field.nullMask !== 0) compareNulls(words, field, slab.u8, nulls < 0 ? -1 : nulls + first, n, records, differ);
}

function compareOne(
  words: Int32Array, offset: number, i32: Int32Array, at: number, n: number,
  records: Int32Array, differ: Uint8Array,
): void {
  for (let i = 0; i < n; i++) {
    if (words[records[i] + offset] !== i32[at + i]) differ[i] = 1;
  }
}

function compareTwo(
  words: Int32Array, offset: number, i32: Int32Array, at: number, n: number,
  records: Int32Array, differ: Uint8Array,
): void {
  for (let i = 0; i < n; i++) {
    const w = records[i] + offset;
    if (words[w] !== i32[at + 2 * i] || words[w + 1] !== i32[at + 2 * i + 1]) differ[i] = 1;
  }
}

function compareDoubles(
  doubles: Float64Array, offset: number, f64: Float64Array, at: number, n: number,
  records: Int32Array, differ: Uint8Array,
): void {
  for (let i = 0; i < n; i++) {
    const x = doubles[(records[i] + offset) >> 1];
    const y = f64[at + i];
    if (x !== y && !(Number.isNaN(x) && Number.isNaN(y))) differ[i] = 1;
  }
}

function compareVar(
  words: Int32Array, field: Field, batch: Batch, column: number, first: number, n: number,
  records: Int32Array, differ: Uint8Array,
): void {
  const { equal } = varClass(field.column.type);
  const { i32 } = batch.slab;
  const at = batch.column[column] + 2 * first;
  for (let i = 0; i < n; i++) {
    const w = records[i] + field.offset;
    const bytes = i32[at + 2 * i + 1];
    // A value of no bytes is an empty text or a NULL, and the functions of numbers read neither.
    const same = bytes === 0 || words[w + 1] === 0
      ? bytes === words[w + 1]
      : equal(words, words[w], words[w + 1], i32, i32[at + 2 * i], bytes);
    if (!same) differ[i] = 1;
  }
}

function compareNulls(
  words: Int32Array, field: Field, u8: Uint8Array, nulls: number, n: number,
  records: Int32Array, differ: Uint8Array,
): void {
  const { nullWord, nullMask } = field;
  for (let i = 0; i < n; i++) {
    const isNull = nulls >= 0 && u8[nulls + i] === 1;
    if (isNull !== ((words[records[i] + nullWord] & nullMask) !== 0)) differ[i] = 1;
  }
}
