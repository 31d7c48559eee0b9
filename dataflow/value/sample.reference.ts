/**
 * Sample values of many types for tests of hash, equality and order, close to each other on purpose
 * (equal under SQL with different bytes, neighbours, extremes), and a plain way to lay a row out as
 * a record.
 */
import type { Random } from '../../test/support/random.ts';
import type { Datum, Row } from './datum.ts';
import { decimal, interval } from './datum.ts';
import { array } from './array.ts';
import { valueVar } from './datum-column.ts';
import type { RowLayout } from './layout.ts';
import { scalarWords } from './scalar-words.ts';
import type { ColumnType, TypeName } from './type.ts';

export const samples: readonly (readonly [TypeName, readonly Datum[]])[] = [
  ['bool', [false, true]],
  ['int4', [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]],
  ['int8', [0n, 1n, -1n, 1n << 32n, -(1n << 32n), 2n ** 63n - 1n, -(2n ** 63n), 0xffffffffn]],
  ['float8', [0, -0, 1.5, -1.5, Infinity, -Infinity, Number.NaN, 5e-324, -5e-324, 1e300]],
  [
    'numeric',
    [
      decimal(0n, 0),
      decimal(0n, 3),
      decimal(1n, 0),
      decimal(100n, 2),
      decimal(-10n, 1),
      decimal(10n ** 30n, 0),
      decimal(10n ** 32n, 2),
      decimal(-1n, 0),
      { kind: 'decimal', form: 'NaN', coefficient: 0n, scale: 0 },
    ],
  ],
  ['text', ['', 'a', 'a\0', 'ab', 'abcd', 'abce', 'abcde', 'é', 'z']],
  ['bytea', [new Uint8Array(), Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(255)]],
  [
    'interval',
    [
      interval(1, 0, 0n),
      interval(0, 30, 0n),
      interval(0, 0, 2_592_000_000_000n),
      interval(0, 0, 0n),
      interval(-1, 30, 0n),
      interval(0, 0, -1n),
    ],
  ],
  ['jsonb', ['1', '1.0', '"a"', 'null', '{}', '{"a": 1}', '{"a": 1.00}', '[1, 2]']],
  ['_int4', [array([]), array([1]), array([1, null]), array([null]), array([2])]],
  ['_numeric', [array([decimal(1n, 0)]), array([decimal(10n, 1)]), array([decimal(2n, 0)])]],
  ['timestamptz', [0n, 1n, -1n, 2n ** 63n - 1n]],
];

/** Columns of every sampled type, each nullable. */
export const sampleColumns: readonly ColumnType[] = samples.map(([type]) => ({
  type,
  nullable: true,
}));

/** A row of samples; often NULL. */
export function sampleRow(random: Random): Row {
  return samples.map(([, values]) => (random.chance(0.15) ? null : random.pick(values)));
}

/** The words of a row as a record. */
export function recordOf(layout: RowLayout, row: Row): Int32Array {
  const words = [...new Array<number>(layout.fixedWords).fill(0)];
  row.forEach((datum, c) => {
    if (datum === null) words[layout.nullBits + (c >> 5)] |= 1 << (c & 31);
    else if (layout.physical[c] !== 'var') {
      scalarWords(layout.columns[c].type, datum).words.forEach((word, k) => {
        words[layout.offset[c] + k] = word;
      });
    } else {
      const value = valueVar(layout.columns[c].type, datum);
      words[layout.offset[c]] = value.bytes;
      words.push(...value.words);
    }
  });
  return Int32Array.from(words);
}
