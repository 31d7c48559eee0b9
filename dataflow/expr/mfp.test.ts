/**
 * Goal: the generated executor means what the interpreter means. Method: random well-typed programs
 * drawn from the whole function table, over random batches with NULLs and values at the edges of
 * their types; both executors must give the same rows, weights and errors, bit for bit.
 */
import { expect, test } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { Random } from '../../test/support/random.ts';
import type { DataError } from '../operators/operator.ts';
import type { Batch } from '../value/batch.ts';
import { BatchWriter } from '../value/batch-writer.ts';
import type { Datum, Update } from '../value/datum.ts';
import { batchFromRows, rowsFromBatch } from '../value/datum-column.ts';
import { SlabPool } from '../value/slab.ts';
import type { ColumnType, TypeName } from '../value/type.ts';
import { compile } from './compile.ts';
import type { Expr, Program } from './expr.ts';
import { projection } from './expr.ts';
import type { FunctionEntry } from './function-entry.ts';
import { functions } from './function-table.ts';
import type { Mode } from './mfp.ts';
import { Mfp } from './mfp.ts';
import {
  ProgramMaker,
  edgesOf,
  randomRows,
  randomTypes,
} from '../../test/support/random-program.ts';

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
  input: readonly ColumnType[],
  program: Program,
  output: readonly ColumnType[],
  batch: Batch,
  pool: SlabPool,
  mode: Mode,
): Outcome {
  const mfp = new Mfp(input, program, output, mode);
  const writer = new BatchWriter(pool, output);
  const errors: [number, DataError][] = [];
  const rows: Update[] = [];
  mfp.each(
    batch,
    writer,
    batch.step,
    (row, error) => errors.push([row, error]),
    (result) => {
      rows.push(...rowsFromBatch(result, output));
      result.slab.release();
    },
  );
  writer.close();
  return { rows, errors };
}

const shown = ({ rows, errors }: Outcome): unknown => ({
  rows: rows.map(({ row, weight }) => [row.map(visible), weight]),
  errors,
});

/** Numeric functions that may compute tens of thousands of digits. */
const slow = new Set(['power', 'pow', '^', 'exp', 'ln', 'log', 'log10']);

function agree(seed: number, programs: number, depth: number): void {
  const random = new Random(seed);
  const pool = new SlabPool();
  const input: ColumnType[] = randomTypes.map((type) => ({ type, nullable: random.chance(0.6) }));
  const maker = new ProgramMaker(
    random,
    input,
    ({ name, result }) => result !== 'numeric' || !slow.has(name),
  );
  const batches = [1, 3, 40].map((rows) =>
    batchFromRows(pool, input, randomRows(random, input, rows), 5),
  );
  for (let p = 0; p < programs; p++) {
    const types: TypeName[] = Array.from({ length: 1 + random.below(3) }, () =>
      random.pick(randomTypes),
    );
    const program = maker.program(types, depth);
    const output = types.map((type) => ({ type, nullable: true }));
    for (const batch of batches) {
      const reference = run(input, program, output, batch, pool, 'interpret');
      const generated = run(input, program, output, batch, pool, 'compile');
      expect(
        shown(generated),
        JSON.stringify(program, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v)),
      ).toEqual(shown(reference));
    }
  }
  for (const batch of batches) batch.slab.release();
  expect(pool.live).toBe(0);
}

/** A call of `fn` over columns, with the last argument a constant if one is given. */
function callProgram(fn: FunctionEntry, types: readonly TypeName[], last?: Datum): Program {
  const nodes: Expr[] = types.map((type, column) =>
    last !== undefined && column === types.length - 1
      ? { kind: 'constant', value: last, type }
      : { kind: 'column', column, type },
  );
  const result = randomTypes.find((type) => type === fn.result) ?? 'text';
  nodes.push({ kind: 'call', fn: fn.key, args: types.map((_, k) => k), type: result });
  return { nodes, filters: [], outputs: [types.length] };
}

