/**
 * LZ4 frames (the published frame and block formats), as Kafka's producers write them for magic-2
 * batches: header with descriptor checksum, blocks with their length (the top bit marks one that is
 * stored), an end mark, and where the frame asks for them checksums of blocks and of the content.
 *
 * A block is a list of sequences: token (literal length, match length - 4), literals, two-byte
 * offset. Matches may reach into earlier blocks of the frame when blocks are linked, so all blocks
 * decompress into one output, which grows by doubling up to the caller's limit.
 *
 * The compressor is greedy with one hash table of positions, independent blocks of 64 KiB.
 */
import { copyLiteral, copyMatch, copySlackBytes, outputFor } from './codec-copy.ts';
import type { Output } from './codec-copy.ts';
import { intact } from './codec-error.ts';
import type { Steps } from './codec-steps.ts';
import { copySteps, finished, stepBytes } from './codec-steps.ts';
import { xxhash32 } from './xxhash32.ts';

const magic = 0x184d2204;
const blockBytes = 1 << 16;
const storedBit = 0x80000000;
const hashBits = 14;
const versionBits = 0x40;
const independentBit = 0x20;
const blockChecksumBit = 0x10;
const contentSizeBit = 0x08;
const contentChecksumBit = 0x04;
const dictionaryBit = 0x01;
/** The format: the last match starts 12 bytes before the end, the last 5 bytes are literals. */
const matchEndMargin = 12;
/** No block of a frame may give more. */
const blockBytesMax = 4 * 1024 * 1024;
const literalTailBytes = 5;

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Decompresses one or more frames; throws `CodecError` if they are broken or too long. */
export function lz4Decompress(bytes: Uint8Array, bytesMax: number): Uint8Array {
  return finished(lz4Steps(bytes, bytesMax));
}

/** The same with a pause after every few megabytes at most. */
export function* lz4Steps(bytes: Uint8Array, bytesMax: number): Steps {
  const reader = new FrameReader(bytes, bytesMax);
  do yield* reader.frame();
  while (reader.more);
  return reader.output();
}

class FrameReader {
  readonly #bytes: Uint8Array;
  readonly #bytesMax: number;
  #at = 0;
  readonly #view: DataView;
  #out: Output;
  #end = 0;

