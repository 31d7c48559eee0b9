/**
 * PREPARE, EXECUTE, DEALLOCATE: SQL's own names for what the extended protocol does with messages.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import { resolveType } from '../../sql/types/type-name.ts';
import { planConstant } from '../planning.ts';
import { analyse } from './analyse.ts';
import { preparedNamed } from './analysed.ts';
import type { Outcome } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';

const preparable = new Set(['select', 'insert', 'update', 'delete', 'subscribe']);

/** PREPARE name AS statement. Throws 42P05. */
export function prepare(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'prepare' }>,
): Outcome {
  const { statements } = context.session;
  if (statements.has(statement.name)) {
    throw sqlError('42P05', `prepared statement "${statement.name}" already exists`);
  }
  if (!preparable.has(statement.statement.kind))
    throw unsupported(`PREPARE of ${statement.statement.kind}`, statement.position);
  const declared = statement.types.map((type) => resolveType(type).name);
  statements.set(statement.name, analyse(context, statement.statement, declared, statement.name));
  return command('PREPARE');
}

/** EXECUTE: runs the statement with the values of the arguments. */
export async function executePrepared(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'execute' }>,
): Promise<Outcome> {
  const prepared = preparedNamed(context, statement.name);
  if (statement.args.length !== prepared.parameters.length) {
    throw sqlError(
      '42601',
      `wrong number of parameters for prepared statement "${statement.name}"`,
      {
        detail: `Expected ${prepared.parameters.length} parameters but got ${statement.args.length}.`,
      },
    );
  }
  if (prepared.statement === null) return { kind: 'empty' };
  const values = statement.args.map((arg, i) =>
    planConstant(context, arg, prepared.parameters[i] ?? 'text', 'EXECUTE'),
  );
  return context.execute(
    { ...context, template: prepared.template, parameters: { types: prepared.parameters, values } },
    prepared.statement,
  );
}

/** DEALLOCATE name or ALL. Throws 26000. */
export function deallocate(
  context: ExecutionContext,
  statement: Extract<Statement, { kind: 'deallocate' }>,
): Outcome {
  const { statements } = context.session;
  if (statement.name === null) {
    statements.clear();
    return command('DEALLOCATE ALL');
  }
  if (!statements.delete(statement.name)) {
    throw sqlError('26000', `prepared statement "${statement.name}" does not exist`);
  }
  return command('DEALLOCATE');
}
