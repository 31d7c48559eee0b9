/**
 * Relational expressions of the logical language: what a query means, before anything is decided
 * about how it runs. A tree of operators over columns named by identity; every operator says which
 * columns it provides (`columnsOf`).
 *
 * Invariants: the columns that the inputs of one operator provide are distinct; an expression
 * refers to columns of its inputs, or, inside the right side of an `apply` or a subquery, to
 * columns of the surrounding query. A plan that is used more than once is a `Definition`, and each
 * use is a `shared` node with columns of its own; so trees stay trees and no column is provided
 * twice.
 */
import type { AggregateName } from '../../../dataflow/plan/plan.ts';
import type { FunctionKey } from '../../../dataflow/expr/expr.ts';
import type { Row } from '../../../dataflow/value/datum.ts';
import type { Relation } from '../catalog-view.ts';
import type { Column } from './column.ts';
import type { Scalar } from './scalar.ts';

/** A plan with a number of uses. */
export interface Definition {
  readonly id: number;
  /** For EXPLAIN: the name of the WITH entry, or ''. */
  readonly name: string;
  readonly rel: Rel;
  /** The columns of `rel` that uses may read, in the order of their own columns. */
  readonly columns: readonly Column[];
}

export interface OrderKey {
  readonly column: Column;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** An aggregate over columns of the input. */
export interface LogicalAggregate {
  readonly column: Column;
  readonly fn: AggregateName;
  readonly argument: Column | null;
  readonly argument2: Column | null;
  readonly filter: Column | null;
  readonly distinct: boolean;
  readonly order: readonly OrderKey[];
}

export interface Output {
  readonly column: Column;
  readonly expression: Scalar;
}

export type JoinType = 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti';

export type Rel =
  | {
      readonly kind: 'constant';
      readonly rows: readonly Row[];
      readonly columns: readonly Column[];
    }
  /** `columns[i]` is the relation's column `positions[i]`. */
  | {
      readonly kind: 'get';
      readonly relation: Relation;
      readonly positions: readonly number[];
      readonly columns: readonly Column[];
    }
  | {
      readonly kind: 'shared';
      readonly definition: Definition;
      readonly columns: readonly Column[];
    }
  /** Exactly the outputs. */
  | { readonly kind: 'project'; readonly input: Rel; readonly outputs: readonly Output[] }
  | { readonly kind: 'filter'; readonly input: Rel; readonly predicates: readonly Scalar[] }
  /** Semi and anti give the left columns, the others left and right. */
  | {
      readonly kind: 'join';
      readonly type: JoinType;
      readonly left: Rel;
      readonly right: Rel;
      readonly on: readonly Scalar[];
    }
  /** A join whose right side may refer to columns of the left one; inner, left, semi, anti. */
  | {
      readonly kind: 'apply';
      readonly type: JoinType;
      readonly left: Rel;
      readonly right: Rel;
      readonly on: readonly Scalar[];
    }
  /** Keys, then aggregates; `single` gives one row even for no input (and then has no keys). */
  | {
      readonly kind: 'reduce';
      readonly input: Rel;
      readonly keys: readonly Column[];
      readonly aggregates: readonly LogicalAggregate[];
      readonly single: boolean;
    }
  | { readonly kind: 'distinct'; readonly input: Rel }
  | {
      readonly kind: 'topk';
      readonly input: Rel;
      readonly keys: readonly Column[];
      readonly order: readonly OrderKey[];
      readonly limit: number;
      readonly offset: number;
    }
  /** Its columns, in order, are those of `columns` of each input. */
  | {
      readonly kind: 'union';
      readonly inputs: readonly { readonly rel: Rel; readonly columns: readonly Column[] }[];
      readonly columns: readonly Column[];
    }
  | { readonly kind: 'negate'; readonly input: Rel }
  | { readonly kind: 'threshold'; readonly input: Rel }
  /** The input's rows, each with the rows of a set-returning function of its columns. */
  | {
      readonly kind: 'flatMap';
      readonly input: Rel;
      readonly fn: FunctionKey;
      readonly args: readonly Column[];
      readonly outputs: readonly Column[];
    };

/** One row without columns: what a query without FROM reads. */
export const unit: Rel = { kind: 'constant', rows: [[]], columns: [] };

const provided = new WeakMap<Rel, readonly Column[]>();

/**
 * The columns an operator provides, in the order it would list them. Remembered, as plans do not
 * change.
 */
export function columnsOf(rel: Rel): readonly Column[] {
  const known = provided.get(rel);
  if (known !== undefined) return known;
  const columns = listColumns(rel);
  provided.set(rel, columns);
  return columns;
}

function listColumns(rel: Rel): readonly Column[] {
  switch (rel.kind) {
    case 'constant':
    case 'get':
    case 'shared':
    case 'union':
      return rel.columns;
    case 'project':
      return rel.outputs.map((output) => output.column);
    case 'filter':
    case 'distinct':
    case 'topk':
    case 'negate':
    case 'threshold':
      return columnsOf(rel.input);
    case 'join':
    case 'apply':
      return rel.type === 'semi' || rel.type === 'anti'
        ? columnsOf(rel.left)
        : [...columnsOf(rel.left), ...columnsOf(rel.right)];
    case 'reduce':
      return [...rel.keys, ...rel.aggregates.map((aggregate) => aggregate.column)];
    case 'flatMap':
      return [...columnsOf(rel.input), ...rel.outputs];
  }
}

/** The inputs of an operator (a `shared` node has none: its definition is a plan of its own). */
export function inputsOf(rel: Rel): readonly Rel[] {
  switch (rel.kind) {
    case 'constant':
    case 'get':
    case 'shared':
      return [];
    case 'join':
    case 'apply':
      return [rel.left, rel.right];
    case 'union':
      return rel.inputs.map((input) => input.rel);
    default:
      return [rel.input];
  }
}

/** The same operator over other inputs; itself if `f` changes none. */
export function mapInputs(rel: Rel, f: (input: Rel) => Rel): Rel {
  switch (rel.kind) {
    case 'constant':
    case 'get':
    case 'shared':
      return rel;
    case 'join':
    case 'apply': {
      const left = f(rel.left);
      const right = f(rel.right);
      return left === rel.left && right === rel.right ? rel : { ...rel, left, right };
    }
    case 'union': {
      const inputs = rel.inputs.map((input) => {
        const next = f(input.rel);
        return next === input.rel ? input : { ...input, rel: next };
      });
      return inputs.every((input, i) => input === rel.inputs[i]) ? rel : { ...rel, inputs };
    }
    default: {
      const input = f(rel.input);
      return input === rel.input ? rel : { ...rel, input };
    }
  }
}

/** The scalar expressions of the operator itself. */
export function scalarsOf(rel: Rel): readonly Scalar[] {
  switch (rel.kind) {
    case 'project':
      return rel.outputs.map((output) => output.expression);
    case 'filter':
      return rel.predicates;
    case 'join':
    case 'apply':
      return rel.on;
    default:
      return [];
  }
}

/** The same operator with its scalar expressions replaced. */
export function mapScalars(rel: Rel, f: (scalar: Scalar) => Scalar): Rel {
  switch (rel.kind) {
    case 'project':
      return {
        ...rel,
        outputs: rel.outputs.map((output) => ({ ...output, expression: f(output.expression) })),
      };
    case 'filter':
      return { ...rel, predicates: rel.predicates.map(f) };
    case 'join':
    case 'apply':
      return { ...rel, on: rel.on.map(f) };
    default:
      return rel;
  }
}

/** Keeps the rows for which all predicates are true. */
export function filter(input: Rel, predicates: readonly Scalar[]): Rel {
  return predicates.length === 0 ? input : { kind: 'filter', input, predicates };
}
