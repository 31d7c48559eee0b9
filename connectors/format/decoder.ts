/**
 * From raw record batches to columns: the contract of a source decoder. It runs on the dataflow
 * thread, is made once per (source, wanted columns) and generated for them: columns that nobody
 * reads are skipped, not decoded.
 */
import type { Batch } from '../../dataflow/value/batch.ts';
import type { SlabPool } from '../../dataflow/value/slab.ts';
import type { ColumnType, TypeName } from '../../dataflow/value/type.ts';
import type { RawChunk } from '../connector.ts';

export type FormatName = 'TEXT' | 'BYTES' | 'JSON' | 'AVRO' | 'PROTOBUF' | 'CSV';

/** Where a column of a source comes from. */
export type ColumnOrigin =
  /**
   * The whole key or value (TEXT, BYTES, JSON as one jsonb, an Avro schema that is no record).
   * `branch`, for Avro: the branch of the reader's union that the column is, if it is a union.
   */
  | { readonly kind: 'key' | 'value'; readonly branch?: number | null }
  /**
   * A field of an object (typed JSON), a record (Avro, CSV) or a message (Protobuf) in the value or
   * the key.
   */
  | {
      readonly kind: 'field';
      readonly of: 'key' | 'value';
      readonly name: string;
      readonly branch?: number | null;
    }
  | { readonly kind: 'topic' | 'partition' | 'offset' | 'timestamp' | 'headers' }
  /** The value of the last header with this key; NULL if there is none. */
  | { readonly kind: 'header'; readonly key: string };

export interface SourceColumn {
  readonly name: string;
  readonly type: TypeName;
  /** typmod, as in SqlType. */
  readonly modifier: number;
  readonly nullable: boolean;
  readonly origin: ColumnOrigin;
}

/** How Avro is read in the key or the value. */
export interface AvroReading {
  /** The schema as which records are read, self-contained; columns are made of it. */
  readonly schema: string;
  /**
   * `registry`: a byte 0 and the number of the writer's schema, four bytes, come before the record.
   * `none`: records were written with `schema`.
   */
  readonly framing: 'registry' | 'none';
}

/** How Protobuf is read in the key or the value. */
export interface ProtobufReading {
  /** The files as which records are read, self-contained; columns are made of them. */
  readonly schema: string;
  /** The full name of the message; null for the first one of the schema. */
  readonly message: string | null;
  /**
   * `registry`: a byte 0, the number of the writer's schema, four bytes, and the indexes that lead to
   * the message come before it. `none`: messages stand alone.
   */
  readonly framing: 'registry' | 'none';
}

/** How CSV is read in the key or the value: a record is a line. */
export interface CsvReading {
  /** The fields of a line, in order; columns have these names as the fields of their origin. */
  readonly names: readonly string[];
  /** One ASCII character each. */
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  /** What a field is, unquoted, that is NULL. */
  readonly null: string;
}

/** How JSON is read: behind the number of a schema, which says nothing that is needed. */
export interface JsonReading {
  readonly framing: 'registry';
}

/** What strings of decimals are in Debezium's events: the bytes of two's complement, or digits. */
export type DecimalHandling = 'precise' | 'string';

/** A source's reading, as plain data. */
export interface SourceFormat {
  readonly key: FormatName | null;
  readonly value: FormatName;
  /** All but `none` keep one row a key. */
  readonly envelope: 'none' | 'upsert' | 'debezium';
  readonly columns: readonly SourceColumn[];
  /** How AVRO is read; there for those parts that have this format. */
  readonly avro?: { readonly key?: AvroReading; readonly value?: AvroReading };
  /** The same of PROTOBUF and CSV, and of JSON where numbers of schemas stand before it. */
  readonly protobuf?: { readonly key?: ProtobufReading; readonly value?: ProtobufReading };
  readonly csv?: { readonly key?: CsvReading; readonly value?: CsvReading };
  readonly json?: { readonly key?: JsonReading; readonly value?: JsonReading };
  /** Debezium: how decimals were written, where the source says so. */
  readonly decimals?: DecimalHandling;
  /** Debezium: what stands for a value that did not change, where it is not the usual text. */
  readonly unavailable?: string;
  /** Where one row a key is kept: positions of the columns that make the key. */
  readonly keyColumns: readonly number[];
  /**
   * What becomes of a record that does not decode: a row of the relation of errors, or (FAIL, which
   * is meant where nothing is said) an error of the source.
   */
  readonly onError?: 'QUARANTINE' | 'FAIL';
}

/** Values that records left out because they are what they were. */
export interface Unchanged {
  /** For each column (position in the batch) that some row lacks: one byte a row, 1 = left out. */
  readonly columns: ReadonlyMap<number, Uint8Array>;
  /** What is the matter with such a row if its key has no value that it could keep. */
  error(row: number): DecodeError;
}

/** What did not decode: see failed-record.ts. */
export interface FailedRecord {
  readonly topic: string;
  readonly partition: number;
  /** Of the record, or of the first one of a range that cannot be told apart. */
  readonly offset: number;
  /** Milliseconds since the epoch, or -1. */
  readonly timestamp: number;
  /** The first bytes of key and value; null if they are NULL, or nobody knows. */
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Number of the schema that the part which failed names, or null. */
  readonly schemaId: number | null;
  readonly field: string | null;
  /** Why, without where. */
  readonly reason: string;
  /** It is one record, not a range: it can be decoded again by itself. */
  readonly single: boolean;
}

/** One failed record, or some that cannot be told apart. */
export interface DecodeError {
  readonly code: string;
  /** Names topic, partition, offset and field. */
  readonly message: string;
  /** null where more is wrong than a record: the log has lost some, or all rows are wrong. */
  readonly record: FailedRecord | null;
}

/**
 * What decoding one chunk gives. Where one row a key is kept, `tombstones` marks rows of which only
 * the key is set.
 */
export interface Decoded {
  /**
   * Columns = the wanted ones, in order, weights +1; null if no record was wanted. Its slab use is
   * the caller's.
   */
  readonly batch: Batch | null;
  /** One byte a row, 1 = a delete of the key; null if there is none. */
  readonly tombstones: Uint8Array | null;
  /**
   * Keyed sources: one byte a row, 1 = the value did not decode: only the key is set, its error is
   * in `errors`.
   */
  readonly failed: Uint8Array | null;
  /** Keyed sources: values that rows do not have, as the key keeps those that it has; else null. */
  readonly unchanged: Unchanged | null;
  /**
   * Keyed sources: so many rows of the batch, and all that came before it, were taken away by the
   * last record that empties the whole; null if there is none.
   */
  readonly truncated: number | null;
  /** First the errors of failed rows, in row order; then those of records that give no row. */
  readonly errors: readonly DecodeError[];
  readonly records: number;
}

export interface Decoder {
  readonly columns: readonly ColumnType[];
  /**
   * Decodes as it is iterated; null is a pause after a bounded amount of work. One chunk at a time:
   * the iteration is finished, or ended early, before the next begins. Never throws for data: a
   * broken batch (CRC, length, codec) is one error naming its offset range. With `only` it decodes
   * the records of these offsets, and says nothing of the others.
   */
  decode(
    chunk: RawChunk,
    pool: SlabPool,
    step: number,
    only?: ReadonlySet<number>,
  ): Iterable<Decoded | null>;
}
