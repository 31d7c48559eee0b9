/**
 * Joins of every kind from what the engine has: inner joins with a residual, semijoins and
 * antijoins by key, unions.
 *
 * A row of an outer join's side is unmatched if it occurs in no pair. Without a residual that is an
 * antijoin by key; with one it is an antijoin, NULLs equal, with the distinct left parts of the
 * pairs. Unmatched rows are padded with NULLs.
 */
import type { Expr } from '../../../dataflow/expr/expr.ts';
import type { ColumnType } from '../../../dataflow/value/type.ts';
import { assert, defined } from '../../base/assert.ts';
import type { Column } from '../logical/column.ts';
import { columnsRead } from '../logical/deep.ts';
import type { Rel } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { and, coalesce, columnReference, falseConstant, isNull, not } from '../logical/scalar.ts';
import { foldPredicates } from '../rewrite/fold.ts';
import { splitCondition } from './join-keys.ts';
import type { KeyPair } from './join-keys.ts';
import type { Lowered } from './lowered.ts';
import { outputColumns } from './plan-builder.ts';
import type { NodeId, PlanBuilder } from './plan-builder.ts';
import { programOf } from './program.ts';

type Join = Extract<Rel, { kind: 'join' | 'apply' }>;

/** Both sides ready to be joined: keys are columns. */
interface Prepared {
  readonly left: Lowered;
  readonly right: Lowered;
  readonly leftKey: readonly number[];
  readonly rightKey: readonly number[];
  readonly nullsEqual: boolean;
  readonly residual: readonly Scalar[];
  /** Columns that the condition reads, of both sides. */
  readonly reads: ReadonlySet<number>;
}

/** The join of two lowered inputs. */
export function lowerJoin(plan: PlanBuilder, rel: Join, left: Lowered, right: Lowered): Lowered {
  const on = foldPredicates(rel.on);
  if (on === undefined) return withoutPairs(plan, rel, left, right);
  switch (rel.type) {
    case 'inner':
      return pairs(plan, prepare(plan, on, left, right, 'both'));
    case 'semi':
      return semijoin(plan, prepare(plan, on, left, right, 'both'), false);
    case 'anti':
      return antijoin(plan, on, left, right);
    case 'left':
      return leftJoin(plan, prepare(plan, on, left, right, 'right'));
    case 'right':
      return leftJoin(plan, prepare(plan, on, right, left, 'right'));
    case 'full':
      return fullJoin(plan, prepare(plan, on, left, right, 'none'));
  }
}

/** The condition is never true. */
function withoutPairs(plan: PlanBuilder, rel: Join, left: Lowered, right: Lowered): Lowered {
  const columns = [...left.columns, ...right.columns];
  switch (rel.type) {
    case 'inner':
      return {
        node: plan.empty([...plan.columns(left.node), ...plan.columns(right.node)]),
        columns,
      };
    case 'semi':
      return { node: plan.empty(plan.columns(left.node)), columns: left.columns };
    case 'anti':
      return left;
    case 'left':
      return padRight(plan, left, right);
    case 'right':
      return padRight(plan, right, left);
    case 'full': {
      const first = padRight(plan, left, right);
      return union(plan, [first, reorder(plan, padRight(plan, right, left), first.columns)]);
    }
  }
}

/** Filters the sides that may be filtered before the join, and makes columns of the keys. */
function prepare(
  plan: PlanBuilder,
  on: readonly Scalar[],
  left: Lowered,
  right: Lowered,
  push: 'both' | 'right' | 'none',
): Prepared {
  const condition = splitCondition(on, real(left), real(right));
  const filterLeft = push === 'both' ? condition.leftOnly : [];
  const filterRight = push === 'none' ? [] : condition.rightOnly;
  const residual = [
    ...(push === 'both' ? [] : condition.leftOnly),
    ...(push === 'none' ? condition.rightOnly : []),
    ...condition.residual,
  ];
  const meetsNulls = (key: KeyPair): boolean =>
    key.nullsEqual && mayBeNull(plan, key.left, left) && mayBeNull(plan, key.right, right);
  const pairs = condition.keys.map((key): KeyPair => ({ ...key, nullsEqual: meetsNulls(key) }));
  const nullsEqual = pairs.some((key) => key.nullsEqual);
  const strict = nullsEqual && push !== 'none' ? pairs.filter((key) => !key.nullsEqual) : [];
  const keys = push === 'none' && nullsEqual ? pairs.filter((key) => key.nullsEqual) : pairs;
  const extra =
    push === 'none' && nullsEqual
      ? pairs.filter((key) => !key.nullsEqual).map((key) => key.source)
      : [];
  const present = strict.map((key) => not(isNull(key.right)));
  const [l, leftKey] = withKeys(
    plan,
    left,
    filterLeft,
    keys.map((key) => key.left),
  );
  const [r, rightKey] = withKeys(
    plan,
    right,
    [...filterRight, ...present],
    keys.map((key) => key.right),
  );
  assert(leftKey.length === rightKey.length, 'keys come in pairs');
  const reads = new Set(on.flatMap((predicate) => [...columnsRead(predicate).keys()]));
  return {
    left: l,
    right: r,
    leftKey,
    rightKey,
    nullsEqual,
    residual: [...residual, ...extra],
    reads,
  };
}

