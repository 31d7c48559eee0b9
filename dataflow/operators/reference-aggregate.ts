/** The meaning of aggregates: over all rows of one group, with weights, plainly. */
import { assert, defined } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import type { Aggregate, Order } from '../plan/plan.ts';
import type { Datum, Decimal, Row, Update } from '../value/datum.ts';
import { interval } from '../value/datum.ts';
import { compareDatums } from '../value/datum-column.ts';
import { tenTo } from '../value/decimal.ts';
import { intervalOf, numberOf } from '../value/scalar-words.ts';
import type { ColumnType } from '../value/type.ts';
import { collectedValue } from './collected-value.ts';
import { fromUnits, toUnits } from './exact-double.ts';
import { divideInterval } from './interval-sum.ts';
import { divideNumeric, squareRoot } from './numeric-mean.ts';
import { compareOrdered, grouped } from './reference-rows.ts';

/** A value and how often it counts. */
interface Weighted {
  readonly value: Datum;
  readonly weight: number;
}

/** The value of an aggregate over a group of rows of `input` columns. Throws SqlError. */
export function aggregateReference(
  aggregate: Aggregate,
  input: readonly ColumnType[],
  group: readonly Update[],
): Datum {
  const { fn, argument, argument2, filter, distinct } = aggregate;
  const keepsNulls = fn === 'array_agg' || fn === 'jsonb_agg' || fn === 'jsonb_object_agg';
  let rows = group.filter(({ row }) => filter < 0 || row[filter] === true);
  if (argument < 0) return countOf(rows);
  if (!keepsNulls) rows = rows.filter(({ row }) => row[argument] !== null);
  const args = argument2 < 0 ? [argument] : [argument, argument2];
  if (distinct) {
    rows = grouped(input, args, rows).flatMap((equal) =>
      countOf(equal) > 0n ? [{ row: equal[0].row, weight: 1 }] : [],
    );
  }
  if (fn === 'count') return countOf(rows);
  if (countOf(rows) <= 0n) return null;
  if (keepsNulls || fn === 'string_agg') return collect(aggregate, input, args, rows);
  return valueOf(
    aggregate,
    rows.map(({ row, weight }) => ({ value: row[argument], weight })),
  );
}

function countOf(rows: readonly { readonly weight: number }[]): bigint {
  return BigInt(rows.reduce((sum, { weight }) => sum + weight, 0));
}

/** Arguments one by one, in order. */
function collect(
  aggregate: Aggregate,
  input: readonly ColumnType[],
  args: readonly number[],
  rows: readonly Update[],
): Datum {
  const order: Order[] = [
    ...aggregate.order,
    ...args.map((column) => ({ column, descending: false, nullsFirst: false })),
  ];
  const sorted = [...rows].sort((a, b) => compareOrdered(input, order, a.row, b.row));
  const values = sorted.flatMap(({ row, weight }): Row[] =>
    Array.from({ length: Math.max(0, weight) }, () => args.map((column) => row[column])),
  );
  const result = collectedValue(
    aggregate.fn,
    args.map((column) => input[column].type),
    values,
  );
  if ('error' in result) throw sqlError(result.error.code, result.error.message);
  return result.value;
}

/** The value over at least one value that is not NULL. */
function valueOf(aggregate: Aggregate, values: readonly Weighted[]): Datum {
  const present = values.filter(({ weight }) => weight > 0);
  switch (aggregate.fn) {
    case 'min':
      return extreme(aggregate, present, -1);
    case 'max':
      return extreme(aggregate, present, 1);
    case 'bool_and':
      return present.every(({ value }) => value === true);
    case 'bool_or':
      return present.some(({ value }) => value === true);
    case 'sum':
      return sumOf(aggregate, values);
    case 'avg':
      return meanValue(aggregate, values);
    default:
      return varianceOf(aggregate, values);
  }
}

function extreme(aggregate: Aggregate, values: readonly Weighted[], sign: number): Datum {
  return values.reduce(
    (best, { value }) =>
      compareDatums(aggregate.argumentType, value, best) * sign > 0 ? value : best,
    values[0].value,
  );
}

function isFloat(aggregate: Aggregate): boolean {
  return aggregate.argumentType === 'float4' || aggregate.argumentType === 'float8';
}

function sumOf(aggregate: Aggregate, values: readonly Weighted[]): Datum {
  if (isFloat(aggregate)) {
    const sum = floatSum(values);
    return checked(values, aggregate.type === 'float4' ? Math.fround(sum) : sum);
  }
  if (aggregate.argumentType === 'interval') return intervalSum(values);
  const sum = decimalSum(values, (c) => c, 1);
  if (aggregate.type === 'numeric') return sum;
  if (BigInt.asIntN(64, sum.coefficient) !== sum.coefficient)
    throw sqlError('22003', 'bigint out of range');
  return sum.coefficient;
}

