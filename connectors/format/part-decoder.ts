/**
 * The key or the value of records into the columns that come from it, in one of the formats: TEXT
 * and BYTES give one column, JSON one jsonb column or the fields of an object.
 *
 * A NULL key or value leaves its columns NULL. TEXT must be UTF-8 without NUL characters.
 */
import { assert } from '../../src/base/assert.ts';
import { unsupported } from '../../src/base/error.ts';
import type { FormatName, SourceColumn } from './decoder.ts';
import { isFieldType } from './field-value.ts';
import { JsonCanonical } from './json-canonical.ts';
import { JsonCursor } from './json-cursor.ts';
import type { Refusal, WantedField } from './json-fields.ts';
import { JsonFields } from './json-fields.ts';
import type { Staging } from './staging.ts';
import { copyPlain, invalidTextAt, notText } from './text-bytes.ts';

/** Bytes of magic and number before a record. */
const schemaFrameBytes = 5;

/** Fills the columns that come from the key, or those that come from the value. */
export class PartDecoder {
  readonly #part: 'key' | 'value';
  readonly #format: FormatName | null;
  /** Bytes before the document: a byte 0 and the number of a schema, or none. */
  readonly #frameBytes: number;
  readonly #staging: Staging;
  /** Columns that take the whole part. */
  readonly #whole: readonly number[];
  /** All columns that come from this part. */
  readonly #own: readonly number[];
  readonly #fields: JsonFields | null;
  readonly #cursor = new JsonCursor();
  readonly #canonical: JsonCanonical;
  readonly #names: readonly string[];

  /**
   * `typed` says that the part is an object with fields, even if no wanted column is one of them;
   * `framed` that the number of a schema comes before it.
   */
  constructor(
    part: 'key' | 'value',
    format: FormatName | null,
    typed: boolean,
    columns: readonly SourceColumn[],
    staging: Staging,
    framed = false,
  ) {
    this.#part = part;
    this.#format = format;
    this.#frameBytes = framed ? schemaFrameBytes : 0;
    this.#staging = staging;
    this.#canonical = new JsonCanonical(this.#cursor, staging.heap);
    this.#names = columns.map((column) => column.name);
    this.#whole = columns.flatMap((column, c) => (column.origin.kind === part ? [c] : []));
    const fields = wantedFields(part, columns);
    assert(
      fields.length === 0 || format === 'JSON',
      `fields of a ${part} come from JSON, got ${format}`,
    );
    assert(this.#whole.length === 0 || format !== null, `a ${part} column needs a ${part} format`);
    this.#own = [...this.#whole, ...fields.map((field) => field.column)];
    // Whether a record is JSON must not depend on which of its fields somebody reads.
    this.#fields = typed ? new JsonFields(fields, staging) : null;
  }

  /** Fills this part's columns of row `row`; `size` is -1 for NULL. Answers why not, or null. */
  read(bytes: Uint8Array, from: number, size: number, row: number): Refusal | null {
    if (size < 0) return this.#missing(row);
    const frame = this.#frameBytes;
    if (frame > 0 && (size < frame || bytes[from] !== 0)) {
      const reason = 'the record does not begin with the number of a schema';
      return this.#inPart({ code: '22P03', field: null, reason });
    }
    const at = from + frame;
    const length = size - frame;
    if (this.#fields !== null) {
      const refusal = this.#fields.read(bytes, at, at + length, row);
      if (refusal !== null) return this.#inPart(refusal);
    }
    for (const column of this.#whole) {
      const refusal = this.#readWhole(bytes, at, length, column, row);
      if (refusal !== null) return this.#inPart(refusal);
    }
    return null;
  }

  /** Makes this part's columns NULL (or zero where NULL cannot be). */
  clear(row: number): void {
    for (const column of this.#own) this.#staging.staged[column].setNull(row);
  }

  /** Says that it was the key, where the field alone does not. */
  #inPart(refusal: Refusal): Refusal {
    return this.#part === 'key' && refusal.field === null
      ? { ...refusal, reason: `in the key: ${refusal.reason}` }
      : refusal;
  }

  #missing(row: number): Refusal | null {
    for (const column of this.#own) {
      if (this.#staging.staged[column].nullable) continue;
      const field = this.#names[column] ?? null;
      return {
        code: '23502',
        field,
        reason: `the ${this.#part} is NULL, but the column is NOT NULL`,
      };
    }
    this.clear(row);
    return null;
  }

  #readWhole(
    bytes: Uint8Array,
    at: number,
    length: number,
    column: number,
    row: number,
  ): Refusal | null {
    const { heap, staged } = this.#staging;
    const target = staged[column];
    target.nulls[row] = 0;
    let written = length;
    if (this.#format === 'JSON') {
      const refusal = this.#readJson(bytes, at, length);
      if (refusal !== null) return refusal;
      written = this.#canonical.bytes;
    } else {
      heap.reserve(length);
      this.#cursor.open(bytes);
      const { view } = this.#cursor;
      const from =
        this.#format === 'TEXT' ? copyPlain(view, at, at + length, heap.i32, heap.top) : 0;
      if (this.#format === 'TEXT') {
        const bad = invalidTextAt(bytes, at + from, at + length);
        if (bad >= 0) return { code: '22021', field: null, reason: notText(bytes[bad], bad - at) };
      }
      if (from < length) heap.u8.set(bytes.subarray(at + from, at + length), heap.top * 4 + from);
    }
    target.words[2 * row] = heap.top;
    target.words[2 * row + 1] = written;
    heap.close(written);
    return null;
  }

  /** One JSON document behind the heap's top. */
  #readJson(bytes: Uint8Array, at: number, length: number): Refusal | null {
    const cursor = this.#cursor;
    cursor.open(bytes);
    cursor.end = at + length;
    const next = this.#canonical.write(cursor.skipBlank(at));
    if (next < 0)
      return { code: cursor.code, field: null, reason: `invalid JSON: ${cursor.problem}` };
    if (cursor.skipBlank(next) !== cursor.end) {
      return { code: '22P02', field: null, reason: 'invalid JSON: something follows the value' };
    }
    const { refusal, refusalCode } = this.#canonical;
    return refusal === null ? null : { code: refusalCode, field: null, reason: refusal };
  }
}

function wantedFields(part: 'key' | 'value', columns: readonly SourceColumn[]): WantedField[] {
  return columns.flatMap((column, c) => {
    const { origin, type, modifier } = column;
    if (origin.kind !== 'field' || origin.of !== part) return [];
    if (!isFieldType(type)) throw unsupported(`a JSON field of type ${type}`);
    return [{ name: origin.name, type, modifier, column: c }];
  });
}
