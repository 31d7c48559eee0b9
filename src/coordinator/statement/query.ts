/** SELECT (also VALUES and TABLE): planned, then run at the transaction's step. */
import type { Query } from '../../sql/ast.ts';
import type { PlannedQuery } from '../../sql/planned.ts';
import { planRead } from '../planning.ts';
import type { RowStream } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { runQuery } from './select.ts';

/** The rows of a query, as a stream. */
export async function runSelect(context: ExecutionContext, query: Query): Promise<RowStream> {
  const { transaction } = context.session;
  transaction.use('read');
  const plan = (): PlannedQuery =>
    context.template?.plan(context, query) ?? planRead(context, query, 'once');
  let planned = plan();
  if (transaction.pending) {
    // Only now, so that a statement that cannot be planned leaves what was written to be undone;
    // and planned anew, since the catalog may change in between.
    await transaction.flush();
    planned = plan();
  }
  return runQuery(context, planned, transaction.readStep());
}
