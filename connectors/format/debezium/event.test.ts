/**
 * Goal: Debezium's events of each operation and shape become rows, deletes or errors, and values
 * in Debezium's own encodings become what they stand for. Method: events as the connectors of
 * Postgres, MySQL and SQL Server write them, with the rows and errors that must come out; decimals
 * and times also at random against BigInt and Date.
 */
import { expect, test } from 'vitest';
import { formatDecimal } from '../../../dataflow/value/decimal-text.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { TestRecord } from '../../../test/support/decode.ts';
import { column, decodeRecords, jsonSource } from '../../../test/support/decode.ts';
import { Random } from '../../../test/support/random.ts';
import type { DecimalHandling, SourceColumn, SourceFormat } from '../decoder.ts';
import { decodeBase64 } from './base64.ts';

const idKey = column('id', 'int4', {
  origin: { kind: 'field', of: 'key', name: 'id' },
  nullable: false,
});

function events(columns: readonly SourceColumn[], decimals?: DecimalHandling): SourceFormat {
  return jsonSource([idKey, ...columns], {
    key: 'JSON',
    envelope: 'debezium',
    keyColumns: [0],
    ...(decimals === undefined ? {} : { decimals }),
  });
}

const users = events([column('name', 'text', { nullable: false }), column('age', 'int4')]);

const postgres = {
  version: '2.7.0.Final',
  connector: 'postgresql',
  name: 'shop',
  ts_ms: 1_700_000_000_000,
  snapshot: 'false',
  db: 'shop',
  sequence: '["24023119","24023128"]',
  schema: 'public',
  table: 'users',
  txId: 555,
  lsn: 24_023_128,
  xmin: null,
};
const mysql = {
  version: '2.7.0.Final',
  connector: 'mysql',
  name: 'shop',
  ts_ms: 1_700_000_000_000,
  db: 'shop',
  table: 'users',
  server_id: 1,
  gtid: null,
  file: 'mysql-bin.000003',
  pos: 154,
  row: 0,
};
const sqlServer = {
  version: '2.7.0.Final',
  connector: 'sqlserver',
  name: 'shop',
  db: 'shop',
  schema: 'dbo',
  table: 'users',
  change_lsn: '00000027:00000758:0003',
  commit_lsn: '00000027:00000758:0005',
  event_serial_no: 2,
};

const schema = {
  type: 'struct',
  fields: [
    { type: 'struct', fields: [{ type: 'int32', optional: false, field: 'id' }], field: 'after' },
    { type: 'string', optional: false, field: 'op' },
  ],
  optional: false,
  name: 'shop.public.users.Envelope',
};

interface Event {
  readonly op: string;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly source?: object;
}

function payloadOf({ op, before = null, after = null, source = postgres }: Event): object {
  return { before, after, source, transaction: null, op, ts_ms: 1_700_000_000_100 };
}

function record(id: number, event: Event | null, wrapped = false): TestRecord {
  const around = (payload: unknown): string =>
    JSON.stringify(wrapped ? { schema, payload } : payload);
  return { key: around({ id }), value: event === null ? null : around(payloadOf(event)) };
}

const place = 'topic "t", partition 0, ';
const told = (format: SourceFormat, records: readonly TestRecord[]): unknown => {
  const { rows, errors } = decodeRecords(format, records);
  return {
    rows: rows.map(({ row, kind }) => (kind === 'row' ? row : [kind, row[0]])),
    errors: errors.map(({ code, message }) => `${code} ${message.replace(place, '')}`),
  };
};

test.each([false, true])('operations become rows and tombstones (schema part: %s)', (wrapped) => {
  const records = [
    record(1, { op: 'r', after: { id: 1, name: 'read', age: 3 } }, wrapped),
    record(2, { op: 'c', after: { id: 2, name: 'made', age: null } }, wrapped),
    record(
      2,
      {
        op: 'u',
        before: { id: 2, name: 'made', age: null },
        after: { id: 2, name: 'new', age: 4 },
        source: mysql,
      },
      wrapped,
    ),
    record(1, { op: 'u', after: { id: 1, name: 'no before', age: 5 } }, wrapped),
    record(2, { op: 'd', before: { id: 2, name: 'new', age: 4 }, source: sqlServer }, wrapped),
    record(2, null, wrapped),
    record(3, { op: 'd', before: { id: 3, name: '', age: 0 } }, wrapped),
  ];
  expect(told(users, records)).toEqual({
    rows: [
      [1, 'read', 3],
      [2, 'made', null],
      [2, 'new', 4],
      [1, 'no before', 5],
      ['tombstone', 2],
      ['tombstone', 2],
      ['tombstone', 3],
    ],
    errors: [],
  });
});

