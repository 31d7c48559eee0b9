/**
 * CREATE SECRET and ALTER SECRET: texts that connections use and nobody can read again. A
 * connection asks for the value each time it connects, so that a new value counts from then on.
 */
import { limits } from '../../base/limits.ts';
import { sqlError } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { Outcome } from '../session.ts';
import { command } from './context.ts';
import type { ExecutionContext } from './context.ts';
import { findItem, newName, skipExisting } from './naming.ts';

/** Throws 54000 if the value is too long. */
function checked(value: string): string {
  if (Buffer.byteLength(value) > limits.secretBytesMax)
    throw sqlError('54000', `a secret has at most ${limits.secretBytesMax} bytes`);
  return value;
}

/** Throws 42P07, 3F000, 42704, 42809, 54000. */
export function setSecret(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'createSecret' | 'alterSecret' }>,
): Outcome {
  return statement.kind === 'createSecret'
    ? createSecret(context, statement)
    : alterSecret(context, statement);
}

function createSecret(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'createSecret' }>,
): Outcome {
  context.session.transaction.refuseInBlock('CREATE SECRET');
  const { catalog } = context.coordinator;
  const at = newName(context, statement.name);
  const value = checked(statement.value);
  if (!skipExisting(context, at, statement.ifNotExists))
    catalog.add({ kind: 'secret', oid: catalog.nextOid(), ...at, value });
  return command('CREATE SECRET');
}

function alterSecret(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'alterSecret' }>,
): Outcome {
  context.session.transaction.refuseInBlock('ALTER SECRET');
  const { name } = statement;
  const secret = findItem(context, name);
  if (secret === undefined) {
    const message = `secret "${name.parts.join('.')}" does not exist`;
    if (!statement.ifExists) throw sqlError('42704', message, { position: name.position });
    context.session.notice({ severity: 'NOTICE', code: '00000', message: `${message}, skipping` });
    return command('ALTER SECRET');
  }
  if (secret.kind !== 'secret')
    throw sqlError('42809', `"${secret.name}" is not a secret`, { position: name.position });
  context.coordinator.catalog.replace({ ...secret, value: checked(statement.value) });
  return command('ALTER SECRET');
}
