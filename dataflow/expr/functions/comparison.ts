/**
 * Comparison: = <> < <= > >= for every type that has an order, and across the integers, the floats
 * and the dates, as in pg_operator. NaN equals itself and is greatest; −0 equals 0; text is ordered
 * by bytes.
 */
import { compareDoubles } from '../../value/scalar-words.ts';
import { compareDatums } from '../../value/datum-column.ts';
import type { Datum } from '../../value/datum.ts';
import type { TypeName } from '../../value/type.ts';
import { physicalOf, typeInfo } from '../../value/type.ts';
import { utf8, wordsFrom } from '../../value/words.ts';
import type { Emitter, FunctionEntry, Operand, Template } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

/** Spelling, what the sign of the order must be, in JavaScript and in words. */
const operators = [
  { name: '=', js: '===', holds: (order: number) => order === 0, words: 'is equal to' },
  { name: '<>', js: '!==', holds: (order: number) => order !== 0, words: 'is different from' },
  { name: '<', js: '<', holds: (order: number) => order < 0, words: 'is less than' },
  { name: '<=', js: '<=', holds: (order: number) => order <= 0, words: 'is less than or equal to' },
  { name: '>', js: '>', holds: (order: number) => order > 0, words: 'is greater than' },
  {
    name: '>=',
    js: '>=',
    holds: (order: number) => order >= 0,
    words: 'is greater than or equal to',
  },
] as const;

type Operator = (typeof operators)[number];

const ordered: readonly TypeName[] = [
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'text',
  'bpchar',
  'bytea',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'interval',
  'uuid',
  'jsonb',
  'oid',
  'name',
  'char',
  'oidvector',
];

const crossed: readonly (readonly [TypeName, TypeName])[] = [
  ['int2', 'int4'],
  ['int2', 'int8'],
  ['int4', 'int8'],
  ['float4', 'float8'],
  ['date', 'timestamp'],
  ['date', 'timestamptz'],
  ['timestamp', 'timestamptz'],
  ['name', 'text'],
];

const dayMicroseconds = 86_400_000_000n;
const least = -(2n ** 63n);
const greatest = 2n ** 63n - 1n;

/** A date as µs, for comparing with timestamps: days beyond their range keep their order. */
function dateMicroseconds(days: number): bigint {
  if (days === -(2 ** 31)) return least;
  if (days === 2 ** 31 - 1) return greatest;
  return BigInt(days) * dayMicroseconds;
}

/** A number, bigint or date of one side of a mixed comparison, as it compares with the other. */
function comparable(type: TypeName, datum: Datum): Datum {
  return type === 'date' && typeof datum === 'number' ? dateMicroseconds(datum) : datum;
}

