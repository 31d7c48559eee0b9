/**
 * Random datums of every type, from few enough values that duplicates, equal values in different
 * forms (1.0 and 1.00) and edge values are common.
 */
import type { Datum } from '../../dataflow/value/datum.ts';
import { decimal, interval } from '../../dataflow/value/datum.ts';
import { numericInfinity, numericMinusInfinity, numericNaN } from '../../dataflow/value/decimal.ts';
import type { ColumnType, TypeName } from '../../dataflow/value/type.ts';
import { typeInfo } from '../../dataflow/value/type.ts';
import type { Random } from './random.ts';

const texts = [
  '',
  'a',
  'b',
  'ab',
  'a\u0000',
  'abcd',
  'abcde',
  'é',
  '😀',
  '￿',
  'a longer text than a word',
];
const doubles = [
  0,
  -0,
  1,
  -1,
  0.1,
  0.2,
  0.3,
  1e300,
  -1e300,
  1e-300,
  5e-324,
  1.5,
  1e15,
  Infinity,
  -Infinity,
  NaN,
];
const bigs = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 31n), 2n ** 53n + 1n];

/** A value of `type`, never NULL. */
export function randomDatum(random: Random, type: TypeName): Datum {
  switch (type) {
    case 'bool':
      return random.chance(0.5);
    case 'int2':
      return random.pick([0, 1, -1, 32_767, -32_768, random.below(10)]);
    case 'int4':
      return random.pick([0, 1, -1, 2 ** 31 - 1, -(2 ** 31), random.below(10)]);
    case 'date':
      return random.below(10) - 5;
    case 'int8':
      return random.chance(0.3) ? random.pick(bigs) : BigInt(random.below(12) - 4);
    case 'time':
      return BigInt(random.below(8)) * 10_800_000_000n;
    case 'timestamp':
    case 'timestamptz':
      return BigInt(random.below(12) - 6) * 3_600_000_000n;
    case 'oid':
      return BigInt(random.below(8));
    case 'float4':
      return Math.fround(
        random.pick(doubles.map((d) => (Math.abs(d) > 1e30 && Math.abs(d) < Infinity ? 1e30 : d))),
      );
    case 'float8':
      return random.chance(0.5) ? random.pick(doubles) : random.below(8) / 4;
    case 'numeric':
      return randomNumeric(random);
    case 'text':
    case 'varchar':
    case 'name':
    case 'char':
      return random.pick(texts);
    case 'bpchar':
      return random.pick(['', 'a', 'b', 'abc']);
    case 'bytea':
      return Uint8Array.from({ length: random.below(6) }, () => random.below(3));
    case 'uuid':
      return Uint8Array.from({ length: 16 }, (_, k) => (k === 15 ? random.below(5) : 7));
    case 'interval':
      return random.pick([
        interval(0, 1, 0n),
        interval(0, 0, 86_400_000_000n),
        interval(1, 0, 0n),
        interval(0, 30, 0n),
        interval(0, 0, BigInt(random.below(5))),
        interval(-1, 2, 3n),
      ]);
    case 'jsonb':
      return random.pick([
        'null',
        'true',
        '1',
        '1.0',
        '1.00',
        '"a"',
        '[]',
        '[1, 2]',
        '{"a": 1}',
        '{"a": 1.0}',
        '{}',
        '-2',
      ]);
    case '_int4':
      return {
        kind: 'array',
        elements: Array.from({ length: random.below(3) }, () => random.below(3)),
      };
    case '_text':
      return {
        kind: 'array',
        elements: Array.from({ length: random.below(3) }, () => random.pick(['', 'x', null])),
      };
    case '_numeric':
      return {
        kind: 'array',
        elements: Array.from({ length: random.below(3) }, () => randomNumeric(random)),
      };
    default:
      throw new Error(`no random ${typeInfo(type).name}`);
  }
}

function randomNumeric(random: Random): Datum {
  const kind = random.below(20);
  if (kind === 0) return random.pick([numericNaN, numericInfinity, numericMinusInfinity]);
  if (kind === 1)
    return random.pick([decimal(10n ** 40n, 3), decimal(-(10n ** 40n), 0), decimal(1n, 60)]);
  const scale = random.below(4);
  const digits = BigInt(random.below(7) - 3);
  return random.chance(0.3)
    ? decimal(digits * 10n ** BigInt(scale), scale)
    : decimal(digits, scale);
}

/** A value of a column, NULL at times if it may be. */
export function randomCell(random: Random, column: ColumnType): Datum {
  if (column.nullable && random.chance(0.2)) return null;
  return randomDatum(random, column.type);
}

/** A row of `columns`. */
export function randomRow(random: Random, columns: readonly ColumnType[]): Datum[] {
  return columns.map((column) => randomCell(random, column));
}
