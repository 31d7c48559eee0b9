/** The one place where a result column's type and format choose how its values are written. */
import type { Batch } from '../../dataflow/value/batch.ts';
import { encodeBinary } from '../../dataflow/value/binary-output.ts';
import { readDatum } from '../../dataflow/value/datum-column.ts';
import { formatDatum } from '../../dataflow/value/text-output.ts';
import type { SqlType } from '../sql/catalog-view.ts';
import type { BackendWriter } from './backend.ts';

/** Appends a value that is not NULL, without its length. */
export type ValueEncoder = (writer: BackendWriter, batch: Batch, column: number, row: number) => void;

const utf8 = new TextEncoder();

export function valueEncoder(type: SqlType, binary: boolean): ValueEncoder {
  if (binary) {
    return (writer, batch, column, row) =>
      writer.raw(encodeBinary(type.name, readDatum(batch, column, row, type.name)));
  }
  return (writer, batch, column, row) =>
    writer.raw(utf8.encode(formatDatum(type.name, readDatum(batch, column, row, type.name), type.modifier)));
}
