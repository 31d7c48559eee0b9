/**
 * Which lines of a state's memory were written to since they were last copied: a byte per line of
 * 64 words, 1 where there is something to copy, and the number of such lines.
 *
 * While nobody copies there are no marks, and marking is one test of a field; loops over records
 * ask `on` once. Whoever writes marks before or after it does, but before the step ends: a copy made
 * between two turns of a step may be wrong for a while; the one that counts is made when it ended.
 *
 * Invariants: `dirty` is the number of bytes that are 1; while on there is a byte for each line of
 * the memory.
 */
import { assert } from '../../src/base/assert.ts';

/** A line is 2^6 words. */
const lineBits = 6;
/** Words of a line. */
export const markedWords = 2 ** lineBits;
const none = new Uint8Array(0);

/** Marks of one memory. */
export class LineMarks {
  #on = false;
  #bytes = none;
  /** The same bytes by eights: 0 where none is 1. */
  #eights = new Float64Array(none.buffer);
  #dirty = 0;

  /** Whether somebody copies. */
  get on(): boolean {
    return this.#on;
  }

  /** Lines that are marked. */
  get dirty(): number {
    return this.#dirty;
  }

  /** Marking begins: the lines of the first `used` words are marked, of `words` that there are. */
  start(words: number, used: number): void {
    this.#on = true;
    this.#make(words);
    this.#dirty = Math.ceil(used / markedWords);
    assert(this.#dirty <= this.#bytes.length, `${used} words in use are in the memory`);
    this.#bytes.fill(1, 0, this.#dirty);
  }

  stop(): void {
    this.#on = false;
    this.#bytes = none;
    this.#eights = new Float64Array(none.buffer);
    this.#dirty = 0;
  }

  /** The memory has `words` words now. */
  cover(words: number): void {
    if (!this.#on || words <= this.#bytes.length * markedWords) return;
    const old = this.#bytes;
    this.#make(Math.max(words, 2 * old.length * markedWords));
    this.#bytes.set(old);
  }

  /** The memory starts over, with `words` words: nothing in it is worth a copy. */
  clear(words: number): void {
    if (!this.#on) return;
    this.#make(words);
    this.#dirty = 0;
  }

  #make(words: number): void {
    this.#bytes = new Uint8Array(Math.ceil(words / markedWords / 8) * 8);
    this.#eights = new Float64Array(this.#bytes.buffer);
  }

  /** The word at `at` is written to. */
  word(at: number): void {
    if (!this.#on) return;
    const bytes = this.#bytes;
    const line = at >>> lineBits;
    this.#dirty += 1 - bytes[line];
    bytes[line] = 1;
  }

  /** `n` words from `at` on are written to. */
  words(at: number, n: number): void {
    if (!this.#on) return;
    const bytes = this.#bytes;
    const last = (at + n - 1) >>> lineBits;
    let clean = 0;
    for (let line = at >>> lineBits; line <= last; line++) {
      clean += 1 - bytes[line];
      bytes[line] = 1;
    }
    this.#dirty += clean;
  }

  /** So are the records of `words` words at records[first … first + n - 1]. */
  records(records: Int32Array, first: number, n: number, words: number): void {
    if (!this.#on) return;
    const bytes = this.#bytes;
    let clean = 0;
    for (let i = first; i < first + n; i++) {
      const at = records[i];
      const last = (at + words - 1) >>> lineBits;
      for (let line = at >>> lineBits; line <= last; line++) {
        clean += 1 - bytes[line];
        bytes[line] = 1;
      }
    }
    this.#dirty += clean;
  }

  /** The first marked line from `from` on; -1 if there is none. */
  next(from: number): number {
    const bytes = this.#bytes;
    const eights = this.#eights;
    let line = from;
    for (; (line & 7) !== 0; line++) if (bytes[line] === 1) return line;
    let at = line >> 3;
    while (at < eights.length && eights[at] === 0) at++;
    if (at >= eights.length) return -1;
    for (line = at << 3; bytes[line] === 0; line++);
    return line;
  }

  /** Takes the marks off a run of marked lines from `line` on, at most `most`; answers how many. */
  take(line: number, most: number): number {
    const bytes = this.#bytes;
    let end = line;
    for (; end < line + most && bytes[end] === 1; end++) bytes[end] = 0;
    this.#dirty -= end - line;
    assert(this.#dirty >= 0, 'marks that are taken off were counted');
    return end - line;
  }

  bytes(): number {
    return this.#bytes.length;
  }
}
