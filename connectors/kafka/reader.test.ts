/**
 * Goal: what a reader does when brokers and topics misbehave, without a broker. Method: a fake
 * cluster in memory behind the transport interface (metadata 12, list offsets 2, fetch 11 in the
 * protocol's own bytes), with faults switched on by the test; timers are real but short waits only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { assert } from '../../src/base/assert.ts';
import type { Clock } from '../../src/base/seam.ts';
import { realClock } from '../../src/base/real/seam.ts';
import { Random } from '../../test/support/random.ts';
import { ownSlots, slotsOf } from '../../test/support/one-topic.ts';
import type { Positions, RawChunk, SourceStatus } from '../connector.ts';
import { topicsNamed } from '../connector.ts';
import { Backoff } from './backoff.ts';
import type { Link, Transport } from './cluster.ts';
import { Cluster } from './cluster.ts';
import { RecordBatchBuilder } from './encode-batch.ts';
import type { KafkaRequest } from './protocol.ts';
import { apiFetch, apiListOffsets, apiMetadata } from './protocol.ts';
import { KafkaReader } from './reader.ts';
import { WireReader, WireWriter } from './wire.ts';

const encoder = new TextEncoder();
const seeded = new Random(3);
const entropy = {
  bytes: (length: number) => new Uint8Array(length),
  below: (bound: number) => seeded.below(bound),
};
/** Real time, a hundred times faster, so that back-off and refresh do not slow the tests. */
const hasty: Clock = {
  ...realClock,
  after: (milliseconds, callback) => realClock.after(milliseconds / 100, callback),
};

interface FakePartition {
  leader: number;
  first: number;
  batches: Uint8Array[];
  end: number;
}

/** Two nodes and one topic. */
class FakeCluster implements Transport {
  topicId: string | null = '11'.repeat(16);
  partitions: FakePartition[] = [];
  /** Answers to fetches are replaced by this error code while it is set. */
  fetchError = 0;
  /** Nodes that refuse connections. */
  readonly dead = new Set<number>();
  /** Fetch answers are cut to this many bytes of records. */
  cut = Infinity;
  garbage = false;
  /** The last byte of fetch answers is another one. */
  changed = false;
  fetches = 0;
  refusals = 0;

  add(partition: number, ...values: string[]): void {
    const target = this.#partition(partition);
    const builder = new RecordBatchBuilder();
    for (const value of values) builder.add(null, encoder.encode(value), 1);
    target.batches.push(builder.finish({ baseOffset: BigInt(target.end) }));
    target.end += values.length;
  }

