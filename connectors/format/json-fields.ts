/**
 * A JSON object into the columns that name its fields: one pass, fields in any order, fields that
 * no column wants skipped (but checked: a record is JSON or it is not). A field that is missing or
 * null is NULL; of equal keys the last one counts, and only its refusal.
 */
import { assert } from '../../src/base/assert.ts';
import { limits } from '../../src/base/limits.ts';
import { FieldNames, noMore } from './field-names.ts';
import type { FieldType } from './field-value.ts';
import { FieldReader, fieldKind } from './field-value.ts';
import { JsonCursor, closeBrace, openBrace } from './json-cursor.ts';
import type { StagedColumn, Staging } from './staging.ts';

/** A column that is filled from a field. */
export interface WantedField {
  readonly name: string;
  readonly type: FieldType;
  readonly modifier: number;
  /** Column of the staging that it goes to. */
  readonly column: number;
}

/** The code of a refusal that says: the value did not change and was left out. */
export const codeUnchanged = 'unchanged';

const none: readonly number[] = [];

/** Why a record gives no row. */
export interface Refusal {
  readonly code: string;
  /** null if the whole document is meant. */
  readonly field: string | null;
  readonly reason: string;
}

/** Reads the objects of one part (key or value) of the records of a source. */
export class JsonFields {
  readonly #fields: readonly WantedField[];
  readonly #cursor: JsonCursor;
  readonly #reader: FieldReader;
  readonly #names: FieldNames;
  /** Number of the last record that had the field. */
  readonly #seen: Float64Array;
  /** Fields that the current record has. */
  #seenCount = 0;
  #kinds: Int32Array;
  readonly #modifiers: Int32Array;
  readonly #staging: Staging;
  readonly #staged: readonly StagedColumn[];
  /** After `outcome`: columns whose values were left out as unchanged; they are NULL in the row. */
  unchanged = none;
  readonly #refusals: (Refusal | null)[];
  #refused = 0;
  #record = 0;

  /** Each name occurs once in `fields`; `reader` reads values where `cursor` is. */
  constructor(
    fields: readonly WantedField[],
    staging: Staging,
    cursor: JsonCursor = new JsonCursor(),
    reader: FieldReader = new FieldReader(cursor, staging.heap),
  ) {
    this.#fields = fields;
    this.#cursor = cursor;
    this.#reader = reader;
    this.#names = new FieldNames(fields.map((field) => field.name));
    this.#seen = new Float64Array(fields.length);
    this.#kinds = Int32Array.from(fields, (field) => fieldKind(field.type));
    this.#modifiers = Int32Array.from(fields, (field) => field.modifier);
    this.#staging = staging;
    this.#staged = fields.map((field) => staging.staged[field.column]);
    this.#refusals = fields.map(() => null);
  }

  /** Fills row `row` from the document [at, end) of `bytes`; answers why not, or null. */
  read(bytes: Uint8Array, at: number, end: number, row: number): Refusal | null {
    const cursor = this.#cursor;
    cursor.open(bytes);
    cursor.end = end;
    const start = cursor.skipBlank(at);
    if (start >= end || bytes[start] !== openBrace) return this.#notAnObject(start);
    const next = this.readObject(start, row);
    if (next < 0) return this.#broken();
    if (cursor.skipBlank(next) !== end)
      return { code: '22P02', field: null, reason: 'invalid JSON: something follows the object' };
    return this.outcome(row);
  }

  /**
   * Fills row `row` from the object at `start` of the cursor's document; answers the index after it,
   * or -1 if it is not JSON. Whether the row is whole is for `outcome` to say.
   */
  readObject(start: number, row: number): number {
    this.#record++;
    this.#seenCount = 0;
    if (this.#refused > 0) this.#refusals.fill(null);
    this.#refused = 0;
    return this.#object(start + 1, row);
  }

  /**
   * Makes these the kinds of the fields, in their order: what `reader` is told of each value. They
   * are not copied.
   */
  setKinds(kinds: Int32Array): void {
    this.#kinds = kinds;
  }

  /** Why the object that was read last gives no row, or null; fields that it did not have are NULL. */
  outcome(row: number): Refusal | null {
    this.unchanged = none;
    if (this.#refused > 0) {
      const refusal = this.#refusals.find((one) => one !== null && one.code !== codeUnchanged);
      if (refusal !== undefined) return refusal;
      this.unchanged = this.#leftOut(row);
    }
    return this.#fillMissing(row);
  }

  #broken(): Refusal {
    const { code, problem } = this.#cursor;
    return { code, field: null, reason: `invalid JSON: ${problem}` };
  }

  #notAnObject(start: number): Refusal {
    const cursor = this.#cursor;
    const next = cursor.skipValue(start, limits.jsonDepthMax);
    if (next < 0) return this.#broken();
    return { code: '22P02', field: null, reason: 'the JSON is not an object' };
  }

  #object(from: number, row: number): number {
    const cursor = this.#cursor;
    const names = this.#names;
    names.open();
    let p = from;
    for (;;) {
      p = names.find(cursor, p);
      if (p < 0) return -1;
      const field = names.found;
      if (field < 0) break;
      p = this.#field(field, p, row);
      if (p < 0) return -1;
    }
    assert(names.found === noMore, 'a token is a wanted field or the end');
    return cursor.bytes[p] === closeBrace ? p + 1 : cursor.fail('"," or "}" is expected');
  }

  #field(field: number, at: number, row: number): number {
    const cursor = this.#cursor;
    if (at >= cursor.end) return cursor.fail('a value is missing');
    if (this.#refused > 0) this.#forgive(field);
    if (cursor.isNull(at)) {
      // The last of equal keys counts, and it is null: as if the field were missing.
      if (this.#seen[field] === this.#record) this.#seenCount--;
      this.#seen[field] = 0;
      return at + 4;
    }
    const staged = this.#staged[field];
    const reader = this.#reader;
    const next = reader.read(this.#kinds[field], this.#modifiers[field], at, staged, row);
    staged.nulls[row] = 0;
    if (this.#seen[field] !== this.#record) {
      this.#seen[field] = this.#record;
      this.#seenCount++;
    }
    if (reader.refusal !== null && next >= 0) {
      this.#refused++;
      this.#refusals[field] = {
        code: reader.refusalCode,
        field: this.#fields[field].name,
        reason: reader.refusal,
      };
    }
    return next;
  }

  /** An equal key came again: what was wrong with the one before does not count. */
  #forgive(field: number): void {
    if (this.#refusals[field] === null) return;
    this.#refusals[field] = null;
    this.#refused--;
  }

  /** The columns of fields that did not change. */
  #leftOut(row: number): readonly number[] {
    const columns = this.#fields.flatMap(({ column }, i) =>
      this.#refusals[i] === null ? [] : [column],
    );
    assert(columns.length === this.#refused, 'all refusals are of values that did not change');
    for (const column of columns) this.#staging.staged[column].setNull(row);
    return columns;
  }

  #fillMissing(row: number): Refusal | null {
    if (this.#seenCount === this.#fields.length) return null;
    const seen = this.#seen;
    const record = this.#record;
    for (let field = 0; field < seen.length; field++) {
      if (seen[field] === record) continue;
      const staged = this.#staged[field];
      if (!staged.nullable)
        return {
          code: '23502',
          field: this.#fields[field].name,
          reason: 'it is missing or null, but the column is NOT NULL',
        };
      staged.setNull(row);
    }
    return null;
  }
}
