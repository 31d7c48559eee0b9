/** SELECT (also VALUES and TABLE): planned, then run at the transaction's step. */
import type { Query } from '../../sql/ast.ts';
import { planRead } from '../planning.ts';
import type { RowStream } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { runQuery } from './select.ts';

/** The rows of a query, as a stream. */
export async function runSelect(context: ExecutionContext, query: Query): Promise<RowStream> {
  const { transaction } = context.session;
  transaction.use('read');
  await transaction.flush();
  const planned = context.template?.plan(context, query) ?? planRead(context, query, 'once');
  return runQuery(context, planned, transaction.readStep());
}
