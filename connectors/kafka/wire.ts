/**
 * Kafka's wire primitives: big-endian integers, strings and arrays with 16- and 32-bit lengths, and
 * the "compact" forms of flexible versions (unsigned varint of length + 1, tagged fields). What a
 * broker sends is not trusted: a read past the end throws `WireError`, array counts are bounded by
 * the bytes that are left.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A response that does not follow the protocol. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** Reads primitives from the front of a buffer. */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#at;
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (bytes < 0 || bytes > this.bytes.length - at) {
      throw new WireError(`${bytes} bytes wanted, ${this.bytes.length - at} left`);
    }
    this.#at = at + bytes;
    return at;
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  bool(): boolean {
    return this.int8() !== 0;
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  /** An unsigned varint of at most five bytes. */
  uvarint(): number {
    let value = 0;
    for (let power = 1; power <= 2 ** 28; power *= 128) {
      const byte = this.bytes[this.#take(1)];
      value += (byte & 0x7f) * power;
      if (byte < 0x80) return value;
    }
    throw new WireError('a varint has more than five bytes');
  }

  /** A view on the next `length` bytes. */
  slice(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  string(): string {
    return decoder.decode(this.slice(this.int16()));
  }

  nullableString(): string | null {
    const length = this.int16();
    return length < 0 ? null : decoder.decode(this.slice(length));
  }

  compactString(): string | null {
    const length = this.uvarint();
    return length === 0 ? null : decoder.decode(this.slice(length - 1));
  }

  /** An array with a 32-bit count; null reads as empty. */
  array<T>(item: (reader: WireReader) => T): T[] {
    return this.#items(this.int32(), item);
  }

  compactArray<T>(item: (reader: WireReader) => T): T[] {
    return this.#items(this.uvarint() - 1, item);
  }

  #items<T>(count: number, item: (reader: WireReader) => T): T[] {
    if (count > this.bytes.length - this.#at) throw new WireError(`an array claims ${count} items`);
    const items: T[] = [];
    for (let k = 0; k < count; k++) items.push(item(this));
    return items;
  }

  /** Skips tagged fields. */
  tags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint();
      this.#take(this.uvarint());
    }
  }
}

/** Appends primitives to a growing buffer. */
export class WireWriter {
  #bytes = Buffer.alloc(256);
  #end = 0;

  /** The bytes written so far. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  #room(bytes: number): number {
    const at = this.#end;
    this.#end += bytes;
    if (this.#end > this.#bytes.length) {
      const wider = Buffer.alloc(Math.max(this.#end, this.#bytes.length * 2));
      wider.set(this.#bytes.subarray(0, at));
      this.#bytes = wider;
    }
    return at;
  }

  int8(value: number): this {
    const at = this.#room(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int16(value: number): this {
    const at = this.#room(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  int64(value: bigint): this {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
    return this;
  }

  uvarint(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128))
      this.int8((((rest % 128) | 0x80) << 24) >> 24);
    return this.int8(rest);
  }

  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  string(text: string): this {
    const bytes = encoder.encode(text);
    return this.int16(bytes.length).raw(bytes);
  }

  nullableString(text: string | null): this {
    return text === null ? this.int16(-1) : this.string(text);
  }

  compactString(text: string | null): this {
    if (text === null) return this.uvarint(0);
    const bytes = encoder.encode(text);
    return this.uvarint(bytes.length + 1).raw(bytes);
  }

  array<T>(items: readonly T[], item: (writer: this, value: T) => void): this {
    this.int32(items.length);
    for (const value of items) item(this, value);
    return this;
  }

  compactArray<T>(items: readonly T[], item: (writer: this, value: T) => void): this {
    this.uvarint(items.length + 1);
    for (const value of items) item(this, value);
    return this;
  }

  /** No tagged fields. */
  tags(): this {
    return this.uvarint(0);
  }
}
