/**
 * Goal: formats other than typed JSON, keys, Kafka's own columns, envelopes, broken batches, and
 * the cutting of batches. Method: small tables of records with the rows and errors that must come
 * out.
 */
import { expect, test } from 'vitest';
import { SlabPool } from '../../dataflow/value/slab.ts';
import { rowsFromBatch } from '../../dataflow/value/datum-column.ts';
import { column, decodeRecords, jsonSource } from '../../test/support/decode.ts';
import { RecordBatchBuilder } from '../kafka/encode-batch.ts';
import type { SourceFormat } from './decoder.ts';
import { makeDecoder } from './make-decoder.ts';

const encoder = new TextEncoder();
const wholeKey = { origin: { kind: 'key' } } as const;
const wholeValue = { origin: { kind: 'value' } } as const;

const rowsOf = (format: SourceFormat, records: Parameters<typeof decodeRecords>[1]): unknown[] =>
  decodeRecords(format, records).rows.map(({ row }) => row);

test('TEXT keeps text as it is and refuses what is not UTF-8', () => {
  const format = jsonSource([column('key', 'text', wholeKey), column('text', 'text', wholeValue)], {
    key: 'TEXT',
    value: 'TEXT',
  });
  const { rows, errors } = decodeRecords(format, [
    { key: 'k', value: 'plain' },
    { key: null, value: 'é😀' },
    { key: '', value: '' },
    { key: 'k', value: null },
    { value: Uint8Array.of(0x61, 0xff) },
    { value: 'a\0b' },
    { key: Uint8Array.of(0xc3), value: 'x' },
  ]);
  expect(rows.map(({ row }) => row)).toEqual([
    ['k', 'plain'],
    [null, 'é😀'],
    ['', ''],
    ['k', null],
  ]);
  expect(errors).toMatchObject([
    {
      code: '22021',
      message:
        'topic "t", partition 0, offset 4: invalid byte sequence for encoding "UTF8": 0xff at byte 1',
    },
    {
      code: '22021',
      message:
        'topic "t", partition 0, offset 5: invalid byte sequence for encoding "UTF8": 0x00 at byte 1',
    },
    {
      code: '22021',
      message:
        'topic "t", partition 0, offset 6: in the key: invalid byte sequence for encoding "UTF8": 0xc3 at byte 0',
    },
  ]);
});

test('whether a record is JSON does not depend on the columns that are read', () => {
  const format = jsonSource([
    column('a', 'int4'),
    column('offset', 'int8', { origin: { kind: 'offset' } }),
  ]);
  const { rows, errors } = decodeRecords(
    format,
    [{ value: '{"a":1}' }, { value: '{' }, { value: null }],
    [1],
  );
  expect(rows.map(({ row }) => row)).toEqual([[0n], [2n]]);
  expect(errors.map(({ message }) => message)).toEqual([
    'topic "t", partition 0, offset 1: invalid JSON: an object has no end',
  ]);
});

test('BYTES keeps bytes', () => {
  const format = jsonSource([column('data', 'bytea', wholeValue)], { value: 'BYTES' });
  expect(
    rowsOf(format, [{ value: Uint8Array.of(0, 255, 1) }, { value: null }, { value: '' }]),
  ).toEqual([[Uint8Array.of(0, 255, 1)], [null], [new Uint8Array(0)]]);
});

test('JSON as one column, beside a key of typed JSON', () => {
  const format = jsonSource(
    [
      column('id', 'int8', { origin: { kind: 'field', of: 'key', name: 'id' } }),
      column('data', 'jsonb', wholeValue),
    ],
    { key: 'JSON' },
  );
  const { rows, errors } = decodeRecords(format, [
    { key: '{"id":7}', value: ' {"b":1,"a":2} ' },
    { key: '{"id":"x"}', value: '1' },
    { key: '7', value: '1' },
    { key: '{"id":8}', value: '{} x' },
  ]);
  expect(rows.map(({ row }) => row)).toEqual([[7n, '{"a": 2, "b": 1}']]);
  expect(errors.map(({ message }) => message)).toEqual([
    'topic "t", partition 0, offset 1, field "id": invalid input syntax for type bigint: "x"',
    'topic "t", partition 0, offset 2: in the key: the JSON is not an object',
    'topic "t", partition 0, offset 3: invalid JSON: something follows the value',
  ]);
});

test("Kafka's own columns", () => {
  const format = jsonSource(
    [
      column('partition', 'int4', { origin: { kind: 'partition' } }),
      column('offset', 'int8', { origin: { kind: 'offset' } }),
      column('timestamp', 'timestamp', { origin: { kind: 'timestamp' } }),
      column('headers', 'jsonb', { origin: { kind: 'headers' } }),
    ],
    { value: 'BYTES' },
  );
  const header = (
    key: string,
    value: Uint8Array | null,
  ): { key: Uint8Array; value: Uint8Array | null } => ({ key: encoder.encode(key), value });
  expect(
    rowsOf(format, [
      {
        value: 'a',
        timestamp: 946_684_800_001,
        headers: [
          header('t"x', encoder.encode('é')),
          header('t"x', Uint8Array.of(0xff)),
          header('n', null),
        ],
      },
      { value: 'b', timestamp: -1 },
      { value: 'c', timestamp: 0 },
    ]),
  ).toEqual([
    [
      0,
      0n,
      1000n,
      '[{"key": "t\\"x", "value": "é"}, {"key": "t\\"x", "value": "\\\\xff"}, {"key": "n", "value": null}]',
    ],
    [0, 1n, null, '[]'],
    [0, 2n, -946_684_800_000_000n, '[]'],
  ]);
});

