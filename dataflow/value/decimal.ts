/**
 * Numeric values as words: how a `Decimal` lies in a var column, and hash, equality and order of
 * such words under SQL (1.0 = 1.00; NaN = NaN and greater than everything; −Infinity least).
 *
 * Word 0 is the header: bits 0–1 the form (0 finite, 1 NaN, 2 Infinity, 3 −Infinity), bit 2 set if
 * negative, bits 3–16 the scale. The magnitude of the coefficient follows in base 2^32, least word
 * first, without leading zero words; zero has no words and is never negative. The encoding is
 * therefore unique: same digits and scale ⇔ same bytes.
 *
 * Why binary: coefficients below 2^53 are one or two words and every operation on them runs on
 * doubles without a BigInt. Hash and equality must ignore trailing zeros, so they divide by ten
 * while they can; amounts with two decimals rarely do so more than twice.
 */
import { assert } from '../../src/base/assert.ts';
import type { Decimal } from './datum.ts';
import { finish, mix, sameWords } from './words.ts';

/** Decimals that may follow the point. */
export const numericScaleMax = 16_383;

/** Digits that may stand before the point. */
export const numericIntegerDigitsMax = 131_072;

const formMask = 3;
const negativeBit = 4;
const scaleShift = 3;
const forms = ['finite', 'NaN', 'Infinity', '-Infinity'] as const;
const two21 = 2 ** 21;
const two32 = 2 ** 32;
const safe = 2 ** 53;

export const numericNaN: Decimal = { kind: 'decimal', form: 'NaN', coefficient: 0n, scale: 0 };
export const numericInfinity: Decimal = {
  kind: 'decimal',
  form: 'Infinity',
  coefficient: 0n,
  scale: 0,
};
export const numericMinusInfinity: Decimal = {
  kind: 'decimal',
  form: '-Infinity',
  coefficient: 0n,
  scale: 0,
};

const powers: bigint[] = [1n];

/** 10^exponent, remembered for small exponents. */
export function tenTo(exponent: number): bigint {
  assert(exponent >= 0, `a power of ten is whole, got exponent ${exponent}`);
  if (exponent > 400) return 10n ** BigInt(exponent);
  for (let k = powers.length; k <= exponent; k++) powers.push(powers[k - 1] * 10n);
  return powers[exponent];
}

/** Words that `value` takes. */
export function decimalWords(value: Decimal): number {
  let rest = value.coefficient < 0n ? -value.coefficient : value.coefficient;
  let words = 1;
  if (rest >= 1n << 64n) {
    const digits = rest.toString(16).length;
    return 1 + ((digits + 7) >> 3);
  }
  while (rest > 0n) {
    words++;
    rest >>= 32n;
  }
  return words;
}

/** Writes `value` at word `at`; answers its bytes. */
export function writeDecimal(i32: Int32Array, at: number, value: Decimal): number {
  const form = forms.indexOf(value.form);
  assert(value.scale >= 0 && value.scale <= numericScaleMax, `scale ${value.scale} is in range`);
  const negative = value.coefficient < 0n;
  i32[at] = form | (negative ? negativeBit : 0) | (value.scale << scaleShift);
  let rest = negative ? -value.coefficient : value.coefficient;
  let word = at + 1;
  if (rest >= 1n << 128n) return writeLong(i32, at, rest);
  while (rest > 0n) {
    i32[word++] = Number(BigInt.asIntN(32, rest));
    rest >>= 32n;
  }
  return (word - at) * 4;
}

/** Shifting a long BigInt word by word would be quadratic; its hexadecimal digits are not. */
function writeLong(i32: Int32Array, at: number, magnitude: bigint): number {
  const digits = magnitude.toString(16);
  let word = at + 1;
  for (let end = digits.length; end > 0; end -= 8) {
    i32[word++] = Number.parseInt(digits.slice(Math.max(0, end - 8), end), 16);
  }
  return (word - at) * 4;
}

/** Reads the value of `bytes` bytes at word `at`. */
export function readDecimal(i32: Int32Array, at: number, bytes: number): Decimal {
  const header = i32[at];
  const form = header & formMask;
  if (form !== 0)
    return form === 1 ? numericNaN : form === 2 ? numericInfinity : numericMinusInfinity;
  const magnitude = magnitudeOf(i32, at, bytes);
  const coefficient = (header & negativeBit) === 0 ? magnitude : -magnitude;
  return { kind: 'decimal', form: 'finite', coefficient, scale: header >> scaleShift };
}

function magnitudeOf(i32: Int32Array, at: number, bytes: number): bigint {
  const words = (bytes >> 2) - 1;
  if (words <= 2) {
    const small = smallMagnitude(i32, at, bytes);
    if (small >= 0) return BigInt(small);
  }
  if (words > 8) {
    let digits = '0x';
    for (let w = words; w > 0; w--) digits += (i32[at + w] >>> 0).toString(16).padStart(8, '0');
    return BigInt(digits);
  }
  let value = 0n;
  for (let w = words; w > 0; w--) value = (value << 32n) | BigInt(i32[at + w] >>> 0);
  return value;
}

/** The magnitude as an exact double, or −1 if it is 2^53 or more. */
function smallMagnitude(i32: Int32Array, at: number, bytes: number): number {
  if (bytes <= 8) return bytes <= 4 ? 0 : i32[at + 1] >>> 0;
  if (bytes > 12) return -1;
  const high = i32[at + 2] >>> 0;
  return high >= two21 ? -1 : high * two32 + (i32[at + 1] >>> 0);
}

