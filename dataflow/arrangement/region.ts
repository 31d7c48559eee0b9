/**
 * Regions: the shared memory that arrangements live in, and the pool that hands it out.
 *
 * A region is one growable `SharedArrayBuffer` with 8 GiB of address space reserved and grown in
 * place, so nothing ever moves. A reserve costs no memory, but address space ends at about 16,000
 * of them; therefore many arrangements share a region and take *blocks* from it.
 *
 * Blocks are a buddy system: sizes are powers of two words from `blockWordsMin`, a block of size s
 * starts at a multiple of s, and a freed block merges with its buddy. So thousands of small
 * arrangements cost what they use, and what they give back is whole again for large ones.
 *
 * `i32` has an explicit length (length-tracking views are 14 times slower) and is replaced by
 * growth; old views stay valid for what they cover. Whoever allocates reads `i32` anew afterwards.
 * `meta` is one word for every `blockWordsMin` words, for use by the owner of the block (never
 * negative): it answers "whose address is this" without a search. It grows in place too, as a copy
 * would be a pause that grows with the state.
 *
 * A region that cannot grow says so with SQLSTATE 53200, before anything has changed.
 *
 * A free block is on the list of its order, linked through its first two words (addresses + 1, 0
 * ends), and the `meta` of its start is -order. The start of a buddy is always the start of some
 * block, so that one word tells whether the buddy is free and whole.
 *
 * A block costs about a microsecond to free, so an arrangement of millions of rows *leaves*: what
 * it had is freed in slices, or at once if somebody needs the room.
 *
 * Invariants: Σ words of blocks handed out = `used`; used + Σ free blocks = length.
 */
