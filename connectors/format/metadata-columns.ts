/**
 * The columns that Kafka itself gives: topic (text), partition (int4 or int8), offset (int8),
 * timestamp (timestamp or timestamptz; NULL if the producer set none, an error row if the column is
 * NOT NULL), and headers: a jsonb array of {"key": …, "value": …} in the record's order. A header's
 * value is its text where that is UTF-8 without NUL characters, else its bytes in bytea's hex form,
 * else (NULL) null. A header alone is its value, as bytea or as text, where it must be such text;
 * of several with its key the last one counts, and NULL is a value that is NULL or a header that is
 * not there.
 */
import { assert, unreachable } from '../../src/base/assert.ts';
import { formatBytea } from '../../dataflow/value/bytea-text.ts';
import { utf8, utf8Text } from '../../dataflow/value/words.ts';
import type { RawChunk } from '../connector.ts';
import type { RecordSlice } from '../kafka/record-batch.ts';
import { readHeaders } from '../kafka/record-headers.ts';
import type { SourceColumn } from './decoder.ts';
import { writeUnixMilliseconds } from './iso-time.ts';
import type { Refusal } from './json-fields.ts';
import type { Staging } from './staging.ts';
import { invalidTextAt, notText } from './text-bytes.ts';

type MetadataKind = 'topic' | 'partition' | 'offset' | 'timestamp' | 'headers' | 'header';

interface MetadataColumn {
  readonly kind: MetadataKind;
  readonly column: number;
  readonly name: string;
  /** Of a header, in UTF-8. */
  readonly key: Uint8Array;
  /** Its value must be text. */
  readonly isText: boolean;
}

const two32 = 2 ** 32;
const emptyList = utf8('[]');

function isMetadata(kind: SourceColumn['origin']['kind']): kind is MetadataKind {
  return ['topic', 'partition', 'offset', 'timestamp', 'headers', 'header'].includes(kind);
}

/** Fills the columns that come from the record itself. */
export class MetadataColumns {
  readonly #columns: readonly MetadataColumn[];
  readonly #staging: Staging;
  readonly #readsHeaders: boolean;
  #topic: Uint8Array = new Uint8Array(0);
  #partition = 0;

  constructor(columns: readonly SourceColumn[], staging: Staging) {
    this.#staging = staging;
    this.#columns = columns.flatMap(({ origin, name, type }, column) => {
      if (!isMetadata(origin.kind)) return [];
      const key = utf8(origin.kind === 'header' ? origin.key : '');
      return [{ kind: origin.kind, column, name, key, isText: type === 'text' }];
    });
    this.#readsHeaders = this.#columns.some(({ kind }) => kind === 'headers' || kind === 'header');
  }

  /** Says where the records come from that are read next. */
  open({ topic, partition }: Pick<RawChunk, 'topic' | 'partition'>): void {
    this.#topic = utf8(topic);
    this.#partition = partition;
  }

  /** Fills row `row` with what is known of record `r`; answers why not, or null. */
  read(slice: RecordSlice, r: number, row: number): Refusal | null {
    const headers = this.#readsHeaders
      ? readHeaders(slice.bytes, slice.headersAt[r], slice.headersEnd[r])
      : [];
    if (headers === null)
      return { code: 'XX001', field: null, reason: 'the headers are malformed' };
    for (const { kind, column, name, key, isText } of this.#columns) {
      const staged = this.#staging.staged[column];
      staged.nulls[row] = 0;
      switch (kind) {
        case 'topic':
          this.#bytes(this.#topic, column, row);
          break;
        case 'partition':
          this.#integer(column, row, this.#partition);
          break;
        case 'offset':
          this.#integer(column, row, slice.offset[r]);
          break;
        case 'timestamp':
          if (slice.timestamp[r] >= 0)
            writeUnixMilliseconds(staged.words, 2 * row, slice.timestamp[r]);
          else if (staged.nullable) staged.setNull(row);
          else
            return {
              code: '23502',
              field: name,
              reason: 'the record has no timestamp, but the column is NOT NULL',
            };
          break;
        case 'headers':
          this.#bytes(
            headers.length === 0 ? emptyList : utf8(`[${headers.map(headerText).join(', ')}]`),
            column,
            row,
          );
          break;
        case 'header': {
          const value = headers.findLast((header) => isSame(header.key, key))?.value ?? null;
          const bad = value === null || !isText ? -1 : invalidTextAt(value, 0, value.length);
          if (value === null) staged.setNull(row);
          else if (bad < 0) this.#bytes(value, column, row);
          else return { code: '22021', field: name, reason: notText(value[bad], bad) };
          break;
        }
        default:
          unreachable(kind);
      }
    }
    return null;
  }

  /** Makes these columns NULL (or zero). */
  clear(row: number): void {
    for (const { column } of this.#columns) this.#staging.staged[column].setNull(row);
  }

  #integer(column: number, row: number, value: number): void {
    const staged = this.#staging.staged[column];
    if (staged.physical === 'i32') {
      staged.words[row] = value;
      return;
    }
    assert(staged.physical === 'i64', `an offset is an integer, got ${staged.physical}`);
    staged.words[2 * row] = (value % two32) | 0;
    staged.words[2 * row + 1] = Math.floor(value / two32);
  }

  #bytes(bytes: Uint8Array, column: number, row: number): void {
    const staged = this.#staging.staged[column];
    const { heap } = this.#staging;
    heap.reserve(bytes.length);
    heap.u8.set(bytes, heap.top * 4);
    staged.words[2 * row] = heap.top;
    staged.words[2 * row + 1] = bytes.length;
    heap.close(bytes.length);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function headerText(header: {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}): string {
  const value = header.value === null ? 'null' : textOrHex(header.value);
  return `{"key": ${textOrHex(header.key)}, "value": ${value}}`;
}

function textOrHex(bytes: Uint8Array): string {
  return JSON.stringify(
    invalidTextAt(bytes, 0, bytes.length) < 0 ? utf8Text(bytes) : formatBytea(bytes),
  );
}
