/**
 * Items of ordered trees: rows of some columns of a batch kept as blocks of an operator's memory,
 * with the order in which trees hold them. The order is the given ORDER BY keys, then all columns
 * as they come, ascending with NULLs last, then the bytes, so that rows are the same item exactly
 * if they are identical.
 *
 * Items of members of jsonb objects come by the name of the member before all else, the first
 * column, as jsonb orders names: the shorter first, then by bytes.
 *
 * The prefix of an item is a double from its first key that never contradicts the order (it may
 * tie where the order does not): integers as they are, doubles with NaN as infinity, the whole part
 * of numerics, the first six bytes of texts, the length of names and their first four. Descending
 * keys negate it; NULLs are infinities.
 */
import { assert } from '../../src/base/assert.ts';
import type { Order } from '../plan/plan.ts';
import type { Batch } from '../value/batch.ts';
import { numericScaleAt, readDecimal, smallNumericAt, tenTo } from '../value/decimal.ts';
import type { VarRelation } from '../value/equality.ts';
import { varClass } from '../value/equality.ts';
import type { ColumnType, Equality } from '../value/type.ts';
import { typeInfo } from '../value/type.ts';
import { compareBytes } from '../value/words.ts';
import type { Field } from './record-field.ts';
import {
  freeFields,
  isNullField,
  layFields,
  setNull,
  storeField,
  storeVar,
} from './record-field.ts';
import type { StateMemory } from './state-memory.ts';

const two32 = 2 ** 32;
/** Longer names leave no bits of a double for their bytes. */
const exactNameBytes = 2 ** 20;

type Prefix = (i32: Int32Array, at: number, bytes: number) => number;

interface SortKey {
  readonly field: Field;
  readonly compareVar: VarRelation<number> | null;
  readonly prefixVar: Prefix | null;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** Bytes of a var value, beside those in a batch. */
export interface LooseValue {
  readonly words: Int32Array;
  readonly bytes: number;
}

/** Makes, frees and orders items. */
export class ItemStore {
  readonly fields: readonly Field[];
  readonly #memory: StateMemory;
  readonly #words: number;
  readonly #keys: readonly SortKey[];

  /**
   * `order` names positions in `columns`. Items have `headWords` (even) words of their owner's
   * first. `named`: the first column is the name of a member, and comes before the order.
   */
  constructor(
    memory: StateMemory,
    columns: readonly ColumnType[],
    order: readonly Order[],
    headWords: number,
    named = false,
  ) {
    const { fields, end } = layFields(columns, headWords);
    this.fields = fields;
    this.#memory = memory;
    this.#words = Math.max(end, 2);
    const rest = columns.map((_, column): Order => ({
      column,
      descending: false,
      nullsFirst: false,
    }));
    const keys = [...order, ...rest].map(({ column, descending, nullsFirst }): SortKey => {
      const { type } = columns[column];
      const { equality, physical } = typeInfo(type);
      const compareVar = physical === 'var' ? varClass(type).compare : null;
      return {
        field: fields[column],
        compareVar,
        prefixVar: prefixOfVar(equality),
        descending,
        nullsFirst,
      };
    });
    this.#keys = named ? [nameKey(fields[0]), ...keys] : keys;
  }