  #partition(partition: number): FakePartition {
    const found = this.partitions[partition];
    assert(found !== undefined, `partition ${partition} is there`);
    return found;
  }

  link(_: string, port: number): Promise<Link> {
    return Promise.resolve({
      address: `fake:${port}`,
      connect: () => {
        if (!this.dead.has(port)) return Promise.resolve();
        this.refusals++;
        return Promise.reject(new Error('connection refused'));
      },
      versionMax: () => 12,
      send: async <T>(request: KafkaRequest<T>) => {
        await sleep(1);
        if (this.dead.has(port)) throw new Error('connection lost');
        return request.read(this.garbage ? Uint8Array.of(1, 2, 3) : this.#answer(port, request));
      },
      close: () => Promise.resolve(),
    });
  }

  #answer(node: number, request: KafkaRequest<unknown>): Buffer {
    switch (request.apiKey) {
      case apiMetadata:
        return this.#metadata();
      case apiListOffsets:
        return this.#listOffsets(request.body);
      default:
        assert(
          request.apiKey === apiFetch,
          `the reader asks for nothing else, got ${request.apiKey}`,
        );
        return this.#fetch(node, request.body);
    }
  }

  #metadata(): Buffer {
    const error = this.topicId === null ? 3 : 0;
    return new WireWriter()
      .tags()
      .int32(0)
      .compactArray([1, 2], (w, node) =>
        w.int32(node).compactString('fake').int32(node).compactString(null).tags(),
      )
      .compactString(null)
      .int32(1)
      .compactArray([0], (w) =>
        w
          .int16(error)
          .compactString('t')
          .raw(Buffer.from(this.topicId ?? '00'.repeat(16), 'hex'))
          .bool(false)
          .compactArray(error === 0 ? this.partitions : [], (v, p) =>
            v
              .int16(0)
              .int32(this.partitions.indexOf(p))
              .int32(p.leader)
              .int32(0)
              .compactArray([], () => undefined)
              .compactArray([], () => undefined)
              .compactArray([], () => undefined)
              .tags(),
          )
          .int32(0)
          .tags(),
      )
      .tags()
      .bytes();
  }

  #listOffsets(body: Buffer): Buffer {
    const reader = new WireReader(body);
    reader.int32();
    reader.int8();
    const [asked] = reader.array((r) => {
      r.string();
      return r.array((p) => ({ partition: p.int32(), timestamp: p.int64() }));
    });
    return new WireWriter()
      .int32(0)
      .array([0], (w) =>
        w.string('t').array(asked ?? [], (v, { partition, timestamp }) => {
          const { first, end } = this.#partition(partition);
          return v
            .int32(partition)
            .int16(0)
            .int64(-1n)
            .int64(BigInt(timestamp === -2n ? first : end));
        }),
      )
      .bytes();
  }

  #fetch(node: number, body: Buffer): Buffer {
    this.fetches++;
    const reader = new WireReader(body);
    reader.slice(25);
    const [asked] = reader.array((r) => {
      r.string();
      return r.array((p) => {
        const partition = p.int32();
        p.int32();
        const offset = Number(p.int64());
        p.int64();
        return { partition, offset, bytesMax: p.int32() };
      });
    });
    return new WireWriter()
      .int32(0)
      .int16(0)
      .int32(0)
      .array([0], (w) =>
        w.string('t').array(asked ?? [], (v, { partition, offset, bytesMax }) => {
          const { leader, first, end, batches } = this.#partition(partition);
          const range = offset < first || offset > end ? 1 : 0;
          const error = this.fetchError !== 0 ? this.fetchError : leader !== node ? 6 : range;
          const wanted = batches.filter((batch) => {
            const view = new DataView(batch.buffer);
            return Number(view.getBigInt64(0)) + view.getInt32(23) >= offset;
          });
          const records =
            error === 0
              ? Buffer.concat(wanted).subarray(0, bytesMax > 2 ** 20 ? Infinity : this.cut)
              : Buffer.alloc(0);
          const changed = this.changed && records.length > 0;
          if (changed) records[records.length - 1] = (records.at(-1) ?? 0) ^ 1;
          return v
            .int32(partition)
            .int16(error)
            .int64(BigInt(end))
            .int64(BigInt(end))
            .int64(BigInt(first))
            .array([], () => undefined)
            .int32(-1)
            .int32(records.length)
            .raw(records);
        }),
      )
      .bytes();
  }
}

class Run {
  readonly fake = new FakeCluster();
  readonly statuses: SourceStatus[] = [];
  readonly chunks: RawChunk[] = [];
  readonly found: string[] = [];
  accepts = true;
  #reader: KafkaReader | null = null;

  constructor(...leaders: number[]) {
    this.fake.partitions = leaders.map((leader) => ({ leader, first: 0, batches: [], end: 0 }));
  }

  start(from: Positions = new Map(), until: Positions | null = null): this {
    const cluster = new Cluster(['fake:1', 'fake:2'], this.fake);
    this.#reader = new KafkaReader(
      cluster,
      topicsNamed(['t']),
      slotsOf('t', from),
      until,
      {
        chunk: (chunk) => {
          this.chunks.push(chunk);
          return this.accepts;
        },
        status: (status) => void this.statuses.push(status),
        partitions: (found) => {
          this.found.push(...found.map((p) => `${p.partition}: ${p.first} to ${p.end}`));
          return ownSlots(found);
        },
      },
      hasty,
      entropy,
    );
    this.#reader.start();
    return this;
  }

  get reader(): KafkaReader {
    assert(this.#reader !== null, 'start comes first');
    return this.#reader;
  }

  /** Chunks as `partition: from-next`. */
  ranges(): string[] {
    return this.chunks.map(({ partition, from, next }) => `${partition}: ${from}-${next}`);
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    for (let tries = 0; !condition(); tries++) {
      assert(tries < 1000, `in time: ${what}; status ${JSON.stringify(this.statuses.at(-1))}`);
      await sleep(5);
    }
  }
}

test('partitions on two brokers are read in order, new records as they come', async () => {
  const run = new Run(1, 2);
  run.fake.add(0, 'a', 'b');
  run.fake.add(1, 'c');
  run.start();
  await run.until('both chunks', () => run.chunks.length === 2);
  run.fake.add(1, 'd', 'e');
  await run.until('the third', () => run.chunks.length === 3);
  expect(run.ranges().sort()).toEqual(['0: 0-2', '1: 0-1', '1: 1-3']);
  expect(run.found).toEqual(['0: 0 to 2', '1: 0 to 1']);
  expect(run.reader.ends()).toEqual(
    new Map([
      [0, 2n],
      [1, 3n],
    ]),
  );
  expect(run.statuses).toEqual([
    { status: 'starting', error: null },
    { status: 'running', error: null },
  ]);
  await run.reader.close();
});