test('what cannot be understood is an error that names the field', () => {
  const row = { id: 1, name: 'a', age: 1 };
  const key = '{"id":1}';
  const nothing = { before: null, after: null };
  const records: TestRecord[] = [
    record(1, { op: 'c', after: { id: 1, name: 'a', age: 'x' } }),
    record(2, { op: 'u', after: { id: 2, age: 1 } }),
    record(3, { op: 'u', before: row }),
    record(4, { op: 'm', after: row }),
    { key, value: JSON.stringify({ id: 1, name: 'flat', age: 1 }) },
    { key, value: JSON.stringify({ ...payloadOf({ op: 'c' }), after: '{"_id": 1}' }) },
    { key, value: '[]' },
    { key, value: '{"op":"c","after":{"id":1,"name":"a"}' },
    { key, value: '{"op":"c","after":{"id":1,"name":"a"}} 1' },
    { key: null, value: JSON.stringify({ ...nothing, op: 't', source: postgres }) },
    { key: null, value: JSON.stringify(payloadOf({ op: 'c', after: row })) },
    { key: '{"other":1}', value: JSON.stringify(payloadOf({ op: 'c', after: row })) },
    { key: '7', value: JSON.stringify(payloadOf({ op: 'c', after: row })) },
    { key: null, value: null },
    { key: '{"schema":{},"payload":{"id":"x"}}', value: null },
  ];
  expect(told(users, records)).toEqual({
    rows: [1, 2, 3, 4, 1, 1, 1, 1, 1].map((id) => ['failed', id]),
    errors: [
      '22P02 offset 0, field "age": invalid input syntax for type integer: "x"',
      '23502 offset 1, field "name": it is missing or null, but the column is NOT NULL',
      '22P02 offset 2, field "after": it is not an object, but the event has op "u"',
      '0A000 offset 3, field "op": an event of op "m" is not supported',
      '22P02 offset 4, field "op": it is missing: this is not Debezium\'s event',
      '0A000 offset 5, field "after": it is a text, as MongoDB\'s connector writes it: make the source without a column list',
      '22P02 offset 6: the JSON is not an object',
      '22P02 offset 7: invalid JSON: an object has no end',
      '22P02 offset 8: invalid JSON: something follows the object',
      '0A000 offset 9, field "op": a truncate (op "t") in a topic of several partitions: nothing says what came before it in the others; create the source again',
      '22004 offset 10: the key is NULL, which ENVELOPE DEBEZIUM cannot have',
      '23502 offset 11, field "id": it is missing or null, but the column is NOT NULL',
      '22P02 offset 12: in the key: the JSON is not an object',
      '22004 offset 13: the key is NULL, which ENVELOPE DEBEZIUM cannot have',
      '22P02 offset 14, field "id": invalid input syntax for type integer: "x"',
    ],
  });
});

test('fields come in any order, and of equal ones the last counts', () => {
  const after = (name: string): string => `{"age":1,"name":"${name}","id":1}`;
  const records = [
    `{"op":"c","after":${after('op first')}}`,
    `{"op":"d","after":null,"op":"u","after":${after('twice')}}`,
    `{"after":{"name":5},"op":"c","after":${after('healed')}}`,
    `{"payload":{"after":${after('payload first')},"op":"c"},"schema":{}}`,
    `{"schema":null,"payload":{"op":"d","after":${after('gone')}}}`,
    '{"schema":{},"payload":null}',
    `{"schema":{"deep":[{}]},"payload":{"after":${after('a schema')},"op":"c"}}`,
    `{"schema":{"deep":[{}]},"payload":{"after":${after('the same')},"op":"c"}}`,
    `{"schema":{"deep":[{"longer":1}]},"payload":{"after":${after('another')},"op":"c"}}`,
    `{"schema":{"deep":[{}]} ,"op":"c","after":${after('no payload')}}`,
    `\n{ "\\u006fp" : "c" , "after" : ${after('blanks')} }\n`,
  ].map((value) => ({ key: '{"id":1}', value }));
  expect(told(users, records)).toEqual({
    rows: [
      [1, 'op first', 1],
      [1, 'twice', 1],
      [1, 'healed', 1],
      [1, 'payload first', 1],
      ['tombstone', 1],
      ['tombstone', 1],
      [1, 'a schema', 1],
      [1, 'the same', 1],
      [1, 'another', 1],
      [1, 'no payload', 1],
      [1, 'blanks', 1],
    ],
    errors: [],
  });
});

