/**
 * Goal: however a stream of frames is cut by the network, the same frames come out, large ones in
 * blocks of shared memory; what is no frame is refused. Method: random frames in random pieces,
 * compared with what was put in.
 */
import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { Random } from '../../test/support/random.ts';
import { FrameMemory } from './frame-memory.ts';
import { FrameAssembler, smallFrameBytesMax } from './frame-socket.ts';

/** A frame of so many bytes behind its length. */
function frameOf(random: Random, bytes: number): Buffer {
  const frame = Buffer.alloc(4 + bytes);
  frame.writeInt32BE(bytes, 0);
  for (let k = 4; k < frame.length; k += 97) frame[k] = random.below(256);
  return frame;
}

/** Gives the bytes as a socket does: at most as many at once as there is room. */
function feed(assembler: FrameAssembler, bytes: Uint8Array, random: Random): boolean {
  for (let at = 0; at < bytes.length;) {
    const room = assembler.room();
    expect(room.length).toBeGreaterThan(0);
    const piece = Math.min(room.length, bytes.length - at, 1 + random.below(100_000));
    room.set(bytes.subarray(at, at + piece));
    if (!assembler.filled(piece)) return false;
    at += piece;
  }
  return true;
}

test.each([1, 2, 3])('frames come out as they went in (seed %i)', (seed) => {
  const random = new Random(seed);
  const near = smallFrameBytesMax;
  const sizes = Array.from({ length: 60 }, () =>
    random.pick([0, 1, random.below(200), near - 5 + random.below(10), random.below(400_000)]),
  );
  const frames = sizes.map((bytes) => frameOf(random, bytes));
  const memory = new FrameMemory();
  let next = 0;
  const assembler = new FrameAssembler(memory, (frame) => {
    const expected = frames[next++] ?? Buffer.alloc(0);
    expect(frame.equals(expected)).toBe(true);
    expect(frame.buffer instanceof SharedArrayBuffer).toBe(frame.length > near);
    memory.release(frame.buffer);
  });
  expect(feed(assembler, Buffer.concat(frames), random)).toBe(true);
  expect(next).toBe(frames.length);
});

test.each([-1, limits.frameBytesMax, 0x7fffffff])('a length of %i is refused', (length) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length, 0);
  const assembler = new FrameAssembler(new FrameMemory(), () => undefined);
  expect(feed(assembler, bytes, new Random(1))).toBe(false);
});
