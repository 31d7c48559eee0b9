/**
 * Debezium's change events in JSON into the columns of their rows: the value's `after`, or the key.
 *
 * With the schema part a key or value is `{"schema": {…}, "payload": {…}}`, without it the payload
 * alone; each record shows which. An event is read in one pass: the row is decoded where `after`
 * stands, and what it means is known at the end, by `op`: c, r, u (created, read for a snapshot,
 * updated) carry the key's row, d deletes it. `before`, `source` and all other fields are skipped:
 * the order of the log is the order of events. What a schema
 * part says of values is in event-schema.ts.
 *
 * A change of the key comes as a delete of the old one and a create of the new one. A truncate has
 * no key; whether what came before it is known is for others to say.
 */
import { limits } from '../../../src/base/limits.ts';
import { unsupported } from '../../../src/base/error.ts';
import type { SourceColumn, SourceFormat } from '../decoder.ts';
import { FieldNames } from '../field-names.ts';
import { fieldKind, isFieldType } from '../field-value.ts';
import { JsonCursor, closeBrace, openBrace, quote } from '../json-cursor.ts';
import type { Refusal, WantedField } from '../json-fields.ts';
import { JsonFields } from '../json-fields.ts';
import type { Staging } from '../staging.ts';
import { EventSchema } from './event-schema.ts';
import { EventValue } from './event-value.ts';
import { usuallyUnavailable } from './unavailable.ts';

/** Fields of an event's payload, then those around it. */
const eventFields = ['after', 'op'];
const fieldAfter = 0;
const fieldOp = 1;
const fieldSchema = 2;
const documentFields = [...eventFields, 'schema', 'payload'];

const opCreate = 0x63;
const opRead = 0x72;
const opUpdate = 0x75;
const opDelete = 0x64;
const opTruncate = 0x74;
const opMissing = 0;
const opUnknown = 1;

const none: readonly number[] = [];

/** What stands in `after`. */
type After = 'nothing' | 'row' | 'document' | 'text' | 'other';

const kindJsonb = fieldKind('jsonb');

function wantedOf(part: 'key' | 'value', columns: readonly SourceColumn[]): WantedField[] {
  return columns.flatMap(({ origin, type, modifier }, column) => {
    if (origin.kind !== 'field' || origin.of !== part) return [];
    if (!isFieldType(type)) throw unsupported(`a JSON field of type ${type}`);
    return [{ name: origin.name, type, modifier, column }];
  });
}

function broken({ code, problem }: JsonCursor): Refusal {
  return { code, field: null, reason: `invalid JSON: ${problem}` };
}

/** Fields of one part, with Debezium's way of writing values. */
function fieldsOf(
  wanted: readonly WantedField[],
  staging: Staging,
  cursor: JsonCursor,
  { decimals }: SourceFormat,
  unavailable: string | null,
): JsonFields {
  const reader = new EventValue(cursor, staging.heap, decimals ?? null, unavailable);
  return new JsonFields(wanted, staging, cursor, reader);
}

/** Fills the columns that come from the row in an event. */
export class EventPart {
  /** Whether the last event deletes its key; its columns are then not filled. */
  isDelete = false;
  /** Whether the last event empties the table; there is no row then. */
  isTruncate = false;
  readonly #cursor = new JsonCursor();
  readonly #document = new FieldNames(documentFields);
  readonly #payload = new FieldNames(eventFields);
  readonly #fields: JsonFields;
  readonly #wanted: readonly WantedField[];
  readonly #staging: Staging;
  readonly #schema: EventSchema;
  /** The column that is all of `after`, a document; -1 if fields of it are columns. */
  readonly #whole: number;
  readonly #documentValue: EventValue;
  #documentRefusal: Refusal | null = null;
  /** What fields are without a schema part. */
  readonly #toldKinds: Int32Array;
  #op = opMissing;
  /** Where the text of `op` is, for messages. */
  #opFrom = 0;
  #opTo = 0;
  #after: After = 'nothing';
  #isNull = false;

  constructor(columns: readonly SourceColumn[], staging: Staging, format: SourceFormat) {
    this.#wanted = wantedOf('value', columns);
    this.#staging = staging;
    const unavailable = format.unavailable ?? usuallyUnavailable;
    this.#fields = fieldsOf(this.#wanted, staging, this.#cursor, format, unavailable);
    this.#schema = new EventSchema(this.#wanted, 'after');
    const { heap } = staging;
    this.#whole = columns.findIndex(({ origin }) => origin.kind === 'value');
    this.#documentValue = new EventValue(this.#cursor, heap, null, null);
    this.#toldKinds = this.#schema.kinds.slice();
  }

