/**
 * One record per function, operator and cast: what the planner resolves names against, what the
 * executors evaluate, and what the reference manual is printed from. Operators are functions
 * named by their spelling (`+`, `->>`), prefix ones have one argument; a cast is a function named
 * `cast` whose key holds both types.
 *
 * `evaluate` is the meaning: a pure function over datums, the same on every machine. A `template`
 * is the same meaning as code over machine values, for the generated executor; tests compare the
 * two bit for bit. Bad data is signalled by throwing `SqlError` from `evaluate` (executors catch
 * it in one place and turn it into an error row), and by `Emitter.failure` in templates, which
 * costs nothing until it happens.
 */
import type { Datum, Row } from '../value/datum.ts';
import type { Physical, TypeName } from '../value/type.ts';
import type { Zone } from '../value/timezone.ts';
import type { DataError } from '../operators/operator.ts';
import type { FunctionKey } from './expr.ts';
import type { Matcher } from './kernels.ts';

/** Placeholders in signatures, with Postgres' meaning: equal ones stand for the same type. */
export type Polymorphic =
  'any' | 'anyelement' | 'anyarray' | 'anynonarray' | 'anycompatible' | 'anycompatiblearray';

export type SignatureType = TypeName | Polymorphic;

/** Numbers of the placeholders in signatures, as in Postgres. */
export const placeholderOids = new Map<SignatureType, number>([
  ['any', 2276],
  ['anyelement', 2283],
  ['anyarray', 2277],
  ['anynonarray', 2776],
  ['anycompatible', 5077],
  ['anycompatiblearray', 5078],
]);

/** What `evaluate` may know about the call besides the values. */
export interface CallSite {
  /** Types of the arguments as planned (no placeholders). */
  readonly args: readonly TypeName[];
  readonly result: TypeName;
}

export type Evaluate = (args: readonly Datum[], site: CallSite) => Datum;

/** `Evaluate` in a session whose zone is not UTC. */
export type EvaluateInZone = (args: readonly Datum[], zone: Zone, site: CallSite) => Datum;

/** An argument or result in generated code: names of JavaScript variables or constants. */
export interface Operand {
  readonly physical: Physical;
  /** i32, i64, f64: the value (bool: a JavaScript boolean). var: the word offset. */
  readonly value: string;
  /** var: length in bytes. */
  readonly bytes: string;
  /** var: the Int32Array that holds it. */
  readonly words: string;
  /** Present if the value is a constant: what templates may specialise the *shape* of code on. */
  readonly constant: Datum | undefined;
}

/** What a template writes into. */
export interface Emitter {
  /** Adds a statement. */
  statement(text: string): void;
  /** A fresh variable name. */
  name(): string;
  /** A statement that makes the row fail with this error. */
  failure(error: DataError): string;
  /** Name of a constant of the generated function: an int32 or double. */
  numberConstant(value: number): string;
  /** Name of a constant of the generated function: an int64. */
  bigintConstant(value: bigint): string;
  /** The number under which generated code finds a matcher in `X.matchers`. */
  matcher(matcher: Matcher): number;
  /** The number under which generated code finds a byte string in `X.keys`. */
  key(bytes: Uint8Array): number;
}

/**
 * Gives an expression for the result from operands that are not NULL. A result of a var type is the
 * offset in the heap that a kernel answers (see kernels.ts). `emit` may answer undefined: then the
 * function over datums is called.
 */
export interface Template {
  readonly emit: (args: readonly Operand[], emitter: Emitter) => string | undefined;
  /** True if it never fails, so that it may run on the zeros of a NULL. */
  readonly total: boolean;
  /** True if a kernel may answer −1 for NULL. */
  readonly nullable?: boolean;
}

export interface FunctionEntry {
  readonly key: FunctionKey;
  readonly name: string;
  readonly kind: 'function' | 'operator' | 'cast';
  /** Chapter of the manual. */
  readonly topic: string;
  readonly args: readonly SignatureType[];
  /** Type of any further arguments, if there may be some (VARIADIC). */
  readonly variadic?: SignatureType;
  readonly result: SignatureType;
  /** strict: NULL for any NULL argument, without being called. */
  readonly nullHandling: 'strict' | 'called';
  /** True if the result can be NULL though no argument is. */
  readonly nullable: boolean;
  readonly volatility: 'immutable' | 'stable';
  /** Absent in stable entries that the planner replaces by a constant. */
  readonly evaluate?: Evaluate;
  /**
   * Present in entries whose result depends on the zone of the session; `evaluate` is what it gives
   * in UTC. The planner calls it as another function, with the zone as a further argument.
   */
  readonly inZone?: EvaluateInZone;
  readonly template?: Template;
  /** The result has the words of the only argument: nothing is computed. */
  readonly binary?: boolean;
  /** The function gives rows (one column each) instead of a value. */
  readonly setReturning: boolean;
  readonly rows?: (args: readonly Datum[], site: CallSite) => Iterable<Row>;
  /** `rows` in a session whose zone is not UTC. */
  readonly rowsInZone?: (args: readonly Datum[], zone: Zone) => Iterable<Row>;
  /** Result columns of a set-returning function with several: names and types. */
  readonly columns?: readonly { readonly name: string; readonly type: SignatureType }[];
  /** Casts: where it may be applied without being written. */
  readonly context?: 'implicit' | 'assignment' | 'explicit';
  readonly description: string;
}

/** The key of a function: its name and argument types. */
export function keyOf(
  name: string,
  args: readonly SignatureType[],
  variadic?: SignatureType,
): FunctionKey {
  const rest = variadic === undefined ? [] : [`variadic ${variadic}`];
  return `${name}(${[...args, ...rest].join(',')})`;
}

/** Options of `entry`: any other field of the entry. */
export type Options = Partial<Omit<FunctionEntry, 'key' | 'name' | 'args' | 'result' | 'evaluate'>>;

/** Makes an entry; everything not given is that of an immutable strict function. */
export function entry(
  topic: string,
  name: string,
  args: readonly SignatureType[],
  result: SignatureType,
  description: string,
  evaluate: Evaluate | undefined,
  options: Options = {},
): FunctionEntry {
  return {
    key: keyOf(name, args, options.variadic),
    name,
    args,
    result,
    topic,
    description,
    kind: /^[a-z_]/.test(name) ? 'function' : 'operator',
    nullHandling: 'strict',
    nullable: false,
    volatility: 'immutable',
    setReturning: false,
    ...(evaluate === undefined ? {} : { evaluate }),
    ...options,
  };
}
