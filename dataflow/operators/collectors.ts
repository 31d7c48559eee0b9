/**
 * What string_agg, array_agg, jsonb_agg and jsonb_object_agg make of the rows of a group, row by
 * row: a collector is given items in order, and writes the value at the end. A value is as long as
 * its group, so rows come in slices, and all that is left for the end is to put large pieces
 * together. Their meaning is that of `collectedValue`, which tests hold against them.
 */
import { assert } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import { readValueVar } from '../value/datum-column.ts';
import type { Datum } from '../value/datum.ts';
import { jsonbObject } from '../value/json-text.ts';
import { readScalar } from '../value/scalar-words.ts';
import type { TypeName } from '../value/type.ts';
import { wordsOf } from '../value/words.ts';
import type { Cells } from './cells.ts';
import { jsonKeyOf, jsonbOf } from './jsonb-of.ts';
import type { Field } from './record-field.ts';
import { isNullField } from './record-field.ts';
import type { StateMemory } from './state-memory.ts';

/** The value of one group while it is made. */
export interface Collector {
  /** Takes a row of arguments, several times. */
  take(item: number, copies: number): void;
  /** Writes the value over at least one row as value `i`. */
  write(i: number, out: Cells): void;
}

/** Where the arguments of an item are. */
export interface Items {
  readonly memory: StateMemory;
  readonly fields: readonly Field[];
  readonly types: readonly TypeName[];
}

/** A collector for one group. */
export function makeCollector(fn: Aggregate['fn'], items: Items): Collector {
  switch (fn) {
    case 'string_agg':
      return new JoinedBytes(items);
    case 'array_agg':
      return new ArrayWords(items);
    case 'jsonb_agg':
      return new JsonbTexts(items);
    default:
      assert(fn === 'jsonb_object_agg', `${fn} does not collect`);
      return new JsonbMembers(items);
  }
}

const wordsMin = 16;
/** Bytes from which on one call copies faster than a loop. */
const longRun = 64;

/** Words that are written one behind the other. */
class GrowingWords {
  words = new Int32Array(wordsMin);
  used = 0;

  /** Makes room for `n` words more. */
  room(n: number): void {
    if (this.used + n <= this.words.length) return;
    const wider = new Int32Array(Math.max(this.used + n, 2 * this.words.length));
    wider.set(this.words.subarray(0, this.used));
    this.words = wider;
  }
}

/** Bytes that are written one behind the other. */
class GrowingBytes {
  bytes = new Uint8Array(4 * wordsMin);
  used = 0;

  /** Makes room for `n` bytes more. */
  room(n: number): void {
    if (this.used + n <= this.bytes.length) return;
    const wider = new Uint8Array(Math.max(this.used + n, 2 * this.bytes.length));
    wider.set(this.bytes.subarray(0, this.used));
    this.bytes = wider;
  }
}

/**
 * Texts, or byteas, as the bytes that they are: each but the first comes after its own delimiter, a
 * NULL delimiter is none.
 */
class JoinedBytes implements Collector {
  readonly #items: Items;
  readonly #out = new GrowingBytes();
  /** The memory as words and as bytes. */
  #i32: Int32Array = new Int32Array(0);
  #u8: Uint8Array = new Uint8Array(0);
  #started = false;

  constructor(items: Items) {
    this.#items = items;
  }

