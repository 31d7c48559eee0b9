/**
 * Gathering: columns of records copied into the open batch of a writer. One generated loop per list
 * of columns takes each record once, as a record is one or two cache lines and more of them pass
 * than the nearest cache holds. Var bytes of a row's columns lie side by side.
 */
import { assert } from '../../src/base/assert.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import { generate } from '../value/codegen.ts';
import type { RowLayout } from '../value/layout.ts';
import { varStartText } from '../value/record.ts';
import { wordsOf } from '../value/words.ts';

/** Word address of a var column's bytes in the record at `at`. */
export type VarStart = (i32: Int32Array, at: number) => number;

/** Words from which on one call copies faster than a loop. */
const longWords = 256;

const none: VarStart = () => -1;

/** `VarStart` of every var column of a layout, by column. */
export function varStarts(layout: RowLayout): readonly VarStart[] {
  return layout.physical.map((physical, c) =>
    physical !== 'var'
      ? none
      : generate<VarStart>(['w', 'a'], `return ${varStartText(layout, c, 'w', 'a')};`),
  );
}

/** What a loop reads and writes, beside the records' words. */
interface GatherCall {
  readonly addresses: Int32Array;
  readonly first: number;
  readonly n: number;
  readonly out: BatchWriter;
  readonly outColumn: number;
  /** Where var bytes go. */
  readonly into: number;
}

/** Answers the word after the var bytes; -1 if a NULL came in a column that gathers none. */
type GatherRows = (i32: Int32Array, call: GatherCall) => number;

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

/** Gathers records of one layout. */
export class Gatherer {
  readonly #layout: RowLayout;
  readonly #loops = new Map<string, GatherRows>();
  #lastColumns: readonly number[] = [];
  #lastLoop: GatherRows | null = null;

  constructor(layout: RowLayout) {
    this.#layout = layout;
  }

  /** Copies `columns` of the records to columns `outColumn, …` of the open batch of `out`. */
  gather(
    i32: Int32Array,
    addresses: Int32Array,
    first: number,
    n: number,
    columns: readonly number[],
    out: BatchWriter,
    outColumn: number,
  ): void {
    const into = out.takeVar(0);
    const end = this.#loop(columns)(i32, { addresses, first, n, out, outColumn, into });
    assert(end >= 0, 'columns without null bytes gather no NULL');
    if (end > into) out.takeVar(end - into);
  }

  /** Readers ask with the same list again and again. */
  #loop(columns: readonly number[]): GatherRows {
    if (this.#lastLoop !== null && columns === this.#lastColumns) return this.#lastLoop;
    const name = columns.join();
    let loop = this.#loops.get(name);
    if (loop === undefined) {
      loop = gatherKernel(this.#layout, columns);
      this.#loops.set(name, loop);
    }
    this.#lastColumns = columns;
    this.#lastLoop = loop;
    return loop;
  }
}

function gatherKernel(layout: RowLayout, columns: readonly number[]): GatherRows {
  const each = (text: (c: number, k: number) => string): string =>
    columns.map((c, k) => text(c, k)).join('\n');
  return generate<GatherRows>(
    ['m', 'call'],
    `
const { addresses, first, n, out, outColumn } = call;
const { column, nulls } = out, w = out.slab.i32, b = out.slab.u8;
${each((_, k) => `const c${k} = column[outColumn + ${k}], z${k} = nulls[outColumn + ${k}];`)}
${each((c, k) => (layout.columns[c].nullable ? '' : `if (z${k} >= 0) b.fill(0, z${k}, z${k} + n);`))}
let t = call.into, missed = 0;
for (let i = 0; i < n; i++) {
  const g = addresses[first + i];
  ${each((c, k) => copyText(layout, c, k))}
}
return missed === 0 ? t : -1;`,
  );
}

/** Copies column c of the record at g to row i of the k-th column. */
function copyText(layout: RowLayout, c: number, k: number): string {
  const at = `g + ${layout.offset[c]}`;
  const nulls = layout.columns[c].nullable
    ? `
  const u${k} = (m[g + ${layout.nullBits + (c >> 5)}] >>> ${c & 31}) & 1;
  if (z${k} >= 0) b[z${k} + i] = u${k};
  else missed |= u${k};`
    : '';
  switch (layout.physical[c]) {
    case 'i32':
      return `w[c${k} + i] = m[${at}];${nulls}`;
    case 'i64':
    case 'f64':
      return `w[c${k} + 2 * i] = m[${at}]; w[c${k} + 2 * i + 1] = m[${at} + 1];${nulls}`;
    case 'var':
      return `
  const l${k} = m[${at}];
  w[c${k} + 2 * i] = t;
  w[c${k} + 2 * i + 1] = l${k};
  const f${k} = ${varStartText(layout, c, 'm', 'g')}, e${k} = f${k} + ((l${k} + 3) >> 2);
  if (e${k} - f${k} > ${longWords}) { w.set(m.subarray(f${k}, e${k}), t); t += e${k} - f${k}; }
  else for (let f = f${k}; f < e${k}; f++) w[t++] = m[f];${nulls}`;
  }
}
