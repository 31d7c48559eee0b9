/**
 * xxHash32 (the published algorithm of the LZ4 frame format): checksum of LZ4 frame headers, blocks
 * and contents. Four lanes of 32 bits over stripes of 16 bytes, then words, then bytes, then a
 * final avalanche. All arithmetic is modulo 2^32.
 */

const prime1 = 0x9e3779b1 | 0;
const prime2 = 0x85ebca77 | 0;
const prime3 = 0xc2b2ae3d | 0;
const prime4 = 0x27d4eb2f | 0;
const prime5 = 0x165667b1 | 0;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, prime2)) | 0, 13), prime1);
}

function stripes(view: DataView, from: number, end: number): number {
  let a = (prime1 + prime2) | 0;
  let b = prime2;
  let c = 0;
  let d = -prime1 | 0;
  for (let at = from; at < end; at += 16) {
    a = round(a, view.getInt32(at, true));
    b = round(b, view.getInt32(at + 4, true));
    c = round(c, view.getInt32(at + 8, true));
    d = round(d, view.getInt32(at + 12, true));
  }
  return (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
}

/** The hash with seed 0, an unsigned 32-bit integer, of `bytes[from, to)`. */
export function xxhash32(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = to - from;
  const striped = from + (length & ~15);
  let hash = length >= 16 ? stripes(view, from, striped) : prime5;
  hash = (hash + length) | 0;
  let at = striped;
  for (; at + 4 <= to; at += 4) {
    hash = (hash + Math.imul(view.getInt32(at, true), prime3)) | 0;
    hash = Math.imul(rotate(hash, 17), prime4);
  }
  for (; at < to; at++) {
    hash = (hash + Math.imul(bytes[at], prime5)) | 0;
    hash = Math.imul(rotate(hash, 11), prime1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