  take(item: number, copies: number): void {
    const { i32 } = this.#items.memory;
    if (i32 !== this.#i32) {
      this.#i32 = i32;
      this.#u8 = new Uint8Array(i32.buffer, i32.byteOffset, i32.byteLength);
    }
    const stored = this.#u8;
    const [value, delimiter] = this.#items.fields;
    const out = this.#out;
    const own = i32[item + value.offset + 1];
    const between = isNullField(i32, item, delimiter) ? 0 : i32[item + delimiter.offset + 1];
    for (let copy = 0; copy < copies; copy++) {
      out.room(own + between);
      if (this.#started) append(stored, 4 * i32[item + delimiter.offset], between, out);
      this.#started = true;
      append(stored, 4 * i32[item + value.offset], own, out);
    }
  }

  write(i: number, out: Cells): void {
    out.setBytes(i, this.#out.bytes, this.#out.used);
  }
}

/** Copies `n` bytes, mostly few, to where there is room for them. */
function append(from: Uint8Array, at: number, n: number, out: GrowingBytes): void {
  const { bytes, used } = out;
  if (n > longRun) bytes.set(from.subarray(at, at + n), used);
  else for (let k = 0; k < n; k++) bytes[used + k] = from[at + k];
  out.used += n;
}

/** The parts of an array's words (dataflow/value/array.ts): NULL bits, elements, var bytes. */
class ArrayWords implements Collector {
  readonly #items: Items;
  readonly #nulls = new GrowingWords();
  /** Elements of a fixed width, or the lengths of var ones. */
  readonly #heads = new GrowingWords();
  readonly #tail = new GrowingWords();
  #n = 0;

  constructor(items: Items) {
    this.#items = items;
  }

  take(item: number, copies: number): void {
    const { i32 } = this.#items.memory;
    const [field] = this.#items.fields;
    const isNull = isNullField(i32, item, field);
    const at = item + field.offset;
    for (let copy = 0; copy < copies; copy++) {
      this.#mark(isNull);
      const heads = this.#heads;
      heads.room(2);
      if (field.physical === 'var') {
        const bytes = isNull ? 0 : i32[at + 1];
        heads.words[heads.used++] = bytes;
        this.#append(i32, i32[at], wordsOf(bytes));
        continue;
      }
      heads.words[heads.used++] = isNull ? 0 : i32[at];
      if (field.physical !== 'i32') heads.words[heads.used++] = isNull ? 0 : i32[at + 1];
    }
  }

  #mark(isNull: boolean): void {
    const nulls = this.#nulls;
    const n = this.#n++;
    if ((n & 31) === 0) {
      nulls.room(1);
      nulls.words[nulls.used++] = 0;
    }
    if (isNull) nulls.words[n >> 5] |= 1 << (n & 31);
  }

  #append(from: Int32Array, at: number, words: number): void {
    const tail = this.#tail;
    tail.room(words);
    for (let w = 0; w < words; w++) tail.words[tail.used + w] = from[at + w];
    tail.used += words;
  }

  write(i: number, out: Cells): void {
    const parts = [this.#nulls, this.#heads, this.#tail];
    const words = new Int32Array(1 + parts.reduce((sum, part) => sum + part.used, 0));
    words[0] = this.#n;
    let at = 1;
    for (const part of parts) {
      words.set(part.words.subarray(0, part.used), at);
      at += part.used;
    }
    out.setBytes(i, new Uint8Array(words.buffer), 4 * at);
  }
}

/** UTF-16 units of elements that are gathered before they become bytes. */
const textUnits = 16 * 1024;
const encoder = new TextEncoder();

/** The text of a jsonb array, as bytes. */
class JsonbTexts implements Collector {
  readonly #items: Items;
  readonly #out = new GrowingBytes();
  #text = '';
  #started = false;

  constructor(items: Items) {
    this.#items = items;
  }

  take(item: number, copies: number): void {
    const { types } = this.#items;
    const element = jsonbOf(types[0], argument(this.#items, item, 0));
    for (let copy = 0; copy < copies; copy++) {
      this.#text += `${this.#started ? ', ' : '['}${element}`;
      this.#started = true;
      if (this.#text.length >= textUnits) this.#encode();
    }
  }

  #encode(): void {
    const out = this.#out;
    out.room(3 * this.#text.length);
    out.used += encoder.encodeInto(this.#text, out.bytes.subarray(out.used)).written;
    this.#text = '';
  }

  write(i: number, out: Cells): void {
    this.#text += ']';
    this.#encode();
    out.setBytes(i, this.#out.bytes, this.#out.used);
  }
}

/** The members of a jsonb object: of equal keys the last one counts. */
class JsonbMembers implements Collector {
  readonly #items: Items;
  readonly #members = new Map<string, string>();
  #isKeyNull = false;

  constructor(items: Items) {
    this.#items = items;
  }

  take(item: number): void {
    const key = argument(this.#items, item, 0);
    if (key === null) {
      this.#isKeyNull = true;
      return;
    }
    const [keyType, valueType] = this.#items.types;
    const value = jsonbOf(valueType, argument(this.#items, item, 1));
    this.#members.set(jsonKeyOf(keyType, key), value);
  }

  write(i: number, out: Cells): void {
    if (this.#isKeyNull) out.setError(i, '22023', 'field name must not be null');
    else out.setDatum(i, jsonbObject(this.#members));
  }
}

/** An argument of an item as a datum. */
function argument({ memory, fields, types }: Items, item: number, k: number): Datum {
  const { i32 } = memory;
  const field = fields[k];
  if (isNullField(i32, item, field)) return null;
  const at = item + field.offset;
  switch (field.physical) {
    case 'i32':
      return readScalar(types[k], i32, at, 4);
    case 'i64':
    case 'f64':
      return readScalar(types[k], i32, at, 8);
    case 'var':
      return readValueVar(types[k], i32, i32[at], i32[at + 1]);
  }
}
