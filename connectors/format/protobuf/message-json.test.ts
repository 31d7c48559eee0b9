/**
 * Goal: messages within messages are Protobuf's canonical JSON, and well-known types as columns are
 * what they stand for. Method: the JSON that protobufjs makes of the same bytes, over messages with
 * every kind of part, whole and in two pieces; tables of edges.
 */
import protobuf from 'protobufjs';
import { install } from 'protobufjs/ext/protojson.js';
import { describe, expect, test } from 'vitest';
import { parseDatum } from '../../../dataflow/value/text-input.ts';
import { decodeRecords, jsonSource } from '../../../test/support/decode.ts';
import type { SourceFormat } from '../decoder.ts';
import { messageColumns, messageOf } from './columns.ts';
import { parseProtobuf } from './parse.ts';

const files = ['timestamp', 'duration', 'struct', 'wrappers', 'any', 'field_mask', 'empty'];
const schema = `syntax = "proto3"; package p;
${files.map((name) => `import "google/protobuf/${name}.proto";`).join('\n')}
message Outer {
  Inner inner = 1; repeated Inner inners = 2; map<string, Inner> by_name = 3;
  map<int64, double> numbers = 4; google.protobuf.Struct struct = 5;
  google.protobuf.Timestamp at = 6; google.protobuf.Duration lasts = 7;
  google.protobuf.UInt64Value wide = 8; google.protobuf.StringValue word = 9;
  google.protobuf.Any any = 10; map<bool, Color> colors = 11;
}
enum Color { RED = 0; GREEN = 1; }
message Inner {
  int32 a_b = 1; int64 long = 2; uint64 wide = 3; double real = 4; float single = 5; bool flag = 6;
  string text = 7; bytes raw = 8; Color color = 9; repeated int64 longs = 10; optional int32 maybe = 11;
  oneof choice { string left = 12; Deep right = 13; }
  google.protobuf.Timestamp at = 14; google.protobuf.Duration lasts = 15;
  google.protobuf.FieldMask mask = 16; google.protobuf.Empty empty = 17;
  google.protobuf.Int64Value boxed = 18; google.protobuf.Value value = 19;
  google.protobuf.ListValue list = 20; string renamed = 21 [json_name = "other"];
  repeated google.protobuf.BoolValue flags = 22;
}
message Deep { string x = 1; repeated Deepest deepest = 2; }
message Deepest { sint32 y = 1; }
`;

const { root } = protobuf.parse(schema, { keepCase: true });
for (const name of files)
  root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {});
root.resolveAll();
install();
const inner = root.lookupType('p.Inner');
const outer = root.lookupType('p.Outer');

function source(message: string): SourceFormat {
  const columns = messageColumns(messageOf(parseProtobuf(schema), message), 'value');
  const value = { schema, message, framing: 'none' } as const;
  return jsonSource(columns, { value: 'PROTOBUF', protobuf: { value } });
}

/** The columns of Outer with these bytes, or the error. */
function read(bytes: Uint8Array): ReadonlyMap<string, unknown> | string {
  const format = source('p.Outer');
  const { rows, errors } = decodeRecords(format, [{ value: bytes }]);
  if (errors.length > 0) return `${errors[0].code} ${errors[0].message}`;
  return new Map(format.columns.map(({ name }, c) => [name, rows[0].row[c]]));
}

function jsonIn(row: ReturnType<typeof read>, name: string): unknown {
  if (typeof row === 'string') return row;
  const text = row.get(name);
  return typeof text === 'string' ? JSON.parse(text) : text;
}

const big = { low: -1, high: 2 ** 31 - 1, unsigned: false };
const values: readonly object[] = [
  {},
  { a_b: -5, long: big, wide: { low: -1, high: -1, unsigned: true }, flag: true, text: 'é "q"' },
  { real: 1.5, single: 0.5, raw: Buffer.from([0, 255, 62]), color: 1, longs: [1, -2, 3] },
  { real: NaN, single: -Infinity, color: 77, maybe: 0, renamed: 'r' },
  { left: '' },
  { right: { x: 'd', deepest: [{ y: -1 }, {}] } },
  { at: { seconds: 1_700_000_000, nanos: 120_000_000 }, lasts: { seconds: -3, nanos: -5_000 } },
  { at: { seconds: -62_135_596_800, nanos: 0 }, lasts: { seconds: 0, nanos: 1 } },
  { at: { seconds: 253_402_300_799, nanos: 999_999_999 }, lasts: { seconds: 3, nanos: 0 } },
  {
    mask: { paths: ['a_b', 'c.d_e'] },
    empty: {},
    boxed: { value: big },
    flags: [{ value: true }, {}],
  },
  { value: { nullValue: 0 }, list: { values: [{ numberValue: 1.25 }, { stringValue: 's' }] } },
  { value: { structValue: { fields: { a: { listValue: {} }, b: { boolValue: false } } } } },
];

