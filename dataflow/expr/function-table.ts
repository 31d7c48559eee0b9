/**
 * The table of all functions, operators and casts, and the ways to find one in it. Casts between
 * arrays are made from those of their elements when they are first asked for.
 */
import { assert, defined } from '../../src/base/assert.ts';
import type { Datum } from '../value/datum.ts';
import { stringOf } from '../value/scalar-words.ts';
import { fullZone } from '../value/timezone.ts';
import type { Zone } from '../value/timezone.ts';
import type { TypeName } from '../value/type.ts';
import { types, typeInfo } from '../value/type.ts';
import type { FunctionKey } from './expr.ts';
import type { FunctionEntry } from './function-entry.ts';
import { arrayFunctions } from './functions/array.ts';
import { bytesFunctions } from './functions/bytes.ts';
import { arrayCast, castFunctions } from './functions/cast.ts';
import { catalogFunctions } from './functions/catalog.ts';
import { comparisonFunctions } from './functions/comparison.ts';
import { datetimeFunctions } from './functions/datetime.ts';
import { degreeFunctions } from './functions/degrees.ts';
import { formatFunctions } from './functions/format.ts';
import { floatFunctions } from './functions/float.ts';
import { generalFunctions } from './functions/general.ts';
import { internalFunctions } from './functions/internal.ts';
import { integerFunctions } from './functions/integer.ts';
import { jsonFunctions } from './functions/json.ts';
import { numericFunctions } from './functions/numeric.ts';
import { patternFunctions } from './functions/pattern.ts';
import { stringFunctions } from './functions/string.ts';
import { systemFunctions } from './functions/system.ts';

/** Every entry, by topic. */
export const functions: readonly FunctionEntry[] = [
  ...comparisonFunctions,
  ...integerFunctions,
  ...floatFunctions,
  ...degreeFunctions,
  ...numericFunctions,
  ...stringFunctions,
  ...patternFunctions,
  ...datetimeFunctions,
  ...formatFunctions,
  ...jsonFunctions,
  ...arrayFunctions,
  ...bytesFunctions,
  ...generalFunctions,
  ...systemFunctions,
  ...catalogFunctions,
  ...castFunctions,
  ...internalFunctions,
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

const arrayCastKey = /^cast\((_\w+),(_\w+)\)$/;

/** The entry with a key, or undefined. */
export function functionByKey(key: FunctionKey): FunctionEntry | undefined {
  const known = byKey.get(key);
  if (known !== undefined) return known;
  if (key.endsWith(zoneSuffix)) return zoned(key);
  if (!key.startsWith('cast(_')) return undefined;
  const [from, to] = (arrayCastKey.exec(key) ?? [])
    .slice(1)
    .map((name) => types.find((type) => type.name === name)?.name);
  return from === undefined || to === undefined ? undefined : castOfArrays(from, to);
}

function castOfArrays(from: TypeName, to: TypeName): FunctionEntry | undefined {
  const element = byKey.get(`cast(${typeInfo(from).element},${typeInfo(to).element})`);
  if (element === undefined) return undefined;
  const fn = arrayCast(from, to, element);
  byKey.set(fn.key, fn);
  return fn;
}

/** Behind the key of a function that takes the zone of the session as a further argument. */
const zoneSuffix = ' in zone';

/** The key of an entry's form that takes the zone, or undefined if no zone matters to it. */
export function keyInZone(fn: FunctionEntry): FunctionKey | undefined {
  return fn.inZone === undefined && fn.rowsInZone === undefined ? undefined : fn.key + zoneSuffix;
}

function zoneOf(args: readonly Datum[]): Zone {
  const name = stringOf(args.at(-1) ?? null);
  return defined(fullZone(name), `the planner checked the zone ${name}`);
}

/** The form of an entry that takes the zone of the session as its last argument. */
function zoned(key: FunctionKey): FunctionEntry | undefined {
  const plain = functionByKey(key.slice(0, -zoneSuffix.length));
  if (plain === undefined || keyInZone(plain) === undefined) return undefined;
  const { template: _, binary: __, inZone, rowsInZone, ...rest } = plain;
  const fn: FunctionEntry = {
    ...rest,
    key,
    args: [...plain.args, 'text'],
    ...(inZone === undefined
      ? {}
      : {
          evaluate: (args, site) =>
            inZone(args.slice(0, -1), zoneOf(args), { ...site, args: site.args.slice(0, -1) }),
        }),
    ...(rowsInZone === undefined
      ? {}
      : { rows: (args) => rowsInZone(args.slice(0, -1), zoneOf(args)) }),
  };
  byKey.set(key, fn);
  return fn;
}

/** Operators of a spelling: prefix ones have one argument. */
export function operatorsNamed(name: string): readonly FunctionEntry[] {
  return byName.get(`operator ${name}`) ?? [];
}

/** Functions of a name, set-returning ones too. */
export function functionsNamed(name: string): readonly FunctionEntry[] {
  return byName.get(`function ${name}`) ?? [];
}

/** Where a cast may be applied without being written. */
export type CastContext = NonNullable<FunctionEntry['context']>;

/** The cast from one type to another and where it may be applied, or undefined. */
export function castBetween(
  from: TypeName,
  to: TypeName,
): { readonly key: FunctionKey; readonly context: CastContext } | undefined {
  const fn = functionByKey(`cast(${from},${to})`);
  return fn === undefined ? undefined : { key: fn.key, context: fn.context ?? 'explicit' };
}