  /**
   * Fills the columns of row `row` from the event in `length` bytes at `at`. Answers why not, or
   * null.
   */
  read(bytes: Uint8Array, at: number, length: number, row: number): Refusal | null {
    const cursor = this.#cursor;
    cursor.open(bytes);
    cursor.end = at + length;
    this.isDelete = false;
    this.isTruncate = false;
    this.#isNull = false;
    this.#fields.setKinds(this.#toldKinds);
    this.#startEvent();
    const start = cursor.skipBlank(at);
    if (start >= cursor.end || bytes[start] !== openBrace) return this.#notAnObject(start);
    const next = this.#members(this.#document, start + 1, row);
    if (next < 0) return broken(cursor);
    if (cursor.skipBlank(next) !== cursor.end)
      return { code: '22P02', field: null, reason: 'invalid JSON: something follows the object' };
    return this.#outcome(row);
  }

  /** Columns whose values the last row left out, as they did not change. */
  get unchanged(): readonly number[] {
    return this.isDelete || this.#whole >= 0 ? none : this.#fields.unchanged;
  }

  /** Makes the row's columns NULL (or zero where NULL cannot be). */
  clear(row: number): void {
    if (this.#whole >= 0) this.#staging.staged[this.#whole].setNull(row);
    for (const { column } of this.#wanted) this.#staging.staged[column].setNull(row);
  }

  #startEvent(): void {
    this.#op = opMissing;
    this.#after = 'nothing';
  }

  #notAnObject(start: number): Refusal {
    if (this.#cursor.skipValue(start, limits.jsonDepthMax) < 0) return broken(this.#cursor);
    return { code: '22P02', field: null, reason: 'the JSON is not an object' };
  }

  /** Reads the rest of an object after its brace; answers the index after it, or -1. */
  #members(names: FieldNames, from: number, row: number): number {
    const cursor = this.#cursor;
    names.open();
    let p = from;
    for (;;) {
      p = names.find(cursor, p);
      if (p < 0) return -1;
      const { found } = names;
      if (found < 0) break;
      if (p >= cursor.end) return cursor.fail('a value is missing');
      p = this.#member(found, p, row);
      if (p < 0) return -1;
    }
    return cursor.bytes[p] === closeBrace ? p + 1 : cursor.fail('"," or "}" is expected');
  }

  #member(field: number, at: number, row: number): number {
    switch (field) {
      case fieldAfter:
        return this.#readAfter(at, row);
      case fieldOp:
        return this.#readOp(at);
      case fieldSchema:
        return this.#readSchema(at);
      default:
        return this.#readPayload(at, row);
    }
  }

  #readPayload(at: number, row: number): number {
    const cursor = this.#cursor;
    this.#startEvent();
    this.#isNull = cursor.isNull(at);
    if (cursor.bytes[at] !== openBrace) return cursor.skipValue(at, limits.jsonDepthMax);
    return this.#members(this.#payload, at + 1, row);
  }

  #readAfter(at: number, row: number): number {
    const cursor = this.#cursor;
    const first = cursor.bytes[at];
    if (this.#whole >= 0 && !cursor.isNull(at)) return this.#readDocument(at, row);
    if (first === openBrace) {
      this.#after = 'row';
      return this.#fields.readObject(at, row);
    }
    this.#after = cursor.isNull(at) ? 'nothing' : first === quote ? 'text' : 'other';
    return cursor.skipValue(at, limits.jsonDepthMax);
  }

  /** All of `after`, as a document or the text of one. */
  #readDocument(at: number, row: number): number {
    this.#after = 'document';
    const column = this.#staging.staged[this.#whole];
    column.nulls[row] = 0;
    const value = this.#documentValue;
    const next = value.read(kindJsonb, -1, at, column, row);
    const { refusal: reason, refusalCode: code } = value;
    this.#documentRefusal = reason === null ? null : { code, field: 'after', reason };
    return next;
  }

  #readOp(at: number): number {
    const cursor = this.#cursor;
    const { bytes } = cursor;
    const next = cursor.skipValue(at, limits.jsonDepthMax);
    if (next === at + 3 && bytes[at] === quote) this.#op = bytes[at + 1];
    else if (next >= 0) this.#op = cursor.isNull(at) ? opMissing : opUnknown;
    this.#opFrom = at;
    this.#opTo = Math.min(next, at + 32);
    return next;
  }

  get #opText(): string {
    return this.#cursor.text(this.#opFrom, this.#opTo);
  }

  #readSchema(at: number): number {
    const next = this.#schema.read(this.#cursor, at);
    if (next >= 0) this.#fields.setKinds(this.#schema.kinds);
    return next;
  }

  #outcome(row: number): Refusal | null {
    switch (this.#op) {
      case opCreate:
      case opRead:
      case opUpdate:
        return this.#rowOutcome(row);
      case opDelete:
        this.isDelete = true;
        return null;
      case opTruncate:
        this.isTruncate = true;
        return null;
      case opMissing:
        this.isDelete = this.#isNull;
        return this.#isNull
          ? null
          : { code: '22P02', field: 'op', reason: "it is missing: this is not Debezium's event" };
      default:
        return {
          code: '0A000',
          field: 'op',
          reason: `an event of op ${this.#opText} is not supported`,
        };
    }
  }

  #rowOutcome(row: number): Refusal | null {
    switch (this.#after) {
      case 'row':
        return this.#fields.outcome(row);
      case 'document':
        return this.#documentRefusal;
      case 'text': {
        const reason =
          "it is a text, as MongoDB's connector writes it: make the source without a column list";
        return { code: '0A000', field: 'after', reason };
      }
      case 'nothing':
      case 'other': {
        const isWhole = this.#whole >= 0;
        const hint = isWhole ? '; capture.mode change_streams_update_full gives documents' : '';
        const reason = `it is not an object, but the event has op ${this.#opText}${hint}`;
        return { code: '22P02', field: 'after', reason };
      }
    }
  }
}

