/**
 * `decode`: Kafka records to columns, records per CPU second, against `JSON.parse` of every value.
 *
 * Records are orders of ten fields, 188 bytes on average, 100 to a batch. Each figure is the best
 * of many rounds, ours and the baseline interleaved in one process. Rows and errors are counted.
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
import type { BenchOptions } from './run.ts';
import type { Figure } from './support/figure.ts';
import { cpuMilliseconds, figure } from './support/figure.ts';

const records = 20_000;
const perBatch = 100;
const perChunk = 5_000;
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

function chunks(codec: Codec): RawChunk[] {
  const out: RawChunk[] = [];
  for (let at = 0; at < records; at += perChunk) {
    const batches: Uint8Array[] = [];
    const builder = new RecordBatchBuilder();
    for (let k = at; k < at + perChunk; k++) {
      builder.add(encoder.encode(`key-${k}`), encoder.encode(values[k]), 1_700_000_000_000 + k);
      if (builder.count === perBatch)
        batches.push(builder.finish({ codec, baseOffset: BigInt(k + 1 - perBatch) }));
    }
    out.push({
      ...{ slot: 0, topic: 'orders', partition: 0 },
      bytes: Buffer.concat(batches),
      from: BigInt(at),
      next: BigInt(at + perChunk),
      aborted: [],
    });
  }
  return out;
}

const types: readonly (readonly [string, TypeName])[] = [
  ['id', 'int8'],
  ['customer', 'text'],
  ['status', 'text'],
  ['amount', 'float8'],
  ['quantity', 'int4'],
  ['price', 'numeric'],
  ['at', 'timestamptz'],
  ['note', 'text'],
  ['active', 'bool'],
  ['region', 'text'],
];
const columns = types.map(([name, type]): SourceColumn => ({
  name,
  type,
  modifier: -1,
  nullable: true,
  origin: { kind: 'field', of: 'value', name },
}));
const typed: SourceFormat = {
  key: null,
  value: 'JSON',
  envelope: 'none',
  columns,
  keyColumns: [],
};
const whole = (value: 'JSON' | 'TEXT' | 'BYTES', type: TypeName): SourceFormat => ({
  ...typed,
  value,
  columns: [{ name: 'data', type, modifier: -1, nullable: true, origin: { kind: 'value' } }],
});

function decodeAll(
  format: SourceFormat,
  wanted: readonly number[],
  list: readonly RawChunk[],
): () => void {
  const pool = new SlabPool();
  const decoder = makeDecoder(format, wanted);
  return () => {
    let rows = 0;
    for (const chunk of list) {
      for (const decoded of decoder.decode(chunk, pool, 1)) {
        if (decoded === null) continue;
        const { batch, errors } = decoded;
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
      for (let found = walker.next(slice); found !== 'end'; found = walker.next(slice))
        if (found === 'records') rows += slice.count;
    }
    assert(rows === records, `all records are walked, got ${rows}`);
  };
}

function parseAll(): () => void {
  const raw = values.map((value) => Buffer.from(value));
  return () => {
    let sum = 0;
    for (const value of raw) {
      const parsed: unknown = JSON.parse(value.toString());
      if (typeof parsed === 'object' && parsed !== null && 'id' in parsed) sum += Number(parsed.id);
    }
    assert(sum === (records * (records - 1)) / 2, 'the baseline read every id');
  };
}

function makeCases(): readonly (readonly [string, () => void])[] {
  const plain = chunks('none');
  const three = [0, 3, 2];
  return [
    ['records listed and checked only', walkAll(plain)],
    ['typed JSON, 3 of 10 fields', decodeAll(typed, three, plain)],
    ['typed JSON, 8 of 10 fields', decodeAll(typed, [0, 1, 2, 3, 4, 5, 6, 8], plain)],
    ['typed JSON, 10 of 10 fields', decodeAll(typed, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], plain)],
    ['one jsonb column', decodeAll(whole('JSON', 'jsonb'), [0], plain)],
    ['TEXT', decodeAll(whole('TEXT', 'text'), [0], plain)],
    ...(['lz4', 'snappy', 'gzip', 'zstd'] as const).map((codec): readonly [string, () => void] => [
      `typed JSON, 3 of 10 fields, ${codec}`,
      decodeAll(typed, three, chunks(codec)),
    ]),
  ];
}

/** Best round of each case, and of the baseline. */
export function run(options: BenchOptions): Promise<readonly Figure[]> {
  const cases: readonly (readonly [string, () => void])[] = [
    ['JSON.parse', parseAll()],
    ...makeCases(),
  ];
  const best = new Map<string, number>();
  for (let round = 0; round < (options.quick ? 5 : 60); round++) {
    for (const [name, work] of cases) {
      const before = cpuMilliseconds();
      work();
      best.set(name, Math.min(cpuMilliseconds() - before, best.get(name) ?? Infinity));
    }
  }
  const rate = (name: string): number => Math.round((records / (best.get(name) ?? 1)) * 1000);
  return Promise.resolve(
    cases
      .slice(1)
      .map(([name]) => figure(`decode: ${name}`, rate(name), rate('JSON.parse'), 'records/CPU s')),
  );
}
