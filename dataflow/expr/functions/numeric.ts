/** Arithmetic and mathematics of numeric: entries over numeric-math.ts. */
import type { Decimal } from '../../value/datum.ts';
import { decimal } from '../../value/datum.ts';
import { decimalOf, numberOf } from '../../value/scalar-words.ts';
import type { FunctionEntry, Operand } from '../function-entry.ts';
import { entry } from '../function-entry.ts';
import {
  add,
  divide,
  exponential,
  logarithm,
  multiply,
  naturalLogarithm,
  negate,
  power,
  quotient,
  remainder,
  round,
  signOf,
  squareRoot,
  subtract,
  truncate,
  wholeBound,
} from '../numeric-math.ts';

function binary(
  topic: string,
  name: string,
  description: string,
  of: (a: Decimal, b: Decimal) => Decimal,
): FunctionEntry {
  return entry(topic, name, ['numeric', 'numeric'], 'numeric', description, ([a, b]) =>
    of(decimalOf(a), decimalOf(b)),
  );
}

function unary(
  topic: string,
  name: string,
  description: string,
  of: (a: Decimal) => Decimal,
): FunctionEntry {
  return entry(topic, name, ['numeric'], 'numeric', description, ([a]) => of(decimalOf(a)));
}

function absolute(value: Decimal): Decimal {
  return signOf(value) < 0 ? negate(value) : value;
}

function sign(value: Decimal): Decimal {
  return value.form === 'NaN' ? value : decimal(BigInt(signOf(value)), 0);
}

/** Without zeros at the end of the fraction. */
function trimmed(value: Decimal): Decimal {
  let { coefficient, scale } = value;
  while (scale > 0 && coefficient % 10n === 0n) {
    coefficient /= 10n;
    scale--;
  }
  return value.form === 'finite' ? decimal(coefficient, scale) : value;
}

const ten = decimal(10n, 0);

/** Both operands as arguments of a kernel. */
function both([a, b]: readonly Operand[]): string {
  return `${a.words}, ${a.value}, ${a.bytes}, ${b.words}, ${b.value}, ${b.bytes}`;
}

function kernel(fn: FunctionEntry, emit: (args: readonly Operand[]) => string): FunctionEntry {
  return { ...fn, template: { total: false, emit } };
}

export const numericFunctions: readonly FunctionEntry[] = [
  kernel(
    binary('arithmetic', '+', 'Sum of two numerics.', add),
    (args) => `X.addNumeric(X.heap, 1, ${both(args)})`,
  ),
  kernel(
    binary('arithmetic', '-', 'Difference of two numerics.', subtract),
    (args) => `X.addNumeric(X.heap, -1, ${both(args)})`,
  ),
  kernel(
    binary('arithmetic', '*', 'Product of two numerics.', multiply),
    (args) => `X.multiplyNumeric(X.heap, ${both(args)})`,
  ),
  binary(
    'arithmetic',
    '/',
    'Quotient of two numerics, with at least 16 significant digits.',
    divide,
  ),
  binary('arithmetic', '%', 'Remainder, with the sign of the dividend.', remainder),
  binary('arithmetic', 'mod', 'Remainder, with the sign of the dividend.', remainder),
  unary('arithmetic', '-', 'The number with the opposite sign.', negate),
  unary('arithmetic', '+', 'The number itself.', (a) => a),
  unary('arithmetic', 'abs', 'Absolute value.', absolute),
  unary('arithmetic', '@', 'Absolute value.', absolute),
  binary('mathematics', 'div', 'Quotient cut to a whole number.', quotient),
  unary('mathematics', 'ceil', 'Least whole number that is not less.', (a) => wholeBound(a, true)),
  unary('mathematics', 'ceiling', 'Least whole number that is not less.', (a) =>
    wholeBound(a, true),
  ),
  unary('mathematics', 'floor', 'Greatest whole number that is not greater.', (a) =>
    wholeBound(a, false),
  ),
  unary('mathematics', 'round', 'Nearest whole number, halves away from zero.', (a) => round(a, 0)),
  unary('mathematics', 'trunc', 'The number without its fraction.', (a) => truncate(a, 0)),
  entry(
    'mathematics',
    'round',
    ['numeric', 'int4'],
    'numeric',
    'Rounds to a number of decimals, halves away from zero; −1 means tens.',
    ([a, b]) => round(decimalOf(a), numberOf(b)),
  ),
  entry(
    'mathematics',
    'trunc',
    ['numeric', 'int4'],
    'numeric',
    'Cuts to a number of decimals.',
    ([a, b]) => truncate(decimalOf(a), numberOf(b)),
  ),
  unary('mathematics', 'sign', '−1, 0 or 1 by the sign of the number.', sign),
  unary('mathematics', 'sqrt', 'Square root.', squareRoot),
  unary('mathematics', 'exp', 'e raised to the number.', exponential),
  unary('mathematics', 'ln', 'Natural logarithm.', naturalLogarithm),
  unary('mathematics', 'log', 'Logarithm to base 10.', (a) => logarithm(ten, a)),
  unary('mathematics', 'log10', 'Logarithm to base 10.', (a) => logarithm(ten, a)),
  binary(
    'mathematics',
    'log',
    'Logarithm of the second number to the base of the first.',
    logarithm,
  ),
  ...['power', 'pow', '^'].map((name) =>
    binary('mathematics', name, 'The first number raised to the second.', power),
  ),
  entry(
    'mathematics',
    'scale',
    ['numeric'],
    'int4',
    'Number of decimals shown.',
    ([a]) => (decimalOf(a).form === 'finite' ? decimalOf(a).scale : null),
    { nullable: true },
  ),
  entry(
    'mathematics',
    'min_scale',
    ['numeric'],
    'int4',
    'Number of decimals needed to show the value exactly.',
    ([a]) => (decimalOf(a).form === 'finite' ? trimmed(decimalOf(a)).scale : null),
    { nullable: true },
  ),
  unary(
    'mathematics',
    'trim_scale',
    'The number without zeros at the end of its fraction.',
    trimmed,
  ),
];
