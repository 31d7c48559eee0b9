/**
 * Typed scalar expressions as plain data: what the SQL layer hands to the engine, what executors
 * run, what EXPLAIN prints. A program is a list of nodes in dependency order (children have smaller
 * numbers), so common subexpressions are shared by number and nothing recurses.
 *
 * Semantics: nodes are pure. A strict function whose argument is NULL is NULL. `and`, `or`, `case`
 * and `coalesce` evaluate their later children only where the earlier ones do not decide; an error
 * in a child that is not evaluated does not exist. A row for which a filter or an output fails
 * gives one error row, the first in node order, and no ok row.
 */
import type { ColumnType, TypeName } from '../value/type.ts';
import type { Datum } from '../value/datum.ts';

/** A function's unique key in the function table: its name and argument types, `add(int8,int8)`. */
export type FunctionKey = string;

export type Expr =
  | { readonly kind: 'column'; readonly column: number; readonly type: TypeName }
  /**
   * With `parameter` (1-based) it is a place for a statement's parameter in a plan template: value
   * is null.
   */
  | {
      readonly kind: 'constant';
      readonly value: Datum;
      readonly type: TypeName;
      readonly parameter?: number;
    }
  | {
      readonly kind: 'call';
      readonly fn: FunctionKey;
      readonly args: readonly number[];
      readonly type: TypeName;
    }
  | { readonly kind: 'and' | 'or'; readonly args: readonly number[]; readonly type: 'bool' }
  | { readonly kind: 'not'; readonly arg: number; readonly type: 'bool' }
  | { readonly kind: 'isNull'; readonly arg: number; readonly type: 'bool' }
  | { readonly kind: 'coalesce'; readonly args: readonly number[]; readonly type: TypeName }
  /** Branches are pairs (condition, result) in order; the last number is the result otherwise. */
  | {
      readonly kind: 'case';
      readonly branches: readonly (readonly [number, number])[];
      readonly otherwise: number;
      readonly type: TypeName;
    };

/**
 * Filter, map and project in one: rows for which every filter is true give one row of `outputs`.
 */
export interface Program {
  readonly nodes: readonly Expr[];
  /** Node numbers that must be true (not NULL) for the row to stay, in order of evaluation. */
  readonly filters: readonly number[];
  /** Node numbers of the output columns. */
  readonly outputs: readonly number[];
}

/** The program that keeps every row and the given columns. */
export function projection(columns: readonly ColumnType[], keep: readonly number[]): Program {
  return {
    nodes: keep.map((column) => ({
      kind: 'column',
      column,
      type: columns[column]?.type ?? 'unknown',
    })),
    filters: [],
    outputs: keep.map((_, position) => position),
  };
}
