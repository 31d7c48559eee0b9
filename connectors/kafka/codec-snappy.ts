/**
 * Snappy (the published format description): raw blocks, and the "xerial" framing that Java's
 * producers put around them (a 16-byte header, then blocks, each with a big-endian length).
 *
 * A raw block is the uncompressed length as a varint, then literals and copies. The low two bits of
 * a tag byte say which: 0 literal, 1 copy with a one-byte offset, 2 two bytes, 3 four bytes. Output
 * never exceeds the announced length, and that never exceeds the caller's limit, so hostile input
 * can neither write out of bounds nor make the decoder allocate without bound.
 *
 * The compressor is greedy with one hash table of 2^14 positions, restarted per block of 64 KiB.
 */
import { copyLiteral, copyMatch, outputFor } from './codec-copy.ts';
import type { Output } from './codec-copy.ts';
import { intact } from './codec-error.ts';
import type { Steps } from './codec-steps.ts';
import { finished, joinSteps, stepBytes } from './codec-steps.ts';

const xerialMagic = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00);
const xerialHeaderBytes = 16;
const xerialBlockBytes = 32 * 1024;
const blockBytes = 1 << 16;
const hashBits = 14;

function isXerial(bytes: Uint8Array): boolean {
  return bytes.length >= xerialHeaderBytes && xerialMagic.every((byte, k) => bytes[k] === byte);
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Decompresses raw or xerial-framed bytes; throws `CodecError` if they are broken or too long. */
export function snappyDecompress(bytes: Uint8Array, bytesMax: number): Uint8Array {
  return finished(snappySteps(bytes, bytesMax));
}

/** The same with a pause after every megabyte or so. */
export function* snappySteps(bytes: Uint8Array, bytesMax: number): Steps {
  if (!isXerial(bytes)) return yield* blockSteps(bytes, 0, bytes.length, bytesMax);
  let pauseAt = stepBytes;
  const blocks: Uint8Array[] = [];
  let total = 0;
  let at = xerialHeaderBytes;
  while (at < bytes.length) {
    intact(at + 4 <= bytes.length, 'snappy block length is cut off');
    const length = uint32(bytes, at);
    at += 4;
    intact(length <= bytes.length - at, `snappy block of ${length} bytes is cut off`);
    const block = yield* blockSteps(bytes, at, at + length, bytesMax - total);
    total += block.length;
    blocks.push(block);
    at += length;
    // Blocks of nothing cost their headers.
    if (total + at < pauseAt) continue;
    pauseAt = total + at + stepBytes;
    yield null;
  }
  return blocks.length === 1 ? blocks[0] : yield* joinSteps(blocks, total);
}

function* blockSteps(bytes: Uint8Array, from: number, to: number, bytesMax: number): Steps {
  let length = 0;
  let at = from;
  for (let shift = 0; ; shift += 7) {
    intact(at < to && shift <= 28, 'snappy length is cut off');
    const byte = bytes[at++];
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  intact(length <= bytesMax, `snappy block of ${length} bytes exceeds ${bytesMax}`);
  // One byte of input gives at most 64 bytes / 2 of output, so a length beyond that is a lie.
  intact(length <= (to - at) * 64, `snappy length ${length} cannot come from ${to - at} bytes`);
  const out = outputFor(length);
  const place = { at, end: 0 };
  for (;;) {
    expand(bytes, to, out, length, place);
    if (place.at >= to) break;
    yield null;
  }
  intact(place.end === length, `snappy block gives ${place.end} bytes, not ${length}`);
  return out.bytes.subarray(0, length);
}

/** Expands from `place` on, which it moves: to the end, or about `stepBytes` further. */
function expand(
  bytes: Uint8Array,
  to: number,
  out: Output,
  lengthMax: number,
  place: { at: number; end: number },
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let { at, end } = place;
  const pauseAt = end + stepBytes;
  while (at < to && end < pauseAt) {
    const tag = bytes[at++];
    if ((tag & 3) === 0) {
      let length = tag >>> 2;
      if (length >= 60) {
        const extra = length - 59;
        intact(at + extra <= to, 'snappy literal length is cut off');
        length = 0;
        for (let k = 0; k < extra; k++) length += bytes[at + k] * 2 ** (8 * k);
        at += extra;
      }
      length++;
      intact(length <= to - at && length <= lengthMax - end, 'snappy literal is cut off');
      copyLiteral(bytes, view, at, out, end, length);
      at += length;
      end += length;
      continue;
    }
    const wide = tag & 3;
    const offsetBytes = wide === 1 ? 1 : wide === 2 ? 2 : 4;
    intact(at + offsetBytes <= to, 'snappy copy is cut off');
    const length = wide === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    let offset = bytes[at];
    if (wide === 1) offset |= (tag >>> 5) << 8;
    else offset |= bytes[at + 1] << 8;
    if (wide === 3) offset = (offset | (bytes[at + 2] << 16)) + bytes[at + 3] * 2 ** 24;
    at += offsetBytes;
    intact(offset > 0 && offset <= end && length <= lengthMax - end, 'snappy copy is out of range');
    copyMatch(out, end, offset, length);
    end += length;
  }
  place.at = at;
  place.end = end;
}

/** Compresses into the xerial framing, which every Kafka client reads. */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [xerialHeader()];
  let total = xerialHeaderBytes;
  for (let at = 0; at < bytes.length || at === 0; at += xerialBlockBytes) {
    const block = snappyCompressRaw(bytes.subarray(at, at + xerialBlockBytes));
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, block.length);
    blocks.push(length, block);
    total += 4 + block.length;
  }
  return finished(joinSteps(blocks, total));
}