function real(lowered: Lowered): readonly Column[] {
  return lowered.columns.filter((column): column is Column => column !== null);
}

/**
 * The relation filtered, and where its key expressions are; those that are no columns are added.
 */
function withKeys(
  plan: PlanBuilder,
  input: Lowered,
  predicates: readonly Scalar[],
  keys: readonly Scalar[],
): readonly [Lowered, readonly number[]] {
  const folded = foldPredicates(predicates);
  if (folded === undefined) {
    const [empty, key] = withKeys(
      plan,
      { ...input, node: plan.empty(plan.columns(input.node)) },
      [],
      keys,
    );
    return [empty, key];
  }
  const columns = real(input);
  const computed = keys.filter((key) => key.kind !== 'column');
  const outputs = [...columns.map((column) => columnReference(column)), ...computed];
  const changed = folded.length > 0 || computed.length > 0 || columns.length < input.columns.length;
  const node = changed
    ? plan.mfp(input.node, programOf(input.columns, folded, outputs))
    : input.node;
  const lowered: Lowered = {
    node,
    columns: changed ? [...columns, ...computed.map(() => null)] : input.columns,
  };
  let next = columns.length;
  const positions = keys.map((key) =>
    key.kind === 'column'
      ? lowered.columns.findIndex((column) => column?.id === key.column.id)
      : next++,
  );
  return [lowered, positions];
}

function pairs(plan: PlanBuilder, prepared: Prepared): Lowered {
  const { left, right } = prepared;
  const columns = [...left.columns, ...right.columns];
  const residual =
    prepared.residual.length === 0 ? null : programOf(columns, prepared.residual, []);
  const node = plan.join(
    left.node,
    right.node,
    prepared.leftKey,
    prepared.rightKey,
    prepared.nullsEqual,
    residual,
  );
  return { node, columns };
}

function semijoin(plan: PlanBuilder, prepared: Prepared, anti: boolean): Lowered {
  const { left, right } = prepared;
  if (prepared.residual.length > 0)
    return matchingRows(plan, left, pairs(plan, prepared), prepared.reads, anti);
  return {
    node: plan.semijoin(
      left.node,
      right.node,
      prepared.leftKey,
      prepared.rightKey,
      anti,
      prepared.nullsEqual,
    ),
    columns: left.columns,
  };
}

/**
 * Left rows for which no right row meets the condition. Two forms are taken apart so that keys can
 * do the work: a predicate on the left alone (rows that fail it stay anyway), and NOT IN's "equal
 * or NULL", which is three antijoins: by the key, with the right rows of NULL key, and, for left
 * rows of NULL key, with any right row.
 */
function antijoin(
  plan: PlanBuilder,
  on: readonly Scalar[],
  left: Lowered,
  right: Lowered,
): Lowered {
  const index = on.findIndex((predicate) => equalOrNull(predicate, left, right) !== undefined);
  const parts =
    index < 0 ? undefined : equalOrNull(defined(on[index], 'it was found'), left, right);
  if (parts !== undefined) {
    const others = on.filter((_, i) => i !== index);
    const steps = [
      [parts.equal],
      ...parts.nulls.filter((each) => mayBeTrue(plan, each, left, right)).map((each) => [each]),
    ];
    return steps.reduce((rows, step) => antijoin(plan, [...others, ...step], rows, right), left);
  }
  const { leftOnly } = splitCondition(on, real(left), real(right));
  const rest = on.filter((predicate) => !leftOnly.includes(predicate));
  if (leftOnly.length === 0) return semijoin(plan, prepare(plan, on, left, right, 'right'), true);
  const columns = real(left);
  const meets = and(leftOnly);
  const outputs = columns.map((column) => columnReference(column));
  const tested = { node: plan.mfp(left.node, programOf(left.columns, [meets], outputs)), columns };
  const fails = not(coalesce([meets, falseConstant], 'bool'));
  const kept = { node: plan.mfp(left.node, programOf(left.columns, [fails], outputs)), columns };
  return union(plan, [kept, antijoin(plan, rest, tested, right)]);
}

/** `coalesce(a = b, true)` with a on the left and b on the right. */
function equalOrNull(
  predicate: Scalar,
  left: Lowered,
  right: Lowered,
): { readonly equal: Scalar; readonly nulls: readonly Scalar[] } | undefined {
  if (predicate.kind !== 'coalesce') return undefined;
  const [equal, otherwise] = predicate.args;
  if (
    equal === undefined ||
    otherwise?.kind !== 'constant' ||
    otherwise.value !== true ||
    predicate.args.length !== 2
  )
    return undefined;
  const [key] = splitCondition([equal], real(left), real(right)).keys;
  if (key === undefined || key.nullsEqual) return undefined;
  return { equal, nulls: [isNull(key.right), isNull(key.left)] };
}

