/**
 * UNION, INTERSECT, EXCEPT: both sides brought to common types, then composed from union, distinct,
 * semijoins over all columns, and (for ALL) arithmetic on weights.
 */
import type { QueryBody } from '../ast.ts';
import { defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { SqlType } from '../catalog-view.ts';
import type { Column } from '../logical/column.ts';
import type { JoinType, Output, Rel } from '../logical/rel.ts';
import type { Scalar } from '../logical/scalar.ts';
import { columnReference, same } from '../logical/scalar.ts';
import { isSpelledOneWay } from '../logical/spelling.ts';
import { coerceOrFail, isUnknown } from './coerce.ts';
import type { BindContext } from './context.ts';
import type { BoundQuery, OutputColumn } from './environment.ts';
import type { UnknownPolicy } from './select.ts';
import { rowsOf } from './subquery.ts';
import { commonTypeOrFail } from './unify.ts';

type SetOperation = Extract<QueryBody, { kind: 'setOperation' }>;

/** Brings the outputs to types; untyped literals are read as values of them where they stand. */
export function coerceOutputs(
  context: BindContext,
  bound: BoundQuery,
  types: readonly SqlType[],
): BoundQuery {
  const fits = bound.outputs.every((output, i) => output.column.type === types[i]?.name);
  if (fits) return bound;
  const made =
    bound.rel.kind === 'project'
      ? new Map(bound.rel.outputs.map((output) => [output.column.id, output.expression]))
      : undefined;
  const outputs = bound.outputs.map((output, i): Output => {
    const type = defined(types[i], 'a type for each output');
    const literal = output.column.type === 'unknown' ? made?.get(output.column.id) : undefined;
    const source: Scalar =
      literal !== undefined && isUnknown(literal) && literal.kind !== 'column'
        ? literal
        : columnReference(output.column);
    const expression = coerceOrFail(
      context,
      source,
      { name: type.name, modifier: -1 },
      'implicit',
      0,
    );
    return { column: context.columns.make(output.name, type), expression };
  });
  return {
    rel: { kind: 'project', input: rowsOf(bound), outputs },
    order: [],
    limit: -1,
    offset: 0,
    outputs: bound.outputs.map((output, i): OutputColumn => ({
      ...output,
      column: defined(outputs[i], 'an output each').column,
    })),
  };
}

/** Position of the expression behind an output, if it is known. */
function outputPosition(bound: BoundQuery, i: number, fallback: number): number {
  const output = bound.outputs[i];
  const made =
    bound.rel.kind === 'project'
      ? bound.rel.outputs.find((each) => each.column.id === output?.column.id)
      : undefined;
  const expression = made?.expression;
  if (expression === undefined || !('position' in expression) || expression.position === 0)
    return fallback;
  return expression.position;
}

/** Binds a set operation of two bound sides. */
export function bindSetOperation(
  context: BindContext,
  body: SetOperation,
  left: BoundQuery,
  right: BoundQuery,
  policy: UnknownPolicy,
): BoundQuery {
  const construct = `${body.operation.toUpperCase()}`;
  if (left.outputs.length !== right.outputs.length) {
    throw sqlError('42601', `each ${construct} query must have the same number of columns`, {
      position: outputPosition(right, 0, body.right.position),
    });
  }
  const types = left.outputs.map((output, i): SqlType => {
    const other = defined(right.outputs[i], 'as many columns');
    if (
      policy === 'keep' &&
      body.operation === 'union' &&
      body.all &&
      output.column.type === 'unknown' &&
      other.column.type === 'unknown'
    ) {
      return { name: 'text', modifier: -1 };
    }
    return commonTypeOrFail(
      [
        { ...output.column, position: outputPosition(left, i, 0) },
        { ...other.column, position: outputPosition(right, i, body.right.position) },
      ],
      construct,
    );
  });
  const sides = [left, right].map((side) => coerceOutputs(context, side, types));
  const columns = types.map((type, i) => context.columns.make(left.outputs[i]?.name ?? '', type));
  const rel = compose(
    context,
    body,
    sides.map((side) => ({
      rel: rowsOf(side),
      columns: side.outputs.map((output) => output.column),
    })),
    columns,
  );
  return {
    rel,
    order: [],
    limit: -1,
    offset: 0,
    outputs: columns.map((column): OutputColumn => ({
      name: column.name,
      column,
      tableOid: 0,
      attribute: 0,
    })),
  };
}

interface Side {
  readonly rel: Rel;
  readonly columns: readonly Column[];
}

function compose(
  context: BindContext,
  body: SetOperation,
  sides: readonly Side[],
  columns: readonly Column[],
): Rel {
  const left = defined(sides[0], 'a left side');
  const right = defined(sides[1], 'a right side');
  if (body.operation === 'union') {
    const all: Rel = { kind: 'union', inputs: sides, columns };
    return body.all ? all : { kind: 'distinct', input: all };
  }
  if (!body.all) {
    const type: JoinType = body.operation === 'intersect' ? 'semi' : 'anti';
    const kept: Rel = {
      kind: 'join',
      type,
      left: left.rel,
      right: right.rel,
      on: equalRows(left, right),
    };
    return {
      kind: 'distinct',
      input: { kind: 'union', inputs: [{ rel: kept, columns: left.columns }], columns },
    };
  }
  const definition = context.define('', left.rel, left.columns);
  const first = context.use(definition);
  const excess = context.columns;
  const middle = columns.map((column) => excess.like(column));
  const difference: Rel = {
    kind: 'threshold',
    input: {
      kind: 'union',
      columns: body.operation === 'except' ? columns : middle,
      inputs: [
        { rel: first, columns: first.columns },
        { rel: { kind: 'negate', input: right.rel }, columns: right.columns },
      ],
    },
  };
  if (body.operation === 'except') return difference;
  const second = context.use(definition);
  const common: Rel = {
    kind: 'union',
    columns,
    inputs: [
      { rel: second, columns: second.columns },
      { rel: { kind: 'negate', input: difference }, columns: middle },
    ],
  };
  // What is taken away may be spelled otherwise (1.0, 1.00) than what it is taken from.
  return columns.every(isSpelledOneWay) ? common : { kind: 'threshold', input: common };
}

/** Rows are equal where NULLs are. */
function equalRows(left: Side, right: Side): readonly Scalar[] {
  return left.columns.map((column, i) =>
    same(columnReference(column), columnReference(defined(right.columns[i], 'as many columns'))),
  );
}
