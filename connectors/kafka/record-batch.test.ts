/**
 * Goal: a walk gives every record that a read_committed consumer may see, once, in order, and never
 * throws. Method: batches are built with `RecordBatchBuilder` beside a plain list of what was put
 * in; then seeded random logs with transactions, and seeded mutations, for which records and broken
 * ranges must cover the chunk without overlap.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { RawRecords } from '../connector.ts';
import { batchAttributes, batchChecksum } from './batch-layout.ts';
import { codecs } from './codec.ts';
import { crc32c } from './crc32c.ts';
import type { BatchOptions } from './encode-batch.ts';
import { RecordBatchBuilder } from './encode-batch.ts';
import { RecordBatchWalker, RecordSlice, sliceRecordsMax } from './record-batch.ts';
import { readHeaders } from './record-headers.ts';

const encoder = new TextEncoder();

interface Seen {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
}

function text(bytes: Uint8Array, at: number, length: number): string | null {
  return length < 0 ? null : Buffer.from(bytes.subarray(at, at + length)).toString();
}

function walk(chunk: RawRecords): { readonly seen: Seen[]; readonly broken: string[] } {
  const walker = new RecordBatchWalker();
  const slice = new RecordSlice();
  const seen: Seen[] = [];
  const broken: string[] = [];
  walker.open(chunk);
  for (;;) {
    const found = walker.next(slice);
    if (found === 'end') return { seen, broken };
    if (found === 'pause') continue;
    if (found === 'broken') {
      broken.push(`${walker.broken.from}-${walker.broken.to} ${walker.broken.reason}`);
      continue;
    }
    for (let r = 0; r < slice.count; r++) {
      seen.push({
        offset: slice.offset[r],
        key: text(slice.bytes, slice.keyAt[r], slice.keyBytes[r]),
        value: text(slice.bytes, slice.valueAt[r], slice.valueBytes[r]),
        timestamp: slice.timestamp[r],
      });
    }
  }
}

function chunk(
  batches: readonly Uint8Array[],
  from: number,
  next: number,
  aborted: RawRecords['aborted'] = [],
): RawRecords {
  return {
    bytes: Buffer.concat(batches),
    from: BigInt(from),
    next: BigInt(next),
    aborted,
  };
}

/** A batch of the values, at a base offset. */
function batch(
  base: number,
  values: readonly (string | null)[],
  options: BatchOptions = {},
): Uint8Array {
  const builder = new RecordBatchBuilder(64);
  values.forEach((value, k) =>
    builder.add(
      encoder.encode(`k${base + k}`),
      value === null ? null : encoder.encode(value),
      1000 + base + k,
    ),
  );
  return builder.finish({ ...options, baseOffset: BigInt(base) });
}

/** The end mark of a transaction: version 0, type 0 (abort) or 1 (commit). */
function marker(base: number, producerId: bigint, type: 0 | 1): Uint8Array {
  const builder = new RecordBatchBuilder(64);
  builder.add(Uint8Array.of(0, 0, 0, type), new Uint8Array(6), 0);
  return builder.finish({
    baseOffset: BigInt(base),
    producerId,
    transactional: true,
    control: true,
  });
}

const offsets = (seen: readonly Seen[]): number[] => seen.map((record) => record.offset);

test.each(codecs)('records come back through %s', (codec) => {
  const batches = [batch(0, ['a', null, ''], { codec }), batch(3, ['b'.repeat(1000)], { codec })];
  const { seen, broken } = walk(chunk(batches, 0, 4));
  expect(broken).toEqual([]);
  expect(seen).toEqual([
    { offset: 0, key: 'k0', value: 'a', timestamp: 1000 },
    { offset: 1, key: 'k1', value: null, timestamp: 1001 },
    { offset: 2, key: 'k2', value: '', timestamp: 1002 },
    { offset: 3, key: 'k3', value: 'b'.repeat(1000), timestamp: 1003 },
  ]);
});

test('a chunk may begin in the middle of a batch and end before its last record', () => {
  const batches = [batch(0, ['a', 'b', 'c']), batch(3, ['d', 'e', 'f'])];
  expect(offsets(walk(chunk(batches, 2, 5)).seen)).toEqual([2, 3, 4]);
  expect(walk(chunk(batches, 4, 4)).seen).toEqual([]);
});

test('offsets have gaps after compaction', () => {
  const builder = new RecordBatchBuilder();
  builder.add(null, encoder.encode('a'), 1, [], 2);
  builder.add(null, encoder.encode('b'), 2, [], 7);
  const bytes = builder.finish({ baseOffset: 10n });
  expect(offsets(walk(chunk([bytes], 10, 18)).seen)).toEqual([12, 17]);
});

