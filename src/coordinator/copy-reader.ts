/**
 * Reading COPY data: raw bytes in any cut to rows of field texts, in the text and CSV formats of
 * the Postgres manual ("COPY", File Formats). A field is a string, or null for the null text.
 *
 * The reader keeps at most one unfinished line, bounded by `rowBytesMax`.
 */
import { assert } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { CopyOptions } from '../sql/ast.ts';

export interface CopyRow {
  readonly line: number;
  /** The line as it was given, for messages. */
  readonly text: string;
  readonly fields: readonly (string | null)[];
}

const newline = 10;
const carriageReturn = 13;
const backslash = 92;

/** Reads the data of one COPY. */
export class CopyReader {
  readonly #csv: boolean;
  readonly #delimiter: string;
  readonly #null: string;
  readonly #quote: string;
  readonly #escape: string;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #skipHeader: boolean;
  /**
   * The unfinished row in its first `#length` bytes; what lies before `#scanned` holds no row's
   * end.
   */
  #pending = new Uint8Array(1 << 12);
  #length = 0;
  #scanned = 0;
  /** Where the scan is: within quotes, behind an escape. */
  #quoted = false;
  #escaped = false;
  /** True if lines end with CR LF, as the first one says. */
  #carriageReturns: boolean | null = null;
  /** Physical lines, those within quotes too. */
  #line = 0;
  #ended = false;

  constructor(options: CopyOptions) {
    this.#csv = options.format === 'csv';
    this.#delimiter = options.delimiter ?? (this.#csv ? ',' : '\t');
    this.#null = options.null ?? (this.#csv ? '' : '\\N');
    this.#quote = options.quote ?? '"';
    this.#escape = options.escape ?? this.#quote;
    this.#skipHeader = options.header;
  }

  /** The number of the line that comes next. */
  get nextLine(): number {
    return this.#line + 1;
  }

  /** The rows that are complete with these bytes. Throws 22P04, 22021, 54000. */
  *push(bytes: Uint8Array): Iterable<CopyRow> {
    this.#append(bytes);
    let start = 0;
    for (let end = this.#endOfRow(); end >= 0; end = this.#endOfRow()) {
      yield* this.#row(this.#pending.subarray(start, end), true);
      start = end + 1;
    }
    assert(start <= this.#scanned && this.#scanned <= this.#length, 'rows end where was looked');
    this.#pending.copyWithin(0, start, this.#length);
    this.#length -= start;
    this.#scanned -= start;
    if (this.#length > limits.rowBytesMax) {
      throw sqlError('54000', `a line of COPY data is longer than ${limits.rowBytesMax} bytes`);
    }
  }

  /** Room grows by doubling, so a long row that comes in pieces is copied a few times only. */
  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#pending.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#pending.length));
      grown.set(this.#pending.subarray(0, this.#length));
      this.#pending = grown;
    }
    this.#pending.set(bytes, this.#length);
    this.#length = length;
  }