  constructor(bytes: Uint8Array, bytesMax: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#bytesMax = bytesMax;
    this.#out = outputFor(Math.min(bytesMax, Math.max(1024, bytes.length * 4)));
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  output(): Uint8Array {
    return this.#out.bytes.subarray(0, this.#end);
  }

  *frame(): Generator<null, void> {
    const flags = this.#header();
    const start = this.#end;
    let pauseAt = start + stepBytes;
    for (;;) {
      if (this.#end >= pauseAt) {
        pauseAt = this.#end + stepBytes;
        yield null;
      }
      const size = this.#word();
      if (size === 0) break;
      const length = size & ~storedBit;
      if (this.#end >= blockBytesMax) yield* this.#grow();
      intact(length <= this.#bytes.length - this.#at, `lz4 block of ${length} bytes is cut off`);
      const linkedTo = (flags & independentBit) === 0 ? start : this.#end;
      if ((size & storedBit) !== 0) this.#stored(length);
      else this.#block(this.#at, this.#at + length, linkedTo);
      const blockAt = this.#at;
      this.#at += length;
      if ((flags & blockChecksumBit) !== 0) {
        intact(
          this.#word() === xxhash32(this.#bytes, blockAt, blockAt + length),
          'lz4 block checksum differs',
        );
      }
    }
    if ((flags & contentChecksumBit) !== 0) {
      intact(
        this.#word() === xxhash32(this.#out.bytes, start, this.#end),
        'lz4 content checksum differs',
      );
    }
  }

  #header(): number {
    const bytes = this.#bytes;
    intact(this.#word() === magic, 'lz4 frame has no magic number');
    const from = this.#at;
    intact(from + 3 <= bytes.length, 'lz4 frame header is cut off');
    const flags = bytes[from];
    intact((flags & 0xc0) === versionBits, 'lz4 frame version is unknown');
    intact((flags & dictionaryBit) === 0, 'lz4 frame wants a dictionary');
    this.#at += (flags & contentSizeBit) === 0 ? 2 : 10;
    intact(this.#at < bytes.length, 'lz4 frame header is cut off');
    const sum = (xxhash32(bytes, from, this.#at) >>> 8) & 0xff;
    intact(bytes[this.#at++] === sum, 'lz4 header checksum differs');
    return flags;
  }

  #word(): number {
    intact(this.#at + 4 <= this.#bytes.length, 'lz4 frame is cut off');
    const word = uint32(this.#bytes, this.#at);
    this.#at += 4;
    return word;
  }

  /** Makes room for `bytes` more. */
  #room(bytes: number): void {
    const needed = this.#end + bytes;
    const held = this.#out.bytes.length - copySlackBytes;
    if (needed <= held) return;
    intact(needed <= this.#bytesMax, `lz4 content exceeds ${this.#bytesMax} bytes`);
    const wider = outputFor(Math.min(this.#bytesMax, Math.max(needed, held * 2)));
    wider.bytes.set(this.#out.bytes.subarray(0, this.#end));
    this.#out = wider;
  }

  /** Makes room for a block ahead, in steps: what is there is much by now. */
  *#grow(): Generator<null, void> {
    const held = this.#out.bytes.length - copySlackBytes;
    if (held - this.#end >= blockBytesMax || held >= this.#bytesMax) return;
    const wider = outputFor(Math.min(this.#bytesMax, held * 2));
    yield* copySteps(this.#out.bytes, this.#end, wider.bytes);
    this.#out = wider;
  }

  #stored(length: number): void {
    this.#room(length);
    copyLiteral(this.#bytes, this.#view, this.#at, this.#out, this.#end, length);
    this.#end += length;
  }

  #block(from: number, to: number, lowest: number): void {
    const bytes = this.#bytes;
    const most = this.#end + blockBytesMax;
    let at = from;
    while (at < to) {
      const token = bytes[at++];
      let literals = token >>> 4;
      if (literals === 15) {
        let byte = 255;
        while (byte === 255) {
          intact(at < to, 'lz4 literal length is cut off');
          byte = bytes[at++];
          literals += byte;
        }
      }
      intact(this.#end + literals <= most, 'lz4 block gives too much');
      intact(literals <= to - at, 'lz4 literals are cut off');
      this.#room(literals);
      copyLiteral(bytes, this.#view, at, this.#out, this.#end, literals);
      at += literals;
      this.#end += literals;
      if (at === to) return;
      intact(at + 2 <= to, 'lz4 offset is cut off');
      const offset = bytes[at] | (bytes[at + 1] << 8);
      at += 2;
      let length = (token & 15) + 4;
      if (length === 19) {
        let byte = 255;
        while (byte === 255) {
          intact(at < to, 'lz4 match length is cut off');
          byte = bytes[at++];
          length += byte;
        }
      }
      intact(offset > 0 && offset <= this.#end - lowest, 'lz4 match is out of range');
      this.#room(length);
      copyMatch(this.#out, this.#end, offset, length);
      this.#end += length;
    }
  }
}

/**
 * Compresses into one frame with independent blocks of 64 KiB; record batches have a checksum of
 * their own.
 */
export function lz4Compress(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / blockBytes);
  const out = new Uint8Array(32 + bytes.length + blocks * (16 + Math.ceil(blockBytes / 255)));
  const view = new DataView(out.buffer);
  view.setUint32(0, magic, true);
  out[4] = versionBits | independentBit;
  out[5] = 4 << 4;
  out[6] = (xxhash32(out, 4, 6) >>> 8) & 0xff;
  let end = 7;
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes);
    const length = compressBlock(block, out, end + 4);
    if (length < block.length) {
      view.setUint32(end, length, true);
      end += 4 + length;
    } else {
      view.setUint32(end, (block.length | storedBit) >>> 0, true);
      out.set(block, end + 4);
      end += 4 + block.length;
    }
  }
  view.setUint32(end, 0, true);
  return out.slice(0, end + 4);
}

function compressBlock(bytes: Uint8Array, out: Uint8Array, outFrom: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = new Int32Array(1 << hashBits).fill(-1);
  const matchLimit = bytes.length - matchEndMargin;
  const copyLimit = bytes.length - literalTailBytes;
  let end = outFrom;
  let literal = 0;
  let at = 0;
  while (at <= matchLimit) {
    const word = view.getInt32(at, true);
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - hashBits);
    const candidate = table[slot];
    table[slot] = at;
    if (candidate < 0 || view.getInt32(candidate, true) !== word) {
      at += 1 + ((at - literal) >> 6);
      continue;
    }
    let length = 4;
    while (at + length < copyLimit && bytes[candidate + length] === bytes[at + length]) length++;
    end = sequence(bytes, literal, at, out, end, at - candidate, length);
    at += length;
    literal = at;
  }
  return sequence(bytes, literal, bytes.length, out, end, 0, 0) - outFrom;
}

/**
 * Writes literals [from, to) and, unless `offset` is 0, the match after them; answers the new end.
 */
function sequence(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  outFrom: number,
  offset: number,
  length: number,
): number {
  const literals = to - from;
  const extra = offset === 0 ? 0 : length - 4;
  let end = outFrom;
  out[end++] = (Math.min(literals, 15) << 4) | Math.min(extra, 15);
  if (literals >= 15) end = extendedLength(out, end, literals - 15);
  out.set(bytes.subarray(from, to), end);
  end += literals;
  if (offset === 0) return end;
  out[end++] = offset & 0xff;
  out[end++] = offset >>> 8;
  return extra >= 15 ? extendedLength(out, end, extra - 15) : end;
}

function extendedLength(out: Uint8Array, from: number, length: number): number {
  let end = from;
  let rest = length;
  for (; rest >= 255; rest -= 255) out[end++] = 255;
  out[end++] = rest;
  return end;
}
