/**
 * Texts of rows under SQL equality: values that are equal give the same text (1.0 and 1.00, '1 day'
 * and '24 hours', 0 and -0), so that results can be compared whichever of them stands for a group.
 */
import type { Datum, Update } from '../../dataflow/value/datum.ts';
import { intervalSpan } from '../../dataflow/value/interval.ts';
import { identityOf } from '../../dataflow/operators/reference-rows.ts';
import type { ColumnType } from '../../dataflow/value/type.ts';

function canonicalDatum(datum: Datum, type: string): string {
  if (datum === 0) return 'number 0';
  if (typeof datum === 'string' && type === 'jsonb') return datum.replace(/(\d)\.0+(?!\d)/g, '$1');
  if (datum === null || typeof datum !== 'object' || datum instanceof Uint8Array)
    return identityOf(datum);
  switch (datum.kind) {
    case 'interval':
      return `interval ${intervalSpan(datum)}`;
    case 'array':
      return `array ${datum.elements.map((element) => canonicalDatum(element, type.slice(1))).join()}`;
    case 'decimal': {
      let { coefficient, scale } = datum;
      while (scale > 0 && coefficient % 10n === 0n) {
        coefficient /= 10n;
        scale--;
      }
      return `decimal ${datum.form} ${coefficient} ${scale}`;
    }
  }
}

/** Sorted texts of rows with their weights; equal rows are one. */
export function canonical(columns: readonly ColumnType[], rows: readonly Update[]): string[] {
  const sums = new Map<string, number>();
  for (const { row, weight } of rows) {
    const text = columns
      .map((column, c) => canonicalDatum(row[c] ?? null, column.type))
      .join(' | ');
    sums.set(text, (sums.get(text) ?? 0) + weight);
  }
  return [...sums]
    .filter(([, weight]) => weight !== 0)
    .map(([text, weight]) => `${text} × ${weight}`)
    .sort();
}