import { assert } from '../../src/base/assert.ts';
import type { SqlError } from '../../src/base/error.ts';
import { sqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';

/** Words of the smallest block. */
export const blockWordsMin = 128;
const orderMin = 7;
/** Blocks from this order on count as room for anything smaller. */
const orderLarge = 14;
const orderMax = 26;
/** 1 MiB. */
const growWords = 2 ** 18;
/** Addresses are int32 word offsets, tables keep them shifted. */
const regionWordsMax = 2 ** 31 - growWords;
/** Blocks of an arrangement that ends that are freed at once. */
const blocksAtOnce = 512;
/** Words in use beyond which a region takes no new arrangements. */
const sharedWordsMax = 2 ** 24;

/** The order of the least block of at least `words` words. */
function orderOf(words: number): number {
  return Math.max(orderMin, 32 - Math.clz32(words - 1));
}

/** Words of the block that `allocate(words)` takes. */
export function blockWords(words: number): number {
  return 2 ** orderOf(words);
}

/** Reserves as much address space as the runtime gives, 8 GiB if it can (older ones stop at 2). */
function reserve(wordsMax: number): SharedArrayBuffer {
  let words = wordsMax;
  for (;;) {
    try {
      return new SharedArrayBuffer(0, { maxByteLength: words * 4 });
    } catch (error) {
      if (!(error instanceof RangeError) || words < growWords * 2) throw error;
      words = Math.floor(words / 2 / growWords) * growWords;
    }
  }
}

/** The error of a region that has no more room. */
function outOfMemory(bytes: number): SqlError {
  return sqlError('53200', 'out of memory', {
    detail: `The rows of one collection and what shares their memory take ${bytes} bytes at most.`,
  });
}

/** One growable piece of shared memory and its free blocks. */
export class Region {
  i32: Int32Array;
  meta: Int32Array;
  readonly #buffer: SharedArrayBuffer;
  readonly #metaBuffer: SharedArrayBuffer;
  /** First free block of each order, + 1. */
  readonly #heads = new Int32Array(orderMax + 1);
  #used = 0;
  /** Words of free blocks of order `orderLarge` and up. */
  #free = 0;
  /** Arenas that have ended and still have blocks to free. */
  readonly leaving: Arena[] = [];

  /** `wordsMax`: how far it may grow, in whole MiB. */
  constructor(wordsMax = regionWordsMax) {
    this.#buffer = reserve(wordsMax);
    const blocks = this.#buffer.maxByteLength / 4 / blockWordsMin;
    this.#metaBuffer = new SharedArrayBuffer(0, { maxByteLength: blocks * 4 });
    this.i32 = new Int32Array(this.#buffer, 0, 0);
    this.meta = new Int32Array(this.#metaBuffer, 0, 0);
  }

  /** The memory itself, for other threads. */
  get buffer(): SharedArrayBuffer {
    return this.#buffer;
  }

  /** Words handed out. */
  get used(): number {
    return this.#used;
  }

  /** Takes a block of at least `words` words; its contents are whatever was there. */
  allocate(words: number): number {
    const order = orderOf(words);
    assert(order <= orderMax, `a block has at most 2^${orderMax} words, got ${words}`);
    let from = this.#firstFree(order);
    if (from > orderMax) {
      this.#grow(order);
      from = this.#firstFree(order);
    }
    this.#used += 2 ** order;
    const at = this.#heads[from] - 1;
    this.#unlink(at, from);
    this.meta[at / blockWordsMin] = 0;
    while (from > order) {
      from--;
      this.#link(at + 2 ** from, from);
    }
    return at;
  }

  /**
   * Whether blocks of `words` words in all, none larger than 2^14, and beside them one of `largest`
   * can be had for certain.
   */
  hasRoom(words: number, largest: number): boolean {
    const size = 2 ** orderOf(largest);
    const most = this.#buffer.maxByteLength / 4;
    const start = Math.ceil(this.i32.length / size) * size;
    if (start + size + words <= most) return true;
    if (this.#firstFree(orderOf(largest)) > orderMax) return false;
    return most - this.i32.length + this.#free >= words + size;
  }

  /** Throws SQLSTATE 53200 unless there is room; to be asked before anything is changed. */
  reserve(words: number, largest: number): void {
    if (this.hasRoom(words, largest)) return;
    for (let arena = this.leaving[0]; arena !== undefined; arena = this.leaving[0]) {
      arena.freeSome(Infinity);
    }
    if (!this.hasRoom(words, largest)) throw outOfMemory(this.#buffer.maxByteLength);
  }

  #firstFree(order: number): number {
    let from = order;
    while (from <= orderMax && this.#heads[from] === 0) from++;
    return from;
  }

  /** Gives back a block that was taken with the same `words`. */
  free(at: number, words: number): void {
    const order = orderOf(words);
    this.#used -= 2 ** order;
    assert(this.#used >= 0, 'no more words come back than went out');
    this.#put(at, order);
  }

  /** Frees a block, merging it with its buddy as long as that is free too. */
  #put(start: number, startOrder: number): void {
    let at = start;
    let order = startOrder;
    while (order < orderMax) {
      const size = 2 ** order;
      const buddy = at % (size * 2) === 0 ? at + size : at - size;
      if (buddy >= this.i32.length || this.meta[buddy / blockWordsMin] !== -order) break;
      this.#unlink(buddy, order);
      this.meta[buddy / blockWordsMin] = 0;
      at = Math.min(at, buddy);
      order++;
    }
    this.#link(at, order);
  }

  #link(at: number, order: number): void {
    const { i32 } = this;
    const next = this.#heads[order];
    i32[at] = next;
    i32[at + 1] = 0;
    if (next !== 0) i32[next] = at + 1;
    this.#heads[order] = at + 1;
    if (order >= orderLarge) this.#free += 2 ** order;
    this.meta[at / blockWordsMin] = -order;
  }

  #unlink(at: number, order: number): void {
    const { i32 } = this;
    if (order >= orderLarge) this.#free -= 2 ** order;
    const next = i32[at];
    const previous = i32[at + 1];
    if (previous === 0) this.#heads[order] = next;
    else i32[previous - 1] = next;
    if (next !== 0) i32[next] = previous;
  }

  /** Makes a free block of `order` at the end, and more on a large region: fewer view changes. */
  #grow(order: number): void {
    const old = this.i32.length;
    const size = 2 ** order;
    const start = Math.ceil(old / size) * size;
    const spare = Math.floor(old / 16 / growWords) * growWords;
    const most = this.#buffer.maxByteLength / 4;
    const least = Math.ceil((start + size) / growWords) * growWords;
    if (least > most) throw outOfMemory(most * 4);
    const words = Math.min(most, Math.max(least, old + spare, old + growWords));
    try {
      this.#metaBuffer.grow((words / blockWordsMin) * 4);
      this.#buffer.grow(words * 4);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw outOfMemory(old * 4);
    }
    this.i32 = new Int32Array(this.#buffer, 0, words);
    this.meta = new Int32Array(this.#metaBuffer, 0, words / blockWordsMin);
    this.#release(old, words);
  }

  /** Cuts a range into aligned blocks and frees them. */
  #release(from: number, to: number): void {
    let at = from;
    while (at < to) {
      let order = orderMin;
      while (order < orderMax && at % 2 ** (order + 1) === 0 && at + 2 ** (order + 1) <= to)
        order++;
      this.#put(at, order);
      at += 2 ** order;
    }
  }
}

/** Counts what one arrangement holds of its region. */
export class Arena {
  readonly region: Region;
  readonly #pool: RegionPool;
  #words = 0;
  /** Starts and words of blocks that are to be freed, once the arrangement has ended. */
  #left: number[] | null = null;

  constructor(region: Region, pool: RegionPool) {
    this.region = region;
    this.#pool = pool;
  }

  /** Words held. */
  get words(): number {
    return this.#words;
  }

  allocate(words: number): number {
    this.#words += blockWords(words);
    return this.region.allocate(words);
  }

  free(at: number, words: number): void {
    if (this.#left !== null) {
      this.#left.push(at, words);
      return;
    }
    this.#words -= blockWords(words);
    this.region.free(at, words);
  }

  /** Everything comes back from now on, and then `close`: it may be freed later. */
  leave(): void {
    this.#left = [];
  }

  /** Ends the arena; everything was given back. */
  close(): void {
    if (this.#left !== null && this.#left.length > 2 * blocksAtOnce) this.region.leaving.push(this);
    else this.#end();
  }

  /** Frees up to `blocks` blocks of an arena that leaves. */
  freeSome(blocks: number): void {
    const left = this.#left ?? [];
    for (let n = Math.min(blocks, left.length / 2); n > 0; n--) {
      const words = left.pop() ?? 0;
      const at = left.pop() ?? 0;
      this.#words -= blockWords(words);
      this.region.free(at, words);
    }
    if (left.length > 0) return;
    const at = this.region.leaving.indexOf(this);
    if (at >= 0) this.region.leaving.splice(at, 1);
    this.#end();
  }

  #end(): void {
    const left = this.#left ?? [];
    this.#left = null;
    for (let k = 0; k < left.length; k += 2) this.free(left[k], left[k + 1]);
    assert(this.#words === 0, `every block comes back, ${this.#words} words are left`);
    this.#pool.close(this.region);
  }
}

/** Hands out memory to the arrangements of one thread. */
export class RegionPool {
  readonly #regions = new Map<Region, number>();
  readonly #regionWords: number;

  /** `regionWords`: how far each region may grow, in whole MiB; for tests. */
  constructor(regionWords = regionWordsMax) {
    this.#regionWords = regionWords;
  }

  /** Bytes held by arrangements. */
  get bytes(): number {
    let words = 0;
    for (const region of this.#regions.keys()) words += region.used;
    return words * 4;
  }

  /** Regions that exist. */
  get regions(): number {
    return this.#regions.size;
  }

  /** A share of the emptiest region, or of a new one if all are busy. */
  open(): Arena {
    let best: Region | null = null;
    for (const region of this.#regions.keys()) {
      if (best === null || region.used < best.used) best = region;
    }
    if (best === null || (best.used > sharedWordsMax && this.#regions.size < limits.regionsMax)) {
      best = new Region(this.#regionWords);
    }
    this.#regions.set(best, (this.#regions.get(best) ?? 0) + 1);
    return new Arena(best, this);
  }

  /** Frees a slice of what arrangements that ended have left; false if there was nothing. */
  tidy(): boolean {
    for (const { leaving } of this.#regions.keys()) {
      if (leaving.length === 0) continue;
      leaving[0].freeSome(blocksAtOnce);
      return true;
    }
    return false;
  }

  /** The call of an arena that ends: a region without tenants is dropped, memory and all. */
  close(region: Region): void {
    const tenants = (this.#regions.get(region) ?? 0) - 1;
    assert(tenants >= 0, 'a region is closed once per arena');
    if (tenants === 0) this.#regions.delete(region);
    else this.#regions.set(region, tenants);
  }
}
