/**
 * Integers, floats and booleans in and out of text, as Postgres 15 reads and prints them.
 *
 * Floats print as the shortest digits that read back to the same value; with an exponent of at
 * least two digits below 1e-4 and from 1e15 (float4: 1e6) on.
 */
import { sqlError } from '../../src/base/error.ts';
import type { SqlError } from '../../src/base/error.ts';
import { typeInfo } from './type.ts';
import type { TypeName } from './type.ts';

const integerText = /^[ \t-\r]*([+-]?[0-9]+)[ \t-\r]*$/;
/** What is read before junk is met: too many digits are the first error. */
const leadingInteger = /^[ \t-\r]*[+-]?[0-9]+/;
const floatText = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const infinityText = /^([+-]?)inf(?:inity)?$/i;
const blanks = /^[ \t-\r]+|[ \t-\r]+$/g;

/** Text without the white space that C's `isspace` knows, at both ends. */
export function trimBlanks(text: string): string {
  return text.replace(blanks, '');
}

/** 22P02: the text is no value of the type. */
export function invalidText(sqlName: string, text: string): SqlError {
  return sqlError('22P02', `invalid input syntax for type ${sqlName}: "${text}"`);
}

function outOfRange(sqlName: string, text: string): SqlError {
  return sqlError('22003', `value "${text}" is out of range for type ${sqlName}`);
}

/** Least and greatest int8. */
export const int8Min = -(2n ** 63n);
export const int8Max = 2n ** 63n - 1n;

/** Reads a smallint or integer. */
export function parseInteger(type: 'int2' | 'int4', text: string): number {
  const match = integerText.exec(text);
  const bound = type === 'int2' ? 2 ** 15 : 2 ** 31;
  const value = Number(match?.[1] ?? leadingInteger.exec(text)?.[0] ?? 0);
  if (value >= bound || value < -bound) throw outOfRange(typeInfo(type).sqlName, text);
  if (match === null) throw invalidText(typeInfo(type).sqlName, text);
  return value | 0;
}

/** Reads a bigint. */
export function parseBigint(text: string): bigint {
  const match = integerText.exec(text);
  const digits = trimBlanks(match?.[1] ?? leadingInteger.exec(text)?.[0] ?? '0').replace('+', '');
  const plain = digits.length > 20 ? digits.replace(/^(-?)0+(?=[0-9])/, '$1') : digits;
  const value = plain.length > 20 ? int8Max + 1n : BigInt(plain);
  if (value > int8Max || value < int8Min) throw outOfRange('bigint', text);
  if (match === null) throw invalidText('bigint', text);
  return value;
}

/** Reads an oid; as in Postgres a negative number down to −2^31 wraps around. */
export function parseOid(text: string, type: TypeName): bigint {
  const match = integerText.exec(text);
  const name = typeInfo(type).sqlName;
  if (match === null) throw invalidText(name, text);
  const value = Number(match[1]);
  if (value > 0xffffffff || value < -0x80000000) throw outOfRange(name, text);
  return BigInt(value < 0 ? value + 2 ** 32 : value);
}

/** Reads a real or double precision. */
export function parseFloatText(type: 'float4' | 'float8', text: string): number {
  const body = trimBlanks(text);
  if (/^[+-]?nan$/i.test(body)) return Number.NaN;
  const infinite = infinityText.exec(body);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  if (!floatText.test(body)) throw invalidText(typeInfo(type).sqlName, text);
  const double = Number(body);
  const value = type === 'float4' ? Math.fround(double) : double;
  const lost = value === 0 && /[1-9]/.test(body.replace(/e.*/i, ''));
  if (lost || !Number.isFinite(value)) {
    throw sqlError('22003', `"${body}" is out of range for type ${typeInfo(type).sqlName}`);
  }
  return value;
}

/** Prints a real or double precision. */
export function formatFloat(type: 'float4' | 'float8', value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  }
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const magnitude = Math.abs(value);
  if (type === 'float8' && magnitude >= 1e-4 && magnitude < 1e15) return String(value);
  const digits = type === 'float4' ? shortestSingle(value) : shortestDouble(value);
  const exponent = Number(digits.slice(digits.indexOf('e') + 1));
  if (exponent >= -4 && exponent < (type === 'float4' ? 6 : 15)) return String(Number(digits));
  return digits.replace(/e([+-])(\d)$/, 'e$10$2');
}

const single = new Float32Array(1);
const singleBits = new Int32Array(single.buffer);

/**
 * The double half-way from a finite single to its neighbour away from zero (1) or towards it (−1).
 */
function halfWay(value: number, step: 1 | -1): number {
  single[0] = value;
  singleBits[0] += step;
  return (value + single[0]) / 2;
}

/**
 * The shortest digits, in exponential form, that lie nearer to `value` than to any other single;
 * a decimal half-way between two singles belongs to neither. Of equally near digits the even ones.
 */
function shortestSingle(value: number): string {
  const up = halfWay(value, 1);
  const down = halfWay(value, -1);
  for (let digits = 0; digits < 9; digits++) {
    const text = roundedToEven(value, digits);
    const read = Number(text);
    if (Math.fround(read) === value && read !== up && read !== down) return text;
  }
  return value.toExponential();
}

/**
 * The shortest digits of a double. Those of `toExponential` may lie half-way to the neighbour,
 * which only whole numbers above 2^53 can have within 17 digits; these take more digits.
 */
function shortestDouble(value: number): string {
  const text = value.toExponential();
  if (Math.abs(value) < 2 ** 53) return text;
  const exact = BigInt(value);
  const read = BigInt(plainDigits(text));
  const off = read < exact ? exact - read : read - exact;
  if (off === 0n) return text;
  double[0] = value;
  doubleBits[0] += read > exact === value > 0 ? 1n : -1n;
  const neighbour = Number.isFinite(double[0]) ? BigInt(double[0]) : 2n * exact - read;
  const gap = neighbour < exact ? exact - neighbour : neighbour - exact;
  if (off * 2n !== gap) return text;
  for (let digits = 1; digits < 16; digits++) {
    const longer = value.toExponential(digits);
    if (Number(longer) === value && BigInt(plainDigits(longer)) !== read) return longer;
  }
  return value.toExponential(16);
}

const double = new Float64Array(1);
const doubleBits = new BigInt64Array(double.buffer);

/** Digits in exponential form, of a whole number, without exponent. */
function plainDigits(text: string): string {
  const [mantissa = '', exponent = '0'] = text.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return whole + fraction.slice(0, Number(exponent)).padEnd(Number(exponent), '0');
}

/** `toExponential`, which rounds halves up, with halves rounded to even. */
function roundedToEven(value: number, digits: number): string {
  const text = value.toExponential(digits);
  const end = text.indexOf('e');
  if ((text.charCodeAt(end - 1) & 1) === 0) return text;
  const exact = value.toExponential(60);
  const rest = exact.slice(digits === 0 ? end + 1 : end, exact.indexOf('e'));
  if (!/^50*$/.test(rest)) return text;
  return text.slice(0, end - 1) + String(Number(text[end - 1]) - 1) + text.slice(end);
}

const truths = ['true', 'yes', 'on', '1'];
const falsehoods = ['false', 'no', 'off', '0'];

/** Reads a boolean: a unique prefix of true, false, yes, no, on, off, 1, 0, in any case. */
export function parseBool(text: string): boolean {
  const word = trimBlanks(text).toLowerCase();
  if (word !== '' && word !== 'o') {
    if (truths.some((t) => t.startsWith(word))) return true;
    if (falsehoods.some((f) => f.startsWith(word))) return false;
  }
  throw invalidText('boolean', text);
}
