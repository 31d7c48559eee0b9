/**
 * Goal: typed JSON reads exactly what the documents say. Method: tables of single values per type
 * (expected datums by `parseDatum`, which has the referee's answers in its own tests); random
 * documents in random spellings against `JSON.parse`; seeded mutations, for which a record is a row
 * exactly if `JSON.parse` takes it and its fields are of the right type.
 */
import { expect, test } from 'vitest';
import type { Datum } from '../../dataflow/value/datum.ts';
import { parseDatum } from '../../dataflow/value/text-input.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { column, decodeRecords, jsonSource } from '../../test/support/decode.ts';
import { Random } from '../../test/support/random.ts';

/** The datum of one field `f`, or the message of its error. */
function read(type: TypeName, json: string, modifier = -1): Datum {
  const { rows, errors } = decodeRecords(jsonSource([column('f', type, { modifier })]), [
    { value: `{"f":${json}}` },
  ]);
  expect(rows.length + errors.length).toBe(1);
  return (
    rows[0]?.row[0] ??
    (errors.length > 0
      ? `error ${errors[0].code}: ${errors[0].message.replace('topic "t", partition 0, offset 0', '@')}`
      : null)
  );
}

const same: readonly (readonly [TypeName, string, string])[] = [
  ['bool', 'true', 'true'],
  ['bool', 'false', 'false'],
  ['int2', '-32768', '-32768'],
  ['int2', '"32767"', '32767'],
  ['int4', '0', '0'],
  ['int4', '-0', '0'],
  ['int4', '2147483647', '2147483647'],
  ['int4', '-2147483648', '-2147483648'],
  ['int4', '12.0', '12'],
  ['int4', '1.5e1', '15'],
  ['int4', '" 12 "', '12'],
  ['int4', '1000e-3', '1'],
  ['int4', '0.0', '0'],
  ['int4', '0e999999999', '0'],
  ['int8', '9007199254740993', '9007199254740993'],
  ['int8', '9223372036854775807', '9223372036854775807'],
  ['int8', '-9223372036854775808', '-9223372036854775808'],
  ['int8', '"-9223372036854775808"', '-9223372036854775808'],
  ['int8', '999999999999999', '999999999999999'],
  ['int8', '-1000000000000000', '-1000000000000000'],
  ['int8', '4294967296', '4294967296'],
  ['int8', '-4294967296', '-4294967296'],
  ['int8', '9.2e18', '9200000000000000000'],
  ['float8', '1', '1'],
  ['float8', '-0', '-0'],
  ['float8', '0.1', '0.1'],
  ['float8', '1e308', '1e308'],
  ['float8', '5e-324', '5e-324'],
  ['float8', '123456789012345678', '123456789012345678'],
  ['float8', '0.30000000000000004', '0.30000000000000004'],
  ['float8', '"NaN"', 'NaN'],
  ['float8', '"-Infinity"', '-Infinity'],
  ['float8', '12.50', '12.5'],
  ['float8', '0e0', '0'],
  ['float4', '0.1', '0.1'],
  ['float4', '16777217', '16777217'],
  ['numeric', '12.50', '12.50'],
  ['numeric', '"12.50"', '12.50'],
  ['numeric', '-0.0', '0.0'],
  ['numeric', '1e3', '1000'],
  ['numeric', '1.10e-5', '0.0000110'],
  ['numeric', '123456789012345678901234567890.12', '123456789012345678901234567890.12'],
  ['numeric', '"NaN"', 'NaN'],
  ['numeric', '"Infinity"', 'Infinity'],
  ['numeric', '0', '0'],
  ['numeric', '999999999999999', '999999999999999'],
  ['text', '""', ''],
  ['text', '"a"', 'a'],
  ['text', '"abcd"', 'abcd'],
  ['text', '"\\u0041\\n\\"\\\\\\/\\b\\f\\r\\t"', 'A\n"\\/\b\f\r\t'],
  ['text', '"\\ud83d\\ude00é€😀"', '😀é€😀'],
  ['text', `"${'long '.repeat(50)}"`, 'long '.repeat(50)],
  ['date', '"2024-02-29"', '2024-02-29'],
  ['date', '"0001-01-01"', '0001-01-01'],
  ['date', '"2024-02-29T23:00:00Z"', '2024-02-29'],
  ['date', '"infinity"', 'infinity'],
  ['date', '"1999-12-31"', '1999-12-31'],
  ['date', '"Jan 8, 1999"', '1999-01-08'],
  ['time', '"12:34:56.5"', '12:34:56.5'],
  ['time', '"00:00"', '00:00'],
  ['time', '"24:00:00"', '24:00:00'],
  ['time', '"23:59:60"', '24:00:00'],
  ['timestamp', '"2024-02-29T12:34:56.789012"', '2024-02-29 12:34:56.789012'],
  ['timestamp', '"1969-07-20 20:17:40"', '1969-07-20 20:17:40'],
  ['timestamp', '"2024-01-01T00:00:00+05"', '2024-01-01 00:00:00'],
  ['timestamp', '"9999-12-31T23:59:59.999999"', '9999-12-31 23:59:59.999999'],
  ['timestamptz', '"2024-02-29T12:34:56Z"', '2024-02-29 12:34:56+00'],
  ['timestamptz', '"2024-02-29T12:34:56.7-03:30"', '2024-02-29 12:34:56.7-03:30'],
  ['timestamptz', '"2024-02-29T00:10:00+0545"', '2024-02-28 18:25:00+00'],
  ['timestamptz', '"2024-02-29"', '2024-02-29 00:00:00+00'],
  ['timestamptz', '"-infinity"', '-infinity'],
  ['timestamptz', '"2024-02-29T12:34:56.7890125Z"', '2024-02-29 12:34:56.789012+00'],
  ['timestamptz', '"1000-01-01T00:00:00Z"', '1000-01-01 00:00:00+00'],
  ['interval', '"1 day 02:03:04"', '1 day 02:03:04'],
  ['interval', '"P1Y2M3DT4H"', '1 year 2 mons 3 days 04:00:00'],
  ['uuid', '"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['uuid', '"{a0eebc999c0b4ef8bb6d6bb9bd380a11}"', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['bytea', '"\\\\x00ff"', '\\x00ff'],
  ['bytea', '"abc"', 'abc'],
  ['bytea', '"\\\\001"', '\\001'],
  ['jsonb', '{"bb":1,"a":[1,2.50,1e2,{}],"bb":"x"}', '{"a": [1, 2.50, 100, {}], "bb": "x"}'],
  ['jsonb', '"s"', '"s"'],
];

test.each(same)('%s reads %s as %s', (type, json, text) => {
  const expected = parseDatum(type, text);
  expect(read(type, json)).toEqual(
    type === 'float4' && typeof expected === 'number' ? Math.fround(expected) : expected,
  );
});

test.each([
  ['numeric', '12.5', ((10 << 16) | 2) + 4, '12.50'],
  ['numeric', '12.555', ((10 << 16) | 2) + 4, '12.56'],
  ['numeric', '"7"', ((3 << 16) | 2) + 4, '7.00'],
  ['varchar', '"abc"', 3 + 4, 'abc'],
  ['varchar', '"äöü"', 3 + 4, 'äöü'],
  ['varchar', '"abc   "', 4 + 4, 'abc '],
  ['bpchar', '"abc  "', 10 + 4, 'abc'],
  ['timestamp', '"2024-01-01T00:00:00.5555"', 3, '2024-01-01 00:00:00.556'],
] as const)('%s reads %s with modifier %i as %s', (type, json, modifier, text) => {
  expect(read(type, json, modifier)).toEqual(parseDatum(type, text));
});

test.each([
  [
    'int2',
    '32768',
    -1,
    'error 22003: @, field "f": value "32768" is out of range for type smallint',
  ],
  [
    'int4',
    '2147483648',
    -1,
    'error 22003: @, field "f": value "2147483648" is out of range for type integer',
  ],
  [
    'int4',
    '"-2147483649"',
    -1,
    'error 22003: @, field "f": value "-2147483649" is out of range for type integer',
  ],
  [
    'int8',
    '9223372036854775808',
    -1,
    'error 22003: @, field "f": value "9223372036854775808" is out of range for type bigint',
  ],
  [
    'int8',
    '-9223372036854775809',
    -1,
    'error 22003: @, field "f": value "-9223372036854775809" is out of range for type bigint',
  ],
  [
    'int8',
    '1e400',
    -1,
    `error 22003: @, field "f": value "${'9'.repeat(40)}" is out of range for type bigint`,
  ],
  ['int4', '1.5', -1, 'error 22P02: @, field "f": 1.5 is not a whole number'],
  ['int4', '"x"', -1, 'error 22P02: @, field "f": invalid input syntax for type integer: "x"'],
  ['int4', 'true', -1, 'error 22P02: @, field "f": true is not of type integer'],
  ['int4', '[1]', -1, 'error 22P02: @, field "f": [1] is not of type integer'],
  ['bool', '1', -1, 'error 22P02: @, field "f": 1 is not of type boolean'],
  ['text', '12', -1, 'error 22P02: @, field "f": 12 is not of type text'],
  ['text', '"\\ud800x"', -1, 'error 22P05: @, field "f": a string has half of a surrogate pair'],
  [
    'text',
    '"\\u0000"',
    -1,
    'error 22P05: @, field "f": a string has the character \\u0000, which text cannot hold',
  ],
  [
    'float8',
    '1e309',
    -1,
    'error 22003: @, field "f": "1e309" is out of range for type double precision',
  ],
  [
    'float8',
    '1e-400',
    -1,
    'error 22003: @, field "f": "1e-400" is out of range for type double precision',
  ],
  ['float4', '1e39', -1, 'error 22003: @, field "f": "1e39" is out of range for type real'],
  ['numeric', '123.5', ((4 << 16) | 2) + 4, 'error 22003: @, field "f": numeric field overflow'],
  [
    'numeric',
    '"abc"',
    -1,
    'error 22P02: @, field "f": invalid input syntax for type numeric: "abc"',
  ],
  [
    'varchar',
    '"abcd"',
    3 + 4,
    'error 22001: @, field "f": value too long for type character varying(3)',
  ],
  [
    'timestamptz',
    '1700000000',
    -1,
    'error 22P02: @, field "f": 1700000000 is not of type timestamp with time zone',
  ],
  [
    'timestamptz',
    '"soon"',
    -1,
    'error 22007: @, field "f": invalid input syntax for type timestamp with time zone: "soon"',
  ],
  [
    'date',
    '"2023-02-29"',
    -1,
    'error 22008: @, field "f": date/time field value out of range: "2023-02-29"',
  ],
  [
    'uuid',
    '"a0eebc99"',
    -1,
    'error 22P02: @, field "f": invalid input syntax for type uuid: "a0eebc99"',
  ],
] as const)('%s refuses %s', (type, json, modifier, message) => {
  expect(read(type, json, modifier)).toBe(message);
});

test('missing and null are NULL; NOT NULL columns make them errors', () => {
  const format = jsonSource([column('a', 'int4'), column('b', 'text', { nullable: false })]);
  const { rows, errors } = decodeRecords(format, [
    { value: '{"b":"x"}' },
    { value: '{"a":null,"b":"y"}' },
    { value: '{"a":1}' },
    { value: '{"a":1,"b":null}' },
    { value: null },
  ]);
  expect(rows.map(({ row }) => row)).toEqual([
    [null, 'x'],
    [null, 'y'],
  ]);
  expect(errors.map(({ code, message }) => `${code} ${message}`)).toEqual([
    '23502 topic "t", partition 0, offset 2, field "b": it is missing or null, but the column is NOT NULL',
    '23502 topic "t", partition 0, offset 3, field "b": it is missing or null, but the column is NOT NULL',
    '23502 topic "t", partition 0, offset 4, field "b": the value is NULL, but the column is NOT NULL',
  ]);
});

test('a NULL value without envelope is a row of NULLs', () => {
  expect(decodeRecords(jsonSource([column('a', 'int4')]), [{ value: null }]).rows[0]?.row).toEqual([
    null,
  ]);
});

test('of equal keys the last counts, whatever the others hold', () => {
  const format = jsonSource([column('a', 'int4'), column('b', 'text')]);
  const values = [
    '{"a":1,"a":2}',
    '{"a":"x","a":3}',
    '{"a":3,"a":"x"}',
    '{"a":1,"a":null}',
    '{"b":"q","a":1,"\\u0061":7,"b":"r"}',
  ];
  const { rows, errors } = decodeRecords(
    format,
    values.map((value) => ({ value })),
  );
  expect(rows.map(({ row }) => row)).toEqual([
    [2, null],
    [3, null],
    [null, null],
    [7, 'r'],
  ]);
  expect(errors).toHaveLength(1);
});

test('only wanted columns are decoded, in the order asked for', () => {
  const format = jsonSource([column('a', 'int4'), column('b', 'int4'), column('c', 'text')]);
  const { rows, errors } = decodeRecords(
    format,
    [{ value: '{"a":1,"b":"not a number","c":"x"}' }],
    [2, 0],
  );
  expect(rows.map(({ row }) => row)).toEqual([['x', 1]]);
  expect(errors).toEqual([]);
});

test('no column at all still counts records', () => {
  const { rows } = decodeRecords(
    jsonSource([column('a', 'int4')]),
    [{ value: '{}' }, { value: '{"a":1}' }],
    [],
  );
  expect(rows.map(({ row }) => row)).toEqual([[], []]);
});

test('names that JavaScript objects treat in their own way are names like others', () => {
  const names = ['__proto__', 'constructor', 'toString', '', 'a"b', 'näme', 'x'.repeat(100)];
  const format = jsonSource(names.map((name) => column(name, 'int4')));
  const members = names.map((name, k) => `${JSON.stringify(name)}:${k}`);
  const { rows } = decodeRecords(format, [
    { value: '{}' },
    { value: `{${members.join(',')}}` },
    { value: `{ ${members.reverse().join(' , ')} }` },
  ]);
  expect(rows[0]?.row).toEqual(names.map(() => null));
  expect(rows[1]?.row).toEqual(names.map((_, k) => k));
  expect(rows[2]?.row).toEqual(names.map((_, k) => k));
});

test('more names than are remembered', () => {
  const format = jsonSource(Array.from({ length: 1500 }, (_, k) => column(`f${k}`, 'int4')));
  const value = `{${format.columns.map(({ name }, k) => `"${name}":${k},"other${k}":0`).join(',')}}`;
  const { rows } = decodeRecords(format, [{ value }, { value }]);
  expect(rows.map(({ row }) => row)).toEqual([
    format.columns.map((_, k) => k),
    format.columns.map((_, k) => k),
  ]);
});

test('nesting has a bound', () => {
  const deep = (levels: number): string => `{"a":1,"x":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  const { rows, errors } = decodeRecords(jsonSource([column('a', 'int4')]), [
    { value: deep(500) },
    { value: deep(100_000) },
  ]);
  expect(rows).toHaveLength(1);
  expect(errors[0]?.code).toBe('54001');
});

test('a record of 10 MB', () => {
  const big = 'x'.repeat(10_000_000);
  const { rows } = decodeRecords(jsonSource([column('a', 'int4'), column('big', 'text')]), [
    { value: `{"skipped":"${big}","a":1}` },
    { value: `{"big":"${big}","a":2}` },
  ]);
  expect(rows[0]?.row).toEqual([1, null]);
  expect(rows[1]?.row).toEqual([2, big]);
});

test('invalid UTF-8 anywhere in the record is an error', () => {
  const bytes = (text: string, bad: readonly number[]): Uint8Array => {
    const [head, tail] = text.split('@');
    return Buffer.concat([Buffer.from(head ?? ''), Uint8Array.from(bad), Buffer.from(tail ?? '')]);
  };
  const format = jsonSource([column('a', 'text')]);
  for (const bad of [
    [0xff],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xe2, 0x82],
  ]) {
    for (const text of ['{"a":"x@y"}', '{"skipped":"@","a":"x"}', '{"a@":1}']) {
      const { rows, errors } = decodeRecords(format, [{ value: bytes(text, bad) }]);
      expect(rows).toEqual([]);
      expect(errors[0]?.code).toBe('22021');
    }
  }
});

// Random documents.

const blanks = ['', '', '', ' ', '\n', '\t  '];

function spell(random: Random, value: unknown): string {
  const blank = (): string => random.pick(blanks);
  if (Array.isArray(value))
    return `[${blank()}${value.map((item) => spell(random, item)).join(`${blank()},${blank()}`)}${blank()}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, item]) => `${spellString(random, key)}${blank()}:${blank()}${spell(random, item)}`,
    );
    return `{${blank()}${members.join(`${blank()},${blank()}`)}${blank()}}`;
  }
  return typeof value === 'string' ? spellString(random, value) : JSON.stringify(value);
}

