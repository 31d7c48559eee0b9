/** CHECKPOINT: what is in memory goes to the disk, as Postgres' statement of the name. */
import type { Outcome } from '../session.ts';
import type { ExecutionContext } from './context.ts';
import { command } from './context.ts';

/**
 * Resolves when a checkpoint is on the disk that has everything that was there when the statement
 * began. Throws 55000 if the server keeps nothing, 53100 and 58030 as the log does.
 */
export async function checkpoint(context: ExecutionContext): Promise<Outcome> {
  await context.cancellation.race(context.coordinator.checkpoint());
  return command('CHECKPOINT');
}