/** Fills the columns that come from the key of an event. */
export class EventKeyPart {
  readonly #cursor = new JsonCursor();
  readonly #names = new FieldNames(['schema', 'payload']);
  readonly #fields: JsonFields;
  readonly #wanted: readonly WantedField[];
  readonly #staging: Staging;
  readonly #schema: EventSchema;
  /** What fields are without a schema part. */
  readonly #toldKinds: Int32Array;
  /** Where the payload of the last key is, if it has a schema part. */
  #from = -1;
  #to = -1;

  constructor(columns: readonly SourceColumn[], staging: Staging, format: SourceFormat) {
    this.#wanted = wantedOf('key', columns);
    this.#staging = staging;
    this.#fields = fieldsOf(this.#wanted, staging, this.#cursor, format, null);
    this.#schema = new EventSchema(this.#wanted, null);
    this.#toldKinds = this.#schema.kinds.slice();
  }

  /** Fills the columns of row `row`; the key is not NULL. Answers why not, or null. */
  read(bytes: Uint8Array, at: number, length: number, row: number): Refusal | null {
    const cursor = this.#cursor;
    cursor.open(bytes);
    cursor.end = at + length;
    const start = cursor.skipBlank(at);
    const isObject = start < cursor.end && bytes[start] === openBrace;
    const isWrapped = isObject && this.#findPayload(start);
    this.#fields.setKinds(isWrapped ? this.#schema.kinds : this.#toldKinds);
    const refusal = isWrapped
      ? this.#fields.read(bytes, this.#from, this.#to, row)
      : this.#fields.read(bytes, at, at + length, row);
    return refusal === null || refusal.field !== null
      ? refusal
      : { ...refusal, reason: `in the key: ${refusal.reason}` };
  }

  /** Makes the key's columns NULL (or zero where NULL cannot be). */
  clear(row: number): void {
    for (const { column } of this.#wanted) this.#staging.staged[column].setNull(row);
  }

  /**
   * Whether the key has both parts, each an object: columns of these names would be something else.
   */
  #findPayload(start: number): boolean {
    const cursor = this.#cursor;
    const { bytes } = cursor;
    const names = this.#names;
    names.open();
    let hasSchema = false;
    this.#from = -1;
    let p = start + 1;
    for (;;) {
      p = names.find(cursor, p);
      if (p < 0) return false;
      if (names.found < 0) break;
      const isObject = bytes[p] === openBrace;
      const isSchema = names.found === 0;
      const next =
        isSchema && isObject
          ? this.#schema.read(cursor, p)
          : cursor.skipValue(p, limits.jsonDepthMax);
      if (next < 0) return false;
      if (isSchema) hasSchema = isObject;
      else {
        this.#from = isObject ? p : -1;
        this.#to = next;
      }
      p = next;
    }
    const isWhole = bytes[p] === closeBrace && cursor.skipBlank(p + 1) === cursor.end;
    return isWhole && hasSchema && this.#from >= 0;
  }
}