function xerialHeader(): Uint8Array {
  const header = new Uint8Array(xerialHeaderBytes);
  header.set(xerialMagic);
  header[11] = 1;
  header[15] = 1;
  return header;
}

/** Compresses into one raw block. */
export function snappyCompressRaw(bytes: Uint8Array): Uint8Array {
  const writer = new SnappyWriter(bytes);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    writer.block(at, Math.min(bytes.length, at + blockBytes));
  }
  return writer.finish();
}

class SnappyWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #out: Uint8Array;
  readonly #table = new Int32Array(1 << hashBits);
  #end = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#out = new Uint8Array(32 + bytes.length + Math.ceil(bytes.length / 6));
    let rest = bytes.length;
    for (; rest >= 0x80; rest = Math.floor(rest / 128))
      this.#out[this.#end++] = (rest % 128) | 0x80;
    this.#out[this.#end++] = rest;
  }

  block(from: number, to: number): void {
    this.#table.fill(-1);
    const view = this.#view;
    let literal = from;
    let at = from;
    while (at + 4 <= to) {
      const word = view.getInt32(at, true);
      const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - hashBits);
      const candidate = this.#table[slot];
      this.#table[slot] = at;
      if (candidate < 0 || view.getInt32(candidate, true) !== word) {
        at += 1 + ((at - literal) >> 5);
        continue;
      }
      let length = 4;
      while (at + length < to && this.#bytes[candidate + length] === this.#bytes[at + length])
        length++;
      this.#literal(literal, at);
      this.#copy(at - candidate, length);
      at += length;
      literal = at;
    }
    this.#literal(literal, to);
  }

  #literal(from: number, to: number): void {
    const length = to - from;
    if (length === 0) return;
    const out = this.#out;
    if (length <= 60) {
      out[this.#end++] = (length - 1) << 2;
    } else {
      out[this.#end++] = 61 << 2;
      out[this.#end++] = (length - 1) & 0xff;
      out[this.#end++] = (length - 1) >>> 8;
    }
    out.set(this.#bytes.subarray(from, to), this.#end);
    this.#end += length;
  }

  #copy(offset: number, length: number): void {
    for (let rest = length; rest > 0;) {
      const part = Math.min(rest, 64);
      this.#out[this.#end++] = ((part - 1) << 2) | 2;
      this.#out[this.#end++] = offset & 0xff;
      this.#out[this.#end++] = offset >>> 8;
      rest -= part;
    }
  }

  finish(): Uint8Array {
    return this.#out.slice(0, this.#end);
  }
}
