/**
 * Goal: the columns that a schema gives, values at the edges of every type, resolution of schemas
 * that do not agree, and what is said of records that are wrong. Method: records by hand or by avsc
 * through the decoder; expectations written down.
 */
import avro from 'avsc';
import { describe, expect, it } from 'vitest';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { formatDatum } from '../../../dataflow/value/text-output.ts';
import { decodeRecords } from '../../../test/support/decode.ts';
import { limits } from '../../../src/base/limits.ts';
import type { SourceFormat } from '../decoder.ts';
import { decimalBytes } from './avro.reference.ts';
import { schemaColumns } from './columns.ts';
import { parseSchema } from './parse.ts';
import { WriterSchemas } from './writers.ts';

function record(...fields: readonly object[]): object {
  return { type: 'record', name: 'R', fields };
}

function field(type: unknown, name = 'f', more: object = {}): object {
  return { name, type, ...more };
}

function formatOf(schema: object | string, more: Partial<SourceFormat> = {}): SourceFormat {
  const text = JSON.stringify(schema);
  return {
    key: null,
    value: 'AVRO',
    envelope: 'none',
    columns: schemaColumns(parseSchema(text), 'value', 'data'),
    avro: { value: { schema: text, framing: 'none' } },
    keyColumns: [],
    ...more,
  };
}

/** What the bytes of one field become: text, or the error's code and message. */
function read(type: unknown, bytes: readonly number[]): string {
  const format = formatOf(record(field(type)));
  const { rows, errors } = decodeRecords(format, [{ value: Uint8Array.from(bytes) }]);
  const [error] = errors;
  if (error !== undefined) return `${error.code} ${error.message}`;
  const [column] = format.columns;
  const datum: Datum = rows[0]?.row[0] ?? null;
  return datum === null || column === undefined
    ? 'NULL'
    : formatDatum(column.type, datum, column.modifier);
}

/** A long in Avro's encoding. */
function long(value: bigint): number[] {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

describe('columns of a schema', () => {
  const of = (schema: object | string): readonly string[] =>
    schemaColumns(parseSchema(JSON.stringify(schema)), 'value', 'data').map(
      ({ name, type, modifier, nullable }) =>
        `${name} ${type}${modifier < 0 ? '' : `(${modifier})`}${nullable ? '' : ' NOT NULL'}`,
    );

  it.each([
    ['boolean', 'f bool NOT NULL'],
    ['int', 'f int4 NOT NULL'],
    ['long', 'f int8 NOT NULL'],
    ['float', 'f float4 NOT NULL'],
    ['double', 'f float8 NOT NULL'],
    ['bytes', 'f bytea NOT NULL'],
    ['string', 'f text NOT NULL'],
    ['null', 'f text'],
    [['null', 'long'], 'f int8'],
    [['long', 'null'], 'f int8'],
    [{ type: 'array', items: 'int' }, 'f _int4 NOT NULL'],
    [{ type: 'array', items: ['null', 'string'] }, 'f _text NOT NULL'],
    [{ type: 'array', items: { type: 'array', items: 'int' } }, 'f jsonb NOT NULL'],
    [{ type: 'array', items: ['int', 'string'] }, 'f jsonb NOT NULL'],
    [{ type: 'map', values: 'int' }, 'f jsonb NOT NULL'],
    [{ type: 'record', name: 'S', fields: [] }, 'f jsonb NOT NULL'],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, 'f text NOT NULL'],
    [{ type: 'fixed', name: 'F', size: 3 }, 'f bytea NOT NULL'],
    [
      { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 },
      'f numeric(655366) NOT NULL',
    ],
    [{ type: 'bytes', logicalType: 'decimal', precision: 2000 }, 'f numeric NOT NULL'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 1, scale: 2 }, 'f bytea NOT NULL'],
    [{ type: 'string', logicalType: 'uuid' }, 'f uuid NOT NULL'],
    [{ type: 'fixed', name: 'U', size: 16, logicalType: 'uuid' }, 'f uuid NOT NULL'],
    [{ type: 'fixed', name: 'D', size: 12, logicalType: 'duration' }, 'f interval NOT NULL'],
    [{ type: 'fixed', name: 'D', size: 11, logicalType: 'duration' }, 'f bytea NOT NULL'],
    [{ type: 'int', logicalType: 'date' }, 'f date NOT NULL'],
    [{ type: 'int', logicalType: 'time-millis' }, 'f time NOT NULL'],
    [{ type: 'long', logicalType: 'time-micros' }, 'f time NOT NULL'],
    [{ type: 'long', logicalType: 'timestamp-nanos' }, 'f timestamptz NOT NULL'],
    [{ type: 'long', logicalType: 'local-timestamp-millis' }, 'f timestamp NOT NULL'],
    [{ type: 'string', logicalType: 'unheard-of' }, 'f text NOT NULL'],
  ])('%j', (type, expected) => {
    expect(of(record(field(type)))).toEqual([expected]);
  });

  it('are one a branch for a union of several types', () => {
    const union = ['null', 'string', { type: 'record', name: 'a.b.Point', fields: [] }, 'long'];
    expect(of(record(field(union), field('int', 'f_string')))).toEqual([
      'f_string text',
      'f_Point jsonb',
      'f_long int8',
      'f_string_ int4 NOT NULL',
    ]);
  });

  it('are one for a schema that is no record', () => {
    expect(of('string')).toEqual(['data text NOT NULL']);
    expect(of(['null', 'int'])).toEqual(['data int4']);
  });

  it('cannot be of a recursive type', () => {
    const list = { type: 'record', name: 'a.List', fields: [field(['null', 'a.List'], 'next')] };
    expect(() => of(record(field(list)))).toThrow(
      'the recursive Avro type "List" is not supported',
    );
  });
});

