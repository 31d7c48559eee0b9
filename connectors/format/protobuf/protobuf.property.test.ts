/**
 * Goal: messages are read as protobufjs reads them, whatever columns are wanted. Method: random
 * values of every kind of field, proto2 and proto3, written by protobufjs; fields come in any order
 * and more than once; what comes out is compared with what protobufjs decodes, turned into datums by
 * plain code that knows nothing of ours. Broken bytes give a row or an error, where protobufjs takes
 * them too or refuses them too.
 */
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { decimal } from '../../../dataflow/value/datum.ts';
import { decodeRecords, jsonSource } from '../../../test/support/decode.ts';
import { Random } from '../../../test/support/random.ts';
import type { SourceFormat } from '../decoder.ts';
import { messageColumns, messageOf } from './columns.ts';
import { parseProtobuf } from './parse.ts';

const scalars = [
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'bool',
  'string',
  'bytes',
] as const;
type Scalar = (typeof scalars)[number];

const fields = (label: string, from: number, prefix: string): string =>
  scalars.map((type, k) => `${label} ${type} ${prefix}_${type} = ${from + k};`).join('\n');

const proto3 = `syntax = "proto3"; package p;
message Wide {
${fields('', 1, 'a')}
${fields('optional', 101, 'b')}
${fields('repeated', 1001, 'c')}
oneof choice {
${fields('', 201, 'd')}
  Color d_color = 216;
}
Color color = 301;
repeated Color colors = 302;
enum Color { RED = 0; GREEN = 1; BLUE = -5; }
}`;
const proto2 = `syntax = "proto2"; package p;
message Wide {
${fields('optional', 1, 'a')}
${fields('required', 101, 'b')}
${fields('repeated', 1001, 'c')}
optional int32 plus = 20 [default = -7];
optional string word = 21 [default = "hello"];
optional Color color = 22 [default = GREEN];
enum Color { RED = 3; GREEN = 1; }
}`;

function sourceOf(schema: string): SourceFormat {
  const reading = { schema, message: 'p.Wide', framing: 'none' } as const;
  const columns = messageColumns(messageOf(parseProtobuf(schema), 'p.Wide'), 'value');
  return jsonSource(columns, { value: 'PROTOBUF', protobuf: { value: reading } });
}

function randomWide(random: Random, unsigned: boolean): string {
  const bits = BigInt(random.pick([0, 1, 7, 8, 31, 32, 33, 53, 62, 63, 64]));
  const half = (): bigint => BigInt(random.pick([0, 2 ** 32 - 1, random.below(2 ** 32)]));
  const word = (half() << 32n) | half();
  const value = bits === 0n ? 0n : word >> (64n - bits);
  return String(unsigned ? value : BigInt.asIntN(64, value));
}

/** What protobufjs takes for 64 bits. */
function longOf(text: string, unsigned: boolean): object {
  const value = BigInt(text);
  const half = (shift: bigint): number => Number(BigInt.asIntN(32, value >> shift));
  return { low: half(0n), high: half(32n), unsigned };
}

function randomValue(random: Random, type: Scalar): unknown {
  switch (type) {
    case 'double':
      return random.pick([0, -0, 1.5, -1e300, 5e-324, Infinity, random.below(1e6) / 7]);
    case 'float':
      return Math.fround(random.pick([0, -0, 1.5, 3e38, random.below(1e6) / 7]));
    case 'bool':
      return random.chance(0.5);
    case 'string':
      return random.pick([
        '',
        'a',
        'é😀',
        'plain text of some length',
        'x'.repeat(random.below(300)),
      ]);
    case 'bytes':
      return Buffer.from(Array.from({ length: random.below(9) }, () => random.below(256)));
    case 'uint32':
    case 'fixed32':
      return Number(BigInt.asUintN(32, BigInt(randomWide(random, true))));
    case 'uint64':
    case 'fixed64':
      return longOf(randomWide(random, true), true);
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return longOf(randomWide(random, false), false);
    default:
      return Number(BigInt.asIntN(32, BigInt(randomWide(random, false))));
  }
}

function randomMessage(random: Random, type: protobuf.Type, density: number): object {
  const message: Record<string, unknown> = {};
  const branch = random.pick(type.oneofs?.['choice']?.oneof ?? ['']);
  for (const field of type.fieldsArray) {
    const isBranch = field.partOf !== null && !field.partOf.isProto3Optional;
    if (isBranch ? field.name !== branch : !field.required && !random.chance(density)) continue;
    const one = (): unknown => {
      const scalar = scalars.find((name) => name === field.type);
      return scalar === undefined
        ? random.pick(
            type.root.lookupEnum('p.Wide.Color').values['RED'] === 3 ? [1, 3] : [0, 1, -5, 77],
          )
        : randomValue(random, scalar);
    };
    message[field.name] = field.repeated ? Array.from({ length: random.below(5) }, one) : one();
  }
  return message;
}

