/**
 * Fuzzes decoding: records of every format, changed in ways that keep most of their structure, and
 * the batches around them, and the schemas that a registry answers. Whatever the bytes, a record
 * gives one row or one error, a batch ends, a schema is read or refused; nothing throws, nothing
 * takes long, nothing grows. What was tried is a function of the seed.
 */
import { AvroSchemaError } from '../../connectors/format/avro/bounded.ts';
import { parseSchema } from '../../connectors/format/avro/parse.ts';
import type { Decoder } from '../../connectors/format/decoder.ts';
import { makeDecoder } from '../../connectors/format/make-decoder.ts';
import { ProtobufSchemaError, parseProtobuf } from '../../connectors/format/protobuf/parse.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';
import { selfContained } from '../../connectors/registry/self-contained.ts';
import { SlabPool } from '../../dataflow/value/slab.ts';
import { assert } from '../../src/base/assert.ts';
import { Random } from '../support/random.ts';
import type { Target } from './target.ts';
import { avroText, protobufText, targets } from './target.ts';

const recordsPerBatch = 256;
/** Bytes after which a mutated record is cut. */
const recordBytesMax = 4_096;
/** A batch that takes longer is a hang. */
const batchMillisecondsMax = 20_000;
const telling = [0, 1, 2, 0x0a, 0x22, 0x2c, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xff, 0x30, 0x39];

/** What a run has tried. */
export interface Tried {
  records: number;
  rows: number;
  errors: number;
  batches: number;
  schemas: number;
}

/** One change of some bytes. */
function changed(random: Random, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random.below(random.chance(0.8) ? 6 : 200));
  const head = bytes.subarray(0, at);
  const tail = bytes.subarray(to);
  switch (random.below(7)) {
    case 0:
      return head.slice();
    case 1:
      return joined(head, tail);
    case 2:
      return joined(head, bytes.subarray(at, to), bytes.subarray(at));
    case 3: {
      const other = random.pick(others);
      const from = random.below(other.length + 1);
      return joined(head, other.subarray(from, from + random.below(64)), tail);
    }
    case 4: {
      // A number that is as large as it can be.
      const long = Uint8Array.of(
        255,
        255,
        255,
        255,
        255,
        255,
        255,
        255,
        255,
        random.pick([1, 127]),
      );
      return joined(head, long.subarray(random.below(9)), tail);
    }
    default: {
      const copy = bytes.slice();
      for (let k = 1 + random.below(3); k > 0 && copy.length > 0; k--) {
        const where = random.below(copy.length);
        copy[where] = random.chance(0.5) ? random.pick(telling) : random.below(256);
      }
      return copy;
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts)).subarray(0, recordBytesMax);
}

/** Bytes of a record after one to three changes; now and then none. */
function mutated(random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  let bytes = random.pick(seeds);
  for (let k = random.below(4); k > 0; k--) bytes = changed(random, bytes, seeds);
  return bytes;
}

interface Under {
  readonly target: Target;
  readonly decoder: Decoder;
  /** With a part of the columns. */
  readonly partial: Decoder;
}

/** A run that can be cut into pieces. */
export class DecodeFuzz {
  readonly tried: Tried = { records: 0, rows: 0, errors: 0, batches: 0, schemas: 0 };
  readonly #random: Random;
  readonly #pool = new SlabPool();
  readonly #under: readonly Under[];

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#under = targets().map((target) => {
      const { columns } = target.format;
      const some = columns.flatMap((_, c) => (c % 3 === 0 ? [c] : []));
      const all = columns.map((_, c) => c);
      const { format, writers } = target;
      const partial = makeDecoder(format, some, writers);
      return { target, decoder: makeDecoder(format, all, writers), partial };
    });
  }

  /** One batch of each format, and a schema. Throws where something is not as it must be. */
  step(): void {
    for (const under of this.#under) this.#batch(under);
    this.#schema();
  }

  #batch({ target, decoder, partial }: Under): void {
    const random = this.#random;
    const builder = new RecordBatchBuilder();
    const values = Array.from({ length: recordsPerBatch }, () => mutated(random, target.seeds));
    for (const value of values) builder.add(null, value, 0);
    const whole = builder.finish({ codec: 'none' });
    const isBroken = random.chance(0.05);
    const bytes = isBroken ? changed(random, whole, [whole]) : whole;
    const next = BigInt(recordsPerBatch);
    const place = { slot: 0, topic: 't', partition: 0 };
    const chunk = { ...place, bytes, from: 0n, next, aborted: [], checked: isBroken };
    const start = performance.now();
    const { records, rows, errors } = this.#decode(random.chance(0.5) ? decoder : partial, chunk);
    assert(performance.now() - start < batchMillisecondsMax, `${target.name}: a batch ends`);
    if (!isBroken) {
      assert(records === recordsPerBatch, `${target.name}: ${records} records are counted`);
      assert(rows + errors === records, `${target.name}: ${rows} rows and ${errors} errors`);
    }
    this.tried.records += recordsPerBatch;
    this.tried.rows += rows;
    this.tried.errors += errors;
    this.tried.batches += isBroken ? 1 : 0;
  }

  #decode(
    decoder: Decoder,
    chunk: Parameters<Decoder['decode']>[0],
  ): { readonly records: number; readonly rows: number; readonly errors: number } {
    let [records, rows, errors] = [0, 0, 0];
    for (const decoded of decoder.decode(chunk, this.#pool, 1)) {
      if (decoded === null) continue;
      records += decoded.records;
      rows += decoded.batch?.rows ?? 0;
      errors += decoded.errors.length;
      decoded.batch?.slab.release();
    }
    assert(this.#pool.live === 0, 'all slabs come back');
    return { records, rows, errors };
  }

  /** A schema that a registry may answer. */
  #schema(): void {
    const random = this.#random;
    const text = random.pick([avroText, protobufText]);
    const seeds = [Buffer.from(text)];
    const answer = Buffer.from(mutated(random, seeds)).toString('utf8');
    this.tried.schemas++;
    try {
      if (text === avroText) parseSchema(selfContained(answer, []));
      else parseProtobuf(answer);
    } catch (error) {
      const isExpected = error instanceof AvroSchemaError || error instanceof ProtobufSchemaError;
      if (!isExpected) throw error;
    }
  }
}
