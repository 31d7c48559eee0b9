/**
 * Goal: means by double arithmetic are the means by BigInt, in value, scale and bytes. Method:
 * random sums, scales and counts of every size, and the edges.
 */
import { expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { decimalWords, writeDecimal } from '../value/decimal.ts';
import { meanOf } from './numeric-mean.ts';
import { isSmallMean, smallMeanWords, writeSmallMean } from './small-mean.ts';

function same(sum: number, scale: number, count: number): void {
  const small = new Int32Array(smallMeanWords);
  const bytes = writeSmallMean(small, 0, sum, scale, count);
  const exact = meanOf(BigInt(sum), scale, count);
  const words = new Int32Array(decimalWords(exact));
  expect(bytes, `${sum} ${scale} ${count}`).toBe(writeDecimal(words, 0, exact));
  expect([...small.subarray(0, bytes >> 2)], `${sum} ${scale} ${count}`).toEqual([...words]);
}

it('agrees with BigInt', () => {
  const random = new Random(1);
  for (let n = 0; n < 20_000; n++) {
    const size = 2 ** random.below(54);
    const sum = Math.min(
      2 ** 53 - 1,
      Math.floor((random.next() / 2 ** 32) * size) + random.below(3),
    );
    const count = 1 + random.below(2 ** random.below(23));
    if (isSmallMean(sum, 0, count)) same(random.chance(0.5) ? sum : -sum, random.below(17), count);
  }
});

it.each([
  [0, 0, 1],
  [0, 7, 3],
  [1, 0, 2],
  [-1, 0, 3],
  [2, 0, 3],
  [9999, 0, 9999],
  [10_000, 0, 9999],
  [10_000, 0, 10_000],
  [2 ** 53 - 1, 0, 1],
  [2 ** 53 - 1, 0, 2 ** 22],
  [2 ** 53 - 1, 16, 7],
  [1, 16, 2 ** 22],
  [99_999_999, 4, 10_001],
  [5, 1, 10],
  [-5, 16, 2],
  [15, 16, 2],
])('%i · 10^-%i / %i', (sum, scale, count) => {
  same(sum, scale, count);
});
