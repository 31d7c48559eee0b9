/**
 * Goal: every codec gives back what went in, reads what other implementations write, and never does
 * harm on broken input. Method: round trips of random data of several kinds; hand-made vectors for
 * forms that our compressors do not write; seeded mutations, which must throw `CodecError` or give
 * bytes within the limit.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { CodecError } from './codec-error.ts';
import { lz4Compress, lz4Decompress } from './codec-lz4.ts';
import { snappyCompress, snappyCompressRaw, snappyDecompress } from './codec-snappy.ts';
import { atOnce, nativeSteps, openDoor } from './codec-native.ts';
import { finished, stepBytes } from './codec-steps.ts';
import type { Codec } from './codec.ts';
import { codecs, compress, decompress } from './codec.ts';
import { xxhash32 } from './xxhash32.ts';

const bytesMax = 1 << 20;

function sample(random: Random, length: number): Uint8Array {
  const kind = random.below(4);
  const alphabet = kind === 0 ? 256 : kind === 1 ? 4 : 26;
  const bytes = Uint8Array.from({ length }, () => random.below(alphabet) + 65);
  // Repeat earlier stretches, so that matches of every distance and length occur.
  for (let times = kind === 0 ? 0 : 12; times > 0 && length > 20; times--) {
    const from = random.below(length - 10);
    const to = random.below(length - 10);
    bytes.copyWithin(to, from, Math.min(length, from + random.below(300)));
  }
  return bytes;
}

test.each(codecs)('%s gives back what went in', (codec) => {
  const random = new Random(2);
  for (const length of [
    0, 1, 3, 11, 12, 13, 16, 63, 64, 65, 1000, 32_768, 32_769, 65_536, 65_537, 200_000,
  ]) {
    const bytes = sample(random, length);
    expect(Buffer.from(decompress(codec, compress(codec, bytes), bytesMax)).equals(bytes)).toBe(
      true,
    );
  }
});

test('repetition compresses', () => {
  const bytes = new TextEncoder().encode('{"status":"created","amount":12.5}'.repeat(500));
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    expect(compress(codec, bytes).length).toBeLessThan(bytes.length / 5);
  }
});

test('raw snappy: literals and copies with offsets of one, two and four bytes', () => {
  const text = (bytes: readonly number[]): string =>
    Buffer.from(snappyDecompress(Uint8Array.from(bytes), 100)).toString();
  expect(text([4, 3 << 2, 97, 98, 99, 100])).toBe('abcd');
  expect(text([9, 0, 97, (4 << 2) | 1, 1])).toBe('aaaaaaaaa');
  expect(text([8, 3 << 2, 97, 98, 99, 100, (3 << 2) | 2, 4, 0])).toBe('abcdabcd');
  expect(text([8, 3 << 2, 97, 98, 99, 100, (3 << 2) | 3, 4, 0, 0, 0])).toBe('abcdabcd');
  expect(text([3, 60 << 2, 2, 97, 98, 99])).toBe('abc');
});

test('raw snappy blocks come back without the framing', () => {
  const bytes = sample(new Random(3), 150_000);
  expect(Buffer.from(snappyDecompress(snappyCompressRaw(bytes), bytesMax)).equals(bytes)).toBe(
    true,
  );
});

/**
 * A frame of blocks that may refer to earlier ones, with checksums of blocks and of the content.
 */
function linkedFrame(): Uint8Array {
  const header = [0x40 | 0x10 | 0x04, 0x40];
  const first = [0x40, 97, 98, 99, 100];
  // A match of 8 at distance 4 (into the first block), then the literals "wxyz!".
  const second = [0x04, 4, 0, 0x50, 119, 120, 121, 122, 33];
  const word = (value: number): number[] => [
    value & 255,
    (value >>> 8) & 255,
    (value >>> 16) & 255,
    value >>> 24,
  ];
  const block = (bytes: number[]): number[] => [
    ...word(bytes.length),
    ...bytes,
    ...word(xxhash32(Uint8Array.from(bytes))),
  ];
  const content = new TextEncoder().encode('abcdabcdabcdwxyz!');
  return Uint8Array.from([
    ...word(0x184d2204),
    ...header,
    (xxhash32(Uint8Array.from(header)) >>> 8) & 255,
    ...block(first),
    ...block(second),
    ...word(0),
    ...word(xxhash32(content)),
  ]);
}

