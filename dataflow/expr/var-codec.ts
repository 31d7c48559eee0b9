/**
 * Datums of one var type from and to words, for executors that call functions over datums.
 *
 * Law: `read` of what `write` wrote is the same value; `write` of what `read` read is the same bytes.
 */
import type { Datum } from '../value/datum.ts';
import { readValueVar, valueVar } from '../value/datum-column.ts';
import type { TypeName } from '../value/type.ts';
import type { Heap } from './heap.ts';

export interface VarCodec {
  read(words: Int32Array, at: number, bytes: number): Datum;
  /** Appends the value (not NULL); answers its offset, with its length in `heap.lastBytes`. */
  write(heap: Heap, value: Datum): number;
}

/** The codec of a var type. */
export function varCodec(type: TypeName): VarCodec {
  return {
    read: (words, at, bytes) => readValueVar(type, words, at, bytes),
    write(heap, value) {
      const { words, bytes } = valueVar(type, value);
      return heap.copy(words, 0, bytes);
    },
  };
}