describe('values at their edges', () => {
  it.each([
    ['int', long(2n ** 31n - 1n), '2147483647'],
    ['int', long(-(2n ** 31n)), '-2147483648'],
    ['int', long(2n ** 31n), 'is no int of 32 bits'],
    ['long', long(2n ** 63n - 1n), '9223372036854775807'],
    ['long', long(-(2n ** 63n)), '-9223372036854775808'],
    ...[27n, 28n, 34n, 35n, 41n, 48n, 53n, 55n, 56n, 61n, 62n].flatMap((bits) =>
      [2n ** bits - 1n, 2n ** bits + 1n, -(2n ** bits), -(2n ** bits) - 1n].map(
        (value): [string, number[], string] => ['long', long(value), String(value)],
      ),
    ),
    ['long', [...Array<number>(9).fill(255), 2], 'an integer has more than 64 bits'],
    ['long', Array<number>(11).fill(128), 'an integer has more than 64 bits'],
    ['boolean', [1], 't'],
    ['boolean', [2], '22P03 topic "t", partition 0, offset 0, field "f": 2 is no Boolean'],
    ['float', [0, 0, 192, 127], 'NaN'],
    ['double', [0, 0, 0, 0, 0, 0, 240, 255], '-Infinity'],
    ['string', [6, 0xe2, 0x82, 0xac], '€'],
    ['string', [4, 0xc3, 0x28], '22021'],
    ['string', [4, 65, 0], '22021'],
    ['string', [8, 65], 'the record is cut off'],
    ['string', [1], 'is no length'],
    ['bytes', [4, 0, 255], '\\x00ff'],
    ['bytes', [], 'the record is cut off'],
    ['int', [2, 2], '22P03 topic "t", partition 0, offset 0: 1 bytes follow the record'],
  ])('%s %j', (type, bytes, expected) => {
    expect(read(type, bytes)).toContain(expected);
  });

  const money = { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 };
  const wide = { type: 'bytes', logicalType: 'decimal', precision: 60, scale: 10 };
  const bytesOf = (value: bigint): number[] => {
    const bytes = decimalBytes(value);
    return [...long(BigInt(bytes.length)), ...bytes];
  };
  it.each([
    [money, bytesOf(9999n), '99.99'],
    [money, bytesOf(-9999n), '-99.99'],
    [money, bytesOf(0n), '0.00'],
    [money, bytesOf(10_000n), '22003'],
    [money, [0], 'a decimal has no bytes'],
    [money, [6, 0, 0, 1], '0.01'],
    [wide, bytesOf(10n ** 59n), `${10n ** 49n}.0000000000`],
    [wide, bytesOf(-(10n ** 60n)), '22003'],
    [{ type: 'int', logicalType: 'date' }, long(0n), '1970-01-01'],
    [{ type: 'int', logicalType: 'date' }, long(-2_440_588n), '4714-11-24 BC'],
    [{ type: 'int', logicalType: 'date' }, long(-2_500_000n), '22008'],
    [{ type: 'int', logicalType: 'time-millis' }, long(86_399_999n), '23:59:59.999'],
    [{ type: 'int', logicalType: 'time-millis' }, long(86_400_001n), '22008'],
    [{ type: 'long', logicalType: 'time-micros' }, long(86_400_000_000n), '24:00:00'],
    [{ type: 'long', logicalType: 'time-micros' }, long(-1n), '22008'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, long(-1n), '1969-12-31 23:59:59.999+00'],
    [{ type: 'long', logicalType: 'timestamp-micros' }, long(1n), '1970-01-01 00:00:00.000001+00'],
    [{ type: 'long', logicalType: 'timestamp-nanos' }, long(-1n), '1969-12-31 23:59:59.999999+00'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, long(2n ** 62n), '22008'],
    [
      { type: 'long', logicalType: 'timestamp-micros' },
      long(2n ** 63n - 1n),
      '294247-01-10 04:00:54.775807+00',
    ],
    [{ type: 'long', logicalType: 'timestamp-micros' }, long(-(2n ** 63n)), '22008'],
    [{ type: 'long', logicalType: 'local-timestamp-micros' }, long(0n), '1970-01-01 00:00:00'],
    [
      { type: 'fixed', name: 'D', size: 12, logicalType: 'duration' },
      [1, 0, 0, 0, 2, 0, 0, 0, 232, 3, 0, 0],
      '1 mon 2 days 00:00:01',
    ],
    [
      { type: 'fixed', name: 'D', size: 12, logicalType: 'duration' },
      [0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0],
      '22008',
    ],
    [{ type: 'string', logicalType: 'uuid' }, [4, 65, 65], '22P02'],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, [2], 'B'],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, [4], 'there is no symbol 2'],
    [['null', 'int'], [0], 'NULL'],
    [['null', 'int'], [2, 6], '3'],
    [['null', 'int'], [4, 6], 'there is no branch 2'],
    [{ type: 'array', items: ['null', 'int'] }, [4, 0, 2, 4, 0], '{NULL,2}'],
    [{ type: 'array', items: 'int' }, [3, 4, 2, 4, 2, 6, 0], '{1,2,3}'],
    [{ type: 'map', values: 'int' }, [4, 2, 98, 2, 2, 97, 4, 0], '{"a": 2, "b": 1}'],
    [{ type: 'map', values: 'double' }, [2, 2, 97, 0, 0, 0, 0, 0, 0, 248, 127, 0], '{"a": "NaN"}'],
    [{ type: 'array', items: 'null' }, [...long(2n ** 40n), 0], 'a block has'],
  ])('%j %j', (type, bytes, expected) => {
    expect(read(type, bytes)).toContain(expected);
  });

  it('are bounded in number and depth', () => {
    let deep: unknown = 'int';
    for (let k = 0; k <= limits.avroSchemaDepthMax; k++) deep = { type: 'array', items: deep };
    expect(() => parseSchema(JSON.stringify(deep))).toThrow('avroSchemaDepthMax');
    expect(() => parseSchema(JSON.stringify(Array(60_000).fill('int')))).toThrow(
      'avroSchemaPartsMax',
    );
    expect(() => parseSchema(' '.repeat(limits.avroSchemaUnitsMax + 1))).toThrow(
      'avroSchemaUnitsMax',
    );
    const empty = { type: 'record', name: 'E', fields: [] };
    const list = { type: 'array', items: { type: 'array', items: empty } };
    const block = long(-900_000n);
    const bytes = [4, ...block, 0, 0, ...block, 0, 0, 0];
    expect(read(list, bytes)).toContain('avroValuesMax');
  });
});