function spellString(random: Random, text: string): string {
  if (random.chance(0.7)) return JSON.stringify(text);
  return `"${[...text]
    .map((c) =>
      random.chance(0.5) || c < ' ' || c === '"' || c === '\\'
        ? c
            .split('')
            .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
            .join('')
        : c,
    )
    .join('')}"`;
}

const pieces = [
  '',
  'a',
  'id',
  'é',
  '€',
  '😀',
  '"',
  '\\',
  '/',
  '\n',
  '\u0001',
  'word',
  ' ',
  '{',
  '}',
  ',',
];

function randomText(random: Random): string {
  return Array.from({ length: random.below(12) }, () => random.pick(pieces)).join('');
}

function randomValue(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.below(2000) - 1000;
    case 3:
      return (random.next() - 2 ** 31) / 10 ** random.below(12);
    case 4:
    case 5:
      return randomText(random);
    case 6:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(5) }, () => [
          randomText(random),
          randomValue(random, depth - 1),
        ]),
      );
  }
}

const types: readonly TypeName[] = ['bool', 'int4', 'float8', 'text', 'jsonb'];

function fits(type: TypeName, value: unknown): boolean {
  switch (type) {
    case 'bool':
      return typeof value === 'boolean';
    case 'int4':
      return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31;
    case 'float8':
      return typeof value === 'number';
    case 'text':
      return typeof value === 'string';
    default:
      return true;
  }
}

