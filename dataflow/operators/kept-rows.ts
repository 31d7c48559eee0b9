/**
 * The output of an operator with one row a group, when that output is kept as a collection and
 * nothing else: rows go straight into the arrangement, and each group remembers the place of its
 * row. So a changed row costs no hash, no search and no batch, and the operator keeps no copy of
 * its values.
 *
 * A group's word `place` is the place of its live row, 0 if it has none; the row's token is the
 * group's record.
 */
import { assert } from '../../src/base/assert.ts';
import type { OwnedRows, RowOwner } from '../arrangement/owned-rows.ts';
import type { Cells } from './cells.ts';
import { cellsMax } from './cells.ts';
import type { KeptCall, ListChanged, WriteRows } from './kept-rows-kernel.ts';
import { listKernel, writeKernel } from './kept-rows-kernel.ts';
import type { Field } from './record-field.ts';
import type { StateMemory } from './state-memory.ts';

/** Opens the arrangement of an operator's rows to it. */
export type KeepRows = (owner: RowOwner) => OwnedRows;

// One chunk of one operator is worked on at a time, and leaves nothing in these.
const olds = new Int32Array(cellsMax);
const sizes = new Int32Array(cellsMax);
const groups = new Int32Array(cellsMax);
const position = new Int32Array(cellsMax);
const places = new Int32Array(cellsMax);
const sink = new Int32Array(1);

/** Rows of groups in the arrangement that holds them. */
export class KeptRows implements RowOwner {
  readonly #memory: StateMemory;
  readonly #rows: OwnedRows;
  readonly #cells: readonly Cells[];
  readonly #place: number;
  readonly #list: ListChanged;
  readonly #write: WriteRows;

  /** A row is the key fields of a group, then a cell each; word `place` of a group is for this. */
  constructor(
    memory: StateMemory,
    keys: readonly Field[],
    cells: readonly Cells[],
    place: number,
    keep: KeepRows,
  ) {
    this.#memory = memory;
    this.#cells = cells;
    this.#place = place;
    this.#rows = keep(this);
    const { columns } = this.#rows.layout;
    assert(columns.length === keys.length + cells.length, 'a kept row is a key and its values');
    const shape = { keys, cells: cells.length, layout: this.#rows.layout, place };
    this.#list = listKernel(shape);
    this.#write = writeKernel(shape);
  }

  /**
   * Brings the rows of groups list[first … first + n - 1] up to date with the cells, which are
   * theirs in this order, and takes their marks away; status[i] is 1 if the group has a row.
   */
  settle(step: number, list: Int32Array, first: number, n: number, status: Uint8Array): void {
    const { i32 } = this.#memory;
    const call: KeptCall = {
      list,
      first,
      n,
      status,
      cells: this.#cells,
      olds,
      sizes,
      groups,
      position,
      places,
    };
    this.#touch(list, first, n);
    const count = this.#list(i32, this.#rows.words, call);
    if (count === 0) return;
    this.#rows.replace(step, olds, sizes, groups, count, places);
    this.#write(i32, this.#rows.words, call, count);
    this.#rows.enter(places, count);
  }

  /** Brings the rows of the groups into the cache, as their misses would not overlap later. */
  #touch(list: Int32Array, first: number, n: number): void {
    const { i32 } = this.#memory;
    const { words } = this.#rows;
    const place = this.#place;
    let seen = 0;
    for (let i = first; i < first + n; i++) seen ^= words[i32[list[i] + place]];
    sink[0] = seen;
  }

  moved(group: number, place: number): void {
    this.#memory.i32[group + this.#place] = place;
    this.#memory.written.word(group + this.#place);
  }
}
