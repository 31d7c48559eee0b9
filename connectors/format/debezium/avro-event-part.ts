/**
 * Debezium's change events in Avro into the columns of their rows. What an event means, its `op`,
 * comes behind the row; so the envelope is passed over first, which finds where `after` begins and
 * ends and what `op` is, and then the row is read where it stands, by the same readers as other
 * Avro records. `before`, `source` and all other fields are passed.
 *
 * A value that an update left out (TOAST) comes as a text, or as its bytes: rows that have it are
 * looked through for it after they were read.
 */
import { assert } from '../../../src/base/assert.ts';
import { utf8 } from '../../../dataflow/value/words.ts';
import { AvroInput, BadAvro } from '../avro/input.ts';
import { frameBytes, numberAt } from '../avro/part.ts';
import { parseSchema } from '../avro/parse.ts';
import type { WantedColumn } from '../avro/plan.ts';
import { rowPlan } from '../avro/plan.ts';
import { RowReader } from '../avro/row.ts';
import type { AvroRecord } from '../avro/schema.ts';
import type { WriterSchema, WriterSchemas } from '../avro/writers.ts';
import type { AvroReading, SourceColumn, SourceFormat } from '../decoder.ts';
import type { Refusal } from '../json-fields.ts';
import type { Staging } from '../staging.ts';
import type { Envelope } from './avro-schema.ts';
import { envelopeOf, rowSchema } from './avro-schema.ts';
import { usuallyUnavailable } from './unavailable.ts';

const none: readonly number[] = [];

/** The reader of one writer's events. */
interface Written {
  readonly source: WriterSchema | null;
  readonly envelope: Envelope | null;
  readonly rows: RowReader | null;
}

/** A column in which a text may say that its value was left out. */
interface Suspect {
  readonly place: number;
  readonly text: Uint8Array;
}

/** Fills the columns that come from the row in an event. */
export class AvroEventPart {
  /** Whether the last event deletes its key; its columns are then not filled. */
  isDelete = false;
  /** Whether the last event empties the table; there is no row then. */
  isTruncate = false;
  /** Columns whose values the last row left out, as they did not change. */
  unchanged = none;
  readonly #framing: AvroReading['framing'];
  readonly #row: AvroRecord;
  readonly #wanted: readonly WantedColumn[];
  readonly #suspects: readonly Suspect[];
  readonly #staging: Staging;
  readonly #writers: WriterSchemas;
  readonly #readers = new Map<number, Written>();
  readonly #own: Written;
  readonly #input = new AvroInput();
  #op = '';
  /** Where the row is; -1 if there is none. */
  #from = -1;
  #to = -1;

