/**
 * Goal: binary COPY data reads the same however it is cut, and what is not such data is refused as
 * Postgres 15 refuses it. Method: rows written by hand, cut at every place; hand-made mistakes with
 * the messages written down from Postgres; seeded mutations, which must read or be refused.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../base/error.ts';
import { BinaryCopyReader, copySignature } from './binary-copy-reader.ts';

type Field = string | null;

function int(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, k) => (value >> (8 * (bytes - 1 - k))) & 0xff);
}

function data(
  rows: readonly (readonly Field[])[],
  { flags = 0, extension = [] as number[], end = [0xff, 0xff] } = {},
): Uint8Array {
  const fields = rows.flatMap((row) => [
    ...int(row.length, 2),
    ...row.flatMap((field) =>
      field === null ? int(-1, 4) : [...int(field.length, 4), ...Buffer.from(field)],
    ),
  ]);
  const header = [...copySignature, ...int(flags, 4), ...int(extension.length, 4), ...extension];
  return Uint8Array.from([...header, ...fields, ...end]);
}

function read(pieces: readonly Uint8Array[]): Field[][] {
  const reader = new BinaryCopyReader('t', ['a', 'b']);
  const rows: Field[][] = [];
  for (const piece of pieces)
    for (const { line, fields } of reader.push(piece)) {
      rows.push(fields.map((field) => (field === null ? null : Buffer.from(field).toString())));
      expect(line).toBe(rows.length);
    }
  reader.end();
  return rows;
}

function refusal(bytes: Uint8Array): string {
  try {
    read([bytes]);
  } catch (error) {
    if (error instanceof SqlError)
      return [error.fields.code, error.fields.message, error.fields.where ?? ''].join('; ');
    throw error;
  }
  return 'read';
}

const rows: Field[][] = [
  ['one', null],
  ['', 'x'.repeat(9_000)],
  [null, null],
];

test('rows come whole, wherever the data is cut', () => {
  for (const extension of [[], [1, 2, 3]]) {
    const bytes = data(rows, { extension });
    for (let cut = 0; cut <= 60; cut++)
      expect(read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(rows);
    expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(rows);
  }
  expect(read([data(rows, { end: [] })])).toEqual(rows);
  expect(read([data([])])).toEqual([]);
});

test('what is no such data is refused', () => {
  expect(refusal(new Uint8Array(0))).toBe('22P04; COPY file signature not recognized; ');
  expect(refusal(Buffer.from('1\t2\n'))).toBe('22P04; COPY file signature not recognized; ');
  expect(refusal(data([], { flags: 1 << 16 }))).toBe(
    '22P04; invalid COPY file header (WITH OIDS); ',
  );
  expect(refusal(data([], { flags: 1 << 20 }))).toBe(
    '22P04; unrecognized critical flags in COPY file header; ',
  );
  expect(refusal(data([['x']]))).toBe('22P04; row field count is 1, expected 2; COPY t, line 1');
  expect(refusal(data([['x', 'y']], { end: [0, 2, 0, 0] }))).toBe(
    '22P04; unexpected EOF in COPY data; COPY t, line 2',
  );
  expect(refusal(data([], { end: [0xff, 0xff, 0] }))).toBe(
    '22P04; received copy data after EOF marker; COPY t, line 1',
  );
  expect(refusal(data([], { end: [0, 2, 0xff, 0xff, 0xff, 0xf8] }))).toBe(
    '22P04; invalid field size; COPY t, line 1, column a',
  );
  expect(refusal(data([], { end: [0, 2, 0x7f, 0xff, 0xff, 0xff] }))).toMatch(
    /^54000; a row of COPY/,
  );
});

test('mutated data is read or refused', () => {
  const random = new Random(12);
  const outcomes = new Set<string>();
  for (let round = 0; round < 2_000; round++) {
    const bytes = data([
      ['one', 'two'],
      [null, 'three'],
    ]);
    bytes[random.below(bytes.length)] = random.below(256);
    outcomes.add(
      refusal(random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length)) : bytes),
    );
  }
  expect(outcomes.size).toBeGreaterThan(5);
  expect(outcomes.has('read')).toBe(true);
});
