/**
 * Makes the decoder of a source: raw chunks → batches of the wanted columns, with an error for each
 * record that gives no row.
 *
 * One pass over slices of records (connectors/kafka/record-batch.ts). Per record: the key's
 * columns, then the value's, then what Kafka adds. Rows gather in a `Staging` and are cut into
 * batches of at most `activationRowsMax` rows, which may span record batches.
 *
 * Envelopes. `none`: a NULL value leaves the value's columns NULL (an error row if one is NOT
 * NULL). `upsert`: a NULL value is a tombstone, of which only the key's columns are set; a value
 * that does not decode is a *failed* row, which has its key and an error; a NULL or broken key is
 * an error without a row. `debezium`: the same, but values are events, and one that deletes is a
 * tombstone too; one that empties the table voids all rows before it, if its topic has one
 * partition: in another nothing says what came before it.
 */
import { assert } from '../../src/base/assert.ts';
import { unsupported } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';
import { BatchWriter } from '../../dataflow/value/batch-writer.ts';
import type { SlabPool } from '../../dataflow/value/slab.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import type { RawChunk } from '../connector.ts';
import type { BrokenRange } from '../kafka/record-batch.ts';
import { RecordBatchWalker, RecordSlice } from '../kafka/record-batch.ts';
import { AvroPart } from './avro/part.ts';
import { WriterSchemas } from './avro/writers.ts';
import { CsvPart } from './csv/part.ts';
import { AvroEventPart } from './debezium/avro-event-part.ts';
import { EventKeyPart, EventPart } from './debezium/event-part.ts';
import type { DecodeError, Decoded, Decoder, SourceColumn, SourceFormat } from './decoder.ts';
import type { FailedPlace } from './failed-record.ts';
import { bytesOfFailed, plainError, rangeError, recordError } from './failed-record.ts';
import type { Refusal } from './json-fields.ts';
import { MetadataColumns } from './metadata-columns.ts';
import { PartDecoder } from './part-decoder.ts';
import { ProtobufPart } from './protobuf/part.ts';
import { Staging } from './staging.ts';
import { UnchangedValues } from './unchanged-values.ts';

/** Work, in bytes read and written, after which decoding pauses; and what a record costs beside its bytes. */
const pauseWork = 128 * 1024;
const recordWork = 64;

/**
 * The decoder of the columns `wanted` (positions in `format.columns`, in the order of the batch).
 * `writers` are the schemas with which Avro records were written.
 */
export function makeDecoder(
  format: SourceFormat,
  wanted: readonly number[],
  writers: WriterSchemas = new WriterSchemas(),
): Decoder {
  const columns = wanted.map((position) => {
    const column = format.columns[position];
    assert(column !== undefined, `column ${position} of the source exists`);
    return column;
  });
  if (format.envelope !== 'none') {
    const missing = format.keyColumns.find((position) => !wanted.includes(position));
    assert(missing === undefined, `a keyed source reads its key, column ${missing} is not wanted`);
    if (format.key === null) throw unsupported('an envelope with a key without KEY FORMAT');
  }
  return new SourceDecoder(format, columns, writers);
}

/**
 * In an upsert batch everything but the key can be absent (tombstones), so it is nullable there.
 */
function columnType(column: SourceColumn): ColumnType {
  return { type: column.type, nullable: column.nullable };
}

function isOfValue({ origin }: SourceColumn): boolean {
  return origin.kind === 'value' || (origin.kind === 'field' && origin.of === 'value');
}

/** Whether a part of the source is an object with fields. */
function isTyped(format: SourceFormat, part: 'key' | 'value'): boolean {
  return format.columns.some(({ origin }) => origin.kind === 'field' && origin.of === part);
}

/** What reads Debezium's events. */
type Events = EventPart | AvroEventPart;

/** What reads keys or values. */
type Part = PartDecoder | AvroPart | ProtobufPart | CsvPart;

function partOf(
  of: 'key' | 'value',
  format: SourceFormat,
  columns: readonly SourceColumn[],
  staging: Staging,
  writers: WriterSchemas,
): Part {
  const avro = format.avro?.[of];
  if (avro !== undefined) return new AvroPart(of, avro, columns, staging, writers);
  const protobuf = format.protobuf?.[of];
  if (protobuf !== undefined) return new ProtobufPart(of, protobuf, columns, staging, writers);
  const csv = format.csv?.[of];
  if (csv !== undefined) return new CsvPart(of, csv, columns, staging);
  const isFramed = format.json?.[of]?.framing === 'registry';
  return new PartDecoder(of, format[of], isTyped(format, of), columns, staging, isFramed);
}

/** What is said of a record that empties a table where that cannot be done. */
const truncate: Refusal = {
  code: '0A000',
  field: 'op',
  reason:
    'a truncate (op "t") in a topic of several partitions: nothing says what came before it ' +
    'in the others; create the source again',
};

