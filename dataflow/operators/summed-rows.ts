/**
 * Rows of which only the key, the number and some sums matter: one record a key with the count of
 * its rows and the count and sum of each summed column, however many rows there were. What a join
 * keeps of a side whose other columns nobody above asks for but through count, sum and avg.
 *
 * Asked for the rows of a key it gives *representatives*: few rows with weights whose counts and
 * sums are those of all. For a key with n rows and the sum s these are (s) × 1 and (0) × n - 1. Of
 * several summed columns, each with the parts p of weights w (of which one, d, is the default), the
 * representatives are
 *
 *     for each column and part p ≠ d:   (p there, d in the others) × w
 *     the row of defaults               × Σ w(d) - (columns - 1) · n
 *
 * so each column sees each of its parts w times and there are n rows. NULL is a part like others.
 *
 * There are no versions: a reader sees what has been applied so far.
 */
import { assert } from '../../src/base/assert.ts';
import type { Pairs, Position } from '../arrangement/arrangement.ts';
import { makePairs } from '../arrangement/pairs.ts';
import type { Batch } from '../value/batch.ts';
import type { BatchWriter } from '../value/batch-writer.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import { Cells, cellsMax } from './cells.ts';
import { GroupTable, lookupRowsMax, recordCount, recordMark } from './group-table.ts';
import { IntegerSum } from './integer-sum.ts';
import { NumericSum } from './numeric-sum.ts';
import { gatherField, varWordsOfField } from './record-field.ts';
import type { Registers } from './registers.ts';
import { together } from './registers.ts';
import { countingWeights } from './row-weights.ts';
import { StateMemory } from './state-memory.ts';
import { SumParts } from './sum-parts.ts';

const weightMax = 2 ** 31 - 1;

// One call runs at a time; representatives live until the next one asks for some.
const groups = new Int32Array(lookupRowsMax);
const baseWeights = new Int32Array(lookupRowsMax);
const maskedWeights = new Int32Array(lookupRowsMax);
const pairs = makePairs(cellsMax);

/** One summed column. */
interface SummedColumn {
  readonly column: number;
  readonly type: ColumnType;
  readonly sum: IntegerSum | NumericSum;
  readonly cells: Cells;
  readonly parts: SumParts;
}

/** Whether sums of a column of that type can be kept. */
export function canSum({ type }: ColumnType): boolean {
  return type === 'int2' || type === 'int4' || type === 'int8' || type === 'numeric';
}

/** Counts and sums by key. */
export class SummedRows {
  /** What is kept beside the memory. */
  readonly registers: Registers;
  readonly #memory = new StateMemory();
  readonly #table: GroupTable;
  readonly #key: readonly number[];
  /** Field of the key that holds each column, or -1. */
  readonly #fieldOf: readonly number[];
  readonly #sums: readonly SummedColumn[];
  /** The summed column that each column is, or -1. */
  readonly #sumOf: readonly number[];
  /** Representatives of the group being listed: number and weight of the part (-1: defaults). */
  readonly #rows: { readonly sum: number; readonly part: number; readonly weight: number }[] = [];

