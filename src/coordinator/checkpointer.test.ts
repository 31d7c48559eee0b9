/**
 * Goal: whoever asks for a checkpoint is answered, whatever happens meanwhile: others ask too, the
 * disk is full, the dataflow thread ends, the server ends. Method: a coordinator on the fake disk,
 * with a line to its engine that breaks when the test says so.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeDisk } from '../../test/support/fake-disk.ts';
import { Random } from '../../test/support/random.ts';
import { realClock, realEntropy } from '../base/real/seam.ts';
import { systemRelations } from '../catalog/system/all.ts';
import { DurableCoordinator } from './durable-coordinator.ts';
import type { HostResponse } from './engine-link.ts';
import { InlineLink } from './inline-link.ts';

/** A line whose other end can go. */
class BreakingLink extends InlineLink {
  crash: () => void = () => undefined;

  override receive(handler: (response: HostResponse) => void): void {
    super.receive(handler);
    this.crash = () => {
      void this.close();
      handler({ kind: 'crashed', message: 'out of luck' });
    };
  }
}

const none = (): void => undefined;

let disk = new FakeDisk(new Random(1));
let link = new BreakingLink(realClock);
let opened: DurableCoordinator | null = null;

async function open(): Promise<DurableCoordinator> {
  link = new BreakingLink(realClock);
  const parts = () => ({
    ...{ link, clock: realClock, entropy: realEntropy, system: systemRelations },
    log: { info: none, warn: none, error: none },
    connect: () => {
      throw new Error('this test has no Kafka connection');
    },
  });
  const processes = { self: () => '1 a b', alive: () => false };
  opened = await DurableCoordinator.open(parts, { disk, processes });
  return opened;
}

beforeEach(() => {
  disk = new FakeDisk(new Random(1));
});

afterEach(async () => {
  await opened?.close();
  opened = null;
});

const logFiles = (): number => disk.paths.filter((path) => path.endsWith('.log')).length;

describe('CHECKPOINT', () => {
  it('is made once more for all who ask while one is under way, and one at a time', async () => {
    const { coordinator } = await open();
    const first = coordinator.checkpoint();
    const second = coordinator.checkpoint();
    expect(coordinator.checkpoint()).toBe(second);
    await first;
    // The first has ended in this very turn, and the second is about to begin.
    expect(coordinator.checkpoint()).toBe(second);
    await second;
    await coordinator.checkpoint();
  });

  it('is refused if the disk has no room for what has become of the catalog meanwhile', async () => {
    const { coordinator } = await open();
    const note = vi.spyOn(coordinator.journal, 'seen');
    note.mockImplementationOnce(() => {
      disk.capacity = disk.bytes;
      for (const object of coordinator.catalog.objects()) coordinator.journal.put(object);
      return coordinator.journal.seen();
    });
    await expect(coordinator.checkpoint()).rejects.toMatchObject({ fields: { code: '53100' } });
    disk.capacity = Infinity;
    await coordinator.journal.settled();
    await coordinator.checkpoint();
  });

  it('fails when the dataflow thread ends, and from then on', async () => {
    const { coordinator } = await open();
    const ended = { fields: { code: '57P02' } };
    const underWay = expect(coordinator.checkpoint()).rejects.toMatchObject(ended);
    link.crash();
    await underWay;
    await expect(coordinator.checkpoint()).rejects.toMatchObject(ended);
  });

  it('fails when the server ends, and writes nothing any more', async () => {
    const { coordinator } = await open();
    const ended = { fields: { code: '57P01' } };
    const all = [coordinator.checkpoint(), coordinator.checkpoint()].map((asked) =>
      expect(asked).rejects.toMatchObject(ended),
    );
    await coordinator.close();
    const files = logFiles();
    await Promise.all(all);
    await expect(coordinator.checkpoint()).rejects.toMatchObject(ended);
    expect(logFiles()).toBe(files);
  });
});