/** Order of two values of types that can be compared. */
export function compareMixed(left: TypeName, right: TypeName, a: Datum, b: Datum): number {
  const x = left === right ? a : comparable(left, a);
  const y = left === right ? b : comparable(right, b);
  if (typeof x === 'number' && typeof y === 'number') return compareDoubles(x, y);
  if (
    (typeof x === 'bigint' || typeof x === 'number') &&
    (typeof y === 'bigint' || typeof y === 'number')
  ) {
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return compareDatums(left === right ? left : 'text', x, y);
}

/** Words of a constant that are compared in line; longer ones go through a loop. */
const inlineWordsMax = 4;

function sameBytes(a: Operand, b: Operand, emitter: Emitter): string {
  const constant = b.constant ?? a.constant;
  const variable = b.constant === undefined ? b : a;
  if (typeof constant === 'string' && (a.constant === undefined) !== (b.constant === undefined)) {
    const words = wordsFrom(utf8(constant));
    if (words.length <= inlineWordsMax) {
      const tests = [`${a.bytes} === ${b.bytes}`];
      words.forEach((word, w) => {
        const wanted = emitter.numberConstant(word);
        tests.push(`${variable.words}[${variable.value} + ${w}] === ${wanted}`);
      });
      return tests.join(' && ');
    }
  }
  return (
    `${a.bytes} === ${b.bytes} && X.sameWords(` +
    `${a.words}, ${a.value}, ${b.words}, ${b.value}, ${a.bytes} + 3 >> 2)`
  );
}

const wordCompare: Partial<Record<ReturnType<typeof typeInfo>['equality'], string>> = {
  bytes: 'compareBytes',
  numeric: 'compareNumeric',
  jsonb: 'compareJsonb',
};

function varTemplate(type: TypeName, operator: Operator): Template | undefined {
  const { equality } = typeInfo(type);
  if (equality === 'interval') {
    return {
      total: false,
      emit: ([a, b]) =>
        `X.compareInterval(${a.words}, ${a.value}, ${b.words}, ${b.value}) ${operator.js} 0`,
    };
  }
  const compare = wordCompare[equality];
  if (compare === undefined) return undefined;
  const onlyEquality = operator.name === '=' || operator.name === '<>';
  return {
    total: equality === 'bytes',
    emit: ([a, b], emitter) => {
      if (equality === 'bytes' && onlyEquality) {
        return `${operator.name === '=' ? '' : '!'}(${sameBytes(a, b, emitter)})`;
      }
      const given = [a, b].map((o) => `${o.words}, ${o.value}, ${o.bytes}`).join(', ');
      return `X.${compare}(${given}) ${operator.js} 0`;
    },
  };
}

/**
 * Float comparison where NaN is greatest: the plain test, and what decides if a NaN is involved.
 */
function floatText(operator: Operator, a: string, b: string): string {
  switch (operator.name) {
    case '=':
      return `(${a} === ${b} || (${a} !== ${a} && ${b} !== ${b}))`;
    case '<>':
      return `(${a} !== ${b} && (${a} === ${a} || ${b} === ${b}))`;
    case '<':
      return `(${a} < ${b} || (${b} !== ${b} && ${a} === ${a}))`;
    case '<=':
      return `(${a} <= ${b} || ${b} !== ${b})`;
    case '>':
      return `(${a} > ${b} || (${a} !== ${a} && ${b} === ${b}))`;
    case '>=':
      return `(${a} >= ${b} || ${a} !== ${a})`;
  }
}

function booleanText(operator: Operator, a: string, b: string): string {
  switch (operator.name) {
    case '=':
    case '<>':
      return `${a} ${operator.js} ${b}`;
    case '<':
      return `!${a} && ${b}`;
    case '<=':
      return `!${a} || ${b}`;
    case '>':
      return `${a} && !${b}`;
    case '>=':
      return `${a} || !${b}`;
  }
}

/** An int2 or int4 constant beside an int8 becomes an int8 constant. */
function widened(operand: Operand, emitter: Emitter): string {
  if (operand.physical === 'i64') return operand.value;
  if (typeof operand.constant === 'number') return emitter.bigintConstant(BigInt(operand.constant));
  return `BigInt(${operand.value})`;
}

function template(left: TypeName, right: TypeName, operator: Operator): Template | undefined {
  if (left !== right && (left === 'date' || right === 'date')) return undefined;
  const physical = physicalOf(left);
  if (physical === 'var')
    return left === right ? varTemplate(left, operator) : varTemplate('text', operator);
  const text = (a: Operand, b: Operand, emitter: Emitter): string => {
    if (left === 'bool') return booleanText(operator, a.value, b.value);
    if (physical === 'f64') return floatText(operator, a.value, b.value);
    if (a.physical === b.physical) return `${a.value} ${operator.js} ${b.value}`;
    return `${widened(a, emitter)} ${operator.js} ${widened(b, emitter)}`;
  };
  return { total: true, emit: ([a, b], emitter) => text(a, b, emitter) };
}

function comparison(left: TypeName, right: TypeName, operator: Operator): FunctionEntry {
  const made = template(left, right, operator);
  return entry(
    'comparison',
    operator.name,
    [left, right],
    'bool',
    `Whether the left value ${operator.words} the right one.`,
    ([a, b]) => operator.holds(compareMixed(left, right, a, b)),
    made === undefined ? {} : { template: made },
  );
}

function arrayComparison(operator: Operator): FunctionEntry {
  return entry(
    'comparison',
    operator.name,
    ['anyarray', 'anyarray'],
    'bool',
    `Whether the left array ${operator.words} the right one, element by element.`,
    ([a, b], { args }) => operator.holds(compareDatums(args[0], a, b)),
  );
}

export const comparisonFunctions: readonly FunctionEntry[] = operators.flatMap((operator) => [
  ...ordered.map((type) => comparison(type, type, operator)),
  ...crossed.flatMap(([a, b]) => [comparison(a, b, operator), comparison(b, a, operator)]),
  arrayComparison(operator),
]);
