/**
 * SQL equality of keys, NULL equal to NULL: generated per list of types, between batch rows and
 * records in any combination. Callers for whom NULL equals nothing leave such rows out beforehand.
 *
 * Integers compare their words; doubles too, but for zeros and NaNs; var values go through their
 * class. A NULL's words are zero, so values are compared first and null marks only if those agree.
 */
import { generate } from './codegen.ts';
import type { VarRelation } from './equality.ts';
import { varClass } from './equality.ts';
import type { RowLayout } from './layout.ts';
import type { Side } from './side.ts';
import { batchSide, recordSide } from './side.ts';
import type { ColumnType } from './type.ts';
import { physicalOf } from './type.ts';

export type EqualBatchRecord = (
  aw: Int32Array,
  au: Uint8Array,
  ak: Int32Array,
  an: Int32Array,
  ar: number,
  bw: Int32Array,
  ba: number,
) => boolean;
export type EqualRecords = (aw: Int32Array, aa: number, bw: Int32Array, ba: number) => boolean;
export type EqualBatches = (
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
) => boolean;

/** Equality of two doubles given as words: one zero, one NaN. */
export function sameFloat(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  if (aLow === bLow && aHigh === bHigh) return true;
  if ((aLow | bLow) === 0 && ((aHigh | bHigh) & 0x7fffffff) === 0) return true;
  return isNaNWords(aLow, aHigh) && isNaNWords(bLow, bHigh);
}

/** Whether two words are a double that is not a number. */
export function isNaNWords(low: number, high: number): boolean {
  return (high & 0x7ff00000) === 0x7ff00000 && ((high & 0xfffff) | low) !== 0;
}

type Relations = readonly VarRelation<boolean>[];
type Factory<F> = (float: typeof sameFloat, classes: Relations) => F;

/** Neither side can be NULL where its text says so: two constants need no comparison. */
function nullTest(a: string, b: string): string {
  return a === '(false)' && b === '(false)' ? '' : `if (${a} !== ${b}) return false;\n`;
}

function body(types: readonly ColumnType[], a: Side, b: Side): string {
  const parameters = [...a.parameters, ...b.parameters].join(', ');
  let text = `return function equal(${parameters}) {\n`;
  const x = a.words;
  const y = b.words;
  types.forEach(({ type }, i) => {
    const p = a.at(i);
    const q = b.at(i);
    switch (physicalOf(type)) {
      case 'i32':
        text += `if (${x}[${p}] !== ${y}[${q}]) return false;\n`;
        break;
      case 'i64':
        text += `if (${x}[${p}] !== ${y}[${q}] || ${x}[${p} + 1] !== ${y}[${q} + 1]) return false;\n`;
        break;
      case 'f64':
        text += `if (!float(${x}[${p}], ${x}[${p} + 1], ${y}[${q}], ${y}[${q} + 1])) return false;\n`;
        break;
      case 'var':
        text += varText(i, a, b);
        return;
    }
    text += nullTest(a.isNull(i), b.isNull(i));
  });
  return `${text}return true;\n};`;
}

/** No class function sees a NULL, so a value of no bytes is decided by length and mark. */
function varText(i: number, a: Side, b: Side): string {
  const call =
    `classes[${i}](${a.words}, ${a.start(i)}, ${a.bytes(i)}, ` +
    `${b.words}, ${b.start(i)}, ${b.bytes(i)})`;
  return (
    `if (${a.bytes(i)} === 0 || ${b.bytes(i)} === 0) {\n` +
    `if (${a.bytes(i)} !== ${b.bytes(i)}) return false;\n` +
    nullTest(a.isNull(i), b.isNull(i)) +
    `} else if (!${call}) return false;\n`
  );
}

const never: VarRelation<boolean> = () => false;

function build<F extends (...values: never[]) => boolean>(
  types: readonly ColumnType[],
  a: Side,
  b: Side,
): F {
  const factory = generate<Factory<F>>(['float', 'classes'], body(types, a, b));
  return factory(
    sameFloat,
    types.map(({ type }) => (physicalOf(type) === 'var' ? varClass(type).equal : never)),
  );
}

/** Which columns take two words a row in a batch. */
export function wideOf(types: readonly ColumnType[]): readonly boolean[] {
  return types.map(({ type }) => physicalOf(type) !== 'i32');
}

/** Key equality between a batch row and a record's `columns`. */
export function equalBatchRecord(layout: RowLayout, columns: readonly number[]): EqualBatchRecord {
  const types = columns.map((c) => layout.columns[c]);
  return build(types, batchSide('a', wideOf(types)), recordSide('b', layout, columns));
}

/** Key equality between `columns` of two records of one layout. */
export function equalRecords(layout: RowLayout, columns: readonly number[]): EqualRecords {
  const types = columns.map((c) => layout.columns[c]);
  return build(types, recordSide('a', layout, columns), recordSide('b', layout, columns));
}

/** Key equality between two batch rows whose compared columns have `types`. */
export function equalBatches(types: readonly ColumnType[]): EqualBatches {
  return build(types, batchSide('a', wideOf(types)), batchSide('b', wideOf(types)));
}
