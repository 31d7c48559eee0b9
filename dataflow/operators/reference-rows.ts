/**
 * Multisets of datum rows for the reference evaluator: sums of weights per identical row, order,
 * and cutting into groups. Everything sorts; nothing is clever.
 */
import { defined } from '../../src/base/assert.ts';
import type { Order } from '../plan/plan.ts';
import type { Datum, Row, Update } from '../value/datum.ts';
import { compareDatums } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';

/** A text that is the same exactly for identical datums: 1.0 and 1.00 differ. */
export function identityOf(datum: Datum): string {
  if (datum === null) return 'null';
  if (typeof datum !== 'object')
    return `${typeof datum} ${Object.is(datum, -0) ? '-0' : String(datum)}`;
  if (datum instanceof Uint8Array) return `bytes ${datum.join()}`;
  switch (datum.kind) {
    case 'decimal':
      return `decimal ${datum.form} ${datum.coefficient} ${datum.scale}`;
    case 'interval':
      return `interval ${datum.months} ${datum.days} ${datum.microseconds}`;
    case 'array':
      return `array ${JSON.stringify(datum.elements.map(identityOf))}`;
  }
}

/** A text that is the same exactly for identical rows. */
export function rowIdentity(row: Row): string {
  return JSON.stringify(row.map(identityOf));
}

/**
 * One update per identical row, with the sum of its weights, in order of first appearance; none of
 * weight 0.
 */
export function consolidated(updates: readonly Update[]): Update[] {
  const sums = new Map<string, Update>();
  for (const { row, weight } of updates) {
    const key = rowIdentity(row);
    sums.set(key, {
      row: sums.get(key)?.row ?? row,
      weight: (sums.get(key)?.weight ?? 0) + weight,
    });
  }
  return [...sums.values()].filter((update) => update.weight !== 0);
}

/** Order of rows by columns, ascending, NULLs last. */
export function compareRows(
  columns: readonly ColumnType[],
  by: readonly number[],
  a: Row,
  b: Row,
): number {
  for (const c of by) {
    const order = compareDatums(columns[c].type, a[c], b[c]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Order of rows by ORDER BY keys, then by the whole row, then by identity so that it is total. */
export function compareOrdered(
  columns: readonly ColumnType[],
  order: readonly Order[],
  a: Row,
  b: Row,
): number {
  for (const { column, descending, nullsFirst } of order) {
    const x = a[column];
    const y = b[column];
    if (x === null && y === null) continue;
    if (x === null || y === null) return (x === null) === nullsFirst ? -1 : 1;
    const result = compareDatums(columns[column].type, x, y);
    if (result !== 0) return descending ? -result : result;
  }
  const whole = compareRows(
    columns,
    columns.map((_, c) => c),
    a,
    b,
  );
  if (whole !== 0) return whole;
  const x = rowIdentity(a);
  const y = rowIdentity(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * Cuts updates into groups whose rows are equal, under SQL, in `by`; each keeps the order given.
 */
export function grouped(
  columns: readonly ColumnType[],
  by: readonly number[],
  updates: readonly Update[],
): Update[][] {
  const numbered = updates.map((update, position) => ({ update, position }));
  numbered.sort(
    (a, b) => compareRows(columns, by, a.update.row, b.update.row) || a.position - b.position,
  );
  const groups: Update[][] = [];
  let last: Row | null = null;
  for (const { update } of numbered) {
    if (last === null || compareRows(columns, by, last, update.row) !== 0) groups.push([]);
    defined(groups.at(-1), 'a group was begun').push(update);
    last = update.row;
  }
  return groups;
}

/** Sum of weights. */
export function weightOf(updates: readonly Update[]): number {
  return updates.reduce((sum, update) => sum + update.weight, 0);
}
