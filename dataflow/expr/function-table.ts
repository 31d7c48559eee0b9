/**
 * The table of all functions, operators and casts, and the ways to find one in it.
 */
import { assert } from '../../src/base/assert.ts';
import type { TypeName } from '../value/type.ts';
import type { FunctionKey } from './expr.ts';
import type { FunctionEntry } from './function-entry.ts';
import { comparisonFunctions } from './functions/comparison.ts';
import { integerFunctions } from './functions/integer.ts';

/** Every entry, by topic. */
export const functions: readonly FunctionEntry[] = [
  ...comparisonFunctions,
  ...integerFunctions,
];

const byKey = new Map<FunctionKey, FunctionEntry>();
const byName = new Map<string, FunctionEntry[]>();

for (const fn of functions) {
  assert(!byKey.has(fn.key), `function ${fn.key} is in the table once`);
  byKey.set(fn.key, fn);
  const index = `${fn.kind} ${fn.name}`;
  const same = byName.get(index);
  if (same === undefined) byName.set(index, [fn]);
  else same.push(fn);
}

/** The entry with a key, or undefined. */
export function functionByKey(key: FunctionKey): FunctionEntry | undefined {
  return byKey.get(key);
}

/** Operators of a spelling: prefix ones have one argument. */
export function operatorsNamed(name: string): readonly FunctionEntry[] {
  return byName.get(`operator ${name}`) ?? [];
}

/** Functions of a name, set-returning ones too. */
export function functionsNamed(name: string): readonly FunctionEntry[] {
  return byName.get(`function ${name}`) ?? [];
}

/** The cast from one type to another and where it may be applied, or undefined. */
export function castBetween(
  from: TypeName, to: TypeName,
): { readonly key: FunctionKey; readonly context: 'implicit' | 'assignment' | 'explicit' } | undefined {
  const fn = byKey.get(`cast(${from},${to})`);
  return fn === undefined ? undefined : { key: fn.key, context: fn.context ?? 'explicit' };
}
