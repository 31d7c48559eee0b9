/**
 * Goal: a record is read exactly where it was written and whole, and every single flipped bit is
 * told from a torn write. Method: records of many lengths; every bit of some is flipped in turn;
 * tails are cut and zeroed at every length.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { findLaterFrame, frameBytes, isOneBitOff, readFrame, writeFrame } from './frame.ts';

const start = { previous: 7, sequence: 0xffffffff };

function record(random: Random, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, () => random.below(256));
}

describe('frames', () => {
  it('are read as they were written, in order only', () => {
    const random = new Random(1);
    const payloads = [0, 1, 7, 8, 9, 100, 5_000].map((bytes) => record(random, bytes));
    const total = payloads.reduce((sum, payload) => sum + frameBytes(payload.length), 0);
    const file = new Uint8Array(total);
    const places = [start];
    let at = 0;
    for (const payload of payloads) {
      places.push(writeFrame(file, at, payload, places.at(-1) ?? start));
      at += frameBytes(payload.length);
    }
    at = 0;
    for (const [i, payload] of payloads.entries()) {
      const frame = readFrame(file, at, places[i] ?? start);
      expect(frame?.payload).toEqual(payload);
      expect(frame?.next).toEqual(places[i + 1]);
      expect(readFrame(file, at, places[i + 1] ?? start)).toBeNull();
      at = frame?.end ?? -1;
    }
    expect(at).toBe(total);
  });

  it('tell every flipped bit from a torn write', () => {
    const random = new Random(2);
    for (const bytes of [0, 3, 40, 200]) {
      const file = new Uint8Array(frameBytes(bytes));
      const payload = record(random, bytes);
      // The last word of a step is often a lone 1, a weight.
      payload.fill(0, 8);
      payload.fill(1, bytes - 1);
      writeFrame(file, 0, payload, start);
      for (let bit = 0; bit < file.length * 8; bit++) {
        if (bit >> 3 >= 16 + bytes && bit >> 3 < file.length - 8) continue; // Zeros in between.
        const damaged = file.slice();
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(readFrame(damaged, 0, start), `bit ${bit}`).toBeNull();
        expect(isOneBitOff(damaged, 0, start), `bit ${bit}`).toBe(true);
      }
      // Torn, at any word, as no sector ends within one: what is missing reads as zeros, or is not there.
      for (let cut = 0; cut < file.length; cut += 8) {
        const torn = file.slice();
        torn.fill(0, cut);
        expect(isOneBitOff(torn, 0, start), `cut at ${cut}`).toBe(false);
        expect(isOneBitOff(file.subarray(0, cut), 0, start), `short at ${cut}`).toBe(false);
      }
    }
  });

  it('are found behind damage', () => {
    const random = new Random(3);
    const first = frameBytes(100);
    const file = new Uint8Array(first + frameBytes(50));
    const second = writeFrame(file, 0, record(random, 100), start);
    writeFrame(file, first, record(random, 50), second);
    file.fill(0xee, 0, first);
    expect(findLaterFrame(file, 0, start)).toBe(first);
    expect(findLaterFrame(file.subarray(0, file.length - 1), 0, start)).toBe(-1);
    expect(findLaterFrame(file, 0, { previous: 0, sequence: 5 })).toBe(-1);
  });
});
