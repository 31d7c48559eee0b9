/**
 * Goal: a log that was cut behind a checkpoint gives back what came after it, and one that does not
 * reach back to it is refused. Method: a fake disk that stops at every single operation of a script
 * that appends, begins new files and cuts; small files.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeDisk, MachineStopped } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { limits } from '../base/limits.ts';
import { Log } from './log.ts';

const identity = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

async function open(disk: FakeDisk, from = 0): Promise<{ log: Log; records: string[] }> {
  const records: string[] = [];
  const parts = { disk, folder: 'log', identity, from, owned: () => Promise.resolve(true) };
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

function isStop(error: unknown): boolean {
  return error instanceof MachineStopped;
}

interface Place {
  readonly position: number;
  readonly least: number;
  readonly most: number;
}

/** What is known of a log that is cut. */
class Course {
  readonly begun: string[] = [];
  acknowledged = 0;
  /** Positions, and how many records lie before them at least and at most. */
  readonly places: Place[] = [];
  cut: Place = { position: 0, least: 0, most: 0 };

  /** Records of which nobody knows. */
  get unsure(): number {
    return this.begun.length - this.acknowledged;
  }

  async append(log: Log, text: string): Promise<void> {
    this.begun.push(text);
    await append(log, text);
    this.acknowledged++;
  }
}

describe('a log that is cut', () => {
  const usual = limits.logFileBytesMax;
  beforeAll(() => void Object.assign(limits, { logFileBytesMax: 3_000 }));
  afterAll(() => void Object.assign(limits, { logFileBytesMax: usual }));

  /** Appends, and every now and then goes on in a new file and cuts behind the place before. */
  async function cutting(disk: FakeDisk, seed: number, course: Course): Promise<void> {
    const random = new Random(seed);
    const { log } = await open(disk);
    for (let i = 0; i < 14; i++) {
      if (random.chance(0.3)) {
        // What is under way meanwhile lies on either side.
        const least = course.acknowledged;
        const meanwhile = random.chance(0.5) ? course.append(log, record(i, random)) : null;
        for (let turn = random.below(4); turn > 0; turn--) await Promise.resolve();
        const [position] = await Promise.all([log.rotate(), meanwhile]);
        expect(position).toBeLessThanOrEqual(log.position);
        course.places.push({ position, least, most: course.acknowledged });
        const [place] = course.places.slice(-2);
        if (place !== undefined) {
          course.cut = place;
          await log.cut(place.position);
        }
        continue;
      }
      await course.append(log, record(i, random));
    }
    await log.close();
  }

  it('gives back what came after, after a stop at any operation', async () => {
    let removed = 0;
    let before = 0;
    for (let seed = 0; seed < 3; seed++) {
      for (let stopAt = 0; ; stopAt++) {
        const disk = new FakeDisk(new Random(seed * 1_000 + stopAt));
        const course = new Course();
        disk.stopAt = stopAt;
        const done = await cutting(disk, seed, course).then(
          () => true,
          (error: unknown) => {
            if (!disk.stopped && !isStop(error)) throw error;
            return false;
          },
        );
        disk.stop();
        disk.restart();
        const [first = ''] = await disk.list('log');
        if (Number.parseInt(first, 10) > 0) removed++;
        // From the place that the cut was made at, or the one after.
        const places = course.places.filter(({ position }) => position >= course.cut.position);
        for (const { position, least, most } of [course.cut, ...places]) {
          const { log, records } = await open(disk, position);
          if (records[0] === course.begun[least]) before++;
          else if (records.length > 0) expect(records[0]).toBe(course.begun[most]);
          const left = course.begun.slice(records[0] === course.begun[least] ? least : most);
          expect(records).toEqual(left.slice(0, records.length));
          expect(left.length - records.length).toBeLessThanOrEqual(course.unsure);
          await log.close();
        }
        if (done) break;
      }
    }
    expect(removed).toBeGreaterThan(50);
    expect(before).toBeGreaterThan(50);
  });

  it('is refused if it does not reach back, or up to, where it is needed', async () => {
    const disk = new FakeDisk(new Random(20));
    const { log } = await open(disk);
    await append(log, 'a');
    await append(log, 'b'.repeat(500));
    const position = await log.rotate();
    expect(position).toBe(2);
    await append(log, 'c');
    await log.cut(position - 1);
    expect((await disk.list('log')).length).toBe(2);
    await log.cut(position);
    expect(await disk.list('log')).toEqual(['0000000000000002.log']);
    await log.close();
    expect((await open(disk.copy(new Random(0)), 2)).records).toEqual(['c']);
    expect((await open(disk.copy(new Random(0)), 3)).records).toEqual([]);
    for (const from of [0, 1, 4]) {
      const error = expect(open(disk, from)).rejects;
      await error.toMatchObject({ fields: { code: 'XX001' } });
    }
    await disk.remove('log/0000000000000002.log');
    await expect(open(disk, 2)).rejects.toMatchObject({ fields: { code: 'XX001' } });
  });

  it('goes on if the file that was to begin at the place was being made', async () => {
    const disk = new FakeDisk(new Random(22));
    const { log } = await open(disk);
    await append(log, 'a');
    expect(await log.rotate()).toBe(1);
    await log.close();
    const file = await disk.create('log/0000000000000001.log');
    await file.write(0, new Uint8Array(64));
    const opened = await open(disk, 1);
    expect(opened.records).toEqual([]);
    await append(opened.log, 'b');
    await opened.log.close();
    expect((await open(disk, 1)).records).toEqual(['b']);
    expect((await open(disk)).records).toEqual(['a', 'b']);
  });

  it('goes on in the file that it has after there was no room for another', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new Random(seed);
      const disk = new FakeDisk(random);
      const { log } = await open(disk);
      await append(log, 'a'.repeat(600));
      disk.capacity = 0;
      expect(await log.rotate()).toBe(1);
      disk.capacity = Infinity;
      disk.stopAt = disk.operations + random.below(4);
      const second = await append(log, 'b').then(
        () => true,
        () => false,
      );
      disk.restart();
      const { records } = await open(disk);
      expect(records.length, `seed ${seed}`).toBeGreaterThanOrEqual(second ? 2 : 1);
    }
  });

  it('begins no file for little, and none on a full disk', async () => {
    const disk = new FakeDisk(new Random(21));
    const { log } = await open(disk);
    expect(await log.rotate()).toBe(0);
    await append(log, 'a'.repeat(600));
    disk.capacity = 0;
    expect(await log.rotate()).toBe(1);
    expect((await disk.list('log')).length).toBe(1);
    disk.capacity = Infinity;
    expect(await log.rotate()).toBe(1);
    expect(await log.rotate()).toBe(1);
    expect((await disk.list('log')).length).toBe(2);
    disk.failAt = disk.operations + 1;
    await append(log, 'b'.repeat(600)).catch(() => undefined);
    await expect(log.rotate()).rejects.toMatchObject({ fields: { code: '58030' } });
  });
});
