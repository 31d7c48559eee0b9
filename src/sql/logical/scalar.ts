/**
 * Scalar expressions of the logical language: typed trees over columns. They differ from the
 * engine's `Expr` in three ways: columns are named by identity, parameters are still open, and
 * subqueries may occur (until `hoist` has turned them into joins). All names and types are resolved
 * and every cast is explicit: nothing below the binder decides about types.
 *
 * Trees are immutable and may share children.
 */
import type { Datum } from '../../../dataflow/value/datum.ts';
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { FunctionKey } from '../../../dataflow/expr/expr.ts';
import { assert } from '../../base/assert.ts';
import type { Column } from './column.ts';
import type { OrderKey, Rel } from './rel.ts';

interface Typed {
  readonly type: TypeName;
  /** As in `SqlType`. */
  readonly modifier: number;
}

/** `position` is that of the reference in the text, 0 if it was made by us. */
export type ColumnReference = Typed & {
  readonly kind: 'column';
  readonly column: Column;
  readonly position: number;
};
/** Literals have type `unknown` (value: string) until a context gives them one. */
export type Constant = Typed & {
  readonly kind: 'constant';
  readonly value: Datum;
  readonly position: number;
};
export type Parameter = Typed & {
  readonly kind: 'parameter';
  readonly number: number;
  readonly position: number;
};
/** `name` is for EXPLAIN, `position` (0: none) for messages. */
export type Call = Typed & {
  readonly kind: 'call';
  readonly fn: FunctionKey;
  readonly name: string;
  readonly args: readonly Scalar[];
  readonly position: number;
};

/**
 * A subquery in an expression. `rel` may refer to columns of the surrounding query.
 *  - scalar: the value of its one column `output`, NULL without a row, error 21000 with several.
 *  - exists: whether it has a row.
 *  - any: true if `test` is true for a row, else NULL if it is NULL for one, else false. `test`
 *    reads columns of both sides.
 *  - array: its column `output` gathered into an array in the order of `order`.
 */
export type Subquery = Typed & {
  readonly kind: 'subquery';
  readonly form: 'scalar' | 'exists' | 'any' | 'array';
  readonly rel: Rel;
  readonly output: Column | null;
  readonly test: Scalar | null;
  readonly order: readonly OrderKey[];
  readonly position: number;
};

export type Scalar =
  | ColumnReference
  | Constant
  | Parameter
  | Call
  | (Typed & { readonly kind: 'and' | 'or'; readonly args: readonly Scalar[] })
  /**
   * Two values of one type are equal or both NULL; never NULL itself. What joins on whole rows ask
   * for.
   */
  | (Typed & { readonly kind: 'same'; readonly args: readonly Scalar[] })
  | (Typed & { readonly kind: 'not'; readonly arg: Scalar })
  | (Typed & { readonly kind: 'isNull'; readonly arg: Scalar })
  | (Typed & { readonly kind: 'coalesce'; readonly args: readonly Scalar[] })
  | (Typed & {
      readonly kind: 'case';
      readonly branches: readonly (readonly [Scalar, Scalar])[];
      readonly otherwise: Scalar;
    })
  | Subquery;

const bool = { type: 'bool', modifier: -1 } as const;

/** A reference to a column; `position` is 0 where the text has none. */
export function columnReference(column: Column, position = 0): ColumnReference {
  return { kind: 'column', column, position, type: column.type, modifier: column.modifier };
}

/** A constant of a type. */
export function constant(value: Datum, type: TypeName, modifier = -1, position = 0): Constant {
  return { kind: 'constant', value, type, modifier, position };
}

export const trueConstant: Constant = constant(true, 'bool');
export const falseConstant: Constant = constant(false, 'bool');

/** NULL of a type. */
export function nullConstant(type: TypeName, modifier = -1): Constant {
  return constant(null, type, modifier);
}

/** The conjunction of predicates, flattened: true for none, the predicate itself for one. */
export function and(predicates: readonly Scalar[]): Scalar {
  const flat = predicates.flatMap(conjuncts);
  if (flat.length === 0) return trueConstant;
  return flat.length === 1 && flat[0] !== undefined
    ? flat[0]
    : { kind: 'and', args: flat, ...bool };
}

/** The disjunction of predicates, flattened: false for none. */
export function or(predicates: readonly Scalar[]): Scalar {
  const flat = predicates.flatMap((each) => (each.kind === 'or' ? each.args : [each]));
  if (flat.length === 0) return falseConstant;
  return flat.length === 1 && flat[0] !== undefined ? flat[0] : { kind: 'or', args: flat, ...bool };
}

/** The negation; of a negation, what it negates. */
export function not(arg: Scalar): Scalar {
  return arg.kind === 'not' ? arg.arg : { kind: 'not', arg, ...bool };
}

/** Equal or both NULL. */
export function same(left: Scalar, right: Scalar): Scalar {
  return { kind: 'same', args: [left, right], ...bool };
}