test('headers by their keys: the last of equal ones, as text or bytes, or NULL', () => {
  const origin = { kind: 'header', key: 'trace é' } as const;
  const format = jsonSource(
    [
      column('trace', 'text', { origin }),
      column('raw', 'bytea', { origin }),
      column('empty', 'text', { origin: { kind: 'header', key: '' } }),
    ],
    { value: 'BYTES' },
  );
  const header = (
    key: string,
    value: Uint8Array | null,
  ): { key: Uint8Array; value: Uint8Array | null } => ({ key: encoder.encode(key), value });
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  const { rows, errors } = decodeRecords(format, [
    { value: 'a', headers: [header('trace é', bytes(0xff)), header('trace é', bytes(0xc3, 0xa9))] },
    { value: 'b', headers: [header('trace', bytes(1)), header('Trace é', bytes(2))] },
    { value: 'c' },
    { value: 'd', headers: [header('trace é', bytes(65)), header('trace é', null)] },
    { value: 'e', headers: [header('trace é', bytes(65, 0xff))] },
    { value: 'f', headers: [header('trace é', bytes(65, 0))] },
    { value: 'g', headers: [header('', bytes()), header('trace é', bytes())] },
  ]);
  expect(rows.map(({ row }) => row)).toEqual([
    ['é', bytes(0xc3, 0xa9), null],
    [null, null, null],
    [null, null, null],
    [null, null, null],
    ['', bytes(), ''],
  ]);
  expect(errors.map(({ code, message }) => `${code} ${message}`)).toEqual([
    '22021 topic "t", partition 0, offset 4, field "trace": invalid byte sequence for encoding "UTF8": 0xff at byte 1',
    '22021 topic "t", partition 0, offset 5, field "trace": invalid byte sequence for encoding "UTF8": 0x00 at byte 1',
  ]);
});

test('a header that is no text fails the value of its key', () => {
  const format = jsonSource(
    [
      column('id', 'int4', { origin: { kind: 'field', of: 'key', name: 'id' }, nullable: false }),
      column('h', 'text', { origin: { kind: 'header', key: 'h' } }),
    ],
    { key: 'JSON', envelope: 'upsert', keyColumns: [0] },
  );
  const headers = [{ key: encoder.encode('h'), value: Uint8Array.of(0xff) }];
  const { rows } = decodeRecords(format, [
    { key: '{"id":1}', value: '{}', headers },
    { key: '{"id":2}', value: null, headers },
    { key: '{"id":3}', value: '{}' },
  ]);
  expect(rows).toEqual([
    { row: [1, null], kind: 'failed' },
    { row: [2, null], kind: 'tombstone' },
    { row: [3, null], kind: 'row' },
  ]);
});

test('a record without timestamp is an error where the column is NOT NULL', () => {
  const format = jsonSource([
    column('timestamp', 'timestamptz', { origin: { kind: 'timestamp' }, nullable: false }),
  ]);
  const { rows, errors } = decodeRecords(format, [{ value: '{}', timestamp: -1 }]);
  expect(rows).toEqual([]);
  expect(errors[0]?.code).toBe('23502');
});

const upsert = jsonSource(
  [
    column('id', 'int4', { origin: { kind: 'field', of: 'key', name: 'id' }, nullable: false }),
    column('name', 'text', { nullable: false }),
    column('offset', 'int8', { origin: { kind: 'offset' }, nullable: false }),
  ],
  { key: 'JSON', envelope: 'upsert', keyColumns: [0] },
);

test('upsert: values, tombstones, failed values, bad keys', () => {
  const { rows, errors } = decodeRecords(upsert, [
    { key: '{"id":1}', value: '{"name":"a"}' },
    { key: '{"id":2}', value: null },
    { key: null, value: '{"name":"b"}' },
    { key: '{"id":3}', value: '{"name":5}' },
    { key: '{"id":"x"}', value: null },
    { key: '{"id":4}', value: 'broken' },
    { key: '{"id":1}', value: '{"name":"c"}' },
  ]);
  expect(rows).toEqual([
    { row: [1, 'a', 0n], kind: 'row' },
    { row: [2, '', 0n], kind: 'tombstone' },
    { row: [3, '', 0n], kind: 'failed' },
    { row: [4, '', 0n], kind: 'failed' },
    { row: [1, 'c', 6n], kind: 'row' },
  ]);
  expect(
    errors.map(({ code, message }) => `${code} ${message.replace('topic "t", partition 0, ', '')}`),
  ).toEqual([
    '22P02 offset 3, field "name": 5 is not of type text',
    '22P02 offset 5: invalid JSON: a value is expected',
    '22004 offset 2: the key is NULL, which ENVELOPE UPSERT cannot have',
    '22P02 offset 4, field "id": invalid input syntax for type integer: "x"',
  ]);
});

