/**
 * Goal: a backup of a data directory that is being written to is the directory as it was at some
 * moment while it was made, restoring it gives that back under another identity, and nothing that
 * is damaged or unfinished is taken for a backup. Method: a server of nothing but its storage that
 * appends, makes checkpoints and cuts its log on a fake disk, while the backup's operations happen
 * between its own; stops, failures and full disks at every operation; every file damaged.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { limits } from '../base/limits.ts';
import type { Disk } from '../base/seam.ts';
import { makeBackup } from './backup.ts';
import { DataDirectory } from './data-directory.ts';
import { below } from './folder-disk.ts';
import { restoreBackup } from './restore.ts';

const small = {
  logFileBytesMax: 2_000,
  checkpointPieceBytesMax: 2_000,
  checkpointBufferBytes: 2_500,
  checkpointSyncBytes: 6_000,
  checkpointBlockBytes: 1_024,
};
const usual = { ...limits };

beforeAll(() => void Object.assign(limits, small));
afterAll(() => void Object.assign(limits, usual));

function entropyOf(random: Random) {
  return {
    bytes: (length: number) => Uint8Array.from({ length }, () => random.below(256)),
    below: (bound: number) => random.below(bound),
  };
}

/** A directory whose state is the list of texts that were appended. */
class Keeper {
  readonly directory: DataDirectory;
  readonly texts: string[];
  acknowledged: number;

  private constructor(directory: DataDirectory, texts: string[]) {
    this.directory = directory;
    this.texts = texts;
    this.acknowledged = texts.length;
  }

  static async open(disk: Disk, random: Random): Promise<Keeper> {
    let texts: string[] = [];
    const directory = await DataDirectory.open(
      {
        disk,
        processes: { self: () => '1 a b', alive: () => false },
        entropy: entropyOf(random),
        warn: (message) => expect.unreachable(message),
      },
      (begin) => {
        if (begin !== null) texts = JSON.parse(new TextDecoder().decode(begin.content)) as string[];
        return (record) => {
          const [at, text] = JSON.parse(new TextDecoder().decode(record)) as [number, string];
          texts[at] = text;
        };
      },
    );
    const { newest } = directory.checkpoints;
    let pieces = 0;
    if (newest !== null) await directory.checkpoints.read(newest, () => void pieces++);
    return new Keeper(directory, texts);
  }

  async append(text: string): Promise<void> {
    const at = this.texts.push(text) - 1;
    await this.directory.log.append(new TextEncoder().encode(JSON.stringify([at, text])));
    this.acknowledged++;
  }

  async checkpoint(random: Random): Promise<void> {
    const { checkpoints, log } = this.directory;
    const logPosition = await log.rotate();
    const content = new TextEncoder().encode(JSON.stringify(this.texts));
    const writer = checkpoints.begin({ full: checkpoints.shouldBeFull || random.chance(0.4) });
    for (let i = random.below(5); i > 0; i--)
      await writer.append(i, new Uint8Array(random.below(2_000)));
    await writer.finish({ step: this.texts.length, time: 1, logPosition, content });
    await log.cut(checkpoints.logPositionNeeded);
  }
}

