/**
 * Goal: memory of answers is used again, but never while somebody still reads it, and what lies
 * idle is bounded. Method: random users of random blocks, each with a mark of its own in its block.
 */
import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { Random } from '../../test/support/random.ts';
import { FrameMemory } from './frame-memory.ts';

test('a block is used again only when its last user has let go', () => {
  const memory = new FrameMemory();
  const first = memory.acquire(100_000);
  const release = memory.share(first);
  memory.release(first);
  expect(memory.acquire(100_000)).not.toBe(first);
  release?.();
  expect(memory.acquire(100_000)).toBe(first);
});

test('a use ends once', () => {
  const memory = new FrameMemory();
  const block = memory.acquire(10);
  const once = memory.share(block);
  once?.();
  once?.();
  expect(memory.idleBytes).toBe(0);
  memory.release(block);
  expect(memory.idleBytes).toBe(block.byteLength);
});

test('other buffers are not its business', () => {
  const memory = new FrameMemory();
  expect(memory.share(new ArrayBuffer(8))).toBeNull();
  expect(memory.share(new SharedArrayBuffer(8))).toBeNull();
  memory.release(new SharedArrayBuffer(8));
  expect(memory.idleBytes).toBe(0);
});

test('marks stay while blocks come and go; what is idle is bounded and shrinks', () => {
  const memory = new FrameMemory();
  const random = new Random(5);
  const used: { readonly block: SharedArrayBuffer; readonly mark: number }[] = [];
  for (let mark = 1; mark <= 500; mark++) {
    const bytes = 1 + random.below(4_000_000);
    const block = memory.acquire(bytes);
    expect(block.byteLength).toBeGreaterThanOrEqual(bytes);
    new Int32Array(block, 0, 1)[0] = mark;
    used.push({ block, mark });
    while (used.length > random.below(20)) {
      const [gone] = used.splice(random.below(used.length), 1);
      if (gone === undefined) break;
      expect(new Int32Array(gone.block, 0, 1)[0]).toBe(gone.mark);
      memory.release(gone.block);
    }
    expect(memory.idleBytes).toBeLessThanOrEqual(limits.frameMemoryKeptBytesMax);
  }
  for (let k = 0; k < 1000; k++) memory.shrink();
  expect(memory.idleBytes).toBe(0);
});
