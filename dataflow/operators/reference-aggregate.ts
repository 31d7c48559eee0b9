/** The meaning of aggregates: over all rows of one group, with weights, plainly. */
import { assert } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import type { Aggregate } from '../plan/plan.ts';
import type { Datum, Update } from '../value/datum.ts';
import { decimal } from '../value/datum.ts';
import { compareDatums } from '../value/datum-column.ts';
import type { ColumnType } from '../value/type.ts';
import { meanOf } from './numeric-mean.ts';
import { grouped } from './reference-rows.ts';

/** A value and how often it counts. */
interface Weighted {
  readonly value: Datum;
  readonly weight: number;
}

/** The value of an aggregate over a group of rows of `input` columns. Throws SqlError. */
export function aggregateReference(
  aggregate: Aggregate, input: readonly ColumnType[], group: readonly Update[],
): Datum {
  const { fn, argument, filter, distinct } = aggregate;
  let rows = group.filter(({ row }) => filter < 0 || row[filter] === true);
  if (fn === 'count' && argument < 0) return countOf(rows);
  rows = rows.filter(({ row }) => row[argument] !== null);
  if (distinct) {
    rows = grouped(input, [argument], rows).flatMap((equal) =>
      countOf(equal) > 0n ? [{ row: equal[0].row, weight: 1 }] : []);
  }
  const values = rows.map(({ row, weight }) => ({ value: row[argument], weight }));
  if (fn === 'count') return countOf(values);
  return countOf(values) <= 0n ? null : valueOf(aggregate, values);
}

function countOf(rows: readonly { readonly weight: number }[]): bigint {
  return BigInt(rows.reduce((sum, { weight }) => sum + weight, 0));
}

/** The value over at least one value that is not NULL. */
function valueOf(aggregate: Aggregate, values: readonly Weighted[]): Datum {
  const present = values.filter(({ weight }) => weight > 0);
  switch (aggregate.fn) {
    case 'min': return extreme(aggregate, present, -1);
    case 'max': return extreme(aggregate, present, 1);
    case 'bool_and': return present.every(({ value }) => value === true);
    case 'bool_or': return present.some(({ value }) => value === true);
    case 'sum': return integerSum(aggregate, values);
    case 'avg': return meanOf(integers(values), 0, Number(countOf(values)));
    default: throw new Error(`${aggregate.fn} has no reference`);
  }
}

function extreme(aggregate: Aggregate, values: readonly Weighted[], sign: number): Datum {
  return values.reduce((best, { value }) =>
    (compareDatums(aggregate.argumentType, value, best) * sign > 0 ? value : best), values[0].value);
}

function integers(values: readonly Weighted[]): bigint {
  return values.reduce((sum, { value, weight }) => {
    assert(typeof value === 'number' || typeof value === 'bigint', 'an integer is summed');
    return sum + BigInt(value) * BigInt(weight);
  }, 0n);
}

function integerSum(aggregate: Aggregate, values: readonly Weighted[]): Datum {
  const sum = integers(values);
  if (aggregate.type === 'numeric') return decimal(sum, 0);
  if (BigInt.asIntN(64, sum) !== sum) throw sqlError('22003', 'bigint out of range');
  return sum;
}
