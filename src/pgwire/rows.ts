/**
 * Row streams onto the wire: DataRow messages written straight from columns.
 *
 * A batch is written in parts of about a write buffer each, since its weights may stand for far
 * more rows than it has.
 */
import { assert, defined } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import { physicalOf } from '../../dataflow/value/type.ts';
import type { ColumnEncoder, ValueWriter } from '../../dataflow/value/wire-text.ts';
import { columnEncoder } from '../../dataflow/value/wire-text.ts';
import type { ResultColumn } from '../sql/planned.ts';
import type { RowStream } from '../coordinator/session.ts';
import type { BackendWriter } from './backend.ts';
import type { Connection } from './connection.ts';
import { valueWriter } from './value-encoder.ts';

/** Messages that hold one row each: a row of binary COPY data looks like one of a result. */
const messages = { dataRow: 'D'.charCodeAt(0), copyData: 'd'.charCodeAt(0) } as const;

/** As what a row is sent. */
export type RowMessage = keyof typeof messages;

/** How the rows of one result are written: made once for all its executions. */
export class RowFormat {
  readonly types: readonly ColumnType[];
  readonly encoders: readonly ColumnEncoder[];
  /** The same for values anywhere. */
  readonly writers: readonly ValueWriter[];

  /** `formats`: 0 text, 1 binary, by column. */
  constructor(
    columns: readonly ResultColumn[],
    formats: readonly number[],
    datetime: DatetimeContext,
  ) {
    this.types = columns.map((column) => ({ type: column.type.name, nullable: column.nullable }));
    this.writers = columns.map((column, i) => valueWriter(column.type, formats[i] === 1, datetime));
    this.encoders = columns.map((column, i) =>
      columnEncoder(
        physicalOf(column.type.name),
        defined(this.writers[i], 'a column has its writer'),
      ),
    );
  }
}

/** Encodes batches of one result into DataRow messages: `open` a batch, then `write` until true. */
export class RowEncoder {
  readonly #format: RowFormat;
  readonly #message: number;
  #batch: Batch | null = null;
  #row = 0;
  #end = 0;
  /** Copies of the row that were written. */
  #copies = 0;
  /** Rows written since `open`. */
  sent = 0;

  constructor(format: RowFormat, message: RowMessage = 'dataRow') {
    this.#format = format;
    this.#message = messages[message];
  }

  /** Begins `rows` rows of a batch from `first` on; each is written `weight` times. */
  open(packed: PackedBatch, first = 0, rows = packed.rows): void {
    assert(first >= 0 && first + rows <= packed.rows, 'rows that are sent lie in their batch');
    this.#batch = unpackBatch(packed, this.#format.types, 0);
    this.#row = first;
    this.#end = first + rows;
    this.#copies = 0;
    this.sent = 0;
  }

  /** Writes until the rows end (true) or the writer's buffer is worth a write (false). */
  write(writer: BackendWriter): boolean {
    const batch = this.#batch;
    assert(batch !== null, 'open comes before write');
    const { i32 } = batch.slab;
    while (this.#row < this.#end) {
      const weight = i32[batch.weight + this.#row] ?? 0;
      while (this.#copies < weight) {
        if (writer.at >= limits.writeBufferBytes) return false;
        writeRow(writer, this.#message, this.#format.encoders, batch, this.#row);
        this.#copies++;
        this.sent++;
      }
      this.#copies = 0;
      this.#row++;
    }
    this.#batch = null;
    return true;
  }
}

function writeRow(
  writer: BackendWriter,
  message: number,
  encoders: readonly ColumnEncoder[],
  batch: Batch,
  row: number,
): void {
  const count = encoders.length;
  const { u8 } = batch.slab;
  const start = writer.at;
  writer.byte(message);
  writer.int32(0);
  writer.int16(count);
  for (let c = 0; c < count; c++) {
    const nulls = batch.nulls[c] ?? -1;
    writer.int32(-1);
    if (nulls >= 0 && u8[nulls + row] === 1) continue;
    const valueAt = writer.at;
    encoders[c]?.(writer, batch, c, row);
    writer.patchInt32(valueAt - 4, writer.at - valueAt);
  }
  writer.patchInt32(start + 1, writer.at - start - 1);
}

/**
 * Sends a whole stream. What is written of a live stream is flushed before each wait, so that a
 * subscriber sees every change at once.
 */
export async function sendRows(
  connection: Connection,
  stream: RowStream,
  formats: readonly number[],
  message: RowMessage = 'dataRow',
): Promise<number> {
  const format = new RowFormat(stream.columns, formats, connection.datetime);
  const encoder = new RowEncoder(format, message);
  let sent = 0;
  try {
    for (;;) {
      if (stream.live) await connection.flush();
      const batch = await stream.next();
      if (batch === null) return sent;
      encoder.open(batch);
      while (!encoder.write(connection.writer)) await connection.flush();
      sent += encoder.sent;
    }
  } finally {
    stream.close();
  }
}
