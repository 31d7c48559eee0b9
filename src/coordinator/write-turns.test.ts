/**
 * Goal: who writes alone is alone, who may write together does, and nobody waits for ever or is
 * overtaken. Method: random arrivals of both kinds that end at random, with what runs noted.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { WriteTurns } from './write-turns.ts';

const ticks = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await Promise.resolve();
};

test('what may run together begins at once', () => {
  const turns = new WriteTurns();
  const begun: number[] = [];
  for (const name of [1, 2, 3])
    void turns.together(() => {
      begun.push(name);
      return new Promise(() => undefined);
    });
  expect(begun).toEqual([1, 2, 3]);
});

test('a failure ends a turn', async () => {
  const turns = new WriteTurns();
  await expect(turns.alone(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(turns.together(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turns.alone(() => Promise.resolve(1))).toBe(1);
});

test('whatever comes, turns keep apart and come in order', async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const turns = new WriteTurns();
    const running = new Set<number>();
    const begun: { readonly name: number; readonly alone: boolean }[] = [];
    let together = 0;
    const all: Promise<void>[] = [];
    for (let name = 0; name < 40; name++) {
      const alone = random.chance(0.3);
      const act = async (): Promise<void> => {
        begun.push({ name, alone });
        if (alone) expect(running.size).toBe(0);
        running.add(name);
        const length = random.below(6);
        await ticks(length);
        if (alone) expect([...running]).toEqual([name]);
        together = Math.max(together, running.size);
        running.delete(name);
      };
      all.push(alone ? turns.alone(act) : turns.together(act));
      await ticks(random.below(4));
    }
    await Promise.all(all);
    expect(begun.map(({ name }) => name)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(together).toBeGreaterThan(1);
  }
});