test('every template agrees with its function on all pairs of edges', () => {
  const pool = new SlabPool();
  let templates = 0;
  for (const fn of functions) {
    const types =
      randomTypes.filter((type) => fn.args.includes(type)).length === 0
        ? []
        : fn.args.flatMap((arg) => randomTypes.filter((type) => type === arg));
    if (fn.template === undefined || types.length !== fn.args.length) continue;
    templates++;
    const columns = types.map((type) => ({ type, nullable: true }));
    const [left, right] = types.map((type) => [null, ...edgesOf(type)]);
    const rows = left.flatMap((a) =>
      (right ?? [null]).map((b) => ({ row: right === undefined ? [a] : [a, b], weight: 1 })),
    );
    const batch = batchFromRows(pool, columns, rows, 1);
    const constants: (Datum | undefined)[] =
      right === undefined ? [undefined] : [undefined, ...right];
    for (const constant of constants) {
      const program = callProgram(fn, types, constant);
      const output = [{ type: program.nodes.at(-1)?.type ?? 'text', nullable: true }];
      const reference = run(columns, program, output, batch, pool, 'interpret');
      expect(
        shown(run(columns, program, output, batch, pool, 'compile')),
        `${fn.key} ${String(constant)}`,
      ).toEqual(shown(reference));
    }
    batch.slab.release();
  }
  expect(templates).toBeGreaterThan(200);
});

const int = (value: number): Expr => ({ kind: 'constant', value, type: 'int4' });

/** The outcome of one output node over rows of one nullable int4 column, by both executors. */
function both(nodes: readonly Expr[], values: readonly (number | null)[]): readonly string[] {
  const pool = new SlabPool();
  const columns = [{ type: 'int4', nullable: true }] as const;
  const batch = batchFromRows(
    pool,
    columns,
    values.map((value) => ({ row: [value], weight: 1 })),
    1,
  );
  const program = { nodes, filters: [], outputs: [nodes.length - 1] };
  const output = [{ type: nodes.at(-1)?.type ?? 'int4', nullable: true }];
  return (['interpret', 'compile', 'auto'] as const).map((mode) => {
    const { rows, errors } = run(columns, program, output, batch, pool, mode);
    const told = errors.map(([row, { message }]) => `${row}: ${message}`);
    return [...rows.map(({ row }) => String(row[0])), ...told].join(', ');
  });
}

const column: Expr = { kind: 'column', column: 0, type: 'int4' };
const quotient: Expr = { kind: 'call', fn: '/(int4,int4)', args: [1, 0], type: 'int4' };
const isZero: Expr = { kind: 'call', fn: '=(int4,int4)', args: [0, 2], type: 'bool' };
const big: Expr = { kind: 'call', fn: '>(int4,int4)', args: [3, 1], type: 'bool' };

test('a branch that is not taken gives no error', () => {
  const nodes: Expr[] = [column, int(10), int(0), quotient, isZero];
  const answer = both(
    [...nodes, { kind: 'case', branches: [[4, 2]], otherwise: 3, type: 'int4' }],
    [0, 5, null],
  );
  expect(answer).toEqual(Array(3).fill('0, 2, null'));
  expect(both([...nodes.slice(0, 4)], [0, 5])).toEqual(Array(3).fill('2, 0: division by zero'));
  const or: Expr = { kind: 'or', args: [4, 5], type: 'bool' };
  expect(both([...nodes, big, or], [0, 5, null])).toEqual(Array(3).fill('true, false, null'));
  const wrong: Expr = { kind: 'or', args: [5, 4], type: 'bool' };
  expect(both([...nodes, big, wrong], [0, 5])).toEqual(Array(3).fill('false, 0: division by zero'));
});