/** What records of a writer become by a reader: rows, or messages of errors. */
function resolve(writer: object, reader: object, values: readonly object[]): readonly unknown[] {
  const type = avro.Type.forSchema(JSON.parse(JSON.stringify(writer)), { wrapUnions: true });
  const writers = new WriterSchemas();
  writers.set(9, { text: JSON.stringify(writer) });
  const format = formatOf(reader, {
    avro: { value: { schema: JSON.stringify(reader), framing: 'registry' } },
  });
  const records = values.map((value) => ({
    value: Uint8Array.from([0, 0, 0, 0, 9, ...type.toBuffer(value)]),
  }));
  const all = format.columns.map((_, c) => c);
  const { rows, errors } = decodeRecords(format, records, all, writers);
  return [...rows.map(({ row }) => row), ...errors.map(({ message }) => message)];
}

describe('resolution', () => {
  const where = 'topic "t", partition 0, offset';

  it('names schema and field where schemas do not agree', () => {
    expect(resolve(record(field('string')), record(field('int')), [{ f: 'x' }])).toEqual([
      `${where} 0, field "f": string cannot be read as int (written with schema 9)`,
    ]);
    expect(resolve(record(field('int', 'g')), record(field('int')), [{ g: 1 }])).toEqual([
      `${where} 0, field "f": it is missing there and has no default (written with schema 9)`,
    ]);
  });

  it('fails only for the branches that do not fit', () => {
    const writer = record(field(['null', 'int', 'string']));
    expect(
      resolve(writer, record(field('long')), [
        { f: { int: 5 } },
        { f: null },
        { f: { string: 's' } },
      ]),
    ).toEqual([
      [5n],
      `${where} 1, field "f": null cannot be read as long (written with schema 9)`,
      `${where} 2, field "f": string cannot be read as long (written with schema 9)`,
    ]);
  });

  it('reads units of time as they were written, and refuses another scale', () => {
    const millis = { type: 'long', logicalType: 'timestamp-millis' };
    const micros = { type: 'long', logicalType: 'timestamp-micros' };
    expect(resolve(record(field(millis)), record(field(micros)), [{ f: 1000 }])).toEqual([
      [1_000_000n - 946_684_800_000_000n],
    ]);
    const decimal = (scale: number): object => ({
      type: 'bytes',
      logicalType: 'decimal',
      precision: 9,
      scale,
    });
    expect(
      resolve(record(field(decimal(2))), record(field(decimal(3))), [{ f: Buffer.from([1]) }]),
    ).toEqual([
      `${where} 0, field "f": decimal of scale 2 cannot be read with 3 (written with schema 9)`,
    ]);
  });

  it('takes symbols that are unknown for the default of the enum', () => {
    const of = (symbols: readonly string[], more: object = {}): object =>
      record(field({ type: 'enum', name: 'E', symbols, ...more }));
    const writer = of(['A', 'C']);
    expect(resolve(writer, of(['A', 'B'], { default: 'B' }), [{ f: 'C' }])).toEqual([['B']]);
    expect(resolve(writer, of(['A', 'B']), [{ f: 'A' }, { f: 'C' }])).toEqual([
      ['A'],
      `${where} 1, field "f": symbol 1 of the writer is unknown to enum E (written with schema 9)`,
    ]);
  });

  it('fills defaults of every kind, inside records too', () => {
    const reader = record(
      field('int', 'a'),
      field(['null', 'string'], 'b', { default: null }),
      field({ type: 'array', items: 'int' }, 'c', { default: [1, 2] }),
      field({ type: 'map', values: 'string' }, 'd', { default: { k: 'v' } }),
      field({ type: 'enum', name: 'E', symbols: ['X', 'Y'] }, 'e', { default: 'Y' }),
      field(
        {
          type: 'record',
          name: 'S',
          fields: [field('int', 'p'), field('string', 'q', { default: 'dflt' })],
        },
        's',
      ),
      field('double', 'z', { default: 1.5 }),
    );
    const writer = record(
      field({ type: 'record', name: 'S', fields: [field('string', 'x'), field('int', 'p')] }, 's'),
      field('int', 'a'),
    );
    expect(resolve(writer, reader, [{ a: 4, s: { x: 'gone', p: 6 } }])).toEqual([
      [
        4,
        null,
        { kind: 'array', elements: [1, 2] },
        '{"k": "v"}',
        'Y',
        '{"p": 6, "q": "dflt"}',
        1.5,
      ],
    ]);
  });

  it('passes a recursive type that nobody reads', () => {
    const list = {
      type: 'record',
      name: 'List',
      fields: [field('int', 'head'), field(['null', 'List'], 'tail')],
    };
    const value = { head: 1, tail: { List: { head: 2, tail: { List: { head: 3, tail: null } } } } };
    expect(
      resolve(record(field(list, 'l'), field('int', 'n')), record(field('int', 'n')), [
        { l: value, n: 7 },
      ]),
    ).toEqual([[7]]);
  });
});

