/**
 * Where an expression is bound: the names it can see, and what its place allows (aggregates,
 * set-returning functions), with the hook through which subqueries reach the query binder.
 */
import type { Query } from '../ast.ts';
import type { Column } from '../logical/column.ts';
import type { Definition, LogicalAggregate, OrderKey, Rel } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import type { SqlType } from '../catalog-view.ts';
import type { BindContext } from './context.ts';
import type { Scope } from './scope.ts';

/** A WITH entry as seen by queries that name it. */
export interface CommonTableEntry {
  readonly name: string;
  readonly definition: Definition;
  readonly outputs: readonly OutputColumn[];
}

/** The WITH entries that can be named, innermost first. */
export interface CommonTables {
  readonly entries: readonly CommonTableEntry[];
  /** Names of entries that come later in the text. */
  readonly later: readonly string[];
  readonly parent: CommonTables | null;
}

/** A column of a query's result. */
export interface OutputColumn {
  readonly name: string;
  readonly column: Column;
  readonly tableOid: number;
  readonly attribute: number;
}

/**
 * A query bound: its rows, which of their columns it gives, and what ORDER BY and LIMIT still have
 * to do.
 */
export interface BoundQuery {
  readonly rel: Rel;
  readonly outputs: readonly OutputColumn[];
  readonly order: readonly OrderKey[];
  /** -1: none. */
  readonly limit: number;
  readonly offset: number;
}

/** An aggregate call met while binding; `column` stands for its result. */
export interface BoundAggregate {
  readonly column: Column;
  readonly fn: LogicalAggregate['fn'];
  readonly args: readonly Scalar[];
  readonly filter: Scalar | null;
  readonly distinct: boolean;
  readonly order: readonly {
    readonly scalar: Scalar;
    readonly descending: boolean;
    readonly nullsFirst: boolean;
  }[];
}

/** A set-returning call in a select list; `column` stands for its rows' value. */
export interface BoundSetFunction {
  readonly column: Column;
  readonly call: Scalar & { readonly kind: 'call' };
}

export interface Environment {
  readonly context: BindContext;
  readonly scope: Scope;
  readonly tables: CommonTables | null;
  /** As messages name it: 'WHERE', 'JOIN conditions', …; '' where everything is allowed. */
  readonly clause: string;
  /** Collects the aggregates of this query; null where none may stand. */
  readonly aggregates: BoundAggregate[] | null;
  /** True inside an aggregate's arguments. */
  readonly insideAggregate: boolean;
  /** Collects set-returning calls; null where none may stand. */
  readonly setFunctions: BoundSetFunction[] | null;
  /** The environment of the surrounding query's expression, for aggregates that belong to it. */
  readonly outer: Environment | null;
  /** Binds a subquery in this environment. `targets` types untyped literals of its output. */
  readonly bindQuery: (
    query: Query,
    environment: Environment,
    targets?: readonly SqlType[],
  ) => BoundQuery;
}