test('a key may have columns that are named as its parts', () => {
  const ofKey = (name: string): SourceColumn =>
    column(name, 'text', { origin: { kind: 'field', of: 'key', name } });
  const format = jsonSource([ofKey('schema'), ofKey('payload')], {
    key: 'JSON',
    envelope: 'debezium',
    keyColumns: [0, 1],
  });
  const keys = ['{"schema":"a","payload":"b"}', '{"schema":{},"payload":{"payload":"c"}}'];
  const { rows, errors } = decodeRecords(
    format,
    keys.map((key) => ({ key, value: null })),
  );
  expect(errors).toEqual([]);
  expect(rows.map(({ row }) => row)).toEqual([
    ['a', 'b'],
    [null, 'c'],
  ]);
});

const numeric = (precision: number, scale: number): number => ((precision << 16) | scale) + 4;

/** Decimals as text. */
function shown(datum: Datum | undefined): unknown {
  if (typeof datum !== 'object' || datum === null || !('kind' in datum)) return datum;
  return datum.kind === 'decimal' ? formatDecimal(datum) : datum;
}

/** The cell that a value becomes, or the error. */
function cell(type: TypeName, value: unknown, modifier = -1, decimals?: DecimalHandling): unknown {
  const format = events([column('c', type, { modifier })], decimals);
  const { rows, errors, leftOut } = decodeRecords(format, [
    record(1, { op: 'c', after: { id: 1, c: value } }),
  ]);
  if (leftOut.length > 0) return 'left out';
  const [error] = errors;
  return error === undefined
    ? shown(rows[0]?.row[1])
    : `${error.code} ${error.message.replace(`${place}offset 0, field "c": `, '')}`;
}

