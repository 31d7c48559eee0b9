/**
 * Goal: what the log has acknowledged it gives back, whole and in order, whatever the disk does;
 * and what it gives back beyond that was appended, in order. Method: a fake disk that stops at
 * every single operation of a script, and leaves any part of what was not synced; every byte of a
 * file damaged in turn; a full disk; a failed sync.
 */
import { describe, expect, it } from 'vitest';
import { FakeDisk, MachineStopped } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import { Log } from './log.ts';

const identity = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

async function open(disk: FakeDisk): Promise<{ log: Log; records: string[] }> {
  const records: string[] = [];
  const parts = { disk, folder: 'log', identity, owned: () => Promise.resolve(true) };
  const log = await Log.open(parts, (payload) => {
    records.push(new TextDecoder().decode(payload));
  });
  return { log, records };
}

function record(i: number, random: Random): string {
  return `record ${i} ${'x'.repeat(random.below(3) === 0 ? random.below(3_000) : 5)}`;
}

function append(log: Log, text: string): Promise<void> {
  return log.append(new TextEncoder().encode(text));
}

/** Appends in groups of one to three; notes what was begun and what was acknowledged. */
async function script(disk: FakeDisk, seed: number, begun: string[], acknowledged: string[]) {
  const random = new Random(seed);
  const { log, records } = await open(disk);
  begun.push(...records);
  acknowledged.push(...records);
  for (let i = 0; i < 12; i += 3) {
    const group = Array.from({ length: 1 + random.below(3) }, (_, k) => record(i + k, random));
    begun.push(...group);
    await Promise.all(group.map((text) => append(log, text)));
    acknowledged.push(...group);
  }
  await log.close();
}

function isStop(error: unknown): boolean {
  return error instanceof MachineStopped;
}

