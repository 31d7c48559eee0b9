/**
 * bool_and and bool_or: the number of values and of true ones. State words: count of values (absent
 * where it is the group's row count), count of true ones.
 */
import { assert } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { recordCount } from './group-table.ts';
import { addCounts } from './integer-sum.ts';
import type { StateMemory } from './state-memory.ts';

/** The accumulator of bool_and and bool_or. */
export class BoolFold implements Accumulator {
  readonly registers = null;
  readonly words: number;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  readonly #column: number;
  readonly #all: boolean;
  readonly #ownCount: boolean;
  #countAt: number = recordCount;
  #trueAt = 0;

  constructor(memory: StateMemory, aggregate: Aggregate, ownCount: boolean) {
    this.#memory = memory;
    this.#column = aggregate.argument;
    this.#all = aggregate.fn === 'bool_and';
    this.#ownCount = ownCount;
    this.words = ownCount ? 4 : 2;
  }

  place(offset: number): void {
    this.#trueAt = offset;
    if (this.#ownCount) this.#countAt = offset + 2;
  }

  add(rows: GroupedRows): void {
    const { f64 } = this.#memory;
    if (this.#ownCount) addCounts(f64, this.#countAt >> 1, rows);
    const { batch, first, n, groups, weights } = rows;
    const at = batch.column[this.#column] + first;
    const { i32 } = batch.slab;
    const part = this.#trueAt >> 1;
    for (let i = 0; i < n; i++) f64[(groups[i] >> 1) + part] += weights[i] * i32[at + i];
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    const { f64 } = this.#memory;
    for (let i = 0; i < n; i++) {
      const group = groups[first + i];
      const count = f64[(group + this.#countAt) >> 1];
      const trues = f64[(group + this.#trueAt) >> 1];
      if (count <= 0) out.setNull(i);
      else out.setOne(i, Number(this.#all ? trues === count : trues > 0));
    }
  }

  isEmpty(group: number): boolean {
    const { f64 } = this.#memory;
    return f64[(group + this.#countAt) >> 1] === 0 && f64[(group + this.#trueAt) >> 1] === 0;
  }

  release(group: number): void {
    assert(this.isEmpty(group), 'a group that goes has no values');
  }

  bytes(): number {
    return 0;
  }
}
