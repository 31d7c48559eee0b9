/**
 * Row streams onto the wire: DataRow messages written straight from columns.
 *
 * A batch is written in parts of about a write buffer each, since its weights may stand for far more
 * rows than it has.
 */
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import type { Batch } from '../../dataflow/value/batch.ts';
import { plainContext } from '../../dataflow/value/datetime-text.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import type { ColumnEncoder } from '../../dataflow/value/wire-text.ts';
import type { ResultColumn } from '../sql/planned.ts';
import type { RowStream } from '../coordinator/session.ts';
import type { BackendWriter } from './backend.ts';
import type { Connection } from './connection.ts';
import { valueEncoder } from './value-encoder.ts';

const dataRow = 'D'.charCodeAt(0);

/** Encodes batches of one result into DataRow messages: `open` a batch, then `write` until true. */
export class RowEncoder {
  readonly #types: readonly ColumnType[];
  readonly #encoders: readonly ColumnEncoder[];
  #batch: Batch | null = null;
  #row = 0;
  /** Copies of the row that were written. */
  #copies = 0;
  /** Rows written since `open`. */
  sent = 0;

  constructor(columns: readonly ResultColumn[], formats: readonly number[]) {
    this.#types = columns.map((column) => ({ type: column.type.name, nullable: column.nullable }));
    this.#encoders = columns.map((column, i) => valueEncoder(column.type, formats[i] === 1, plainContext));
  }

  /** Begins a batch; every row of it is written `weight` times. */
  open(packed: PackedBatch): void {
    this.#batch = unpackBatch(packed, this.#types, 0);
    this.#row = 0;
    this.#copies = 0;
    this.sent = 0;
  }

  /** Writes until the batch ends (true) or the writer's buffer is worth a write (false). */
  write(writer: BackendWriter): boolean {
    const batch = this.#batch;
    assert(batch !== null, 'open comes before write');
    const { i32 } = batch.slab;
    while (this.#row < batch.rows) {
      const weight = i32[batch.weight + this.#row] ?? 0;
      while (this.#copies < weight) {
        if (writer.at >= limits.writeBufferBytes) return false;
        this.#writeRow(writer, batch, this.#row);
        this.#copies++;
        this.sent++;
      }
      this.#copies = 0;
      this.#row++;
    }
    this.#batch = null;
    return true;
  }

  #writeRow(writer: BackendWriter, batch: Batch, row: number): void {
    const encoders = this.#encoders;
    const count = encoders.length;
    const { u8 } = batch.slab;
    const start = writer.at;
    writer.byte(dataRow);
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
}

/**
 * Sends a whole stream. What is written of a live stream is flushed before each wait, so that a
 * subscriber sees every change at once.
 */
export async function sendRows(
  connection: Connection, stream: RowStream, formats: readonly number[],
): Promise<number> {
  const encoder = new RowEncoder(stream.columns, formats);
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