test('LogAppendTime gives every record the time of the batch', () => {
  const { seen } = walk(chunk([batch(5, ['a', 'b', 'c'], { logAppendTime: true })], 5, 8));
  expect(seen.map((record) => record.timestamp)).toEqual([1007, 1007, 1007]);
});

test('negative, equal and far timestamps', () => {
  const builder = new RecordBatchBuilder();
  const times = [1_700_000_000_000, 0, -1, 1_700_000_000_000, 4_000_000_000_000, 2 ** 40];
  for (const time of times) builder.add(null, null, time);
  const { seen } = walk(chunk([builder.finish()], 0, times.length));
  expect(seen.map((record) => record.timestamp)).toEqual(times);
});

test('headers', () => {
  const builder = new RecordBatchBuilder();
  builder.add(null, null, 1, [
    { key: encoder.encode('trace'), value: Uint8Array.of(1, 2) },
    { key: encoder.encode('x'), value: null },
  ]);
  const walker = new RecordBatchWalker();
  const slice = new RecordSlice();
  walker.open(chunk([builder.finish()], 0, 1));
  expect(walker.next(slice)).toBe('records');
  const headers = readHeaders(slice.bytes, slice.headersAt[0], slice.headersEnd[0]);
  expect(
    headers?.map(({ key, value }) => [Buffer.from(key).toString(), value && [...value]]),
  ).toEqual([
    ['trace', [1, 2]],
    ['x', null],
  ]);
});

test('a batch larger than a slice comes in several', () => {
  const count = sliceRecordsMax * 2 + 10;
  const values = Array.from({ length: count }, (_, k) => String(k));
  const { seen } = walk(chunk([batch(0, values)], 0, count));
  expect(seen.map((record) => record.value)).toEqual(values);
});

test('aborted transactions and control batches are not seen, committed ones are', () => {
  const transactional = (producerId: bigint): BatchOptions => ({ producerId, transactional: true });
  const batches = [
    batch(0, ['open 1'], transactional(1n)),
    batch(1, ['plain']),
    batch(2, ['commit 2'], transactional(2n)),
    marker(3, 1n, 0),
    batch(4, ['commit 1'], transactional(1n)),
    marker(5, 2n, 1),
    marker(6, 1n, 1),
    batch(7, ['abort 2'], transactional(2n)),
    marker(8, 2n, 0),
    batch(9, ['last'], transactional(2n)),
  ];
  const aborted = [
    { producerId: 2n, firstOffset: 7n },
    { producerId: 1n, firstOffset: 0n },
  ];
  const { seen, broken } = walk(chunk(batches, 0, 10, aborted));
  expect(broken).toEqual([]);
  expect(seen.map((record) => record.value)).toEqual(['plain', 'commit 2', 'commit 1', 'last']);
});

test('a wrong checksum breaks its batch only', () => {
  const bad = batch(3, ['x', 'y']);
  bad[bad.length - 3] ^= 1;
  const { seen, broken } = walk(chunk([batch(0, ['a', 'b', 'c']), bad, batch(5, ['z'])], 0, 6));
  expect(offsets(seen)).toEqual([0, 1, 2, 5]);
  expect(broken).toEqual(['3-4 the record batch has a wrong checksum']);
});

/** Makes the checksum right again after a change. */
function resealed(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(
    batchChecksum,
    crc32c(bytes, batchAttributes),
  );
  return bytes;
}

test('unknown codecs, bytes that do not decompress, wrong record counts, old formats', () => {
  const reasonOf = (change: (bytes: Uint8Array, view: DataView) => void): string[] => {
    const bytes = batch(0, ['aaaaaaaaaaaa', 'b'], { codec: 'lz4' });
    change(bytes, new DataView(bytes.buffer));
    return walk(chunk([resealed(bytes), batch(2, ['c'])], 0, 3)).broken;
  };
  expect(
    reasonOf((bytes) => {
      bytes[22] = 6;
    }),
  ).toEqual(['0-1 the record batch has unknown codec 6']);
  expect(
    reasonOf((bytes) => {
      bytes[62] ^= 1;
    })[0],
  ).toContain('0-1 the record batch does not decompress: lz4');
  expect(reasonOf((_, view) => view.setInt32(57, 1e9))).toEqual([
    '0-1 the record batch claims 1000000000 records',
  ]);
  // One record more than there are: all offsets of the batch have been given.
  expect(reasonOf((_, view) => view.setInt32(57, 3))).toEqual([]);
  expect(
    reasonOf((bytes) => {
      bytes[16] = 1;
    }),
  ).toEqual(['0-2 the record batch has format 1, not 2']);
});

