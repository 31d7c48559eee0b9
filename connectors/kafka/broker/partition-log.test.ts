/**
 * Goal: a partition's log answers every read as a plain list of records would. Method: random
 * appends, transactions that commit or abort, deletions and fetches of every size, against a list
 * of records with their offsets; frames are cut at random places.
 */
import { describe, expect, test } from 'vitest';
import { Random } from '../../../test/support/random.ts';
import { assert } from '../../../src/base/assert.ts';
import { RecordBatchBuilder } from '../encode-batch.ts';
import { RecordBatchWalker, RecordSlice } from '../record-batch.ts';
import { brokerError } from './errors.ts';
import { Frames } from './frames.ts';
import type { FetchedLog } from './partition-log.ts';
import { PartitionLog } from './partition-log.ts';
import type { ProducedBatch } from './produced-batch.ts';
import { readProducedBatch } from './produced-batch.ts';

interface Known {
  readonly offset: number;
  readonly timestamp: number;
  readonly value: string;
  /** Of which transaction, by producer; null for plain ones. */
  readonly transaction: { state: 'open' | 'committed' | 'aborted'; first: number } | null;
}

const encoder = new TextEncoder();

function produced(
  values: readonly string[],
  timestamps: readonly number[],
  identity: { id: bigint; epoch: number; sequence: number } | null,
  transactional = false,
): ProducedBatch {
  const builder = new RecordBatchBuilder();
  values.forEach((value, k) => builder.add(null, encoder.encode(value), timestamps[k] ?? 0));
  const batch = readProducedBatch(
    builder.finish({
      codec: values.length % 2 === 0 ? 'lz4' : 'none',
      transactional,
      ...(identity === null
        ? {}
        : {
            producerId: identity.id,
            producerEpoch: identity.epoch,
            baseSequence: identity.sequence,
          }),
    }),
    1e9,
  );
  assert(typeof batch !== 'number', 'the batch is whole');
  return batch;
}

/** Values that a consumer gets of a fetch from `offset` on, and the offset after them. */
function consume(
  fetched: FetchedLog,
  offset: number,
): { readonly offset: number; readonly value: string }[] {
  const bytes = Buffer.concat(fetched.pieces);
  const walker = new RecordBatchWalker();
  const slice = new RecordSlice();
  const found: { offset: number; value: string }[] = [];
  walker.open({
    bytes,
    from: BigInt(offset),
    next: BigInt(lastOf(bytes, offset)),
    aborted: fetched.aborted,
  });
  for (;;) {
    const state = walker.next(slice);
    if (state === 'end') break;
    if (state === 'pause') continue;
    assert(
      state === 'records',
      `the batches are whole: ${state === 'broken' ? walker.broken.reason : ''}`,
    );
    for (let r = 0; r < slice.count; r++) {
      const at = slice.valueAt[r] ?? 0;
      found.push({
        offset: slice.offset[r] ?? 0,
        value: Buffer.from(slice.bytes.subarray(at, at + (slice.valueBytes[r] ?? 0))).toString(),
      });
    }
  }
  return found;
}

/** Offset after the last record of whole batches. */
function lastOf(bytes: Uint8Array, offset: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let next = offset;
  for (let at = 0; at < bytes.length; at += 12 + view.getInt32(at + 8)) {
    next = Number(view.getBigInt64(at)) + view.getInt32(at + 23) + 1;
  }
  return next;
}

describe('a log', () => {
  test.each([1, 2, 3, 4])('answers as a list of records does, seed %i', (seed) => {
    const random = new Random(seed);
    const budget = { used: 0, bytesMax: 1e9 };
    const log = new PartitionLog(budget, seed === 4 ? 65_536 : Infinity);
    const records: Known[] = [];
    const open = new Map<bigint, { state: 'open' | 'committed' | 'aborted'; first: number }>();
    const sequences = new Map<bigint, number>();
    for (let step = 0; step < 600; step++) {
      const values = Array.from({ length: 1 + random.below(5) }, () => String(random.below(1000)));
      const times = values.map(() => 1000 + step * 10 + random.below(30));
      const id = BigInt(random.below(3));
      const action = random.below(10);
      if (action < 6) {
        const transaction =
          action < 3 ? null : (open.get(id) ?? { state: 'open' as const, first: log.end });
        if (transaction !== null) open.set(id, transaction);
        const sequence = sequences.get(id) ?? 0;
        if (transaction !== null) sequences.set(id, sequence + values.length);
        const batch = produced(
          values,
          times,
          transaction === null ? null : { id, epoch: 0, sequence },
          transaction !== null,
        );
        expect(log.producers.check(batch)).toEqual({ kind: 'append' });
        const base = log.append(batch);
        values.forEach((value, k) =>
          records.push({ offset: base + k, timestamp: times[k] ?? 0, value, transaction }),
        );
      } else if (action < 8) {
        const transaction = open.get(id);
        if (transaction !== undefined) {
          const commit = random.chance(0.5);
          log.endTransaction(id, 0, commit, 1000 + step * 10);
          transaction.state = commit ? 'committed' : 'aborted';
          open.delete(id);
        }
      } else if (action === 8 && random.chance(0.1)) {
        log.deleteBefore(log.start + random.below(log.end - log.start + 1));
      } else if (seed === 4) {
        log.retain(65_536);
      }
      check(log, records, random);
    }
    expect(budget.used).toBeGreaterThan(0);
    log.close();
    expect(budget.used).toBe(0);
  });
});