  /** Stores columns `columns` of a row; in place of the first one `name` or NULL, if given. */
  make(batch: Batch, columns: readonly number[], row: number, name?: LooseValue | null): number {
    const item = this.#memory.allocate(this.#words);
    this.#memory.i32.fill(0, item, item + this.#words);
    if (name === null) setNull(this.#memory.i32, item, this.fields[0], true);
    else if (name !== undefined)
      storeVar(this.#memory, item + this.fields[0].offset, name.words, 0, name.bytes);
    for (let k = name === undefined ? 0 : 1; k < columns.length; k++) {
      storeField(this.#memory, item, this.fields[k], batch, columns[k], row);
    }
    return item;
  }

  free(item: number): void {
    freeFields(this.#memory, item, this.fields);
    this.#memory.free(item, this.#words);
  }

  /** The order of two items. */
  readonly compare = (a: number, b: number): number => {
    if (a === b) return 0;
    const { i32, f64 } = this.#memory;
    for (let k = 0; k < this.#keys.length; k++) {
      const order = compareKey(i32, f64, this.#keys[k], a, b);
      if (order !== 0) return order;
    }
    return this.#compareForms(i32, a, b);
  };

  /** The prefix of an item. */
  prefixOf(item: number): number {
    if (this.#keys.length === 0) return 0;
    const key = this.#keys[0];
    const { i32, f64 } = this.#memory;
    if (isNullField(i32, item, key.field)) return key.nullsFirst ? -Infinity : Infinity;
    const prefix = valuePrefix(i32, f64, key, item + key.field.offset);
    return key.descending ? -prefix : prefix;
  }

  /** Order of the bytes of items that are equal under SQL. */
  #compareForms(i32: Int32Array, a: number, b: number): number {
    for (const { physical, offset } of this.fields) {
      if (physical === 'var') {
        const order = compareBytes(
          i32,
          i32[a + offset],
          i32[a + offset + 1],
          i32,
          i32[b + offset],
          i32[b + offset + 1],
        );
        if (order !== 0) return order;
      } else if (physical !== 'i32') {
        if (i32[a + offset + 1] !== i32[b + offset + 1])
          return i32[a + offset + 1] - i32[b + offset + 1];
        if (i32[a + offset] !== i32[b + offset]) return i32[a + offset] - i32[b + offset];
      }
    }
    return 0;
  }
}

function compareKey(
  i32: Int32Array,
  f64: Float64Array,
  key: SortKey,
  a: number,
  b: number,
): number {
  const { field } = key;
  if (field.nullMask !== 0) {
    const x = isNullField(i32, a, field);
    const y = isNullField(i32, b, field);
    if (x && y) return 0;
    if (x || y) return x === key.nullsFirst ? -1 : 1;
  }
  const order = compareValues(i32, f64, key, a + field.offset, b + field.offset);
  return key.descending ? -order : order;
}

function compareValues(
  i32: Int32Array,
  f64: Float64Array,
  key: SortKey,
  a: number,
  b: number,
): number {
  switch (key.field.physical) {
    case 'i32':
      return i32[a] < i32[b] ? -1 : i32[a] > i32[b] ? 1 : 0;
    case 'i64': {
      if (i32[a + 1] !== i32[b + 1]) return i32[a + 1] < i32[b + 1] ? -1 : 1;
      return (i32[a] >>> 0) - (i32[b] >>> 0);
    }
    case 'f64':
      return compareFloats(f64[a >> 1], f64[b >> 1]);
    case 'var': {
      if (key.compareVar === null) return 0;
      return key.compareVar(i32, i32[a], i32[a + 1], i32, i32[b], i32[b + 1]);
    }
  }
}

/** NaN is equal to itself and greater than all else. */
function compareFloats(x: number, y: number): number {
  if (x < y) return -1;
  if (x > y) return 1;
  return x === y ? 0 : Number(Number.isNaN(x)) - Number(Number.isNaN(y));
}

/** The prefix of the value at `at`, ascending. */
function valuePrefix(i32: Int32Array, f64: Float64Array, key: SortKey, at: number): number {
  switch (key.field.physical) {
    case 'i32':
      return i32[at];
    case 'i64':
      return i32[at + 1] * two32 + (i32[at] >>> 0);
    case 'f64':
      return Number.isNaN(f64[at >> 1]) ? Infinity : f64[at >> 1];
    case 'var':
      return key.prefixVar === null ? 0 : key.prefixVar(i32, i32[at], i32[at + 1]);
  }
}

function prefixOfVar(equality: Equality): Prefix | null {
  if (equality === 'numeric') return numericPrefix;
  return equality === 'bytes' ? bytesPrefix : null;
}

function nameKey(field: Field): SortKey {
  assert(field.physical === 'var', 'a name is a text');
  return {
    field,
    compareVar: compareNames,
    prefixVar: namePrefix,
    descending: false,
    nullsFirst: false,
  };
}

const compareNames: VarRelation<number> = (a, aAt, aBytes, b, bAt, bBytes) =>
  aBytes - bBytes || compareBytes(a, aAt, aBytes, b, bAt, bBytes);

function namePrefix(i32: Int32Array, at: number, bytes: number): number {
  const first = bytes === 0 || bytes > exactNameBytes ? 0 : swapped(i32[at]) >>> 0;
  return bytes * two32 + first;
}

/** The whole part, rounded down before it is rounded to a double: both keep the order. */
function numericPrefix(i32: Int32Array, at: number, bytes: number): number {
  const scale = numericScaleAt(i32, at);
  const small = smallNumericAt(i32, at, bytes);
  if (!Number.isNaN(small) && scale <= 22) return Math.floor(small / 10 ** scale);
  const { form, coefficient } = readDecimal(i32, at, bytes);
  if (form !== 'finite') return form === '-Infinity' ? -Infinity : Infinity;
  const power = tenTo(scale);
  const whole = coefficient / power;
  return Number(coefficient < 0n && whole * power !== coefficient ? whole - 1n : whole);
}

function bytesPrefix(i32: Int32Array, at: number, bytes: number): number {
  if (bytes === 0) return 0;
  const second = bytes > 4 ? swapped(i32[at + 1]) >>> 16 : 0;
  return (swapped(i32[at]) >>> 0) * 65_536 + second;
}

function swapped(word: number): number {
  return ((word & 255) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