/** The row that a parsed document must give, or null if it must be an error. */
function expectedRow(document: unknown, columns: ReturnType<typeof column>[]): Datum[] | null {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return null;
  const row: Datum[] = [];
  for (const { name, type } of columns) {
    const value: unknown = Object.hasOwn(document, name) ? Reflect.get(document, name) : null;
    if (value === null) row.push(null);
    else if (!fits(type, value)) return null;
    else if (type === 'jsonb') row.push(parseDatum('jsonb', JSON.stringify(value)));
    else
      row.push(
        typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string'
          ? value
          : null,
      );
  }
  return row;
}

test('random documents read as JSON.parse reads them', () => {
  const random = new Random(11);
  for (let round = 0; round < 150; round++) {
    const names = [
      ...new Set(Array.from({ length: 1 + random.below(5) }, () => randomText(random))),
    ];
    const columns = names.map((name) => column(name, random.pick(types)));
    const documents = Array.from({ length: 30 }, () => {
      const members = names
        .filter(() => random.chance(0.8))
        .map((name): [string, unknown] => {
          const { type } = columns[names.indexOf(name)] ?? columns[0];
          const value =
            type === 'text'
              ? randomText(random)
              : type === 'jsonb'
                ? randomValue(random, 3)
                : random.below(100);
          return [
            name,
            random.chance(0.1)
              ? randomValue(random, 1)
              : type === 'bool'
                ? random.chance(0.5)
                : value,
          ];
        });
      for (let extra = random.below(4); extra > 0; extra--)
        members.push([randomText(random) + String(extra), randomValue(random, 3)]);
      return Object.fromEntries(members);
    });
    const texts = documents.map((document) => spell(random, document));
    const { rows, errors } = decodeRecords(
      jsonSource(columns),
      texts.map((value) => ({ value })),
    );
    const expected = texts.map((text) => expectedRow(JSON.parse(text), columns));
    expect(rows.map(({ row }) => row)).toEqual(expected.filter((row) => row !== null));
    expect(errors).toHaveLength(expected.filter((row) => row === null).length);
  }
});

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

