/** What is fuzzed: sources of each format with records that they read, for mutations to start at. */
import avro from 'avsc';
import protobuf from 'protobufjs';
import { schemaColumns } from '../../connectors/format/avro/columns.ts';
import { parseSchema } from '../../connectors/format/avro/parse.ts';
import { WriterSchemas } from '../../connectors/format/avro/writers.ts';
import type { SourceFormat } from '../../connectors/format/decoder.ts';
import { messageColumns, messageOf } from '../../connectors/format/protobuf/columns.ts';
import { parseProtobuf } from '../../connectors/format/protobuf/parse.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import { column, jsonSource } from '../support/decode.ts';

/** A source, its writers' schemas, and values that it reads. */
export interface Target {
  readonly name: string;
  readonly format: SourceFormat;
  readonly writers: WriterSchemas;
  readonly seeds: readonly Uint8Array[];
}

const types: readonly TypeName[] = [
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'text',
  'bytea',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'interval',
  'uuid',
  'jsonb',
];
const texts = [
  'true',
  '-32768',
  '2147483647',
  '9223372036854775807',
  '1.5',
  '-1e-300',
  '12345678901234567890.50',
  'é "quoted" text',
  '\\x00ff',
  '2024-02-29',
  '23:59:59.999999',
  '1999-12-31 23:59:59',
  '2024-01-01T00:00:00+02:00',
  '1 year 2 mons 3 days 04:05:06',
  '00112233-4455-6677-8899-aabbccddeeff',
  '{"a": [1, {"b": null}, 1.50], "c": "\\u00e9"}',
];

/** The schema of Avro that is fuzzed. */
export const avroText = JSON.stringify({
  type: 'record',
  name: 'All',
  fields: [
    { name: 'a', type: 'long' },
    { name: 'b', type: ['null', 'string', 'double'] },
    { name: 'c', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
    { name: 'd', type: { type: 'enum', name: 'Color', symbols: ['RED', 'GREEN'] } },
    { name: 'e', type: { type: 'array', items: ['null', 'int'] } },
    { name: 'f', type: { type: 'map', values: { type: 'array', items: 'string' } } },
    { name: 'g', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'h', type: { type: 'fixed', name: 'Four', size: 4 } },
    { name: 'i', type: { type: 'record', name: 'In', fields: [{ name: 'x', type: 'float' }] } },
    { name: 'j', type: 'boolean' },
  ],
});

/** The schema of Protobuf that is fuzzed. */
export const protobufText = `syntax = "proto3"; package p;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
message All {
  int64 a = 1; string b = 2; repeated sint32 c = 3; map<string, In> d = 4;
  oneof e { uint64 e1 = 5; In e2 = 6; bytes e3 = 7; }
  google.protobuf.Timestamp f = 8; google.protobuf.Duration g = 9;
  google.protobuf.Struct h = 10; google.protobuf.Int64Value i = 11;
  Color j = 12; repeated In k = 13; fixed64 l = 1000; float m = 15;
  enum Color { RED = 0; GREEN = 5; }
  message In { string x = 1; repeated double y = 2; Deep z = 3; }
  message Deep { optional bool t = 1; repeated string u = 2; }
}`;

const framed = (bytes: Uint8Array, way: readonly number[]): Uint8Array =>
  Uint8Array.from([0, 0, 0, 0, 1, ...way, ...bytes]);

function avroTarget(): Target {
  const type = avro.Type.forSchema(JSON.parse(avroText), { wrapUnions: true });
  const seeds = [0, 1, 2].map((k) =>
    framed(
      type.toBuffer({
        a: 10 ** (5 * k),
        b: k === 0 ? null : k === 1 ? { string: 'é text' } : { double: 1.5 },
        c: Buffer.from([1, 2, 3]),
        d: 'GREEN',
        e: [{ int: 1 }, null, { int: -70_000 }],
        f: { key: ['one', 'two'] },
        g: 1_700_000_000_000_000,
        h: Buffer.from([1, 2, 3, 4]),
        i: { x: 2.5 },
        j: true,
      }),
      [],
    ),
  );
  const writers = new WriterSchemas();
  writers.set(1, { text: avroText });
  const columns = schemaColumns(parseSchema(avroText), 'value', 'data');
  const value = { schema: avroText, framing: 'registry' } as const;
  const format = jsonSource(columns, { value: 'AVRO', avro: { value } });
  return { name: 'avro', format, writers, seeds };
}

function protobufTarget(): Target {
  const { root } = protobuf.parse(protobufText, { keepCase: true });
  for (const name of ['timestamp', 'duration', 'struct', 'wrappers'])
    root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {});
  const type = root.lookupType('p.All');
  const inner = { x: 'é', y: [1.5, -2], z: { t: false, u: ['a', 'b'] } };
  const one = {
    a: -5,
    b: 'text',
    c: [1, -2, 300_000],
    d: { k: inner },
    e2: inner,
    f: { seconds: 1_700_000_000, nanos: 5_000 },
    g: { seconds: 3, nanos: 7 },
    h: { fields: { n: { numberValue: 1.5 }, s: { listValue: { values: [{ boolValue: true }] } } } },
    i: { value: 7 },
    j: 5,
    k: [inner, {}],
    l: 9,
    m: 0.5,
  };
  const seeds = [
    framed(type.encode(one).finish(), [0]),
    framed(type.encode({ e1: 77, j: 1 }).finish(), [2, 0]),
    framed(type.encode({ e3: Buffer.from('abc') }).finish(), [0]),
  ];
  const writers = new WriterSchemas();
  writers.set(1, { text: protobufText, type: 'PROTOBUF' });
  const columns = messageColumns(messageOf(parseProtobuf(protobufText), 'p.All'), 'value');
  const value = { schema: protobufText, message: 'p.All', framing: 'registry' } as const;
  const format = jsonSource(columns, { value: 'PROTOBUF', protobuf: { value } });
  return { name: 'protobuf', format, writers, seeds };
}

/** All of them. */
export function targets(): readonly Target[] {
  const writers = new WriterSchemas();
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const names = types.map((type) => `f_${type}`);
  const columns = types.map((type, k) => column(names[k], type));
  const quotes = texts.map((text) => `"${text.replaceAll('"', '""')}"`).join();
  const strings = texts.map((text, k) => `"${names[k]}": ${JSON.stringify(text)}`).join();
  const plain = '{"f_bool":true,"f_int4":-5,"f_float8":1.5e3,"f_numeric":0.10,"f_jsonb":[{}]}';
  const usual = { delimiter: ',', quote: '"', escape: '"', null: '' };
  const json = [utf8(`{${strings}}`), utf8(plain)];
  const event = `{"before": null, "after": ${plain}, "op": "c", "source": {}}`;
  const own = column('data', 'jsonb', { origin: { kind: 'value' } });
  const text = column('text', 'text', { origin: { kind: 'value' } });
  return [
    avroTarget(),
    protobufTarget(),
    { name: 'json', format: jsonSource(columns), writers, seeds: json },
    { name: 'jsonb', format: jsonSource([own]), writers, seeds: [...json, utf8(event)] },
    { name: 'text', format: jsonSource([text], { value: 'TEXT' }), writers, seeds: json },
    {
      name: 'csv',
      format: jsonSource(columns, { value: 'CSV', csv: { value: { ...usual, names } } }),
      writers,
      seeds: [utf8(quotes), utf8(`${','.repeat(types.length - 1)}\r\n`)],
    },
  ];
}