async function work(keeper: Keeper, random: Random, turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) {
    if (random.chance(0.3)) await keeper.checkpoint(random);
    else await keeper.append(`text ${i} ${'x'.repeat(random.below(700))}`);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** Now and then much happens before a file is opened. */
function slowed(disk: Disk, random: Random): Disk {
  return {
    ...below(disk, ''),
    open: async (path) => {
      if (random.chance(0.1)) await turns(random.below(400));
      return disk.open(path);
    },
  };
}

const places = { source: 'data', target: 'copy' };

/** Restores the backup and answers the texts in it. */
async function restored(disk: FakeDisk, random: Random): Promise<string[]> {
  const [backup, target] = ['copy', 'again'];
  await restoreBackup({ disk, backup, target, entropy: entropyOf(random) });
  expect(disk.bytesOf('again/identity')).not.toEqual(disk.bytesOf('data/identity'));
  const keeper = await Keeper.open(below(disk, 'again'), random);
  await keeper.append('one more');
  await keeper.checkpoint(random);
  await keeper.directory.close();
  const again = await Keeper.open(below(disk, 'again'), random);
  await again.directory.close();
  expect(again.texts.at(-1)).toBe('one more');
  return again.texts.slice(0, -1);
}

describe('a backup', () => {
  it('is what the directory was while it was made', async () => {
    let later = 0;
    for (let seed = 0; seed < 150; seed++) {
      const random = new Random(seed);
      const disk = new FakeDisk(random);
      const keeper = await Keeper.open(below(disk, 'data'), random);
      await work(keeper, random, random.below(12));
      const least = keeper.acknowledged;
      disk.pause = () => turns(random.below(4));
      let open = true;
      const working = (async () => {
        while (open) await work(keeper, random, 1);
      })();
      const slow = slowed(disk, random);
      const made = await makeBackup({ disk: slow, ...places, time: 1 }).finally(() => {
        open = false;
      });
      await working;
      disk.pause = null;
      const most = keeper.texts.length;
      const texts = await restored(disk, random);
      expect(texts).toEqual(keeper.texts.slice(0, texts.length));
      expect(texts.length).toBeGreaterThanOrEqual(least);
      expect(texts.length).toBeLessThanOrEqual(most);
      if ((made.chain.at(-1)?.step ?? 0) > least) later++;
      await keeper.directory.close();
    }
    expect(later, 'some copies began with a checkpoint of later').toBeGreaterThan(20);
  });

  it('shares the files of checkpoints, or copies them where that cannot be', async () => {
    for (const shares of [true, false]) {
      const random = new Random(1);
      const disk = new FakeDisk(random);
      const keeper = await Keeper.open(below(disk, 'data'), random);
      await work(keeper, random, 10);
      const link = disk.link.bind(disk);
      if (!shares) disk.link = () => disk.open('nothing').then(() => undefined);
      const made = await makeBackup({ disk, ...places, time: 1 });
      expect(made.linked).toBe(shares ? made.chain.length * 2 : 0);
      disk.link = link;
      expect(await restored(disk, random)).toEqual(keeper.texts);
      await keeper.directory.close();
    }
  });

  it('is none if it was stopped, and leaves nothing if it has failed', async () => {
    const random = new Random(2);
    const first = new FakeDisk(random);
    const keeper = await Keeper.open(below(first, 'data'), random);
    await work(keeper, random, 10);
    await keeper.directory.close();
    for (const how of ['stop', 'fail', 'full'] as const) {
      for (let at = 0; ; at++) {
        const disk = first.copy(new Random(at));
        const before = disk.paths;
        if (how === 'stop') disk.stopAt = at;
        else disk.failAt = at;
        if (how === 'full') disk.failure = { kind: 'full' };
        const error = await makeBackup({ disk, ...places, time: 1 }).then(
          () => null,
          (reason: unknown) => reason,
        );
        const ended = disk.operations <= at;
        if (how === 'stop') disk.restart();
        else disk.goOn();
        if (error === null) {
          expect(await restored(disk, random)).toEqual(keeper.texts);
          if (ended) break;
          continue;
        }
        if (how !== 'stop') expect(disk.paths).toEqual(before);
        const target = restoreBackup({
          ...{ disk, backup: 'copy', target: 'again' },
          entropy: entropyOf(random),
        });
        const done = await target.then(
          () => true,
          () => false,
        );
        // The stop may have come when all was there already.
        if (done) expect(how).toBe('stop');
        else expect(disk.paths.filter((path) => path.startsWith('again'))).toEqual([]);
      }
    }
  });

  it('is refused if a bit has changed or a file is missing', async () => {
    const random = new Random(3);
    const first = new FakeDisk(random);
    const keeper = await Keeper.open(below(first, 'data'), random);
    await work(keeper, random, 9);
    await makeBackup({ disk: first, ...places, time: 1 });
    const texts = await restored(first.copy(random), random);
    const paths = first.paths.filter((path) => path.startsWith('copy/'));
    expect(paths.length).toBeGreaterThan(4);
    let refused = 0;
    for (const path of paths) {
      const bits = first.bytesOf(path).length * 8;
      for (let bit = -1; bit < bits; bit += Math.ceil(bits / 40)) {
        const disk = first.copy(random);
        if (bit < 0) await disk.remove(path);
        else disk.flip(path, bit);
        const found = await restored(disk, random).catch(() => null);
        // Zeros at the end of a frame of the log hold nothing.
        if (found === null) {
          refused++;
          expect(disk.paths.filter((name) => name.startsWith('again'))).toEqual([]);
        } else expect(found).toEqual(texts);
        if (bit < 0) expect(found).toBe(null);
      }
    }
    expect(refused).toBeGreaterThan(paths.length * 30);
  });

  it('has the commits that were written while the log was read', async () => {
    Object.assign(limits, { logFileBytesMax: usual.logFileBytesMax });
    const random = new Random(6);
    const disk = new FakeDisk(random);
    const keeper = await Keeper.open(below(disk, 'data'), random);
    await keeper.append('a');
    let reads = 0;
    const torn: Disk = {
      ...below(disk, ''),
      open: async (path) => {
        const file = await disk.open(path);
        if (!path.startsWith('data/log')) return file;
        const read = async (position: number, into: Uint8Array): Promise<number> => {
          reads++;
          // Of two commits the first is not seen, and the second is.
          const seen = 64 + keeper.directory.log.bytesInFile + 8;
          const n = await file.read(position, into.subarray(0, seen));
          if (reads === 1) for (const text of ['b', 'c']) await keeper.append(text.repeat(60));
          return n + (await file.read(position + n, into.subarray(n)));
        };
        return { ...file, read };
      },
    };
    await makeBackup({ disk: torn, ...places, time: 1 });
    expect(reads).toBe(2);
    expect(await restored(disk, random)).toEqual(keeper.texts);
    await keeper.directory.close();
    Object.assign(limits, small);
  });

  it('is refused if the last commits are missing', async () => {
    const random = new Random(5);
    const disk = new FakeDisk(random);
    const keeper = await Keeper.open(below(disk, 'data'), random);
    await work(keeper, random, 5);
    await keeper.append('a');
    await makeBackup({ disk, ...places, time: 1 });
    const last = disk.paths.findLast((path) => path.startsWith('copy/log/')) ?? '';
    expect(disk.bytesOf(last).length).toBeGreaterThan(64);
    await (await disk.open(last)).truncate(64);
    await expect(restored(disk, random)).rejects.toMatchObject({ fields: { code: 'XX001' } });
    await keeper.directory.close();
  });

  it('is not made over something, nor restored over it, nor served', async () => {
    const random = new Random(4);
    const disk = new FakeDisk(random);
    const keeper = await Keeper.open(below(disk, 'data'), random);
    await keeper.append('a');
    const entropy = entropyOf(random);
    const same = { ...places, target: 'data', disk, time: 1 };
    await expect(makeBackup(same)).rejects.toMatchObject({ fields: { code: '55000' } });
    const none = { ...places, source: 'nothing', disk, time: 1 };
    await expect(makeBackup(none)).rejects.toMatchObject({ fields: { code: '55000' } });
    await makeBackup({ disk, ...places, time: 1 });
    const over = { disk, backup: 'copy', target: 'data', entropy };
    await expect(restoreBackup(over)).rejects.toMatchObject({ fields: { code: '55000' } });
    const directory = { disk, backup: 'data', target: 'again', entropy };
    await expect(restoreBackup(directory)).rejects.toMatchObject({ fields: { code: '55000' } });
    const served = Keeper.open(below(disk, 'copy'), random);
    await expect(served).rejects.toMatchObject({ fields: { code: '55000' } });
    expect(await restored(disk, random)).toEqual(['a']);
    await keeper.directory.close();
  });
});
