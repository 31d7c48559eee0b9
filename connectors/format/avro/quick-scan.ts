/**
 * Says quickly, for the usual chunk, that every record in it names a schema that is known: one pass
 * over the lengths of uncompressed records. It looks at records too that nobody will see (below the
 * wanted offset, of aborted transactions). Where it is not sure (compressed, malformed, a number
 * that is not known), `SchemaScan` finds out.
 */
import {
  attributeCodecMask,
  batchAttributes,
  batchHeaderBytes,
  batchLength,
  batchMagic,
  batchPrefixBytes,
  batchRecordCount,
} from '../../kafka/batch-layout.ts';
import type { FramedParts } from './scan.ts';

/** Reads past what varints have one to three bytes; the index after it, or -1. */
function afterVarint(bytes: Uint8Array, from: number): number {
  let p = from;
  if (bytes[p++] < 0x80) return p;
  if (bytes[p++] < 0x80) return p;
  if (bytes[p++] < 0x80) return p;
  return -1;
}

/** The length that a varint of one to three bytes before `after` says. */
function lengthBefore(bytes: Uint8Array, from: number, after: number): number {
  let zigzag = bytes[from] & 0x7f;
  if (after - from > 1) zigzag |= (bytes[from + 1] & 0x7f) << 7;
  if (after - from > 2) zigzag |= (bytes[from + 2] & 0x7f) << 14;
  return (zigzag >>> 1) ^ -(zigzag & 1);
}

/** One scan after another; remembers the number that it saw last. */
export class QuickScan {
  readonly #parts: FramedParts;
  #last = -1;

  constructor(parts: FramedParts) {
    this.#parts = parts;
  }

  /** True if each record of the chunk names a known schema, or none. */
  allKnown(chunk: Uint8Array, known: ReadonlySet<number>): boolean {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (bytes.length - at < batchHeaderBytes) return false;
      const length = view.getInt32(at + batchLength) + batchPrefixBytes;
      const isUsual =
        length >= batchHeaderBytes &&
        length <= bytes.length - at &&
        view.getInt8(at + batchMagic) === 2 &&
        (view.getInt16(at + batchAttributes) & attributeCodecMask) === 0;
      if (!isUsual) return false;
      const count = view.getInt32(at + batchRecordCount);
      if (!this.#batch(bytes, view, at + batchHeaderBytes, at + length, count, known)) return false;
      at += length;
    }
    return true;
  }

  #batch(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    end: number,
    count: number,
    known: ReadonlySet<number>,
  ): boolean {
    const { key, value } = this.#parts;
    let at = from;
    for (let k = 0; k < count; k++) {
      let p = afterVarint(bytes, at);
      if (p < 0) return false;
      const next = p + lengthBefore(bytes, at, p);
      if (next > end || next <= p) return false;
      // Past the attributes: timestamp and offset.
      p = afterVarint(bytes, p + 1);
      if (p >= 0) p = afterVarint(bytes, p);
      for (let part = 0; part < 2 && p >= 0; part++) {
        const lengthAt = p;
        p = afterVarint(bytes, p);
        if (p < 0) break;
        const length = lengthBefore(bytes, lengthAt, p);
        if (length > next - p) return false;
        const isFramed = part === 0 ? key : value;
        if (
          isFramed &&
          length > 4 &&
          bytes[p] === 0 &&
          !this.#isKnown(view.getUint32(p + 1), known)
        )
          return false;
        if (length > 0) p += length;
      }
      if (p < 0) return false;
      at = next;
    }
    return true;
  }

  #isKnown(id: number, known: ReadonlySet<number>): boolean {
    if (id === this.#last) return true;
    if (!known.has(id)) return false;
    this.#last = id;
    return true;
  }
}
