/** SELECT (also VALUES and TABLE): planned, then run at the transaction's step. */
import type { Query } from '../../sql/ast.ts';
import type { Effect, PlannedQuery } from '../../sql/planned.ts';
import { planRead } from '../planning.ts';
import type { RowStream } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { runEffects } from './effect.ts';
import { runQuery } from './select.ts';

/** The rows of a query, as a stream. */
export async function runSelect(context: ExecutionContext, query: Query): Promise<RowStream> {
  const { transaction } = context.session;
  transaction.use('read');
  const plan = (): PlannedQuery =>
    context.template?.plan(context, query) ?? planRead(context, query, 'once');
  let planned = plan();
  if (transaction.pending && !planned.constant) {
    // Only what reads needs it, and only when planned: a statement that cannot be planned leaves
    // what was written to be undone. Planned anew, since the catalog may change in between.
    await transaction.flush();
    planned = plan();
  }
  const stream = runQuery(context, planned, transaction.readStep());
  return planned.effects === undefined ? stream : afterEffects(context, stream, planned.effects);
}

/** The rows come when the effects are done; the client has their description before. */
function afterEffects(
  context: ExecutionContext,
  stream: RowStream,
  effects: readonly Effect[],
): RowStream {
  let done: Promise<void> | null = null;
  return {
    ...stream,
    async next() {
      await (done ??= runEffects(context, effects));
      return stream.next();
    },
  };
}