class SourceDecoder implements Decoder {
  readonly columns: readonly ColumnType[];
  readonly #format: SourceFormat;
  readonly #names: readonly string[];
  readonly #staging: Staging;
  readonly #key: Part | EventKeyPart;
  readonly #value: Part | Events;
  /** The value, if it is Debezium's events. */
  readonly #events: Events | null;
  readonly #metadata: MetadataColumns;
  /** The value, if it is all that is read and can be read many records at a time. */
  readonly #run: AvroPart | ProtobufPart | null;
  readonly #walker = new RecordBatchWalker();
  readonly #slice = new RecordSlice();
  readonly #tombstones = new Uint8Array(limits.activationRowsMax);
  readonly #failed = new Uint8Array(limits.activationRowsMax);
  #tombstoneCount = 0;
  readonly #unchanged = new UnchangedValues();
  /** Rows before the last record that empties the whole, or null. */
  #truncated: number | null = null;
  #failedErrors: DecodeError[] = [];
  #errors: DecodeError[] = [];
  /** Bytes that the errors so far hold. */
  #errorBytes = 0;
  #only: ReadonlySet<number> | null = null;
  #records = 0;
  /** Work since the last pause. */
  #work = 0;
  #topic = '';
  #partition = 0;
  /** Whether the topic has no other partition. */
  #alone = false;

