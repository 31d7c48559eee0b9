/**
 * A cursor on the bytes of one Protobuf message. Methods answer false where the bytes are wrong;
 * `problem` then says why. Numbers are left as two words, so nothing is made on the way.
 *
 * A message within a message is read by moving `at` and `end`; both must lie in the record.
 */
import { limits } from '../../../src/base/limits.ts';

/** What a tag says of the bytes that follow. */
export const wireVarint = 0;
export const wireFixed64 = 1;
export const wireBytes = 2;
const wireGroup = 3;
const wireGroupEnd = 4;
export const wireFixed32 = 5;

/** See the head of this file; reused for ever. */
export class ProtoCursor {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  at = 0;
  end = 0;
  /** The last number that was read. */
  low = 0;
  high = 0;
  /** Field and wire type of the last tag. */
  number = 0;
  wire = 0;
  problem = '';

  /** Starts on [at, end). */
  open(bytes: Uint8Array, at: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = at;
    this.end = end;
  }

  fail(problem: string): false {
    this.problem = problem;
    return false;
  }

  varint(): boolean {
    const { at } = this;
    const byte = this.bytes[at];
    if (byte < 128 && at < this.end) {
      this.low = byte;
      this.high = 0;
      this.at = at + 1;
      return true;
    }
    return this.#longVarint();
  }

  #longVarint(): boolean {
    const { bytes, end } = this;
    let p = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (p >= end) return this.fail('the message is cut off');
      const byte = bytes[p++];
      const part = byte & 127;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >>> 4;
      } else high |= part << (shift - 32);
      if (byte < 128) break;
      if (shift === 63) return this.fail('a number has more than 64 bits');
    }
    this.low = low;
    this.high = high;
    this.at = p;
    return true;
  }

  tag(): boolean {
    const byte = this.bytes[this.at];
    if (byte > 7 && byte < 128) {
      this.at++;
      this.number = byte >>> 3;
      this.wire = byte & 7;
      return true;
    }
    if (!this.varint()) return false;
    if (this.high !== 0) return this.fail('a tag has more than 32 bits');
    this.number = this.low >>> 3;
    this.wire = this.low & 7;
    return this.number > 0 || this.fail('there is no field 0');
  }

  fixed32(): boolean {
    const { at } = this;
    if (this.end - at < 4) return this.fail('the message is cut off');
    this.low = this.view.getInt32(at, true);
    this.high = 0;
    this.at = at + 4;
    return true;
  }

  fixed64(): boolean {
    const { at } = this;
    if (this.end - at < 8) return this.fail('the message is cut off');
    this.low = this.view.getInt32(at, true);
    this.high = this.view.getInt32(at + 4, true);
    this.at = at + 8;
    return true;
  }

  /** A length of bytes that are there, into `low`. */
  length(): boolean {
    if (!this.varint()) return false;
    const isThere = this.high === 0 && this.low >= 0 && this.low <= this.end - this.at;
    return isThere || this.fail('the message is cut off');
  }

  /** Passes a value behind its tag. */
  skip(wire: number): boolean {
    switch (wire) {
      case wireVarint:
        return this.varint();
      case wireFixed64:
        return this.#pass(8);
      case wireBytes:
        if (!this.length()) return false;
        this.at += this.low;
        return true;
      case wireGroup:
        return this.#skipGroup(this.number);
      case wireGroupEnd:
        return this.fail('a group ends that has not begun');
      case wireFixed32:
        return this.#pass(4);
      default:
        return this.fail(`there is no wire type ${wire}`);
    }
  }

  #pass(bytes: number): boolean {
    if (this.end - this.at < bytes) return this.fail('the message is cut off');
    this.at += bytes;
    return true;
  }

  /** Passes a group to its end, with those in it. */
  #skipGroup(number: number): boolean {
    const open = [number];
    while (open.length > 0) {
      if (this.at >= this.end) return this.fail('a group has no end');
      if (!this.tag()) return false;
      if (this.wire === wireGroup) {
        if (open.length >= limits.protobufDepthMax)
          return this.fail(`groups are nested deeper than ${limits.protobufDepthMax}`);
        open.push(this.number);
      } else if (this.wire === wireGroupEnd) {
        if (open.pop() !== this.number) return this.fail('a group ends that has not begun');
      } else if (!this.skip(this.wire)) return false;
    }
    return true;
  }
}
