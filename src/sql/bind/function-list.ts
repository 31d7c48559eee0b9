/**
 * Functions, aggregates, operators and casts as the system catalog numbers and describes them: what
 * `pg_proc`, `pg_operator` and `pg_cast` show, and the texts that `pg_get_function_arguments` and
 * its like answer. Made from the tables that calls are resolved against, so the catalog cannot
 * tell of a function that is not there. The numbers are those of one version of the program: they
 * lie below those of the user's objects and no client knows them by heart.
 */
import type { FunctionEntry, SignatureType } from '../../../dataflow/expr/function-entry.ts';
import { placeholderOids } from '../../../dataflow/expr/function-entry.ts';
import { functions } from '../../../dataflow/expr/function-table.ts';
import { quoteIdentifier } from '../../../dataflow/expr/quoting.ts';
import { typeInfo, types } from '../../../dataflow/value/type.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import { assert } from '../../base/assert.ts';
import type { CastContext } from '../types/cast.ts';
import { relabelings } from '../types/cast.ts';
import { aggregateEntries } from './aggregate-table.ts';

/** The number of the first function; the others follow without a gap. */
export const firstFunctionOid = 14_000;

/** The least number that an object of a user can have. */
const userOids = 16_384;

/** A function, an aggregate, or the function behind a cast, which has the name of its result. */
export interface ListedFunction {
  readonly oid: number;
  readonly name: string;
  readonly kind: 'function' | 'aggregate';
  readonly entry: FunctionEntry;
}

export interface ListedOperator {
  readonly oid: number;
  readonly entry: FunctionEntry;
}

export interface ListedCast {
  readonly oid: number;
  readonly from: TypeName;
  readonly to: TypeName;
  /** 0: the bytes are the same. */
  readonly functionOid: number;
  readonly context: CastContext;
}

const known = new Map<string, TypeName>(types.map((type) => [type.name, type.name]));

/** The placeholders in signatures, which the catalog shows as types. */
export const placeholderTypes: readonly { readonly name: string; readonly oid: number }[] = [
  ...placeholderOids,
].map(([name, oid]) => ({ name, oid }));

/** The number of a type or placeholder. */
export function signatureOid(type: SignatureType): number {
  const name = known.get(type);
  return name === undefined ? (placeholderOids.get(type) ?? 0) : typeInfo(name).oid;
}

function signatureText(type: SignatureType): string {
  const name = known.get(type);
  if (name === undefined) return type === 'any' ? '"any"' : type;
  return typeInfo(name).sqlName;
}

/** Types of all arguments, the repeated one last. */
export function argumentTypes(entry: FunctionEntry): readonly SignatureType[] {
  return entry.variadic === undefined ? entry.args : [...entry.args, entry.variadic];
}

/** Names that SQL text can write; the planner's own contain a blank. */
function isCallable(entry: FunctionEntry): boolean {
  return /^[a-z][a-z0-9_]*$/.test(entry.name);
}

/** Types that every other type is read from and written as, without an entry in `pg_cast`. */
const texts = new Set<SignatureType | undefined>(['text', 'varchar', 'bpchar', 'name', 'char']);

/** Postgres lists no casts of arrays, and no reading and writing of texts. */
function isListedCast(entry: FunctionEntry): boolean {
  const [from] = entry.args;
  const isOfArrays = `${from} ${entry.result}`.includes('_');
  return entry.kind === 'cast' && !isOfArrays && texts.has(from) === texts.has(entry.result);
}

function listFunctions(): readonly ListedFunction[] {
  const plain = functions.filter(
    (entry) => (entry.kind === 'function' && isCallable(entry)) || isListedCast(entry),
  );
  const all = [
    ...plain.map((entry) => ({ entry, kind: 'function' }) as const),
    ...aggregateEntries().map((entry) => ({ entry, kind: 'aggregate' }) as const),
  ];
  return all.map(({ entry, kind }, i) => ({
    oid: firstFunctionOid + i,
    name: entry.kind === 'cast' ? entry.result : entry.name,
    kind,
    entry,
  }));
}

