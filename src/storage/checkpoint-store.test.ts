/**
 * Goal: what has become a checkpoint is given back byte for byte after any crash, or the one before
 * it is; nothing wrong is ever given out as right, and no file stays that nobody needs. Method: a
 * script of full checkpoints, patches and abandoned ones on a fake disk that stops, fails or is
 * full at every single operation; every file damaged; small buffers, so that frames lie across
 * them.
 */
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeDisk, MachineStopped } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import { parseCheckpointFileName } from './checkpoint-file.ts';
import type { Checkpoint } from './checkpoint-manifest.ts';
import { CheckpointStore } from './checkpoint-store.ts';

const identity = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const small = {
  checkpointPieceBytesMax: 2_000,
  checkpointBufferBytes: 2_500,
  checkpointSyncBytes: 6_000,
  checkpointBlockBytes: 1_024,
};
const usual = { ...limits };

beforeAll(() => void Object.assign(limits, small));
afterAll(() => void Object.assign(limits, usual));

interface Opened {
  readonly store: CheckpointStore;
  readonly warnings: string[];
}

async function open(disk: FakeDisk, without: ReadonlySet<number> = new Set()): Promise<Opened> {
  const warnings: string[] = [];
  const store = await CheckpointStore.open({
    ...{ disk, folder: 'checkpoints', identity, without },
    owned: () => Promise.resolve(true),
    warn: (message) => void warnings.push(message),
  });
  return { store, warnings };
}

/** A piece as text, so that a difference can be read. */
type Piece = readonly [image: number, text: string];

/** A checkpoint as the test expects it: the pieces of all its files. */
interface Expected {
  readonly number: number;
  readonly pieces: readonly Piece[];
}

function randomPieces(random: Random): readonly Piece[] {
  return Array.from({ length: random.below(12) }, (_, i) => {
    const bytes = random.chance(0.3) ? random.below(2_000) : random.below(40);
    return [random.below(5), `${i} `.padEnd(bytes, 'abcdefghij').slice(0, 2_000)];
  });
}

async function written(
  store: CheckpointStore,
  full: boolean,
  pieces: readonly Piece[],
): Promise<Checkpoint> {
  const writer = store.begin({ full });
  const bytes = new TextEncoder();
  const appended = pieces.map(([image, text]) => writer.append(image, bytes.encode(text)));
  await Promise.all(appended);
  const step = writer.number * 10;
  const content = bytes.encode(`content of ${writer.number}`);
  return writer.finish({ step, time: 5, logPosition: writer.number * 100, content });
}

async function piecesOf(
  store: CheckpointStore,
  checkpoint: Checkpoint,
  pieces: Piece[] = [],
): Promise<Piece[]> {
  const bytes = new TextDecoder();
  await store.read(checkpoint, async (image, piece) => {
    expect(piece.byteOffset % 8).toBe(0);
    pieces.push([image, bytes.decode(piece.slice())]);
    const before = piece.slice();
    await new Promise((resolve) => setImmediate(resolve));
    expect(piece.every((byte, i) => byte === before[i])).toBe(true);
  });
  const content = bytes.decode(await store.content(checkpoint));
  expect(content).toBe(`content of ${checkpoint.number}`);
  return pieces;
}

/** What the script has begun and what has become of it. */
class Course {
  readonly begun: Expected[] = [];
  readonly finished: Expected[] = [];
  /** SQLSTATEs of those that could not be written. */
  readonly refused: string[] = [];

  refuse(error: unknown): void {
    if (!(error instanceof SqlError)) throw error;
    this.refused.push(error.fields.code);
  }
}

