/**
 * Random datums, rows and well-typed programs, for tests that hold one executor against another.
 * Values lean towards the edges of their types, where executors differ.
 */
import type { Random } from './random.ts';
import type { Datum, Update } from '../../dataflow/value/datum.ts';
import { decimal, interval } from '../../dataflow/value/datum.ts';
import type { ColumnType, TypeName } from '../../dataflow/value/type.ts';
import type { Expr, Program } from '../../dataflow/expr/expr.ts';
import type { FunctionEntry } from '../../dataflow/expr/function-entry.ts';
import { functions } from '../../dataflow/expr/function-table.ts';

const edges: Partial<Record<TypeName, readonly Datum[]>> = {
  bool: [true, false],
  int2: [0, 1, -1, 2, 7, 32767, -32768, 181, 182],
  int4: [0, 1, -1, 3, 64, 2147483647, -2147483648, 46341, 65536, 2000],
  int8: [
    0n,
    1n,
    -1n,
    5n,
    64n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 31n,
    -(2n ** 31n),
    3037000500n,
    2n ** 32n,
    4294967295n,
    2n ** 53n + 1n,
  ],
  float4: [
    0,
    -0,
    1,
    -1.5,
    3.4028234663852886e38,
    Number.NaN,
    Infinity,
    -Infinity,
    1.401298464324817e-45,
  ],
  float8: [
    0,
    -0,
    1,
    -2.5,
    1e308,
    1e-308,
    Number.NaN,
    Infinity,
    -Infinity,
    5e-324,
    2147483647.5,
    9.3e18,
    0.5,
  ],
  numeric: [
    decimal(0n, 0),
    decimal(10n, 1),
    decimal(100n, 2),
    decimal(-5n, 0),
    decimal(123456n, 3),
    decimal(10n ** 25n, 2),
    { kind: 'decimal', form: 'NaN', coefficient: 0n, scale: 0 },
    { kind: 'decimal', form: 'Infinity', coefficient: 0n, scale: 0 },
  ],
  text: [
    '',
    'a',
    'b',
    'exit',
    'abcd',
    'abcde',
    'a\u00e9',
    '\u{1f600}x',
    ' pad ',
    '42',
    '-7',
    'a%b_c',
    '%b%',
    'a%',
    'hour',
    'Week',
    'zzzzzzzzzzzzzzzzzzzzzzzzzzz',
    'a rather long text that no short path takes \u20ac',
  ],
  varchar: ['', 'v', 'vv'],
  bpchar: ['', 'x'],
  bytea: [new Uint8Array(), Uint8Array.of(0), Uint8Array.of(255, 0, 1), Uint8Array.of(97, 98)],
  date: [0, 1, -1, 8765, 2 ** 31 - 1, -(2 ** 31)],
  time: [0n, 1n, 43_200_000_000n, 86_399_999_999n],
  timestamp: [0n, 1n, -1n, 694_267_200_123_456n, 2n ** 63n - 1n, -(2n ** 63n)],
  timestamptz: [0n, 1n, -1n, 700_000_000_000_000n, 2n ** 63n - 1n],
  interval: [
    interval(0, 0, 0n),
    interval(1, 0, 0n),
    interval(0, 30, 0n),
    interval(0, 0, -5n),
    interval(-13, 2, 3_600_000_000n),
  ],
  uuid: [new Uint8Array(16), new Uint8Array(16).fill(171)],
  jsonb: [
    'null',
    '1',
    '1.0',
    '"a"',
    '[]',
    '[1, "a", null]',
    '{}',
    '{"a": 1}',
    '{"a": {"b": [1, 2]}}',
    'true',
    '{"a": "q\\"\\n\u00e9", "b": null, "exit": "abcdefg", "abcde": [{"a": "}"}, 2]}',
    '{"b": true, "42": -7}',
  ],
  oid: [0n, 1n, 4294967295n],
  name: ['', 'n'],
  char: ['', 'c'],
  _text: [
    { kind: 'array', elements: [] },
    { kind: 'array', elements: ['a', null, 'b'] },
  ],
  _int4: [
    { kind: 'array', elements: [] },
    { kind: 'array', elements: [1, null, 3] },
  ],
};

/** Types that `randomDatum` knows. */
export const randomTypes: readonly TypeName[] = Object.keys(edges).filter(
  (type): type is TypeName => type in edges,
);

const known = new Set<string>(randomTypes);

/** Values at the edges of a type. */
export function edgesOf(type: TypeName): readonly Datum[] {
  return edges[type] ?? [];
}

