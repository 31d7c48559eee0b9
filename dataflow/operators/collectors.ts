/**
 * What string_agg, array_agg, jsonb_agg and jsonb_object_agg make of the rows of a group, row by
 * row: a collector is given items in order, and writes the value at the end. A value is as long as
 * its group, so rows come in slices, and each goes to the place in which the whole is handed over:
 * nothing is left for the end. Their meaning is that of `collectedValue`, which tests hold against
 * them.
 */
import { assert } from '../../src/base/assert.ts';
import type { Aggregate } from '../plan/plan.ts';
import { readValueVar } from '../value/datum-column.ts';
import type { Datum } from '../value/datum.ts';
import { jsonQuote } from '../value/json-text.ts';
import { readScalar, stringOf } from '../value/scalar-words.ts';
import type { TypeName } from '../value/type.ts';
import { copyRun, sameWords, wordsOf } from '../value/words.ts';
import type { Cells } from './cells.ts';
import { jsonbOf } from './jsonb-of.ts';
import type { Field } from './record-field.ts';
import { isNullField } from './record-field.ts';
import type { StateMemory } from './state-memory.ts';

/** The value of one group while it is made. Items stay where they are until it is written. */
export interface Collector {
  /** Takes a row of arguments, several times. */
  take(item: number, copies: number): void;
  /** Bytes of the value, about. */
  readonly bytes: number;
  /** Writes the value over at least one row as value `i`. */
  write(i: number, out: Cells): void;
}

/** Where the arguments of an item are. */
export interface Items {
  readonly memory: StateMemory;
  readonly fields: readonly Field[];
  readonly types: readonly TypeName[];
}

