/** Byte strings: bytea functions, and text encodings of bytes. */
import { sqlError } from '../../../src/base/error.ts';
import { parseBytea, hexOf } from '../../value/bytea-text.ts';
import type { Datum } from '../../value/datum.ts';
import { bigintOf, bytesOf, numberOf, stringOf } from '../../value/scalar-words.ts';
import type { FunctionEntry, SignatureType } from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { utf8, utf8Text } from '../../value/words.ts';
import { md5 } from '../md5.ts';
import { bounds } from './string.ts';

function make(
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  description: string,
  evaluate: (values: readonly Datum[]) => Datum,
): FunctionEntry {
  return entry('byte string', name, args, result, description, evaluate);
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const base64LineMax = 76;

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let k = 0; k < bytes.length; k += 3) {
    const left = bytes.length - k;
    const group =
      (bytes[k] << 16) | ((left > 1 ? bytes[k + 1] : 0) << 8) | (left > 2 ? bytes[k + 2] : 0);
    text += digits[group >> 18] + digits[(group >> 12) & 63];
    text += (left > 1 ? digits[(group >> 6) & 63] : '=') + (left > 2 ? digits[group & 63] : '=');
  }
  return text.replace(new RegExp(`.{${base64LineMax}}(?=.)`, 'g'), '$&\n');
}

function fromBase64(text: string): Uint8Array {
  const bytes: number[] = [];
  let group = 0;
  let count = 0;
  let padding = 0;
  for (const c of text) {
    if (/[ \t\r\n]/.test(c)) continue;
    const value = digits.indexOf(c);
    if (c === '=') {
      if (count < 2 || (count === 2 && padding > 1)) {
        throw sqlError('22023', 'unexpected "=" while decoding base64 sequence');
      }
      padding++;
    } else if (value < 0)
      throw sqlError('22023', `invalid symbol "${c}" found while decoding base64 sequence`);
    group = (group << 6) | Math.max(value, 0);
    if (++count < 4) continue;
    for (let k = 0; k < 3 - padding; k++) bytes.push((group >> (16 - 8 * k)) & 255);
    group = 0;
    count = 0;
  }
  if (count !== 0) throw sqlError('22023', 'invalid base64 end sequence');
  return Uint8Array.from(bytes);
}

function fromHex(text: string): Uint8Array {
  const plain = text.replace(/[ \t\r\n]/g, '');
  const bad = /[^0-9a-fA-F]/u.exec(plain);
  if (bad !== null) throw sqlError('22023', `invalid hexadecimal digit: "${bad[0]}"`);
  if (plain.length % 2 !== 0) {
    throw sqlError('22023', 'invalid hexadecimal data: odd number of digits');
  }
  return Uint8Array.from({ length: plain.length / 2 }, (_, k) =>
    Number.parseInt(plain.slice(2 * k, 2 * k + 2), 16),
  );
}

function toEscape(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) =>
    byte === 92
      ? '\\\\'
      : byte === 0 || byte > 127
        ? `\\${byte.toString(8).padStart(3, '0')}`
        : String.fromCharCode(byte),
  ).join('');
}

function encode(bytes: Uint8Array, format: string): string {
  switch (format.toLowerCase()) {
    case 'hex':
      return hexOf(bytes);
    case 'base64':
      return toBase64(bytes);
    case 'escape':
      return toEscape(bytes);
    default:
      throw sqlError('22023', `unrecognized encoding: "${format}"`);
  }
}

function decode(text: string, format: string): Uint8Array {
  switch (format.toLowerCase()) {
    case 'hex':
      return fromHex(text);
    case 'base64':
      return fromBase64(text);
    case 'escape':
      return parseBytea(text.startsWith('\\x') ? `\\\\${text.slice(1)}` : text);
    default:
      throw sqlError('22023', `unrecognized encoding: "${format}"`);
  }
}

/** Position (1-based) of the second bytes in the first, or 0. */
function position(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0; at + part.length <= bytes.length; at++) {
    if (part.every((byte, k) => bytes[at + k] === byte)) return at + 1;
  }
  return 0;
}

