/**
 * The generated executor: one fused loop per program over the typed arrays of a batch.
 *
 *     rows: for (let i = 0; i < n; i++) { filters → continue rows; values; O32[p0 + r] = …; r++; }
 *
 * There are two texts per program: one for batches without any NULL, one with null bytes. Plain
 * columns are moved as int32 words (a BigInt never leaves the expression that computes with it);
 * var outputs are written as (offset, length) pairs pointing into the input's slab or into the
 * environment's heap, and `Mfp` makes the bytes follow where needed.
 */
import { generate } from '../value/codegen.ts';
import type { ColumnType } from '../value/type.ts';
import { physicalOf } from '../value/type.ts';
import type { Environment } from './environment.ts';
import type { Value } from './emission.ts';
import { Emission } from './emission.ts';
import type { Expr, Program } from './expr.ts';
import { functionByKey } from './function-table.ts';

/** Where the bytes of a var output lie when the loop is done; 'none' for other forms. */
export type Origin = 'none' | 'input' | 'heap';

/**
 * The signature of every generated loop; offsets are those of `Batch`. Answers the rows written.
 */
type Loop = (
  X: Environment,
  n: number,
  I32: Int32Array,
  I64: BigInt64Array,
  F64: Float64Array,
  U8: Uint8Array,
  C: Int32Array,
  N: Int32Array,
  W: number,
  O32: Int32Array,
  O64: BigInt64Array,
  OF64: Float64Array,
  OU8: Uint8Array,
  OC: Int32Array,
  ON: Int32Array,
  OW: number,
) => number;

const parameters = [
  'X',
  'n',
  'I32',
  'I64',
  'F64',
  'U8',
  'C',
  'N',
  'W',
  'O32',
  'O64',
  'OF64',
  'OU8',
  'OC',
  'ON',
  'OW',
];

/** A program as a loop, for one kind of batch. */
export interface Compiled {
  readonly loop: Loop;
  readonly environment: Environment;
  readonly origins: readonly Origin[];
  /** Outputs that cannot be NULL: their null bytes are not written. */
  readonly neverNull: readonly boolean[];
}

/** What a loop is for. */
export interface Variant {
  /** False: no column has a NULL. */
  readonly withNulls: boolean;
  /** False: plain columns and weights are left to the caller, who knows that no row is dropped. */
  readonly moves: boolean;
}

/** Generates the loop of `program`. Throws TooLarge if it has too many statements. */
export function compile(
  input: readonly ColumnType[],
  program: Program,
  output: readonly ColumnType[],
  { withNulls, moves }: Variant,
): Compiled {
  const emission = new Emission(program.nodes, input, withNulls);
  for (const filter of program.filters) emitFilter(emission, program, filter);
  const writes: string[] = [];
  const origins: Origin[] = [];
  const neverNull: boolean[] = [];
  const columnsMoved = new Set<number>();
  program.outputs.forEach((n, k) => {
    const column = columnBehind(program.nodes, n);
    if (column >= 0 && !moves) {
      neverNull.push(true);
      origins.push('none');
      return;
    }
    if (column >= 0) {
      columnsMoved.add(column);
      neverNull.push(emission.nullOfColumn(column) === 'false');
      writes.push(moveText(k, column, output[k], neverNull[k]));
      origins.push(physicalOf(output[k].type) === 'var' ? 'input' : 'none');
      return;
    }
    const value = emission.value(n);
    neverNull.push(value.isNull === 'false');
    writes.push(writeText(k, value, output[k]));
    origins.push(value.physical === 'var' ? value.origin : 'none');
  });
  if (moves) writes.push('O32[OW + r] = I32[W + i];');
  const body = bodyText(emission, columnsMoved, writes, output, neverNull);
  const loop = generate<Loop>(parameters, body);
  return { loop, environment: emission.environment, origins, neverNull };
}

/** The input column whose words are those of node `n`, or -1 if they are computed. */
export function columnBehind(nodes: readonly Expr[], n: number): number {
  let node = nodes[n];
  while (node.kind === 'call' && functionByKey(node.fn)?.binary === true)
    node = nodes[node.args[0]];
  return node.kind === 'column' ? node.column : -1;
}

/** A filter: conjunctions of arguments that cannot be NULL become filters of their own. */
function emitFilter(emission: Emission, program: Program, n: number): void {
  const node = program.nodes[n];
  if (node.kind === 'and' && !emission.mayBeNull(n)) {
    for (const arg of node.args) emitFilter(emission, program, arg);
    return;
  }
  emission.statement(`if (!${emission.isTrue(n)}) continue rows;`);
}

/** Ends the loop where values that were computed have grown large; the rest is another run's. */
const stopText = 'if (X.heap.used > X.heapMax) { X.rows = i; break; }';

function bodyText(
  emission: Emission,
  moved: ReadonlySet<number>,
  writes: readonly string[],
  output: readonly ColumnType[],
  neverNull: readonly boolean[],
): string {
  const prologue = [...emission.close()];
  for (const c of new Set([...moved, ...emission.columnsRead])) {
    prologue.push(`const c${c} = C[${c}], d${c} = c${c} >> 1, n${c} = N[${c}];`);
  }
  output.forEach((_, k) => {
    prologue.push(`const p${k} = OC[${k}], q${k} = p${k} >> 1;`);
    if (!neverNull[k]) prologue.push(`const m${k} = ON[${k}];`);
  });
  return [
    ...prologue,
    'let r = 0;',
    'rows: for (let i = 0; i < n; i++) {',
    ...(emission.lines.some((line) => line.includes('X.heap')) ? [stopText] : []),
    ...emission.lines,
    ...writes,
    'r++;',
    '}',
    'return r;',
  ].join('\n');
}

/** Notes that row `r` of output `k` is NULL, which a column declared otherwise must never be. */
function nullText(k: number, column: ColumnType, isNull: string): string {
  if (isNull === 'false') return '';
  return column.nullable
    ? ` OU8[m${k} + r] = (${isNull}) ? 1 : 0;`
    : ` if (${isNull}) X.unexpectedNull(${k});`;
}

/** Moves an input column's words. */
function moveText(k: number, c: number, column: ColumnType, neverNull: boolean): string {
  const isNull = neverNull ? 'false' : `n${c} >= 0 && U8[n${c} + i] !== 0`;
  const nulls = nullText(k, column, isNull);
  if (physicalOf(column.type) === 'i32') return `O32[p${k} + r] = I32[c${c} + i];${nulls}`;
  return `O32[p${k} + 2 * r] = I32[c${c} + 2 * i]; O32[p${k} + 2 * r + 1] = I32[c${c} + 2 * i + 1];${nulls}`;
}

function writeText(k: number, value: Value, column: ColumnType): string {
  const { isNull } = value;
  const nulls = nullText(k, column, isNull);
  const orZero = (text: string, zero: string): string =>
    isNull === 'false' ? text : `${isNull} ? ${zero} : ${text}`;
  switch (value.physical) {
    case 'i32': {
      const number = column.type === 'bool' ? `(${value.value} ? 1 : 0)` : value.value;
      return `O32[p${k} + r] = ${orZero(number, '0')};${nulls}`;
    }
    case 'i64':
      return `O64[q${k} + r] = ${orZero(value.value, '0n')};${nulls}`;
    case 'f64':
      return `OF64[q${k} + r] = ${orZero(value.value, '0')};${nulls}`;
    case 'var':
      return (
        `O32[p${k} + 2 * r] = ${orZero(value.value, '0')}; ` +
        `O32[p${k} + 2 * r + 1] = ${orZero(value.bytes, '0')};${nulls}`
      );
  }
}