describe('frames', () => {
  const format = formatOf(record(field('int')), {
    avro: { value: { schema: JSON.stringify(record(field('int'))), framing: 'registry' } },
  });

  it('that name no schema, or one that cannot be used, are errors', () => {
    const writers = new WriterSchemas();
    writers.set(1, { text: '{"type": "nonsense"}' });
    writers.set(2, { text: null, reason: 'the registry does not have it' });
    const records = [[], [0, 0, 0, 0], [1, 0, 0, 0, 1, 2], [0, 0, 0, 0, 1, 2], [0, 0, 0, 0, 2, 2]];
    const { rows, errors } = decodeRecords(
      format,
      records.map((value) => ({ value: Uint8Array.from(value) })),
      [0],
      writers,
    );
    expect(rows).toEqual([]);
    expect(errors.map(({ message }) => message.split(': ').slice(1).join(': '))).toEqual([
      'the record does not begin with the number of a schema',
      'the record does not begin with the number of a schema',
      'the record does not begin with the number of a schema',
      'schema 1 cannot be used: unknown type: "nonsense"',
      'schema 2 cannot be used: the registry does not have it',
    ]);
  });

  it('of a schema that becomes known are read from then on', () => {
    const writers = new WriterSchemas();
    const records = [{ value: Uint8Array.from([0, 0, 0, 1, 0, 2]) }];
    writers.set(256, { text: null, reason: 'not yet' });
    expect(decodeRecords(format, records, [0], writers).errors.length).toBe(1);
    writers.set(256, { text: JSON.stringify(record(field('int'))) });
    expect(decodeRecords(format, records, [0], writers).rows).toEqual([{ row: [1], kind: 'row' }]);
  });

  it('may change from record to record', () => {
    const writers = new WriterSchemas();
    writers.set(1, { text: JSON.stringify(record(field('int'))) });
    writers.set(2, { text: JSON.stringify(record(field('int', 'more'), field('int'))) });
    const records = Array.from({ length: 3000 }, (_, k) => ({
      value: Uint8Array.from(k % 7 < 3 ? [0, 0, 0, 0, 1, 2] : [0, 0, 0, 0, 2, 9, 4]),
    }));
    const { rows } = decodeRecords(format, records, [0], writers);
    expect(rows.map(({ row }) => row[0])).toEqual(records.map((_, k) => (k % 7 < 3 ? 1 : 2)));
  });
});
