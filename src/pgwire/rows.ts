/** Row streams onto the wire: DataRow messages written straight from columns. */
import type { PackedBatch } from '../../dataflow/graph/command.ts';
import { unpackBatch } from '../../dataflow/graph/packed-batch.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';
import type { ResultColumn } from '../sql/planned.ts';
import type { RowStream } from '../coordinator/session.ts';
import type { BackendWriter } from './backend.ts';
import type { Connection } from './connection.ts';
import type { ValueEncoder } from './value-encoder.ts';
import { valueEncoder } from './value-encoder.ts';

/** Encodes batches of one result into DataRow messages. */
export class RowEncoder {
  readonly #types: readonly ColumnType[];
  readonly #encoders: readonly ValueEncoder[];

  constructor(columns: readonly ResultColumn[], formats: readonly number[]) {
    this.#types = columns.map((column) => ({ type: column.type.name, nullable: column.nullable }));
    this.#encoders = columns.map((column, i) => valueEncoder(column.type, formats[i] === 1));
  }

  /** Writes every row of the batch, `weight` times each; answers how many messages that made. */
  encode(writer: BackendWriter, packed: PackedBatch): number {
    const batch = unpackBatch(packed, this.#types, 0);
    const { u8, i32 } = batch.slab;
    const count = this.#encoders.length;
    let sent = 0;
    for (let row = 0; row < batch.rows; row++) {
      const weight = i32[batch.weight + row] ?? 0;
      for (let copy = 0; copy < weight; copy++) {
        writer.begin('D');
        writer.int16(count);
        for (let c = 0; c < count; c++) {
          const nulls = batch.nulls[c] ?? -1;
          if (nulls >= 0 && u8[nulls + row] === 1) {
            writer.int32(-1);
            continue;
          }
          const lengthAt = writer.at;
          writer.int32(0);
          this.#encoders[c]?.(writer, batch, c, row);
          writer.patch32(lengthAt, writer.at - lengthAt - 4);
        }
        writer.end();
        sent++;
      }
    }
    return sent;
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
      sent += encoder.encode(connection.writer, batch);
      await connection.flushWhenLarge();
    }
  } finally {
    stream.close();
  }
}
