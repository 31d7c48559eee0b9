/**
 * Records onto the wire: the rows of one key, which were copied out of shared memory word by word,
 * as DataRow messages, without a batch in between.
 */
import type { FoundRecords, RecordField } from '../../dataflow/value/found-records.ts';
import { recordWeight } from '../../dataflow/value/layout.ts';
import type { ValueWriter } from '../../dataflow/value/wire-text.ts';
import { assert, defined } from '../base/assert.ts';
import type { BackendWriter } from './backend.ts';

const dataRow = 'D'.charCodeAt(0);

interface Column {
  readonly field: RecordField;
  readonly write: ValueWriter;
}

/** Writes records of one lookup as rows of one result. */
export class RecordFormat {
  readonly fields: readonly RecordField[];
  readonly #columns: readonly Column[];

  /** `writers`: of the result's columns, which are the fields in order. */
  constructor(fields: readonly RecordField[], writers: readonly ValueWriter[]) {
    this.fields = fields;
    this.#columns = fields.map((field, c) => ({
      field,
      write: defined(writers[c], 'a field has its writer'),
    }));
  }

  /** Writes every record as often as its weight says; answers how many rows that are. */
  write(writer: BackendWriter, { words, places, count }: FoundRecords): number {
    assert(count <= places.length, 'what was found has its places');
    let sent = 0;
    for (let k = 0; k < count; k++) {
      const place = places[k] ?? 0;
      const weight = words[place + recordWeight] ?? 0;
      for (let copy = 0; copy < weight; copy++) this.#row(writer, words, place);
      sent += weight;
    }
    return sent;
  }

  #row(writer: BackendWriter, words: Int32Array, place: number): void {
    const columns = this.#columns;
    const start = writer.at;
    writer.byte(dataRow);
    writer.int32(0);
    writer.int16(columns.length);
    for (const { field, write } of columns) {
      writer.int32(-1);
      if (
        field.nullWord >= 0 &&
        (((words[place + field.nullWord] ?? 0) >>> field.nullBit) & 1) !== 0
      )
        continue;
      const valueAt = writer.at;
      switch (field.physical) {
        case 'i32':
          write(writer, words, place + field.offset, 4);
          break;
        case 'i64':
        case 'f64':
          write(writer, words, place + field.offset, 8);
          break;
        case 'var':
          write(writer, words, field.start(words, place), words[place + field.offset] ?? 0);
          break;
      }
      writer.patchInt32(valueAt - 4, writer.at - valueAt);
    }
    writer.patchInt32(start + 1, writer.at - start - 1);
  }
}