  /** Each of `columns` is in `key` or in `sums`. */
  constructor(columns: readonly ColumnType[], key: readonly number[], sums: readonly number[]) {
    this.#key = key;
    this.#fieldOf = columns.map((_, c) => key.indexOf(c));
    this.#sumOf = columns.map((_, c) => (key.includes(c) ? -1 : sums.indexOf(c)));
    this.#sums = sums.map((c) => this.#summed(c, columns[c]));
    const words = this.#sums.reduce((total, { sum }) => total + sum.words, 0);
    this.#table = new GroupTable(
      this.#memory,
      key.map((c) => columns[c]),
      words,
    );
    let at = this.#table.stateStart;
    for (const { sum } of this.#sums) {
      sum.place(at);
      at += sum.words;
    }
    this.registers = together([this.#table, ...this.#sums.map(({ sum }) => sum.registers)]);
    assert(
      columns.every((_, c) => this.#fieldOf[c] >= 0 || this.#sumOf[c] >= 0),
      'a column is key or summed',
    );
  }

  #summed(column: number, type: ColumnType): SummedColumn {
    assert(canSum(type), `sums of ${type.type} can be kept`);
    return {
      column,
      type,
      sum: makeSum(this.#memory, column, type),
      cells: new Cells(type.type),
      parts: new SumParts(),
    };
  }

  get memory(): StateMemory {
    return this.#memory;
  }

  /** Keys. */
  get size(): number {
    return this.#table.size;
  }

  bytes(): number {
    const cells = this.#sums.reduce((total, one) => total + one.cells.bytes(), 0);
    return this.#memory.bytes() + this.#table.bytes() + cells;
  }

  /** Takes in the rows of a batch. */
  apply(batch: Batch): void {
    for (let first = 0; first < batch.rows; first += lookupRowsMax) {
      this.#apply(batch, first, Math.min(lookupRowsMax, batch.rows - first));
    }
  }

  #apply(batch: Batch, first: number, n: number): void {
    this.#table.lookup(batch, this.#key, first, n, groups);
    this.#table.written(groups, 0, n);
    const retracts = addWeights(this.#memory.f64, batch, first, n);
    for (const { sum, column } of this.#sums) {
      const weights = countingWeights(batch, first, n, baseWeights, -1, column, maskedWeights);
      sum.add({ batch, first, n, groups, weights });
    }
    if (retracts) this.#dropEmpty(n);
  }

  /** Gives up the groups of the last look-up that nothing is left of. */
  #dropEmpty(n: number): void {
    const { i32, f64 } = this.#memory;
    const empty: number[] = [];
    for (let i = 0; i < n; i++) {
      const group = groups[i];
      if (f64[(group + recordCount) >> 1] !== 0 || i32[group + recordMark] === 1) continue;
      if (!this.#sums.every(({ sum }) => sum.isEmpty(group))) continue;
      i32[group + recordMark] = 1;
      empty.push(group);
    }
    for (const group of empty) {
      for (const { sum } of this.#sums) sum.release(group);
      this.#table.remove(group);
    }
  }

  /**
   * The representatives for the keys in columns `keyColumns` of the batch's rows, from `position`
   * on, as many as fit: rows of `batch`, weights, and numbers for `gather`, which are good until the
   * next call. `whole` tells whether every row was looked at. A NULL in a key finds nothing unless
   * `nullsEqual`.
   */
  probe(
    batch: Batch,
    keyColumns: readonly number[],
    nullsEqual: boolean,
    position: Position,
  ): { readonly pairs: Pairs; readonly whole: boolean } {
    this.#clear();
    while (position.row < batch.rows) {
      const first = position.row;
      const n = Math.min(cellsMax, batch.rows - first);
      this.#table.find(batch, keyColumns, first, n, groups);
      this.#dropNulls(batch, keyColumns, nullsEqual, first, n);
      for (let i = 0; i < n; i++) {
        position.row = first + i;
        if (groups[i] !== 0 && !this.#list(groups[i], position)) return { pairs, whole: false };
      }
      position.row = first + n;
    }
    return { pairs, whole: true };
  }

  /** All representatives, as `probe`; `position.slot` is where to go on. */
  scan(position: Position): { readonly pairs: Pairs; readonly whole: boolean } {
    this.#clear();
    for (; position.slot < this.#table.parts; position.slot++) {
      const records = this.#table.recordsOf(position.slot);
      for (; position.row < records.length; position.row++) {
        if (!this.#list(records[position.row], position)) return { pairs, whole: false };
      }
      position.row = 0;
    }
    return { pairs, whole: true };
  }

  #clear(): void {
    pairs.n = 0;
    for (const { cells } of this.#sums) cells.clear(cellsMax);
  }

  /** A row with a NULL in its key has no group, unless NULLs are equal and there may be some. */
  #dropNulls(
    batch: Batch,
    keyColumns: readonly number[],
    nullsEqual: boolean,
    first: number,
    n: number,
  ): void {
    keyColumns.forEach((column, k) => {
      const nulls = batch.nulls[column];
      if (nulls < 0 || (nullsEqual && this.#table.fields[k].nullMask !== 0)) return;
      const { u8 } = batch.slab;
      for (let i = 0; i < n; i++) if (u8[nulls + first + i] === 1) groups[i] = 0;
    });
  }

  /** Lists the representatives of one group from `position.inner` on; false if they do not fit. */
  #list(group: number, position: Position): boolean {
    this.#represent(group);
    const rows = this.#rows;
    for (; position.inner < rows.length; position.inner++) {
      const { n } = pairs;
      if (n === pairs.capacity) return false;
      const { sum, part, weight } = rows[position.inner];
      pairs.row[n] = position.row;
      pairs.address[n] = group;
      pairs.weight[n] = weight;
      for (let s = 0; s < this.#sums.length; s++) {
        const { parts, cells } = this.#sums[s];
        parts.write(s === sum ? part : parts.n - 1, cells, n);
      }
      pairs.n = n + 1;
    }
    position.inner = 0;
    return true;
  }

  /** Finds the representatives of a group; see the header. */
  #represent(group: number): void {
    const count = this.#memory.f64[(group + recordCount) >> 1];
    this.#rows.length = 0;
    let defaults = count;
    for (let s = 0; s < this.#sums.length; s++) {
      const { type, sum, parts } = this.#sums[s];
      parts.clear();
      if (sum instanceof NumericSum) sum.parts(group, parts);
      else sum.parts(group, integerType(type), parts);
      let values = 0;
      for (let p = 0; p < parts.n; p++) values += parts.weight[p];
      if (type.nullable) parts.addDatum(null, count - values);
      parts.complete(type.nullable);
      const last = parts.n - 1;
      for (let p = 0; p < last; p++) this.#add(s, p, parts.weight[p]);
      defaults += parts.weight[last] - count;
    }
    this.#add(-1, -1, defaults);
  }

  /** A weight that no word holds makes several rows. */
  #add(sum: number, part: number, weight: number): void {
    let rest = weight;
    while (rest !== 0) {
      const taken = Math.max(-weightMax, Math.min(weightMax, rest));
      this.#rows.push({ sum, part, weight: taken });
      rest -= taken;
    }
  }

  /** Words of var bytes that `gather` of the same representatives will take. */
  varWordsOf(addresses: Int32Array, first: number, n: number, columns: readonly number[]): number {
    let words = 0;
    for (const c of columns) {
      if (this.#fieldOf[c] >= 0) {
        const field = this.#table.fields[this.#fieldOf[c]];
        words += varWordsOfField(this.#memory.i32, field, addresses, first, n);
        continue;
      }
      const { cells, type } = this.#sums[this.#sumOf[c]];
      if (physicalOf(type.type) !== 'var') continue;
      for (let i = first; i < first + n; i++) words += ((cells.words[2 * i + 1] + 7) >> 3) << 1;
    }
    return words;
  }

  /** Writes columns of the representatives first … first + n - 1 of the last call. */
  gather(
    addresses: Int32Array,
    first: number,
    n: number,
    columns: readonly number[],
    out: BatchWriter,
    outColumn: number,
  ): void {
    columns.forEach((c, position) => {
      if (this.#fieldOf[c] >= 0) {
        const field = this.#table.fields[this.#fieldOf[c]];
        gatherField(this.#memory.i32, field, addresses, first, n, out, outColumn + position, 0);
      } else gatherCells(this.#sums[this.#sumOf[c]].cells, first, n, out, outColumn + position);
    });
  }
}

function integerType({ type }: ColumnType): 'int2' | 'int4' | 'int8' {
  assert(type === 'int2' || type === 'int4' || type === 'int8', `${type} is an integer`);
  return type;
}

function makeSum(
  memory: StateMemory,
  column: number,
  { type, nullable }: ColumnType,
): IntegerSum | NumericSum {
  if (type !== 'numeric') return new IntegerSum(memory, 'sum', column, type, nullable);
  return new NumericSum(memory, { fn: 'sum', argument: column });
}

/** Adds the weights of rows to the counts of their groups; whether there are retractions. */
function addWeights(f64: Float64Array, batch: Batch, first: number, n: number): boolean {
  const { i32 } = batch.slab;
  const at = batch.weight + first;
  let signs = 0;
  for (let i = 0; i < n; i++) {
    const weight = i32[at + i];
    signs |= weight;
    baseWeights[i] = weight;
    f64[(groups[i] + recordCount) >> 1] += weight;
  }
  return signs < 0;
}

/** Writes values first … first + n - 1 as rows 0 … n - 1 of a column. */
function gatherCells(
  cells: Cells,
  first: number,
  n: number,
  out: BatchWriter,
  column: number,
): void {
  const { i32, u8 } = out.slab;
  const { words, isNull, heap } = cells;
  const at = out.column[column];
  const physical = physicalOf(cells.type);
  for (let i = 0; i < n; i++) {
    const low = words[2 * (first + i)];
    const high = words[2 * (first + i) + 1];
    if (physical === 'i32') {
      i32[at + i] = low;
      continue;
    }
    i32[at + 2 * i] = low;
    i32[at + 2 * i + 1] = high;
    if (physical !== 'var' || high === 0) continue;
    const size = (high + 3) >> 2;
    const target = out.takeVar(size);
    for (let w = 0; w < size; w++) i32[target + w] = heap[low + w];
    i32[at + 2 * i] = target;
  }
  const nulls = out.nulls[column];
  if (nulls >= 0) for (let i = 0; i < n; i++) u8[nulls + i] = isNull[first + i];
}