describe('the log', () => {
  it('keeps what it has given, though the process that wrote it did not sync it', async () => {
    let unsynced = 0;
    for (let seed = 0; seed < 200; seed++) {
      const random = new Random(seed);
      const disk = new FakeDisk(random);
      const first = await open(disk);
      await append(first.log, 'first');
      disk.stopAt = disk.operations + random.below(4);
      await append(first.log, 'second').catch(() => undefined);
      // The process is killed, and another one reads what the machine still has in memory.
      disk.goOn();
      const given = await open(disk);
      if (given.records.length > 1) unsynced++;
      disk.stop();
      disk.restart();
      expect((await open(disk)).records, `seed ${seed}`).toEqual(given.records);
    }
    expect(unsynced).toBeGreaterThan(0);
  });

  it('gives back what was acknowledged after a stop at any operation', async () => {
    let torn = 0;
    let lost = 0;
    for (let seed = 0; seed < 30; seed++) {
      for (let stopAt = 0; ; stopAt++) {
        const disk = new FakeDisk(new Random(seed * 1_000 + stopAt));
        const begun: string[] = [];
        const acknowledged: string[] = [];
        disk.stopAt = stopAt;
        const done = await script(disk, seed, begun, acknowledged).then(
          () => true,
          (error: unknown) => {
            if (!disk.stopped && !isStop(error)) throw error;
            return false;
          },
        );
        disk.restart();
        const { log, records } = await open(disk);
        expect(records.length).toBeGreaterThanOrEqual(acknowledged.length);
        expect(records).toEqual(begun.slice(0, records.length));
        if (records.length > acknowledged.length) torn++;
        if (records.length < begun.length) lost++;
        // It goes on from there.
        await append(log, 'one more');
        await log.close();
        const again = await open(disk);
        expect(again.records).toEqual([...records, 'one more']);
        if (done) break;
      }
    }
    expect(torn, 'some commits survived unacknowledged').toBeGreaterThan(0);
    expect(lost, 'some commits were lost').toBeGreaterThan(0);
  });

  it('never serves a flipped bit', async () => {
    const disk = new FakeDisk(new Random(5));
    await script(disk, 5, [], []);
    const [name = ''] = await disk.list('log');
    const path = `log/${name}`;
    const size = disk.bytesOf(path).length;
    const whole = (await open(disk.copy(new Random(0)))).records;
    let noticed = 0;
    for (let bit = 0; bit < size * 8; bit += 13) {
      const other = disk.copy(new Random(0));
      other.flip(path, bit);
      const result = await open(other).then(
        ({ records }) => records,
        (error: unknown) => {
          expect(error).toBeInstanceOf(SqlError);
          return null;
        },
      );
      // Padding is not covered by a checksum: it holds nothing.
      if (result === null) noticed++;
      else expect(result).toEqual(whole);
    }
    expect(noticed).toBeGreaterThan((size * 8) / 13 / 2);
  });

  it('refuses writes while the disk is full and goes on when there is room', async () => {
    const disk = new FakeDisk(new Random(6));
    const { log } = await open(disk);
    await append(log, 'first');
    disk.capacity = disk.bytes + 40;
    await expect(append(log, 'x'.repeat(1_000_000))).rejects.toMatchObject({
      fields: { code: '53100' },
    });
    await append(log, 'small');
    disk.capacity = Infinity;
    await append(log, 'y'.repeat(1_000));
    await log.close();
    const { records } = await open(disk);
    expect(records).toEqual(['first', 'small', 'y'.repeat(1_000)]);
  });

  it('says that there is room only where a full disk does not matter', async () => {
    const disk = new FakeDisk(new Random(1));
    const { log } = await open(disk);
    expect(log.hasRoomFor(10)).toBe(false);
    await append(log, 'first');
    expect(log.hasRoomFor(10)).toBe(true);
    expect(log.hasRoomFor(10_000_000)).toBe(false);
    disk.capacity = disk.bytes;
    const acknowledged = ['first'];
    for (let i = 0; i < 300; i++) {
      const text = `record ${i} ${'x'.repeat(500)}`;
      const hasRoom = log.hasRoomFor(text.length);
      let issued = 0;
      const count = (): void => void issued++;
      const sure = log.append(new TextEncoder().encode(text), hasRoom ? count : null);
      if (hasRoom) acknowledged.push(text);
      // Nobody is told that there is room before the one before has it; nor does another's need.
      expect(log.hasRoomFor(10)).toBe(false);
      const other = append(log, 'x'.repeat(i === 60 ? 150_000 : 500)).then(
        () => acknowledged.push('other'),
        () => null,
      );
      const rotated = i % 50 === 20 ? log.rotate() : null;
      if (hasRoom) await sure;
      else await expect(sure).rejects.toMatchObject({ fields: { code: '53100' } });
      await other;
      await rotated;
      expect(issued).toBe(hasRoom ? 1 : 0);
      if (!hasRoom) break;
    }
    expect(acknowledged.length).toBeGreaterThan(20);
    await log.close();
    const again = await open(disk);
    expect(again.records.map((text) => (text.startsWith('xx') ? 'other' : text)).sort()).toEqual(
      acknowledged.sort(),
    );
    await again.log.close();
  });

  it('ends with a failed sync, and says so to everybody', async () => {
    const disk = new FakeDisk(new Random(7));
    const { log } = await open(disk);
    disk.failAt = disk.operations + 1;
    await expect(append(log, 'a')).rejects.toMatchObject({ fields: { code: '58030' } });
    await expect(append(log, 'b')).rejects.toMatchObject({ fields: { code: '58030' } });
    expect((await log.failed).message).toContain('could not write to the log');
  });

  it('makes durable what a failed sync has left in memory before it serves it', async () => {
    let served = 0;
    for (let seed = 0; seed < 100; seed++) {
      const random = new Random(seed);
      const disk = new FakeDisk(random);
      const first = await open(disk);
      if (seed % 2 === 0) await append(first.log, 'first');
      disk.failAt = disk.operations + random.below(4);
      await append(first.log, 'second').catch(() => undefined);
      // The process ends, the machine does not; then the machine stops as well.
      disk.goOn();
      const given = await open(disk);
      await append(given.log, 'third');
      disk.restart();
      const { records } = await open(disk);
      expect(records, `seed ${seed}`).toEqual([...given.records, 'third']);
      if (given.records.includes('second')) served++;
    }
    expect(served).toBeGreaterThan(10);
  });

  it('begins new files and refuses a missing one', async () => {
    const disk = new FakeDisk(new Random(8));
    const { log } = await open(disk);
    const big = 'z'.repeat(limits.logFileBytesMax * 0.6);
    for (const text of ['a', big, big, 'b', big]) await append(log, text);
    await log.close();
    const names = await disk.list('log');
    expect(names.length).toBe(3);
    const { records } = await open(disk);
    expect(records.map((text) => text.length)).toEqual([1, big.length, big.length, 1, big.length]);
    await disk.remove(`log/${names[1]}`);
    await expect(open(disk)).rejects.toMatchObject({ fields: { code: 'XX001' } });
  });

  it('refuses a file of another directory, and what is no log', async () => {
    const disk = new FakeDisk(new Random(9));
    const { log } = await open(disk);
    await append(log, 'a');
    await log.close();
    const parts = { disk, folder: 'log', identity: identity.slice().fill(9) };
    const foreign = Log.open({ ...parts, owned: () => Promise.resolve(true) }, () => undefined);
    await expect(foreign).rejects.toMatchObject({ fields: { code: '55000' } });
    await disk.create('log/notes.txt');
    await expect(open(disk)).rejects.toMatchObject({ fields: { code: 'XX001' } });
  });

  it('stops when the directory has another owner', async () => {
    const disk = new FakeDisk(new Random(10));
    let owned = true;
    const parts = { disk, folder: 'log', identity, owned: () => Promise.resolve(owned) };
    const log = await Log.open(parts, () => undefined);
    await append(log, 'a');
    owned = false;
    await expect(append(log, 'b')).rejects.toMatchObject({ fields: { code: '58030' } });
  });
});