/** A value of `type`, not NULL. */
export function randomDatum(random: Random, type: TypeName): Datum {
  if (random.chance(0.5)) {
    switch (type) {
      case 'int2':
        return random.below(200) - 100;
      case 'int4':
        return random.below(20_000) - 10_000;
      case 'int8':
        return BigInt(random.below(2_000_000)) - 1_000_000n;
      case 'float8':
        return random.below(1000) / 8 - 50;
      case 'numeric':
        return decimal(BigInt(random.below(100_000)) - 50_000n, random.below(5));
      default:
    }
  }
  const values = edges[type] ?? [null];
  return values[random.below(values.length)];
}

/** Rows of `columns` with weights. */
export function randomRows(random: Random, columns: readonly ColumnType[], rows: number): Update[] {
  return Array.from({ length: rows }, () => ({
    row: columns.map((column) =>
      column.nullable && random.chance(0.2) ? null : randomDatum(random, column.type),
    ),
    weight: random.pick([1, 1, 1, -1, 2, -3]),
  }));
}

function usable(fn: FunctionEntry): boolean {
  return (
    fn.evaluate !== undefined &&
    fn.variadic === undefined &&
    known.has(fn.result) &&
    fn.args.every((type) => known.has(type))
  );
}

/** Draws expressions from the function table. */
export class ProgramMaker {
  readonly #random: Random;
  readonly #columns: readonly ColumnType[];
  readonly #byResult = new Map<string, FunctionEntry[]>();
  readonly #nodes: Expr[] = [];

  constructor(
    random: Random,
    columns: readonly ColumnType[],
    wanted: (fn: FunctionEntry) => boolean = () => true,
  ) {
    this.#random = random;
    this.#columns = columns;
    for (const fn of functions) {
      if (!usable(fn) || !wanted(fn)) continue;
      const list = this.#byResult.get(fn.result);
      if (list === undefined) this.#byResult.set(fn.result, [fn]);
      else list.push(fn);
    }
  }

  /** A program with up to two filters and as many outputs as `types`. */
  program(types: readonly TypeName[], depth: number): Program {
    this.#nodes.length = 0;
    const filters = Array.from({ length: this.#random.below(3) }, () => this.#node('bool', depth));
    const outputs = types.map((type) => this.#node(type, depth));
    return { nodes: [...this.#nodes], filters, outputs };
  }

  #add(node: Expr): number {
    return this.#nodes.push(node) - 1;
  }

  #node(type: TypeName, depth: number): number {
    const random = this.#random;
    if (random.chance(0.15)) {
      const same = this.#nodes.flatMap((node, n) => (node.type === type ? [n] : []));
      if (same.length > 0) return random.pick(same);
    }
    if (depth <= 0 || random.chance(0.1)) return this.#leaf(type);
    if (type === 'bool' && random.chance(0.4)) return this.#logic(depth);
    if (random.chance(0.2)) return this.#choice(type, depth);
    const list = this.#byResult.get(type);
    if (list === undefined) return this.#leaf(type);
    const fn = random.pick(list);
    const args = fn.args.flatMap((arg) => {
      const known = randomTypes.find((name) => name === arg);
      return known === undefined ? [] : [this.#node(known, depth - 1)];
    });
    return this.#add({ kind: 'call', fn: fn.key, args, type });
  }

  #leaf(type: TypeName): number {
    const columns = this.#columns.flatMap((column, c) => (column.type === type ? [c] : []));
    if (columns.length > 0 && this.#random.chance(0.7)) {
      return this.#add({ kind: 'column', column: this.#random.pick(columns), type });
    }
    const value = this.#random.chance(0.05) ? null : randomDatum(this.#random, type);
    return this.#add({ kind: 'constant', value, type });
  }

  #logic(depth: number): number {
    const next = (): number => this.#node('bool', depth - 1);
    switch (this.#random.below(4)) {
      case 0:
        return this.#add({ kind: 'and', args: [next(), next()], type: 'bool' });
      case 1:
        return this.#add({ kind: 'or', args: [next(), next(), next()], type: 'bool' });
      case 2:
        return this.#add({ kind: 'not', arg: next(), type: 'bool' });
      default: {
        const arg = this.#node(this.#random.pick(randomTypes), depth - 1);
        return this.#add({ kind: 'isNull', arg, type: 'bool' });
      }
    }
  }

  #choice(type: TypeName, depth: number): number {
    const next = (): number => this.#node(type, depth - 1);
    if (this.#random.chance(0.5)) {
      return this.#add({ kind: 'coalesce', args: [next(), next()], type });
    }
    const branches = Array.from({ length: 1 + this.#random.below(2) }, (): [number, number] => [
      this.#node('bool', depth - 1),
      next(),
    ]);
    return this.#add({ kind: 'case', branches, otherwise: next(), type });
  }
}
