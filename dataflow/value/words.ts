/**
 * Bytes of var values as words. A var value starts on a word and is zero-padded to one, so it can
 * be hashed, compared and copied word by word; byte k of the value at word `at` is byte k & 3 of
 * word at + (k >> 2), least significant first (all supported machines are little-endian).
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Words that hold `bytes` bytes. */
export function wordsOf(bytes: number): number {
  return (bytes + 3) >> 2;
}

/** Byte `k` of the value at word `at`. */
export function byteAt(i32: Int32Array, at: number, k: number): number {
  return (i32[at + (k >> 2)] >>> ((k & 3) << 3)) & 255;
}

/** UTF-8 of a string; lone surrogates become U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The string of UTF-8 bytes; invalid sequences become U+FFFD. */
export function utf8Text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The bytes of the value at word `at`, as a view on the same memory. */
export function bytesAt(i32: Int32Array, at: number, bytes: number): Uint8Array {
  return new Uint8Array(i32.buffer, i32.byteOffset + at * 4, bytes);
}

/** Writes bytes at word `at`, padded with zeros to a word. */
export function writeBytes(i32: Int32Array, at: number, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  i32[at + wordsOf(bytes.length) - 1] = 0;
  new Uint8Array(i32.buffer, i32.byteOffset + at * 4, bytes.length).set(bytes);
}

/** Bytes laid into words of their own, padded. */
export function wordsFrom(bytes: Uint8Array): Int32Array {
  const words = new Int32Array(wordsOf(bytes.length));
  writeBytes(words, 0, bytes);
  return words;
}

/** Texts of so few units are laid out here: a call of the encoder costs more than the loop. */
const shortUnits = 64;

/** UTF-8 of a string laid into words of its own, padded; lone surrogates become U+FFFD. */
export function textWords(text: string): { readonly words: Int32Array; readonly bytes: number } {
  const units = text.length;
  if (units <= shortUnits) {
    const words = new Int32Array(wordsOf(units));
    let at = 0;
    for (; at < units; at++) {
      const code = text.charCodeAt(at);
      if (code > 127) break;
      words[at >> 2] |= code << ((at & 3) << 3);
    }
    if (at === units) return { words, bytes: units };
  }
  const bytes = utf8(text);
  return { words: wordsFrom(bytes), bytes: bytes.length };
}

/** Words from which on one call copies faster than a loop. */
const longRunWords = 64;

/** Copies `words` words, mostly few, between memories, or to a place before where they lie. */
export function copyRun(
  from: Int32Array,
  fromAt: number,
  words: number,
  to: Int32Array,
  toAt: number,
): void {
  if (words > longRunWords) to.set(from.subarray(fromAt, fromAt + words), toAt);
  else for (let w = 0; w < words; w++) to[toAt + w] = from[fromAt + w];
}

/** Mixes one word into a running hash. */
export function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x9e3779b1);
  return h ^ (h >>> 15);
}

/** Last step of a hash: spreads every input bit over all 32. */
export function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Hash of raw bytes, padded words and length. */
export function hashBytes(i32: Int32Array, at: number, bytes: number): number {
  let hash = bytes;
  for (let w = at, end = at + wordsOf(bytes); w < end; w++) hash = mix(hash, i32[w]);
  return finish(hash);
}

/** Whether two runs of `words` words are the same. */
export function sameWords(
  a: Int32Array,
  aAt: number,
  b: Int32Array,
  bAt: number,
  words: number,
): boolean {
  for (let w = 0; w < words; w++) if (a[aAt + w] !== b[bAt + w]) return false;
  return true;
}

/**
 * Order of two runs of bytes: the first differing byte, then the length. Negative, 0 or positive.
 */
export function compareBytes(
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): number {
  const words = Math.min(wordsOf(aBytes), wordsOf(bBytes));
  for (let w = 0; w < words; w++) {
    const x = a[aAt + w];
    const y = b[bAt + w];
    if (x === y) continue;
    const shift = (31 - Math.clz32((x ^ y) & -(x ^ y))) & ~7;
    return ((x >>> shift) & 255) - ((y >>> shift) & 255);
  }
  return aBytes - bBytes;
}
