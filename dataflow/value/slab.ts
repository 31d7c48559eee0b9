/**
 * Slabs: fixed pieces of shared memory from which batches are cut, recycled by size.
 *
 * A slab is one `SharedArrayBuffer` with an explicit length (length-tracking views are 14 times
 * slower) and is filled from the front by `take`. It is counted: whoever keeps a batch past the
 * call that gave it retains its slab. When the count falls to zero the slab goes back to its pool
 * with `used = 0`; its words are *not* cleared, so writers write every word that they take.
 *
 * A writer that has ended may leave its slab to another one if there is room: many small batches
 * that wait somewhere are in few slabs then.
 *
 * Sizes are powers of two of at least `slabWordsMin` words; the pool keeps at most
 * `slabPoolBytesMax` bytes of free slabs and forgets the rest.
 */
import { assert } from '../../src/base/assert.ts';
import type { Slab } from './batch.ts';

/** 256 KiB. */
export const slabWordsMin = 2 ** 16;
const slabPoolBytesMax = 64 * 1024 * 1024;

class PooledSlab implements Slab {
  readonly i32: Int32Array;
  readonly i64: BigInt64Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;
  readonly words: number;
  #used = 0;
  #users = 1;
  readonly #pool: SlabPool | null;
  readonly lonely: boolean;

  constructor(buffer: SharedArrayBuffer | ArrayBuffer, pool: SlabPool | null, lonely = false) {
    this.lonely = lonely;
    this.words = buffer.byteLength >> 2;
    assert(this.words % 2 === 0, `a slab is whole double words, got ${this.words}`);
    this.i32 = new Int32Array(buffer, 0, this.words);
    this.i64 = new BigInt64Array(buffer, 0, this.words >> 1);
    this.f64 = new Float64Array(buffer, 0, this.words >> 1);
    this.u8 = new Uint8Array(buffer, 0, this.words << 2);
    this.#pool = pool;
  }

  get used(): number {
    return this.#used;
  }

  take(words: number): number {
    const at = this.#used;
    const end = at + ((words + 1) & ~1);
    if (end > this.words) return -1;
    this.#used = end;
    return at;
  }

  retain(): void {
    assert(this.#users > 0, 'a slab that was given back is not retained');
    this.#users++;
  }

  release(): void {
    assert(this.#users > 0, 'a slab is released once per user');
    if (--this.#users > 0 || this.#pool === null) return;
    this.#pool.recycle(this);
  }

  /** Words that are left, if somebody uses what was taken. */
  roomBehind(pool: SlabPool): number {
    return this.#pool === pool && this.#users > 1 ? this.words - this.#used : 0;
  }

  /** The pool's call only: the slab is handed out again, empty. */
  reopen(): void {
    assert(this.#users === 0, 'a slab is handed out again when nobody uses it');
    this.#used = 0;
    this.#users = 1;
  }
}

/** Hands out slabs and takes them back; one per thread. */
export class SlabPool {
  readonly #free = new Map<number, PooledSlab[]>();
  #freeBytes = 0;
  #live = 0;
  /** A slab with room that nobody writes to, in use by others. */
  #left: PooledSlab | null = null;

  /** Slabs handed out and not yet given back: 0 when nothing is under way. */
  get live(): number {
    return this.#live;
  }

  /** The slab that was left with room, if there is one; a use of it is the caller's. */
  takeLeft(): Slab | null {
    const left = this.#left;
    this.#left = null;
    left?.retain();
    return left;
  }

  /** A slab of at least `words` words, with one user: the caller. */
  acquire(words: number): Slab {
    let size = slabWordsMin;
    while (size < words) size *= 2;
    this.#live++;
    const slab = this.#free.get(size)?.pop();
    if (slab === undefined) return new PooledSlab(new SharedArrayBuffer(size * 4), this);
    this.#freeBytes -= size * 4;
    assert(this.#freeBytes >= 0, 'a pool counts the bytes of its free slabs');
    slab.reopen();
    return slab;
  }

  /** Gives back a writer's use; what is left of the slab is for who takes it. */
  leave(slab: Slab): void {
    const room = slab instanceof PooledSlab ? slab.roomBehind(this) : 0;
    if (slab instanceof PooledSlab && room >= slabWordsMin / 4) this.#left = slab;
    slab.release();
  }

  /** Called by a slab whose last user has gone. */
  recycle(slab: PooledSlab): void {
    if (slab === this.#left) this.#left = null;
    this.#live--;
    assert(this.#live >= 0, 'no more slabs come back than went out');
    if (this.#freeBytes + slab.words * 4 > slabPoolBytesMax) return;
    this.#freeBytes += slab.words * 4;
    const list = this.#free.get(slab.words);
    if (list === undefined) this.#free.set(slab.words, [slab]);
    else list.push(slab);
  }
}

/**
 * A slab of its own for one batch, which may be handed to another thread with it; `words` as
 * `BatchWriter.wordsFor` says. Not pooled.
 */
export function lonelySlab(words: number): Slab {
  return new PooledSlab(new ArrayBuffer(words * 4), null, true);
}

/** A slab over memory that came from elsewhere (a message of another thread); full, not pooled. */
export function foreignSlab(buffer: SharedArrayBuffer | ArrayBuffer): Slab {
  const slab = new PooledSlab(buffer, null);
  slab.take(slab.words);
  assert(slab.used === slab.words, 'nothing is written into memory that came from elsewhere');
  return slab;
}
