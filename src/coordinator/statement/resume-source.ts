/**
 * ALTER SOURCE … RESUME: a person accepts that records are lost, and the source goes on with what
 * its topics have. A notice says of each partition where it goes on.
 */
import { sqlError } from '../../base/error.ts';
import type { Statement } from '../../sql/ast.ts';
import type { Outcome } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';
import { findItem } from './naming.ts';

const tag = 'ALTER SOURCE';

/** Throws 42P01, 42809, 08001 if no broker answers. */
export async function resumeSource(
  context: ExecutionContext,
  { name, ifExists }: Extract<Statement, { kind: 'resumeSource' }>,
): Promise<Outcome> {
  context.session.transaction.refuseInBlock(tag);
  const notice = (message: string): void =>
    context.session.notice({ severity: 'NOTICE', code: '00000', message });
  const object = findItem(context, name);
  if (object === undefined) {
    const message = `source "${name.parts.join('.')}" does not exist`;
    if (!ifExists) throw sqlError('42P01', message, { position: name.position });
    notice(`${message}, skipping`);
    return command(tag);
  }
  const runtime = context.coordinator.sources().find(({ source }) => source.oid === object.oid);
  if (runtime === undefined) {
    throw sqlError('42809', `"${object.name}" does not read topics`, { position: name.position });
  }
  const given = await context.cancellation.race(runtime.resume());
  for (const text of given) notice(text);
  if (given.length === 0) notice(`source "${object.name}" has nothing to go past`);
  return command(tag);
}
