/**
 * Goal: jsonb operators and functions answer as Postgres does, on canonical texts throughout.
 * Method: a recorded table of calls; random documents for the laws of order and hash.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../../src/base/error.ts';
import type { ErrorFields } from '../../src/base/error.ts';
import { splitArray } from './array-text.ts';
import { compareDatums, hashValueWords, valueVar } from './datum-column.ts';
import { decimal, interval } from './datum.ts';
import { parseDecimal } from './decimal-text.ts';
import { canonicalJsonb } from './json-text.ts';
import {
  jsonArrayLength, jsonAsText, jsonElements, jsonField, jsonMembers, jsonPath,
  jsonTypeof, jsonbBoolean, jsonbContains, jsonbElement, jsonbExists, jsonbNumberText,
} from './jsonb-access.ts';
import { jsonbCases } from './jsonb-cases.ts';
import {
  jsonbConcat, jsonbDelete, jsonbDeleteIndex, jsonbDeletePath, jsonbInsert, jsonbPretty, jsonbSet,
  jsonbStripNulls, toJsonb,
} from './jsonb-edit.ts';
import { formatDatum } from './text-output.ts';
import { array } from './array.ts';

const canonical = canonicalJsonb;
const path = splitArray;
const keys = (text: string): string[] => splitArray(text).filter((key) => key !== null);
const joined = (parts: string[]): string | null => (parts.length === 0 ? null : parts.join(';'));

type Call = (doc: string, ...args: string[]) => string | number | boolean | null;

const calls = new Map<string, Call>([
  ['->', jsonField],
  ['->>', (d, k) => jsonAsText(jsonField(d, k))],
  ['?', jsonbExists],
  ['- key', (d, k) => jsonbDelete(d, [k])],
  ['- keys', (d, k) => jsonbDelete(d, keys(k))],
  ['-> int', (d, k) => jsonbElement(d, Number(k))],
  ['->> int', (d, k) => jsonAsText(jsonbElement(d, Number(k)))],
  ['- int', (d, k) => jsonbDeleteIndex(d, Number(k))],
  ['#>', (d, p) => jsonPath(d, path(p))],
  ['#>>', (d, p) => jsonAsText(jsonPath(d, path(p)))],
  ['#-', (d, p) => jsonbDeletePath(d, path(p))],
  ['set', (d, p, v, create) => jsonbSet(d, path(p), canonical(v), create === 'true')],
  ['insert', (d, p, v, after) => jsonbInsert(d, path(p), canonical(v), after === 'true')],
  ['typeof', jsonTypeof],
  ['length', jsonArrayLength],
  ['keys', (d) => jsonMembers(d, 'jsonb_object_keys').map(([k]) => k).join(',') || null],
  ['strip', jsonbStripNulls],
  ['pretty', (d) => jsonbPretty(d)],
  ['each', (d) => joined(jsonMembers(d, 'jsonb_each').map(([k, v]) => `${k}=${v}`))],
  ['elements', (d) => joined(jsonElements(d, 'jsonb_array_elements'))],
  ['to int', (d) => jsonbNumberText(d, 'integer')],
  ['to bool', jsonbBoolean],
  ['to numeric', (d) => formatDatum('numeric', parseDecimal(jsonbNumberText(d, 'numeric')))],
  ['@>', (d, e) => jsonbContains(d, canonical(e))],
  ['||', (d, e) => jsonbConcat(d, canonical(e))],
  ['<', (d, e) => compareDatums('jsonb', d, canonical(e)) < 0],
]);

function answer(name: string, args: readonly string[]): string | null | ErrorFields {
  const [doc = '', ...rest] = args;
  try {
    const value = calls.get(name)?.(canonical(doc), ...rest);
    return value === null ? null : String(value);
  } catch (error) {
    if (error instanceof SqlError) return error.fields;
    throw error;
  }
}

test.each([...calls.keys()])('%s answers as Postgres does', (name) => {
  const mine = jsonbCases.filter(([called]) => called === name);
  expect(mine.length).toBeGreaterThan(0);
  expect(mine.map(([, args]) => [name, args, answer(name, args)])).toEqual(mine);
});

test('to_jsonb writes every type', () => {
  const moment = 646_000_000_500_000n;
  expect(toJsonb('numeric', decimal(150n, 2))).toBe('1.50');
  expect(toJsonb('float8', 1e20)).toBe('100000000000000000000');
  expect(toJsonb('float8', Number.NaN)).toBe('"NaN"');
  expect(toJsonb('timestamp', moment)).toBe('"2020-06-20T20:26:40.5"');
  expect(toJsonb('timestamptz', moment)).toBe('"2020-06-20T20:26:40.5+00:00"');
  expect(toJsonb('interval', interval(1, 0, 0n))).toBe('"1 mon"');
  expect(toJsonb('_text', array(['a"', null]))).toBe('["a\\"", null]');
  expect(toJsonb('json', '{"b":1,"a":2}')).toBe('{"a": 2, "b": 1}');
  expect(toJsonb('bool', null)).toBe('null');
});

/** A random document; small alphabets make equal parts likely. */
function randomJson(random: Random, depth: number): string {
  const kind = random.below(depth > 0 ? 7 : 5);
  const list = (make: () => string): string => Array.from({ length: random.below(4) }, make).join(',');
  switch (kind) {
    case 0: return 'null';
    case 1: return random.pick(['true', 'false']);
    case 2: return random.pick(['0', '1', '1.0', '1.00', '10', '1e1', '-1', '0.10', '123456789012345678901']);
    case 3: return random.pick(['""', '"a"', '"1.0"', '"1.00"', '"\\u0041"', '"A"', '"ü\\n"', '"\\""']);
    case 4: return '[]';
    case 5: return `[${list(() => randomJson(random, depth - 1))}]`;
    default: return `{${list(() => `${random.pick(['"a"', '"b"', '"aa"', '"\\u0061"'])}:${randomJson(random, depth - 1)}`)}}`;
  }
}

test('order of jsonb is total and agrees with hash; canonical form is stable', () => {
  const random = new Random(8);
  const docs = Array.from({ length: 120 }, () => canonical(randomJson(random, 3)));
  const hash = (doc: string): number => {
    const { words, bytes } = valueVar('jsonb', doc);
    return hashValueWords('jsonb', words, 0, bytes);
  };
  const sorted = docs.toSorted((a, b) => compareDatums('jsonb', a, b));
  sorted.forEach((a, x) => {
    expect(canonical(a)).toBe(a);
    expect(jsonbContains(a, a)).toBe(true);
    sorted.forEach((b, y) => {
      const order = compareDatums('jsonb', a, b);
      if (x < y) expect(order).toBeLessThanOrEqual(0);
      if (order === 0) expect(hash(a)).toBe(hash(b));
    });
  });
});
