/**
 * Floating-point arithmetic and mathematics: float4 and float8 as in Postgres. A finite operation
 * that gives an infinity is an overflow error, one that gives zero from factors that are not is
 * an underflow error. float4 computes in doubles and rounds, which is the same as computing in
 * singles. Transcendental functions may differ from another machine's library in the last digit.
 */
import { sqlError } from '../../../src/base/error.ts';
import type { SqlError } from '../../../src/base/error.ts';
import type { DataError } from '../../operators/operator.ts';
import { numberOf } from '../../value/scalar-words.ts';
import type { Emitter, Evaluate, FunctionEntry, Template } from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import { divisionByZero } from './integer.ts';

type FloatType = 'float4' | 'float8';
type Binary = '+' | '-' | '*' | '/';

export const floatOverflow: DataError = { code: '22003', message: 'value out of range: overflow' };
export const floatUnderflow: DataError = {
  code: '22003',
  message: 'value out of range: underflow',
};

function thrown(error: DataError): SqlError {
  return sqlError(error.code, error.message);
}

function rounded(type: FloatType, value: number): number {
  return type === 'float4' ? Math.fround(value) : value;
}

function infinite(value: number): boolean {
  return value === Infinity || value === -Infinity;
}

function compute(operator: Binary, type: FloatType, a: number, b: number): number {
  switch (operator) {
    case '+':
    case '-': {
      const result = rounded(type, operator === '+' ? a + b : a - b);
      if (infinite(result) && !infinite(a) && !infinite(b)) throw thrown(floatOverflow);
      return result;
    }
    case '*': {
      const result = rounded(type, a * b);
      if (infinite(result) && !infinite(a) && !infinite(b)) throw thrown(floatOverflow);
      if (result === 0 && a !== 0 && b !== 0) throw thrown(floatUnderflow);
      return result;
    }
    case '/': {
      if (b === 0 && !Number.isNaN(a)) throw thrown(divisionByZero);
      const result = rounded(type, a / b);
      if (infinite(result) && !infinite(a)) throw thrown(floatOverflow);
      if (result === 0 && a !== 0 && !infinite(b)) throw thrown(floatUnderflow);
      return result;
    }
  }
}

/** x − x is 0 exactly for finite x. */
function finiteText(value: string): string {
  return `${value} - ${value} === 0`;
}

function operatorText(operator: Binary, a: string, b: string, emitter: Emitter): string {
  const result = emitter.name();
  const overflow = emitter.failure(floatOverflow);
  const underflow = emitter.failure(floatUnderflow);
  if (operator === '/') {
    const fails = emitter.failure(divisionByZero);
    emitter.statement(`if (${b} === 0 && ${a} === ${a}) ${fails}`);
  }
  emitter.statement(`const ${result} = ${a} ${operator} ${b};`);
  const both = `${finiteText(a)} && ${finiteText(b)}`;
  const sound = operator === '/' ? `${finiteText(a)} && ${result} === ${result}` : both;
  emitter.statement(`if (${result} - ${result} !== 0 && ${sound}) ${overflow}`);
  if (operator === '*') {
    emitter.statement(`if (${result} === 0 && ${a} !== 0 && ${b} !== 0) ${underflow}`);
  }
  if (operator === '/') {
    emitter.statement(`if (${result} === 0 && ${a} !== 0 && ${finiteText(b)}) ${underflow}`);
  }
  return result;
}

function template(operator: Binary): Template {
  return {
    total: false,
    emit: ([a, b], emitter) => operatorText(operator, a.value, b.value, emitter),
  };
}

const words: Readonly<Record<Binary, string>> = {
  '+': 'Sum of two floating-point numbers.',
  '-': 'Difference of two floating-point numbers.',
  '*': 'Product of two floating-point numbers.',
  '/': 'Quotient of two floating-point numbers.',
};

function binary(operator: Binary, a: FloatType, b: FloatType): FunctionEntry {
  const result = a === b ? a : 'float8';
  const evaluate: Evaluate = ([x, y]) => compute(operator, result, numberOf(x), numberOf(y));
  return entry(
    'arithmetic',
    operator,
    [a, b],
    result,
    words[operator],
    evaluate,
    result === 'float8' ? { template: template(operator) } : {},
  );
}

/** Rounds to a whole number, halves to the even one. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return rest === 0 ? value : Object.is(floor, 0) && value < 0 ? -0 : floor;
  if (rest > 0.5) return floor === -1 ? -0 : floor + 1;
  const even = floor % 2 === 0 ? floor : floor + 1;
  return even === 0 && value < 0 ? -0 : even;
}

function power(base: number, exponent: number): number {
  if (Number.isNaN(base)) return exponent === 0 ? 1 : base;
  if (Number.isNaN(exponent)) return base === 1 ? 1 : exponent;
  if (base === 0 && exponent < 0) {
    throw sqlError('2201F', 'zero raised to a negative power is undefined');
  }
  if (base < 0 && !Number.isInteger(exponent) && !infinite(exponent)) {
    throw sqlError(
      '2201F',
      'a negative number raised to a non-integer power yields a complex result',
    );
  }
  if (infinite(exponent) && Math.abs(base) === 1) return 1;
  const result = base ** exponent;
  if (infinite(result) && !infinite(base) && !infinite(exponent)) throw thrown(floatOverflow);
  if (result === 0 && base !== 0 && !infinite(base) && !infinite(exponent))
    throw thrown(floatUnderflow);
  return result;
}

function exponential(value: number): number {
  const result = Math.exp(value);
  if (infinite(result) && !infinite(value)) throw thrown(floatOverflow);
  if (result === 0 && !infinite(value)) throw thrown(floatUnderflow);
  return result;
}

/** A logarithm, with the errors of numbers that have none. */
function logarithm(of: (value: number) => number): (value: number) => number {
  return (value) => {
    if (value === 0) throw sqlError('2201E', 'cannot take logarithm of zero');
    if (value < 0) throw sqlError('2201E', 'cannot take logarithm of a negative number');
    return of(value);
  };
}

