/**
 * Goal: no wrong answers, whatever the query: random SQL over random data gives on the engine what
 * it gives on a real Postgres, as a one-off SELECT, as views made before and after the data, and as
 * the fold of a SUBSCRIBE, again after each batch of changes. Method: rounds of `fuzz.ts` from fixed
 * seeds; `MILLRACE_FUZZ_ROUNDS` runs more of them.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FuzzServers } from './fuzz.ts';
import { FuzzRound, startFuzz } from './fuzz.ts';

const rounds = Number(process.env['MILLRACE_FUZZ_ROUNDS'] ?? 12);
const seeds = Array.from({ length: rounds }, (_, i) => 1 + i);

let servers: FuzzServers & { stop(): Promise<void> };

beforeAll(async () => {
  servers = await startFuzz();
});

afterAll(async () => {
  await servers.stop();
});

it.each(seeds)('random queries and changes give what Postgres gives: seed %i', async (seed) => {
  const round = new FuzzRound(servers, seed);
  const differences = await round.run().catch((error: unknown) => {
    throw new Error(`a server did not survive ${round.asking}`, { cause: error });
  });
  expect(differences).toEqual([]);
  expect(round.compared).toBeGreaterThan(50);
});