async function script(disk: FakeDisk, seed: number, course: Course): Promise<void> {
  const random = new Random(seed);
  const { store } = await open(disk);
  for (let i = 0; i < 5; i++) {
    const pieces = randomPieces(random);
    if (random.chance(0.15)) {
      const writer = store.begin({ full: true });
      const bytes = new TextEncoder();
      for (const [image, text] of pieces)
        await writer.append(image, bytes.encode(text)).catch((error) => course.refuse(error));
      await writer.abandon();
      continue;
    }
    const full = store.shouldBeFull || random.chance(0.2);
    const before = full ? [] : (course.finished.at(-1)?.pieces ?? []);
    const next = { number: 0, pieces: [...before, ...pieces] };
    course.begun.push(next);
    try {
      const { number } = await written(store, full, pieces);
      course.finished.push({ ...next, number });
    } catch (error) {
      course.refuse(error);
    }
  }
}

/** The folder holds the files of `usable` and what these are patches on, and nothing else. */
async function expectNoLeak(disk: FakeDisk, store: CheckpointStore): Promise<void> {
  const kept = new Set(store.usable.flatMap((one) => store.chain(one)).map(({ number }) => number));
  const expected = [...kept]
    .sort((a, b) => a - b)
    .flatMap((number) => [
      { number, kind: 'data' },
      { number, kind: 'manifest' },
    ]);
  expect((await disk.list('checkpoints')).map(parseCheckpointFileName)).toEqual(expected);
}

/** Opens what a stop or a failure has left. */
async function expectWhole(disk: FakeDisk, course: Course): Promise<number> {
  const { store, warnings } = await open(disk);
  expect(warnings).toEqual([]);
  await expectNoLeak(disk, store);
  const newest = store.newest;
  const last = course.finished.at(-1);
  if (newest === null) {
    expect(last).toBe(undefined);
    return 0;
  }
  expect(newest.number).toBeGreaterThanOrEqual(last?.number ?? 0);
  const found = await piecesOf(store, newest);
  const expected = newest.number === last?.number ? last : course.begun.at(-1);
  expect(found).toEqual(expected?.pieces);
  const before = store.usable[1];
  if (before !== undefined) {
    const older = course.finished.find(({ number }) => number === before.number);
    expect(await piecesOf(store, before)).toEqual(older?.pieces);
    expect(store.logPositionNeeded).toBe(before.logPosition);
  }
  return newest.number;
}