/** Every function, by number. */
export const listedFunctions: readonly ListedFunction[] = listFunctions();

/** The number of the first operator; the others follow without a gap. */
export const firstOperatorOid = firstFunctionOid + listedFunctions.length;

/** Every operator, by number. */
export const listedOperators: readonly ListedOperator[] = functions
  .filter((entry) => entry.kind === 'operator')
  .map((entry, i) => ({ oid: firstOperatorOid + i, entry }));

function listCasts(): readonly ListedCast[] {
  const called = listedFunctions.flatMap(({ oid, entry }) => {
    const from = known.get(entry.args[0] ?? '');
    const to = known.get(entry.result);
    return entry.kind === 'cast' && from !== undefined && to !== undefined
      ? [{ from, to, functionOid: oid, context: entry.context ?? ('explicit' as const) }]
      : [];
  });
  const free = relabelings.map((each) => ({ ...each, functionOid: 0 }));
  const isFree = new Set(free.map(({ from, to }) => `${from}>${to}`));
  const first = firstOperatorOid + listedOperators.length;
  const others = called.filter(({ from, to }) => !isFree.has(`${from}>${to}`));
  return [...free, ...others].map((each, i) => ({ ...each, oid: first + i }));
}

/** Every cast, by number. */
export const listedCasts: readonly ListedCast[] = listCasts();

assert(
  firstOperatorOid + listedOperators.length + listedCasts.length < userOids,
  'numbers of the system lie below those of users',
);

/** As `pg_get_function_arguments` prints them. */
export function argumentsText({ entry }: ListedFunction): string {
  const rest = entry.variadic === undefined ? [] : [`VARIADIC ${variadicText(entry.variadic)}`];
  const columns = (entry.columns ?? []).map(
    (column) => `OUT ${quoteIdentifier(column.name)} ${signatureText(column.type)}`,
  );
  return [...entry.args.map(signatureText), ...rest, ...columns].join(', ');
}

/** Values that follow each other are declared as an array of them. */
function variadicText(type: SignatureType): string {
  if (type === 'any') return '"any"';
  return type === 'anycompatible' ? 'anycompatiblearray' : `${signatureText(type)}[]`;
}

/** As `pg_get_function_result` prints it. */
export function resultText({ entry }: ListedFunction): string {
  const one = entry.columns === undefined ? signatureText(entry.result) : 'record';
  return entry.setReturning ? `SETOF ${one}` : one;
}

/** Functions whose answers differ from call to call. */
const volatile = new Set([
  'random',
  'gen_random_uuid',
  'clock_timestamp',
  'pg_sleep',
  'set_config',
  'pg_cancel_backend',
  'pg_terminate_backend',
]);

/** i, s or v, as `pg_proc.provolatile`. */
export function volatilityLetter({ entry }: ListedFunction): 'i' | 's' | 'v' {
  if (volatile.has(entry.name)) return 'v';
  return entry.volatility === 'stable' ? 's' : 'i';
}

const volatilityWords = { i: 'IMMUTABLE', s: 'STABLE', v: 'VOLATILE' } as const;

/** The statement that would make the function, as `pg_get_functiondef` prints it. */
export function definitionText(listed: ListedFunction): string {
  const strict = listed.entry.nullHandling === 'strict' ? ' STRICT' : '';
  return [
    `CREATE OR REPLACE FUNCTION pg_catalog.${quoteIdentifier(listed.name)}(${argumentsText(listed)})`,
    ` RETURNS ${resultText(listed)}`,
    ' LANGUAGE internal',
    ` ${volatilityWords[volatilityLetter(listed)]} PARALLEL SAFE${strict}`,
    `AS $function$${listed.name}$function$`,
    '',
  ].join('\n');
}
