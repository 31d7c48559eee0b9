/**
 * Goal: COPY data is read as Postgres reads it, however it is cut into messages. Method: answers
 * written down from Postgres 15; every case is also read byte by byte and in random cuts, which
 * must give the same rows or the same error.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { SqlError } from '../base/error.ts';
import type { CopyOptions } from '../sql/ast.ts';
import { CopyReader } from './copy-reader.ts';

const text: CopyOptions = {
  format: 'text',
  delimiter: null,
  null: null,
  header: false,
  quote: null,
  escape: null,
};
const csv: CopyOptions = { ...text, format: 'csv' };

/** Rows as the reader gives them, or the error that ends it; `cuts` are lengths of messages. */
function read(options: CopyOptions, bytes: Uint8Array, cut: () => number): unknown {
  const reader = new CopyReader(options);
  const rows: (readonly (string | null)[])[] = [];
  try {
    for (let at = 0; at < bytes.length;) {
      const next = Math.min(bytes.length, at + cut());
      for (const row of reader.push(bytes.slice(at, next))) rows.push(row.fields);
      at = next;
    }
    for (const row of reader.end()) rows.push(row.fields);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return `${error.fields.code}: ${error.fields.message}`;
  }
  return rows;
}

/** One byte a character: the cases are written as bytes. */
function bytesOf(data: string): Uint8Array {
  return Uint8Array.from(data, (character) => character.charCodeAt(0));
}