/** False for the NULL test of something that is known not to be NULL. */
function mayBeTrue(plan: PlanBuilder, test: Scalar, left: Lowered, right: Lowered): boolean {
  const arg = test.kind === 'isNull' ? test.arg : test;
  const onLeft = [...columnsRead(arg).keys()].some((id) =>
    left.columns.some((column) => column?.id === id),
  );
  return mayBeNull(plan, arg, onLeft ? left : right);
}

function mayBeNull(plan: PlanBuilder, scalar: Scalar, side: Lowered): boolean {
  return (
    outputColumns(programOf(side.columns, [], [scalar]), plan.columns(side.node))[0]?.nullable ??
    true
  );
}

/**
 * The rows of one side that occur in pairs, or that do not. Whether a row does depends on the
 * columns that the condition reads, so these are compared.
 */
function matchingRows(
  plan: PlanBuilder,
  side: Lowered,
  joined: Lowered,
  reads: ReadonlySet<number>,
  anti: boolean,
): Lowered {
  const columns = real(side).filter((column) => reads.has(column.id));
  const keep = columns.map((column) => joined.columns.findIndex((each) => each?.id === column.id));
  const matched = plan.distinct(plan.project(joined.node, keep));
  const leftKey = columns.map((column) => side.columns.findIndex((each) => each?.id === column.id));
  const nullsEqual = leftKey.some(
    (position) => plan.columns(side.node)[position]?.nullable ?? true,
  );
  const node = plan.semijoin(
    side.node,
    matched,
    leftKey,
    columns.map((_, i) => i),
    anti,
    nullsEqual,
  );
  return { node, columns: side.columns };
}

/** Rows of the left side that are in no pair. */
function unmatched(plan: PlanBuilder, prepared: Prepared, joined: Lowered): Lowered {
  if (prepared.residual.length > 0)
    return matchingRows(plan, prepared.left, joined, prepared.reads, true);
  return semijoin(plan, prepared, true);
}

function leftJoin(plan: PlanBuilder, prepared: Prepared): Lowered {
  const joined = pairs(plan, prepared);
  return union(plan, [joined, padRight(plan, unmatched(plan, prepared, joined), prepared.right)]);
}

function fullJoin(plan: PlanBuilder, prepared: Prepared): Lowered {
  const joined = pairs(plan, prepared);
  const mirrored: Prepared = {
    ...prepared,
    left: prepared.right,
    right: prepared.left,
    leftKey: prepared.rightKey,
    rightKey: prepared.leftKey,
  };
  const lonelyRight = padRight(plan, unmatched(plan, mirrored, joined), prepared.left);
  return union(plan, [
    joined,
    padRight(plan, unmatched(plan, prepared, joined), prepared.right),
    lonelyRight,
  ]);
}

/** The rows with NULLs for the columns of the other side. */
function padRight(plan: PlanBuilder, rows: Lowered, other: Lowered): Lowered {
  const kept = real(rows);
  const otherTypes = plan.columns(other.node);
  const padding = other.columns.flatMap((column, i) =>
    column === null ? [] : [{ column, type: defined(otherTypes[i], 'a type each').type }],
  );
  const base = programOf(
    rows.columns,
    [],
    kept.map((column) => columnReference(column)),
  );
  const nodes: Expr[] = [
    ...base.nodes,
    ...padding.map((pad): Expr => ({ kind: 'constant', value: null, type: pad.type })),
  ];
  const outputs = [...base.outputs, ...padding.map((_, i) => base.nodes.length + i)];
  return {
    node: plan.mfp(rows.node, { nodes, filters: [], outputs }),
    columns: [...kept, ...padding.map((pad) => pad.column)],
  };
}

function reorder(plan: PlanBuilder, rows: Lowered, columns: readonly (Column | null)[]): Lowered {
  const wanted = columns.filter((column): column is Column => column !== null);
  const positions = wanted.map((column) =>
    rows.columns.findIndex((each) => each?.id === column.id),
  );
  assert(
    positions.every((position) => position >= 0),
    'both parts of a join have the same columns',
  );
  return { node: plan.project(rows.node, positions), columns: wanted };
}

function union(plan: PlanBuilder, parts: readonly Lowered[]): Lowered {
  const first = defined(parts[0], 'a union has parts');
  const columns = real(first);
  const aligned = parts.map((part) => reorder(plan, part, columns));
  const types = columns.map((_, i): ColumnType => {
    const each = aligned.map((part) =>
      defined(plan.columns(part.node)[i], 'parts have the same columns'),
    );
    return {
      type: defined(each[0], 'a union has parts').type,
      nullable: each.some((type) => type.nullable),
    };
  });
  return {
    node: plan.union(
      aligned.map((part): NodeId => part.node),
      types,
    ),
    columns,
  };
}
