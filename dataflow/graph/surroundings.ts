/** What the engine lends to its dataflows and reads: one set per thread. */
import type { Arrangement } from '../arrangement/arrangement.ts';
import type { Scratch } from '../operators/scratch.ts';
import type { SlabPool } from '../value/slab.ts';
import type { ColumnType } from '../value/type.ts';
import type { Response } from './command.ts';
import type { Stops } from './stops.ts';

/** Counts whatever can change a frontier, so that answers about frontiers can be remembered. */
export interface Progress {
  version: number;
}

export interface Surroundings {
  readonly progress: Progress;
  readonly stops: Stops;
  readonly pool: SlabPool;
  readonly scratch: Scratch;
  /** Rows of an activation. */
  readonly rowsMax: number;
  /** Greatest step whose inputs are all applied. */
  complete(): number;
  /** Timestamp of a step in ms. */
  timeOf(step: number): number;
  arrangement(columns: readonly ColumnType[]): Arrangement;
  respond(response: Response): void;
}