test('a malformed record breaks the rest of its batch, what came before it is given', () => {
  const builder = new RecordBatchBuilder();
  for (const value of ['a', 'b', 'c']) builder.add(null, encoder.encode(value), 1);
  const bytes = builder.finish();
  const second = bytes.indexOf(0x62);
  bytes[second - 1] = 0x7e;
  const { seen, broken } = walk(chunk([resealed(bytes), batch(3, ['d'])], 0, 4));
  expect(seen.map((record) => record.value)).toEqual(['a', 'd']);
  expect(broken).toEqual(['1-2 a record is malformed']);
});

test('a record that is malformed behind the last one that is wanted is nobody’s loss', () => {
  const builder = new RecordBatchBuilder();
  for (const value of ['a', 'b', 'c']) builder.add(null, encoder.encode(value), 1);
  const bytes = builder.finish();
  bytes[bytes.indexOf(0x62) - 1] = 0x7e;
  const { seen, broken } = walk(chunk([resealed(bytes)], 0, 1));
  expect(seen.map((record) => record.value)).toEqual(['a']);
  expect(broken).toEqual([]);
});

test('a chunk that ends too early says which offsets are missing', () => {
  const whole = batch(0, ['a', 'b']);
  const cut = batch(2, ['c', 'd']).subarray(0, 70);
  expect(walk(chunk([whole, cut], 0, 4)).broken).toEqual(['2-3 the record batch is cut off']);
  expect(walk(chunk([whole], 0, 4)).broken).toEqual(['2-3 the record batch is cut off']);
});

test('a random log with transactions reads as the list of what was committed', () => {
  const random = new Random(5);
  for (let round = 0; round < 30; round++) {
    const open = new Map<bigint, { first: number; records: [number, string][] }>();
    const batches: Uint8Array[] = [];
    const visible: [number, string][] = [];
    const aborted: { producerId: bigint; firstOffset: bigint }[] = [];
    let next = 0;
    for (let k = 0; k < 40; k++) {
      const producerId = BigInt(random.below(4));
      const transaction = open.get(producerId);
      if (transaction !== undefined && random.chance(0.3)) {
        const commit = random.chance(0.5);
        batches.push(marker(next++, producerId, commit ? 1 : 0));
        if (commit) visible.push(...transaction.records);
        else aborted.push({ producerId, firstOffset: BigInt(transaction.first) });
        open.delete(producerId);
        continue;
      }
      const values = Array.from({ length: 1 + random.below(5) }, () => String(random.next()));
      const records = values.map((value, r): [number, string] => [next + r, value]);
      const codec = random.pick(codecs);
      if (producerId === 0n) {
        batches.push(batch(next, values, { codec }));
        visible.push(...records);
      } else {
        batches.push(batch(next, values, { codec, producerId, transactional: true }));
        if (transaction === undefined) open.set(producerId, { first: next, records });
        else transaction.records.push(...records);
      }
      next += values.length;
    }
    for (const [producerId, { first }] of open)
      aborted.push({ producerId, firstOffset: BigInt(first) });
    const { seen, broken } = walk(chunk(batches, 0, next, aborted));
    expect(broken).toEqual([]);
    const wanted = visible.sort((a, b) => a[0] - b[0]);
    expect(seen.map((record) => [record.offset, record.value])).toEqual(wanted);
  }
});

test('mutated batches never throw, and never give an offset twice or outside of the chunk', () => {
  const random = new Random(6);
  let damaged = 0;
  for (let round = 0; round < 1500; round++) {
    const batches: Uint8Array[] = [];
    let next = 0;
    for (let k = 0; k < 3; k++) {
      const values = Array.from({ length: 1 + random.below(6) }, () =>
        'v'.repeat(random.below(40)),
      );
      batches.push(
        batch(next, values, {
          codec: random.pick(codecs),
          transactional: random.chance(0.2),
          producerId: 1n,
        }),
      );
      next += values.length;
    }
    const victim = batches[random.below(3)];
    for (let times = 1 + random.below(3); times > 0; times--)
      victim[random.below(victim.length)] = random.below(256);
    // Half of the time the checksum is right again, so that the damage gets past it.
    if (random.chance(0.5)) resealed(victim);
    const from = random.below(next);
    const end = random.chance(0.5) ? next : from + random.below(next - from + 1);
    const { seen, broken } = walk(chunk(batches, from, end));
    if (broken.length > 0) damaged++;
    const covered = offsets(seen);
    for (const range of broken) {
      const [, first, last] = /^(\d+)-(\d+) /.exec(range) ?? [];
      expect(Number(first), range).toBeLessThanOrEqual(Number(last));
      for (let offset = Number(first); offset <= Number(last); offset++) covered.push(offset);
    }
    expect(new Set(covered).size).toBe(covered.length);
    for (const offset of covered) {
      expect(offset).toBeLessThan(end);
      expect(offset).toBeGreaterThanOrEqual(from);
    }
  }
  expect(damaged).toBeGreaterThan(500);
});
