/**
 * The choice between functions or operators of one name: chapter 10 of the Postgres manual, rule by
 * rule. Signatures may hold placeholders (`anyelement`, …), bound to the actual types here.
 */
import type { FunctionEntry, SignatureType } from '../../../dataflow/expr/function-entry.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import type { Category, TypeName } from '../../../dataflow/value/type.ts';
import { typeNamed } from './type-name.ts';
import { canCoerce } from './cast.ts';

/** An entry with its signature for a given number of arguments. */
interface Candidate {
  readonly entry: FunctionEntry;
  readonly args: readonly SignatureType[];
}

/** The entry to call and the types its arguments must be brought to. */
export interface Choice {
  readonly entry: FunctionEntry;
  readonly args: readonly TypeName[];
  readonly result: TypeName;
}

export type Resolution = Choice | 'none' | 'ambiguous';

const placeholders = new Set<SignatureType>([
  'any',
  'anyelement',
  'anyarray',
  'anynonarray',
  'anycompatible',
  'anycompatiblearray',
]);

function isPlaceholder(type: SignatureType): boolean {
  return placeholders.has(type);
}

function concrete(type: SignatureType): TypeName | undefined {
  switch (type) {
    case 'any':
    case 'anyelement':
    case 'anyarray':
    case 'anynonarray':
    case 'anycompatible':
    case 'anycompatiblearray':
      return undefined;
    default:
      return type;
  }
}

/** Choices made before: they depend on the table and the types alone. */
const remembered = new Map<readonly FunctionEntry[], Map<string, Resolution>>();

/** Calls with more arguments are not remembered, so that the memory is bounded by the table. */
const argumentsRememberedMax = 3;

function remember(
  entries: readonly FunctionEntry[],
  args: readonly TypeName[],
  make: () => Resolution,
): Resolution {
  if (entries.length === 0) return 'none';
  if (args.length > argumentsRememberedMax) return make();
  let choices = remembered.get(entries);
  if (choices === undefined) {
    choices = new Map();
    remembered.set(entries, choices);
  }
  const key = args.join();
  let choice = choices.get(key);
  if (choice === undefined) {
    choice = make();
    choices.set(key, choice);
  }
  return choice;
}

/** Resolves a function call. `entries` is a list of the table itself, not a copy. */
export function chooseFunction(
  entries: readonly FunctionEntry[],
  args: readonly TypeName[],
): Resolution {
  return remember(entries, args, () => resolveFunction(entries, args));
}

function resolveFunction(entries: readonly FunctionEntry[], args: readonly TypeName[]): Resolution {
  const candidates = entries.flatMap((entry) => signature(entry, args.length));
  const exact = candidates.find((candidate) => candidate.args.every((type, i) => type === args[i]));
  if (exact !== undefined) return bind(exact, args) ?? 'none';
  return choose(candidates, args);
}

/**
 * Resolves an operator: as a function, but an unknown operand is first taken to be of the other's
 * type.
 */
export function chooseOperator(
  entries: readonly FunctionEntry[],
  args: readonly TypeName[],
): Resolution {
  return remember(entries, args, () => resolveOperator(entries, args));
}

function resolveOperator(entries: readonly FunctionEntry[], args: readonly TypeName[]): Resolution {
  const candidates = entries
    .filter((entry) => entry.args.length === args.length)
    .map((entry): Candidate => ({ entry, args: entry.args }));
  const known = args.find((type) => type !== 'unknown');
  const assumed =
    known === undefined || args.length !== 2
      ? args
      : args.map((type) => (type === 'unknown' ? known : type));
  const exact = candidates.find((candidate) =>
    candidate.args.every((type, i) => type === assumed[i]),
  );
  if (exact !== undefined) return bind(exact, args) ?? 'none';
  return choose(candidates, args);
}

function signature(entry: FunctionEntry, count: number): readonly Candidate[] {
  if (entry.args.length === count) return [{ entry, args: entry.args }];
  const { variadic } = entry;
  if (variadic === undefined || count < entry.args.length) return [];
  const rest = new Array<SignatureType>(count - entry.args.length).fill(variadic);
  return [{ entry, args: [...entry.args, ...rest] }];
}

function choose(all: readonly Candidate[], args: readonly TypeName[]): Resolution {
  const viable = all.filter((candidate) => accepts(candidate, args));
  if (viable.length === 0) return 'none';
  const only = viable.length === 1 ? viable[0] : select(viable, args);
  if (only === undefined) return 'ambiguous';
  return bind(only, args) ?? 'none';
}

function accepts(candidate: Candidate, args: readonly TypeName[]): boolean {
  const matches = candidate.args.every((type, i) => {
    const wanted = concrete(type);
    const given = args[i] ?? 'unknown';
    return wanted === undefined || canCoerce(given, wanted, 'implicit');
  });
  return matches && (!candidate.args.some(isPlaceholder) || bind(candidate, args) !== undefined);
}

/** The rules that thin out several viable candidates; undefined if more than one is left. */
function select(viable: readonly Candidate[], args: readonly TypeName[]): Candidate | undefined {
  const known = (i: number): boolean => args[i] !== 'unknown';
  const exact = best(viable, (candidate) =>
    count(candidate, (type, i) => known(i) && type === args[i]),
  );
  if (exact.length === 1) return exact[0];
  const preferred = best(exact, (candidate) =>
    count(candidate, (type, i) => {
      const given = args[i];
      return (
        given !== undefined &&
        known(i) &&
        (type === given || isPreferred(type, typeInfo(given).category))
      );
    }),
  );
  if (preferred.length === 1) return preferred[0];
  if (!args.includes('unknown')) return undefined;
  const kept = byCategory(preferred, args);
  if (kept.length === 1) return kept[0];
  return byKnownType(kept, args);
}

