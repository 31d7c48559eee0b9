/**
 * Integer arithmetic: int2, int4, int8 and their mixtures, as in pg_operator. The result of a
 * mixture has the wider type; a result outside its range is an error, never a wrap.
 */
import { sqlError } from '../../../src/base/error.ts';
import type { DataError } from '../../operators/operator.ts';
import type { Datum } from '../../value/datum.ts';
import type { Emitter, Evaluate, FunctionEntry, Operand, Template } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

export type IntegerType = 'int2' | 'int4' | 'int8';

const least: Readonly<Record<IntegerType, bigint>> = {
  int2: -(2n ** 15n),
  int4: -(2n ** 31n),
  int8: -(2n ** 63n),
};
const sqlNames: Readonly<Record<IntegerType, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
};

export const divisionByZero: DataError = { code: '22012', message: 'division by zero' };

/** The error of a value that a type cannot hold. */
export function outOfRange(type: IntegerType): DataError {
  return { code: '22003', message: `${sqlNames[type]} out of range` };
}

/** Narrows an integer datum of any width. */
export function wide(datum: Datum): bigint {
  return typeof datum === 'bigint' ? datum : BigInt(Number(datum));
}

/** An integer as a datum of `type`; 22003 if it does not fit. */
export function narrow(type: IntegerType, value: bigint): Datum {
  if (value < least[type] || value >= -least[type]) {
    const { code, message } = outOfRange(type);
    throw sqlError(code, message);
  }
  return type === 'int8' ? value : Number(value);
}

type Binary = '+' | '-' | '*' | '/' | '%';

function compute(operator: Binary, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
    case '%':
      if (b === 0n) throw sqlError(divisionByZero.code, divisionByZero.message);
      return operator === '/' ? a / b : a % b;
  }
}

/** Statements and expression for int2 and int4: computed exactly in doubles, then checked. */
function narrowText(
  operator: Binary,
  type: IntegerType,
  a: Operand,
  b: Operand,
  emitter: Emitter,
): string {
  const result = emitter.name();
  const fails = emitter.failure(outOfRange(type));
  if (operator === '/' || operator === '%') {
    if (b.constant === undefined || b.constant === 0) {
      emitter.statement(`if (${b.value} === 0) ${emitter.failure(divisionByZero)}`);
    }
    if (operator === '%') return `(${a.value} % ${b.value} | 0)`;
    emitter.statement(`const ${result} = ${a.value} / ${b.value} | 0;`);
    const check = b.constant === undefined || b.constant === -1;
    const bad =
      type === 'int2' ? `${result} === 32768` : `${b.value} === -1 && ${a.value} === -2147483648`;
    if (check) emitter.statement(`if (${bad}) ${fails}`);
    return result;
  }
  emitter.statement(`const ${result} = ${a.value} ${operator} ${b.value};`);
  const wrapped = type === 'int2' ? `${result} << 16 >> 16` : `${result} | 0`;
  emitter.statement(`if (${result} !== (${wrapped})) ${fails}`);
  return `(${result} | 0)`;
}

/** An operand as an int8: constants are widened beforehand. */
export function int8Text(operand: Operand, emitter: Emitter): string {
  if (operand.physical === 'i64') return operand.value;
  if (typeof operand.constant === 'number') return emitter.bigintConstant(BigInt(operand.constant));
  return `BigInt(${operand.value})`;
}

