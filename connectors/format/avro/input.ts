/**
 * A cursor on one Avro record: the primitives of the binary encoding, each checked against the end
 * of the record. What is wrong with the bytes is thrown as `BadAvro` and caught by the reader of
 * rows; nothing else is thrown.
 *
 * Values of no bytes (null, empty records) can stand in arrays of any length, so values are counted
 * and bounded, as is their nesting.
 */
import { unreachable } from '../../../src/base/assert.ts';
import { limits } from '../../../src/base/limits.ts';
import { utf8Text } from '../../../dataflow/value/words.ts';
import { invalidTextAt } from '../text-bytes.ts';
import type { AvroType } from './schema.ts';

/** Bytes of the longest varint. */
const varintBytesMax = 10;

/** Why bytes are not a record of the schema; `code` is the SQLSTATE. */
export class BadAvro extends Error {
  override readonly name = 'BadAvro';
  readonly code: string;

  constructor(reason: string, code = '22P03') {
    super(reason);
    this.code = code;
  }
}

/** See the head of this file; reused for ever. */
export class AvroInput {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #valuesLeft = 0;

  /** Starts on the record [at, end). */
  open(bytes: Uint8Array, at: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = at;
    this.end = end;
    this.#valuesLeft = limits.avroValuesMax;
  }

  /** Counts one value at a depth that its reader tells. */
  count(depth: number): void {
    if (depth > limits.avroDepthMax)
      throw new BadAvro(`values are nested deeper than ${limits.avroDepthMax} (avroDepthMax)`);
    if (--this.#valuesLeft < 0)
      throw new BadAvro(`the record has more than ${limits.avroValuesMax} values (avroValuesMax)`);
  }

  /** Moves on by `length` bytes; answers where they begin. */
  take(length: number): number {
    const { at } = this;
    if (length > this.end - at) throw new BadAvro('the record is cut off');
    this.at = at + length;
    return at;
  }

  boolean(): boolean {
    const byte = this.bytes[this.take(1)];
    if (byte > 1) throw new BadAvro(`${byte} is no Boolean`);
    return byte === 1;
  }

  long(): bigint {
    const from = this.at;
    let low = 0;
    let high = 0;
    let last = 0;
    for (let k = 0; ; k++) {
      if (k === varintBytesMax) throw new BadAvro('an integer has more than 64 bits');
      const byte = this.bytes[this.take(1)];
      const part = byte & 0x7f;
      if (k < 4) low += part * 2 ** (7 * k);
      else if (k < 8) high += part * 2 ** (7 * (k - 4));
      else last += part * 2 ** (7 * (k - 8));
      if (byte < 0x80) break;
    }
    if (last > 0xff) throw new BadAvro('an integer has more than 64 bits');
    if (this.at - from <= 4) return BigInt((low >>> 1) ^ -(low & 1));
    const zigzag = (BigInt(last) << 56n) | (BigInt(high) << 28n) | BigInt(low);
    return (zigzag >> 1n) ^ -(zigzag & 1n);
  }

  int(): number {
    const value = this.long();
    if (BigInt.asIntN(32, value) !== value) throw new BadAvro(`${value} is no int of 32 bits`);
    return Number(value);
  }

  /** A length of bytes; negative ones are refused, and those beyond the record. */
  length(): number {
    const value = this.long();
    if (value < 0n) throw new BadAvro(`${value} is no length`);
    if (value > BigInt(this.end - this.at)) throw new BadAvro('the record is cut off');
    return Number(value);
  }

  /** The number of a branch or symbol, below `count`. */
  index(count: number, what: string): number {
    const value = this.long();
    if (value < 0n || value >= BigInt(count)) throw new BadAvro(`there is no ${what} ${value}`);
    return Number(value);
  }

  float(): number {
    return this.#view.getFloat32(this.take(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.take(8), true);
  }

  /** `length` bytes, as a view. */
  run(length: number): Uint8Array {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** `length` bytes that are text. */
  text(length: number): string {
    const at = this.take(length);
    const bad = invalidTextAt(this.bytes, at, at + length);
    if (bad >= 0) {
      const hex = this.bytes[bad].toString(16).padStart(2, '0');
      throw new BadAvro(
        `invalid byte sequence for encoding "UTF8": 0x${hex} at byte ${bad - at}`,
        '22021',
      );
    }
    return utf8Text(this.bytes.subarray(at, at + length));
  }

  /** Items of the next block of an array or map; 0 after the last block. */
  block(): number {
    let count = this.long();
    if (count < 0n) {
      this.length();
      count = -count;
    }
    if (count > BigInt(limits.avroValuesMax))
      throw new BadAvro(`a block has ${count} items, more than ${limits.avroValuesMax}`);
    return Number(count);
  }

  /** Passes a value that nobody reads. */
  skip(type: AvroType, depth: number): void {
    this.count(depth);
    switch (type.kind) {
      case 'null':
        return;
      case 'boolean':
        this.take(1);
        return;
      case 'int':
      case 'long':
      case 'enum':
        this.long();
        return;
      case 'float':
        this.take(4);
        return;
      case 'double':
        this.take(8);
        return;
      case 'bytes':
      case 'string':
        this.take(this.length());
        return;
      case 'fixed':
        this.take(type.size);
        return;
      case 'record':
        for (const field of type.fields) this.skip(field.type, depth + 1);
        return;
      case 'array':
        return this.#skipBlocks(type.items, false, depth);
      case 'map':
        return this.#skipBlocks(type.values, true, depth);
      case 'union': {
        const branch = type.branches[this.index(type.branches.length, 'branch')];
        return this.skip(branch, depth + 1);
      }
      default:
        unreachable(type);
    }
  }

  /** Blocks that say their size in bytes are passed whole. */
  #skipBlocks(item: AvroType, isMap: boolean, depth: number): void {
    for (;;) {
      const count = this.long();
      if (count === 0n) return;
      if (count < 0n) {
        this.count(depth);
        this.take(this.length());
        continue;
      }
      for (let k = 0n; k < count; k++) {
        if (isMap) this.take(this.length());
        this.skip(item, depth + 1);
      }
    }
  }
}
