/**
 * The groups that a step touches, each once, in order of first touch. The mark word of a record is
 * 1 exactly while the record is listed and not yet released.
 */
import { assert } from '../../src/base/assert.ts';
import { recordCount, recordMark } from './group-table.ts';
import type { StateMemory } from './state-memory.ts';

const listMin = 64;
/** A longer list is not kept from step to step. */
const listKept = 2 ** 13;

/** A list of records without repetition. */
export class TouchedGroups {
  #list = new Int32Array(listMin);
  #count = 0;

  /** The records; replaced by `add`. */
  get list(): Int32Array {
    return this.#list;
  }

  get count(): number {
    return this.#count;
  }

  /** Lists those of records[0 … n - 1] that are not listed yet. */
  add(i32: Int32Array, records: Int32Array, n: number): void {
    assert(n <= records.length, 'the records that are touched are given');
    this.#reserve(n);
    this.#count = mark(i32, records, n, this.#list, this.#count);
  }

  /**
   * Adds weights[i] to the row count of records[i] for i < n, and lists the records; if `signs`,
   * only those whose count is or was 0 or less before or after one of these additions.
   */
  weigh(
    { i32, f64 }: StateMemory,
    records: Int32Array,
    weights: Int32Array,
    n: number,
    signs: boolean,
  ): void {
    assert(n <= records.length && n <= weights.length, 'a record has its weight');
    this.#reserve(n);
    const list = this.#list;
    let next = this.#count;
    for (let i = 0; i < n; i++) {
      const record = records[i];
      const at = (record + recordCount) >> 1;
      const before = f64[at];
      const after = before + weights[i];
      f64[at] = after;
      if (i32[record + recordMark] !== 0 || (signs && before > 0 && after > 0)) continue;
      i32[record + recordMark] = 1;
      list[next++] = record;
    }
    this.#count = next;
  }

  #reserve(n: number): void {
    if (this.#count + n <= this.#list.length) return;
    const grown = new Int32Array((this.#count + n) * 2);
    grown.set(this.#list.subarray(0, this.#count));
    this.#list = grown;
  }

  /** Unmarks the record at position `t` and answers it. */
  release(i32: Int32Array, t: number): number {
    const record = this.#list[t];
    assert(t < this.#count && i32[record + recordMark] === 1, `record ${record} is marked`);
    i32[record + recordMark] = 0;
    return record;
  }

  /** Starts over; every record has been released. */
  clear(): void {
    this.#count = 0;
    if (this.#list.length > listKept) this.#list = new Int32Array(listMin);
  }

  bytes(): number {
    return this.#list.byteLength;
  }
}

function mark(
  i32: Int32Array,
  records: Int32Array,
  n: number,
  list: Int32Array,
  count: number,
): number {
  let next = count;
  for (let i = 0; i < n; i++) {
    const record = records[i];
    if (i32[record + recordMark] !== 0) continue;
    i32[record + recordMark] = 1;
    list[next++] = record;
  }
  return next;
}