test.each([
  ['numeric', 'BNI=', numeric(10, 2), undefined, '12.34'],
  ['numeric', '/w==', numeric(10, 2), undefined, '-0.01'],
  ['numeric', 'AA==', numeric(10, 2), undefined, '0.00'],
  ['numeric', 'JxA=', numeric(4, 2), undefined, '22003 numeric field overflow'],
  ['numeric', 'AfAY0enqw4H4', numeric(38, 4), undefined, '3574755284484957.8488'],
  [
    'numeric',
    'BNI=',
    -1,
    undefined,
    '22P02 the bytes of a decimal need a column with a scale, numeric(p, s)',
  ],
  ['numeric', '12.34', numeric(10, 2), undefined, '12.34'],
  ['numeric', '12.345', numeric(10, 2), undefined, '12.35'],
  ['numeric', 'NaN', -1, undefined, 'NaN'],
  ['numeric', '1234', numeric(12, 0), 'string', '1234'],
  ['numeric', '1234', numeric(12, 0), 'precise', '-2658824'],
  ['numeric', '12.34', numeric(12, 0), 'precise', '22P02 it is not the bytes of a decimal'],
  ['numeric', '', numeric(12, 0), undefined, '22P02 it is not the bytes of a decimal'],
  ['numeric', 12.34, numeric(10, 2), undefined, '12.34'],
  ['numeric', { scale: 3, value: 'BNI=' }, -1, undefined, '1.234'],
  ['numeric', { scale: 0, value: 'BNI=' }, numeric(10, 2), undefined, '1234.00'],
  ['numeric', { scale: 3 }, -1, undefined, '22P02 the object is not a decimal with its scale'],
  ['bool', 1, -1, undefined, true],
  ['bool', 0, -1, undefined, false],
  ['bool', true, -1, undefined, true],
  ['bool', 2, -1, undefined, '22P02 2 is not a boolean'],
  ['bytea', 'AP8B', -1, undefined, Uint8Array.of(0, 255, 1)],
  ['bytea', '', -1, undefined, new Uint8Array(0)],
  ['bytea', '\\x00', -1, undefined, '22P02 it is not base64'],
  ['date', 19_675, -1, undefined, 19_675 - 10_957],
  ['date', '2023-11-14', -1, undefined, 19_675 - 10_957],
  ['date', 1.5, -1, undefined, '22P02 1.5 is not a date'],
  ['date', 9_999_999_999, -1, undefined, '22P02 9999999999 is not a date'],
  ['time', 3_600_000_001, -1, undefined, 3_600_000_001n],
  ['time', 3_600_001, 3, undefined, 3_600_001_000n],
  ['time', -1, -1, undefined, '22P02 -1 is not a time'],
  ['timestamp', 946_684_800_000_001, -1, undefined, 1n],
  ['timestamp', 946_684_800_001, 3, undefined, 1000n],
  ['timestamp', 946_684_800_000_050, 4, undefined, 100n],
  ['timestamp', -1, -1, undefined, -946_684_800_000_001n],
  ['timestamp', 9_000_000_000_000_000, 3, undefined, 8_999_053_315_200_000_000n],
  [
    'timestamp',
    9_007_199_254_740_992_000,
    3,
    undefined,
    '22P02 9007199254740992000 is not a timestamp',
  ],
  ['timestamp', -9_007_199_254_740_991, 0, undefined, '22P02 -9007199254740991 is not a timestamp'],
  ['timestamptz', '2000-01-01T00:00:00.000001Z', -1, undefined, 1n],
  ['jsonb', '{"b": [1], "a": "x"}', -1, undefined, '{"a": "x", "b": [1]}'],
  ['jsonb', { b: 1 }, -1, undefined, '{"b": 1}'],
  ['jsonb', '"text"', -1, undefined, '"text"'],
  ['jsonb', 'text', -1, undefined, '22P02 the text is not a JSON document'],
  ['jsonb', '', -1, undefined, '22P02 the text is not a JSON document'],
  ['json', ' {"b": 1}', -1, undefined, '{"b": 1}'],
  ['text', '12', -1, undefined, '12'],
] as const)('%s %j', (type, value, modifier, decimals, expected) => {
  expect(cell(type, value, modifier, decimals)).toEqual(expected);
});

test('an interval of microseconds', () => {
  expect(cell('interval', 3_600_000_000)).toMatchObject({ microseconds: 3_600_000_000n });
});

test('a string that can be a decimal and the bytes of one asks which it is', () => {
  const asked = cell('numeric', '1234', numeric(12, 0));
  expect(asked).toContain('DECIMAL HANDLING MODE');
});

test.each([
  ['text', '__debezium_unavailable_value'],
  ['jsonb', '__debezium_unavailable_value'],
  ['jsonb', ['__debezium_unavailable_value']],
  ['jsonb', { __debezium_unavailable_value: '__debezium_unavailable_value' }],
  ['bytea', 'X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=='],
] as const)('%s %j is left out, as an update left it as it was', (type, value) => {
  expect(cell(type, value)).toBe('left out');
});

test('rows tell which of their values were left out, and a bad value is an error all the same', () => {
  const left = '__debezium_unavailable_value';
  const records = [
    record(1, { op: 'u', after: { id: 1, name: left, age: 3 } }),
    record(2, { op: 'u', after: { id: 2, name: 'b', age: left } }),
    record(3, { op: 'u', after: { id: 3, name: left, age: 'x' } }),
    record(4, { op: 'c', after: { id: 4, name: 'd', age: 4 } }),
    record(5, { op: 'd', before: { id: 5, name: left, age: 4 }, after: null }),
  ];
  const { rows, errors, leftOut } = decodeRecords(users, records);
  expect(rows.map(({ kind }) => kind)).toEqual(['row', 'row', 'failed', 'row', 'tombstone']);
  expect(errors.map(({ message }) => message.replace(place, ''))).toEqual([
    'offset 2, field "age": invalid input syntax for type integer: "x"',
  ]);
  expect(leftOut.map(({ row, column }) => [row, column])).toEqual([
    [0, 1],
    [1, 2],
  ]);
  expect(leftOut[0]?.error.message.replace(place, '')).toContain(
    'offset 0, field "name": the update left a TOAST value as it was',
  );
});