function wideText(operator: Binary, a: Operand, b: Operand, emitter: Emitter): string {
  const x = int8Text(a, emitter);
  const y = int8Text(b, emitter);
  const result = emitter.name();
  const fails = emitter.failure(outOfRange('int8'));
  const constant = b.constant === undefined || b.constant === null ? undefined : wide(b.constant);
  switch (operator) {
    case '+':
      emitter.statement(`const ${result} = BigInt.asIntN(64, ${x} + ${y});`);
      emitter.statement(`if ((${y} < 0n) !== (${result} < ${x})) ${fails}`);
      return result;
    case '-':
      emitter.statement(`const ${result} = BigInt.asIntN(64, ${x} - ${y});`);
      emitter.statement(`if ((${y} > 0n) !== (${result} < ${x})) ${fails}`);
      return result;
    case '*':
      emitter.statement(`const ${result} = BigInt.asIntN(64, ${x} * ${y});`);
      emitter.statement(
        `if ((BigInt.asIntN(32, ${x}) !== ${x} || BigInt.asIntN(32, ${y}) !== ${y})` +
          ` && ${x} * ${y} !== ${result}) ${fails}`,
      );
      return result;
    case '/':
    case '%':
      if (constant === undefined || constant === 0n) {
        emitter.statement(`if (${y} === 0n) ${emitter.failure(divisionByZero)}`);
      }
      emitter.statement(`const ${result} = BigInt.asIntN(64, ${x} ${operator} ${y});`);
      if (operator === '/' && (constant === undefined || constant === -1n)) {
        const smallest = emitter.bigintConstant(least.int8);
        emitter.statement(`if (${result} === ${smallest} && ${y} === -1n) ${fails}`);
      }
      return result;
  }
}

function template(operator: Binary, result: IntegerType): Template {
  return {
    total: false,
    emit: ([a, b], emitter) =>
      result === 'int8'
        ? wideText(operator, a, b, emitter)
        : narrowText(operator, result, a, b, emitter),
  };
}

const words: Readonly<Record<Binary, string>> = {
  '+': 'Sum of two integers.',
  '-': 'Difference of two integers.',
  '*': 'Product of two integers.',
  '/': 'Quotient of two integers, cut towards zero.',
  '%': 'Remainder, with the sign of the dividend.',
};

const order: readonly IntegerType[] = ['int2', 'int4', 'int8'];

function wider(a: IntegerType, b: IntegerType): IntegerType {
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}

function binary(operator: Binary, a: IntegerType, b: IntegerType): FunctionEntry {
  const result = wider(a, b);
  const evaluate: Evaluate = ([x, y]) => narrow(result, compute(operator, wide(x), wide(y)));
  return entry('arithmetic', operator, [a, b], result, words[operator], evaluate, {
    template: template(operator, result),
  });
}

/** Bits of an integer type. */
const bits: Readonly<Record<IntegerType, number>> = { int2: 16, int4: 32, int8: 64 };

type Bitwise = '&' | '|' | '#';

const bitWords: Readonly<Record<Bitwise, string>> = {
  '&': 'Bitwise AND.',
  '|': 'Bitwise OR.',
  '#': 'Bitwise exclusive OR.',
};

function bitwise(operator: Bitwise, type: IntegerType): FunctionEntry {
  const evaluate: Evaluate = ([x, y]) => {
    const a = wide(x);
    const b = wide(y);
    return narrow(type, operator === '&' ? a & b : operator === '|' ? a | b : a ^ b);
  };
  const js = operator === '#' ? '^' : operator;
  return entry('arithmetic', operator, [type, type], type, bitWords[operator], evaluate, {
    template: { total: true, emit: ([a, b]) => `${a.value} ${js} ${b.value}` },
  });
}

