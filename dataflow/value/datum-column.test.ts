/**
 * Goal: datums survive the way into a batch and back, and hash, equality and order of the special
 * classes agree with each other. Method: literal rows of every physical form; pairs known equal or
 * ordered; random values from a seed for the laws.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { array } from './array.ts';
import {
  batchFromRows,
  compareDatums,
  equalValueWords,
  hashValueWords,
  rowsFromBatch,
  valueVar,
} from './datum-column.ts';
import type { Datum } from './datum.ts';
import { decimal, interval } from './datum.ts';
import { compareDecimals, numericInfinity, numericMinusInfinity, numericNaN } from './decimal.ts';
import { compareIntervals } from './interval.ts';
import { SlabPool } from './slab.ts';
import type { ColumnType, TypeName } from './type.ts';

const columns: readonly ColumnType[] = (
  [
    'bool',
    'int4',
    'int8',
    'float8',
    'text',
    'numeric',
    'interval',
    'jsonb',
    'bytea',
    '_int4',
    '_text',
    '_int8',
    '_numeric',
    'uuid',
  ] as const
).map((type) => ({ type, nullable: true }));

test('rows come back from a batch as they went in', () => {
  const pool = new SlabPool();
  const row: Datum[] = [
    true,
    -7,
    -(2n ** 63n),
    1.5,
    'grün',
    decimal(-12345678901234567890123n, 5),
    interval(-1, 2, -3_000_000n),
    '{"a": [1, 2.50]}',
    Uint8Array.of(0, 255, 3),
    array([1, null, -3]),
    array(['a', null, '', 'xyzzy']),
    array([2n ** 62n, null]),
    array([decimal(5n, 1), numericNaN]),
    new Uint8Array(16).fill(9),
  ];
  const updates = [
    { row, weight: 2 },
    { row: row.map(() => null), weight: -1 },
    { row, weight: 1 },
  ];
  const batch = batchFromRows(pool, columns, updates, 7);
  expect(rowsFromBatch(batch, columns)).toEqual(updates);
  expect(batch.step).toBe(7);
  batch.slab.release();
  expect(pool.live).toBe(0);
});

function same(type: TypeName, a: Datum, b: Datum): boolean {
  const x = valueVar(type, a);
  const y = valueVar(type, b);
  const equal = equalValueWords(type, x.words, 0, x.bytes, y.words, 0, y.bytes);
  const xHash = hashValueWords(type, x.words, 0, x.bytes);
  const yHash = hashValueWords(type, y.words, 0, y.bytes);
  expect(compareDatums(type, a, b) === 0).toBe(equal);
  if (equal) expect(xHash).toBe(yHash);
  return equal;
}

test('numeric: trailing zeros do not matter, special values do', () => {
  expect(same('numeric', decimal(10n, 1), decimal(100n, 2))).toBe(true);
  expect(same('numeric', decimal(10n ** 40n, 30), decimal(10n ** 10n, 0))).toBe(true);
  expect(same('numeric', decimal(-(10n ** 40n), 30), decimal(10n ** 10n, 0))).toBe(false);
  expect(same('numeric', decimal(0n, 5), decimal(0n, 0))).toBe(true);
  expect(same('numeric', numericNaN, numericNaN)).toBe(true);
  expect(compareDatums('numeric', numericNaN, numericInfinity)).toBe(1);
  expect(compareDatums('numeric', numericMinusInfinity, decimal(-(10n ** 50n), 0))).toBe(-1);
});

test('numeric: order of words is the order of decimals, on random values', () => {
  const random = new Random(1);
  const value = (): Datum & object => {
    const digits = random.pick([1, 2, 9, 15, 16, 18, 25, 60, 200]);
    let text = '';
    for (let k = 0; k < digits; k++) text += random.chance(0.6) ? '0' : String(random.below(10));
    const coefficient = BigInt(text) * (random.chance(0.5) ? 1n : -1n);
    return decimal(coefficient, random.below(30));
  };
  for (let k = 0; k < 5000; k++) {
    const a = decimalFrom(value());
    const grown = random.below(12);
    const b = random.chance(0.3)
      ? decimal(a.coefficient * 10n ** BigInt(grown), a.scale + grown)
      : decimalFrom(value());
    expect(compareDatums('numeric', a, b)).toBe(compareDecimals(a, b));
    expect(same('numeric', a, b)).toBe(compareDecimals(a, b) === 0);
  }
});

function decimalFrom(value: Datum & object): ReturnType<typeof decimal> {
  if (!('kind' in value) || value.kind !== 'decimal') throw new Error('a decimal');
  return value;
}

test('interval: a month is 30 days, a day 24 hours', () => {
  expect(same('interval', interval(1, 0, 0n), interval(0, 30, 0n))).toBe(true);
  expect(same('interval', interval(0, 1, 0n), interval(0, 0, 86_400_000_000n))).toBe(true);
  expect(same('interval', interval(0, 1, -86_400_000_000n), interval(0, 0, 0n))).toBe(true);
  const random = new Random(2);
  const part = (): bigint =>
    BigInt(random.below(2 ** 30)) * BigInt(random.pick([0, 1, -1, 3_000_000, -(2 ** 32)]));
  for (let k = 0; k < 2000; k++) {
    const a = interval(random.below(5) - 2, random.below(100) - 50, part());
    const b = interval(random.below(5) - 2, random.below(100) - 50, part());
    expect(compareDatums('interval', a, b)).toBe(compareIntervals(a, b));
    expect(same('interval', a, b)).toBe(compareIntervals(a, b) === 0);
  }
});

test('jsonb: numbers are equal by value, texts in order of type and size', () => {
  expect(same('jsonb', '{"a": 1.0}', '{"a": 1.00}')).toBe(true);
  expect(same('jsonb', '[1, 100]', '[1.0, 100.000]')).toBe(true);
  expect(same('jsonb', '"1.0"', '"1.00"')).toBe(false);
  expect(same('jsonb', '"a\\"1.0"', '"a\\"1.00"')).toBe(false);
  const ascending = [
    '[]',
    'null',
    '"a"',
    '"b"',
    '1',
    '1.5',
    '100000000000000000000',
    'false',
    'true',
    '[null]',
    '[1]',
    '["a", "b"]',
    '{}',
    '{"a": 1}',
    '{"a": 2}',
    '{"b": 1}',
    '{"a": 1, "b": 2}',
  ];
  ascending.forEach((a, x) =>
    ascending.forEach((b, y) => {
      expect(Math.sign(compareDatums('jsonb', a, b)), `${a} ${b}`).toBe(Math.sign(x - y));
    }),
  );
});

test('arrays: NULL equals NULL and is greatest, the shorter first', () => {
  expect(same('_numeric', array([decimal(1n, 0), null]), array([decimal(10n, 1), null]))).toBe(
    true,
  );
  const ascending: Datum[] = [
    array([]),
    array([-1]),
    array([1]),
    array([1, 2]),
    array([1, null]),
    array([3]),
    array([null]),
  ];
  ascending.forEach((a, x) =>
    ascending.forEach((b, y) => {
      expect(Math.sign(compareDatums('_int4', a, b))).toBe(Math.sign(x - y));
    }),
  );
});
