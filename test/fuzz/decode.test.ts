/** Goal: fuzzing finds nothing in a short run, and is a function of its seed. Method: two runs. */
import { expect, test } from 'vitest';
import { DecodeFuzz } from './decode.ts';

test('each record gives a row or an error, whatever its bytes', () => {
  const tried = [1, 1].map((seed) => {
    const fuzz = new DecodeFuzz(seed);
    for (let k = 0; k < 6; k++) fuzz.step();
    return fuzz.tried;
  });
  expect(tried[0].records).toBeGreaterThan(5_000);
  expect(Math.min(tried[0].rows, tried[0].errors)).toBeGreaterThan(500);
  expect(tried[1]).toEqual(tried[0]);
});