test('a NULL in a column that is declared without is an assertion, not a stray write', () => {
  const pool = new SlabPool();
  const columns = [{ type: 'int4', nullable: true }] as const;
  const output = [{ type: 'int4', nullable: false }] as const;
  const program: Program = {
    nodes: [column, int(1), { kind: 'call', fn: '+(int4,int4)', args: [0, 1], type: 'int4' }],
    filters: [],
    outputs: [2],
  };
  const updates = (value: number | null) => [{ row: [value], weight: 1 }];
  for (const mode of ['interpret', 'compile'] as const) {
    const result = run(
      columns,
      program,
      output,
      batchFromRows(pool, columns, updates(1), 1),
      pool,
      mode,
    );
    expect(result.rows).toEqual([{ row: [2], weight: 1 }]);
    const wrong = batchFromRows(pool, columns, updates(null), 1);
    expect(() => run(columns, program, output, wrong, pool, mode)).toThrow(AssertionError);
  }
});

test('programs that differ in constants only share one function', () => {
  const loop = (value: string): unknown =>
    compile(
      [{ type: 'text', nullable: false }],
      {
        nodes: [
          { kind: 'column', column: 0, type: 'text' },
          { kind: 'constant', value, type: 'text' },
          { kind: 'call', fn: '=(text,text)', args: [0, 1], type: 'bool' },
        ],
        filters: [2],
        outputs: [0],
      },
      [{ type: 'text', nullable: false }],
      { withNulls: false, moves: true },
    ).loop;
  expect(loop('"); process.exit(); ("')).toBe(loop('another text of as many w'.slice(0, 22)));
});

test('a chain of thousands of operators costs no stack', () => {
  const nodes: Expr[] = [column, int(1)];
  for (let k = 0; k < 3_000; k++) {
    nodes.push({ kind: 'call', fn: '+(int4,int4)', args: [k === 0 ? 0 : k + 1, 1], type: 'int4' });
  }
  expect(both(nodes, [5, null])).toEqual(Array(3).fill('3005, null'));
});

test('a program that would grow without bound is interpreted', () => {
  const nodes: Expr[] = [column, int(7), { kind: 'isNull', arg: 0, type: 'bool' }];
  for (let k = 0; k < 40; k++) {
    const last = k === 0 ? 0 : nodes.length - 1;
    nodes.push({ kind: 'call', fn: '-(int4,int4)', args: [last, 1], type: 'int4' });
    nodes.push({
      kind: 'case',
      branches: [
        [2, last],
        [2, nodes.length - 1],
      ],
      otherwise: nodes.length - 1,
      type: 'int4',
    });
  }
  expect(both(nodes, [280, null])).toEqual(Array(3).fill('0, null'));
});

test.each([1, 2, 3])('shallow random programs agree, seed %i', (seed) => {
  agree(seed, 200, 1);
});

test.each([11, 12])('deep random programs agree, seed %i', (seed) => {
  agree(seed, 60, 4);
});

test('a program that only picks columns moves no row', () => {
  const pool = new SlabPool();
  const columns: ColumnType[] = [
    { type: 'int8', nullable: false },
    { type: 'text', nullable: true },
  ];
  const batch = batchFromRows(
    pool,
    columns,
    [
      { row: [1n, 'x'], weight: 2 },
      { row: [2n, null], weight: -1 },
    ],
    1,
  );
  const output: ColumnType[] = [
    { type: 'text', nullable: true },
    { type: 'int8', nullable: false },
  ];
  const mfp = new Mfp(columns, projection(columns, [1, 0]), output);
  const result = mfp.run(batch, new BatchWriter(pool, output), 7, () => undefined);
  expect(result?.slab).toBe(batch.slab);
  expect(result?.column[1]).toBe(batch.column[0]);
  expect(result === null ? [] : rowsFromBatch(result, output)).toEqual([
    { row: ['x', 1n], weight: 2 },
    { row: [null, 2n], weight: -1 },
  ]);
});

