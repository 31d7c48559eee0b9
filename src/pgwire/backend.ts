/**
 * What the server sends: messages written one behind the other into one growing buffer, which is
 * handed to the socket whole (a write per row would cost ten to twenty times as much). A buffer
 * that was handed over is never touched again. Small answers are copied out of it instead, and a
 * connection at rest keeps half a kilobyte.
 */
import { assert } from '../base/assert.ts';
import type { ErrorFields } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import { ByteSink } from '../../dataflow/value/byte-sink.ts';
import { typeInfo } from '../../dataflow/value/type.ts';
import type { ResultColumn } from '../sql/planned.ts';

/** Bytes of a writer at rest: what an idle connection keeps. */
const restingBytes = 512;
/** Up to here what was written is copied out and the buffer stays. */
const copiedBytesMax = 4096;
/** Room beside what makes a buffer worth a write, so that a usual row still fits. */
const streamingBytes = limits.writeBufferBytes + 8 * 1024;

/** Messages gathered in one buffer. */
export class BackendWriter extends ByteSink {
  #start = 0;

  constructor() {
    super(restingBytes);
  }

  /** The bytes so far; the writer starts anew. */
  override take(): Uint8Array {
    const { at, u8 } = this;
    this.at = 0;
    if (at <= copiedBytesMax) {
      const copy = Buffer.allocUnsafe(at);
      for (let k = 0; k < at; k++) copy[k] = u8[k] ?? 0;
      return copy;
    }
    this.u8 =
      at < limits.writeBufferBytes
        ? new Uint8Array(restingBytes)
        : Buffer.allocUnsafeSlow(streamingBytes);
    return u8.subarray(0, at);
  }

  /** Gives up the large buffer of an answer that has ended; nothing is written at the moment. */
  rest(): void {
    assert(this.at === 0, 'what was written was taken');
    if (this.u8.length > copiedBytesMax) this.u8 = new Uint8Array(restingBytes);
  }

  begin(type: string): void {
    this.ensure(5);
    this.u8[this.at] = type.charCodeAt(0);
    this.#start = this.at + 1;
    this.at += 5;
  }

  end(): void {
    this.patchInt32(this.#start, this.at - this.#start);
  }

  /** A string and its terminating zero. */
  text(value: string): void {
    this.utf8(value);
    this.byte(0);
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
    if (fields.where !== undefined) this.#field('W', fields.where);
    this.byte(0);
    this.end();
  }

  #field(code: string, value: string): void {
    this.byte(code.charCodeAt(0));
    this.text(value.replaceAll('\0', ''));
  }
}
