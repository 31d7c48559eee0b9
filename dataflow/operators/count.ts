/**
 * count(*) and count(x): the number of rows, or of rows whose argument is not NULL. Where that is
 * the group's row count there is no state.
 */
import { assert } from '../../src/base/assert.ts';
import type { Accumulator, GroupedRows } from './accumulator.ts';
import type { Cells } from './cells.ts';
import { recordCount } from './group-table.ts';
import { addCounts } from './integer-sum.ts';
import type { StateMemory } from './state-memory.ts';

/** The accumulator of count. */
export class Count implements Accumulator {
  readonly registers = null;
  readonly words: number;
  readonly skipsNulls = true;
  readonly #memory: StateMemory;
  #countAt: number = recordCount;

  /** `ownCount`: whether some rows of a group may not count. */
  constructor(memory: StateMemory, ownCount: boolean) {
    this.#memory = memory;
    this.words = ownCount ? 2 : 0;
  }

  place(offset: number): void {
    if (this.words > 0) this.#countAt = offset;
  }

  add(rows: GroupedRows): void {
    if (this.words > 0) addCounts(this.#memory.f64, this.#countAt >> 1, rows);
  }

  finish(groups: Int32Array, first: number, n: number, out: Cells): void {
    const { f64 } = this.#memory;
    for (let i = 0; i < n; i++) {
      out.setInteger(i, f64[(groups[first + i] + this.#countAt) >> 1]);
    }
  }

  isEmpty(group: number): boolean {
    return this.#memory.f64[(group + this.#countAt) >> 1] === 0;
  }

  release(group: number): void {
    assert(this.isEmpty(group), 'a group that goes has no rows');
  }

  bytes(): number {
    return 0;
  }
}
