/**
 * What the server sends: messages written one behind the other into one growing buffer, which is
 * handed to the socket whole (a write per row would cost ten to twenty times as much). A buffer that
 * was handed over is never touched again.
 */
import { assert } from '../base/assert.ts';
import type { ErrorFields } from '../base/error.ts';
import { typeInfo } from '../../dataflow/value/type.ts';
import type { ResultColumn } from '../sql/planned.ts';

const utf8 = new TextEncoder();
const initialBytes = 64 * 1024;

export class BackendWriter {
  bytes = new Uint8Array(initialBytes);
  at = 0;
  #view = new DataView(this.bytes.buffer);
  #start = 0;

  /** Makes room for `n` more bytes. */
  ensure(n: number): void {
    if (this.at + n <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + n));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** The bytes so far; the writer starts anew. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.at);
    this.bytes = new Uint8Array(initialBytes);
    this.#view = new DataView(this.bytes.buffer);
    this.at = 0;
    return taken;
  }

  begin(type: string): void {
    this.ensure(5);
    this.bytes[this.at] = type.charCodeAt(0);
    this.#start = this.at + 1;
    this.at += 5;
  }

  end(): void {
    this.#view.setInt32(this.#start, this.at - this.#start);
  }

  byte(value: number): void {
    this.ensure(1);
    this.bytes[this.at++] = value;
  }

  int16(value: number): void {
    this.ensure(2);
    this.#view.setInt16(this.at, value);
    this.at += 2;
  }

  int32(value: number): void {
    this.ensure(4);
    this.#view.setInt32(this.at, value);
    this.at += 4;
  }

  /** Sets an int32 at an earlier position. */
  patch32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  text(value: string): void {
    this.ensure(value.length * 3 + 1);
    const { written } = utf8.encodeInto(value, this.bytes.subarray(this.at));
    this.at += written;
    this.bytes[this.at++] = 0;
  }

  raw(value: Uint8Array): void {
    this.ensure(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  /** A message without a body. */
  plain(type: string): void {
    this.begin(type);
    this.end();
  }

  authenticationOk(): void {
    this.begin('R');
    this.int32(0);
    this.end();
  }

  /** Answers a client that asks for a newer minor version or for protocol options that we lack. */
  negotiateVersion(options: readonly string[]): void {
    this.begin('v');
    this.int32(0x0003_0000);
    this.int32(options.length);
    for (const option of options) this.text(option);
    this.end();
  }

  parameterStatus(name: string, value: string): void {
    this.begin('S');
    this.text(name);
    this.text(value);
    this.end();
  }

  backendKey(processId: number, secret: number): void {
    this.begin('K');
    this.int32(processId);
    this.int32(secret);
    this.end();
  }

  readyForQuery(status: string): void {
    this.begin('Z');
    this.byte(status.charCodeAt(0));
    this.end();
  }

  commandComplete(tag: string): void {
    this.begin('C');
    this.text(tag);
    this.end();
  }

  /** `formats`: 0 or 1 by column. */
  rowDescription(columns: readonly ResultColumn[], formats: readonly number[]): void {
    assert(formats.length === columns.length, 'there is a format for each column');
    this.begin('T');
    this.int16(columns.length);
    columns.forEach((column, i) => {
      const type = typeInfo(column.type.name);
      this.text(column.name);
      this.int32(column.tableOid);
      this.int16(column.attribute);
      this.int32(type.oid);
      this.int16(type.length);
      this.int32(column.type.modifier);
      this.int16(formats[i] ?? 0);
    });
    this.end();
  }

  parameterDescription(oids: readonly number[]): void {
    this.begin('t');
    this.int16(oids.length);
    for (const oid of oids) this.int32(oid);
    this.end();
  }

  /** 'G' asks the client for data, 'H' announces it. `format` 1 is binary. */
  copyResponse(type: 'G' | 'H', columns: number, format: number): void {
    this.begin(type);
    this.byte(format);
    this.int16(columns);
    for (let i = 0; i < columns; i++) this.int16(format);
    this.end();
  }

  copyData(bytes: Uint8Array): void {
    this.begin('d');
    this.raw(bytes);
    this.end();
  }

  /** ErrorResponse or NoticeResponse. */
  report(type: 'E' | 'N', severity: string, fields: ErrorFields): void {
    this.begin(type);
    this.#field('S', severity);
    this.#field('V', severity);
    this.#field('C', fields.code);
    this.#field('M', fields.message);
    if (fields.detail !== undefined) this.#field('D', fields.detail);
    if (fields.hint !== undefined) this.#field('H', fields.hint);
    if (fields.position !== undefined) this.#field('P', String(fields.position));
    this.byte(0);
    this.end();
  }

  #field(code: string, value: string): void {
    this.byte(code.charCodeAt(0));
    this.text(value.replaceAll('\0', ''));
  }
}
