/**
 * Exact arithmetic on doubles: as integers in units of 2^-1074 (every finite double is one), and as
 * expansions, short lists of doubles that do not overlap and whose exact sum is the value
 * (Shewchuk, "Adaptive precision floating-point arithmetic", 1997).
 *
 * An expansion here is `expansionParts` doubles, least first, unused ones 0 at the end. A sum of
 * values of like size takes one or two; what does not fit goes to an integer, so nothing is ever
 * lost and retracting a value undoes adding it bit for bit.
 */

/** Doubles of an expansion. */
export const expansionParts = 4;

/** Values from here on may overflow when added; they are kept as integers. */
export const expansionMax = 2 ** 1000;

const unitExponent = 1074;
const value = new Float64Array(1);
const halves = new Int32Array(value.buffer);

/** A finite double in units of 2^-1074. */
export function toUnits(double: number): bigint {
  value[0] = double;
  const high = halves[1];
  const exponent = (high >>> 20) & 0x7ff;
  const fraction = (high & 0xfffff) * 2 ** 32 + (halves[0] >>> 0);
  const magnitude =
    exponent === 0 ? BigInt(fraction) : BigInt(fraction + 2 ** 52) << BigInt(exponent - 1);
  return high < 0 ? -magnitude : magnitude;
}

/**
 * The double nearest to numerator / denominator · 2^-1074 (ties to even); infinite beyond all
 * doubles.
 */
export function fromUnits(numerator: bigint, denominator = 1n): number {
  if (numerator === 0n) return 0;
  const negative = numerator < 0n;
  const dividend = negative ? -numerator : numerator;
  // Enough bits that rounding once, with a last bit for what is cut off, is exact.
  const shift = Math.max(0, bitLength(denominator) + 70 - bitLength(dividend));
  const scaled = dividend << BigInt(shift);
  const quotient = scaled / denominator;
  const magnitude = scaleDown(quotient, quotient * denominator !== scaled, -unitExponent - shift);
  return negative ? -magnitude : magnitude;
}

function bitLength(positive: bigint): number {
  const digits = positive.toString(16);
  return (digits.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(digits[0] ?? '0', 16)));
}

/** The double nearest to (quotient, and a little more if `inexact`) · 2^exponent. */
function scaleDown(quotient: bigint, inexact: boolean, exponent: number): number {
  const length = bitLength(quotient);
  // Bits that the result keeps: 53, fewer below the least normal double.
  const lowest = Math.max(length + exponent - 53, -unitExponent);
  const cut = lowest - exponent;
  if (cut <= 0) return Number(quotient) * 2 ** exponent;
  const kept = quotient >> BigInt(cut);
  const rest = quotient - (kept << BigInt(cut));
  const half = 1n << BigInt(cut - 1);
  const up = rest > half || (rest === half && (inexact || (kept & 1n) === 1n));
  const mantissa = Number(up ? kept + 1n : kept);
  return lowest > 900 ? mantissa * 2 ** 900 * 2 ** (lowest - 900) : mantissa * 2 ** lowest;
}

/**
 * Adds `addend` to the expansion at f64[at …]; answers what did not fit (0 mostly), to be kept
 * elsewhere. |addend| < `expansionMax`.
 */
export function addToExpansion(f64: Float64Array, at: number, addend: number): number {
  let carried = addend;
  let parts = 0;
  let rest = 0;
  for (let k = 0; k < expansionParts; k++) {
    const part = f64[at + k];
    if (part === 0) break;
    const sum = carried + part;
    const shadow = sum - carried;
    const error = carried - (sum - shadow) + (part - shadow);
    carried = sum;
    // Parts already read are overwritten, never ahead of the reading.
    if (error !== 0) f64[at + parts++] = error;
  }
  if (carried !== 0) {
    if (parts === expansionParts) {
      rest = f64[at];
      f64.copyWithin(at, at + 1, at + expansionParts);
      parts--;
    }
    f64[at + parts++] = carried;
  }
  for (; parts < expansionParts; parts++) f64[at + parts] = 0;
  return rest;
}

/** The double nearest to the expansion at f64[at …]. */
export function expansionValue(f64: Float64Array, at: number): number {
  let k = expansionParts - 1;
  while (k > 0 && f64[at + k] === 0) k--;
  let high = f64[at + k];
  let low = 0;
  while (k > 0) {
    const part = f64[at + --k];
    const sum = high + part;
    low = part - (sum - high);
    high = sum;
    if (low !== 0) break;
  }
  // A tie that lower parts decide: move half a unit the way they point, if that lands exactly.
  if (k > 0 && low !== 0 && low < 0 === f64[at + k - 1] < 0) {
    const twice = low * 2;
    const moved = high + twice;
    if (moved - high === twice) return moved;
  }
  return high;
}
