/**
 * Values on their way from aggregates to records: one column of up to `cellsMax` values, in the
 * form that record fields have (two words a value; var values as offset into `heap` and length in
 * bytes). An aggregate fills it for some touched groups; the operator compares it with what it gave
 * out last.
 */
import { assert } from '../../src/base/assert.ts';
import type { Datum } from '../value/datum.ts';
import { valueVar } from '../value/datum-column.ts';
import { bigintOf, numberOf } from '../value/scalar-words.ts';
import type { TypeName } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import type { DataError } from './operator.ts';
import type { Field } from './record-field.ts';

/** Groups that are finished at once. */
export const cellsMax = 1024;

/** The same where values may be long. */
export const longCellsMax = 64;

const heapWordsMin = 256;
const heapWordsKept = 2 ** 12;
const two32 = 2 ** 32;
const doubles = new Float64Array(1);
const bits = new Int32Array(doubles.buffer);

/** One column of values, by number. */
export class Cells {
  readonly type: TypeName;
  readonly words = new Int32Array(cellsMax * 2);
  readonly isNull = new Uint8Array(cellsMax);
  /** Why a value could not be made, by its number; mostly empty. */
  readonly errors = new Map<number, DataError>();
  #heap: Int32Array = new Int32Array(0);
  #used = 0;

  constructor(type: TypeName) {
    this.type = type;
  }

  /** Words of var values; replaced by growth. */
  get heap(): Int32Array {
    return this.#heap;
  }

  bytes(): number {
    return this.words.byteLength + this.isNull.byteLength + this.#heap.byteLength;
  }

  /** Forgets all values. */
  clear(n: number): void {
    assert(n <= cellsMax, `at most ${cellsMax} values, got ${n}`);
    this.isNull.fill(0, 0, n);
    this.#used = 0;
    if (this.errors.size > 0) this.errors.clear();
  }

  /** Gives up a heap that a step with long values left large. */
  trim(): void {
    if (this.#heap.length > heapWordsKept) this.#heap = new Int32Array(0);
    this.#used = 0;
  }

  setNull(i: number): void {
    this.isNull[i] = 1;
    this.words[2 * i] = 0;
    this.words[2 * i + 1] = 0;
  }

  setError(i: number, code: string, message: string): void {
    this.errors.set(i, { code, message });
    this.setNull(i);
  }

  setOne(i: number, word: number): void {
    this.words[2 * i] = word;
    this.words[2 * i + 1] = 0;
  }

  setTwo(i: number, low: number, high: number): void {
    this.words[2 * i] = low;
    this.words[2 * i + 1] = high;
  }

  /** An int64 given as an integral double, |value| < 2^63. */
  setInteger(i: number, value: number): void {
    this.words[2 * i] = value;
    this.words[2 * i + 1] = Math.floor(value / two32);
  }

  setDouble(i: number, value: number): void {
    doubles[0] = value;
    this.words[2 * i] = bits[0];
    this.words[2 * i + 1] = bits[1];
  }

  /** Takes words for a var value and answers where in `heap`; `setVar` names them. */
  take(words: number): number {
    const at = this.#used;
    const end = at + words;
    if (end > this.#heap.length) {
      const grown = new Int32Array(Math.max(end, this.#heap.length * 2, heapWordsMin));
      grown.set(this.#heap.subarray(0, at));
      this.#heap = grown;
    }
    this.#used = end;
    return at;
  }

  setVar(i: number, at: number, bytes: number): void {
    this.words[2 * i] = at;
    this.words[2 * i + 1] = bytes;
  }

  /**
   * A var value of the first `bytes` bytes of `words`, padded with zeros. A long one is not copied:
   * its words are the heap's from now on, and belong to nobody else.
   */
  setWords(i: number, words: Int32Array, bytes: number): void {
    const n = (bytes + 3) >> 2;
    if (this.#used === 0 && n > heapWordsKept) {
      this.#heap = words;
      this.#used = n;
      this.setVar(i, 0, bytes);
      return;
    }
    const at = this.take(n);
    this.#heap.set(words.subarray(0, n), at);
    this.setVar(i, at, bytes);
  }

  /** The value of a field of a record that is not NULL. */
  setField(i: number, i32: Int32Array, record: number, field: Field): void {
    const at = record + field.offset;
    if (field.physical === 'i32') this.setOne(i, i32[at]);
    else if (field.physical !== 'var') this.setTwo(i, i32[at], i32[at + 1]);
    else {
      const bytes = i32[at + 1];
      const words = (bytes + 3) >> 2;
      const to = this.take(words);
      for (let w = 0; w < words; w++) this.#heap[to + w] = i32[i32[at] + w];
      this.setVar(i, to, bytes);
    }
  }

  /** A value in JavaScript's own form. */
  setDatum(i: number, value: Datum): void {
    if (value === null) {
      this.setNull(i);
      return;
    }
    switch (physicalOf(this.type)) {
      case 'i32':
        this.setOne(i, this.type === 'bool' ? Number(value) : numberOf(value));
        return;
      case 'f64':
        this.setDouble(i, numberOf(value));
        return;
      case 'i64': {
        const big = bigintOf(value);
        this.setTwo(i, Number(BigInt.asIntN(32, big)), Number(BigInt.asIntN(32, big >> 32n)));
        return;
      }
      case 'var': {
        const { words, bytes } = valueVar(this.type, value);
        const at = this.take(words.length);
        this.#heap.set(words, at);
        this.setVar(i, at, bytes);
      }
    }
  }
}