test('lz4 frames with linked blocks and all checksums', () => {
  const frame = linkedFrame();
  expect(Buffer.from(lz4Decompress(frame, 100)).toString()).toBe('abcdabcdabcdwxyz!');
  for (let at = 0; at < frame.length; at++) {
    const broken = frame.slice();
    broken[at] ^= 1;
    expect(() => lz4Decompress(broken, 100), `byte ${at}`).toThrow(CodecError);
  }
});

test('several lz4 frames follow one another', () => {
  const one = lz4Compress(new TextEncoder().encode('hello '));
  const two = lz4Compress(new TextEncoder().encode('world'));
  expect(Buffer.from(lz4Decompress(Buffer.concat([one, two]), 100)).toString()).toBe('hello world');
});

test.each(codecs.filter((codec) => codec !== 'none'))(
  '%s refuses more than it may give',
  (codec) => {
    const bomb = compress(codec, new Uint8Array(500_000));
    expect(() => decompress(codec, bomb, 100_000)).toThrow(CodecError);
  },
);

test('a snappy length that its bytes cannot give is refused before memory is taken', () => {
  expect(() => snappyDecompress(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07, 0), 2 ** 31)).toThrow(
    CodecError,
  );
});

function attempt(codec: Codec, bytes: Uint8Array): number {
  try {
    return decompress(codec, bytes, bytesMax).length;
  } catch (error) {
    if (error instanceof CodecError) return -1;
    throw error;
  }
}

test.each(codecs.filter((codec) => codec !== 'none'))('%s: mutated bytes fail cleanly', (codec) => {
  const random = new Random(4);
  let failed = 0;
  for (let round = 0; round < 600; round++) {
    const framed = compress(codec, sample(random, 1 + random.below(600)));
    const source =
      codec === 'snappy' && random.chance(0.5) ? snappyCompressRaw(sample(random, 500)) : framed;
    const bytes = Uint8Array.from(source);
    for (let times = 1 + random.below(4); times > 0; times--)
      bytes[random.below(bytes.length)] = random.below(256);
    const cut = random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
    const length = attempt(codec, cut);
    expect(length).toBeLessThanOrEqual(bytesMax);
    if (length < 0) failed++;
  }
  expect(failed).toBeGreaterThan(40);
});

test('snappy of nothing is a frame that gives nothing', () => {
  expect(snappyDecompress(snappyCompress(new Uint8Array(0)), 10)).toHaveLength(0);
});

function outcome(decompress: () => Uint8Array): string {
  try {
    return Buffer.from(decompress()).toString('base64');
  } catch (error) {
    if (error instanceof CodecError) return 'broken';
    throw error;
  }
}

test.each(['gzip', 'zstd'] as const)('%s in steps is what Node makes of it at once', (codec) => {
  const door = openDoor(codec);
  expect(door).not.toBeNull();
  door?.close();
  const random = new Random(7);
  for (let round = 0; round < 400; round++) {
    const whole = compress(codec, sample(random, random.below(3_000)));
    const twice = random.chance(0.2) ? Buffer.concat([whole, whole]) : whole;
    const bytes = Uint8Array.from(twice);
    if (random.chance(0.4)) bytes[random.below(bytes.length)] = random.below(256);
    const cut = random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
    const most = random.chance(0.2) ? random.below(3_000) + 1 : bytesMax;
    const expected = outcome(() => atOnce(codec, cut, most));
    expect(outcome(() => finished(nativeSteps(codec, cut, most)))).toBe(expected);
  }
});

test.each(['gzip', 'zstd'] as const)('%s of much takes steps of a bounded size', (codec) => {
  const bytes = sample(new Random(8), 200_000);
  const much = Buffer.concat(Array.from({ length: 60 }, () => bytes));
  const steps = nativeSteps(codec, compress(codec, much), much.length);
  let count = 1;
  for (let step = steps.next(); step.done !== true; step = steps.next()) count++;
  expect(count).toBeGreaterThanOrEqual(Math.floor(much.length / stepBytes));
  expect(much.equals(finished(nativeSteps(codec, compress(codec, much), much.length)))).toBe(true);
});