describe('compaction', () => {
  test('leaves offsets as they are, the last batch whole, and counts memory', () => {
    const budget = { used: 0, bytesMax: 1e9 };
    const log = new PartitionLog(budget);
    for (let i = 0; i < 40; i++) log.append(produced([`${i}a`, `${i}b`], [i, i], null));
    const before = budget.used;
    const seen: bigint[] = [];
    // Only every fourth batch stays; what is at 60 and later is not asked about.
    log.compact(60, (batch) => {
      const first = new DataView(batch.buffer, batch.byteOffset).getBigInt64(0);
      seen.push(first);
      return first % 8n === 0n ? batch : null;
    });
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => BigInt(2 * i)));
    expect(log.end).toBe(80);
    const fetched = log.fetch(1, 1e6, true, true);
    const left = consume(fetched, 1).map(({ offset }) => offset);
    const kept = Array.from({ length: 80 }, (_, i) => i).filter((i) => i >= 60 || i % 8 <= 1);
    expect(left).toEqual(kept.filter((offset) => offset >= 1));
    expect(consume(log.fetch(11, 1e6, true, true), 11)[0]).toEqual({ offset: 16, value: '8a' });
    log.compact(80, () => null);
    expect(consume(log.fetch(0, 1e6, true, true), 0).map(({ offset }) => offset)).toEqual([78, 79]);
    expect(budget.used).toBeLessThanOrEqual(before);
    log.append(produced(['x'], [0], null));
    expect(log.end).toBe(81);
    log.close();
    expect(budget.used).toBe(0);
  });
});

function check(log: PartitionLog, records: readonly Known[], random: Random): void {
  const live = records.filter(({ offset }) => offset >= log.start);
  const opened = records.flatMap(({ transaction }) =>
    transaction?.state === 'open' ? [transaction.first] : [],
  );
  const stable = Math.min(log.end, ...opened);
  expect(Math.max(log.lastStable, log.start)).toBe(Math.max(stable, log.start));
  const from = log.start + random.below(log.end - log.start + 1);
  const committed = random.chance(0.7);
  const fetched = log.fetch(from, random.below(4_000), committed, true);
  const got = consume(fetched, from);
  const next = lastOf(Buffer.concat(fetched.pieces), from);
  const expected = live.filter(
    ({ offset, transaction }) =>
      offset >= from && offset < next && (!committed || transaction?.state !== 'aborted'),
  );
  // Without read_committed the walker is told of no aborted transaction, so it gives everything.
  expect(got).toEqual(expected.map(({ offset, value }) => ({ offset, value })));
  if (from < (committed ? stable : log.end)) expect(fetched.bytes).toBeGreaterThan(0);
  if (committed) expect(next <= Math.max(stable, from)).toBe(true);
  const time = 1000 + random.below(6_500);
  const found = log.findTime(time, false);
  const first = live.find(({ timestamp }) => timestamp >= time);
  expect(found).toEqual(
    first === undefined ? null : { offset: first.offset, timestamp: first.timestamp },
  );
}

describe('sequences of a producer', () => {
  test('a batch that is sent again is recognised, a gap and an old epoch are refused', () => {
    const log = new PartitionLog({ used: 0, bytesMax: 1e9 });
    const batch = (sequence: number, epoch = 1): ProducedBatch =>
      produced(['a', 'b'], [1, 2], { id: 9n, epoch, sequence });
    for (const sequence of [0, 2, 4]) {
      expect(log.producers.check(batch(sequence))).toEqual({ kind: 'append' });
      log.append(batch(sequence));
    }
    expect(log.producers.check(batch(2))).toEqual({ kind: 'duplicate', baseOffset: 2 });
    expect(log.producers.check(batch(8))).toEqual({
      kind: 'refuse',
      error: brokerError.outOfOrderSequence,
    });
    expect(log.producers.check(batch(6, 0))).toEqual({
      kind: 'refuse',
      error: brokerError.invalidProducerEpoch,
    });
    expect(log.producers.check(batch(6, 2))).toEqual({
      kind: 'refuse',
      error: brokerError.outOfOrderSequence,
    });
    expect(log.producers.check(batch(0, 2))).toEqual({ kind: 'append' });
  });
});

describe('what a producer sends', () => {
  test('is refused if a bit is wrong, however it is cut', () => {
    const { bytes } = produced(['one', 'two', 'three'], [1, 2, 3], null);
    for (let length = 0; length < bytes.length; length++) {
      const cut = readProducedBatch(bytes.subarray(0, length), 1e9);
      expect([brokerError.corruptMessage, brokerError.unsupportedFormat]).toContain(cut);
    }
    for (let at = 16; at < bytes.length; at++) {
      const bad = Uint8Array.from(bytes);
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      expect([brokerError.corruptMessage, brokerError.unsupportedFormat]).toContain(
        readProducedBatch(bad, 1e9),
      );
    }
    expect(readProducedBatch(bytes, bytes.length - 1)).toBe(brokerError.messageTooLarge);
    expect(readProducedBatch(Buffer.concat([bytes, bytes]), 1e9)).toBe(brokerError.invalidRecord);
  });
});

describe('frames', () => {
  test('come out whole wherever the stream is cut', () => {
    const random = new Random(3);
    const bodies = Array.from({ length: 300 }, () =>
      Uint8Array.from({ length: random.below(4) === 0 ? 0 : random.below(200) }, () =>
        random.below(256),
      ),
    );
    const stream = Buffer.concat(
      bodies.flatMap((body) => {
        const prefix = Buffer.alloc(4);
        prefix.writeInt32BE(body.length);
        return [prefix, body];
      }),
    );
    const frames = new Frames(1_000);
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length;) {
      const length = 1 + random.below(random.chance(0.5) ? 5 : 700);
      expect(frames.push(stream.subarray(at, at + length), found)).toBe(true);
      at += length;
    }
    expect(found.map((frame) => [...frame])).toEqual(bodies.map((body) => [...body]));
    expect(new Frames(10).push(Uint8Array.of(0, 0, 0, 11), [])).toBe(false);
  });
});
