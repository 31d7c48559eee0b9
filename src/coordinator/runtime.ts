/** What system relations ask of the running coordinator. */
import { defined } from '../base/assert.ts';
import type { Runtime } from '../catalog/system/relation.ts';
import type { Coordinator } from './coordinator.ts';
import type { SessionRegistry } from './session-registry.ts';
import { Settings } from './settings.ts';

const epochMilliseconds = 946_684_800_000;

/** The running coordinator as system relations see it. */
export function runtimeOf(coordinator: Coordinator, sessions: SessionRegistry): Runtime {
  return {
    sourceStatuses: () =>
      coordinator.sources().map(({ source, status }) => ({
        oid: source.oid,
        status: status.status,
        error: status.error,
        updated: BigInt(Math.round(status.since - epochMilliseconds)) * 1000n,
      })),
    sourceCounts: () =>
      coordinator.sources().map(({ source, counts }) => ({ oid: source.oid, ...counts })),
    sourceProgress: () =>
      coordinator.sources().flatMap((runtime) => {
        const ends = runtime.ends();
        const stalled = runtime.stalled();
        const live = [...runtime.bound].filter(([slot]) => !runtime.isRetired(slot));
        return live.map(([slot, offset]) => ({
          oid: runtime.source.oid,
          ...defined(runtime.places.get(slot), 'what is bound has its place'),
          offset,
          end: ends.get(slot) ?? offset,
          stalled: stalled.get(slot) ?? null,
        }));
      }),
    settings: () => new Settings().all(),
    sessions: () => sessions.list(),
  };
}