describe('checkpoints', () => {
  it('are there after a stop at any operation', async () => {
    let gained = 0;
    for (let seed = 0; seed < 12; seed++) {
      for (let stopAt = 0; ; stopAt++) {
        const disk = new FakeDisk(new Random(seed * 1_000 + stopAt));
        const course = new Course();
        disk.stopAt = stopAt;
        const done = await script(disk, seed, course).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof MachineStopped)) throw error;
            return false;
          },
        );
        disk.stop();
        disk.restart();
        const number = await expectWhole(disk, course);
        if (number > (course.finished.at(-1)?.number ?? 0)) gained++;
        // It goes on from there.
        const { store } = await open(disk);
        await written(store, store.shouldBeFull, [[1, 'one more']]);
        await expectNoLeak(disk, store);
        if (done) break;
      }
    }
    expect(gained, 'some became checkpoints though nobody was told').toBeGreaterThan(0);
  });

  it('stay what a process has begun with, though the one before did not sync it', async () => {
    let unsynced = 0;
    for (let seed = 0; seed < 3; seed++) {
      for (let stopAt = 0; ; stopAt++) {
        const disk = new FakeDisk(new Random(seed * 1_000 + stopAt));
        const course = new Course();
        disk.stopAt = stopAt;
        const done = await script(disk, seed, course).then(
          () => true,
          () => false,
        );
        // The process is killed, and another one begins with what the machine still has.
        disk.goOn();
        const number = await expectWhole(disk, course);
        if (number > (course.finished.at(-1)?.number ?? 0)) unsynced++;
        disk.stop();
        disk.restart();
        expect(await expectWhole(disk, course)).toBe(number);
        if (done) break;
      }
    }
    expect(unsynced).toBeGreaterThan(0);
  });

  it('fail alone if the disk fails, and leave nothing behind', async () => {
    const codes = new Set<string>();
    for (let seed = 0; seed < 5; seed++) {
      for (let failAt = 0; ; failAt++) {
        const disk = new FakeDisk(new Random(seed));
        const course = new Course();
        disk.failAt = failAt;
        await script(disk, seed, course).catch((error: unknown) => {
          expect(error).toMatchObject({ failure: { code: 'EIO' } });
          expect(course.begun, 'only a start fails as the disk does').toEqual([]);
        });
        const done = disk.operations <= failAt;
        for (const code of course.refused) codes.add(code);
        expect(disk.paths.filter((path) => path.endsWith('.new'))).toEqual([]);
        disk.goOn();
        await expectWhole(disk, course);
        // A stop now changes nothing.
        disk.stop();
        disk.restart();
        await expectWhole(disk, course);
        if (done) break;
      }
    }
    expect([...codes]).toEqual(['58030']);
  });

  it('give the room back if the disk is full', async () => {
    let refused = 0;
    for (let seed = 0; seed < 60; seed++) {
      const random = new Random(seed);
      const disk = new FakeDisk(random);
      const course = new Course();
      disk.capacity = random.below(20_000);
      await script(disk, seed, course);
      refused += course.refused.length;
      for (const code of course.refused) expect(code).toBe('53100');
      await expectWhole(disk, course);
    }
    expect(refused).toBeGreaterThan(20);
  });

  it('take nothing more once they have failed', async () => {
    const disk = new FakeDisk(new Random(1));
    const { store } = await open(disk);
    disk.capacity = 1_000;
    const writer = store.begin({ full: true });
    const piece = new Uint8Array(1_500);
    const appended = Array.from({ length: 6 }, () => writer.append(1, piece));
    const results = await Promise.allSettled(appended);
    expect(results.at(-1)?.status).toBe('rejected');
    expect(disk.bytes, 'the room is free at once').toBe(0);
    await expect(writer.append(1, piece)).rejects.toMatchObject({ fields: { code: '53100' } });
    await writer.abandon();
    disk.capacity = Infinity;
    const next = store.begin({ full: true });
    const abandoned = next.abandon();
    await expect(next.append(1, piece)).rejects.toMatchObject({ fields: { code: '57014' } });
    await abandoned;
    await written(store, true, [[1, 'a']]);
    await expectNoLeak(disk, store);
  });

  it('notice every changed bit, and leave the one before', async () => {
    const disk = new FakeDisk(new Random(2));
    const { store } = await open(disk);
    const older: Piece[] = [[1, 'x'.repeat(500)]];
    const patch: Piece[] = [[1, 'y'.repeat(33)]];
    const newer: Piece[] = ['z', 'y', 'x'].map((text) => [2, text.repeat(300)]);
    await written(store, true, older);
    await written(store, false, patch);
    await written(store, true, newer);
    await store.begin({ full: true }).abandon();
    let noticed = 0;
    for (const path of disk.paths) {
      const number = parseCheckpointFileName(path.slice(path.indexOf('/') + 1))?.number ?? 0;
      for (let bit = 0; bit < disk.bytesOf(path).length * 8; bit += 11) {
        const other = disk.copy(new Random(0));
        other.flip(path, bit);
        const opened = await open(other);
        const newest = opened.store.newest;
        if (newest === null) expect.unreachable('there are two more');
        const given: Piece[] = [];
        const found = await piecesOf(opened.store, newest, given).catch((error: unknown) => {
          expect(error).toMatchObject({ fields: { code: 'XX001' } });
          expect(String(error)).toContain(path);
          return null;
        });
        if (found !== null) {
          const isOlder = newest.number === 2;
          expect(isOlder).toBe(opened.warnings.length > 0 && number === 3);
          expect(found).toEqual(isOlder ? [...older, ...patch] : newer);
          continue;
        }
        noticed++;
        // What was given out until then was right.
        expect(given).toEqual(newer.slice(0, given.length));
        expect(opened.store.damaged).toEqual(new Set([3]));
        const again = await open(other, opened.store.damaged);
        // Whoever has read it knows already.
        expect(again.warnings).toEqual([]);
        const before = again.store.newest;
        expect(before?.number).toBe(2);
        expect(before && (await piecesOf(again.store, before))).toEqual([...older, ...patch]);
        expect(again.store.logPositionNeeded).toBe(100);
        // The damaged one stays until there are two newer ones.
        await written(again.store, true, newer);
        expect(other.paths).toContain(path);
        await written(again.store, true, newer);
        expect(other.paths).not.toContain(path);
        await expectNoLeak(other, again.store);
      }
    }
    expect(noticed).toBeGreaterThan(400);
  });

  it('are passed over with a warning if a file is missing or short', async () => {
    const disk = new FakeDisk(new Random(3));
    const { store } = await open(disk);
    for (const full of [true, false, false]) await written(store, full, [[1, 'a'.repeat(99)]]);
    const paths = disk.paths.filter((path) => path.endsWith('.data'));
    for (const [i, path] of paths.entries()) {
      for (const how of ['removed', 'cut'] as const) {
        const other = disk.copy(new Random(0));
        if (how === 'removed') await other.remove(path);
        else await (await other.open(path)).truncate(70);
        const opened = await open(other);
        expect(opened.store.newest?.number ?? 0).toBe(i);
        // Its own, and one of each patch on it.
        expect(opened.warnings.length).toBe(3 - i);
        expect(opened.warnings[0]).toContain(path);
        const { number } = await written(opened.store, opened.store.shouldBeFull, [[1, 'b']]);
        expect(number).toBe(4);
      }
    }
  });

  it('of a newer format or another directory are refused', async () => {
    const disk = new FakeDisk(new Random(4));
    const { store } = await open(disk);
    await written(store, true, [[1, 'a']]);
    const path = 'checkpoints/0000000000000001.manifest';
    const bytes = disk.bytesOf(path);
    for (const [at, code] of [
      [8, '0A000'],
      [16, '55000'],
    ] as const) {
      const changed = bytes.slice();
      changed[at] = 200;
      const view = new DataView(changed.buffer);
      view.setUint32(changed.length - 4, crc32(changed.subarray(0, -4)), true);
      await (await disk.open(path)).write(0, changed);
      await expect(open(disk)).rejects.toMatchObject({ fields: { code } });
    }
  });

  it('are full again when patches have become too large or too many', async () => {
    const disk = new FakeDisk(new Random(5));
    const { store } = await open(disk);
    expect(store.shouldBeFull).toBe(true);
    await written(store, true, [[1, 'a'.repeat(1_000)]]);
    for (let i = 0; i < 2; i++) {
      expect(store.shouldBeFull).toBe(false);
      await written(store, false, [[1, 'b'.repeat(700)]]);
    }
    expect(store.shouldBeFull).toBe(true);
    await written(
      store,
      true,
      Array.from({ length: 20 }, () => [1, 'a'.repeat(1_900)] as const),
    );
    for (let i = 0; i < limits.checkpointPatchesMax; i++) await written(store, false, [[1, 'b']]);
    expect(store.shouldBeFull).toBe(true);
  });

  it('are removed in any order', async () => {
    const disk = new FakeDisk(new Random(6));
    const { store } = await open(disk);
    for (const full of [true, false, false]) await written(store, full, [[1, 'a']]);
    const before = disk.copy(new Random(0));
    await written(store, true, [[1, 'b']]);
    const gone = before.paths;
    await written(store, true, [[1, 'c']]);
    expect(disk.paths.filter((path) => gone.includes(path))).toEqual([]);
    for (let subset = 0; subset < 1 << gone.length; subset++) {
      const other = disk.copy(new Random(0));
      for (const path of gone.filter((_, i) => (subset >> i) % 2 === 1)) {
        const file = await other.create(path);
        await file.write(0, before.bytesOf(path));
      }
      const opened = await open(other);
      expect(opened.warnings).toEqual([]);
      await expectNoLeak(other, opened.store);
      expect(opened.store.usable.map(({ number }) => number)).toEqual([5, 4]);
    }
  });
});
