/**
 * Goal: columns and datums take the text and binary form that Postgres gives them, and binary forms
 * read back. Method: a table recorded from Postgres (and a larger one if it lies beside the
 * checkout); then the hot writers against the cold ones, on recorded and on random values.
 */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SqlError } from '../../src/base/error.ts';
import { Random } from '../../test/support/random.ts';
import { binaryCases } from './binary-cases.ts';
import { decodeBinary } from './binary-input.ts';
import { encodeBinary } from './binary-output.ts';
import { ByteSink } from './byte-sink.ts';
import { batchFromRows } from './datum-column.ts';
import type { Datum } from './datum.ts';
import { decimal } from './datum.ts';
import { SlabPool } from './slab.ts';
import { textCases } from './text-cases.ts';
import { parseDatum } from './text-input.ts';
import { formatDatum } from './text-output.ts';
import { zoneByName } from './timezone.ts';
import type { TypeName } from './type.ts';
import { typeByOid, types } from './type.ts';
import { makeBinaryEncoder } from './wire-binary.ts';
import { makeTextEncoder } from './wire-text.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

test('binary forms are those of Postgres and read back', () => {
  for (const [type, text, expected] of binaryCases) {
    const value = parseDatum(type, text);
    expect([type, text, hex(encodeBinary(type, value))]).toEqual([type, text, expected]);
    expect([type, formatDatum(type, decodeBinary(type, unhex(expected)))]).toEqual([type, text]);
  }
});

const recorded = new URL('../../../shared/data/pgwire/types.tsv', import.meta.url);
const lines = existsSync(recorded)
  ? readFileSync(recorded, 'utf8').trimEnd().split('\n').slice(1)
  : [];
const unescape = (text: string): string =>
  text.replace(/\\(.)/g, (_, c: string) => ({ n: '\n', t: '\t', r: '\r' })[c] ?? c);

