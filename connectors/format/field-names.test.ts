/**
 * Goal: objects that no column wants are passed quickly and checked all the same. Method: records
 * that look alike, so that their tokens are known, with one byte of a skipped object changed; a
 * record is a row exactly if `JSON.parse` takes it.
 */
import { expect, test } from 'vitest';
import { limits } from '../../src/base/limits.ts';
import { column, decodeRecords, jsonSource } from '../../test/support/decode.ts';
import { Random } from '../../test/support/random.ts';

const source = jsonSource([column('a', 'int4')]);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The documents of `texts` that gave rows, by their numbers. */
function taken(texts: readonly string[]): number[] {
  const { rows, errors } = decodeRecords(
    source,
    texts.map((value) => ({ value })),
  );
  expect(rows.length + errors.length).toBe(texts.length);
  const failed = new Set(errors.map(({ message }) => Number(/offset (\d+)/.exec(message)?.[1])));
  return [...texts.keys()].filter((k) => !failed.has(k));
}

test('an object that no column wants is checked as JSON.parse checks it', () => {
  const random = new Random(41);
  const interesting = '{}[]",:\\0123456789-+.eEtn /';
  const texts = Array.from({ length: 20_000 }, (_, n) => {
    const skipped = {
      name: 'shop',
      at: 1_700_000_000_000 + n,
      long: 10 ** random.below(15) * 7,
      half: n / 2,
      none: null,
      inner: { list: [n, 'x'], more: { a: n } },
      is: n % 2 === 0,
      last: `lsn ${n}`,
    };
    const [head, tail] = [`{"skipped":`, `,"a":1,"empty":{}}`];
    const text = JSON.stringify(skipped);
    if (random.chance(0.5)) return head + text + tail;
    const at = random.below(text.length);
    const byte = random.chance(0.2) ? '' : (interesting[random.below(interesting.length)] ?? '');
    return head + text.slice(0, at) + byte + text.slice(at + 1) + tail;
  });
  // A changed byte can end the object early; then the rest must fit behind it, as JSON.parse says.
  const expected = [...texts.keys()].filter((k) => isJson(texts[k] ?? ''));
  expect(expected.length).toBeGreaterThan(10_000);
  expect(expected.length).toBeLessThan(19_000);
  expect(taken(texts)).toEqual(expected);
});

test('every end of a skipped object is a broken record', () => {
  const text = '{"a":1,"skipped":{"name":"shop","at":17000000,"none":null,"inner":{"x":1}}}';
  const texts = Array.from({ length: text.length + 1 }, (_, end) => [text, text.slice(0, end)]);
  const flat = texts.flat();
  expect(taken(flat)).toEqual([...flat.keys()].filter((k) => flat[k] === text));
});

test('digits are told from their neighbours in every place', () => {
  const texts: string[] = [];
  for (let length = 1; length <= 9; length++)
    for (let at = 0; at < length; at++)
      for (const code of [0x20, 0x2a, 0x2f, 0x30, 0x39, 0x3a, 0x3f, 0x40, 0x70, 0x79]) {
        const digits = '8'.repeat(length);
        const number = digits.slice(0, at) + String.fromCharCode(code) + digits.slice(at + 1);
        texts.push(`{"a":1,"skipped":{"number":${number}}}`);
      }
  expect(taken(texts)).toEqual([...texts.keys()].filter((k) => isJson(texts[k] ?? '')));
});

test('a skipped object is nested as deep as any other value', () => {
  const nested = (depth: number): string =>
    `{"a":1,"skipped":${'{"x":'.repeat(depth)}1${'}'.repeat(depth)}}`;
  const deepest = limits.jsonDepthMax - 1;
  expect(taken([nested(deepest), nested(deepest + 1), nested(deepest)])).toEqual([0, 2]);
});

test('names in a skipped object are not those of columns', () => {
  const { rows } = decodeRecords(source, [
    { value: '{"a":1,"skipped":{"a":2}}' },
    { value: '{"skipped":{"a":2,"skipped":{"a":4}},"a":3}' },
    { value: '{"skipped":{"a":2}}' },
  ]);
  expect(rows.map(({ row }) => row)).toEqual([[1], [3], [null]]);
});
