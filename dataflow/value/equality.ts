/**
 * Equality classes over var values: one function each for hash, equality and order, given the words
 * and the byte length. `bytes` compares raw words; `numeric`, `interval`, `jsonb` and arrays have
 * values that are equal and yet differ in bytes, so each has its own module.
 *
 * Laws: equal ⇒ same hash; order is total and 0 exactly for equals. A value of no bytes is NULL, or
 * the empty string of class `bytes`; its hash is 0 in every class and no class function sees it.
 */
import { AssertionError } from '../../src/base/assert.ts';
import { compareArrayWords, equalArrayWords, hashArrayWords } from './array.ts';
import { compareIntervalWords, equalIntervalWords, hashIntervalWords } from './interval.ts';
import { compareNumericWords, equalNumericWords, hashNumericWords } from './decimal.ts';
import { compareJsonbWords, equalJsonbWords, hashJsonbWords } from './jsonb.ts';
import type { TypeName } from './type.ts';
import { typeInfo } from './type.ts';
import { compareBytes, hashBytes, sameWords, wordsOf } from './words.ts';

export type VarHash = (i32: Int32Array, at: number, bytes: number) => number;
export type VarRelation<T> = (
  a: Int32Array,
  aAt: number,
  aBytes: number,
  b: Int32Array,
  bAt: number,
  bBytes: number,
) => T;

/** What an equality class can do with its values. */
export interface VarClass {
  readonly hash: VarHash;
  readonly equal: VarRelation<boolean>;
  /** Negative, 0 or positive. */
  readonly compare: VarRelation<number>;
}

const bytesClass: VarClass = {
  hash: (i32, at, bytes) => (bytes === 0 ? 0 : hashBytes(i32, at, bytes)),
  equal: (a, aAt, aBytes, b, bAt, bBytes) =>
    aBytes === bBytes && sameWords(a, aAt, b, bAt, wordsOf(aBytes)),
  compare: compareBytes,
};

const numericClass: VarClass = {
  hash: (i32, at, bytes) => (bytes === 0 ? 0 : hashNumericWords(i32, at, bytes)),
  equal: equalNumericWords,
  compare: compareNumericWords,
};

const intervalClass: VarClass = {
  hash: (i32, at, bytes) => (bytes === 0 ? 0 : hashIntervalWords(i32, at)),
  equal: (a, aAt, _aBytes, b, bAt) => equalIntervalWords(a, aAt, b, bAt),
  compare: (a, aAt, _aBytes, b, bAt) => compareIntervalWords(a, aAt, b, bAt),
};

const jsonbClass: VarClass = {
  hash: (i32, at, bytes) => (bytes === 0 ? 0 : hashJsonbWords(i32, at, bytes)),
  equal: equalJsonbWords,
  compare: compareJsonbWords,
};

function arrayClass(type: TypeName): VarClass {
  return {
    hash: (i32, at, bytes) => (bytes === 0 ? 0 : hashArrayWords(type, i32, at)),
    equal: (a, aAt, _aBytes, b, bAt) => equalArrayWords(type, a, aAt, b, bAt),
    compare: (a, aAt, _aBytes, b, bAt) => compareArrayWords(type, a, aAt, b, bAt),
  };
}

const arrayClasses = new Map<TypeName, VarClass>();

/** The class functions of a type whose physical form is `var`. */
export function varClass(type: TypeName): VarClass {
  const equality = typeInfo(type).equality;
  switch (equality) {
    case 'bytes':
      return bytesClass;
    case 'numeric':
      return numericClass;
    case 'interval':
      return intervalClass;
    case 'jsonb':
      return jsonbClass;
    case 'array': {
      const known = arrayClasses.get(type) ?? arrayClass(type);
      arrayClasses.set(type, known);
      return known;
    }
    case 'integer':
    case 'float':
      break;
  }
  return assertNever(type);
}

function assertNever(type: TypeName): never {
  throw new AssertionError(`type ${type} has no var form`);
}
