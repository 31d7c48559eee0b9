/**
 * The key or the value of records in Protobuf into the columns that come from it.
 *
 * Behind a schema registry each record names the schema with which it was written, and the message
 * in it: a byte 0, the schema's number, then the way to the message as indexes among the messages of
 * the file, then of the message (a count and as many varints; a lone 0 is the first message). For
 * each there is a reader of its own, made when the first record comes.
 */
import { assert } from '../../../src/base/assert.ts';
import { limits } from '../../../src/base/limits.ts';
import type { RecordSlice } from '../../kafka/record-batch.ts';
import type { WriterSchema, WriterSchemas } from '../avro/writers.ts';
import type { ProtobufReading, SourceColumn } from '../decoder.ts';
import type { Refusal } from '../json-fields.ts';
import type { Staging } from '../staging.ts';
import { messageOf } from './columns.ts';
import { ProtoCursor } from './cursor.ts';
import { parseProtobuf } from './parse.ts';
import type { WantedColumn } from './plan.ts';
import { messagePlan } from './plan.ts';
import { MessageReader } from './row.ts';
import type { ProtoMessage, ProtoSchema } from './schema.ts';

/** Bytes of magic and number before a record. */
const frameBytes = 5;
/** Indexes on the way to a message. */
const indexesMax = 32;

/** The readers of one number, by the way to their message; a text says why there is none. */
interface Written {
  readonly source: WriterSchema;
  readonly byPath: Map<string, MessageReader | string>;
}

/** Fills the columns that come from the key, or those that come from the value. */
export class ProtobufPart {
  readonly #part: 'key' | 'value';
  readonly #framing: ProtobufReading['framing'];
  readonly #message: ProtoMessage;
  readonly #wanted: readonly WantedColumn[];
  readonly #staging: Staging;
  readonly #writers: WriterSchemas;
  readonly #written = new Map<number, Written>();
  readonly #own: MessageReader;
  readonly #frame = new ProtoCursor();
  /** The number whose first message was read last: most records are that. */
  #last = -1;
  #lastSource: WriterSchema | null = null;
  #lastReader: MessageReader | null = null;

  constructor(
    part: 'key' | 'value',
    reading: ProtobufReading,
    columns: readonly SourceColumn[],
    staging: Staging,
    writers: WriterSchemas,
  ) {
    this.#part = part;
    this.#framing = reading.framing;
    this.#staging = staging;
    this.#writers = writers;
    this.#wanted = columns.flatMap((column, place) =>
      column.origin.kind === 'field' && column.origin.of === part ? [{ column, place }] : [],
    );
    const schema = parseProtobuf(reading.schema);
    this.#message = messageOf(schema, reading.message);
    this.#own = this.#readerOf(this.#message, schema);
  }

  /**
   * Reads records of a slice, from `from` up to `to` at most, into the staging's next rows; answers
   * the first that it leaves to `read`. For sources of which nothing but this part is read.
   */
  readRun(slice: RecordSlice, from: number, to: number): number {
    const { valueAt, valueBytes, bytes } = slice;
    const staging = this.#staging;
    let r = from;
    for (; r < to && valueBytes[r] >= 0 && !staging.full; r++) {
      const { top } = staging.heap;
      if (this.read(bytes, valueAt[r], valueBytes[r], staging.rows) === null) staging.rows++;
      else {
        staging.heap.top = top;
        break;
      }
    }
    return r;
  }

  /** Fills this part's columns of row `row`; `length` is -1 for NULL. Answers why not, or null. */
  read(bytes: Uint8Array, at: number, length: number, row: number): Refusal | null {
    if (length < 0) return this.#missing(row);
    const end = at + length;
    if (this.#framing === 'none') return this.#inPart(this.#own.read(bytes, at, end, row));
    if (length <= frameBytes || bytes[at] !== 0)
      return this.#refuse('the record does not begin with the number of a schema');
    const id =
      ((bytes[at + 1] << 24) | (bytes[at + 2] << 16) | (bytes[at + 3] << 8) | bytes[at + 4]) >>> 0;
    const isFirst = bytes[at + frameBytes] === 0;
    let reader: MessageReader | string | null = null;
    let from = at + frameBytes + 1;
    const source = this.#writers.get(id);
    if (isFirst && id === this.#last && source === this.#lastSource) reader = this.#lastReader;
    if (reader === null) {
      const path = isFirst ? [0] : this.#pathAt(bytes, at + frameBytes, end);
      if (path === null) return this.#refuse('the way to the message is malformed');
      if (!isFirst) from = this.#frame.at;
      reader = this.#readerAt(id, source, path);
      if (typeof reader === 'string') return this.#refuse(reader);
      if (isFirst) {
        this.#last = id;
        this.#lastSource = source;
        this.#lastReader = reader;
      }
    }
    const refusal = reader.read(bytes, from, end, row);
    if (refusal === null) return null;
    const reason = `${refusal.reason} (written with schema ${id})`;
    return this.#inPart({ ...refusal, reason });
  }

  /** Makes this part's columns NULL (or zero where NULL cannot be). */
  clear(row: number): void {
    for (const { place } of this.#wanted) this.#staging.staged[place].setNull(row);
  }

  /** The indexes at `at`, behind which the frame's cursor is then; null if they are none. */
  #pathAt(bytes: Uint8Array, at: number, end: number): readonly number[] | null {
    const frame = this.#frame;
    frame.open(bytes, at, end);
    const zigzag = (): number | null => {
      if (!frame.varint() || frame.high !== 0 || (frame.low & 1) !== 0) return null;
      return frame.low >>> 1;
    };
    const count = zigzag();
    if (count === null || count > indexesMax) return null;
    const path: number[] = [];
    for (let k = 0; k < count; k++) {
      const index = zigzag();
      if (index === null) return null;
      path.push(index);
    }
    return count === 0 ? [0] : path;
  }

  #readerAt(id: number, source: WriterSchema, path: readonly number[]): MessageReader | string {
    if (source.kind !== 'protobuf') {
      const why = source.kind === 'unusable' ? source.reason : 'it is not Protobuf';
      return `schema ${id} cannot be used: ${why}`;
    }
    let written = this.#written.get(id);
    if (written?.source !== source) {
      written = { source, byPath: new Map() };
      this.#written.set(id, written);
    }
    const key = path.join();
    const known = written.byPath.get(key);
    if (known !== undefined) return known;
    const made = this.#make(id, source.schema, path);
    assert(written.byPath.size <= limits.protobufSchemaPartsMax, 'a schema has so many messages');
    if (typeof made !== 'string') written.byPath.set(key, made);
    return made;
  }

  #make(id: number, schema: ProtoSchema, path: readonly number[]): MessageReader | string {
    let message: ProtoMessage | undefined;
    let among = schema.messages;
    for (const index of path) {
      message = among[index];
      if (message === undefined) return `schema ${id} has no message ${path.join('.')}`;
      among = message.nested;
    }
    assert(message !== undefined, 'a way has an index');
    if (message.name !== this.#message.name)
      return `the message is ${message.name}, not ${this.#message.name} (written with schema ${id})`;
    return this.#readerOf(message, schema);
  }

  #readerOf(writer: ProtoMessage, schema: ProtoSchema): MessageReader {
    const plan = messagePlan(writer, this.#message, this.#wanted);
    return new MessageReader(plan, this.#staging, schema.byName);
  }

  #refuse(reason: string): Refusal | null {
    return this.#inPart({ code: '22P03', field: null, reason });
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
