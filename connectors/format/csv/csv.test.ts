/**
 * Goal: lines of CSV give the fields that Postgres' COPY finds in them, and the values that its
 * input functions read. Method: a table of lines with their fields; random lines against a plain
 * reading character by character; values of every type against `parseDatum`.
 */
import { describe, expect, test } from 'vitest';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { parseDatum } from '../../../dataflow/value/text-input.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { SqlError } from '../../../src/base/error.ts';
import { column, decodeRecords, jsonSource } from '../../../test/support/decode.ts';
import { Random } from '../../../test/support/random.ts';
import type { CsvReading, SourceFormat } from '../decoder.ts';

const usual = { delimiter: ',', quote: '"', escape: '"', null: '' };

function csvSource(types: readonly TypeName[], more: Partial<CsvReading> = {}): SourceFormat {
  const names = types.map((_, k) => `f${k + 1}`);
  const columns = types.map((type, k) => column(names[k], type));
  return jsonSource(columns, { value: 'CSV', csv: { value: { ...usual, names, ...more } } });
}

/** The row of a line, or the code and reason of its error. */
function read(source: SourceFormat, line: string | Uint8Array): readonly Datum[] | string {
  const { rows, errors } = decodeRecords(source, [{ value: line }]);
  expect(rows.length + errors.length).toBe(1);
  return rows.length === 1
    ? rows[0].row
    : `${errors[0].code} ${errors[0].message.slice('topic "t", partition 0, offset 0'.length)}`;
}

const texts = (count: number): readonly TypeName[] => Array.from({ length: count }, () => 'text');

describe('a line', () => {
  test.each<[string, readonly (string | null)[] | string]>([
    ['a,b,c', ['a', 'b', 'c']],
    ['a,,c\n', ['a', null, 'c']],
    [',,\r\n', [null, null, null]],
    ['"a","",""""', ['a', '', '"']],
    ['"a,b",c,"d\ne"', ['a,b', 'c', 'd\ne']],
    ['x"y,z"w,"p"q,""', ['xy,zw', 'pq', '']],
    ['"a""b",c"",\\N', ['a"b', 'c', '\\N']],
    ['é,"😀",ü', ['é', '😀', 'ü']],
    [' a , b ,', [' a ', ' b ', null]],
    ['a,b', '22P04 : the line has 2 fields, not 3'],
    ['a,b,c,d', '22P04 : the line has 4 fields, not 3'],
    ['', '22P04 : the line has 1 fields, not 3'],
    ['a,b,"c', '22P04 : unterminated CSV quoted field'],
    ['a,b,c\nd', '22P04 : unquoted newline found in data'],
    ['a\rb,c,d', '22P04 : unquoted carriage return found in data'],
  ])('%j', (line, expected) => {
    expect(read(csvSource(texts(3)), line)).toEqual(expected);
  });

  test('has other characters if the source says so', () => {
    const other = { delimiter: '|', quote: "'", escape: '\\', null: 'NULL' };
    const source = csvSource(texts(3), other);
    expect(read(source, "NULL|'NULL'|")).toEqual([null, 'NULL', '']);
    expect(read(source, "'a\\'b|'|'c\\\\d\\e'|f,\"g")).toEqual(["a'b|", 'c\\d\\e', 'f,"g']);
  });

  test('is UTF-8 without NUL where it is read', () => {
    const source = csvSource(texts(2));
    const line = Uint8Array.of(0x61, 0x2c, 0x62, 0xff);
    expect(read(source, line)).toMatch('22021 , field "f2": invalid byte sequence');
    expect(read(source, 'a\0,b')).toMatch('22021 , field "f1": invalid byte sequence');
    expect(decodeRecords(source, [{ value: line }], [0]).rows[0].row).toEqual(['a']);
  });

  test('is counted whichever columns are read', () => {
    const { rows, errors } = decodeRecords(csvSource(texts(3)), [{ value: 'a,b' }], [0]);
    expect([rows.length, errors.length]).toEqual([0, 1]);
  });
});

test('NULL is refused where a column cannot be NULL, and a record without value', () => {
  const columns = [column('f1', 'int4', { nullable: false }), column('f2', 'text')];
  const source = jsonSource(columns, {
    value: 'CSV',
    csv: { value: { ...usual, names: ['f1', 'f2'] } },
  });
  expect(read(source, ',a')).toMatch('23502 , field "f1": it is NULL');
  expect(read(source, '"",a')).toMatch('22P02 , field "f1": invalid input syntax');
  const { errors } = decodeRecords(source, [{ value: null }]);
  expect(errors[0].message).toMatch('the value is NULL');
});

