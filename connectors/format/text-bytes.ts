/**
 * UTF-8 as Postgres wants it in text: well-formed (Unicode table 3-7: shortest form, no surrogates,
 * at most U+10FFFF) and without the NUL character.
 */

/**
 * Index after the character of two to four bytes that starts at `at` (its first byte is >= 0x80),
 * or -1 if it is malformed or runs past `end`.
 */
export function afterMultibyte(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at];
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return -1;
  const second = bytes[at + 1];
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return -1;
  for (let k = 2; k < length; k++) if ((bytes[at + k] & 0xc0) !== 0x80) return -1;
  return at + length;
}

/** Index of the first byte of [at, end) that is not part of such text, or -1 if all of it is. */
export function invalidTextAt(bytes: Uint8Array, at: number, end: number): number {
  let p = at;
  while (p < end) {
    const byte = bytes[p];
    if (byte === 0) return p;
    if (byte < 0x80) {
      p++;
      continue;
    }
    const next = afterMultibyte(bytes, p, end);
    if (next < 0) return p;
    p = next;
  }
  return -1;
}

/** Says that the byte at `position` of a value keeps it from being such text. */
export function notText(byte: number, position: number): string {
  const hex = byte.toString(16).padStart(2, '0');
  return `invalid byte sequence for encoding "UTF8": 0x${hex} at byte ${position}`;
}

/**
 * Copies [at, end) to the bytes of word `to` of `words` while it is plain ASCII, four bytes at a
 * time; answers how many bytes were copied. There is room for the whole.
 */
export function copyPlain(
  view: DataView,
  at: number,
  end: number,
  words: Int32Array,
  to: number,
): number {
  let p = at;
  let word = to;
  for (const wideEnd = end - 3; p < wideEnd; p += 4) {
    const w = view.getInt32(p, true);
    if ((((w - 0x01010101) | w) & 0x80808080) !== 0) break;
    words[word++] = w;
  }
  return p - at;
}

/** Writes the UTF-8 of a code point at `at`; answers the index after it. */
export function writeCodePoint(bytes: Uint8Array, at: number, code: number): number {
  let p = at;
  if (code < 0x80) {
    bytes[p++] = code;
  } else if (code < 0x800) {
    bytes[p++] = 0xc0 | (code >> 6);
    bytes[p++] = 0x80 | (code & 0x3f);
  } else if (code < 0x10000) {
    bytes[p++] = 0xe0 | (code >> 12);
    bytes[p++] = 0x80 | ((code >> 6) & 0x3f);
    bytes[p++] = 0x80 | (code & 0x3f);
  } else {
    bytes[p++] = 0xf0 | (code >> 18);
    bytes[p++] = 0x80 | ((code >> 12) & 0x3f);
    bytes[p++] = 0x80 | ((code >> 6) & 0x3f);
    bytes[p++] = 0x80 | (code & 0x3f);
  }
  return p;
}
