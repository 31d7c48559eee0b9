/**
 * Goal: what has become a checkpoint is given back byte for byte after any crash, or the one before
 * it is; nothing wrong is ever given out as right, and no file stays that nobody needs. Method: a
 * script of full checkpoints, patches and abandoned ones on a fake disk that stops, fails or is full
 * at every single operation; every file damaged; small buffers, so that frames lie across them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeDisk, MachineStopped } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
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

async function piecesOf(store: CheckpointStore, checkpoint: Checkpoint): Promise<Piece[]> {
  const pieces: Piece[] = [];
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
}

async function script(disk: FakeDisk, seed: number, course: Course): Promise<void> {
  const random = new Random(seed);
  const { store } = await open(disk);
  for (let i = 0; i < 5; i++) {
    const pieces = randomPieces(random);
    if (random.chance(0.15)) {
      const writer = store.begin({ full: true });
      for (const [image, text] of pieces)
        await writer.append(image, new TextEncoder().encode(text));
      await writer.abandon();
      continue;
    }
    const full = store.shouldBeFull || random.chance(0.2);
    const before = full ? [] : (course.finished.at(-1)?.pieces ?? []);
    const next = { number: 0, pieces: [...before, ...pieces] };
    course.begun.push(next);
    const { number } = await written(store, full, pieces);
    course.finished.push({ ...next, number });
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
});