test('text that passes through is shared in the same slab and copied into another', () => {
  const pool = new SlabPool();
  const columns: ColumnType[] = [
    { type: 'text', nullable: false },
    { type: 'int4', nullable: false },
  ];
  const rows = Array.from({ length: 100 }, (_, k) => ({ row: [`text number ${k}`, k], weight: 1 }));
  const program: Program = {
    nodes: [
      { kind: 'column', column: 1, type: 'int4' },
      { kind: 'constant', value: 50, type: 'int4' },
      { kind: 'call', fn: '>=(int4,int4)', args: [0, 1], type: 'bool' },
      { kind: 'column', column: 0, type: 'text' },
    ],
    filters: [2],
    outputs: [3],
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

/** `repeat(text, count)`, its length if `length`, of rows whose count is positive if `filtered`. */
function repeating(length: boolean, filtered: boolean): { program: Program; output: ColumnType[] } {
  const nodes: Expr[] = [
    { kind: 'column', column: 0, type: 'text' },
    { kind: 'column', column: 1, type: 'int4' },
    { kind: 'call', fn: 'repeat(text,int4)', args: [0, 1], type: 'text' },
    { kind: 'call', fn: 'length(text)', args: [2], type: 'int4' },
    { kind: 'constant', value: 0, type: 'int4' },
    { kind: 'call', fn: '>(int4,int4)', args: [1, 4], type: 'bool' },
    { kind: 'call', fn: '/(int4,int4)', args: [3, 1], type: 'int4' },
  ];
  const type: TypeName = length ? 'int4' : 'text';
  const output = [type, 'int4' as const, 'text' as const].map((each) => ({
    type: each,
    nullable: true,
  }));
  const outputs = [length ? 6 : 2, 1, 0];
  return { program: { nodes, filters: filtered ? [5] : [], outputs }, output };
}

test.each([
  [true, false],
  [true, true],
  [false, false],
  [false, true],
])('values of megabytes come in several batches (length: %s, filtered: %s)', (length, filtered) => {
  const pool = new SlabPool();
  const input: ColumnType[] = [
    { type: 'text', nullable: true },
    { type: 'int4', nullable: true },
  ];
  const million = 1_000_000;
  const counts = [3, million, 0, 4 * million, 1, 9 * million, null, 3 * million, million, 0, 2];
  const updates = counts.map((count, k): Update => ({ row: [`${k % 10}`, count], weight: k + 1 }));
  const batch = batchFromRows(pool, input, updates, 1);
  const { program, output } = repeating(length, filtered);
  const reference = run(input, program, output, batch, pool, 'interpret');
  const generated = run(input, program, output, batch, pool, 'compile');
  expect(shown(generated)).toEqual(shown(reference));
  const kept = counts.filter((count) => !filtered || (count ?? 0) > 0).length;
  expect(reference.rows.length + reference.errors.length).toBe(kept);
  if (length && !filtered) expect(reference.errors.map(([row]) => row)).toEqual([2, 9]);
  const mfp = new Mfp(input, program, output);
  const writer = new BatchWriter(pool, output);
  let runs = 0;
  for (let first = 0; first < batch.rows; first += mfp.taken, runs++)
    mfp.runFrom(batch, first, writer, 1, () => undefined)?.slab.release();
  expect(runs).toBeGreaterThan(2);
  writer.close();
  batch.slab.release();
  expect(pool.live).toBe(0);
});

test('what a program has computed for a batch is forgotten with the next', () => {
  const pool = new SlabPool();
  const input: ColumnType[] = [
    { type: 'text', nullable: false },
    { type: 'int4', nullable: false },
  ];
  const { program, output } = repeating(true, false);
  const mfp = new Mfp(input, program, output);
  const writer = new BatchWriter(pool, output);
  const rows = Array.from({ length: 10 }, (): Update => ({
    row: ['x'.repeat(1_000), 100],
    weight: 1,
  }));
  const before = process.memoryUsage().arrayBuffers;
  // 200 MB in all.
  for (let round = 0; round < 200; round++) {
    const batch = batchFromRows(pool, input, rows, 1);
    mfp.run(batch, writer, 1, () => undefined)?.slab.release();
    expect(mfp.taken).toBe(batch.rows);
    batch.slab.release();
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
  writer.close();
});
