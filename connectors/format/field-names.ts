/**
 * Which field comes next. What stands between two values of an object (`,"name":` with whatever
 * blanks the producer puts there) is a *token*. Producers write the same tokens in the same order
 * in record after record, so the table remembers tokens byte for byte, with the field that each
 * names and the token that came after it last time. The next token is then found by comparing a few
 * words, which replaces checks of comma, quotes, key, colon and blanks: a token that was parsed
 * once means the same wherever the same bytes stand in the same place.
 *
 * A token that is not the expected one is parsed, looked up by its bytes, and learned if there is
 * room. A token of the first place (no comma) can only be remembered as the successor of the start,
 * those of other places only as successors of tokens, so the grammar holds.
 *
 * Nothing of a name ever becomes code or an object's key.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import { utf8 } from '../../dataflow/value/words.ts';
import type { JsonCursor } from './json-cursor.ts';
import { closeBrace, comma, lowestByte, openBrace, quote, special } from './json-cursor.ts';

/** Tokens that are remembered. */
const tokensMax = 1024;
/** Words of the longest token that is. */
const tokenWords = 16;
/**
 * A token's row in the table: length in bytes, field, the token that followed last time, then its
 * words.
 */
const rowField = 1;
const rowNext = 2;
const rowWords = 3;
const rowStride = rowWords + tokenWords;
const slotsMask = 2 * tokensMax - 1;
const start = 0;
/** Stands for tokens that are not remembered. */
const unknownToken = rowStride;

/** `found` when the object ends where a token is expected. */
export const noMore = -2;
/** `found` when no column wants the field. */
export const unwanted = -1;

/** The table of tokens of one decoder, and the place in the current object. */
export class FieldNames {
  readonly #names: readonly Uint8Array[];
  readonly #byName: ReadonlyMap<string, number>;
  /**
   * One row a token; a token is known by the offset of its row. The first two are the start and the
   * unknown.
   */
  readonly #table = new Int32Array(tokensMax * rowStride);
  readonly #slots = new Int32Array(slotsMask + 1).fill(-1);
  #end = 2 * rowStride;
  /** The token before the current place. */
  #at = start;
  /** What the last `find` came upon: a field's number, `unwanted`, or `noMore`. */
  found = unwanted;
  /** How many containers deep a value may be. */
  readonly #depth: number;
  /**
   * The tokens of objects that no column wants, which producers write alike too; made when the
   * first one comes. Objects in those are left to the cursor.
   */
  #skipped: FieldNames | null = null;
  readonly #isOuter: boolean;

