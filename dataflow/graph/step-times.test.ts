/**
 * Goal: every step has a time, also one whose number was given away in vain. Method: a few steps
 * with gaps, and enough of them that old ones are forgotten.
 */
import { describe, expect, it } from 'vitest';
import { StepTimes } from './step-times.ts';

describe('times of steps', () => {
  it('gives a number that no step has the time of the step before it', () => {
    const times = new StepTimes();
    times.add(1, 100, () => 1);
    times.add(4, 130, () => 1);
    expect([0, 1, 2, 3, 4, 5].map((step) => times.of(step))).toEqual([0, 100, 100, 100, 130, 130]);
  });

  it('forgets what nobody shows any more', () => {
    const times = new StepTimes();
    for (let step = 1; step <= 5_000; step++) times.add(step, step * 10, () => step - 5);
    expect(times.of(5_000)).toBe(50_000);
    expect(times.firstFrom(0)).toBeGreaterThan(3_000);
  });
});
