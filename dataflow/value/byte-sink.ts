/**
 * A growing run of bytes to which values are appended: where rows become wire bytes. Writers call
 * `ensure(n)` once for what they will write at most, then store into `u8` at `at` and move `at`.
 * Numbers are big-endian, as the wire wants them.
 */
import { sqlError } from '../../src/base/error.ts';
import { limits } from '../../src/base/limits.ts';

const encoder = new TextEncoder();

/** Bytes that grow; see the head of the file for the protocol. */
export class ByteSink {
  u8: Uint8Array;
  /** Bytes written so far: the index of the next one. */
  at = 0;

  constructor(capacity = 65_536) {
    this.u8 = new Uint8Array(capacity);
  }

  /** Makes room for `n` more bytes. */
  ensure(n: number): void {
    if (this.at + n <= this.u8.length) return;
    if (this.at + n > limits.messageBytesMax) {
      throw sqlError('54000', `a message of more than ${limits.messageBytesMax} bytes is not sent`);
    }
    let capacity = Math.max(64, this.u8.length * 2);
    while (capacity < this.at + n) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.u8.subarray(0, this.at));
    this.u8 = grown;
  }

  byte(value: number): void {
    this.ensure(1);
    this.u8[this.at++] = value;
  }

  int16(value: number): void {
    this.ensure(2);
    this.u8[this.at++] = value >>> 8;
    this.u8[this.at++] = value;
  }

  int32(value: number): void {
    this.ensure(4);
    const { u8, at } = this;
    u8[at] = value >>> 24;
    u8[at + 1] = value >>> 16;
    u8[at + 2] = value >>> 8;
    u8[at + 3] = value;
    this.at = at + 4;
  }

  /** Overwrites four bytes at `at`: a length that is known only afterwards. */
  patchInt32(at: number, value: number): void {
    this.u8[at] = value >>> 24;
    this.u8[at + 1] = value >>> 16;
    this.u8[at + 2] = value >>> 8;
    this.u8[at + 3] = value;
  }

  /** Appends bytes as they are. */
  raw(source: Uint8Array): void {
    this.ensure(source.length);
    this.u8.set(source, this.at);
    this.at += source.length;
  }

  /** Appends a string as UTF-8. */
  utf8(text: string): void {
    this.ensure(text.length * 3);
    this.at += encoder.encodeInto(text, this.u8.subarray(this.at)).written;
  }

  /** Appends a string of ASCII characters. */
  ascii(text: string): void {
    this.ensure(text.length);
    const { u8, at } = this;
    for (let k = 0; k < text.length; k++) u8[at + k] = text.charCodeAt(k);
    this.at = at + text.length;
  }

  /** Forgets what was written; keeps the memory. */
  clear(): void {
    this.at = 0;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.u8.slice(0, this.at);
  }
}