/** Shifts count modulo the width that the processor shifts in: 32, or 64 for int8. */
function shift(operator: '<<' | '>>', type: IntegerType): FunctionEntry {
  const description =
    operator === '<<'
      ? 'Bits shifted to the left.'
      : 'Bits shifted to the right, keeping the sign.';
  const modulus = type === 'int8' ? 64n : 32n;
  const evaluate: Evaluate = ([x, y]) => {
    const by = wide(y) & (modulus - 1n);
    const shifted =
      operator === '<<'
        ? BigInt.asIntN(bits[type], BigInt.asIntN(Number(modulus), wide(x) << by))
        : wide(x) >> by;
    return narrow(type, shifted);
  };
  const template: Template = {
    total: true,
    emit: ([a, b]) => {
      if (type !== 'int8') {
        const shifted = `${a.value} ${operator} ${b.value}`;
        return type === 'int2' && operator === '<<' ? `(${shifted}) << 16 >> 16` : `(${shifted})`;
      }
      // One of 64 counts, so it may shape the text; a count from memory shifts 25 times slower.
      const by = typeof b.constant === 'number' ? `${b.constant & 63}n` : `BigInt(${b.value} & 63)`;
      return `BigInt.asIntN(64, ${a.value} ${operator} ${by})`;
    },
  };
  return entry('arithmetic', operator, [type, 'int4'], type, description, evaluate, { template });
}

function negation(type: IntegerType): FunctionEntry {
  const evaluate: Evaluate = ([x]) => narrow(type, -wide(x));
  const template: Template = {
    total: false,
    emit: ([a], emitter) => {
      const fails = emitter.failure(outOfRange(type));
      if (type === 'int8') {
        emitter.statement(`if (${a.value} === ${emitter.bigintConstant(least.int8)}) ${fails}`);
        return `BigInt.asIntN(64, -${a.value})`;
      }
      const smallest = emitter.numberConstant(Number(least[type]));
      emitter.statement(`if (${a.value} === ${smallest}) ${fails}`);
      return `(0 - ${a.value} | 0)`;
    },
  };
  return entry('arithmetic', '-', [type], type, 'The number with the opposite sign.', evaluate, {
    template,
  });
}

function absolute(name: string, type: IntegerType): FunctionEntry {
  return entry('arithmetic', name, [type], type, 'Absolute value.', ([x]) => {
    const value = wide(x);
    return narrow(type, value < 0n ? -value : value);
  });
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function common(type: 'int4' | 'int8'): FunctionEntry[] {
  return [
    entry(
      'mathematics',
      'gcd',
      [type, type],
      type,
      'Greatest common divisor; gcd(0, 0) is 0.',
      ([a, b]) => narrow(type, greatestCommonDivisor(wide(a), wide(b))),
    ),
    entry(
      'mathematics',
      'lcm',
      [type, type],
      type,
      'Least common multiple; 0 if either is 0.',
      ([a, b]) => {
        const divisor = greatestCommonDivisor(wide(a), wide(b));
        if (divisor === 0n) return narrow(type, 0n);
        const multiple = (wide(a) / divisor) * wide(b);
        return narrow(type, multiple < 0n ? -multiple : multiple);
      },
    ),
    entry(
      'string',
      'to_hex',
      [type],
      'text',
      'Hexadecimal digits of the number in two’s complement.',
      ([a]) => BigInt.asUintN(bits[type], wide(a)).toString(16),
    ),
  ];
}

export const integerFunctions: readonly FunctionEntry[] = [
  ...(['+', '-', '*', '/'] as const).flatMap((operator) =>
    order.flatMap((a) => order.map((b) => binary(operator, a, b))),
  ),
  ...order.flatMap((type) => [
    binary('%', type, type),
    {
      ...binary('%', type, type),
      name: 'mod',
      key: `mod(${type},${type})`,
      kind: 'function' as const,
    },
    ...(['&', '|', '#'] as const).map((operator) => bitwise(operator, type)),
    shift('<<', type),
    shift('>>', type),
    negation(type),
    absolute('abs', type),
    absolute('@', type),
    entry('arithmetic', '+', [type], type, 'The number itself.', ([x]) => x),
    entry('arithmetic', '~', [type], type, 'Bitwise NOT.', ([x]) => narrow(type, ~wide(x)), {
      template: {
        total: true,
        emit: ([a]) => (type === 'int8' ? `BigInt.asIntN(64, ~${a.value})` : `~${a.value}`),
      },
    }),
  ]),
  ...common('int4'),
  ...common('int8'),
];