test('a placeholder of its own is known, and the usual one is then a value', () => {
  const own: SourceFormat = { ...users, unavailable: 'n/a "x"' };
  const records = ['n/a "x"', '__debezium_unavailable_value'].map((name) =>
    record(1, { op: 'u', after: { id: 1, name, age: 3 } }),
  );
  const { rows, leftOut } = decodeRecords(own, records);
  expect(leftOut.map(({ row, column }) => [row, column])).toEqual([[0, 1]]);
  expect(rows[1]?.row).toEqual([1, '__debezium_unavailable_value', 3]);
});

test('a truncate of a topic of one partition voids the rows before it', () => {
  const truncate = { key: null, value: JSON.stringify(payloadOf({ op: 't' })) };
  const row = (id: number): TestRecord => record(id, { op: 'c', after: { id, name: 'a', age: 1 } });
  const told = decodeRecords(
    users,
    [row(1), truncate, row(2), truncate, row(3)],
    undefined,
    undefined,
    true,
  );
  expect(told.errors).toEqual([]);
  expect(told.rows).toHaveLength(3);
  expect(told.truncated).toBe(2);
});

const connect = 'org.apache.kafka.connect.data';
const debezium = 'io.debezium.time';
const long = (name?: string): object => ({
  type: 'int64',
  ...(name === undefined ? {} : { name }),
});
const decimalOf = (scale: unknown): object => ({
  type: 'bytes',
  name: `${connect}.Decimal`,
  parameters: { scale },
});

/** An event with a schema part that says what the field `c` is. */
function described(field: object, value: unknown): TestRecord {
  const struct = (name: string): object => ({
    type: 'struct',
    fields: [
      { type: 'int32', field: 'id' },
      { ...field, field: 'c' },
    ],
    field: name,
  });
  const event = { type: 'struct', fields: [struct('before'), struct('after')] };
  const payload = payloadOf({ op: 'c', after: { id: 1, c: value } });
  return { key: '{"id":1}', value: JSON.stringify({ schema: event, payload }) };
}

test.each([
  ['timestamp', long(`${debezium}.Timestamp`), 946_684_800_001, -1, 1000n],
  ['timestamp', long(`${connect}.Timestamp`), 946_684_800_001, -1, 1000n],
  ['timestamp', long(`${debezium}.MicroTimestamp`), 946_684_800_000_600, 3, 1000n],
  ['timestamp', long(`${debezium}.NanoTimestamp`), '946684800000001999', -1, 1n],
  ['timestamp', long(`${debezium}.NanoTimestamp`), 999, -1, -946_684_800_000_000n],
  ['timestamp', long(`${debezium}.Date`), 10_958, -1, 86_400_000_000n],
  ['timestamp', long(), 5, -1, '22P02 5 is not a timestamp'],
  ['date', long(`${debezium}.Date`), 10_958, -1, 1],
  ['date', long(`${debezium}.Timestamp`), 1, -1, '22P02 1 is not a date'],
  ['time', long(`${debezium}.Time`), 1, -1, 1000n],
  ['time', long(`${debezium}.MicroTime`), 1, 0, 0n],
  ['time', long(`${debezium}.Date`), 1, -1, '22P02 1 is not a time'],
  ['interval', long(`${debezium}.Timestamp`), 1, -1, '22P02 1 is not an interval'],
  ['int8', long(`${debezium}.Timestamp`), 946_684_800_001, -1, 946_684_800_001n],
  ['numeric', decimalOf('2'), 'BNI=', -1, '12.34'],
  ['numeric', decimalOf('3'), 'BNI=', numeric(10, 2), '1.23'],
  ['numeric', decimalOf('0'), '1234', numeric(10, 0), '-2658824'],
  ['numeric', decimalOf('0'), 'AQAAAAAAAAAA', -1, '18446744073709551616'],
  ['numeric', decimalOf(null), 'BNI=', numeric(10, 2), '12.34'],
  ['numeric', { type: 'string' }, '1234', numeric(10, 0), '1234'],
  ['text', { type: 'string' }, '1234', -1, '1234'],
  ['bytea', { type: 'bytes' }, 'AQ==', -1, Uint8Array.of(1)],
  ['bool', { type: 'int16' }, 1, -1, true],
] as const)('%s by its schema %j: %j', (type, field, value, modifier, expected) => {
  const format = events([column('c', type, { modifier })]);
  const digits = type === 'timestamp' && typeof value === 'string';
  const { value: text } = described(field, digits ? 0 : value);
  const records = [
    record(1, { op: 'c', after: { id: 1, c: null } }),
    { key: '{"id":1}', value: String(text).replace('"c":0', `"c":${value}`) },
  ];
  const { rows, errors } = decodeRecords(format, records);
  const got = errors[0]?.message.replace(`${place}offset 1, field "c": `, '');
  expect(got === undefined ? shown(rows[1]?.row[1]) : `${errors[0]?.code} ${got}`).toEqual(
    expected,
  );
});

