/** SET, SHOW, RESET, SET TRANSACTION, DISCARD. */
import { sqlError } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { Outcome } from '../session.ts';
import { resultColumn, rowStream } from '../row-stream.ts';
import { quoted } from '../../catalog/session-catalog.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';

/** SET [LOCAL] name = value. Throws 42704, 22023, 55P02. */
export function set(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'set' }>,
): Outcome {
  const { session } = context;
  const { name } = statement;
  if (statement.value === null) {
    session.settings.reset(name);
    return command('SET');
  }
  const value =
    name.toLowerCase() === 'search_path'
      ? statement.value.map((part) => (part === '$user' ? '"$user"' : quoted(part))).join(', ')
      : statement.value.join(', ');
  if (!statement.local) session.settings.set(name, value);
  else if (session.transaction.inBlock) session.setLocal(name, value);
  else {
    session.notice({
      severity: 'WARNING',
      code: '25P01',
      message: 'SET LOCAL can only be used in transaction blocks',
    });
  }
  return command('SET');
}

/** Columns of SHOW name or SHOW ALL. */
export function showColumns(
  context: ExecutionContext,
  name: string,
): readonly ReturnType<typeof resultColumn>[] {
  if (name.toLowerCase() === 'all')
    return [resultColumn('name'), resultColumn('setting'), resultColumn('description')];
  return [resultColumn(context.session.settings.show(name).name)];
}

/** SHOW name, SHOW ALL. Throws 42704. */
export function show(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'show' }>,
): Outcome {
  const { settings } = context.session;
  const columns = showColumns(context, statement.name);
  const rows =
    statement.name.toLowerCase() === 'all'
      ? settings.all().map((entry) => [entry.name, entry.value, entry.description])
      : [[settings.show(statement.name).value]];
  return rowStream(columns, rows, 'SHOW');
}

/** RESET name, RESET ALL. */
export function reset(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'reset' }>,
): Outcome {
  if (statement.name === null) context.session.settings.resetAll();
  else context.session.settings.reset(statement.name);
  return command('RESET');
}

/** SET TRANSACTION; a warning outside a block. */
export function setTransaction(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'setTransaction' }>,
): Outcome {
  const { session } = context;
  if (!session.transaction.inBlock) {
    session.notice({
      severity: 'WARNING',
      code: '25P01',
      message: 'SET TRANSACTION can only be used in transaction blocks',
    });
    return command('SET');
  }
  if (statement.isolation !== null) session.setLocal('transaction_isolation', statement.isolation);
  if (statement.readOnly !== null) session.transaction.setReadOnly(statement.readOnly);
  return command('SET');
}

/** DISCARD ALL and its parts. Throws 25001 inside a block. */
export function discard(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'discard' }>,
): Outcome {
  const { session } = context;
  if (statement.what !== 'all') return command(`DISCARD ${statement.what.toUpperCase()}`);
  if (session.transaction.inBlock)
    throw sqlError('25001', 'DISCARD ALL cannot run inside a transaction block');
  session.settings.resetAll();
  session.statements.clear();
  for (const portal of session.portals.values()) portal.close();
  session.portals.clear();
  return command('DISCARD ALL');
}
