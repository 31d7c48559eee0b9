/**
 * The key or the value of records in CSV into the columns that come from it: a record is one line,
 * each column one of its fields, read as Postgres reads COPY in its CSV format.
 *
 * An unquoted field that is empty (or what the source says NULL is) is NULL. A line with another
 * number of fields than the source has gives no row, whichever columns are read.
 */
import { assert } from '../../../src/base/assert.ts';
import { unsupported } from '../../../src/base/error.ts';
import { utf8 } from '../../../dataflow/value/words.ts';
import type { CsvReading, SourceColumn } from '../decoder.ts';
import type { FieldType } from '../field-value.ts';
import { isFieldType } from '../field-value.ts';
import type { Refusal } from '../json-fields.ts';
import { PlainValue } from '../plain-value.ts';
import type { StagedColumn, Staging } from '../staging.ts';
import { CsvLine } from './line.ts';

/** A column that is read, and the field that it comes from. */
interface Wanted {
  readonly name: string;
  readonly type: FieldType;
  readonly modifier: number;
  readonly field: number;
  readonly staged: StagedColumn;
}

/** Fills the columns that come from the key, or those that come from the value. */
export class CsvPart {
  readonly #part: 'key' | 'value';
  readonly #wanted: readonly Wanted[];
  readonly #fields: number;
  readonly #null: Uint8Array;
  readonly #line: CsvLine;
  readonly #value: PlainValue;

  constructor(
    part: 'key' | 'value',
    reading: CsvReading,
    columns: readonly SourceColumn[],
    staging: Staging,
  ) {
    this.#part = part;
    this.#fields = reading.names.length;
    this.#null = utf8(reading.null);
    this.#line = new CsvLine(reading, this.#fields);
    this.#value = new PlainValue(staging.heap);
    this.#wanted = columns.flatMap(({ name, type, modifier, origin }, place) => {
      if (origin.kind !== 'field' || origin.of !== part) return [];
      const field = reading.names.indexOf(origin.name);
      assert(field >= 0, `the line has a field for column ${place}`);
      if (!isFieldType(type)) throw unsupported(`a CSV field of type ${type}`);
      const staged = staging.staged[place];
      return [{ name, type, modifier, field, staged }];
    });
  }

  /** Fills this part's columns of row `row`; `length` is -1 for NULL. Answers why not, or null. */
  read(bytes: Uint8Array, at: number, length: number, row: number): Refusal | null {
    if (length < 0) return this.#missing(row);
    const line = this.#line;
    if (!line.cut(bytes, at, at + length)) return this.#refuse('22P04', null, line.problem);
    if (line.count !== this.#fields) {
      const reason = `the line has ${line.count} fields, not ${this.#fields}`;
      return this.#refuse('22P04', null, reason);
    }
    for (const wanted of this.#wanted) {
      const refusal = this.#field(wanted, bytes, row);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** Makes this part's columns NULL (or zero where NULL cannot be). */
  clear(row: number): void {
    for (const { staged } of this.#wanted) staged.setNull(row);
  }

  #field(wanted: Wanted, record: Uint8Array, row: number): Refusal | null {
    const line = this.#line;
    const { type, modifier, field, staged } = wanted;
    const bytes = line.moved[field] === 1 ? line.scratch : record;
    const at = line.starts[field];
    const end = line.ends[field];
    if (line.quoted[field] === 0 && this.#isNull(bytes, at, end)) {
      if (!staged.nullable)
        return this.#refuse('23502', wanted.name, 'it is NULL, but the column is NOT NULL');
      staged.setNull(row);
      return null;
    }
    const value = this.#value;
    value.read(type, modifier, bytes, at, end, staged, row);
    return value.refusal === null
      ? null
      : this.#refuse(value.refusalCode, wanted.name, value.refusal);
  }

  #isNull(bytes: Uint8Array, at: number, end: number): boolean {
    const text = this.#null;
    if (end - at !== text.length) return false;
    for (let k = 0; k < text.length; k++) if (bytes[at + k] !== text[k]) return false;
    return true;
  }

  #refuse(code: string, field: string | null, reason: string): Refusal {
    return { code, field, reason: this.#part === 'key' ? `in the key: ${reason}` : reason };
  }

  #missing(row: number): Refusal | null {
    const required = this.#wanted.find(({ staged }) => !staged.nullable);
    if (required !== undefined) {
      const reason = `the ${this.#part} is NULL, but the column is NOT NULL`;
      return { code: '23502', field: required.name, reason };
    }
    this.clear(row);
    return null;
  }
}
