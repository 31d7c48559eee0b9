/**
 * The memory of one operator's state: words in one buffer, handed out in blocks and taken back.
 *
 * A block is named by the word offset of its first word, its *address*; addresses are even and
 * never 0, so that 0 can mean "none". Block sizes are classes: every even size to 64 words, then
 * eight classes to each power of two (at most an eighth is wasted). Blocks of whole cache lines
 * start on one; what is skipped for that is handed out as a smaller block. Freed blocks are chained
 * by class through their first word and handed out again for the same class only.
 *
 * Growth never copies much: up to `copyWordsMax` the buffer doubles by copying (at most 1 MiB), so
 * that the many small operators take no address space; beyond, the state moves once into a buffer
 * with `regionBytesMax` reserved and grows in place by 1 MiB. Nothing moves inside the buffer, but
 * the views are replaced by growth: kernels load them once and load them again after `allocate`.
 * When the last block is given back everything starts over, so that an emptied operator is small.
 *
 * For checkpoints `written` has marks of the lines that are written to, and `image` copies these.
 * Blocks are marked whole when they are handed out, their first word when they come back. Whoever
 * writes into a block later marks it.
 *
 * Invariants: Σ words of blocks handed out = `live` <= `used` <= words of the buffer.
 */
import { assert } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import type { Saved } from '../value/saved.ts';
import { damaged, savedInteger, savedList, savedWords } from '../value/saved-parts.ts';
import { LineMarks } from './line-marks.ts';
import type { ImagedMemory } from './state-image.ts';
import { StateImage } from './state-image.ts';

/** Words of a cache line. */
export const lineWords = 16;
const startWords = 2 ** 9;
const copyWordsMax = 2 ** 18;
const growWords = 2 ** 18;
/** Addresses are int32 word offsets. */
const regionBytesMax = 2 ** 33 - 2 ** 23;
const classesMax = 33 + 8 * 26;

/** The class of a block of `words` words. */
function classOf(words: number): number {
  if (words <= 64) return (words + 1) >> 1;
  const shift = 28 - Math.clz32(words - 1);
  return 33 + (shift - 3) * 8 + (((words - 1) >> shift) - 8);
}

/** Words of a block of class `kind`: the inverse of `classOf`, rounded up. */
function wordsOfClass(kind: number): number {
  if (kind <= 32) return kind * 2;
  const shift = ((kind - 33) >> 3) + 3;
  return (((kind - 33) & 7) + 9) * 2 ** shift;
}

/** Words that a block of at least `words` words takes. */
export function sizeOfBlock(words: number): number {
  return wordsOfClass(classOf(words));
}

/** Blocks of words in one growing buffer. */
export class StateMemory implements ImagedMemory {
  /** Marks of what is written to. */
  readonly written = new LineMarks();
  /** What checkpoints copy. */
  readonly image: StateImage = new StateImage(this);
  #buffer: SharedArrayBuffer;
  #i32: Int32Array;
  #f64: Float64Array;
  #used = 2;
  #live = 0;
  readonly #free = new Int32Array(classesMax);

  constructor() {
    this.#buffer = new SharedArrayBuffer(startWords * 4);
    this.#i32 = new Int32Array(this.#buffer, 0, startWords);
    this.#f64 = new Float64Array(this.#buffer, 0, startWords >> 1);
  }

  /** The words; replaced by growth. */
  get i32(): Int32Array {
    return this.#i32;
  }

  /** The same memory as doubles; replaced by growth. */
  get f64(): Float64Array {
    return this.#f64;
  }

  /** Words handed out, rounded up to their classes. */
  get live(): number {
    return this.#live;
  }

  /** Words from the start of which any was ever handed out. */
  get used(): number {
    return this.#used;
  }

  /** Bytes of the buffer, and of the marks. */
  bytes(): number {
    return this.#i32.length * 4 + this.written.bytes();
  }