  /** The last row, if it has no line end. */
  *end(): Iterable<CopyRow> {
    const last = this.#pending.subarray(0, this.#length);
    this.#length = 0;
    if (last.length === 0 || this.#ended) return;
    if (this.#quoted) {
      this.#line++;
      throw sqlError('22P04', 'unterminated CSV quoted field', this.#where());
    }
    yield* this.#row(last, false);
  }

  /** Position of the next line end that ends a row, or -1; goes on where it stopped. */
  #endOfRow(): number {
    const bytes = this.#pending;
    const quote = this.#csv ? this.#quote.charCodeAt(0) : -1;
    const escape = this.#csv ? this.#escape.charCodeAt(0) : backslash;
    let at = this.#scanned;
    for (; at < this.#length; at++) {
      const byte = bytes[at];
      if (this.#escaped) this.#escaped = false;
      else if (byte === escape && escape !== quote && (this.#quoted || !this.#csv))
        this.#escaped = true;
      else if (byte === quote) this.#quoted = !this.#quoted;
      else if (byte === newline) {
        if (!this.#quoted) break;
        this.#line++;
      }
    }
    const found = at < this.#length ? at : -1;
    this.#scanned = found < 0 ? at : at + 1;
    return found;
  }

  *#row(bytes: Uint8Array, whole: boolean): Iterable<CopyRow> {
    this.#line++;
    if (this.#ended) return;
    const text = this.#decode(this.#withoutLineEnd(bytes, whole));
    if (text === '\\.') {
      this.#ended = true;
      return;
    }
    if (this.#skipHeader) {
      this.#skipHeader = false;
      return;
    }
    yield {
      line: this.#line,
      text,
      fields: this.#csv ? this.#csvFields(text) : this.#textFields(text),
    };
  }

  /** A row without the CR of its line end. Throws 22P04 if lines end in different ways. */
  #withoutLineEnd(bytes: Uint8Array, whole: boolean): Uint8Array {
    const ends = bytes.at(-1) === carriageReturn;
    if (whole) this.#carriageReturns ??= ends;
    if (whole && this.#carriageReturns !== ends) {
      const what = ends ? 'carriage return' : 'newline';
      throw sqlError('22P04', `${this.#csv ? 'unquoted' : 'literal'} ${what} found in data`, {
        hint: this.#csv
          ? `Use quoted CSV field to represent ${what}.`
          : `Use "${ends ? '\\r' : '\\n'}" to represent ${what}.`,
        ...this.#where(),
      });
    }
    return ends ? bytes.subarray(0, bytes.length - 1) : bytes;
  }

  #decode(bytes: Uint8Array): string {
    let text: string;
    try {
      text = this.#utf8.decode(bytes);
    } catch {
      throw sqlError('22021', 'invalid byte sequence for encoding "UTF8"', this.#where());
    }
    if (text.includes('\0'))
      throw sqlError('22021', 'invalid byte sequence for encoding "UTF8": 0x00', this.#where());
    return text;
  }

  #where(): { readonly where: string } {
    return { where: `COPY, line ${this.#line}` };
  }

  #textFields(text: string): readonly (string | null)[] {
    const fields: string[] = [''];
    for (let at = 0; at < text.length; at++) {
      const character = text[at] ?? '';
      if (character === '\\' && at + 1 < text.length)
        fields[fields.length - 1] += character + (text[++at] ?? '');
      else if (character === this.#delimiter) fields.push('');
      else fields[fields.length - 1] += character;
    }
    return fields.map((field) => (field === this.#null ? null : this.#unescaped(field)));
  }

  #unescaped(field: string): string {
    return field.includes('\\') ? this.#decode(unescapedBytes(field)) : field;
  }

  #csvFields(text: string): readonly (string | null)[] {
    const fields: (string | null)[] = [];
    let field = '';
    let quoted = false;
    let wasQuoted = false;
    const end = (): void => {
      fields.push(!wasQuoted && field === this.#null ? null : field);
      field = '';
      wasQuoted = false;
    };
    for (let at = 0; at < text.length; at++) {
      const character = text[at] ?? '';
      const next = text[at + 1];
      if (quoted && character === this.#escape && (next === this.#quote || next === this.#escape)) {
        field += next;
        at++;
      } else if (character === this.#quote) {
        quoted = !quoted;
        wasQuoted = true;
      } else if (character === this.#delimiter && !quoted) end();
      else field += character;
    }
    end();
    return fields;
  }
}

const simpleEscapes = new Map([
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);
const escapes = /\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|[bfnrtv])/y;
const utf8 = new TextEncoder();

/**
 * The bytes of a field: \n, \t, \123 and \x41 stand for one, a backslash before anything else for
 * nothing.
 */
function unescapedBytes(field: string): Uint8Array {
  const bytes = utf8.encode(field);
  let length = 0;
  // Positions in the text and in its bytes differ, so both are counted.
  for (let at = 0, byte = 0; at < field.length;) {
    escapes.lastIndex = at;
    const code = escapes.exec(field)?.[1];
    if (code !== undefined) {
      bytes[length++] = escapedByte(code);
      at += code.length + 1;
      byte += code.length + 1;
      continue;
    }
    if (field[at] === '\\') {
      at++;
      byte++;
    }
    const point = field.codePointAt(at);
    if (point === undefined) break;
    const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    bytes.copyWithin(length, byte, byte + size);
    length += size;
    byte += size;
    at += size === 4 ? 2 : 1;
  }
  return bytes.subarray(0, length);
}

function escapedByte(code: string): number {
  if (/^[0-7]/.test(code)) return parseInt(code, 8) & 0xff;
  return simpleEscapes.get(code) ?? parseInt(code.slice(1), 16);
}
