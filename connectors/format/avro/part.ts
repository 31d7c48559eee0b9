/**
 * The key or the value of records in Avro into the columns that come from it.
 *
 * Behind a schema registry each record names the schema with which it was written: a byte 0, then
 * the schema's number. For each number there is a reader of its own, made when the first record
 * comes; without a registry there is one reader.
 */
import { assert } from '../../../src/base/assert.ts';
import type { RecordSlice } from '../../kafka/record-batch.ts';
import type { AvroReading, SourceColumn } from '../decoder.ts';
import type { Refusal } from '../json-fields.ts';
import type { Staging } from '../staging.ts';
import { stagingRowsMax } from '../staging.ts';
import { parseSchema } from './parse.ts';
import type { WantedColumn } from './plan.ts';
import { rowPlan } from './plan.ts';
import { RowReader } from './row.ts';
import type { AvroType } from './schema.ts';
import type { WriterSchema, WriterSchemas } from './writers.ts';

/** Bytes of magic and number before a record. */
export const frameBytes = 5;

/** Records that are read in one go. */
const runRecordsMax = 256;
/** Bytes of records after which a run ends. */
const runBytesMax = 64 * 1024;

/** The reader of one number, and what it was made of. */
interface Written {
  readonly source: WriterSchema;
  readonly reader: RowReader | null;
}

/** Fills the columns that come from the key, or those that come from the value. */
export class AvroPart {
  readonly #part: 'key' | 'value';
  readonly #framing: AvroReading['framing'];
  readonly #schema: AvroType;
  readonly #wanted: readonly WantedColumn[];
  readonly #staging: Staging;
  readonly #writers: WriterSchemas;
  readonly #readers = new Map<number, Written>();
  readonly #own: RowReader;
  /** The last number that was read, and its reader: most records name the same. */
  #last = -1;
  #lastWritten: Written | null = null;

  constructor(
    part: 'key' | 'value',
    reading: AvroReading,
    columns: readonly SourceColumn[],
    staging: Staging,
    writers: WriterSchemas,
  ) {
    this.#part = part;
    this.#framing = reading.framing;
    this.#schema = parseSchema(reading.schema);
    this.#staging = staging;
    this.#writers = writers;
    this.#wanted = columns.flatMap((column, place) => {
      const { origin } = column;
      const of = origin.kind === 'field' ? origin.of : origin.kind;
      return of === part ? [{ column, place }] : [];
    });
    this.#own = this.#readerOf(this.#schema);
  }

  /**
   * Reads records of a slice, from `from` up to `to` at most, into the staging's next rows; answers
   * the first that it leaves to `read`. For sources of which nothing but this part is read.
   */
  readRun(slice: RecordSlice, from: number, to: number): number {
    const { valueAt: starts, valueBytes: lengths, bytes } = slice;
    const isFramed = this.#framing === 'registry';
    if (isFramed && (lengths[from] < frameBytes || bytes[starts[from]] !== 0)) return from;
    const id = isFramed ? numberAt(bytes, starts[from] + 1) : 0;
    const reader = isFramed ? this.#written(id).reader : this.#own;
    const fast = reader?.fast ?? null;
    if (reader === null || fast === null) return from;
    const { rows, heap } = this.#staging;
    const endMax = Math.min(to, from + runRecordsMax, from + stagingRowsMax - rows);
    let size = 0;
    let end = from;
    while (end < endMax && size < runBytesMax) size += Math.max(0, lengths[end++]);
    heap.reserve(size + (end - from) * fast.slackWords * 4);
    reader.open(bytes);
    return fast.run(bytes, starts, lengths, from, end, id | 0);
  }

  /** Fills this part's columns of row `row`; `length` is -1 for NULL. Answers why not, or null. */
  read(bytes: Uint8Array, at: number, length: number, row: number): Refusal | null {
    if (length < 0) return this.#missing(row);
    if (this.#framing === 'none')
      return this.#inPart(this.#own.readNext(bytes, at, 0, length, 0, row));
    if (length < frameBytes || bytes[at] !== 0) {
      const reason = 'the record does not begin with the number of a schema';
      return this.#inPart({ code: '22P03', field: null, reason });
    }
    const id = numberAt(bytes, at + 1);
    const { reader, source } = this.#written(id);
    if (reader === null) {
      assert(source.kind !== 'schema', 'a usable schema has a reader');
      const why = source.kind === 'unusable' ? source.reason : 'it is not Avro';
      const reason = `schema ${id} cannot be used: ${why}`;
      return this.#inPart({ code: '22P03', field: null, reason });
    }
    const refusal = reader.readNext(bytes, at, frameBytes, length, id | 0, row);
    return refusal === null
      ? null
      : this.#inPart({ ...refusal, reason: `${refusal.reason} (written with schema ${id})` });
  }

  /** Makes this part's columns NULL (or zero where NULL cannot be). */
  clear(row: number): void {
    for (const { place } of this.#wanted) this.#staging.staged[place].setNull(row);
  }

  #written(id: number): Written {
    const source = this.#writers.get(id);
    if (id === this.#last && this.#lastWritten?.source === source) return this.#lastWritten;
    const known = this.#readers.get(id);
    if (known?.source === source) {
      this.#last = id;
      this.#lastWritten = known;
      return known;
    }
    const reader = source.kind === 'schema' ? this.#readerOf(source.schema) : null;
    const made = { source, reader };
    // An answer that is made up for an unknown number is another one each time.
    if (source.kind === 'schema') this.#readers.set(id, made);
    return made;
  }

  #readerOf(writer: AvroType): RowReader {
    const plan = rowPlan(writer, this.#schema, this.#wanted);
    return new RowReader(plan, this.#staging, this.#framing === 'registry');
  }

  /** Says that it was the key, where the field alone does not. */
  #inPart(refusal: Refusal | null): Refusal | null {
    if (refusal === null || this.#part === 'value') return refusal;
    return { ...refusal, reason: `in the key: ${refusal.reason}` };
  }

  #missing(row: number): Refusal | null {
    const required = this.#wanted.find(({ column }) => !column.nullable);
    if (required !== undefined) {
      const reason = `the ${this.#part} is NULL, but the column is NOT NULL`;
      return { code: '23502', field: required.column.name, reason };
    }
    this.clear(row);
    return null;
  }
}

/** The unsigned big-endian number of 32 bits at `at`. */
export function numberAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
