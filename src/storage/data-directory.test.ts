/**
 * Goal: a data directory is made, kept and taken over whatever operation a crash stops; foreign
 * folders and damage are refused. Method: the fake disk, stopped at every operation in turn.
 */
import { describe, expect, it } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { DataDirectory } from './data-directory.ts';

/** Opens it and writes a record; answers whether that was acknowledged before the disk stopped. */
async function append(disk: FakeDisk, self: string): Promise<boolean> {
  try {
    const [directory] = await open(disk, self);
    await directory.log.append(new TextEncoder().encode('a'));
    await directory.close();
    return true;
  } catch (error) {
    if (!disk.stopped) throw error;
    return false;
  }
}

async function open(disk: FakeDisk, self: string): Promise<[DataDirectory, string[]]> {
  const random = new Random(self.length);
  const records: string[] = [];
  const directory = await DataDirectory.open(
    {
      disk,
      processes: { self: () => self, alive: (name) => name === self },
      entropy: {
        bytes: (length) => Uint8Array.from({ length }, () => random.below(256)),
        below: (bound) => random.below(bound),
      },
      warn: (message) => expect.unreachable(message),
    },
    () => (payload) => void records.push(new TextDecoder().decode(payload)),
  );
  return [directory, records];
}

describe('a data directory', () => {
  it('opens again after a stop at any operation', async () => {
    for (let seed = 0; seed < 40; seed++) {
      for (let stopAt = 0; ; stopAt++) {
        const disk = new FakeDisk(new Random(seed * 1_000 + stopAt));
        let acknowledged = 0;
        disk.stopAt = stopAt;
        try {
          const [directory] = await open(disk, '1 first run');
          await directory.log.append(new TextEncoder().encode('a'));
          acknowledged++;
          await directory.close();
        } catch (error) {
          if (!disk.stopped) throw error;
        }
        const ended = !disk.stopped;
        disk.restart();
        const [directory, records] = await open(disk, '2 second run');
        expect(records.length, `seed ${seed}, stop ${stopAt}`).toBeGreaterThanOrEqual(acknowledged);
        await directory.close();
        if (ended) break;
      }
    }
  });

  it('opens again after a process ended at any operation, and then the machine did', async () => {
    for (let endAt = 0, ended = false; !ended; endAt++) {
      for (let stopAt = 0, stopped = false; !stopped; stopAt++) {
        const disk = new FakeDisk(new Random(endAt * 1_000 + stopAt));
        disk.stopAt = endAt;
        let acknowledged = (await append(disk, '1 first run')) ? 1 : 0;
        ended = !disk.stopped;
        disk.goOn();
        disk.stopAt = stopAt;
        if (await append(disk, '2 second run')) acknowledged++;
        stopped = !disk.stopped;
        disk.restart();
        const [directory, records] = await open(disk, '3 third of the runs');
        const where = `end ${endAt}, stop ${stopAt}`;
        expect(records.length, where).toBeGreaterThanOrEqual(acknowledged);
        await directory.close();
      }
    }
  });

  it('refuses a folder with other things in it', async () => {
    const disk = new FakeDisk(new Random(1));
    await disk.create('holiday.jpg');
    await expect(open(disk, '1 a b')).rejects.toMatchObject({ fields: { code: '55000' } });
  });

  it('refuses a damaged identity and a log without one', async () => {
    const disk = new FakeDisk(new Random(2));
    const [directory] = await open(disk, '1 a b');
    await directory.close();
    disk.flip('identity', 3);
    await expect(open(disk, '1 a b')).rejects.toMatchObject({ fields: { code: 'XX001' } });
    await disk.remove('identity');
    await expect(open(disk, '1 a b')).rejects.toMatchObject({ fields: { code: 'XX001' } });
  });
});
