/**
 * Datums in Postgres' binary wire form: parameters, single values and tests. Columns are written by
 * wire-binary.ts, on whose writers this stands, so that there is one encoding.
 */
import { ByteSink } from './byte-sink.ts';
import { valueVar } from './datum-column.ts';
import type { Datum } from './datum.ts';
import { scalarWords } from './scalar-words.ts';
import type { TypeName } from './type.ts';
import { typeInfo } from './type.ts';
import { binaryWriter } from './wire-binary.ts';

/** The binary form of a datum that is not NULL. `modifier` pads char(n). */
export function encodeBinary(type: TypeName, datum: Datum, modifier = -1): Uint8Array {
  const sink = new ByteSink(64);
  const array = typeInfo(type).equality === 'array';
  const value = array ? valueVar(type, datum) : scalarWords(type, datum);
  binaryWriter({ type, modifier })(sink, value.words, 0, value.bytes);
  return sink.take();
}