function squareRoot(value: number): number {
  if (value < 0) throw sqlError('2201F', 'cannot take square root of a negative number');
  return Math.sqrt(value);
}

/** A function that is defined for finite numbers only. */
function finiteOnly(of: (value: number) => number): (value: number) => number {
  return (value) => {
    if (infinite(value)) throw sqlError('22003', 'input is out of range');
    return of(value);
  };
}

function within(limit: number, of: (value: number) => number): (value: number) => number {
  return (value) => {
    if (value < -limit || value > limit) throw sqlError('22003', 'input is out of range');
    return of(value);
  };
}

const unary: readonly (readonly [string, string, (value: number) => number])[] = [
  ['ceil', 'Least whole number that is not less.', Math.ceil],
  ['ceiling', 'Least whole number that is not less.', Math.ceil],
  ['floor', 'Greatest whole number that is not greater.', Math.floor],
  ['round', 'Nearest whole number, halves to the even one.', roundHalfEven],
  ['trunc', 'The number without its fraction.', Math.trunc],
  ['sign', '−1, 0 or 1 by the sign of the number; 0 for NaN.', (x) => (x > 0 ? 1 : x < 0 ? -1 : 0)],
  ['sqrt', 'Square root.', squareRoot],
  ['|/', 'Square root.', squareRoot],
  ['cbrt', 'Cube root.', Math.cbrt],
  ['||/', 'Cube root.', Math.cbrt],
  ['exp', 'e raised to the number.', exponential],
  ['ln', 'Natural logarithm.', logarithm(Math.log)],
  ['log', 'Logarithm to base 10.', logarithm(Math.log10)],
  ['log10', 'Logarithm to base 10.', logarithm(Math.log10)],
  ['degrees', 'Radians as degrees.', (x) => x / (Math.PI / 180)],
  ['radians', 'Degrees as radians.', (x) => x * (Math.PI / 180)],
  ['sin', 'Sine of radians.', finiteOnly(Math.sin)],
  ['cos', 'Cosine of radians.', finiteOnly(Math.cos)],
  ['tan', 'Tangent of radians.', finiteOnly(Math.tan)],
  ['cot', 'Cotangent of radians.', finiteOnly((x) => 1 / Math.tan(x))],
  ['asin', 'Inverse sine, in radians.', within(1, Math.asin)],
  ['acos', 'Inverse cosine, in radians.', within(1, Math.acos)],
  ['atan', 'Inverse tangent, in radians.', Math.atan],
  ['sinh', 'Hyperbolic sine.', Math.sinh],
  ['cosh', 'Hyperbolic cosine.', Math.cosh],
  ['tanh', 'Hyperbolic tangent.', Math.tanh],
];

function float(
  name: string,
  description: string,
  of: (...values: number[]) => number,
  args = 1,
): FunctionEntry {
  const types = Array.from({ length: args }, () => 'float8' as const);
  return entry('mathematics', name, types, 'float8', description, (values) =>
    of(...values.map(numberOf)),
  );
}

function signs(type: FloatType): FunctionEntry[] {
  return [
    entry(
      'arithmetic',
      '-',
      [type],
      type,
      'The number with the opposite sign.',
      ([x]) => -numberOf(x),
      {
        template: { total: true, emit: ([a]) => `-${a.value}` },
      },
    ),
    entry('arithmetic', '+', [type], type, 'The number itself.', ([x]) => x),
    entry('arithmetic', 'abs', [type], type, 'Absolute value.', ([x]) => Math.abs(numberOf(x))),
    entry('arithmetic', '@', [type], type, 'Absolute value.', ([x]) => Math.abs(numberOf(x))),
  ];
}

export const floatFunctions: readonly FunctionEntry[] = [
  ...(['+', '-', '*', '/'] as const).flatMap((operator) => [
    binary(operator, 'float4', 'float4'),
    binary(operator, 'float4', 'float8'),
    binary(operator, 'float8', 'float4'),
    binary(operator, 'float8', 'float8'),
  ]),
  ...signs('float4'),
  ...signs('float8'),
  ...unary.map(([name, description, of]) => float(name, description, of)),
  float('atan2', 'Angle of the point (second, first), in radians.', Math.atan2, 2),
  ...['power', 'pow', '^'].map((name) =>
    float(name, 'The first number raised to the second.', power, 2),
  ),
  float('pi', 'The ratio of a circle’s circumference to its diameter.', () => Math.PI, 0),
];
