/**
 * Running a planned query once: a lookup in a stored collection where one answers it, else a
 * dataflow that ends after its answer. Streams that it reads are replayed for it.
 */
import type { PackedBatch } from '../../../dataflow/graph/command.ts';
import { newestStep } from '../../../dataflow/graph/command.ts';
import type { PlannedQuery } from '../../sql/planned.ts';
import type { Answer } from '../engine-client.ts';
import { answerStream } from '../row-stream.ts';
import type { RowStream } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { withWaitNotice } from './wait-notice.ts';

interface Running {
  readonly answer: Answer;
  /** Frees what belongs to the answer. */
  end(): void;
}

function start(context: ExecutionContext, planned: PlannedQuery, at: number): Running {
  const { coordinator } = context;
  const { engine } = coordinator;
  if (planned.lookup !== null) {
    return { answer: engine.lookup(at, planned.lookup, planned.finishing), end: () => undefined };
  }
  const dataflow = engine.nextNumber();
  const answer = engine.answer(dataflow, planned.plan, at, planned.finishing);
  coordinator.hydrate(dataflow, planned.plan);
  return { answer, end: () => coordinator.forgetDataflow(dataflow) };
}

/** Rows of a query as of the transaction's step; `word` begins the command tag. */
export function runQuery(
  context: ExecutionContext,
  planned: PlannedQuery,
  at: number,
  word = 'SELECT',
): RowStream {
  const { timeline } = context.coordinator;
  const release = at === newestStep ? () => undefined : timeline.hold(at);
  const running = start(context, planned, at);
  const stream = answerStream(planned.columns, running.answer, word, () => {
    release();
    running.end();
  });
  context.cancellation.onCancel(() => stream.close());
  return withWaitNotice(context, planned.dependencies, stream);
}

/** All batches of a query; for statements that need the rows before they go on. */
export async function collect(
  context: ExecutionContext,
  planned: PlannedQuery,
  at: number,
): Promise<readonly PackedBatch[]> {
  const stream = runQuery(context, planned, at);
  const batches: PackedBatch[] = [];
  for (;;) {
    const batch = await context.cancellation.race(stream.next());
    if (batch === null) return batches;
    if (batch.rows > 0) batches.push(batch);
  }
}
