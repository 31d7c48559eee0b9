/** LIMIT and OFFSET: a number that is known before the query runs. */
import type { Expression } from '../ast.ts';
import { sqlError, unsupported } from '../../base/error.ts';
import type { Scalar } from '../logical/scalar.ts';
import { walk } from '../logical/scalar.ts';
import { foldScalar } from '../rewrite/fold.ts';
import { tryCoerce, positionOf } from './coerce.ts';
import type { Environment } from './environment.ts';
import { bindExpression } from './expression.ts';
import { typeInfo } from '../../../dataflow/value/type.ts';

/** The count, or -1 for none (NULL, or a parameter whose value is not given yet). */
export function bindRowCount(
  expression: Expression,
  environment: Environment,
  clause: 'LIMIT' | 'OFFSET',
): number {
  const inside: Environment = { ...environment, clause, aggregates: null, setFunctions: null };
  const bound = bindExpression(expression, inside);
  const position = positionOf(bound) || expression.position;
  refuseColumns(bound, clause, position);
  const scalar = tryCoerce(
    environment.context,
    bound,
    { name: 'int8', modifier: -1 },
    'assignment',
    position,
  );
  if (scalar === undefined) {
    throw sqlError(
      '42804',
      `argument of ${clause} must be type bigint, not type ${typeInfo(bound.type).sqlName}`,
      { position },
    );
  }
  const folded = foldScalar(scalar);
  if (folded.kind === 'parameter') {
    environment.context.repeatable = false;
    return -1;
  }
  if (folded.kind !== 'constant')
    throw unsupported(`${clause} of an expression that is not constant`, position);
  if (folded.value === null) return -1;
  const count = Number(folded.value);
  if (count < 0)
    throw sqlError(clause === 'LIMIT' ? '2201W' : '2201X', `${clause} must not be negative`);
  return Math.min(count, Number.MAX_SAFE_INTEGER);
}

function refuseColumns(scalar: Scalar, clause: string, position: number): void {
  walk(scalar, (node) => {
    if (node.kind === 'column')
      throw sqlError('42P10', `argument of ${clause} must not contain variables`, {
        position: node.position,
      });
    if (node.kind === 'subquery') throw unsupported(`a subquery in ${clause}`, position);
  });
}
