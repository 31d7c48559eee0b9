/**
 * The generated loop that ends a step of reduce: for each touched group compare the new values with
 * the published ones, and where they differ write the old row, publish, write the new row. One pass
 * over the groups' records while they are in cache, instead of one per column and purpose.
 *
 * For published values of fixed width; keys may be of any type. Text comes from templates; offsets
 * into records and masks are our own numbers, everything else is an argument.
 */
import type { BatchWriter } from '../value/batch-writer.ts';
import { generate } from '../value/codegen.ts';
import type { Cells } from './cells.ts';
import { recordCount, recordMark } from './group-table.ts';
import type { Field } from './record-field.ts';

/** What the loop reads and writes, beside the memory. */
export interface SettleCall {
  readonly list: Int32Array;
  readonly first: number;
  readonly n: number;
  readonly cells: readonly Cells[];
  readonly writer: BatchWriter;
  /** Gets the groups that have no rows now. */
  readonly ended: Int32Array;
  endedCount: number;
}

/** Answers the number of rows written; there is room for two a group. */
export type Settle = (i32: Int32Array, f64: Float64Array, call: SettleCall) => number;

/** Whether the loop can be generated for these values. */
export function canSettle(published: readonly Field[]): boolean {
  return published.every((field) => field.physical !== 'var');
}

type Factory = () => Settle;

/** The loop for records with these key and value fields, whose status is at word `status`. */
export function settleKernel(
  keys: readonly Field[],
  published: readonly Field[],
  status: number,
): Settle {
  const fields = [...keys, ...published];
  const differs = published.map((field, a) => differText(field, a)).join(' || ');
  const factory = generate<Factory>(
    [],
    `
return function settle(m, d, call) {
const list = call.list, first = call.first, n = call.n, ended = call.ended;
const writer = call.writer, slab = writer.slab, w = slab.i32, b = slab.u8, weight = writer.weight;
${fields.map((_, c) => `const c${c} = writer.column[${c}], z${c} = writer.nulls[${c}];`).join('\n')}
const cells = call.cells;
${published.map((_, a) => `const v${a} = cells[${a}].words, u${a} = cells[${a}].isNull;`).join('\n')}
let r = 0, endedCount = 0;
for (let i = 0; i < n; i++) {
  const g = list[first + i];
  m[g + ${recordMark}] = 0;
  const old = m[g + ${status}];
  const now = d[(g + ${recordCount}) >> 1] > 0 ? 1 : 0;
  if (now === 0) ended[endedCount++] = g;
  if (old === now && (now === 0 || !(${differs === '' ? 'false' : differs}))) continue;
  ${keys.map((field, c) => (field.physical === 'var' ? copyText(field, c) : '')).join('\n')}
  if (old === 1) {
    ${fields.map((field, c) => writeText(field, c)).join('\n')}
    w[weight + r] = -1;
    r++;
  }
  m[g + ${status}] = now;
  if (now === 0) continue;
  ${published.map((field, a) => publishText(field, a)).join('\n')}
  ${fields.map((field, c) => writeText(field, c)).join('\n')}
  w[weight + r] = 1;
  r++;
}
call.endedCount = endedCount;
return r;
};`,
  );
  return factory();
}

/** Whether value a of group i is not the published one. */
function differText(field: Field, a: number): string {
  const at = `m[g + ${field.offset}`;
  const words =
    field.physical === 'i32'
      ? `${at}] !== v${a}[2 * i]`
      : `${at}] !== v${a}[2 * i] || ${at} + 1] !== v${a}[2 * i + 1]`;
  if (field.nullMask === 0) return words;
  return `${words} || ((m[g + ${field.nullWord}] & ${field.nullMask}) !== 0) !== (u${a}[i] === 1)`;
}

function publishText(field: Field, a: number): string {
  let text = `m[g + ${field.offset}] = v${a}[2 * i];\n`;
  if (field.physical !== 'i32') text += `m[g + ${field.offset} + 1] = v${a}[2 * i + 1];\n`;
  if (field.nullMask === 0) return text;
  const bits = `m[g + ${field.nullWord}]`;
  return `${text}${bits} = u${a}[i] === 1 ? ${bits} | ${field.nullMask} : ${bits} & ${~field.nullMask};\n`;
}

/** Copies the bytes of a var key into the slab, once for both rows. */
function copyText(field: Field, c: number): string {
  return `
  const k${c} = m[g + ${field.offset}], l${c} = m[g + ${field.offset} + 1];
  const n${c} = (l${c} + 3) >> 2;
  const t${c} = n${c} === 0 ? 0 : writer.takeVar(n${c});
  for (let j = 0; j < n${c}; j++) w[t${c} + j] = m[k${c} + j];\n`;
}

/** Writes a field to row r of its column. */
function writeText(field: Field, c: number): string {
  const at = `g + ${field.offset}`;
  const nulls = field.column.nullable
    ? `b[z${c} + r] = (m[g + ${field.nullWord}] & ${field.nullMask}) !== 0 ? 1 : 0;\n`
    : '';
  switch (field.physical) {
    case 'i32':
      return `w[c${c} + r] = m[${at}];\n${nulls}`;
    case 'var':
      return `w[c${c} + 2 * r] = t${c}; w[c${c} + 2 * r + 1] = l${c};\n${nulls}`;
    case 'i64':
    case 'f64':
      return `w[c${c} + 2 * r] = m[${at}]; w[c${c} + 2 * r + 1] = m[${at} + 1];\n${nulls}`;
  }
}
