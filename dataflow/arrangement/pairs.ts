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

/**
 * Values of rows of many columns that one piece may have; rows of few come as the pairs hold them.
 */
const valuesMax = 2 ** 15;
const rowsMin = 16;

/**
 * The same pairs, but so few that the rows of `columns` columns behind them are a small piece of
 * work.
 */
export function narrowed(pairs: Pairs, columns: number): Pairs {
  const few = Math.max(rowsMin, Math.floor(valuesMax / Math.max(columns, 1)));
  return { ...pairs, capacity: Math.min(pairs.capacity, few) };
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
