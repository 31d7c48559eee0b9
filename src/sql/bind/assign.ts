/** Assignment of expressions to columns: casts, defaults, and the messages when it does not fit. */
import type { Expression } from '../ast.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';
import { defined } from '../../base/assert.ts';
import { sqlError } from '../../base/error.ts';
import type { Relation, RelationColumn } from '../catalog-view.ts';
import type { Scalar } from '../logical/scalar.ts';
import { nullConstant } from '../logical/scalar.ts';
import { foldScalar } from '../rewrite/fold.ts';
import { positionOf, tryCoerce } from './coerce.ts';
import type { BindContext } from './context.ts';
import type { Environment } from './environment.ts';
import { bindExpression } from './expression.ts';

/** The expression as a value for the column. Throws 42804. */
export function assign(
  context: BindContext,
  scalar: Scalar,
  column: RelationColumn,
  position: number,
): Scalar {
  const at = positionOf(scalar) || position;
  const coerced = tryCoerce(context, scalar, column.type, 'assignment', at);
  if (coerced !== undefined) return foldScalar(coerced);
  const target = typeInfo(column.type.name).sqlName;
  throw sqlError(
    '42804',
    `column "${column.name}" is of type ${target} ` +
      `but expression is of type ${typeInfo(scalar.type).sqlName}`,
    { position: at, hint: 'You will need to rewrite or cast the expression.' },
  );
}

/** The column's default; NULL if it has none. */
export function defaultOf(table: Relation, column: number, environment: Environment): Scalar {
  const target = defined(table.columns[column], `column ${column} of ${table.name} exists`);
  const expression = table.defaults?.[column] ?? null;
  if (expression === null) return nullConstant(target.type.name, target.type.modifier);
  const { context } = environment;
  const before = context.literals;
  context.literals = 'fixed';
  try {
    const bound = bindExpression(expression, { ...environment, clause: 'DEFAULT expressions' });
    return assign(context, bound, target, 0);
  } finally {
    context.literals = before;
  }
}

/** An expression of VALUES or SET: DEFAULT stands for the column's default. */
export function bindAssigned(
  expression: Expression,
  table: Relation,
  column: number,
  environment: Environment,
): Scalar {
  if (expression.kind === 'default') return defaultOf(table, column, environment);
  const target = defined(table.columns[column], `column ${column} of ${table.name} exists`);
  return assign(
    environment.context,
    bindExpression(expression, environment),
    target,
    expression.position,
  );
}

/** The number of a column by name. Throws 42703. */
export function columnNumber(table: Relation, name: string, position: number): number {
  const index = table.columns.findIndex((column) => column.name === name);
  if (index >= 0) return index;
  throw sqlError('42703', `column "${name}" of relation "${table.name}" does not exist`, {
    position,
  });
}