  /** What is kept beside the words. */
  save(): Saved {
    return [this.#used, this.#live, this.#free.slice()];
  }

  /** Takes over what was saved, before the words themselves come. Throws SqlError XX001. */
  restore(saved: Saved): void {
    const [used, live, free] = savedList(saved, 3);
    this.#used = savedInteger(used, 2, regionBytesMax / 4);
    this.#live = savedInteger(live, 0, this.#used);
    this.#free.set(savedWords(free, classesMax));
    if (this.#free.some((head) => head < 0 || head >= this.#used)) throw damaged('a free block');
    if (this.#used > this.#i32.length) this.#grow(this.#used);
  }

  /** A block of at least `words` words; its contents are whatever was there. */
  allocate(words: number): number {
    assert(words > 0, `a block has words, got ${words}`);
    const kind = classOf(words);
    const size = wordsOfClass(kind);
    this.#live += size;
    const head = this.#free[kind];
    if (head !== 0) {
      this.#free[kind] = this.#i32[head];
      this.written.words(head, size);
      return head;
    }
    const at = this.#start(size);
    if (at + size > this.#i32.length) this.#grow(at + size);
    this.#use(at, size);
    return at;
  }

  /** Where a block of a class's size would start that was never handed out before. */
  #start(size: number): number {
    return size % lineWords === 0 ? (this.#used + lineWords - 1) & -lineWords : this.#used;
  }

  #use(at: number, words: number): void {
    this.written.words(this.#used, at + words - this.#used);
    if (at > this.#used) this.#chain(this.#used, classOf(at - this.#used));
    this.#used = at + words;
  }

  /**
   * How many blocks of `words` words, a size of a class, lie side by side at `nextOf(words)` without
   * growth: none while there are blocks that were given back.
   */
  roomFor(words: number): number {
    const kind = classOf(words);
    assert(wordsOfClass(kind) === words, `${words} words are a size of a class`);
    if (this.#free[kind] !== 0) return 0;
    return Math.max(0, Math.floor((this.#i32.length - this.#start(words)) / words));
  }

  /** Address of the first of the blocks that `roomFor` counts. */
  nextOf(words: number): number {
    return this.#start(words);
  }

  /** Hands out the first `n` of the blocks that `roomFor` counts. */
  take(words: number, n: number): void {
    if (n === 0) return;
    this.#use(this.#start(words), words * n);
    this.#live += words * n;
  }

  #chain(address: number, kind: number): void {
    this.written.word(address);
    this.#i32[address] = this.#free[kind];
    this.#free[kind] = address;
  }

  /** Takes back a block that was allocated with the same `words`. */
  free(address: number, words: number): void {
    const kind = classOf(words);
    this.#live -= wordsOfClass(kind);
    assert(address > 0 && this.#live >= 0, `block ${address} was handed out`);
    if (this.#live === 0) {
      this.#restart();
      return;
    }
    this.#chain(address, kind);
  }

  #restart(): void {
    this.#free.fill(0);
    this.#used = 2;
    this.written.clear(startWords);
    if (this.#i32.length > startWords) this.#adopt(new SharedArrayBuffer(startWords * 4));
  }

  #grow(words: number): void {
    if (words * 4 > regionBytesMax) {
      throw sqlError('53200', 'out of memory', {
        detail: `The state of one operator takes ${regionBytesMax} bytes at most.`,
      });
    }
    if (words <= copyWordsMax) {
      let size = this.#i32.length;
      while (size < words) size *= 2;
      this.#move(new SharedArrayBuffer(size * 4));
      return;
    }
    const bytes = Math.ceil(words / growWords) * growWords * 4;
    if (this.#buffer.growable) {
      this.#buffer.grow(bytes);
      this.#adopt(this.#buffer);
    } else this.#move(new SharedArrayBuffer(bytes, { maxByteLength: regionBytesMax }));
  }

  #move(buffer: SharedArrayBuffer): void {
    const old = this.#i32;
    this.#adopt(buffer);
    this.#i32.set(old);
  }

  #adopt(buffer: SharedArrayBuffer): void {
    const words = buffer.byteLength >>> 2;
    this.written.cover(words);
    this.#buffer = buffer;
    this.#i32 = new Int32Array(buffer, 0, words);
    this.#f64 = new Float64Array(buffer, 0, words >>> 1);
  }
}
