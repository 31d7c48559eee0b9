/**
 * DECLARE, FETCH, MOVE, CLOSE. A cursor is a portal under its name, so the protocol's Describe and
 * Execute can use it too. FETCH over a SUBSCRIBE waits for at least one row, or for its timeout;
 * over a SELECT it takes what is asked for.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { PackedBatch } from '../../../dataflow/graph/command.ts';
import type { Statement } from '../../sql/ast.ts';
import type { ResultColumn } from '../../sql/planned.ts';
import { RowWindow, multiplicity } from '../row-window.ts';
import { batchStream } from '../row-stream.ts';
import type { Outcome, Portal, RowStream } from '../session.ts';
import { runSelect } from './query.ts';
import { subscribe } from './subscribe.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';

/** DECLARE c CURSOR FOR query. Throws 25P01 outside a block. */
export async function declare(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'declare' }>,
): Promise<Outcome> {
  const { session } = context;
  if (statement.hold) throw unsupported('DECLARE … WITH HOLD', statement.position);
  if (statement.binary) throw unsupported('DECLARE … BINARY CURSOR', statement.position);
  if (!session.transaction.inBlock) {
    throw sqlError('25P01', 'DECLARE CURSOR can only be used in transaction blocks');
  }
  if (session.portals.has(statement.name))
    throw sqlError('42P03', `cursor "${statement.name}" already exists`);
  const stream: RowStream =
    statement.statement.kind === 'select'
      ? await runSelect(context, statement.statement.query)
      : await subscribe(context, statement.statement);
  const cursor: Portal = {
    columns: stream.columns,
    window: new RowWindow(stream),
    execute: () => Promise.resolve(stream),
    close: () => stream.close(),
  };
  session.portals.set(statement.name, cursor);
  return command('DECLARE CURSOR');
}

/** The cursor of a name: made by DECLARE, or a portal of the protocol. Throws 34000. */
function cursorNamed(context: ExecutionContext, name: string): Portal {
  const portal = context.session.portals.get(name);
  if (portal === undefined || portal.columns === null)
    throw sqlError('34000', `cursor "${name}" does not exist`);
  return portal;
}

/** The rows that a cursor has left; a portal that was only bound is executed. */
async function windowOf(portal: Portal): Promise<RowWindow> {
  if (portal.window !== undefined) return portal.window;
  const outcome = await portal.execute();
  if (outcome.kind !== 'rows') throw sqlError('0A000', 'only rows can be fetched from a cursor');
  portal.window = new RowWindow(outcome);
  return portal.window;
}

/** Result columns of FETCH. */
export function fetchColumns(context: ExecutionContext, name: string): readonly ResultColumn[] {
  return cursorNamed(context, name).columns ?? [];
}

/** FETCH n FROM c, or MOVE: the same without the rows. Throws 34000. */
export async function fetch(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'fetch' }>,
): Promise<Outcome> {
  const window = await windowOf(cursorNamed(context, statement.name));
  const { live, columns } = window.stream;
  const wanted = statement.count ?? Infinity;
  const batches: PackedBatch[] = [];
  let rows = 0;
  while (rows < wanted) {
    if (
      live &&
      !window.here &&
      (rows > 0 || !(await filledInTime(context, window, statement.timeoutMilliseconds)))
    )
      break;
    if (!live && !(await context.cancellation.race(window.fill()))) break;
    const batch = window.take(Math.min(wanted - rows, 2 ** 30));
    if (statement.move !== true) batches.push(batch);
    rows += multiplicity(batch);
  }
  if (statement.move === true) return command(`MOVE ${rows}`);
  return batchStream(columns, batches, (sent) => `FETCH ${sent}`);
}

/** Waits for a row of a subscription; false at the timeout or the end. */
async function filledInTime(
  context: ExecutionContext,
  window: RowWindow,
  milliseconds: number | null,
): Promise<boolean> {
  const filling = window.fill();
  if (milliseconds === null) return context.cancellation.race(filling);
  let stop: () => void = () => undefined;
  const late = new Promise<boolean>((resolve) => {
    stop = context.coordinator.clock.after(milliseconds, () => resolve(false));
  });
  try {
    return await context.cancellation.race(Promise.race([filling, late]));
  } finally {
    stop();
  }
}

/** CLOSE c, CLOSE ALL. */
export function close(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'close' }>,
): Outcome {
  const { portals } = context.session;
  if (statement.name !== null) {
    cursorNamed(context, statement.name).close();
    portals.delete(statement.name);
    return command('CLOSE CURSOR');
  }
  for (const [name, portal] of [...portals]) {
    portal.close();
    portals.delete(name);
  }
  return command('CLOSE CURSOR ALL');
}
