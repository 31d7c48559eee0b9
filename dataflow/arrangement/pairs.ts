/** Making the flat result buffers of probes, scans and changes. */
import type { Pairs, Position } from './arrangement.ts';

/** Empty pairs of `capacity` entries. */
export function makePairs(capacity: number): Pairs {
  return {
    n: 0,
    capacity,
    row: new Int32Array(capacity),
    address: new Int32Array(capacity),
    weight: new Int32Array(capacity),
  };
}

/** A position at the start. */
export function startPosition(): Position {
  return { row: 0, slot: 0, inner: 0 };
}

/** Puts a position back to the start. */
export function rewind(position: Position): void {
  position.row = 0;
  position.slot = 0;
  position.inner = 0;
}
