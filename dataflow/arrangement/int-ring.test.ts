/**
 * Goal: a ring is a queue whose entries keep their numbers. Method: random pushes, drops and writes
 * beside a plain array, with numbers that wrap around.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { IntRing } from './int-ring.ts';

describe('IntRing', () => {
  test('is a queue, across growth and wrap-around', () => {
    for (const head of [0, 5, 2 ** 30 - 40]) {
      const random = new Random(head);
      const ring = new IntRing(head);
      const plain: number[] = [];
      let first = head;
      for (let k = 0; k < 3_000; k++) {
        if (random.chance(0.1)) {
          const values = Int32Array.from({ length: random.below(9) }, () => random.next() | 0);
          const n = random.below(values.length + 1);
          ring.append(values, n);
          plain.push(...values.subarray(0, n));
        } else if (random.chance(0.5)) {
          const value = random.next() | 0;
          expect(ring.tail).toBe((first + plain.length) % 2 ** 30);
          ring.push(value);
          plain.push(value);
        } else if (plain.length > 0) {
          const n = Math.min(plain.length, 1 + random.below(3));
          if (n === 1) expect(ring.shift()).toBe(plain[0]);
          else ring.drop(n);
          plain.splice(0, n);
          first = (first + n) % 2 ** 30;
        }
        expect(ring.count).toBe(plain.length);
        const out = new Int32Array(random.below(6));
        const copied = ring.oldest(out.length, out);
        expect([...out.subarray(0, copied)]).toEqual(plain.slice(0, out.length));
        if (plain.length === 0) continue;
        const at = random.below(plain.length);
        expect(ring.get((first + at) % 2 ** 30)).toBe(plain[at]);
      }
    }
  });

  test('knows which numbers name an entry', () => {
    const ring = new IntRing(2 ** 30 - 2);
    for (let k = 0; k < 4; k++) ring.push(k);
    expect([2 ** 30 - 2, 2 ** 30 - 1, 0, 1].map((s) => ring.has(s))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([2 ** 30 - 3, 2, -1].map((s) => ring.has(s))).toEqual([false, false, false]);
    ring.drop(1);
    expect(ring.has(2 ** 30 - 2)).toBe(false);
  });

  test('gives its memory back when it empties', () => {
    const ring = new IntRing();
    const small = ring.bytes();
    for (let k = 0; k < 10_000; k++) ring.push(k);
    expect(ring.bytes()).toBeGreaterThan(40_000);
    ring.drop(10_000);
    expect(ring.bytes()).toBe(small);
  });
});