describe('a message in a column', () => {
  test.each(values.map((value) => [value]))('is the JSON of %j', (value) => {
    const expected = inner.toJson(inner.decode(inner.encode(value).finish()));
    const whole = { inner: value, inners: [value, {}], by_name: { k: value } };
    const row = read(outer.encode(whole).finish());
    expect(jsonIn(row, 'inner')).toEqual(expected);
    expect(jsonIn(row, 'inners')).toEqual([expected, {}]);
    expect(jsonIn(row, 'by_name')).toEqual({ k: expected });
  });

  test('in two pieces is the two merged', () => {
    for (const first of values) {
      for (const second of values) {
        const pieces = [{ inner: first }, { inner: second }].map((value) =>
          outer.encode(value).finish(),
        );
        const bytes = new Uint8Array(Buffer.concat(pieces));
        const row = read(bytes);
        let expected: unknown;
        try {
          expected = outer.toJson(outer.decode(bytes));
        } catch {
          // Two durations of different signs are none together.
          expect(row).toContain('interval out of range');
          continue;
        }
        expect({ inner: jsonIn(row, 'inner') }).toEqual(expected);
      }
    }
  });
});

test('maps, wrappers, moments and Any are columns', () => {
  const deep = root.lookupType('p.Deep').encode({ x: 'in any' }).finish();
  const row = read(
    outer
      .encode({
        numbers: { '-5': 1.5 },
        colors: { true: 1 },
        struct: { fields: { a: { numberValue: 2 } } },
        at: { seconds: -1, nanos: 999_999_999 },
        lasts: { seconds: -3, nanos: -500_000 },
        wide: { value: { low: -1, high: -1, unsigned: true } },
        word: {},
        any: { type_url: 'type.googleapis.com/p.Deep', value: deep },
      })
      .finish(),
  );
  expect(row).not.toBeTypeOf('string');
  expect(jsonIn(row, 'numbers')).toEqual({ '-5': 1.5 });
  expect(jsonIn(row, 'colors')).toEqual({ true: 'GREEN' });
  expect(jsonIn(row, 'struct')).toEqual({ a: 2 });
  expect(jsonIn(row, 'any')).toEqual({ '@type': 'type.googleapis.com/p.Deep', x: 'in any' });
  const found = typeof row === 'string' ? new Map<string, unknown>() : row;
  expect(found.get('at')).toEqual(parseDatum('timestamptz', '1969-12-31 23:59:59.999999+00', -1));
  expect(found.get('lasts')).toEqual(parseDatum('interval', '-00:00:03.0005', -1));
  expect(found.get('wide')).toEqual(parseDatum('numeric', '18446744073709551615', -1));
  expect(found.get('word')).toBe('');
  expect(jsonIn(read(new Uint8Array(0)), 'inners')).toEqual([]);
  expect(jsonIn(read(new Uint8Array(0)), 'inner')).toBeNull();
});

describe('is an error, not a row:', () => {
  test.each<[string, string, string]>([
    ['a field without value', '0a', 'cut off'],
    ['a length beyond the end', '0a05', 'cut off'],
    ['field 0', '0001', 'there is no field 0'],
    ['wire type 6', '0e', 'no wire type 6'],
    ['a group that ends only', '0c', 'has not begun'],
    ['a group without end', '0b', 'has no end'],
    ['a number of eleven bytes', '3080808080808080808080' + '01', 'more than 64 bits'],
    ['a timestamp beyond the year 9999', '32070880e8dbb6e0ff7f'.slice(0, 18), 'cut off'],
    ['nanoseconds below zero', '320b10ffffffffffffffffff01', 'timestamp out of range'],
    ['text that is no UTF-8', '4a030a01ff', '22021'],
  ])('%s', (_, hex, message) => {
    expect(read(new Uint8Array(Buffer.from(hex, 'hex')))).toContain(message);
  });
});

test('deep nesting is refused, and does not take the stack', () => {
  // A list in a list in a list …, as values of a Struct.
  let value: Uint8Array = Uint8Array.of();
  for (let k = 0; k < 20_000 && value.length < 60_000; k++) {
    const size = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...size(n >>> 7)]);
    const list = Uint8Array.from([0x0a, ...size(value.length), ...value]);
    value = Uint8Array.from([0x32, ...size(list.length), ...list]);
    if (k > 150) break;
  }
  const entry = Buffer.concat([
    Buffer.from([0x12, (value.length & 127) | 128, value.length >> 7]),
    value,
  ]);
  const struct = Buffer.concat([
    Buffer.from([0x0a, (entry.length & 127) | 128, entry.length >> 7]),
    entry,
  ]);
  const bytes = Buffer.concat([
    Buffer.from([0x2a, (struct.length & 127) | 128, struct.length >> 7]),
    struct,
  ]);
  expect(read(new Uint8Array(bytes))).toContain('protobufDepthMax');
});
