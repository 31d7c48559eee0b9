/**
 * bytea and uuid in and out of text: bytea reads hex (`\x…`) and escape form and prints hex; uuid
 * reads 32 hex digits with optional braces and a hyphen after any group of four.
 */
import { sqlError } from '../../src/base/error.ts';
import { invalidText } from './number-text.ts';
import { utf8 } from './words.ts';

const hexPairs = Array.from({ length: 256 }, (_, b) => b.toString(16).padStart(2, '0'));

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Reads a bytea. */
export function parseBytea(text: string): Uint8Array {
  return text.startsWith('\\x') ? parseHex(text) : parseEscaped(text);
}

function parseHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  let n = 0;
  for (let k = 2; k < text.length; k++) {
    const code = text.charCodeAt(k);
    if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) continue;
    const high = hexDigit(code);
    if (high < 0) throw invalidHex(text, k);
    if (k + 1 >= text.length) {
      throw sqlError('22023', 'invalid hexadecimal data: odd number of digits');
    }
    const low = hexDigit(text.charCodeAt(k + 1));
    if (low < 0) throw invalidHex(text, k + 1);
    bytes[n++] = high * 16 + low;
    k++;
  }
  return bytes.slice(0, n);
}

function invalidHex(text: string, at: number): Error {
  const digit = String.fromCodePoint(text.codePointAt(at) ?? 0);
  return sqlError('22023', `invalid hexadecimal digit: "${digit}"`);
}

function parseEscaped(text: string): Uint8Array {
  const raw = utf8(text);
  const bytes = new Uint8Array(raw.length);
  let n = 0;
  for (let k = 0; k < raw.length; k++) {
    if (raw[k] !== 0x5c) bytes[n++] = raw[k];
    else if (raw[k + 1] === 0x5c) {
      bytes[n++] = 0x5c;
      k++;
    } else {
      bytes[n++] = octal(raw, k + 1);
      k += 3;
    }
  }
  return bytes.slice(0, n);
}

/** The byte of three octal digits, the first at most 3. */
function octal(raw: Uint8Array, at: number): number {
  const [a, b, c] = [0, 1, 2].map((k) => (raw[at + k] ?? 0) - 0x30);
  const fits = a >= 0 && a <= 3 && b >= 0 && b <= 7 && c >= 0 && c <= 7;
  if (!fits) throw sqlError('22P02', 'invalid input syntax for type bytea');
  return a * 64 + b * 8 + c;
}

/** Bytes as hex digits. */
export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const b of bytes) text += hexPairs[b];
  return text;
}

/** Prints a bytea in hex form. */
export function formatBytea(bytes: Uint8Array): string {
  return `\\x${hexOf(bytes)}`;
}

/** Reads a uuid. */
export function parseUuid(text: string): Uint8Array {
  const inner = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text;
  if (!/^(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}$/i.test(inner)) throw invalidText('uuid', text);
  const digits = inner.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, k) =>
    Number.parseInt(digits.slice(2 * k, 2 * k + 2), 16),
  );
}

/** Prints a uuid. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = hexOf(bytes);
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join('-');
}