test('the larger recorded table of types agrees', () => {
  let compared = 0;
  for (const line of lines) {
    const [setting, , , oid = '0', , modifier, text = '', binary = ''] = line.split('\t');
    const type = typeByOid(Number(oid))?.name;
    const outside = binary === '\\N' || text.startsWith('ERR') || /^(\{\{|\[0)/.test(text);
    if (setting !== '' || type === undefined || outside || type.startsWith('reg')) continue;
    const value = parseDatum(type, unescape(text));
    expect(formatDatum(type, value, Number(modifier))).toBe(unescape(text));
    expect(hex(encodeBinary(type, value, Number(modifier)))).toBe(binary);
    compared++;
  }
  expect(compared === 0).toBe(lines.length === 0);
});

/** What the hot encoders write for a column of these values. */
function written(type: TypeName, modifier: number, values: readonly Datum[]): [string, string][] {
  const pool = new SlabPool();
  const columns = [{ type, nullable: false }];
  const batch = batchFromRows(
    pool,
    columns,
    values.map((v) => ({ row: [v], weight: 1 })),
    0,
  );
  const text = makeTextEncoder({ type, modifier });
  const binary = makeBinaryEncoder({ type, modifier });
  const sink = new ByteSink(8);
  return values.map((_, row) => {
    sink.clear();
    text(sink, batch, 0, row);
    const asText = Buffer.from(sink.take()).toString();
    sink.clear();
    binary(sink, batch, 0, row);
    return [asText, hex(sink.take())];
  });
}

function agree(type: TypeName, modifier: number, values: readonly Datum[]): void {
  const expected = values.map((value) => [
    formatDatum(type, value, modifier),
    hex(encodeBinary(type, value, modifier)),
  ]);
  expect(written(type, modifier, values)).toEqual(expected);
  for (const value of values) {
    const back = decodeBinary(type, encodeBinary(type, value, modifier));
    expect(formatDatum(type, back, modifier)).toBe(formatDatum(type, value, modifier));
  }
}

test('columns are written as datums are', () => {
  const groups = new Map<string, { type: TypeName; modifier: number; values: Datum[] }>();
  for (const [type, modifier, , expected] of textCases) {
    if (typeof expected !== 'string') continue;
    const group = groups.get(`${type} ${modifier}`) ?? { type, modifier, values: [] };
    group.values.push(parseDatum(type, expected, modifier));
    groups.set(`${type} ${modifier}`, group);
  }
  for (const { type, modifier, values } of groups.values()) agree(type, modifier, values);
});

test('numbers, moments and floats of every size are written as datums are', () => {
  const random = new Random(3);
  const word = (): bigint => (BigInt(random.next()) << 32n) | BigInt(random.next());
  const integers: bigint[] = [
    0n,
    -1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 53n,
    999_999_999n,
    1_000_000_000n,
  ];
  for (let k = 0; k < 1000; k++)
    integers.push(BigInt.asIntN(64, word()) >> BigInt(random.below(64)));
  agree('int8', -1, integers);
  agree(
    'int4',
    -1,
    integers.map((n) => Number(BigInt.asIntN(32, n))),
  );
  agree(
    'numeric',
    -1,
    integers.map((n) => decimal(n, random.below(24))),
  );
  agree(
    'numeric',
    -1,
    integers.map((n) => decimal(n * word() * word(), random.below(60))),
  );
  const moments = integers.map((n) => (n % 9_000_000_000_000_000_000n) / 45n);
  agree('timestamp', -1, moments);
  agree('timestamptz', -1, moments);
  agree(
    'date',
    -1,
    integers.map((n) => Number(n % 2_000_000n)),
  );
  agree(
    'time',
    -1,
    integers.map((n) => (n < 0n ? -n : n) % 86_400_000_001n),
  );
  agree(
    'float8',
    -1,
    integers.map((n) => Number(n) / 10 ** random.below(30)),
  );
  agree(
    'float4',
    -1,
    integers.map((n) => Math.fround(Number(n) / 10 ** random.below(30))),
  );
});

test('timestamptz columns are shown in the zone of the session', () => {
  const context = { zone: zoneByName('Europe/Berlin') };
  const random = new Random(4);
  const values = Array.from(
    { length: 500 },
    () => BigInt(random.next() - 2 ** 31) * 1_000_000_000n,
  );
  const columns = [{ type: 'timestamptz', nullable: false }] as const;
  const batch = batchFromRows(
    new SlabPool(),
    columns,
    values.map((v) => ({ row: [v], weight: 1 })),
    0,
  );
  const encode = makeTextEncoder({ type: 'timestamptz', modifier: -1 }, context);
  values.forEach((value, row) => {
    const sink = new ByteSink(64);
    encode(sink, batch, 0, row);
    expect(Buffer.from(sink.take()).toString()).toBe(
      formatDatum('timestamptz', value, -1, context),
    );
  });
});

test('malformed binary values are refused', () => {
  const refused: [TypeName, string, string][] = [
    ['int4', '0000', '08P01'],
    ['int4', '0000000000', '22P03'],
    ['int8', '00', '08P01'],
    ['bool', '', '08P01'],
    ['uuid', '0011', '08P01'],
    ['jsonb', '027b7d', '22P03'],
    ['jsonb', '017b', '22P02'],
    ['text', 'ff', '22021'],
    ['text', '6100', '22021'],
    ['numeric', '0001000000010000', '22P03'],
    ['numeric', '00010000000000002710', '22P03'],
    ['numeric', 'ffff00000000000000010000', '08P01'],
    ['numeric', '0000000000004000', '22P03'],
    ['timestamp', '7ffffffffffffffe', '22008'],
    ['date', '7ffffffe', '22008'],
    ['time', 'ffffffffffffffff', '22008'],
    ['_int4', '000000010000000000000017', '08P01'],
    ['_int4', '0000000100000000000000177fffffff00000001', '08P01'],
    ['_int4', '00000001000000000000001700000001000000010000000500000000', '08P01'],
    ['_int4', '00000001000000000000001900000000', '42804'],
    ['_int4', '0000000200000000000000170000000000000001', '0A000'],
  ];
  for (const [type, bytes, code] of refused) {
    let fields: unknown;
    try {
      decodeBinary(type, unhex(bytes));
    } catch (error) {
      fields = error instanceof Error && 'fields' in error ? error.fields : error;
    }
    expect([type, bytes, fields]).toEqual([type, bytes, expect.objectContaining({ code })]);
  }
});

test('random bytes and random texts are values or refused, never a crash', () => {
  const random = new Random(11);
  const alphabet = [...'0123456789-+.:/eETZ {}[]",\\axyPDHM\u00e9\ud83d\ude00'];
  for (const { name } of types) {
    for (let k = 0; k < 300; k++) {
      const bytes = Uint8Array.from({ length: random.below(40) }, () =>
        random.pick([0, 0, 1, 255, random.below(256)]),
      );
      const text = Array.from({ length: random.below(20) }, () => random.pick(alphabet)).join('');
      for (const read of [
        (): Datum => decodeBinary(name, bytes),
        (): Datum => parseDatum(name, text),
      ]) {
        try {
          expect(encodeBinary(name, read())).toBeInstanceOf(Uint8Array);
        } catch (error) {
          expect(error).toBeInstanceOf(SqlError);
        }
      }
    }
  }
});