test('a schema part counts for its own record', () => {
  const format = events([column('c', 'timestamp')]);
  const millis = described(long(`${debezium}.Timestamp`), 946_684_800_001);
  const micros = described(long(`${debezium}.MicroTimestamp`), 946_684_800_000_001);
  const bare = record(1, { op: 'c', after: { id: 1, c: 946_684_800_000_002 } });
  const records = [millis, micros, bare, millis, millis, bare, micros];
  const { rows, errors } = decodeRecords(format, records);
  expect(errors).toEqual([]);
  expect(rows.map(({ row }) => row[1])).toEqual([1000n, 1n, 2n, 1000n, 1000n, 2n, 1n]);
});

test('keys have schemas too', () => {
  const format = jsonSource(
    [column('d', 'numeric', { origin: { kind: 'field', of: 'key', name: 'd' } })],
    { key: 'JSON', envelope: 'debezium', keyColumns: [0] },
  );
  const of = (scale: string): TestRecord => ({
    key: JSON.stringify({
      schema: { type: 'struct', fields: [{ ...decimalOf(scale), field: 'd' }] },
      payload: { d: 'BNI=' },
    }),
    value: null,
  });
  const { rows } = decodeRecords(format, [of('1'), of('2'), of('2'), of('0')]);
  expect(rows.map(({ row }) => shown(row[0]))).toEqual(['123.4', '12.34', '12.34', '1234']);
});

test('decimals and times at random', () => {
  const random = new Random(20_240_517);
  const format = events([
    column('d', 'numeric', { modifier: numeric(40, 3) }),
    column('at', 'timestamp', { modifier: 3 }),
    column('day', 'date'),
  ]);
  const cases = Array.from({ length: 2_000 }, () => {
    const bits = 1 + random.below(110);
    let unscaled = 0n;
    for (let k = 0; k < bits; k++) unscaled = unscaled * 2n + BigInt(random.below(2));
    if (random.below(2) === 0) unscaled = -unscaled;
    return { unscaled, at: (random.below(2 ** 31) - 2 ** 30) * (1 + random.below(4000)) };
  });
  const { rows, errors } = decodeRecords(
    format,
    cases.map(({ unscaled, at }) =>
      record(1, {
        op: 'c',
        after: { id: 1, d: base64Of(unscaled), at, day: Math.floor(at / 86_400_000) },
      }),
    ),
  );
  // Digits alone could be a decimal's text: such chance needs the option.
  expect(errors).toEqual([]);
  cases.forEach(({ unscaled, at }, k) => {
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(4, '0');
    const text = `${unscaled < 0n ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`;
    const micros = BigInt(at) * 1000n - 946_684_800_000_000n;
    const day = Math.floor(new Date(at).getTime() / 86_400_000) - 10_957;
    expect(rows[k]?.row.map(shown)).toEqual([1, text, micros, day]);
  });
});

/** The shortest two's complement, as Java's BigInteger.toByteArray gives it. */
function base64Of(value: bigint): string {
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length++;
  const hex = BigInt.asUintN(8 * length, value)
    .toString(16)
    .padStart(2 * length, '0');
  return Buffer.from(hex, 'hex').toString('base64');
}

/** What an event means, by `JSON.parse`; null where the reference does not say. */
function plain(text: string): unknown {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return 'failed';
  }
  if (!isObject(document)) return 'failed';
  const { payload = document } = document;
  if (payload === null) return 'tombstone';
  if (!isObject(payload)) return null;
  const { op, after } = payload;
  if (op === 'd') return 'tombstone';
  if (typeof op !== 'string' || !['c', 'r', 'u'].includes(op) || !isObject(after)) return 'failed';
  const { name = null, age = null } = after;
  if (typeof age === 'string') return null;
  if (name !== null && typeof name !== 'string') return 'failed';
  const isAge = age === null || (Number.isInteger(age) && Math.abs(Number(age)) < 2 ** 31);
  return isAge ? [1, name, age] : 'failed';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

