/**
 * The aggregates: names, argument and result types as in Postgres. They are no entries of the
 * function table because the reduce operator, not an expression, computes them.
 */
import { entry } from '../../../dataflow/expr/function-entry.ts';
import type { FunctionEntry, SignatureType } from '../../../dataflow/expr/function-entry.ts';
import type { AggregateName } from '../../../dataflow/plan/plan.ts';
import { defined } from '../../base/assert.ts';

interface AggregateFamily {
  readonly fn: AggregateName;
  readonly entries: readonly FunctionEntry[];
}

/** What each computes, for the catalog. */
const descriptions = new Map<string, string>([
  ['count', 'How many rows there are, or how many values that are not NULL.'],
  ['sum', 'Sum of the values.'],
  ['avg', 'Average of the values.'],
  ['min', 'The least value.'],
  ['max', 'The greatest value.'],
  ['bool_and', 'True if every value is true.'],
  ['bool_or', 'True if some value is true.'],
  ['string_agg', 'The values one after the other, with a delimiter between.'],
  ['array_agg', 'An array of the values, NULLs too.'],
  ['jsonb_agg', 'A JSON array of the values.'],
  ['jsonb_object_agg', 'A JSON object of names and values.'],
  ['stddev_samp', 'Standard deviation of a sample.'],
  ['stddev_pop', 'Standard deviation of all there are.'],
  ['var_samp', 'Variance of a sample.'],
  ['var_pop', 'Variance of all there are.'],
]);

/** Argument types and the result. */
type Signature = readonly [readonly SignatureType[], SignatureType];

function family(
  fn: AggregateName,
  name: string,
  signatures: readonly Signature[],
): readonly [string, AggregateFamily] {
  const entries = signatures.map(([args, result]) =>
    entry('aggregate', name, args, result, descriptions.get(fn) ?? '', undefined, {
      nullHandling: 'called',
    }),
  );
  return [name, { fn, entries }];
}

const ordered: readonly SignatureType[] = [
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'oid',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'interval',
  'text',
  'bpchar',
  'anyarray',
];

const extreme = ordered.map((type) => [[type], type] as const);

const spread = (['int2', 'int4', 'int8', 'numeric'] as const).map(
  (type) => [[type], 'numeric'] as const,
);

const deviation = [...spread, [['float4'], 'float8'] as const, [['float8'], 'float8'] as const];

const families = new Map<string, AggregateFamily>([
  family('count', 'count', [
    [[], 'int8'],
    [['any'], 'int8'],
  ]),
  family('sum', 'sum', [
    [['int2'], 'int8'],
    [['int4'], 'int8'],
    [['int8'], 'numeric'],
    [['float4'], 'float4'],
    [['float8'], 'float8'],
    [['numeric'], 'numeric'],
    [['interval'], 'interval'],
  ]),
  family('avg', 'avg', [
    [['int2'], 'numeric'],
    [['int4'], 'numeric'],
    [['int8'], 'numeric'],
    [['numeric'], 'numeric'],
    [['float4'], 'float8'],
    [['float8'], 'float8'],
    [['interval'], 'interval'],
  ]),
  family('min', 'min', extreme),
  family('max', 'max', extreme),
  family('bool_and', 'bool_and', [[['bool'], 'bool']]),
  family('bool_and', 'every', [[['bool'], 'bool']]),
  family('bool_or', 'bool_or', [[['bool'], 'bool']]),
  family('string_agg', 'string_agg', [
    [['text', 'text'], 'text'],
    [['bytea', 'bytea'], 'bytea'],
  ]),
  family('array_agg', 'array_agg', [[['anynonarray'], 'anyarray']]),
  family('jsonb_agg', 'jsonb_agg', [[['anyelement'], 'jsonb']]),
  family('jsonb_object_agg', 'jsonb_object_agg', [[['any', 'any'], 'jsonb']]),
  family('stddev_samp', 'stddev', deviation),
  family('stddev_samp', 'stddev_samp', deviation),
  family('stddev_pop', 'stddev_pop', deviation),
  family('var_samp', 'variance', deviation),
  family('var_samp', 'var_samp', deviation),
  family('var_pop', 'var_pop', deviation),
]);

/** Aggregates of Postgres that are refused by name. */
const missing = new Set([
  'bit_and',
  'bit_or',
  'bit_xor',
  'corr',
  'covar_pop',
  'covar_samp',
  'json_agg',
  'json_object_agg',
  'mode',
  'percentile_cont',
  'percentile_disc',
  'range_agg',
  'regr_avgx',
  'regr_avgy',
  'regr_count',
  'regr_intercept',
  'regr_r2',
  'regr_slope',
  'regr_sxx',
  'regr_sxy',
  'regr_syy',
  'xmlagg',
]);

/** Window functions, refused by name. */
const windowOnly = new Set([
  'row_number',
  'rank',
  'dense_rank',
  'percent_rank',
  'cume_dist',
  'ntile',
  'lag',
  'lead',
  'first_value',
  'last_value',
  'nth_value',
]);

/** Every signature of every aggregate. */
export function aggregateEntries(): readonly FunctionEntry[] {
  return [...families.values()].flatMap((each) => each.entries);
}

/** The aggregate of a name, or undefined. */
export function aggregateFamily(name: string): AggregateFamily | undefined {
  return families.get(name);
}

/** True for an aggregate of Postgres that is not offered. */
export function isMissingAggregate(name: string): boolean {
  return missing.has(name);
}

/** True for a function that only makes sense over a window. */
export function isWindowFunction(name: string): boolean {
  return windowOnly.has(name);
}

/** The entry of count(*), alone in its list. */
export const countStar: readonly FunctionEntry[] = [
  defined(families.get('count')?.entries[0], 'count(*) is in the table'),
];
