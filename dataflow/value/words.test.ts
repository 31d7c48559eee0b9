/**
 * Goal: texts are ordered by their bytes, which is by code point, and equal ones alone are equal.
 * Method: random bytes with long common prefixes, laid out in words at any place, against a plain
 * comparison byte by byte; random texts against their code points.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { compareBytes, hashBytes, utf8, wordsFrom, wordsOf } from './words.ts';

function reference(a: Uint8Array, b: Uint8Array): number {
  for (let k = 0; k < a.length && k < b.length; k++) if (a[k] !== b[k]) return a[k] < b[k] ? -1 : 1;
  return Math.sign(a.length - b.length);
}

/** The bytes in words behind some others. */
function placed(bytes: Uint8Array, at: number): Int32Array {
  const words = new Int32Array(at + wordsOf(bytes.length) + 1).fill(-1);
  words.set(wordsFrom(bytes), at);
  return words;
}

function order(a: Uint8Array, b: Uint8Array): number {
  return Math.sign(compareBytes(placed(a, 3), 3, a.length, placed(b, 2), 2, b.length));
}

test('runs of bytes that begin alike', () => {
  const random = new Random(31);
  const signs = new Set<number>();
  for (let round = 0; round < 20_000; round++) {
    const length = random.below(20);
    const common = Uint8Array.from({ length }, () => random.below(256));
    const tail = (): number[] =>
      Array.from({ length: random.below(4) }, () => random.pick([0, 1, 127, 128, 255]));
    const [a, b] = [tail(), tail()].map((rest) => Uint8Array.of(...common, ...rest));
    const expected = reference(a, b);
    signs.add(expected);
    expect(order(a, b), `${a.join()} against ${b.join()}`).toBe(expected);
    expect(order(b, a)).toBe(expected === 0 ? 0 : -expected);
    const hashes = [a, b].map((bytes) => hashBytes(placed(bytes, 1), 1, bytes.length));
    if (expected === 0) expect(hashes[0]).toBe(hashes[1]);
  }
  expect(signs.size).toBe(3);
  expect(order(utf8('a'), utf8('a\0'))).toBe(-1);
});

test('texts go by code point, not by UTF-16 unit', () => {
  const random = new Random(32);
  const characters = [
    'a',
    'z',
    'é',
    '\u07ff',
    '\u0800',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '😀',
    '\u{10ffff}',
  ];
  for (let round = 0; round < 5_000; round++) {
    const text = (): string =>
      Array.from({ length: random.below(6) }, () => random.pick(characters)).join('');
    const [a, b] = [text(), text()];
    const points = [a, b].map((each) => Array.from(each, (c) => c.codePointAt(0) ?? 0));
    let expected = Math.sign(points[0].length - points[1].length);
    const first = points[0].findIndex((point, k) => k < points[1].length && point !== points[1][k]);
    if (first >= 0) expected = points[0][first] < points[1][first] ? -1 : 1;
    expect(order(utf8(a), utf8(b)), `${a} against ${b}`).toBe(expected);
  }
});
