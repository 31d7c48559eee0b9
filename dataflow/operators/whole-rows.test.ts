/**
 * Goal: distinct and threshold agree with the reference at every step, for every type, negative
 * sums included. Method: random steps (`checkOperator`), and single cases written down.
 */
import { describe, expect, it } from 'vitest';
import { checkOperator } from '../../test/support/operator-check.ts';
import { OperatorHarness } from '../../test/support/operator-harness.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { DistinctOperator } from './distinct.ts';
import { ThresholdOperator } from './threshold.ts';

const types: readonly TypeName[] = [
  'bool',
  'int2',
  'int8',
  'float4',
  'float8',
  'numeric',
  'text',
  'bytea',
  'date',
  'timestamptz',
  'interval',
  'uuid',
  'jsonb',
  '_text',
  '_numeric',
];

describe.each([
  ['distinct', DistinctOperator],
  ['threshold', ThresholdOperator],
] as const)('%s', (kind, Operator) => {
  it.each(types)('keeps rows of %s', (type) => {
    const input: ColumnType[] = [
      { type, nullable: true },
      { type: 'int4', nullable: false },
    ];
    checkOperator({
      make: (pool) => new Operator(input, pool),
      node: { kind, input: 0, columns: input },
      input,
      seed: 7,
      steps: 40,
      rows: 25,
      changes: 12,
      negative: true,
    });
  });
});

describe('weights', () => {
  const input: ColumnType[] = [{ type: 'numeric', nullable: false }];
  const row = (scale: number) => [
    { kind: 'decimal', form: 'finite', coefficient: 10n ** BigInt(scale), scale } as const,
  ];

  it('shows one of equal rows until all are gone', () => {
    const harness = new OperatorHarness((pool) => new DistinctOperator(input, pool), [input]);
    expect(
      harness.step([
        0,
        [
          { row: row(1), weight: 1 },
          { row: row(2), weight: 1 },
        ],
      ]).rows,
    ).toEqual([{ row: row(1), weight: 1 }]);
    expect(harness.step([0, [{ row: row(1), weight: -1 }]]).rows).toEqual([]);
    expect(harness.step([0, [{ row: row(2), weight: -1 }]]).rows).toEqual([
      { row: row(1), weight: -1 },
    ]);
  });

  it('splits a difference beyond int32 over several rows', () => {
    const harness = new OperatorHarness((pool) => new ThresholdOperator(input, pool), [input]);
    const most = { row: row(0), weight: 2 ** 31 - 1 };
    const output = harness.step([0, [most, most, most]]);
    expect(output.rows.map(({ weight }) => weight)).toEqual([
      most.weight,
      most.weight,
      most.weight,
    ]);
    const gone = { row: row(0), weight: -most.weight };
    expect(harness.step([0, [gone, gone, gone]]).rows).toHaveLength(3);
    expect(harness.rows()).toEqual([]);
  });
});
