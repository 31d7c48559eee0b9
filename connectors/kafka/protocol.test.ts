/**
 * Goal: answers of brokers are read as the protocol lays them out, and bytes that are not answers
 * end in `WireError`, never in a hang, a large allocation or another error. Method: answers written
 * with `WireWriter` in the protocol's order; seeded random and mutated bytes for every reader.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { KafkaRequest } from './protocol.ts';
import { fetchRequest, listOffsetsRequest, metadataRequest, produceRequest } from './protocol.ts';
import { WireError, WireReader, WireWriter } from './wire.ts';

const metadata12 = new WireWriter()
  .tags()
  .int32(0)
  .compactArray([7], (w, node) =>
    w.int32(node).compactString('host').int32(9092).compactString('rack').tags(),
  )
  .compactString('cluster')
  .int32(7)
  .compactArray(['t'], (w, name) =>
    w
      .int16(0)
      .compactString(name)
      .raw(new Uint8Array(16).fill(0xab))
      .bool(false)
      .compactArray([0, 1], (v, partition) =>
        v
          .int16(0)
          .int32(partition)
          .int32(7)
          .int32(3)
          .compactArray([7], (u, node) => u.int32(node))
          .compactArray([7], (u, node) => u.int32(node))
          .compactArray([], () => undefined)
          .tags(),
      )
      .int32(-1)
      .tags(),
  )
  .tags()
  .bytes();

const metadata7 = new WireWriter()
  .int32(0)
  .array([7], (w, node) => w.int32(node).string('host').int32(9092).nullableString(null))
  .nullableString('cluster')
  .int32(7)
  .array(['t'], (w, name) =>
    w
      .int16(0)
      .string(name)
      .bool(false)
      .array([0, 1], (v, partition) =>
        v
          .int16(0)
          .int32(partition)
          .int32(7)
          .int32(3)
          .array([7], (u, node) => u.int32(node))
          .array([7], (u, node) => u.int32(node))
          .array([], () => undefined),
      ),
  )
  .bytes();

const fetch11 = new WireWriter()
  .int32(0)
  .int16(0)
  .int32(0)
  .array(['t'], (w, name) =>
    w.string(name).array([3], (v, partition) =>
      v
        .int32(partition)
        .int16(0)
        .int64(20n)
        .int64(18n)
        .int64(5n)
        .array([4n], (u, producer) => u.int64(producer).int64(11n))
        .int32(-1)
        .int32(5)
        .raw(Uint8Array.of(1, 2, 3, 4, 5)),
    ),
  )
  .bytes();

const listOffsets2 = new WireWriter()
  .int32(0)
  .array(['t'], (w, name) =>
    w.string(name).array([3], (v, partition) => v.int32(partition).int16(0).int64(99n).int64(12n)),
  )
  .bytes();

const produce7 = new WireWriter()
  .array(['t'], (w, name) =>
    w
      .string(name)
      .array([3], (v, partition) => v.int32(partition).int16(0).int64(40n).int64(-1n).int64(0n)),
  )
  .int32(0)
  .bytes();

const requests: readonly (readonly [string, KafkaRequest<unknown>, Buffer])[] = [
  ['metadata 12', metadataRequest(['t'], 13), metadata12],
  ['metadata 7', metadataRequest(['t'], 9), metadata7],
  [
    'fetch',
    fetchRequest([{ topic: 't', partition: 3, offset: 5n, bytesMax: 10 }], {
      waitMilliseconds: 1,
      bytesMax: 10,
    }),
    fetch11,
  ],
  ['list offsets', listOffsetsRequest([{ topic: 't', partition: 3 }], 99n), listOffsets2],
  ['produce', produceRequest('t', 3, Uint8Array.of(1), -1, 1), produce7],
];

test('both versions of metadata', () => {
  const partitions = [
    { error: 0, partition: 0, leader: 7 },
    { error: 0, partition: 1, leader: 7 },
  ];
  const brokers = [{ id: 7, host: 'host', port: 9092 }];
  expect(metadataRequest(['t'], 13).read(metadata12)).toEqual({
    topics: [{ name: 't', error: 0, id: 'ab'.repeat(16), internal: false, partitions }],
    brokers,
  });
  expect(metadataRequest(['t'], 9).read(metadata7)).toEqual({
    topics: [{ name: 't', error: 0, id: null, internal: false, partitions }],
    brokers,
  });
  expect(metadataRequest(['t'], 13).apiVersion).toBe(12);
  expect(metadataRequest(['t'], 11).apiVersion).toBe(7);
});

test('fetch, list offsets, produce', () => {
  expect(fetchRequest([], { waitMilliseconds: 1, bytesMax: 1 }).read(fetch11)).toEqual({
    error: 0,
    partitions: [
      {
        topic: 't',
        partition: 3,
        error: 0,
        highWatermark: 20n,
        lastStableOffset: 18n,
        logStartOffset: 5n,
        aborted: [{ producerId: 4n, firstOffset: 11n }],
        records: Buffer.of(1, 2, 3, 4, 5),
      },
    ],
  });
  expect(listOffsetsRequest([{ topic: 't', partition: 3 }], 99n).read(listOffsets2)).toEqual([
    { topic: 't', partition: 3, error: 0, offset: 12n },
  ]);
  expect(produceRequest('t', 3, Uint8Array.of(), 1, 1).read(produce7)).toEqual({
    partition: 3,
    error: 0,
    baseOffset: 40n,
  });
});

test('writing and reading are inverse', () => {
  const random = new Random(41);
  for (let round = 0; round < 200; round++) {
    const number = random.below(2 ** 31);
    const name = 'é'.repeat(random.below(50));
    const reader = new WireReader(
      new WireWriter()
        .uvarint(number)
        .int64(-BigInt(number))
        .string(name)
        .compactString(name)
        .nullableString(null)
        .compactString(null)
        .bytes(),
    );
    expect([
      reader.uvarint(),
      reader.int64(),
      reader.string(),
      reader.compactString(),
      reader.nullableString(),
      reader.compactString(),
    ]).toEqual([number, -BigInt(number), name, name, null, null]);
  }
});

function attempt(request: KafkaRequest<unknown>, bytes: Uint8Array): boolean {
  try {
    request.read(bytes);
    return true;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

test.each(requests)('%s: hostile answers', (_, request, answer) => {
  const random = new Random(42);
  expect(attempt(request, answer)).toBe(true);
  let refused = 0;
  for (let round = 0; round < 2000; round++) {
    const bytes = random.chance(0.3)
      ? Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256)))
      : Buffer.from(answer);
    for (let times = random.below(4); times > 0 && bytes.length > 0; times--)
      bytes[random.below(bytes.length)] = random.below(256);
    if (
      !attempt(
        request,
        random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes,
      )
    )
      refused++;
  }
  expect(refused).toBeGreaterThan(300);
});