  constructor(
    reading: AvroReading,
    columns: readonly SourceColumn[],
    staging: Staging,
    writers: WriterSchemas,
    format: SourceFormat,
  ) {
    const schema = parseSchema(reading.schema);
    this.#framing = reading.framing;
    this.#row = rowSchema(schema);
    this.#staging = staging;
    this.#writers = writers;
    this.#wanted = columns.flatMap((column, place) =>
      column.origin.kind === 'field' && column.origin.of === 'value' ? [{ column, place }] : [],
    );
    const text = format.unavailable ?? usuallyUnavailable;
    const quoted = JSON.stringify(text);
    this.#suspects = this.#wanted.flatMap(({ column: { type }, place }) => {
      if (type === 'text' || type === 'bytea') return [{ place, text: utf8(text) }];
      return type === 'jsonb' ? [{ place, text: utf8(quoted) }] : [];
    });
    this.#own = this.#writtenAs(null, envelopeOf(schema));
  }

  /** Fills the columns of row `row` from the event at `at`; answers why not, or null. */
  read(bytes: Uint8Array, at: number, length: number, row: number): Refusal | null {
    this.isDelete = false;
    this.isTruncate = false;
    this.unchanged = none;
    if (this.#framing === 'none') return this.#event(this.#own, bytes, at, at + length, row);
    if (length < frameBytes || bytes[at] !== 0) {
      const reason = 'the record does not begin with the number of a schema';
      return { code: '22P03', field: null, reason };
    }
    const id = numberAt(bytes, at + 1);
    const written = this.#written(id);
    if (written.source?.kind === 'unusable') {
      const reason = `schema ${id} cannot be used: ${written.source.reason}`;
      return { code: '22P03', field: null, reason };
    }
    const refusal = this.#event(written, bytes, at + frameBytes, at + length, row);
    return refusal && { ...refusal, reason: `${refusal.reason} (written with schema ${id})` };
  }

  /** Makes the row's columns NULL (or zero where NULL cannot be). */
  clear(row: number): void {
    for (const { place } of this.#wanted) this.#staging.staged[place].setNull(row);
  }

  #event(
    { envelope, rows }: Written,
    bytes: Uint8Array,
    at: number,
    end: number,
    row: number,
  ): Refusal | null {
    if (envelope === null || rows === null)
      return { code: '42804', field: 'after', reason: 'its schema is not that of an event' };
    const broken = this.#pass(envelope, bytes, at, end);
    if (broken !== null) return broken;
    switch (this.#op) {
      case 'd':
        this.isDelete = true;
        return null;
      case 't':
        this.isTruncate = true;
        return null;
      case 'c':
      case 'r':
      case 'u':
        break;
      default: {
        const reason = `an event of op ${JSON.stringify(this.#op)} is not supported`;
        return { code: '0A000', field: 'op', reason };
      }
    }
    if (this.#from < 0) {
      const reason = `it is null, but the event has op "${this.#op}"`;
      return { code: '22P02', field: 'after', reason };
    }
    const refusal = rows.readNext(bytes, this.#from, 0, this.#to - this.#from, 0, row);
    if (refusal === null) this.#lookForLeftOut(row);
    return refusal;
  }

  /** Finds the row and the operation of an event. */
  #pass({ record }: Envelope, bytes: Uint8Array, at: number, end: number): Refusal | null {
    const input = this.#input;
    input.open(bytes, at, end);
    this.#from = -1;
    let name = '';
    try {
      for (const field of record.fields) {
        ({ name } = field);
        const { type } = field;
        if (name === 'op' && type.kind === 'string') this.#op = input.text(input.length());
        else if (name !== 'after') input.skip(type, 1);
        else {
          const branch =
            type.kind === 'union'
              ? type.branches[input.index(type.branches.length, 'branch')]
              : type;
          const from = input.at;
          input.skip(branch, 1);
          if (branch.kind === 'record') this.#from = from;
          this.#to = input.at;
        }
      }
    } catch (error) {
      if (!(error instanceof BadAvro)) throw error;
      return { code: error.code, field: name, reason: error.message };
    }
    const rest = end - input.at;
    return rest === 0
      ? null
      : { code: '22P03', field: null, reason: `${rest} bytes follow the record` };
  }

  #lookForLeftOut(row: number): void {
    const { staged, heap } = this.#staging;
    for (const { place, text } of this.#suspects) {
      const { words, nulls, nullable } = staged[place];
      if ((nullable && nulls[row] === 1) || words[2 * row + 1] !== text.length) continue;
      const from = words[2 * row] * 4;
      if (!text.every((byte, k) => heap.u8[from + k] === byte)) continue;
      staged[place].setNull(row);
      this.unchanged = [...this.unchanged, place];
    }
  }

  #written(id: number): Written {
    const source = this.#writers.get(id);
    const known = this.#readers.get(id);
    if (known?.source === source) return known;
    const envelope = source.kind === 'schema' ? envelopeOf(source.schema) : null;
    const made = this.#writtenAs(source, envelope);
    if (source.kind === 'schema') this.#readers.set(id, made);
    return made;
  }

  #writtenAs(source: WriterSchema | null, envelope: Envelope | null): Written {
    if (envelope === null) return { source, envelope, rows: null };
    const plan = rowPlan(envelope.row, this.#row, this.#wanted);
    const rows = new RowReader(plan, this.#staging, false);
    assert(envelope.record.fields.length > 0, 'an event has fields');
    return { source, envelope, rows };
  }
}
