/**
 * The engine's input language: a dataflow as plain data. Nodes are in dependency order, children by
 * number, columns by position; nothing here names a table, a closure or a class, so a plan crosses
 * threads, can be printed, compared and stored, and its fingerprint identifies its meaning.
 *
 * Every node stands for a collection: a multiset of rows with weights that changes over steps.
 * `columns` are the types of its rows.
 */
import type { Program, FunctionKey } from '../expr/expr.ts';
import type { Datum, Update } from '../value/datum.ts';
import type { ColumnType, TypeName } from '../value/type.ts';

/** One key of an ORDER BY: a column of the input. */
export interface Order {
  readonly column: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

export type AggregateName =
  | 'count'
  | 'sum'
  | 'avg'
  | 'min'
  | 'max'
  | 'bool_and'
  | 'bool_or'
  | 'string_agg'
  | 'array_agg'
  | 'jsonb_agg'
  | 'jsonb_object_agg'
  | 'stddev_samp'
  | 'stddev_pop'
  | 'var_samp'
  | 'var_pop';

export interface Aggregate {
  readonly fn: AggregateName;
  /** Input column, or -1 for count(*). jsonb_object_agg and string_agg read a second one. */
  readonly argument: number;
  readonly argument2: number;
  readonly argumentType: TypeName;
  /** Column of type bool: rows where it is not true do not count; -1 for none. */
  readonly filter: number;
  readonly distinct: boolean;
  /**
   * For string_agg, array_agg, jsonb_agg; empty otherwise (then the order is that of the argument).
   */
  readonly order: readonly Order[];
  readonly type: TypeName;
}

export type Node =
  /** Rows that never change. */
  | {
      readonly kind: 'constant';
      readonly rows: readonly Update[];
      readonly columns: readonly ColumnType[];
    }
  /** Columns `demand` (in this order) of a collection made elsewhere. */
  | {
      readonly kind: 'get';
      readonly collection: number;
      readonly demand: readonly number[];
      readonly columns: readonly ColumnType[];
    }
  | {
      readonly kind: 'mfp';
      readonly input: number;
      readonly program: Program;
      readonly columns: readonly ColumnType[];
    }
  /** Each row gives the rows of a set-returning function: input columns, then the function's. */
  | {
      readonly kind: 'flatMap';
      readonly input: number;
      readonly fn: FunctionKey;
      readonly args: readonly number[];
      readonly columns: readonly ColumnType[];
    }
  /**
   * Inner join: left columns, then right columns, of pairs whose keys are equal and not NULL (NULLs
   * are equal where `nullsEqual`), and for which `residual`, over the joined columns, is true.
   * Empty keys make it a cross join.
   *
   * `leftSums` (and so the right ones) says that of the left side's columns those that are neither
   * in the key nor in `leftSums` do not exist, and that those in `leftSums` are asked for by count,
   * sum and avg alone: rows of one key may be replaced by others with the same counts and sums.
   */
  | {
      readonly kind: 'join';
      readonly left: number;
      readonly right: number;
      readonly leftKey: readonly number[];
      readonly rightKey: readonly number[];
      readonly nullsEqual: boolean;
      readonly residual: Program | null;
      readonly leftSums?: readonly number[];
      readonly rightSums?: readonly number[];
      readonly columns: readonly ColumnType[];
    }
  /** Left rows, weights unchanged, whose key occurs on the right (anti: does not occur). */
  | {
      readonly kind: 'semijoin';
      readonly left: number;
      readonly right: number;
      readonly leftKey: readonly number[];
      readonly rightKey: readonly number[];
      readonly anti: boolean;
      readonly nullsEqual: boolean;
      readonly columns: readonly ColumnType[];
    }
  /**
   * Key columns, then aggregates, one row per key that has rows. (No row for an empty key on empty
   * input.)
   */
  | {
      readonly kind: 'reduce';
      readonly input: number;
      readonly key: readonly number[];
      readonly aggregates: readonly Aggregate[];
      readonly columns: readonly ColumnType[];
    }
  /** One row per distinct row of positive weight. */
  | { readonly kind: 'distinct'; readonly input: number; readonly columns: readonly ColumnType[] }
  /** Rows of positive weight, weights unchanged; the others vanish. */
  | { readonly kind: 'threshold'; readonly input: number; readonly columns: readonly ColumnType[] }
  | { readonly kind: 'negate'; readonly input: number; readonly columns: readonly ColumnType[] }
  | {
      readonly kind: 'union';
      readonly inputs: readonly number[];
      readonly columns: readonly ColumnType[];
    }
  /**
   * Per key the rows offset … offset + limit - 1 in `order` (ties by the whole row); limit -1: all.
   */
  | {
      readonly kind: 'topk';
      readonly input: number;
      readonly key: readonly number[];
      readonly order: readonly Order[];
      readonly limit: number;
      readonly offset: number;
      readonly columns: readonly ColumnType[];
    };

export interface Plan {
  readonly nodes: readonly Node[];
  /** The node whose collection the dataflow gives out. */
  readonly root: number;
}

/** Columns of an index and the key values to look up, one list a key. */
export interface LookupKey {
  readonly columns: readonly number[];
  readonly values: readonly (readonly Datum[])[];
  /**
   * In a template: which columns of the (one) key are parameters of the statement, and of what
   * types.
   */
  readonly parameters?: readonly {
    readonly position: number;
    readonly parameter: number;
    readonly type: TypeName;
    readonly stored: TypeName;
  }[];
}

/** A request for rows of a stored collection, answered without a dataflow. */
export interface Lookup {
  readonly collection: number;
  /** Columns of an index and the key values to look up; null scans everything. */
  readonly key: LookupKey | null;
  /** Over the collection's columns. */
  readonly program: Program;
  readonly columns: readonly ColumnType[];
}
