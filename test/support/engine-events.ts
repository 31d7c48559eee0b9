/** What an engine says beside its answers, for tests that do not listen. */
import type { EngineEvents } from '../../src/coordinator/engine-client.ts';

const none = (): void => undefined;

/** Passes over everything. */
export const unheard: EngineEvents = {
  complete: none,
  stopped: none,
  detached: none,
  awaits: none,
  nameOf: () => '',
  frontier: none,
  ingested: none,
  replayed: none,
  shared: none,
  checkpoint: none,
  crashed: none,
};
