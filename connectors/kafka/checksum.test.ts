/**
 * Goal: CRC-32C and xxHash32 are the published functions. Method: published check values, and a
 * byte-at-a-time reference on random lengths and alignments.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { crc32c } from './crc32c.ts';
import { xxhash32 } from './xxhash32.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

function crcReference(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

test('CRC-32C of RFC 3720, appendix B.4', () => {
  expect(crc32c(ascii('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, k) => k))).toBe(0x46dd794e);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test('CRC-32C agrees with the definition at every length and alignment', () => {
  const random = new Random(1);
  const bytes = Uint8Array.from({ length: 400 }, () => random.below(256));
  for (let k = 0; k < 300; k++) {
    const from = random.below(60);
    const to = from + random.below(300);
    expect(crc32c(bytes, from, to)).toBe(crcReference(bytes.subarray(from, to)));
  }
});

test('xxHash32 with seed 0 of known inputs', () => {
  expect(xxhash32(new Uint8Array(0))).toBe(0x02cc5d05);
  expect(xxhash32(ascii('a'))).toBe(0x550d7456);
  expect(xxhash32(ascii('abc'))).toBe(0x32d153ff);
  expect(xxhash32(ascii('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f);
});
