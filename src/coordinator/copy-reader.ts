/**
 * Reading COPY data: raw bytes in any cut to rows of field texts, in the text and CSV formats of the
 * Postgres manual ("COPY", File Formats). A field is a string, or null for the null text.
 *
 * The reader keeps at most one unfinished line, bounded by `rowBytesMax`.
 */
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { CopyOptions } from '../sql/ast.ts';

export interface CopyRow {
  readonly line: number;
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
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true });
  #skipHeader: boolean;
  #pending: Uint8Array = new Uint8Array(0);
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

  /** The rows that are complete with these bytes. Throws 22P04, 22021. */
  *push(bytes: Uint8Array): Iterable<CopyRow> {
    const joined = new Uint8Array(this.#pending.length + bytes.length);
    joined.set(this.#pending);
    joined.set(bytes, this.#pending.length);
    let start = 0;
    for (let end = this.#endOfLine(joined, start); end >= 0; end = this.#endOfLine(joined, start)) {
      yield* this.#row(joined.subarray(start, end));
      start = end + 1;
    }
    this.#pending = joined.slice(start);
    if (this.#pending.length > limits.rowBytesMax) throw sqlError('54000', `a line of COPY data is longer than ${limits.rowBytesMax} bytes`);
  }

  /** The last row, if it has no line end. */
  *end(): Iterable<CopyRow> {
    const last = this.#pending;
    this.#pending = new Uint8Array(0);
    if (this.#csv && this.#inQuotes(last, 0, last.length)) throw sqlError('22P04', 'unterminated CSV quoted field', this.#where());
    if (last.length > 0) yield* this.#row(last);
  }

  /** Position of the next line end that ends a row, or -1. */
  #endOfLine(bytes: Uint8Array, start: number): number {
    if (!this.#csv) {
      for (let at = bytes.indexOf(newline, start); at >= 0; at = bytes.indexOf(newline, at + 1)) {
        if (!escapedAt(bytes, start, at)) return at;
      }
      return -1;
    }
    const quote = this.#quote.charCodeAt(0);
    const escape = this.#escape.charCodeAt(0);
    let quoted = false;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (quoted && escape !== quote && byte === escape) at++;
      else if (byte === quote) quoted = !quoted;
      else if (byte === newline && !quoted) return at;
    }
    return -1;
  }

  #inQuotes(bytes: Uint8Array, start: number, end: number): boolean {
    const quote = this.#quote.charCodeAt(0);
    let quoted = false;
    for (let at = start; at < end; at++) if (bytes[at] === quote) quoted = !quoted;
    return quoted;
  }

  *#row(bytes: Uint8Array): Iterable<CopyRow> {
    this.#line++;
    const end = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
    const text = this.#decode(bytes.subarray(0, end));
    if (this.#ended) return;
    if (text === '\\.') {
      this.#ended = true;
      return;
    }
    if (this.#skipHeader) {
      this.#skipHeader = false;
      return;
    }
    yield { line: this.#line, fields: this.#csv ? this.#csvFields(text) : this.#textFields(text) };
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#utf8.decode(bytes);
    } catch {
      throw sqlError('22021', 'invalid byte sequence for encoding "UTF8"', this.#where());
    }
  }

  #where(): { readonly where: string } {
    return { where: `COPY, line ${this.#line}` };
  }

  #textFields(text: string): readonly (string | null)[] {
    const fields: string[] = [''];
    for (let at = 0; at < text.length; at++) {
      const character = text[at] ?? '';
      if (character === '\\' && at + 1 < text.length) fields[fields.length - 1] += character + (text[++at] ?? '');
      else if (character === this.#delimiter) fields.push('');
      else fields[fields.length - 1] += character;
    }
    return fields.map((field) => (field === this.#null ? null : unescapeText(field)));
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

/** True if an odd number of backslashes stands before `at`. */
function escapedAt(bytes: Uint8Array, start: number, at: number): boolean {
  let count = 0;
  for (let i = at - 1; i >= start && bytes[i] === backslash; i--) count++;
  return count % 2 === 1;
}

const simpleEscapes = new Map([['b', '\b'], ['f', '\f'], ['n', '\n'], ['r', '\r'], ['t', '\t'], ['v', '\v']]);

/** \n, \t, \123, \x41, and a backslash before anything else. */
function unescapeText(field: string): string {
  return field.replaceAll(/\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|[\s\S])/g, (_, code: string) => {
    if (/^[0-7]/.test(code)) return String.fromCharCode(parseInt(code, 8) & 0xff);
    if (/^x[0-9a-fA-F]/.test(code)) return String.fromCharCode(parseInt(code.slice(1), 16));
    return simpleEscapes.get(code) ?? code;
  });
}