function slice(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return bytes.slice(Math.max(0, from), Math.max(0, to));
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function byteIndex(index: bigint, last: number): number {
  if (index < 0n || index >= BigInt(last)) {
    throw sqlError('2202E', `index ${index} out of valid range, 0..${last - 1}`);
  }
  return Number(index);
}

/** The bytes with one of them changed. */
function withByte(bytes: Uint8Array, index: number, value: number): Uint8Array {
  const changed = bytes.slice();
  changed[byteIndex(BigInt(index), bytes.length)] = value;
  return changed;
}

function trim(bytes: Uint8Array, set: Uint8Array, left: boolean, right: boolean): Uint8Array {
  let from = 0;
  let to = bytes.length;
  while (left && from < to && set.includes(bytes[from])) from++;
  while (right && to > from && set.includes(bytes[to - 1])) to--;
  return bytes.slice(from, to);
}

function checkedText(bytes: Uint8Array): string {
  const text = utf8Text(bytes);
  if (text.includes('\0')) {
    throw sqlError('22021', 'invalid byte sequence for encoding "UTF8": 0x00');
  }
  if (position(utf8(text), bytes) === 0 || utf8(text).length !== bytes.length) {
    const bad = bytes.findIndex((byte, k) => utf8(text)[k] !== byte);
    throw sqlError(
      '22021',
      `invalid byte sequence for encoding "UTF8": 0x${bytes[bad].toString(16)}`,
    );
  }
  return text;
}

export const bytesFunctions: readonly FunctionEntry[] = [
  make('encode', ['bytea', 'text'], 'text', 'The bytes as text: hex, base64 or escape.', ([b, f]) =>
    encode(bytesOf(b), stringOf(f)),
  ),
  make(
    'decode',
    ['text', 'text'],
    'bytea',
    'The bytes of a text in hex, base64 or escape.',
    ([t, f]) => decode(stringOf(t), stringOf(f)),
  ),
  make('length', ['bytea'], 'int4', 'Number of bytes.', ([b]) => bytesOf(b).length),
  make('octet_length', ['bytea'], 'int4', 'Number of bytes.', ([b]) => bytesOf(b).length),
  make('bit_length', ['bytea'], 'int4', 'Number of bits.', ([b]) => bytesOf(b).length * 8),
  make('||', ['bytea', 'bytea'], 'bytea', 'Both byte strings, one after the other.', ([a, b]) =>
    concatenate(bytesOf(a), bytesOf(b)),
  ),
  ...['substr', 'substring'].flatMap((name) => [
    make(
      name,
      ['bytea', 'int4'],
      'bytea',
      'The bytes from a position (1 is the first) on.',
      ([b, start]) => slice(bytesOf(b), numberOf(start) - 1, Infinity),
    ),
    make(
      name,
      ['bytea', 'int4', 'int4'],
      'bytea',
      'So many bytes from a position (1 is the first) on.',
      ([b, start, length]) => slice(bytesOf(b), ...bounds(numberOf(start), numberOf(length))),
    ),
  ]),
  make(
    'position',
    ['bytea', 'bytea'],
    'int4',
    'Position of the second byte string in the first; 0 if it does not occur.',
    ([b, part]) => position(bytesOf(b), bytesOf(part)),
  ),
  make(
    'btrim',
    ['bytea', 'bytea'],
    'bytea',
    'Removes any of the bytes of the second at both ends.',
    ([b, s]) => trim(bytesOf(b), bytesOf(s), true, true),
  ),
  make(
    'ltrim',
    ['bytea', 'bytea'],
    'bytea',
    'Removes any of the bytes of the second at the start.',
    ([b, s]) => trim(bytesOf(b), bytesOf(s), true, false),
  ),
  make(
    'rtrim',
    ['bytea', 'bytea'],
    'bytea',
    'Removes any of the bytes of the second at the end.',
    ([b, s]) => trim(bytesOf(b), bytesOf(s), false, true),
  ),
  make(
    'get_byte',
    ['bytea', 'int4'],
    'int4',
    'The byte at an index (0 is the first).',
    ([b, k]) => {
      const bytes = bytesOf(b);
      return bytes[byteIndex(BigInt(numberOf(k)), bytes.length)];
    },
  ),
  make(
    'set_byte',
    ['bytea', 'int4', 'int4'],
    'bytea',
    'With another byte at an index (0 is the first).',
    ([b, k, v]) => withByte(bytesOf(b), numberOf(k), numberOf(v)),
  ),
  make(
    'get_bit',
    ['bytea', 'int8'],
    'int4',
    'The bit at an index, the least of each byte first.',
    ([b, k]) => {
      const bytes = bytesOf(b);
      const at = byteIndex(bigintOf(k), bytes.length * 8);
      return (bytes[at >> 3] >> (at & 7)) & 1;
    },
  ),
  make(
    'set_bit',
    ['bytea', 'int8', 'int4'],
    'bytea',
    'With another bit at an index, the least of each byte first.',
    ([b, k, v]) => {
      const changed = bytesOf(b).slice();
      const at = byteIndex(bigintOf(k), changed.length * 8);
      const bit = numberOf(v);
      if (bit !== 0 && bit !== 1) throw sqlError('22023', 'new bit must be 0 or 1');
      changed[at >> 3] = (changed[at >> 3] & ~(1 << (at & 7))) | (bit << (at & 7));
      return changed;
    },
  ),
  make('bit_count', ['bytea'], 'int8', 'Number of bits that are set.', ([b]) =>
    BigInt(bytesOf(b).reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)),
  ),
  make('md5', ['bytea'], 'text', 'MD5 of the bytes, in hexadecimal.', ([b]) => md5(bytesOf(b))),
  make(
    'convert_from',
    ['bytea', 'name'],
    'text',
    'The text of bytes in an encoding; UTF8 only.',
    ([b, name]) => {
      requireUtf8(stringOf(name));
      return checkedText(bytesOf(b));
    },
  ),
  make(
    'convert_to',
    ['text', 'name'],
    'bytea',
    'The bytes of a text in an encoding; UTF8 only.',
    ([t, name]) => {
      requireUtf8(stringOf(name));
      return utf8(stringOf(t));
    },
  ),
];

function requireUtf8(name: string): void {
  if (/^utf-?8$/i.test(name)) return;
  throw sqlError('0A000', `encoding "${name}" is not supported`);
}
