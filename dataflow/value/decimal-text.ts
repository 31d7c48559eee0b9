/**
 * Numerics in and out of text, and the effect of a type modifier numeric(precision, scale).
 *
 * A modifier is `((precision << 16) | (scale & 0x7ff)) + 4`, or −1 for none; scales may be negative.
 */
import { assert } from '../../src/base/assert.ts';
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import type { Decimal } from './datum.ts';
import { decimal } from './datum.ts';
import {
  numericInfinity,
  numericIntegerDigitsMax,
  numericMinusInfinity,
  numericNaN,
  numericScaleMax,
  tenTo,
} from './decimal.ts';
import { invalidText, trimBlanks } from './number-text.ts';

const shape = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/;
const infinityText = /^([+-]?)inf(?:inity)?$/i;

/** 22003: more digits than numeric can hold. */
export function numericOverflow(): SqlError {
  return sqlError('22003', 'value overflows numeric format');
}

/** Reads a numeric; `modifier` rounds and limits it (−1: none). */
export function parseDecimal(text: string, modifier = -1): Decimal {
  const body = trimBlanks(text);
  const match = shape.exec(body);
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (match === null || whole + fraction === '') return parseSpecial(text, body, modifier);
  const exponent = match[4] === undefined ? 0 : Number(match[4]);
  const scale = Math.max(0, fraction.length - exponent);
  const digits = (whole + fraction).replace(/^0+/, '');
  if (scale > numericScaleMax) throw numericOverflow();
  if (digits === '') return applyModifier(decimal(0n, scale), modifier);
  const zeros = Math.max(0, exponent - fraction.length);
  if (digits.length + zeros - scale > numericIntegerDigitsMax) throw numericOverflow();
  const magnitude = BigInt(digits) * tenTo(zeros);
  return applyModifier(decimal(match[1] === '-' ? -magnitude : magnitude, scale), modifier);
}

function parseSpecial(text: string, body: string, modifier: number): Decimal {
  if (/^nan$/i.test(body)) return numericNaN;
  const infinite = infinityText.exec(body);
  if (infinite === null) throw invalidText('numeric', text);
  return applyModifier(infinite[1] === '-' ? numericMinusInfinity : numericInfinity, modifier);
}

/** Prints a numeric with exactly its scale of decimals. */
export function formatDecimal(value: Decimal): string {
  if (value.form !== 'finite') return value.form;
  const negative = value.coefficient < 0n;
  const digits = (negative ? -value.coefficient : value.coefficient).toString();
  const sign = negative ? '-' : '';
  if (value.scale === 0) return sign + digits;
  const padded = digits.padStart(value.scale + 1, '0');
  const point = padded.length - value.scale;
  return `${sign}${padded.slice(0, point)}.${padded.slice(point)}`;
}

/**
 * What `formatDecimal(parseDecimal(text))` gives, for the text of a JSON number: the point is moved
 * in the text, so that it costs what its digits cost. (Integers of 131,072 digits take milliseconds
 * each way, and nine characters are enough to ask for one.)
 */
export function plainDecimal(text: string): string {
  const match = shape.exec(text);
  assert(match !== null, 'a JSON number is a numeric');
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  const exponent = Number(power);
  const scale = Math.max(0, fraction.length - exponent);
  if (scale > numericScaleMax) throw numericOverflow();
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return scale === 0 ? '0' : `0.${'0'.repeat(scale)}`;
  const zeros = Math.max(0, exponent - fraction.length);
  if (digits.length + zeros - scale > numericIntegerDigitsMax) throw numericOverflow();
  const minus = sign === '-' ? '-' : '';
  if (scale === 0) return minus + digits + '0'.repeat(zeros);
  const padded = digits.padStart(scale + 1, '0');
  const point = padded.length - scale;
  return `${minus}${padded.slice(0, point)}.${padded.slice(point)}`;
}

/** Divides rounding half away from zero. */
export function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const rest = dividend % divisor;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  if (twice < (divisor < 0n ? -divisor : divisor)) return quotient;
  return dividend < 0n === divisor < 0n ? quotient + 1n : quotient - 1n;
}

/**
 * Rounds half away from zero to `scale` decimals (negative: to tens, hundreds); pads if there are
 * fewer.
 */
export function roundDecimal(value: Decimal, scale: number): Decimal {
  if (value.form !== 'finite') return value;
  const shift = scale - value.scale;
  if (shift >= 0) return decimal(value.coefficient * tenTo(shift), scale);
  if (-shift > 2 * (numericIntegerDigitsMax + numericScaleMax))
    return decimal(0n, Math.max(0, scale));
  const rounded = divideRounded(value.coefficient, tenTo(-shift));
  return scale >= 0 ? decimal(rounded, scale) : decimal(rounded * tenTo(-scale), 0);
}

/** Precision and scale of a numeric modifier. */
export function numericModifier(modifier: number): { precision: number; scale: number } {
  const bits = modifier - 4;
  return { precision: bits >>> 16, scale: ((bits & 0x7ff) ^ 1024) - 1024 };
}

/** Rounds to the scale of the modifier; 22003 if the result has more digits than its precision. */
export function applyModifier(value: Decimal, modifier: number): Decimal {
  if (modifier < 4 || value.form === 'NaN') return value;
  const { precision, scale } = numericModifier(modifier);
  const field = `A field with precision ${precision}, scale ${scale}`;
  if (value.form !== 'finite') {
    const detail = `${field} cannot hold an infinite value.`;
    throw sqlError('22003', 'numeric field overflow', { detail });
  }
  const rounded = roundDecimal(value, scale);
  const magnitude = rounded.coefficient < 0n ? -rounded.coefficient : rounded.coefficient;
  const digits = precision - scale;
  if (magnitude !== 0n && magnitude >= tenTo(Math.max(0, digits + rounded.scale))) {
    const bound = digits === 0 ? '1' : `10^${digits}`;
    const detail = `${field} must round to an absolute value less than ${bound}.`;
    throw sqlError('22003', 'numeric field overflow', { detail });
  }
  return rounded;
}