test('a chunk has bytes of its own, which can be given to another thread', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a');
  run.start();
  await run.until('a chunk', () => run.chunks.length === 1);
  const [chunk] = run.chunks;
  expect(chunk?.bytes.byteOffset).toBe(0);
  expect(chunk?.bytes.buffer.byteLength).toBe(chunk?.bytes.length);
  await run.reader.close();
});

test('a batch that comes broken is asked for again, not without pause, until it is right', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a');
  run.fake.add(0, 'b');
  run.fake.changed = true;
  run.start();
  await run.until('the whole batch before it', () => run.chunks.length === 1);
  await run.until('it stalls', () => run.statuses.at(-1)?.status === 'stalled');
  expect(run.statuses.at(-1)?.error).toBe(
    'partition 0 of topic "t": the record batch at offset 1 has a wrong checksum',
  );
  const before = run.fake.fetches;
  await sleep(300);
  expect(run.fake.fetches - before).toBeLessThan(40);
  expect(run.chunks).toHaveLength(1);
  run.fake.changed = false;
  await run.until('it goes on', () => run.chunks.length === 2);
  await run.until('all is well', () => run.statuses.at(-1)?.status === 'running');
  expect(run.ranges()).toEqual(['0: 0-1', '0: 1-2']);
  expect(run.chunks.every(({ checked }) => checked)).toBe(true);
  await run.reader.close();
});

test('the leader moves: the new one is asked, nothing is lost or read twice', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a');
  run.start();
  await run.until('the first', () => run.chunks.length === 1);
  for (const leader of [2, 1, 2]) {
    run.fake.partitions.forEach((partition) => {
      partition.leader = leader;
    });
    run.fake.add(0, 'more');
    const count = run.chunks.length;
    await run.until('the next', () => run.chunks.length === count + 1);
  }
  await run.until('all is well', () => run.statuses.at(-1)?.status === 'running');
  expect(run.ranges()).toEqual(['0: 0-1', '0: 1-2', '0: 2-3', '0: 3-4']);
  await run.reader.close();
});

test('a broker dies and its partitions go to the other one', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a');
  run.start();
  await run.until('the first', () => run.chunks.length === 1);
  run.fake.dead.add(1);
  await run.until('it stalls', () => run.statuses.at(-1)?.status === 'stalled');
  expect(run.statuses.at(-1)?.error).toContain('broker "fake:1" does not answer');
  run.fake.partitions.forEach((partition) => {
    partition.leader = 2;
  });
  run.fake.add(0, 'b');
  await run.until('it goes on', () => run.chunks.length === 2);
  await run.until('all is well', () => run.statuses.at(-1)?.status === 'running');
  await run.reader.close();
});

test('a dead leader is not asked without pause while the other broker still names it', async () => {
  const run = new Run(1, 2);
  run.fake.dead.add(1);
  run.fake.add(1, 'a');
  run.start(
    new Map([
      [0, 0n],
      [1, 0n],
    ]),
  );
  await run.until('the other partition', () => run.chunks.length === 1);
  await sleep(200);
  // 200 ms are 20 s of this clock: the pauses grow to 5 s.
  expect(run.fake.refusals).toBeLessThan(40);
  expect(run.statuses.at(-1)?.error).toContain('broker "fake:1" does not answer');
  expect([...run.reader.stalled()]).toEqual([[0, run.statuses.at(-1)?.error]]);
  await run.reader.close();
});

test('a partition without leader is waited for', async () => {
  const run = new Run(-1);
  run.fake.add(0, 'a');
  run.start(new Map([[0, 0n]]));
  await run.until(
    'the status says so',
    () => run.statuses.at(-1)?.error === 'a partition of topic "t" has no leader',
  );
  expect(run.reader.stalled().get(0)).toBe('a partition of topic "t" has no leader');
  run.fake.partitions.forEach((partition) => {
    partition.leader = 1;
  });
  await run.until('the chunk', () => run.chunks.length === 1);
  await run.until('all is well', () => run.statuses.at(-1)?.status === 'running');
  expect(run.reader.stalled().size).toBe(0);
  await run.reader.close();
});