/** Scale of the value at word `at`: decimals shown. */
export function numericScaleAt(i32: Int32Array, at: number): number {
  return (i32[at] & formMask) === 0 ? i32[at] >> scaleShift : 0;
}

/**
 * The coefficient as an exact double (|c| < 2^53), or NaN if the value is not finite or too large.
 * With `numericScaleAt` this is what fast kernels compute on.
 */
export function smallNumericAt(i32: Int32Array, at: number, bytes: number): number {
  const header = i32[at];
  if ((header & formMask) !== 0) return Number.NaN;
  const small = smallMagnitude(i32, at, bytes);
  if (small < 0) return Number.NaN;
  return (header & negativeBit) === 0 ? small : -small;
}

/**
 * Writes an integral double |coefficient| < 2^53 with a scale at word `at`; answers the bytes (at
 * most 12).
 */
export function writeSmallNumeric(
  i32: Int32Array,
  at: number,
  coefficient: number,
  scale: number,
): number {
  const magnitude = Math.abs(coefficient);
  i32[at] = (coefficient < 0 ? negativeBit : 0) | (scale << scaleShift);
  if (magnitude === 0) return 4;
  i32[at + 1] = magnitude;
  if (magnitude < two32) return 8;
  i32[at + 2] = Math.floor(magnitude / two32);
  return 12;
}

/** Hash under equality: ignores trailing zeros. */
export function hashNumericWords(i32: Int32Array, at: number, bytes: number): number {
  const header = i32[at];
  if ((header & formMask) !== 0) return finish(header & formMask);
  const small = smallMagnitude(i32, at, bytes);
  const exponent = -(header >> scaleShift);
  if (small < 0) return hashLong(magnitudeOf(i32, at, bytes), exponent, header & negativeBit);
  return hashSmall(small, exponent, header & negativeBit);
}

function hashSmall(magnitude: number, scaleExponent: number, negative: number): number {
  if (magnitude === 0) return 0x2545f491;
  let rest = magnitude;
  let exponent = scaleExponent;
  for (;;) {
    const tenth = Math.floor(rest / 10);
    if (tenth * 10 !== rest) break;
    rest = tenth;
    exponent++;
  }
  let hash = mix(exponent, negative);
  hash = mix(hash, (rest % two32) | 0);
  return finish(mix(hash, Math.floor(rest / two32)));
}

function hashLong(magnitude: bigint, scaleExponent: number, negative: number): number {
  let rest = magnitude;
  let exponent = scaleExponent;
  for (let step = 4096; step > 0; step >>= 2) {
    const power = tenTo(step);
    while (rest >= power && rest % power === 0n) {
      rest /= power;
      exponent += step;
    }
  }
  if (rest < BigInt(safe)) return hashSmall(Number(rest), exponent, negative);
  let hash = mix(exponent, negative);
  const digits = rest.toString(16);
  for (let end = digits.length; end > 0; end -= 8) {
    hash = mix(hash, Number.parseInt(digits.slice(Math.max(0, end - 8), end), 16) | 0);
  }
  return finish(hash);
}

/** Equality under SQL. */
export function equalNumericWords(
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): boolean {
  if (a[aAt] === b[bAt]) {
    return aBytes === bBytes && sameWords(a, aAt, b, bAt, aBytes >> 2);
  }
  return compareNumericWords(a, aAt, aBytes, b, bAt, bBytes) === 0;
}

const rank = [0, 2, 1, -1];
const doubles = Array.from({ length: 16 }, (_, k) => 10 ** k);

/** Order under SQL: −1, 0 or 1. */
export function compareNumericWords(
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
): number {
  const aHeader = a[aAt];
  const bHeader = b[bAt];
  if (((aHeader | bHeader) & formMask) !== 0) {
    return Math.sign(rank[aHeader & formMask] - rank[bHeader & formMask]);
  }
  const sign = (aHeader & negativeBit) === 0 ? 1 : -1;
  if (((aHeader ^ bHeader) & negativeBit) !== 0) return sign;
  const shift = (aHeader >> scaleShift) - (bHeader >> scaleShift);
  let x = smallMagnitude(a, aAt, aBytes);
  let y = smallMagnitude(b, bAt, bBytes);
  if (x >= 0 && y >= 0 && shift > -16 && shift < 16) {
    if (shift < 0) x *= doubles[-shift];
    else y *= doubles[shift];
    if (x < safe && y < safe) return x === y ? 0 : x < y ? -sign : sign;
  }
  const p = magnitudeOf(a, aAt, aBytes) * tenTo(Math.max(0, -shift));
  const q = magnitudeOf(b, bAt, bBytes) * tenTo(Math.max(0, shift));
  return p === q ? 0 : p < q ? -sign : sign;
}

/** Order of two decimals under SQL: −1, 0 or 1. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.form !== 'finite' || b.form !== 'finite') {
    return Math.sign(rank[forms.indexOf(a.form)] - rank[forms.indexOf(b.form)]);
  }
  const shift = a.scale - b.scale;
  const x = shift < 0 ? a.coefficient * tenTo(-shift) : a.coefficient;
  const y = shift > 0 ? b.coefficient * tenTo(shift) : b.coefficient;
  return x === y ? 0 : x < y ? -1 : 1;
}
