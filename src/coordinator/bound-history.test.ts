/**
 * Goal: what was bound by any step that is kept is known, and little more than that is remembered.
 * Method: random steps that bind random partitions, random steps that are kept for a while, against
 * a copy of everything at every step.
 */
import { expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { BoundHistory } from './bound-history.ts';

it('knows what was bound by the steps that are kept', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const history = new BoundHistory();
    const bound = new Map<number, bigint>();
    const past: Map<number, bigint>[] = [new Map()];
    const held = new Set<number>();
    const kept = () => ({
      some: [...held].sort((a, b) => a - b),
      from: Math.max(0, past.length - 3),
    });
    for (let step = 1; step <= 300; step++) {
      history.tidy(kept);
      for (let n = random.chance(0.7) ? random.below(4) : 0; n > 0; n--) {
        const partition = random.below(3);
        const before = bound.get(partition) ?? 0n;
        history.note(step, partition, before);
        bound.set(partition, before + BigInt(1 + random.below(5)));
      }
      past.push(new Map(bound));
      if (random.chance(0.1)) held.add(Math.max(0, step - random.below(3)));
      for (const one of held) if (random.chance(0.03)) held.delete(one);
      for (const one of [...held, step, Math.max(0, step - 1), Math.max(0, step - 2)]) {
        const found = history.at(one, bound);
        const expected = past[one] ?? new Map<number, bigint>();
        // Of a partition that was not bound yet there is nothing, or where it begins.
        for (const [partition, offset] of found ?? [])
          expect([seed, step, one, partition, offset]).toEqual([
            seed,
            step,
            one,
            partition,
            expected.get(partition) ?? 0n,
          ]);
        expect(found?.size ?? -1).toBeGreaterThanOrEqual(expected.size);
      }
      expect(history.size).toBeLessThanOrEqual(2 * (held.size + 8) + 8);
    }
  }
});

it('knows no more of steps that nobody kept', () => {
  const history = new BoundHistory();
  for (let step = 1; step <= 100; step++) {
    history.tidy(() => ({ some: step > 20 ? [20] : [], from: Math.max(0, step - 3) }));
    history.note(step, 0, BigInt(step));
  }
  const now = new Map([[0, 101n]]);
  expect(history.at(1, now)).toBe(null);
  expect(history.at(20, now)?.get(0)).toBe(21n);
  expect(history.at(21, now)).toBe(null);
  expect(history.at(98, now)?.get(0)).toBe(99n);
});
