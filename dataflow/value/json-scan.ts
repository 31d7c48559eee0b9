/**
 * Walking JSON text as bytes, without building objects. The input is valid JSON in UTF-8 (it passed
 * `json-text.ts`); every function takes the bytes and the index of a value's first byte. White
 * space between tokens is allowed everywhere, so the walk serves json as well as canonical jsonb.
 *
 * Nothing here recurses: nesting is counted, so depth costs no stack.
 */
import { utf8, utf8Text } from './words.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** What a JSON value is, in jsonb's order of types. */
export const jsonNull = 0;
export const jsonString = 1;
export const jsonNumber = 2;
export const jsonBoolean = 3;
export const jsonArray = 4;
export const jsonObject = 5;

/** Index of the first byte at or after `at` that is not white space. */
export function skipBlank(u8: Uint8Array, at: number): number {
  let k = at;
  while (k < u8.length && (u8[k] === 0x20 || u8[k] === 0x0a || u8[k] === 0x0d || u8[k] === 0x09))
    k++;
  return k;
}

/** The kind of the value at `at`: `jsonNull` … `jsonObject`. */
export function jsonKind(u8: Uint8Array, at: number): number {
  switch (u8[at]) {
    case openBrace:
      return jsonObject;
    case openBracket:
      return jsonArray;
    case quote:
      return jsonString;
    case 0x74:
    case 0x66:
      return jsonBoolean;
    case 0x6e:
      return jsonNull;
    default:
      return jsonNumber;
  }
}

/** Index after the string that begins with the quote at `at`. */
export function skipString(u8: Uint8Array, at: number): number {
  let k = at + 1;
  while (u8[k] !== quote) {
    if (k >= u8.length) return k;
    k += u8[k] === backslash ? 2 : 1;
  }
  return k + 1;
}

/** Index after the value at `at`. */
export function skipValue(u8: Uint8Array, at: number): number {
  let k = at;
  let depth = 0;
  while (k < u8.length) {
    const c = u8[k];
    if (c === quote) {
      k = skipString(u8, k);
      if (depth === 0) return k;
    } else if (c === openBrace || c === openBracket) {
      depth++;
      k++;
    } else if (c === closeBrace || c === closeBracket) {
      k++;
      if (--depth === 0) return k;
    } else if (depth === 0) {
      return skipWord(u8, k);
    } else {
      k++;
    }
  }
  return k;
}

/** Index after the number or literal at `at`. */
function skipWord(u8: Uint8Array, at: number): number {
  let k = at;
  while (k < u8.length) {
    const c = u8[k];
    if (c === comma || c === closeBrace || c === closeBracket || c <= 0x20 || c === colon) break;
    k++;
  }
  return k;
}

/** Index of the first element or key of the container at `at`, or −1 if it is empty. */
export function firstEntry(u8: Uint8Array, at: number): number {
  const k = skipBlank(u8, at + 1);
  return u8[k] === closeBrace || u8[k] === closeBracket ? -1 : k;
}

/** Index of the element or key after the value that ends at `end`, or −1 if that was the last. */
export function nextEntry(u8: Uint8Array, end: number): number {
  const k = skipBlank(u8, end);
  return u8[k] === comma ? skipBlank(u8, k + 1) : -1;
}

/** Index of the value of the key that begins at `key`. */
export function valueOfKey(u8: Uint8Array, key: number): number {
  const k = skipBlank(u8, skipString(u8, key));
  return skipBlank(u8, k + 1);
}

/** Number of elements or members of the container at `at`. */
export function countEntries(u8: Uint8Array, at: number): number {
  const object = u8[at] === openBrace;
  let n = 0;
  for (let k = firstEntry(u8, at); k >= 0; n++) {
    k = nextEntry(u8, skipValue(u8, object ? valueOfKey(u8, k) : k));
  }
  return n;
}

/** Whether the string literal at `at` to `end` spells an escape. */
export function hasEscape(u8: Uint8Array, at: number, end: number): boolean {
  for (let k = at; k < end; k++) if (u8[k] === backslash) return true;
  return false;
}

/** The UTF-8 bytes that the string literal at `at` to `end` (quotes included) stands for. */
export function stringBytes(u8: Uint8Array, at: number, end: number): Uint8Array {
  if (!hasEscape(u8, at, end)) return u8.subarray(at + 1, end - 1);
  return utf8(stringText(u8, at, end));
}

/** The text that the string literal at `at` to `end` (quotes included) stands for. */
export function stringText(u8: Uint8Array, at: number, end: number): string {
  if (!hasEscape(u8, at, end)) return utf8Text(u8.subarray(at + 1, end - 1));
  return String(JSON.parse(utf8Text(u8.subarray(at, end))));
}
