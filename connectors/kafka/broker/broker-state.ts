/** What all handlers of the embedded broker share. */
import type { Clock } from '../../../src/base/seam.ts';
import type { Faults } from './faults.ts';
import type { Groups } from './groups.ts';
import type { Topics } from './topic.ts';
import type { Transactions } from './transactions.ts';
import type { Waits } from './waits.ts';

/** The one node of the cluster. */
export const nodeId = 1;

/** See the head of this file. */
export interface BrokerState {
  readonly topics: Topics;
  readonly groups: Groups;
  readonly transactions: Transactions;
  readonly faults: Faults;
  readonly waits: Waits;
  readonly clock: Clock;
  /** Where clients are told to connect. */
  readonly address: { readonly host: string; port: number };
  /** Partitions of topics that a request for metadata creates; null creates none. */
  readonly autoCreate: number | null;
}
