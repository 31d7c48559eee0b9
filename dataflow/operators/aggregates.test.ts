/**
 * Goal: aggregates show what Postgres 15 shows, digit for digit. Method: groups given as texts, and
 * answers written down from `psql` over the same values; each also after rows came and went.
 */
import { expect, it } from 'vitest';
import { OperatorHarness } from '../../test/support/operator-harness.ts';
import type { Aggregate, Node } from '../plan/plan.ts';
import type { Update } from '../value/datum.ts';
import { parseDatum } from '../value/text-input.ts';
import { formatDatum } from '../value/text-output.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { ReduceOperator } from './reduce.ts';

type Fn = Aggregate['fn'];

function textOf(type: TypeName, text: string | null): Update['row'][number] {
  return text === null ? null : parseDatum(type, text);
}

/**
 * The aggregate's text over `values` (rows of argument and second argument), or the error's code.
 */
function aggregateText(
  fn: Fn,
  types: readonly TypeName[],
  result: TypeName,
  values: readonly (readonly (string | null)[])[],
): string | null {
  const harness = harnessOf(fn, types, result);
  const rows = values.map((texts): Update => ({
    row: texts.map((text, c) => textOf(types[c] ?? 'void', text)),
    weight: 1,
  }));
  // Twice as many come first, and half of them go again in another step.
  harness.step([0, [...rows, ...rows]]);
  harness.step([0, rows.map(({ row }) => ({ row, weight: -1 }))]);
  const [error] = harness.errors();
  if (error !== undefined) return error;
  const value = harness.rows()[0]?.row[0] ?? null;
  harness.operator.dispose();
  return value === null ? null : formatDatum(result, value);
}

/** One group of one aggregate. */
function harnessOf(fn: Fn, types: readonly TypeName[], result: TypeName): OperatorHarness {
  const input: ColumnType[] = types.map((type) => ({ type, nullable: true }));
  const aggregate: Aggregate = {
    fn,
    argument: 0,
    argument2: types.length > 1 ? 1 : -1,
    argumentType: types[0] ?? 'void',
    filter: -1,
    distinct: false,
    order: [],
    type: result,
  };
  const columns = [{ type: result, nullable: true }];
  const node: Extract<Node, { kind: 'reduce' }> = {
    kind: 'reduce',
    input: 0,
    key: [],
    aggregates: [aggregate],
    columns,
  };
  return new OperatorHarness((pool) => new ReduceOperator(node, input, pool), [input]);
}

const spread: readonly Fn[] = ['sum', 'avg', 'stddev_samp', 'stddev_pop', 'var_samp', 'var_pop'];
const huge = '123456789012345678901234567890.12';

it.each<[TypeName, string, string]>([
  [
    'int4',
    '1 2 2 7 -3',
    '9 ; 1.8000000000000000 ; 3.5637059362410923 ; 3.1874754901018455 ; 12.7000000000000000 ; 10.1600000000000000',
  ],
  ['int4', '5', '5 ; 5.0000000000000000 ; NULL ; 0 ; NULL ; 0'],
  ['int4', '5 5 5', '15 ; 5.0000000000000000 ; 0 ; 0 ; 0 ; 0'],
  [
    'int8',
    '9223372036854775807 9223372036854775807 1',
    '18446744073709551615 ; 6148914691236517205 ; 5325116328314171699 ; 4347939275110927403 ; 28356863910078205276316721236840983212 ; 18904575940052136850877814157893988808',
  ],
  [
    'numeric',
    '1.5 2.25 10 0.001',
    '13.751 ; 3.4377500000000000 ; 4.4736264465569019 ; 3.8742741497601844 ; 20.0133335833333333 ; 15.0100001875000000',
  ],
  [
    'numeric',
    `${huge} 0.000000000001 -7`,
    '123456789012345678901234567883.120000000001 ; 41152263004115226300411522627.706666666667 ; 71277810369564610034926130569.548818909712428619501717 ; 58198088462764320418561361266.316384883161145369393200 ; 5080526251079612250165117187810008646650388152776981659331.517721810705626666666667 ; 3387017500719741500110078125206672431100258768517987772887.678481207137084444444445',
  ],
  [
    'numeric',
    '0.00012 0.00034',
    '0.00046 ; 0.00023000000000000000 ; 0.000155563491861040455368 ; 0.0001100000000000000000000000 ; 0.000000024200000000000000 ; 0.0000000121000000000000000000',
  ],
  ['numeric', 'Infinity 1', 'Infinity ; Infinity ; NaN ; NaN ; NaN ; NaN'],
  ['numeric', 'NaN', 'NaN ; NaN ; NULL ; NaN ; NULL ; NaN'],
  [
    'float8',
    '1.5 2.25 10 -4',
    '9.75 ; 2.4375 ; 5.760407248334675 ; 4.988659013201844 ; 33.182291666666664 ; 24.88671875',
  ],
  ['float8', 'inf 1', 'Infinity ; Infinity ; NaN ; NaN ; NaN ; NaN'],
])('%s of %s', (type, values, expected) => {
  const exact = type === 'float8' ? 'float8' : 'numeric';
  const texts = spread.map((fn) => {
    const result = fn === 'sum' && type === 'int4' ? 'int8' : exact;
    return (
      aggregateText(
        fn,
        [type],
        result,
        values.split(' ').map((value) => [value]),
      ) ?? 'NULL'
    );
  });
  expect(texts.join(' ; ')).toBe(expected);
});