/** A collector for one group, whose rows are `rows` by weight. */
export function makeCollector(fn: Aggregate['fn'], items: Items, rows: number): Collector {
  switch (fn) {
    case 'string_agg':
      return new JoinedBytes(items);
    case 'array_agg':
      return new ArrayWords(items, rows);
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

/** Words that are written one behind the other; what is not written yet is 0. */
class GrowingWords {
  words: Int32Array;
  /** The same memory. */
  bytes: Uint8Array;

  constructor(words: number) {
    this.words = new Int32Array(Math.max(words, wordsMin));
    this.bytes = new Uint8Array(this.words.buffer);
  }

  /** Makes room for `n` words behind the first `used`. */
  room(used: number, n: number): void {
    if (used + n <= this.words.length) return;
    const wider = new Int32Array(Math.max(used + n, 2 * this.words.length));
    wider.set(this.words.subarray(0, used));
    this.words = wider;
    this.bytes = new Uint8Array(wider.buffer);
  }
}

/** Bytes that are written one behind the other. */
class GrowingBytes {
  readonly out = new GrowingWords(wordsMin);
  used = 0;

  /** Makes room for `n` bytes more. */
  room(n: number): void {
    this.out.room(wordsOf(this.used), wordsOf(n) + 1);
  }

  /** Appends `n` bytes, mostly few, for which there is room. */
  append(from: Uint8Array, at: number, n: number): void {
    const { used } = this;
    const { bytes } = this.out;
    if (n > longRun) bytes.set(from.subarray(at, at + n), used);
    else for (let k = 0; k < n; k++) bytes[used + k] = from[at + k];
    this.used += n;
  }

  /** All of it as value `i`. */
  write(i: number, cells: Cells): void {
    cells.setWords(i, this.out.words, this.used);
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
      if (this.#started) out.append(stored, 4 * i32[item + delimiter.offset], between);
      this.#started = true;
      out.append(stored, 4 * i32[item + value.offset], own);
    }
  }

  get bytes(): number {
    return this.#out.used;
  }

  write(i: number, out: Cells): void {
    this.#out.write(i, out);
  }
}

/**
 * The words of an array (dataflow/value/array.ts): count, NULL bits, elements or the lengths of var
 * ones, var bytes. The number of elements is known before the first, so each part has its place.
 */
class ArrayWords implements Collector {
  readonly #items: Items;
  readonly #out: GrowingWords;
  readonly #rows: number;
  /** Where the next element, or its length, and its var bytes go. */
  #head: number;
  #tail: number;
  #n = 0;

  constructor(items: Items, rows: number) {
    this.#items = items;
    this.#rows = rows;
    const { physical } = items.fields[0];
    this.#head = 1 + ((rows + 31) >> 5);
    this.#tail = this.#head + rows * (physical === 'i64' || physical === 'f64' ? 2 : 1);
    this.#out = new GrowingWords(this.#tail);
    this.#out.words[0] = rows;
  }

  take(item: number, copies: number): void {
    const { i32 } = this.#items.memory;
    const [field] = this.#items.fields;
    const isNull = isNullField(i32, item, field);
    const at = item + field.offset;
    for (let copy = 0; copy < copies; copy++) {
      const n = this.#n++;
      if (isNull) this.#out.words[1 + (n >> 5)] |= 1 << (n & 31);
      if (field.physical === 'var') {
        this.#takeVar(i32, i32[at], isNull ? 0 : i32[at + 1]);
        continue;
      }
      const { words } = this.#out;
      words[this.#head++] = isNull ? 0 : i32[at];
      if (field.physical !== 'i32') words[this.#head++] = isNull ? 0 : i32[at + 1];
    }
  }

  #takeVar(i32: Int32Array, at: number, bytes: number): void {
    const words = wordsOf(bytes);
    this.#out.room(this.#tail, words);
    this.#out.words[this.#head++] = bytes;
    copyRun(i32, at, words, this.#out.words, this.#tail);
    this.#tail += words;
  }

  get bytes(): number {
    return 4 * this.#tail;
  }

  write(i: number, out: Cells): void {
    assert(this.#n === this.#rows, `an array of ${this.#rows} elements has got ${this.#n}`);
    out.setWords(i, this.#out.words, 4 * this.#tail);
  }
}

/** UTF-16 units of text that are gathered before they become bytes. */
const textUnits = 16 * 1024;
const encoder = new TextEncoder();

/** A long text, as bytes. */
class LongText {
  readonly #out = new GrowingBytes();
  #text = '';

  get bytes(): number {
    return this.#out.used + this.#text.length;
  }

  append(text: string): void {
    this.#text += text;
    if (this.#text.length >= textUnits) this.#encode();
  }

  #encode(): void {
    const { out } = this.#out;
    this.#out.room(3 * this.#text.length);
    const { written } = encoder.encodeInto(this.#text, out.bytes.subarray(this.#out.used));
    this.#out.used += written;
    this.#text = '';
  }

  write(i: number, out: Cells): void {
    this.#encode();
    this.#out.write(i, out);
  }
}

/** The text of a jsonb array. */
class JsonbTexts implements Collector {
  readonly #items: Items;
  readonly #out = new LongText();
  #started = false;

  constructor(items: Items) {
    this.#items = items;
  }

  take(item: number, copies: number): void {
    const { types } = this.#items;
    const element = jsonbOf(types[0], argument(this.#items, item, 0));
    for (let copy = 0; copy < copies; copy++) {
      this.#out.append(`${this.#started ? ', ' : '['}${element}`);
      this.#started = true;
    }
  }

  get bytes(): number {
    return this.#out.bytes;
  }

  write(i: number, out: Cells): void {
    this.#out.append(']');
    this.#out.write(i, out);
  }
}

/**
 * The text of a jsonb object. Items come by their keys, which are texts, in the order that jsonb
 * gives them; of equal ones the last counts.
 */
class JsonbMembers implements Collector {
  readonly #items: Items;
  readonly #out = new LongText();
  /** The item that the next one may take the place of; 0 before the first. */
  #last = 0;
  #started = false;
  #isKeyNull = false;

  constructor(items: Items) {
    assert(items.types[0] === 'text', 'keys of members are texts');
    this.#items = items;
  }

  take(item: number): void {
    if (isNullField(this.#items.memory.i32, item, this.#items.fields[0])) {
      this.#isKeyNull = true;
      return;
    }
    if (this.#last !== 0 && !this.#sameKey(this.#last, item)) this.#member(this.#last);
    this.#last = item;
  }

  #sameKey(a: number, b: number): boolean {
    const { i32 } = this.#items.memory;
    const { offset } = this.#items.fields[0];
    const bytes = i32[a + offset + 1];
    return (
      bytes === i32[b + offset + 1] &&
      sameWords(i32, i32[a + offset], i32, i32[b + offset], wordsOf(bytes))
    );
  }

  #member(item: number): void {
    const { types } = this.#items;
    const key = jsonQuote(stringOf(argument(this.#items, item, 0)));
    const value = jsonbOf(types[1], argument(this.#items, item, 1));
    this.#out.append(`${this.#started ? ', ' : '{'}${key}: ${value}`);
    this.#started = true;
  }

  get bytes(): number {
    return this.#out.bytes;
  }

  write(i: number, out: Cells): void {
    if (this.#isKeyNull) {
      out.setError(i, '22023', 'field name must not be null');
      return;
    }
    this.#member(this.#last);
    this.#out.append('}');
    this.#out.write(i, out);
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
