/**
 * Key hashes under SQL equality: a batch's key columns and a record's key columns give the same
 * hash for equal keys (-0 = 0, NaN = NaN, 1.0 = 1.00, NULL with NULL).
 *
 * The hash of a row runs over its key columns in order: start at `hashSeed`, mix in one word (i32),
 * two words (i64, f64 in canonical form) or the class hash (var), finish at the end. Batches are
 * hashed a column at a time, one loop per physical form; records by a generated function.
 *
 * A NULL's value words are zero, in batches and in records, so it needs no branch: it hashes as 0
 * or the empty string and equality tells them apart.
 */
import type { Batch } from './batch.ts';
import { generate } from './codegen.ts';
import type { VarHash } from './equality.ts';
import { varClass } from './equality.ts';
import type { RowLayout } from './layout.ts';
import { varStartText } from './record.ts';
import type { ColumnType } from './type.ts';
import { physicalOf } from './type.ts';
import { finish, mix } from './words.ts';

/** Where every row's hash begins. */
export const hashSeed = 0x3c6ef372;

/** Hash of the row without columns. */
export const emptyHash = finish(hashSeed);

const signBit = -0x80000000;
const exponentBits = 0x7ff00000;
const quietNaN = 0x7ff80000;

/** Mixes a double, given as its two words, in canonical form: one zero, one NaN. */
export function mixFloat(hash: number, low: number, high: number): number {
  if (low === 0 && high === signBit) return mix(mix(hash, 0), 0);
  if ((high & exponentBits) === exponentBits && ((high & 0xfffff) | low) !== 0) {
    return mix(mix(hash, 0), quietNaN);
  }
  return mix(mix(hash, low), high);
}

/**
 * Writes the hashes of the key in `columns` of rows `first … first + n - 1` of `batch` to
 * `out[0 … n - 1]`. `types[i]` is the type of column `columns[i]`.
 */
export function hashRange(
  batch: Batch,
  columns: readonly number[],
  types: readonly ColumnType[],
  first: number,
  n: number,
  out: Int32Array,
): void {
  out.fill(hashSeed, 0, n);
  const { i32 } = batch.slab;
  for (let i = 0; i < columns.length; i++) {
    const type = types[i].type;
    const at = batch.column[columns[i]];
    switch (physicalOf(type)) {
      case 'i32':
        mixWords(i32, at + first, n, out);
        break;
      case 'i64':
        mixPairs(i32, at + 2 * first, n, out);
        break;
      case 'f64':
        mixFloats(i32, at + 2 * first, n, out);
        break;
      case 'var':
        mixVars(i32, at + 2 * first, n, out, varClass(type).hash);
        break;
    }
  }
  for (let k = 0; k < n; k++) out[k] = finish(out[k]);
}

/** Writes the hashes of the key in `columns` of every row of `batch` to `out`; see `hashRange`. */
export function hashColumns(
  batch: Batch,
  columns: readonly number[],
  types: readonly ColumnType[],
  out: Int32Array,
): void {
  hashRange(batch, columns, types, 0, batch.rows, out);
}

function mixWords(i32: Int32Array, at: number, n: number, out: Int32Array): void {
  for (let k = 0; k < n; k++) out[k] = mix(out[k], i32[at + k]);
}

function mixPairs(i32: Int32Array, at: number, n: number, out: Int32Array): void {
  for (let k = 0; k < n; k++) {
    out[k] = mix(mix(out[k], i32[at + 2 * k]), i32[at + 2 * k + 1]);
  }
}

function mixFloats(i32: Int32Array, at: number, n: number, out: Int32Array): void {
  for (let k = 0; k < n; k++) {
    out[k] = mixFloat(out[k], i32[at + 2 * k], i32[at + 2 * k + 1]);
  }
}

function mixVars(i32: Int32Array, at: number, n: number, out: Int32Array, hash: VarHash): void {
  for (let k = 0; k < n; k++) {
    out[k] = mix(out[k], hash(i32, i32[at + 2 * k], i32[at + 2 * k + 1]));
  }
}

/** Hash of one record's key. */
export type RecordHash = (i32: Int32Array, at: number) => number;

/** Stands in the list of class hashes where a column needs none. */
const unused: VarHash = () => 0;

type HashFactory = (
  mixOne: typeof mix,
  last: typeof finish,
  float: typeof mixFloat,
  classes: readonly VarHash[],
) => RecordHash;

/** The function that hashes `columns` of records of `layout` as `hashColumns` hashes batches. */
export function recordHash(layout: RowLayout, columns: readonly number[]): RecordHash {
  let body = `return function hash(w, a) {\nlet h = ${hashSeed};\n`;
  columns.forEach((column, i) => {
    const at = `a + ${layout.offset[column]}`;
    switch (layout.physical[column]) {
      case 'i32':
        body += `h = mix(h, w[${at}]);\n`;
        break;
      case 'i64':
        body += `h = mix(mix(h, w[${at}]), w[${at} + 1]);\n`;
        break;
      case 'f64':
        body += `h = float(h, w[${at}], w[${at} + 1]);\n`;
        break;
      case 'var': {
        const start = varStartText(layout, column, 'w', 'a');
        body += `h = mix(h, classes[${i}](w, ${start}, w[${at}]));\n`;
        break;
      }
    }
  });
  body += 'return last(h);\n};';
  const factory = generate<HashFactory>(['mix', 'last', 'float', 'classes'], body);
  const hashes = columns.map((c) =>
    layout.physical[c] === 'var' ? varClass(layout.columns[c].type).hash : unused,
  );
  return factory(mix, finish, mixFloat, hashes);
}