test('events with changed bytes are what JSON.parse says', () => {
  const random = new Random(99);
  const format = events([column('name', 'text'), column('age', 'int4')]);
  const texts = Array.from({ length: 6_000 }, () => {
    const op = random.pick(['c', 'u', 'r', 'd', 't', 'x']);
    const after = random.pick([
      null,
      { id: 1, name: 'n', age: random.below(99) },
      { age: -5, extra: [{}] },
      { name: null, age: null },
    ]);
    const payload = payloadOf({ op, after, before: random.pick([null, { op: 'd', after: 1 }]) });
    const bytes = Buffer.from(
      JSON.stringify(
        random.chance(0.5) ? payload : { schema, payload: random.pick([payload, null]) },
      ),
    );
    const changes = random.below(3);
    for (let k = 0; k < changes; k++)
      bytes[random.below(bytes.length)] = random.pick([...Buffer.from('{}[]",:0 1nacd')]);
    return bytes.toString('latin1');
  });
  const { rows } = decodeRecords(
    format,
    texts.map((value) => ({ key: '{"id":1}', value })),
  );
  const seen = new Map<unknown, number>();
  texts.forEach((text, k) => {
    const expected = plain(text);
    if (expected === null) return;
    const found = rows[k];
    const got = found?.kind === 'row' ? found.row : found?.kind;
    expect([text, got]).toEqual([text, expected]);
    const kind = typeof expected === 'string' ? expected : 'row';
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
  });
  for (const kind of ['row', 'failed', 'tombstone'])
    expect(seen.get(kind) ?? 0).toBeGreaterThan(300);
});

test('base64 is what Buffer writes, and nothing else', () => {
  const random = new Random(7);
  for (let length = 0; length < 200; length++) {
    const bytes = Uint8Array.from({ length }, () => random.below(256));
    const text = Buffer.from(Buffer.from(bytes).toString('base64'));
    expect(decodeBase64(text, 0, text.length)).toBe(length);
    expect(text.subarray(0, length)).toEqual(Buffer.from(bytes));
  }
  for (const bad of ['A', 'AB', 'ABC', 'A===', '====', 'AB-_', 'A=BC', 'AB C', 'AAAA=AAA'])
    expect(decodeBase64(Buffer.from(bad), 0, bad.length)).toBe(-1);
});

test("MongoDB's documents are one column, keyed by the text of their id", () => {
  const format = jsonSource(
    [
      column('id', 'text', { origin: { kind: 'field', of: 'key', name: 'id' }, nullable: false }),
      column('data', 'jsonb', { origin: { kind: 'value' }, nullable: false }),
    ],
    { key: 'JSON', envelope: 'debezium', keyColumns: [0] },
  );
  const id = '{"$oid": "596e275826f08b2730779e1f"}';
  const key = JSON.stringify({ id });
  const mongo = (event: object): TestRecord => ({ key, value: JSON.stringify(event) });
  const wrapped = {
    schema: { type: 'struct' },
    payload: { op: 'c', after: '{"_id": 1, "a": "é"}' },
  };
  expect(
    told(format, [
      mongo({ op: 'r', after: '{"b":[1,{}],"_id":{"$oid":"596e275826f08b2730779e1f"}}' }),
      mongo(wrapped),
      mongo({ op: 'u', after: { a: 1 } }),
      mongo({ op: 'd', after: null, source: { collection: 'c' } }),
      mongo({ op: 'u', after: '{' }),
      mongo({ op: 'u', after: null, updateDescription: { updatedFields: '{"a": 2}' } }),
    ]),
  ).toEqual({
    rows: [
      [id, '{"b": [1, {}], "_id": {"$oid": "596e275826f08b2730779e1f"}}'],
      [id, '{"a": "é", "_id": 1}'],
      [id, '{"a": 1}'],
      ['tombstone', id],
      ['failed', id],
      ['failed', id],
    ],
    errors: [
      '22P02 offset 4, field "after": the text is not a JSON document',
      '22P02 offset 5, field "after": it is not an object, but the event has op "u"; capture.mode change_streams_update_full gives documents',
    ],
  });
});