function count(candidate: Candidate, test: (type: SignatureType, i: number) => boolean): number {
  return candidate.args.filter(test).length;
}

function best(
  candidates: readonly Candidate[],
  score: (candidate: Candidate) => number,
): readonly Candidate[] {
  const scores = candidates.map(score);
  const greatest = Math.max(...scores);
  return candidates.filter((_, i) => scores[i] === greatest);
}

function categoryOf(type: SignatureType): Category {
  const known = concrete(type);
  if (known !== undefined) return typeInfo(known).category;
  return 'P';
}

function isPreferred(type: SignatureType, category: Category): boolean {
  const known = concrete(type);
  if (known === undefined) return false;
  const info = typeInfo(known);
  return info.preferred && info.category === category;
}

/**
 * Unknown arguments take the string category if a candidate accepts it there, else the one that all
 * candidates agree on; candidates of other categories, or not of a preferred type where one exists,
 * fall out. Without agreement nothing falls out, and the choice fails.
 */
function byCategory(
  candidates: readonly Candidate[],
  args: readonly TypeName[],
): readonly Candidate[] {
  const slots = args.map((type, i) => {
    if (type !== 'unknown') return null;
    const offered = candidates.map((candidate) => candidate.args[i] ?? 'unknown');
    const categories = new Set(offered.map(categoryOf));
    const category = categories.has('S')
      ? 'S'
      : categories.size === 1
        ? [...categories][0]
        : undefined;
    if (category === undefined) return undefined;
    return { category, preferred: offered.some((each) => isPreferred(each, category)) };
  });
  if (slots.includes(undefined)) return candidates;
  const kept = candidates.filter((candidate) =>
    candidate.args.every((type, i) => {
      const slot = slots[i];
      return (
        slot === null ||
        slot === undefined ||
        (categoryOf(type) === slot.category &&
          (!slot.preferred || isPreferred(type, slot.category)))
      );
    }),
  );
  return kept.length > 0 ? kept : candidates;
}

/** If all known arguments have one type, the unknown ones are taken to be of it too. */
function byKnownType(
  candidates: readonly Candidate[],
  args: readonly TypeName[],
): Candidate | undefined {
  const known = new Set(args.filter((type) => type !== 'unknown'));
  const [only] = known;
  if (known.size !== 1 || only === undefined) return undefined;
  const same = candidates.filter((candidate) =>
    accepts(
      candidate,
      args.map(() => only),
    ),
  );
  return same.length === 1 ? same[0] : undefined;
}

/** Replaces placeholders by types; undefined if the arguments do not agree on them. */
function bind(candidate: Candidate, given: readonly TypeName[]): Choice | undefined {
  const { entry } = candidate;
  if (!candidate.args.some(isPlaceholder)) {
    const result = concrete(entry.result);
    if (result === undefined) return undefined;
    return {
      entry,
      args: candidate.args.map((type, i) => concrete(type) ?? given[i] ?? 'unknown'),
      result,
    };
  }
  const element = elementType(
    candidate.args,
    given,
    ['anyelement', 'anynonarray'],
    'anyarray',
    false,
  );
  const compatible = elementType(
    candidate.args,
    given,
    ['anycompatible'],
    'anycompatiblearray',
    true,
  );
  if (element === null || compatible === null) return undefined;
  const resolve = (type: SignatureType, actual: TypeName | undefined): TypeName | undefined => {
    switch (type) {
      case 'any':
        return actual;
      case 'anyelement':
      case 'anynonarray':
        return element;
      case 'anyarray':
        return element === undefined ? undefined : arrayOf(element, actual);
      case 'anycompatible':
        return compatible;
      case 'anycompatiblearray':
        return compatible === undefined ? undefined : arrayOf(compatible, actual);
      default:
        return type;
    }
  };
  const args = candidate.args.map((type, i) => resolve(type, given[i]));
  const result = resolve(entry.result, undefined);
  if (result === undefined) return undefined;
  const types: TypeName[] = [];
  for (const type of args) {
    if (type === undefined) return undefined;
    types.push(type);
  }
  return { entry, args: types, result };
}

/** int2vector and oidvector pass as arrays of their own type. */
function arrayOf(element: TypeName, actual: TypeName | undefined): TypeName | undefined {
  if (actual !== undefined && actual !== 'unknown' && typeInfo(actual).element === element)
    return actual;
  return typeNamed(`_${element}`);
}

/**
 * The type the placeholders of one family stand for: undefined if the family does not occur, null
 * if it has no consistent type.
 */
function elementType(
  wanted: readonly SignatureType[],
  given: readonly TypeName[],
  scalars: readonly SignatureType[],
  arrays: SignatureType,
  mayConvert: boolean,
): TypeName | undefined | null {
  let element: TypeName | undefined;
  let occurs = false;
  for (const [i, type] of wanted.entries()) {
    const isArray = type === arrays;
    if (!isArray && !scalars.includes(type)) continue;
    occurs = true;
    const actual = given[i];
    if (actual === undefined || actual === 'unknown') continue;
    const found = isArray ? typeInfo(actual).element : actual;
    if (found === undefined) return null;
    if (type === 'anynonarray' && typeInfo(actual).element !== undefined) return null;
    if (element === undefined || element === found) element = found;
    else if (!mayConvert) return null;
    else if (canCoerce(element, found, 'implicit') && !canCoerce(found, element, 'implicit'))
      element = found;
    else if (!canCoerce(found, element, 'implicit')) return null;
  }
  if (!occurs) return undefined;
  return element ?? (mayConvert ? 'text' : null);
}