function meanValue(aggregate: Aggregate, values: readonly Weighted[]): Datum {
  const count = countOf(values);
  if (isFloat(aggregate)) return checked(values, floatSum(values) / Number(count));
  if (aggregate.argumentType === 'interval')
    return divideInterval(intervalSum(values), Number(count));
  const sum = decimalSum(values, (c) => c, 1);
  return sum.form === 'finite' ? divideNumeric(sum.coefficient, sum.scale, count, 0) : sum;
}

/** A value as a decimal. */
function asDecimal(value: Datum): Decimal {
  if (typeof value === 'number' || typeof value === 'bigint') {
    return { kind: 'decimal', form: 'finite', coefficient: BigInt(value), scale: 0 };
  }
  const isDecimal =
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'decimal';
  assert(isDecimal, 'a number is summed');
  return value;
}

/** Σ weight · map(coefficient), at `power` times the largest scale. */
function decimalSum(
  values: readonly Weighted[],
  map: (coefficient: bigint) => bigint,
  power: number,
): Decimal {
  const terms = values.map(({ value, weight }) => ({ value: asDecimal(value), weight }));
  const forms = new Set(terms.map(({ value }) => value.form));
  forms.delete('finite');
  if (forms.size > 0) {
    const form = forms.size === 1 ? defined([...forms][0], 'a form is there') : 'NaN';
    return { kind: 'decimal', form, coefficient: 0n, scale: 0 };
  }
  const scale = Math.max(...terms.map(({ value }) => value.scale));
  const coefficient = terms.reduce(
    (sum, { value, weight }) =>
      sum + map(value.coefficient * tenTo(scale - value.scale)) * BigInt(weight),
    0n,
  );
  return { kind: 'decimal', form: 'finite', coefficient, scale: scale * power };
}

function floatSum(values: readonly Weighted[]): number {
  const special = values
    .map(({ value }) => numberOf(value))
    .filter((value) => !Number.isFinite(value));
  if (special.length > 0) return special.reduce((sum, value) => sum + value, 0);
  return fromUnits(
    values.reduce((sum, { value, weight }) => sum + toUnits(numberOf(value)) * BigInt(weight), 0n),
  );
}

/** Finite numbers have a finite result, or an error. */
function checked(values: readonly Weighted[], result: number): number {
  if (!Number.isFinite(result) && values.every(({ value }) => Number.isFinite(value))) {
    throw sqlError('22003', 'value out of range: overflow');
  }
  return result;
}

function intervalSum(values: readonly Weighted[]): ReturnType<typeof interval> {
  let [months, days, microseconds] = [0, 0, 0n];
  for (const { value, weight } of values) {
    const part = intervalOf(value);
    months += part.months * weight;
    days += part.days * weight;
    microseconds += part.microseconds * BigInt(weight);
  }
  const fits =
    Math.abs(months) < 2 ** 31 &&
    Math.abs(days) < 2 ** 31 &&
    BigInt.asIntN(64, microseconds) === microseconds;
  if (!fits) throw sqlError('22008', 'interval out of range');
  return interval(months, days, microseconds);
}

function varianceOf(aggregate: Aggregate, values: readonly Weighted[]): Datum {
  const sample = aggregate.fn === 'stddev_samp' || aggregate.fn === 'var_samp';
  const root = aggregate.fn === 'stddev_samp' || aggregate.fn === 'stddev_pop';
  const n = countOf(values);
  if (sample && n <= 1n) return null;
  const divisor = n * (sample ? n - 1n : n);
  if (isFloat(aggregate)) {
    if (values.some(({ value }) => !Number.isFinite(value))) return Number.NaN;
    const units = values.map(({ value, weight }) => ({
      x: toUnits(numberOf(value)),
      weight: BigInt(weight),
    }));
    const sum = units.reduce((total, { x, weight }) => total + x * weight, 0n);
    const squares = units.reduce((total, { x, weight }) => total + x * x * weight, 0n);
    const variance = checked(values, fromUnits(n * squares - sum * sum, divisor << 1074n));
    return root ? Math.sqrt(variance) : variance;
  }
  const sum = decimalSum(values, (c) => c, 1);
  const squares = decimalSum(values, (c) => c * c, 2);
  if (sum.form !== 'finite') return { kind: 'decimal', form: 'NaN', coefficient: 0n, scale: 0 };
  const spread = n * squares.coefficient - sum.coefficient * sum.coefficient;
  if (spread <= 0n) return { kind: 'decimal', form: 'finite', coefficient: 0n, scale: 0 };
  const variance = divideNumeric(spread, squares.scale, divisor, 0);
  return root ? squareRoot(variance) : variance;
}
