/**
 * Goal: the generated executor means what the interpreter means. Method: random well-typed programs
 * drawn from the whole function table, over random batches with NULLs and values at the edges of
 * their types; both executors must give the same rows, weights and errors, bit for bit.
 */
import { expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import type { DataError } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Datum } from '../value/datum.ts';
import { batchFromRows, rowsFromBatch } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import type { Program } from './expr.ts';
import { projection } from './expr.ts';
import type { Mode } from './mfp.ts';
import { Mfp } from './mfp.ts';
import { ProgramMaker, randomRows, randomTypes } from '../../test/support/random-program.ts';

interface Outcome {
  readonly rows: readonly { readonly row: readonly Datum[]; readonly weight: number }[];
  readonly errors: readonly (readonly [number, DataError])[];
}

/** Doubles as their bits, so that NaN and −0 count. */
function visible(datum: Datum): unknown {
  if (typeof datum !== 'number') return datum;
  return Object.is(datum, -0) ? '-0' : String(datum);
}

function run(
  input: readonly ColumnType[], program: Program, output: readonly ColumnType[], batch: Batch,
  pool: SlabPool, mode: Mode,
): Outcome {
  const mfp = new Mfp(input, program, output, mode);
  const writer = new BatchWriter(pool, output);
  const errors: [number, DataError][] = [];
  const result = mfp.run(batch, writer, batch.step, (row, error) => errors.push([row, error]));
  const rows = result === null ? [] : rowsFromBatch(result, output);
  result?.slab.release();
  writer.close();
  return { rows, errors };
}

const shown = ({ rows, errors }: Outcome): unknown => ({
  rows: rows.map(({ row, weight }) => [row.map(visible), weight]), errors,
});

/** Numeric functions that may compute tens of thousands of digits. */
const slow = new Set(['power', 'pow', '^', 'exp', 'ln', 'log', 'log10']);

function agree(seed: number, programs: number, depth: number): void {
  const random = new Random(seed);
  const pool = new SlabPool();
  const input: ColumnType[] = randomTypes.map((type) => ({ type, nullable: random.chance(0.6) }));
  const maker = new ProgramMaker(random, input, ({ name, result }) =>
    result !== 'numeric' || !slow.has(name));
  const batches = [1, 3, 40].map((rows) => batchFromRows(pool, input,
    randomRows(random, input, rows), 5));
  for (let p = 0; p < programs; p++) {
    const types: TypeName[] = Array.from({ length: 1 + random.below(3) },
      () => random.pick(randomTypes));
    const program = maker.program(types, depth);
    const output = types.map((type) => ({ type, nullable: true }));
    for (const batch of batches) {
      const reference = run(input, program, output, batch, pool, 'interpret');
      const generated = run(input, program, output, batch, pool, 'compile');
      expect(shown(generated), JSON.stringify(program,
        (_, v: unknown) => typeof v === 'bigint' ? `${v}` : v))
        .toEqual(shown(reference));
    }
  }
  for (const batch of batches) batch.slab.release();
  expect(pool.live).toBe(0);
}

test.each([1, 2, 3])('shallow random programs agree, seed %i', (seed) => {
  agree(seed, 300, 1);
});

test.each([11, 12])('deep random programs agree, seed %i', (seed) => {
  agree(seed, 100, 4);
});

test('a program that only picks columns moves no row', () => {
  const pool = new SlabPool();
  const columns: ColumnType[] = [{ type: 'int8', nullable: false },
    { type: 'text', nullable: true }];
  const batch = batchFromRows(pool, columns, [{ row: [1n, 'x'], weight: 2 },
    { row: [2n, null], weight: -1 }], 1);
  const output: ColumnType[] = [{ type: 'text', nullable: true },
    { type: 'int8', nullable: false }];
  const mfp = new Mfp(columns, projection(columns, [1, 0]), output);
  const result = mfp.run(batch, new BatchWriter(pool, output), 7, () => undefined);
  expect(result?.slab).toBe(batch.slab);
  expect(result?.column[1]).toBe(batch.column[0]);
  expect(result === null ? [] : rowsFromBatch(result, output)).toEqual([
    { row: ['x', 1n], weight: 2 }, { row: [null, 2n], weight: -1 },
  ]);
});

test('text that passes through is shared in the same slab and copied into another', () => {
  const pool = new SlabPool();
  const columns: ColumnType[] = [{ type: 'text', nullable: false },
    { type: 'int4', nullable: false }];
  const rows = Array.from({ length: 100 }, (_, k) => ({ row: [`text number ${k}`, k], weight: 1 }));
  const program: Program = {
    nodes: [
      { kind: 'column', column: 1, type: 'int4' }, { kind: 'constant', value: 50, type: 'int4' },
      { kind: 'call', fn: '>=(int4,int4)', args: [0, 1], type: 'bool' },
      { kind: 'column', column: 0, type: 'text' },
    ],
    filters: [2], outputs: [3],
  };
  const output = [{ type: 'text', nullable: false }] as const;
  const expected = rows.slice(50).map(({ row, weight }) => ({ row: [row[0]], weight }));
  const batch = batchFromRows(pool, columns, rows, 1);
  const mfp = new Mfp(columns, program, output);
  const near = mfp.run(batch, new BatchWriter(pool, output), 1, () => undefined);
  expect(near?.slab).toBe(batch.slab);
  expect(near === null ? [] : rowsFromBatch(near, output)).toEqual(expected);
  batch.slab.take(batch.slab.words - batch.slab.used);
  const far = mfp.run(batch, new BatchWriter(pool, output), 1, () => undefined);
  expect(far?.slab).not.toBe(batch.slab);
  expect(far === null ? [] : rowsFromBatch(far, output)).toEqual(expected);
});
