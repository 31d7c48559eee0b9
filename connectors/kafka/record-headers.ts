/**
 * Headers of one record, read when a column asks for them: a count, then (key, value) with varint
 * lengths.
 */
import type { RecordHeader } from './encode-batch.ts';

/** The headers in [at, end), or null if they are malformed. Views on `bytes`. */
export function readHeaders(bytes: Uint8Array, at: number, end: number): RecordHeader[] | null {
  const reader = new HeaderReader(bytes, at, end);
  const count = reader.varint();
  // A header takes two bytes at least, so a larger count is a lie.
  if (!(count >= 0 && count <= (end - at) / 2)) return null;
  const headers: RecordHeader[] = [];
  for (let k = 0; k < count; k++) {
    const key = reader.field();
    const value = reader.field();
    if (reader.broken || key === null) return null;
    headers.push({ key, value });
  }
  return headers;
}

class HeaderReader {
  broken = false;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  /** A zigzag varint; NaN if it is cut off. */
  varint(): number {
    let value = 0;
    for (let power = 1; power <= 2 ** 28; power *= 128) {
      if (this.#at >= this.#end) break;
      const byte = this.#bytes[this.#at++];
      value += (byte & 0x7f) * power;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    this.broken = true;
    return Number.NaN;
  }

  field(): Uint8Array | null {
    const length = this.varint();
    if (length < 0 || this.broken) return null;
    if (length > this.#end - this.#at) {
      this.broken = true;
      return null;
    }
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }
}
