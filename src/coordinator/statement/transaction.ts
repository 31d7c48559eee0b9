/** BEGIN, COMMIT, ROLLBACK, with Postgres' warnings for those that change nothing. */
import type { Statement } from '../../sql/ast.ts';
import type { Outcome } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';

/** BEGIN, COMMIT and ROLLBACK. */
export function beginOrEnd(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'begin' | 'commit' | 'rollback' }>,
): Promise<Outcome> {
  return statement.kind === 'begin'
    ? begin(context, statement)
    : end(context, statement.kind === 'commit');
}

/** BEGIN; a warning inside a block. */
async function begin(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'begin' }>,
): Promise<Outcome> {
  const { session } = context;
  if (session.transaction.inBlock) {
    session.notice({
      severity: 'WARNING',
      code: '25001',
      message: 'there is already a transaction in progress',
    });
    return command('BEGIN');
  }
  await session.transaction.flush();
  session.beginBlock();
  session.transaction.begin(
    statement.readOnly ?? session.settings.get('default_transaction_read_only') === 'on',
  );
  if (statement.isolation !== null) session.setLocal('transaction_isolation', statement.isolation);
  return command('BEGIN');
}

/** COMMIT and ROLLBACK; a warning outside a block. */
async function end(context: ExecutionContext, commit: boolean): Promise<Outcome> {
  const { session } = context;
  if (!session.transaction.inBlock) {
    await session.transaction.end(commit);
    session.notice({
      severity: 'WARNING',
      code: '25P01',
      message: 'there is no transaction in progress',
    });
    return command(commit ? 'COMMIT' : 'ROLLBACK');
  }
  let committed = false;
  try {
    committed = await session.transaction.end(commit);
  } finally {
    session.endBlock(committed);
  }
  return command(committed ? 'COMMIT' : 'ROLLBACK');
}
