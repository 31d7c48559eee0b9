/**
 * Expressions that stand for one value before anything runs: arguments of EXECUTE, AS OF and UP TO,
 * defaults. And the rows of plans that read nothing.
 */
import { Interpreter, interpretRow } from '../../dataflow/expr/interpret.ts';
import type { Plan } from '../../dataflow/plan/plan.ts';
import type { Datum, Row, Update } from '../../dataflow/value/datum.ts';
import { typeInfo } from '../../dataflow/value/type.ts';
import { defined } from '../base/assert.ts';
import { sqlError, unsupported } from '../base/error.ts';
import type { Expression } from './ast.ts';
import { BindContext } from './bind/context.ts';
import type { LiteralMeaning } from './bind/context.ts';
import { positionOf, settleUnknown, tryCoerce } from './bind/coerce.ts';
import { bindExpression } from './bind/expression.ts';
import { topEnvironment } from './bind/query.ts';
import type { CatalogView, SqlType } from './catalog-view.ts';
import { walk } from './logical/scalar.ts';
import type { Scalar } from './logical/scalar.ts';
import { programOf } from './lower/program.ts';
import type { PlanOptions } from './plan-query.ts';
import { foldScalar } from './rewrite/fold.ts';

export interface ConstantValue {
  readonly type: SqlType;
  readonly value: Datum;
}

/**
 * The value of an expression without columns, brought to `target` by assignment if one is given.
 * `clause` names the place in messages: 'EXECUTE', 'AS OF'.
 */
export function planConstant(
  expression: Expression,
  target: SqlType | null,
  clause: string,
  catalog: CatalogView,
  options: PlanOptions,
  literals: LiteralMeaning = 'session',
): ConstantValue {
  const context = new BindContext(catalog, options.mode, options.parameters);
  context.literals = literals;
  const bound = settleOr(
    context,
    bindExpression(expression, { ...topEnvironment(context), clause }),
    target,
    expression.position,
  );
  walk(bound, (node) => {
    if (node.kind === 'subquery') throw unsupported(`a subquery in ${clause}`, node.position);
  });
  return {
    type: { name: bound.type, modifier: bound.modifier },
    value: evaluateScalar(foldScalar(bound)),
  };
}

function settleOr(
  context: BindContext,
  scalar: Scalar,
  target: SqlType | null,
  position: number,
): Scalar {
  if (target === null) return settleUnknown(context, scalar);
  const at = positionOf(scalar) || position;
  const coerced = tryCoerce(context, scalar, target, 'assignment', at);
  if (coerced !== undefined) return coerced;
  throw sqlError(
    '42804',
    `expression is of type ${typeInfo(scalar.type).sqlName}, not ${typeInfo(target.name).sqlName}`,
    { position: at },
  );
}

/** The value of an expression without columns. Throws SqlError. */
export function evaluateScalar(scalar: Scalar): Datum {
  if (scalar.kind === 'constant') return scalar.value;
  const program = programOf([], [], [scalar]);
  const row = interpretRow(new Interpreter(program.nodes), program, []);
  return defined(row, 'a program without filters keeps its row')[0] ?? null;
}

/**
 * The rows of a plan made of constants, projections, filters and unions: computed on the spot. null
 * for any other plan: a dataflow computes it. Throws SqlError for a row that fails.
 */
export function constantRows(plan: Plan): readonly Update[] | null {
  const done: (readonly Update[])[] = [];
  for (const node of plan.nodes) {
    switch (node.kind) {
      case 'constant':
        done.push(node.rows);
        break;
      case 'union':
        done.push(node.inputs.flatMap((input) => done[input] ?? []));
        break;
      case 'mfp': {
        const interpreter = new Interpreter(node.program.nodes);
        const input = done[node.input] ?? [];
        done.push(
          input.flatMap(({ row, weight }): Update[] => {
            const result: Row | null = interpretRow(interpreter, node.program, row);
            return result === null ? [] : [{ row: result, weight }];
          }),
        );
        break;
      }
      default:
        return null;
    }
  }
  return defined(done[plan.root], 'the root is a node');
}