test('a key can be CSV too', () => {
  const key = { kind: 'field', of: 'key', name: 'a' } as const;
  const source = jsonSource([column('key_a', 'text', { origin: key }), column('a', 'int4')], {
    key: 'CSV',
    value: 'CSV',
    envelope: 'upsert',
    keyColumns: [0],
    csv: { key: { ...usual, names: ['a'] }, value: { ...usual, names: ['a'] } },
  });
  const { rows, errors } = decodeRecords(source, [
    { key: 'k', value: '1' },
    { key: 'k', value: 'x' },
    { key: 'k', value: null },
    { key: 'k,l', value: '2' },
  ]);
  expect(rows).toEqual([
    { row: ['k', 1], kind: 'row' },
    { row: ['k', null], kind: 'failed' },
    { row: ['k', null], kind: 'tombstone' },
  ]);
  expect(errors.map(({ message }) => message)).toContain(
    'topic "t", partition 0, offset 3: in the key: the line has 2 fields, not 1',
  );
});

/** A line cut character by character; null if it is none. */
function plainFields(text: string): (string | null)[] | null {
  const line = text.replace(/\r?\n$|\r$/, '');
  const fields: (string | null)[] = [];
  let field = '';
  let [inside, quoted] = [false, false];
  for (let k = 0; k <= line.length; k++) {
    const character = line[k] ?? ',';
    if (k === line.length && inside) return null;
    if (!inside && character === ',') {
      fields.push(field === '' && !quoted ? null : field);
      [field, quoted] = ['', false];
    } else if (character === '"') {
      if (inside && line[k + 1] === '"') field += line[++k];
      else [inside, quoted] = [!inside, true];
    } else if (!inside && /[\r\n]/.test(character)) return null;
    else field += character;
  }
  return fields;
}

test('random lines are cut as character by character', () => {
  const random = new Random(11);
  const sources = [1, 2, 3, 4].map((count) => csvSource(texts(count)));
  for (let k = 0; k < 1_500; k++) {
    const line = Array.from({ length: random.below(14) }, () =>
      random.pick(['a', 'b', 'é', ',', ',', '"', '"', '\n', '\r']),
    ).join('');
    const count = 1 + random.below(4);
    const fields = plainFields(line);
    const found = read(sources[count - 1], line);
    if (fields?.length === count) expect([line, found]).toEqual([line, fields]);
    else expect([line, found]).toEqual([line, expect.stringMatching(/^22P04/)]);
  }
});

describe('values', () => {
  const spellings: readonly (readonly [TypeName, readonly string[]])[] = [
    ['bool', ['t', 'false', 'on', 'x', '2']],
    ['int2', ['32767', '-32768', '32768', ' 5 ', '+7', '1.0', '']],
    ['int4', ['2147483647', '-2147483648', '2147483648', '007', '-', '1e3']],
    ['int8', ['9223372036854775807', '-9223372036854775808', '4294967296', '-4294967297', '-1']],
    ['float4', ['1.5', '-0', '1e40', 'NaN', '16777217']],
    ['float8', ['0.1', '-0', '.5', '5.', '1e-400', 'Infinity', '123456789012345.678']],
    ['numeric', ['1.50', '-0.0', '1e5', '12345678901234567890.5', 'NaN', '00.10', '1..2', '5.']],
    ['text', ['', 'plain', 'x'.repeat(100)]],
    ['bytea', ['\\x00ff', 'abc', '\\xf']],
    ['date', ['2024-02-29', '2023-02-29', 'infinity', 'Jan 5 2020']],
    ['time', ['12:34:56.789', '24:00:00', '25:00']],
    ['timestamp', ['2024-01-01 00:00:00', '2024-01-01T23:59:59.999999', 'now is the time']],
    ['timestamptz', ['2024-01-01 00:00:00+02', '2024-01-01T00:00:00Z', '-infinity']],
    ['interval', ['1 day 02:00', 'P1Y', 'nothing']],
    ['uuid', ['00112233-4455-6677-8899-aabbccddeeff', '00112233445566778899aabbccddeeff', 'z']],
    ['jsonb', ['{"b":1,"a":[1.50]}', '"x"', '{']],
  ];
  test.each(spellings)('of %s are as Postgres reads them', (type, all) => {
    for (const text of all) {
      let expected: unknown;
      try {
        expected = [parseDatum(type, text, -1)];
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        expected = `${error.fields.code} , field "f1": ${error.message}`;
      }
      const quoted = `"${text.replaceAll('"', '""')}"`;
      expect([text, read(csvSource([type]), quoted)]).toEqual([text, expected]);
      if (text !== '' && !/["\n,]/.test(text))
        expect([text, read(csvSource([type]), text)]).toEqual([text, expected]);
    }
  });
});
