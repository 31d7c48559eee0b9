/**
 * The two generated loops behind `KeptRows`: which groups have a row that is no longer right, and
 * writing a new row into its record. One pass over a chunk of groups each, any types.
 *
 * Text comes from templates; offsets and masks are our own numbers, everything else is an argument.
 */
import { generate } from '../value/codegen.ts';
import { paddedText } from '../arrangement/record-size.ts';
import type { RowLayout } from '../value/layout.ts';
import { varStartText } from '../value/record.ts';
import { sameWords } from '../value/words.ts';
import type { Cells } from './cells.ts';
import { recordMark } from './group-table.ts';
import type { Field } from './record-field.ts';

/** Words from which on one call copies faster than a loop. */
const longWords = 256;

/** What the loops read and write, beside the operator's memory `m` and the rows' words `w`. */
export interface KeptCall {
  readonly list: Int32Array;
  readonly first: number;
  readonly n: number;
  /** By position in the chunk: 1 where the group has a row. */
  readonly status: Uint8Array;
  readonly cells: readonly Cells[];
  /** By changed group: place of the old row, words of the new one, the group, its position. */
  readonly olds: Int32Array;
  readonly sizes: Int32Array;
  readonly groups: Int32Array;
  readonly position: Int32Array;
  readonly places: Int32Array;
}

/** Unmarks the groups of the chunk and lists those whose row changes; answers how many. */
export type ListChanged = (m: Int32Array, w: Int32Array, call: KeptCall) => number;

/** Writes the first `count` new rows and notes their places in the groups. */
export type WriteRows = (m: Int32Array, w: Int32Array, call: KeptCall, count: number) => void;

/** What the loops are made for: keys, then cells, make the row; `place` is a word of a group. */
export interface KeptShape {
  readonly keys: readonly Field[];
  readonly cells: number;
  readonly layout: RowLayout;
  readonly place: number;
}

type ListFactory = (same: typeof sameWords) => ListChanged;

/** The loop that compares values with rows. */
export function listKernel(shape: KeptShape): ListChanged {
  const { keys, cells, layout, place } = shape;
  const columns = Array.from({ length: cells }, (_, a) => keys.length + a);
  const differs = columns.map((c, a) => differText(layout, c, a)).join(' || ');
  const factory = generate<ListFactory>(
    ['same'],
    `
return function list(m, w, call) {
const { list, first, n, status, cells, olds, sizes, groups, position } = call;
${cellsText(cells)}
let count = 0;
for (let i = 0; i < n; i++) {
  const g = list[first + i];
  m[g + ${recordMark}] = 0;
  const old = m[g + ${place}], now = status[i], p = old - 1;
  if (now !== 1) {
    if (old === 0) continue;
    sizes[count] = 0;
  } else {
    if (old !== 0 && !(${differs === '' ? 'false' : differs})) continue;
    ${sizeText(shape)}
  }
  olds[count] = old;
  groups[count] = g;
  position[count++] = i;
}
return count;
};`,
  );
  return factory(sameWords);
}

/** The loop that writes rows. */
export function writeKernel({ keys, cells, layout, place }: KeptShape): WriteRows {
  const factory = generate<() => WriteRows>(
    [],
    `
return function write(m, w, call, count) {
const { groups, position, places, cells } = call;
${cellsText(cells)}
for (let k = 0; k < count; k++) {
  const g = groups[k], i = position[k], p = places[k] - 1;
  m[g + ${place}] = p + 1;
  if (p < 0) continue;
  ${layout.variable.length > 0 ? `let t = p + ${layout.fixedWords};` : ''}
  ${keys.map((field, c) => keyText(field, layout, c)).join('\n')}
  ${Array.from({ length: cells }, (_, a) => cellText(layout, keys.length + a, a)).join('\n')}
}
};`,
  );
  return factory();
}

function cellsText(cells: number): string {
  return Array.from(
    { length: cells },
    (_, a) =>
      `const v${a} = cells[${a}].words, u${a} = cells[${a}].isNull, h${a} = cells[${a}].heap;`,
  ).join('\n');
}

/** Whether value a of group i is not what column c of the row at p holds. */
function differText(layout: RowLayout, c: number, a: number): string {
  const at = `w[p + ${layout.offset[c]}`;
  const nulls = layout.columns[c].nullable
    ? ` || ((w[p + ${layout.nullBits + (c >> 5)}] >>> ${c & 31}) & 1) !== u${a}[i]`
    : '';
  switch (layout.physical[c]) {
    case 'i32':
      return `${at}] !== v${a}[2 * i]${nulls}`;
    case 'i64':
    case 'f64':
      return `${at}] !== v${a}[2 * i] || ${at} + 1] !== v${a}[2 * i + 1]${nulls}`;
    case 'var':
      return (
        `${at}] !== v${a}[2 * i + 1]${nulls}` +
        ` || !same(w, ${varStartText(layout, c, 'w', 'p')}, h${a}, v${a}[2 * i], (v${a}[2 * i + 1] + 3) >> 2)`
      );
  }
}

/** Sets sizes[count] to the padded words of the new row, as `paddedWords`. */
function sizeText({ keys, layout }: KeptShape): string {
  const parts = layout.variable.map((c) => {
    const bytes =
      c < keys.length ? `m[g + ${keys[c].offset + 1}]` : `v${c - keys.length}[2 * i + 1]`;
    return `((${bytes} + 3) >> 2)`;
  });
  return `const size = ${[layout.fixedWords, ...parts].join(' + ')};
    sizes[count] = ${paddedText('size')};`;
}

function keyText(field: Field, layout: RowLayout, c: number): string {
  const from = `m[g + ${field.offset}`;
  const to = `w[p + ${layout.offset[c]}`;
  const nulls =
    field.nullMask === 0
      ? ''
      : `if ((m[g + ${field.nullWord}] & ${field.nullMask}) !== 0) ${nullText(layout, c)}\n`;
  switch (field.physical) {
    case 'i32':
      return `${to}] = ${from}];\n${nulls}`;
    case 'i64':
    case 'f64':
      return `${to}] = ${from}]; ${to} + 1] = ${from} + 1];\n${nulls}`;
    case 'var':
      return `const b${c} = ${from} + 1]; ${to}] = b${c};
      for (let f = ${from}], e = f + ((b${c} + 3) >> 2); f < e; f++) w[t++] = m[f];\n${nulls}`;
  }
}

function cellText(layout: RowLayout, c: number, a: number): string {
  const to = `w[p + ${layout.offset[c]}`;
  const nulls = layout.columns[c].nullable ? `if (u${a}[i] === 1) ${nullText(layout, c)}\n` : '';
  switch (layout.physical[c]) {
    case 'i32':
      return `${to}] = v${a}[2 * i];\n${nulls}`;
    case 'i64':
    case 'f64':
      return `${to}] = v${a}[2 * i]; ${to} + 1] = v${a}[2 * i + 1];\n${nulls}`;
    case 'var':
      return `const b${c} = v${a}[2 * i + 1]; ${to}] = b${c};
      const f${c} = v${a}[2 * i], e${c} = f${c} + ((b${c} + 3) >> 2);
      if (e${c} - f${c} > ${longWords}) {
        w.set(h${a}.subarray(f${c}, e${c}), t);
        t += e${c} - f${c};
      }
      else for (let f = f${c}; f < e${c}; f++) w[t++] = h${a}[f];\n${nulls}`;
  }
}

function nullText(layout: RowLayout, c: number): string {
  return `w[p + ${layout.nullBits + (c >> 5)}] |= ${1 << (c & 31)};`;
}
