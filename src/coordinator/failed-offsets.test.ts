/**
 * Goal: a record that failed is counted once however often it is read, and memory has a limit.
 * Method: by hand, and past the limit.
 */
import { expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { FailedOffsets } from './failed-offsets.ts';

it('tells each record of each partition and topic once, in any order', () => {
  const failed = new FailedOffsets();
  const added = [
    failed.add('t', 0, 7),
    failed.add('t', 0, 3),
    failed.add('t', 0, 7),
    failed.add('t', 1, 7),
    failed.add('u', 0, 7),
    failed.add('t', 0, 3),
  ];
  expect(added).toEqual([true, true, false, true, true, false]);
});

it('takes only later records for new once its memory is full', () => {
  const failed = new FailedOffsets();
  for (let offset = 0; offset < limits.failedOffsetsMax; offset++)
    expect(failed.add('t', 0, 10 + offset)).toBe(true);
  const next = 10 + limits.failedOffsetsMax;
  expect([failed.add('t', 0, 5), failed.add('t', 0, next), failed.add('t', 0, next)]).toEqual([
    false,
    true,
    false,
  ]);
});
