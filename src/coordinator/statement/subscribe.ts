/**
 * SUBSCRIBE: every change of a query, as rows, from one step on.
 *
 * Back-pressure: the engine sends as much as it has credit for; credit is given back as the client
 * takes rows, so a client that stops reading stops its own subscription and nothing else. While it
 * stands still its changes are consolidated by the engine, up to the limit of its buffer.
 */
import { sqlError } from '../../base/error.ts';
import type { PackedBatch } from '../../../dataflow/graph/command.ts';
import type { Expression, Subscribe } from '../../sql/ast.ts';
import type { Subscription } from '../engine-client.ts';
import type { PlannedQuery, ResultColumn } from '../../sql/planned.ts';
import { planConstant, planRead } from '../planning.ts';
import type { RowStream } from '../session.ts';
import { chunkRows, subscribeColumns } from '../subscribe-rows.ts';
import type { ExecutionContext } from './context.ts';

/** A time of AS OF or UP TO in milliseconds. */
function timeOf(context: ExecutionContext, expression: Expression): number {
  const value = planConstant(context, expression, 'numeric', 'AS OF');
  if (
    value === null ||
    typeof value !== 'object' ||
    !('coefficient' in value) ||
    value.form !== 'finite'
  ) {
    throw sqlError('22023', 'a time is a number of milliseconds', {
      position: expression.position,
    });
  }
  return Number(value.coefficient / 10n ** BigInt(value.scale));
}

/** The step that AS OF names. Throws 22023 for a time that can no longer (or not yet) be read. */
function stepOf(context: ExecutionContext, statement: Subscribe): number {
  const { timeline } = context.coordinator;
  if (statement.asOf === null) return timeline.complete;
  const time = timeOf(context, statement.asOf);
  const step = timeline.stepAt(time);
  if (step !== undefined && step >= timeline.since) return Math.min(step, timeline.complete);
  if (statement.asOfAtLeast) return timeline.complete;
  throw sqlError('22023', `timestamp (${time}) is not valid for all inputs`, {
    detail: `The earliest time that can be read is ${timeline.timeOf(timeline.since)}.`,
    position: statement.asOf.position,
  });
}

/** How a subscription is shown. */
interface View {
  readonly columns: readonly ResultColumn[];
  readonly progress: boolean;
}

/** Rows of a running subscription. */
function subscriptionStream(
  { columns, progress }: View,
  subscription: Subscription,
  onEnd: () => void,
): RowStream {
  const waiting: PackedBatch[] = [];
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    onEnd();
  };
  return {
    kind: 'rows',
    columns,
    live: true,
    async next() {
      for (;;) {
        const batch = waiting.shift();
        if (batch !== undefined) return batch;
        if (ended) return null;
        const chunk = await subscription.next().catch((error: unknown) => {
          end();
          throw error;
        });
        if (chunk === null) {
          end();
          return null;
        }
        subscription.credit(chunk.batch?.buffer.byteLength ?? 0);
        waiting.push(...chunkRows(chunk, columns, progress));
      }
    },
    close() {
      if (!ended) subscription.cancel();
      end();
    },
    tag: (rows) => `SUBSCRIBE ${rows}`,
  };
}

/** The time of UP TO. Throws 22000 if it lies before the start. */
function endOf(context: ExecutionContext, statement: Subscribe, from: number): number | null {
  if (statement.upTo === null) return null;
  const upTo = timeOf(context, statement.upTo);
  let start = context.coordinator.timeline.timeOf(from);
  if (statement.asOf !== null && !statement.asOfAtLeast)
    start = Math.max(start, timeOf(context, statement.asOf));
  if (upTo >= start) return upTo;
  throw sqlError('22000', `the subscription begins at ${start} and ends before, at ${upTo}`, {
    position: statement.upTo.position,
  });
}

/**
 * A stream of changes without end (unless UP TO says so). Throws 22023 for a time that cannot be
 * read, 22000 for an end before the start.
 */
export async function subscribe(
  context: ExecutionContext,
  statement: Subscribe,
): Promise<RowStream> {
  const { coordinator, session, cancellation } = context;
  session.transaction.use('subscribe');
  const plan = (): PlannedQuery => planRead(context, statement.query, 'subscribed');
  let planned = plan();
  if (session.transaction.pending) {
    // It may never end, and what was written before it is not to wait for that.
    await cancellation.race(session.transaction.flush());
    planned = plan();
  }
  const from = stepOf(context, statement);
  const upTo = endOf(context, statement, from);
  const release = coordinator.timeline.hold(from);
  const dataflow = coordinator.engine.nextNumber();
  const subscription = coordinator.engine.subscribe(dataflow, planned.plan, from, {
    snapshot: statement.snapshot,
    progress: statement.progress,
    upTo,
  });
  coordinator.hydrate(dataflow, planned.plan);
  // From then on the dataflow itself keeps what it needs.
  coordinator.onHydrated(dataflow, release);
  const forgetEnd = upTo === null ? undefined : coordinator.timeline.stopBefore(upTo);
  // Time goes on without changes too.
  if (statement.progress || upTo !== null) coordinator.keepTicking(dataflow);
  const columns = subscribeColumns(planned.columns, statement.progress);
  const view: View = { columns, progress: statement.progress };
  const stream = subscriptionStream(view, subscription, () => {
    forgetEnd?.();
    coordinator.forgetDataflow(dataflow);
  });
  cancellation.onCancel(() => stream.close());
  return stream;
}
