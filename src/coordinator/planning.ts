/**
 * Planning for a running statement: the planner's doors with the session's catalog and parameters.
 */
import type { Datum } from '../../dataflow/value/datum.ts';
import type { TypeName } from '../../dataflow/value/type.ts';
import type { Expression, Query } from '../sql/ast.ts';
import { planConstant as plan } from '../sql/plan-constant.ts';
import { planQuery } from '../sql/plan-query.ts';
import type { LiteralMeaning, Mode } from '../sql/bind/context.ts';
import type { SqlType } from '../sql/catalog-view.ts';
import type { PlannedQuery } from '../sql/planned.ts';
import type { ExecutionContext } from './statement/context.ts';

/** Plans a query with the statement's parameters. */
export function planRead(context: ExecutionContext, query: Query, mode: Mode): PlannedQuery {
  return planQuery(query, context.session.catalog(), { parameters: context.parameters, mode });
}

/** The value of an expression without columns, as `target`; `clause` names its place in messages. */
export function planConstant(
  context: ExecutionContext,
  expression: Expression,
  type: TypeName | SqlType,
  clause: string,
  literals: LiteralMeaning = 'session',
): Datum {
  const target = typeof type === 'string' ? { name: type, modifier: -1 } : type;
  const options = { parameters: context.parameters, mode: 'once' as const };
  return plan(expression, target, clause, context.session.catalog(), options, literals).value;
}
