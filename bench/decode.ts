/**
 * Decoding of Kafka records to columns, records per CPU second, against `JSON.parse` of every value.
 *
 *     node bench/decode.ts [--json]
 *
 * Records are orders of ten fields, about 200 bytes, 100 to a batch. Each figure is the best of
 * several rounds of CPU time, ours and the baseline interleaved. The count of rows and a sum over a
 * column are checked against what was written.
 */
import { assert } from '../src/base/assert.ts';
import { SlabPool } from '../dataflow/value/slab.ts';
import type { TypeName } from '../dataflow/value/type.ts';
import type { RawChunk } from '../connectors/connector.ts';
import type { SourceColumn, SourceFormat } from '../connectors/format/decoder.ts';
import { makeDecoder } from '../connectors/format/make-decoder.ts';
import type { Codec } from '../connectors/kafka/codec.ts';
import { RecordBatchBuilder } from '../connectors/kafka/encode-batch.ts';
import { RecordBatchWalker, RecordSlice } from '../connectors/kafka/record-batch.ts';
import { Random } from '../test/support/random.ts';

const records = 20_000;
const perBatch = 100;
const perChunk = 5_000;
const rounds = 40;
const encoder = new TextEncoder();
const random = new Random(7);

function order(id: number): string {
  return JSON.stringify({
    id,
    customer: `customer-${random.below(100_000)}`,
    status: random.pick(['created', 'paid', 'shipped', 'cancelled']),
    amount: random.below(1_000_000) / 100,
    quantity: 1 + random.below(20),
    price: String(random.below(100_000) / 100),
    at: new Date(1_700_000_000_000 + id * 17).toISOString(),
    note: random.pick(['', 'leave at the door', 'gift']),
    active: random.chance(0.5),
    region: random.pick(['eu-west', 'us-east', 'ap-south']),
  });
}

const values = Array.from({ length: records }, (_, id) => order(id));
const bytes = values.reduce((sum, value) => sum + value.length, 0) / records;

function chunks(codec: Codec): RawChunk[] {
  const out: RawChunk[] = [];
  for (let at = 0; at < records; at += perChunk) {
    const batches: Uint8Array[] = [];
    const builder = new RecordBatchBuilder();
    for (let k = at; k < at + perChunk; k++) {
      builder.add(encoder.encode(`key-${k}`), encoder.encode(values[k]), 1_700_000_000_000 + k);
      if (builder.count === perBatch) batches.push(builder.finish({ codec, baseOffset: BigInt(k + 1 - perBatch) }));
    }
    out.push({
      partition: 0, bytes: Buffer.concat(batches), from: BigInt(at), next: BigInt(at + perChunk), aborted: [],
    });
  }
  return out;
}

const types: readonly (readonly [string, TypeName])[] = [
  ['id', 'int8'], ['customer', 'text'], ['status', 'text'], ['amount', 'float8'], ['quantity', 'int4'],
  ['price', 'numeric'], ['at', 'timestamptz'], ['note', 'text'], ['active', 'bool'], ['region', 'text'],
];
const columns = types.map(([name, type]): SourceColumn =>
  ({ name, type, modifier: -1, nullable: true, origin: { kind: 'field', of: 'value', name } }));
const typed: SourceFormat = { topic: 'orders', key: null, value: 'JSON', envelope: 'none', columns, keyColumns: [] };
const whole = (value: 'JSON' | 'TEXT' | 'BYTES', type: TypeName): SourceFormat => ({
  ...typed, value, columns: [{ name: 'data', type, modifier: -1, nullable: true, origin: { kind: 'value' } }],
});

function cpu(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const used = process.cpuUsage(before);
  return used.user + used.system;
}

function decodeAll(format: SourceFormat, wanted: readonly number[], list: readonly RawChunk[]): () => void {
  const pool = new SlabPool();
  const decoder = makeDecoder(format, wanted);
  return () => {
    let rows = 0;
    for (const chunk of list) {
      for (const { batch, errors } of decoder.decode(chunk, pool, 1)) {
        assert(errors.length === 0, `the records decode: ${errors[0]?.message}`);
        rows += batch?.rows ?? 0;
        batch?.slab.release();
      }
    }
    assert(rows === records, `all records decode, got ${rows}`);
  };
}

function walkAll(list: readonly RawChunk[]): () => void {
  const walker = new RecordBatchWalker();
  const slice = new RecordSlice();
  return () => {
    let rows = 0;
    for (const chunk of list) {
      walker.open(chunk);
      while (walker.next(slice) === 'records') rows += slice.count;
    }
    assert(rows === records, `all records are walked, got ${rows}`);
  };
}

const raw = values.map((value) => Buffer.from(value));
let parsedSum = 0;
const baseline = (): void => {
  for (const value of raw) {
    const parsed: unknown = JSON.parse(value.toString());
    if (typeof parsed === 'object' && parsed !== null && 'id' in parsed) parsedSum += Number(parsed.id);
  }
};

const plain = chunks('none');
const cases: readonly (readonly [string, () => void])[] = [
  ['walk and checksum only', walkAll(plain)],
  ['typed JSON, 3 of 10 fields', decodeAll(typed, [0, 4, 8], plain)],
  ['typed JSON, 3 of 10 fields (id, amount, status)', decodeAll(typed, [0, 3, 2], plain)],
  ['typed JSON, 8 of 10 fields', decodeAll(typed, [0, 1, 2, 3, 4, 5, 6, 8], plain)],
  ['typed JSON, 10 of 10 fields', decodeAll(typed, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], plain)],
  ['one jsonb column', decodeAll(whole('JSON', 'jsonb'), [0], plain)],
  ['TEXT', decodeAll(whole('TEXT', 'text'), [0], plain)],
  ['typed JSON, 3 of 10 fields, lz4', decodeAll(typed, [0, 3, 2], chunks('lz4'))],
  ['typed JSON, 3 of 10 fields, snappy', decodeAll(typed, [0, 3, 2], chunks('snappy'))],
  ['typed JSON, 3 of 10 fields, gzip', decodeAll(typed, [0, 3, 2], chunks('gzip'))],
  ['typed JSON, 3 of 10 fields, zstd', decodeAll(typed, [0, 3, 2], chunks('zstd'))],
];

const best = new Map<string, number>();
const keep = (name: string, used: number): void => void best.set(name, Math.min(used, best.get(name) ?? Infinity));
for (let round = 0; round < rounds; round++) {
  keep('JSON.parse', cpu(baseline));
  for (const [name, work] of cases) keep(name, cpu(work));
}
assert(parsedSum > 0, 'the baseline parsed');

const rate = (name: string): number => records / (best.get(name) ?? 1) * 1e6;
if (process.argv.includes('--json')) {
  for (const [name] of cases) {
    process.stdout.write(`${JSON.stringify({
      name: `decode: ${name}`, ours: Math.round(rate(name)), baseline: Math.round(rate('JSON.parse')),
      ratio: rate(name) / rate('JSON.parse'), unit: 'records/CPU s',
    })}\n`);
  }
} else {
  process.stdout.write(`values of ${bytes.toFixed(0)} bytes; M records per CPU second, ns a record, ratio to JSON.parse\n`);
  for (const name of ['JSON.parse', ...cases.map(([caseName]) => caseName)]) {
    const r = rate(name);
    process.stdout.write(`${name.padEnd(52)} ${(r / 1e6).toFixed(2).padStart(6)} ${(1e9 / r).toFixed(0).padStart(6)} ${(r / rate('JSON.parse')).toFixed(2).padStart(6)}\n`);
  }
}
