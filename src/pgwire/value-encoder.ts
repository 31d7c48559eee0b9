/** The one place where a result column's type and format choose how its values are written. */
import type { DatetimeContext } from '../../dataflow/value/datetime-text.ts';
import { makeBinaryEncoder } from '../../dataflow/value/wire-binary.ts';
import type { ColumnEncoder } from '../../dataflow/value/wire-text.ts';
import { makeTextEncoder } from '../../dataflow/value/wire-text.ts';
import type { SqlType } from '../sql/catalog-view.ts';

/** Appends values that are not NULL, without their lengths. */
export function valueEncoder(
  type: SqlType,
  binary: boolean,
  context: DatetimeContext,
): ColumnEncoder {
  const column = { type: type.name, modifier: type.modifier };
  return binary ? makeBinaryEncoder(column) : makeTextEncoder(column, context);
}
