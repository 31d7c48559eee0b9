/**
 * Goal: a source holds bounded memory and binds each chunk to one step. Method: the test is the
 * reader and the engine; chunks are large but share one buffer.
 */
import { describe, expect, it } from 'vitest';
import { unheard } from '../../test/support/engine-events.ts';
import { foundPartition } from '../../test/support/one-topic.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { RawChunk, ReaderEvents, SourceConnection } from '../../connectors/connector.ts';
import { limits } from '../base/limits.ts';
import type { SourceObject } from '../catalog/object.ts';
import { EngineClient } from './engine-client.ts';
import type { HostCommand } from './engine-link.ts';
import type { RecoveredOffsets } from './source-runtime.ts';
import { SourceRuntime } from './source-runtime.ts';
import type { StepJournal } from './timeline.ts';
import { Timeline } from './timeline.ts';

const bytes = new Uint8Array(8 * 1024 * 1024);

const source: SourceObject = {
  kind: 'source',
  oid: 1,
  schema: 'public',
  name: 's',
  columns: [],
  connection: 2,
  start: { kind: 'earliest' },
  collection: 3,
  stored: true,
  topics: { kind: 'names', names: ['t'] },
  format: { key: null, value: 'TEXT', envelope: 'none', columns: [], keyColumns: [] },
};

function rig(journal: StepJournal | null = null, recovered?: RecoveredOffsets) {
  const clock = new FakeClock();
  const sent: HostCommand[] = [];
  const none = (): void => undefined;
  const engine = new EngineClient(
    { send: (command) => void sent.push(command), receive: none, close: () => Promise.resolve() },
    unheard,
  );
  const timeline = new Timeline(engine, clock, journal);
  const reader = { resumed: 0, closed: 0 };
  const started: { events: ReaderEvents | null } = { events: null };
  const connection: SourceConnection = {
    validate: () => Promise.resolve(),
    close: () => Promise.resolve(),
    survey: () => Promise.resolve([foundPartition('t', 0, 0n, 5n)]),
    reader: (_topic, _from, _until, events) => {
      started.events = events;
      return {
        start: none,
        ends: () => new Map(),
        stalled: () => new Map(),
        resume: () => void reader.resumed++,
        close: () => Promise.resolve(void reader.closed++),
      };
    },
  };
  return {
    clock,
    sent,
    timeline,
    reader,
    started,
    runtime: new SourceRuntime(source, connection, timeline, clock, recovered),
  };
}

function chunk(partition: number, from: bigint): RawChunk {
  return { slot: partition, topic: 't', partition, bytes, from, next: from + 1n, aborted: [] };
}

describe('SourceRuntime', () => {
  it('stops its reader when much waits, and goes on when half of it is taken', async () => {
    const { clock, sent, timeline, reader, started, runtime } = rig();
    await runtime.live();
    let offset = 0n;
    while (started.events?.chunk(chunk(0, offset++)) === true);
    expect(Number(offset) * bytes.length).toBe(limits.sourceBufferedBytesMax);
    for (let step = 1; reader.resumed === 0; step++) {
      await clock.advance(0);
      timeline.completed(step);
      expect(runtime.bound.get(0)).toBe(BigInt(timeline.sealed));
    }
    await clock.advance(0);
    const taken = sent.filter(({ kind }) => kind === 'ingest').length;
    expect((Number(offset) - taken) * bytes.length).toBeLessThan(limits.sourceBufferedBytesMax / 2);
    expect(reader.resumed).toBe(1);
  });

  it('takes chunks in the order of the log, several of one partition too', async () => {
    const { started, runtime } = rig();
    await runtime.live();
    started.events?.partitions([foundPartition('t', 1, 4n, 4n)]);
    expect([...runtime.bound]).toEqual([
      [0, 0n],
      [1, 4n],
    ]);
    for (const [partition, from] of [
      [0, 0n],
      [1, 4n],
      [0, 1n],
      [0, 2n],
    ] as const)
      started.events?.chunk(chunk(partition, from));
    expect(
      runtime.take(1, bytes.length + 1).map(({ partition, from }) => [partition, from]),
    ).toEqual([
      [0, 0n],
      [1, 4n],
    ]);
    expect([...runtime.bound]).toEqual([
      [0, 1n],
      [1, 5n],
    ]);
    expect(runtime.take(2, 10 * bytes.length).map(({ from }) => from)).toEqual([1n, 2n]);
    expect([...runtime.bound]).toEqual([
      [0, 3n],
      [1, 5n],
    ]);
  });

  it('takes nothing in once it is closed', async () => {
    const { clock, sent, reader, started, runtime } = rig();
    await runtime.live();
    started.events?.chunk(chunk(0, 0n));
    await runtime.close();
    expect(started.events?.chunk(chunk(0, 1n))).toBe(false);
    started.events?.status({ status: 'running', error: null });
    await clock.advance(10);
    expect([sent.length, reader.closed, runtime.status.status]).toEqual([0, 1, 'ceased']);
  });

  it('shows what a replay meets while its own reader is well', async () => {
    const { started, runtime } = rig();
    await runtime.live();
    started.events?.status({ status: 'running', error: null });
    runtime.replayStatus(9, 'records were removed');
    expect([runtime.status.status, runtime.status.error]).toEqual([
      'stalled',
      'records were removed',
    ]);
    runtime.replayStatus(9, null);
    expect([runtime.status.status, runtime.status.error]).toEqual(['running', null]);
  });

  it('says that it has what it had, even if the disk was full just then', async () => {
    const disk = { full: true, retry: (): void => undefined };
    const journal = {
      step: () =>
        disk.full ? { durable: Promise.reject(new Error('full')), hasRoom: false } : undefined,
      isDiskFull: () => true,
      refused: () => Promise.resolve(),
      retryLater: () => new Promise<void>((resolve) => (disk.retry = resolve)),
    };
    const recovered = {
      places: new Map([[0, { topic: 't', partition: 0, topicId: null }]]),
      starts: new Map([[0, 0n]]),
      bound: new Map([[0, 1n]]),
      read: new Map<number, bigint>(),
    };
    const { clock, timeline, started, runtime } = rig(journal, recovered);
    await runtime.live();
    let caughtUp = false;
    runtime.onCaughtUp(() => (caughtUp = true));
    // All that the topic has now: later records may have replaced what it had.
    started.events?.chunk({ ...chunk(0, 0n), next: 5n });
    await clock.advance(limits.diskFullRetryMilliseconds);
    disk.full = false;
    disk.retry();
    await clock.advance(0);
    timeline.completed(timeline.sealed);
    expect(caughtUp).toBe(false);
    await clock.advance(limits.diskFullRetryMilliseconds);
    timeline.completed(timeline.sealed);
    await clock.advance(0);
    expect(caughtUp).toBe(true);
  });
});
