/**
 * Datums of one var type from and to words, for executors that call functions over datums. Short
 * ASCII texts, which most are, take a path of their own: the general decoder and encoder cost more
 * to enter than such a text takes.
 *
 * Law: `read` of what `write` wrote is the same value; `write` of what `read` read is the same
 * bytes.
 */
import type { Datum } from '../value/datum.ts';
import { readValueVar, valueVar } from '../value/datum-column.ts';
import type { TypeName } from '../value/type.ts';
import { typeInfo } from '../value/type.ts';
import { byteAt, wordsOf } from '../value/words.ts';
import type { Heap } from './heap.ts';

export interface VarCodec {
  read(words: Int32Array, at: number, bytes: number): Datum;
  /** Appends the value (not NULL); answers its offset, with its length in `heap.lastBytes`. */
  write(heap: Heap, value: Datum): number;
}

/** Texts up to this many bytes go character by character. */
const shortBytesMax = 32;
const highBits = 0x80808080 | 0;

/** The text at `at` if it is short and ASCII, else undefined. */
function readShort(words: Int32Array, at: number, bytes: number): string | undefined {
  if (bytes > shortBytesMax) return undefined;
  const end = at + wordsOf(bytes);
  for (let w = at; w < end; w++) if ((words[w] & highBits) !== 0) return undefined;
  let text = '';
  for (let k = 0; k < bytes; k++) text += String.fromCharCode(byteAt(words, at, k));
  return text;
}

/** Appends a short ASCII text; −1, and nothing appended, if it is not one. */
function writeShort(heap: Heap, text: string): number {
  const { length } = text;
  if (length > shortBytesMax) return -1;
  const { used } = heap;
  const at = heap.take(wordsOf(length));
  const { words } = heap;
  for (let k = 0; k < length; k += 4) {
    let word = 0;
    for (let b = 0; b < 4 && k + b < length; b++) {
      const c = text.charCodeAt(k + b);
      if (c > 127) {
        heap.used = used;
        return -1;
      }
      word |= c << (b << 3);
    }
    words[at + (k >> 2)] = word;
  }
  heap.lastBytes = length;
  return at;
}

/** The codec of a var type. */
export function varCodec(type: TypeName): VarCodec {
  const { equality } = typeInfo(type);
  const isText =
    type !== 'bytea' && type !== 'uuid' && (equality === 'bytes' || equality === 'jsonb');
  return {
    read(words, at, bytes) {
      const short = isText ? readShort(words, at, bytes) : undefined;
      return short ?? readValueVar(type, words, at, bytes);
    },
    write(heap, value) {
      const short = isText && typeof value === 'string' ? writeShort(heap, value) : -1;
      if (short >= 0) return short;
      const laid = valueVar(type, value);
      return heap.copy(laid.words, 0, laid.bytes);
    },
  };
}
