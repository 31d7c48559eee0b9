/**
 * Literals of INSERT … VALUES as values of their columns. What a literal plainly is in its column
 * (an integer of few digits, a decimal that fits, a text) is read on the spot; everything else is
 * bound like any expression, so that values, casts and errors have one meaning only.
 */
import { decimal } from '../../../dataflow/value/datum.ts';
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { LiteralRows } from '../ast.ts';
import { literalKinds } from '../ast.ts';
import type { Relation, RelationColumn } from '../catalog-view.ts';
import type { Scalar } from '../logical/scalar.ts';
import { bindAssigned, defaultOf } from './assign.ts';
import type { Environment } from './environment.ts';

/** The value of a literal, or undefined if it is not plain. */
type PlainReader = (literals: LiteralRows, cell: number) => Datum | undefined;

/** A function that gives the value of a column from the literal of a cell. */
export type CellReader = (cell: number) => Scalar | { readonly plain: Datum };

/** Digits that surely fit the type and are exact in a double. */
const digitsMax = { int2: 4, int4: 9, int8: 15, float8: 15, numeric: 15 } as const;

/** The integer that the digits of a literal are; −1 if they are something else or too many. */
function digits(literals: LiteralRows, cell: number, from: number, most: number): number {
  const { text, ends } = literals;
  const end = ends[cell] ?? 0;
  if (end - from > most) return -1;
  let value = 0;
  for (let at = from; at < end; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** A signed whole number, or NaN. */
function whole(literals: LiteralRows, cell: number, most: number): number {
  const kind = literals.kinds[cell];
  const start = literals.starts[cell] ?? 0;
  if (kind === literalKinds.number) {
    const value = digits(literals, cell, start, most);
    return value < 0 ? Number.NaN : value;
  }
  if (kind !== literalKinds.negative) return Number.NaN;
  const value = digits(literals, cell, start + 1, most);
  return value < 0 ? Number.NaN : -value;
}

function wholeReader(type: keyof typeof digitsMax, make: (value: number) => Datum): PlainReader {
  return (literals, cell) => {
    const value = whole(literals, cell, digitsMax[type]);
    return Number.isNaN(value) ? undefined : make(value);
  };
}

/** Digits with a point, of a few digits in all, brought to the column's precision and scale. */
function decimalReader(modifier: number): PlainReader {
  const precision = modifier < 0 ? 0 : (modifier - 4) >> 16;
  const scale = modifier < 0 ? 0 : (modifier - 4) & 0x7ff;
  const powers = Array.from({ length: scale + 1 }, (_, i) => 10n ** BigInt(i));
  return (literals, cell) => {
    const { text, ends, kinds } = literals;
    const isNegative = kinds[cell] === literalKinds.negative;
    if (!isNegative && kinds[cell] !== literalKinds.number) return undefined;
    const start = (literals.starts[cell] ?? 0) + (isNegative ? 1 : 0);
    const end = ends[cell] ?? 0;
    if (end - start > digitsMax.numeric) return undefined;
    let value = 0;
    let point = end - 1;
    for (let at = start; at < end; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (digit >= 0 && digit <= 9) value = value * 10 + digit;
      else if (text.charCodeAt(at) === 46) point = at;
      else return undefined;
    }
    const written = end - 1 - point;
    const signed = BigInt(isNegative ? -value : value);
    if (modifier < 0) return decimal(signed, written);
    // A leading zero counts as a digit here: such a literal is only read the long way.
    if (written > scale || point - start + (point === end - 1 ? 1 : 0) > precision - scale)
      return undefined;
    return decimal(signed * (powers[scale - written] ?? 1n), scale);
  };
}

function stringReader(lengthMax: number): PlainReader {
  return (literals, cell) => {
    const kind = literals.kinds[cell];
    const start = (literals.starts[cell] ?? 0) + 1;
    const end = (literals.ends[cell] ?? 0) - 1;
    if (kind === literalKinds.string)
      return end - start > lengthMax ? undefined : literals.text.slice(start, end);
    if (kind !== literalKinds.quotedString || end - start > lengthMax) return undefined;
    return literals.text.slice(start, end).replaceAll("''", "'");
  };
}

function booleanReader(literals: LiteralRows, cell: number): Datum | undefined {
  const kind = literals.kinds[cell];
  return kind === literalKinds.true ? true : kind === literalKinds.false ? false : undefined;
}

function plainReader({ type }: RelationColumn): PlainReader {
  switch (type.name) {
    case 'int2':
    case 'int4':
      return wholeReader(type.name, (value) => (value === 0 ? 0 : value));
    case 'int8':
      return wholeReader('int8', BigInt);
    case 'float8':
      return wholeReader('float8', (value) => (value === 0 ? 0 : value));
    case 'numeric':
      return decimalReader(type.modifier);
    case 'text':
      return stringReader(Number.POSITIVE_INFINITY);
    case 'varchar':
      return stringReader(type.modifier < 0 ? Number.POSITIVE_INFINITY : type.modifier - 4);
    case 'bool':
      return booleanReader;
    default:
      return () => undefined;
  }
}

/** Reads the literals for one column of the table. */
export function cellReader(
  literals: LiteralRows,
  table: Relation,
  column: number,
  target: RelationColumn,
  environment: Environment,
): CellReader {
  const plain = plainReader(target);
  const none = { plain: null };
  return (cell) => {
    const kind = literals.kinds[cell];
    if (kind === literalKinds.null) return none;
    if (kind === literalKinds.default) return defaultOf(table, column, environment);
    const value = plain(literals, cell);
    if (value !== undefined) return { plain: value };
    return bindAssigned(literals.expression(cell), table, column, environment);
  };
}