  constructor(names: readonly string[], isOuter = true) {
    this.#isOuter = isOuter;
    this.#depth = limits.jsonDepthMax - (isOuter ? 1 : 2);
    this.#names = names.map(utf8);
    this.#byName = new Map(names.map((name, field) => [name, field]));
    assert(this.#byName.size === names.length, 'a field goes to one column');
  }

  /** An object begins. */
  open(): void {
    this.#at = start;
  }

  /**
   * Reads on from `p`, where an object has just begun or a value has just ended, past fields that no
   * column wants; answers the index of the next wanted value, of the byte where the object must end
   * (`found` = `noMore`), or -1 if this is not JSON.
   */
  find(cursor: JsonCursor, from: number): number {
    const table = this.#table;
    const { bytes, view, end } = cursor;
    const wideEnd = Math.min(end, view.byteLength - 4);
    let at = this.#at;
    let p = from;
    for (;;) {
      const guess = table[at + rowNext];
      const after = p + table[guess];
      // The row at 0 is no token: nothing is known to follow.
      let same = guess > 0 && after < wideEnd;
      let word = guess + rowWords;
      let q = p;
      for (; same && q <= after - 4; q += 4) same = view.getInt32(q, true) === table[word++];
      if (same && q < after)
        same = (view.getInt32(q, true) ^ table[word]) << (32 - 8 * (after - q)) === 0;
      const first = same ? bytes[after] : 0;
      // Where a blank follows, the token is a longer one.
      if (first > 0x20) {
        at = guess;
        p = after;
        this.found = table[guess + rowField];
      } else {
        this.#at = at;
        p = this.#parse(cursor, p);
        at = this.#at;
      }
      if (p < 0 || this.found !== unwanted) break;
      const start = p;
      const kind = bytes[start];
      if (kind === quote) {
        // Plain words of a string; whatever else is in it is the cursor's.
        let found = 0;
        let wordAt = 0;
        p++;
        for (; p < wideEnd; p += 4) {
          wordAt = view.getInt32(p, true);
          found = special(wordAt);
          if (found !== 0) break;
        }
        const shift = found === 0 ? 0 : lowestByte(found) * 8;
        if (found !== 0 && ((wordAt >>> shift) & 0xff) === quote && p + (shift >> 3) < end) {
          p += (shift >> 3) + 1;
          continue;
        }
        p = cursor.skipString(start + 1);
      } else if (kind === openBrace && this.#isOuter) {
        this.#skipped ??= new FieldNames([], false);
        p = this.#skipped.#skip(cursor, start);
      } else {
        p = cursor.skipValue(start, this.#depth);
      }
      if (p < 0) break;
    }
    this.#at = at;
    return p;
  }

  /** Skips the object at `at`, of which nothing is wanted. */
  #skip(cursor: JsonCursor, at: number): number {
    this.open();
    const p = this.find(cursor, at + 1);
    if (p < 0) return -1;
    return p < cursor.end && cursor.bytes[p] === closeBrace
      ? p + 1
      : cursor.fail('"," or "}" is expected');
  }

  #parse(cursor: JsonCursor, from: number): number {
    const { bytes, end } = cursor;
    let p = cursor.skipBlank(from);
    this.found = noMore;
    if (p >= end) return cursor.fail('an object has no end');
    if (this.#at !== start) {
      if (bytes[p] !== comma) return p;
      p = cursor.skipBlank(p + 1);
    } else if (bytes[p] !== quote) {
      return p;
    }
    if (p >= end || bytes[p] !== quote) return cursor.fail('an object key is expected');
    const key = p + 1;
    const keyEnd = cursor.skipString(key);
    if (keyEnd < 0) return -1;
    const escaped = cursor.escaped;
    p = cursor.afterColon(keyEnd);
    if (p < 0) return -1;
    const token = this.#lookUp(bytes, from, p);
    if (token > 0) {
      this.found = this.#table[token + rowField];
      this.#follow(token);
      return p;
    }
    this.found = escaped
      ? this.#byText(cursor, key, keyEnd)
      : this.#byBytes(bytes, key, keyEnd - 1);
    this.#learn(bytes, from, p);
    return p;
  }

  #follow(token: number): void {
    if (this.#at !== unknownToken) this.#table[this.#at + rowNext] = token;
    this.#at = token;
  }

  #hash(bytes: Uint8Array, from: number, to: number): number {
    let hash = to - from;
    for (let k = from; k < to; k++) hash = Math.imul(hash ^ bytes[k], 0x01000193);
    return (hash ^ (hash >>> 15)) & slotsMask;
  }

  /** The token with these bytes, or -1. */
  #lookUp(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from;
    for (let slot = this.#hash(bytes, from, to); ; slot = (slot + 1) & slotsMask) {
      const token = this.#slots[slot];
      if (token < 0) return -1;
      if (this.#table[token] !== length) continue;
      let k = 0;
      while (k < length && this.#byteOf(token, k) === bytes[from + k]) k++;
      if (k === length) return token;
    }
  }

  #byteOf(token: number, k: number): number {
    return (this.#table[token + rowWords + (k >> 2)] >>> ((k & 3) * 8)) & 0xff;
  }

  #learn(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length > tokenWords * 4 || this.#end >= this.#table.length) {
      // What follows an unknown token is not guessed; any token but the start says "not first".
      this.#at = unknownToken;
      return;
    }
    const table = this.#table;
    const token = this.#end;
    this.#end += rowStride;
    for (let k = 0; k < length; k++) {
      table[token + rowWords + (k >> 2)] |= bytes[from + k] << ((k & 3) * 8);
    }
    table[token] = length;
    table[token + rowField] = this.found;
    let slot = this.#hash(bytes, from, to);
    while (this.#slots[slot] >= 0) slot = (slot + 1) & slotsMask;
    this.#slots[slot] = token;
    this.#follow(token);
  }

  #byBytes(bytes: Uint8Array, from: number, to: number): number {
    const names = this.#names;
    for (let field = 0; field < names.length; field++) {
      const name = names[field];
      if (name.length !== to - from) continue;
      let k = 0;
      while (k < name.length && name[k] === bytes[from + k]) k++;
      if (k === name.length) return field;
    }
    return unwanted;
  }

  /** A key with escapes: `from` is the index after its quote, `to` that after the closing one. */
  #byText(cursor: JsonCursor, from: number, to: number): number {
    const name: unknown = JSON.parse(cursor.text(from - 1, to));
    assert(typeof name === 'string', 'a checked JSON string reads as a string');
    return this.#byName.get(name) ?? unwanted;
  }
}
