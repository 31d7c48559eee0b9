/**
 * SQL order of rows, as ORDER BY has it: generated per list of (type, direction, place of NULLs),
 * between batch rows and records. Within a type the order is Postgres' total order: NaN greatest,
 * -0 = 0, text by bytes, false before true; equal exactly where `equal.ts` says equal.
 *
 * Doubles are compared as words: the order-preserving map of IEEE 754 to signed pairs, with one
 * zero and one NaN, so no side needs a Float64Array.
 */
import { generate } from './codegen.ts';
import { isNaNWords, wideOf } from './equal.ts';
import type { VarRelation } from './equality.ts';
import { varClass } from './equality.ts';
import type { RowLayout } from './layout.ts';
import type { Side } from './side.ts';
import { batchSide, recordSide } from './side.ts';
import type { ColumnType } from './type.ts';
import { physicalOf } from './type.ts';

/** One key of an order. */
export interface OrderKey {
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** Negative, 0 or positive. */
export type CompareRecords = (aw: Int32Array, aa: number, bw: Int32Array, ba: number) => number;
export type CompareBatchRecord = (
  aw: Int32Array,
  au: Uint8Array,
  ak: Int32Array,
  an: Int32Array,
  ar: number,
  bw: Int32Array,
  ba: number,
) => number;
export type CompareBatches = (
  aw: Int32Array,
  au: Uint8Array,
  ak: Int32Array,
  an: Int32Array,
  ar: number,
  bw: Int32Array,
  bu: Uint8Array,
  bk: Int32Array,
  bn: Int32Array,
  br: number,
) => number;

/** Order of two int64 given as words: -1, 0 or 1. */
export function comparePairs(aLow: number, aHigh: number, bLow: number, bHigh: number): number {
  if (aHigh !== bHigh) return aHigh < bHigh ? -1 : 1;
  if (aLow === bLow) return 0;
  return aLow >>> 0 < bLow >>> 0 ? -1 : 1;
}

/** Order of two doubles given as words: -1, 0 or 1; NaN greatest, -0 = 0. */
export function compareFloats(aLow: number, aHigh: number, bLow: number, bHigh: number): number {
  const aNaN = isNaNWords(aLow, aHigh);
  const bNaN = isNaNWords(bLow, bHigh);
  if (aNaN || bNaN) return Number(aNaN) - Number(bNaN);
  if ((aLow | bLow) === 0 && ((aHigh | bHigh) & 0x7fffffff) === 0) return 0;
  const aFlip = aHigh >> 31;
  const bFlip = bHigh >> 31;
  return comparePairs(aLow ^ aFlip, aHigh ^ (aFlip >>> 1), bLow ^ bFlip, bHigh ^ (bFlip >>> 1));
}

type Relations = readonly VarRelation<number>[];
type Factory<F> = (
  pairs: typeof comparePairs,
  floats: typeof compareFloats,
  classes: Relations,
) => F;

function valueText(type: ColumnType, i: number, a: Side, b: Side): string {
  const x = a.words;
  const y = b.words;
  const p = a.at(i);
  const q = b.at(i);
  switch (physicalOf(type.type)) {
    case 'i32':
      return `c = ${x}[${p}] < ${y}[${q}] ? -1 : ${x}[${p}] > ${y}[${q}] ? 1 : 0;`;
    case 'i64':
      return `c = pairs(${x}[${p}], ${x}[${p} + 1], ${y}[${q}], ${y}[${q} + 1]);`;
    case 'f64':
      return `c = floats(${x}[${p}], ${x}[${p} + 1], ${y}[${q}], ${y}[${q} + 1]);`;
    case 'var':
      return (
        `c = classes[${i}](${x}, ${a.start(i)}, ${a.bytes(i)}, ` +
        `${y}, ${b.start(i)}, ${b.bytes(i)});`
      );
  }
}

function body(types: readonly ColumnType[], keys: readonly OrderKey[], a: Side, b: Side): string {
  const parameters = [...a.parameters, ...b.parameters].join(', ');
  let text = `return function compare(${parameters}) {\nlet c = 0;\n`;
  types.forEach((type, i) => {
    const { descending, nullsFirst } = keys[i];
    const value = `${valueText(type, i, a, b)}\nif (c !== 0) return ${descending ? '-c' : 'c'};\n`;
    const aNull = a.isNull(i);
    const bNull = b.isNull(i);
    if (aNull === '(false)' && bNull === '(false)') {
      text += value;
      return;
    }
    const first = nullsFirst ? '-1 : 1' : '1 : -1';
    text +=
      `if (${aNull} !== ${bNull}) return ${aNull} ? ${first};\n` + `if (!${aNull}) {\n${value}}\n`;
  });
  return `${text}return 0;\n};`;
}

const equalAlways: VarRelation<number> = () => 0;

function build<F extends (...values: never[]) => number>(
  types: readonly ColumnType[],
  keys: readonly OrderKey[],
  a: Side,
  b: Side,
): F {
  const text = body(types, keys, a, b);
  const factory = generate<Factory<F>>(['pairs', 'floats', 'classes'], text);
  const classes = types.map(({ type }) =>
    physicalOf(type) === 'var' ? varClass(type).compare : equalAlways,
  );
  return factory(comparePairs, compareFloats, classes);
}

/** Order of records of one layout by `columns`, with one key for each. */
export function compareRecords(
  layout: RowLayout,
  columns: readonly number[],
  keys: readonly OrderKey[],
): CompareRecords {
  const types = columns.map((c) => layout.columns[c]);
  return build(types, keys, recordSide('a', layout, columns), recordSide('b', layout, columns));
}

/** Order of a batch row against a record. */
export function compareBatchRecord(
  layout: RowLayout,
  columns: readonly number[],
  keys: readonly OrderKey[],
): CompareBatchRecord {
  const types = columns.map((c) => layout.columns[c]);
  return build(types, keys, batchSide('a', wideOf(types)), recordSide('b', layout, columns));
}

/** Order of batch rows whose compared columns have `types`. */
export function compareBatches(
  types: readonly ColumnType[],
  keys: readonly OrderKey[],
): CompareBatches {
  return build(types, keys, batchSide('a', wideOf(types)), batchSide('b', wideOf(types)));
}
