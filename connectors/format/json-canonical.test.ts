/**
 * Goal: a document becomes exactly the canonical text that `canonicalJsonb` gives, or both refuse
 * it. Method: random documents with awkward keys, numbers and escapes, in random spellings, whole
 * and mutated; objects that are large, nested, reversed, or full of equal keys.
 */
import { expect, test } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import { canonicalJsonb } from '../../dataflow/value/json-text.ts';
import { column, decodeRecords, jsonSource } from '../../test/support/decode.ts';
import { Random } from '../../test/support/random.ts';

const source = jsonSource([column('j', 'jsonb', { origin: { kind: 'value' } })]);

function reference(text: string): string | null {
  try {
    return canonicalJsonb(text);
  } catch (error) {
    if (error instanceof SqlError) return null;
    throw error;
  }
}

/** The canonical texts of the documents, null where one is refused. */
function canonical(documents: readonly (string | Uint8Array)[]): (string | null)[] {
  const { rows, errors } = decodeRecords(
    source,
    documents.map((value) => ({ value })),
  );
  const failed = new Set(errors.map(({ message }) => Number(/offset (\d+)/.exec(message)?.[1])));
  let next = 0;
  return documents.map((_, offset) => {
    if (failed.has(offset)) return null;
    const datum = rows[next++].row[0];
    return typeof datum === 'string' ? datum : 'not a text';
  });
}

const keys = [
  'a',
  'b',
  'aa',
  'ab',
  '',
  'é',
  'zz',
  '\\u0061',
  '\\n',
  'long key that is longer than a few words',
  'ba',
  'a b',
];
const numbers = [
  '0',
  '-0',
  '-0.0',
  '1.50',
  '1e2',
  '1E-3',
  '-12.5e+1',
  '123456789012345678901234567890',
  '0.10',
  '1e400',
  '5e-324',
  '1e131071',
  '1e131073',
];
const strings = [
  '""',
  '"a"',
  '"\\/"',
  '"\\u001f\\u007f"',
  '"\\u00e9\\ud83d\\ude00"',
  '"é😀"',
  '"\\b\\f\\n\\r\\t\\"\\\\"',
  '"some longer text, and more of it"',
];
const refused = ['"\\u0000"', '"\\ud800"', '"\\udc00x"'];

function document(random: Random, depth: number): string {
  const blank = random.pick(['', '', ' ', '\n ']);
  switch (random.below(depth > 0 ? 7 : 4)) {
    case 0:
      return random.pick(numbers.slice(0, 11));
    case 1:
      return random.pick(strings);
    case 2:
      return random.pick(['true', 'false', 'null']);
    case 3:
      return random.chance(0.02) ? random.pick(refused) : '1';
    case 4:
      return `[${blank}${Array.from({ length: random.below(5) }, () => document(random, depth - 1)).join(`${blank},${blank}`)}]`;
    default: {
      const members = Array.from(
        { length: random.below(8) },
        () => `"${random.pick(keys)}"${blank}:${blank}${document(random, depth - 1)}`,
      );
      return `{${blank}${members.join(`,${blank}`)}${blank}}`;
    }
  }
}

test('single values', () => {
  const documents = [
    ...numbers,
    ...strings,
    ...refused,
    'true',
    ' null ',
    '[]',
    '{}',
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":}',
    '01',
    '1.',
    '+1',
    'nul',
    '"a',
    '1 2',
  ];
  expect(canonical(documents)).toEqual(documents.map(reference));
});

test('random documents', () => {
  const random = new Random(21);
  const documents = Array.from({ length: 4000 }, () => document(random, 4));
  expect(canonical(documents)).toEqual(documents.map(reference));
});

test('mutated documents', () => {
  const random = new Random(22);
  const symbols = '{}[]",:\\0123456789-+.eE tfnu/';
  const documents = Array.from({ length: 4000 }, () => {
    const characters = [...document(random, 3)];
    for (let times = 1 + random.below(2); times > 0; times--)
      characters[random.below(characters.length)] = random.pick([...symbols]);
    return characters.join('');
  });
  expect(canonical(documents)).toEqual(documents.map(reference));
});

test('large objects: reversed, equal keys, nested in order', () => {
  const count = 20_000;
  const reversed = `{${Array.from({ length: count }, (_, k) => `"k${count - k}":${k}`).join(',')}}`;
  const equal = `{${Array.from({ length: count }, (_, k) => `"k${k % 3}":${k}`).join(',')}}`;
  const nested = `${'{"b":1,"a":'.repeat(300)}[]${'}'.repeat(300)}`;
  const documents = [reversed, equal, nested];
  expect(canonical(documents)).toEqual(documents.map(reference));
});

test('nesting is bounded as in canonicalJsonb', () => {
  const documents = [511, 512, 513, 100_000].map((depth) => '['.repeat(depth) + ']'.repeat(depth));
  expect(canonical(documents).map((text) => text === null)).toEqual([false, false, true, true]);
  expect(documents.map((text) => reference(text) === null)).toEqual([false, false, true, true]);
});

test('numbers that stand for more digits than a jsonb may hold are refused, and soon', () => {
  const many = (count: number): string =>
    `[${Array.from({ length: count }, () => '1e131071').join()}]`;
  const few = canonical([many(3)])[0] ?? '';
  expect(few.length).toBe(3 * 131_072 + '[, , ]'.length);
  const { errors, rows } = decodeRecords(source, [{ value: many(100_000) }, { value: '1' }]);
  expect(rows.map(({ row }) => row)).toEqual([['1']]);
  expect(errors.map(({ code }) => code)).toEqual(['54000']);
  expect(errors[0].message).toContain('exceeds the maximum of 67108864 bytes');
  expect(() => canonicalJsonb(many(1_000))).toThrow(/numbers with exponents/);
});