it.each<[string, string[], string, string]>([
  [
    'mixed',
    ['1 mon 3 days', '25:00:01.5', '-2 days'],
    '1 mon 1 day 25:00:01.5',
    '10 days 16:20:00.5',
  ],
  [
    'seven',
    ['1 year', '3 days', '1 day', '1', '2', '3', '7 mons'],
    '1 year 7 mons 4 days 00:00:06',
    '2 mons 21 days 24:00:00.820114',
  ],
])('intervals: %s', (_name, values, sum, mean) => {
  const rows = values.map((value) => [value]);
  expect(aggregateText('sum', ['interval'], 'interval', rows)).toBe(sum);
  expect(aggregateText('avg', ['interval'], 'interval', rows)).toBe(mean);
});

it.each<[Fn, TypeName[], TypeName, (string | null)[][], string | null]>([
  [
    'string_agg',
    ['text', 'text'],
    'text',
    [
      ['a', '1'],
      ['b', '2'],
      ['c', null],
      ['d', '4'],
    ],
    'a2bc4d',
  ],
  ['string_agg', ['text', 'text'], 'text', [[null, ',']], null],
  [
    'string_agg',
    ['bytea', 'bytea'],
    'bytea',
    [
      ['\\x01', '\\x00'],
      ['\\x02', '\\x00'],
    ],
    '\\x010002',
  ],
  ['array_agg', ['text'], '_text', [['b'], ['a'], [null], ['c d']], '{a,b,"c d",NULL}'],
  ['jsonb_agg', ['text'], 'jsonb', [['b'], ['a'], [null], ['c d']], '["a", "b", "c d", null]'],
  ['jsonb_agg', ['int4'], 'jsonb', [[null], [null]], '[null, null]'],
  [
    'jsonb_agg',
    ['timestamptz'],
    'jsonb',
    [['2020-01-02 03:04:05.6+00'], ['infinity']],
    '["2020-01-02T03:04:05.6+00:00", "infinity"]',
  ],
  ['jsonb_agg', ['timestamp'], 'jsonb', [['2020-01-02 03:04:05.6']], '["2020-01-02T03:04:05.6"]'],
  ['jsonb_agg', ['date'], 'jsonb', [['2020-01-02']], '["2020-01-02"]'],
  ['jsonb_agg', ['numeric'], 'jsonb', [['1.50'], ['NaN'], ['-2']], '[-2, 1.50, "NaN"]'],
  [
    'jsonb_agg',
    ['float8'],
    'jsonb',
    [['1e30'], ['-inf'], ['0.1'], ['1e-7']],
    '["-Infinity", 0.0000001, 0.1, 1000000000000000000000000000000]',
  ],
  ['jsonb_agg', ['interval'], 'jsonb', [['1 day 2 hours']], '["1 day 02:00:00"]'],
  ['jsonb_agg', ['_int4'], 'jsonb', [['{1,NULL,2}']], '[[1, null, 2]]'],
  ['jsonb_agg', ['bool'], 'jsonb', [['t']], '[true]'],
  ['jsonb_agg', ['bytea'], 'jsonb', [['\\x0102']], '["\\\\x0102"]'],
  [
    'jsonb_object_agg',
    ['int4', 'text'],
    'jsonb',
    [
      ['1', 'x'],
      ['2', null],
    ],
    '{"1": "x", "2": null}',
  ],
  [
    'jsonb_object_agg',
    ['bool', 'numeric'],
    'jsonb',
    [
      ['t', '1.5'],
      ['f', '2'],
    ],
    '{"true": 1.5, "false": 2}',
  ],
  [
    'jsonb_object_agg',
    ['text', 'int4'],
    'jsonb',
    [[null, '1']],
    '22023 field name must not be null 1',
  ],
  ['sum', ['float8'], 'float8', [['1e308'], ['1e308']], '22003 value out of range: overflow 1'],
  [
    'sum',
    ['interval'],
    'interval',
    [['178000000 years'], ['178000000 years']],
    '22008 interval out of range 1',
  ],
])('%s of %j as %s', (fn, types, result, rows, expected) => {
  expect(aggregateText(fn, types, result, rows)).toBe(expected);
});

it.each([
  ['array_agg', ['int4'], '_int4'],
  ['jsonb_agg', ['int4'], 'jsonb'],
  ['jsonb_object_agg', ['int4', 'int4'], 'jsonb'],
  ['string_agg', ['text', 'text'], 'text'],
] as const)('%s of more than it can show is an error until it is less', (fn, types, result) => {
  const harness = harnessOf(fn, types, result);
  const row = types.map((type) => textOf(type, '1'));
  harness.step([0, [{ row, weight: 2 ** 31 - 1 }]]);
  expect(harness.rows()).toEqual([]);
  expect(harness.errors()).toEqual(['54000 a group collects more than 67108864 bytes 1']);
  harness.step([0, [{ row, weight: 3 - 2 ** 31 }]]);
  expect(harness.errors()).toEqual([]);
  expect(harness.rows()).toHaveLength(1);
  harness.operator.dispose();
});
