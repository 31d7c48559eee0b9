/**
 * Memory for large answers of brokers: blocks of shared memory that are used again and again. An
 * answer is read from its socket straight into a block, its record batches are handed to the
 * dataflow thread as views on the block, and when the last view is given back the block takes the
 * next answer. So a fetched byte is written once, and neither thread's garbage collector hears of
 * it (fresh buffers for every answer made it run several times a second).
 *
 * A block counts its users. Whoever forgets to give back costs a new block: what nobody refers to
 * is collected like anything else. Whoever gives back too early would be shown other bytes; hence
 * a release that was handed out works once.
 *
 * At most `frameMemoryKeptBytesMax` bytes lie idle.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';

/** Blocks are multiples of this, so that answers of about one size share them. */
const blockBytes = 256 * 1024;

/** The blocks of a process. */
export class FrameMemory {
  readonly #users = new WeakMap<SharedArrayBuffer, number>();
  readonly #idle: SharedArrayBuffer[] = [];
  #idleBytes = 0;

  /** Bytes that lie idle. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** A block of at least `bytes` bytes with one user. What is in it is left from the last use. */
  acquire(bytes: number): SharedArrayBuffer {
    assert(bytes > 0, `a block holds something, got ${bytes}`);
    const block = this.#reuse(bytes) ?? new SharedArrayBuffer(roundUp(bytes));
    this.#users.set(block, 1);
    return block;
  }

  /** The smallest idle block that is large enough, and not more than twice as large. */
  #reuse(bytes: number): SharedArrayBuffer | null {
    const most = 2 * roundUp(bytes);
    let best = -1;
    let bestBytes = Infinity;
    this.#idle.forEach(({ byteLength }, k) => {
      if (byteLength < bytes || byteLength > most || byteLength >= bestBytes) return;
      best = k;
      bestBytes = byteLength;
    });
    const [block] = best < 0 ? [] : this.#idle.splice(best, 1);
    if (block === undefined) return null;
    this.#idleBytes -= block.byteLength;
    assert(this.#idleBytes >= 0 && !this.#users.has(block), 'an idle block has no user');
    return block;
  }

  /**
   * One more user of the block that `buffer` is; answers what ends that use, or null if it is no
   * block in use.
   */
  share(buffer: ArrayBufferLike): (() => void) | null {
    if (!(buffer instanceof SharedArrayBuffer)) return null;
    const users = this.#users.get(buffer);
    if (users === undefined) return null;
    this.#users.set(buffer, users + 1);
    let held = true;
    return () => {
      if (held) this.release(buffer);
      held = false;
    };
  }

  /** One user less; nothing happens to a buffer that is no block in use. */
  release(buffer: ArrayBufferLike): void {
    if (!(buffer instanceof SharedArrayBuffer)) return;
    const users = this.#users.get(buffer);
    if (users === undefined) return;
    if (users > 1) {
      this.#users.set(buffer, users - 1);
      return;
    }
    this.#users.delete(buffer);
    if (this.#idleBytes + buffer.byteLength > limits.frameMemoryKeptBytesMax) return;
    this.#idle.push(buffer);
    this.#idleBytes += buffer.byteLength;
  }

  /** Gives one idle block up: called when answers are small, so that a quiet process is small. */
  shrink(): void {
    this.#idleBytes -= this.#idle.pop()?.byteLength ?? 0;
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}

/** The one of this process. */
export const frameMemory = new FrameMemory();
