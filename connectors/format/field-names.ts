/**
 * Which field a key is. Names are rows of a table: their bytes, padded to words, and the number of
 * the wanted field, or -1 for a name that was only seen. Producers write records in one order, so
 * the table remembers which name stood k-th in the last record; a key that is the same again is
 * found by comparing a few words, without looking for its end. Names that no column wants are
 * learned too, up to `learnedNamesMax`, so that skipping them is as quick.
 *
 * Nothing of a name ever becomes code or an object's key.
 */
import { assert } from '../../src/base/assert.ts';
import { utf8 } from '../../dataflow/value/words.ts';
import type { JsonCursor } from './json-cursor.ts';
import { quote } from './json-cursor.ts';

/** Names that are remembered though no column wants them. */
const learnedNamesMax = 256;
/** Longer names are found without the table's help. */
const nameBytesMax = 64;
/** Places in a record for which the last name is remembered. */
const placesMax = 512;

export class FieldNames {
  /** Wanted field by row, or -1. */
  readonly #field: number[] = [];
  readonly #bytes: number[] = [];
  /** First word in `#words` by row. */
  readonly #at: number[] = [];
  #words: Int32Array = new Int32Array(256);
  #wordsTop = 0;
  readonly #wantedRows: number;
  /** Row by hash, -1 = free. */
  readonly #slots = new Int32Array(1024).fill(-1);
  readonly #overflow = new Map<string, number>();
  readonly #order = new Int32Array(placesMax).fill(-1);
  /** The field of the key that `find` read last, -1 if no column wants it. */
  found = -1;

  constructor(names: readonly string[]) {
    names.forEach((name, field) => {
      const bytes = utf8(name);
      if (bytes.length <= nameBytesMax && this.#field.length < learnedNamesMax) this.#add(bytes, field);
      else this.#overflow.set(name, field);
    });
    this.#wantedRows = this.#field.length;
  }

  /** Forgets the order of the last record: call it when the documents change their kind. */
  reset(): void {
    this.#order.fill(-1);
  }

  #add(bytes: Uint8Array, field: number): number {
    const row = this.#field.length;
    const words = (bytes.length + 3) >> 2;
    if (this.#wordsTop + words > this.#words.length) {
      const wider = new Int32Array(this.#words.length * 2 + words);
      wider.set(this.#words);
      this.#words = wider;
    }
    const at = this.#wordsTop;
    this.#wordsTop += words;
    for (let k = 0; k < bytes.length; k++) this.#words[at + (k >> 2)] |= bytes[k] << ((k & 3) * 8);
    this.#field.push(field);
    this.#bytes.push(bytes.length);
    this.#at.push(at);
    let slot = this.#hash(bytes, 0, bytes.length);
    while (this.#slots[slot] >= 0) slot = (slot + 1) & 1023;
    this.#slots[slot] = row;
    assert(row < 1000, `the table of names has room, got ${row} rows`);
    return row;
  }

  #hash(bytes: Uint8Array, from: number, length: number): number {
    let hash = length;
    for (let k = from; k < from + length; k++) hash = Math.imul(hash ^ bytes[k], 0x01000193);
    return (hash ^ (hash >>> 15)) & 1023;
  }

  /**
   * Finds the field of the `place`-th key of a record; `at` is the index after the key's opening
   * quote. Answers the index after its closing quote, or -1 if it is not a JSON string.
   */
  find(cursor: JsonCursor, at: number, place: number): number {
    const guess = place < placesMax ? this.#order[place] : -1;
    if (guess >= 0 && this.#same(cursor, at, guess)) {
      this.found = this.#field[guess];
      return at + this.#bytes[guess] + 1;
    }
    const next = cursor.skipString(at);
    if (next < 0) return -1;
    if (cursor.escaped || next - 1 - at > nameBytesMax) {
      this.found = this.#byText(cursor, at, next);
      return next;
    }
    let row = this.#lookUp(cursor, at, next - 1 - at);
    if (row < 0 && this.#field.length < this.#wantedRows + learnedNamesMax) {
      const bytes = cursor.bytes.slice(at, next - 1);
      row = this.#add(bytes, this.#overflow.get(cursor.text(at, next - 1)) ?? -1);
    }
    if (place < placesMax) this.#order[place] = row;
    this.found = row >= 0 ? this.#field[row] : this.#byText(cursor, at, next);
    return next;
  }

  /** Whether the name of `row` and a quote stand at `at`. A name has no byte that JSON would escape. */
  #same(cursor: JsonCursor, at: number, row: number): boolean {
    const length = this.#bytes[row];
    const { view, bytes } = cursor;
    if (at + length + 4 > bytes.length || at + length >= cursor.end || bytes[at + length] !== quote) return false;
    const words = this.#words;
    let word = this.#at[row];
    let k = 0;
    for (; k + 4 <= length; k += 4) if (view.getInt32(at + k, true) !== words[word++]) return false;
    const rest = length - k;
    return rest === 0 || ((view.getInt32(at + k, true) ^ words[word]) << (32 - 8 * rest)) === 0;
  }

  #lookUp(cursor: JsonCursor, at: number, length: number): number {
    const { bytes } = cursor;
    for (let slot = this.#hash(bytes, at, length); ; slot = (slot + 1) & 1023) {
      const row = this.#slots[slot];
      if (row < 0) return -1;
      if (this.#bytes[row] !== length) continue;
      const word = this.#at[row];
      let k = 0;
      while (k < length && ((this.#words[word + (k >> 2)] >> ((k & 3) * 8)) & 0xff) === bytes[at + k]) k++;
      if (k === length) return row;
    }
  }

  /** Names with escapes, long ones, and those for which the table has no room. */
  #byText(cursor: JsonCursor, at: number, next: number): number {
    const name: unknown = JSON.parse(cursor.text(at - 1, next));
    assert(typeof name === 'string', 'a checked JSON string reads as a string');
    const overflow = this.#overflow.get(name);
    if (overflow !== undefined) return overflow;
    const bytes = utf8(name);
    for (let row = 0; row < this.#wantedRows; row++) {
      if (this.#bytes[row] !== bytes.length) continue;
      const word = this.#at[row];
      const same = bytes.every((byte, k) => ((this.#words[word + (k >> 2)] >> ((k & 3) * 8)) & 0xff) === byte);
      if (same) return this.#field[row];
    }
    return -1;
  }
}