const cases: readonly (readonly [options: CopyOptions, data: string, expected: unknown])[] = [
  [text, '', []],
  [text, 'a\tb\n', [['a', 'b']]],
  [text, 'a\\tb\tc\n', [['a\tb', 'c']]],
  [text, '\\N\t\\\\N\n', [[null, '\\N']]],
  [text, '\\xc3\\xa9\t\\303\\251\n', [['é', 'é']]],
  [text, '\xc3\xa9\\n\xf0\x9f\x9a\xb2\\q\t\\\xc3\xa9\n', [['é\n🚲q', 'é']]],
  [text, '\\xc3\tb\n', '22021: invalid byte sequence for encoding "UTF8"'],
  [text, '\xc3\tb\n', '22021: invalid byte sequence for encoding "UTF8"'],
  [text, '\\0\tb\n', '22021: invalid byte sequence for encoding "UTF8": 0x00'],
  [text, '\\400\t\\x414\n', '22021: invalid byte sequence for encoding "UTF8": 0x00'],
  [text, '\\501\t\\x414\n', [['A', 'A4']]],
  [text, 'a\tb\\', [['a', 'b']]],
  [text, 'a\\\nx\tb\n', [['a\nx', 'b']]],
  [text, 'a\\\\\nx\tb\n', [['a\\'], ['x', 'b']]],
  [text, 'a\\\tx\tb\n', [['a\tx', 'b']]],
  [text, 'a\tb\n\\.\nc\td\n\xff', [['a', 'b']]],
  [
    text,
    'a\tb\r\nc\td\r\n',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [text, 'a\tb\nc\td\r\n', '22P04: literal carriage return found in data'],
  [text, 'a\tb\r\nc\td\n', '22P04: literal newline found in data'],
  [
    text,
    '\xef\xbb\xbfa\tb\n\xef\xbb\xbfa\tb\n',
    [
      ['\ufeffa', 'b'],
      ['\ufeffa', 'b'],
    ],
  ],
  [text, '\\q\\8\t\\x\\xg\n', [['q8', 'xxg']]],
  [text, 'last', [['last']]],
  [text, '\n\t\n', [[''], ['', '']]],
  [{ ...text, null: '' }, '\t\\N\n', [[null, 'N']]],
  [{ ...text, header: true }, 'x\ty\na\tb\n', [['a', 'b']]],
  [{ ...text, delimiter: '|' }, 'a\\|b|c\n', [['a|b', 'c']]],
  [
    csv,
    'a,"b ""q"""\n,""\n',
    [
      ['a', 'b "q"'],
      [null, ''],
    ],
  ],
  [csv, '"a\nb",c\n', [['a\nb', 'c']]],
  [
    csv,
    '"a\r\nb",c\r\nd,e\r\n',
    [
      ['a\r\nb', 'c'],
      ['d', 'e'],
    ],
  ],
  [csv, 'a\nb\r\n', '22P04: unquoted carriage return found in data'],
  [csv, 'x"y,z"w,b\n', [['xy,zw', 'b']]],
  [csv, '"a,b\n', '22P04: unterminated CSV quoted field'],
  [
    { ...csv, escape: '\\' },
    '"a\\"",b\n"\\\\","x\\y"',
    [
      ['a"', 'b'],
      ['\\', 'x\\y'],
    ],
  ],
  [{ ...csv, quote: "'" }, "'a,b','it''s'\n", [['a,b', "it's"]]],
  [{ ...csv, null: 'nil' }, 'nil,"nil"\n', [[null, 'nil']]],
  [csv, 'a,b\n\\.\nc,d\n', [['a', 'b']]],
  [csv, '"\\.",b\n', [['\\.', 'b']]],
  [{ ...csv, header: true }, '"x\n",y\na,b\n', [['a', 'b']]],
  [{ ...csv, delimiter: ';' }, 'a;b,c\n', [['a', 'b,c']]],
  [
    csv,
    '"a"b,c\na, "b"\n\\x41,\\t\n',
    [
      ['ab', 'c'],
      ['a', ' b'],
      ['\\x41', '\\t'],
    ],
  ],
];

describe('CopyReader', () => {
  it.each(cases)('reads %o', (options, data, expected) => {
    const bytes = bytesOf(data);
    expect(read(options, bytes, () => bytes.length)).toEqual(expected);
    expect(read(options, bytes, () => 1)).toEqual(expected);
    const random = new Random(7);
    for (let i = 0; i < 10; i++)
      expect(read(options, bytes, () => 1 + random.below(4))).toEqual(expected);
  });

  it('reads back what it was told to write, wherever it is cut', () => {
    const random = new Random(42);
    const alphabet = ['a', '"', '\\', ',', '\n', '\t', 'é', '🚲', ' ', '.', 'N'];
    for (let round = 0; round < 300; round++) {
      const rows = Array.from({ length: 1 + random.below(4) }, () =>
        Array.from({ length: 2 }, () =>
          random.chance(0.1)
            ? null
            : Array.from({ length: random.below(6) }, () => random.pick(alphabet)).join(''),
        ),
      );
      const written = rows
        .map((row) =>
          row.map((field) => (field === null ? '' : `"${field.replaceAll('"', '""')}"`)).join(','),
        )
        .join('\n');
      const escaped = rows.map((row) =>
        row
          .map((field) => (field === null ? '\\N' : field.replaceAll(/[\\\n\t]/g, (c) => `\\${c}`)))
          .join('\t'),
      );
      const encoder = new TextEncoder();
      expect(read(csv, encoder.encode(`${written}\n`), () => 1 + random.below(5))).toEqual(rows);
      expect(
        read(text, encoder.encode(`${escaped.join('\n')}\n`), () => 1 + random.below(5)),
      ).toEqual(rows);
    }
  });

  it('counts physical lines', () => {
    const reader = new CopyReader(csv);
    const rows = [...reader.push(bytesOf('a\n"b\n\nc"\nd\n'))];
    expect(rows.map((row) => row.line)).toEqual([1, 4, 5]);
  });

  it('reads a long row that comes in small pieces without reading it again and again', () => {
    const reader = new CopyReader(text);
    const piece = new Uint8Array(1 << 10).fill(97);
    let pieces = 0;
    for (; pieces < 4_096; pieces++) expect([...reader.push(piece)]).toEqual([]);
    const [row] = [...reader.push(bytesOf('\n'))];
    expect(row?.fields[0]?.length).toBe(pieces * piece.length);
  });
});
