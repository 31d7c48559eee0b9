/**
 * Goal: order of jsonb is total and agrees with equality and hash, and canonical text is a fixed
 * point. Method: random documents over a small alphabet, all pairs. What Postgres answers stands in
 * the tables of texts and of datum-column.test.ts.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { compareDatums, equalValueWords, hashValueWords, valueVar } from './datum-column.ts';
import { canonicalJsonb } from './json-text.ts';

/** A random document; a small alphabet makes equal parts likely. */
function randomJson(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 7 : 5);
  const list = (make: () => string): string =>
    Array.from({ length: random.below(4) }, make).join(',');
  switch (kind) {
    case 0:
      return 'null';
    case 1:
      return random.pick(['true', 'false']);
    case 2:
      return random.pick([
        '0',
        '1',
        '1.0',
        '1.00',
        '10',
        '1e1',
        '-1',
        '0.10',
        '123456789012345678901',
      ]);
    case 3:
      return random.pick(['""', '"a"', '"1.0"', '"1.00"', '"\\u0041"', '"A"', '"ü\\n"', '"\\""']);
    case 4:
      return '[]';
    case 5:
      return `[${list(() => randomJson(random, depth - 1))}]`;
    default:
      return `{${list(() => `${random.pick(['"a"', '"b"', '"aa"', '"\\u0061"'])}:${randomJson(random, depth - 1)}`)}}`;
  }
}

test('order is total and agrees with equality and hash', () => {
  const random = new Random(8);
  const docs = Array.from({ length: 150 }, () => canonicalJsonb(randomJson(random, 3)));
  const sorted = docs
    .toSorted((a, b) => compareDatums('jsonb', a, b))
    .map((doc) => {
      expect(canonicalJsonb(doc)).toBe(doc);
      const { words, bytes } = valueVar('jsonb', doc);
      return { doc, words, bytes, hash: hashValueWords('jsonb', words, 0, bytes) };
    });
  sorted.forEach((a, x) =>
    sorted.forEach((b, y) => {
      const order = compareDatums('jsonb', a.doc, b.doc);
      if (x < y) expect(order).toBeLessThanOrEqual(0);
      expect(equalValueWords('jsonb', a.words, 0, a.bytes, b.words, 0, b.bytes)).toBe(order === 0);
      if (order === 0) expect(a.hash).toBe(b.hash);
    }),
  );
});