/** True if the value is NULL. */
export function isNull(arg: Scalar): Scalar {
  return { kind: 'isNull', arg, ...bool };
}

/** The first value that is not NULL. */
export function coalesce(args: readonly Scalar[], type: TypeName, modifier = -1): Scalar {
  return { kind: 'coalesce', args, type, modifier };
}

/** The result of the first branch whose condition is true. */
export function caseOf(
  branches: readonly (readonly [Scalar, Scalar])[],
  otherwise: Scalar,
  type: TypeName,
  modifier = -1,
): Scalar {
  assert(branches.length > 0, 'a case has a branch');
  return { kind: 'case', branches, otherwise, type, modifier };
}

/** The predicates whose conjunction it is; none for constant true. */
export function conjuncts(predicate: Scalar): readonly Scalar[] {
  if (predicate.kind === 'and') return predicate.args.flatMap(conjuncts);
  if (predicate.kind === 'constant' && predicate.value === true) return [];
  return [predicate];
}

/** Direct children, a subquery's test included (not its relation). */
export function children(scalar: Scalar): readonly Scalar[] {
  switch (scalar.kind) {
    case 'column':
    case 'constant':
    case 'parameter':
      return [];
    case 'call':
    case 'and':
    case 'or':
    case 'coalesce':
    case 'same':
      return scalar.args;
    case 'not':
    case 'isNull':
      return [scalar.arg];
    case 'case':
      return [...scalar.branches.flat(), scalar.otherwise];
    case 'subquery':
      return scalar.test === null ? [] : [scalar.test];
  }
}

/** The same node with its children replaced by `f` of them; the node itself if none changed. */
export function mapChildren(scalar: Scalar, f: (child: Scalar) => Scalar): Scalar {
  switch (scalar.kind) {
    case 'column':
    case 'constant':
    case 'parameter':
      return scalar;
    case 'call':
    case 'and':
    case 'or':
    case 'coalesce':
    case 'same': {
      const args = mapList(scalar.args, f);
      return args === scalar.args ? scalar : { ...scalar, args };
    }
    case 'not':
    case 'isNull': {
      const arg = f(scalar.arg);
      return arg === scalar.arg ? scalar : { ...scalar, arg };
    }
    case 'case': {
      const flat = mapList(scalar.branches.flat(), f);
      const branches = scalar.branches.map((branch, i): readonly [Scalar, Scalar] => [
        flat[2 * i] ?? branch[0],
        flat[2 * i + 1] ?? branch[1],
      ]);
      return { ...scalar, branches, otherwise: f(scalar.otherwise) };
    }
    case 'subquery': {
      if (scalar.test === null) return scalar;
      const test = f(scalar.test);
      return test === scalar.test ? scalar : { ...scalar, test };
    }
  }
}

/** Maps a list; gives the list itself if nothing changed. */
export function mapList<T>(list: readonly T[], f: (item: T) => T): readonly T[] {
  let changed = false;
  const mapped = list.map((item) => {
    const next = f(item);
    changed ||= next !== item;
    return next;
  });
  return changed ? mapped : list;
}

/** Replaces columns by expressions, everywhere but inside the relations of subqueries. */
export function substitute(
  scalar: Scalar,
  by: (reference: ColumnReference) => Scalar | undefined,
): Scalar {
  if (scalar.kind === 'column') return by(scalar) ?? scalar;
  return mapChildren(scalar, (child) => substitute(child, by));
}

/** Calls `visit` on every node, parents first, not inside the relations of subqueries. */
export function walk(scalar: Scalar, visit: (node: Scalar) => void): void {
  visit(scalar);
  for (const child of children(scalar)) walk(child, visit);
}

/**
 * True if both compute the same value: structure, columns, constants and functions agree. Types are
 * compared only where they matter: a relabelled expression is the same value under another name.
 */
export function sameScalar(a: Scalar, b: Scalar): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'column':
      return b.kind === 'column' && a.column.id === b.column.id;
    case 'constant':
      return b.kind === 'constant' && a.type === b.type && sameDatum(a.value, b.value);
    case 'parameter':
      return b.kind === 'parameter' && a.number === b.number;
    case 'subquery':
      return false;
    case 'call':
      if (b.kind !== 'call' || a.fn !== b.fn) return false;
      break;
    default:
      break;
  }
  const left = children(a);
  const right = children(b);
  return (
    left.length === right.length &&
    left.every((child, i) => {
      const other = right[i];
      return other !== undefined && sameScalar(child, other);
    })
  );
}

/** True if two datums of one type are the same value to the byte. */
export function sameDatum(a: Datum, b: Datum): boolean {
  return a === b || datumText(a) === datumText(b);
}

/** A text that identifies a datum among those of its type. */
export function datumText(value: Datum): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint'
      ? `${part}n`
      : typeof part === 'number' && !Number.isFinite(part)
        ? `#${part}`
        : Object.is(part, -0)
          ? '-0'
          : part instanceof Uint8Array
            ? Array.from(part)
            : part,
  );
}
