/**
 * Reading COPY data in the binary format of the Postgres manual ("COPY", File Formats): raw bytes
 * in any cut to rows of field bytes. A signature, a header and its extension, then rows: a count of
 * fields, and each field's length (-1 = NULL) and bytes; a count of -1 ends the data.
 *
 * The reader keeps at most one unfinished row, bounded by `rowBytesMax`; lengths are checked before
 * anything is made of them. The fields of a row are valid until the next row is asked for.
 */
import { assert } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import type { SqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';

/** What every binary COPY begins with. */
export const copySignature = Uint8Array.of(80, 71, 67, 79, 80, 89, 10, 255, 13, 10, 0);

/** Signature, flags, length of the extension. */
const headerBytes = copySignature.length + 8;
const flagWithOids = 1 << 16;

export interface BinaryCopyRow {
  readonly line: number;
  readonly fields: readonly (Uint8Array | null)[];
  /** Bytes of the row. */
  readonly bytes: number;
}

function malformed(message: string, where?: string): SqlError {
  return sqlError('22P04', message, where === undefined ? {} : { where });
}

/** Reads the data of one COPY. */
export class BinaryCopyReader {
  readonly #table: string;
  readonly #columns: readonly string[];
  /** The unread bytes are the first `#length`. */
  #pending = new Uint8Array(1 << 12);
  #view = new DataView(this.#pending.buffer);
  #length = 0;
  /** Bytes of the header's extension that are still to be skipped; -1 before the header. */
  #extension = -1;
  #line = 0;
  #ended = false;

  /** Names are for messages; there are as many fields as columns. */
  constructor(table: string, columns: readonly string[]) {
    this.#table = table;
    this.#columns = columns;
  }

  /** The number of the row that comes next. */
  get nextLine(): number {
    return this.#line + 1;
  }

  /** The rows that are complete with these bytes. Throws 22P04, 54000. */
  *push(bytes: Uint8Array): Iterable<BinaryCopyRow> {
    this.#append(bytes);
    let at = this.#header();
    const fields: (Uint8Array | null)[] = [];
    while (at >= 0 && !this.#ended) {
      const end = this.#row(at, fields);
      if (end < 0) break;
      if (!this.#ended) yield { line: ++this.#line, fields, bytes: end - at };
      at = end;
    }
    const read = Math.max(0, at);
    assert(read <= this.#length, `what was read, ${read} bytes, was there`);
    if (this.#ended && read < this.#length)
      throw malformed('received copy data after EOF marker', this.#where());
    this.#pending.copyWithin(0, read, this.#length);
    this.#length -= read;
    if (this.#length > limits.rowBytesMax)
      throw sqlError('54000', `a row of COPY data is longer than ${limits.rowBytesMax} bytes`);
  }

  /** No more data comes. Throws 22P04 if that is in the middle of something. */
  end(): void {
    if (this.#extension < 0) throw malformed('COPY file signature not recognized');
    if (this.#extension > 0) throw malformed('invalid COPY file header (wrong length)');
    if (this.#length > 0) throw malformed('unexpected EOF in COPY data', this.#where());
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#pending.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#pending.length));
      grown.set(this.#pending.subarray(0, this.#length));
      this.#pending = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#pending.set(bytes, this.#length);
    this.#length = length;
  }

  #where(field = -1): string {
    const column = field < 0 ? '' : `, column ${this.#columns[field] ?? ''}`;
    return `COPY ${this.#table}, line ${this.nextLine}${column}`;
  }

  /** Where rows begin in what is there, or -1 if that is not known yet. */
  #header(): number {
    let at = 0;
    if (this.#extension < 0) {
      const known = Math.min(this.#length, copySignature.length);
      if (copySignature.some((byte, k) => k < known && this.#pending[k] !== byte))
        throw malformed('COPY file signature not recognized');
      if (this.#length < headerBytes) return -1;
      const flags = this.#view.getInt32(copySignature.length);
      if ((flags & flagWithOids) !== 0) throw malformed('invalid COPY file header (WITH OIDS)');
      if (flags >>> 16 !== 0) throw malformed('unrecognized critical flags in COPY file header');
      this.#extension = this.#view.getInt32(copySignature.length + 4);
      if (this.#extension < 0) throw malformed('invalid COPY file header (missing length)');
      at = headerBytes;
    }
    const skipped = Math.min(this.#extension, this.#length - at);
    this.#extension -= skipped;
    return at + skipped;
  }

  /** The row at `at` into `fields`; answers where it ends, or -1 if it is not whole yet. */
  #row(at: number, fields: (Uint8Array | null)[]): number {
    if (this.#extension > 0 || this.#length - at < 2) return -1;
    const count = this.#view.getInt16(at);
    let p = at + 2;
    if (count === -1) {
      this.#ended = true;
      return p;
    }
    const expected = this.#columns.length;
    if (count !== expected)
      throw malformed(`row field count is ${count}, expected ${expected}`, this.#where());
    fields.length = 0;
    for (let field = 0; field < expected; field++) {
      if (this.#length - p < 4) return -1;
      const length = this.#view.getInt32(p);
      p += 4;
      if (length < -1) throw malformed('invalid field size', this.#where(field));
      if (length > limits.rowBytesMax)
        throw sqlError('54000', `a row of COPY data is longer than ${limits.rowBytesMax} bytes`);
      if (length > this.#length - p) return -1;
      fields.push(length < 0 ? null : this.#pending.subarray(p, p + length));
      p += Math.max(0, length);
    }
    return p;
  }
}
