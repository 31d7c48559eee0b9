/**
 * Decodes documents through a real record batch, for tests of decoders: rows and errors as datums.
 */
import { assert } from '../../src/base/assert.ts';
import type { Row } from '../../dataflow/value/datum.ts';
import { rowsFromBatch } from '../../dataflow/value/datum-column.ts';
import { SlabPool } from '../../dataflow/value/slab.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import type {
  ColumnOrigin,
  DecodeError,
  SourceColumn,
  SourceFormat,
} from '../../connectors/format/decoder.ts';
import type { WriterSchemas } from '../../connectors/format/avro/writers.ts';
import { makeDecoder } from '../../connectors/format/make-decoder.ts';
import type { RecordHeader } from '../../connectors/kafka/encode-batch.ts';
import { RecordBatchBuilder } from '../../connectors/kafka/encode-batch.ts';

/** A record to be written; text is UTF-8. */
export interface TestRecord {
  readonly key?: string | Uint8Array | null;
  readonly value?: string | Uint8Array | null;
  readonly timestamp?: number;
  readonly headers?: readonly RecordHeader[];
}

/** A row that came out: its datums, and for upsert what it means. */
export interface TestRow {
  readonly row: Row;
  readonly kind: 'row' | 'tombstone' | 'failed';
}

export interface TestDecoded {
  readonly rows: readonly TestRow[];
  readonly errors: readonly DecodeError[];
  /** Values that rows do not have: the row's number, the column, what is said if nothing stays. */
  readonly leftOut: readonly {
    readonly row: number;
    readonly column: number;
    readonly error: DecodeError;
  }[];
  /** Rows before the last record that voids them. */
  readonly truncated: number | null;
}

/** A column of a source; by default a nullable field of the value. */
export function column(
  name: string,
  type: TypeName,
  options: {
    readonly origin?: ColumnOrigin;
    readonly nullable?: boolean;
    readonly modifier?: number;
  } = {},
): SourceColumn {
  return {
    name,
    type,
    modifier: options.modifier ?? -1,
    nullable: options.nullable ?? true,
    origin: options.origin ?? { kind: 'field', of: 'value', name },
  };
}

/** A source of typed JSON with these columns. */
export function jsonSource(
  columns: readonly SourceColumn[],
  more: Partial<SourceFormat> = {},
): SourceFormat {
  return {
    key: null,
    value: 'JSON',
    envelope: 'none',
    columns,
    keyColumns: [],
    ...more,
  };
}

const encoder = new TextEncoder();

function bytesOf(part: string | Uint8Array | null | undefined): Uint8Array | null {
  return typeof part === 'string' ? encoder.encode(part) : (part ?? null);
}

/**
 * Decodes the records as one batch from offset 0 of partition 0. All columns are wanted unless said
 * otherwise.
 */
export function decodeRecords(
  format: SourceFormat,
  records: readonly TestRecord[],
  wanted: readonly number[] = format.columns.map((_, c) => c),
  writers?: WriterSchemas,
  alone = false,
): TestDecoded {
  const builder = new RecordBatchBuilder();
  for (const { key, value, timestamp, headers } of records) {
    builder.add(bytesOf(key), bytesOf(value), timestamp ?? 0, headers);
  }
  const pool = new SlabPool();
  const decoder = makeDecoder(format, wanted, writers);
  const rows: TestRow[] = [];
  const errors: DecodeError[] = [];
  const leftOut: { row: number; column: number; error: DecodeError }[] = [];
  let truncated: number | null = null;
  let seen = 0;
  const chunk = {
    ...{ slot: 0, topic: 't', partition: 0 },
    bytes: builder.finish(),
    from: 0n,
    next: BigInt(records.length),
    aborted: [],
    alone,
  };
  for (const decoded of decoder.decode(chunk, pool, 1)) {
    if (decoded === null) continue;
    const updates = decoded.batch === null ? [] : rowsFromBatch(decoded.batch, decoder.columns);
    const { unchanged } = decoded;
    if (decoded.truncated !== null) truncated = rows.length + decoded.truncated;
    for (const [column, marks] of unchanged?.columns ?? []) {
      marks.forEach((mark, r) => {
        if (mark === 1 && unchanged !== null)
          leftOut.push({ row: rows.length + r, column, error: unchanged.error(r) });
      });
    }
    updates.forEach(({ row, weight }, r) => {
      assert(weight === 1, `decoded rows have weight 1, got ${weight}`);
      const kind =
        decoded.tombstones?.[r] === 1 ? 'tombstone' : decoded.failed?.[r] === 1 ? 'failed' : 'row';
      rows.push({ row, kind });
    });
    errors.push(...decoded.errors);
    seen += decoded.records;
    decoded.batch?.slab.release();
  }
  assert(seen === records.length, `each record is counted, got ${seen} of ${records.length}`);
  assert(pool.live === 0, `all slabs come back, ${pool.live} did not`);
  return { rows, errors, leftOut, truncated };
}
