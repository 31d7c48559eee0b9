/**
 * Trigonometry in degrees, and the inverse hyperbolic functions. Degrees are exact where the answer
 * is a simple number (sind(30) is 0.5): an angle is brought to the first quadrant, and there to one
 * of two ranges in which the function is scaled so that it is exact at both ends.
 */
import { sqlError } from '../../../src/base/error.ts';
import { numberOf } from '../../value/scalar-words.ts';
import type { FunctionEntry } from '../function-entry.ts';
import { entry } from '../function-entry.ts';

const radian = Math.PI / 180;
const sine30 = Math.sin(30 * radian);
const cosine60Gap = 1 - Math.cos(60 * radian);
const arcSineHalf = Math.asin(0.5);
const arcCosineHalf = Math.acos(0.5);
const arcTangentOne = Math.atan(1);

function outOfRange(): Error {
  return sqlError('22003', 'input is out of range');
}

function sineTo30(x: number): number {
  return Math.sin(x * radian) / sine30 / 2;
}

function cosineTo60(x: number): number {
  return 1 - (1 - Math.cos(x * radian)) / cosine60Gap / 2;
}

/** Sine and cosine of 0 to 90 degrees. */
function sineTo90(x: number): number {
  return x <= 30 ? sineTo30(x) : cosineTo60(90 - x);
}

function cosineTo90(x: number): number {
  return x <= 60 ? cosineTo60(x) : sineTo30(90 - x);
}

const tangent45 = sineTo90(45) / cosineTo90(45);
const cotangent45 = cosineTo90(45) / sineTo90(45);

/** The angle of the first quadrant, and the signs that sine and cosine get. */
function quadrant(x: number): {
  readonly angle: number;
  readonly sine: number;
  readonly cosine: number;
} {
  if (x === Infinity || x === -Infinity) throw outOfRange();
  let angle = x % 360;
  let sine = 1;
  let cosine = 1;
  if (angle < 0) {
    angle = -angle;
    sine = -sine;
  }
  if (angle > 180) {
    angle = 360 - angle;
    sine = -sine;
  }
  if (angle > 90) {
    angle = 180 - angle;
    cosine = -cosine;
  }
  return { angle, sine, cosine };
}

function sine(x: number): number {
  const found = quadrant(x);
  return found.sine * sineTo90(found.angle);
}

function cosine(x: number): number {
  const found = quadrant(x);
  return found.cosine * cosineTo90(found.angle);
}

/** No zero has a sign here. */
function unsigned(x: number): number {
  return x === 0 ? 0 : x;
}

function tangent(x: number): number {
  const found = quadrant(x);
  return unsigned(
    found.sine * found.cosine * (sineTo90(found.angle) / cosineTo90(found.angle) / tangent45),
  );
}

function cotangent(x: number): number {
  const found = quadrant(x);
  return unsigned(
    found.sine * found.cosine * (cosineTo90(found.angle) / sineTo90(found.angle) / cotangent45),
  );
}

/** Inverse sine and cosine of 0 to 1. */
function arcSineOfUnit(x: number): number {
  return x <= 0.5 ? (Math.asin(x) / arcSineHalf) * 30 : 90 - (Math.acos(x) / arcCosineHalf) * 60;
}

function arcCosineOfUnit(x: number): number {
  return x <= 0.5 ? 90 - (Math.asin(x) / arcSineHalf) * 30 : (Math.acos(x) / arcCosineHalf) * 60;
}

function arcSine(x: number): number {
  if (x < -1 || x > 1) throw outOfRange();
  return x >= 0 ? arcSineOfUnit(x) : -arcSineOfUnit(-x);
}

function arcCosine(x: number): number {
  if (x < -1 || x > 1) throw outOfRange();
  return x >= 0 ? arcCosineOfUnit(x) : 90 + arcSineOfUnit(-x);
}

function arcHyperbolicCosine(x: number): number {
  if (x < 1) throw outOfRange();
  return Math.acosh(x);
}

function arcHyperbolicTangent(x: number): number {
  if (x < -1 || x > 1) throw outOfRange();
  return Math.atanh(x);
}

const unary: readonly (readonly [string, string, (value: number) => number])[] = [
  ['sind', 'Sine of degrees.', sine],
  ['cosd', 'Cosine of degrees.', cosine],
  ['tand', 'Tangent of degrees.', tangent],
  ['cotd', 'Cotangent of degrees.', cotangent],
  ['asind', 'Inverse sine, in degrees.', arcSine],
  ['acosd', 'Inverse cosine, in degrees.', arcCosine],
  ['atand', 'Inverse tangent, in degrees.', (x) => (Math.atan(x) / arcTangentOne) * 45],
  ['asinh', 'Inverse hyperbolic sine.', Math.asinh],
  ['acosh', 'Inverse hyperbolic cosine.', arcHyperbolicCosine],
  ['atanh', 'Inverse hyperbolic tangent.', arcHyperbolicTangent],
];

export const degreeFunctions: readonly FunctionEntry[] = [
  ...unary.map(([name, description, of]) =>
    entry('mathematics', name, ['float8'], 'float8', description, ([x]) => of(numberOf(x))),
  ),
  entry(
    'mathematics',
    'atan2d',
    ['float8', 'float8'],
    'float8',
    'Angle of the point (second, first), in degrees.',
    ([y, x]) => (Math.atan2(numberOf(y), numberOf(x)) / arcTangentOne) * 45,
  ),
];