test('error codes that pass are retried, with a status', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a');
  run.fake.fetchError = 56;
  run.start();
  await run.until(
    'the status says so',
    () => run.statuses.at(-1)?.error === 'partition 0 of topic "t": KAFKA_STORAGE_ERROR',
  );
  const before = run.fake.fetches;
  await sleep(200);
  expect(run.fake.fetches - before).toBeLessThan(30);
  expect(run.reader.stalled().get(0)).toContain('KAFKA_STORAGE_ERROR');
  run.fake.fetchError = 0;
  await run.until('the chunk', () => run.chunks.length === 1);
  await run.until('all is well', () => run.statuses.at(-1)?.status === 'running');
  await run.reader.close();
});

test('answers that are not Kafka do no harm', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a');
  run.fake.garbage = true;
  run.start();
  await run.until(
    'the status says so',
    () => run.statuses.at(-1)?.error?.includes('bytes wanted') === true,
  );
  run.fake.garbage = false;
  await run.until('the chunk', () => run.chunks.length === 1);
  await run.reader.close();
});

test('retention passed us: stopped for good, with the offsets; other partitions go on', async () => {
  const run = new Run(1, 1);
  run.fake.add(0, 'a', 'b', 'c');
  run.fake.partitions.slice(0, 1).forEach((partition) => {
    partition.first = 2;
  });
  run.start(
    new Map([
      [0, 1n],
      [1, 0n],
    ]),
  );
  await run.until('it stalls', () => run.statuses.at(-1)?.status === 'stalled');
  expect(run.statuses.at(-1)?.error).toBe(
    'partition 0 of topic "t" starts at offset 2 now, records from 1 on were removed before they were read',
  );
  run.fake.add(1, 'x');
  await run.until('the other partition', () => run.chunks.length === 1);
  expect(run.ranges()).toEqual(['1: 0-1']);
  expect(run.statuses.at(-1)?.status).toBe('stalled');
  expect(run.reader.stalled()).toEqual(new Map([[0, run.statuses.at(-1)?.error]]));
  await run.reader.close();
});

test('a topic made anew has another id: stopped for good', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a');
  run.start();
  await run.until('the first', () => run.chunks.length === 1);
  run.fake.topicId = null;
  await run.until('it is gone', () => run.statuses.at(-1)?.error === 'topic "t" was deleted');
  run.fake.topicId = '22'.repeat(16);
  run.fake.add(0, 'b');
  await run.until(
    'it is another one',
    () => run.statuses.at(-1)?.error?.includes('created again') === true,
  );
  await sleep(50);
  await run.reader.close();
});

test('back-pressure: no fetch after false until resume', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a');
  run.accepts = false;
  run.start();
  await run.until('the first', () => run.chunks.length === 1);
  run.fake.add(0, 'b');
  const before = run.fake.fetches;
  await sleep(50);
  expect(run.fake.fetches).toBe(before);
  run.accepts = true;
  run.reader.resume();
  await run.until('the second', () => run.chunks.length === 2);
  await run.reader.close();
});

test('a batch that is cut off is asked for with more room', async () => {
  const run = new Run(1);
  run.fake.add(0, 'a'.repeat(500));
  run.fake.cut = 100;
  run.start();
  await run.until('the chunk', () => run.chunks.length === 1);
  expect(run.ranges()).toEqual(['0: 0-1']);
  await run.reader.close();
});

test('a replay stops at its ends, in the middle of a batch if need be, and says that it is over', async () => {
  const run = new Run(1, 2);
  run.fake.add(0, 'a', 'b', 'c', 'd');
  run.fake.add(1, 'e');
  run.start(
    new Map([
      [0, 1n],
      [1, 0n],
    ]),
    new Map([
      [0, 3n],
      [1, 0n],
    ]),
  );
  await run.until('it is over', () => run.statuses.at(-1)?.status === 'ceased');
  expect(run.ranges()).toEqual(['0: 1-3']);
  await run.reader.close();
});

test('closing ends it at any moment', async () => {
  for (const after of [0, 1, 2, 5, 10]) {
    const run = new Run(1, 2);
    run.fake.add(0, 'a');
    run.start();
    await sleep(after);
    await run.reader.close();
    const count = run.chunks.length;
    await sleep(10);
    expect(run.chunks.length).toBe(count);
  }
});

test('back-off doubles up to its bound, with jitter, and starts over', () => {
  const backoff = new Backoff(entropy, 1000);
  const waits = Array.from({ length: 12 }, () => backoff.next());
  waits.forEach((wait, k) => {
    const full = Math.min(50 * 2 ** k, 1000);
    expect(wait).toBeGreaterThanOrEqual(full / 2);
    expect(wait).toBeLessThanOrEqual(full);
  });
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(50);
});
