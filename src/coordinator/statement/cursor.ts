/**
 * DECLARE, FETCH, CLOSE. A cursor is a portal under its name, so the protocol's Describe and Execute
 * can use it too. FETCH over a SUBSCRIBE waits for at least one row, or for its timeout; over a SELECT
 * it takes what is asked for.
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

/** A portal made by DECLARE. */
interface Cursor extends Portal {
  readonly window: RowWindow;
}

function isCursor(portal: Portal): portal is Cursor {
  return 'window' in portal;
}

/** DECLARE c CURSOR FOR query. Throws 25P01 outside a block. */
export async function declare(
  context: ExecutionContext, statement: Extract<Statement, { kind: 'declare' }>,
): Promise<Outcome> {
  const { session } = context;
  if (statement.hold) throw unsupported('DECLARE … WITH HOLD', statement.position);
  if (!session.transaction.inBlock) {
    throw sqlError('25P01', 'DECLARE CURSOR can only be used in transaction blocks');
  }
  if (session.portals.has(statement.name)) throw sqlError('42P03', `cursor "${statement.name}" already exists`);
  const stream: RowStream = statement.statement.kind === 'select'
    ? await runSelect(context, statement.statement.query) : subscribe(context, statement.statement);
  const cursor: Cursor = {
    columns: stream.columns,
    window: new RowWindow(stream),
    execute: () => Promise.resolve(stream),
    close: () => stream.close(),
  };
  session.portals.set(statement.name, cursor);
  return command('DECLARE CURSOR');
}

/** The cursor of a name. Throws 34000. */
function cursorNamed(context: ExecutionContext, name: string): Cursor {
  const portal = context.session.portals.get(name);
  if (portal === undefined || !isCursor(portal)) throw sqlError('34000', `cursor "${name}" does not exist`);
  return portal;
}

/** Result columns of FETCH. */
export function fetchColumns(context: ExecutionContext, name: string): readonly ResultColumn[] {
  return cursorNamed(context, name).window.stream.columns;
}

/** FETCH n FROM c. Throws 34000. */
export async function fetch(
  context: ExecutionContext, statement: Extract<Statement, { kind: 'fetch' }>,
): Promise<Outcome> {
  const { window } = cursorNamed(context, statement.name);
  const { live, columns } = window.stream;
  const wanted = statement.count ?? Infinity;
  const batches: PackedBatch[] = [];
  let rows = 0;
  while (rows < wanted) {
    if (live && !window.here && (rows > 0 || !(await filledInTime(context, window, statement.timeoutMilliseconds)))) break;
    if (!live && !(await context.cancellation.race(window.fill()))) break;
    const batch = window.take(Math.min(wanted - rows, 2 ** 30));
    batches.push(batch);
    rows += multiplicity(batch);
  }
  return batchStream(columns, batches, (sent) => `FETCH ${sent}`);
}

/** Waits for a row of a subscription; false at the timeout or the end. */
async function filledInTime(context: ExecutionContext, window: RowWindow, milliseconds: number | null): Promise<boolean> {
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
export function close(context: ExecutionContext, statement: Extract<Statement, { kind: 'close' }>): Outcome {
  const { portals } = context.session;
  if (statement.name !== null) {
    cursorNamed(context, statement.name).close();
    portals.delete(statement.name);
    return command('CLOSE CURSOR');
  }
  for (const [name, portal] of [...portals]) {
    if (!isCursor(portal)) continue;
    portal.close();
    portals.delete(name);
  }
  return command('CLOSE CURSOR ALL');
}
