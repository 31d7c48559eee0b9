/**
 * Integer arithmetic: int2, int4, int8 and their mixtures, as in pg_operator. The result of a mixture
 * has the wider type; a result outside its range is an error, never a wrap.
 */
import { sqlError } from '../../../src/base/error.ts';
import type { DataError } from '../../operators/operator.ts';
import type { Datum } from '../../value/datum.ts';
import type { Emitter, Evaluate, FunctionEntry, Operand, Template } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

export type IntegerType = 'int2' | 'int4' | 'int8';

const least: Readonly<Record<IntegerType, bigint>> = {
  int2: -(2n ** 15n), int4: -(2n ** 31n), int8: -(2n ** 63n),
};
const sqlNames: Readonly<Record<IntegerType, string>> = {
  int2: 'smallint', int4: 'integer', int8: 'bigint',
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
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/':
    case '%':
      if (b === 0n) throw sqlError(divisionByZero.code, divisionByZero.message);
      return operator === '/' ? a / b : a % b;
  }
}

/** Statements and expression for int2 and int4: computed exactly in doubles, then checked. */
function narrowText(
  operator: Binary, type: IntegerType, a: Operand, b: Operand, emitter: Emitter,
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
    const bad = type === 'int2' ? `${result} === 32768` : `${b.value} === -1 && ${a.value} === -2147483648`;
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
      emitter.statement(`if ((BigInt.asIntN(32, ${x}) !== ${x} || BigInt.asIntN(32, ${y}) !== ${y})`
        + ` && ${x} * ${y} !== ${result}) ${fails}`);
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
    emit: ([a, b], emitter) => result === 'int8'
      ? wideText(operator, a, b, emitter) : narrowText(operator, result, a, b, emitter),
  };
}

const words: Readonly<Record<Binary, string>> = {
  '+': 'Sum of two integers.', '-': 'Difference of two integers.', '*': 'Product of two integers.',
  '/': 'Quotient of two integers, cut towards zero.', '%': 'Remainder, with the sign of the dividend.',
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

export const integerFunctions: readonly FunctionEntry[] = [
  ...(['+', '-', '*', '/'] as const).flatMap((operator) =>
    order.flatMap((a) => order.map((b) => binary(operator, a, b)))),
  ...order.map((type) => binary('%', type, type)),
];
