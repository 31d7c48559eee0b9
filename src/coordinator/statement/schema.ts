/** CREATE SCHEMA. */
import { sqlError } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { Outcome } from '../session.ts';
import { command } from './context.ts';
import type { ExecutionContext } from './context.ts';

/** Throws 42P06, 42939. */
export function createSchema(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'createSchema' }>,
): Outcome {
  const { catalog } = context.coordinator;
  context.session.transaction.refuseInBlock('CREATE SCHEMA');
  const name = statement.name.parts.at(-1) ?? '';
  if (name.startsWith('pg_')) {
    throw sqlError('42939', `unacceptable schema name "${name}"`, {
      detail: 'The prefix "pg_" is reserved for system schemas.',
      position: statement.name.position,
    });
  }
  if (catalog.hasSchema(name) && statement.ifNotExists) {
    context.session.notice({
      severity: 'NOTICE',
      code: '42P06',
      message: `schema "${name}" already exists, skipping`,
    });
    return command('CREATE SCHEMA');
  }
  catalog.add({ kind: 'schema', oid: catalog.nextOid(), name });
  return command('CREATE SCHEMA');
}
