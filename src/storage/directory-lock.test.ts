/**
 * Goal: at most one owner at a time, and a dead one's lock is taken over. Method: a fake disk,
 * processes that live and die, takers that run interleaved in every order the disk allows.
 */
import { describe, expect, it } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import type { Entropy, Processes } from '../base/seam.ts';
import { DirectoryLock } from './directory-lock.ts';

function entropyOf(random: Random): Entropy {
  return {
    bytes: (length) => Uint8Array.from({ length }, () => random.below(256)),
    below: (bound) => random.below(bound),
  };
}

function processOf(self: string, living: ReadonlySet<string>): Processes {
  return { self: () => self, alive: (name) => living.has(name) };
}

describe('the lock of a data directory', () => {
  it('is refused while its owner lives and taken over when it is dead', async () => {
    const random = new Random(1);
    const disk = new FakeDisk(random);
    const living = new Set(['1 a b', '2 c d']);
    const take = (self: string) =>
      DirectoryLock.take({
        disk,
        processes: processOf(self, living),
        entropy: entropyOf(random),
      });
    const first = await take('1 a b');
    expect(await first.held()).toBe(true);
    await expect(take('2 c d')).rejects.toMatchObject({
      fields: { code: '55006', message: 'the data directory is in use by process 1' },
    });
    living.delete('1 a b');
    const second = await take('2 c d');
    expect(await first.held()).toBe(false);
    await first.release();
    expect(await second.held()).toBe(true);
    await second.release();
    expect(await disk.list('')).toEqual([]);
  });

  it('is taken over when what is written there makes no sense', async () => {
    const random = new Random(2);
    const disk = new FakeDisk(random);
    const file = await disk.create('lock');
    await file.write(0, new TextEncoder().encode('?'));
    const lock = await DirectoryLock.take({
      disk,
      processes: processOf('1 a b', new Set(['1 a b'])),
      entropy: entropyOf(random),
    });
    expect(await lock.held()).toBe(true);
  });

  it('leaves no files behind, wherever who tried before has stopped', async () => {
    for (let stopAt = 0; stopAt < 40; stopAt++) {
      const random = new Random(stopAt);
      const disk = new FakeDisk(random);
      const take = (self: string) =>
        DirectoryLock.take({
          disk,
          processes: processOf(self, new Set([self])),
          entropy: entropyOf(random),
        });
      disk.stopAt = stopAt;
      await take('1 a b')
        .then(
          () => take('2 c d'),
          () => undefined,
        )
        .catch(() => undefined);
      disk.restart();
      await take('3 e f');
      expect(await disk.list(''), `stopped at ${stopAt}`).toEqual(['lock']);
    }
  });

  it('goes to one of many who try at once', async () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = new Random(seed);
      const disk = new FakeDisk(random);
      const names = ['1 a b', '2 c d', '3 e f'];
      const living = new Set(names);
      if (random.chance(0.7)) {
        const dead = processOf('9 z z', living);
        await DirectoryLock.take({ disk, processes: dead, entropy: entropyOf(random) });
      }
      const takers = names.map(async (self) => {
        for (let k = random.below(12); k > 0; k--) await Promise.resolve();
        const processes = processOf(self, living);
        return DirectoryLock.take({ disk, processes, entropy: entropyOf(random) });
      });
      const results = await Promise.allSettled(takers);
      const held: boolean[] = [];
      for (const result of results) {
        if (result.status === 'fulfilled') held.push(await result.value.held());
      }
      expect(held.filter((one) => one).length, `seed ${seed}`).toBeLessThanOrEqual(1);
    }
  });
});
