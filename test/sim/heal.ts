/**
 * What an operator does about views over the stream that say that the topic has lost records: each is
 * dropped and made anew, and is whole then. Runs while nobody else does anything.
 */
import type { SqlSession } from '../support/session-harness.ts';
import type { Bank } from './bank.ts';
import type { Ending, Shared } from './client.ts';
import { attempt } from './client.ts';
import type { Definer } from './definer.ts';
import { demand } from './history.ts';
import type { Machine } from './machine.ts';

/** Who has views over the stream. */
export interface Owners {
  readonly definer: Definer;
  readonly bank: Bank | null;
}

/** Reads each view over the stream alone; leaves all of them whole unless the machine is gone. */
export async function heal(
  machine: Machine,
  sql: SqlSession,
  shared: Shared,
  { definer, bank }: Owners,
): Promise<void> {
  const views = definer.views().filter(({ template }) => template.passing === true);
  for (const view of views) {
    const remake = (): Promise<Ending> => definer.remake(machine, sql, view);
    await healOne(machine, sql, shared, { name: view.name, remake });
  }
  if (bank !== null && machine.alive && (await bank.complete(machine, sql)) === 'done') {
    const remake = (): Promise<Ending> => bank.remake(machine, sql);
    await healOne(machine, sql, shared, { name: 'bank_topic', remake });
  }
}

async function healOne(
  machine: Machine,
  sql: SqlSession,
  shared: Shared,
  { name, remake }: { readonly name: string; readonly remake: () => Promise<Ending> },
): Promise<void> {
  if (!machine.alive) return;
  const { told } = shared.losses;
  const ending = await attempt(machine, sql, `SELECT * FROM ${name}`, shared);
  if (ending !== 'refused' || shared.losses.told === told) return;
  const made = await remake();
  if (made === 'gone') return;
  demand(made === 'done', () => `${name} cannot be made anew`);
  shared.marks.sometimes('view made anew after a loss');
}
