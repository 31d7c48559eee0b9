/** Datums into cells of staged columns. */
import { arrayOf, arrayVar } from '../../../dataflow/value/array.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import { scalarVar } from '../../../dataflow/value/scalar-words.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { Heap, StagedColumn } from '../staging.ts';

/** Writes a datum that is not NULL as the value of row `row`. */
export function writeCell(
  type: TypeName,
  datum: Datum,
  column: StagedColumn,
  row: number,
  heap: Heap,
): void {
  column.nulls[row] = 0;
  if (typeof datum === 'boolean') column.words[row] = datum ? 1 : 0;
  else if (typeof datum === 'number') {
    if (column.physical === 'f64') column.doubles[row] = datum;
    else column.words[row] = datum;
  } else if (typeof datum === 'bigint') {
    column.words[2 * row] = Number(BigInt.asIntN(32, datum));
    column.words[2 * row + 1] = Number(BigInt.asIntN(32, datum >> 32n));
  } else {
    const isArray = typeInfo(type).element !== undefined;
    const { words, bytes } = isArray ? arrayVar(type, arrayOf(datum)) : scalarVar(type, datum);
    heap.reserve(bytes);
    heap.i32.set(words, heap.top);
    column.words[2 * row] = heap.top;
    column.words[2 * row + 1] = bytes;
    heap.close(bytes);
  }
}
