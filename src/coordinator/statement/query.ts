/** SELECT (also VALUES and TABLE): planned, then run at the transaction's step. */
import { dependenciesOf } from '../../catalog/object.ts';
import type { Query } from '../../sql/ast.ts';
import type { Effect, PlannedQuery } from '../../sql/planned.ts';
import { planRead } from '../planning.ts';
import type { RowStream } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { runEffects } from './effect.ts';
import { runQuery } from './select.ts';

/** The rows of a query, as a stream. */
export async function runSelect(context: ExecutionContext, query: Query): Promise<RowStream> {
  const { transaction, settings } = context.session;
  transaction.use('read');
  const plan = (): PlannedQuery =>
    context.template?.plan(context, query) ?? planRead(context, query, 'once');
  let planned = plan();
  if (readsPending(context, planned)) {
    // Only now, so that a statement that cannot be planned leaves what was written to be undone; and
    // planned anew, since the catalog may change in between.
    await context.cancellation.race(transaction.flush());
    planned = plan();
  }
  const stream = runQuery(context, planned, transaction.readStep(settings.serializable));
  return planned.effects === undefined ? stream : afterEffects(context, stream, planned.effects);
}

/** Whether a query reads a table into which the transaction has something to write. */
export function readsPending(
  { coordinator, session: { transaction } }: ExecutionContext,
  { dependencies }: PlannedQuery,
): boolean {
  if (!transaction.pending) return false;
  const written = new Set(transaction.writes.map(({ table }) => table.oid));
  const read = new Set(dependencies);
  for (const oid of read) {
    if (written.has(oid)) return true;
    const object = coordinator.catalog.byOid(oid);
    // What is added is come to later.
    if (object !== undefined) for (const other of dependenciesOf(object)) read.add(other);
  }
  return false;
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
