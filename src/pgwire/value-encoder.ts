/** The one place where a result column's type and format choose how its values are written. */
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import { binaryWriter } from '../../dataflow/value/wire-binary.ts';
import type { ValueWriter } from '../../dataflow/value/wire-text.ts';
import { makeTextWriter } from '../../dataflow/value/wire-text.ts';
import type { SqlType } from '../sql/catalog-view.ts';

/** Appends values that are not NULL, without their lengths; see `ValueWriter`. */
export function valueWriter(type: SqlType, binary: boolean, context: DatetimeContext): ValueWriter {
  const column = { type: type.name, modifier: type.modifier };
  return binary ? binaryWriter(column) : makeTextWriter(column, context);
}