test('mutated documents: a row exactly if JSON.parse and the types take them, never a throw', () => {
  const random = new Random(12);
  const columns = [
    column('a', 'int4'),
    column('s', 'text'),
    column('f', 'float8'),
    column('j', 'jsonb'),
  ];
  const interesting = Buffer.from('{}[]",:\\0123456789-+.eEtfnu \n\u00e9\u{1f600}');
  let taken = 0;
  const records: Uint8Array[] = [];
  for (let round = 0; round < 4000; round++) {
    const bytes = Buffer.from(
      spell(random, {
        a: random.below(100),
        s: randomText(random),
        f: random.below(1000) / 8,
        j: randomValue(random, 2),
        x: randomValue(random, 2),
      }),
    );
    for (let times = 1 + random.below(2); times > 0; times--)
      bytes[random.below(bytes.length)] = random.chance(0.8)
        ? interesting[random.below(interesting.length)]
        : random.below(256);
    records.push(random.chance(0.1) ? bytes.subarray(0, random.below(bytes.length)) : bytes);
  }
  const { rows, errors } = decodeRecords(
    jsonSource(columns),
    records.map((value) => ({ value })),
  );
  expect(rows.length + errors.length).toBe(records.length);
  const failed = new Set(errors.map(({ message }) => Number(/offset (\d+)/.exec(message)?.[1])));
  let next = 0;
  records.forEach((bytes, offset) => {
    const document = parsed(bytes);
    const expected = document === undefined ? null : expectedRow(document, columns);
    if (failed.has(offset)) {
      // Stricter than JSON.parse: text and jsonb cannot hold \u0000 or half of a surrogate pair;
      // doubles do not overflow.
      const lenient =
        expected !== null &&
        /\\u(0000|d[89a-f])|e\+?\d{3}|NaN|Infinity/i.test(Buffer.from(bytes).toString());
      const spelledNumber = expected === null;
      expect(lenient || spelledNumber, Buffer.from(bytes).toString()).toBe(true);
      return;
    }
    const { row } = rows[next++];
    taken++;
    expect(document, Buffer.from(bytes).toString()).toBeDefined();
    // More generous than the reference: a string that spells a number, 1.0 or 1e2 for an integer.
    if (expected !== null) expect(row.slice(0, 3)).toEqual(expected.slice(0, 3));
  });
  expect(taken).toBeGreaterThan(300);
});