/** What a value that protobufjs has decoded is in a column. */
function datumOf(field: protobuf.Field, value: unknown): Datum {
  if (Array.isArray(value)) {
    // What protobufjs has for no bytes.
    if (!field.repeated) return new Uint8Array(0);
    const items: readonly unknown[] = value;
    return { kind: 'array', elements: items.map((item) => datumOf(field, item)) };
  }
  const { resolvedType, type } = field;
  if (resolvedType instanceof protobuf.Enum)
    return resolvedType.valuesById[Number(value)] ?? String(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (type === 'uint32' || type === 'fixed32') return BigInt(Number(value));
  if (type.endsWith('64')) {
    const wide = BigInt(String(value));
    return type.startsWith('u') || type.startsWith('f') ? decimal(wide, 0) : wide;
  }
  return Number(value);
}

/** The row that protobufjs sees; null if it refuses the bytes. */
function reference(type: protobuf.Type, bytes: Uint8Array): Datum[] | null {
  let decoded: Record<string, unknown>;
  try {
    decoded = type.decode(bytes);
  } catch {
    return null;
  }
  return type.fieldsArray.map((field) => {
    const isThere = Object.hasOwn(decoded, field.name);
    const isBranch = field.partOf !== null;
    const hasNull = (field.hasPresence || isBranch) && field.options?.['default'] === undefined;
    if (!isThere && hasNull && !field.repeated) return null;
    return datumOf(field, decoded[field.name]);
  });
}

describe.each([
  ['proto3', proto3],
  ['proto2', proto2],
])('%s', (name, schema) => {
  const { root } = protobuf.parse(schema, { keepCase: true });
  root.resolveAll();
  const type = root.lookupType('p.Wide');
  const source = sourceOf(schema);

  test('gives the rows that protobufjs gives', () => {
    const random = new Random(name === 'proto3' ? 3 : 4);
    for (let round = 0; round < 60; round++) {
      const density = random.pick([0, 0.1, 0.5, 1]);
      const values = Array.from({ length: 8 }, () => {
        const bytes = [type.encode(randomMessage(random, type, density)).finish()];
        // Two messages one after the other are one, merged.
        if (random.chance(0.3)) bytes.push(type.encode(randomMessage(random, type, 0.3)).finish());
        if (random.chance(0.3)) bytes.push(unknownFields);
        return new Uint8Array(Buffer.concat(random.chance(0.5) ? bytes.reverse() : bytes));
      });
      const wanted = source.columns.flatMap((_, c) => (random.chance(density + 0.1) ? [c] : []));
      if (wanted.length === 0) continue;
      const { rows, errors } = decodeRecords(
        source,
        values.map((value) => ({ value })),
        wanted,
      );
      expect(errors).toEqual([]);
      const expected = values.map((value) => {
        const row = reference(type, value) ?? [];
        return wanted.map((c) => row[c]);
      });
      expect(rows.map(({ row }) => row)).toEqual(expected);
    }
  });

  test('refuses broken bytes, or reads them as protobufjs does', () => {
    const random = new Random(name === 'proto3' ? 5 : 6);
    const isClosed = name === 'proto2';
    let [taken, refused] = [0, 0];
    for (let round = 0; round < 400; round++) {
      const bytes = type.encode(randomMessage(random, type, 0.3)).finish();
      const broken = new Uint8Array(
        bytes.subarray(0, random.chance(0.3) ? random.below(bytes.length + 1) : bytes.length),
      );
      for (let k = random.below(3); k > 0 && broken.length > 0; k--)
        broken[random.below(broken.length)] = random.below(256);
      const { rows, errors } = decodeRecords(source, [{ value: broken }]);
      expect(rows.length + errors.length).toBe(1);
      const expected = reference(type, broken);
      if (expected !== null && rows.length === 1) {
        // An unknown number of a closed enum is no field to protobufjs; here it is its number.
        const row = rows[0].row.map((datum, c) =>
          isClosed && source.columns[c].name === 'color' ? expected[c] : datum,
        );
        expect(row).toEqual(expected);
        taken++;
      } else if (rows.length === 0) refused++;
    }
    expect(Math.min(taken, refused)).toBeGreaterThan(20);
  });
});

/** A varint, a fixed, bytes, and a group with a group in it, of fields that nobody has. */
const unknownFields = new Uint8Array(
  Buffer.from(
    'c0bb018502' + 'c5bb0101020304' + 'c2bb0103616263' + 'c3bb010801130805' + '14c4bb01',
    'hex',
  ),
);