test('a broken batch is one error that names its offsets; the others decode', () => {
  const builder = new RecordBatchBuilder();
  const batches = [0, 2, 4].map((base) => {
    builder.add(null, encoder.encode(`{"a":${base}}`), 1);
    builder.add(null, encoder.encode(`{"a":${base + 1}}`), 1);
    return builder.finish({ baseOffset: BigInt(base) });
  });
  batches[1][70] ^= 1;
  const pool = new SlabPool();
  const decoder = makeDecoder(jsonSource([column('a', 'int4')]), [0]);
  const chunk = {
    slot: 3,
    topic: 't',
    partition: 3,
    bytes: Buffer.concat(batches),
    from: 0n,
    next: 6n,
    aborted: [],
  };
  const [decoded, ...more] = [...decoder.decode(chunk, pool, 9)].filter((d) => d !== null);
  expect(more).toEqual([]);
  expect(decoded.batch?.step).toBe(9);
  expect(
    decoded.batch && rowsFromBatch(decoded.batch, decoder.columns).map(({ row }) => row),
  ).toEqual([[0], [1], [4], [5]]);
  expect(decoded.errors).toMatchObject([
    {
      code: 'XX001',
      message: 'topic "t", partition 3, offsets 2 to 3: the record batch has a wrong checksum',
      record: { offset: 2, single: false },
    },
  ]);
  decoded.batch?.slab.release();
  expect(pool.live).toBe(0);
});

test('a message does not quote megabytes', () => {
  const { errors } = decodeRecords(jsonSource([column('u', 'uuid')]), [
    { value: `{"u":"${'x'.repeat(5_000_000)}"}` },
  ]);
  expect(errors[0]?.message.length).toBeLessThan(500);
});

test('many records and large values are cut into several batches that say the same', () => {
  const format = jsonSource([column('a', 'int4'), column('s', 'text')]);
  const records = Array.from({ length: 10_000 }, (_, k) => ({
    value: k % 1000 === 7 ? 'bad' : `{"a":${k},"s":"${'x'.repeat(k % 300)}"}`,
  }));
  const { rows, errors } = decodeRecords(format, records);
  expect(errors).toHaveLength(10);
  const good = records.flatMap((_, k) => (k % 1000 === 7 ? [] : [[k, 'x'.repeat(k % 300)]]));
  expect(rows.map(({ row }) => row)).toEqual(good);
});

test('decoding pauses after a bounded amount of work, and goes on where it was', () => {
  const decoder = makeDecoder(jsonSource([column('a', 'int4')]), [0]);
  const builder = new RecordBatchBuilder();
  const unread = 'x'.repeat(2_000);
  const records = 3_000;
  for (let k = 0; k < records; k++)
    builder.add(null, encoder.encode(`{"u":"${unread}","a":${k}}`), 1);
  const bytes = builder.finish({ codec: 'lz4' });
  const pool = new SlabPool();
  const rows: unknown[] = [];
  let turns = 0;
  const chunk = {
    slot: 0,
    topic: 't',
    partition: 0,
    bytes,
    from: 0n,
    next: BigInt(records),
    aborted: [],
  };
  for (const decoded of decoder.decode(chunk, pool, 1)) {
    turns++;
    const batch = decoded?.batch ?? null;
    if (batch === null) continue;
    rows.push(...rowsFromBatch(batch, decoder.columns).map(({ row }) => row[0]));
    batch.slab.release();
  }
  expect(rows).toEqual(Array.from({ length: records }, (_, k) => k));
  // Six megabytes, of which a turn takes an eighth of one.
  expect(turns).toBeGreaterThan(40);
});

test('an iteration that ends early gives its slab back and leaves nothing for the next chunk', () => {
  const decoder = makeDecoder(jsonSource([column('a', 'int4')]), [0]);
  const builder = new RecordBatchBuilder();
  for (let k = 0; k < 10_000; k++) builder.add(null, encoder.encode(`{"a":${k}}`), 1);
  const many = builder.finish();
  builder.add(null, encoder.encode('{"a":-1}'), 1);
  const one = builder.finish();
  const pool = new SlabPool();
  for (const decoded of decoder.decode(
    { slot: 0, topic: 't', partition: 0, bytes: many, from: 0n, next: 10_000n, aborted: [] },
    pool,
    1,
  )) {
    decoded?.batch?.slab.release();
    break;
  }
  expect(pool.live).toBe(0);
  const rows: unknown[] = [];
  for (const decoded of decoder.decode(
    { slot: 0, topic: 't', partition: 0, bytes: one, from: 0n, next: 1n, aborted: [] },
    pool,
    1,
  )) {
    const batch = decoded?.batch ?? null;
    if (batch === null) continue;
    rows.push(...rowsFromBatch(batch, decoder.columns).map(({ row }) => row));
    batch.slab.release();
  }
  expect(rows).toEqual([[-1]]);
});