  constructor(format: SourceFormat, columns: readonly SourceColumn[], writers: WriterSchemas) {
    this.columns = columns.map(columnType);
    this.#format = format;
    this.#names = columns.map(({ name }) => name);
    this.#staging = new Staging(this.columns);
    const part = (of: 'key' | 'value'): Part => partOf(of, format, columns, this.#staging, writers);
    const isEvents = format.envelope === 'debezium';
    const { value: avro, key: avroKey } = format.avro ?? {};
    this.#events = !isEvents
      ? null
      : avro === undefined
        ? new EventPart(columns, this.#staging, format)
        : new AvroEventPart(avro, columns, this.#staging, writers, format);
    this.#key =
      isEvents && avroKey === undefined
        ? new EventKeyPart(columns, this.#staging, format)
        : part('key');
    this.#value = this.#events ?? part('value');
    this.#metadata = new MetadataColumns(columns, this.#staging);
    const isAlone = format.envelope === 'none' && format.key === null && columns.every(isOfValue);
    const isRun = this.#value instanceof AvroPart || this.#value instanceof ProtobufPart;
    this.#run = isAlone && isRun ? this.#value : null;
  }

  *decode(
    chunk: RawChunk,
    pool: SlabPool,
    step: number,
    only: ReadonlySet<number> | null = null,
  ): Generator<Decoded | null, void> {
    const writer = new BatchWriter(pool, this.columns);
    writer.resume();
    const slice = this.#slice;
    this.#forget();
    this.#only = only;
    this.#topic = chunk.topic;
    this.#partition = chunk.partition;
    this.#alone = chunk.alone === true;
    this.#metadata.open(chunk);
    this.#walker.open(chunk);
    try {
      for (
        let found = this.#walker.next(slice);
        found !== 'end';
        found = this.#walker.next(slice)
      ) {
        if (found === 'pause') yield null;
        if (found === 'broken' && only === null)
          this.#brokenRange(this.#walker.broken, chunk.lost !== undefined);
        for (let r = 0; found === 'records' && r < slice.count;) {
          if (this.#isDue) yield this.#flush(writer, step);
          else if (this.#work >= pauseWork) {
            this.#work = 0;
            yield null;
          }
          r = this.#readRecords(slice, r);
        }
      }
      if (this.#records > 0 || this.#errors.length > 0) yield this.#flush(writer, step);
    } finally {
      writer.leave();
    }
  }

  /** What an iteration that was ended early has left. */
  #forget(): void {
    this.#staging.clear();
    this.#tombstoneCount = 0;
    this.#unchanged.clear();
    this.#truncated = null;
    this.#failedErrors = [];
    this.#errors = [];
    this.#errorBytes = 0;
    this.#records = 0;
    this.#work = 0;
  }

  get #isDue(): boolean {
    return (
      this.#staging.full ||
      this.#errors.length >= limits.activationRowsMax ||
      this.#errorBytes >= limits.failedRecordsBytesMax
    );
  }

  /** Reads records from the one at `from` on until a flush or a pause is due; answers the next. */
  #readRecords(slice: RecordSlice, from: number): number {
    const { heap } = this.#staging;
    let r = from;
    let work = this.#work;
    do {
      const top = heap.top;
      const first = r;
      if (this.#run !== null && this.#only === null) r = this.#run.readRun(slice, r, slice.count);
      if (r === first && this.#only?.has(slice.offset[r]) === false) r++;
      else if (r === first) this.#readRecord(slice, r++);
      // What a record becomes can be much more than what it is: 1e131071.
      work += Math.max(0, heap.top - top) * 4;
      for (let k = first; k < r; k++) work += recordWork + slice.keyBytes[k] + slice.valueBytes[k];
    } while (r < slice.count && work < pauseWork && !this.#isDue);
    this.#records += r - from;
    this.#work = work;
    return r;
  }

  #readRecord(slice: RecordSlice, r: number): void {
    const staging = this.#staging;
    const row = staging.rows;
    const heapTop = staging.heap.top;
    const keyRefusal = this.#readKey(slice, r, row);
    if (keyRefusal === truncate) return this.#truncate(slice, r);
    if (keyRefusal !== null) {
      staging.heap.top = heapTop;
      this.#errors.push(this.#error(slice, r, keyRefusal, 'key'));
      return;
    }
    const keyed = this.#format.envelope !== 'none';
    const keyTop = staging.heap.top;
    let tombstone = keyed && slice.valueBytes[r] < 0;
    let refusal = tombstone
      ? null
      : this.#value.read(slice.bytes, slice.valueAt[r], slice.valueBytes[r], row);
    if (this.#events !== null && refusal === null && !tombstone) {
      if (this.#events.isTruncate && this.#alone) {
        staging.heap.top = heapTop;
        return this.#truncate(slice, r);
      }
      if (this.#events.isTruncate) refusal = truncate;
      tombstone = this.#events.isDelete;
      const { unchanged } = this.#events;
      if (unchanged.length > 0) this.#unchanged.mark(row, unchanged, slice.offset[r]);
    }
    if (!tombstone) refusal ??= this.#metadata.read(slice, r, row);
    if (refusal !== null && !keyed) {
      staging.heap.top = heapTop;
      this.#errors.push(this.#error(slice, r, refusal, 'value'));
      return;
    }
    if (tombstone || refusal !== null) {
      staging.heap.top = keyTop;
      this.#value.clear(row);
      this.#metadata.clear(row);
    }
    if (refusal !== null) this.#failedErrors.push(this.#error(slice, r, refusal, 'value'));
    if (tombstone) this.#tombstoneCount++;
    this.#tombstones[row] = tombstone ? 1 : 0;
    this.#failed[row] = refusal === null ? 0 : 1;
    staging.rows = row + 1;
  }

  #readKey(slice: RecordSlice, r: number, row: number): Refusal | null {
    if (this.#format.envelope !== 'none' && slice.keyBytes[r] < 0)
      return this.#noKey(slice, r, row);
    return this.#key.read(slice.bytes, slice.keyAt[r], slice.keyBytes[r], row);
  }

  /** A record without key; an event that never has one says what it is. */
  #noKey(slice: RecordSlice, r: number, row: number): Refusal {
    const { envelope } = this.#format;
    const told =
      this.#events === null || slice.valueBytes[r] < 0
        ? null
        : this.#events.read(slice.bytes, slice.valueAt[r], slice.valueBytes[r], row);
    if (told === null && this.#events?.isTruncate === true && slice.valueBytes[r] >= 0)
      return truncate;
    if (told?.field === 'op') return told;
    const reason = `the key is NULL, which ENVELOPE ${envelope.toUpperCase()} cannot have`;
    return { code: '22004', field: null, reason };
  }

  /** Where it cannot be followed, all rows are wrong: that is no matter of one record. */
  #truncate(slice: RecordSlice, r: number): void {
    if (this.#alone) this.#truncated = this.#staging.rows;
    else this.#errors.push({ ...this.#error(slice, r, truncate, 'value'), record: null });
  }

  get #place(): FailedPlace {
    return { topic: this.#topic, partition: this.#partition };
  }

  #error(slice: RecordSlice, r: number, refusal: Refusal, part: 'key' | 'value'): DecodeError {
    const error = recordError(this.#place, this.#format, slice, r, refusal, part);
    this.#errorBytes += bytesOfFailed(error);
    return error;
  }

  #brokenRange(range: BrokenRange, isLost: boolean): void {
    this.#errors.push(rangeError(this.#place, range, isLost));
  }

  #flush(writer: BatchWriter, step: number): Decoded {
    const { rows } = this.#staging;
    assert(
      this.#tombstoneCount + this.#failedErrors.length <= rows,
      'a row is a tombstone or has failed at most',
    );
    const batch = this.#staging.flush(writer, step);
    const decoded: Decoded = {
      batch,
      tombstones: this.#tombstoneCount > 0 ? this.#tombstones.slice(0, rows) : null,
      failed: this.#failedErrors.length > 0 ? this.#failed.slice(0, rows) : null,
      unchanged: this.#unchanged.take(rows, this.#names, (offset, refusal) =>
        plainError(this.#place, offset, refusal),
      ),
      truncated: this.#truncated,
      errors: [...this.#failedErrors, ...this.#errors],
      records: this.#records,
    };
    this.#tombstoneCount = 0;
    this.#truncated = null;
    this.#failedErrors = [];
    this.#errors = [];
    this.#errorBytes = 0;
    this.#records = 0;
    this.#work = 0;
    return decoded;
  }
}
