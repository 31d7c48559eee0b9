/**
 * Goal: exact sums of doubles are exact and rounded once; retracting is undoing. Method: expansions
 * against sums of integers in units of 2^-1074, rounding against the parser of decimal texts, which
 * rounds correctly.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import {
  addToExpansion,
  expansionParts,
  expansionValue,
  fromUnits,
  toUnits,
} from './exact-double.ts';

const bits = new DataView(new ArrayBuffer(8));

/** A finite double of any exponent below 2^990, or near 1. */
function randomDouble(random: Random, wide: boolean): number {
  const exponent = wide ? random.below(2000) : 1000 + random.below(60);
  bits.setUint32(
    0,
    (random.chance(0.5) ? 0x80000000 : 0) | (exponent << 20) | (random.next() & 0xfffff),
  );
  bits.setUint32(4, random.chance(0.3) ? 0 : random.next());
  return bits.getFloat64(0);
}

describe.each([false, true])('wide exponents: %s', (wide) => {
  it('adds and retracts without a rest', () => {
    const random = new Random(wide ? 1 : 2);
    for (let round = 0; round < 300; round++) {
      const f64 = new Float64Array(expansionParts);
      let rest = 0n;
      let exact = 0n;
      const add = (value: number): void => {
        rest += toUnits(addToExpansion(f64, 0, value));
        exact += toUnits(value);
        const parts = f64.reduce((sum, part) => sum + toUnits(part), 0n);
        expect(parts + rest).toBe(exact);
        if (rest === 0n) expect(expansionValue(f64, 0)).toBe(fromUnits(exact));
      };
      const values = Array.from({ length: 1 + random.below(12) }, () => randomDouble(random, wide));
      values.forEach(add);
      values.reverse().forEach((value) => add(-value));
      expect(exact).toBe(0n);
      if (rest === 0n) expect([...f64]).toEqual([0, 0, 0, 0]);
    }
  });
});

it('rounds to the nearest double, ties to even', () => {
  expect(fromUnits(toUnits(2 ** 53) + toUnits(1))).toBe(2 ** 53);
  expect(fromUnits(toUnits(2 ** 53) + toUnits(3))).toBe(2 ** 53 + 4);
  expect(fromUnits(toUnits(2 ** 53) + toUnits(1) + 1n)).toBe(2 ** 53 + 2);
  expect(fromUnits(1n)).toBe(5e-324);
  expect(fromUnits(1n, 2n)).toBe(0);
  expect(fromUnits(3n, 2n)).toBe(1e-323);
  expect(fromUnits(toUnits(Number.MAX_VALUE) * 2n)).toBe(Infinity);
  expect(fromUnits(-toUnits(1), 3n)).toBe(-1 / 3);
});

it('gives back what it takes, and rounds quotients as the parser of decimals does', () => {
  const random = new Random(3);
  for (let n = 0; n < 2000; n++) {
    const value = randomDouble(random, true);
    expect(fromUnits(toUnits(value))).toBe(value);
    const digits = BigInt(random.next()) * 2n ** 40n + BigInt(random.next());
    const power = random.below(60);
    expect(fromUnits(digits << 1074n, 10n ** BigInt(power))).toBe(Number(`${digits}e-${power}`));
  }
});
